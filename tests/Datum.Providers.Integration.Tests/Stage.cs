using System.Net.NetworkInformation;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Datum.Providers.Testing;

namespace Datum.Providers.Integration.Tests;

/// <summary>A plane, a host program over it and Podman: everything real, everything reached from outside.</summary>
internal sealed class Stage : IAsyncDisposable
{
    public const string Workloads = "workloads.compute.datumapis.com";
    public const string Deployments = "workloaddeployments.compute.datumapis.com";
    public const string Instances = "instances.compute.datumapis.com";
    public const string Networks = "networks.networking.datumapis.com";
    public const string Locations = "locations.networking.datumapis.com";
    public const string Configs = "providerconfigs.providers.datumapis.com";
    public const string Entries = "managedresources.providers.datumapis.com";

    private readonly string _folder;
    private readonly RealApiServer? _server;
    private int _spaces;

    private Stage(string folder, PodmanHost podman, HostProcess host, RealApiServer? server)
    {
        (_folder, Podman, Host, _server) = (folder, podman, host, server);
        Kubectl = new Kubectl(host.Kubeconfig, folder);
    }

    public PodmanHost Podman { get; }

    public HostProcess Host { get; }

    public Kubectl Kubectl { get; }

    /// <summary>The mark of this stage's host at Podman.</summary>
    public string Installation { get; private set; } = "";

    /// <summary>The host with its embedded plane.</summary>
    public static async Task<Stage> EmbeddedAsync()
    {
        var podman = await PodmanHost.SharedAsync();
        var folder = Directory.CreateTempSubdirectory("datum-stage-").FullName;
        return await BeginAsync(new Stage(folder, podman, HostProcess.Dev(folder), null));
    }

    /// <summary>The host beside a real Kubernetes API server.</summary>
    public static async Task<Stage> RealAsync()
    {
        var podman = await PodmanHost.SharedAsync();
        var server = await RealApiServer.StartAsync();
        var folder = Directory.CreateTempSubdirectory("datum-stage-").FullName;
        var stage = new Stage(folder, podman, HostProcess.Run(folder, server.KubeConfigPath, "default"), server);
        // That server has no controllers that would make them.
        var known = (await stage.Kubectl.ListAsync("namespaces", null)).Select(n => (string)n["metadata"]!["name"]!).ToHashSet();
        foreach (var ns in new[] { "default", "kube-system" }.Where(n => !known.Contains(n)))
            await stage.NamespaceAsync(ns);
        return await BeginAsync(stage);
    }

    public static string Sample(string file) => Path.Combine(SharedFolder.RepositoryRoot, "deploy", "samples", file);

    /// <summary>Another host beside the first, over the same API server.</summary>
    public HostProcess SecondHost() => HostProcess.Run(Path.Combine(_folder, "second"), Host.Kubeconfig, "default");

    /// <summary>A namespace of its own for one test.</summary>
    public async Task<Space> SpaceAsync()
    {
        var name = $"t{++_spaces}";
        await NamespaceAsync(name);
        return new Space(this, name);
    }

    // Not "create namespace": that command speaks protobuf, which the embedded plane doesn't.
    private Task NamespaceAsync(string name) => Kubectl.ApplyAsync($"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n", "default");

    public Task<IReadOnlyList<Seen>> ContainersAsync() => PodmanCensus.OfInstallationAsync(Podman, Installation);

    public Task<IReadOnlyList<string>> ObjectsAsync() => Podman.ObjectsAsync($"datum-install={Installation}");

    /// <summary>What the plane says of everything, for a failed test.</summary>
    public string Picture()
    {
        string Get(string kinds)
        {
            try
            {
                return Kubectl.RunAsync("get", kinds, "-A", "-o", "wide").GetAwaiter().GetResult();
            }
            catch (KubectlException e)
            {
                return e.Message;
            }
        }

        var conditions = Kubectl.RunAsync("get", $"{Workloads},{Deployments},{Instances},{Locations}", "-A", "-o",
            "jsonpath={range .items[*]}{.kind} {.metadata.name}{\"\\n\"}{range .status.conditions[*]}    {.type}={.status} {.reason} {.message}{\"\\n\"}{end}{end}");
        return string.Join('\n', Get($"{Workloads},{Instances},{Networks},{Entries}"), conditions.ContinueWith(t => t.IsFaulted ? t.Exception!.Message : t.Result, TaskScheduler.Default).Result,
            string.Join('\n', ObjectsAsync().GetAwaiter().GetResult()), "--- log", Host.Tail());
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        // A failed test leaves nothing to the others.
        if (Installation.Length > 0)
            await Podman.RemoveByLabelAsync($"datum-install={Installation}");
        if (_server is not null)
            await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<Stage> BeginAsync(Stage stage)
    {
        try
        {
            await stage.Host.StartAsync();
            stage.Installation = Regex.Match(stage.Host.Log(), "installation ([a-z0-9]+)").Groups[1].Value;
            Assert.That(stage.Installation, Is.Not.Empty, stage.Host.Log());
            return stage;
        }
        catch
        {
            TestContext.Error.WriteLine(stage.Host.Tail());
            await stage.DisposeAsync();
            throw;
        }
    }
}

/// <summary>One namespace of a stage with the seed's Network and Workload.</summary>
internal sealed class Space(Stage stage, string name)
{
    public static readonly TimeSpan Long = TimeSpan.FromSeconds(90);

    private readonly Kubectl _kubectl = stage.Kubectl;

    public string Name => name;

    public Task ConfigAsync(string driver = "podman") => _kubectl.ApplyAsync($$"""
        apiVersion: providers.datumapis.com/v1alpha1
        kind: ProviderConfig
        metadata:
          name: config-{{name}}
        spec:
          driver: {{driver}}
          locations:
            names: ["{{name}}/dfw"]
          allowed:
            namespaces: ["{{name}}"]
          endpoint: unix://{{stage.Podman.SocketPath}}
        """, name);

    public Task LocationAsync(string key = "podman") => _kubectl.ApplyAsync($$"""
        apiVersion: networking.datumapis.com/v1alpha
        kind: Location
        metadata:
          name: dfw
        spec:
          locationClassName: datum-managed
          topology:
            topology.datum.net/city-code: DFW
          provider:
            {{key}}: {}
        """, name);

    public async Task SeedsAsync()
    {
        await NetworkAsync();
        await _kubectl.ApplyFileAsync(Stage.Sample("12-workload-nginx-workload.yaml"), name);
    }

    /// <summary>
    /// The seed's Network, byte-identical, unless this machine uses the range that it would get: every plane begins at the same one,
    /// and another host may run here. Then the same Network with a range that is free.
    /// </summary>
    public async Task NetworkAsync()
    {
        if (!InUse(128, 0))
        {
            await _kubectl.ApplyFileAsync(Stage.Sample("11-network-default.yaml"), name);
            return;
        }
        var (second, third) = Enumerable.Repeat(0, 1000).Select(_ => (Random.Shared.Next(129, 256), Random.Shared.Next(16) * 16)).First(r => !InUse(r.Item1, r.Item2));
        await TestContext.Progress.WriteLineAsync($"10.128.0.0/20 is used on this machine: the Network of {name} gets 10.{second}.{third}.0/20");
        var seed = await File.ReadAllTextAsync(Stage.Sample("11-network-default.yaml"));
        await _kubectl.ApplyAsync($"{seed.TrimEnd()}\n    ipv4Ranges: [\"10.{second}.{third}.0/20\"]\n", name);
    }

    private static bool InUse(int second, int third) => NetworkInterface.GetAllNetworkInterfaces()
        .SelectMany(i => i.GetIPProperties().UnicastAddresses).Select(a => a.Address.GetAddressBytes())
        .Any(a => a is [10, var s, var t, _] && s == second && (t & 0xF0) == third);

    /// <summary>Config, Location and seeds, until the Workload is Available.</summary>
    public async Task RunSeedsAsync()
    {
        await ConfigAsync();
        await LocationAsync();
        await SeedsAsync();
        await ConvergedAsync(1);
    }

    public Task PatchAsync(string json) => _kubectl.RunAsync("patch", Stage.Workloads, "nginx-workload", "-n", name, "--type=json", "-p", json);

    public Task ScaleAsync(int replicas) =>
        PatchAsync($$"""[{"op":"replace","path":"/spec/placements/0/scaleSettings/minReplicas","value":{{replicas}}}]""");

    public Task ImageAsync(string image) =>
        PatchAsync($$"""[{"op":"replace","path":"/spec/template/spec/runtime/sandbox/containers/0/image","value":"{{image}}"}]""");

    public Task<JsonNode?> WorkloadAsync() => _kubectl.FindAsync(Stage.Workloads, "nginx-workload", name);

    public Task<IReadOnlyList<JsonNode>> InstancesAsync() => _kubectl.ListAsync(Stage.Instances, name);

    public static JsonNode? Condition(JsonNode? item, string type) =>
        item?["status"]?["conditions"]?.AsArray().FirstOrDefault(c => (string?)c!["type"] == type);

    public static bool Is(JsonNode? item, string type) => (string?)Condition(item, type)?["status"] == "True";

    public static string? Address(JsonNode instance) => (string?)instance["status"]?["networkInterfaces"]?[0]?["assignments"]?["networkIP"];

    /// <summary>As many Ready Instances and running containers as wanted, each of the wanted image, and the Workload Available.</summary>
    public Task ConvergedAsync(int replicas, string? variant = null, TimeSpan? deadline = null) => Eventually.NothingWrongAsync(async () =>
    {
        var workload = await WorkloadAsync();
        if (!Is(workload, "Available"))
            return $"Workload not Available: {Condition(workload, "Available")?.ToJsonString()}";
        if ((int?)workload!["status"]?["readyReplicas"] != replicas || (int?)workload["status"]?["currentReplicas"] != replicas)
            return $"status {workload["status"]?.ToJsonString()}";
        var instances = await InstancesAsync();
        if (instances.Count != replicas || !instances.All(i => Is(i, "Ready")))
            return $"{instances.Count} Instances, {instances.Count(i => Is(i, "Ready"))} Ready";
        var containers = await stage.ContainersAsync();
        if (containers.Count != replicas || !containers.All(c => c.Running))
            return $"containers: {string.Join(", ", containers)}";
        foreach (var instance in instances)
        {
            var page = await PageAsync(Address(instance));
            if (!page.Contains(variant ?? "variant", StringComparison.Ordinal))
                return $"{Address(instance)} says {page}";
        }
        return null;
    }, deadline ?? Long, $"{replicas} running", stage.Picture);

    public static async Task<string> PageAsync(string? address, int port = 8080)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(3) };
        using var answer = await client.GetAsync(new Uri($"http://{address}:{port}/"));
        return answer.IsSuccessStatusCode ? await answer.Content.ReadAsStringAsync() : $"status {(int)answer.StatusCode}";
    }

    /// <summary>Asks for the deletion of Workload and Network, as a user would.</summary>
    public async Task BeginDeletionAsync()
    {
        await _kubectl.RunAsync("delete", Stage.Workloads, "--all", "-n", name, "--wait=false");
        await _kubectl.RunAsync("delete", Stage.Networks, "--all", "-n", name, "--wait=false");
    }

    /// <summary>Deletes what the test made and waits until nothing with our mark is left.</summary>
    public async Task DeleteAsync()
    {
        await BeginDeletionAsync();
        await GoneAsync();
        await _kubectl.RunAsync("delete", Stage.Locations, "--all", "-n", name, "--wait=false");
        await _kubectl.RunAsync("delete", Stage.Configs, $"config-{name}", "--ignore-not-found", "--wait=false");
        await Eventually.NothingWrongAsync(async () =>
            await _kubectl.RunAsync("get", $"{Stage.Locations},{Stage.Configs}", "-n", name, "--ignore-not-found", "-o", "name") is { Length: > 0 } left ? left : null,
            Long, "Location and ProviderConfig are gone", stage.Picture);
    }

    public Task GoneAsync() => Eventually.NothingWrongAsync(async () =>
    {
        var left = (await stage.ObjectsAsync())
            .Concat((await _kubectl.ListAsync($"{Stage.Workloads},{Stage.Deployments},{Stage.Instances},{Stage.Networks},networkcontexts.networking.datumapis.com,networkbindings.networking.datumapis.com,subnetclaims.networking.datumapis.com,subnets.networking.datumapis.com", name))
                .Concat(await _kubectl.ListAsync(Stage.Entries, null))
                .Select(i => $"{(string)i["kind"]!} {(string)i["metadata"]!["name"]!}")).ToList();
        return left.Count == 0 ? null : string.Join(", ", left);
    }, Long, "nothing with our mark and no entry is left", stage.Picture);
}
