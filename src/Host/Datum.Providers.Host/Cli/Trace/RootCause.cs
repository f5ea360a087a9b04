using Datum.Providers.Resources;

namespace Datum.Providers.Host.Cli.Trace;

/// <summary>One thing that stands in the way, and what to do about it.</summary>
/// <param name="Path">From the tree's top (or from a node above the focus) to the node.</param>
internal sealed record Cause(TraceNode Node, IReadOnlyList<TraceNode> Path, AdviceRow Advice, string Todo)
{
    public CauseOrder Order => Advice.Order;
}

/// <summary>What the trace says in the end.</summary>
/// <param name="First">What is to be done first; null when nothing is.</param>
/// <param name="Others">Further causes that are no copies of the first, in order.</param>
internal sealed record Verdict(bool Ready, Cause? First, IReadOnlyList<Cause> Others, string Todo);

/// <summary>
/// Finds the cause. Pure. The order is documented in docs/reference/trace.md: what the causes are (<see cref="CauseOrder"/>, smallest
/// first: nearest to the user's own fix), then Failed before Unknown before Waiting, then what isn't there, then the deeper one, then what more nodes share, then by name.
/// </summary>
internal static class RootCause
{
    private const int MaxOthers = 3;

    /// <summary>What goes on by itself for longer deserves a look.</summary>
    private static readonly TimeSpan s_long = TimeSpan.FromMinutes(15);

    /// <summary>How long something may go on before what can't be read counts.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    public static Verdict Find(TraceTree tree)
    {
        var focus = tree.Focus;
        var ready = focus.Mark == Mark.Ok;
        var way = Way(tree.Top, focus) ?? [focus];
        var found = new List<Cause>();
        Collect(focus, way, new HashSet<TraceNode>(ReferenceEqualityComparer.Instance), found);
        if (!ready)
        {
            // What those above need holds this one back too: a Location, a network.
            var below = new HashSet<TraceNode>(ReferenceEqualityComparer.Instance) { focus };
            for (var i = way.Count - 2; i >= 0; i--)
                foreach (var need in way[i].Needs)
                    Collect(need, [.. way.Take(i + 1), need], below, found);
        }

        if (!ready && found.Count == 0)
            found.Add(New(focus, way));
        // What may not be read could hold the cause; but nobody needs a right to see that something goes on. Who may not see leases is told so beside.
        if (!ready && found.TrueForAll(c => c.Order >= CauseOrder.Gap) && found.Exists(c => AgeOf(c.Node, tree.Now) > s_patience))
            found.AddRange(tree.Gaps.Where(g => g.Plural != Kubernetes.Core.Leases.ToString()).Select(g => GapOf(g, focus, way)));
        if (tree.Host.State == HostState.Silent)
            found.Add(New(focus, way, Advice.Of(Advice.HostSilent, null), ("host", tree.Host.Text)));

        var shared = found.GroupBy(c => (c.Advice.Reason, c.Advice.Kind)).ToDictionary(g => g.Key, g => g.Count());
        var ordered = found.OrderBy(c => c.Order).ThenBy(c => Weight(c.Node.Mark)).ThenByDescending(c => c.Node.Missing).ThenByDescending(c => c.Path.Count)
            .ThenByDescending(c => shared[(c.Advice.Reason, c.Advice.Kind)]).ThenBy(c => c.Node.Key, StringComparer.Ordinal).ToList();
        // An object that works has nothing to be waited for.
        if (ready)
            ordered.RemoveAll(c => c.Order is CauseOrder.Time or CauseOrder.Gap);
        var first = ordered.FirstOrDefault();
        var others = ordered.Skip(1).Where(c => c.Order < CauseOrder.Gap && c.Todo != first?.Todo && c.Advice != first?.Advice).DistinctBy(c => c.Todo).DistinctBy(c => c.Advice).Take(MaxOthers).ToList();
        var todo = first?.Todo ?? $"nothing. {focus.Key} is ready.";
        if (first is { Order: CauseOrder.Time } && AgeOf(first.Node, tree.Now) is { } age && age > s_long)
            todo += $" It has been so for {Ages.Text(age)}: if that is long for this platform, ask the platform operator to look at the host's log.";
        return new Verdict(ready, first, others, "To do: " + todo);
    }

    /// <summary>The nodes from the top to the wanted one; as an owner leads there before as a need does.</summary>
    public static List<TraceNode>? Way(TraceNode from, TraceNode to) => Way(from, to, new HashSet<TraceNode>(ReferenceEqualityComparer.Instance));

    private static List<TraceNode>? Way(TraceNode from, TraceNode to, HashSet<TraceNode> seen)
    {
        if (ReferenceEquals(from, to))
            return [from];
        if (!seen.Add(from))
            return null;
        foreach (var child in from.Children.Concat(from.Needs))
            if (Way(child, to, seen) is { } rest)
                return [from, .. rest];
        return null;
    }

    /// <summary>Adds the causes at and below a node; returns whether one was found there (now or through another parent before).</summary>
    private static bool Collect(TraceNode node, IReadOnlyList<TraceNode> path, HashSet<TraceNode> seen, List<Cause> found)
    {
        if (node.Informational)
            return false;
        if (!seen.Add(node))
            return node.Mark != Mark.Ok;
        var before = found.Count;
        var below = false;
        foreach (var child in node.Below)
            below |= Collect(child, [.. path, child], seen, found);
        if (node.Mark == Mark.Ok)
            return below;

        var cause = New(node, path);
        var repeated = found.Skip(before).Any(c => c.Advice.Reason == cause.Advice.Reason || (c.Order < CauseOrder.Gap && node.Message.Length > 0 && c.Node.Message == node.Message));
        var own = !cause.Advice.Carried && cause.Order != CauseOrder.Time;
        if (!repeated && (own || !below))
            found.Add(cause);
        return true;
    }

    private static Cause New(TraceNode node, IReadOnlyList<TraceNode> path, AdviceRow? advice = null, params (string Name, string Value)[] more)
    {
        advice ??= Advice.Of(node.Reason.Length == 0 ? Reasons.Pending : node.Reason, node.AdviceKind ?? node.Kind);
        return new Cause(node, path, advice, AdviceText.Fill(advice, node, path, more));
    }

    private static Cause GapOf(TraceGap gap, TraceNode focus, List<TraceNode> way) =>
        New(focus, way, Advice.Of(Advice.NotReadable, null), ("plural", gap.Plural), ("message", gap.Message));

    private static TimeSpan? AgeOf(TraceNode node, DateTimeOffset now) => now - (node.Since ?? node.Created);

    private static int Weight(Mark mark) => mark switch { Mark.Failed => 0, Mark.Unknown => 1, Mark.Waiting => 2, _ => 3 };
}
