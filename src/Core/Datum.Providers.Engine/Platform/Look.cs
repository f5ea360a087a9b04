namespace Datum.Providers.Engine.Platform;

/// <summary>Whether the object was there.</summary>
public enum Presence
{
    Unknown = 0,
    Absent = 1,
    Present = 2,
    Ambiguous = 3,
}

/// <summary>An observation of any kind, with its facts as JSON, so that one decision and one reconciler serve all kinds.</summary>
public sealed record Look
{
    public required Presence Presence { get; init; }

    /// <summary>Absent: the platform itself said that the object ended.</summary>
    public bool Terminal { get; init; }

    public Lifecycle State { get; init; }
    public MarkState Mark { get; init; }
    public long Incarnation { get; init; }
    public ImmutableArray<Part> Parts { get => field.IsDefault ? [] : field; init; }
    public ImmutableArray<Drift> Drift { get => field.IsDefault ? [] : field; init; }
    public Step? Next { get; init; }
    public ImmutableDictionary<string, string> Resolved { get => field ?? ImmutableDictionary<string, string>.Empty; init; }
    public Progress? InProgress { get; init; }
    public DriverError? Failure { get; init; }

    /// <summary>Canonical JSON of the facts; null unless present.</summary>
    public JsonElement? Facts { get; init; }

    internal static Look Of<TFacts>(Observation<TFacts> observation) where TFacts : ResourceFacts => observation switch
    {
        Absent<TFacts> a => new Look
        {
            Presence = Presence.Absent, Terminal = a.Terminal, Next = a.Next, InProgress = a.InProgress, Failure = a.Failure,
        },
        Present<TFacts> p => new Look
        {
            Presence = Presence.Present, State = p.State, Mark = p.Mark, Incarnation = p.Incarnation, Parts = p.Parts,
            Drift = p.Drift, Next = p.Next, Resolved = p.Resolved, InProgress = p.InProgress, Failure = p.Failure,
            Facts = CanonicalJson.Of(ContractJson.Write(p.Facts)),
        },
        Ambiguous<TFacts> a => new Look
        {
            Presence = Presence.Ambiguous, Parts = a.Candidates, InProgress = a.InProgress, Failure = a.Failure,
        },
        _ => throw new InvalidOperationException($"{observation.GetType().Name} is no observation of this contract."),
    };
}

/// <summary>What a step led to, for any kind.</summary>
public sealed record StepResult
{
    /// <summary>Null unless the step failed.</summary>
    public DriverError? Error { get; init; }

    /// <summary>Set while the platform works on it.</summary>
    public Progress? Running { get; init; }

    /// <summary>What the answer showed; null when the host must look.</summary>
    public Look? Look { get; init; }

    public ImmutableArray<Part> Parts { get => field.IsDefault ? [] : field; init; }
    public ImmutableDictionary<string, string> Resolved { get => field ?? ImmutableDictionary<string, string>.Empty; init; }

    internal static StepResult Of<TFacts>(Outcome<TFacts> outcome) where TFacts : ResourceFacts => outcome switch
    {
        Done<TFacts> d => new StepResult { Parts = d.Parts, Resolved = d.Resolved, Look = d.Observation is null ? null : Look.Of(d.Observation) },
        Running<TFacts> r => new StepResult { Parts = r.Parts, Resolved = r.Resolved, Running = r.Progress },
        Failed<TFacts> f => new StepResult { Parts = f.Parts, Resolved = f.Resolved, Error = f.Error },
        _ => throw new InvalidOperationException($"{outcome.GetType().Name} is no outcome of this contract."),
    };
}

/// <summary>One listed object of any kind.</summary>
public sealed record ListedObject
{
    public required string Name { get; init; }
    public required long Incarnation { get; init; }
    public required ImmutableArray<Part> Parts { get; init; }
    public required Lifecycle State { get; init; }

    /// <summary>The listing's own revision, or else a digest of what it shows: changes when an observation would report something else.</summary>
    public required string Fingerprint { get; init; }

    public DateTimeOffset? CreatedAt { get; init; }
}

/// <summary>One page of a listing of any kind.</summary>
public sealed record ListedPage(ImmutableArray<ListedObject> Items, string? Next, bool Complete);
