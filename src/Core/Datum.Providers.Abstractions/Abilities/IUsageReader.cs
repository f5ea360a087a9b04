namespace Datum.Providers;

/// <summary>Ability <see cref="Ability.Usage"/>, since contract 1.1: what instances use, measured by the platform. Rules DC-113 to DC-115.</summary>
public interface IUsageReader
{
    /// <summary>
    /// One page: the newest measurement of each instance that carries the installation's mark. An instance that wasn't measured yet is left out.
    /// A cursor is self-contained text (DC-59).
    /// </summary>
    ValueTask<Answer<UsagePage>> ListUsageAsync(Call call, ListQuery query, string? cursor);
}

/// <summary>One page of measurements.</summary>
public sealed record UsagePage
{
    /// <summary>The measurements; each instance once over all pages.</summary>
    public required ImmutableArray<UsageSample> Items { get; init; }

    /// <summary>Cursor of the next page; null on the last.</summary>
    public string? Next { get; init; }

    /// <summary>False when the platform left something out (a zone that didn't answer).</summary>
    public required bool Complete { get; init; }
}

/// <summary>What one instance used.</summary>
public sealed record UsageSample
{
    /// <summary><see cref="Identity.Name"/> from the mark.</summary>
    public required string Name { get; init; }

    /// <summary><see cref="Identity.Incarnation"/> from the mark; 0 when it holds none.</summary>
    public required long Incarnation { get; init; }

    /// <summary>Thousandths of a processor, the average over the platform's own interval; null when the platform doesn't say.</summary>
    public long? CpuMillis { get; init; }

    /// <summary>Bytes that it can't give back; null when the platform doesn't say.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>Thousandths of a processor that it has; null when the platform doesn't say.</summary>
    public long? CpuCapacityMillis { get; init; }

    /// <summary>When the measurement ended, not when it was asked for.</summary>
    public required DateTimeOffset ObservedAt { get; init; }
}
