using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.Resources.Validation;

/// <summary>Placements of a Workload. Pure.</summary>
public static class WorkloadRules
{
    private const int MaxReplicas = 1000;

    public static IReadOnlyList<Violation> Check(WorkloadSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var found = new List<Violation>();
        for (var i = 0; i < spec.Placements.Count; i++)
        {
            var (placement, path) = (spec.Placements[i], ContainerRules.At("spec.placements", i));
            if (!NameForms.IsDnsLabel(placement.Name))
                found.Add(Rules.PlacementName.At($"{path}.name", $"'{placement.Name}' is no DNS label (1 to 63 of a-z, 0-9 and '-', no '-' at the ends)."));
            if (placement.CityCodes.Count == 0)
                found.Add(Rules.PlacementCities.At($"{path}.cityCodes", "At least one city code is needed; there is none."));
            Scale(placement.ScaleSettings, $"{path}.scaleSettings", found);
        }

        return found;
    }

    /// <summary>Cities that no Location has which objects of the namespace can use. Letter case doesn't count, as for the scheduler.</summary>
    /// <param name="locations">Those of the namespace and of cluster scope.</param>
    public static IEnumerable<Violation> Cities(WorkloadSpec spec, IReadOnlyCollection<Location> locations)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(locations);
        var known = locations.Select(l => l.CityCode).OfType<string>().Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.Ordinal).ToList();
        for (var i = 0; i < spec.Placements.Count; i++)
            for (var c = 0; c < spec.Placements[i].CityCodes.Count; c++)
                if (spec.Placements[i].CityCodes[c] is var city && !known.Contains(city, StringComparer.OrdinalIgnoreCase))
                    yield return Rules.PlacementCity.At(ContainerRules.At($"{ContainerRules.At("spec.placements", i)}.cityCodes", c),
                        $"No Location of this namespace or of cluster scope is in '{city}'; {(known.Count == 0 ? "there is none with a city" : $"there are {string.Join(", ", known.Take(10))}{(known.Count > 10 ? $" and {known.Count - 10} more" : "")}")}. Use one of them, or create a Location with {Labels.CityCode}: {city} first.");
    }

    private static void Scale(ScaleSettings scale, string path, List<Violation> found)
    {
        if (scale.MinReplicas is < 0 or > MaxReplicas)
            found.Add(Rules.PlacementReplicas.At($"{path}.minReplicas", $"{scale.MinReplicas} must be 0 to {MaxReplicas}."));
        if (scale.MaxReplicas is { } max)
        {
            if (max < scale.MinReplicas)
                found.Add(Rules.PlacementMaximum.At(path, $"maxReplicas is {max}; it must be minReplicas ({scale.MinReplicas}) or more."));
            if (scale.Metrics is not { Count: > 0 })
                found.Add(Rules.PlacementMetrics.At(path, "maxReplicas is set and metrics are not: add one, or leave maxReplicas out."));
        }

        for (var i = 0; i < (scale.Metrics?.Count ?? 0); i++)
        {
            var at = ContainerRules.At($"{path}.metrics", i);
            if (scale.Metrics![i].Resource is not { Name: "cpu" } resource)
            {
                found.Add(Rules.MetricResource.At(at, $"A resource named cpu is needed, found {(scale.Metrics[i].Resource is { } other ? $"'{other.Name}'" : "none")}."));
                continue;
            }

            at += ".resource.target";
            var target = resource.Target;
            var set = (target.Value is null ? 0 : 1) + (target.AverageValue is null ? 0 : 1) + (target.AverageUtilization is null ? 0 : 1);
            if (set != 1)
                found.Add(Rules.MetricTarget.At(at, $"Exactly one of value, averageValue and averageUtilization must be set, found {set}."));
            Positive(target.Value, $"{at}.value", found);
            Positive(target.AverageValue, $"{at}.averageValue", found);
            if (target.AverageUtilization is < 1)
                found.Add(Rules.MetricPositive.At($"{at}.averageUtilization", $"{target.AverageUtilization} must be greater than 0."));
        }
    }

    private static void Positive(IntOrString? value, string path, List<Violation> found)
    {
        if (value is { } given && (!Quantity.TryParse(given, out var quantity, out _) || quantity.Value <= 0))
            found.Add(Rules.MetricPositive.At(path, $"'{given}' must be a quantity greater than 0."));
    }
}
