using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources.Tests;

/// <summary>All of our kinds without their C# type.</summary>
internal sealed record Kind(string ApiVersion, string Name, string Plural, string Group, bool Namespaced, JsonTypeInfo Json)
{
    public static IReadOnlyList<Kind> All { get; } =
    [
        Of(ResourceTypes.Workloads), Of(ResourceTypes.WorkloadDeployments), Of(ResourceTypes.Instances),
        Of(ResourceTypes.Locations), Of(ResourceTypes.ComputeLocations), Of(ResourceTypes.Networks), Of(ResourceTypes.NetworkBindings),
        Of(ResourceTypes.NetworkContexts), Of(ResourceTypes.NetworkPolicies), Of(ResourceTypes.SubnetClaims), Of(ResourceTypes.Subnets),
        Of(ResourceTypes.Projects), Of(ResourceTypes.OlderProjects), Of(ResourceTypes.ExportPolicies), Of(ResourceTypes.OlderExportPolicies),
        Of(ResourceTypes.ProviderConfigs), Of(ResourceTypes.ProviderDrivers), Of(ResourceTypes.ManagedResources),
    ];

    /// <summary>The kind of a manifest, or null when we have no type for it.</summary>
    public static Kind? Find(JsonObject manifest) =>
        All.SingleOrDefault(k => k.ApiVersion == manifest["apiVersion"]?.GetValue<string>() && k.Name == manifest["kind"]?.GetValue<string>());

    /// <summary>Reads a manifest into its C# type and writes it again.</summary>
    public JsonNode RoundTrip(JsonNode manifest) =>
        JsonSerializer.SerializeToNode(JsonSerializer.Deserialize(manifest.ToJsonString(), Json), Json)!;

    public override string ToString() => $"{Plural}.{Group}";

    private static Kind Of<T>(ResourceType<T> type) where T : KubeObject =>
        new(type.ApiVersion, type.Kind, type.Plural, type.Group, type.Namespaced, type.Json);
}
