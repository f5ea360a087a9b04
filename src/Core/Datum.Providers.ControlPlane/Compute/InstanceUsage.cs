namespace Datum.Providers.ControlPlane.Compute;

/// <summary>What an instance used when it was measured.</summary>
public sealed record InstanceUsage
{
    /// <summary>Thousandths of a processor.</summary>
    public required long CpuMillis { get; init; }

    /// <summary>Thousandths of a processor that it has; null when nobody knows. Without it a target of averageUtilization can't be judged.</summary>
    public long? CpuCapacityMillis { get; init; }

    /// <summary>When. After <see cref="ScalePlan.SampleLife"/> it says nothing any more.</summary>
    public required DateTimeOffset At { get; init; }
}

/// <summary>What is known of an Instance's use.</summary>
/// <param name="Newest">The newest measurement; null when there is none.</param>
/// <param name="Why">Why there is none, or no newer one, as a sentence for people; null when it is only to come.</param>
/// <param name="Unsupported">True when there never will be one: its driver measures nothing.</param>
public sealed record UsageAnswer(InstanceUsage? Newest, string? Why = null, bool Unsupported = false);

/// <summary>Where the autoscaler learns what instances use. Who isn't asked doesn't measure: only deployments that scale ask, once in <see cref="ScalePlan.Period"/>.</summary>
public interface IInstanceUsage
{
    /// <summary>By the Instance's UID. Reads memory only.</summary>
    UsageAnswer Find(string instanceUid);
}
