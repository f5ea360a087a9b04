using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Translate;
using Datum.Providers.Host.Admission;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Manifests;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Datum.Providers.Resources.Validation;
using Compute = Datum.Providers.Resources.Compute;

namespace Datum.Providers.Host.Cli;

/// <summary>
/// What this host refuses with a condition, and its webhook at once, though an API server takes it. With drivers: their schemas, and whether a
/// platform can do what a Workload wishes for (law L11). With a plane: its cities and Networks, and what the Locations' own drivers can do.
/// </summary>
/// <param name="rules">False leaves out the rules about single objects: who plans hears of them with the plan.</param>
internal sealed class HostRules(IReadOnlyList<DriverDescriptor>? drivers, PlaneRules? plane = null, bool rules = true)
{
    private const string Template = "spec.template.";

    /// <summary>Checks objects that a server would take, with its defaults in them.</summary>
    public IEnumerable<(Manifest Manifest, ManifestFinding Finding)> Check(IReadOnlyList<(Manifest Manifest, JsonObject Stored)> objects)
    {
        List<(Manifest, ManifestFinding)> findings = [];
        List<ProviderConfig> configs = [];
        // Configs first: they say what instance types mean.
        foreach (var (manifest, stored) in objects.OrderBy(o => o.Manifest.Kind == ResourceTypes.ProviderConfigs.Kind ? 0 : 1))
            try
            {
                if (rules)
                    findings.AddRange(ObjectRules.Check(stored).Select(v => (manifest, Of(v, true))));
                // The plane knows which driver a Location has, and every config.
                findings.AddRange((plane is { KnowsDrivers: true } ? [] : Check(manifest, stored, configs)).Select(f => (manifest, f)));
                findings.AddRange((plane?.Check(Placed(manifest, stored)) ?? []).Select(j => (manifest, Of(j.Violation, j.Refuses))));
            }
            catch (JsonException e)
            {
                findings.Add((manifest, Error(e.Path?.TrimStart('$', '.') ?? "", "The host can't read the object, and leaves it alone.", "Correct the field's type.")));
            }

        return findings;
    }

    private IEnumerable<ManifestFinding> Check(Manifest manifest, JsonObject stored, List<ProviderConfig> configs) => (manifest.ApiVersion, manifest.Kind) switch
    {
        var (version, kind) when kind == ResourceTypes.Locations.Kind && (version == ResourceTypes.Locations.ApiVersion || version == ResourceTypes.ComputeLocations.ApiVersion) =>
            Check(stored.Deserialize(ResourceTypes.Locations.Json)!),
        var (version, kind) when version == ResourceTypes.ProviderConfigs.ApiVersion && kind == ResourceTypes.ProviderConfigs.Kind =>
            Check(Known(stored.Deserialize(ResourceTypes.ProviderConfigs.Json)!, configs)),
        var (version, kind) when version == ResourceTypes.Workloads.ApiVersion && kind == ResourceTypes.Workloads.Kind =>
            Check(stored.Deserialize(ResourceTypes.Workloads.Json)!.Spec.Template, manifest, configs),
        var (version, kind) when version == ResourceTypes.WorkloadDeployments.ApiVersion && kind == ResourceTypes.WorkloadDeployments.Kind =>
            Check(stored.Deserialize(ResourceTypes.WorkloadDeployments.Json)!.Spec.Template, manifest, configs),
        _ => [],
    };

    private IEnumerable<ManifestFinding> Check(Location location)
    {
        if (!LocationBlock.TryRead(location, out var block, out _))
            yield break;
        if (drivers is not null && drivers.FirstOrDefault(d => d.LocationKey == block.Driver) is var driver && driver is null)
            yield return Error($"spec.provider.{block.Driver}", $"No driver of the volume answers to the key {block.Driver}.", $"It has {Words(drivers.Select(d => d.LocationKey))}.");
        else if (drivers is not null && SchemaCheck.Validate(drivers.First(d => d.LocationKey == block.Driver).LocationSchema, block.Block, $"{block.Source}.{block.Driver}") is { } wrong)
            yield return Error(FieldIn(wrong, $"spec.provider.{block.Driver}"), wrong, $"See 'datum-providers drivers describe {drivers.First(d => d.LocationKey == block.Driver).Id}'.");
    }

    private IEnumerable<ManifestFinding> Check(ProviderConfig config)
    {
        if (drivers is null)
            yield break;
        if (drivers.FirstOrDefault(d => d.Id == config.Spec.Driver) is not { } driver)
        {
            yield return Error("spec.driver", $"The volume has no driver with id '{config.Spec.Driver}'.", $"It has {Words(drivers.Select(d => d.Id))}.");
            yield break;
        }

        if (config.Spec.Settings is { ValueKind: not JsonValueKind.Null } settings && SchemaCheck.Validate(driver.SettingsSchema, settings, "spec.settings") is { } wrong)
            yield return Error(FieldIn(wrong, "spec.settings"), wrong, $"See 'datum-providers drivers describe {driver.Id}'.");
        if (driver.CredentialKeys.Any(k => k.Required) && (config.Spec.Credentials?.Source ?? CredentialsSource.None) == CredentialsSource.None)
            yield return Error("spec.credentials", $"Driver {driver.Id} needs the credential keys {Words(driver.CredentialKeys.Where(k => k.Required).Select(k => k.Key))}, and the source is None.", "Set spec.credentials.");
    }

    /// <summary>What no driver of the volume can do is an error; what some can't is a warning that names them.</summary>
    private IEnumerable<ManifestFinding> Check(Compute.InstanceTemplate template, Manifest manifest, List<ProviderConfig> configs)
    {
        if (drivers is null or { Count: 0 })
            return [];
        ManifestFinding Capability(string path, string message) => Error(Template + path, message, null) with { Rule = Rules.Capability.Id };
        var instance = new Compute.Instance { Spec = template.Spec };
        instance.Metadata.Name = $"{manifest.Name ?? manifest.Kind.ToLowerInvariant()}-0";
        instance.Metadata.Namespace = manifest.Namespace ?? "default";
        instance.Metadata.Labels = template.Metadata?.Labels;
        instance.Metadata.Annotations = template.Metadata?.Annotations;
        return drivers.SelectMany(d => Wishes(instance, d, configs).Select(f => (Driver: d.Id, Finding: f)))
            .GroupBy(f => (f.Finding.Path, f.Finding.Message))
            .Select(g => g.Select(f => f.Driver).Distinct(StringComparer.Ordinal).ToList() is var of && of.Count == drivers.Count
                ? Capability(g.Key.Path, g.Key.Message)
                : Capability(g.Key.Path, $"{g.Key.Message} (on Locations of driver {string.Join(", ", of)})") with { Severity = FindingSeverity.Warning });
    }

    private static ImmutableArray<Finding> Wishes(Compute.Instance instance, DriverDescriptor driver, List<ProviderConfig> configs)
    {
        // The sizes, images and disk types of every config of the driver that is validated along; which one a Location takes isn't known here.
        var config = new ProviderConfigSpec { Driver = driver.Id, InstanceTypes = [] };
        foreach (var (type, mapping) in configs.Where(c => c.Spec.Driver == driver.Id).SelectMany(c => c.Spec.InstanceTypes ?? []))
            config.InstanceTypes[type] = mapping;
        var places = instance.Spec.NetworkInterfaces.Select(_ => new InterfacePlace("network", [], [])).ToList();
        var common = InstanceTranslation.Violations(instance.Spec, instance.Metadata.Annotations, instance.Metadata.Namespace, TemplatePlace.Instance).Select(v => (v.Field, v.Message)).ToHashSet();
        return [.. InstanceTranslation.Translate(instance, driver.Capabilities, config, places, default, slot => slot).Findings.Where(f => !common.Contains((f.Path, f.Message)))];
    }

    private static ManifestFinding Of(Violation violation, bool refuses) =>
        Error(violation.Field, violation.Message, null) with { Rule = violation.Rule.Id, Severity = refuses ? FindingSeverity.Error : FindingSeverity.Warning };

    /// <summary>As kubectl sends it where nobody says otherwise.</summary>
    private static JsonObject Placed(Manifest manifest, JsonObject stored)
    {
        if (manifest.Namespace is not null || !ObjectRules.Kinds.Any(k => k.Namespaced && k.Kind == manifest.Kind))
            return stored;
        var copy = (JsonObject)stored.DeepClone();
        copy["metadata"]!["namespace"] = "default";
        return copy;
    }

    private static ManifestFinding Error(string field, string message, string? advice) => new()
    {
        File = "", Line = 0, Document = 0, Field = field, Severity = FindingSeverity.Error, Source = FindingSource.Host, Message = message, Advice = advice,
    };

    // The message begins with the field that it is about.
    private static string FieldIn(string message, string parent) =>
        message.Split(' ', 2)[0].TrimEnd(':', '.') is var field && field.StartsWith(parent, StringComparison.Ordinal) ? field : parent;

    private static ProviderConfig Known(ProviderConfig config, List<ProviderConfig> configs)
    {
        configs.Add(config);
        return config;
    }

    private static string Words(IEnumerable<string> words) => string.Join(", ", words.Order(StringComparer.Ordinal)) is { Length: > 0 } text ? text : "none";
}
