using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Podman.Libpod;

/// <summary>Body of POST /libpod/containers/create (SpecGenerator). A null member is left out and keeps the image's own value.</summary>
internal sealed record ContainerCreate
{
    [JsonPropertyName("name")] public required string Name { get; init; }
    [JsonPropertyName("pod")] public required string Pod { get; init; }
    [JsonPropertyName("image")] public required string Image { get; init; }
    [JsonPropertyName("labels")] public required ImmutableDictionary<string, string> Labels { get; init; }
    [JsonPropertyName("entrypoint")] public ImmutableArray<string>? Entrypoint { get; init; }
    [JsonPropertyName("command")] public ImmutableArray<string>? Command { get; init; }
    [JsonPropertyName("env")] public ImmutableDictionary<string, string>? Env { get; init; }
    [JsonPropertyName("secret_env")] public ImmutableDictionary<string, string>? SecretEnv { get; init; }
    [JsonPropertyName("secrets")] public ImmutableArray<SecretMount>? Secrets { get; init; }
    [JsonPropertyName("volumes")] public ImmutableArray<VolumeMount>? Volumes { get; init; }
    [JsonPropertyName("resource_limits")] public ResourceLimits? Limits { get; init; }
    // The host restarts: a crash loop must be seen in conditions, not hidden by the platform.
    [JsonPropertyName("restart_policy")] public string RestartPolicy { get; init; } = "no";
    [JsonPropertyName("stop_timeout")] public required int StopTimeout { get; init; }
}

/// <summary>A Podman secret as a file. Mode is a decimal number.</summary>
internal sealed record SecretMount
{
    [JsonPropertyName("Source")] public required string Source { get; init; }
    [JsonPropertyName("Target")] public required string Target { get; init; }
    [JsonPropertyName("UID")] public int Uid { get; init; }
    [JsonPropertyName("GID")] public int Gid { get; init; }
    [JsonPropertyName("Mode")] public required int Mode { get; init; }
}

internal sealed record VolumeMount
{
    [JsonPropertyName("Name")] public required string Name { get; init; }
    [JsonPropertyName("Dest")] public required string Dest { get; init; }
    [JsonPropertyName("Options")] public required ImmutableArray<string> Options { get; init; }
}

/// <summary>
/// Answer of GET /libpod/containers/{name}/json, as far as it is read. The environment isn't: Podman shows secret variables of a
/// running container there in the clear (law L12).
/// </summary>
internal sealed record ContainerInspect
{
    [JsonPropertyName("Id")] public required string Id { get; init; }
    [JsonPropertyName("Name")] public required string Name { get; init; }
    [JsonPropertyName("Image")] public string? ImageId { get; init; }
    [JsonPropertyName("State")] public required ContainerState State { get; init; }
    [JsonPropertyName("Config")] public ContainerConfig? Config { get; init; }
    [JsonPropertyName("NetworkSettings")] public NetworkSettings? Network { get; init; }
}

internal sealed record ContainerState
{
    [JsonPropertyName("Status")] public string? Status { get; init; }
    [JsonPropertyName("Running")] public bool SaysRunning { get; init; }
    [JsonPropertyName("OOMKilled")] public bool OomKilled { get; init; }
    [JsonPropertyName("Pid")] public int Pid { get; init; }
    [JsonPropertyName("ExitCode")] public int ExitCode { get; init; }
    [JsonPropertyName("StartedAt")] public DateTimeOffset StartedAt { get; init; }

    /// <summary>Also while its grace goes by, which Podman doesn't call running.</summary>
    [JsonIgnore] public bool Running => SaysRunning || Status == "stopping";

    /// <summary>False for a container that was created and never ran.</summary>
    [JsonIgnore] public bool EverStarted => StartedAt.Year > 1;
}

internal sealed record ContainerConfig
{
    [JsonPropertyName("Labels")] public Dictionary<string, string>? Labels { get; init; }
    // A number up to Podman 4, a name from Podman 5 on.
    [JsonPropertyName("StopSignal")] public System.Text.Json.JsonElement? StopSignal { get; init; }
    [JsonPropertyName("StopTimeout")] public int StopTimeout { get; init; }
    [JsonPropertyName("Healthcheck")] public HealthConfig? Healthcheck { get; init; }
}

internal sealed record HealthConfig
{
    [JsonPropertyName("Test")] public ImmutableArray<string>? Test { get; init; }
}

/// <summary>Answer of GET /libpod/containers/{name}/healthcheck, which runs the check.</summary>
internal sealed record HealthResult
{
    [JsonPropertyName("Status")] public string? Status { get; init; }
}

internal sealed record NetworkSettings
{
    [JsonPropertyName("SandboxKey")] public string? SandboxKey { get; init; }
    [JsonPropertyName("Networks")] public Dictionary<string, ContainerNetwork>? Networks { get; init; }
}

internal sealed record ContainerNetwork
{
    [JsonPropertyName("IPAddress")] public string? IPv4 { get; init; }
    [JsonPropertyName("GlobalIPv6Address")] public string? IPv6 { get; init; }
}

/// <summary>One entry of GET /libpod/containers/json.</summary>
internal sealed record ContainerListItem
{
    [JsonPropertyName("Id")] public required string Id { get; init; }
    [JsonPropertyName("Names")] public ImmutableArray<string>? Names { get; init; }
    [JsonPropertyName("IsInfra")] public bool IsInfra { get; init; }
    [JsonPropertyName("Labels")] public Dictionary<string, string>? Labels { get; init; }
    [JsonPropertyName("Pid")] public int Pid { get; init; }
    [JsonPropertyName("Pod")] public string? Pod { get; init; }
    [JsonPropertyName("PodName")] public string? PodName { get; init; }
    [JsonPropertyName("State")] public string? State { get; init; }
    [JsonPropertyName("ExitCode")] public int ExitCode { get; init; }
    [JsonPropertyName("StartedAt")] public long StartedAt { get; init; }
}
