using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Host.Cli.Trace;

/// <summary>Locations, ProviderConfigs and drivers.</summary>
internal sealed partial class TreeBuilder
{
    /// <summary>Configs of a Location's driver that are shown when none serves it.</summary>
    private const int MaxConfigs = 5;

    private TraceNode LocationNode(LocationReference reference, string? ns)
    {
        var found = _plane.Locations.Find(l => l.Key == reference.Key) ?? _plane.Locations.Find(l => l.Metadata.Name == reference.Name && l.Metadata.Namespace is null)
            ?? (reference.Namespace is null ? _plane.Locations.Find(l => l.Metadata.Name == reference.Name && l.Metadata.Namespace == ns) : null);
        if (found is not null)
            return LocationNode(found);
        return Once(_plane.Knows(ResourceTypes.Locations.ToString())
            ? Judge.Missing("Location", reference.Key, Reasons.LocationNotFound, $"Location {reference.Key} doesn't exist.")
            : NotSeen("Location", reference.Key), node => node.Fact("locationName", reference.Key.ToString()));
    }

    private TraceNode LocationNode(Location location) => Once(
        Judge.Object("Location", location, location.Status?.Conditions, _plane.Now, ConditionTypes.Accepted, ConditionTypes.Ready), node =>
        {
            node.Fact("location", node.Key);
            node.Fact("locationName", location.Key.ToString());
            node.Fact("alternatives", Alternatives(location.Metadata.Namespace, location.Metadata.Name));
            if (!LocationBlock.TryRead(location, out var block, out _))
                return;
            node.Fact("driver", block.Driver);
            node.Detail($"class {location.Spec.LocationClassName}, city {location.CityCode ?? "none"}, driver {block.Driver}");
            var driver = _plane.Drivers.Find(d => d.Status?.LocationKey == block.Driver) ?? _plane.Drivers.Find(d => d.Metadata.Name == block.Driver);
            if (driver is not null)
                Link(node.Needs, DriverNode(driver));
            else if (_plane.Knows(ResourceTypes.ProviderDrivers.ToString()))
                Link(node.Needs, NoDriver(block.Driver));
            var id = driver?.Metadata.Name ?? block.Driver;
            var key = location.Key.ToString();
            var serving = _plane.Configs.Where(c => c.Status?.Locations?.Contains(key) == true).ToList();
            foreach (var config in serving.Count > 0 ? serving : [.. _plane.Configs.Where(c => c.Spec.Driver == id).Take(MaxConfigs)])
            {
                if (serving.Count > 0)
                    node.Fact("config", config.Metadata.Name);
                Link(node.Needs, ConfigNode(config));
            }
        });

    private TraceNode NoDriver(string id) => Once(
        Judge.Missing("ProviderDriver", new ObjectKey(null, id), Reasons.DriverMissing, $"it isn't in the driver volume, which has {Loaded()}"), node => node.Fact("driver", id));

    private string Loaded()
    {
        var ready = _plane.Drivers.Where(d => d.Status?.State == DriverState.Ready).Select(d => d.Metadata.Name).ToList();
        return ready.Count == 0 ? "none that is ready" : string.Join(", ", ready);
    }

    private TraceNode ConfigNode(ProviderConfig config, bool whole = false) => Once(
        Judge.Object("ProviderConfig", config, config.Status?.Conditions, _plane.Now, ConditionTypes.Ready), node =>
        {
            node.Fact("config", config.Metadata.Name);
            node.Fact("driver", config.Spec.Driver);
            node.Fact("account", config.Status?.AccountId);
            node.Detail($"driver {config.Spec.Driver}, account {config.Status?.AccountId ?? "not proved yet"}");
            if (!whole)
                return;
            if (_plane.Drivers.Find(d => d.Metadata.Name == config.Spec.Driver) is { } driver)
                Link(node.Needs, DriverNode(driver));
            else if (_plane.Knows(ResourceTypes.ProviderDrivers.ToString()))
                Link(node.Needs, NoDriver(config.Spec.Driver));
            foreach (var location in _plane.Locations.Where(l => config.Status?.Locations?.Contains(l.Key.ToString()) == true))
                Link(node.Children, LocationNode(location));
        });

    private TraceNode DriverNode(ProviderDriver driver, bool whole = false) => Once(Judge.Bare("ProviderDriver", driver), node =>
    {
        var status = driver.Status;
        node.Fact("driver", driver.Metadata.Name);
        node.Detail($"version {status?.Version ?? "unknown"}, contract {status?.Contract ?? "unknown"}, location key {status?.LocationKey ?? "unknown"}");
        node.Message = status?.Message ?? "";
        (node.Mark, node.Reason) = status?.State switch
        {
            DriverState.Ready => (Mark.Ok, Reasons.Ready),
            DriverState.Faulted => (Mark.Failed, Advice.DriverFaulted),
            null => (Mark.Waiting, Reasons.Pending),
            // The word of a rejection says what is wrong with the folder; for the reader the driver is missing.
            _ => (Mark.Failed, Reasons.DriverMissing),
        };
        if (status?.State == DriverState.Rejected)
            node.Message = $"rejected ({status.Reason}): {status.Message}";
        if (whole)
            foreach (var config in _plane.Configs.Where(c => c.Spec.Driver == driver.Metadata.Name))
                Link(node.Children, ConfigNode(config));
    });

    private IEnumerable<Location> InCity(WorkloadDeployment deployment) => Usable(deployment.Metadata.Namespace)
        .Where(l => string.Equals(l.CityCode, deployment.Spec.CityCode, StringComparison.OrdinalIgnoreCase));

    private IEnumerable<Location> Usable(string? ns) => _plane.Locations
        .Where(l => l.Metadata.Namespace is null || l.Metadata.Namespace == ns).OrderBy(l => l.Metadata.Name, StringComparer.Ordinal);

    /// <summary>Locations that are ready, with their city; null where there is none.</summary>
    private string? Alternatives(string? ns, string? but)
    {
        var ready = Usable(ns).Where(l => l.Metadata.Name != but && !l.IsDeleting
            && Conditions.IsTrue(l.Status?.Conditions, ConditionTypes.Accepted) && Conditions.IsTrue(l.Status?.Conditions, ConditionTypes.Ready)).ToList();
        return ready.Count == 0 ? null
            : string.Join(", ", ready.Take(5).Select(l => $"{l.Metadata.Name} (city {l.CityCode ?? "none"})")) + (ready.Count > 5 ? $" and {ready.Count - 5} more" : "");
    }

    private static TraceNode NotSeen(string kind, ObjectKey key) =>
        new(kind, key.Namespace, key.Name) { Mark = Mark.Unknown, Reason = Advice.NotReadable, Message = "not among what you may list", Informational = true };
}
