using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>Formats that the API schema names and doesn't spell out. What isn't known here is let through.</summary>
internal static partial class Formats
{
    private static readonly Dictionary<string, Func<string, string?>> Known = new(StringComparer.Ordinal)
    {
        ["pve-node"] = Match("value does not look like a valid node name", NodeName()),
        ["pve-vmid"] = Match("value does not look like a valid VM ID", VmId()),
        ["pve-storage-id"] = Match("storage ID contains illegal characters", StorageId()),
        ["pve-configid"] = Match("invalid configuration ID", ConfigId()),
        ["pve-poolid"] = Match("value does not look like a valid pool name", PoolId()),
        ["dns-name"] = Match("value does not look like a valid DNS name", DnsName()),
        ["mac-addr"] = Match("value does not look like a valid unicast MAC address", Mac()),
        ["disk-size"] = Match("value does not look like a valid disk size", DiskSize()),
        ["urlencoded"] = Match("value is not a valid URL encoded string", UrlEncoded()),
        ["pve-tag-list"] = Each("invalid characters in tag", Tag()),
        ["pve-iface"] = Match("invalid network interface name", Interface()),
        ["pve-bridge-id"] = Match("invalid bridge name", Bridge()),
        ["pve-sdn-vnet-id"] = Match("vnet ID contains illegal characters or has more than 8", SdnId()),
        ["pve-sdn-zone-id"] = Match("zone ID contains illegal characters or has more than 8", SdnId()),
        ["pve-sdn-subnet-id"] = text => IsPrefix(text.Contains('/', StringComparison.Ordinal) || text.Split('-') is not [_, var address, var length] ? text : $"{address}/{length}", null)
            ? null : "value does not look like a valid CIDR network",
        ["pve-sdn-dhcp-range"] = Parts(("start-address", IsAddress), ("end-address", IsAddress)),
        ["pve-volume-id"] = Match("unable to parse volume ID", VolumeId()),
        ["pve-volume-id-or-qm-path"] = text => text is "none" or "cdrom" || text.StartsWith('/') || VolumeId().IsMatch(text) ? null : "unable to parse volume ID '" + text + "'",
        ["pve-storage-content"] = Match("invalid content type", Content()),
        ["ip"] = text => IsAddress(text) ? null : "value does not look like a valid IP address",
        ["ipv4"] = text => IsAddress(text, AddressFamily.InterNetwork) ? null : "value does not look like a valid IPv4 address",
        ["ipv6"] = text => IsAddress(text, AddressFamily.InterNetworkV6) ? null : "value does not look like a valid IPv6 address",
        ["CIDR"] = text => IsPrefix(text, null) ? null : "value does not look like a valid CIDR network",
        ["CIDRv4"] = text => IsPrefix(text, AddressFamily.InterNetwork) ? null : "value does not look like a valid IPv4 network",
        ["CIDRv6"] = text => IsPrefix(text, AddressFamily.InterNetworkV6) ? null : "value does not look like a valid IPv6 network",
        ["IPorCIDR"] = text => IsAddress(text) || IsPrefix(text, null) ? null : "value does not look like a valid IP address or CIDR network",
        ["IPorCIDRorAlias"] = text => IsAddress(text) || IsPrefix(text, null) || Alias().IsMatch(text) ? null : "value does not look like a valid IP address or CIDR network",
        ["address"] = text => IsAddress(text) || DnsName().IsMatch(text) ? null : "value does not look like a valid address",
        ["pve-ipv4-config"] = text => text == "dhcp" || IsPrefix(text, AddressFamily.InterNetwork) ? null : "value does not look like a valid ipv4 network configuration",
        ["pve-ipv6-config"] = text => text is "auto" or "dhcp" || IsPrefix(text, AddressFamily.InterNetworkV6) ? null : "value does not look like a valid ipv6 network configuration",
        ["pve-qm-ipconfig"] = IpConfig,
        ["pve-qm-smbios1"] = Parts(("uuid", t => Guid.TryParse(t, out _)), ("base64", IsFlag), ("version", IsAny), ("serial", IsAny), ("manufacturer", IsAny), ("product", IsAny), ("sku", IsAny), ("family", IsAny)),
        ["pve-qm-boot"] = text => Boot().IsMatch(text) ? null : "invalid boot order '" + text + "'",
        ["pve-qm-bootdisk"] = Match("invalid boot disk", BootDisk()),
        ["pve-qm-cicustom"] = Parts(("user", VolumeId().IsMatch), ("network", VolumeId().IsMatch), ("meta", VolumeId().IsMatch), ("vendor", VolumeId().IsMatch)),
        ["pve-vm-cpu-conf"] = text => Cpu().IsMatch(text) ? null : "invalid CPU configuration '" + text + "'",
        ["pve-hotplug-features"] = Match("unknown hotplug feature", Hotplug()),
        ["pve-startup-order"] = Match("unable to parse startup options", Startup()),
        ["pve-fw-addr-spec"] = Addresses,
        ["pve-fw-dport-spec"] = Ports,
        ["pve-fw-sport-spec"] = Ports,
        ["pve-fw-protocol-spec"] = Match("unknown protocol", Protocol()),
        ["pve-fw-icmp-type-spec"] = Match("unknown icmp type", IcmpType()),
        ["pve-userid"] = Match("value does not look like a valid user name", UserId()),
        ["pve-realm"] = Match("value does not look like a valid realm", Realm()),
    };

    /// <summary>What is wrong; null for nothing. Names that end in <c>-list</c> take the format several times, names in <c>-opt</c> also nothing.</summary>
    public static string? Check(string format, string text)
    {
        if (Known.TryGetValue(format, out var check))
            return check(text);
        if (format.EndsWith("-list", StringComparison.Ordinal) && Known.TryGetValue(format[..^5], out var each))
            return PveRequest.Split(text).Select(each).FirstOrDefault(f => f is not null);
        return format.EndsWith("-opt", StringComparison.Ordinal) && text.Length > 0 && Known.TryGetValue(format[..^4], out var one) ? one(text) : null;
    }

    private static Func<string, string?> Match(string words, Regex pattern) => text => pattern.IsMatch(text) ? null : words;

    private static Func<string, string?> Each(string words, Regex pattern) => text => PveRequest.Split(text).FirstOrDefault(t => !pattern.IsMatch(t)) is null ? null : words;

    /// <summary>A text of named parts, each at most once.</summary>
    private static Func<string, string?> Parts(params (string Name, Func<string, bool> Check)[] parts) => text =>
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, value) in PropertyText.Read(text, ""))
        {
            var part = Array.Find(parts, p => p.Name == name);
            if (part.Check is null)
                return $"{name}: property is not defined in schema and the schema does not allow additional properties";
            if (!seen.Add(name))
                return $"duplicate key in comma-separated list property: {name}";
            if (!part.Check(value))
                return $"{name}: invalid format - '{value}'";
        }

        return null;
    };

    private static string? IpConfig(string text)
    {
        if (Parts(("ip", t => Check("pve-ipv4-config", t) is null), ("gw", t => IsAddress(t, AddressFamily.InterNetwork)), ("ip6", t => Check("pve-ipv6-config", t) is null),
            ("gw6", t => IsAddress(t, AddressFamily.InterNetworkV6)))(text) is { } fault)
        {
            return fault;
        }

        var names = PropertyText.Read(text, "").Select(p => p.Key).ToHashSet(StringComparer.Ordinal);
        if (names.Contains("gw") && !names.Contains("ip"))
            return "ip: missing property - 'gw' requires this property";
        return names.Contains("gw6") && !names.Contains("ip6") ? "ip6: missing property - 'gw6' requires this property" : null;
    }

    private static string? Addresses(string text)
    {
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var range = part.Split('-');
            var right = part.StartsWith('+') ? SetName().IsMatch(part) : IsAddress(part) || IsPrefix(part, null) || Alias().IsMatch(part) || (range.Length == 2 && IsAddress(range[0]) && IsAddress(range[1]));
            if (!right)
                return $"value '{part}' is no address, network, range, alias or set";
        }

        return null;
    }

    private static string? Ports(string text)
    {
        foreach (var part in text.Split(','))
        {
            if (PortName().IsMatch(part))
                continue;
            var ends = part.Split(':');
            if (ends.Length > 2 || ends.Any(e => !ushort.TryParse(e, System.Globalization.CultureInfo.InvariantCulture, out _)))
                return $"invalid port '{part}'";
            if (ends.Length == 2 && ushort.Parse(ends[0], System.Globalization.CultureInfo.InvariantCulture) > ushort.Parse(ends[1], System.Globalization.CultureInfo.InvariantCulture))
                return $"backwards range '{part}' not allowed, did you mean '{ends[1]}:{ends[0]}'?";
        }

        return null;
    }

    private static bool IsAddress(string text) => IsAddress(text, AddressFamily.InterNetwork) || IsAddress(text, AddressFamily.InterNetworkV6);

    private static bool IsAddress(string text, AddressFamily family) => IPAddress.TryParse(text, out var address) && address.AddressFamily == family && (family == AddressFamily.InterNetworkV6 || text.Split('.').Length == 4);

    // The platform lets host bits stand.
    private static bool IsPrefix(string text, AddressFamily? family) => text.Split('/') is [var address, var length] && IPAddress.TryParse(address, out var parsed) && IsAddress(address)
        && byte.TryParse(length, System.Globalization.CultureInfo.InvariantCulture, out var bits) && bits <= (parsed.AddressFamily == AddressFamily.InterNetwork ? 32 : 128) && (family is null || parsed.AddressFamily == family);

    private static bool IsAny(string text) => true;

    private static bool IsFlag(string text) => text is "0" or "1";

    [GeneratedRegex("^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$")]
    private static partial Regex NodeName();

    [GeneratedRegex("^[1-9][0-9]{2,8}$")]
    private static partial Regex VmId();

    [GeneratedRegex("^[a-zA-Z][a-zA-Z0-9_.-]*[a-zA-Z0-9]$")]
    private static partial Regex StorageId();

    [GeneratedRegex("^[a-zA-Z][a-zA-Z0-9_-]+$")]
    private static partial Regex ConfigId();

    [GeneratedRegex("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}$")]
    private static partial Regex PoolId();

    [GeneratedRegex("^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*$")]
    private static partial Regex DnsName();

    [GeneratedRegex("^[a-fA-F0-9][02468aceACE](:[a-fA-F0-9]{2}){5}$")]
    private static partial Regex Mac();

    [GeneratedRegex("^[0-9]+(\\.[0-9]+)?[KMGT]?$")]
    private static partial Regex DiskSize();

    [GeneratedRegex("^[-%a-zA-Z0-9_.!~*'()]*$")]
    private static partial Regex UrlEncoded();

    [GeneratedRegex("^[a-z0-9_][a-z0-9_+.-]*$", RegexOptions.IgnoreCase)]
    private static partial Regex Tag();

    [GeneratedRegex("^[a-zA-Z][a-zA-Z0-9_]{1,20}([:.][0-9]+)?$")]
    private static partial Regex Interface();

    [GeneratedRegex("^[a-zA-Z0-9_.-]+$")]
    private static partial Regex Bridge();

    [GeneratedRegex("^[a-z][a-z0-9]{0,6}[a-z0-9]$", RegexOptions.IgnoreCase)]
    private static partial Regex SdnId();

    [GeneratedRegex("^[a-zA-Z][a-zA-Z0-9_.-]*[a-zA-Z0-9]:\\S+$")]
    private static partial Regex VolumeId();

    [GeneratedRegex("^(backup|images|import|iso|none|rootdir|snippets|vztmpl)$")]
    private static partial Regex Content();

    [GeneratedRegex("^((dc|guest)/)?[A-Za-z][A-Za-z0-9_-]+$")]
    private static partial Regex Alias();

    [GeneratedRegex("^\\+((dc|guest|sdn)/)?[A-Za-z][A-Za-z0-9_-]+$")]
    private static partial Regex SetName();

    [GeneratedRegex("^(order=([a-z]+[0-9]+(;[a-z]+[0-9]+)*)?|(legacy=)?[acdn]{1,4})$")]
    private static partial Regex Boot();

    [GeneratedRegex("^(ide|sata|scsi|virtio)[0-9]+$")]
    private static partial Regex BootDisk();

    [GeneratedRegex("^(cputype=)?[A-Za-z0-9_.-]+(,(flags|hidden|hv-vendor-id|phys-bits|reported-model|guest-phys-bits|level)=[^,]+)*$")]
    private static partial Regex Cpu();

    [GeneratedRegex("^(0|1|(network|disk|cpu|memory|usb|cloudinit)(,(network|disk|cpu|memory|usb|cloudinit))*)$")]
    private static partial Regex Hotplug();

    [GeneratedRegex("^((order=)?[0-9]+|up=[0-9]+|down=[0-9]+)(,(order=[0-9]+|up=[0-9]+|down=[0-9]+))*$")]
    private static partial Regex Startup();

    [GeneratedRegex("^(tcp|udp|icmp|igmp|ipv6-icmp|icmpv6|sctp|dccp|udplite|gre|esp|ah|ipip|ospf|vrrp|l2tp|pim|[0-9]{1,3})$", RegexOptions.IgnoreCase)]
    private static partial Regex Protocol();

    [GeneratedRegex("^[a-z0-9-]+$")]
    private static partial Regex IcmpType();

    [GeneratedRegex("^[a-z][a-z0-9_-]*$")]
    private static partial Regex PortName();

    [GeneratedRegex("^[^\\s:/]+@[A-Za-z][A-Za-z0-9._-]+$")]
    private static partial Regex UserId();

    [GeneratedRegex("^[A-Za-z][A-Za-z0-9._-]+$")]
    private static partial Regex Realm();
}
