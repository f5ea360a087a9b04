using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Networking;

/// <summary>Keeps a context's Ready condition, and takes claims and Subnets away before the context goes (law L7).</summary>
internal sealed class NetworkContextController : CoreController
{
    public NetworkContextController(CorePlane plane, int workers) : base("networkcontext", plane, workers)
    {
        Own(plane.Caches.NetworkContexts);
        Watch(plane.Caches.SubnetClaims, c => [new ObjectKey(c.Metadata.Namespace, c.Spec.NetworkContext.Name)]);
        Watch(plane.Caches.Subnets, s => [new ObjectKey(s.Metadata.Namespace, s.Spec.NetworkContext.Name)]);
        Watch(plane.Caches.Networks, n => plane.Caches.Networks.Find(n.Key)?.Metadata.Uid == n.Metadata.Uid
            ? []
            : plane.NetworkContexts.ByIndex(PlaneCaches.ByNetwork, n.Key.ToString()).Select(c => c.Key));
    }

    protected override async Task<Result> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (Plane.NetworkContexts.Find(key) is not { } context)
            return Result.Settled;
        if (context.IsDeleting)
        {
            await FinalizeAsync(context, cancellation);
            return Result.Settled;
        }

        if (context.Metadata.ControllerOwner is { } owner && owner.Kind == ResourceTypes.Networks.Kind
            && await Plane.Networks.IsGoneAsync(key.Namespace, owner, cancellation))
        {
            await Plane.NetworkContexts.DeleteAsync(context, cancellation);
            return Result.Settled;
        }

        context = await Plane.NetworkContexts.AddFinalizerAsync(context, Finalizers.NetworkController, cancellation);
        var ready = NetworkReadiness.OfContext(context);
        var after = Plane.NetworkContexts.Copy(context);
        Conditions.Set((after.Status ??= new()).Conditions ??= [], ConditionTypes.Ready, ready.Status, ready.Reason, ready.Message, context.Metadata.Generation, Plane.Now);
        await Plane.NetworkContexts.UpdateStatusAsync(context, after, cancellation);
        return Result.Settled;
    }

    private async Task FinalizeAsync(NetworkContext context, CancellationToken cancellation)
    {
        if (!context.Metadata.HasFinalizer(Finalizers.NetworkController))
            return;
        var name = context.Key.ToString();
        // The claim first: it would make its Subnet again.
        foreach (var claim in Plane.SubnetClaims.ByIndex(PlaneCaches.ByContext, name))
            await Plane.SubnetClaims.DeleteAsync(claim, cancellation);
        foreach (var subnet in Plane.Subnets.ByIndex(PlaneCaches.ByContext, name))
            await Plane.Subnets.DeleteAsync(subnet, cancellation);

        var left = Plane.SubnetClaims.ByIndex(PlaneCaches.ByContext, name).Concat<KubeObject>(Plane.Subnets.ByIndex(PlaneCaches.ByContext, name)).ToList();
        if (left.Count == 0)
        {
            await Plane.NetworkContexts.RemoveFinalizerAsync(context, Finalizers.NetworkController, cancellation);
            return;
        }

        var after = Plane.NetworkContexts.Copy(context);
        Conditions.Set((after.Status ??= new()).Conditions ??= [], ConditionTypes.DeletionBlocked, ConditionStatus.True, Reasons.DependentsExist,
            $"Waits for the subnets {NamesOf(left)}.", context.Metadata.Generation, Plane.Now);
        await Plane.NetworkContexts.UpdateStatusAsync(context, after, cancellation);
    }
}
