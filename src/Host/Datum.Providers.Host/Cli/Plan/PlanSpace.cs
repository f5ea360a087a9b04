using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Engine;
using Datum.Providers.Host.Composition;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Manifests;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Host.Cli.Plan;

/// <summary>The plane as it would be with the manifests applied: one listing a kind, manifests over it, in memory.</summary>
internal sealed class PlanSpace
{
    private readonly Dictionary<string, List<JsonObject>> _manifests = [];
    private readonly string _namespace;

    private PlanSpace(HomePlane home, ProjectPlane plane, string ns)
    {
        Home = home;
        Plane = plane;
        _namespace = ns;
    }

    public HomePlane Home { get; }
    public ProjectPlane Plane { get; }
    public ObjectCache<Workload> Workloads { get; } = new();

    /// <summary>The caches, empty: whoever needs indexes adds them before <see cref="FillAsync"/>.</summary>
    /// <param name="ns">Of objects whose manifest names none.</param>
    public static PlanSpace Create(IKubernetesClient client, InstallationVerdict verdict, string hostNamespace, string ns) => new(
        new HomePlane { Client = client, Installation = verdict.Installation, Namespace = hostNamespace, Entries = new ObjectCache<ManagedResource>(), Configs = new ObjectCache<ProviderConfig>() },
        new ProjectPlane
        {
            Id = verdict.Plane, Client = client, Locations = new ObjectCache<Location>(), ComputeLocations = new ObjectCache<Location>(), Networks = new ObjectCache<Network>(),
            NetworkContexts = new ObjectCache<NetworkContext>(), Subnets = new ObjectCache<Resources.Networking.Subnet>(), WorkloadDeployments = new ObjectCache<WorkloadDeployment>(), Instances = new ObjectCache<Instance>(),
        }, ns);

    /// <summary>Adds manifests, with the server's defaults in them.</summary>
    public Task AddAsync(IReadOnlyList<(Manifest Manifest, JsonObject Stored)> objects)
    {
        foreach (var (manifest, stored) in objects)
            Add(manifest, stored);
        return Task.CompletedTask;
    }

    private void Add(Manifest manifest, JsonObject stored)
    {
        var key = $"{manifest.ApiVersion}/{manifest.Kind}";
        if (!_manifests.TryGetValue(key, out var list))
            _manifests[key] = list = [];
        list.Add(stored);
    }

    /// <summary>Reads the plane. The result has the objects that the manifests make or change.</summary>
    public async Task<PlanTargets> FillAsync(CancellationToken cancellation)
    {
        var targets = new PlanTargets();
        await Fill(ResourceTypes.ManagedResources, Home.Entries, null, cancellation);
        await Fill(ResourceTypes.ProviderConfigs, Home.Configs, targets.Configs, cancellation);
        await Fill(ResourceTypes.Locations, Plane.Locations, targets.Locations, cancellation);
        await Fill(ResourceTypes.ComputeLocations, Plane.ComputeLocations, targets.Locations, cancellation, mayLack: true);
        await Fill(ResourceTypes.Networks, Plane.Networks, targets.Networks, cancellation);
        await Fill(ResourceTypes.NetworkContexts, Plane.NetworkContexts, null, cancellation);
        await Fill(ResourceTypes.Subnets, Plane.Subnets, null, cancellation);
        await Fill(ResourceTypes.Workloads, Workloads, targets.Workloads, cancellation);
        await Fill(ResourceTypes.WorkloadDeployments, Plane.WorkloadDeployments, null, cancellation);
        await Fill(ResourceTypes.Instances, Plane.Instances, targets.Instances, cancellation, after: static (now, live) =>
        {
            // What the core controllers wrote isn't in the user's manifest.
            now.Spec.Location ??= live.Spec.Location;
            now.Spec.Controller ??= live.Spec.Controller;
        });
        return targets;
    }

    private async Task Fill<T>(ResourceType<T> type, IObjectCache<T> cache, List<T>? targets, CancellationToken cancellation, bool mayLack = false, Action<T, T>? after = null) where T : KubeObject
    {
        var objects = new Dictionary<ObjectKey, T>();
        try
        {
            string? next = null;
            do
            {
                var page = await Plane.Client.ListAsync(type, new ListOptions { Limit = 500, Continue = next }, cancellation);
                if (page.Unreadable.Count > 0)
                    throw new CliException($"{type}: {page.Unreadable[0].Key} can't be read ({page.Unreadable[0].Reason}); nothing is planned on half a picture.");
                foreach (var item in page.Items)
                    objects[item.Key] = item;
                next = page.Continue;
            }
            while (!string.IsNullOrEmpty(next));
        }
        catch (KubernetesException e) when (mayLack && e.IsNotFound)
        {
            // The plane need not serve it.
        }
        foreach (var json in targets is null ? [] : _manifests.GetValueOrDefault($"{type.ApiVersion}/{type.Kind}") ?? [])
        {
            var now = json.Deserialize(type.Json)!;
            if (type.Namespaced)
                now.Metadata.Namespace ??= _namespace;
            var live = objects.GetValueOrDefault(now.Key);
            now = live is null ? now : Over(type, now, live);
            if (live is null)
                // A name of its own that no server gives: what it wants isn't in the ledger.
                (now.Metadata.Uid, now.Metadata.ResourceVersion) = ($"plan/{type.Kind}/{now.Key}", "1");
            else
                after?.Invoke(now, live);
            objects[now.Key] = now;
            targets!.Add(now);
        }
        ((ObjectCache<T>)cache).Replace([.. objects.Values], "1", []);
    }

    /// <summary>As kubectl apply leaves it: spec from the manifest; metadata and status of the live object stay, annotations and labels are merged.</summary>
    private static T Over<T>(ResourceType<T> type, T manifest, T live) where T : KubeObject
    {
        var json = JsonSerializer.SerializeToNode(live, type.Json)!.AsObject();
        json["spec"] = JsonSerializer.SerializeToNode(manifest, type.Json)!["spec"]?.DeepClone();
        var merged = json.Deserialize(type.Json)!;
        merged.Metadata.Annotations = Merge(live.Metadata.Annotations, manifest.Metadata.Annotations);
        merged.Metadata.Labels = Merge(live.Metadata.Labels, manifest.Metadata.Labels);
        return merged;
    }

    private static Dictionary<string, string>? Merge(Dictionary<string, string>? live, Dictionary<string, string>? manifest)
    {
        if (manifest is null)
            return live;
        var merged = new Dictionary<string, string>(live ?? [], StringComparer.Ordinal);
        foreach (var (key, value) in manifest)
            merged[key] = value;
        return merged;
    }
}

/// <summary>The objects that the manifests make or change, as they would be.</summary>
internal sealed class PlanTargets
{
    public List<Workload> Workloads { get; } = [];
    public List<Instance> Instances { get; } = [];
    public List<Network> Networks { get; } = [];
    public List<Location> Locations { get; } = [];
    public List<ProviderConfig> Configs { get; } = [];
}
