using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.Resources.Compute;

/// <summary>One sandbox or virtual machine in one Location.</summary>
public sealed class Instance : KubeObject
{
    public InstanceSpec Spec { get; set; } = new();
    public InstanceStatus? Status { get; set; }
}

public sealed class InstanceSpec : KubeData
{
    public InstanceRuntime Runtime { get; set; } = new();
    public List<InstanceNetworkInterface> NetworkInterfaces { get; set; } = [];
    public List<InstanceVolume>? Volumes { get; set; }
    /// <summary>Set by the core controllers, never in a template.</summary>
    public LocationReference? Location { get; set; }
    /// <summary>Set by the core controllers, never in a template.</summary>
    public InstanceControllerSpec? Controller { get; set; }
}

/// <summary>What the core controllers tell about the instance.</summary>
public sealed class InstanceControllerSpec : KubeData
{
    /// <summary>Opaque: a provider copies it, nobody computes it a second time.</summary>
    public string TemplateHash { get; set; } = "";
    /// <summary>While one is left, of any name, a provider does nothing.</summary>
    public List<SchedulingGate>? SchedulingGates { get; set; }
}

public sealed class SchedulingGate : KubeData
{
    public string Name { get; set; } = "";
}

public sealed class InstanceNetworkInterface : KubeData
{
    public NetworkReference Network { get; set; } = new();
    public InterfaceNetworkPolicy? NetworkPolicy { get; set; }
}

public sealed class InterfaceNetworkPolicy : KubeData
{
    public List<NetworkPolicyIngressRule>? Ingress { get; set; }
}

public sealed class InstanceStatus : KubeData
{
    public List<Condition>? Conditions { get; set; }
    public List<InstanceNetworkInterfaceStatus>? NetworkInterfaces { get; set; }
    public InstanceControllerStatus? Controller { get; set; }
}

public sealed class InstanceNetworkInterfaceStatus : KubeData
{
    public NetworkAssignments? Assignments { get; set; }
}

public sealed class NetworkAssignments : KubeData
{
    [System.Text.Json.Serialization.JsonPropertyName("networkIP")]
    public string? NetworkIP { get; set; }
    [System.Text.Json.Serialization.JsonPropertyName("externalIP")]
    public string? ExternalIP { get; set; }
}

public sealed class InstanceControllerStatus : KubeData
{
    /// <summary>The spec's template hash at the moment at which the instance became programmed.</summary>
    public string ObservedTemplateHash { get; set; } = "";
}
