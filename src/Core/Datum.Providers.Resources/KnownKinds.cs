using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources;

/// <summary>A kind and where it is served.</summary>
public sealed record KnownKind(string ApiVersion, string Kind, string Plural, bool Namespaced);

/// <summary>The kinds that we serve or use, without their C# types.</summary>
public static class KnownKinds
{
    /// <summary>Kinds of our definitions. Where a kind has several groups, the one to prefer comes first.</summary>
    public static IReadOnlyList<KnownKind> All { get; } =
    [
        Of(ResourceTypes.Workloads), Of(ResourceTypes.WorkloadDeployments), Of(ResourceTypes.Instances),
        Of(ResourceTypes.Networks), Of(ResourceTypes.NetworkBindings), Of(ResourceTypes.NetworkContexts), Of(ResourceTypes.NetworkPolicies),
        Of(ResourceTypes.SubnetClaims), Of(ResourceTypes.Subnets), Of(ResourceTypes.Locations), Of(ResourceTypes.ComputeLocations),
        Of(ResourceTypes.Projects), Of(ResourceTypes.OlderProjects), Of(ResourceTypes.ExportPolicies), Of(ResourceTypes.OlderExportPolicies),
        Of(ResourceTypes.ProviderConfigs), Of(ResourceTypes.ProviderDrivers), Of(ResourceTypes.ManagedResources),
    ];

    /// <summary>Kinds of every API server that manifests beside ours use.</summary>
    private static readonly KnownKind[] Core =
    [
        new("v1", "Namespace", "namespaces", false), new("v1", "Secret", "secrets", true), new("v1", "ConfigMap", "configmaps", true),
        new("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false),
    ];

    /// <summary>Where a kind is served; empty for a kind that we don't know. Letter case counts.</summary>
    public static IReadOnlyList<string> ApiVersionsOf(string kind) => [.. All.Concat(Core).Where(k => k.Kind == kind).Select(k => k.ApiVersion)];

    /// <summary>The kinds of an API version.</summary>
    public static IReadOnlyList<string> KindsOf(string apiVersion) => [.. All.Concat(Core).Where(k => k.ApiVersion == apiVersion).Select(k => k.Kind)];

    private static KnownKind Of<T>(ResourceType<T> type) where T : KubeObject => new(type.ApiVersion, type.Kind, type.Plural, type.Namespaced);
}
