using System.Globalization;
using Datum.Providers.Resources;

namespace Datum.Providers.Host.Cli.Trace;

/// <summary>The tree as text. Its last line is always "To do: ...".</summary>
internal sealed class TraceText(TextResult text, TraceTree tree, Verdict verdict, DateTimeOffset now, bool all)
{
    /// <summary>Of siblings that stand alike so many are shown; the rest is counted.</summary>
    private const int Alike = 3;

    private const int MaxMessage = 300;

    private readonly HashSet<TraceNode> _shown = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<TraceNode> _path = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<TraceNode> _within = new(ReferenceEqualityComparer.Instance);

    public static void Write(TextResult text, TraceTree tree, Verdict verdict, DateTimeOffset now, bool all) => new TraceText(text, tree, verdict, now, all).Write();

    private void Write()
    {
        foreach (var node in RootCause.Way(tree.Top, tree.Focus) ?? [])
            _path.Add(node);
        foreach (var node in verdict.First?.Path ?? [])
            _path.Add(node);
        Within(tree.Focus);
        Node(tree.Top, "", "");

        text.Line();
        if (verdict.First is { } first)
        {
            text.Line(new Styled("Cause: ", Tone.Strong), new Styled($"{Title(first.Node)}: {(first.Advice.Reason == Advice.HostSilent ? "no host is at work" : Sentence(first.Node))}"));
            foreach (var other in verdict.Others)
                text.Line(new Styled("Also:  ", Tone.Dim), new Styled($"{Title(other.Node)}: {Sentence(other.Node)}. {other.Todo}"));
        }
        if (tree.Host.State is not HostState.NoLease)
            text.Line(new Styled("Host:  ", Tone.Dim), new Styled(tree.Host.Text, tree.Host.State == HostState.Silent ? Tone.Bad : Tone.Plain));
        foreach (var gap in tree.Gaps)
            text.Line(new Styled("Gap:   ", Tone.Warning), new Styled($"{gap.Plural}: {gap.Message}"));
        text.Line(new Styled(verdict.Todo, verdict.Ready && verdict.First is null ? Tone.Good : Tone.Strong));
    }

    private void Within(TraceNode node)
    {
        if (_within.Add(node))
            foreach (var child in node.Below)
                Within(child);
    }

    private bool Visible(TraceNode node) => all || _path.Contains(node) || _within.Contains(node);

    private void Node(TraceNode node, string lead, string indent)
    {
        var again = !_shown.Add(node);
        text.Line(new Styled(lead, Tone.Dim), Word(node.Mark, node.Informational), " ", new Styled(Title(node), ReferenceEquals(node, tree.Focus) ? Tone.Strong : Tone.Plain),
            new Styled(State(node)), new Styled(again ? "  (see above)" : Age(node), Tone.Dim));
        if (again)
            return;
        // A need that is well says all in one line.
        var below = node.Below.Where(Visible).Where(c => all || Deep(node)).ToList();
        var inner = indent + (below.Count > 0 ? "│ " : "  ");
        foreach (var line in Lines(node, below.Count > 0))
            text.Line(new Styled(inner + "    " + line, Tone.Dim));
        Below(below, indent);
    }

    /// <summary>Whether a node's own branch is worth reading: not of things that are well and belong to others.</summary>
    private bool Deep(TraceNode node) => node.Mark != Mark.Ok || _path.Contains(node) || node.Kind is "Workload" or "Placement" or "WorkloadDeployment" or "Instance" or "ManagedResource" or "Subnet" or "SubnetClaim"
        || ReferenceEquals(node, tree.Focus) || node.Children.Exists(c => c.Mark != Mark.Ok && !c.Informational);

    private void Below(List<TraceNode> nodes, string indent)
    {
        var counts = new Dictionary<(string, Mark, string), int>();
        var shown = new List<(TraceNode? Node, string More)>();
        foreach (var node in nodes)
        {
            var key = (node.Kind, node.Mark, node.Reason);
            counts[key] = counts.GetValueOrDefault(key) + 1;
            if (all || counts[key] <= Alike || _path.Contains(node))
                shown.Add((node, ""));
        }
        foreach (var ((kind, mark, reason), count) in counts)
            if (nodes.Count(n => (n.Kind, n.Mark, n.Reason) == (kind, mark, reason)) - shown.Count(s => s.Node is { } n && (n.Kind, n.Mark, n.Reason) == (kind, mark, reason)) is > 0 and var rest)
                shown.Add((null, string.Create(CultureInfo.InvariantCulture, $"and {rest} more {kind}s of {count} that stand alike{(reason.Length == 0 ? "" : $" ({reason})")}")));
        for (var i = 0; i < shown.Count; i++)
        {
            var last = i == shown.Count - 1;
            var lead = indent + (last ? "└─ " : "├─ ");
            if (shown[i].Node is { } node)
                Node(node, lead, indent + (last ? "   " : "│  "));
            else
                text.Line(new Styled(lead + shown[i].More, Tone.Dim));
        }
    }

    private IEnumerable<string> Lines(TraceNode node, bool hasBelow)
    {
        // What only repeats the lines below it isn't said twice.
        var repeats = !all && hasBelow && node.Below.Any(c => c.Mark != Mark.Ok && !c.Informational)
            && (Advice.Of(node.Reason, node.Kind).Carried || Repeats(node, node.Reason));
        if (node.Message.Length > 0 && !repeats && !node.Informational && (all || node.Mark != Mark.Ok))
            yield return node.Message.Length <= MaxMessage || all ? node.Message : node.Message[..MaxMessage] + "…";
        if (node.SeenGeneration is { } seen)
            yield return string.Create(CultureInfo.InvariantCulture, $"generation {node.Generation}, the condition was written for {seen}");
        foreach (var detail in node.Details)
            yield return detail;
    }

    private static bool Repeats(TraceNode node, string reason) => node.Below.Any(c => !c.Informational && (c.Reason == reason || (c.Mark != Mark.Ok && Repeats(c, reason))));

    private string Age(TraceNode node) => (node.Created, node.Since) switch
    {
        ({ } created, { } since) => $"  age {Ages.Text(now - created)}, so for {Ages.Text(now - since)}",
        ({ } created, null) => $"  age {Ages.Text(now - created)}",
        (null, { } since) => $"  so for {Ages.Text(now - since)}",
        _ => "",
    };

    private static string State(TraceNode node)
    {
        if (node.Missing)
            return "  isn't there";
        if (node.Informational)
            return node.Reason.Length == 0 ? $"  {node.Message}" : $"  {node.Reason}, {node.Message}";
        var condition = node.Condition is null ? "" : $"{node.Condition}={node.Status ?? "not written"} ";
        return condition.Length == 0 && node.Reason.Length == 0 ? "" : $"  {condition}{node.Reason}".TrimEnd();
    }

    private static string Sentence(TraceNode node) => (node.Reason, node.Message) switch
    {
        ("", "") => "not ready",
        (var reason, "") => reason,
        (var reason, var message) => $"{reason}: {message.TrimEnd('.')}",
    };

    private static string Title(TraceNode node) => node.Label is null ? node.Key : $"{node.Key} ({node.Label})";

    private static Styled Word(Mark mark, bool informational) => (mark, informational) switch
    {
        (Mark.Ok, _) => new Styled("✓", Tone.Good),
        (Mark.Waiting, true) => new Styled("·", Tone.Dim),
        (Mark.Waiting, _) => new Styled("…", Tone.Warning),
        (Mark.Failed, _) => new Styled("✗", Tone.Bad),
        _ => new Styled("?", Tone.Warning),
    };
}
