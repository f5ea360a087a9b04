using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources.Networking;

/// <summary>Asks for a Subnet in a NetworkContext.</summary>
public sealed class SubnetClaim : KubeObject
{
    public SubnetClaimSpec Spec { get; set; } = new();
    public SubnetClaimStatus? Status { get; set; }
}

public sealed class SubnetClaimSpec : KubeData
{
    /// <summary>e.g. <c>private</c>.</summary>
    public string SubnetClass { get; set; } = "";
    public LocalReference NetworkContext { get; set; } = new();
    public LocationReference Location { get; set; } = new();
    /// <summary>IPv4 or IPv6.</summary>
    public string IpFamily { get; set; } = "";
    public string? StartAddress { get; set; }
    public int? PrefixLength { get; set; }
}

public sealed class SubnetClaimStatus : KubeData
{
    public LocalReference? SubnetRef { get; set; }
    public string? StartAddress { get; set; }
    public int? PrefixLength { get; set; }
    public List<Condition>? Conditions { get; set; }
}

/// <summary>One range of addresses of a Network in a Location.</summary>
public sealed class Subnet : KubeObject
{
    public SubnetSpec Spec { get; set; } = new();
    public SubnetStatus? Status { get; set; }
}

/// <summary>Start address and prefix length are required by the schema, also while they are empty and zero.</summary>
public sealed class SubnetSpec : KubeData
{
    public string SubnetClass { get; set; } = "";
    public LocalReference NetworkContext { get; set; } = new();
    public LocationReference Location { get; set; } = new();
    /// <summary>IPv4 or IPv6.</summary>
    public string IpFamily { get; set; } = "";
    public string StartAddress { get; set; } = "";
    public int PrefixLength { get; set; }
}

/// <summary>The range that was allocated. A start address can be empty on planes whose allocator has no range for a city.</summary>
public sealed class SubnetStatus : KubeData
{
    public string? StartAddress { get; set; }
    public int? PrefixLength { get; set; }
    public List<Condition>? Conditions { get; set; }
}
