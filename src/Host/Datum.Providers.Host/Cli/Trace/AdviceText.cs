using System.Text;
using Datum.Providers.Resources;

namespace Datum.Providers.Host.Cli.Trace;

/// <summary>Fills the names into an advice. What a node doesn't know, the nodes above it may.</summary>
internal static class AdviceText
{
    public static string Fill(AdviceRow advice, TraceNode node, IReadOnlyList<TraceNode> path, params ReadOnlySpan<(string Name, string Value)> more)
    {
        var facts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var step in path)
            foreach (var (name, value) in step.Facts)
                facts[name] = value;
        facts["object"] = node.Key;
        facts["reason"] = node.Reason;
        if (node.Message.Length > 0)
            facts["message"] = Trim(node.Message);
        if (!facts.ContainsKey("wish"))
            facts["wish"] = facts.GetValueOrDefault("workload") ?? node.Key;
        facts.TryAdd("field", node.Message.Length > 0 ? Trim(node.Message) : node.Reason);
        facts.TryAdd("owner", node.Key);
        if (!facts.ContainsKey("platform") && node.Message.Length > 0)
            facts["platform"] = Trim(node.Message);
        foreach (var (name, value) in more)
            facts[name] = TraceNode.Clean(value);

        var text = advice.Named is { } named && TryFill(named, facts) is { } filled ? filled : General(advice, node);
        return text.EndsWith('.') || text.EndsWith('!') ? text : text + ".";
    }

    private static string General(AdviceRow advice, TraceNode node) => advice.Who switch
    {
        _ when advice.What.Length == 0 => $"nothing about {node.Key}",
        AdviceFor.PlatformOperator => $"{node.Key} ({node.Reason}). For the platform operator: {advice.What}",
        _ => $"{node.Key} ({node.Reason}): {advice.What}",
    };

    /// <summary>Null when a fact outside of brackets isn't known.</summary>
    internal static string? TryFill(string template, IReadOnlyDictionary<string, string> facts)
    {
        var result = new StringBuilder();
        var optional = new StringBuilder();
        var (inOptional, known) = (false, true);
        for (var i = 0; i < template.Length; i++)
        {
            switch (template[i])
            {
                case '[':
                    (inOptional, known) = (true, true);
                    optional.Clear();
                    break;
                case ']':
                    inOptional = false;
                    if (known)
                        result.Append(optional);
                    break;
                case '{':
                    var end = template.IndexOf('}', i);
                    var has = facts.TryGetValue(template[(i + 1)..end], out var value);
                    if (!has && !inOptional)
                        return null;
                    known &= has;
                    (inOptional ? optional : result).Append(value);
                    i = end;
                    break;
                default:
                    (inOptional ? optional : result).Append(template[i]);
                    break;
            }
        }

        return result.ToString();
    }

    private static string Trim(string text) => text.Trim().TrimEnd('.');
}
