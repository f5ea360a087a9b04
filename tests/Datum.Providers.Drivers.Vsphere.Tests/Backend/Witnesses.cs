using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Vsphere;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Vsphere.Tests.Backend;

/// <summary>
/// Clients that others wrote, as witnesses of what is in the inventory: <c>govc</c> (from <c>DATUM_GOVC</c>) and VMware's own <c>python3-pyvmomi</c>
/// (from <c>DATUM_VSPHERE_CLIENTS</c>). They go through the proxy over TLS.
/// </summary>
internal sealed class Witnesses : IAsyncDisposable
{
    private readonly CloudServer _server;
    private readonly string _folder = Directory.CreateTempSubdirectory("datum-witness-").FullName;

    private Witnesses(CloudServer server) => _server = server;

    /// <summary>Serves a proxy for them.</summary>
    public static async Task<Witnesses> OfAsync(VsphereCloud cloud)
    {
        var witnesses = new Witnesses(await CloudServer.StartAsync(cloud, certificate: SharedVcsim.Process.Certificate));
        await File.WriteAllTextAsync(witnesses.Authority, SharedVcsim.Process.Authority.ExportCertificatePem());
        return witnesses;
    }

    private string Authority => Path.Combine(_folder, "ca.pem");

    /// <summary>Runs govc; its output. Fails when govc does.</summary>
    public async Task<string> GovcAsync(params string[] arguments)
    {
        var program = Environment.GetEnvironmentVariable("DATUM_GOVC") is { Length: > 0 } named && File.Exists(named)
            ? named : throw SharedFolder.Missing("vcsim", "DATUM_GOVC names no govc (deploy/dev/tools.sh vcsim builds it)");
        var (code, output, errors) = await RunAsync(program, arguments, new()
        {
            ["GOVC_URL"] = new Uri(_server.Address, "sdk").AbsoluteUri,
            ["GOVC_USERNAME"] = Vcsim.User,
            ["GOVC_PASSWORD"] = Vcsim.Password,
            ["GOVC_TLS_CA_CERTS"] = Authority,
            // No session files: each call logs in and out.
            ["GOVC_PERSIST_SESSION"] = "false",
            ["GOVC_DATACENTER"] = Inventory.Datacenter,
            ["GOVC_RESOURCE_POOL"] = $"/{Inventory.Datacenter}/host/{Inventory.Pool}",
            ["GOVC_DATASTORE"] = Inventory.Datastore,
            ["HOME"] = _folder,
        });
        Assert.That(code, Is.Zero, $"govc {string.Join(' ', arguments)}: {errors}{output}");
        return output.Trim();
    }

    /// <summary>Machines that govc sees, by name: <c>Config</c>, <c>Runtime</c>, <c>Guest</c> and so on in Go's spelling.</summary>
    public async Task<IReadOnlyDictionary<string, JsonNode>> MachinesByGovcAsync()
    {
        var paths = (await GovcAsync("find", "/", "-type", "m")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (paths.Length == 0)
            return new Dictionary<string, JsonNode>();
        var all = JsonNode.Parse(await GovcAsync(["vm.info", "-json", .. paths]))!["VirtualMachines"]!.AsArray();
        return all.ToDictionary(m => m!["Name"]!.ToString(), m => m!, StringComparer.Ordinal);
    }

    /// <summary>extraConfig of a machine as govc shows it.</summary>
    public static IReadOnlyDictionary<string, string> OptionsOf(JsonNode machine) =>
        machine["Config"]!["ExtraConfig"]!.AsArray().ToDictionary(o => o!["Key"]!.ToString(), o => o!["Value"]!.ToString(), StringComparer.Ordinal);

    /// <summary>Files and sizes in bytes of a machine's disks as govc shows them.</summary>
    public static IReadOnlyList<(string File, long Bytes)> DisksOf(JsonNode machine) =>
        [.. machine["Config"]!["Hardware"]!["Device"]!.AsArray().Where(d => d!["CapacityInKB"] is not null).Select(d => (d!["Backing"]!["FileName"]!.ToString(), d["CapacityInBytes"]!.GetValue<long>()))];

    /// <summary>Inventory paths of the portgroups that govc sees.</summary>
    public async Task<IReadOnlyList<string>> PortgroupsByGovcAsync() => (await GovcAsync("find", "/", "-type", "g")).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>References (<c>VirtualMachine:vm-7</c>) of what a tag is attached to, as govc sees it.</summary>
    public async Task<IReadOnlyList<string>> TaggedByGovcAsync(string tag) => (await GovcAsync("tags.attached.ls", tag)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>What pyvmomi sees: <c>machines</c> (name, id, template, power, cpus, memory, annotation, options, disks, addresses) and <c>portgroups</c>.</summary>
    public async Task<JsonNode> InventoryByPyvmomiAsync() => JsonNode.Parse(await PyvmomiAsync("list"))!;

    /// <summary>Runs the script of pyvmomi; its output.</summary>
    public async Task<string> PyvmomiAsync(string what)
    {
        var clients = Environment.GetEnvironmentVariable("DATUM_VSPHERE_CLIENTS");
        if (clients is null || !Directory.Exists(clients))
            throw SharedFolder.Missing("vsphereclients", "DATUM_VSPHERE_CLIENTS names no folder; deploy/dev/tools.sh vsphereclients makes one");
        // Debian's own interpreter: the packages are built for it.
        var (code, output, errors) = await RunAsync("/usr/bin/python3",
            ["-s", Path.Combine(AppContext.BaseDirectory, "Clients", "with_pyvmomi.py"), _server.Address.Host, _server.Address.Port.ToString(CultureInfo.InvariantCulture), Vcsim.User, Vcsim.Password, Authority, what], new()
            {
                ["PYTHONPATH"] = Path.Combine(clients, "root/usr/lib/python3/dist-packages"),
                ["PYTHONDONTWRITEBYTECODE"] = "1",
                ["PYTHONWARNINGS"] = "ignore",
            });
        Assert.That(code, Is.Zero, errors + output);
        return output.Trim();
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<(int Code, string Output, string Errors)> RunAsync(string program, IEnumerable<string> arguments, Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output, await errors);
    }
}
