using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>One deployment that a Workload wants: a placement in a city.</summary>
public sealed record DesiredDeployment(string Name, Placement Placement, string CityCode);

/// <summary>The deployments of a Workload in the order of its spec, or why it can't be carried out.</summary>
public sealed record DesiredDeployments(IReadOnlyList<DesiredDeployment> Items, string? Error);

/// <summary>Pure decisions about a Workload.</summary>
public static class WorkloadPlan
{
    private const int MaxReplicas = 1000;
    private const int MaxNameLength = 253;
    private const int NamedReasons = 5;

    /// <summary>One deployment for each placement and city. Two that would share a name are refused rather than merged (law L11).</summary>
    public static DesiredDeployments Desired(Workload workload)
    {
        ArgumentNullException.ThrowIfNull(workload);
        if (DeploymentOptions.Refusal(workload) is { } refusal)
            return Refuse(refusal);
        var items = new List<DesiredDeployment>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (placement, index) in workload.Spec.Placements.Select((p, i) => (p, i)))
        {
            if (placement.ScaleSettings.MinReplicas is < 0 or > MaxReplicas)
                return Refuse($"spec.placements[{index}].scaleSettings.minReplicas is {placement.ScaleSettings.MinReplicas}; 0 to {MaxReplicas} are possible.");
            foreach (var city in placement.CityCodes.Distinct(StringComparer.OrdinalIgnoreCase))
            {
                var name = Names.Deployment(workload.Metadata.Name ?? "", placement.Name, city);
                if (name.Length > MaxNameLength)
                    return Refuse($"spec.placements[{index}] would need a deployment named {name}, longer than {MaxNameLength} characters.");
                if (!names.Add(name))
                    return Refuse($"spec.placements[{index}] with the city {city} would need a second deployment named {name}; give the placements other names.");
                items.Add(new(name, placement, city));
            }
        }

        return new(items, null);

        static DesiredDeployments Refuse(string message) => new([], message);
    }

    /// <summary>The deployment as it should be: <paramref name="deployment"/> is a new one or a copy of what is there, and is changed.</summary>
    public static WorkloadDeployment Shape(Workload workload, DesiredDeployment desired, WorkloadDeployment deployment, OwnerReference owner)
    {
        ArgumentNullException.ThrowIfNull(workload);
        ArgumentNullException.ThrowIfNull(desired);
        ArgumentNullException.ThrowIfNull(deployment);
        ArgumentNullException.ThrowIfNull(owner);
        var source = ResourceTypes.Workloads.Clone(workload).Spec;
        // By place, not by name: two placements of one name in different cities are possible.
        var placement = source.Placements[workload.Spec.Placements.IndexOf(desired.Placement)];
        var metadata = deployment.Metadata;
        metadata.Name = desired.Name;
        metadata.Namespace = workload.Metadata.Namespace;
        (metadata.Labels ??= [])[Labels.WorkloadUid] = workload.Metadata.Uid ?? "";
        DeploymentOptions.Inherit(workload, metadata);
        if (!metadata.HasFinalizer(Finalizers.WorkloadController))
            (metadata.Finalizers ??= []).Add(Finalizers.WorkloadController);
        if (metadata.OwnerReferences?.Exists(o => o.Uid == owner.Uid) != true)
            (metadata.OwnerReferences ??= []).Add(owner);
        deployment.Spec = new WorkloadDeploymentSpec
        {
            WorkloadRef = new WorkloadReference { Name = workload.Metadata.Name ?? "", Uid = workload.Metadata.Uid ?? "", Unknown = deployment.Spec.WorkloadRef.Unknown },
            PlacementName = desired.Placement.Name,
            CityCode = desired.CityCode,
            Template = source.Template,
            ScaleSettings = placement.ScaleSettings,
            Unknown = deployment.Spec.Unknown,
        };
        return deployment;
    }

    /// <summary>
    /// The status over the deployments that exist, in the order of the spec. Available goes back to False when the last available
    /// placement is lost.
    /// </summary>
    /// <param name="problem">A reason and a message that hold for the Workload as a whole; null when there is none.</param>
    public static WorkloadStatus Status(
        Workload workload, DesiredDeployments desired, IReadOnlyDictionary<string, WorkloadDeployment> existing, (string Reason, string Message)? problem, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(workload);
        ArgumentNullException.ThrowIfNull(desired);
        ArgumentNullException.ThrowIfNull(existing);
        var status = ResourceTypes.Workloads.Clone(workload).Status ?? new();
        var generation = workload.Metadata.Generation;
        var before = status.Placements ?? [];
        var placements = new List<PlacementStatus>();
        var troubles = new List<string>();
        var available = 0;

        // After a refusal what runs is still counted, by the placements that the deployments name.
        var byPlacement = desired.Error is null
            ? desired.Items.GroupBy(d => d.Placement.Name, d => (d.Name, Deployment: existing.GetValueOrDefault(d.Name)), StringComparer.Ordinal)
            : existing.Values.GroupBy(d => d.Spec.PlacementName, d => (Name: d.Metadata.Name ?? "", Deployment: (WorkloadDeployment?)d), StringComparer.Ordinal);
        foreach (var group in byPlacement)
        {
            var placement = before.Find(p => p.Name == group.Key) ?? new PlacementStatus { Name = group.Key };
            var good = group.Count(d => IsAvailable(d.Deployment));
            var bad = group.Where(d => !IsAvailable(d.Deployment)).Select(d => Trouble(d.Name, d.Deployment)).ToList();
            placement.Replicas = group.Sum(d => d.Deployment?.Status?.Replicas ?? 0);
            placement.CurrentReplicas = group.Sum(d => d.Deployment?.Status?.CurrentReplicas ?? 0);
            placement.DesiredReplicas = group.Sum(d => Wanted(d.Deployment));
            placement.ReadyReplicas = group.Sum(d => d.Deployment?.Status?.ReadyReplicas ?? 0);
            Conditions.Set(placement.Conditions ??= [], ConditionTypes.Available, ConditionStatus.Of(good > 0),
                good > 0 ? Reasons.AvailableDeploymentFound : Reasons.NoAvailableDeployments,
                $"{good} of {group.Count()} deployments are available." + Join(bad), generation, now);
            placements.Add(placement);
            available += good > 0 ? 1 : 0;
            if (good == 0)
                troubles.AddRange(bad);
        }

        status.Placements = placements;
        status.Deployments = existing.Count;
        status.Replicas = placements.Sum(p => p.Replicas);
        status.CurrentReplicas = placements.Sum(p => p.CurrentReplicas);
        status.DesiredReplicas = placements.Sum(p => p.DesiredReplicas);
        status.ReadyReplicas = placements.Sum(p => p.ReadyReplicas);

        var (state, reason, message) = problem is { } known
            ? (ConditionStatus.False, known.Reason, known.Message)
            : available > 0
                ? (ConditionStatus.True, Reasons.AvailablePlacementFound, $"{available} of {placements.Count} placements are available." + Join(troubles))
                : (ConditionStatus.False, Reasons.NoAvailablePlacements, "No placement is available." + Join(troubles));
        Conditions.Set(status.Conditions ??= [], ConditionTypes.Available, state, reason, message, generation, now);
        return status;
    }

    /// <summary>minReplicas, or what the deployment made of it where it may scale.</summary>
    private static int Wanted(WorkloadDeployment? deployment)
    {
        var scale = deployment?.Spec.ScaleSettings;
        return scale?.MaxReplicas is not null && deployment!.Status is { DesiredReplicas: > 0 } status ? status.DesiredReplicas : scale?.MinReplicas ?? 0;
    }

    private static bool IsAvailable(WorkloadDeployment? deployment) =>
        deployment is { IsDeleting: false } && Conditions.IsTrue(deployment.Status?.Conditions, ConditionTypes.Available);

    private static string Trouble(string name, WorkloadDeployment? deployment)
    {
        if (deployment is null)
            return $"{name} isn't there yet";
        if (deployment.IsDeleting)
            return $"{name} is being deleted";
        return Conditions.Find(deployment.Status?.Conditions, ConditionTypes.Available) is { } condition
            ? $"{name}: {condition.Reason}: {condition.Message.TrimEnd('.')}"
            : $"{name} waits for a Location";
    }

    private static string Join(List<string> troubles) => troubles.Count == 0
        ? ""
        : $" {string.Join("; ", troubles.Take(NamedReasons))}{(troubles.Count > NamedReasons ? $"; and {troubles.Count - NamedReasons} more" : "")}.";
}
