using System.Runtime.CompilerServices;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Export;

/// <summary>
/// Series of what a plane's namespaces hold, from what the objects themselves say. They are made once for each version of an object:
/// a round over an estate at rest allocates nothing for it. docs/reference/series.md lists them.
/// </summary>
public sealed class PlaneSeries : ISeriesSource
{
    private const string Compute = "compute.datumapis.com";
    private const string Networking = "networking.datumapis.com";

    private readonly IObjectCache<Workload> _workloads;
    private readonly IObjectCache<WorkloadDeployment> _deployments;
    private readonly IObjectCache<Instance> _instances;
    private readonly IObjectCache<Network> _networks;
    private readonly IObjectCache<Location> _locations;
    private readonly IObjectCache<Location>? _computeLocations;
    private readonly ConditionalWeakTable<KubeObject, Made> _made = [];

    public PlaneSeries(ICacheFactory caches)
    {
        ArgumentNullException.ThrowIfNull(caches);
        _workloads = caches.Cache(ResourceTypes.Workloads)!;
        _deployments = caches.Cache(ResourceTypes.WorkloadDeployments)!;
        _instances = caches.Cache(ResourceTypes.Instances)!;
        _networks = caches.Cache(ResourceTypes.Networks)!;
        _locations = caches.Cache(ResourceTypes.Locations)!;
        _computeLocations = caches.Cache(ResourceTypes.ComputeLocations);
    }

    /// <summary>Completes when every cache has its first complete list.</summary>
    public Task WaitForSyncAsync(CancellationToken cancellation) => Task.WhenAll(_workloads.WaitForSyncAsync(cancellation), _deployments.WaitForSyncAsync(cancellation),
        _instances.WaitForSyncAsync(cancellation), _networks.WaitForSyncAsync(cancellation), _locations.WaitForSyncAsync(cancellation),
        _computeLocations?.WaitForSyncAsync(cancellation) ?? Task.CompletedTask);

    public void Collect(IReadOnlySet<string> namespaces, SeriesReceiver take)
    {
        ArgumentNullException.ThrowIfNull(namespaces);
        ArgumentNullException.ThrowIfNull(take);
        Each(_workloads, namespaces, take, static _ => default, static (w, _) => Of(w));
        Each(_deployments, namespaces, take, d => new Beside(DriverAt(d.Status?.Location), d.Spec.WorkloadRef.Name), static (d, beside) => Of(d, beside));
        Each(_instances, namespaces, take, i => new Beside(DriverAt(i.Spec.Location), WorkloadOf(i)), static (i, beside) => Of(i, beside));
        Each(_networks, namespaces, take, static _ => default, static (n, _) => Of(n));
    }

    /// <param name="beside">What of other objects the labels hold; when it changes they are made anew.</param>
    private void Each<T>(IObjectCache<T> cache, IReadOnlySet<string> namespaces, SeriesReceiver take, Func<T, Beside> beside, Func<T, Beside, List<(Series, double)>> make) where T : KubeObject
    {
        foreach (var value in cache.All())
        {
            if (value.Metadata.Namespace is not { } ns || !namespaces.Contains(ns))
                continue;
            var other = beside(value);
            if (!_made.TryGetValue(value, out var made) || made.Beside != other)
            {
                made = new Made(other, [.. make(value, other)]);
                _made.AddOrUpdate(value, made);
            }

            foreach (var (series, number) in made.All)
                take(ns, series, number);
        }
    }

    private static List<(Series, double)> Of(Workload workload)
    {
        KeyValuePair<string, string?>[] labels = [.. About(workload, Compute, "Workload"), new("workload", workload.Metadata.Name)];
        var found = new List<(Series, double)>();
        AddCondition(found, "datum_workload_available", labels, workload.Status?.Conditions, ConditionTypes.Available);
        if (workload.Status is { } status)
            AddReplicas(found, "datum_workload_replicas", labels, status.DesiredReplicas, status.Replicas, status.ReadyReplicas);
        return found;
    }

    private static List<(Series, double)> Of(WorkloadDeployment deployment, Beside beside)
    {
        KeyValuePair<string, string?>[] labels =
        [
            .. About(deployment, Compute, "WorkloadDeployment"), new("workload", beside.Workload), new("deployment", deployment.Metadata.Name),
            new("city_code", deployment.Spec.CityCode), new("location", deployment.Status?.Location?.Name), new("driver", beside.Driver),
        ];
        var found = new List<(Series, double)>();
        AddCondition(found, "datum_workloaddeployment_available", labels, deployment.Status?.Conditions, ConditionTypes.Available);
        if (deployment.Status is { } status)
            AddReplicas(found, "datum_workloaddeployment_replicas", labels, status.DesiredReplicas, status.Replicas, status.ReadyReplicas);
        return found;
    }

    private static List<(Series, double)> Of(Instance instance, Beside beside)
    {
        KeyValuePair<string, string?>[] labels =
        [
            .. About(instance, Compute, "Instance"), new("instance", instance.Metadata.Name), new("deployment", DeploymentOf(instance)),
            new("workload", beside.Workload), new("location", instance.Spec.Location?.Name), new("driver", beside.Driver),
        ];
        var found = new List<(Series, double)>();
        var conditions = instance.Status?.Conditions;
        foreach (var (type, metric) in new[] { (ConditionTypes.Ready, "datum_instance_ready"), (ConditionTypes.Programmed, "datum_instance_programmed"), (ConditionTypes.Running, "datum_instance_running") })
            AddCondition(found, metric, labels, conditions, type);
        if (instance.Metadata.CreationTimestamp is { } created)
        {
            found.Add((Series.Of("datum_instance_created_timestamp_seconds", labels), created.ToUnixTimeSeconds()));
            if (Conditions.Find(conditions, ConditionTypes.Ready) is { Status: ConditionStatus.True, LastTransitionTime: { } ready })
            {
                found.Add((Series.Of("datum_instance_ready_since_timestamp_seconds", labels), ready.ToUnixTimeSeconds()));
                found.Add((Series.Of("datum_instance_ready_after_seconds", labels), (ready - created).TotalSeconds));
            }
        }

        if (instance.Status is { } status)
        {
            var addresses = (status.NetworkInterfaces ?? []).Select(i => i.Assignments).Sum(a => (string.IsNullOrEmpty(a?.NetworkIP) ? 0 : 1) + (string.IsNullOrEmpty(a?.ExternalIP) ? 0 : 1));
            found.Add((Series.Of("datum_instance_addresses", labels), addresses));
        }

        return found;
    }

    private static List<(Series, double)> Of(Network network)
    {
        var found = new List<(Series, double)>();
        AddCondition(found, "datum_network_ready", [.. About(network, Networking, "Network"), new("network", network.Metadata.Name)], network.Status?.Conditions, ConditionTypes.Ready);
        return found;
    }

    /// <summary>The names that every series of an object has.</summary>
    private static KeyValuePair<string, string?>[] About(KubeObject value, string service, string kind) =>
        [new("service_name", service), new("resource_kind", kind), new("resource_name", value.Metadata.Name), new("namespace", value.Metadata.Namespace)];

    /// <summary>1 True, 0 False; nothing while it is Unknown or wasn't told.</summary>
    private static void AddCondition(List<(Series, double)> to, string metric, KeyValuePair<string, string?>[] labels, List<Condition>? conditions, string type)
    {
        if (Conditions.Find(conditions, type) is { Status: not ConditionStatus.Unknown } found)
            to.Add((Series.Of(metric, labels), found.Status == ConditionStatus.True ? 1 : 0));
    }

    private static void AddReplicas(List<(Series, double)> to, string metric, KeyValuePair<string, string?>[] labels, int desired, int all, int ready)
    {
        foreach (var (state, number) in new[] { ("desired", desired), ("existing", all), ("ready", ready) })
            to.Add((Series.Of(metric, [.. labels, new("state", state)]), number));
    }

    private static string? DeploymentOf(Instance instance) => instance.Metadata.ControllerOwner is { Kind: "WorkloadDeployment" } owner ? owner.Name : null;

    private string? WorkloadOf(Instance instance) =>
        DeploymentOf(instance) is { } deployment ? _deployments.Find(new ObjectKey(instance.Metadata.Namespace, deployment))?.Spec.WorkloadRef.Name : null;

    /// <summary>The driver of a Location; empty while it isn't known.</summary>
    private string DriverAt(LocationReference? reference)
    {
        if (reference is null || (_locations.Find(reference.Key) ?? _computeLocations?.Find(reference.Key)) is not { } location)
            return "";
        if (location.Spec.Provider is { Count: 1 } provider && !(location.Metadata.Annotations?.ContainsKey(Annotations.Provider) ?? false))
        {
            foreach (var driver in provider.Keys)
                return driver;
        }

        return LocationBlock.TryRead(location, out var block, out _) ? block.Driver : "";
    }

    /// <summary>What the labels of an object hold of other objects.</summary>
    private readonly record struct Beside(string? Driver, string? Workload);

    /// <summary>The series of one version of an object.</summary>
    private sealed record Made(Beside Beside, (Series Series, double Value)[] All);
}
