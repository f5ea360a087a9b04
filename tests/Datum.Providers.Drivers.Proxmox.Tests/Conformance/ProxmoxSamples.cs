using System.Globalization;
using Datum.Providers.Conformance;

namespace Datum.Providers.Drivers.Proxmox.Tests.Conformance;

/// <summary>Wishes that the platform fulfils, and some that it can't.</summary>
internal static class ProxmoxSamples
{
    public const string Location = """{"zone":"lab"}""";

    public static Sample? Of(ResourceKind kind) => kind switch
    {
        ResourceKind.Network => Network,
        ResourceKind.Firewall => Firewall,
        ResourceKind.Disk => Disk,
        ResourceKind.Instance => Instance,
        _ => null,
    };

    /// <summary>Wishes that differ in one path.</summary>
    public static ImmutableDictionary<string, Func<SampleContext, ResourceSpec>> PathsOf(ResourceKind kind)
    {
        var paths = ImmutableDictionary.CreateBuilder<string, Func<SampleContext, ResourceSpec>>(StringComparer.Ordinal);
        switch (kind)
        {
            case ResourceKind.Network:
                paths["mtu"] = c => NetworkOf(c) with { Mtu = 1400 };
                paths["ranges"] = c => NetworkOf(c) with { Ranges = [Range(c), Range(c, "129")] };
                break;
            case ResourceKind.Firewall:
                paths["ingress"] = c => Rules(c, new() { Protocol = "TCP", Port = 443, Source = "0.0.0.0/0" }, new() { Protocol = "SCTP", Source = "2001:db8::/32" });
                break;
            case ResourceKind.Disk:
                paths["sizeGiB"] = c => (DiskSpec)Disk.Valid(c) with { SizeGiB = 21 };
                paths["filesystem"] = c => (DiskSpec)Disk.Valid(c) with { Filesystem = "xfs" };
                break;
            case ResourceKind.Instance:
                paths["interfaces.firewalls"] = c => Sandbox(c) with { Interfaces = [Nic(c) with { Firewalls = [] }] };
                paths["suspended"] = c => Sandbox(c) with { Suspended = true };
                paths["restartedAt"] = c => Sandbox(c) with { RestartedAt = "2030-06-01T00:00:00Z" };
                paths["hostname"] = c => Sandbox(c) with { Hostname = "web-1" };
                paths["size"] = c => Sandbox(c) with { Size = Sandbox(c).Size with { CpuMillis = 4000 } };
                paths["sandbox.containers.image"] = c => Change(c, x => x with { Image = "nginx:2" });
                paths["sandbox.containers.args"] = c => Change(c, x => x with { Args = ["--debug"] });
                paths["sandbox.containers.environment"] = c => Change(c, x => x with { Environment = x.Environment.Add(new() { Name = "A", Value = "b" }) });
                paths["sandbox.containers.ports"] = c => Change(c, x => x with { Ports = [new() { Name = "http", Port = 8081, Protocol = "TCP" }] });
                paths["sandbox.containers.limits"] = c => Change(c, x => x with { Limits = new ContainerLimits { CpuMillis = 100 } });
                paths["volumes.files"] = c => Sandbox(c) with { Volumes = [Sandbox(c).Volumes[0] with { Files = Sandbox(c).Volumes[0].Files! with { Mode = 0b100_000_000 } }, Sandbox(c).Volumes[1]] };
                break;
            default:
                break;
        }

        return paths.ToImmutable();
    }

    private static Sample Network => new()
    {
        Valid = NetworkOf,
        InPlace = c => NetworkOf(c) with { Mtu = 1500 },
        Invalid =
        [
            new() { Why = "MTU too small", Spec = c => NetworkOf(c) with { Mtu = 100 }, Paths = ["mtu"] },
            new() { Why = "MTU that doesn't fit", Spec = c => NetworkOf(c) with { Mtu = 9000 }, Paths = ["mtu"], Capability = "mtu" },
            new() { Why = "no family", Spec = c => NetworkOf(c) with { IpFamilies = ["IPX"] }, Paths = ["ipFamilies"] },
            new() { Why = "no range", Spec = c => NetworkOf(c) with { Ranges = [] }, Paths = ["ranges"], Capability = "rangeOrder" },
            new() { Why = "host bits", Spec = c => NetworkOf(c) with { Ranges = ["10.0.0.1/24"] }, Paths = ["ranges"] },
            new() { Why = "no room", Spec = c => NetworkOf(c) with { Ranges = ["10.0.0.0/31"] }, Paths = ["ranges"] },
            new() { Why = "no zone", Spec = c => NetworkOf(c) with { LocationJson = "{}" }, Paths = ["location.zone"] },
            new() { Why = "unknown zone", Spec = c => NetworkOf(c) with { LocationJson = """{"zone":"nowhere"}""" }, Paths = ["location.zone"] },
            new() { Why = "a zone that needs tags", Spec = c => NetworkOf(c) with { Mtu = 1400, LocationJson = """{"zone":"vxlan1"}""" }, Paths = ["location.zone"], Capability = "sdn.tags" },
        ],
    };

    private static Sample Firewall => new()
    {
        Needs = [ResourceKind.Network],
        Valid = c => Rules(c, new() { Protocol = "TCP", Port = 80, EndPort = 81, Source = "0.0.0.0/0" }, new() { Source = "2001:db8::/32" }),
        InPlace = c => Rules(c, new() { Protocol = "UDP", Port = 53, Source = "10.0.0.0/8" }, new() { Protocol = "TCP", Port = 22, Source = "2001:db8::/32" }),
        Invalid =
        [
            new() { Why = "no prefix", Spec = c => Rules(c, new IngressRule { Source = "anywhere" }), Paths = ["ingress.source"] },
            new() { Why = "unknown protocol", Spec = c => Rules(c, new IngressRule { Protocol = "GRE", Source = "10.0.0.0/8" }), Paths = ["ingress.protocol"] },
            new() { Why = "ports the wrong way round", Spec = c => Rules(c, new IngressRule { Protocol = "TCP", Port = 90, EndPort = 80, Source = "10.0.0.0/8" }), Paths = ["ingress.port"] },
            new()
            {
                Why = "more rules than are made for one set",
                Spec = c => Rules(c, [.. Enumerable.Range(1, 65).Select(i => new IngressRule { Protocol = "TCP", Port = i * 3, Source = string.Create(CultureInfo.InvariantCulture, $"10.{i}.0.0/16") })]),
                Paths = ["ingress"],
                Capability = "firewall",
            },
        ],
    };

    private static Sample Disk => new()
    {
        Valid = _ => new DiskSpec { LocationJson = Location, SizeGiB = 20, Type = "pd-standard", Filesystem = "ext4" },
        InPlace = _ => new DiskSpec { LocationJson = Location, SizeGiB = 30, Type = "pd-standard", Filesystem = "ext4" },
        Replacement = _ => new DiskSpec { LocationJson = Location, SizeGiB = 20, Type = "pd-standard", Filesystem = "xfs" },
        Invalid =
        [
            new() { Why = "no size", Spec = _ => new DiskSpec { LocationJson = Location, SizeGiB = 0 }, Paths = ["sizeGiB"] },
            new() { Why = "unknown type", Spec = _ => new DiskSpec { LocationJson = Location, SizeGiB = 20, Type = "gold" }, Paths = ["type"], Capability = "diskTypes" },
            new() { Why = "unknown filesystem", Spec = _ => new DiskSpec { LocationJson = Location, SizeGiB = 20, Filesystem = "ntfs" }, Paths = ["filesystem"], Capability = "filesystems" },
        ],
    };

    private static Sample Instance => new()
    {
        Needs = [ResourceKind.Network, ResourceKind.Firewall],
        NeedsOwn = [ResourceKind.Disk],
        Valid = Sandbox,
        InPlace = c => Sandbox(c) with { RestartedAt = "2030-01-01T00:00:00Z" },
        Replacement = c => Sandbox(c) with { Hostname = "other" },
        Invalid =
        [
            new() { Why = "neither sandbox nor machine", Spec = c => Sandbox(c) with { Sandbox = null }, Paths = ["sandbox"] },
            new() { Why = "no interface", Spec = c => Sandbox(c) with { Interfaces = [] }, Paths = ["interfaces"], Capability = "maxInterfaces" },
            new() { Why = "rules at the instance", Spec = c => Sandbox(c) with { Interfaces = [Nic(c) with { Ingress = [] }] }, Paths = ["interfaces.ingress"], Capability = "firewall" },
            new() { Why = "no range", Spec = c => Sandbox(c) with { Interfaces = [Nic(c) with { Ranges = [] }] }, Paths = ["interfaces.ranges"] },
            new() { Why = "no address", Spec = c => Sandbox(c) with { Interfaces = [Nic(c) with { Addresses = ["ten"] }] }, Paths = ["interfaces.addresses"] },
            new() { Why = "an address outside", Spec = c => Sandbox(c) with { Interfaces = [Nic(c) with { Addresses = ["192.0.2.7"] }] }, Paths = ["interfaces.addresses"] },
            new() { Why = "a grace of a day", Spec = c => Sandbox(c) with { TerminationGraceSeconds = 86400 }, Paths = ["terminationGraceSeconds"], Capability = "terminationGrace" },
            new() { Why = "a size that is none", Spec = c => Sandbox(c) with { Size = Sandbox(c).Size with { Native = "huge" } }, Paths = ["size.native"] },
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

    private static NetworkSpec NetworkOf(SampleContext c) => new() { Mtu = 1450, IpFamilies = ["IPv4"], Ranges = [Range(c)], LocationJson = Location };

    private static FirewallSpec Rules(SampleContext c, params ImmutableArray<IngressRule> rules) => new() { Network = c.Refer(ResourceKind.Network), Ingress = rules, LocationJson = Location };

    public static InstanceSpec Sandbox(SampleContext c) => new()
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
            new VolumeSpec { Name = "data", Disk = new DiskVolume { Disk = c.Refer(ResourceKind.Disk), DeviceName = "data", Filesystem = "ext4" } },
        ],
    };

    private static InstanceSpec Change(SampleContext c, Func<ContainerSpec, ContainerSpec> change) =>
        Sandbox(c) with { Sandbox = Sandbox(c).Sandbox! with { Containers = [change(Sandbox(c).Sandbox!.Containers[0])] } };

    private static InterfaceSpec Nic(SampleContext c) => new()
    {
        Name = "eth0",
        Network = c.Refer(ResourceKind.Network),
        Ranges = ["10.128.0.0/16"],
        Firewalls = [c.Refer(ResourceKind.Firewall)],
    };

    private static string Range(SampleContext c, string second = "128") => string.Create(CultureInfo.InvariantCulture, $"10.{second}.{c.Number}.0/24");
}
