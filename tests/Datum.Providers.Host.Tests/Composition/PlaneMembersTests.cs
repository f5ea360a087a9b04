using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Host.Composition;
using Datum.Providers.Host.Tests.BadInput;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Testing;

namespace Datum.Providers.Host.Tests.Composition;

/// <summary>Members that a plane's definitions keep or drop, read from its OpenAPI before anything is written.</summary>
[NonParallelizable]
public sealed class PlaneMembersTests
{
    private const string LocationCrd = "locations.networking.datumapis.com";

    [Test]
    public async Task What_a_plane_drops_is_told_when_it_is_engaged_and_again_when_it_becomes_narrower()
    {
        await using var stage = await Stage.PlaneOnlyAsync(development: false);
        await InstallAsync(stage.Client, c => Name(c) == LocationCrd ? OnlyGcp(c) : c);
        await stage.StartHostAsync();
        await stage.LogsAsync(1013, "The API server keeps these provider blocks of Locations: gcp.", Annotations.Provider);
        Assert.That(stage.Log.Of(1012), Is.Empty);

        await InstallAsync(stage.Client, c => Name(c) == LocationCrd ? WithoutConditions(OnlyGcp(c)) : c);
        await stage.ApplyAsync(Stage.GoodConfig(stage.Folder));
        await stage.ApplyAsync("""
            apiVersion: networking.datumapis.com/v1alpha
            kind: Location
            metadata: {name: place, namespace: default}
            spec: { locationClassName: good, topology: { topology.datum.net/city-code: DFW }, provider: { gcp: { projectId: p } } }
            """);
        await stage.LogsAsync(1008, $"without {LocationCrd} status.conditions", "begins anew");
        await stage.LogsAsync(1012, $"{LocationCrd} status.conditions. Update the definitions");
        Assert.That(stage.Run.IsCompleted, Is.False);
    }

    [Test]
    public async Task Upstreams_own_definitions_on_a_real_server_keep_what_is_written_and_no_block_but_gcp()
    {
        await using var real = await RealApiServer.StartAsync();
        await using var client = new KubernetesClient(KubeConfig.Load(real.KubeConfigPath));
        var upstream = Directory.GetFiles(SharedFolder.Require("seeds", "datum-upstream/network-services-operator/v0.1.0/crd"), "*.yaml")
            .Concat(Directory.GetFiles(SharedFolder.Require("seeds", "datum-upstream/workload-operator/crd"), "*.yaml"));
        await PlaneInstaller.ApplyCrdsAsync(client, upstream.Select(f => new ReadOnlyMemory<byte>(File.ReadAllBytes(f))), CancellationToken.None);

        // The server describes a new kind a moment after it serves it.
        PlaneShape shape;
        var until = DateTimeOffset.UtcNow.AddSeconds(60);
        while ((shape = await PlaneShape.ReadAsync(client, CancellationToken.None)).Blocks is null && DateTimeOffset.UtcNow < until)
            await Task.Delay(100);
        Assert.That(shape.Blocks, Is.EqualTo(new[] { "gcp" }));
        Assert.That(shape.Drops, Is.Empty);
        Assert.That(shape.Beyond, Is.Empty);
    }

    [Test]
    public async Task What_the_provider_part_writes_to_a_plane_is_what_it_is_asked_for()
    {
        await using var stage = await Stage.PlaneOnlyAsync(development: false);
        await InstallAsync(stage.Client, c => c);
        var client = new Written(stage.Client);
        await stage.StartHostAsync(_ => client, core: CoreUse.Never);
        await stage.ApplyAsync(Stage.GoodConfig(stage.Folder));
        var space = await stage.SpaceAsync();
        await space.LocationAsync("here", "{simulator: {zone: z1}}", city: "DFW");
        await space.NetworkAsync();
        await stage.ApplyAsync($$"""
            apiVersion: {{Space.Networking}}
            kind: NetworkContext
            metadata: { name: default-here, namespace: {{space.Name}} }
            spec: { network: {name: default}, location: {name: here, namespace: {{space.Name}} } }
            """);
        await stage.ApplyAsync($$"""
            apiVersion: {{Space.Networking}}
            kind: Subnet
            metadata: { name: default-here-v4, namespace: {{space.Name}} }
            spec: { subnetClass: private, ipFamily: IPv4, networkContext: {name: default-here}, location: {name: here, namespace: {{space.Name}} }, startAddress: 10.128.0.0, prefixLength: 20 }
            """);
        await stage.PatchAsync(Space.Networking, "subnets", space.Name, "default-here-v4/status", """
            {"status":{"startAddress":"10.128.0.0","prefixLength":20,"conditions":[{"type":"Allocated","status":"True","reason":"PrefixAllocated","message":"","lastTransitionTime":"2030-01-01T00:00:00Z"}]}}
            """);
        await stage.ApplyAsync($$"""
            apiVersion: {{Space.Compute}}
            kind: Instance
            metadata: { name: web-0, namespace: {{space.Name}} }
            spec:
              runtime:
                resources: { instanceType: datumcloud/d1-standard-2 }
                sandbox: { containers: [{name: web, image: "web:1"}] }
              networkInterfaces: [{ network: {name: default} }]
              location: { name: here, namespace: {{space.Name}} }
            """);
        await stage.ConditionAsync(Space.Compute, "instances", space.Name, "web-0", "Running", "Running");
        await stage.UntilAsync(() => Task.FromResult(client.Paths.Keys.Any(p => p.EndsWith("networkIP", StringComparison.Ordinal)) ? null : "no address was told"));

        await stage.DeleteAsync(Space.Networking, "networks", space.Name, "default");
        await stage.ConditionAsync(Space.Networking, "networks", space.Name, "default", "DeletionBlocked", "DependentsExist");

        var known = PlaneMembers.Written.Append(("networking.datumapis.com", "v1alpha", "locations", "Location", PlaneMembers.Written[1].Paths))
            .SelectMany(w => w.Item5.Select(p => $"{w.Item3}.{w.Item1} {p}")).ToHashSet();
        Assert.That(client.Paths.Keys.Where(p => !known.Contains(p)), Is.Empty);
        Assert.That(client.Paths.Keys.Select(p => p[..p.IndexOf(' ', StringComparison.Ordinal)]).Distinct(), Has.Exactly(5).Items);
    }

    private static Task InstallAsync(KubernetesClient client, Func<JsonNode, JsonNode> change) =>
        PlaneInstaller.ApplyCrdsAsync(client, Crds.All().Select(c => new ReadOnlyMemory<byte>(Encoding.UTF8.GetBytes(change(YamlJson.Parse(c.Yaml).Single()).ToJsonString()))), CancellationToken.None);

    private static string Name(JsonNode crd) => (string)crd["metadata"]!["name"]!;

    private static JsonNode OnlyGcp(JsonNode crd)
    {
        Properties(crd, "spec")["provider"] = JsonNode.Parse("""{"type":"object","properties":{"gcp":{"type":"object","properties":{"projectId":{"type":"string"}}}}}""");
        return crd;
    }

    private static JsonNode WithoutConditions(JsonNode crd)
    {
        Properties(crd, "status").Remove("conditions");
        crd["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!["properties"]!["status"]!.AsObject().Remove("default");
        return crd;
    }

    private static JsonObject Properties(JsonNode crd, string member) =>
        crd["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!["properties"]![member]!["properties"]!.AsObject();

    /// <summary>Notes which members of Datum's kinds are written.</summary>
    private sealed class Written(IKubernetesClient inner) : IKubernetesClient
    {
        public ConcurrentDictionary<string, bool> Paths { get; } = [];

        public Task<JsonObject?> DiscoverAsync(string path, CancellationToken cancellation) => inner.DiscoverAsync(path, cancellation);

        public Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject => inner.FindAsync(type, key, cancellation);

        public Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject => inner.ListAsync(type, options, cancellation);

        public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject => inner.CreateAsync(type, value, cancellation);

        public Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject
        {
            if (type.Group is "compute.datumapis.com" or "networking.datumapis.com")
                foreach (var member in (JsonNode?[])[patch.Body["spec"], patch.Body["status"]])
                    if (member is not null)
                        Note($"{type}", member, member == patch.Body["spec"] ? "spec" : "status");
            return inner.PatchAsync(type, key, patch, subresource, cancellation);
        }

        public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject => inner.DeleteAsync(type, key, preconditions, cancellation);

        public IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, CancellationToken cancellation) where T : KubeObject => inner.WatchAsync(type, options, cancellation);

        private void Note(string type, JsonNode? value, string path)
        {
            switch (value)
            {
                case JsonObject members:
                    foreach (var (name, inside) in members)
                        Note(type, inside, $"{path}.{name}");
                    break;
                case JsonArray list:
                    foreach (var item in list)
                        Note(type, item, $"{path}[]");
                    break;
                case not null:
                    Paths[$"{type} {path}"] = true;
                    break;
            }
        }
    }
}
