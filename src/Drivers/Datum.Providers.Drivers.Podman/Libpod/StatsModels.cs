using System.Text.Json;
using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Podman.Libpod;

/// <summary>Answer of GET /libpod/containers/stats. Podman's description tells only of what <c>Stats</c> holds.</summary>
internal sealed record StatsReport
{
    // Null, or an object that says nothing: Podman's errors have no public fields.
    [JsonPropertyName("Error")] public JsonElement? Error { get; init; }
    [JsonPropertyName("Stats")] public List<ContainerStats>? Stats { get; init; }
}

/// <summary>
/// One container, as far as it is read. <c>CPU</c> and <c>AvgCPU</c> aren't: in the first report of a request both are the average since the container
/// started. Everything is zero for one that doesn't run.
/// </summary>
internal sealed record ContainerStats
{
    [JsonPropertyName("ContainerID")] public required string Id { get; init; }

    /// <summary>Processor time of the container's cgroup since it started, in nanoseconds.</summary>
    [JsonPropertyName("CPUNano")] public long CpuNano { get; init; }

    /// <summary>When that was read, by Podman's clock, in nanoseconds since 1970; not a time of processors, whatever its name says.</summary>
    [JsonPropertyName("SystemNano")] public long SystemNano { get; init; }

    /// <summary>Bytes: with cgroups v1 with the page cache in it; with v2 anonymous memory, later all but inactive files.</summary>
    [JsonPropertyName("MemUsage")] public long MemUsage { get; init; }
}
