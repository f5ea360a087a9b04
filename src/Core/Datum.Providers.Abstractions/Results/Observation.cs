namespace Datum.Providers;

/// <summary>An answer or an error, never both.</summary>
/// <typeparam name="T">The answer.</typeparam>
public sealed class Answer<T> where T : class
{
    private Answer(T? value, DriverError? error)
    {
        Value = value;
        Error = error;
    }

    /// <summary>The answer; null on an error.</summary>
    public T? Value { get; }

    /// <summary>The error; null on success.</summary>
    public DriverError? Error { get; }

    /// <summary>Wraps an answer.</summary>
    public static implicit operator Answer<T>(T value) => new(value ?? throw new ArgumentNullException(nameof(value)), null);

    /// <summary>Wraps an error.</summary>
    public static implicit operator Answer<T>(DriverError error) => new(null, error ?? throw new ArgumentNullException(nameof(error)));
}

/// <summary>What one look found: exactly one of <see cref="Absent{TFacts}"/>, <see cref="Present{TFacts}"/>, <see cref="Ambiguous{TFacts}"/>.</summary>
/// <typeparam name="TFacts">The kind's facts.</typeparam>
public abstract record Observation<TFacts> where TFacts : ResourceFacts
{
    private protected Observation()
    {
    }

    /// <summary>Set while the platform is still at work (also when the object isn't visible yet, or waits for somebody's approval): the host mutates nothing and looks again.</summary>
    public Progress? InProgress { get; init; }

    /// <summary>A failure that only the handle or the resource's own state knows of, e.g. a stockout inside a finished operation.</summary>
    public DriverError? Failure { get; init; }
}

/// <summary>There is no such object: a read by recorded id said so, or, without an id, a complete search by name or mark found nothing.</summary>
/// <typeparam name="TFacts">The kind's facts.</typeparam>
public sealed record Absent<TFacts> : Observation<TFacts> where TFacts : ResourceFacts
{
    /// <summary>The first step of building it; null when desired was null.</summary>
    public Step? Next { get; init; }

    /// <summary>True when the platform itself says that the object existed and ended (a tombstone): one look is then proof of absence.</summary>
    public bool Terminal { get; init; }
}

/// <summary>The object, or at least its first part, is there.</summary>
/// <typeparam name="TFacts">The kind's facts.</typeparam>
public sealed record Present<TFacts> : Observation<TFacts> where TFacts : ResourceFacts
{
    /// <summary>What is.</summary>
    public required TFacts Facts { get; init; }

    /// <summary>Every part that is there, with its id.</summary>
    public required ImmutableArray<Part> Parts { get; init; }

    /// <summary>How far it is.</summary>
    public required Lifecycle State { get; init; }

    /// <summary>Whose it is. Anything but <see cref="MarkState.Ours"/> is observed only (law L3).</summary>
    public required MarkState Mark { get; init; }

    /// <summary>The incarnation in the mark; 0 when the mark holds none.</summary>
    public long Incarnation { get; init; }

    /// <summary>Differences over fields that desired sets, after normalisation.</summary>
    public ImmutableArray<Drift> Drift { get => field.IsDefault ? [] : field; init; }

    /// <summary>The next step: of building while parts are missing, of updating while drift can be mended in place, of deleting when desired was null; null when there is none.</summary>
    public Step? Next { get; init; }

    /// <summary>What was resolved (image id, zone), to be recorded.</summary>
    public ImmutableDictionary<string, string> Resolved { get => field ?? ImmutableDictionary<string, string>.Empty; init; }
}

/// <summary>More than one object answers to the identity and none is recorded. A person decides.</summary>
/// <typeparam name="TFacts">The kind's facts.</typeparam>
public sealed record Ambiguous<TFacts> : Observation<TFacts> where TFacts : ResourceFacts
{
    /// <summary>All of them.</summary>
    public required ImmutableArray<Part> Candidates { get; init; }
}

/// <summary>Work that goes on at the platform.</summary>
public sealed record Progress
{
    /// <summary>When to look again, from now.</summary>
    public required TimeSpan LookAgainAfter { get; init; }

    /// <summary>What to ask about then; null when the resource's own state tells enough.</summary>
    public Handle? Handle { get; init; }

    /// <summary>Who is being waited for.</summary>
    public WaitingFor WaitingFor { get; init; }

    /// <summary>A sentence for the operator, e.g. the operation's own status; may be null.</summary>
    public string? Message { get; init; }
}

/// <summary>Who is being waited for.</summary>
public enum WaitingFor
{
    /// <summary>Not said.</summary>
    Unknown = 0,

    /// <summary>The platform's own work: seconds to hours.</summary>
    Platform = 1,

    /// <summary>A queue (a batch system, a bare-metal pool): hours to days.</summary>
    Queue = 2,

    /// <summary>A person's approval: days.</summary>
    Approval = 3,
}

/// <summary>How far a resource is.</summary>
public enum Lifecycle
{
    /// <summary>The platform's state isn't one that the driver knows.</summary>
    Unknown = 0,

    /// <summary>Being built; parts may be missing.</summary>
    Creating = 1,

    /// <summary>Built, and running if it is something that runs.</summary>
    Ready = 2,

    /// <summary>Being changed.</summary>
    Updating = 3,

    /// <summary>Built, but not doing its work: stopped, exited, unhealthy.</summary>
    Degraded = 4,

    /// <summary>Being deleted.</summary>
    Deleting = 5,

    /// <summary>The platform gave it up; <see cref="Observation{TFacts}.Failure"/> says why.</summary>
    Failed = 6,
}

/// <summary>What the object's mark says.</summary>
public enum MarkState
{
    /// <summary>The platform didn't show marks.</summary>
    Unknown = 0,

    /// <summary>This identity's.</summary>
    Ours = 1,

    /// <summary>No mark.</summary>
    Missing = 2,

    /// <summary>Another identity's or another installation's.</summary>
    Foreign = 3,
}

/// <summary>One difference between wish and fact.</summary>
public sealed record Drift
{
    /// <summary>Path in the spec, e.g. <c>sandbox.containers[web].image</c>.</summary>
    public required string Path { get; init; }

    /// <summary>How it can be mended.</summary>
    public required Remedy Remedy { get; init; }

    /// <summary>The wish, as text; never a secret.</summary>
    public string? Desired { get; init; }

    /// <summary>The fact, as text; never a secret.</summary>
    public string? Actual { get; init; }
}

/// <summary>How a difference can be mended.</summary>
public enum Remedy
{
    /// <summary>Not at all; it is reported.</summary>
    Unknown = 0,

    /// <summary>By an update step.</summary>
    InPlace = 1,

    /// <summary>By a new incarnation.</summary>
    Replace = 2,
}
