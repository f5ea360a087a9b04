using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.ControlPlane.Runtime;

/// <summary>What every core controller works with.</summary>
internal sealed class CorePlane(IKubernetesClient client, PlaneCaches caches, IScheduler scheduler, ILoggerFactory loggers)
{
    public PlaneCaches Caches => caches;
    public IScheduler Scheduler => scheduler;
    public ILoggerFactory Loggers => loggers;
    public DateTimeOffset Now => scheduler.Time.GetUtcNow();

    public Stored<Workload> Workloads { get; } = new(client, ResourceTypes.Workloads, caches.Workloads);
    public Stored<WorkloadDeployment> WorkloadDeployments { get; } = new(client, ResourceTypes.WorkloadDeployments, caches.WorkloadDeployments);
    public Stored<Instance> Instances { get; } = new(client, ResourceTypes.Instances, caches.Instances);
    public Stored<Network> Networks { get; } = new(client, ResourceTypes.Networks, caches.Networks);
    public Stored<NetworkBinding> NetworkBindings { get; } = new(client, ResourceTypes.NetworkBindings, caches.NetworkBindings);
    public Stored<NetworkContext> NetworkContexts { get; } = new(client, ResourceTypes.NetworkContexts, caches.NetworkContexts);
    public Stored<SubnetClaim> SubnetClaims { get; } = new(client, ResourceTypes.SubnetClaims, caches.SubnetClaims);
    public Stored<Subnet> Subnets { get; } = new(client, ResourceTypes.Subnets, caches.Subnets);

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
}
