using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Datum.Providers.Resources.Manifests;

/// <summary>Reads YAML event by event, so that every member keeps its line and a repeated key its place.</summary>
internal sealed class YamlDocuments(string file, string text)
{
    private readonly Parser parser = new(new StringReader(text));
    private readonly Dictionary<string, JsonNode?> anchors = new(StringComparer.Ordinal);
    private int nodes;
    private ManifestDocument document = null!;

    /// <summary>Every document that isn't empty.</summary>
    /// <exception cref="ManifestSyntaxException">The rest of the text can't be read; documents before it were delivered.</exception>
    public IEnumerable<ManifestDocument> Read()
    {
        var number = 0;
        Next();
        while (Next() is DocumentStart)
        {
            anchors.Clear();
            var root = Next();
            document = new ManifestDocument(file, number + 1, Line(root));
            document.Value = Node(root, "", 0);
            if (document.Value is JsonObject)
            {
                var first = document.Lines.Values.DefaultIfEmpty(document.Line).Min();
                document.Lines[""] = first;
            }

            if (Next() is not DocumentEnd) throw new ManifestSyntaxException(Line(parser.Current!), "a document ends where none should");
            if (document.Value is null && document.Errors.Count == 0) continue;
            number++;
            yield return document;
        }
    }

    private ParsingEvent Next()
    {
        try
        {
            while (parser.MoveNext())
            {
                if (parser.Current is not Comment) return parser.Current!;
            }
        }
        catch (YamlException error)
        {
            throw Explain(error);
        }

        throw new ManifestSyntaxException(1, "the text ends within a document");
    }

    private ManifestSyntaxException Explain(YamlException error)
    {
        // The scanner names the place where the block began; the tab stands at or below it.
        var lines = text.Split('\n');
        var last = error.Message.Contains(" tab", StringComparison.Ordinal) ? lines.Length : error.End.Line;
        for (var at = Math.Max(1, error.Start.Line); at <= Math.Min(last, lines.Length); at++)
        {
            var line = lines[at - 1];
            if (line[..(line.Length - line.TrimStart().Length)].Contains('\t', StringComparison.Ordinal))
            {
                return new ManifestSyntaxException((int)at, "the line is indented with a tab; YAML takes blanks only");
            }
        }

        var message = error.Message.ReplaceLineEndings(" ").TrimEnd('.');
        return new ManifestSyntaxException((int)Math.Max(1, error.Start.Line), $"not YAML at column {error.Start.Column.ToString(CultureInfo.InvariantCulture)}: {message}");
    }

    private JsonNode? Node(ParsingEvent start, string path, int depth)
    {
        CheckDepth(depth, start);
        Count(1, start);
        switch (start)
        {
            case AnchorAlias alias:
                if (!anchors.TryGetValue(alias.Value.Value, out var known)) throw new ManifestSyntaxException(Line(alias), $"there is no anchor &{alias.Value.Value} before this alias");
                var (size, height) = Measure(known);
                Count(size, start);
                // Aliases within aliases could nest deeper than any line shows.
                CheckDepth(depth + height, start);
                return known?.DeepClone();
            case Scalar scalar:
                return Anchored(scalar, Value(scalar));
            case SequenceStart sequence:
                return Anchored(sequence, Sequence(sequence, path, depth));
            case MappingStart mapping:
                return Anchored(mapping, Mapping(mapping, path, depth));
            default:
                throw new ManifestSyntaxException(Line(start), "a value is missing");
        }
    }

    private JsonArray Sequence(SequenceStart start, string path, int depth)
    {
        CheckTag(start.Tag, "seq", start);
        var items = new JsonArray();
        while (Next() is var item and not SequenceEnd)
        {
            var at = $"{path}[{items.Count.ToString(CultureInfo.InvariantCulture)}]";
            document.Lines[at] = Line(item);
            items.Add(Node(item, at, depth + 1));
        }

        return items;
    }

    private JsonObject Mapping(MappingStart start, string path, int depth)
    {
        CheckTag(start.Tag, "map", start);
        var result = new JsonObject();
        List<JsonNode?>? merged = null;
        while (Next() is var key and not MappingEnd)
        {
            if (key is not Scalar name) throw new ManifestSyntaxException(Line(key), "a key must be a string");
            if (name is { Value: "<<", Style: ScalarStyle.Plain })
            {
                (merged ??= []).Add(Node(Next(), path + ".<<", depth + 1));
                continue;
            }

            var added = document.TryAdd(result, path, name.Value, Line(name));
            var value = Node(Next(), $"{path}.{name.Value}", depth + 1);
            if (added) result[name.Value] = value;
        }

        foreach (var source in merged ?? []) Merge(result, source, start);
        return result;
    }

    /// <summary>A merge key: members of the other mapping where this one has none.</summary>
    private static void Merge(JsonObject target, JsonNode? source, MappingStart start)
    {
        switch (source)
        {
            case JsonObject members:
                foreach (var (key, value) in members)
                {
                    if (!target.ContainsKey(key)) target[key] = value?.DeepClone();
                }

                break;
            case JsonArray many when many.All(m => m is JsonObject):
                foreach (var one in many) Merge(target, one, start);
                break;
            default:
                throw new ManifestSyntaxException(Line(start), "a merge key (<<) takes a mapping or a list of mappings");
        }
    }

    private static JsonValue? Value(Scalar scalar)
    {
        var tag = scalar.Tag.IsEmpty || scalar.Tag.IsNonSpecific ? "" : scalar.Tag.Value;
        if (tag.Length > 0)
        {
            switch (tag.Replace("tag:yaml.org,2002:", "", StringComparison.Ordinal))
            {
                case "str":
                    return JsonValue.Create(scalar.Value);
                case "int" or "float" or "bool" or "null":
                    return YamlJson.PlainScalar(scalar.Value);
                case "binary":
                    return Binary(scalar);
                default:
                    throw new ManifestSyntaxException(Line(scalar), $"the tag {tag} has no meaning in JSON");
            }
        }

        return scalar.Style is ScalarStyle.Plain && !scalar.Tag.IsNonSpecific ? YamlJson.PlainScalar(scalar.Value) : JsonValue.Create(scalar.Value);
    }

    private static JsonValue Binary(Scalar scalar)
    {
        try
        {
            return JsonValue.Create(new UTF8Encoding(false, true).GetString(Convert.FromBase64String(scalar.Value)));
        }
        catch (Exception e) when (e is FormatException or DecoderFallbackException)
        {
            throw new ManifestSyntaxException(Line(scalar), "the !!binary value isn't base64 of a text");
        }
    }

    private JsonNode? Anchored(NodeEvent start, JsonNode? value)
    {
        if (!start.Anchor.IsEmpty) anchors[start.Anchor.Value] = value;
        return value;
    }

    private static void CheckTag(TagName tag, string wanted, ParsingEvent at)
    {
        if (tag.IsEmpty || tag.IsNonSpecific || tag.Value == "tag:yaml.org,2002:" + wanted) return;
        throw new ManifestSyntaxException(Line(at), $"the tag {tag.Value} has no meaning in JSON");
    }

    private void Count(int more, ParsingEvent at)
    {
        nodes += more;
        if (nodes > ManifestLimits.Nodes) throw new ManifestSyntaxException(Line(at), $"the text stands for more than {ManifestLimits.Nodes.ToString(CultureInfo.InvariantCulture)} values");
    }

    private static void CheckDepth(int depth, ParsingEvent at)
    {
        if (depth > ManifestLimits.Depth) throw new ManifestSyntaxException(Line(at), $"the text is nested deeper than {ManifestLimits.Depth.ToString(CultureInfo.InvariantCulture)} levels");
    }

    private static (int Size, int Height) Measure(JsonNode? node)
    {
        var (size, height) = (1, 0);
        var children = node switch { JsonObject members => members.Select(m => m.Value), JsonArray items => items, _ => [] };
        foreach (var child in children)
        {
            var inner = Measure(child);
            size += inner.Size;
            height = Math.Max(height, inner.Height + 1);
        }

        return (size, height);
    }

    private static int Line(ParsingEvent at) => (int)Math.Max(1, at.Start.Line);
}
