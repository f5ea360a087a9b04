using Datum.Providers.Engine.Platform;

namespace Datum.Providers.Engine.Decisions;

/// <summary>What to do next with an entry: the result of <see cref="Decider.Decide"/>.</summary>
public abstract record Decision
{
    private Decision()
    {
    }

    /// <summary>Nothing differs.</summary>
    public sealed record None : Decision;

    /// <summary>Do a step of building.</summary>
    public sealed record Create(Step Step) : Decision;

    /// <summary>Do a step of changing in place.</summary>
    public sealed record Update(Step Step) : Decision;

    /// <summary>Start to take this incarnation down so that a new one can be built.</summary>
    public sealed record Replace(string Why) : Decision;

    /// <summary>Do a step of taking down.</summary>
    public sealed record Delete(Step Step) : Decision;

    /// <summary>The incarnation is proved gone: the next one may begin.</summary>
    public sealed record Renew : Decision;

    /// <summary>The mark at the platform is of a later incarnation than the ledger (restored from an older backup): take it over.</summary>
    public sealed record CatchUp(long Incarnation) : Decision;

    /// <summary>Nothing of ours is there and a person names an object to take over: mark it as ours.</summary>
    public sealed record Adopt(string ProviderId) : Decision;

    /// <summary>To be kept by policy: take our marks off, change nothing else, and then release the entry.</summary>
    public sealed record LetGo : Decision;

    /// <summary>Proved gone and not wanted, or to be kept by policy: let go of the entry.</summary>
    public sealed record Release : Decision;

    /// <summary>Look again; <paramref name="Until"/> is null when an event will wake the entry.</summary>
    public sealed record Wait(string Reason, string Message, DateTimeOffset? Until) : Decision;

    /// <summary>Somebody has to act first.</summary>
    public sealed record Refuse(string Reason, string Message) : Decision;
}

/// <summary>The open intent of the record (law L4).</summary>
/// <param name="Part">The part that the step was to make.</param>
/// <param name="SameWish">False when the desired state has changed since: then a token of class A would bring back the old result.</param>
public sealed record OpenIntent(string Part, CreateClass Class, DateTimeOffset StartedAt, DateTimeOffset Deadline, bool SameWish);

/// <summary>What a person asked to be taken over, and what a look at it showed.</summary>
/// <param name="Policy">One of <see cref="Resources.Providers.AdoptPolicy"/>.</param>
/// <param name="ProviderId">The platform's id or name of the candidate.</param>
/// <param name="Owner">Whose a candidate with a foreign mark is, for people; null when the platform doesn't say.</param>
public sealed record AskedAdoption(string Policy, string ProviderId, MarkState Mark, string? Owner);

/// <summary>How a platform object can be left behind when its owner goes.</summary>
public enum RetainMeans
{
    /// <summary>Nothing asks for it.</summary>
    NotAsked = 0,

    /// <summary>With our mark: the driver can't take it off, and nobody acts on it.</summary>
    Marked = 1,

    /// <summary>Without our mark.</summary>
    Unmarked = 2,

    /// <summary>Not at all: the driver can't take the mark off, and the collector deletes what carries it without an entry.</summary>
    Impossible = 3,
}

/// <summary>Everything that a decision depends on. Reading it again gives the same decision again.</summary>
public sealed record DecisionInput
{
    public required Look Look { get; init; }
    public required DateTimeOffset Now { get; init; }

    /// <summary>False: to be taken down for good.</summary>
    public required bool Wanted { get; init; }

    /// <summary>True: this incarnation is being taken down to make room for the next.</summary>
    public bool Retiring { get; init; }

    /// <summary>The incarnation of the record.</summary>
    public required long Incarnation { get; init; }

    /// <summary>True when at least one part of this incarnation is recorded.</summary>
    public bool HasParts { get; init; }

    public OpenIntent? Intent { get; init; }

    /// <summary>Since when looks without a gap have found nothing; null when this is the first.</summary>
    public DateTimeOffset? AbsentSince { get; init; }

    /// <summary>True when a recorded part isn't among those that the look found.</summary>
    public bool PartMissing { get; init; }

    /// <summary>Since when looks without a gap have lacked a recorded part; null when this is the first.</summary>
    public DateTimeOffset? PartMissingSince { get; init; }

    /// <summary>How long after a request an object may still be hidden.</summary>
    public required TimeSpan ConsistencyWindow { get; init; }

    /// <summary>How long a token of class A proves something.</summary>
    public TimeSpan TokenLife { get; init; }

    /// <summary>Names of dependencies that aren't ready.</summary>
    public ImmutableArray<string> NotReady { get => field.IsDefault ? [] : field; init; }

    /// <summary>Names of entries that still depend on this one.</summary>
    public ImmutableArray<string> Dependents { get => field.IsDefault ? [] : field; init; }

    public RetainMeans Retain { get; init; }

    /// <summary>Null when nothing is to be adopted, or when it was already.</summary>
    public AskedAdoption? Adoption { get; init; }

    /// <summary>Differences are reported only: the wish was realized before, and the policy says so.</summary>
    public bool ReportDrift { get; init; }

    /// <summary>Differences that need another object are reported only: it was adopted as it is, with this very wish.</summary>
    public bool KeepAdopted { get; init; }

    public bool DeletionProtection { get; init; }
    public bool ReplaceOnFailure { get; init; }

    /// <summary>How often the same drift has been updated in vain.</summary>
    public int SameDriftUpdates { get; init; }
}
