using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>WorkloadDeployment to Instances and to the networks that they need, and their state back.</summary>
internal sealed class DeploymentController : CoreController
{
    private readonly DeploymentNetworks _networks;
    private readonly PayloadWatch _payloads;
    private readonly Scaler _scaler;

    public DeploymentController(CorePlane plane, int workers, IInstanceUsage? usage) : base("workloaddeployment", plane, workers)
    {
        _networks = new(plane);
        _payloads = new(plane);
        _scaler = new(usage);
        var caches = plane.Caches;
        Own(caches.WorkloadDeployments);
        Watch(caches.Workloads, w => plane.WorkloadDeployments.ByIndex(PlaneCaches.ByWorkload, w.Metadata.Uid ?? "").Select(d => d.Key));
        Watch(caches.Instances, i => OwnerKey(i, ResourceTypes.WorkloadDeployments.Kind));
        Watch(caches.Locations, Movable);
        Watch(caches.ComputeLocations, Movable);
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
            _payloads.Forget(deployment.Metadata.Uid ?? "");
            _scaler.Forget(deployment.Metadata.Uid ?? "");
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

        (deployment, var nextLook, var payloadProblem) = await _payloads.LookAsync(deployment, cancellation);
        var hash = PayloadVersions.Of(deployment).Hash(TemplateHash.Of(deployment.Spec.Template));
        var scale = _scaler.Decide(deployment, Owned(deployment), Plane.Now);
        await SuspendAsync(deployment, cancellation);
        var action = Next(deployment, hash, scale);
        if (action is not null && await CarryOutAsync(deployment, action, hash, cancellation))
        {
            deployment = Plane.WorkloadDeployments.Find(key) ?? deployment;
            action = Next(deployment, hash, scale);
        }

        var networks = await _networks.EnsureAsync(deployment, location, Owned(deployment), cancellation);
        await OpenGatesAsync(deployment, networks, cancellation);

        var after = Plane.WorkloadDeployments.Copy(deployment);
        after.Status = DeploymentStatusPlan.Compute(deployment, Owned(deployment), hash, networks.Values.FirstOrDefault(p => p is not null), action, scale, Plane.Now,
            Places(deployment).Describe(), payloadProblem);
        await Plane.WorkloadDeployments.UpdateStatusAsync(deployment, after, cancellation);
        return NextLook(deployment, nextLook);
    }

    /// <summary>What comes by the clock alone: the next look at payloads and usage, and the end of a refusal that an instance waits for.</summary>
    private Result NextLook(WorkloadDeployment deployment, DateTimeOffset? payloads)
    {
        DateTimeOffset? refusal = Owned(deployment).Any(i => InstancePlaces.RefusalOf(i) is not null) ? RefusedLocations.Of(deployment, Plane.Now).NextEnd : null;
        DateTimeOffset? scaling = _scaler.Acts(deployment) ? Plane.Now + ScalePlan.Period : null;
        return new[] { payloads, refusal, scaling }.Min() is { } next ? Result.After(next > Plane.Now ? next - Plane.Now : TimeSpan.Zero) : Result.Settled;
    }

    private InstanceAction? Next(WorkloadDeployment deployment, string hash, ScaleAnswer scale)
    {
        if (DeploymentStatusPlan.Refusal(deployment) is not null)
            return null;
        var actions = InstancePlan.Decide(deployment, Owned(deployment), hash, name => Plane.Instances.Find(new(deployment.Metadata.Namespace, name)), scale.Replicas, Places(deployment));
        return actions.Count == 0 ? null : actions[0];
    }

    private InstancePlaces Places(WorkloadDeployment deployment) => new(
        deployment, Owned(deployment), Plane.Caches.LocationsFor(deployment.Metadata.Namespace), RefusedLocations.Of(deployment, Plane.Now),
        l => Plane.InstancesAt(l, deployment.Metadata.Uid));

    private IReadOnlyList<Instance> Owned(WorkloadDeployment deployment) => Plane.Instances.ByIndex(PlaneCaches.ByOwner, deployment.Metadata.Uid ?? "");

    /// <summary>Returns false when there was nothing to do but wait. Only one action is carried out a pass.</summary>
    private async Task<bool> CarryOutAsync(WorkloadDeployment deployment, InstanceAction action, string hash, CancellationToken cancellation)
    {
        switch (action.Kind)
        {
            case InstanceActionKind.Create:
                var owner = CorePlane.Owner(ResourceTypes.WorkloadDeployments, deployment);
                await Plane.Instances.CreateAsync(InstancePlan.New(deployment, action.Ordinal, hash, owner, Places(deployment).ForNew()), cancellation);
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
            case InstanceActionKind.Relocate:
                await RelocateAsync(deployment, action.Current!, cancellation);
                return true;
            case InstanceActionKind.Wait:
            case InstanceActionKind.Unknown:
            default:
                return false;
        }
    }

    /// <summary>Remembers the refusal first, so that a process which ends in between doesn't come back to the same Location.</summary>
    private async Task RelocateAsync(WorkloadDeployment deployment, Instance instance, CancellationToken cancellation)
    {
        var refused = RefusedLocations.Of(deployment, Plane.Now);
        refused.Add(instance.Spec.Location!.Key, InstancePlaces.RefusalOf(instance)!, Plane.Now);
        var after = Plane.WorkloadDeployments.Copy(deployment);
        (after.Metadata.Annotations ??= [])[Annotations.RefusedLocations] = refused.ToAnnotation();
        await Plane.WorkloadDeployments.UpdateAsync(deployment, after, cancellation);
        // Only as it was judged: one that has been programmed meanwhile stays.
        await Plane.Instances.DeleteAsync(instance, cancellation, unchanged: true);
    }

    /// <summary>Stops or starts all instances at once: that is no rollout, and nothing is replaced.</summary>
    private async Task SuspendAsync(WorkloadDeployment deployment, CancellationToken cancellation)
    {
        var wanted = InstancePlan.SuspensionOf(deployment);
        foreach (var instance in Owned(deployment).Where(i => !i.IsDeleting && i.Metadata.Annotation(Annotations.Suspended) != wanted))
        {
            var after = Plane.Instances.Copy(instance);
            if (wanted is null)
                after.Metadata.Annotations!.Remove(Annotations.Suspended);
            else
                (after.Metadata.Annotations ??= [])[Annotations.Suspended] = wanted;
            await Plane.Instances.UpdateAsync(instance, after, cancellation);
        }
    }

    private async Task OpenGatesAsync(WorkloadDeployment deployment, IReadOnlyDictionary<ObjectKey, string?> networks, CancellationToken cancellation)
    {
        foreach (var instance in Owned(deployment))
        {
            if (instance.IsDeleting || instance.Spec.Controller?.SchedulingGates?.Exists(g => g.Name == SchedulingGates.Network) != true)
                continue;
            if ((instance.Spec.Location ?? deployment.Status?.Location) is not { } location || !networks.TryGetValue(location.Key, out var problem) || problem is not null)
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

    /// <summary>Deployments whose instances may go to another Location.</summary>
    private IEnumerable<ObjectKey> Movable(Location location) => Plane.WorkloadDeployments.ByIndex(PlaneCaches.Movable, "")
        .Where(d => location.Metadata.Namespace is null || location.Metadata.Namespace == d.Metadata.Namespace).Select(d => d.Key);

    private IEnumerable<ObjectKey> OfContext(ObjectKey context) =>
        Plane.NetworkBindings.ByIndex(PlaneCaches.ByContext, context.ToString()).SelectMany(b => OwnerKey(b, ResourceTypes.WorkloadDeployments.Kind));
}
