using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>Workload to WorkloadDeployments, and their state back.</summary>
internal sealed class WorkloadController : CoreController
{
    public WorkloadController(CorePlane plane, int workers) : base("workload", plane, workers)
    {
        Own(plane.Caches.Workloads);
        Watch(plane.Caches.WorkloadDeployments, d => [new ObjectKey(d.Metadata.Namespace, d.Spec.WorkloadRef.Name)]);
        Watch(plane.Caches.Networks, n => plane.Workloads.ByIndex(PlaneCaches.ByNetwork, n.Key.ToString()).Select(w => w.Key));
    }

    protected override async Task<Result> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (Plane.Workloads.Find(key) is not { } workload)
            return Result.Settled;
        if (workload.IsDeleting)
        {
            await FinalizeAsync(workload, cancellation);
            return Result.Settled;
        }

        workload = await Plane.Workloads.AddFinalizerAsync(workload, Finalizers.WorkloadController, cancellation);
        var desired = WorkloadPlan.Desired(workload);
        var problem = desired.Error is { } error ? (Reasons.ConfigurationError, error) : MissingNetworks(workload);
        if (problem is null)
        {
            problem = await EnsureAsync(workload, desired, cancellation);
            workload = await RemoveUnwantedAsync(workload, desired, cancellation);
        }

        var existing = Owned(workload).ToDictionary(d => d.Metadata.Name ?? "", StringComparer.Ordinal);
        var after = Plane.Workloads.Copy(workload);
        after.Status = WorkloadPlan.Status(workload, desired, existing, problem, Plane.Now);
        await Plane.Workloads.UpdateStatusAsync(workload, after, cancellation);
        return Result.Settled;
    }

    private IReadOnlyList<WorkloadDeployment> Owned(Workload workload) =>
        Plane.WorkloadDeployments.ByIndex(PlaneCaches.ByWorkload, workload.Metadata.Uid ?? "");

    private (string, string)? MissingNetworks(Workload workload)
    {
        var missing = Names.NetworkKeys(workload.Spec.Template.Spec, workload.Metadata.Namespace).Where(k => Plane.Networks.Find(k) is null).ToList();
        return missing.Count == 0 ? null : (Reasons.NetworkNotFound, $"There is no Network {string.Join(", ", missing)}.");
    }

    private async Task<(string, string)?> EnsureAsync(Workload workload, DesiredDeployments desired, CancellationToken cancellation)
    {
        var owner = CorePlane.Owner(ResourceTypes.Workloads, workload);
        foreach (var item in desired.Items)
        {
            var key = new ObjectKey(workload.Metadata.Namespace, item.Name);
            var existing = Plane.WorkloadDeployments.Find(key);
            if (existing is null)
                await Plane.WorkloadDeployments.CreateAsync(WorkloadPlan.Shape(workload, item, new(), owner), cancellation);
            else if (existing.Spec.WorkloadRef.Uid != workload.Metadata.Uid)
                return (Reasons.Conflict, $"The deployment {item.Name} belongs to the Workload {existing.Spec.WorkloadRef.Name} ({existing.Spec.WorkloadRef.Uid})"
                    + (existing.IsDeleting ? " and is being deleted." : "; rename the placement."));
            else if (!existing.IsDeleting)
                await Plane.WorkloadDeployments.UpdateAsync(existing, WorkloadPlan.Shape(workload, item, Plane.WorkloadDeployments.Copy(existing), owner), cancellation);
        }

        return null;
    }

    /// <summary>Deletes deployments of placements that are gone, after a live look at the Workload: the cache may not know the newest spec.</summary>
    private async Task<Workload> RemoveUnwantedAsync(Workload workload, DesiredDeployments desired, CancellationToken cancellation)
    {
        var wanted = desired.Items.Select(d => d.Name).ToHashSet(StringComparer.Ordinal);
        var unwanted = Owned(workload).Where(d => !d.IsDeleting && !wanted.Contains(d.Metadata.Name ?? "")).ToList();
        if (unwanted.Count == 0)
            return workload;
        var live = await Plane.Workloads.RefreshAsync(workload.Key, workload.Metadata.Uid, cancellation);
        if (live?.Metadata.Uid != workload.Metadata.Uid || live?.Metadata.Generation != workload.Metadata.Generation)
            throw new KubernetesException(409, "Conflict", $"the Workload {workload.Key} has changed");
        foreach (var deployment in unwanted)
            await Plane.WorkloadDeployments.DeleteAsync(deployment, cancellation);
        return live!;
    }

    private async Task FinalizeAsync(Workload workload, CancellationToken cancellation)
    {
        if (!workload.Metadata.HasFinalizer(Finalizers.WorkloadController))
            return;
        foreach (var deployment in Owned(workload))
            await Plane.WorkloadDeployments.DeleteAsync(deployment, cancellation);
        var left = Owned(workload);
        if (left.Count == 0)
        {
            await Plane.Workloads.RemoveFinalizerAsync(workload, Finalizers.WorkloadController, cancellation);
            return;
        }

        var after = Plane.Workloads.Copy(workload);
        Conditions.Set((after.Status ??= new()).Conditions ??= [], ConditionTypes.DeletionBlocked, ConditionStatus.True, Reasons.DependentsExist,
            $"Waits for the deployments {NamesOf(left)}.", workload.Metadata.Generation, Plane.Now);
        await Plane.Workloads.UpdateStatusAsync(workload, after, cancellation);
    }
}
