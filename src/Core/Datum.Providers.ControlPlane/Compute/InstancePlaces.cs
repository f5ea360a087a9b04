using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>
/// Where the instances of a deployment go. Without options that is the Location that the scheduler chose, for all of them. An
/// instance keeps its Location for its life: to be tried at another one it is deleted, its finalizer proves that the platform has
/// nothing of it (law L6), and only then it is made anew.
/// </summary>
/// <param name="locations">Those that the deployment may use at all.</param>
/// <param name="load">How many instances are or will be in a Location.</param>
public sealed class InstancePlaces(
    WorkloadDeployment deployment, IReadOnlyList<Instance> owned, IReadOnlyList<Location> locations, RefusedLocations refused, Func<Location, int> load)
{
    private readonly DeploymentOptions _options = DeploymentOptions.Of(deployment);

    /// <summary>The Location of a new instance; the deployment's own when no other can take it.</summary>
    public LocationReference? ForNew()
    {
        var own = deployment.Status?.Location;
        if (own is null || (!_options.Spread && !(_options.Fallback && refused.Contains(own.Key))))
            return own;
        return Best(null) is { } best ? new LocationReference { Name = best.Metadata.Name ?? "", Namespace = best.Metadata.Namespace } : own;
    }

    /// <summary>
    /// Where a refused instance is to be tried next; null when it isn't refused, may not be moved, or no other Location is left.
    /// Only one that was never programmed is moved: it can't have written anything on its disks.
    /// </summary>
    public Location? Next(Instance instance) => _options.Fallback && RefusalOf(instance) is not null && !IsHeld(instance) ? Best(instance.Spec.Location) : null;

    /// <summary>Why the driver refused an instance that was never there; null when it didn't.</summary>
    public static string? RefusalOf(Instance instance)
    {
        ArgumentNullException.ThrowIfNull(instance);
        if (instance.IsDeleting || instance.Spec.Location is null || instance.Status?.Controller is not null)
            return null;
        var programmed = Conditions.Find(instance.Status?.Conditions, ConditionTypes.Programmed);
        return programmed is { Status: ConditionStatus.False, Reason: Reasons.CapacityUnavailable or Reasons.QuotaExceeded }
            && programmed.ObservedGeneration == instance.Metadata.Generation
                ? programmed.Reason
                : null;
    }

    /// <summary>A person's brake: what may not be deleted, or would stay at the platform when it is, isn't moved.</summary>
    private static bool IsHeld(Instance instance) =>
        new[] { Annotations.DeletionProtection, Annotations.Retain, Annotations.Paused, Annotations.ObserveOnly, Annotations.Plan, Annotations.AdoptId }
            .Any(a => instance.Metadata.Annotation(a) is { } value && value != "false");

    private Location? Best(LocationReference? except) => locations
        .Where(l => string.Equals(l.CityCode, deployment.Spec.CityCode, StringComparison.OrdinalIgnoreCase) && LocationChoice.Obstacle(l) is null)
        .Where(l => except?.Key != l.Key && !(_options.Fallback && refused.Contains(l.Key)))
        .OrderBy(l => _options.Spread ? owned.Count(i => i.Spec.Location?.Key == l.Key) : 0).ThenBy(load)
        .ThenBy(l => l.Metadata.Name, StringComparer.Ordinal).ThenBy(l => l.Metadata.Namespace, StringComparer.Ordinal).FirstOrDefault();

    /// <summary>Where the instances are and which Locations refused; null while no option says that it can differ from the deployment's Location.</summary>
    public string? Describe()
    {
        if (!_options.Spread && !_options.Fallback)
            return null;
        var places = owned.Where(i => i.Spec.Location is not null).GroupBy(i => i.Spec.Location!.Key).OrderBy(g => g.Key.ToString(), StringComparer.Ordinal)
            .Select(g => $"{g.Count()} in {g.Key}").ToList();
        var refusals = _options.Fallback ? refused.Sentences.ToList() : [];
        return $"The first choice is {deployment.Status?.Location?.Key}. Instances: {(places.Count == 0 ? "none" : string.Join(", ", places))}."
            + (refusals.Count == 0 ? "" : $" Refused: {string.Join("; ", refusals)}.");
    }
}
