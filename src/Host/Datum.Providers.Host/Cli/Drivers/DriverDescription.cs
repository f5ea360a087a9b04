using System.Text.Json.Nodes;
using Datum.Providers.Host.Loader;

namespace Datum.Providers.Host.Cli;

/// <summary>Result of <c>drivers describe</c>: all that the descriptor announces. Durations are in seconds.</summary>
internal sealed record DriverDescription
{
    public required string Id { get; init; }

    public required string Version { get; init; }

    public required string Folder { get; init; }

    /// <summary>SHA-256 of driver.json.</summary>
    public required string Digest { get; init; }

    public required ContractRange Contract { get; init; }

    public required string LocationKey { get; init; }

    public required RangeOrder RangeOrder { get; init; }

    public required IReadOnlyList<string> SessionScope { get; init; }

    public required IReadOnlyList<string> Egress { get; init; }

    public required IReadOnlyList<KindDescription> Kinds { get; init; }

    public required Capabilities Capabilities { get; init; }

    /// <summary>What only some platforms can; adoption stands with the kinds.</summary>
    public required IReadOnlyList<Ability> Abilities { get; init; }

    public required IReadOnlyList<CredentialKey> CredentialKeys { get; init; }

    public required SchemaDescription Location { get; init; }

    public required SchemaDescription Settings { get; init; }

    /// <summary>A Location and a ProviderConfig that the driver takes; empty where no value for a required field is known here.</summary>
    public required IReadOnlyList<JsonObject> Examples { get; init; }
}

/// <summary>The contracts (major.minor) that a driver runs on.</summary>
internal sealed record ContractRange(string Min, string Max);

/// <summary>A schema, whole and as a list of its fields.</summary>
internal sealed record SchemaDescription(JsonNode? Schema, IReadOnlyList<SchemaField> Fields);

/// <summary>One kind of a driver.</summary>
internal sealed record KindDescription
{
    public required ResourceKind Kind { get; init; }

    public required CreateClass CreateClass { get; init; }

    /// <summary>Null where the create class isn't Token.</summary>
    public double? TokenLife { get; init; }

    public required double ConsistencyWindow { get; init; }

    public required ListQuality ListQuality { get; init; }

    public string? ListPartition { get; init; }

    public required bool ListingCarriesFacts { get; init; }

    public required bool ListingCarriesRevision { get; init; }

    public required IReadOnlyList<string> SharingScope { get; init; }

    public required IReadOnlyList<string> UpdatablePaths { get; init; }

    public required bool Adoptable { get; init; }

    public required double TypicalCreate { get; init; }

    public required double CreateDeadline { get; init; }

    public required double CallTimeout { get; init; }
}

/// <summary>From descriptor and manifest to the result.</summary>
internal static class DriverDescriptions
{
    private const string ClassName = "datum-managed";

    public static DriverDescription Of(string folder, DriverManifest manifest, DriverDescriptor descriptor) => new()
    {
        Id = descriptor.Id, Version = descriptor.Version, Folder = folder, Digest = manifest.Digest,
        Contract = new ContractRange(manifest.ContractMin.ToString(), manifest.ContractMax.Minor == int.MaxValue ? $"{manifest.ContractMax.Major}" : manifest.ContractMax.ToString()),
        LocationKey = descriptor.LocationKey, RangeOrder = descriptor.RangeOrder,
        SessionScope = descriptor.SessionScope, Egress = descriptor.Egress, Capabilities = descriptor.Capabilities, Abilities = descriptor.Abilities, CredentialKeys = descriptor.CredentialKeys,
        Kinds = [.. descriptor.Kinds.Select(Kind)],
        Location = Schema(descriptor.LocationSchema),
        Settings = Schema(descriptor.SettingsSchema),
        Examples = Examples(descriptor),
    };

    private static KindDescription Kind(KindDescriptor kind) => new()
    {
        Kind = kind.Kind, CreateClass = kind.CreateClass, TokenLife = kind.CreateClass == CreateClass.Token ? kind.TokenLife.TotalSeconds : null,
        ConsistencyWindow = kind.ConsistencyWindow.TotalSeconds, ListQuality = kind.ListQuality, ListPartition = kind.ListPartition,
        ListingCarriesFacts = kind.ListingCarriesFacts, ListingCarriesRevision = kind.ListingCarriesRevision,
        SharingScope = kind.SharingScope, UpdatablePaths = kind.UpdatablePaths, Adoptable = kind.Adoptable,
        TypicalCreate = kind.TypicalCreate.TotalSeconds, CreateDeadline = kind.CreateDeadline.TotalSeconds, CallTimeout = kind.CallTimeout.TotalSeconds,
    };

    private static SchemaDescription Schema(string schema) => new(JsonNode.Parse(schema), SchemaFields.Of(schema));

    private static IReadOnlyList<JsonObject> Examples(DriverDescriptor descriptor)
    {
        if (SchemaExample.Of(descriptor.LocationSchema) is not { } block || SchemaExample.Of(descriptor.SettingsSchema) is not { } settings)
            return [];
        var spec = new JsonObject { ["driver"] = descriptor.Id, ["locations"] = new JsonObject { ["classNames"] = new JsonArray(ClassName) } };
        // A config without it allows nobody (law L14).
        var allowed = new JsonObject { ["namespaces"] = new JsonArray("default") };
        var scope = new JsonObject();
        foreach (var field in descriptor.Kinds.SelectMany(k => k.SharingScope).Concat(descriptor.SessionScope).Distinct(StringComparer.Ordinal))
            scope[field] = new JsonArray(block.TryGetPropertyValue(field, out var value) && value is JsonValue text ? text.ToString() : "");
        if (scope.Count > 0)
            allowed["scope"] = scope;
        spec["allowed"] = allowed;
        if (descriptor.CredentialKeys.Length > 0)
            spec["credentials"] = new JsonObject { ["source"] = "Secret", ["secretRef"] = new JsonObject { ["name"] = $"{descriptor.Id}-credentials" } };
        if (settings.Count > 0)
            spec["settings"] = settings;
        return
        [
            new JsonObject
            {
                ["apiVersion"] = "providers.datumapis.com/v1alpha1", ["kind"] = "ProviderConfig", ["metadata"] = new JsonObject { ["name"] = descriptor.Id }, ["spec"] = spec,
            },
            new JsonObject
            {
                ["apiVersion"] = "networking.datumapis.com/v1alpha", ["kind"] = "Location", ["metadata"] = new JsonObject { ["name"] = $"{descriptor.Id}-example", ["namespace"] = "default" },
                ["spec"] = new JsonObject
                {
                    ["locationClassName"] = ClassName, ["topology"] = new JsonObject { ["topology.datum.net/city-code"] = "DFW" },
                    ["provider"] = new JsonObject { [descriptor.LocationKey] = block },
                },
            },
        ];
    }
}
