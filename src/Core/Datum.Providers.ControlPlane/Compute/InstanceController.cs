using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>Keeps an Instance's Ready condition. Programmed and Running are the provider's; they are only read.</summary>
internal sealed class InstanceController : CoreController
{
    public InstanceController(CorePlane plane, int workers) : base("instance", plane, workers)
    {
        Own(plane.Caches.Instances);
        Watch(plane.Caches.NetworkBindings, b => OfDeployment(b.Metadata.ControllerOwner?.Uid));
        Watch(plane.Caches.WorkloadDeployments, d => plane.Caches.WorkloadDeployments.Find(d.Key)?.Metadata.Uid == d.Metadata.Uid ? [] : OfDeployment(d.Metadata.Uid));
    }

    protected override async Task<Result> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (Plane.Instances.Find(key) is not { } instance)
            return Result.Settled;
        var owner = instance.Metadata.ControllerOwner;
        if (!instance.IsDeleting && owner?.Kind == ResourceTypes.WorkloadDeployments.Kind
            && await Plane.WorkloadDeployments.IsGoneAsync(key.Namespace, owner, cancellation))
        {
            await Plane.Instances.DeleteAsync(instance, cancellation);
            return Result.Settled;
        }

        var failure = owner is null
            ? null
            : Plane.NetworkBindings.ByIndex(PlaneCaches.ByOwner, owner.Uid)
                .Select(b => Conditions.Find(b.Status?.Conditions, ConditionTypes.Ready))
                .FirstOrDefault(c => c is { Status: ConditionStatus.False, Reason: Reasons.NetworkFailedToCreate })?.Message;
        var ready = InstanceReadiness.Decide(instance, failure);
        var after = Plane.Instances.Copy(instance);
        Conditions.Set((after.Status ??= new()).Conditions ??= [], ConditionTypes.Ready, ready.Status, ready.Reason, ready.Message, instance.Metadata.Generation, Plane.Now);
        await Plane.Instances.UpdateStatusAsync(instance, after, cancellation);
        return Result.Settled;
    }

    private IEnumerable<ObjectKey> OfDeployment(string? uid) =>
        uid is null ? [] : Plane.Instances.ByIndex(PlaneCaches.ByOwner, uid).Select(i => i.Key);
}
