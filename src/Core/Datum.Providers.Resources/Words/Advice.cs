namespace Datum.Providers.Resources;

/// <summary>Who can do something about a reason.</summary>
public enum AdviceFor
{
    /// <summary>All is well.</summary>
    Nobody = 0,
    /// <summary>Nobody has to: it goes on by itself.</summary>
    Time = 1,
    /// <summary>Who applied the Datum object.</summary>
    User = 2,
    /// <summary>Who runs the host and its accounts.</summary>
    PlatformOperator = 3,
    DriverAuthor = 4,
}

/// <summary>What sort of cause a reason is. Where several things stand in the way the smallest comes first: it is the nearest to the user's own fix.</summary>
public enum CauseOrder
{
    /// <summary>No cause.</summary>
    None = 0,
    /// <summary>Nothing that is told is up to date.</summary>
    Host = 1,
    /// <summary>The wish itself can't be met: a field, an image.</summary>
    Wish = 2,
    /// <summary>Something that the wish names isn't there.</summary>
    Reference = 3,
    /// <summary>A person or another controller holds it back.</summary>
    Hold = 4,
    /// <summary>Location, ProviderConfig or driver.</summary>
    Place = 5,
    /// <summary>Credentials, rights, quota, room.</summary>
    Account = 6,
    /// <summary>What the platform did or shows.</summary>
    Platform = 7,
    /// <summary>The driver's code.</summary>
    Driver = 8,
    /// <summary>Part of what is to be judged couldn't be read.</summary>
    Gap = 9,
    /// <summary>It goes on by itself.</summary>
    Time = 10,
}

/// <summary>What to do about a reason.</summary>
public sealed record AdviceRow
{
    public required string Reason { get; init; }

    /// <summary>The kind that it holds for; null for every kind without a row of its own.</summary>
    public string? Kind { get; init; }

    public required AdviceFor Who { get; init; }

    public required CauseOrder Order { get; init; }

    /// <summary>In general words; empty when there is nothing to do. The column "What to do" of docs/reference/conditions.md.</summary>
    public required string What { get; init; }

    /// <summary>
    /// The same with names: <c>{fact}</c> is filled in, and what stands in <c>[ ]</c> is left out when one of its facts isn't known.
    /// Where a fact outside of brackets isn't known, <see cref="What"/> is said instead.
    /// </summary>
    public string? Named { get; init; }

    /// <summary>The object only repeats or waits for what stands below it; it is a cause itself only when nothing below is.</summary>
    public bool Carried { get; init; }
}

/// <summary>One row for each reason (and kind, where kinds differ): the only place that says what a person has to do.</summary>
public static partial class Advice
{
    // Words of the trace itself, beside those of conditions.

    /// <summary>No host renews its lease.</summary>
    public const string HostSilent = "HostSilent";
    /// <summary>No controller has written a status for a while.</summary>
    public const string NotObserved = "NotObserved";
    /// <summary>Finalizers that aren't ours hold an object that is being deleted.</summary>
    public const string FinalizersLeft = "FinalizersLeft";
    /// <summary>A driver was loaded and its code threw where it must not.</summary>
    public const string DriverFaulted = "DriverFaulted";
    /// <summary>The API server doesn't let us list a kind.</summary>
    public const string NotReadable = "NotReadable";

    /// <summary>In a row's kind: an Instance that only the core controllers' own gate holds back.</summary>
    public const string NetworkGate = "NetworkGate";

    private static readonly Dictionary<(string Reason, string? Kind), AdviceRow> s_rows = Rows().ToDictionary(r => (r.Reason, r.Kind));

    public static IReadOnlyCollection<AdviceRow> All => s_rows.Values;

    /// <summary>The row of a reason on a kind; a word that we don't know (another program's) points at the message.</summary>
    public static AdviceRow Of(string reason, string? kind) =>
        s_rows.GetValueOrDefault((reason, kind)) ?? s_rows.GetValueOrDefault((reason, null)) ?? new AdviceRow
        {
            Reason = reason, Kind = kind, Who = AdviceFor.PlatformOperator, Order = CauseOrder.Platform,
            What = "Look at the message", Named = "Ask the platform operator to look at {object}: {reason}[: {message}]",
        };

    private static AdviceRow Fine(string reason) => new() { Reason = reason, Who = AdviceFor.Nobody, Order = CauseOrder.None, What = "" };

    private static AdviceRow Wait(string reason, string what = "Wait", string? named = null, bool carried = true, string? kind = null) => new()
    {
        Reason = reason, Kind = kind, Who = AdviceFor.Time, Order = CauseOrder.Time, What = what, Carried = carried,
        Named = named ?? "Nothing: {object} is being worked on ({reason}[: {message}]). Look again in a moment",
    };

    private static AdviceRow User(CauseOrder order, string reason, string what, string named, string? kind = null, bool carried = false) =>
        new() { Reason = reason, Kind = kind, Who = AdviceFor.User, Order = order, What = what, Named = named, Carried = carried };

    private static AdviceRow Operator(CauseOrder order, string reason, string what, string named, string? kind = null, bool carried = false) =>
        new() { Reason = reason, Kind = kind, Who = AdviceFor.PlatformOperator, Order = order, What = what, Named = "Ask the platform operator to " + named, Carried = carried };

    private static AdviceRow Author(string reason, string what, string named) =>
        new() { Reason = reason, Who = AdviceFor.DriverAuthor, Order = CauseOrder.Driver, What = what, Named = named };
}
