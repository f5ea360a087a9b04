using Datum.Providers.Engine.Platform;

namespace Datum.Providers.Engine.Collect;

/// <summary>What may be done about a finding, and if nothing, why.</summary>
public enum Verdict
{
    /// <summary>It is no finding.</summary>
    None = 0,

    /// <summary>Every condition of law L13 holds.</summary>
    Delete = 1,

    /// <summary>The policy is to report.</summary>
    Reported = 2,

    /// <summary>The host never deletes such a thing (L3).</summary>
    NeverDeleted = 3,

    /// <summary>One complete listing has shown it so far.</summary>
    SeenOnce = 4,

    /// <summary>Younger than the age floor, by the younger of the platform's evidence and ours.</summary>
    TooYoung = 5,

    /// <summary>The hour's deletions are spent.</summary>
    NoBudget = 6,

    /// <summary>No lease, paused, observed only, an account that isn't proved or is held, a ledger that wasn't read.</summary>
    HeldBack = 7,

    /// <summary>The entry that it belongs to is at work itself.</summary>
    EntryAtWork = 8,

    /// <summary>Something that depends on it has to go first, or its deletion is under way.</summary>
    Waiting = 9,

    /// <summary>A person asked to keep it when its owner went.</summary>
    Retained = 10,
}

/// <summary>What the ProviderConfigs of an account agree on: the most careful value of each.</summary>
public sealed record CollectorPolicyInForce
{
    public static readonly TimeSpan DefaultAgeFloor = TimeSpan.FromHours(1);
    public const int DefaultBudget = 10;

    /// <summary>False reports only.</summary>
    public bool Delete { get; init; }

    public TimeSpan AgeFloor { get; init; } = DefaultAgeFloor;

    /// <summary>Deletions an hour.</summary>
    public int Budget { get; init; } = DefaultBudget;
}

/// <summary>Everything that a deletion of the collector depends on.</summary>
public sealed record CollectorInput
{
    public required Sighting Sighting { get; init; }

    /// <summary>What the ledger says of the sighting's name; null: it has no entry.</summary>
    public required KnownEntry? Entry { get; init; }

    /// <summary>When the live server answered with <see cref="Entry"/>; null: it is from a cache, or the server didn't answer. Then nothing is deleted.</summary>
    public required DateTimeOffset? ReadAt { get; init; }

    public required string Installation { get; init; }
    public required CollectorPolicyInForce Policy { get; init; }

    /// <summary>Deletions that were begun, at any time.</summary>
    public required IReadOnlyCollection<DateTimeOffset> Begun { get; init; }

    /// <summary>This object's deletion was paid for in this hour: going on with it costs nothing.</summary>
    public bool Paid { get; init; }

    public bool Retained { get; init; }

    /// <summary>The lease, the modes and the account's proof of this round allow changes.</summary>
    public required bool MayMutate { get; init; }

    public required DateTimeOffset Now { get; init; }
}

/// <summary>
/// The collector's whole choice (laws L3 and L13), pure: no clock, no I/O, no state. An object of an earlier incarnation is unknown to
/// the ledger, which knows one life of each name only: it is collected under the same conditions as an orphan, once the entry's own
/// life is beyond doubt. An object of the current incarnation beside a recorded one is a copy and is left to a person.
/// </summary>
public static class CollectorRules
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    /// <summary>Null when the ledger knows it, or when its entry will find it by itself.</summary>
    public static FindingType? Classify(Sighting sighting, KnownEntry? entry, string installation)
    {
        if (entry is null)
            return FindingType.Orphan;
        if (entry.Installation != installation || entry.Recorded.Contains(sighting.Id))
            return null;
        if (sighting.Incarnation > entry.Incarnation || entry.Parts.IsEmpty)
            // A ledger from an older backup, or a create whose answer isn't in: the entry looks by its mark (CatchUp, L5).
            return null;
        if (sighting.Incarnation > 0 && sighting.Incarnation < entry.Incarnation)
            return FindingType.EarlierLife;
        return entry.Parts.ContainsKey(sighting.Parts[0].Name) ? FindingType.Copy : null;
    }

    public static Verdict Judge(CollectorInput input)
    {
        var sighting = input.Sighting;
        switch (Classify(sighting, input.Entry, input.Installation))
        {
            case null:
                return Verdict.None;
            case FindingType.Orphan or FindingType.EarlierLife:
                break;
            default:
                return Verdict.NeverDeleted;
        }
        if (input.Retained)
            return Verdict.Retained;
        if (!input.Policy.Delete)
            return Verdict.Reported;
        if (input.Entry is { Settled: false })
            return Verdict.EntryAtWork;
        if (sighting.FirstRound >= sighting.LastRound)
            return Verdict.SeenOnce;
        var born = sighting.CreatedAt is { } told && told > sighting.FirstSeen ? told : sighting.FirstSeen;
        // Also when a clock was put back: what seems to be from the future has no age.
        if (input.Now - born < input.Policy.AgeFloor || input.Now < born)
            return Verdict.TooYoung;
        if (sighting.Deleting)
            return Verdict.Waiting;
        if (!input.MayMutate || input.ReadAt is not { } read || read < sighting.LastSeen || read > input.Now)
            return Verdict.HeldBack;
        if (!input.Paid && input.Begun.Count(t => t > input.Now - Hour) >= input.Policy.Budget)
            return Verdict.NoBudget;
        return Verdict.Delete;
    }

    /// <summary>
    /// What the last look before a deletion says: null when its next step takes down something that was listed, and the look shows nothing
    /// else but what the entry records (a driver that looks by name shows an earlier life's parts beside the current ones).
    /// </summary>
    /// <param name="look">Of the identity with the listed ids recorded.</param>
    /// <param name="group">Everything that was listed of it.</param>
    /// <param name="entry">The entry as it was read live; null: there is none.</param>
    public static Verdict? Shown(Look look, IReadOnlyCollection<Sighting> group, KnownEntry? entry)
    {
        bool Listed(string id) => group.Any(s => s.Parts.Any(p => p.Id == id));
        if (look.Presence is Presence.Absent || (look.Presence is Presence.Present && !look.Parts.Any(p => Listed(p.Id))))
            return Verdict.None;
        if (look.Presence is not Presence.Present || look.Mark is not MarkState.Ours || (look.Incarnation != 0 && group.Any(s => look.Incarnation != s.Incarnation)))
            return Verdict.NeverDeleted;
        if (look.Parts.Any(p => !Listed(p.Id) && entry?.Recorded.Contains(p.Id) != true))
            // Something has joined it that no listing has shown twice.
            return Verdict.TooYoung;
        if (look.InProgress is not null || look.Next is not { Verb: StepVerb.Delete } step)
            return Verdict.Waiting;
        return look.Parts.Any(p => p.Name == step.Part && Listed(p.Id)) && !look.Parts.Any(p => p.Name == step.Part && !Listed(p.Id)) ? null : Verdict.NeverDeleted;
    }

    /// <summary>Dependents first (L7): what is deleted before what.</summary>
    public static int Order(ResourceKind kind) => kind switch
    {
        ResourceKind.Instance => 0,
        ResourceKind.Subnet => 2,
        ResourceKind.Network => 3,
        _ => 1,
    };
}
