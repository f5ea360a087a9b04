using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Ipam;

/// <summary>What <c>spec.ipam</c> of a Network asks for.</summary>
public static class IpamWish
{
    /// <summary>Why no address can be given out by it (reason and a message that names the field); null when it can.</summary>
    public static (string Reason, string Message)? Problem(Network network)
    {
        ArgumentNullException.ThrowIfNull(network);
        var ipam = network.Spec.Ipam;
        if (ipam.Mode is not ("Auto" or ""))
        {
            return ipam.Mode == "Policy"
                ? (Reasons.Unsupported, "spec.ipam.mode: Policy is not supported, as there is no kind of policy that could say where addresses come from; use Auto.")
                : (Reasons.ConfigurationError, $"spec.ipam.mode is '{ipam.Mode}'; Auto is possible.");
        }

        return Of(IpFamily.IPv4, "ipv4Range", ipam.IPv4Range) ?? All(IpFamily.IPv4, "ipv4Ranges", ipam.IPv4Ranges)
            ?? Of(IpFamily.IPv6, "ipv6Range", ipam.IPv6Range) ?? All(IpFamily.IPv6, "ipv6Ranges", ipam.IPv6Ranges);
    }

    private static (string, string)? All(IpFamily family, string field, List<string>? ranges) =>
        (ranges ?? []).Select((range, i) => Of(family, $"{field}[{i}]", range)).FirstOrDefault(p => p is not null);

    private static (string, string)? Of(IpFamily family, string field, string? range)
    {
        if (string.IsNullOrEmpty(range))
            return null;
        if (!IpPrefix.TryParse(range, out var prefix, out var error))
            return (Reasons.ConfigurationError, $"spec.ipam.{field}: {error}.");
        if (prefix.Family != family)
            return (Reasons.ConfigurationError, $"spec.ipam.{field}: {prefix} is not {family}.");
        return prefix.Length > PrefixAllocator.LongestLength(family)
            ? (Reasons.ConfigurationError, $"spec.ipam.{field}: {prefix} has no room for instances; its prefix length is at most {PrefixAllocator.LongestLength(family)}.")
            : null;
    }
}
