using System.Globalization;
using Datum.Providers.Conformance;

namespace Datum.Providers.Drivers.Vsphere.Tests.Conformance;

/// <summary>Wishes that the platform fulfils, and some that it can't.</summary>
internal static class VsphereSamples
{
    public const string Location = """{"datacenter":"DC0","cluster":"DC0_C0","resourcePool":"DC0_C0_RP1","datastore":"LocalDS_0","switch":"DVS0"}""";

    public static Sample? Of(ResourceKind kind) => kind switch
    {
        ResourceKind.Network => Network,
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
                paths["mtu"] = c => Net(c) with { Mtu = 1400 };
                paths["ranges"] = c => Net(c) with { Ranges = Net(c).Ranges.Add(Range(c, "200")) };
                break;
            case ResourceKind.Disk:
                paths["sizeGiB"] = c => (DiskSpec)Disk.Valid(c) with { SizeGiB = 21 };
                paths["filesystem"] = c => (DiskSpec)Disk.Valid(c) with { Filesystem = "xfs" };
                break;
            case ResourceKind.Instance:
                paths["size"] = c => Sandbox(c) with { Size = Sandbox(c).Size with { CpuMillis = 4000 } };
                paths["suspended"] = c => Sandbox(c) with { Suspended = true };
                paths["restartedAt"] = c => Sandbox(c) with { RestartedAt = "2030-06-01T00:00:00Z" };
                paths["hostname"] = c => Sandbox(c) with { Hostname = "web-1" };
                paths["interfaces.ingress"] = c => Sandbox(c) with { Interfaces = [Nic(c) with { Ingress = [] }] };
                paths["interfaces.ranges"] = c => Sandbox(c) with { Interfaces = [Nic(c) with { Ranges = [Range(c, "201")] }] };
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
        Valid = Net,
        InPlace = c => Net(c) with { Mtu = 1500 },
        Invalid =
        [
            new() { Why = "MTU too small", Spec = c => Net(c) with { Mtu = 100 }, Paths = ["mtu"] },
            new() { Why = "no family", Spec = c => Net(c) with { IpFamilies = ["IPX"] }, Paths = ["ipFamilies"] },
            new() { Why = "no prefix", Spec = c => Net(c) with { Ranges = ["10.0.0.1/24"] }, Paths = ["ranges"] },
            new() { Why = "no room for guests", Spec = c => Net(c) with { Ranges = ["10.0.0.0/31"] }, Paths = ["ranges"] },
            new() { Why = "no datacenter", Spec = c => Net(c) with { LocationJson = """{"switch":"DVS0"}""" }, Paths = ["location.datacenter"] },
            new() { Why = "neither switch nor portgroup", Spec = c => Net(c) with { LocationJson = """{"datacenter":"DC0"}""" }, Paths = ["location.switch"] },
        ],
    };

    private static Sample Disk => new()
    {
        Valid = _ => new DiskSpec { LocationJson = Location, SizeGiB = 20, Type = "pd-standard", Filesystem = "ext4" },
        InPlace = _ => new DiskSpec { LocationJson = Location, SizeGiB = 30, Type = "pd-standard", Filesystem = "ext4" },
        Replacement = _ => new DiskSpec { LocationJson = Location, SizeGiB = 20, Type = "pd-standard", Filesystem = "xfs" },
        Invalid =
        [
            new() { Why = "no datastore", Spec = _ => new DiskSpec { SizeGiB = 20, LocationJson = """{"datacenter":"DC0","cluster":"DC0_C0"}""" }, Paths = ["location.datastore"] },
            new() { Why = "no size", Spec = _ => new DiskSpec { LocationJson = Location, SizeGiB = 0 }, Paths = ["sizeGiB"] },
            new() { Why = "unknown type", Spec = _ => new DiskSpec { LocationJson = Location, SizeGiB = 20, Type = "gold" }, Paths = ["type"], Capability = "diskTypes" },
            new() { Why = "unknown filesystem", Spec = _ => new DiskSpec { LocationJson = Location, SizeGiB = 20, Filesystem = "ntfs" }, Paths = ["filesystem"], Capability = "filesystems" },
        ],
    };

    private static Sample Instance => new()
    {
        Needs = [ResourceKind.Network],
        NeedsOwn = [ResourceKind.Disk],
        Valid = Sandbox,
        InPlace = c => Sandbox(c) with { RestartedAt = "2030-01-01T00:00:00Z" },
        Replacement = c => Sandbox(c) with { Hostname = "other" },
        Invalid =
        [
            new() { Why = "neither sandbox nor machine", Spec = c => Sandbox(c) with { Sandbox = null }, Paths = ["sandbox"] },
            new() { Why = "no interface", Spec = c => Sandbox(c) with { Interfaces = [] }, Paths = ["interfaces"], Capability = "maxInterfaces" },
            new() { Why = "firewalls of their own", Spec = c => Sandbox(c) with { Interfaces = [Nic(c) with { Firewalls = [new Reference { Name = new string('0', 32) }] }] }, Paths = ["interfaces.firewalls"], Capability = "firewall" },
            new() { Why = "no address", Spec = c => Sandbox(c) with { Interfaces = [Nic(c) with { Addresses = ["ten"] }] }, Paths = ["interfaces.addresses"] },
            new() { Why = "an address of another range", Spec = c => Sandbox(c) with { Interfaces = [Nic(c) with { Addresses = ["192.0.2.1"] }] }, Paths = ["interfaces.addresses"] },
            new() { Why = "no cluster", Spec = c => Sandbox(c) with { LocationJson = null }, Paths = ["location.cluster"] },
            new() { Why = "more than any machine has", Spec = c => Sandbox(c) with { Size = Sandbox(c).Size with { CpuMillis = 1_000_000 } }, Paths = ["size"], Capability = "size" },
            new() { Why = "a native size that is none", Spec = c => Sandbox(c) with { Size = Sandbox(c).Size with { Native = "large" } }, Paths = ["size.native"] },
            new() { Why = "a native size that is less", Spec = c => Sandbox(c) with { Size = Sandbox(c).Size with { Native = "1x8192" } }, Paths = ["size.native"] },
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

    private static NetworkSpec Net(SampleContext c) => new() { Mtu = 1460, IpFamilies = ["IPv4", "IPv6"], Ranges = [Range(c, "128"), "fd20:0:0:1::/64"], LocationJson = Location };

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
        Ranges = ["10.128.0.0/16", "fd20:0:0:1::/64"],
        Ingress = [new IngressRule { Protocol = "TCP", Port = 80, Source = "0.0.0.0/0" }],
    };

    private static string Range(SampleContext c, string second) => string.Create(CultureInfo.InvariantCulture, $"10.{second}.{c.Number}.0/24");
}
