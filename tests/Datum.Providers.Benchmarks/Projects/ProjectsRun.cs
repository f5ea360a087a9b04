using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.DevPlane;
using Datum.Providers.Host.Cli;
using Datum.Providers.Host.Composition;
using Datum.Providers.Host.Projects;
using Datum.Providers.Host.Tests.Projects;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Benchmarks.Projects;

/// <summary>One run: front door, host and simulated platform, all new; Workloads in turn over all projects, each timed from its creation to Available.</summary>
internal sealed class ProjectsRun(ProjectsOptions options, bool hanging) : IAsyncDisposable
{
    private const string Group = "resourcemanager.miloapis.com/v1alpha1";
    private const string Hung = "p0";
    private const int WritersAtOnce = 8;
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(15);

    private readonly string _folder = Directory.CreateTempSubdirectory("datum-bench-").FullName;
    private readonly RSA _key = RSA.Create(2048);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, long> _created = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, TimeSpan> _ready = new(StringComparer.Ordinal);
    private readonly Dictionary<string, KubernetesClient> _planes = new(StringComparer.Ordinal);
    private DevPlaneServer _server = null!;
    private FaultyDoor _door = null!;
    private KubernetesClient _home = null!;
    private Task _host = Task.CompletedTask;

    private IEnumerable<string> Names => Enumerable.Range(0, options.Projects).Select(i => $"p{i}");

    /// <summary>Times to Available of the projects but the first, and how many the first had.</summary>
    public async Task<(IReadOnlyList<double> OthersMs, int OfHung)> MeasureAsync(CancellationToken cancellation)
    {
        await OpenAsync(cancellation);
        foreach (var name in Names)
            await ProjectAsync(name, cancellation);
        var host = StartHost(cancellation);
        await UntilAsync(() => host.Fleet?.States.Count(s => s.Value.State == PlaneState.Engaged) == options.Projects, "all planes are engaged", cancellation);
        var watching = Names.Select(name => WatchAsync(name, cancellation)).ToList();
        var hangs = hanging ? HangAsync(cancellation) : Task.CompletedTask;
        using (var turn = new SemaphoreSlim(WritersAtOnce))
            await Task.WhenAll(Enumerable.Range(0, options.Each).SelectMany(i => Names.Select(name => WorkloadAsync(turn, name, $"w{i}", cancellation))));
        await UntilAsync(() => _ready.Keys.Count(k => hanging ? !OfHung(k) : true) == (options.Projects - (hanging ? 1 : 0)) * options.Each, "the Workloads are Available", cancellation);
        await hangs;
        await _stop.CancelAsync();
        await Task.WhenAll(watching).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return ([.. _ready.Where(r => !OfHung(r.Key)).Select(r => r.Value.TotalMilliseconds)], _ready.Keys.Count(OfHung));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _host.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var client in _planes.Values.Append(_home))
            await client.DisposeAsync();
        await _door.DisposeAsync();
        await _server.DisposeAsync();
        _stop.Dispose();
        _key.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static bool OfHung(string key) => key.StartsWith(Hung + "/", StringComparison.Ordinal);

    /// <summary>In the middle of its work: its first Workload is Available, and others are under way.</summary>
    private async Task HangAsync(CancellationToken cancellation)
    {
        await UntilAsync(() => _ready.Keys.Any(OfHung), "the first Workload of the plane that will hang is Available", cancellation);
        _door.Faults[Hung] = DoorFault.Hangs;
    }

    private async Task OpenAsync(CancellationToken cancellation)
    {
        Write("tokens", $$"""
            serviceAccounts:
            - {clientId: host, access: write, core: true, projects: ["*"], keys: [{id: k1, publicKey: "{{_key.ExportSubjectPublicKeyInfoPem().ReplaceLineEndings("\\n")}}"}]}
            """);
        _server = await DevPlaneServer.StartAsync(new DevPlaneOptions
        {
            CelRules = RuleRegistration.Create(), FrontDoor = new FrontDoorOptions { TokenFile = At("tokens"), Kinds = DatumPlanes.Kinds },
        }, cancellation);
        _server.WriteKubeconfig(At("kubeconfig"));
        var admin = KubeConfig.Load(At("kubeconfig"));
        _home = new KubernetesClient(admin, new KubernetesClientOptions());
        foreach (var name in Names)
            _planes[name] = new KubernetesClient(admin.At($"/apis/{Group}/projects/{name}/control-plane"), new KubernetesClientOptions());
        _door = await FaultyDoor.StartAsync(_server.Address);
        await PlaneInstaller.ApplyCrdsAsync(_home, Crds.All().Select(c => c.Yaml), cancellation);
        await ApplyAsync(_home, "/apis/providers.datumapis.com/v1alpha1/providerconfigs", $$"""
            apiVersion: providers.datumapis.com/v1alpha1
            kind: ProviderConfig
            metadata: {name: simulator}
            spec:
              driver: simulator
              allowed: { projects: ["*"], scope: { zone: [z1], region: [""] } }
              limits: {concurrency: 16}
              settings: { statePath: {{_folder}}/platform }
            """, cancellation);
    }

    private HostRuntime StartHost(CancellationToken cancellation)
    {
        File.WriteAllText(At("ca.pem"), _server.CertificatePem);
        Write("key.json", new JsonObject
        {
            ["type"] = "datum_service_account", ["token_uri"] = $"{_server.Address}oauth/v2/token", ["client_id"] = "host", ["private_key_id"] = "k1", ["private_key"] = _key.ExportPkcs8PrivateKeyPem(),
        }.ToJsonString());
        File.WriteAllText(At("projects.yaml"), $"server: {_door.Address}\ncertificateAuthority: ca.pem\ncredentials: {{serviceAccountKey: key.json}}\n");
        var volume = typeof(ProjectsRun).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "DriverVolume").Value!;
        var host = new HostRuntime(
            new HostSettings { DriverVolume = volume, Namespace = "default", Development = true, Projects = FrontDoorFile.Read(At("projects.yaml")) }, _home, SystemScheduler.Instance, NullLoggerFactory.Instance);
        var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, cancellation).Token;
        _host = Task.Run(() => host.RunAsync(stop), CancellationToken.None);
        return host;
    }

    private async Task ProjectAsync(string name, CancellationToken cancellation)
    {
        await ApplyAsync(_home, $"/apis/{Group}/projects", $"apiVersion: {Group}\nkind: Project\nmetadata: {{name: {name}}}\nspec: {{ownerRef: {{kind: Organization, name: o}}}}", cancellation);
        while (!Conditions.IsTrue((await _home.FindAsync(ResourceTypes.Projects, new ObjectKey(null, name), cancellation))?.Status?.Conditions, ConditionTypes.Ready))
            await Task.Delay(20, cancellation);
        const string networking = "/apis/networking.datumapis.com/v1alpha/namespaces/default/";
        await ApplyAsync(_planes[name], networking + "locations", """
            apiVersion: networking.datumapis.com/v1alpha
            kind: Location
            metadata: {name: here, namespace: default}
            spec:
              locationClassName: self-managed
              topology: {topology.datum.net/city-code: DFW}
              provider: {simulator: {zone: z1}}
            """, cancellation);
        await ApplyAsync(_planes[name], networking + "networks", "apiVersion: networking.datumapis.com/v1alpha\nkind: Network\nmetadata: {name: default, namespace: default}\nspec: {ipam: {mode: Auto}}", cancellation);
    }

    private async Task WorkloadAsync(SemaphoreSlim turn, string project, string name, CancellationToken cancellation)
    {
        await turn.WaitAsync(cancellation);
        try
        {
            _created[$"{project}/{name}"] = Stopwatch.GetTimestamp();
            await ApplyAsync(_planes[project], "/apis/compute.datumapis.com/v1alpha/namespaces/default/workloads", $$"""
                apiVersion: compute.datumapis.com/v1alpha
                kind: Workload
                metadata: {name: {{name}}, namespace: default}
                spec:
                  template:
                    spec:
                      runtime:
                        resources: {instanceType: datumcloud/d1-standard-2}
                        sandbox: { containers: [{name: web, image: "web:1"}] }
                      networkInterfaces: [{network: {name: default}, networkPolicy: { ingress: [{ports: [{port: 80}], from: [{ipBlock: {cidr: 0.0.0.0/0} }] }] } }]
                  placements: [{name: p, cityCodes: [DFW], scaleSettings: {minReplicas: 1} }]
                """, cancellation);
        }
        finally
        {
            turn.Release();
        }
    }

    private async Task WatchAsync(string project, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, cancellation);
        // None exist yet: the watch has them all.
        var from = (await _planes[project].ListAsync(ResourceTypes.Workloads, new ListOptions { Namespace = "default" }, stop.Token)).ResourceVersion;
        while (!stop.IsCancellationRequested)
            await foreach (var change in _planes[project].WatchAsync(ResourceTypes.Workloads, new WatchOptions { Namespace = "default", ResourceVersion = from, Timeout = Longest }, stop.Token))
                if (change.Object is { } workload && Conditions.IsTrue(workload.Status?.Conditions, "Available") && $"{project}/{workload.Metadata.Name}" is var key && _created.TryGetValue(key, out var at))
                    _ready.TryAdd(key, Stopwatch.GetElapsedTime(at));
    }

    private async Task UntilAsync(Func<bool> done, string what, CancellationToken cancellation)
    {
        var since = Stopwatch.StartNew();
        while (!done())
        {
            if (_host.IsCompleted)
                await _host;
            if (since.Elapsed > Longest)
                throw new InvalidOperationException($"Not within {Longest.TotalMinutes:0} minutes: {what} ({_ready.Count} Workloads are).");
            await Task.Delay(50, cancellation);
        }
    }

    private static async Task ApplyAsync(KubernetesClient client, string path, string yaml, CancellationToken cancellation) =>
        await client.RawAsync(HttpMethod.Post, path, Encoding.UTF8.GetBytes(YamlJson.Parse(Encoding.UTF8.GetBytes(yaml)).Single().ToJsonString()), "application/json", cancellation);

    private string At(string name) => Path.Combine(_folder, name);

    private void Write(string name, string text)
    {
        File.WriteAllText(At(name), text);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(At(name), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
