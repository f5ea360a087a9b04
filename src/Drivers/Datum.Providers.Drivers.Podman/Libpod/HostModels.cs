using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Podman.Libpod;

/// <summary>Answer of GET /libpod/version.</summary>
internal sealed record VersionInfo
{
    [JsonPropertyName("Version")] public string? Version { get; init; }
}

/// <summary>Answer of GET /libpod/info, as far as it is read.</summary>
internal sealed record HostInfo
{
    [JsonPropertyName("host")] public HostSection? Host { get; init; }
    [JsonPropertyName("store")] public StoreSection? Store { get; init; }
}

internal sealed record HostSection
{
    [JsonPropertyName("hostname")] public string? Hostname { get; init; }
    [JsonPropertyName("networkBackend")] public string? NetworkBackend { get; init; }
    // "v1" or "v2".
    [JsonPropertyName("cgroupVersion")] public string? CgroupVersion { get; init; }
    [JsonPropertyName("security")] public SecuritySection? Security { get; init; }
}

internal sealed record SecuritySection
{
    [JsonPropertyName("rootless")] public bool Rootless { get; init; }
}

internal sealed record StoreSection
{
    [JsonPropertyName("graphRoot")] public string? GraphRoot { get; init; }
}

/// <summary>Answer of GET /libpod/images/{name}/json, as far as it is read.</summary>
internal sealed record ImageInfo
{
    [JsonPropertyName("Id")] public required string Id { get; init; }
}

/// <summary>One entry of GET /libpod/images/json, as far as it is read.</summary>
internal sealed record ImageSummary
{
    [JsonPropertyName("Names")] public ImmutableArray<string>? Names { get; init; }
    [JsonPropertyName("RepoTags")] public ImmutableArray<string>? RepoTags { get; init; }
    // Seconds since 1970.
    [JsonPropertyName("Created")] public long Created { get; init; }
    // From Podman 5 on.
    [JsonPropertyName("Arch")] public string? Architecture { get; init; }
}

/// <summary>One entry of GET /libpod/secrets/json.</summary>
internal sealed record SecretInfo
{
    [JsonPropertyName("ID")] public required string Id { get; init; }
    [JsonPropertyName("Spec")] public required SecretInfoSpec Spec { get; init; }
    [JsonPropertyName("CreatedAt")] public DateTimeOffset? CreatedAt { get; init; }
}

internal sealed record SecretInfoSpec
{
    [JsonPropertyName("Name")] public required string Name { get; init; }
}

/// <summary>Body of POST /libpod/volumes/create. Podman 4 reads <c>Label</c>, later versions read both.</summary>
internal sealed record VolumeCreate
{
    [JsonPropertyName("Name")] public required string Name { get; init; }
    [JsonPropertyName("Driver")] public string? Driver { get; init; }
    [JsonPropertyName("Label")] public required ImmutableDictionary<string, string> Label { get; init; }
    [JsonPropertyName("Labels")] public required ImmutableDictionary<string, string> Labels { get; init; }
}

/// <summary>A volume as inspect and list show it.</summary>
internal sealed record VolumeInfo
{
    [JsonPropertyName("Name")] public required string Name { get; init; }
    [JsonPropertyName("Driver")] public string? Driver { get; init; }
    [JsonPropertyName("CreatedAt")] public DateTimeOffset? CreatedAt { get; init; }
    [JsonPropertyName("Labels")] public Dictionary<string, string>? Labels { get; init; }
}

/// <summary>A network, as the body of create and as inspect and list show it.</summary>
internal sealed record NetworkObject
{
    [JsonPropertyName("name")] public required string Name { get; init; }
    [JsonPropertyName("driver")] public string? Driver { get; init; }
    [JsonPropertyName("network_interface")] public string? Interface { get; init; }
    [JsonPropertyName("created")] public DateTimeOffset? Created { get; init; }
    [JsonPropertyName("subnets")] public ImmutableArray<NetworkSubnet>? Subnets { get; init; }
    [JsonPropertyName("ipv6_enabled")] public bool Ipv6 { get; init; }
    [JsonPropertyName("internal")] public bool Internal { get; init; }
    [JsonPropertyName("dns_enabled")] public bool Dns { get; init; }
    [JsonPropertyName("labels")] public Dictionary<string, string>? Labels { get; init; }
    [JsonPropertyName("options")] public Dictionary<string, string>? Options { get; init; }
}

internal sealed record NetworkSubnet
{
    [JsonPropertyName("subnet")] public required string Subnet { get; init; }
    [JsonPropertyName("gateway")] public string? Gateway { get; init; }
}

/// <summary>One entry of the answer of DELETE /libpod/networks/{name}: an error may hide behind status 200.</summary>
internal sealed record NetworkRemoval
{
    [JsonPropertyName("Name")] public string? Name { get; init; }
    // Null or an error object whose form differs between versions.
    [JsonPropertyName("Err")] public System.Text.Json.JsonElement? Err { get; init; }
}
