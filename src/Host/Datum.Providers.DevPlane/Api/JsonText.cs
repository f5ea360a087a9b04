using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>Reads and writes JSON the way the real server does: integers up to 64 bits, everything else a double, the last of a repeated key wins.</summary>
internal static class JsonText
{
    private const int MaxDepth = 256;

    public static readonly JsonWriterOptions WriterOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
        MaxDepth = MaxDepth + 8,
    };

    /// <summary>Parses one value. <paramref name="duplicates"/> collects the paths of repeated keys when given.</summary>
    /// <exception cref="JsonException">The text isn't JSON.</exception>
    public static JsonNode? Parse(ReadOnlySpan<byte> utf8, List<string>? duplicates = null)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaxDepth });
        if (!reader.Read()) throw new JsonException("unexpected end of JSON input");
        var node = Read(ref reader, "", duplicates);
        if (reader.Read()) throw new JsonException("invalid character after top-level value");
        return node;
    }

    public static JsonObject ParseObject(ReadOnlySpan<byte> utf8) =>
        Parse(utf8) as JsonObject ?? throw new JsonException("not an object");

    /// <summary>Whether a value is nested more deeply than one that is read may be; looks without recursion.</summary>
    public static bool IsTooDeep(JsonNode node)
    {
        var open = new Stack<(JsonNode? Node, int Depth)>();
        open.Push((node, 1));
        while (open.TryPop(out var at))
        {
            if (at.Node is not (JsonObject or JsonArray)) continue;
            if (at.Depth > MaxDepth) return true;
            var children = at.Node is JsonObject map ? map.Select(m => m.Value) : (JsonArray)at.Node;
            foreach (var child in children) open.Push((child, at.Depth + 1));
        }

        return false;
    }

    public static byte[] Write(JsonNode node)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer, WriterOptions))
        {
            WriteTo(writer, node);
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Writes a node; floating numbers in Go's form.</summary>
    public static void WriteTo(Utf8JsonWriter writer, JsonNode? node)
    {
        switch (node)
        {
            case null:
                writer.WriteNullValue();
                break;
            case JsonObject map:
                writer.WriteStartObject();
                foreach (var (key, value) in map)
                {
                    writer.WritePropertyName(key);
                    WriteTo(writer, value);
                }

                writer.WriteEndObject();
                break;
            case JsonArray list:
                writer.WriteStartArray();
                foreach (var value in list) WriteTo(writer, value);
                writer.WriteEndArray();
                break;
            default:
                if (Double(node) is { } number) writer.WriteRawValue(GoNumbers.Json(number), skipInputValidation: true);
                else node.WriteTo(writer);
                break;
        }
    }

    /// <summary>A value as the real server prints it inside an error: strings quoted, the rest as JSON.</summary>
    public static string Show(JsonNode? value) => value is null ? "null" : Double(value) is { } number ? GoNumbers.Plain(number) : Encoding.UTF8.GetString(Write(value));

    /// <summary>The number where the value is one in floating form; whole numbers of 64 bits aren't.</summary>
    private static double? Double(JsonNode? node) => Int(node) is null ? Number(node) : null;

    public static string Quote(string text) => Encoding.UTF8.GetString(Write(JsonValue.Create(text)!));

    public static string? String(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    public static bool? Bool(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue<bool>(out var flag) ? flag : null;

    public static long? Int(JsonNode? node)
    {
        if (node is not JsonValue value) return null;
        if (value.TryGetValue<long>(out var whole)) return whole;
        if (value.TryGetValue<int>(out var small)) return small;
        return null;
    }

    public static double? Number(JsonNode? node)
    {
        if (Int(node) is { } whole) return whole;
        return node is JsonValue value && value.TryGetValue<double>(out var number) ? number : null;
    }

    /// <summary>The type name that schema errors use: object, array, string, integer, number, boolean or null.</summary>
    public static string TypeName(JsonNode? node) => node switch
    {
        null => "null",
        JsonObject => "object",
        JsonArray => "array",
        _ when String(node) is not null => "string",
        _ when Bool(node) is not null => "boolean",
        _ when IsInteger(node) => "integer",
        _ => "number",
    };

    public static bool IsInteger(JsonNode? node) =>
        Int(node) is not null || (Number(node) is { } number && GoNumbers.IsWhole(number));

    private static JsonNode? Read(ref Utf8JsonReader reader, string path, List<string>? duplicates)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return null;
            case JsonTokenType.True:
                return JsonValue.Create(true);
            case JsonTokenType.False:
                return JsonValue.Create(false);
            case JsonTokenType.String:
                return JsonValue.Create(reader.GetString());
            case JsonTokenType.Number:
                if (reader.TryGetInt64(out var whole)) return JsonValue.Create(whole);
                // What is too large for a double would be written as a word that nobody can read again.
                var real = reader.GetDouble();
                return double.IsFinite(real) ? JsonValue.Create(real) : throw new JsonException("a number is out of range");
            case JsonTokenType.StartArray:
                var array = new JsonArray();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    array.Add(Read(ref reader, duplicates is null ? "" : $"{path}[{array.Count.ToString(CultureInfo.InvariantCulture)}]", duplicates));
                }

                return array;
            case JsonTokenType.StartObject:
                var result = new JsonObject();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var key = reader.GetString()!;
                    var inner = duplicates is null ? "" : path.Length == 0 ? key : path + "." + key;
                    if (duplicates is not null && result.ContainsKey(key) && !duplicates.Contains(inner)) duplicates.Add(inner);
                    reader.Read();
                    result[key] = Read(ref reader, inner, duplicates);
                }

                return result;
            default:
                throw new JsonException("unexpected token " + reader.TokenType);
        }
    }
}
