using System.Globalization;
using System.Net;
using Datum.Providers.Drivers.Proxmox.Cluster;
using Datum.Providers.Drivers.Proxmox.Kinds;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>An address of an interface, with the prefix that it is in.</summary>
internal sealed record NicAddress(IPAddress Address, Cidr Range);

/// <summary>
/// Addresses are ours to give. A machine's tags say in the cluster's list which it has (<c>datum-ip-NETWORK-10.0.0.5</c>), so that one read
/// shows all of a network. Two machines that choose at the same time may choose alike: each writes its tag, then looks, and whoever sees the
/// other's before its first start chooses again; since both write before they look, never both keep it.
/// </summary>
internal static class Addresses
{
    private const string Prefix = "datum-ip-";

    /// <summary>IPv6 ranges are larger than anybody counts; guests have the first of them.</summary>
    private const int MostHosts = int.MaxValue - 1;

    /// <summary>What stands for the network in tags: a vnet's name, or the beginning of a claim's.</summary>
    public static string? NetworkKey(string? networkId) =>
        NetworkKind.VnetOf(networkId) is { } vnet ? vnet.ToLowerInvariant() : networkId is not null && BridgeClaims.IsClaim(networkId) ? networkId[10..Math.Min(networkId.Length, 26)] : null;

    public static string Tag(string network, IPAddress address) => $"{Prefix}{network}-{address.ToString().Replace(':', '_')}";

    public static bool IsTag(string tag) => tag.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Stands for all addresses of a machine's tags.</summary>
    public static string HashOf(IEnumerable<string> tags) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Join('\n', tags.Where(IsTag).Order(StringComparer.Ordinal)))))[..16];

    /// <summary>Those of a machine's tags that are in a network, in no order.</summary>
    public static IEnumerable<IPAddress> In(IEnumerable<string> tags, string network)
    {
        var head = $"{Prefix}{network}-";
        foreach (var tag in tags)
            if (tag.StartsWith(head, StringComparison.Ordinal) && IPAddress.TryParse(tag[head.Length..].Replace('_', ':'), out var address))
                yield return address;
    }

    /// <summary>The address tags of a machine that another guest has too.</summary>
    public static ImmutableArray<string> Shared(ClusterView view, Guest self) =>
        [.. self.Tags.Where(t => IsTag(t) && view.Guests.Any(g => g.VmId != self.VmId && g.Tags.Contains(t)))];

    /// <summary>An address for each range of an interface: what the machine has already, what the wish names, or a free one.</summary>
    public static (ImmutableArray<NicAddress> Addresses, DriverError? Error) Choose(ClusterView view, Guest self, Identity id, InterfaceSpec nic, int index, IReadOnlyCollection<string> chosen)
    {
        if (NetworkKey(nic.Network?.ProviderId) is not { } network)
            return ([], Api.PveErrors.Refused(ErrorCode.PreconditionFailed, $"The network of interface {nic.Name} has no id yet."));
        var others = view.Guests.Where(g => g.VmId != self.VmId).SelectMany(g => g.Tags).Where(IsTag).Concat(chosen).ToHashSet(StringComparer.Ordinal);
        var own = In(self.Tags, network).Where(a => !others.Contains(Tag(network, a))).ToList();
        var addresses = ImmutableArray.CreateBuilder<NicAddress>();
        foreach (var text in nic.Ranges)
        {
            var range = Cidr.Parse(text);
            var wished = nic.Addresses.Select(IPAddress.Parse).FirstOrDefault(range.Contains);
            if (wished is not null && others.Contains(Tag(network, wished)))
                return ([], Api.PveErrors.Refused(ErrorCode.Conflict, $"{wished} is another machine's.") with { Field = $"interfaces[{nic.Name}].addresses", BlockedBy = [.. view.Guests.Where(g => g.Tags.Contains(Tag(network, wished))).Select(g => g.Id)] });
            var address = wished ?? own.FirstOrDefault(range.Contains) ?? Free(range, id, index, a => others.Contains(Tag(network, a)));
            if (address is null)
                return ([], Api.PveErrors.Refused(ErrorCode.CapacityUnavailable, $"All addresses of {range} are taken.") with { Field = $"interfaces[{nic.Name}].ranges" });
            addresses.Add(new NicAddress(address, range));
        }

        return (addresses.ToImmutable(), null);
    }

    /// <summary>The address of each range by the machine's tags; those that aren't there yet are left out.</summary>
    public static ImmutableArray<NicAddress> Of(IEnumerable<string> tags, InterfaceSpec nic) => NetworkKey(nic.Network?.ProviderId) is not { } network ? []
        : [.. nic.Ranges.Where(r => Cidr.TryParse(r, out _)).Select(Cidr.Parse).SelectMany(r => In(tags, network).Where(r.Contains).Take(1).Select(a => new NicAddress(a, r)))];

    /// <summary>A locally administered address of the interface's own, the same in every incarnation.</summary>
    public static string Mac(Identity id, int index)
    {
        var bytes = ResourceNames.Uuid(id, string.Create(CultureInfo.InvariantCulture, $"nic-{index}")).ToByteArray(bigEndian: true);
        return string.Create(CultureInfo.InvariantCulture, $"02:{bytes[0]:X2}:{bytes[1]:X2}:{bytes[2]:X2}:{bytes[3]:X2}:{bytes[4]:X2}");
    }

    private static IPAddress? Free(Cidr range, Identity id, int index, Func<IPAddress, bool> taken)
    {
        var last = (int)UInt128.Min(range.IndexOf(range.LastHost), MostHosts);
        var first = (int)UInt128.Min(range.IndexOf(range.FirstHost), MostHosts);
        var seed = index == 0 ? id : id with { Name = string.Create(CultureInfo.InvariantCulture, $"{id.Name}#{index}") };
        var tried = 0;
        foreach (var candidate in ResourceNames.NumberCandidates(seed, first, last))
        {
            var address = range.Nth((UInt128)candidate);
            if (!address.Equals(range.Gateway) && !taken(address))
                return address;
            if (++tried == 1_000_000)
                return null;
        }

        return null;
    }
}
