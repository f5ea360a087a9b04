using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Datum.Providers.DevPlane;

/// <summary>Request bodies: JSON, and YAML for clients that send manifests as they are.</summary>
internal static class Bodies
{
    private const int MaxYamlDepth = 128;
    private const int MaxYamlValues = 500_000;

    public static void CheckType(string? contentType)
    {
        if (Negotiation.MediaType(contentType) is "" or Negotiation.Json or "application/yaml" or "application/x-yaml" or "text/yaml") return;
        throw ApiError.Unsupported("the body of the request was in an unknown format - accepted media types include: application/json, application/yaml"
            + (Negotiation.MediaType(contentType) == "application/vnd.kubernetes.protobuf" ? " (this plane speaks no protobuf; send a manifest with kubectl apply -f or kubectl create -f)" : ""));
    }

    public static (JsonObject Body, IReadOnlyList<string> Duplicates) ReadObject(string? contentType, byte[] bytes, ResourceKind kind)
    {
        var duplicates = new List<string>();
        JsonNode? parsed;
        try
        {
            if (bytes.Length == 0) throw new JsonException("unexpected end of JSON input");
            parsed = Parse(contentType, bytes, duplicates);
        }
        catch (JsonException e)
        {
            throw Unrecognized(kind, "couldn't get version/kind; json parse error: " + e.Message, bytes);
        }

        if (parsed is not JsonObject body)
        {
            throw Unrecognized(kind, $"couldn't get version/kind; json parse error: json: cannot unmarshal {JsonText.TypeName(parsed)} into an object", bytes);
        }

        if (string.IsNullOrEmpty(JsonText.String(body["kind"]))) throw Unrecognized(kind, $"Object 'Kind' is missing in '{Encoding.UTF8.GetString(bytes)}'", bytes);
        return (body, duplicates);
    }

    /// <exception cref="JsonException">The body can't be read.</exception>
    public static JsonNode? Parse(string? contentType, byte[] bytes, List<string>? duplicates)
    {
        if (Negotiation.MediaType(contentType) is "" or Negotiation.Json) return JsonText.Parse(bytes, duplicates);
        try
        {
            CheckDepth(bytes);
            var stream = new YamlStream();
            using var reader = new StreamReader(new MemoryStream(bytes), Encoding.UTF8);
            stream.Load(reader);
            var values = 0;
            return stream.Documents.Count == 1 ? Convert(stream.Documents[0].RootNode, 0, ref values) : throw new JsonException("the body must be one YAML document");
        }
        catch (YamlException e)
        {
            throw new JsonException("yaml: " + e.Message, e);
        }
    }

    /// <summary>Looks at the events alone: the reader of documents recurses, and a stack that is full ends the process.</summary>
    private static void CheckDepth(byte[] bytes)
    {
        using var reader = new StreamReader(new MemoryStream(bytes), Encoding.UTF8);
        var parser = new Parser(reader);
        var depth = 0;
        while (parser.MoveNext())
        {
            depth += parser.Current!.NestingIncrease;
            if (depth > MaxYamlDepth) throw new JsonException("the body is nested too deeply");
        }
    }

    private static JsonNode? Convert(YamlNode node, int depth, ref int values)
    {
        // An alias stands for all that its anchor holds.
        if (++values > MaxYamlValues) throw new JsonException("the body stands for too many values");
        if (depth > MaxYamlDepth) throw new JsonException("the body is nested too deeply");
        switch (node)
        {
            case YamlMappingNode map:
                var result = new JsonObject();
                foreach (var (key, value) in map.Children) result[Key(key)] = Convert(value, depth + 1, ref values);
                return result;
            case YamlSequenceNode list:
                var items = new JsonArray();
                foreach (var item in list) items.Add(Convert(item, depth + 1, ref values));
                return items;
            case YamlScalarNode { Style: ScalarStyle.Plain } plain:
                return Scalar(plain.Value ?? "");
            case YamlScalarNode quoted:
                return JsonValue.Create(quoted.Value);
            default:
                throw new JsonException("unsupported YAML node");
        }
    }

    private static string Key(YamlNode key)
    {
        if (key is not YamlScalarNode scalar) throw new JsonException("a key must be a plain value");
        return scalar.Style == ScalarStyle.Plain && Scalar(scalar.Value ?? "") is { } value && JsonText.Bool(value) is { } flag ? (flag ? "true" : "false") : scalar.Value ?? "";
    }

    private static JsonValue? Scalar(string text)
    {
        if (text is "" or "~" or "null" or "Null" or "NULL") return null;
        // YAML 1.1, as kubectl and the real server read it.
        if (text is "true" or "True" or "TRUE" or "y" or "Y" or "yes" or "Yes" or "YES" or "on" or "On" or "ON") return JsonValue.Create(true);
        if (text is "false" or "False" or "FALSE" or "n" or "N" or "no" or "No" or "NO" or "off" or "Off" or "OFF") return JsonValue.Create(false);
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)) return JsonValue.Create(whole);
        if (char.IsAsciiDigit(text[^1]) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)) return JsonValue.Create(number);
        return JsonValue.Create(text);
    }

    private static ApiError Unrecognized(ResourceKind kind, string why, byte[] bytes)
    {
        // Secrets never reach an error: the body is quoted for other kinds only.
        if (kind.Resource == BuiltInKinds.Secrets) return ApiError.BadRequest($"the object provided is unrecognized (must be of type {kind.Kind})");
        var text = Encoding.UTF8.GetString(bytes);
        var shown = text.Length == 0 ? "<empty>" : text.Length > 30 ? text[..30] + " ..." : text;
        return ApiError.BadRequest($"the object provided is unrecognized (must be of type {kind.Kind}): {why} ({shown})");
    }
}
