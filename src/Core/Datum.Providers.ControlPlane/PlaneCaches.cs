using Datum.Providers.ControlPlane.Compute;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane;

/// <summary>Gives the cache of a kind: a new one that the caller fills, or one that the process has already (without objects yet).</summary>
public interface ICacheFactory
{
    /// <summary>Null when the plane doesn't serve the kind; allowed for <see cref="ResourceTypes.ComputeLocations"/> and <see cref="ResourceTypes.NetworkPolicies"/>.</summary>
    IObjectCache<T>? Cache<T>(ResourceType<T> type) where T : KubeObject;
}

/// <summary>
/// What one plane holds of the Datum kinds, with the indexes that the core controllers read. The caches can be shared with whoever
/// else reads the plane; the names of our indexes start with <c>core/</c>.
/// </summary>
public sealed class PlaneCaches
{
    internal const string ByNetwork = "core/network";
    internal const string ByWorkload = "core/workload-uid";
    internal const string ByLocation = "core/location";
    internal const string Movable = "core/movable";
    internal const string ByOwner = "core/owner-uid";
    internal const string ByContext = "core/context";
    internal const string Waiting = "core/waiting";

    public PlaneCaches(ICacheFactory factory)
    {
        ArgumentNullException.ThrowIfNull(factory);
        Workloads = Required(factory, ResourceTypes.Workloads);
        WorkloadDeployments = Required(factory, ResourceTypes.WorkloadDeployments);
        Instances = Required(factory, ResourceTypes.Instances);
        Locations = Required(factory, ResourceTypes.Locations);
        ComputeLocations = factory.Cache(ResourceTypes.ComputeLocations);
        Networks = Required(factory, ResourceTypes.Networks);
        NetworkBindings = Required(factory, ResourceTypes.NetworkBindings);
        NetworkContexts = Required(factory, ResourceTypes.NetworkContexts);
        SubnetClaims = Required(factory, ResourceTypes.SubnetClaims);
        Subnets = Required(factory, ResourceTypes.Subnets);
        NetworkPolicies = factory.Cache(ResourceTypes.NetworkPolicies);
        AddIndexes();
    }

    public IObjectCache<Workload> Workloads { get; }
    public IObjectCache<WorkloadDeployment> WorkloadDeployments { get; }
    public IObjectCache<Instance> Instances { get; }
    public IObjectCache<Location> Locations { get; }
    /// <summary>Null where the plane has no Location in the compute group.</summary>
    public IObjectCache<Location>? ComputeLocations { get; }
    public IObjectCache<Network> Networks { get; }
    public IObjectCache<NetworkBinding> NetworkBindings { get; }
    public IObjectCache<NetworkContext> NetworkContexts { get; }
    public IObjectCache<SubnetClaim> SubnetClaims { get; }
    public IObjectCache<Subnet> Subnets { get; }
    /// <summary>Only answered, so nobody waits for it. Null where the plane has none.</summary>
    public IObjectCache<NetworkPolicy>? NetworkPolicies { get; }

    /// <summary>Completes when every cache has its first complete list.</summary>
    public Task WaitForSyncAsync(CancellationToken cancellation) => Task.WhenAll(
        Workloads.WaitForSyncAsync(cancellation),
        WorkloadDeployments.WaitForSyncAsync(cancellation),
        Instances.WaitForSyncAsync(cancellation),
        Locations.WaitForSyncAsync(cancellation),
        ComputeLocations?.WaitForSyncAsync(cancellation) ?? Task.CompletedTask,
        Networks.WaitForSyncAsync(cancellation),
        NetworkBindings.WaitForSyncAsync(cancellation),
        NetworkContexts.WaitForSyncAsync(cancellation),
        SubnetClaims.WaitForSyncAsync(cancellation),
        Subnets.WaitForSyncAsync(cancellation));

    /// <summary>The Locations that objects in a namespace can use: those of that namespace and of cluster scope. Networking's win over compute's of the same name.</summary>
    internal IReadOnlyList<Location> LocationsFor(string? ns)
    {
        var found = new Dictionary<ObjectKey, Location>();
        foreach (var location in (ComputeLocations?.All() ?? []).Concat(Locations.All()))
        {
            if (location.Metadata.Namespace is null || location.Metadata.Namespace == ns)
                found[location.Key] = location;
        }

        return [.. found.Values.OrderBy(l => l.Metadata.Name, StringComparer.Ordinal).ThenBy(l => l.Metadata.Namespace, StringComparer.Ordinal)];
    }

    private void AddIndexes()
    {
        Workloads.AddIndex(ByNetwork, w => Names.NetworkKeys(w.Spec.Template.Spec, w.Metadata.Namespace).Select(k => k.ToString()));
        WorkloadDeployments.AddIndex(ByWorkload, d => [d.Spec.WorkloadRef.Uid]);
        WorkloadDeployments.AddIndex(ByLocation, d => d.Status?.Location is { } location ? [location.Key.ToString()] : []);
        WorkloadDeployments.AddIndex(Waiting, d => d.Status?.Location is null ? [""] : []);
        WorkloadDeployments.AddIndex(Movable, d => DeploymentOptions.Of(d).Fallback ? [""] : []);
        Instances.AddIndex(ByOwner, i => OwnerUids(i, i.Metadata.Label(Labels.WorkloadDeploymentUid)));
        Instances.AddIndex(ByLocation, i => i.Spec.Location is { } location ? [location.Key.ToString()] : []);
        NetworkBindings.AddIndex(ByOwner, b => OwnerUids(b, null));
        NetworkBindings.AddIndex(ByNetwork, b => [Names.NetworkOf(b).ToString()]);
        NetworkBindings.AddIndex(ByContext, b => [Names.ContextOf(b).ToString()]);
        NetworkContexts.AddIndex(ByNetwork, c => [new ObjectKey(c.Metadata.Namespace, c.Spec.Network.Name).ToString()]);
        SubnetClaims.AddIndex(ByContext, c => [new ObjectKey(c.Metadata.Namespace, c.Spec.NetworkContext.Name).ToString()]);
        Subnets.AddIndex(ByContext, s => [new ObjectKey(s.Metadata.Namespace, s.Spec.NetworkContext.Name).ToString()]);
        Subnets.AddIndex(Waiting, s => Conditions.IsTrue(s.Status?.Conditions, ConditionTypes.Allocated) ? [] : [""]);
    }

    private static IEnumerable<string> OwnerUids(KubeObject value, string? more) =>
        new[] { value.Metadata.ControllerOwner?.Uid, more }.Where(uid => !string.IsNullOrEmpty(uid)).Select(uid => uid!).Distinct(StringComparer.Ordinal);

    private static IObjectCache<T> Required<T>(ICacheFactory factory, ResourceType<T> type) where T : KubeObject =>
        factory.Cache(type) ?? throw new InvalidOperationException($"The core controllers need a cache of {type}.");
}
