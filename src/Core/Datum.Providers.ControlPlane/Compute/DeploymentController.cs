using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>WorkloadDeployment to Instances and to the networks that they need, and their state back.</summary>
internal sealed class DeploymentController : CoreController
{
    private readonly DeploymentNetworks _networks;

    public DeploymentController(CorePlane plane, int workers) : base("workloaddeployment", plane, workers)
    {
        _networks = new(plane);
        var caches = plane.Caches;
        Own(caches.WorkloadDeployments);
        Watch(caches.Workloads, w => plane.WorkloadDeployments.ByIndex(PlaneCaches.ByWorkload, w.Metadata.Uid ?? "").Select(d => d.Key));
        Watch(caches.Instances, i => OwnerKey(i, ResourceTypes.WorkloadDeployments.Kind));
        Watch(caches.NetworkBindings, b => OwnerKey(b, ResourceTypes.WorkloadDeployments.Kind));
        Watch(caches.NetworkContexts, c => OfContext(c.Key));
        Watch(caches.SubnetClaims, c => OfContext(new(c.Metadata.Namespace, c.Spec.NetworkContext.Name)));
        Watch(caches.Subnets, s => OfContext(new(s.Metadata.Namespace, s.Spec.NetworkContext.Name)));
        Watch(caches.Networks, n => plane.NetworkBindings.ByIndex(PlaneCaches.ByNetwork, n.Key.ToString()).SelectMany(b => OwnerKey(b, ResourceTypes.WorkloadDeployments.Kind)));
    }

    protected override async Task<Result> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (Plane.WorkloadDeployments.Find(key) is not { } deployment)
            return Result.Settled;
        if (deployment.IsDeleting)
        {
            await FinalizeAsync(deployment, cancellation);
            return Result.Settled;
        }

        if (deployment.Metadata.ControllerOwner is { } owner && owner.Kind == ResourceTypes.Workloads.Kind
            && await Plane.Workloads.IsGoneAsync(key.Namespace, owner, cancellation))
        {
            await Plane.WorkloadDeployments.DeleteAsync(deployment, cancellation);
            return Result.Settled;
        }

        deployment = await Plane.WorkloadDeployments.AddFinalizerAsync(deployment, Finalizers.WorkloadController, cancellation);
        if (deployment.Status?.Location is not { } location)
            return Result.Settled;

        var hash = TemplateHash.Of(deployment.Spec.Template);
        var action = Next(deployment, hash);
        if (action is not null && await CarryOutAsync(deployment, action, hash, cancellation))
            action = Next(deployment, hash);
        var networkProblem = await _networks.EnsureAsync(deployment, location, cancellation);
        if (networkProblem is null)
            await OpenGatesAsync(deployment, cancellation);

        var after = Plane.WorkloadDeployments.Copy(deployment);
        after.Status = DeploymentStatusPlan.Compute(deployment, Owned(deployment), hash, networkProblem, action, Plane.Now);
        await Plane.WorkloadDeployments.UpdateStatusAsync(deployment, after, cancellation);
        return Result.Settled;
    }

    private InstanceAction? Next(WorkloadDeployment deployment, string hash)
    {
        if (DeploymentStatusPlan.Refusal(deployment) is not null)
            return null;
        var actions = InstancePlan.Decide(deployment, Owned(deployment), hash, name => Plane.Instances.Find(new(deployment.Metadata.Namespace, name)));
        return actions.Count == 0 ? null : actions[0];
    }

    private IReadOnlyList<Instance> Owned(WorkloadDeployment deployment) => Plane.Instances.ByIndex(PlaneCaches.ByOwner, deployment.Metadata.Uid ?? "");

    /// <summary>Returns false when there was nothing to do but wait. Only one action is carried out a pass.</summary>
    private async Task<bool> CarryOutAsync(WorkloadDeployment deployment, InstanceAction action, string hash, CancellationToken cancellation)
    {
        switch (action.Kind)
        {
            case InstanceActionKind.Create:
                var owner = CorePlane.Owner(ResourceTypes.WorkloadDeployments, deployment);
                await Plane.Instances.CreateAsync(InstancePlan.New(deployment, action.Ordinal, hash, owner), cancellation);
                return true;
            case InstanceActionKind.Update:
                await Plane.Instances.UpdateAsync(action.Current!, InstancePlan.Updated(deployment, action.Current!, action.Ordinal, hash), cancellation);
                return true;
            case InstanceActionKind.Delete:
                // Decided anew on what the server says now; the cache may not know that the number was raised again.
                var live = await Plane.WorkloadDeployments.RefreshAsync(deployment.Key, deployment.Metadata.Uid, cancellation);
                if (live?.Metadata.Uid != deployment.Metadata.Uid || live?.Metadata.Generation != deployment.Metadata.Generation)
                    throw new KubernetesException(409, "Conflict", $"the WorkloadDeployment {deployment.Key} has changed");
                await Plane.Instances.DeleteAsync(action.Current!, cancellation);
                return true;
            case InstanceActionKind.Wait:
            case InstanceActionKind.Unknown:
            default:
                return false;
        }
    }

    private async Task OpenGatesAsync(WorkloadDeployment deployment, CancellationToken cancellation)
    {
        foreach (var instance in Owned(deployment))
        {
            if (instance.IsDeleting || instance.Spec.Controller?.SchedulingGates?.Exists(g => g.Name == SchedulingGates.Network) != true)
                continue;
            var after = Plane.Instances.Copy(instance);
            after.Spec.Controller!.SchedulingGates!.RemoveAll(g => g.Name == SchedulingGates.Network);
            await Plane.Instances.UpdateAsync(instance, after, cancellation);
        }
    }

    private async Task FinalizeAsync(WorkloadDeployment deployment, CancellationToken cancellation)
    {
        if (!deployment.Metadata.HasFinalizer(Finalizers.WorkloadController))
            return;
        foreach (var instance in Owned(deployment))
            await Plane.Instances.DeleteAsync(instance, cancellation);
        var instances = Owned(deployment);
        if (instances.Count > 0)
        {
            await BlockedAsync(deployment, $"Waits for the instances {NamesOf(instances)}.", cancellation);
            return;
        }

        // The networks go after what uses them (law L7).
        foreach (var binding in Plane.NetworkBindings.ByIndex(PlaneCaches.ByOwner, deployment.Metadata.Uid ?? ""))
            await Plane.NetworkBindings.DeleteAsync(binding, cancellation);
        var bindings = Plane.NetworkBindings.ByIndex(PlaneCaches.ByOwner, deployment.Metadata.Uid ?? "");
        if (bindings.Count > 0)
            await BlockedAsync(deployment, $"Waits for the network bindings {NamesOf(bindings)}.", cancellation);
        else
            await Plane.WorkloadDeployments.RemoveFinalizerAsync(deployment, Finalizers.WorkloadController, cancellation);
    }

    private async Task BlockedAsync(WorkloadDeployment deployment, string message, CancellationToken cancellation)
    {
        var after = Plane.WorkloadDeployments.Copy(deployment);
        var status = after.Status ??= new();
        var conditions = status.Conditions ??= [];
        var owned = Owned(deployment);
        status.Replicas = owned.Count;
        status.ReadyReplicas = owned.Count(InstancePlan.IsReady);
        Conditions.Set(conditions, ConditionTypes.DeletionBlocked, ConditionStatus.True, Reasons.DependentsExist, message, deployment.Metadata.Generation, Plane.Now);
        if (status.ReadyReplicas == 0)
            Conditions.Set(conditions, ConditionTypes.Available, ConditionStatus.False, Reasons.Deleting, message, deployment.Metadata.Generation, Plane.Now);
        await Plane.WorkloadDeployments.UpdateStatusAsync(deployment, after, cancellation);
    }

    private IEnumerable<ObjectKey> OfContext(ObjectKey context) =>
        Plane.NetworkBindings.ByIndex(PlaneCaches.ByContext, context.ToString()).SelectMany(b => OwnerKey(b, ResourceTypes.WorkloadDeployments.Kind));
}
