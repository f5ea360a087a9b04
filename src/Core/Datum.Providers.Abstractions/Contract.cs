namespace Datum.Providers;

/// <summary>The version of this contract. A driver built for major.minor runs on every host of the same major and of the same or a later minor.</summary>
public static class Contract
{
    /// <summary>Major and minor.</summary>
    public static Version Version { get; } = new(1, 1);
}

/// <summary>The kinds of resources.</summary>
public enum ResourceKind
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary>A private network.</summary>
    Network = 1,

    /// <summary>An address range in a network.</summary>
    Subnet = 2,

    /// <summary>A set of ingress rules.</summary>
    Firewall = 3,

    /// <summary>A reserved address.</summary>
    Address = 4,

    /// <summary>A data disk.</summary>
    Disk = 5,

    /// <summary>A secret in the platform's store.</summary>
    Secret = 6,

    /// <summary>A machine, pod or job.</summary>
    Instance = 7,
}
