using System.Globalization;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;

namespace Datum.Providers.Host.Cli.Trace;

/// <summary>From an object's conditions to a node's mark, reason and message.</summary>
internal static class Judge
{
    /// <summary>How long nobody need have written a status.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    private static readonly HashSet<string> s_ours = new(StringComparer.Ordinal) { Finalizers.Platform, Finalizers.WorkloadController, Finalizers.NetworkController };

    /// <summary>A node of an object whose first condition of <paramref name="types"/> that isn't True decides.</summary>
    public static TraceNode Object(string kind, KubeObject value, IReadOnlyList<Condition>? conditions, DateTimeOffset now, params ReadOnlySpan<string> types)
    {
        var node = Bare(kind, value);
        Condition? deciding = null;
        foreach (var type in types)
        {
            deciding = Conditions.Find(conditions, type);
            if (deciding?.Status != ConditionStatus.True)
                break;
        }
        if (types.Length > 0)
            Decide(node, deciding, types, now);
        if (value.IsDeleting)
            Deleting(node, value, conditions, now);
        return node;
    }

    public static TraceNode Bare(string kind, KubeObject value) => new(kind, value.Metadata.Namespace, value.Metadata.Name ?? "")
    {
        Created = value.Metadata.CreationTimestamp, Generation = value.Metadata.Generation, Deleting = value.IsDeleting,
    };

    /// <summary>A node of something that is named and isn't there.</summary>
    public static TraceNode Missing(string kind, ObjectKey key, string reason, string message) =>
        new(kind, key.Namespace, key.Name) { Missing = true, Mark = Mark.Failed, Reason = reason, Message = message };

    public static void Tell(TraceNode node, Condition condition)
    {
        node.Condition = TraceNode.Clean(condition.Type);
        node.Status = TraceNode.Clean(condition.Status);
        node.Reason = condition.Reason;
        node.Message = condition.Message;
        node.Since = condition.LastTransitionTime;
        node.Mark = MarkOf(condition.Status, condition.Reason, node.Kind);
        if (condition.ObservedGeneration is { } seen && node.Generation is { } generation && seen < generation)
        {
            node.SeenGeneration = seen;
            // What was true of an older wish says little about this one.
            if (node.Mark == Mark.Ok)
                (node.Mark, node.Reason, node.Message) = (Mark.Waiting, Reasons.Pending, string.Create(CultureInfo.InvariantCulture, $"generation {generation} is wished, {condition.Type} speaks of {seen}"));
        }
    }

    public static Mark MarkOf(string status, string reason, string kind) => status switch
    {
        ConditionStatus.True => Mark.Ok,
        ConditionStatus.Unknown => Mark.Unknown,
        _ => Advice.Of(reason, kind) is { Order: CauseOrder.Time or CauseOrder.None } or { Carried: true } ? Mark.Waiting : Mark.Failed,
    };

    /// <summary>An object that only waits because something below it failed has failed too, for who reads the tree from above.</summary>
    public static void Spread(TraceNode node) => Spread(node, new HashSet<TraceNode>(ReferenceEqualityComparer.Instance));

    private static Mark Spread(TraceNode node, HashSet<TraceNode> seen)
    {
        if (!seen.Add(node))
            return node.Mark;
        var failed = false;
        foreach (var child in node.Below)
            failed |= Spread(child, seen) == Mark.Failed && !child.Informational;
        if (failed && node.Mark == Mark.Waiting && !node.Deleting)
            node.Mark = Mark.Failed;
        return node.Mark;
    }

    private static void Decide(TraceNode node, Condition? condition, ReadOnlySpan<string> types, DateTimeOffset now)
    {
        if (condition is not null)
        {
            Tell(node, condition);
            return;
        }

        node.Condition = types[0];
        node.Mark = Mark.Waiting;
        (node.Reason, node.Message) = (Reasons.Pending, "no condition yet");
        if (node.Created is { } created && now - created > s_patience)
        {
            (node.Mark, node.Reason) = (Mark.Unknown, Advice.NotObserved);
            node.Fact("age", Ages.Text(now - created));
        }
    }

    private static void Deleting(TraceNode node, KubeObject value, IReadOnlyList<Condition>? conditions, DateTimeOffset now)
    {
        var since = value.Metadata.DeletionTimestamp;
        var finalizers = value.Metadata.Finalizers ?? [];
        var foreign = finalizers.Where(f => !s_ours.Contains(f)).ToList();
        node.Detail($"being deleted for {Ages.Text(now - since!.Value)}; finalizers: {(finalizers.Count == 0 ? "none" : string.Join(", ", finalizers))}");
        if (Conditions.Find(conditions, ConditionTypes.DeletionBlocked) is { Status: ConditionStatus.True } blocked)
        {
            Tell(node, blocked);
            node.Mark = Mark.Waiting;
        }
        else if (foreign.Count > 0 && foreign.Count == finalizers.Count)
        {
            (node.Condition, node.Status, node.Mark, node.Reason, node.Message) = (null, null, Mark.Waiting, Advice.FinalizersLeft, $"held by {string.Join(", ", foreign)}");
            node.Fact("finalizers", string.Join(", ", foreign));
        }
        else if (node.Mark == Mark.Ok || Advice.Of(node.Reason, node.Kind).Order is CauseOrder.Time)
        {
            (node.Condition, node.Status, node.Mark, node.Reason) = (null, null, Mark.Waiting, Reasons.Deleting);
            node.Message = finalizers.Count == 0 ? "" : $"held by {string.Join(", ", finalizers)}";
        }
    }
}

/// <summary>Ages as kubectl shows them.</summary>
internal static class Ages
{
    public static string Text(TimeSpan age) => age switch
    {
        { TotalSeconds: < 0 } => "0s",
        { TotalSeconds: < 120 } => string.Create(CultureInfo.InvariantCulture, $"{(int)age.TotalSeconds}s"),
        { TotalMinutes: < 120 } => string.Create(CultureInfo.InvariantCulture, $"{(int)age.TotalMinutes}m"),
        { TotalHours: < 48 } => string.Create(CultureInfo.InvariantCulture, $"{(int)age.TotalHours}h"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)age.TotalDays}d"),
    };
}
