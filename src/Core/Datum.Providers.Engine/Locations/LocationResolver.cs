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
public sealed class LocationResolver : IDisposable
{
    private readonly HomePlane home;
    private readonly ProjectPlane plane;
    private readonly IDriverConnector connector;
    private readonly bool development;
    private readonly Placements _placements;
    private readonly bool _owns;

    public LocationResolver(HomePlane home, ProjectPlane plane, IDriverConnector connector, bool development)
        : this(home, plane, connector, development, new Placements(home.Entries)) => _owns = true;

    /// <param name="placements">Shared by the planes of one ledger.</param>
    internal LocationResolver(HomePlane home, ProjectPlane plane, IDriverConnector connector, bool development, Placements placements) =>
        (this.home, this.plane, this.connector, this.development, _placements) = (home, plane, connector, development, placements);

    public void Dispose()
    {
        if (_owns)
            _placements.Dispose();
    }

    /// <summary>The Location that a reference names: with or without namespace, the networking group before the compute group.</summary>
    public Location? Find(LocationReference reference, string? defaultNamespace)
    {
        foreach (var cache in (ReadOnlySpan<IObjectCache<Location>>)[plane.Locations, plane.ComputeLocations])
        {
            var found = cache.Find(reference.Key) ?? cache.Find(new ObjectKey(null, reference.Name));
            if (found is null && string.IsNullOrEmpty(reference.Namespace))
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
            : Resolve(location, ns);
    }

    /// <summary>Resolves for the Location's own conditions: one of cluster scope is in order when anybody at all may use it.</summary>
    public LocationAnswer Resolve(Location location) => Resolve(location, location.Metadata.Namespace);

    /// <summary>Whether networks of one namespace may be used from another: only where the whole project is allowed, not single namespaces of it (law L14).</summary>
    public bool SharesNetworks(ProviderConfig config) => config.Spec.Allowed is { } allowed ? IsOpen(allowed) || Lists(allowed.Projects, plane.Project ?? plane.Id) : development;

    private LocationAnswer Resolve(Location location, string? user)
    {
        if (!LocationBlock.TryRead(location, out var block, out var error))
            return new LocationAnswer(null, Reasons.InvalidLocation, error);
        if (connector.FindByLocationKey(block.Driver) is not { } driver)
            return new LocationAnswer(null, Reasons.DriverMissing, $"{block.Source}.{block.Driver}: {connector.WhyMissing(block.Driver)}");
        if (Address(block.Block, $"{block.Source}.{block.Driver}") is { } address)
            return new LocationAnswer(null, Reasons.InvalidLocation, $"{address} holds a URL. Where a platform is reached says the ProviderConfig alone (spec.endpoint); remove it.");
        if (SchemaCheck.Validate(driver.LocationSchema, block.Block, $"{block.Source}.{block.Driver}") is { } wrong)
            return new LocationAnswer(null, Reasons.InvalidLocation, wrong);

        var candidates = home.Configs.All().Where(c => c.Spec.Driver == driver.Id && !c.IsDeleting && Matches(c, location)).ToList();
        if (candidates.Count == 0)
            return new LocationAnswer(null, Reasons.ProviderConfigNotFound,
                $"No ProviderConfig with driver {driver.Id} matches Location {location.Key} (class {location.Spec.LocationClassName}). {Others(driver.Id)} Create one, or widen spec.locations.");
        if (candidates.Count > 1)
            return new LocationAnswer(null, Reasons.ProviderConfigAmbiguous,
                $"ProviderConfigs {string.Join(", ", candidates.Select(c => c.Metadata.Name))} all match Location {location.Key}. Narrow their spec.locations until one is left.");
        if (NotAllowed(candidates[0], location, user, driver, block) is { } why)
            return new LocationAnswer(null, Reasons.NotAllowed, why);
        // A change of place isn't followed while something stands there: it would be made a second time elsewhere.
        if (_placements.Moved(location.Metadata.Uid, driver, block.Block, ScopeFields(driver)) is { } moved)
            return new LocationAnswer(null, Reasons.PlacementInUse,
                $"{block.Source}.{block.Driver}.{moved.Field} is '{moved.Is}', but what stands here was made with '{moved.Was}'. It stays where it is; put the value back, or delete what uses this Location first.");
        return new LocationAnswer(new ResolvedLocation(location, block, driver, candidates[0]), "", "");
    }

    /// <summary>The path of the first text that is a URL; null when there is none.</summary>
    private static string? Address(JsonElement value, string path) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().Select(m => Address(m.Value, $"{path}.{m.Name}")).FirstOrDefault(a => a is not null),
        JsonValueKind.Array => value.EnumerateArray().Select((v, i) => Address(v, $"{path}[{i}]")).FirstOrDefault(a => a is not null),
        JsonValueKind.String when value.GetString()!.Contains("://", StringComparison.Ordinal) => path,
        _ => null,
    };

    private static IEnumerable<string> ScopeFields(DriverDescriptor driver) =>
        driver.Kinds.SelectMany(k => k.SharingScope).Concat(driver.SessionScope).Distinct(StringComparer.Ordinal);

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

    private string? NotAllowed(ProviderConfig config, Location location, string? user, DriverDescriptor driver, LocationBlock block)
    {
        var allowed = config.Spec.Allowed;
        if (allowed is null)
            return development ? null : $"ProviderConfig {config.Metadata.Name} allows nobody: set spec.allowed.";
        // Who uses a Location of cluster scope is asked for each that does; the Location itself is in order when there can be one.
        var listed = Lists(allowed.Projects, plane.Project ?? plane.Id) || (user is null ? allowed.Namespaces is { Count: > 0 } : Lists(allowed.Namespaces, user));
        if (!listed && !IsOpen(allowed))
            return $"ProviderConfig {config.Metadata.Name} allows neither project {plane.Project ?? plane.Id} nor namespace {user ?? "of anybody"}: add one of them to spec.allowed.";

        // Every scope field decides whose money is spent: each value must be listed, an absent list allows none. Nothing stands for all values:
        // whoever writes '*' into a Location asks for a place of that name.
        foreach (var field in ScopeFields(driver))
        {
            var value = Placements.ValueOf(block.Block, field);
            var isListed = value != "*" && allowed.Scope is not null && allowed.Scope.TryGetValue(field, out var values) && values.Contains(value);
            if (!isListed && !(development && allowed.Scope?.ContainsKey(field) != true))
                return $"ProviderConfig {config.Metadata.Name} doesn't allow {field} '{value}': add it to spec.allowed.scope.{field}.";
        }
        return null;
    }

    private bool IsOpen(AllowedUse allowed) => development && allowed.Projects is not { Count: > 0 } && allowed.Namespaces is not { Count: > 0 };

    private static bool Lists(List<string>? list, string value) => list?.Contains(value) == true || list?.Contains("*") == true;
}
