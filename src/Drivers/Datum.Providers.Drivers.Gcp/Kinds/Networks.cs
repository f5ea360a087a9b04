using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using Datum.Providers.Drivers.Gcp.Api;

namespace Datum.Providers.Drivers.Gcp.Kinds;

/// <summary>A custom-mode VPC network.</summary>
internal sealed class NetworkKind(GcpContext context) : ComputeKind<NetworkSpec, NetworkFacts, GcpNetwork>(context, ResourceKind.Network, "networks", Place.Global)
{
    protected override JsonTypeInfo<GcpNetwork> Type => GcpJson.Default.GcpNetwork;

    protected override void Validate(NetworkSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        if (desired.Ranges.Length > 0)
            findings.Add(new Finding { Path = "ranges", Capability = "rangeOrder", Message = "Networks of this platform hold no ranges; give them to the subnets." });
        foreach (var family in desired.IpFamilies)
            if (family is not ("IPv4" or "IPv6"))
                findings.Add(new Finding { Path = "ipFamilies", Message = $"{family} is neither IPv4 nor IPv6." });
            else if (family == "IPv6")
                findings.Add(new Finding { Path = "ipFamilies", Capability = "ipFamilies", Message = "One subnetwork holds both families and gets its IPv6 prefix from the platform, so none of the Network's own can be had; leave IPv6 out, and let 'ipv6' of the ProviderConfig's settings give instances addresses of the platform's." });
        if (desired.Mtu is < 1300 or > 8896)
            findings.Add(new Finding { Path = "mtu", Message = "The MTU is 1300 to 8896." });
    }

    protected override GcpNetwork ToWish(NetworkSpec desired, Identity id) => new()
    {
        AutoCreateSubnetworks = false,
        Mtu = desired.Mtu,
        RoutingConfig = new RoutingConfig { RoutingMode = "REGIONAL" },
        NetworkFirewallPolicyEnforcementOrder = "AFTER_CLASSIC_FIREWALL",
        // Which /48 of fd20::/20 it is the platform decides: a prefix of ours may be another network's by now.
        EnableUlaInternalIpv6 = Context.Settings.Ipv6 == "Internal" ? true : null,
    };

    protected override GcpNetwork Marked(GcpNetwork wish, Identity id, NetworkSpec desired, string name) =>
        wish with { Name = name, Description = GcpContext.Descriptions.Write(Marks.For(id)) };

    protected override Mark? ReadMark(GcpNetwork item) => TextMarks.Read(item.Description);

    protected override string ListFilter(string installation) => DescriptionFilter.Of(installation, Kind);

    protected override NetworkFacts ToFacts(GcpNetwork item) => new() { Mtu = item.Mtu, Ranges = item.InternalIpv6Range is { Length: > 0 } range ? [range] : [] };

    protected override ImmutableArray<Drift> Compare(NetworkSpec desired, GcpNetwork item, Identity id) =>
        new SpecDiff().Number("mtu", desired.Mtu, item.Mtu, Remedy.InPlace).ToDrift();

    protected override RestRequest? ToChange(Operation operation, NetworkSpec desired, GcpNetwork item, string path) =>
        desired.Mtu == item.Mtu || desired.Mtu is null ? null : RestRequest.Patch(path, new GcpNetwork { Mtu = desired.Mtu }, Type);
}

/// <summary>A subnetwork: one IPv4 range of a network in a region, and beside it a /64 of the platform's where the settings ask for IPv6.</summary>
internal sealed class SubnetKind(GcpContext context) : ComputeKind<SubnetSpec, SubnetFacts, GcpSubnetwork>(context, ResourceKind.Subnet, "subnetworks", Place.Region)
{
    protected override JsonTypeInfo<GcpSubnetwork> Type => GcpJson.Default.GcpSubnetwork;

    protected override void Validate(SubnetSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        if (!Cidr.TryParse(desired.Range, out var range))
            findings.Add(new Finding { Path = "range", Message = $"'{desired.Range}' is no prefix with zero host bits." });
        else if (range.IsIPv6)
            findings.Add(new Finding { Path = "range", Capability = "ipFamilies", Message = "The platform chooses a subnet's IPv6 prefix itself; only IPv4 ranges can be wished for." });
        else if (range.PrefixLength is < 4 or > 29)
            findings.Add(new Finding { Path = "range", Message = "A subnet's prefix has 4 to 29 bits: the platform keeps four addresses of each for itself." });
    }

    protected override GcpSubnetwork ToWish(SubnetSpec desired, Identity id) => new()
    {
        Network = desired.Network.ProviderId is { } network ? Context.Reference(network) : null,
        IpCidrRange = desired.Range,
        StackType = Context.Settings.Ipv6 == "None" ? "IPV4_ONLY" : "IPV4_IPV6",
        Ipv6AccessType = Context.Settings.Ipv6 == "None" ? null : Context.Settings.Ipv6.ToUpperInvariant(),
        // Instances without an address reachable from outside reach Google's own services, Secret Manager first.
        PrivateIpGoogleAccess = true,
    };

    protected override GcpSubnetwork Marked(GcpSubnetwork wish, Identity id, SubnetSpec desired, string name) =>
        wish with { Name = name, Description = GcpContext.Descriptions.Write(Marks.For(id)) };

    protected override Mark? ReadMark(GcpSubnetwork item) => TextMarks.Read(item.Description);

    protected override string ListFilter(string installation) => DescriptionFilter.Of(installation, Kind);

    protected override Lifecycle ToLifecycle(GcpSubnetwork item) => item.State == "DRAINING" ? Lifecycle.Updating : Lifecycle.Ready;

    protected override SubnetFacts ToFacts(GcpSubnetwork item) => new() { Range = item.IpCidrRange, Gateway = item.GatewayAddress, PlatformState = StateOf(item) };

    protected override ImmutableArray<Drift> Compare(SubnetSpec desired, GcpSubnetwork item, Identity id) => new SpecDiff()
        .Text("range", desired.Range, item.IpCidrRange, Remedy.Replace)
        .Text("network", desired.Network.ProviderId, Paths.Below(item.Network, Api.Project), Remedy.Replace)
        .ToDrift();

    protected override RestRequest? ToChange(Operation operation, SubnetSpec desired, GcpSubnetwork item, string path) => null;

    /// <summary>A network that was made before the settings asked for IPv6 has no prefix to give: its subnetworks go on with IPv4.</summary>
    protected override async ValueTask<(GcpSubnetwork Wish, DriverError? Error)> SettleAsync(Call call, GcpSubnetwork wish)
    {
        if (wish.Ipv6AccessType != "INTERNAL" || wish.Network is not { } link)
            return (wish, null);
        var (network, error) = await GcpApi.GetAsync(Api.Compute, call, Paths.Below(link, Api.Project), GcpJson.Default.GcpNetwork);
        return (network?.EnableUlaInternalIpv6 == true ? wish : wish with { StackType = "IPV4_ONLY", Ipv6AccessType = null }, error);
    }

    // For people: the platform's prefix has no place of its own in the facts.
    private static string? StateOf(GcpSubnetwork item) => (item.ExternalIpv6Prefix ?? item.InternalIpv6Prefix) is { Length: > 0 } prefix ? $"{item.State ?? "READY"}, {prefix}" : item.State;
}

/// <summary>A reserved external address of a region.</summary>
internal sealed class AddressKind(GcpContext context) : ComputeKind<AddressSpec, AddressFacts, GcpAddress>(context, ResourceKind.Address, "addresses", Place.Region)
{
    protected override JsonTypeInfo<GcpAddress> Type => GcpJson.Default.GcpAddress;

    protected override void Validate(AddressSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        if (desired.IpFamily == "IPv6")
            findings.Add(new Finding { Path = "ipFamily", Capability = "ipFamilies", Message = "An IPv6 address is reserved in a subnetwork, and an address's wish names none; reserve IPv4." });
        else if (desired.IpFamily != "IPv4")
            findings.Add(new Finding { Path = "ipFamily", Message = $"'{desired.IpFamily}' is neither IPv4 nor IPv6." });
    }

    protected override GcpAddress ToWish(AddressSpec desired, Identity id) => new() { AddressType = "EXTERNAL", NetworkTier = Context.Settings.NetworkTier };

    // The platform takes an address's labels only afterwards; the mark has to be in the request that makes it (DC-35).
    protected override GcpAddress Marked(GcpAddress wish, Identity id, AddressSpec desired, string name) =>
        wish with { Name = name, Description = GcpContext.Descriptions.Write(Marks.For(id)) };

    protected override Mark? ReadMark(GcpAddress item) => TextMarks.Read(item.Description);

    protected override string ListFilter(string installation) => DescriptionFilter.Of(installation, Kind);

    // Nobody gets the same address again.
    protected override Remedy MoveRemedy => Remedy.Unknown;

    protected override Lifecycle ToLifecycle(GcpAddress item) => item.Status == "RESERVING" ? Lifecycle.Creating : Lifecycle.Ready;

    protected override AddressFacts ToFacts(GcpAddress item) => new() { Address = item.Address, PlatformState = item.Status };

    protected override ImmutableArray<Drift> Compare(AddressSpec desired, GcpAddress item, Identity id) =>
        new SpecDiff().Text("ipFamily", desired.IpFamily, item.IpVersion == "IPV6" ? "IPv6" : "IPv4", Remedy.Replace).ToDrift();

    protected override RestRequest? ToChange(Operation operation, AddressSpec desired, GcpAddress item, string path) => null;
}

/// <summary>A blank persistent disk.</summary>
internal sealed partial class DiskKind(GcpContext context) : ComputeKind<DiskSpec, DiskFacts, GcpDisk>(context, ResourceKind.Disk, "disks", Place.Zone)
{
    /// <summary>The label that holds the filesystem which the guest makes: the platform doesn't know it.</summary>
    private const string FilesystemLabel = "datum-filesystem";

    protected override JsonTypeInfo<GcpDisk> Type => GcpJson.Default.GcpDisk;

    protected override void Validate(DiskSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        if (desired.SizeGiB is < 10 or > 65536)
            findings.Add(new Finding { Path = "sizeGiB", Message = "A persistent disk has 10 to 65536 GiB." });
        if (DiskTypes.Find(Context.Connection, desired.Type, "type").Finding is { } unknown)
            findings.Add(unknown with { Capability = "diskTypes" });
        if (desired.Filesystem is not (null or "ext4" or "xfs" or "btrfs"))
            findings.Add(new Finding { Path = "filesystem", Capability = "filesystems", Message = $"{desired.Filesystem} can't be made; ext4, xfs and btrfs can." });
    }

    protected override GcpDisk ToWish(DiskSpec desired, Identity id) => new()
    {
        SizeGb = desired.SizeGiB.ToString(CultureInfo.InvariantCulture),
        Type = Context.Reference($"{ScopeOf(desired)}/diskTypes/{TypeOf(desired, id)}"),
    };

    protected override GcpDisk Marked(GcpDisk wish, Identity id, DiskSpec desired, string name)
    {
        var labels = GcpContext.LabelsOf(id, desired);
        return wish with { Name = name, Labels = desired.Filesystem is { } filesystem ? labels.SetItem(FilesystemLabel, filesystem) : labels };
    }

    protected override Mark? ReadMark(GcpDisk item) => PairMarks.Read(item.Labels ?? ImmutableSortedDictionary<string, string>.Empty);

    protected override string ListFilter(string installation) => LabelFilter.Of(installation, Kind);

    // A disk in another zone holds data: it is told, and never exchanged for an empty one.
    protected override Remedy MoveRemedy => Remedy.Unknown;

    protected override string SearchFilter(Identity id, string name) => Search.ByNameOrMark(name, id);

    protected override Lifecycle ToLifecycle(GcpDisk item) => item.Status switch
    {
        "CREATING" or "RESTORING" => Lifecycle.Creating,
        "DELETING" => Lifecycle.Deleting,
        "FAILED" => Lifecycle.Failed,
        "UNAVAILABLE" => Lifecycle.Degraded,
        _ => Lifecycle.Ready,
    };

    protected override DiskFacts ToFacts(GcpDisk item) => new()
    {
        PlatformState = item.Status,
        SizeGiB = Sizes.GiB(item.SizeGb),
        UsedBy = [.. (item.Users ?? []).Select(u => Paths.Below(u, Api.Project))],
    };

    protected override ImmutableArray<Drift> Compare(DiskSpec desired, GcpDisk item, Identity id)
    {
        var size = Sizes.GiB(item.SizeGb);
        return new SpecDiff()
            // A disk never shrinks: the difference is reported and nothing mends it.
            .Number("sizeGiB", desired.SizeGiB, size, desired.SizeGiB > size ? Remedy.InPlace : Remedy.Unknown)
            .Text("type", desired.Type is null && !id.Resolved.ContainsKey("type") ? null : TypeOf(desired, id), Paths.Last(item.Type ?? ""), Remedy.Replace)
            // Nobody wrote down what an adopted disk holds: it is no reason to exchange it for an empty one.
            .Text("filesystem", IsAdopted(item) && item.Labels?.ContainsKey(FilesystemLabel) != true ? null : desired.Filesystem, item.Labels?.GetValueOrDefault(FilesystemLabel), Remedy.Replace)
            .ToDrift();
    }

    protected override RestRequest? ToChange(Operation operation, DiskSpec desired, GcpDisk item, string path) => Sizes.GiB(item.SizeGb) >= desired.SizeGiB ? null
        : RestRequest.Post(path + "/resize", new DiskResize { SizeGb = desired.SizeGiB.ToString(CultureInfo.InvariantCulture) }, GcpJson.Default.DiskResize);

    protected override ImmutableDictionary<string, string> Resolve(GcpDisk wish) => ImmutableDictionary<string, string>.Empty.Add("type", Paths.Last(wish.Type!));

    private string TypeOf(DiskSpec desired, Identity id) =>
        id.Resolved.GetValueOrDefault("type") ?? DiskTypes.Find(Context.Connection, desired.Type, "type").Value ?? DiskTypes.Standard;
}

/// <summary>Datum's disk types and the platform's.</summary>
internal static class DiskTypes
{
    public const string Standard = "pd-standard";

    private static readonly ImmutableDictionary<string, string> Own = new[] { "pd-standard", "pd-balanced", "pd-ssd" }.ToImmutableDictionary(t => t, t => t, StringComparer.Ordinal);

    public static MapResult<string> Find(Connection connection, string? type, string path) => NameMap.DiskTypes(Own, connection).Find(type, Standard, path);
}

/// <summary>Sizes as the platform writes them.</summary>
internal static class Sizes
{
    public static int? GiB(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : null;
}

/// <summary>Filters by the mark in descriptions: a regular expression over the whole of it.</summary>
internal static class DescriptionFilter
{
    public static string Of(string installation, ResourceKind kind) => $"description eq \"datum:{installation}:{ResourceNames.Prefix(kind)}:.*\"";

    public static string Of(Identity id) => $"description eq \"datum:{id.Installation}:{ResourceNames.Prefix(id.Kind)}:{id.Name}:.*\"";
}

/// <summary>Filters by the mark in labels.</summary>
internal static class LabelFilter
{
    public static string Of(string installation, ResourceKind kind) => $"(labels.{Marks.InstallKey} = \"{installation}\") (labels.{Marks.KindKey} = \"{ResourceNames.Prefix(kind)}\")";
}
