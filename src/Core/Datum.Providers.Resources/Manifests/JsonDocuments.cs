using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Datum.Providers.Resources.Manifests;

/// <summary>Reads JSON, one value after the other. YAML would take most of it too, but not tabs as indentation.</summary>
internal static class JsonDocuments
{
    /// <exception cref="ManifestSyntaxException">It isn't JSON.</exception>
    public static List<ManifestDocument> Read(string file, ReadOnlySpan<byte> utf8)
    {
        var starts = new List<int> { 0 };
        for (var i = 0; i < utf8.Length; i++)
        {
            if (utf8[i] == '\n') starts.Add(i + 1);
        }

        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { AllowMultipleValues = true, MaxDepth = ManifestLimits.Depth });
        var documents = new List<ManifestDocument>();
        try
        {
            while (reader.Read())
            {
                var document = new ManifestDocument(file, documents.Count + 1, LineAt(starts, reader.TokenStartIndex));
                document.Value = Value(ref reader, document, starts, "");
                documents.Add(document);
            }
        }
        catch (JsonException error)
        {
            throw new ManifestSyntaxException((int)(error.LineNumber ?? 0) + 1, $"not JSON at column {((error.BytePositionInLine ?? 0) + 1).ToString(CultureInfo.InvariantCulture)}: {Sentence(error.Message)}");
        }

        catch (InvalidOperationException)
        {
            // Half of a surrogate pair.
            throw new ManifestSyntaxException(LineAt(starts, reader.TokenStartIndex), "a text holds an escape that isn't a character");
        }

        return documents;
    }

    private static JsonNode? Value(ref Utf8JsonReader reader, ManifestDocument document, List<int> starts, string path)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var members = new JsonObject();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var key = reader.GetString()!;
                    var added = document.TryAdd(members, path, key, LineAt(starts, reader.TokenStartIndex));
                    reader.Read();
                    var value = Value(ref reader, document, starts, $"{path}.{key}");
                    if (added) members[key] = value;
                }

                return members;
            case JsonTokenType.StartArray:
                var items = new JsonArray();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    var at = $"{path}[{items.Count.ToString(CultureInfo.InvariantCulture)}]";
                    document.Lines[at] = LineAt(starts, reader.TokenStartIndex);
                    items.Add(Value(ref reader, document, starts, at));
                }

                return items;
            case JsonTokenType.String:
                return JsonValue.Create(reader.GetString());
            case JsonTokenType.Number:
                if (reader.TryGetInt64(out var whole)) return JsonValue.Create(whole);
                var real = reader.GetDouble();
                return double.IsFinite(real) ? JsonValue.Create(real) : throw new ManifestSyntaxException(LineAt(starts, reader.TokenStartIndex), "a number is out of range");
            case JsonTokenType.True:
                return JsonValue.Create(true);
            case JsonTokenType.False:
                return JsonValue.Create(false);
            default:
                return null;
        }
    }

    private static int LineAt(List<int> starts, long offset)
    {
        var found = starts.BinarySearch((int)offset);
        return found >= 0 ? found + 1 : ~found;
    }

    /// <summary>The reader appends its own place, which the error has already.</summary>
    private static string Sentence(string message)
    {
        var place = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return (place < 0 ? message : message[..place]).TrimEnd('.');
    }
}
