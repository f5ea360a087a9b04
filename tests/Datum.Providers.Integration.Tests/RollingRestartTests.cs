using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Testing;

namespace Datum.Providers.Integration.Tests;

/// <summary>
/// A new version of a driver: a second host with the new volume stands by, the first one gets SIGTERM. Two real programs over one plane,
/// which is a project's of a third one, and one platform outside of all of them.
/// </summary>
[TestFixture, Category("Slow")]
public sealed partial class RollingRestartTests
{
    private const string Project = "rolling";
    private static readonly TimeSpan Goal = TimeSpan.FromSeconds(5);

    // What the lease of a killed host takes to run out, after which a successor waits a minute more. On a busy machine the goal is no fact.
    private static readonly TimeSpan Expiry = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(90);

    private string _folder = "";

    [SetUp]
    public void SetUp() => _folder = Directory.CreateTempSubdirectory("datum-rolling-").FullName;

    [TearDown]
    public void TearDown() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task L10_a_new_driver_version_takes_over_when_the_lease_is_released_and_nothing_is_lost_or_doubled()
    {
        // Each change takes its time at the platform, so that some are under way when the host is told to end.
        await using var platform = await PlatformListener.StartAsync(new SimulatorKnobs
        {
            Latency = TimeSpan.FromMilliseconds(40),
            OperationDurations = ImmutableDictionary<ResourceKind, TimeSpan>.Empty.Add(ResourceKind.Instance, TimeSpan.FromSeconds(1)),
        });
        await using var plane = HostProcess.Dev(Path.Combine(_folder, "plane"), "--projects");
        await plane.StartAsync();
        var kubeconfig = await ProjectAsync(plane);
        var kubectl = new Kubectl(kubeconfig, _folder);
        await using var old = HostProcess.Run(Path.Combine(_folder, "old"), kubeconfig, "default", await PackAsync("one"));
        await using var successor = HostProcess.Run(Path.Combine(_folder, "new"), kubeconfig, "default", await PackAsync("two"));
        await old.StartAsync();
        await kubectl.ApplyAsync(Base(platform.Address), "default");
        await Eventually.TrueAsync(async () => Space.Is(await kubectl.FindAsync(Stage.Locations, "dfw", "default"), "Ready"), Deadline, "the account is reached", () => old.Tail());
        var stream = new ChangeStream(kubectl);
        foreach (var _ in Enumerable.Range(0, 3))
            await stream.NextAsync();
        await ConvergedAsync(kubectl, platform, stream, old);
        var firstDigest = await DigestAsync(kubectl);

        successor.Launch();
        await Eventually.NothingWrongAsync(() => Task.FromResult(successor.Log().Contains("asks for the lease", StringComparison.Ordinal) ? null : "it starts"), Deadline, "the new host stands by", successor.Log);
        Assert.That(successor.SaysReady, Is.False, "the old one leads");
        platform.Processes = [old.Pid, successor.Pid];

        using var enough = new CancellationTokenSource();
        var changing = stream.RunAsync(enough.Token);
        await Eventually.NothingWrongAsync(() => Task.FromResult(platform.Mutations.Count(m => m.Process == old.Pid) >= 10 ? null : "few changes"), Deadline, "the old host changes things", () => old.Tail());
        var (oldPid, told) = (old.Pid, DateTimeOffset.UtcNow);
        Assert.That(await old.StopAsync(), Is.Zero, old.Log());
        var ended = DateTimeOffset.UtcNow;
        await successor.ReadyAsync(Deadline);
        await Eventually.NothingWrongAsync(() => Task.FromResult(platform.Mutations.Count(m => m.Process == successor.Pid) >= 10 ? null : "few changes"), Deadline, "the new host changes things", () => successor.Tail());
        await enough.CancelAsync();
        await changing;
        await ConvergedAsync(kubectl, platform, stream, successor);

        var mutations = platform.Mutations;
        var last = mutations.Where(m => m.Process == oldPid).Max(m => m.At);
        var first = mutations.Where(m => m.Process == successor.Pid).Min(m => m.At);
        var possible = last > told ? last : told;
        await TestContext.Progress.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
            $"hand-over {(first - possible).TotalSeconds:0.00} s from the last mutation that the old host could make to the first of the new one (goal {Goal.TotalSeconds:0} s); " +
            $"SIGTERM to the old host's end {(ended - told).TotalSeconds:0.00} s, to the first mutation {(first - told).TotalSeconds:0.00} s; " +
            $"{stream.Changes} changes of {stream.Wanted.Count} Workloads, {mutations.Count(m => m.Process == oldPid)} mutations by the old host while both ran, {mutations.Count(m => m.Process == successor.Pid)} by the new one"));
        Assert.Multiple(() =>
        {
            Assert.That(old.Log(), Does.Contain("Driver simulator 0.1.0+one"));
            Assert.That(successor.Log(), Does.Contain("Driver simulator 0.1.0+two"));
            Assert.That(old.Log(), Does.Contain("released default/datum-providers"));
            Assert.That(first, Is.GreaterThan(mutations.Where(m => m.Process == oldPid).Max(m => m.Done)), "never both");
            Assert.That(first - possible, Is.LessThan(Expiry), "released, not run out");
            Assert.That(platform.Cloud.Audit.Violations, Is.Empty);
            Assert.That(platform.Cloud.Audit.Lives.Where(l => l.Created != 1).Select(l => $"{l.Collection} {l.Mark}: {l.Created}"), Is.Empty, "each life began once");
        });
        Assert.That(await DigestAsync(kubectl), Is.Not.EqualTo(firstDigest), "who leads tells what it has loaded");
        Assert.That(await successor.StopAsync(), Is.Zero, successor.Log());
        Assert.That(await plane.StopAsync(), Is.Zero, plane.Log());
    }

    /// <summary>A driver volume of the simulator with a version of its own.</summary>
    private async Task<string> PackAsync(string build)
    {
        var volume = Path.Combine(_folder, "drivers-" + build);
        await HostProcess.CommandAsync("drivers", "pack", Path.Combine(HostProcess.DriverVolume, "simulator"), "--to", volume, "--driver-version", "0.1.0+" + build);
        return volume;
    }

    /// <summary>A control plane on which no other host works; returns its kubeconfig.</summary>
    private async Task<string> ProjectAsync(HostProcess plane)
    {
        var core = new Kubectl(plane.Kubeconfig, _folder);
        await core.ApplyAsync($$"""{"apiVersion":"resourcemanager.miloapis.com/v1alpha1","kind":"Project","metadata":{"name":"{{Project}}"},"spec":{"ownerRef":{"kind":"Organization","name":"o"} } }""", "default");
        await core.RunAsync("wait", "--for=condition=Ready", $"projects.resourcemanager.miloapis.com/{Project}", "--timeout=60s");
        var path = Path.Combine(_folder, "project-kubeconfig");
        await File.WriteAllTextAsync(path, ServerLine().Replace(await File.ReadAllTextAsync(plane.Kubeconfig), $"$1/apis/resourcemanager.miloapis.com/v1alpha1/projects/{Project}/control-plane"));
        return path;
    }

    private static string Base(string endpoint) => $$"""
        apiVersion: providers.datumapis.com/v1alpha1
        kind: ProviderConfig
        metadata: {name: simulator}
        spec:
          driver: simulator
          locations: {names: [default/dfw]}
          allowed: {namespaces: [default]}
          endpoint: {{endpoint}}
        ---
        apiVersion: networking.datumapis.com/v1alpha
        kind: Location
        metadata: {name: dfw}
        spec:
          locationClassName: datum-managed
          topology: {topology.datum.net/city-code: DFW}
          provider: {simulator: {zone: local} }
        ---
        apiVersion: networking.datumapis.com/v1alpha
        kind: Network
        metadata: {name: default}
        spec: {ipam: {mode: Auto} }
        """;

    private static async Task<string?> DigestAsync(Kubectl kubectl) =>
        (string?)(await kubectl.FindAsync("providerdrivers.providers.datumapis.com", "simulator", "default"))?["status"]?["digest"];

    /// <summary>Every Workload is as it was last wanted, and the platform has as many servers, each of them running.</summary>
    private static Task ConvergedAsync(Kubectl kubectl, PlatformListener platform, ChangeStream stream, HostProcess host) => Eventually.NothingWrongAsync(async () =>
    {
        var there = (await kubectl.ListAsync(Stage.Workloads, "default")).ToDictionary(w => (string)w["metadata"]!["name"]!, w => w);
        foreach (var (name, replicas) in stream.Wanted)
            if (!there.TryGetValue(name, out var workload) || !Space.Is(workload, "Available") || (int?)workload["status"]?["readyReplicas"] != replicas || (int?)workload["status"]?["replicas"] != replicas)
                return $"{name} shall have {replicas}: {there.GetValueOrDefault(name)?["status"]?.ToJsonString()}";
        var servers = platform.Cloud.Audit.Lives.Where(l => l.Collection == "servers").Sum(l => l.Alive);
        return servers == stream.Wanted.Values.Sum() ? null : $"{servers} servers for {stream.Wanted.Values.Sum()}";
    }, Deadline, "every change has come to its end", () => string.Join('\n', Ledger(kubectl), string.Join('\n', platform.Mutations.TakeLast(20)), host.Tail()), TimeSpan.FromMilliseconds(500));

    /// <summary>What the ledger says, for a failed test.</summary>
    private static string Ledger(Kubectl kubectl) => kubectl.RunAsync("get", Stage.Entries, "-o", "jsonpath={range .items[*]}{.spec.kind} {.metadata.name} {.status.conditions[0].reason} {.status.conditions[0].message}{\"\\n\"}{end}").GetAwaiter().GetResult();

    [GeneratedRegex(@"(server: ""?https://[^\s""]+)")]
    private static partial Regex ServerLine();

    /// <summary>New Workloads and new sizes of old ones, one after the other.</summary>
    private sealed class ChangeStream(Kubectl kubectl)
    {
        private readonly string _seed = File.ReadAllText(Stage.Sample("12-workload-nginx-workload.yaml"));

        public int Changes { get; private set; }

        /// <summary>How many instances each Workload shall have in the end.</summary>
        public Dictionary<string, int> Wanted { get; } = [];

        public async Task RunAsync(CancellationToken enough)
        {
            while (!enough.IsCancellationRequested)
                await NextAsync();
        }

        public async Task NextAsync()
        {
            var turn = Changes++;
            // Every third one is a new Workload, up to eight; the others grow and shrink.
            if (turn < 3 || (turn % 3 == 0 && Wanted.Count < 8))
            {
                var name = $"w{Wanted.Count}";
                await kubectl.ApplyAsync(_seed.Replace("name: nginx-workload", $"name: {name}", StringComparison.Ordinal), "default");
                Wanted[name] = 1;
                return;
            }

            var chosen = $"w{turn % Wanted.Count}";
            var replicas = turn % 3 + 1;
            await kubectl.RunAsync("patch", Stage.Workloads, chosen, "-n", "default", "--type=json", "-p", $$"""[{"op":"replace","path":"/spec/placements/0/scaleSettings/minReplicas","value":{{replicas}}}]""");
            Wanted[chosen] = replicas;
        }
    }
}
