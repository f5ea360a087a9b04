using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Datum.Providers.Testing;

namespace Datum.Providers.Packages.Tests;

/// <summary>
/// The way of somebody who has nothing but the packages: from <c>dotnet new</c> to a running Workload, and back to an empty platform. Prints how
/// long each stage took.
/// </summary>
[Category("Slow")]
public sealed class JourneyTests
{
    private const string Name = "Acme.Cloud";
    private const string Id = "acme-cloud";
    private const string Token = "journey-token";

    private readonly List<(string Stage, TimeSpan Took)> _stages = [];

    [Test]
    public async Task From_an_empty_folder_to_a_running_Workload()
    {
        using var space = Workspace.Create();
        var project = Path.Combine(space.Folder, Name);
        var drivers = Path.Combine(project, "drivers");

        await StageAsync("dotnet pack (four packages)", () => PackedPackages.CopyToAsync(space));
        var total = Stopwatch.StartNew();
        await StageAsync("dotnet new", () => GenerateAsync(space, Name));
        await StageAsync("dotnet build", () => Tool.DotnetAsync(space, project, "build", "-warnaserror", "-v", "q"));
        OursCameFromTheFeed(space);
        await StageAsync("dotnet test", async () => TestsRan(await Tool.DotnetAsync(space, project, "test", "--no-build")));
        TestContext.Out.WriteLine(await File.ReadAllTextAsync(Directory.EnumerateFiles(Path.Combine(project, "tests"), "*.badge", SearchOption.AllDirectories).Single()));
        await StageAsync("drivers verify --load", () => Tool.HostAsync(space, "drivers", "verify", Path.Combine(drivers, Id), "--load"));
        HoldsNothingOfTheHosts(Path.Combine(drivers, Id));

        try
        {
            await RunAsync(space, project, drivers);
        }
        finally
        {
            _stages.Add(("from dotnet new to the end", total.Elapsed));
            foreach (var (stage, took) in _stages)
                TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{stage,-34} {took.TotalSeconds,6:0.0} s"));
        }
    }

    [TestCase("acme", "acme", "acme")]
    [TestCase("My-Cloud.v2", "my-cloud-v2", "mycloudv2")]
    public async Task Names_become_an_id_a_key_and_a_namespace(string name, string id, string key)
    {
        using var space = Workspace.Create();
        await PackedPackages.CopyToAsync(space);
        await GenerateAsync(space, name);
        var project = await File.ReadAllTextAsync(Path.Combine(space.Folder, name, "src", name, $"{name}.csproj"));
        var descriptor = await File.ReadAllTextAsync(Path.Combine(space.Folder, name, "src", name, "Descriptor.cs"));

        Assert.Multiple(() =>
        {
            Assert.That(project, Does.Contain($"<DriverId>{id}</DriverId>").And.Contain($"<DriverLocationKey>{key}</DriverLocationKey>"));
            Assert.That(descriptor, Does.Match(@"namespace [A-Za-z_][\w.]*;"));
            Assert.That(Directory.EnumerateFiles(Path.Combine(space.Folder, name), "*", SearchOption.AllDirectories).Where(f => f.Contains("Company", StringComparison.Ordinal) || File.ReadAllText(f).Contains("Company", StringComparison.Ordinal)), Is.Empty);
        });
    }

    [Test]
    public async Task Id_and_key_can_be_chosen()
    {
        using var space = Workspace.Create();
        await PackedPackages.CopyToAsync(space);
        await GenerateAsync(space, Name, "--driver-id", "acme-eu", "--location-key", "acmeEu");
        var project = await File.ReadAllTextAsync(Path.Combine(space.Folder, Name, "src", Name, $"{Name}.csproj"));

        Assert.That(project, Does.Contain("<DriverId>acme-eu</DriverId>").And.Contain("<DriverLocationKey>acmeEu</DriverLocationKey>"));
    }

    /// <summary>Makes a project of the template, whose package is in the workspace's feed.</summary>
    internal static async Task GenerateAsync(Workspace space, string name, params string[] options)
    {
        var package = Directory.EnumerateFiles(space.Feed, "Datum.Providers.Templates.*.nupkg").Single();
        await Tool.DotnetAsync(space, space.Folder, "new", "install", package, "--debug:custom-hive", space.Hive);
        await Tool.DotnetAsync(space, space.Folder, ["new", "datum-driver", "-n", name, "--debug:custom-hive", space.Hive, .. options]);
        await Tool.DotnetAsync(space, space.Folder, "new", "uninstall", "Datum.Providers.Templates", "--debug:custom-hive", space.Hive);
    }

    /// <summary>Starts the stand-in and the host, makes a Workload and takes it away again.</summary>
    private async Task RunAsync(Workspace space, string project, string drivers)
    {
        var kubeconfig = Path.Combine(space.Folder, "kubeconfig");
        await using var platform = Tool.Start(space, project, "dotnet", Path.Combine(project, "platform", $"{Name}.StandIn", "bin", "Debug", "net10.0", $"{Name}.StandIn.dll"), "0", Token);
        var address = new Uri((await platform.SaysAsync("listens on", TimeSpan.FromSeconds(30))).Split(' ').First(w => w.StartsWith("http", StringComparison.Ordinal)).TrimEnd(';'));
        var kubectl = new Kubectl(kubeconfig, space.Folder);

        await using var host = Tool.Start(space, space.Folder, "dotnet", Repository.HostProgram, "dev", "--drivers", drivers, "--kubeconfig", kubeconfig);
        await StageAsync("datum-providers dev", () => host.SaysAsync("Ready, process", TimeSpan.FromSeconds(60)));
        await StageAsync("Workload Available", async () =>
        {
            var location = (await File.ReadAllTextAsync(Path.Combine(project, "run", "location.yaml")))
                .Replace("http://127.0.0.1:5080", address.ToString(), StringComparison.Ordinal).Replace("stand-in-token", Token, StringComparison.Ordinal);
            await kubectl.ApplyAsync(location, "default");
            await kubectl.ApplyFileAsync(Path.Combine(project, "run", "workload.yaml"), "default");
            await Eventually.NothingWrongAsync(async () => NotAvailable(await kubectl.FindAsync("workloads.compute.datumapis.com", "web", "default")),
                TimeSpan.FromSeconds(90), "the Workload is Available", host.Log);
        });
        Assert.That(await CountAsync(address), Is.EqualTo((1, 1)), "a network and a server at the platform");

        await StageAsync("deleted, platform empty", async () =>
        {
            await kubectl.RunAsync("delete", "-n", "default", "-f", Path.Combine(project, "run", "workload.yaml"), "--wait=false");
            await Eventually.NothingWrongAsync(async () => await CountAsync(address) is var (networks, servers) && networks + servers > 0 ? $"{networks} networks, {servers} servers" : null,
                TimeSpan.FromSeconds(90), "the platform is empty", host.Log);
            await Eventually.NothingWrongAsync(async () => (await kubectl.ListAsync("managedresources.providers.datumapis.com", null)).Count is var left and > 0 ? $"{left} entries" : null,
                TimeSpan.FromSeconds(90), "the ledger is empty", host.Log);
        });
        Assert.That(host.Log() + platform.Log(), Does.Not.Contain(Token), "law L12");
    }

    private static string? NotAvailable(JsonNode? workload)
    {
        var conditions = workload?["status"]?["conditions"]?.AsArray();
        return conditions?.Any(c => (string?)c!["type"] == "Available" && (string?)c["status"] == "True") == true ? null : conditions?.ToJsonString() ?? "no conditions";
    }

    /// <summary>Networks and servers, asked without the driver.</summary>
    private static async Task<(int Networks, int Servers)> CountAsync(Uri address)
    {
        using var client = new HttpClient { BaseAddress = address };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        return (await CountOfAsync("v1/networks"), await CountOfAsync("v1/servers"));

        async Task<int> CountOfAsync(string path) => JsonNode.Parse(await client.GetStringAsync(new Uri(path, UriKind.Relative)))!["items"]!.AsArray().Count;
    }

    private async Task StageAsync(string stage, Func<Task> work)
    {
        var since = Stopwatch.StartNew();
        await work();
        _stages.Add((stage, since.Elapsed));
    }

    // A package of the machine's that has the same version would make the whole journey say nothing.
    private static void OursCameFromTheFeed(Workspace space) =>
        Assert.That(Directory.EnumerateDirectories(space.Packages, "datum.*").Select(Path.GetFileName),
            Is.EquivalentTo(new[] { "datum.providers.abstractions", "datum.providers.sdk", "datum.providers.conformance" }));

    private static void TestsRan(string output)
    {
        var succeeded = output.Split('\n').Select(l => l.Trim()).Where(l => l.StartsWith("succeeded:", StringComparison.Ordinal)).Select(l => int.Parse(l[10..], CultureInfo.InvariantCulture)).Sum();
        TestContext.Out.WriteLine($"tests of the generated project: {succeeded} succeeded");
        Assert.That(succeeded, Is.GreaterThan(20), output);
    }

    private static void HoldsNothingOfTheHosts(string folder) =>
        Assert.That(Directory.EnumerateFiles(folder).Select(Path.GetFileName),
            Is.EquivalentTo(new[] { "driver.json", $"{Name}.dll", $"{Name}.deps.json", "Datum.Providers.Sdk.dll" }));
}
