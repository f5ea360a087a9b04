using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources.Networking;

/// <summary>Asks for a Network to be present in a Location.</summary>
public sealed class NetworkBinding : KubeObject
{
    public NetworkBindingSpec Spec { get; set; } = new();
    public NetworkBindingStatus? Status { get; set; }
}

public sealed class NetworkBindingSpec : KubeData
{
    public NetworkReference Network { get; set; } = new();
    public LocationReference Location { get; set; } = new();
}

public sealed class NetworkBindingStatus : KubeData
{
    public NetworkContextReference? NetworkContextRef { get; set; }
    public List<Condition>? Conditions { get; set; }
}

/// <summary>Names a NetworkContext in a namespace.</summary>
public sealed class NetworkContextReference : KubeData
{
    public string Namespace { get; set; } = "";
    public string Name { get; set; } = "";
}

/// <summary>One Network in one Location.</summary>
public sealed class NetworkContext : KubeObject
{
    public NetworkContextSpec Spec { get; set; } = new();
    public NetworkContextStatus? Status { get; set; }
}

public sealed class NetworkContextSpec : KubeData
{
    public LocalReference Network { get; set; } = new();
    public LocationReference Location { get; set; } = new();
}

public sealed class NetworkContextStatus : KubeData
{
    public List<Condition>? Conditions { get; set; }
}

/// <summary>Names an object in the same namespace.</summary>
public sealed class LocalReference : KubeData
{
    public string Name { get; set; } = "";
}
