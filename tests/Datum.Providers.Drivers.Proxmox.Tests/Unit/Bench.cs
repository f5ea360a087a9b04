using System.Globalization;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Proxmox;
using Datum.Providers.Drivers.Proxmox.Tests.Conformance;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Proxmox.Tests.Unit;

/// <summary>The driver at its double.</summary>
internal sealed class Bench : DriverBench
{
    public const string Location = ProxmoxSamples.Location;

    public Bench(ProxmoxKnobs? knobs = null, ApiSchema? description = null, string release = "9.1")
        : base("proxmox-tests")
    {
        Cloud = new ProxmoxCloud(Clock, knobs ?? new ProxmoxKnobs()) { Release = release, Description = description ?? Double.Schemas.For(release) };
        Cloud.AddToken("datum@pve!driver", "5ec4e7-token");
        Credentials["apiToken"] = "datum@pve!driver=5ec4e7-token"u8.ToArray();
        HttpHandler = new CloudHandler(Cloud);
    }

    public ProxmoxCloud Cloud { get; }

    public override HttpMessageHandler HttpHandler { get; }

    protected override IDriverFactory Factory { get; } = new ProxmoxDriverFactory();

    protected override IEnumerable<string> Violations => Cloud.Violations;

    protected override Connection Connection(object? settings) => new()
    {
        Endpoint = new Uri("https://cluster.test:8006"),
        Installation = Installation,
        Settings = Json(settings ?? new { storage = "ceph", sandboxPackages = Array.Empty<string>() }),
    };

    /// <summary>A network.</summary>
    public async Task<Identity> Network(IInfrastructureDriver driver, int number = 1) => (await Build(driver.Networks!, Id(ResourceKind.Network, number), NetworkOf(number))).Id;

    public static NetworkSpec NetworkOf(int number = 1) => new() { Mtu = 1450, Ranges = [Range(number)], LocationJson = Location };

    public static InstanceSpec Sandbox(Identity network, int number = 1) => new()
    {
        LocationJson = Location,
        Hostname = "web-0",
        Size = new InstanceSize { InstanceType = "datumcloud/d1-standard-2", CpuMillis = 2000, MemoryMiB = 8192 },
        Sandbox = new SandboxSpec { Containers = [new ContainerSpec { Name = "web", Image = "nginx:1" }] },
        Interfaces = [new InterfaceSpec { Name = "eth0", Network = Refer(network), Ranges = [Range(number)] }],
    };

    public static InstanceSpec Machine(Identity network) => Sandbox(network) with
    {
        Sandbox = null,
        Machine = new MachineSpec { BootVolume = "boot", SshKeys = ["ada:ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF4u ada@example"] },
        Volumes = [new VolumeSpec { Name = "boot", Disk = new DiskVolume { Image = "datumcloud/ubuntu-2204-lts", DeviceName = "boot", SizeGiB = 25, Type = "pd-standard" } }],
    };

    public static FirewallSpec Rules(Identity network, params ImmutableArray<IngressRule> rules) => new() { Network = Refer(network), Ingress = rules, LocationJson = Location };

    public static int Number(Identity id, string part = "server") => int.Parse(id.PartId(part)!.AsSpan(3), CultureInfo.InvariantCulture);

    public System.Text.Json.Nodes.JsonNode Config(int vmid) => At(string.Create(CultureInfo.InvariantCulture, $"qemu/{vmid}"))!.Body["config"]!;

    private static string Range(int number) => string.Create(CultureInfo.InvariantCulture, $"10.{number}.0.0/16");

    public ProxmoxObject? At(string path) => Cloud.Objects.FirstOrDefault(o => o.Path == path);
}
