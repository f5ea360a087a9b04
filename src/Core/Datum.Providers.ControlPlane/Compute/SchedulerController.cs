using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>Gives each deployment a Location, once. One worker, so that two deployments don't count the same free place.</summary>
internal sealed class SchedulerController : CoreController
{
    public SchedulerController(CorePlane plane) : base("scheduler", plane)
    {
        Own(plane.Caches.WorkloadDeployments);
        Watch(plane.Caches.Locations, Waiting);
        Watch(plane.Caches.ComputeLocations, Waiting);
    }

    protected override async Task<Result> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        var deployment = Plane.WorkloadDeployments.Find(key);
        if (deployment is null or { IsDeleting: true } or { Status.Location: not null })
            return Result.Settled;

        var choice = LocationChoice.Decide(deployment.Spec.CityCode, Plane.Caches.LocationsFor(key.Namespace), l => Plane.InstancesAt(l));
        var after = Plane.WorkloadDeployments.Copy(deployment);
        var status = after.Status ??= new();
        if (choice.Chosen is { } location)
            status.Location = new LocationReference { Name = location.Metadata.Name ?? "", Namespace = location.Metadata.Namespace };
        var conditions = status.Conditions ??= [];
        Conditions.Set(conditions, ConditionTypes.Scheduled, ConditionStatus.Of(choice.Chosen is not null), choice.Reason, choice.Message, deployment.Metadata.Generation, Plane.Now);
        Conditions.Set(conditions, ConditionTypes.Available, ConditionStatus.False, choice.Reason, choice.Message, deployment.Metadata.Generation, Plane.Now);
        status.DesiredReplicas = deployment.Spec.ScaleSettings.MinReplicas;
        await Plane.WorkloadDeployments.UpdateStatusAsync(deployment, after, cancellation);
        return Result.Settled;
    }

    private IEnumerable<ObjectKey> Waiting(Location location) => Plane.WorkloadDeployments.ByIndex(PlaneCaches.Waiting, "")
        .Where(d => location.Metadata.Namespace is null || location.Metadata.Namespace == d.Metadata.Namespace).Select(d => d.Key);
}
