using Datum.Providers.ControlPlane.Ipam;
using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Networking;

/// <summary>
/// Says whether addresses can be allocated by what a Network asks for. Holds a Network until nothing uses it, then deletes its contexts and waits for them. A Network that instances still use is kept,
/// with a condition that names the bindings (law L7).
/// </summary>
internal sealed class NetworkController : CoreController
{
    public NetworkController(CorePlane plane, int workers) : base("network", plane, workers)
    {
        Own(plane.Caches.Networks);
        Watch(plane.Caches.NetworkContexts, c => [new ObjectKey(c.Metadata.Namespace, c.Spec.Network.Name)]);
        Watch(plane.Caches.NetworkBindings, b => [Names.NetworkOf(b)]);
    }

    protected override async Task<Result> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (Plane.Networks.Find(key) is not { } network)
            return Result.Settled;
        if (!network.IsDeleting)
        {
            await ReadyAsync(await Plane.Networks.AddFinalizerAsync(network, Finalizers.NetworkController, cancellation), cancellation);
            return Result.Settled;
        }

        if (!network.Metadata.HasFinalizer(Finalizers.NetworkController))
            return Result.Settled;
        // A binding that never got its context uses nothing, and gets none any more.
        var users = Plane.NetworkBindings.ByIndex(PlaneCaches.ByNetwork, key.ToString()).Where(b => b.Status?.NetworkContextRef is not null).ToList();
        if (users.Count > 0)
        {
            await BlockedAsync(network, $"In use by the network bindings {NamesOf(users)}.", cancellation);
            return Result.Settled;
        }

        foreach (var context in Plane.NetworkContexts.ByIndex(PlaneCaches.ByNetwork, key.ToString()))
            await Plane.NetworkContexts.DeleteAsync(context, cancellation);
        var left = Plane.NetworkContexts.ByIndex(PlaneCaches.ByNetwork, key.ToString());
        if (left.Count > 0)
            await BlockedAsync(network, $"Waits for the network contexts {NamesOf(left)}.", cancellation);
        else
            await Plane.Networks.RemoveFinalizerAsync(network, Finalizers.NetworkController, cancellation);
        return Result.Settled;
    }

    private async Task ReadyAsync(Network network, CancellationToken cancellation)
    {
        var after = Plane.Networks.Copy(network);
        var conditions = (after.Status ??= new()).Conditions ??= [];
        var (status, reason, message) = IpamWish.Problem(network) is { } problem
            ? (ConditionStatus.False, problem.Reason, problem.Message)
            : (ConditionStatus.True, Reasons.Ready, "Its ranges can be allocated from.");
        Conditions.Set(conditions, ConditionTypes.Ready, status, reason, message, network.Metadata.Generation, Plane.Now);
        await Plane.Networks.UpdateStatusAsync(network, after, cancellation);
        await Plane.TellAsync(ResourceTypes.Networks, network, ConditionTypes.Ready, network.Status?.Conditions, conditions, cancellation);
    }

    private async Task BlockedAsync(Network network, string message, CancellationToken cancellation)
    {
        var after = Plane.Networks.Copy(network);
        Conditions.Set((after.Status ??= new()).Conditions ??= [], ConditionTypes.DeletionBlocked, ConditionStatus.True, Reasons.DependentsExist,
            message, network.Metadata.Generation, Plane.Now);
        await Plane.Networks.UpdateStatusAsync(network, after, cancellation);
    }
}
