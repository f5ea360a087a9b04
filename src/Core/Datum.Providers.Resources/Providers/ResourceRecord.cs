using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources.Providers;

/// <summary>What the host has to remember of an entry because no observation can find it again.</summary>
public sealed class ResourceRecord : KubeData
{
    /// <summary>Raised only after the previous one was observed absent or its create is known not to have been applied.</summary>
    public long Incarnation { get; set; }
    /// <summary>True while this incarnation is taken down to make room for the next: nothing is built in it any more.</summary>
    public bool Retiring { get; set; }
    /// <summary>The account in which it was made.</summary>
    public string? AccountId { get; set; }
    public List<RecordedPart>? Parts { get; set; }
    /// <summary>The step that was about to be done; null when none is open (law L4).</summary>
    public RecordedIntent? Intent { get; set; }
    /// <summary>By part: how many creates of this incarnation are known not to have been applied. Part of the token.</summary>
    public Dictionary<string, int>? Refused { get; set; }
    public RecordedHandle? Handle { get; set; }
    /// <summary>What was resolved at the first create, e.g. the image's id; from then on the desired value.</summary>
    public Dictionary<string, string>? Resolved { get; set; }
    /// <summary>The id or name by which its platform object was adopted; null when we made it.</summary>
    public string? Adopted { get; set; }
    /// <summary>Digest of the desired state that was last realized, or adopted; kept only where differences from it may be reported and not corrected.</summary>
    public string? Realized { get; set; }
    public RecordedAbsence? Absence { get; set; }
    /// <summary>Digest of what ProviderConfig, driver and host were when the wish was translated last with a difference.</summary>
    public string? ConfigVersion { get; set; }
    /// <summary>True: the wish differs because of a change of ProviderConfig, driver or host. False: its owner changed. Absent: it is as it was made (law L15).</summary>
    public bool? ProviderChange { get; set; }
    /// <summary>Failures in a row.</summary>
    public int Failures { get; set; }
    public RecordedError? LastError { get; set; }
}

/// <summary>One platform object of the entry, e.g. <c>nic-0</c> or <c>server</c>.</summary>
public sealed class RecordedPart : KubeData
{
    public string Name { get; set; } = "";
    public string Id { get; set; } = "";
    public DateTimeOffset? CreatedAt { get; set; }
}

/// <summary>Stored before the call that it announces.</summary>
public sealed class RecordedIntent : KubeData
{
    public string Step { get; set; } = "";
    public string? Part { get; set; }
    /// <summary>The word of the contract: Repeatable, Token (A), Named (B), Marked (C), Manual (D).</summary>
    public string? CreateClass { get; set; }
    /// <summary>The token that the platform may know the request by.</summary>
    public string? Token { get; set; }
    public DateTimeOffset StartedAt { get; set; }
    /// <summary>After it the call is not in flight any more at our side.</summary>
    public DateTimeOffset Deadline { get; set; }
    public int Attempt { get; set; }
    /// <summary>Digest of the desired state that the step was decided on.</summary>
    public string? DesiredHash { get; set; }
    /// <summary>The lease holder that started it.</summary>
    public string Host { get; set; } = "";
}

/// <summary>A driver's note to itself about an operation that runs.</summary>
public sealed class RecordedHandle : KubeData
{
    public string Driver { get; set; } = "";
    public string DriverVersion { get; set; } = "";
    public string Data { get; set; } = "";
    public DateTimeOffset? ExpiresAt { get; set; }
}

/// <summary>The first of the observations that prove absence (law L6).</summary>
public sealed class RecordedAbsence : KubeData
{
    public DateTimeOffset FirstAt { get; set; }
    public string Session { get; set; } = "";
}

/// <summary>The platform's text stays here and in the log; Datum objects get our own sentence.</summary>
public sealed class RecordedError : KubeData
{
    public string Code { get; set; } = "";
    /// <summary>NotApplied, Applied or Unknown.</summary>
    public string Effect { get; set; } = "";
    /// <summary>Resource, Zone or Account.</summary>
    public string? Scope { get; set; }
    public string? Message { get; set; }
    public string? PlatformCode { get; set; }
    public string? RequestId { get; set; }
    public DateTimeOffset At { get; set; }
}
