using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Datum.Providers.Kubernetes;

/// <summary>YAML documents as JSON, with the scalars that kubectl reads them as. JSON is YAML too.</summary>
public static class YamlJson
{
    /// <summary>Aliases may repeat a node, so that a small text can stand for an endless one.</summary>
    private const int MaxNodes = 500_000;

    /// <summary>Every document that isn't empty.</summary>
    /// <exception cref="FormatException">It isn't YAML, or uses something that JSON can't say.</exception>
    public static IReadOnlyList<JsonNode> Parse(ReadOnlyMemory<byte> utf8)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(Encoding.UTF8.GetString(utf8.Span)));
        }
        catch (YamlException error)
        {
            throw new FormatException($"Line {error.Start.Line}, column {error.Start.Column}: {error.Message}", error);
        }
        var nodes = 0;
        var documents = new List<JsonNode>();
        foreach (var document in stream.Documents)
        {
            if (Convert(document.RootNode, ref nodes) is { } node)
                documents.Add(node);
        }
        return documents;
    }

    private static JsonNode? Convert(YamlNode node, ref int nodes)
    {
        if (++nodes > MaxNodes)
            throw new FormatException($"The text stands for more than {MaxNodes} values.");
        switch (node)
        {
            case YamlMappingNode mapping:
                var result = new JsonObject();
                foreach (var (key, value) in mapping.Children)
                {
                    if (key is not YamlScalarNode { Value: { } name })
                        throw new FormatException($"Line {key.Start.Line}: a key must be a string.");
                    if (name == "<<")
                        throw new FormatException($"Line {key.Start.Line}: merge keys (<<) are not supported; write the members out.");
                    result[name] = Convert(value, ref nodes);
                }
                return result;
            case YamlSequenceNode sequence:
                var items = new JsonArray();
                foreach (var item in sequence.Children)
                    items.Add(Convert(item, ref nodes));
                return items;
            case YamlScalarNode scalar:
                return Scalar(scalar);
            default:
                throw new FormatException($"Line {node.Start.Line}: {node.NodeType} can't be written as JSON.");
        }
    }

    private static JsonValue? Scalar(YamlScalarNode scalar)
    {
        var text = scalar.Value ?? "";
        return scalar.Style is ScalarStyle.Plain or ScalarStyle.Any ? PlainScalar(text) : JsonValue.Create(text);
    }

    /// <summary>The value of a scalar without quotes and tag: null, a boolean, a number or a string.</summary>
    public static JsonValue? PlainScalar(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return null;
            case "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON":
                return JsonValue.Create(true);
            case "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF":
                return JsonValue.Create(false);
            default:
                break;
        }
        if (text[0] is not ((>= '0' and <= '9') or '-' or '+' or '.'))
            return JsonValue.Create(text);
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) && !HasLeadingZero(text))
            return JsonValue.Create(whole);
        if (text.StartsWith("0x", StringComparison.Ordinal) && long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex))
            return JsonValue.Create(hex);
        if (text.StartsWith('0') && text.Length > 1 && text.AsSpan(1).IndexOfAnyExceptInRange('0', '7') < 0)
            return JsonValue.Create(System.Convert.ToInt64(text, 8));
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real) && text.AsSpan().IndexOfAnyInRange('0', '9') >= 0 && !HasLeadingZero(text))
            return JsonValue.Create(real);
        return JsonValue.Create(text);
    }

    private static bool HasLeadingZero(string text)
    {
        var digits = text.TrimStart('-', '+');
        return digits.Length > 1 && digits[0] == '0' && char.IsAsciiDigit(digits[1]);
    }
}
