using System.Text.Json;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Datum.Providers.Host.Cli;

/// <summary>JSON as YAML for people.</summary>
internal static class YamlText
{
    /// <summary>The documents, separated by <c>---</c>, ending with a line break.</summary>
    public static string Of(params ReadOnlySpan<JsonObject> documents)
    {
        List<string> texts = [];
        foreach (var document in documents)
        {
            using var writer = new StringWriter { NewLine = "\n" };
            var emitter = new Emitter(writer, EmitterSettings.Default.WithBestWidth(int.MaxValue));
            emitter.Emit(new StreamStart());
            emitter.Emit(new DocumentStart(null, null, isImplicit: true));
            Emit(emitter, Node(document));
            emitter.Emit(new DocumentEnd(isImplicit: true));
            emitter.Emit(new StreamEnd());
            texts.Add(writer.ToString().ReplaceLineEndings("\n").TrimEnd('\n') + "\n");
        }

        return string.Join("---\n", texts);
    }

    private static void Emit(Emitter emitter, YamlNode node)
    {
        switch (node)
        {
            case YamlMappingNode map:
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, isImplicit: true, map.Children.Count == 0 ? MappingStyle.Flow : MappingStyle.Block));
                foreach (var (key, value) in map.Children)
                {
                    Emit(emitter, key);
                    Emit(emitter, value);
                }

                emitter.Emit(new MappingEnd());
                break;
            case YamlSequenceNode list:
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, isImplicit: true, list.Children.Count == 0 ? SequenceStyle.Flow : SequenceStyle.Block));
                foreach (var item in list.Children)
                    Emit(emitter, item);
                emitter.Emit(new SequenceEnd());
                break;
            case YamlScalarNode scalar:
                emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, scalar.Value ?? "null", scalar.Style, isPlainImplicit: true, isQuotedImplicit: true));
                break;
            default:
                throw new InvalidOperationException($"JSON has no {node.NodeType}.");
        }
    }

    private static YamlNode Node(JsonNode? node) => node switch
    {
        JsonObject map => new YamlMappingNode(map.SelectMany(m => (YamlNode[])[Text(m.Key), Node(m.Value)])),
        JsonArray list => new YamlSequenceNode(list.Select(Node)),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => Text(value.GetValue<string>()),
        null => new YamlScalarNode("null"),
        _ => new YamlScalarNode(node.ToJsonString()),
    };

    // Words that would read as something else than text are quoted; so is whatever isn't plainly a word.
    private static YamlScalarNode Text(string text) => new(text)
    {
        Style = text.Length > 0 && char.IsAsciiLetter(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or '/')
            && text.ToLowerInvariant() is not ("true" or "false" or "yes" or "no" or "on" or "off" or "y" or "n" or "null") ? ScalarStyle.Plain : ScalarStyle.DoubleQuoted,
    };
}
