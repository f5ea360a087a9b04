using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Host.Cli.Ledger;

/// <summary>What a person may decide about an entry, and why not: pure. A sentence refuses; null lets it be done.</summary>
internal static class EntryRules
{
    public static string? Abandon(ManagedResource entry, OwnerState owner, IReadOnlyCollection<string> dependents, DateTimeOffset now, bool force)
    {
        // Whatever is forced: a create that is under way would be made for nobody.
        if (entry.Spec.Record.Intent is { } intent && now < intent.Deadline)
            return $"A create of it ({intent.Step}) is under way until {intent.Deadline:u}; let it end first.";
        if (force)
            return null;
        if (owner is OwnerState.Exists)
            return $"{Owner(entry)} still wants it: the host would make the entry anew. Delete {Owner(entry)} first, or use --force.";
        if (owner is OwnerState.Unknown)
            return $"{Unreadable(entry)}, so nobody knows whether it still wants it. Use --force if you know.";
        if (dependents.Count > 0)
            return $"It is still used by {string.Join(", ", dependents)} (L7). Abandon those first, or use --force.";
        if (Answers(entry))
            return $"The platform still answers for it: {entry.Status!.State}{(entry.Status.ProviderId is { } id ? $" {id}" : "")} at the last look. To have it deleted: {(owner is OwnerState.Gone ? $"datum-providers release {entry.Metadata.Name}" : "let the host go on")}; to have it stay, annotate its owner with {Annotations.Retain}. --force leaves it where it is, with our mark and without an entry.";
        return null;
    }

    public static string? Release(ManagedResource entry, OwnerState owner) => owner switch
    {
        OwnerState.Exists => $"{Owner(entry)} exists and isn't being deleted: delete it, and its entry goes with it.",
        OwnerState.Unknown => $"{Unreadable(entry)}, so nobody knows whether it still wants it.",
        _ => null,
    };

    public static string? Settle(ManagedResource entry)
    {
        if (entry.Spec.Record.Intent is not { } intent)
            return "No create of it is open: there is nothing to confirm.";
        if (!Is(entry, Reasons.NeedsPerson))
            return $"The open create ({intent.Step}, class {intent.CreateClass}) is still the host's to settle: it hasn't said {Reasons.NeedsPerson}. What is confirmed too early could make a second object.";
        return null;
    }

    private static string Unreadable(ManagedResource entry) => entry.Metadata.Label(Labels.Project) is { } project
        ? $"{Owner(entry)} is in the control plane of project {project}" : $"{Owner(entry)} is of a kind that can't be read here";

    public static string Owner(ManagedResource entry) => $"{entry.Spec.Owner.Kind} {(entry.Spec.Owner.Namespace is { } ns ? $"{ns}/" : "")}{entry.Spec.Owner.Name}";

    /// <summary>Somebody could look at the last time, and something was there.</summary>
    private static bool Answers(ManagedResource entry) =>
        entry.Status?.State is not (null or "Absent") && Conditions.Find(entry.Status.Conditions, ConditionTypes.Ready) is { Status: not ConditionStatus.Unknown };

    private static bool Is(ManagedResource entry, string reason) =>
        Conditions.Find(entry.Status?.Conditions, ConditionTypes.Ready)?.Reason == reason || Conditions.Find(entry.Status?.Conditions, ConditionTypes.Synced)?.Reason == reason;
}
