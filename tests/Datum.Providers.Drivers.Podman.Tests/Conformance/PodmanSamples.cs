using System.Globalization;
using Datum.Providers.Conformance;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Podman.Tests.Conformance;

/// <summary>Wishes that a Podman on this machine fulfils, and some that it can't.</summary>
internal sealed class PodmanSamples(PodmanRanges ranges)
{
    private static readonly IngressRule Web = new() { Protocol = "TCP", Port = 8080, Source = "0.0.0.0/0" };

    public Sample? Of(ResourceKind kind) => kind switch
    {
        ResourceKind.Network => Network,
        ResourceKind.Disk => Disk,
        ResourceKind.Instance => Instance,
        _ => null,
    };

    /// <summary>Wishes that differ in one field each.</summary>
    public ImmutableDictionary<string, Func<SampleContext, ResourceSpec>> WishesOf(ResourceKind kind) => kind switch
    {
        ResourceKind.Network => Wishes(("mtu", c => Dual(c) with { Mtu = 1400 })),
        ResourceKind.Instance => Wishes(
            ("interfaces.ingress", c => Pod(c) with { Interfaces = [Nic(c) with { Ingress = [Web with { Port = 9090 }] }] }),
            ("suspended", c => Pod(c) with { Suspended = true }),
            ("hostname", c => Pod(c) with { Hostname = "other" }),
            ("restartedAt", c => Pod(c) with { RestartedAt = "2030-01-01T00:00:00Z" })),
        _ => ImmutableDictionary<string, Func<SampleContext, ResourceSpec>>.Empty,
    };

    private static ImmutableDictionary<string, Func<SampleContext, ResourceSpec>> Wishes(params ReadOnlySpan<(string Path, Func<SampleContext, ResourceSpec> Wish)> wishes)
    {
        var all = ImmutableDictionary.CreateBuilder<string, Func<SampleContext, ResourceSpec>>(StringComparer.Ordinal);
        foreach (var (path, wish) in wishes)
            all[path] = wish;
        return all.ToImmutable();
    }

    private Sample Network => new()
    {
        Valid = Dual,
        Replacement = c => Dual(c) with { Mtu = 1400 },
        Invalid =
        [
            new() { Why = "no range", Spec = c => Dual(c) with { Ranges = [], IpFamilies = ["IPv4"] }, Paths = ["ranges"], Capability = "ipFamilies" },
            new() { Why = "two ranges of one family", Spec = c => Dual(c) with { Ranges = ["10.1.0.0/24", "10.2.0.0/24"], IpFamilies = ["IPv4"] }, Paths = ["ranges"], Capability = "subnets" },
            new() { Why = "no prefix", Spec = c => Dual(c) with { Ranges = ["10.1.0.0"] }, Paths = ["ranges"] },
            new() { Why = "prefix with host bits", Spec = c => Dual(c) with { Ranges = ["10.1.0.1/24"], IpFamilies = ["IPv4"] }, Paths = ["ranges"] },
            new() { Why = "no room for an instance", Spec = c => Dual(c) with { Ranges = ["10.1.0.0/31"], IpFamilies = ["IPv4"] }, Paths = ["ranges"] },
            new() { Why = "a family without range", Spec = c => Dual(c) with { Ranges = [ranges.V4(c.Number)] }, Paths = ["ipFamilies"] },
        ],
    };

    private static Sample Disk => new()
    {
        Valid = _ => new DiskSpec { SizeGiB = 10 },
        Invalid = [new() { Why = "no size", Spec = _ => new DiskSpec { SizeGiB = 0 }, Paths = ["sizeGiB"] }],
    };

    private static Sample Instance => new()
    {
        Needs = [ResourceKind.Network],
        NeedsOwn = [ResourceKind.Disk],
        Valid = Pod,
        InPlace = c => Pod(c) with { Interfaces = [Nic(c) with { Ingress = [Web with { Port = 9090 }, new() { Protocol = "UDP", Port = 53, Source = "fd00::/8" }] }] },
        Replacement = c => Pod(c) with { Hostname = "other" },
        Invalid =
        [
            new() { Why = "neither sandbox nor machine", Spec = c => Pod(c) with { Sandbox = null }, Paths = ["sandbox"] },
            new() { Why = "a machine", Spec = c => Pod(c) with { Sandbox = null, Machine = new MachineSpec { BootVolume = "boot" } }, Paths = ["machine"], Capability = "virtualMachines" },
            new() { Why = "no container", Spec = c => Pod(c) with { Sandbox = new SandboxSpec { Containers = [] } }, Paths = ["sandbox.containers"], Capability = "maxContainers" },
            new() { Why = "no image reference", Spec = c => With(c, w => w with { Image = "No Image" }), Paths = ["sandbox.containers.image"] },
            new() { Why = "a block device", Spec = c => With(c, w => w with { Mounts = [new MountSpec { Volume = "data" }] }), Paths = ["sandbox.containers.mounts.path"], Capability = "blockDevices" },
            new() { Why = "a limit of nothing", Spec = c => With(c, w => w with { Limits = new ContainerLimits { MemoryMiB = 0 } }), Paths = ["sandbox.containers.limits"] },
            new() { Why = "no interface", Spec = c => Pod(c) with { Interfaces = [] }, Paths = ["interfaces"], Capability = "maxInterfaces" },
            new() { Why = "two interfaces", Spec = c => Pod(c) with { Interfaces = [Nic(c), Nic(c) with { Name = "eth1" }] }, Paths = ["interfaces"], Capability = "maxInterfaces" },
            new() { Why = "firewalls as objects", Spec = c => Pod(c) with { Interfaces = [Nic(c) with { Firewalls = [new Reference { Name = "some" }] }] }, Paths = ["interfaces.firewalls"], Capability = "firewall" },
            new() { Why = "no address", Spec = c => Pod(c) with { Interfaces = [Nic(c) with { Addresses = ["ten"] }] }, Paths = ["interfaces.addresses"] },
            new() { Why = "a rule for anybody's protocol", Spec = c => Ruled(c, Web with { Protocol = "GRE" }), Paths = ["interfaces.ingress.protocol"] },
            new() { Why = "a rule without a prefix", Spec = c => Ruled(c, Web with { Source = "anywhere" }), Paths = ["interfaces.ingress.source"] },
            new() { Why = "ports the wrong way round", Spec = c => Ruled(c, Web with { Port = 90, EndPort = 80 }), Paths = ["interfaces.ingress.port"] },
        ],
    };

    private NetworkSpec Dual(SampleContext c) => new() { Ranges = [ranges.V4(c.Number), ranges.V6(c.Number)], IpFamilies = ["IPv4", "IPv6"], Mtu = 1460 };

    private static InstanceSpec Pod(SampleContext c) => new()
    {
        Hostname = "web-0",
        Size = new InstanceSize { InstanceType = "datumcloud/d1-standard-2", CpuMillis = 2000, MemoryMiB = 512 },
        TerminationGraceSeconds = 1,
        Sandbox = new SandboxSpec
        {
            PullSecrets = [c.Payload("pull")],
            Containers =
            [
                new ContainerSpec
                {
                    Name = "web",
                    Image = PodmanHost.WebImage,
                    // Deaf to SIGTERM, as every process 1 without a handler: whether it ended within its grace would be a race, and with it the steps of
                    // a deletion. What stands behind the text are parameters that it doesn't look at.
                    Command = ["/bin/sh", "-c", "httpd -f -p 8080 -h /www & echo the web server has started; wait", "web"],
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

    private static InterfaceSpec Nic(SampleContext c) => new() { Name = "eth0", Network = c.Refer(ResourceKind.Network), Ingress = [Web] };

    private static InstanceSpec Ruled(SampleContext c, IngressRule rule) => Pod(c) with { Interfaces = [Nic(c) with { Ingress = [rule] }] };

    private static InstanceSpec With(SampleContext c, Func<ContainerSpec, ContainerSpec> change)
    {
        var pod = Pod(c);
        return pod with { Sandbox = pod.Sandbox! with { Containers = [change(pod.Sandbox.Containers[0])] } };
    }
}

/// <summary>Address ranges of one world: a network of the machine belongs to one Podman network only. Begins anywhere, so that test runs side by side rarely meet.</summary>
internal sealed class PodmanRanges(ReadOnlyMemory<byte> chance)
{
    private readonly int _second = 160 + chance.Span[0] % 90;
    private readonly int _third = chance.Span[1];
    private readonly int _v6 = chance.Span[2] << 8 | chance.Span[3];

    public string V4(int number) => string.Create(CultureInfo.InvariantCulture, $"10.{_second}.{(_third + number) & 255}.0/24");

    public string V6(int number) => string.Create(CultureInfo.InvariantCulture, $"fd21:{_v6:x}:{number:x}:1::/64");
}
