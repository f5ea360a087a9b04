using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.DevPlane;
using Datum.Providers.Host.Cli;
using Datum.Providers.Host.Composition;
using Datum.Providers.Host.Projects;
using Datum.Providers.Host.Tests.BadInput;
using Datum.Providers.Host.Tests.Loader;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Host.Tests.Projects;

/// <summary>
/// The host over many projects: the embedded plane's front door behind a proxy that makes faults, the host signed in with a service account's
/// key, the simulator at the other end. The core plane is the home plane.
/// </summary>
internal sealed class ProjectStage : IAsyncDisposable
{
    private const string Personal = "a-personal-access-token";
    private const string Door = "resourcemanager.miloapis.com/v1alpha1";
    private readonly string _folder = Directory.CreateTempSubdirectory("datum-projects-").FullName;
    private readonly TestVolume _volume = new();
    private readonly RSA _key = RSA.Create(2048);
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, KubernetesClient> _clients = new(StringComparer.Ordinal);
    private DevPlaneServer _plane = null!;
    private KubernetesConnection _admin = null!;
    private HostRuntime? _host;
    private Task? _run;

    public BadInput.LogLines Log { get; } = new();
    public FaultyDoor Proxy { get; private set; } = null!;
    public KubernetesClient Home { get; private set; } = null!;

    public IReadOnlyDictionary<string, (PlaneState State, string Why)> States => _host?.Fleet?.States ?? new Dictionary<string, (PlaneState, string)>();

    public static async Task<ProjectStage> StartAsync()
    {
        var stage = new ProjectStage();
        Stage.Copy(Path.Combine(Stage.Metadata("DriverVolume"), "simulator"), Path.Combine(stage._volume.Path, "simulator"));
        stage.Write("tokens", $$"""
            serviceAccounts:
            - {clientId: host, access: write, core: true, projects: ["*"], keys: [{id: k1, publicKey: "{{stage._key.ExportSubjectPublicKeyInfoPem().ReplaceLineEndings("\\n")}}"}]}
            personalAccessTokens:
            - {token: {{Personal}}, subject: host, access: write, core: true, projects: ["*"]}
            """);
        stage._plane = await DevPlaneServer.StartAsync(new DevPlaneOptions
        {
            Tokens = [new PlaneToken { Token = "the-plane's-own-token" }], CelRules = RuleRegistration.Create(), FrontDoor = new FrontDoorOptions { TokenFile = stage.At("tokens"), Kinds = DatumPlanes.Kinds },
        });
        stage._plane.WriteKubeconfig(stage.At("kubeconfig"));
        stage._admin = KubeConfig.Load(stage.At("kubeconfig"));
        stage.Home = stage.Client("/");
        stage.Proxy = await FaultyDoor.StartAsync(stage._plane.Address);
        await PlaneInstaller.ApplyCrdsAsync(stage.Home, Crds.All().Select(c => c.Yaml), CancellationToken.None);
        await ApplyAsync(stage.Home, $$"""
            apiVersion: providers.datumapis.com/v1alpha1
            kind: ProviderConfig
            metadata: {name: good}
            spec:
              driver: simulator
              allowed: { projects: ["*"], scope: { zone: [z1], region: [""] } }
              settings: { statePath: {{stage._folder}}/platform }
            """);
        return stage;
    }

    /// <param name="more">Further lines of the projects' file.</param>
    /// <param name="personal">Signed in with a personal access token instead of a service account's key.</param>
    public void StartHost(string more = "", bool personal = false)
    {
        File.WriteAllText(At("ca.pem"), _plane.CertificatePem);
        Write("key.json", new JsonObject
        {
            ["type"] = "datum_service_account", ["token_uri"] = $"{_plane.Address}oauth/v2/token", ["client_id"] = "host", ["private_key_id"] = "k1", ["private_key"] = _key.ExportPkcs8PrivateKeyPem(),
        }.ToJsonString());
        Write("pat", Personal);
        File.WriteAllText(At("projects.yaml"), $"server: {Proxy.Address}\ncertificateAuthority: ca.pem\ncredentials: {{ {(personal ? "personalAccessToken: pat" : "serviceAccountKey: key.json")} }}\n{more}");
        _host = new HostRuntime(
            new HostSettings { DriverVolume = _volume.Path, Namespace = "default", Development = true, Projects = FrontDoorFile.Read(At("projects.yaml")) },
            Home, SystemScheduler.Instance, Log);
        _run = Task.Run(() => _host.RunAsync(_stop.Token));
    }

    /// <summary>Makes a Project and what a Workload needs in its plane.</summary>
    public async Task ProjectAsync(string name, string labels = "env: test")
    {
        await ApplyAsync(Home, $"apiVersion: {Door}\nkind: Project\nmetadata: {{name: {name}, labels: {{ {labels} }} }}\nspec: {{ownerRef: {{kind: Organization, name: o}}}}");
        await UntilAsync(async () => await Home.FindAsync(ResourceTypes.Projects, new ObjectKey(null, name), CancellationToken.None) is { } project
            && Conditions.IsTrue(project.Status?.Conditions, ConditionTypes.Ready) ? null : $"Project {name} isn't Ready");
        await ApplyAsync(Of(name), $$"""
            apiVersion: {{Space.Networking}}
            kind: Location
            metadata: { name: here, namespace: default }
            spec:
              locationClassName: good
              topology: { topology.datum.net/city-code: DFW }
              provider: {simulator: {zone: z1} }
            """);
        await ApplyAsync(Of(name), $"apiVersion: {Space.Networking}\nkind: Network\nmetadata: {{name: default, namespace: default}}\nspec: {{ipam: {{mode: Auto}}}}");
    }

    public Task WorkloadAsync(string project, string name) => ApplyAsync(Of(project), $$"""
        apiVersion: {{Space.Compute}}
        kind: Workload
        metadata: { name: {{name}}, namespace: default }
        spec:
          template:
            spec:
              runtime:
                resources: { instanceType: datumcloud/d1-standard-2 }
                sandbox:
                  containers: [{name: web, image: "web:1"}]
              networkInterfaces:
              - network: {name: default}
                networkPolicy: { ingress: [{ ports: [{ port: 80 }], from: [{ ipBlock: { cidr: 0.0.0.0/0 } }] }] }
          placements:
          - name: p
            cityCodes: [DFW]
            scaleSettings: {minReplicas: 1}
        """);

    public Task AvailableAsync(string project, string workload) => UntilAsync(async () =>
    {
        var found = await Of(project).FindAsync(ResourceTypes.Workloads, new ObjectKey("default", workload), CancellationToken.None);
        return Conditions.IsTrue(found?.Status?.Conditions, "Available") ? null : $"{project}/{workload}: {string.Join(", ", found?.Status?.Conditions?.Select(c => $"{c.Type}={c.Status} {c.Reason} {c.Message}") ?? ["nothing"])}";
    });

    public Task StateAsync(string project, PlaneState state) => UntilAsync(() =>
        Task.FromResult(States.TryGetValue(project, out var is_) && is_.State == state ? null : $"{project} is {(States.TryGetValue(project, out var other) ? other.ToString() : "not there")}, not {state}"));

    /// <summary>A client of a project's plane that goes around the proxy, with all rights.</summary>
    public KubernetesClient Of(string project) => _clients.TryGetValue(project, out var known) ? known : _clients[project] = Client($"/apis/{Door}/projects/{project}/control-plane");

    public Task LabelAsync(string project, string? env) => Home.RawAsync(HttpMethod.Patch, $"/apis/{Door}/projects/{project}",
        Encoding.UTF8.GetBytes(new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["env"] = env } } }.ToJsonString()), "application/merge-patch+json", CancellationToken.None);

    public Task DeleteProjectAsync(string project) => Home.DeleteAsync(ResourceTypes.Projects, new ObjectKey(null, project), null, CancellationToken.None);

    public async Task<IReadOnlyList<ManagedResource>> LedgerAsync(string project) =>
        [.. (await Home.ListAsync(ResourceTypes.ManagedResources, new ListOptions { LabelSelector = $"{Labels.Project}={project}" }, CancellationToken.None)).Items];

    /// <summary>All ids at the platform, instances and networks, as the simulator keeps them.</summary>
    public async Task<IReadOnlyList<string>> MachinesAsync() =>
        [.. (await Home.ListAsync(ResourceTypes.ManagedResources, new ListOptions(), CancellationToken.None)).Items.SelectMany(e => e.Spec.Record.Parts ?? []).Select(p => p.Id).Order(StringComparer.Ordinal)];

    /// <summary>Makes an object in a project's plane.</summary>
    public Task ApplyAsync(string project, string yaml) => ApplyAsync(Of(project), yaml);

    public async Task UntilAsync(Func<Task<string?>> wrong, TimeSpan? within = null)
    {
        var since = System.Diagnostics.Stopwatch.StartNew();
        string? last;
        while ((last = await wrong()) is not null)
        {
            if (_run is { IsCompleted: true })
                await _run;
            if (since.Elapsed > (within ?? TimeSpan.FromSeconds(60)))
                throw new AssertionException($"Not in time: {last}\n{string.Join('\n', Log.All.TakeLast(60))}");
            await Task.Delay(50);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_run is not null)
            await ((Task)_run.WaitAsync(TimeSpan.FromSeconds(30))).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var client in _clients.Values.Append(Home))
            await client.DisposeAsync();
        if (Proxy is not null)
            await Proxy.DisposeAsync();
        await _plane.DisposeAsync();
        _stop.Dispose();
        _key.Dispose();
        _volume.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    public Task InstallAsync(string definition) => PlaneInstaller.ApplyCrdsAsync(Home, [Encoding.UTF8.GetBytes(definition)], CancellationToken.None);

    private static async Task ApplyAsync(KubernetesClient client, string yaml)
    {
        var node = Stage.Json(yaml);
        var ns = (string?)node["metadata"]!["namespace"];
        var plural = ((string)node["kind"]!).ToLowerInvariant() + "s";
        await client.RawAsync(HttpMethod.Post, $"/apis/{(string)node["apiVersion"]!}{(ns is null ? "" : $"/namespaces/{ns}")}/{plural}", Encoding.UTF8.GetBytes(node.ToJsonString()), "application/json", CancellationToken.None);
    }

    private KubernetesClient Client(string path) => new(_admin.At(path), new KubernetesClientOptions());

    private string At(string name) => Path.Combine(_folder, name);

    private void Write(string name, string text)
    {
        File.WriteAllText(At(name), text);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(At(name), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
