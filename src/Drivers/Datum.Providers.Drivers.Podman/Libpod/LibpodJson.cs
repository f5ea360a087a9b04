using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Podman.Libpod;

// Source-generated only: reflection-based JSON of a driver's own types keeps its load context alive.
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(VersionInfo))]
[JsonSerializable(typeof(HostInfo))]
[JsonSerializable(typeof(ImageInfo))]
[JsonSerializable(typeof(List<ImageSummary>))]
[JsonSerializable(typeof(VolumeCreate))]
[JsonSerializable(typeof(VolumeInfo))]
[JsonSerializable(typeof(List<VolumeInfo>))]
[JsonSerializable(typeof(NetworkObject))]
[JsonSerializable(typeof(List<NetworkObject>))]
[JsonSerializable(typeof(List<NetworkRemoval>))]
[JsonSerializable(typeof(PodCreate))]
[JsonSerializable(typeof(CreatedId))]
[JsonSerializable(typeof(PodInspect))]
[JsonSerializable(typeof(List<PodListItem>))]
[JsonSerializable(typeof(ContainerCreate))]
[JsonSerializable(typeof(ContainerInspect))]
[JsonSerializable(typeof(HealthResult))]
[JsonSerializable(typeof(StatsReport))]
[JsonSerializable(typeof(List<ContainerListItem>))]
[JsonSerializable(typeof(List<SecretInfo>))]
[JsonSerializable(typeof(Dictionary<string, ImmutableArray<string>>))]
[JsonSerializable(typeof(SortedDictionary<string, string>))]
[JsonSerializable(typeof(RegistryCredential))]
internal sealed partial class LibpodJson : JsonSerializerContext;

/// <summary>What X-Registry-Auth carries.</summary>
internal sealed record RegistryCredential
{
    [JsonPropertyName("username")] public required string Username { get; init; }
    [JsonPropertyName("password")] public required string Password { get; init; }
}
