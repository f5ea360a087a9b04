using System.Text.Json.Serialization;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Datum.Providers.Resources.ResourceManager;
using Datum.Providers.Resources.Telemetry;

namespace Datum.Providers.Resources;

/// <summary>
/// How every kind is read and written: camelCase, absent for null, zero values of required members written,
/// unknown members kept, times in UTC. A null where a member must not be null is an error, not an empty value.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    Converters = [typeof(UtcTimeConverter)])]
[JsonSerializable(typeof(Workload))]
[JsonSerializable(typeof(WorkloadDeployment))]
[JsonSerializable(typeof(Instance))]
[JsonSerializable(typeof(Location))]
[JsonSerializable(typeof(Network))]
[JsonSerializable(typeof(NetworkBinding))]
[JsonSerializable(typeof(NetworkContext))]
[JsonSerializable(typeof(NetworkPolicy))]
[JsonSerializable(typeof(SubnetClaim))]
[JsonSerializable(typeof(Subnet))]
[JsonSerializable(typeof(Project))]
[JsonSerializable(typeof(ExportPolicy))]
[JsonSerializable(typeof(ProviderConfig))]
[JsonSerializable(typeof(ProviderDriver))]
[JsonSerializable(typeof(ManagedResource))]
public sealed partial class ResourcesJsonContext : JsonSerializerContext;
