using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Datum.Providers.Kubernetes;

/// <summary>YAML documents as JSON, with the scalars that kubectl reads them as. JSON is YAML too.</summary>
public static partial class YamlJson
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

    /// <summary>A part of a document.</summary>
    internal static JsonNode? Parse(YamlNode node)
    {
        var nodes = 0;
        return Convert(node, ref nodes);
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
                    result[key is YamlScalarNode { Style: ScalarStyle.Plain } ? PlainKey(name) : name] = Convert(value, ref nodes);
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
            case "y" or "Y" or "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON":
                return JsonValue.Create(true);
            case "n" or "N" or "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF":
                return JsonValue.Create(false);
            default:
                return Number(text) ?? JsonValue.Create(text);
        }
    }

    /// <summary>A key without quotes: a boolean or a number becomes the text of its value, as in kubectl.</summary>
    public static string PlainKey(string text) => PlainScalar(text)?.ToString() switch
    {
        null => text,
        "True" => "true",
        "False" => "false",
        var value => value,
    };

    /// <summary>Numbers as kubectl's reader has them: YAML 1.1 with Go's prefixes, underscores between digits.</summary>
    private static JsonValue? Number(string text)
    {
        if (text[0] is not ((>= '0' and <= '9') or '-' or '+' or '.'))
            return null;
        var plain = text.Replace("_", "", StringComparison.Ordinal);
        if (Whole(plain) is { } whole)
            return whole;
        // Infinity is no JSON; what is too large for a double stays a text.
        return Real().IsMatch(plain) && double.TryParse(plain, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real)
            ? JsonValue.Create(real) : null;
    }

    private static JsonValue? Whole(string text)
    {
        var digits = text.AsSpan(text[0] is '-' or '+' ? 1 : 0);
        var (radix, prefix) = digits switch
        {
            ['0', 'x' or 'X', ..] => (16, 2),
            ['0', 'b' or 'B', ..] => (2, 2),
            ['0', 'o' or 'O', ..] => (8, 2),
            ['0', _, ..] => (8, 1),
            _ => (10, 0),
        };
        digits = digits[prefix..];
        if (digits.IsEmpty)
            return null;
        UInt128 value = 0;
        foreach (var c in digits)
        {
            var digit = char.IsAsciiHexDigit(c) ? System.Convert.ToInt32(c.ToString(), 16) : 99;
            if (digit >= radix)
                return null;
            value = value * (uint)radix + (uint)digit;
            if (value > ulong.MaxValue)
                return null;
        }
        if (text[0] == '-')
            return value <= (UInt128)long.MaxValue + 1 ? JsonValue.Create((long)-(Int128)value) : null;
        // What is larger goes on as a real, as it does on its way to a server.
        return value <= (UInt128)long.MaxValue ? JsonValue.Create((long)value) : null;
    }

    [GeneratedRegex(@"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\z")]
    private static partial Regex Real();
}
