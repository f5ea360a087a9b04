using System.Text.Json.Serialization;

namespace Company_Cloud;

/// <summary>
/// What networks and servers of the platform have in common. One message serves for wish, change and answer: what is null isn't sent, and what
/// is required must be in every answer, or reading it fails.
/// </summary>
internal abstract record CloudObject
{
    [JsonRequired] public string Id { get; init; } = null!;
    public string? Name { get; init; }
    [JsonRequired] public string State { get; init; } = null!;
    public string? Revision { get; init; }
    public DateTimeOffset? CreatedAt { get; init; }
    public ImmutableDictionary<string, string>? Labels { get; init; }
    public CloudProblem? Problem { get; init; }
    public string? Description { get; init; }
}

internal sealed record CloudNetwork : CloudObject
{
    public ImmutableArray<string>? Ranges { get; init; }
    public int? Mtu { get; init; }
}

internal sealed record CloudServer : CloudObject
{
    public string? Zone { get; init; }
    public string? Hostname { get; init; }
    public string? Plan { get; init; }
    public int? CpuMillis { get; init; }
    public int? MemoryMiB { get; init; }
    public string? NetworkId { get; init; }
    public string? Interface { get; init; }
    public ImmutableArray<string>? AddressRanges { get; init; }
    public string? Address { get; init; }
    public bool? Filtered { get; init; }
    public ImmutableArray<CloudRule>? Rules { get; init; }
    public bool? PoweredOn { get; init; }
    public string? RestartedAt { get; init; }
    public int? StopSeconds { get; init; }
    public ImmutableArray<CloudContainer>? Containers { get; init; }
}

internal sealed record CloudRule(string? Protocol, int? FirstPort, int? LastPort, string Source);

internal sealed record CloudContainer
{
    public required string Name { get; init; }
    public required string Image { get; init; }
    public ImmutableArray<string>? Command { get; init; }
    public ImmutableArray<string>? Args { get; init; }
    public ImmutableSortedDictionary<string, string>? Environment { get; init; }
    public ImmutableArray<CloudPort>? Ports { get; init; }
    public int? CpuMillis { get; init; }
    public int? MemoryMiB { get; init; }
    public bool? Running { get; init; }
    public int? ExitCode { get; init; }
}

internal sealed record CloudPort(string Name, int Number, string Protocol);

internal sealed record CloudPage<T>
{
    public ImmutableArray<T> Items { get => field.IsDefault ? [] : field; init; }
    public string? Next { get; init; }
}

internal sealed record CloudAccount
{
    public string Id { get; init; } = "";
    public string? Name { get; init; }
}

internal sealed record CloudProblem
{
    public string? Code { get; init; }
    public string? Message { get; init; }
    public ImmutableArray<string> BlockedBy { get => field.IsDefault ? [] : field; init; }
}

internal sealed record CloudFault(CloudProblem? Error);

/// <summary>DC-88: JSON is source-generated. Reflection would keep caches that outlive the driver.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CloudAccount))]
[JsonSerializable(typeof(CloudPage<CloudNetwork>))]
[JsonSerializable(typeof(CloudPage<CloudServer>))]
[JsonSerializable(typeof(CloudFault))]
internal sealed partial class CloudJson : JsonSerializerContext;
