namespace Datum.Providers.Resources;

/// <summary>Types of conditions.</summary>
public static class ConditionTypes
{
    /// <summary>Workload, WorkloadDeployment; on newer planes also Instance.</summary>
    public const string Available = "Available";
    /// <summary>Instance, NetworkContext, Subnet: the platform has what was asked for.</summary>
    public const string Programmed = "Programmed";
    /// <summary>Instance.</summary>
    public const string Running = "Running";
    public const string Ready = "Ready";
    /// <summary>Subnet: a prefix was assigned.</summary>
    public const string Allocated = "Allocated";
    /// <summary>Location: driver and config were found and the block is valid.</summary>
    public const string Accepted = "Accepted";
    /// <summary>ManagedResource: the last operation succeeded and nothing drifts.</summary>
    public const string Synced = "Synced";
    /// <summary>WorkloadDeployment: where it was placed and why not elsewhere.</summary>
    public const string Scheduled = "Scheduled";
    /// <summary>WorkloadDeployment: whether maxReplicas and metrics are acted on; absent where none are set.</summary>
    public const string ScalingActive = "ScalingActive";
    /// <summary>Sink of an ExportPolicy: whether its receiver takes what is sent.</summary>
    public const string Delivering = "Delivering";
    /// <summary>Deletion waits for something; the message names it.</summary>
    public const string DeletionBlocked = "DeletionBlocked";
    public const string Paused = "Paused";
    /// <summary>ProviderConfig: law L15 holds changes back until a person confirms.</summary>
    public const string Held = "Held";
}

/// <summary>The three values of a condition's status.</summary>
public static class ConditionStatus
{
    public const string True = "True";
    public const string False = "False";
    public const string Unknown = "Unknown";

    /// <summary>True or False.</summary>
    public static string Of(bool value) => value ? True : False;
}
