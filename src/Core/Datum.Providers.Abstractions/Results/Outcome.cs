namespace Datum.Providers;

/// <summary>What a mutation led to: exactly one of <see cref="Done{TFacts}"/>, <see cref="Running{TFacts}"/>, <see cref="Failed{TFacts}"/>.</summary>
/// <typeparam name="TFacts">The kind's facts.</typeparam>
public abstract record Outcome<TFacts> where TFacts : ResourceFacts
{
    private protected Outcome()
    {
    }

    /// <summary>Parts that are known to exist now, also when the step failed. The host records them at once.</summary>
    public ImmutableArray<Part> Parts { get => field.IsDefault ? [] : field; init; }

    /// <summary>What was resolved by this step, to be recorded.</summary>
    public ImmutableDictionary<string, string> Resolved { get => field ?? ImmutableDictionary<string, string>.Empty; init; }
}

/// <summary>The step is done.</summary>
/// <typeparam name="TFacts">The kind's facts.</typeparam>
public sealed record Done<TFacts> : Outcome<TFacts> where TFacts : ResourceFacts
{
    /// <summary>What the platform's answer showed; null when it showed nothing and the host must look.</summary>
    public Observation<TFacts>? Observation { get; init; }
}

/// <summary>The platform took the step and works on it.</summary>
/// <typeparam name="TFacts">The kind's facts.</typeparam>
public sealed record Running<TFacts> : Outcome<TFacts> where TFacts : ResourceFacts
{
    /// <summary>What to ask about, and when.</summary>
    public required Progress Progress { get; init; }
}

/// <summary>The step failed; <see cref="DriverError.Effect"/> says whether it left something behind.</summary>
/// <typeparam name="TFacts">The kind's facts.</typeparam>
public sealed record Failed<TFacts> : Outcome<TFacts> where TFacts : ResourceFacts
{
    /// <summary>Why.</summary>
    public required DriverError Error { get; init; }
}

/// <summary>One step: at most one create that can't be repeated safely.</summary>
public sealed record Step
{
    /// <summary>The part it makes, changes or removes: 1 to 40 of <c>[a-z0-9-]</c>, stable for the driver's lifetime.</summary>
    public required string Part { get; init; }

    /// <summary>Which verb does it.</summary>
    public required StepVerb Verb { get; init; }

    /// <summary>How its create is made safe; <see cref="CreateClass.Repeatable"/> for anything that may simply be sent again.</summary>
    public required CreateClass Class { get; init; }

    /// <summary>A few words for people, e.g. <c>create pod</c>.</summary>
    public string? Description { get; init; }
}

/// <summary>The verb of a step.</summary>
public enum StepVerb
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary><see cref="IResourceDriver{TSpec,TFacts}.CreateAsync"/>.</summary>
    Create = 1,

    /// <summary><see cref="IResourceDriver{TSpec,TFacts}.UpdateAsync"/>.</summary>
    Update = 2,

    /// <summary><see cref="IResourceDriver{TSpec,TFacts}.DeleteAsync"/>.</summary>
    Delete = 3,
}

/// <summary>How a create is made safe against a lost answer.</summary>
public enum CreateClass
{
    /// <summary>Not said; treated as <see cref="Manual"/>.</summary>
    Unknown = 0,

    /// <summary>Sending it again does no harm (rules of one firewall, start, delete).</summary>
    Repeatable = 1,

    /// <summary>A: the platform knows <see cref="Operation.Token"/> and answers a repetition with the first result.</summary>
    Token = 2,

    /// <summary>B: name or id is chosen by us; a repetition is refused or finds the same object.</summary>
    Named = 3,

    /// <summary>C: neither, but the create request carries the mark, and a listing shows it.</summary>
    Marked = 4,

    /// <summary>D: none of these; never repeated without a person.</summary>
    Manual = 5,
}

/// <summary>A failure as the host acts on it.</summary>
public sealed record DriverError
{
    /// <summary>What kind of failure; the host's answer to each stands in docs/driver-contract.md.</summary>
    public required ErrorCode Code { get; init; }

    /// <summary>Whether the platform did it all the same. A broken connection after the request went out is Unknown.</summary>
    public required Effect Effect { get; init; }

    /// <summary>A sentence for the platform operator; no secret.</summary>
    public required string Message { get; init; }

    /// <summary>How far it reaches.</summary>
    public ErrorScope Scope { get; init; }

    /// <summary>Not before then, when the platform said so.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The platform's own code, e.g. <c>ZONE_RESOURCE_POOL_EXHAUSTED</c>.</summary>
    public string? PlatformCode { get; init; }

    /// <summary>The platform's request id.</summary>
    public string? RequestId { get; init; }

    /// <summary>Path in the spec that is at fault, for Invalid and Unsupported.</summary>
    public string? Field { get; init; }

    /// <summary>What blocks it (a deletion, mostly): platform names or ids.</summary>
    public ImmutableArray<string> BlockedBy { get => field.IsDefault ? [] : field; init; }
}

/// <summary>Kinds of failure.</summary>
public enum ErrorCode
{
    /// <summary>Not said; treated as <see cref="Failed"/>.</summary>
    Unknown = 0,

    /// <summary>The wish is wrong, for every platform.</summary>
    Invalid = 1,

    /// <summary>This platform or driver can't do it (law L11).</summary>
    Unsupported = 2,

    /// <summary>The credentials aren't accepted.</summary>
    Unauthenticated = 3,

    /// <summary>The credentials lack a right.</summary>
    Forbidden = 4,

    /// <summary>A limit of the account is reached.</summary>
    QuotaExceeded = 5,

    /// <summary>The platform has no room.</summary>
    CapacityUnavailable = 6,

    /// <summary>Too many requests.</summary>
    Throttled = 7,

    /// <summary>Something else is there, or holds it.</summary>
    Conflict = 8,

    /// <summary>The object changed since it was read (etag, fingerprint).</summary>
    PreconditionFailed = 9,

    /// <summary>Something it needs isn't ready yet at the platform.</summary>
    NotReadyYet = 10,

    /// <summary>The platform is down or answers 5xx.</summary>
    Unavailable = 11,

    /// <summary>No answer within the deadline.</summary>
    Timeout = 12,

    /// <summary>The platform gave up and says why.</summary>
    Failed = 13,

    /// <summary>The driver is at fault.</summary>
    Bug = 14,
}

/// <summary>Whether a failed request took effect.</summary>
public enum Effect
{
    /// <summary>It may have: the host looks before it acts (law L5).</summary>
    Unknown = 0,

    /// <summary>Certainly not.</summary>
    NotApplied = 1,

    /// <summary>Certainly, at least in part.</summary>
    Applied = 2,
}

/// <summary>How far a failure reaches.</summary>
public enum ErrorScope
{
    /// <summary>Not said; treated as <see cref="Resource"/>.</summary>
    Unknown = 0,

    /// <summary>This resource.</summary>
    Resource = 1,

    /// <summary>Every resource of the zone or location.</summary>
    Zone = 2,

    /// <summary>Every resource of the account.</summary>
    Account = 3,
}

/// <summary>A wish that can't be fulfilled (law L11), or is fulfilled only in part.</summary>
public sealed record Finding
{
    /// <summary>Path in the spec, e.g. <c>sandbox.containers[web].env[TOKEN].valueFrom</c>.</summary>
    public required string Path { get; init; }

    /// <summary>A sentence that says what is missing and what to do.</summary>
    public required string Message { get; init; }

    /// <summary>The capability that is missing, e.g. <c>firewall</c>; null for a plain error.</summary>
    public string? Capability { get; init; }

    /// <summary>False: the resource is made all the same and the finding becomes a condition. Default is to refuse.</summary>
    public bool Tolerated { get; init; }
}
