using Datum.Providers.Testing;

namespace Datum.Providers.Integration.Tests;

/// <summary>
/// One Network at two Locations of each of several drivers at once, through the real host program with kubectl. It all goes in any order, and nothing
/// is left behind at any platform (laws L4 and L7).
/// </summary>
[TestFixture, NonParallelizable]
public sealed class SpanningNetworkTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(400);

    private readonly List<SpanningPlatform> _platforms = [];
    private string _folder = "";
    private HostProcess _host = null!;
    private Kubectl _kubectl = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _folder = Directory.CreateTempSubdirectory("datum-span-").FullName;
        _platforms.Add(await SpanningPlatform.SimulatorAsync());
        _platforms.Add(await SpanningPlatform.GcpAsync());
        _platforms.Add(await SpanningPlatform.ProxmoxAsync());
        _platforms.Add(await SpanningPlatform.VsphereAsync());
        _host = HostProcess.Dev(_folder);
        await _host.StartAsync();
        _kubectl = new Kubectl(_host.Kubeconfig, _folder);
        foreach (var platform in _platforms)
            await _kubectl.ApplyAsync(Config(platform), "default");
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_host is not null)
            await _host.DisposeAsync();
        foreach (var platform in _platforms)
            await platform.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task L7_a_network_over_all_drivers_goes_in_any_order_and_leaves_nothing()
    {
        // Every thing goes first in one order and last in another one; the rest is by chance.
        string[] things = ["workload", "network", .. Places().Select(p => $"location/{p.Name}")];
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var orders = things.Select((t, i) =>
        {
            var rest = things.Where(o => o != t && o != things[(i + 1) % things.Length]).ToArray();
            random.Shuffle(rest);
            return (string[])[t, .. rest, things[(i + 1) % things.Length]];
        }).ToList();

        var spaces = orders.Select((_, i) => $"span{i}").ToList();
        foreach (var space in spaces)
            await _kubectl.ApplyAsync(Manifests(space), space);
        var all = Places().Count;
        await Eventually.NothingWrongAsync(async () =>
        {
            var ready = (await _kubectl.ListAsync(Stage.Instances, null)).Count(i => Space.Is(i, "Ready"));
            return ready == all * spaces.Count ? null : $"{ready} of {all * spaces.Count} instances are ready";
        }, Deadline, "an instance runs at every Location of every Network", Picture, TimeSpan.FromSeconds(1));
        foreach (var platform in _platforms)
            Assert.That(platform.NetworksThere(), Is.EqualTo(platform.Networks * spaces.Count), platform.Driver);

        // All orders at once, step by step, while what went before is still going.
        foreach (var step in Enumerable.Range(0, things.Length))
            foreach (var (space, order) in spaces.Zip(orders))
                await _kubectl.RunAsync(order[step] switch
                {
                    "workload" => ["delete", "--wait=false", "-n", space, Stage.Workloads, "everywhere"],
                    "network" => ["delete", "--wait=false", "-n", space, Stage.Networks, "default"],
                    var location => ["delete", "--wait=false", "-n", space, Stage.Locations, location[9..]],
                });
        await Eventually.NothingWrongAsync(async () =>
        {
            var entries = await _kubectl.ListAsync(Stage.Entries, null);
            var left = _platforms.SelectMany(p => p.Left().Select(l => $"{p.Driver} {l}")).ToList();
            return entries.Count == 0 && left.Count == 0 ? null : $"{entries.Count} entries and at the platforms {string.Join(", ", left.Take(20))}";
        }, Deadline, $"nothing is left (seed {seed})", Picture, TimeSpan.FromSeconds(1));
        foreach (var kind in new[] { Stage.Networks, Stage.Workloads, Stage.Instances, "subnets.networking.datumapis.com", "networkcontexts.networking.datumapis.com" })
            Assert.That(await _kubectl.ListAsync(kind, null), Is.Empty, kind);
        Assert.That(_host.Log(), Does.Not.Contain("Orphan"));
    }

    private IReadOnlyList<(SpanningPlatform Platform, string Name, string Block)> Places() =>
        [.. _platforms.SelectMany(p => p.Blocks.Select((b, i) => (p, $"{p.Driver}-{i}", b)))];

    private static string Config(SpanningPlatform platform) => $"""
        {(platform.Secret is { } secret ? $"apiVersion: v1\nkind: Secret\nmetadata: {{name: {platform.Driver}, namespace: default}}\nstringData:\n  {secret}\n---" : "")}
        apiVersion: providers.datumapis.com/v1alpha1
        kind: ProviderConfig
        metadata: {"{"}name: {platform.Driver}{"}"}
        spec:
          driver: {platform.Driver}
          locations: {"{"}classNames: [{platform.Driver}]{"}"}
        {(platform.Secret is null ? "" : $"  credentials: {{source: Secret, secretRef: {{name: {platform.Driver}}}}}\n")}  {platform.Config}
        """;

    private string Manifests(string space) => string.Join("\n---\n",
    [
        $"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {space}}}",
        .. Places().Select(p => $$"""
            apiVersion: networking.datumapis.com/v1alpha
            kind: Location
            metadata: { name: {{p.Name}} }
            spec:
              locationClassName: {{p.Platform.Driver}}
              topology: { topology.datum.net/city-code: {{p.Name.ToUpperInvariant()}} }
              provider: { {{p.Platform.Driver}}: {{p.Block}} }
            """),
        "apiVersion: networking.datumapis.com/v1alpha\nkind: Network\nmetadata: {name: default}\nspec: {ipam: {mode: Auto}}",
        $$"""
        apiVersion: compute.datumapis.com/v1alpha
        kind: Workload
        metadata: { name: everywhere }
        spec:
          template:
            spec:
              runtime:
                resources: { instanceType: datumcloud/d1-standard-2 }
                sandbox:
                  containers: [{name: web, image: "nginx:1.27", ports: [{name: http, port: 80}]}]
              networkInterfaces:
              - network: {name: default}
                networkPolicy: { ingress: [{ ports: [{ port: 80 }], from: [{ ipBlock: { cidr: 0.0.0.0/0 } }] }] }
          placements:
          - name: p
            cityCodes: [{{string.Join(", ", Places().Select(p => p.Name.ToUpperInvariant()))}}]
            scaleSettings: {minReplicas: 1}
        """,
    ]);

    private string Picture()
    {
        var picture = _kubectl.RunAsync("get", $"{Stage.Entries},{Stage.Instances},{Stage.Locations},{Stage.Networks}", "-A", "-o",
            "jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name} {.spec.kind} {.spec.location.name}{\"\\n\"}{range .status.conditions[?(@.status!=\"True\")]}    {.type}={.status} {.reason} {.message}{\"\\n\"}{end}{end}");
        return string.Join('\n', picture.ContinueWith(t => t.IsFaulted ? t.Exception!.Message : t.Result, TaskScheduler.Default).Result, "--- log", _host.Tail());
    }
}
