using System.Globalization;
using System.Text;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Vsphere;
using Datum.Providers.Drivers.Vsphere.Tests.Conformance;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Vsphere.Tests.Unit;

/// <summary>The driver at vcsim behind its proxy.</summary>
internal sealed class Bench : DriverBench
{
    public const string Location = VsphereSamples.Location;

    public Bench(VsphereKnobs? knobs = null)
        : base("vsphere-tests")
    {
        Cloud = new VsphereCloud(SharedVcsim.Process, Clock, knobs) { Description = SharedVcsim.Description };
        Credentials["username"] = Encoding.UTF8.GetBytes(Vcsim.User);
        Credentials["password"] = Encoding.UTF8.GetBytes(Vcsim.Password);
        HttpHandler = new CloudHandler(Cloud);
    }

    public VsphereCloud Cloud { get; }

    public override HttpMessageHandler HttpHandler { get; }

    protected override IDriverFactory Factory { get; } = new VsphereDriverFactory();

    protected override IEnumerable<string> Violations => Cloud.Violations;

    protected override Connection Connection(object? settings) => new()
    {
        Endpoint = new Uri("https://vcenter.test/sdk"),
        Installation = Installation,
        Settings = Json(settings ?? VsphereWorld.Settings),
        Images = VsphereWorld.Images,
    };

    protected override void Close()
    {
        Assert.That(Cloud.Sessions, Is.Zero, "A session was left behind.");
        Cloud.Dispose();
    }

    public static NetworkSpec Network(int number = 1) => new() { Mtu = 1460, Ranges = [string.Create(CultureInfo.InvariantCulture, $"10.{number}.0.0/24")], LocationJson = Location };

    public static InstanceSpec Sandbox(Identity network) => new()
    {
        LocationJson = Location,
        Hostname = "web-0",
        Size = new InstanceSize { InstanceType = "datumcloud/d1-standard-2", CpuMillis = 2000, MemoryMiB = 8192 },
        Sandbox = new SandboxSpec { Containers = [new ContainerSpec { Name = "web", Image = "nginx:1" }] },
        Interfaces = [new InterfaceSpec { Name = "eth0", Network = Refer(network), Ranges = ["10.1.0.0/24"] }],
    };

    public static InstanceSpec Machine(Identity network) => Sandbox(network) with
    {
        Sandbox = null,
        Machine = new MachineSpec { BootVolume = "boot", SshKeys = ["ada:ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF4u ada@example"] },
        Volumes = [new VolumeSpec { Name = "boot", Disk = new DiskVolume { Image = "datumcloud/ubuntu-2204-lts", DeviceName = "boot", SizeGiB = 25, Type = "pd-standard" } }],
    };

    public static InstanceSpec WithDisk(InstanceSpec spec, Identity disk) => spec with
    {
        Volumes = spec.Volumes.Add(new VolumeSpec { Name = "data", Disk = new DiskVolume { Disk = Refer(disk), DeviceName = "data", Filesystem = "ext4" } }),
    };

    /// <summary>The machine of an instance.</summary>
    public VsphereMachine? At(Identity id) => Cloud.Machines.FirstOrDefault(m => m.Config.Text("instanceUuid") == id.PartId("server"));
}
