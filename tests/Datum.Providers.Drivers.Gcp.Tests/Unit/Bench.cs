using System.Globalization;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Gcp;
using Datum.Providers.Drivers.Gcp.Tests.Conformance;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Gcp.Tests.Unit;

/// <summary>The driver at its double.</summary>
internal sealed class Bench : DriverBench
{
    public const string Location = GcpSamples.Location;

    public Bench(GcpKnobs? knobs = null, DescriptionChecker? description = null)
        : base("gcp-tests")
    {
        Cloud = new GcpCloud(Clock, knobs ?? new GcpKnobs()) { Description = description ?? Descriptions.Checker };
        HttpHandler = new CloudHandler(Cloud);
    }

    public GcpCloud Cloud { get; }

    public override HttpMessageHandler HttpHandler { get; }

    protected override IDriverFactory Factory { get; } = new GcpDriverFactory();

    protected override IEnumerable<string> Violations => Cloud.Violations;

    protected override Connection Connection(object? settings) => new()
    {
        Endpoint = new Uri("http://cloud.test"),
        Installation = Installation,
        Location = Json(new { projectId = "demo-project" }),
        Settings = Json(settings ?? new { authentication = new { mode = "None" } }),
    };

    /// <summary>A network with a subnet.</summary>
    public async Task<(Identity Network, Identity Subnet)> Landscape(IInfrastructureDriver driver, int number = 1)
    {
        var (network, _, _) = await Build(driver.Networks!, Id(ResourceKind.Network, number), new NetworkSpec { Mtu = 1460, LocationJson = Location });
        var (subnet, _, _) = await Build(driver.Subnets!, Id(ResourceKind.Subnet, number),
            new SubnetSpec { Network = Refer(network), Range = string.Create(CultureInfo.InvariantCulture, $"10.{number}.0.0/16"), LocationJson = Location });
        return (network, subnet);
    }

    public static InstanceSpec Sandbox(Identity network, Identity subnet) => new()
    {
        LocationJson = Location,
        Hostname = "web-0",
        Size = new InstanceSize { InstanceType = "datumcloud/d1-standard-2", CpuMillis = 2000, MemoryMiB = 8192 },
        Sandbox = new SandboxSpec { Containers = [new ContainerSpec { Name = "web", Image = "nginx:1" }] },
        Interfaces = [new InterfaceSpec { Name = "eth0", Network = Refer(network), Subnets = [Refer(subnet)] }],
    };

    public static InstanceSpec Machine(Identity network, Identity subnet) => Sandbox(network, subnet) with
    {
        Sandbox = null,
        Machine = new MachineSpec { BootVolume = "boot", SshKeys = ["ada:ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF4u ada@example"] },
        Volumes = [new VolumeSpec { Name = "boot", Disk = new DiskVolume { Image = "datumcloud/ubuntu-2204-lts", DeviceName = "boot", SizeGiB = 25, Type = "pd-standard" } }],
    };

    public GcpObject? At(string path) => Cloud.Objects.FirstOrDefault(o => o.Path == path);
}
