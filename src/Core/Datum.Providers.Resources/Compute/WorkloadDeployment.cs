using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.Resources.Compute;

/// <summary>One placement of a Workload in one city.</summary>
public sealed class WorkloadDeployment : KubeObject
{
    public WorkloadDeploymentSpec Spec { get; set; } = new();
    public WorkloadDeploymentStatus? Status { get; set; }
}

public sealed class WorkloadDeploymentSpec : KubeData
{
    public WorkloadReference WorkloadRef { get; set; } = new();
    public string PlacementName { get; set; } = "";
    public string CityCode { get; set; } = "";
    public InstanceTemplate Template { get; set; } = new();
    public ScaleSettings ScaleSettings { get; set; } = new();
}

public sealed class WorkloadReference : KubeData
{
    public string Name { get; set; } = "";
    public string Uid { get; set; } = "";
}

/// <summary>Every counter is required by the schema, also when it is zero.</summary>
public sealed class WorkloadDeploymentStatus : KubeData
{
    /// <summary>Where the scheduler put the deployment; null until then.</summary>
    public LocationReference? Location { get; set; }
    public List<Condition>? Conditions { get; set; }
    public int Replicas { get; set; }
    /// <summary>Instances that were made from the current template.</summary>
    public int CurrentReplicas { get; set; }
    public int DesiredReplicas { get; set; }
    public int ReadyReplicas { get; set; }
}
