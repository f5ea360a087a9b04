using System.Diagnostics;
using System.Reflection;
using System.Text.Json.Nodes;
using Datum.Providers.Testing;

namespace Datum.Providers.Integration.Tests;

/// <summary>The program's trace beside a real host and its embedded plane: what its last line tells a user to do.</summary>
[TestFixture]
public sealed class TraceTests
{
    private const string Workload = "workload/nginx-workload";

    private string _folder = "";
    private HostProcess? _host;
    private Kubectl? _kubectl;
    private int _spaces;

    private HostProcess Host => _host ?? throw new InvalidOperationException("The host was not started.");

    private Kubectl Plane => _kubectl ?? throw new InvalidOperationException("The host was not started.");

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _folder = Directory.CreateTempSubdirectory("datum-trace-").FullName;
        _host = HostProcess.Dev(_folder);
        await _host.StartAsync();
        _kubectl = new Kubectl(_host.Kubeconfig, _folder);
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_host is not null)
            await _host.DisposeAsync();
        if (_folder.Length > 0)
            Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task A_ready_workload_needs_nothing_and_its_tree_reaches_the_platform()
    {
        var ns = await SpaceAsync();
        await SimulatorAsync(ns, "");
        await SeedsAsync(ns);

        var trace = await EventuallyAsync(ns, Workload, t => t.Exit == 0);

        Assert.That(trace.Last, Is.EqualTo($"To do: nothing. Workload {ns}/nginx-workload is ready."));
        foreach (var part in new[] { $"Workload {ns}/nginx-workload", "Placement", "WorkloadDeployment", "Location", "NetworkBinding", "Instance", "ManagedResource", "PlatformObject simulator:instance:" })
            Assert.That(trace.Text, Does.Contain(part));

        var json = JsonNode.Parse((await RunAsync("trace", Workload, "-n", ns, "--kubeconfig", Host.Kubeconfig, "-o", "json")).Text)!;
        Assert.That(((bool)json["verdict"]!["ready"]!, (string)json["verdict"]!["todo"]!), Is.EqualTo((true, trace.Last)));
    }

    [Test]
    public async Task A_quota_that_is_full_is_to_be_raised_at_the_account_or_fewer_replicas_asked_for()
    {
        var ns = await SpaceAsync();
        await SimulatorAsync(ns, "knobs: { quota: { Instance: 0 } }");
        await SeedsAsync(ns);

        var trace = await EventuallyAsync(ns, Workload, t => t.Last.Contains("quota", StringComparison.Ordinal));

        Assert.That(trace.Last, Does.Match(
            $"^To do: Ask the platform operator to raise the quota for Instance objects of account [\\w-]+ \\(ProviderConfig sim-{ns}, Location {ns}/dfw\\), of which the platform says: .*The quota of 0 servers is used up; "
            + $"or lower minReplicas of Workload {ns}/nginx-workload, field spec\\.placements\\[0\\]\\.scaleSettings\\.minReplicas"), trace.Text);
        Assert.That(trace.Exit, Is.EqualTo(3));
        Assert.That(trace.Text, Does.Contain("QuotaExceeded"));
    }

    [Test]
    public async Task A_Location_without_a_driver_is_the_platform_operators_and_others_that_are_ready_are_named()
    {
        var ns = await SpaceAsync();
        await SimulatorAsync(ns, "", location: "ams", city: "AMS");
        await LocationAsync(ns, "dfw", "DFW", "nonesuch: {}");
        await SeedsAsync(ns);

        var trace = await EventuallyAsync(ns, Workload, t => t.Last.Contains("'nonesuch'", StringComparison.Ordinal) && t.Last.Contains("ams", StringComparison.Ordinal));

        Assert.That(trace.Last, Does.StartWith("To do: Ask the platform operator to put a working driver 'nonesuch' into the driver volume and restart the host"), trace.Text);
        Assert.That(trace.Last, Does.EndWith($"or move Workload {ns}/nginx-workload to a Location that is ready: ams (city AMS)."), trace.Text);
        Assert.That(trace.Exit, Is.EqualTo(3));
    }

    [Test]
    public async Task An_image_that_cant_be_pulled_is_to_be_checked_in_the_field_of_the_workload()
    {
        var podman = await PodmanHost.SharedAsync();
        var ns = await SpaceAsync();
        await ConfigAsync(ns, $"podman-{ns}", "podman", "dfw", $"endpoint: unix://{podman.SocketPath}");
        await LocationAsync(ns, "dfw", "DFW", "podman: {}");
        try
        {
            var range = $"10.{Random.Shared.Next(129, 256)}.{Random.Shared.Next(16) * 16}.0/20";
            await Plane.ApplyAsync($"{(await File.ReadAllTextAsync(Stage.Sample("11-network-default.yaml"))).TrimEnd()}\n    ipv4Ranges: [\"{range}\"]\n", ns);
            await Plane.ApplyAsync((await File.ReadAllTextAsync(Stage.Sample("12-workload-nginx-workload.yaml"))).Replace("nginx:latest", "registry.datum.test/library/nonesuch:1", StringComparison.Ordinal), ns);

            var trace = await EventuallyAsync(ns, Workload, t => t.Last.Contains("nonesuch:1", StringComparison.Ordinal));

            Assert.That(trace.Last, Does.StartWith(
                $"To do: Check the image registry.datum.test/library/nonesuch:1 of container nginx in Workload {ns}/nginx-workload, field spec.template.spec.runtime.sandbox.containers[0].image: "), trace.Text);
            Assert.That(trace.Text, Does.Contain("ImageUnavailable"));
            Assert.That(trace.Exit, Is.EqualTo(3));
        }
        finally
        {
            await Plane.RunAsync("delete", Stage.Workloads, "--all", "-n", ns, "--wait=false");
            await Plane.RunAsync("delete", Stage.Networks, "--all", "-n", ns, "--wait=false");
            await Eventually.NothingWrongAsync(async () =>
                (await Plane.ListAsync(Stage.Entries, null)).Count(e => (string?)e["spec"]!["owner"]!["namespace"] == ns) is > 0 and var left ? $"{left} entries are left" : null,
                TimeSpan.FromSeconds(60), "nothing is left at Podman", () => Host.Tail());
        }
    }

    [Test]
    public async Task What_isnt_there_and_a_plane_that_is_down_end_with_one_sentence()
    {
        var ns = await SpaceAsync();
        await SimulatorAsync(ns, "");
        var missing = await RunAsync("trace", "loc/dfww", "-n", ns, "--kubeconfig", Host.Kubeconfig);
        Assert.That((missing.Exit, missing.Text), Is.EqualTo((1, "")));
        Assert.That(missing.Error.Trim(), Is.EqualTo($"error: There is no Location dfww in namespace {ns}. Near: dfw."));

        var down = Path.Combine(_folder, "down.kubeconfig");
        await File.WriteAllTextAsync(down, "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {}}]\n");
        var unreachable = await RunAsync("trace", Workload, "--kubeconfig", down);
        Assert.That(unreachable.Exit, Is.EqualTo(1));
        Assert.That(unreachable.Error, Does.Contain("can't be reached").And.Contain(down));

        var wrong = await RunAsync("trace", "gadget/x", "--kubeconfig", Host.Kubeconfig);
        Assert.That(wrong.Exit, Is.EqualTo(2));
        Assert.That(wrong.Error, Does.Contain("'gadget' is no kind"));
    }

    private async Task<string> SpaceAsync()
    {
        var ns = $"trace{++_spaces}";
        await Plane.ApplyAsync($"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {ns}}}\n", "default");
        return ns;
    }

    private async Task SimulatorAsync(string ns, string knobs, string location = "dfw", string city = "DFW")
    {
        await ConfigAsync(ns, $"sim-{ns}", "simulator", location, $"settings: {{ statePath: '{Directory.CreateDirectory(Path.Combine(_folder, ns)).FullName}'{(knobs.Length > 0 ? ", " + knobs : "")} }}");
        await LocationAsync(ns, location, city, "simulator: { zone: sim-1a }");
    }

    private Task<string> ConfigAsync(string ns, string name, string driver, string location, string more) => Plane.ApplyAsync($$"""
        apiVersion: providers.datumapis.com/v1alpha1
        kind: ProviderConfig
        metadata: { name: {{name}} }
        spec:
          driver: {{driver}}
          locations: { names: ["{{ns}}/{{location}}"] }
          allowed: { namespaces: ["{{ns}}"] }
          {{more}}
        """, ns);

    private Task<string> LocationAsync(string ns, string name, string city, string block) => Plane.ApplyAsync($$"""
        apiVersion: networking.datumapis.com/v1alpha
        kind: Location
        metadata: { name: {{name}} }
        spec:
          locationClassName: datum-managed
          topology: { topology.datum.net/city-code: {{city}} }
          provider: { {{block}} }
        """, ns);

    private async Task SeedsAsync(string ns)
    {
        await Plane.ApplyFileAsync(Stage.Sample("11-network-default.yaml"), ns);
        await Plane.ApplyFileAsync(Stage.Sample("12-workload-nginx-workload.yaml"), ns);
    }

    private async Task<Ran> EventuallyAsync(string ns, string target, Func<Ran, bool> wanted)
    {
        Ran? last = null;
        await Eventually.NothingWrongAsync(async () =>
        {
            last = await RunAsync("trace", target, "-n", ns, "--kubeconfig", Host.Kubeconfig);
            return wanted(last) ? null : $"exit {last.Exit}\n{last.Text}{last.Error}";
        }, TimeSpan.FromSeconds(90), "the trace says so", () => Host.Tail());
        await TestContext.Progress.WriteLineAsync(last!.Text);
        return last;
    }

    private static async Task<Ran> RunAsync(params string[] arguments)
    {
        var program = typeof(HostProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "HostProgram").Value!;
        var start = new ProcessStartInfo("dotnet", [program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start) ?? throw new InvalidOperationException("The program doesn't start.");
        var (text, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await process.WaitForExitAsync(deadline.Token);
        return new Ran(process.ExitCode, await text, await error);
    }

    private sealed record Ran(int Exit, string Text, string Error)
    {
        public string Last => Text.TrimEnd('\n').Split('\n')[^1];
    }
}
