using System.Text.Json;

namespace Datum.Providers.Conformance;

/// <summary>What a look found, whatever the kind.</summary>
internal enum Presence
{
    /// <summary>The look itself failed.</summary>
    Unknown = 0,
    Absent = 1,
    Present = 2,
    Ambiguous = 3,
}

/// <summary>An answer of ObserveAsync without its type parameter.</summary>
internal sealed record Seen
{
    public Presence Presence { get; init; }

    /// <summary>Why the look failed.</summary>
    public DriverError? Error { get; init; }

    public ResourceFacts? Facts { get; init; }
    public ImmutableArray<Part> Parts { get; init; } = [];
    public Lifecycle State { get; init; }
    public MarkState Mark { get; init; }
    public long Incarnation { get; init; }
    public ImmutableArray<Drift> Drift { get; init; } = [];
    public Step? Next { get; init; }
    public ImmutableDictionary<string, string> Resolved { get; init; } = ImmutableDictionary<string, string>.Empty;
    public bool Terminal { get; init; }
    public ImmutableArray<Part> Candidates { get; init; } = [];
    public Progress? InProgress { get; init; }
    public DriverError? Failure { get; init; }

    public static Seen Of<TFacts>(Answer<Observation<TFacts>> answer) where TFacts : ResourceFacts =>
        answer.Error is { } error ? new Seen { Error = error } : Of(answer.Value!);

    public static Seen Of<TFacts>(Observation<TFacts> observation) where TFacts : ResourceFacts => observation switch
    {
        Absent<TFacts> a => new Seen { Presence = Presence.Absent, Next = a.Next, Terminal = a.Terminal, InProgress = a.InProgress, Failure = a.Failure },
        Ambiguous<TFacts> m => new Seen { Presence = Presence.Ambiguous, Candidates = m.Candidates, InProgress = m.InProgress, Failure = m.Failure },
        Present<TFacts> p => new Seen
        {
            Presence = Presence.Present,
            Facts = p.Facts,
            Parts = p.Parts.IsDefault ? [] : p.Parts,
            State = p.State,
            Mark = p.Mark,
            Incarnation = p.Incarnation,
            Drift = p.Drift,
            Next = p.Next,
            Resolved = p.Resolved,
            InProgress = p.InProgress,
            Failure = p.Failure,
        },
        _ => throw new CaseFailedException($"{observation.GetType().Name} is no observation of the contract (DC-91)."),
    };

    public override string ToString() => (Error is { } e ? $"look failed with {Show.Of(e)}"
        : $"{Presence}{(Presence == Presence.Present ? $" {State}, mark {Mark}, incarnation {Incarnation}, parts {Show.Of(Parts)}" : "")}{(Candidates.IsEmpty ? "" : $" candidates {Show.Of(Candidates)}")}"
        + $"{(Drift.IsEmpty ? "" : $", drift {string.Join(", ", Drift.Select(d => $"{d.Path} ({d.Remedy}: {d.Desired} / {d.Actual})"))}")}"
        + $"{(Next is null ? "" : $", next {Next.Verb} {Next.Part} ({Next.Class}) {Next.Description}")}{(Terminal ? ", terminal" : "")}"
        + $"{(InProgress is null ? "" : $", in progress {Show.Of(InProgress)}")}{(Failure is null ? "" : $", failure {Show.Of(Failure)}")}"
        + $"{(Resolved.IsEmpty ? "" : $", resolved {Show.Of(Resolved)}")}{(Facts is null ? "" : $", facts {Show.Json(Facts)}")}");
}

/// <summary>What a mutation led to, whatever the kind.</summary>
internal sealed record StepResult
{
    /// <summary>Done, and what was seen with it; null when the answer showed nothing.</summary>
    public Seen? Seen { get; init; }

    public bool Done { get; init; }

    /// <summary>Running.</summary>
    public Progress? Progress { get; init; }

    /// <summary>Failed.</summary>
    public DriverError? Error { get; init; }

    public ImmutableArray<Part> Parts { get; init; } = [];
    public ImmutableDictionary<string, string> Resolved { get; init; } = ImmutableDictionary<string, string>.Empty;

    public static StepResult Of<TFacts>(Outcome<TFacts> outcome) where TFacts : ResourceFacts
    {
        var result = outcome switch
        {
            Done<TFacts> d => new StepResult { Done = true, Seen = d.Observation is { } seen ? Conformance.Seen.Of(seen) : null },
            Running<TFacts> r => new StepResult { Progress = r.Progress },
            Failed<TFacts> f => new StepResult { Error = f.Error },
            _ => throw new CaseFailedException($"{outcome.GetType().Name} is no outcome of the contract (DC-91)."),
        };
        return result with { Parts = outcome.Parts, Resolved = outcome.Resolved };
    }

    public override string ToString() => (
        (Error is { } e ? $"failed with {Show.Of(e)}" : Progress is { } p ? $"running {Show.Of(p)}" : $"done{(Seen is null ? "" : $" and saw {Seen}")}")
        + $"{(Parts.IsEmpty ? "" : $", parts {Show.Of(Parts)}")}{(Resolved.IsEmpty ? "" : $", resolved {Show.Of(Resolved)}")}");
}

/// <summary>One page without its type parameter.</summary>
internal sealed record Page
{
    public DriverError? Error { get; init; }
    public ImmutableArray<PageItem> Items { get; init; } = [];
    public string? Next { get; init; }
    public bool Complete { get; init; }

    public override string ToString() => Error is { } e ? $"listing failed with {Show.Of(e)}"
        : $"page of {Items.Length}, complete {Complete}, next {Next}: {string.Join("; ", Items.Select(i => $"{i.Name} {i.Incarnation} {i.State} {Show.Of(i.Parts)} revision {i.Revision}{(i.Facts is null ? "" : Show.Json(i.Facts))}"))}";
}

/// <summary>One listed object.</summary>
internal sealed record PageItem
{
    public required string Name { get; init; }
    public required long Incarnation { get; init; }
    public required ImmutableArray<Part> Parts { get; init; }
    public required Lifecycle State { get; init; }
    public ResourceFacts? Facts { get; init; }
    public string? Revision { get; init; }
    public DateTimeOffset? CreatedAt { get; init; }
}

/// <summary>Contract values as text, for messages and for the leak check.</summary>
internal static class Show
{
    private static readonly JsonSerializerOptions Options = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Of(DriverError e) =>
        $"{e.Code}, effect {e.Effect}, scope {e.Scope}: {e.Message}{(e.Field is null ? "" : $" [field {e.Field}]")}{(e.PlatformCode is null ? "" : $" [code {e.PlatformCode}]")}"
        + $"{(e.RequestId is null ? "" : $" [request {e.RequestId}]")}{(e.RetryAfter is null ? "" : $" [retry after {e.RetryAfter}]")}{(e.BlockedBy.IsEmpty ? "" : $" [blocked by {string.Join(", ", e.BlockedBy)}]")}";

    public static string Of(ImmutableArray<Part> parts) => parts.IsDefault ? "(default)" : string.Join(", ", parts.Select(p => $"{p.Name}={p.Id}"));

    public static string Of(ImmutableDictionary<string, string> pairs) => string.Join(", ", pairs.Select(p => $"{p.Key}={p.Value}"));

    public static string Of(Progress p) => $"({p.WaitingFor}, look again after {p.LookAgainAfter}, handle {p.Handle?.Data}, {p.Message})";

    public static string Of(Finding f) => $"{f.Path}: {f.Message}{(f.Capability is null ? "" : $" [capability {f.Capability}]")}{(f.Tolerated ? " [tolerated]" : "")}";

    public static string Json(object value) => JsonSerializer.Serialize(value, value.GetType(), Options);
}

/// <summary>What an inspection found, whatever the kind.</summary>
internal sealed record Inspected
{
    public DriverError? Error { get; init; }
    public ImmutableArray<Part> Parts { get; init; } = [];
    public MarkState Mark { get; init; }
    public string? Owner { get; init; }
    public Lifecycle State { get; init; }
    public ResourceFacts? Facts { get; init; }

    public override string ToString() => Error is { } e ? $"inspection failed with {Show.Of(e)}"
        : $"mark {Mark}, owner {Owner}, {State}, parts {Show.Of(Parts)}, facts {(Facts is null ? "none" : Show.Json(Facts))}";
}
