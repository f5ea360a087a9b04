using System.Text.Json.Serialization.Metadata;

namespace Datum.Providers.Kubernetes;

/// <summary>The kinds of Kubernetes itself that the host uses.</summary>
public static class Core
{
    public static ResourceType<Namespace> Namespaces { get; } = Make("", "v1", "Namespace", "namespaces", false, KubernetesJsonContext.Default.Namespace);

    public static ResourceType<Secret> Secrets { get; } = Make("", "v1", "Secret", "secrets", true, KubernetesJsonContext.Default.Secret);

    /// <summary>Secrets without their values, for who wants to know that one has changed.</summary>
    public static ResourceType<SecretMetadata> SecretMetadata { get; } = Make("", "v1", "Secret", "secrets", true, KubernetesJsonContext.Default.SecretMetadata);

    public static ResourceType<ConfigMap> ConfigMaps { get; } = Make("", "v1", "ConfigMap", "configmaps", true, KubernetesJsonContext.Default.ConfigMap);

    public static ResourceType<CoreEvent> Events { get; } = Make("", "v1", "Event", "events", true, KubernetesJsonContext.Default.CoreEvent);

    public static ResourceType<Lease> Leases { get; } =
        Make("coordination.k8s.io", "v1", "Lease", "leases", true, KubernetesJsonContext.Default.Lease);

    public static ResourceType<CustomResourceDefinition> CustomResourceDefinitions { get; } =
        Make("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", false, KubernetesJsonContext.Default.CustomResourceDefinition);

    /// <summary>A kind that we have no type for.</summary>
    public static ResourceType<UntypedObject> Untyped(string group, string version, string kind, string plural, bool namespaced) =>
        Make(group, version, kind, plural, namespaced, KubernetesJsonContext.Default.UntypedObject);

    private static ResourceType<T> Make<T>(string group, string version, string kind, string plural, bool namespaced, JsonTypeInfo<T> json) where T : KubeObject =>
        new() { Group = group, Version = version, Kind = kind, Plural = plural, Namespaced = namespaced, Json = json };
}
