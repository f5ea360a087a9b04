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

/// <summary>Where the autoscaler learns what instances use. The driver contract has no usage yet, so a host gives none and maxReplicas isn't acted on.</summary>
public interface IInstanceUsage
{
    /// <summary>The newest measurement of an Instance, by its UID; null when there is none. Reads memory only.</summary>
    InstanceUsage? Find(string instanceUid);
}
