using System.Globalization;
using System.Text.Json;
using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Simulator;

internal sealed class NetworkDriver(SimulatorContext context) : SingleObjectDriver<NetworkSpec, NetworkFacts>(context, ResourceKind.Network, Collections.Networks)
{
    protected override void Validate(NetworkSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        Check.Ranges(desired.Ranges, "ranges", findings);
        if (Context.Profile.RangeOrder == RangeOrder.NetworkFirst && desired.Ranges.Length > 0)
            findings.Add(new Finding { Path = "ranges", Capability = "rangeOrder", Message = "Networks of this platform hold no ranges; give them to the subnets." });
        if (Context.Profile.RangeOrder == RangeOrder.RangeFirst && desired.Ranges.Length == 0)
            findings.Add(new Finding { Path = "ranges", Capability = "rangeOrder", Message = "A network of this platform needs its ranges first." });
        foreach (var family in desired.IpFamilies.Where(f => f is not ("IPv4" or "IPv6")))
            findings.Add(new Finding { Path = "ipFamilies", Message = $"{family} is neither IPv4 nor IPv6." });
        if (desired.Mtu is < 1300 or > 8856)
            findings.Add(new Finding { Path = "mtu", Message = "The MTU is 1300 to 8856." });
    }

    protected override CloudObject ToWish(NetworkSpec desired, Identity id) => new()
    {
        Ranges = desired.Ranges,
        IpFamilies = desired.IpFamilies,
        Mtu = desired.Mtu,
    };

    protected override CloudObject ToChange(NetworkSpec desired) => new() { Mtu = desired.Mtu, Ranges = desired.Ranges.Length > 0 ? desired.Ranges : null };

    protected override NetworkFacts ToFacts(CloudObject item) => new() { PlatformState = item.State, Ranges = item.Ranges ?? [], Mtu = item.Mtu };

    protected override ImmutableArray<Drift> Compare(NetworkSpec desired, CloudObject item, Identity id)
    {
        var diff = new SpecDiff().Number("mtu", desired.Mtu, item.Mtu, Remedy.InPlace);
        if (desired.Ranges.Length > 0)
            diff.Set("ranges", desired.Ranges, item.Ranges ?? [], !Context.Profile.WidensNetworks ? Remedy.Replace : Grows(item.Ranges ?? [], desired.Ranges) ? Remedy.InPlace : Remedy.Unknown);
        if (desired.IpFamilies.Length > 0)
            diff.Set("ipFamilies", desired.IpFamilies, item.IpFamilies ?? [], Remedy.Replace);
        return diff.ToDrift();
    }

    /// <summary>Ranges can be added to a network, but none taken away.</summary>
    private static bool Grows(ImmutableArray<string> from, ImmutableArray<string> to) => from.All(r => to.Contains(r, StringComparer.Ordinal));
}

internal sealed class SubnetDriver(SimulatorContext context) : SingleObjectDriver<SubnetSpec, SubnetFacts>(context, ResourceKind.Subnet, Collections.Subnets)
{
    protected override void Validate(SubnetSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        Check.Ranges([desired.Range], "range", findings);
        // Network, gateway, one guest and (IPv4) broadcast.
        if (Cidr.TryParse(desired.Range, out var range) && range.AddressBits - range.PrefixLength < 2)
            findings.Add(new Finding { Path = "range", Message = "A subnet has at least four addresses." });
    }

    protected override CloudObject ToWish(SubnetSpec desired, Identity id) => new() { NetworkId = desired.Network.ProviderId, Range = desired.Range };

    protected override CloudObject ToChange(SubnetSpec desired) => new();

    protected override SubnetFacts ToFacts(CloudObject item) => new() { PlatformState = item.State, Range = item.Range, Gateway = item.Gateway };

    protected override ImmutableArray<Drift> Compare(SubnetSpec desired, CloudObject item, Identity id) => new SpecDiff()
        .Text("range", desired.Range, item.Range, Remedy.Replace)
        .Text("network", desired.Network.ProviderId, item.NetworkId, Remedy.Replace)
        .ToDrift();
}

internal sealed class FirewallDriver(SimulatorContext context) : SingleObjectDriver<FirewallSpec, FirewallFacts>(context, ResourceKind.Firewall, Collections.Firewalls)
{
    protected override void Validate(FirewallSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        for (var i = 0; i < desired.Ingress.Length; i++)
        {
            var rule = desired.Ingress[i];
            var path = string.Create(CultureInfo.InvariantCulture, $"ingress[{i}]");
            Check.Ranges([rule.Source], path + ".source", findings);
            if (rule.Protocol is not (null or "TCP" or "UDP" or "SCTP"))
                findings.Add(new Finding { Path = path + ".protocol", Message = $"{rule.Protocol} isn't TCP, UDP or SCTP." });
            if (rule.Port is < 1 or > 65535 || rule.EndPort is < 1 or > 65535 || rule.EndPort < rule.Port || (rule.EndPort is not null && rule.Port is null))
                findings.Add(new Finding { Path = path + ".port", Message = "Ports are 1 to 65535, the first not after the last." });
            if (rule.Protocol is null && rule.Port is not null)
                findings.Add(new Finding { Path = path + ".protocol", Message = "Ports need a protocol." });
        }
    }

    protected override CloudObject ToWish(FirewallSpec desired, Identity id) => ToChange(desired) with { NetworkId = desired.Network.ProviderId };

    protected override CloudObject ToChange(FirewallSpec desired) => new()
    {
        Rules = [.. desired.Ingress.Select(r => new CloudRule { Protocol = r.Protocol, FirstPort = r.Port, LastPort = r.EndPort ?? r.Port, Source = r.Source })],
    };

    protected override FirewallFacts ToFacts(CloudObject item) => new() { PlatformState = item.State };

    protected override ImmutableArray<Drift> Compare(FirewallSpec desired, CloudObject item, Identity id) => new SpecDiff()
        .Text("network", desired.Network.ProviderId, item.NetworkId, Remedy.Replace)
        .Set("ingress", ToChange(desired).Rules!.Value.Select(Show), (item.Rules ?? []).Select(Show), Remedy.InPlace)
        .ToDrift();

    private static string Show(CloudRule rule) =>
        string.Create(CultureInfo.InvariantCulture, $"{rule.Protocol ?? "all"} {rule.FirstPort}-{rule.LastPort} from {rule.Source}");
}

internal sealed class DiskDriver(SimulatorContext context) : SingleObjectDriver<DiskSpec, DiskFacts>(context, ResourceKind.Disk, Collections.Disks)
{
    protected override void Validate(DiskSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        Check.Zone(desired, findings);
        if (desired.SizeGiB is < 1 or > 65536)
            findings.Add(new Finding { Path = "sizeGiB", Message = "A disk has 1 to 65536 GiB." });
        if (desired.Type is { } type && Check.DiskType(Context, type) is null)
            findings.Add(new Finding { Path = "type", Capability = "diskTypes", Message = $"Disk type {type} isn't known here; name it in the ProviderConfig's diskTypes." });
        if (desired.Filesystem is not (null or "ext4" or "xfs"))
            findings.Add(new Finding { Path = "filesystem", Capability = "filesystems", Message = $"{desired.Filesystem} can't be made; ext4 and xfs can." });
    }

    protected override CloudObject ToWish(DiskSpec desired, Identity id) => new()
    {
        Zone = id.Resolved.GetValueOrDefault("zone") ?? Check.ZoneOf(desired),
        SizeGiB = desired.SizeGiB,
        Type = id.Resolved.GetValueOrDefault("type") ?? (desired.Type is { } type ? Check.DiskType(Context, type) : null),
        Filesystem = desired.Filesystem,
    };

    protected override CloudObject ToChange(DiskSpec desired) => new() { SizeGiB = desired.SizeGiB };

    protected override DiskFacts ToFacts(CloudObject item) => new()
    {
        PlatformState = item.State,
        SizeGiB = item.SizeGiB,
        UsedBy = item.AttachedTo is { } server ? [server] : [],
    };

    protected override ImmutableArray<Drift> Compare(DiskSpec desired, CloudObject item, Identity id)
    {
        var wish = ToWish(desired, id);
        return new SpecDiff()
            // A disk never shrinks: the difference is reported and nothing mends it.
            .Number("sizeGiB", desired.SizeGiB, item.SizeGiB, desired.SizeGiB > item.SizeGiB ? Remedy.InPlace : Remedy.Unknown)
            .Text("type", wish.Type, item.Type, Remedy.Replace)
            .Text("filesystem", desired.Filesystem, item.Filesystem, Remedy.Replace)
            .Text("location.zone", wish.Zone, item.Zone, Remedy.Replace)
            .ToDrift();
    }

    protected override ImmutableDictionary<string, string> Resolve(CloudObject wish)
    {
        var resolved = ImmutableDictionary<string, string>.Empty;
        if (wish.Zone is { } zone)
            resolved = resolved.Add("zone", zone);
        return wish.Type is { } type ? resolved.Add("type", type) : resolved;
    }
}

internal sealed class SecretDriver(SimulatorContext context) : SingleObjectDriver<SecretSpec, SecretFacts>(context, ResourceKind.Secret, Collections.Secrets)
{
    protected override void Validate(SecretSpec desired, ImmutableArray<Finding>.Builder findings)
    {
    }

    protected override CloudObject ToWish(SecretSpec desired, Identity id) => ToChange(desired);

    protected override CloudObject ToChange(SecretSpec desired) => new() { ContentHash = desired.Payload.Hash };

    protected override SecretFacts ToFacts(CloudObject item) => new() { PlatformState = item.State, Hash = item.ContentHash };

    protected override ImmutableArray<Drift> Compare(SecretSpec desired, CloudObject item, Identity id) =>
        new SpecDiff().Secret("payload.hash", desired.Payload.Hash, item.ContentHash, Remedy.InPlace).ToDrift();

    protected override async ValueTask<(CloudObject Wish, DriverError? Error)> FillAsync(Call call, SecretSpec desired, CloudObject wish)
    {
        var (content, error) = await Check.PayloadsAsync(call, [desired.Payload]);
        return (wish with { Content = content }, error);
    }
}

/// <summary>What several kinds check and read alike.</summary>
internal static class Check
{
    public static void Ranges(ImmutableArray<string> ranges, string path, ImmutableArray<Finding>.Builder findings)
    {
        foreach (var range in ranges.Where(r => !Cidr.TryParse(r, out _)))
            findings.Add(new Finding { Path = path, Message = $"'{range}' is no prefix with zero host bits." });
    }

    public static void Zone(ResourceSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        if (string.IsNullOrEmpty(ZoneOf(desired)))
            findings.Add(new Finding { Path = "location.zone", Message = "The Location's simulator block needs a zone." });
    }

    /// <summary>The zone of the location block; null when there is none.</summary>
    public static string? ZoneOf(ResourceSpec desired) => ZoneOf(desired.LocationJson);

    public static string? ZoneOf(string? locationJson)
    {
        if (locationJson is null)
            return null;
        try
        {
            return JsonSerializer.Deserialize(locationJson, CloudJson.Default.SimulatorLocation)?.Zone;
        }
        catch (JsonException)
        {
            // The block isn't the driver's schema: the finding about the missing zone says so.
            return null;
        }
    }

    public static string? DiskType(SimulatorContext context, string type) =>
        context.Connection.DiskTypes.GetValueOrDefault(type) ?? (type == "pd-standard" ? "sim-standard" : null);

    /// <summary>All contents that the payloads name, as <c>secret/NAME/KEY</c> or <c>configmap/NAME/KEY</c>. A missing one that isn't optional is an error.</summary>
    public static async ValueTask<(ImmutableSortedDictionary<string, ReadOnlyMemory<byte>> Content, DriverError? Error)> PayloadsAsync(Call call, IEnumerable<PayloadReference> payloads)
    {
        var content = ImmutableSortedDictionary.CreateBuilder<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        foreach (var payload in payloads.DistinctBy(p => (p.Secret, p.Name)))
        {
            var read = call.Payloads is null ? null : await call.Payloads.ReadAsync(payload, call.Cancellation);
            if (read is null && !payload.Optional)
                return (ImmutableSortedDictionary<string, ReadOnlyMemory<byte>>.Empty, PartAccess.Refused(ErrorCode.Invalid, $"The {(payload.Secret ? "secret" : "config map")} {payload.Name} isn't there."));
            foreach (var (key, bytes) in read ?? ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty)
                content[$"{(payload.Secret ? "secret" : "configmap")}/{payload.Name}/{key}"] = bytes;
        }

        return (content.ToImmutable(), null);
    }
}
