using Datum.Providers.ControlPlane.Ipam;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Networking;

/// <summary>Which range a Subnet has.</summary>
public static class SubnetRanges
{
    public static IpFamily Family(string? text) => text switch
    {
        "IPv4" => IpFamily.IPv4,
        "IPv6" => IpFamily.IPv6,
        _ => IpFamily.Unknown,
    };

    /// <summary>The range that the status says is allocated; null when there is none.</summary>
    public static IpPrefix? Allocated(Subnet subnet)
    {
        ArgumentNullException.ThrowIfNull(subnet);
        return Conditions.IsTrue(subnet.Status?.Conditions, ConditionTypes.Allocated)
            ? Parse(subnet.Status?.StartAddress, subnet.Status?.PrefixLength ?? 0)
            : null;
    }

    /// <summary>The range that nobody else can have: the allocated one, or the one that the spec asks for unless that was refused.</summary>
    public static IpPrefix? Held(Subnet subnet)
    {
        ArgumentNullException.ThrowIfNull(subnet);
        return Allocated(subnet)
            ?? (Conditions.IsFalse(subnet.Status?.Conditions, ConditionTypes.Allocated) ? null : Parse(subnet.Spec.StartAddress, subnet.Spec.PrefixLength));
    }

    private static IpPrefix? Parse(string? address, int length) =>
        !string.IsNullOrEmpty(address) && length > 0 && IpPrefix.TryParse(address, length, out var prefix, out _) ? prefix : null;
}
