using Datum.Providers.Engine.Sessions;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Locations;

/// <summary>A Location with the driver and config that serve it.</summary>
public sealed record ResolvedLocation(Location Location, LocationBlock Block, DriverDescriptor Driver, ProviderConfig Config);

/// <summary>A resolved Location, or why it isn't one.</summary>
public sealed record LocationAnswer(ResolvedLocation? Resolved, string Reason, string Message);

/// <summary>Finds the driver and the ProviderConfig of a Location. Pure but for the caches; who may use what is decided here and nowhere else (law L14).</summary>
public sealed class LocationResolver(HomePlane home, ProjectPlane plane, IDriverConnector connector, bool development)
{
    /// <summary>The Location that a reference names: with or without namespace, the networking group before the compute group.</summary>
    public Location? Find(LocationReference reference, string? defaultNamespace)
    {
        foreach (var cache in (ReadOnlySpan<IObjectCache<Location>>)[plane.Locations, plane.ComputeLocations])
        {
            var found = cache.Find(reference.Key) ?? cache.Find(new ObjectKey(null, reference.Name));
            if (found is null && reference.Namespace is null)
                found = cache.Find(new ObjectKey(defaultNamespace, reference.Name));
            if (found is not null)
                return found;
        }
        return null;
    }

    /// <summary>Resolves for an object of a namespace. Another namespace's Location is somebody else's account (law L14).</summary>
    public LocationAnswer Resolve(LocationReference reference, string? ns)
    {
        if (Find(reference, ns) is not { } location)
            return new LocationAnswer(null, Reasons.LocationNotFound, $"Location {reference.Key} doesn't exist.");
        return location.Metadata.Namespace is { } home && home != ns
            ? new LocationAnswer(null, Reasons.NotAllowed, $"Location {location.Key} belongs to namespace {home}; use one of this namespace or of cluster scope.")
            : Resolve(location);
    }

    public LocationAnswer Resolve(Location location)
    {
        if (!LocationBlock.TryRead(location, out var block, out var error))
            return new LocationAnswer(null, Reasons.InvalidLocation, error);
        if (connector.FindByLocationKey(block.Driver) is not { } driver)
            return new LocationAnswer(null, Reasons.DriverMissing, $"{block.Source}.{block.Driver}: {connector.WhyMissing(block.Driver)}");
        if (SchemaCheck.Validate(driver.LocationSchema, block.Block, $"{block.Source}.{block.Driver}") is { } wrong)
            return new LocationAnswer(null, Reasons.InvalidLocation, wrong);

        var candidates = home.Configs.All().Where(c => c.Spec.Driver == driver.Id && !c.IsDeleting && Matches(c, location)).ToList();
        if (candidates.Count == 0)
            return new LocationAnswer(null, Reasons.ProviderConfigNotFound,
                $"No ProviderConfig with driver {driver.Id} matches Location {location.Key} (class {location.Spec.LocationClassName}). {Others(driver.Id)} Create one, or widen spec.locations.");
        if (candidates.Count > 1)
            return new LocationAnswer(null, Reasons.ProviderConfigAmbiguous,
                $"ProviderConfigs {string.Join(", ", candidates.Select(c => c.Metadata.Name))} all match Location {location.Key}. Narrow their spec.locations until one is left.");
        return NotAllowed(candidates[0], location, driver, block) is { } why
            ? new LocationAnswer(null, Reasons.NotAllowed, why)
            : new LocationAnswer(new ResolvedLocation(location, block, driver, candidates[0]), "", "");
    }

    /// <summary>What the driver's ProviderConfigs do match, at most five of them.</summary>
    private string Others(string driverId)
    {
        var others = home.Configs.All().Where(c => c.Spec.Driver == driverId && !c.IsDeleting).Take(5).Select(c => $"{c.Metadata.Name} ({Matched(c.Spec.Locations)})").ToList();
        return others.Count == 0 ? "There is none with this driver." : $"There are {string.Join(", ", others)}.";
    }

    private static string Matched(LocationMatch? match) => string.Join(", ",
        new[]
        {
            match?.ClassNames is { Count: > 0 } classes ? $"classNames {string.Join(", ", classes)}" : null,
            match?.Names is { Count: > 0 } names ? $"names {string.Join(", ", names)}" : null,
            match?.Selector?.MatchLabels is { Count: > 0 } labels ? $"labels {string.Join(", ", labels.Select(l => $"{l.Key}={l.Value}"))}" : null,
        }.OfType<string>());

    private static bool Matches(ProviderConfig config, Location location)
    {
        var match = config.Spec.Locations;
        if (match is null)
            return true;
        return (match.ClassNames is not { Count: > 0 } classes || classes.Contains(location.Spec.LocationClassName))
            && (match.Names is not { Count: > 0 } names || names.Contains(location.Metadata.Name!) || names.Contains(location.Key.ToString()))
            && (match.Selector?.MatchLabels is not { Count: > 0 } labels || labels.All(l => location.Metadata.Label(l.Key) == l.Value));
    }

    private string? NotAllowed(ProviderConfig config, Location location, DriverDescriptor driver, LocationBlock block)
    {
        var allowed = config.Spec.Allowed;
        if (allowed is null)
            return development ? null : $"ProviderConfig {config.Metadata.Name} allows nobody: set spec.allowed.";
        var openPlane = development && allowed.Projects is not { Count: > 0 } && allowed.Namespaces is not { Count: > 0 };
        if (!openPlane && !Lists(allowed.Projects, plane.Project ?? plane.Id) && !Lists(allowed.Namespaces, location.Metadata.Namespace ?? ""))
            return $"ProviderConfig {config.Metadata.Name} allows neither project {plane.Project ?? plane.Id} nor namespace {location.Metadata.Namespace}: add one of them to spec.allowed.";

        // Every scope field decides whose money is spent: each value must be listed, an absent list allows none.
        foreach (var field in driver.Kinds.SelectMany(k => k.SharingScope).Concat(driver.SessionScope).Distinct(StringComparer.Ordinal))
        {
            var value = block.Block.TryGetProperty(field, out var v) ? v.ToString() : "";
            var listed = allowed.Scope is not null && allowed.Scope.TryGetValue(field, out var values) && values.Contains(value);
            if (!listed && !(development && allowed.Scope?.ContainsKey(field) != true))
                return $"ProviderConfig {config.Metadata.Name} doesn't allow {field} '{value}': add it to spec.allowed.scope.{field}.";
        }
        return null;
    }

    private static bool Lists(List<string>? list, string value) => list?.Contains(value) == true || list?.Contains("*") == true;
}
