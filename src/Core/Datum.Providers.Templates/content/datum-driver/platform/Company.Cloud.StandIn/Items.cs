namespace Company_Cloud.StandIn;

/// <summary>What the platform keeps of everything.</summary>
public abstract record Item
{
    public string Id { get; init; } = "";
    public string Name { get; init; } = "";
    public string State { get; init; } = "ready";
    public string? Revision { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public Dictionary<string, string> Labels { get; init; } = [];
    public string? Description { get; init; }
    public Problem? Problem { get; init; }
}

public sealed record Network : Item
{
    public string[]? Ranges { get; init; }
    public int? Mtu { get; init; }
}

public sealed record VirtualServer : Item
{
    public string? Zone { get; init; }
    public string? Hostname { get; init; }
    public string? Plan { get; init; }
    public int? CpuMillis { get; init; }
    public int? MemoryMiB { get; init; }
    public string? NetworkId { get; init; }
    public string? Interface { get; init; }
    public string[]? AddressRanges { get; init; }
    public string? Address { get; init; }
    public bool? Filtered { get; init; }
    public Rule[]? Rules { get; init; }
    public bool? PoweredOn { get; init; }
    public string? RestartedAt { get; init; }
    public int? StopSeconds { get; init; }
    public Container[]? Containers { get; init; }
}

public sealed record Rule(string? Protocol, int? FirstPort, int? LastPort, string Source);

public sealed record Container
{
    public string Name { get; init; } = "";
    public string Image { get; init; } = "";
    public string[]? Command { get; init; }
    public string[]? Args { get; init; }
    public Dictionary<string, string>? Environment { get; init; }
    public Port[]? Ports { get; init; }
    public int? CpuMillis { get; init; }
    public int? MemoryMiB { get; init; }
    public bool Running { get; init; }
    public int? ExitCode { get; init; }
}

public sealed record Port(string Name, int Number, string Protocol);

public sealed record Problem(string Code, string Message);

public sealed record Page<T>(IReadOnlyList<T> Items, string? Next);

/// <summary>An answer that refuses.</summary>
public sealed class CloudException(int status, string code, string message, params string[] blockedBy) : Exception(message)
{
    public int Status { get; } = status;
    public string Code { get; } = code;
    public IReadOnlyList<string> BlockedBy { get; } = blockedBy;
    public TimeSpan? RetryAfter { get; init; }
}
