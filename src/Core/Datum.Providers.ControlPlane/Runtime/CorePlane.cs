using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.ControlPlane.Runtime;

/// <summary>What every core controller works with.</summary>
internal sealed class CorePlane(
    IKubernetesClient client, PlaneCaches caches, IScheduler scheduler, ILoggerFactory loggers, Func<ObjectReference, string, string, CancellationToken, ValueTask>? warn = null)
{
    public IKubernetesClient Client => client;
    public PlaneCaches Caches => caches;
    public IScheduler Scheduler => scheduler;
    public ILoggerFactory Loggers => loggers;
    public DateTimeOffset Now => scheduler.Time.GetUtcNow();

    public Stored<Workload> Workloads { get; } = Stored(client, ResourceTypes.Workloads, caches.Workloads, scheduler, loggers);
    public Stored<WorkloadDeployment> WorkloadDeployments { get; } = Stored(client, ResourceTypes.WorkloadDeployments, caches.WorkloadDeployments, scheduler, loggers);
    public Stored<Instance> Instances { get; } = Stored(client, ResourceTypes.Instances, caches.Instances, scheduler, loggers);
    public Stored<Network> Networks { get; } = Stored(client, ResourceTypes.Networks, caches.Networks, scheduler, loggers);
    public Stored<NetworkBinding> NetworkBindings { get; } = Stored(client, ResourceTypes.NetworkBindings, caches.NetworkBindings, scheduler, loggers);
    public Stored<NetworkContext> NetworkContexts { get; } = Stored(client, ResourceTypes.NetworkContexts, caches.NetworkContexts, scheduler, loggers);
    public Stored<SubnetClaim> SubnetClaims { get; } = Stored(client, ResourceTypes.SubnetClaims, caches.SubnetClaims, scheduler, loggers);
    public Stored<Subnet> Subnets { get; } = Stored(client, ResourceTypes.Subnets, caches.Subnets, scheduler, loggers);

    public Stored<NetworkPolicy>? NetworkPolicies { get; } =
        caches.NetworkPolicies is { } policies ? Stored(client, ResourceTypes.NetworkPolicies, policies, scheduler, loggers) : null;

    /// <summary>What is in a Location and what deployments that were assigned to it will still make.</summary>
    /// <param name="except">The UID of a deployment whose coming instances don't count: it is they that are to be placed.</param>
    public int InstancesAt(Location location, string? except = null)
    {
        var place = location.Key.ToString();
        var coming = WorkloadDeployments.ByIndex(PlaneCaches.ByLocation, place).Where(d => !d.IsDeleting && d.Metadata.Uid != except)
            .Sum(d => Math.Max(0, d.Spec.ScaleSettings.MinReplicas - Instances.ByIndex(PlaneCaches.ByOwner, d.Metadata.Uid ?? "").Count));
        return Instances.ByIndex(PlaneCaches.ByLocation, place).Count + coming;
    }

    /// <summary>A reference to an owner that controls the object, or only owns it.</summary>
    public static OwnerReference Owner<T>(ResourceType<T> type, T owner, bool controller = true) where T : KubeObject => new()
    {
        ApiVersion = type.ApiVersion,
        Kind = type.Kind,
        Name = owner.Metadata.Name ?? "",
        Uid = owner.Metadata.Uid ?? "",
        Controller = controller ? true : null,
        BlockOwnerDeletion = controller ? true : null,
    };

    /// <summary>
    /// Tells a person once that a condition has a new reason to be False; nothing is said again that the object said before. Call it after the write.
    /// The same reason after an edit is told again: the correction didn't help.
    /// </summary>
    public async Task TellAsync<T>(ResourceType<T> type, T value, string condition, List<Condition>? before, List<Condition>? after, CancellationToken cancellation) where T : KubeObject
    {
        if (warn is null || Conditions.Find(after, condition) is not { Status: ConditionStatus.False } now)
            return;
        var was = Conditions.Find(before, condition);
        if (was is { Status: ConditionStatus.False } && was.Reason == now.Reason && was.ObservedGeneration == now.ObservedGeneration)
            return;
        await warn(
            new ObjectReference { ApiVersion = type.ApiVersion, Kind = type.Kind, Namespace = value.Metadata.Namespace, Name = value.Metadata.Name, Uid = value.Metadata.Uid },
            now.Reason, now.Message, cancellation);
    }

    private static Stored<T> Stored<T>(IKubernetesClient client, ResourceType<T> type, IObjectCache<T> cache, IScheduler scheduler, ILoggerFactory loggers) where T : KubeObject =>
        new(client, type, cache, scheduler.Time, loggers.CreateLogger("Datum.Providers.ControlPlane.store"));
}
