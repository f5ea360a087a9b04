using System.Diagnostics;
using System.Net.Sockets;
using Datum.Providers.Testing;

namespace Datum.Providers.Integration.Tests;

/// <summary>
/// The main path seen from outside: manifests applied by kubectl, containers seen through Podman's own socket. Each test has a namespace
/// of its own and ends with a deletion after which nothing with our mark is left.
/// </summary>
public abstract class WorkloadSuite
{
    private Space? _space;

    private protected Stage Stage { get; private set; } = null!;

    private Space Here => _space ?? throw new InvalidOperationException("The test has no namespace.");

    private protected abstract Task<Stage> BuildAsync();

    [OneTimeSetUp]
    public async Task StartAsync() => Stage = await BuildAsync();

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (Stage is not null)
            await Stage.DisposeAsync();
    }

    [SetUp]
    public async Task BeginAsync() => _space = await Stage.SpaceAsync();

    [TearDown]
    public Task EndAsync() => Here.DeleteAsync();

    [Test]
    public async Task The_seed_manifests_become_a_container_that_answers_on_the_one_open_port()
    {
        await Here.ConfigAsync();
        await Here.LocationAsync();
        await using var watch = Stage.Kubectl.Watch("get", Stage.Workloads, "-n", Here.Name, "-w");
        var since = Stopwatch.StartNew();
        await Here.SeedsAsync();
        await watch.SeesAsync(l => Words(l) is ["nginx-workload", ..] && Words(l).Contains("True"), Space.Long, "get -w shows the Workload Available");
        await TestContext.Progress.WriteLineAsync(
            $"figures ({GetType().Name}): Available {since.Elapsed.TotalSeconds:0.0} s after kubectl apply began; host ready after {Stage.Host.StartUp.TotalSeconds:0.0} s, {Stage.Host.ResidentMiB()} MiB resident");
        Assert.That(watch.Lines.Any(l => Words(l) is ["nginx-workload", ..] && Words(l).Contains("False")), Is.True, "it was not Available from the start");
        await Here.ConvergedAsync(1);

        var row = (await Stage.Kubectl.TableAsync(Stage.Workloads, Here.Name))["nginx-workload"];
        Assert.That((row["AVAILABLE"], row["REPLICAS"], row["READY"], row["DESIRED"]), Is.EqualTo(("True", "1", "1", "1")));
        Assert.That(row["REASON"], Is.Not.Empty);
        var instance = (await Here.InstancesAsync()).Single();
        var address = Space.Address(instance)!;
        var cells = (await Stage.Kubectl.TableAsync(Stage.Instances, Here.Name)).Single().Value;
        Assert.That((cells["READY"], cells["NETWORK IP"]), Is.EqualTo(("True", address)));
        Assert.That(await Space.PageAsync(address), Does.Contain("variant latest"));
        // Without the policy the kernel would refuse at once; the policy drops in silence.
        Assert.That(await ConnectAsync(address, 8081), Is.EqualTo("no answer"));
    }

    [Test, Category("Slow")]
    public async Task Editing_minReplicas_scales_up_in_order_and_down_again()
    {
        await Here.RunSeedsAsync();
        await using var census = new PodmanCensus(Stage.Podman, Stage.Installation);
        await Here.ScaleAsync(3);
        await Here.ConvergedAsync(3);
        var addresses = (await Here.InstancesAsync()).Select(Space.Address).ToList();
        Assert.That(addresses, Is.Unique);
        await Here.ScaleAsync(1);
        await Here.ConvergedAsync(1);
        Assert.That((await Here.InstancesAsync()).Select(i => (string)i["metadata"]!["name"]!), Has.All.EndsWith("-0"));
        Assert.That(census.Violations, Is.Empty);
    }

    [Test, Category("Slow")]
    public async Task A_new_image_rolls_one_after_another()
    {
        await Here.RunSeedsAsync();
        await Here.ScaleAsync(2);
        await Here.ConvergedAsync(2, "variant latest");
        await using var census = new PodmanCensus(Stage.Podman, Stage.Installation);
        await Eventually.TrueAsync(() => Task.FromResult(census.Samples > 1), Space.Long, "the census counts");
        census.Reset();
        await Here.ImageAsync(PodmanHost.OtherWebImage);
        await Here.ConvergedAsync(2, "variant alt");
        Assert.That(census.Violations, Is.Empty);
        Assert.That((census.FewestRunning, census.MostRunning), Is.EqualTo((1, 2)), "one at a time, and no surge");
    }

    [Test, Category("Slow")]
    public async Task What_is_taken_away_outside_turns_Ready_and_Available_False_and_is_made_again([Values("kill", "container", "pod")] string how)
    {
        await Here.RunSeedsAsync();
        var before = (await Stage.ContainersAsync()).Single();
        const string states = "{.kind} {.status.conditions[?(@.type==\"Available\")].status}{.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}";
        await using var workload = Stage.Kubectl.Watch("get", Stage.Workloads, "-n", Here.Name, "-w", "-o", $"jsonpath={states}");
        await using var instance = Stage.Kubectl.Watch("get", Stage.Instances, "-n", Here.Name, "-w", "-o", $"jsonpath={states}");
        await workload.SeesAsync(l => l == "Workload True", Space.Long, "the Workload is Available");
        await instance.SeesAsync(l => l == "Instance True", Space.Long, "the Instance is Ready");
        await using var census = new PodmanCensus(Stage.Podman, Stage.Installation);

        using (var answer = await TakeAsync(how, before))
            Assert.That(answer.IsSuccessStatusCode, Is.True, await answer.Content.ReadAsStringAsync());

        await instance.SeesAsync(l => l == "Instance False", Space.Long, "the Instance isn't Ready any more");
        await workload.SeesAsync(l => l == "Workload False", Space.Long, "the Workload isn't Available any more");
        await Here.ConvergedAsync(1);
        if (how != "kill")
            Assert.That((await Stage.ContainersAsync()).Single().Id, Is.Not.EqualTo(before.Id));
        Assert.That(census.Violations, Is.Empty);
    }

    [Test, Category("Slow")]
    public async Task Without_a_Location_the_Workload_says_so_and_runs_once_there_is_one()
    {
        await Here.ConfigAsync();
        await Here.SeedsAsync();
        await SaysAsync(Stage.Deployments, null, ["There is no Location"]);
        await SaysAsync(Stage.Workloads, "Available", ["Location"]);
        await Here.LocationAsync();
        await Here.ConvergedAsync(1);
    }

    [Test, Category("Slow")]
    public async Task Without_a_ProviderConfig_the_Location_is_not_Accepted_and_runs_once_there_is_one()
    {
        await Here.LocationAsync();
        await Here.SeedsAsync();
        await SaysAsync(Stage.Locations, "Accepted", ["ProviderConfigNotFound", "Create one"]);
        await SaysAsync(Stage.Deployments, null, ["not Accepted (ProviderConfigNotFound)"]);
        await Here.ConfigAsync();
        await Here.ConvergedAsync(1);
    }

    [Test]
    public async Task A_driver_that_is_not_in_the_volume_is_named_in_the_Location()
    {
        await Here.ConfigAsync();
        await Here.LocationAsync("nonesuch");
        await SaysAsync(Stage.Locations, "Accepted", ["DriverMissing", "nonesuch"]);
    }

    [Test]
    public async Task An_unknown_instance_type_is_refused_with_the_name_of_the_field()
    {
        await Here.ConfigAsync();
        await Here.LocationAsync();
        await Here.NetworkAsync();
        var manifest = await File.ReadAllTextAsync(Stage.Sample("12-workload-nginx-workload.yaml"));
        await Stage.Kubectl.ApplyAsync(manifest.Replace("datumcloud/d1-standard-2", "datumcloud/nonesuch-9", StringComparison.Ordinal), Here.Name);
        // Law L11: the condition names the field.
        await SaysAsync(Stage.Instances, "Programmed", ["spec.runtime.resources.instanceType", "datumcloud/nonesuch-9"]);
        Assert.That(await Stage.ContainersAsync(), Is.Empty);
    }

    /// <summary>The condition (any of them when <paramref name="type"/> is null) is False and holds all texts in its reason or message.</summary>
    private Task SaysAsync(string kind, string? type, string[] texts) => Eventually.NothingWrongAsync(async () =>
    {
        var conditions = (await Stage.Kubectl.ListAsync(kind, Here.Name)).SelectMany(i => i["status"]?["conditions"]?.AsArray() ?? []).ToList();
        return conditions.Any(c => (type is null || (string?)c!["type"] == type) && (string?)c!["status"] == "False"
            && texts.All(t => $"{c["reason"]} {c["message"]}".Contains(t, StringComparison.Ordinal)))
            ? null : string.Join('\n', conditions.Select(c => c?.ToJsonString()));
    }, TimeSpan.FromSeconds(30), $"{kind} {type} says {string.Join(", ", texts)}", Stage.Picture);

    private async Task<HttpResponseMessage> TakeAsync(string how, Seen container)
    {
        var client = Stage.Podman.Client;
        if (how == "kill")
            return await client.PostAsync(new Uri($"containers/{container.Id}/kill?signal=SIGKILL", UriKind.Relative), null);
        if (how == "container")
            return await client.DeleteAsync(new Uri($"containers/{container.Id}?force=true&timeout=0&v=true", UriKind.Relative));
        var pod = (await Stage.ObjectsAsync()).Single(o => o.StartsWith("pod ", StringComparison.Ordinal))[4..];
        return await client.DeleteAsync(new Uri($"pods/{pod}?force=true", UriKind.Relative));
    }

    private static async Task<string> ConnectAsync(string address, int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            await socket.ConnectAsync(address, port, deadline.Token);
            return "connected";
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode.ToString();
        }
        catch (OperationCanceledException)
        {
            return "no answer";
        }
    }

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}

[TestFixture]
public sealed class EmbeddedPlaneTests : WorkloadSuite
{
    private protected override Task<Stage> BuildAsync() => Stage.EmbeddedAsync();
}

[TestFixture, Category("Slow")]
public sealed class RealServerTests : WorkloadSuite
{
    private protected override Task<Stage> BuildAsync() => Stage.RealAsync();
}
