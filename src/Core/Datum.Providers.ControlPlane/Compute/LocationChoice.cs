using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>Where a deployment goes and why not elsewhere. <see cref="Chosen"/> is null when it has to wait.</summary>
public sealed record LocationChoice(Location? Chosen, string Reason, string Message)
{
    private const int NamedLosers = 10;

    /// <summary>
    /// Chooses among the Locations of a city that are Accepted and Ready: the one with the fewest instances, then the first by name.
    /// </summary>
    /// <param name="locations">Those that the deployment may use at all, ordered by name.</param>
    /// <param name="instances">How many instances are or will be in a Location.</param>
    public static LocationChoice Decide(string cityCode, IReadOnlyList<Location> locations, Func<Location, int> instances)
    {
        ArgumentNullException.ThrowIfNull(locations);
        ArgumentNullException.ThrowIfNull(instances);
        if (locations.Count == 0)
            return new(null, Reasons.NoLocations, "There is no Location in this namespace or of cluster scope.");

        var inCity = locations.Where(l => string.Equals(l.CityCode, cityCode, StringComparison.OrdinalIgnoreCase)).ToList();
        if (inCity.Count == 0)
            return new(null, Reasons.NoCandidateLocations, $"No Location has the city code {cityCode}; {Cities(locations)} Correct cityCodes of the Workload's placement, or create a Location with {Labels.CityCode}: {cityCode}.");

        var judged = inCity.Select(l => (Location: l, Obstacle: Obstacle(l), Instances: instances(l))).ToList();
        var best = judged.Where(j => j.Obstacle is null).OrderBy(j => j.Instances)
            .ThenBy(j => j.Location.Metadata.Name, StringComparer.Ordinal).ThenBy(j => j.Location.Metadata.Namespace, StringComparer.Ordinal)
            .Select(j => j.Location).FirstOrDefault();
        var losers = judged.Where(j => j.Location != best).Select(j => $"{j.Location.Key}: {j.Obstacle ?? Count(j.Instances)}").ToList();
        var others = losers.Count == 0 ? "" : $" Not chosen: {string.Join("; ", losers.Take(NamedLosers))}{(losers.Count > NamedLosers ? $"; and {losers.Count - NamedLosers} more" : "")}.";
        return best is null
            ? new(null, Reasons.NoCandidateLocations, $"No Location with the city code {cityCode} can take instances.{others}")
            : new(best, Reasons.LocationAssigned, $"Chosen: {best.Key} ({Count(instances(best))}).{others}");
    }

    private static string Cities(IReadOnlyList<Location> locations)
    {
        var codes = locations.Select(l => l.CityCode).OfType<string>().Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.Ordinal).ToList();
        return codes.Count == 0 ? $"none of the {locations.Count} here has one."
            : $"there are {string.Join(", ", codes.Take(NamedLosers))}{(codes.Count > NamedLosers ? $" and {codes.Count - NamedLosers} more" : "")}.";
    }

    private static string Count(int instances) => instances == 1 ? "1 instance" : $"{instances} instances";

    internal static string? Obstacle(Location location)
    {
        if (location.IsDeleting)
            return "is being deleted";
        foreach (var type in new[] { ConditionTypes.Accepted, ConditionTypes.Ready })
        {
            var condition = Conditions.Find(location.Status?.Conditions, type);
            if (condition?.Status != ConditionStatus.True)
                return condition is null ? $"not {type} yet" : $"not {type} ({condition.Reason})";
        }

        return null;
    }
}
