using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Host.Composition;
using Datum.Providers.Host.Tests.BadInput;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.Host.Tests.Composition;

/// <summary>Planes of Datum's later eras: what is read of them, and what is left untouched.</summary>
[NonParallelizable]
public sealed class PlaneShapeTests
{
    private const string LocationCrd = "locations.networking.datumapis.com";
    private const string LaterGroup = "locations.miloapis.com";
    private static readonly string s_networking = ResourceTypes.Locations.ApiVersion;

    [TestCase("networkinterfaces", "NetworkInterface", "networking.datumapis.com")]
    [TestCase("runtimeclasses", "RuntimeClass", "compute.datumapis.com")]
    [TestCase("locationbindings", "LocationBinding", LaterGroup)]
    public async Task A_plane_that_needs_more_of_a_provider_is_not_written_to_at_all(string plural, string kind, string group)
    {
        await using var stage = await Stage.PlaneOnlyAsync(development: false);
        await InstallAsync(stage, c => Foreign(c));
        await PlaneInstaller.ApplyCrdsAsync(stage.Client, [Bytes(Bare(plural, kind, group))], CancellationToken.None);
        ObservedClient? client = null;

        var error = await Assert.ThrowsAsync<HostStartException>(() => stage.StartHostAsync(c => client = new ObservedClient(c), lease: true));

        Assert.That(error!.Message, Does.StartWith($"UnsupportedPlane: the API server serves {plural}.{group}.").And.Contains("nothing was changed"));
        Assert.That(client!.Writes, Is.Empty);

        // Where the definitions are ours, their controllers are too, and nobody needs that kind.
        await InstallAsync(stage, c => c);
        await stage.StartHostAsync();
        Assert.That(stage.Run.IsCompleted, Is.False);
    }

    [TestCase("networking.datumapis.com", "v1alpha", true)]
    [TestCase("networking.datumapis.com", "v1alpha", false)]
    [TestCase(LaterGroup, "v1alpha1", false)]
    [TestCase(LaterGroup, "v1beta1", false, Description = "the version that the plane serves")]
    public async Task Locations_are_read_and_told_in_the_group_version_and_scope_of_the_plane(string group, string version, bool namespaced)
    {
        await using var stage = await Stage.PlaneOnlyAsync(development: false);
        await InstallAsync(stage, c => Name(c) == LocationCrd ? Located(c, group, version, namespaced) : c);
        await stage.StartHostAsync();
        await stage.ApplyAsync(Stage.GoodConfig(stage.Folder));
        await stage.ApplyAsync(Location(group, version, namespaced));
        await stage.ConditionAsync($"{group}/{version}", "locations", namespaced ? "default" : null, "place", "Ready", "ProbeSucceeded");
    }

    [TestCase(true, CoreUse.Auto, true)]
    [TestCase(true, CoreUse.Never, false)]
    [TestCase(false, CoreUse.Auto, false)]
    [TestCase(false, CoreUse.Always, true)]
    public async Task Our_core_controllers_run_where_we_installed_the_kinds_or_where_a_person_says_so(bool ours, CoreUse use, bool run)
    {
        await using var stage = await Stage.PlaneOnlyAsync(development: false);
        await InstallAsync(stage, c => ours ? c : Foreign(c));
        await stage.StartHostAsync(core: use);
        await stage.ApplyAsync("""
            apiVersion: networking.datumapis.com/v1alpha
            kind: Network
            metadata: {name: net, namespace: default}
            spec: {ipam: {mode: Auto} }
            """);
        if (run)
            await stage.ConditionAsync(s_networking, "networks", "default", "net", "Ready", "Ready");
        Assert.That(stage.Log.Of(1002), Has.Count.EqualTo(run ? 0 : 1));
    }

    [Test]
    public async Task A_plane_that_changes_its_shape_is_read_again()
    {
        await using var stage = await Stage.PlaneOnlyAsync(development: false);
        await InstallAsync(stage, c => c);
        await stage.StartHostAsync();
        await stage.ApplyAsync(Stage.GoodConfig(stage.Folder));

        await stage.DeleteAsync("apiextensions.k8s.io/v1", "customresourcedefinitions", null, LocationCrd);
        await PlaneInstaller.ApplyCrdsAsync(stage.Client, [Bytes(Located(Crd(LocationCrd), LaterGroup, "v1alpha1", false))], CancellationToken.None);
        await stage.LogsAsync(1008, $"locations.{LaterGroup} v1alpha1 of cluster scope", "begins anew");
        await stage.ApplyAsync(Location(LaterGroup, "v1alpha1", false));
        await stage.ConditionAsync($"{LaterGroup}/v1alpha1", "locations", null, "place", "Ready", "ProbeSucceeded");
        Assert.That(stage.Run.IsCompleted, Is.False);
    }

    [Test]
    public async Task A_member_that_the_plane_drops_is_told_once_and_its_shape_is_asked_for_again()
    {
        await using var stage = await Stage.PlaneOnlyAsync(development: false);
        // Ours but for the conditions of a Location.
        await InstallAsync(stage, c => Name(c) == LocationCrd ? WithoutConditions(c) : c);
        ObservedClient? client = null;
        await stage.StartHostAsync(c => client = new ObservedClient(c));
        var before = client!.Discoveries;
        await stage.ApplyAsync(Location("networking.datumapis.com", "v1alpha", true));
        await stage.LogsAsync(1308, "status.conditions", "locations.networking.datumapis.com/status");
        await stage.UntilAsync(() => Task.FromResult(client.Discoveries > before ? null : "the shape wasn't asked for again"));
        int Told() => client.Writes.Count(w => w == $"patch {LocationCrd}");
        var told = Told();
        await stage.PatchAsync(s_networking, "locations", "default", "place", """{"metadata":{"labels":{"a":"b"}}}""");
        await stage.UntilAsync(() => Task.FromResult(Told() > told ? null : "it isn't told again"));
        Assert.That(stage.Log.Of(1308), Has.Count.EqualTo(1));
        Assert.That(stage.Log.Of(1008), Is.Empty, "it is the same plane");
    }

    [TestCase("""{"status":{"a":1}}""", null)]
    [TestCase("""{"status":{"conditions":[{"type":"Ready","status":"True","reason":"Ready","message":"","lastTransitionTime":"2030-01-01T00:00:00Z"}]}}""", null)]
    [TestCase("""{"status":{"conditions":[{"type":"Ready","status":"True","reason":"Ready","message":"","lastTransitionTime":"2030-01-01T00:00:00Z","observedGeneration":3}]}}""", "status.conditions[].observedGeneration")]
    [TestCase("""{"status":{"b":{"c":"d"}}}""", "status.b")]
    [TestCase("""{"status":{"b":{"c":null},"e":null,"f":{},"g":[],"h":0,"i":""}}""", null)]
    [TestCase("""{"spec":{"provider":{"aws":{}}},"status":{"a":1}}""", null)]
    [TestCase("""{"spec":{"provider":{"aws":{"region":"r"}}}}""", "spec.provider.aws")]
    [TestCase("""{"metadata":{"labels":{"x":"y"}}}""", null)]
    public void What_is_missing_of_a_write_is_named_by_its_path(string patch, string? missing)
    {
        var stored = new Location
        {
            Spec = { Provider = [] },
            Status = new LocationStatus
            {
                Conditions = [new Condition { Type = "Ready", Status = "True", Reason = "Ready", Message = "", LastTransitionTime = new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero) }],
                Unknown = new() { ["a"] = System.Text.Json.JsonElement.Parse("1") },
            },
        };
        Assert.That(PrunedWrite.Of(Patch.Merge((JsonObject)JsonNode.Parse(patch)!), ResourceTypes.Locations, stored), Is.EqualTo(missing));
    }

    private static string Location(string group, string version, bool namespaced) => $$"""
        apiVersion: {{group}}/{{version}}
        kind: Location
        metadata: {name: place{{(namespaced ? ", namespace: default" : "")}}}
        spec: { locationClassName: good, topology: { topology.datum.net/city-code: DFW }, provider: { simulator: { zone: z1 } } }
        """;

    private static string Name(JsonNode crd) => (string)crd["metadata"]!["name"]!;

    private static JsonNode Crd(string name) => Crds.All().Select(c => YamlJson.Parse(c.Yaml).Single()).Single(c => Name(c) == name);

    private static Task InstallAsync(Stage stage, Func<JsonNode, JsonNode> change) =>
        PlaneInstaller.ApplyCrdsAsync(stage.Client, Crds.All().Select(c => Bytes(change(YamlJson.Parse(c.Yaml).Single()))), CancellationToken.None);

    private static ReadOnlyMemory<byte> Bytes(JsonNode node) => Encoding.UTF8.GetBytes(node.ToJsonString());

    /// <summary>As if somebody else had installed it.</summary>
    private static JsonNode Foreign(JsonNode crd)
    {
        crd["metadata"]!.AsObject().Remove("labels");
        return crd;
    }

    private static JsonNode Located(JsonNode crd, string group, string version, bool namespaced)
    {
        crd["metadata"]!["name"] = $"locations.{group}";
        crd["spec"]!["group"] = group;
        crd["spec"]!["scope"] = namespaced ? "Namespaced" : "Cluster";
        crd["spec"]!["versions"]![0]!["name"] = version;
        return crd;
    }

    private static JsonNode WithoutConditions(JsonNode crd)
    {
        var status = crd["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!["properties"]!["status"]!.AsObject();
        status["properties"]!.AsObject().Remove("conditions");
        status.Remove("default");
        return crd;
    }

    private static JsonNode Bare(string plural, string kind, string group) => Stage.Json($$"""
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: {{plural}}.{{group}}}
        spec:
          group: {{group}}
          names: {kind: {{kind}}, listKind: {{kind}}List, plural: {{plural}}, singular: {{kind.ToLowerInvariant()}}}
          scope: Cluster
          versions: [{name: v1alpha, served: true, storage: true, schema: {openAPIV3Schema: {type: object} } }]
        """);

    /// <summary>Counts what a host asks of its plane.</summary>
    private sealed class ObservedClient(IKubernetesClient inner) : IKubernetesClient
    {
        private int _discoveries;

        public ConcurrentQueue<string> Writes { get; } = [];

        public int Discoveries => Volatile.Read(ref _discoveries);

        public Task<JsonObject?> DiscoverAsync(string path, CancellationToken cancellation)
        {
            if (path == "/apis")
                Interlocked.Increment(ref _discoveries);
            return inner.DiscoverAsync(path, cancellation);
        }

        public Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject => inner.FindAsync(type, key, cancellation);

        public Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject => inner.ListAsync(type, options, cancellation);

        public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject
        {
            Writes.Enqueue($"create {type}");
            return inner.CreateAsync(type, value, cancellation);
        }

        public Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject
        {
            Writes.Enqueue($"patch {type}");
            return inner.PatchAsync(type, key, patch, subresource, cancellation);
        }

        public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject
        {
            Writes.Enqueue($"delete {type}");
            return inner.DeleteAsync(type, key, preconditions, cancellation);
        }

        public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, [EnumeratorCancellation] CancellationToken cancellation) where T : KubeObject
        {
            await foreach (var change in inner.WatchAsync(type, options, cancellation))
                yield return change;
        }
    }
}
