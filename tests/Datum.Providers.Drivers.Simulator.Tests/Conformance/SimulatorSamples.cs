using System.Globalization;
using Datum.Providers.Conformance;

namespace Datum.Providers.Drivers.Simulator.Tests.Conformance;

/// <summary>Wishes that the simulated platform fulfils, and some that it can't.</summary>
internal static class SimulatorSamples
{
    private const string Location = """{"region":"here","zone":"z1"}""";

    public static Sample? Of(ResourceKind kind, RangeOrder order) => kind switch
    {
        ResourceKind.Network => Network(order),
        ResourceKind.Subnet => Subnet,
        ResourceKind.Firewall => Firewall,
        ResourceKind.Disk => Disk,
        ResourceKind.Secret => Secret,
        ResourceKind.Instance => Instance,
        _ => null,
    };

    /// <summary>Wishes that differ in one path.</summary>
    public static ImmutableDictionary<string, Func<SampleContext, ResourceSpec>> PathsOf(ResourceKind kind, RangeOrder order)
    {
        var paths = ImmutableDictionary.CreateBuilder<string, Func<SampleContext, ResourceSpec>>(StringComparer.Ordinal);
        switch (kind)
        {
            case ResourceKind.Network:
                paths["mtu"] = c => (NetworkSpec)Network(order).Valid(c) with { Mtu = 1400 };
                paths["ipFamilies"] = c => (NetworkSpec)Network(order).Valid(c) with { IpFamilies = ["IPv6"] };
                break;
            case ResourceKind.Subnet:
                paths["range"] = c => (SubnetSpec)Subnet.Valid(c) with { Range = Range(c, "130") };
                break;
            case ResourceKind.Firewall:
                paths["ingress"] = c => (FirewallSpec)Firewall.Valid(c) with { Ingress = [new() { Protocol = "TCP", Port = 443, Source = "0.0.0.0/0" }] };
                break;
            case ResourceKind.Disk:
                paths["sizeGiB"] = c => (DiskSpec)Disk.Valid(c) with { SizeGiB = 21 };
                paths["filesystem"] = c => (DiskSpec)Disk.Valid(c) with { Filesystem = "xfs" };
                break;
            case ResourceKind.Secret:
                paths["payload.hash"] = c => new SecretSpec { Payload = c.Payload("database-new") };
                break;
            case ResourceKind.Instance:
                paths["interfaces.firewalls"] = c => Sandbox(c) with { Interfaces = [Nic(c) with { Firewalls = [] }] };
                paths["terminationGraceSeconds"] = c => Sandbox(c) with { TerminationGraceSeconds = 45 };
                paths["suspended"] = c => Sandbox(c) with { Suspended = true };
                paths["restartedAt"] = c => Sandbox(c) with { RestartedAt = "2030-06-01T00:00:00Z" };
                paths["hostname"] = c => Sandbox(c) with { Hostname = "web-1" };
                paths["size.cpuMillis"] = c => Sandbox(c) with { Size = Sandbox(c).Size with { CpuMillis = 4000 } };
                paths["size.memoryMiB"] = c => Sandbox(c) with { Size = Sandbox(c).Size with { MemoryMiB = 4096 } };
                paths["sandbox.containers"] = c => Sandbox(c) with { Sandbox = Sandbox(c).Sandbox! with { Containers = [Sandbox(c).Sandbox!.Containers[0] with { Name = "renamed" }] } };
                break;
            default:
                break;
        }

        return paths.ToImmutable();
    }

    private static Sample Network(RangeOrder order)
    {
        ImmutableArray<string> ranges = order == RangeOrder.RangeFirst ? ["10.128.0.0/16"] : [];
        return new Sample
        {
            Valid = _ => new NetworkSpec { Mtu = 1460, IpFamilies = ["IPv4"], Ranges = ranges },
            InPlace = _ => new NetworkSpec { Mtu = 1500, IpFamilies = ["IPv4"], Ranges = ranges },
            Replacement = _ => new NetworkSpec { Mtu = 1460, IpFamilies = ["IPv4", "IPv6"], Ranges = ranges },
            Invalid =
            [
                new() { Why = "MTU too small", Spec = _ => new NetworkSpec { Mtu = 100, Ranges = ranges }, Paths = ["mtu"] },
                new() { Why = "no family", Spec = _ => new NetworkSpec { IpFamilies = ["IPX"], Ranges = ranges }, Paths = ["ipFamilies"] },
                new()
                {
                    Why = "ranges at the wrong place",
                    Spec = _ => new NetworkSpec { Ranges = order == RangeOrder.RangeFirst ? [] : ["10.0.0.0/16"] },
                    Paths = ["ranges"],
                    Capability = "rangeOrder",
                },
            ],
        };
    }

    private static Sample Subnet => new()
    {
        Needs = [ResourceKind.Network],
        Valid = c => new SubnetSpec { Network = c.Refer(ResourceKind.Network), Range = Range(c, "128") },
        Replacement = c => new SubnetSpec { Network = c.Refer(ResourceKind.Network), Range = Range(c, "129") },
        Invalid =
        [
            new() { Why = "prefix with host bits", Spec = c => new SubnetSpec { Network = c.Refer(ResourceKind.Network), Range = "10.0.0.1/24" }, Paths = ["range"] },
            new() { Why = "two addresses", Spec = c => new SubnetSpec { Network = c.Refer(ResourceKind.Network), Range = "10.0.0.0/31" }, Paths = ["range"] },
        ],
    };

    private static Sample Firewall => new()
    {
        Needs = [ResourceKind.Network],
        Valid = c => new FirewallSpec { Network = c.Refer(ResourceKind.Network), Ingress = [new() { Protocol = "TCP", Port = 80, EndPort = 81, Source = "0.0.0.0/0" }, new() { Source = "2001:db8::/32" }] },
        InPlace = c => new FirewallSpec { Network = c.Refer(ResourceKind.Network), Ingress = [new() { Protocol = "UDP", Port = 53, Source = "10.0.0.0/8" }] },
        Invalid =
        [
            new() { Why = "no prefix", Spec = c => Rule(c, new() { Source = "anywhere" }), Paths = ["ingress.source"] },
            new() { Why = "unknown protocol", Spec = c => Rule(c, new() { Protocol = "GRE", Source = "10.0.0.0/8" }), Paths = ["ingress.protocol"] },
            new() { Why = "ports the wrong way round", Spec = c => Rule(c, new() { Protocol = "TCP", Port = 90, EndPort = 80, Source = "10.0.0.0/8" }), Paths = ["ingress.port"] },
        ],
    };

    private static Sample Disk => new()
    {
        Valid = _ => new DiskSpec { LocationJson = Location, SizeGiB = 20, Type = "pd-standard", Filesystem = "ext4" },
        InPlace = _ => new DiskSpec { LocationJson = Location, SizeGiB = 30, Type = "pd-standard", Filesystem = "ext4" },
        Replacement = _ => new DiskSpec { LocationJson = Location, SizeGiB = 20, Type = "pd-standard", Filesystem = "xfs" },
        Invalid =
        [
            new() { Why = "no zone", Spec = _ => new DiskSpec { SizeGiB = 20 }, Paths = ["location.zone"] },
            new() { Why = "no size", Spec = _ => new DiskSpec { LocationJson = Location, SizeGiB = 0 }, Paths = ["sizeGiB"] },
            new() { Why = "unknown type", Spec = _ => new DiskSpec { LocationJson = Location, SizeGiB = 20, Type = "gold" }, Paths = ["type"], Capability = "diskTypes" },
            new() { Why = "unknown filesystem", Spec = _ => new DiskSpec { LocationJson = Location, SizeGiB = 20, Filesystem = "ntfs" }, Paths = ["filesystem"], Capability = "filesystems" },
        ],
    };

    private static Sample Secret => new()
    {
        Valid = c => new SecretSpec { Payload = c.Payload("database") },
        InPlace = c => new SecretSpec { Payload = c.Payload("database-new") },
        NothingInvalid = "The store takes any payload.",
    };

    private static Sample Instance => new()
    {
        Needs = [ResourceKind.Network, ResourceKind.Subnet, ResourceKind.Firewall],
        NeedsOwn = [ResourceKind.Disk],
        Valid = Sandbox,
        InPlace = c => Sandbox(c) with { RestartedAt = "2030-01-01T00:00:00Z" },
        Replacement = c => Sandbox(c) with { Hostname = "other" },
        Invalid =
        [
            new() { Why = "neither sandbox nor machine", Spec = c => Sandbox(c) with { Sandbox = null }, Paths = ["sandbox"] },
            new() { Why = "no interface", Spec = c => Sandbox(c) with { Interfaces = [] }, Paths = ["interfaces"], Capability = "maxInterfaces" },
            new() { Why = "rules at the instance", Spec = c => Sandbox(c) with { Interfaces = [Nic(c) with { Ingress = [] }] }, Paths = ["interfaces.ingress"], Capability = "firewall" },
            new() { Why = "no address", Spec = c => Sandbox(c) with { Interfaces = [Nic(c) with { Addresses = ["ten"] }] }, Paths = ["interfaces.addresses"] },
            new() { Why = "no zone", Spec = c => Sandbox(c) with { LocationJson = null }, Paths = ["location.zone"] },
            new()
            {
                Why = "unknown image",
                Spec = c => Sandbox(c) with
                {
                    Sandbox = null,
                    Machine = new MachineSpec { BootVolume = "boot" },
                    Volumes = [new VolumeSpec { Name = "boot", Disk = new DiskVolume { Image = "nobody/knows", DeviceName = "boot" } }],
                },
                Paths = ["volumes.disk.image"],
                Capability = "images",
            },
        ],
    };

    private static FirewallSpec Rule(SampleContext c, IngressRule rule) => new() { Network = c.Refer(ResourceKind.Network), Ingress = [rule] };

    private static InstanceSpec Sandbox(SampleContext c) => new()
    {
        LocationJson = Location,
        Hostname = "web-0",
        Size = new InstanceSize { InstanceType = "datumcloud/d1-standard-2", CpuMillis = 2000, MemoryMiB = 8192 },
        Labels = ImmutableDictionary<string, string>.Empty.Add("app", "web"),
        Sandbox = new SandboxSpec
        {
            PullSecrets = [c.Payload("pull")],
            Containers =
            [
                new ContainerSpec
                {
                    Name = "web",
                    Image = "nginx:1",
                    Environment = [new() { Name = "PASSWORD", From = new PayloadKey { Payload = c.Payload("database"), Key = "password" } }],
                    Mounts = [new MountSpec { Volume = "config", Path = "/etc/app" }, new MountSpec { Volume = "data", Path = "/data" }],
                },
            ],
        },
        Interfaces = [Nic(c)],
        Volumes =
        [
            new VolumeSpec { Name = "config", Files = new FilesVolume { Payload = c.Payload("config") } },
            new VolumeSpec { Name = "data", Disk = new DiskVolume { Disk = c.Refer(ResourceKind.Disk), DeviceName = "data" } },
        ],
    };

    private static InterfaceSpec Nic(SampleContext c) => new()
    {
        Name = "eth0",
        Network = c.Refer(ResourceKind.Network),
        Subnets = [c.Refer(ResourceKind.Subnet)],
        Firewalls = [c.Refer(ResourceKind.Firewall)],
    };

    private static string Range(SampleContext c, string second) => string.Create(CultureInfo.InvariantCulture, $"10.{second}.{c.Number}.0/24");
}
