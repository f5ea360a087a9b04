using System.Net;
using System.Net.Sockets;

namespace Datum.Providers.ControlPlane.Export;

/// <summary>
/// Where tenants may have data sent to. The endpoint of a policy is theirs to choose, and the host stands in the operator's network: without
/// this, a policy would be a way to reach what only the operator's network can (metadata services, other tenants, the cluster itself).
/// </summary>
public sealed record DestinationGuard
{
    /// <summary>Ranges that are reachable although they are refused otherwise, e.g. a receiver in the operator's own network.</summary>
    public IReadOnlyList<IPNetwork> Allowed { get; init; } = [];

    /// <summary>Public ranges that are refused too, e.g. those of the cluster. They win over <see cref="Allowed"/>.</summary>
    public IReadOnlyList<IPNetwork> Denied { get; init; } = [];

    /// <summary>True: endpoints with http are accepted too; user name and password then cross the network as they are.</summary>
    public bool AllowHttp { get; init; }

    /// <summary>The addresses of this machine, which are refused whatever they are. Asked at each connection.</summary>
    public Func<IReadOnlyCollection<IPAddress>> OwnAddresses { get; init; } = () => [];

    // IANA's special-purpose registries, and what clouds put beside them. IPv6 has an allow-list instead: see below.
    private static readonly IPNetwork[] s_refused4 =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            // Azure's own services of a machine, at a public address.
            "168.63.129.16/32",
        }.Select(IPNetwork.Parse),
    ];

    private static readonly IPNetwork s_global6 = IPNetwork.Parse("2000::/3");

    /// <summary>Within the global range: Teredo and the other protocol assignments, documentation, 6to4.</summary>
    private static readonly IPNetwork[] s_refused6 = [.. new[] { "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20" }.Select(IPNetwork.Parse)];

    private static readonly IPNetwork s_nat64 = IPNetwork.Parse("64:ff9b::/96");

    /// <summary>Null when the address may be connected to; else what it is, without the address itself.</summary>
    public string? Refuses(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        var plain = Plain(address);
        if (Denied.Any(n => n.Contains(plain)))
            return "an address of a range that the operator excludes";
        if (Allowed.Any(n => n.Contains(plain)))
            return null;
        if (OwnAddresses().Select(Plain).Contains(plain))
            return "an address of the host itself";
        return IsGlobal(plain) ? null : "an address that isn't public";
    }

    /// <summary>Null when the URL may be used as far as it alone tells; else what is wrong, without the URL.</summary>
    public string? Refuses(Uri endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        if (endpoint.Scheme == Uri.UriSchemeHttp && !AllowHttp)
            return "it must be https: the operator doesn't allow http";
        // Below 1024 stand the services of machines; https has none of them but its own.
        if (endpoint.Port < 1024 && endpoint.Port != 443 && !(endpoint.Port == 80 && endpoint.Scheme == Uri.UriSchemeHttp))
            return "its port must be 443, or 1024 and more";
        if (IPAddress.TryParse(endpoint.DnsSafeHost, out var address))
            return Refuses(address) is { } what ? $"it names {what}" : null;
        return null;
    }

    /// <summary>The IPv4 address that an address stands for, if it does.</summary>
    private static IPAddress Plain(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        // A gateway translates these to what is in their last four bytes.
        return s_nat64.Contains(address) ? new IPAddress(address.GetAddressBytes().AsSpan(12)) : address;
    }

    private static bool IsGlobal(IPAddress address) => address.AddressFamily switch
    {
        AddressFamily.InterNetwork => !s_refused4.Any(n => n.Contains(address)),
        AddressFamily.InterNetworkV6 => address.ScopeId == 0 && s_global6.Contains(address) && !s_refused6.Any(n => n.Contains(address)),
        _ => false,
    };
}

/// <summary>No address of an endpoint may be connected to.</summary>
public sealed class DestinationRefusedException(string what) : IOException($"The endpoint leads to {what}.")
{
    /// <summary>What it is, without the address.</summary>
    public string What => what;
}
