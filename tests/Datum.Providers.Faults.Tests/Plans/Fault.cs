namespace Datum.Providers.Faults.Tests.Plans;

/// <summary>What happens at a call.</summary>
internal enum Fault
{
    None = 0,

    /// <summary>The host ends before the call leaves it.</summary>
    KillBefore,

    /// <summary>The call takes effect; the host ends before it has the answer.</summary>
    KillAfter,

    // The API server.

    /// <summary>409: somebody else was faster.</summary>
    Conflict,

    /// <summary>It is stored; the answer is lost.</summary>
    AnswerLost,

    /// <summary>503, nothing is stored.</summary>
    Refused,

    /// <summary>From here on the API server is away for 30 minutes.</summary>
    Away,

    /// <summary>The host ends; the next one's first lists are hours old, and its watches catch up two minutes later.</summary>
    StaleLists,

    EventDropped,
    EventDoubled,
    EventDelayed,
    WatchEnded,
    WatchExpired,

    // The platform.
    ResetBefore,
    ResetAfter,
    TimeoutBefore,
    TimeoutAfter,
    Throttled,
    Unavailable,

    /// <summary>An error answer although it took effect.</summary>
    ErrorAfter,

    /// <summary>From here on every request is refused with 403, for five minutes.</summary>
    Forbidden,

    /// <summary>From here on the credentials show another account, for ten minutes.</summary>
    OtherAccount,

    /// <summary>This call, and what it starts, takes 100 times as long.</summary>
    Slow,

    /// <summary>From here on new objects are hidden for nearly the declared window, for five minutes.</summary>
    NewestHidden,

    /// <summary>From here on a new object gets the id of one that is gone.</summary>
    IdsReused,

    /// <summary>The listing leaves a zone out and says so.</summary>
    ListIncomplete,

    /// <summary>The listing leaves its last object out and says nothing.</summary>
    ListLies,

    /// <summary>The listing shows its first object twice, as pages do that move.</summary>
    PagesMove,
}

/// <summary>Which faults fit which calls.</summary>
internal static class Faults
{
    public static ImmutableArray<Fault> All { get; } = [.. Enum.GetValues<Fault>().Where(f => f != Fault.None)];

    /// <remarks>OtherAccount is no row of mutations: at the very call that makes something nobody can tell whose credentials these are now.</remarks>
    public static ImmutableArray<Fault> Of(Boundary boundary) => boundary switch
    {
        Boundary.ApiWrite => [Fault.KillBefore, Fault.KillAfter, Fault.Conflict, Fault.AnswerLost, Fault.Refused, Fault.Away, Fault.StaleLists],
        Boundary.ApiRead => [Fault.KillBefore, Fault.KillAfter, Fault.Refused, Fault.Away],
        Boundary.ApiWatch => [Fault.EventDropped, Fault.EventDoubled, Fault.EventDelayed, Fault.WatchEnded, Fault.WatchExpired],
        Boundary.CloudMutation =>
        [
            Fault.KillBefore, Fault.KillAfter, Fault.ResetBefore, Fault.ResetAfter, Fault.TimeoutBefore, Fault.TimeoutAfter, Fault.Throttled, Fault.Unavailable,
            Fault.ErrorAfter, Fault.Forbidden, Fault.Slow, Fault.NewestHidden, Fault.IdsReused,
        ],
        Boundary.CloudRead =>
        [
            Fault.KillBefore, Fault.KillAfter, Fault.ResetBefore, Fault.TimeoutBefore, Fault.Throttled, Fault.Unavailable, Fault.Forbidden, Fault.OtherAccount, Fault.Slow, Fault.NewestHidden,
        ],
        Boundary.CloudList =>
        [
            Fault.KillBefore, Fault.KillAfter, Fault.ResetBefore, Fault.TimeoutBefore, Fault.Throttled, Fault.Unavailable, Fault.Forbidden, Fault.OtherAccount, Fault.Slow,
            Fault.ListIncomplete, Fault.ListLies, Fault.PagesMove,
        ],
        _ => [],
    };

    /// <summary>The name in plans and tables, e.g. <c>kill-after</c>.</summary>
    public static string NameOf(Fault fault) => string.Concat(fault.ToString().Select((c, i) => char.IsUpper(c) ? (i > 0 ? "-" : "") + char.ToLowerInvariant(c) : c.ToString()));

    public static Fault Parse(string name) =>
        name == NameOf(Fault.None) ? Fault.None
        : All.FirstOrDefault(f => NameOf(f) == name) is var fault && fault != Fault.None ? fault
        : throw new FormatException($"'{name}' is no fault; there are {string.Join(", ", All.Select(NameOf))}.");
}
