using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources.Compute;

/// <summary>What a user wants to run, and where.</summary>
public sealed class Workload : KubeObject
{
    public WorkloadSpec Spec { get; set; } = new();
    public WorkloadStatus? Status { get; set; }
}

public sealed class WorkloadSpec : KubeData
{
    public InstanceTemplate Template { get; set; } = new();
    public List<Placement> Placements { get; set; } = [];
}

/// <summary>The metadata and spec that new instances get.</summary>
public sealed class InstanceTemplate : KubeData
{
    public TemplateMetadata? Metadata { get; set; }
    public InstanceSpec Spec { get; set; } = new();
}

/// <summary>The part of an object's metadata that a server keeps inside of a template.</summary>
public sealed class TemplateMetadata : KubeData
{
    public string? Name { get; set; }
    public string? Namespace { get; set; }
    public Dictionary<string, string>? Labels { get; set; }
    public Dictionary<string, string>? Annotations { get; set; }
    public List<string>? Finalizers { get; set; }
}

/// <summary>One group of instances: in every city of <see cref="CityCodes"/> as many as <see cref="ScaleSettings"/> say.</summary>
public sealed class Placement : KubeData
{
    public string Name { get; set; } = "";
    public List<string> CityCodes { get; set; } = [];
    public ScaleSettings ScaleSettings { get; set; } = new();
}

public sealed class ScaleSettings : KubeData
{
    public int MinReplicas { get; set; }
    public int? MaxReplicas { get; set; }
    public List<ScaleMetric>? Metrics { get; set; }
    /// <summary>OrderedReady where the schema applies its default.</summary>
    public string? InstanceManagementPolicy { get; set; }
}

public sealed class ScaleMetric : KubeData
{
    public ResourceMetric? Resource { get; set; }
}

public sealed class ResourceMetric : KubeData
{
    public string Name { get; set; } = "";
    public ResourceMetricTarget Target { get; set; } = new();
}

/// <summary>Exactly one member is set.</summary>
public sealed class ResourceMetricTarget : KubeData
{
    public IntOrString? Value { get; set; }
    public IntOrString? AverageValue { get; set; }
    /// <summary>Percent of what was requested.</summary>
    public int? AverageUtilization { get; set; }
}

/// <summary>Every counter is required by the schema, also when it is zero.</summary>
public sealed class WorkloadStatus : KubeData
{
    public List<Condition>? Conditions { get; set; }
    public int Deployments { get; set; }
    public int Replicas { get; set; }
    /// <summary>Instances that were made from the current template.</summary>
    public int CurrentReplicas { get; set; }
    public int DesiredReplicas { get; set; }
    public int ReadyReplicas { get; set; }
    public List<PlacementStatus>? Placements { get; set; }
}

public sealed class PlacementStatus : KubeData
{
    public string Name { get; set; } = "";
    public List<Condition>? Conditions { get; set; }
    public int Replicas { get; set; }
    public int CurrentReplicas { get; set; }
    public int DesiredReplicas { get; set; }
    public int ReadyReplicas { get; set; }
}
