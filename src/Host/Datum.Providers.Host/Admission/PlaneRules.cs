using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Engine;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Engine.Translate;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Datum.Providers.Resources.Validation;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Host.Admission;

/// <summary>Something that was found; what doesn't refuse is a warning.</summary>
internal sealed record Judgement(Violation Violation, bool Refuses);

/// <summary>What is wrong with an object given what else there is: cities, Networks, who serves which Location and what its platform can do. Reads caches, calls nobody.</summary>
/// <param name="resolver">The engine's own; null where the drivers aren't known.</param>
internal sealed class PlaneRules(ProjectPlane plane, LocationResolver? resolver, IDriverConnector? drivers)
{
    /// <summary>Whether it is known who serves which Location.</summary>
    public bool KnowsDrivers => resolver is not null;

    public IReadOnlyList<Judgement> Check(JsonObject value)
    {
        if (value["spec"] is null)
            return [];
        bool Is<T>(ResourceType<T> type) where T : KubeObject => (string?)value["apiVersion"] == type.ApiVersion && (string?)value["kind"] == type.Kind;
        T As<T>(ResourceType<T> type) where T : KubeObject => value.Deserialize(type.Json)!;

        if (Is(ResourceTypes.Workloads) && As(ResourceTypes.Workloads) is var workload)
            return [.. Workload(workload)];
        if (Is(ResourceTypes.WorkloadDeployments) && As(ResourceTypes.WorkloadDeployments) is var deployment)
            return [.. Places(Probe(deployment.Spec.Template, deployment), [deployment.Spec.CityCode], TemplatePlace.Template)];
        if (Is(ResourceTypes.Instances) && As(ResourceTypes.Instances) is { Spec.Location: { } at } instance)
            return resolver?.Resolve(at, instance.Metadata.Namespace).Resolved is { } place ? [.. Offers(instance, [place], "spec", "metadata")] : [];
        if (Is(ResourceTypes.Locations) || Is(ResourceTypes.ComputeLocations))
            return [.. Location(As(ResourceTypes.Locations))];
        return Is(ResourceTypes.ProviderConfigs) && drivers is not null ? [.. ConfigRules.Check(As(ResourceTypes.ProviderConfigs), drivers.Find, drivers.WhyMissing)] : [];
    }

    /// <summary>The Networks that a template names, by path: whether they may be used is asked elsewhere.</summary>
    public static IEnumerable<(string Path, ObjectKey Network)> NetworksOf(Workload workload) => workload.Spec.Template.Spec.NetworkInterfaces
        .Select((n, i) => ($"spec.template.spec.networkInterfaces[{i}].network", new ObjectKey(string.IsNullOrEmpty(n.Network.Namespace) ? workload.Metadata.Namespace : n.Network.Namespace, n.Network.Name)));

    private IEnumerable<Judgement> Workload(Workload workload)
    {
        foreach (var city in WorkloadRules.Cities(workload.Spec, Reach(workload.Metadata.Namespace)))
            yield return new(city, true);
        foreach (var (path, network) in NetworksOf(workload))
            if (plane.Networks.Find(network) is null)
                yield return new(Rules.NetworkExists.At(path, $"There is no Network {network} yet; the Workload waits for it."), false);
        foreach (var found in Places(Probe(workload.Spec.Template, workload), workload.Spec.Placements.SelectMany(p => p.CityCodes).Distinct(StringComparer.OrdinalIgnoreCase), TemplatePlace.Template))
            yield return found;
    }

    private List<Location> Reach(string? ns) =>
        [.. plane.ComputeLocations.All().Concat(plane.Locations.All()).Where(l => l.Metadata.Namespace is null || l.Metadata.Namespace == ns).OrderBy(l => l.Key.ToString(), StringComparer.Ordinal)];

    /// <summary>An instance as the template would make it.</summary>
    private static Instance Probe(InstanceTemplate template, KubeObject owner)
    {
        var instance = new Instance { Spec = template.Spec };
        instance.Metadata.Name = $"{owner.Metadata.Name ?? owner.Metadata.GenerateName}-0";
        instance.Metadata.Namespace = owner.Metadata.Namespace;
        instance.Metadata.Labels = template.Metadata?.Labels;
        instance.Metadata.Annotations = template.Metadata?.Annotations;
        return instance;
    }

    private IEnumerable<Judgement> Places(Instance probe, IEnumerable<string> cities, TemplatePlace at)
    {
        if (resolver is null)
            yield break;
        var reach = Reach(probe.Metadata.Namespace);
        var seen = new HashSet<(string, string)>();
        foreach (var city in cities)
        {
            var places = reach.Where(l => string.Equals(l.CityCode, city, StringComparison.OrdinalIgnoreCase))
                .Select(l => resolver.Resolve(new LocationReference { Name = l.Metadata.Name!, Namespace = l.Metadata.Namespace }, probe.Metadata.Namespace).Resolved).OfType<ResolvedLocation>().DistinctBy(p => p.Location.Key).ToList();
            foreach (var found in Offers(probe, places, at.Spec, at.Metadata))
                if (seen.Add((found.Violation.Field, found.Violation.Message)))
                    yield return found;
        }
    }

    /// <summary>Refused when every place refuses; a warning while there is one that takes it.</summary>
    private IEnumerable<Judgement> Offers(Instance probe, IReadOnlyList<ResolvedLocation> places, string spec, string metadata)
    {
        var answers = places.Select(p => (Place: p, Found: PlacementCheck.Check(probe, p, n => plane.Networks.Find(new ObjectKey(string.IsNullOrEmpty(n.Namespace) ? probe.Metadata.Namespace : n.Namespace, n.Name))))).ToList();
        var refused = answers.Count > 0 && answers.TrueForAll(a => a.Found.Count > 0);
        foreach (var group in answers.SelectMany(a => a.Found.Select(f => (a.Place.Location, Found: f))).GroupBy(f => (f.Found.Field, f.Found.Message)))
        {
            var found = group.First().Found;
            var field = found.Field.StartsWith("spec", StringComparison.Ordinal) ? spec + found.Field[4..] : metadata + found.Field["metadata".Length..];
            var where = string.Join(", ", group.Select(g => g.Location.Key.ToString()).Distinct(StringComparer.Ordinal).Take(5));
            yield return new(found with { Field = field, Message = $"{found.Message} (Location {where}{(found.Capability is { } lacks ? $", capability {lacks}" : "")})" }, refused);
        }
    }

    private IEnumerable<Judgement> Location(Location location)
    {
        // One block that can be read was asked before.
        if (resolver is null || !LocationBlock.TryRead(location, out var block, out _))
            yield break;
        var answer = resolver.Resolve(location);
        if (answer.Resolved is not null)
            yield break;
        var path = $"spec.provider.{block.Driver}";
        yield return answer.Reason switch
        {
            Reasons.InvalidLocation => new(Rules.LocationSchema.At(answer.Message.Split(' ')[0].TrimEnd(':', '.') is var field && field.StartsWith(path, StringComparison.Ordinal) ? field : path, answer.Message), true),
            Reasons.PlacementInUse => new(Rules.LocationMoved.At(answer.Message.Split(' ')[0], answer.Message), true),
            _ => new(Rules.LocationServed.At(path, answer.Message), false),
        };
    }
}

/// <summary>A ProviderConfig against its driver.</summary>
internal static class ConfigRules
{
    public static IEnumerable<Judgement> Check(ProviderConfig config, Func<string, DriverDescriptor?> find, Func<string, string> whyMissing)
    {
        if (find(config.Spec.Driver) is not { } driver)
        {
            yield return new(Rules.ConfigDriver.At("spec.driver", whyMissing(config.Spec.Driver)), false);
            yield break;
        }

        if (config.Spec.Settings is { ValueKind: not JsonValueKind.Null } settings && SchemaCheck.Validate(driver.SettingsSchema, settings, "spec.settings") is { } wrong)
            yield return new(Rules.ConfigSettings.At(wrong.Split(' ')[0].TrimEnd(':', '.') is var field && field.StartsWith("spec.settings", StringComparison.Ordinal) ? field : "spec.settings", wrong), true);
        if (driver.CredentialKeys.Where(k => k.Required).Select(k => k.Key).Order(StringComparer.Ordinal).ToList() is { Count: > 0 } keys && (config.Spec.Credentials?.Source ?? CredentialsSource.None) == CredentialsSource.None)
            yield return new(Rules.ConfigCredentials.At("spec.credentials", $"Driver {driver.Id} needs the credential keys {string.Join(", ", keys)}, and the source is None."), true);
    }
}
