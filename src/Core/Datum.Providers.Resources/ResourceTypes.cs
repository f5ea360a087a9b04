using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Datum.Providers.Resources.ResourceManager;
using Datum.Providers.Resources.Telemetry;

namespace Datum.Providers.Resources;

/// <summary>Where each kind is served and how it is read.</summary>
public static class ResourceTypes
{
    public const string ComputeGroup = "compute.datumapis.com";
    public const string NetworkingGroup = "networking.datumapis.com";
    public const string ProvidersGroup = "providers.datumapis.com";
    public const string ResourceManagerGroup = "resourcemanager.miloapis.com";
    public const string TelemetryGroup = "telemetry.miloapis.com";

    /// <summary>Where the first documents had Project and ExportPolicy.</summary>
    public const string OlderResourceManagerGroup = "resourcemanager.datumapis.com";
    public const string OlderTelemetryGroup = "telemetry.datumapis.com";

    public static ResourceType<Workload> Workloads { get; } = Compute("Workload", "workloads", ResourcesJsonContext.Default.Workload);
    public static ResourceType<WorkloadDeployment> WorkloadDeployments { get; } =
        Compute("WorkloadDeployment", "workloaddeployments", ResourcesJsonContext.Default.WorkloadDeployment);
    public static ResourceType<Instance> Instances { get; } = Compute("Instance", "instances", ResourcesJsonContext.Default.Instance);

    public static ResourceType<Location> Locations { get; } = Networking("Location", "locations", ResourcesJsonContext.Default.Location);

    /// <summary>Location in the compute group, as a seed document has it. A Location of the same name in the networking group wins.</summary>
    public static ResourceType<Location> ComputeLocations { get; } = Compute("Location", "locations", ResourcesJsonContext.Default.Location);

    public static ResourceType<Network> Networks { get; } = Networking("Network", "networks", ResourcesJsonContext.Default.Network);
    public static ResourceType<NetworkBinding> NetworkBindings { get; } =
        Networking("NetworkBinding", "networkbindings", ResourcesJsonContext.Default.NetworkBinding);
    public static ResourceType<NetworkContext> NetworkContexts { get; } =
        Networking("NetworkContext", "networkcontexts", ResourcesJsonContext.Default.NetworkContext);
    public static ResourceType<NetworkPolicy> NetworkPolicies { get; } =
        Networking("NetworkPolicy", "networkpolicies", ResourcesJsonContext.Default.NetworkPolicy);
    public static ResourceType<SubnetClaim> SubnetClaims { get; } = Networking("SubnetClaim", "subnetclaims", ResourcesJsonContext.Default.SubnetClaim);
    public static ResourceType<Subnet> Subnets { get; } = Networking("Subnet", "subnets", ResourcesJsonContext.Default.Subnet);

    public static ResourceType<Project> Projects { get; } =
        New(ResourceManagerGroup, "v1alpha1", "Project", "projects", false, ResourcesJsonContext.Default.Project);

    /// <summary>Project in the older group: there it needs no owner.</summary>
    public static ResourceType<Project> OlderProjects { get; } = Projects.In(OlderResourceManagerGroup, "v1alpha");

    public static ResourceType<ExportPolicy> ExportPolicies { get; } =
        New(TelemetryGroup, "v1alpha1", "ExportPolicy", "exportpolicies", true, ResourcesJsonContext.Default.ExportPolicy);

    public static ResourceType<ExportPolicy> OlderExportPolicies { get; } = ExportPolicies.In(OlderTelemetryGroup, "v1alpha1");

    public static ResourceType<ProviderConfig> ProviderConfigs { get; } =
        Ours("ProviderConfig", "providerconfigs", ResourcesJsonContext.Default.ProviderConfig);
    public static ResourceType<ProviderDriver> ProviderDrivers { get; } =
        Ours("ProviderDriver", "providerdrivers", ResourcesJsonContext.Default.ProviderDriver);
    public static ResourceType<ManagedResource> ManagedResources { get; } =
        Ours("ManagedResource", "managedresources", ResourcesJsonContext.Default.ManagedResource);

    /// <summary>A deep copy. Objects from a cache are shared between readers: copy one before you change it.</summary>
    public static T Clone<T>(this ResourceType<T> type, T value) where T : KubeObject
    {
        ArgumentNullException.ThrowIfNull(type);
        return JsonSerializer.Deserialize(JsonSerializer.SerializeToUtf8Bytes(value, type.Json), type.Json)
            ?? throw new InvalidOperationException($"A {type.Kind} was written as JSON null.");
    }

    /// <summary>Sets apiVersion and kind, which the server needs in the body of a create.</summary>
    public static T Stamp<T>(this ResourceType<T> type, T value) where T : KubeObject
    {
        ArgumentNullException.ThrowIfNull(type);
        value.ApiVersion = type.ApiVersion;
        value.Kind = type.Kind;
        return value;
    }

    private static ResourceType<T> Compute<T>(string kind, string plural, JsonTypeInfo<T> json) where T : KubeObject =>
        New(ComputeGroup, "v1alpha", kind, plural, true, json);

    private static ResourceType<T> Networking<T>(string kind, string plural, JsonTypeInfo<T> json) where T : KubeObject =>
        New(NetworkingGroup, "v1alpha", kind, plural, true, json);

    private static ResourceType<T> Ours<T>(string kind, string plural, JsonTypeInfo<T> json) where T : KubeObject =>
        New(ProvidersGroup, "v1alpha1", kind, plural, false, json);

    private static ResourceType<T> New<T>(string group, string version, string kind, string plural, bool namespaced, JsonTypeInfo<T> json)
        where T : KubeObject => new()
        {
            Group = group,
            Version = version,
            Kind = kind,
            Plural = plural,
            Namespaced = namespaced,
            Json = json,
        };
}
