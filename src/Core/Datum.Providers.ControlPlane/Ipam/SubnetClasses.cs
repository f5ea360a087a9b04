namespace Datum.Providers.ControlPlane.Ipam;

/// <summary>Classes of Subnets and how long their prefixes are by default.</summary>
public static class SubnetClasses
{
    /// <summary>Addresses that are reachable within the Network: /20 and /64.</summary>
    public const string Private = "private";

    /// <summary>All classes; upstream has one.</summary>
    public static IReadOnlyList<string> Known { get; } = [Private];

    /// <summary>The length of a Subnet that asks for none; null for a class that isn't known.</summary>
    public static int? DefaultLength(string subnetClass, IpFamily family) => subnetClass == Private ? NetworkRanges.DefaultLength(family) : null;
}
