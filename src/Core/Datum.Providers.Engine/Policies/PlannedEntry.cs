using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Policies;

/// <summary>What would be done.</summary>
public enum PlannedAction
{
    /// <summary>Nobody can say: the platform wasn't reached.</summary>
    Unknown = 0,
    None = 1,
    Create = 2,

    /// <summary>Changed in place.</summary>
    Update = 3,

    /// <summary>Taken down and built anew.</summary>
    Replace = 4,
    Delete = 5,

    /// <summary>An object that a person names becomes ours.</summary>
    Adopt = 6,

    /// <summary>The object stays and is nobody's any more.</summary>
    LetGo = 7,

    /// <summary>The ledger forgets it.</summary>
    Release = 8,

    /// <summary>Nothing now; something else comes first.</summary>
    Wait = 9,

    /// <summary>Nothing before a person acts.</summary>
    Refused = 10,
}

/// <summary>How a field would get its value.</summary>
public enum ChangeWay
{
    Unknown = 0,
    Create = 1,
    InPlace = 2,
    Replace = 3,

    /// <summary>Known to the ledger alone; the platform isn't changed for it.</summary>
    LedgerOnly = 4,

    /// <summary>Told, and not mended.</summary>
    Reported = 5,
}

/// <summary>One field. A value that is null isn't set.</summary>
public sealed record PlannedChange(string Path, string? Before, string? After, ChangeWay Way);

/// <summary>What would be done about one entry of the ledger.</summary>
public sealed record PlannedEntry
{
    /// <summary>Name of the ManagedResource; empty where none could be made yet.</summary>
    public required string Entry { get; init; }
    public required string Kind { get; init; }
    public required string Owner { get; init; }
    public string? ProviderConfig { get; init; }

    /// <summary>Id of its first part at the platform; null where it has none.</summary>
    public string? ProviderId { get; init; }
    public PlannedAction Action { get; init; }
    public string? Reason { get; init; }
    public string Message { get; init; } = "";

    /// <summary>Why it wouldn't be done now; null when nothing holds it.</summary>
    public string? Held { get; init; }
    public ImmutableArray<PlannedChange> Changes { get => field.IsDefault ? [] : field; init; }

    /// <summary>Whether the platform would be changed.</summary>
    public bool Mutates => Action is PlannedAction.Create or PlannedAction.Update or PlannedAction.Replace or PlannedAction.Delete or PlannedAction.Adopt or PlannedAction.LetGo;
}

/// <summary>From a decision to what a person reads: pure.</summary>
internal static class PlannedChanges
{
    public static PlannedEntry Of(PlannedEntry planned, ManagedResource? known, ManagedResource entry, Look look, Decision decision, KindDescriptor descriptor)
    {
        var told = decision switch
        {
            Decision.None => planned with { Action = PlannedAction.None },
            Decision.Create when look.Presence is Presence.Present => planned with { Action = PlannedAction.Update, Message = "A part is missing and is built." },
            Decision.Create => planned with { Action = PlannedAction.Create },
            Decision.Update u => planned with { Action = PlannedAction.Update, Message = u.Step.Description ?? "" },
            Decision.Replace r => planned with { Action = PlannedAction.Replace, Message = r.Why },
            Decision.Delete => planned with { Action = entry.Spec.Wanted && entry.Spec.Record.Retiring ? PlannedAction.Replace : PlannedAction.Delete },
            Decision.Adopt a => planned with { Action = PlannedAction.Adopt, Message = $"'{a.ProviderId}' becomes ours." },
            Decision.LetGo => planned with { Action = PlannedAction.LetGo, Message = "It stays at the platform, without our mark." },
            Decision.Release => planned with { Action = PlannedAction.Release, Message = look.Presence is Presence.Absent ? "It is gone already." : "It stays at the platform." },
            Decision.Renew => planned with { Action = PlannedAction.Create, Message = "It vanished from the platform and is made again." },
            Decision.CatchUp => planned with { Action = PlannedAction.None, Message = "The ledger follows the platform's mark." },
            Decision.Wait w when w.Reason == Reasons.Absent && !entry.Spec.Wanted => planned with { Action = PlannedAction.Release, Reason = w.Reason, Message = "It isn't at the platform." },
            Decision.Wait w => planned with { Action = PlannedAction.Wait, Reason = w.Reason, Message = w.Message },
            Decision.Refuse r => planned with { Action = PlannedAction.Refused, Reason = r.Reason, Message = r.Message },
            _ => throw new InvalidOperationException($"{decision.GetType().Name} has no words in a plan."),
        };
        return told with { Changes = [.. Changes(told.Action, known, entry, look, descriptor)] };
    }

    private static IEnumerable<PlannedChange> Changes(PlannedAction action, ManagedResource? known, ManagedResource entry, Look look, KindDescriptor descriptor)
    {
        if (!entry.Spec.Wanted)
            yield break;
        if (action is PlannedAction.Create && look.Presence is Presence.Absent)
        {
            foreach (var field in FieldDiff.Fields(entry.Spec.Desired))
                yield return new PlannedChange(field.Path, null, field.Value, ChangeWay.Create);
            yield break;
        }
        var reported = action is PlannedAction.Wait or PlannedAction.Refused;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var drift in look.Drift)
        {
            seen.Add(drift.Path);
            yield return new PlannedChange(drift.Path, drift.Actual, drift.Desired, reported ? ChangeWay.Reported : drift.Remedy switch
            {
                Remedy.InPlace => ChangeWay.InPlace,
                Remedy.Replace => ChangeWay.Replace,
                _ => ChangeWay.Reported,
            });
        }
        if (known is null)
            yield break;
        // What the wish changes and the driver doesn't see at the platform.
        foreach (var (path, before, after) in FieldDiff.Between(known.Spec.Desired, entry.Spec.Desired))
            if (!seen.Any(s => path == s || path.StartsWith($"{s}.", StringComparison.Ordinal) || path.StartsWith($"{s}[", StringComparison.Ordinal)))
                yield return new PlannedChange(path, before, after, ChangeWay.LedgerOnly);
    }
}
