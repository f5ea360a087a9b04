using System.Globalization;
using System.Net;

namespace Datum.Providers.Clouds.Gcp;

/// <summary>IPv6: a /48 of fd20::/20 for a network, a /64 for a subnetwork, a /96 for an interface; which ones the platform decides.</summary>
public sealed partial class GcpCloud
{
    private static readonly IPNetwork Ula = IPNetwork.Parse("fd20::/20");

    private int _ulaRanges;
    private int _ipv6Prefixes;

    private void PrepareUla(JsonObject body)
    {
        var asked = body["internalIpv6Range"]?.ToString();
        if (body["enableUlaInternalIpv6"]?.GetValue<bool>() != true)
        {
            if (asked is not null)
                throw Invalid("internalIpv6Range", asked, "It can only be specified when ULA internal IPv6 is enabled.");
            return;
        }

        if (asked is not null && (!IPNetwork.TryParse(asked, out var range) || range.PrefixLength != 48 || !Ula.Contains(range.BaseAddress)))
            throw Invalid("internalIpv6Range", asked, "It must be a /48 within fd20::/20.");
        if (asked is not null && _items.Values.Any(i => i.Collection == "networks" && i["internalIpv6Range"] == asked))
            throw Invalid("internalIpv6Range", asked, "It is already used by another resource.");
        body["internalIpv6Range"] = asked ?? string.Create(CultureInfo.InvariantCulture, $"fd20:{++_ulaRanges:x}:{0xa000 + _ulaRanges:x}::/48");
    }

    private void PrepareStack(Item subnet)
    {
        subnet.Body["stackType"] ??= "IPV4_ONLY";
        var access = subnet["ipv6AccessType"];
        // What the platform gives can't be sent.
        foreach (var given in (string[])["internalIpv6Prefix", "externalIpv6Prefix"])
            subnet.Body.Remove(given);
        switch (subnet["stackType"])
        {
            case "IPV4_ONLY" when access is null:
                return;
            case "IPV4_IPV6" when access == "EXTERNAL":
                // 2001:db8::/32 is for documentation (RFC 3849): nobody's.
                subnet["externalIpv6Prefix"] = string.Create(CultureInfo.InvariantCulture, $"2001:db8:4000:{++_ipv6Prefixes:x}::/64");
                return;
            case "IPV4_IPV6" when access == "INTERNAL":
                var network = _items[PathOf(subnet["network"]!)];
                if (network["internalIpv6Range"] is not { } range)
                    throw Invalid("ipv6AccessType", access, $"The network '{network.Name}' doesn't have ULA internal IPv6 enabled.");
                subnet["internalIpv6Prefix"] = range.Replace("::/48", string.Create(CultureInfo.InvariantCulture, $":{++_ipv6Prefixes:x}::/64"), StringComparison.Ordinal);
                return;
            default:
                throw Invalid("stackType", subnet["stackType"]!, "IPV4_IPV6 and ipv6AccessType go together; this double has no IPV6_ONLY.");
        }
    }

    private void PrepareNicStack(JsonObject nic, Item subnet, int index)
    {
        var field = $"networkInterfaces[{index}]";
        nic["stackType"] ??= "IPV4_ONLY";
        var configs = nic["ipv6AccessConfigs"] as JsonArray;
        if (nic["stackType"]!.ToString() != "IPV4_IPV6")
        {
            if (configs is not null)
                throw Invalid(field + ".ipv6AccessConfigs", "DIRECT_IPV6", "IPv6 access configurations need the stack type IPV4_IPV6.");
            return;
        }

        if (subnet["stackType"] != "IPV4_IPV6")
            throw Invalid(field + ".stackType", "IPV4_IPV6", $"The subnetwork '{subnet.Name}' is IPV4_ONLY.");
        var external = subnet["ipv6AccessType"] == "EXTERNAL";
        if (external != configs is { Count: 1 })
            throw Invalid(field + ".ipv6AccessConfigs", (configs?.Count ?? 0).ToString(CultureInfo.InvariantCulture), "An interface in a subnetwork with external IPv6 has one, in others none.");
        nic["ipv6AccessType"] = subnet["ipv6AccessType"];
        var prefix = subnet[external ? "externalIpv6Prefix" : "internalIpv6Prefix"]!;
        var address = IPAddress.Parse(prefix.Replace("::/64", string.Create(CultureInfo.InvariantCulture, $":0:{++_ipv6Prefixes:x}::"), StringComparison.Ordinal)).ToString();
        if (!external)
        {
            nic["ipv6Address"] = address;
            nic["internalIpv6PrefixLength"] = 96;
            return;
        }

        var config = (JsonObject)configs![0]!;
        if (config["type"]?.ToString() != "DIRECT_IPV6" || config["networkTier"]?.ToString() is not (null or "PREMIUM"))
            throw Invalid(field + ".ipv6AccessConfigs[0]", config.ToJsonString(), "Only DIRECT_IPV6 of the tier PREMIUM is supported.");
        config["kind"] = "compute#accessConfig";
        config["networkTier"] = "PREMIUM";
        config["externalIpv6"] = address;
        config["externalIpv6PrefixLength"] = 96;
    }
}
