using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Datum.Providers.Resources.Manifests;

/// <summary>
/// Reads manifest files as kubectl does (YAML documents, JSON, lists), and stricter where kubectl is silent: a repeated key is an error.
/// Every error names file and line. Nothing is thrown for what stands in a file.
/// </summary>
public static class ManifestReader
{
    /// <param name="file">The name for messages.</param>
    /// <param name="content">The file's bytes; UTF-8, with or without a byte order mark, 16 MiB at most.</param>
    public static ManifestFile Read(string file, ReadOnlyMemory<byte> content)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        var objects = ImmutableArray.CreateBuilder<Manifest>();
        var errors = ImmutableArray.CreateBuilder<ManifestError>();
        if (TryDecode(file, content.Span, out var text, errors))
        {
            try
            {
                foreach (var document in Documents(file, text)) Take(file, document, objects, errors);
            }
            catch (ManifestSyntaxException error)
            {
                errors.Add(new ManifestError(file, error.Line, 0, error.Message));
            }
        }

        return new ManifestFile(objects.ToImmutable(), errors.ToImmutable());
    }

    private static IEnumerable<ManifestDocument> Documents(string file, string text)
    {
        var start = text.AsSpan().TrimStart();
        if (start.IsEmpty || start[0] != '{') return new YamlDocuments(file, text).Read();
        try
        {
            return JsonDocuments.Read(file, Encoding.UTF8.GetBytes(text));
        }
        catch (ManifestSyntaxException) when (!start[1..].TrimStart().StartsWith("\"", StringComparison.Ordinal) || text.Contains("\n---", StringComparison.Ordinal))
        {
            // A mapping in braces, or JSON followed by documents of YAML.
            return new YamlDocuments(file, text).Read();
        }
    }

    private static void Take(
        string file, ManifestDocument document, ImmutableArray<Manifest>.Builder objects, ImmutableArray<ManifestError>.Builder errors)
    {
        if (document.Errors.Count == 0) Expand(file, document, document.Value, "", null, null, objects);
        errors.AddRange(document.Errors);
    }

    private static void Expand(
        string file, ManifestDocument document, JsonNode? node, string root, int? item, (string ApiVersion, string Kind)? inherited, ImmutableArray<Manifest>.Builder objects)
    {
        var where = $"document {document.Number.ToString(CultureInfo.InvariantCulture)}{(item is { } i ? $", item {i.ToString(CultureInfo.InvariantCulture)}," : "")}";
        var line = root.Length == 0 ? document.Lines.GetValueOrDefault("", document.Line) : document.Lines.GetValueOrDefault(root, document.Line);
        if (node is not JsonObject json)
        {
            document.Error(line, $"{where} is no object: it needs apiVersion, kind and metadata");
            return;
        }

        if (inherited is { } list && !json.ContainsKey("apiVersion") && !json.ContainsKey("kind"))
        {
            // The items of a typed list may leave both out; the real client fills them in the same way.
            json["apiVersion"] = list.ApiVersion;
            json["kind"] = list.Kind;
        }

        var kind = Word(document, json, root, "kind", where, line);
        var apiVersion = Word(document, json, root, "apiVersion", where, line);
        if (kind is null || apiVersion is null) return;
        if (kind.EndsWith("List", StringComparison.Ordinal) && json["items"] is JsonArray items)
        {
            (string, string)? of = kind.Length > 4 ? (apiVersion, kind[..^4]) : null;
            for (var n = 0; n < items.Count; n++)
            {
                Expand(file, document, items[n], $"{root}.items[{n.ToString(CultureInfo.InvariantCulture)}]", n, of, objects);
            }

            return;
        }

        objects.Add(new Manifest
        {
            File = file,
            Document = document.Number,
            Item = item,
            Line = line,
            ApiVersion = apiVersion,
            Kind = kind,
            Json = item is null ? json : (JsonObject)json.DeepClone(),
            Lines = document.Lines,
            Root = root,
        });
    }

    /// <summary>The value of apiVersion or kind; null after an error that says which line to write.</summary>
    private static string? Word(ManifestDocument document, JsonObject json, string root, string member, string where, int line)
    {
        if (json.TryGetPropertyValue(member, out var value) && value is not null)
        {
            if (value is JsonValue plain && plain.TryGetValue<string>(out var text) && text.Length > 0) return text;
            document.Error(document.Lines.GetValueOrDefault($"{root}.{member}", line), $"{where} has the {member} {value.ToJsonString()}; it must be a string that isn't empty");
            return null;
        }

        var alike = json.Select(m => m.Key).FirstOrDefault(k => k.Equals(member, StringComparison.OrdinalIgnoreCase) && k != member);
        if (alike is not null)
        {
            document.Error(document.Lines.GetValueOrDefault($"{root}.{alike}", line), $"{where} has no {member}; the key \"{alike}\" must be written {member}");
        }
        else
        {
            document.Error(line, $"{where} has no {member}{Hint(member, json)}");
        }

        return null;
    }

    private static string Hint(string member, JsonObject json)
    {
        if (member == "apiVersion")
        {
            var kind = json["kind"] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
            if (kind is null) return "; add the lines `apiVersion: GROUP/VERSION` and `kind: KIND`";
            var known = KnownKinds.ApiVersionsOf(kind);
            return known.Count == 0
                ? $"; for kind {kind} add the line `apiVersion: GROUP/VERSION`"
                : $"; for kind {kind} add the line {string.Join(" or ", known.Select(v => $"`apiVersion: {v}`"))}";
        }

        var apiVersion = json["apiVersion"] is JsonValue given && given.TryGetValue<string>(out var version) ? version : null;
        var kinds = apiVersion is null ? [] : KnownKinds.KindsOf(apiVersion);
        return kinds.Count == 0 ? "; add the line `kind: KIND`" : $"; add the line `kind: KIND`, {apiVersion} has {string.Join(", ", kinds)}";
    }

    private static bool TryDecode(string file, ReadOnlySpan<byte> content, out string text, ImmutableArray<ManifestError>.Builder errors)
    {
        text = "";
        if (content.Length > ManifestLimits.Bytes)
        {
            errors.Add(new ManifestError(file, 1, 0, $"the file has more than {ManifestLimits.Bytes >> 20} MiB"));
            return false;
        }

        if (content is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
        {
            errors.Add(new ManifestError(file, 1, 0, "the file is UTF-16; save it as UTF-8"));
            return false;
        }

        if (content is [0xEF, 0xBB, 0xBF, ..]) content = content[3..];
        var line = 1;
        for (var rest = content; !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf8(rest, out var rune, out var length) != System.Buffers.OperationStatus.Done)
            {
                errors.Add(new ManifestError(file, line, 0, $"the byte 0x{rest[0]:X2} isn't UTF-8; save the file as UTF-8"));
                return false;
            }

            if (rune.Value == '\n') line++;
            if (rune.Value == 0)
            {
                errors.Add(new ManifestError(file, line, 0, "the file holds a zero byte; it is no text"));
                return false;
            }

            rest = rest[length..];
        }

        text = Encoding.UTF8.GetString(content);
        return true;
    }
}
