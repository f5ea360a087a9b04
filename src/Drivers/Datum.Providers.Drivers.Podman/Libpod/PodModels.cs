using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Podman.Libpod;

/// <summary>Body of POST /libpod/pods/create (PodSpecGenerator).</summary>
internal sealed record PodCreate
{
    [JsonPropertyName("name")] public required string Name { get; init; }
    [JsonPropertyName("hostname")] public required string Hostname { get; init; }
    [JsonPropertyName("infra_name")] public required string InfraName { get; init; }
    [JsonPropertyName("labels")] public required ImmutableDictionary<string, string> Labels { get; init; }
    [JsonPropertyName("netns")] public NamespaceMode Netns { get; init; } = new();
    [JsonPropertyName("Networks")] public required ImmutableDictionary<string, PodNetwork> Networks { get; init; }
    // Without it Podman 4 stops the pod when its last container exits, and the address and the firewall with it.
    [JsonPropertyName("exit_policy")] public string ExitPolicy { get; init; } = "continue";
    [JsonPropertyName("restart_policy")] public string RestartPolicy { get; init; } = "no";
    [JsonPropertyName("resource_limits")] public ResourceLimits? Limits { get; init; }
}

internal sealed record NamespaceMode
{
    [JsonPropertyName("nsmode")] public string Mode { get; init; } = "bridge";
}

internal sealed record PodNetwork
{
    [JsonPropertyName("static_ips")] public ImmutableArray<string>? StaticIps { get; init; }
    [JsonPropertyName("interface_name")] public required string InterfaceName { get; init; }
}

/// <summary>Limits of a cgroup: bytes; microseconds.</summary>
internal sealed record ResourceLimits
{
    [JsonPropertyName("cpu")] public CpuLimit? Cpu { get; init; }
    [JsonPropertyName("memory")] public MemoryLimit? Memory { get; init; }
}

internal sealed record CpuLimit
{
    [JsonPropertyName("quota")] public required long Quota { get; init; }
    [JsonPropertyName("period")] public required long Period { get; init; }
}

internal sealed record MemoryLimit
{
    [JsonPropertyName("limit")] public required long Limit { get; init; }
}

/// <summary>Answer of pods/create, containers/create and pods/start.</summary>
internal sealed record CreatedId
{
    [JsonPropertyName("Id")] public required string Id { get; init; }
}

/// <summary>Answer of GET /libpod/pods/{name}/json.</summary>
internal sealed record PodInspect
{
    [JsonPropertyName("Id")] public required string Id { get; init; }
    [JsonPropertyName("Name")] public required string Name { get; init; }
    [JsonPropertyName("State")] public string? State { get; init; }
    [JsonPropertyName("Labels")] public Dictionary<string, string>? Labels { get; init; }
    [JsonPropertyName("InfraContainerID")] public string? InfraId { get; init; }
    [JsonPropertyName("Containers")] public ImmutableArray<PodMember>? Containers { get; init; }
    [JsonPropertyName("memory_limit")] public long MemoryLimit { get; init; }
}

internal sealed record PodMember
{
    [JsonPropertyName("Id")] public required string Id { get; init; }
    [JsonPropertyName("Name")] public string? Name { get; init; }
    [JsonPropertyName("State")] public string? State { get; init; }
}

/// <summary>One entry of GET /libpod/pods/json.</summary>
internal sealed record PodListItem
{
    [JsonPropertyName("Id")] public required string Id { get; init; }
    [JsonPropertyName("Status")] public string? Status { get; init; }
    [JsonPropertyName("Created")] public DateTimeOffset? Created { get; init; }
    [JsonPropertyName("InfraId")] public string? InfraId { get; init; }
    [JsonPropertyName("Labels")] public Dictionary<string, string>? Labels { get; init; }
}
