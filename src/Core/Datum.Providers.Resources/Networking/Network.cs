using System.Text.Json.Serialization;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources.Networking;

/// <summary>A private network that spans Locations.</summary>
public sealed class Network : KubeObject
{
    public NetworkSpec Spec { get; set; } = new();
    public NetworkStatus? Status { get; set; }
}

public sealed class NetworkSpec : KubeData
{
    public NetworkIpam Ipam { get; set; } = new();
    /// <summary>IPv4, IPv6 or both; [IPv4] where the schema applies its default.</summary>
    public List<string>? IpFamilies { get; set; }
    /// <summary>Bytes; 1460 where the schema applies its default.</summary>
    public int? Mtu { get; set; }
}

/// <summary>Where addresses come from. Ranges are CIDR prefixes; the singular form is upstream's, the plural one the seed documents'.</summary>
public sealed class NetworkIpam : KubeData
{
    /// <summary>Auto or Policy.</summary>
    public string Mode { get; set; } = "";
    [JsonPropertyName("ipv4Range")]
    public string? IPv4Range { get; set; }
    [JsonPropertyName("ipv6Range")]
    public string? IPv6Range { get; set; }
    [JsonPropertyName("ipv4Ranges")]
    public List<string>? IPv4Ranges { get; set; }
    [JsonPropertyName("ipv6Ranges")]
    public List<string>? IPv6Ranges { get; set; }

    /// <summary>The IPv4 ranges of both forms in order, without repetition; empty means the default.</summary>
    [JsonIgnore, JsonPropertyName("\0allIPv4Ranges")]
    public IReadOnlyList<string> AllIPv4Ranges => Merge(IPv4Range, IPv4Ranges);

    /// <summary>The IPv6 ranges of both forms in order, without repetition; empty means the default.</summary>
    [JsonIgnore, JsonPropertyName("\0allIPv6Ranges")]
    public IReadOnlyList<string> AllIPv6Ranges => Merge(IPv6Range, IPv6Ranges);

    private static List<string> Merge(string? single, List<string>? several) =>
        [.. new[] { single }.Concat(several ?? []).Where(r => !string.IsNullOrEmpty(r)).Select(r => r!).Distinct(StringComparer.Ordinal)];
}

public sealed class NetworkStatus : KubeData
{
    public List<Condition>? Conditions { get; set; }
}

/// <summary>Names a Network; without a namespace it is in the namespace of the object that refers to it.</summary>
public sealed class NetworkReference : KubeData
{
    public string Name { get; set; } = "";
    public string? Namespace { get; set; }
}

/// <summary>One ingress rule that upstream defines for NetworkPolicy and uses inline in network interfaces.</summary>
public sealed class NetworkPolicyIngressRule : KubeData
{
    /// <summary>Empty allows every port.</summary>
    public List<NetworkPolicyPort>? Ports { get; set; }
    /// <summary>Empty allows every source.</summary>
    public List<NetworkPolicyPeer>? From { get; set; }
}

public sealed class NetworkPolicyPort : KubeData
{
    /// <summary>TCP, UDP or SCTP; TCP where it is absent.</summary>
    public string? Protocol { get; set; }
    /// <summary>A number or the name of a port of the instance; absent means every port.</summary>
    public IntOrString? Port { get; set; }
    /// <summary>The end of a range that starts at a numeric port, inclusive.</summary>
    public int? EndPort { get; set; }
}

public sealed class NetworkPolicyPeer : KubeData
{
    public IPBlock? IpBlock { get; set; }
}

/// <summary>A CIDR prefix without the prefixes in <see cref="Except"/>.</summary>
public sealed class IPBlock : KubeData
{
    public string Cidr { get; set; } = "";
    public List<string>? Except { get; set; }
}

/// <summary>Upstream's kind without members: served, and answered that nothing is made from it.</summary>
public sealed class NetworkPolicy : KubeObject
{
    public NetworkPolicySpec? Spec { get; set; }
    public NetworkPolicyStatus? Status { get; set; }
}

/// <summary>Upstream defines no members.</summary>
public sealed class NetworkPolicySpec : KubeData;

/// <summary>Upstream defines no members; the conditions are ours.</summary>
public sealed class NetworkPolicyStatus : KubeData
{
    public List<Condition>? Conditions { get; set; }
}
