namespace Datum.Providers.Conformance;

/// <summary>What came of a case or of its run for one kind.</summary>
public enum CaseStatus
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary>The rule holds.</summary>
    Passed = 1,

    /// <summary>The rule is broken.</summary>
    Failed = 2,

    /// <summary>The descriptor or the world doesn't have what the case is about; counted apart.</summary>
    NotApplicable = 3,
}

/// <summary>The run of one case for one kind, or of a case that isn't about kinds.</summary>
public sealed record KindResult
{
    /// <summary>The kind; Unknown for a case that isn't about kinds.</summary>
    public required ResourceKind Kind { get; init; }

    /// <summary>What came of it.</summary>
    public required CaseStatus Status { get; init; }

    /// <summary>Why it failed or isn't applicable; empty when it passed.</summary>
    public string Message { get; init; } = "";

    /// <summary>Calls by verb.</summary>
    public required ImmutableSortedDictionary<string, long> Calls { get; init; }

    /// <summary>Faults that hit a request.</summary>
    public required long FaultsInjected { get; init; }

    /// <summary>Places that the case could break at one by one; 0 when it doesn't do that.</summary>
    public long BreakPoints { get; init; }

    /// <summary>Those of them that it did break at: fewer where the world sets <see cref="ConformanceWorld.MostBreakPoints"/>.</summary>
    public long BreakPointsTried { get; init; }
}

/// <summary>The result of one case.</summary>
public sealed record CaseResult
{
    /// <summary>The case.</summary>
    public required ConformanceCase Case { get; init; }

    /// <summary>Failed when a kind failed, else passed when one passed, else not applicable.</summary>
    public CaseStatus Status =>
        Runs.Any(r => r.Status == CaseStatus.Failed) ? CaseStatus.Failed
        : Runs.Any(r => r.Status == CaseStatus.Passed) ? CaseStatus.Passed
        : CaseStatus.NotApplicable;

    /// <summary>One entry for each kind, or a single one.</summary>
    public required ImmutableArray<KindResult> Runs { get; init; }

    /// <summary>How long it took.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Why it failed, or why it isn't applicable; the kinds one below the other.</summary>
    public string Message => string.Join(Environment.NewLine,
        Runs.Where(r => r.Status == Status && r.Message.Length > 0)
            .Select(r => r.Kind == ResourceKind.Unknown ? r.Message : $"{r.Kind}: {r.Message}")
            .Distinct());
}

/// <summary>The results of a run of the kit.</summary>
public sealed record ConformanceReport
{
    /// <summary>The driver.</summary>
    public required DriverDescriptor Driver { get; init; }

    /// <summary>One for each case that was chosen.</summary>
    public required ImmutableArray<CaseResult> Results { get; init; }

    /// <summary>Cases with a status.</summary>
    public int Count(CaseStatus status) => Results.Count(r => r.Status == status);

    /// <summary>Calls by verb.</summary>
    public ImmutableSortedDictionary<string, long> Calls => Results.SelectMany(r => r.Runs).SelectMany(r => r.Calls)
        .GroupBy(c => c.Key, StringComparer.Ordinal).ToImmutableSortedDictionary(g => g.Key, g => g.Sum(c => c.Value), StringComparer.Ordinal);

    /// <summary>Cases that passed or failed and injected a fault.</summary>
    public int FaultCases => Results.Count(r => r.Case.InjectsFault && r.Status != CaseStatus.NotApplicable);

    /// <summary>Requests that a fault hit.</summary>
    public long FaultsInjected => Results.SelectMany(r => r.Runs).Sum(r => r.FaultsInjected);
}
