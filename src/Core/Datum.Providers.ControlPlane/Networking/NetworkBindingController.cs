using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Networking;

/// <summary>NetworkBinding to NetworkContext. The context outlives its bindings, as upstream has it; it goes with the Network.</summary>
internal sealed class NetworkBindingController : CoreController
{
    public NetworkBindingController(CorePlane plane, int workers) : base("networkbinding", plane, workers)
    {
        Own(plane.Caches.NetworkBindings);
        Watch(plane.Caches.Networks, n => plane.NetworkBindings.ByIndex(PlaneCaches.ByNetwork, n.Key.ToString()).Select(b => b.Key));
        Watch(plane.Caches.NetworkContexts, c => plane.NetworkBindings.ByIndex(PlaneCaches.ByContext, c.Key.ToString()).Select(b => b.Key));
        Watch(plane.Caches.WorkloadDeployments, d => plane.Caches.WorkloadDeployments.Find(d.Key)?.Metadata.Uid == d.Metadata.Uid
            ? []
            : plane.NetworkBindings.ByIndex(PlaneCaches.ByOwner, d.Metadata.Uid ?? "").Select(b => b.Key));
    }

    protected override async Task<Result> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (Plane.NetworkBindings.Find(key) is not { IsDeleting: false } binding)
            return Result.Settled;
        if (binding.Metadata.ControllerOwner is { } owner && owner.Kind == ResourceTypes.WorkloadDeployments.Kind
            && await Plane.WorkloadDeployments.IsGoneAsync(key.Namespace, owner, cancellation))
        {
            await Plane.NetworkBindings.DeleteAsync(binding, cancellation);
            return Result.Settled;
        }

        var after = Plane.NetworkBindings.Copy(binding);
        var status = after.Status ??= new();
        var (context, problem) = await ContextAsync(binding, cancellation);
        if (context is not null)
            status.NetworkContextRef = new NetworkContextReference { Namespace = context.Metadata.Namespace ?? "", Name = context.Metadata.Name ?? "" };
        var ready = problem ?? NetworkReadiness.OfBinding(context!);
        Conditions.Set(status.Conditions ??= [], ConditionTypes.Ready, ready.Status, ready.Reason, ready.Message, binding.Metadata.Generation, Plane.Now);
        await Plane.NetworkBindings.UpdateStatusAsync(binding, after, cancellation);
        return Result.Settled;
    }

    private async Task<(NetworkContext? Context, NetworkReadiness? Problem)> ContextAsync(NetworkBinding binding, CancellationToken cancellation)
    {
        var networkKey = Names.NetworkOf(binding);
        if (Plane.Networks.Find(networkKey) is not { } network)
            return (null, NetworkReadiness.False(Reasons.NetworkNotFound, $"There is no Network {networkKey}."));

        var contextKey = Names.ContextOf(binding);
        if (Plane.NetworkContexts.Find(contextKey) is not { } context)
        {
            return network.IsDeleting
                ? (null, NetworkReadiness.False(Reasons.NetworkNotFound, $"The Network {networkKey} is being deleted."))
                : (await Plane.NetworkContexts.CreateAsync(NewContext(network, contextKey, binding.Spec.Location), cancellation), null);
        }

        if (context.Spec.Network.Name != network.Metadata.Name || context.Spec.Location.Key != binding.Spec.Location.Key)
        {
            return (null, NetworkReadiness.False(Reasons.Conflict,
                $"NetworkContext {contextKey} is that of Network {context.Spec.Network.Name} in Location {context.Spec.Location.Key}; rename a Network or a Location."));
        }

        return context.Metadata.ControllerOwner is { } owner && owner.Uid != network.Metadata.Uid
            ? (null, NetworkReadiness.False(Reasons.NetworkContextNotReady, $"NetworkContext {contextKey} belongs to an earlier Network and has to go first."))
            : (context, null);
    }

    private static NetworkContext NewContext(Network network, ObjectKey key, LocationReference location)
    {
        var context = new NetworkContext
        {
            Spec = new NetworkContextSpec
            {
                Network = new LocalReference { Name = network.Metadata.Name ?? "" },
                Location = new LocationReference { Name = location.Name, Namespace = location.Namespace },
            },
        };
        context.Metadata.Name = key.Name;
        context.Metadata.Namespace = key.Namespace;
        context.Metadata.Finalizers = [Finalizers.NetworkController];
        context.Metadata.OwnerReferences = [CorePlane.Owner(ResourceTypes.Networks, network)];
        return context;
    }
}
