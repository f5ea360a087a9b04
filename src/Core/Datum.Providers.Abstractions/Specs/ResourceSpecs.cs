namespace Datum.Providers;

/// <summary>
/// A wish. The host keeps it as canonical JSON (<see cref="ContractJson"/>); records are never compared with <c>==</c>.
/// Everything optional is null or empty when not wished for.
/// </summary>
public abstract record ResourceSpec
{
    private protected ResourceSpec()
    {
    }

    /// <summary>
    /// The frozen location block as it was accepted, as JSON text; fields that decide where the resource lives (zone, node) are read from here.
    /// </summary>
    public string? LocationJson { get; init; }

    /// <summary>Labels of the owner, for people; never marks, never decisions.</summary>
    public ImmutableDictionary<string, string> Labels { get => field ?? ImmutableDictionary<string, string>.Empty; init; }
}

/// <summary>Another entry that this one needs. The host calls only when it is ready, and fills in what is known of it.</summary>
public sealed record Reference
{
    /// <summary><see cref="Identity.Name"/> of the entry.</summary>
    public required string Name { get; init; }

    /// <summary>Its parts; filled in by the host for a call, never stored.</summary>
    public ImmutableArray<Part> Parts { get => field.IsDefault ? [] : field; init; }

    /// <summary>The provider id of its first part, or null.</summary>
    public string? ProviderId => Parts.Length > 0 ? Parts[0].Id : null;
}

/// <summary>A private network.</summary>
public sealed record NetworkSpec : ResourceSpec
{
    /// <summary>
    /// RangeFirst platforms: the prefixes of the network. With <see cref="SubnetSupport.InNetwork"/> these are the subnets themselves.
    /// Empty on NetworkFirst platforms. CIDR text, e.g. <c>10.128.0.0/20</c>.
    /// </summary>
    public ImmutableArray<string> Ranges { get => field.IsDefault ? [] : field; init; }

    /// <summary>Families that the network shall carry: <c>IPv4</c>, <c>IPv6</c>.</summary>
    public ImmutableArray<string> IpFamilies { get => field.IsDefault ? [] : field; init; }

    /// <summary>Bytes; 1300 to 8856.</summary>
    public int? Mtu { get; init; }
}

/// <summary>An address range in a network.</summary>
public sealed record SubnetSpec : ResourceSpec
{
    /// <summary>The network.</summary>
    public required Reference Network { get; init; }

    /// <summary>CIDR text.</summary>
    public required string Range { get; init; }
}

/// <summary>Allow-only ingress rules; what no rule allows is denied.</summary>
public sealed record FirewallSpec : ResourceSpec
{
    /// <summary>The network.</summary>
    public required Reference Network { get; init; }

    /// <summary>The rules; order doesn't matter.</summary>
    public ImmutableArray<IngressRule> Ingress { get => field.IsDefault ? [] : field; init; }
}

/// <summary>One ingress rule, normalised by the host: one family, numeric ports, no exceptions.</summary>
public sealed record IngressRule
{
    /// <summary><c>TCP</c>, <c>UDP</c> or <c>SCTP</c>; null for every protocol.</summary>
    public string? Protocol { get; init; }

    /// <summary>First port; null for all ports.</summary>
    public int? Port { get; init; }

    /// <summary>Last port; null when it is one port.</summary>
    public int? EndPort { get; init; }

    /// <summary>Source prefix, e.g. <c>0.0.0.0/0</c>; never empty.</summary>
    public required string Source { get; init; }
}

/// <summary>A reserved address.</summary>
public sealed record AddressSpec : ResourceSpec
{
    /// <summary><c>IPv4</c> or <c>IPv6</c>.</summary>
    public required string IpFamily { get; init; }
}

/// <summary>A data disk.</summary>
public sealed record DiskSpec : ResourceSpec
{
    /// <summary>Whole GiB.</summary>
    public required int SizeGiB { get; init; }

    /// <summary>The Datum disk type, e.g. <c>pd-standard</c>.</summary>
    public string? Type { get; init; }

    /// <summary>The filesystem to make, e.g. <c>ext4</c>; null for none.</summary>
    public string? Filesystem { get; init; }
}

/// <summary>A secret in the platform's store.</summary>
public sealed record SecretSpec : ResourceSpec
{
    /// <summary>Where its contents come from.</summary>
    public required PayloadReference Payload { get; init; }
}

/// <summary>A config map or secret by name. Contents are never in a spec; <see cref="Hash"/> changes with them.</summary>
public sealed record PayloadReference
{
    /// <summary>The object's name, in the owner's namespace.</summary>
    public required string Name { get; init; }

    /// <summary>True for a secret.</summary>
    public required bool Secret { get; init; }

    /// <summary>A keyed hash of the contents; null before they were read.</summary>
    public string? Hash { get; init; }

    /// <summary>True when its absence is fine. Default false.</summary>
    public bool Optional { get; init; }
}
