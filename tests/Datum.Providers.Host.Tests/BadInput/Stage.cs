using System.Diagnostics;
using System.Reflection;
using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.DevPlane;
using Datum.Providers.Host.Composition;
using Datum.Providers.Host.Tests.Loader;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Tests.BadInput;

/// <summary>
/// The host over an embedded plane, in this process, with the simulator and spoiled drivers in its volume. Everything is reached as a user
/// reaches it: manifests in, conditions and events out. Each test proves beside its own input that a healthy Workload becomes Available.
/// </summary>
internal sealed class Stage : IAsyncDisposable
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(40);
    private static int s_spaces;

    private readonly string _folder = Directory.CreateTempSubdirectory("datum-bad-").FullName;
    private CancellationTokenSource _stop = new();
    private readonly bool _development;
    private DevPlaneServer? _plane;
    private KubernetesClient? _client;
    private Task? _run;

    private Stage(bool development) => _development = development;

    public TestVolume Volume { get; } = new();

    public LogLines Log { get; } = new();

    public KubernetesClient Client => _client ?? throw new InvalidOperationException("The plane wasn't started.");

    /// <summary>The host's own end; it runs while this isn't completed.</summary>
    public Task Run => _run ?? throw new InvalidOperationException("The host wasn't started.");

    public string Kubeconfig => Path.Combine(_folder, "kubeconfig");

    /// <summary>A plane with the host over it.</summary>
    public static async Task<Stage> StartAsync(Action<TestVolume>? fill = null)
    {
        var stage = await PlaneOnlyAsync(development: true);
        fill?.Invoke(stage.Volume);
        try
        {
            await stage.StartHostAsync();
            await stage.ApplyAsync(GoodConfig(stage._folder));
        }
        catch
        {
            await stage.DisposeAsync();
            throw;
        }
        return stage;
    }

    /// <summary>A plane that nobody runs on yet.</summary>
    public static async Task<Stage> PlaneOnlyAsync(bool development)
    {
        var stage = new Stage(development);
        Copy(Path.Combine(Metadata("DriverVolume"), "simulator"), Path.Combine(stage.Volume.Path, "simulator"));
        await stage.StartPlaneAsync(0);
        return stage;
    }

    public static string GoodConfig(string folder) => $$"""
        apiVersion: providers.datumapis.com/v1alpha1
        kind: ProviderConfig
        metadata: {name: good}
        spec:
          driver: simulator
          locations: {classNames: [good]}
          allowed: { projects: ["*"], scope: { zone: [z1], region: [""] } }
          settings: { statePath: {{folder}}/platform }
        """;

    public string Folder => _folder;

    public async Task StartPlaneAsync(int port)
    {
        _plane = await DevPlaneServer.StartAsync(new DevPlaneOptions
        {
            StatePath = Path.Combine(_folder, "plane"), Port = port, Tokens = [new PlaneToken { Token = "stage" }], CelRules = RuleRegistration.Create(),
        });
        _plane.WriteKubeconfig(Kubeconfig);
        _client ??= new KubernetesClient(KubeConfig.Load(Kubeconfig), new KubernetesClientOptions());
    }

    /// <summary>Ends the plane and returns the port that it had.</summary>
    public async Task<int> StopPlaneAsync()
    {
        var port = _plane!.Port;
        await _plane.DisposeAsync();
        _plane = null;
        return port;
    }

    /// <summary>Starts the host and waits until it says so.</summary>
    /// <param name="through">Stands between the host and the plane.</param>
    public async Task StartHostAsync(Func<IKubernetesClient, IKubernetesClient>? through = null, bool waitStarted = true, bool lease = false, string ns = "default", Host.Admission.WebhookSettings? webhook = null,
        CoreUse core = CoreUse.Auto)
    {
        var started = new TaskCompletionSource();
        var host = new HostRuntime(
            new HostSettings { DriverVolume = Volume.Path, Namespace = ns, Development = _development, UseLease = lease, Webhook = webhook, Core = core },
            through?.Invoke(Client) ?? Client, SystemScheduler.Instance, Log)
        { Started = started.SetResult };
        var stop = _stop.Token;
        _run = Task.Run(() => host.RunAsync(stop));
        if (waitStarted && await Task.WhenAny(_run, started.Task.WaitAsync(TimeSpan.FromSeconds(60))) == _run)
            await _run;
    }

    /// <summary>Ends the host as SIGTERM does.</summary>
    public async Task StopHostAsync()
    {
        await _stop.CancelAsync();
        await Run;
        _stop.Dispose();
        _stop = new CancellationTokenSource();
    }

    /// <summary>A namespace of its own with a healthy Location for one test.</summary>
    public async Task<Space> SpaceAsync()
    {
        var name = $"t{Interlocked.Increment(ref s_spaces)}";
        await ApplyAsync($"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}");
        return new Space(this, name);
    }

    public static JsonNode Json(string yaml) => YamlJson.Parse(Encoding.UTF8.GetBytes(yaml)).Single();

    /// <summary>Creates an object; the server's refusal is thrown.</summary>
    public async Task<JsonNode> ApplyAsync(string yaml)
    {
        var node = Json(yaml);
        var answer = await Client.RawAsync(HttpMethod.Post, Collection((string)node["apiVersion"]!, Plural((string)node["kind"]!), (string?)node["metadata"]!["namespace"]),
            Encoding.UTF8.GetBytes(node.ToJsonString()), "application/json", CancellationToken.None);
        return JsonNode.Parse(answer)!;
    }

    public Task PatchAsync(string apiVersion, string plural, string? ns, string name, string merge) =>
        Client.RawAsync(HttpMethod.Patch, $"{Collection(apiVersion, plural, ns)}/{name}", Encoding.UTF8.GetBytes(merge), "application/merge-patch+json", CancellationToken.None);

    public Task DeleteAsync(string apiVersion, string plural, string? ns, string name) =>
        Client.RawAsync(HttpMethod.Delete, $"{Collection(apiVersion, plural, ns)}/{name}", Encoding.UTF8.GetBytes("{}"), "application/json", CancellationToken.None);

    public async Task<JsonNode> GetAsync(string apiVersion, string plural, string? ns, string name) =>
        JsonNode.Parse(await Client.RawAsync(HttpMethod.Get, $"{Collection(apiVersion, plural, ns)}/{name}", null, null, CancellationToken.None))!;

    /// <summary>Waits until a condition has a reason; returns it.</summary>
    public async Task<JsonNode> ConditionAsync(string apiVersion, string plural, string? ns, string name, string type, string reason, TimeSpan? within = null)
    {
        JsonNode? found = null;
        await UntilAsync(async () =>
        {
            var value = await GetAsync(apiVersion, plural, ns, name);
            found = value["status"]?["conditions"]?.AsArray().FirstOrDefault(c => (string?)c!["type"] == type);
            return (string?)found?["reason"] == reason ? null : $"{plural} {name} {type}: {found?.ToJsonString() ?? value["status"]?.ToJsonString() ?? "no status"}";
        }, within);
        return found!;
    }

    /// <summary>Waits for an event with a reason on an object; returns its message.</summary>
    public async Task<JsonNode> EventAsync(string ns, string kind, string name, string reason)
    {
        JsonNode? found = null;
        await UntilAsync(async () =>
        {
            var events = JsonNode.Parse(await Client.RawAsync(HttpMethod.Get, $"/api/v1/namespaces/{ns}/events", null, null, CancellationToken.None))!["items"]!.AsArray();
            found = events.FirstOrDefault(e => (string?)e!["involvedObject"]?["kind"] == kind && (string?)e["involvedObject"]?["name"] == name && (string?)e["reason"] == reason);
            return found is not null ? null : $"no event {reason} on {kind} {name}; there are {string.Join(", ", events.Select(e => $"{e!["involvedObject"]?["kind"]} {e["involvedObject"]?["name"]} {e["reason"]}"))}";
        });
        return found!;
    }

    public Task LogsAsync(int id, params string[] parts) => UntilAsync(() => Task.FromResult(
        Log.Of(id).Any(l => parts.All(p => l.Contains(p, StringComparison.Ordinal))) ? null : $"no line [{id}] with {string.Join(" and ", parts)}"));

    public async Task UntilAsync(Func<Task<string?>> wrong, TimeSpan? within = null)
    {
        var since = Stopwatch.StartNew();
        var last = "";
        while (true)
        {
            try
            {
                if (await wrong() is not { } still)
                    return;
                last = still;
            }
            catch (Exception e) when (e is HttpRequestException || e is KubernetesException { Code: 404 })
            {
                last = e.Message;
            }
            if (since.Elapsed > (within ?? s_deadline))
                throw new AssertionException($"Not in time: {last}\n{string.Join('\n', Log.All.TakeLast(40))}");
            await Task.Delay(50);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_run is not null)
            await ((Task)_run.WaitAsync(TimeSpan.FromSeconds(30))).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_client is not null)
            await _client.DisposeAsync();
        if (_plane is not null)
            await _plane.DisposeAsync();
        _stop.Dispose();
        Volume.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    public static string Metadata(string key) => typeof(Stage).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;

    private static string Plural(string kind) => kind switch
    {
        "NetworkPolicy" => "networkpolicies",
        "ExportPolicy" => "exportpolicies",
        "CustomResourceDefinition" => "customresourcedefinitions",
        _ => kind.ToLowerInvariant() + "s",
    };

    private static string Collection(string apiVersion, string plural, string? ns) =>
        $"{(apiVersion.Contains('/', StringComparison.Ordinal) ? "/apis/" : "/api/")}{apiVersion}{(ns is null ? "" : $"/namespaces/{ns}")}/{plural}";

    /// <summary>Installs our kinds as somebody else's platform might: some of them without a schema.</summary>
    public Task InstallKindsAsync(params string[] loosened) => PlaneInstaller.ApplyCrdsAsync(Client, Resources.Crds.All().Select(c =>
    {
        var node = YamlJson.Parse(c.Yaml).Single();
        if (loosened.Contains((string)node["metadata"]!["name"]!))
            foreach (var version in node["spec"]!["versions"]!.AsArray())
                version!["schema"]!["openAPIV3Schema"] = new JsonObject { ["type"] = "object", ["x-kubernetes-preserve-unknown-fields"] = true };
        return new ReadOnlyMemory<byte>(Encoding.UTF8.GetBytes(node.ToJsonString()));
    }), CancellationToken.None);

    internal static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }
}
