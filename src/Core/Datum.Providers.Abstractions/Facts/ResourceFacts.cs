namespace Datum.Providers;

/// <summary>What is. Only what one look can find again; no secret.</summary>
public abstract record ResourceFacts
{
    private protected ResourceFacts()
    {
    }

    /// <summary>The platform's own word for the state; for people.</summary>
    public string? PlatformState { get; init; }
}

/// <summary>Which account a session speaks for.</summary>
public sealed record AccountFacts
{
    /// <summary>Stable and never empty; changes only when the session would see other objects.</summary>
    public required string AccountId { get; init; }

    /// <summary>For people; may be null.</summary>
    public string? DisplayName { get; init; }

    /// <summary>The platform's version; may be null.</summary>
    public string? PlatformVersion { get; init; }

    /// <summary>What this very account can't do although the descriptor says that the platform can.</summary>
    public ImmutableArray<Finding> Limitations { get => field.IsDefault ? [] : field; init; }
}

/// <summary>A network.</summary>
public sealed record NetworkFacts : ResourceFacts
{
    /// <summary>Its prefixes, where the network holds them.</summary>
    public ImmutableArray<string> Ranges { get => field.IsDefault ? [] : field; init; }

    /// <summary>Bytes; null when the platform doesn't say.</summary>
    public int? Mtu { get; init; }
}

/// <summary>A subnet.</summary>
public sealed record SubnetFacts : ResourceFacts
{
    /// <summary>Its prefix.</summary>
    public string? Range { get; init; }

    /// <summary>Its gateway; null when there is none.</summary>
    public string? Gateway { get; init; }
}

/// <summary>A firewall.</summary>
public sealed record FirewallFacts : ResourceFacts;

/// <summary>A reserved address.</summary>
public sealed record AddressFacts : ResourceFacts
{
    /// <summary>The address.</summary>
    public string? Address { get; init; }
}

/// <summary>A data disk.</summary>
public sealed record DiskFacts : ResourceFacts
{
    /// <summary>Whole GiB; null when the platform doesn't limit it.</summary>
    public int? SizeGiB { get; init; }

    /// <summary>Provider ids of what uses it.</summary>
    public ImmutableArray<string> UsedBy { get => field.IsDefault ? [] : field; init; }
}

/// <summary>A secret.</summary>
public sealed record SecretFacts : ResourceFacts
{
    /// <summary><see cref="PayloadReference.Hash"/> that it was made from.</summary>
    public string? Hash { get; init; }
}

/// <summary>An instance.</summary>
public sealed record InstanceFacts : ResourceFacts
{
    /// <summary>Power, apart from health.</summary>
    public required PowerState Power { get; init; }

    /// <summary>What the guest or its containers say of themselves.</summary>
    public GuestHealth Guest { get; init; }

    /// <summary>Why the guest isn't well; for people.</summary>
    public string? GuestMessage { get; init; }

    /// <summary>Addresses by interface.</summary>
    public ImmutableArray<InterfaceFacts> Interfaces { get => field.IsDefault ? [] : field; init; }

    /// <summary>Containers, where the driver sees them.</summary>
    public ImmutableArray<ContainerFacts> Containers { get => field.IsDefault ? [] : field; init; }

    /// <summary>False when rules were wished for and aren't enforced; null when none were.</summary>
    public bool? PolicyEnforced { get; init; }
}

/// <summary>Power of an instance.</summary>
public enum PowerState
{
    /// <summary>The platform doesn't say.</summary>
    Unknown = 0,

    /// <summary>Coming up.</summary>
    Starting = 1,

    /// <summary>On.</summary>
    Running = 2,

    /// <summary>Going down.</summary>
    Stopping = 3,

    /// <summary>Off.</summary>
    Stopped = 4,
}

/// <summary>Health as the guest reports it.</summary>
public enum GuestHealth
{
    /// <summary>Nobody reports.</summary>
    Unknown = 0,

    /// <summary>Not ready, or not ready any more.</summary>
    NotReady = 1,

    /// <summary>Ready.</summary>
    Ready = 2,
}

/// <summary>Addresses of one interface.</summary>
public sealed record InterfaceFacts
{
    /// <summary><see cref="InterfaceSpec.Name"/>.</summary>
    public required string Name { get; init; }

    /// <summary>Private addresses, IPv4 first.</summary>
    public ImmutableArray<string> NetworkAddresses { get => field.IsDefault ? [] : field; init; }

    /// <summary>Addresses reachable from outside, IPv4 first.</summary>
    public ImmutableArray<string> ExternalAddresses { get => field.IsDefault ? [] : field; init; }
}

/// <summary>One container.</summary>
public sealed record ContainerFacts
{
    /// <summary><see cref="ContainerSpec.Name"/>.</summary>
    public required string Name { get; init; }

    /// <summary>True when its process runs.</summary>
    public required bool Running { get; init; }

    /// <summary>Exit code of the last end; null when it never ended.</summary>
    public int? ExitCode { get; init; }

    /// <summary>One of upstream's shared words: <c>ImageUnavailable</c>, <c>InstanceCrashing</c>, <c>ConfigurationError</c>, <c>Provisioning</c>; null when all is well.</summary>
    public string? Reason { get; init; }

    /// <summary>A sentence for the user; no secret.</summary>
    public string? Message { get; init; }
}
