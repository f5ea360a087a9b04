using System.Text.Json;
using Datum.Providers.Drivers.Podman.Disks;
using Datum.Providers.Drivers.Podman.Instances;
using Datum.Providers.Drivers.Podman.Networks;

namespace Datum.Providers.Drivers.Podman.Tests.Unit;

[TestFixture]
public sealed class ValidationTests
{
    private static readonly Connection Connection = new() { Installation = "t1" };

    private static readonly ContainerSpec Web = new() { Name = "web", Image = "nginx" };

    private static readonly InstanceSpec Good = new()
    {
        Hostname = "web-0",
        Size = new InstanceSize { InstanceType = "datumcloud/d1-standard-2", CpuMillis = 2000, MemoryMiB = 8192 },
        Sandbox = new SandboxSpec { Containers = [Web] },
        Interfaces = [new InterfaceSpec { Name = "eth0", Network = new Reference { Name = "n" } }],
    };

    // Law L11: each wish that can't be fulfilled is named by its path.
    private static readonly (InstanceSpec Spec, string Path)[] Refused =
    [
        (Good with { Sandbox = null, Machine = new MachineSpec { BootVolume = "boot" } }, "machine"),
        (Good with { Sandbox = null }, "sandbox"),
        (Containers([.. Enumerable.Range(0, 17).Select(i => Web with { Name = $"c{i}" })]), "sandbox.containers"),
        (Containers([Web, Web]), "sandbox.containers"),
        (Good with { Interfaces = [Good.Interfaces[0], Good.Interfaces[0] with { Name = "eth1" }] }, "interfaces"),
        (Good with { Hostname = "" }, "hostname"),
        (Good with { Hostname = "two words" }, "hostname"),
        (Good with { Hostname = "-web" }, "hostname"),
        (Good with { Hostname = $"{new string('a', 63)}.b" }, "hostname"),
        (Interface(i => i with { Name = "much-too-long-for-linux" }), "interfaces[much-too-long-for-linux]"),
        (Interface(i => i with { Name = "eth0.1" }), "interfaces[eth0.1]"),
        (Container(c => c with { Command = ["a\0b"] }), "sandbox.containers[web].command"),
        (Container(c => c with { Args = ["a\0b"] }), "sandbox.containers[web].args"),
        (Interface(i => i with { Firewalls = [new Reference { Name = "f" }] }), "interfaces[eth0].firewalls"),
        (Interface(i => i with { Addresses = ["nowhere"] }), "interfaces[eth0].addresses"),
        (Interface(i => i with { Ingress = [new IngressRule { Protocol = "ICMP", Source = "0.0.0.0/0" }] }), "interfaces[eth0].ingress[0].protocol"),
        (Interface(i => i with { Ingress = [new IngressRule { Source = "10.0.0.1/8" }] }), "interfaces[eth0].ingress[0].source"),
        (Interface(i => i with { Ingress = [new IngressRule { Protocol = "TCP", Port = 90, EndPort = 80, Source = "0.0.0.0/0" }] }), "interfaces[eth0].ingress[0].port"),
        (Container(c => c with { Image = "no image" }), "sandbox.containers[web].image"),
        (Container(c => c with { Limits = new ContainerLimits { MemoryMiB = 0 } }), "sandbox.containers[web].limits"),
        (Container(c => c with { Environment = [new EnvironmentVariable { Name = "A=B", Value = "x" }] }), "sandbox.containers[web].env[A=B]"),
        (Container(c => c with { Mounts = [new MountSpec { Volume = "absent", Path = "/x" }] }), "sandbox.containers[web].mounts[absent]"),
        (Volume(new VolumeSpec { Name = "v", Disk = new DiskVolume { Disk = new Reference { Name = "d" }, DeviceName = "v" } }, path: null), "sandbox.containers[web].mounts[v].path"),
        (Volume(new VolumeSpec { Name = "v", Disk = new DiskVolume { Disk = new Reference { Name = "d" }, DeviceName = "v" } }, path: "relative"), "sandbox.containers[web].mounts[v].path"),
        (Volume(new VolumeSpec { Name = "v", Disk = new DiskVolume { Image = "ubuntu", DeviceName = "v" } }), "volumes[v].disk.image"),
        (Volume(new VolumeSpec { Name = "v", Disk = new DiskVolume { DeviceName = "v" } }), "volumes[v].disk"),
        (Volume(new VolumeSpec { Name = "v" }), "volumes[v]"),
        (Volume(new VolumeSpec { Name = "v", Files = new FilesVolume { Payload = new PayloadReference { Name = "p", Secret = false }, Items = [new FileItem { Key = "k", Path = "../x" }] } }), "volumes[v].files.items[k].path"),
        (Volume(new VolumeSpec { Name = "v", Files = new FilesVolume { Payload = new PayloadReference { Name = "p", Secret = false }, Mode = 4096 } }), "volumes[v].files.mode"),
    ];

    [TestCaseSource(nameof(Refused))]
    public void A_wish_that_cant_be_fulfilled_is_named((InstanceSpec Spec, string Path) wish)
    {
        var findings = InstanceValidator.Validate(wish.Spec, Connection, null);

        Assert.That(findings.Select(f => f.Path), Is.EqualTo(new[] { wish.Path }));
        Assert.That(findings[0].Tolerated, Is.False);
    }

    [Test]
    public void A_wish_that_can_be_fulfilled_has_no_findings() => Assert.That(InstanceValidator.Validate(Good, Connection, null), Is.Empty);

    [TestCase(new[] { "10.0.0.0/24" }, null)]
    [TestCase(new[] { "10.0.0.0/24", "fd00::/64" }, null)]
    [TestCase(new[] { "fd00::/64" }, "ranges")]
    [TestCase(new[] { "10.0.0.0/24", "10.0.1.0/24" }, "ranges")]
    [TestCase(new[] { "10.0.0.1/24", "10.0.1.0/24" }, "ranges[0]")]
    [TestCase(new[] { "10.0.0.0/31", "10.0.1.0/24" }, "ranges[0]")]
    public void Ranges_are_one_of_each_family_and_ipv4_at_least(string[] ranges, string? path) =>
        Assert.That(PodmanNetworks.Validate(new NetworkSpec { Ranges = [.. ranges] }).Select(f => f.Path), Is.EqualTo(path is null ? [] : new[] { path }));

    [Test]
    public void A_family_without_a_range_is_refused() =>
        Assert.That(PodmanNetworks.Validate(new NetworkSpec { Ranges = ["10.0.0.0/24"], IpFamilies = ["IPv4", "IPv6"] }).Single().Path, Is.EqualTo("ipFamilies"));

    [TestCase("""{"resourceLimits":"Sometimes"}""")]
    [TestCase("""{"healthChecks":"yes"}""")]
    [TestCase("""{"unknown":1}""")]
    [TestCase("[]")]
    public void Settings_that_the_schema_doesnt_allow_are_refused(string json)
    {
        using var document = JsonDocument.Parse(json);

        Assert.That(() => PodmanSettings.Read(document.RootElement), Throws.InstanceOf<DriverException>().With.Property("Error").Property("Code").EqualTo(ErrorCode.Invalid));
    }

    [Test]
    public void Settings_have_defaults_and_are_read()
    {
        using var document = JsonDocument.Parse("""{"resourceLimits":"Ignore","healthChecks":false}""");

        Assert.That(PodmanSettings.Read(default), Is.EqualTo(new PodmanSettings { EnforceLimits = true, HealthChecks = true }));
        Assert.That(PodmanSettings.Read(document.RootElement), Is.EqualTo(new PodmanSettings { EnforceLimits = false, HealthChecks = false }));
    }

    [Test]
    public void A_disks_size_type_and_filesystem_need_the_configs_consent()
    {
        var disk = new DiskSpec { SizeGiB = 10, Type = "fast", Filesystem = "ext4" };
        var strict = new Connection { Installation = "t1" };
        var lax = strict with { AllowUnenforcedDiskSize = true };
        var mapped = lax with { DiskTypes = ImmutableDictionary<string, string>.Empty.Add("fast", "local") };
        Assert.That(PodmanDisks.Validate(disk, strict).Select(f => (f.Path, f.Tolerated)), Is.EqualTo(new[] { ("sizeGiB", false), ("type", false), ("filesystem", false) }));
        Assert.That(PodmanDisks.Validate(disk, lax).Select(f => (f.Path, f.Tolerated)), Is.EqualTo(new[] { ("sizeGiB", true), ("type", true), ("filesystem", true) }));
        Assert.That(PodmanDisks.Validate(disk, mapped).Select(f => f.Path), Does.Not.Contain("type"));
        Assert.That(PodmanDisks.Validate(disk with { SizeGiB = 0 }, lax).Count(f => !f.Tolerated), Is.EqualTo(1));
    }

    [Test]
    public void Every_fault_is_named_also_when_there_is_no_container() =>
        Assert.That(InstanceValidator.Validate(Good with { Sandbox = null, Interfaces = [] }, new Connection { Installation = "t1" }, null).Select(f => f.Path),
            Is.EqualTo(new[] { "sandbox", "interfaces" }));

    private static InstanceSpec Containers(ImmutableArray<ContainerSpec> containers) => Good with { Sandbox = new SandboxSpec { Containers = containers } };

    private static InstanceSpec Container(Func<ContainerSpec, ContainerSpec> change) => Containers([change(Web)]);

    private static InstanceSpec Interface(Func<InterfaceSpec, InterfaceSpec> change) => Good with { Interfaces = [change(Good.Interfaces[0])] };

    private static InstanceSpec Volume(VolumeSpec volume, string? path = "/data") =>
        Container(c => c with { Mounts = [new MountSpec { Volume = volume.Name, Path = path }] }) with { Volumes = [volume] };
}
