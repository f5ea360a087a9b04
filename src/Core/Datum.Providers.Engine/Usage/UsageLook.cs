namespace Datum.Providers.Engine.Usage;

/// <summary>What is known of an Instance's use.</summary>
/// <param name="Newest">The newest measurement, however old; null when there is none.</param>
/// <param name="Why">Why there is none, or no newer one, as a sentence for people; null when it is only to come.</param>
/// <param name="Unsupported">True when its driver measures nothing.</param>
public sealed record UsageLook(UsageMeasurement? Newest, string? Why = null, bool Unsupported = false);

/// <summary>One measurement.</summary>
public sealed record UsageMeasurement
{
    /// <summary>Thousandths of a processor; null when the platform doesn't say.</summary>
    public long? CpuMillis { get; init; }

    /// <summary>Thousandths of a processor that were asked for, or that the platform says it has; null when neither is known.</summary>
    public long? CpuCapacityMillis { get; init; }

    /// <summary>Bytes; null when the platform doesn't say.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>When it ended; never later than the question for it, whatever the platform's clock says.</summary>
    public required DateTimeOffset At { get; init; }
}
