namespace Datum.Providers.Drivers.Simulator;

/// <summary>A boot image that the simulated platform offers.</summary>
public sealed record CloudImage
{
    public required string Id { get; init; }
    public required string Name { get; init; }
    public string? Family { get; init; }
    public string? Architecture { get; init; }
    public int? MinDiskGiB { get; init; }
    public DateTimeOffset? CreatedAt { get; init; }
    public bool Deprecated { get; init; }
}

/// <summary>A size of servers.</summary>
public sealed record CloudSize
{
    public required string Name { get; init; }
    public required int CpuMillis { get; init; }
    public required int MemoryMiB { get; init; }
    public string? Architecture { get; init; }

    /// <summary>US dollars an hour; null when it has to be asked for.</summary>
    public decimal? HourlyPrice { get; init; }

    /// <summary>Answered only for a zone: how many more it has room for; null when it has no limit.</summary>
    public int? Remaining { get; init; }

    /// <summary>Answered only for a zone that can be reached: whether one can be made now.</summary>
    public bool? Available { get; init; }
}

/// <summary>One page of images.</summary>
public sealed record CloudImagePage
{
    public required ImmutableArray<CloudImage> Items { get; init; }
    public string? Next { get; init; }
}

/// <summary>One page of sizes.</summary>
public sealed record CloudSizePage
{
    public required ImmutableArray<CloudSize> Items { get; init; }
    public string? Next { get; init; }
}

/// <summary>One limit of the account, in objects.</summary>
public sealed record CloudQuota
{
    public required string Name { get; init; }
    public required ResourceKind Kind { get; init; }
    public int? Limit { get; init; }
    public required int Used { get; init; }
}

/// <summary>All limits of the account.</summary>
public sealed record CloudQuotas
{
    public required ImmutableArray<CloudQuota> Items { get; init; }

    /// <summary>Zones that didn't answer: what is used there isn't counted.</summary>
    public ImmutableArray<string> Unreachable { get => field.IsDefault ? [] : field; init; }
}

/// <summary>What a server used when it was last measured.</summary>
public sealed record CloudUsage
{
    public required string ServerId { get; init; }
    public ImmutableSortedDictionary<string, string>? Labels { get; init; }
    public long? CpuMillis { get; init; }
    public long? CpuCapacityMillis { get; init; }
    public long? MemoryBytes { get; init; }
    public required DateTimeOffset MeasuredAt { get; init; }
}

/// <summary>One page of measurements.</summary>
public sealed record CloudUsagePage
{
    public required ImmutableArray<CloudUsage> Items { get; init; }
    public string? Next { get; init; }

    /// <summary>Zones that didn't answer.</summary>
    public ImmutableArray<string> Unreachable { get => field.IsDefault ? [] : field; init; }
}

/// <summary>What a server, or one of its containers, wrote: the newest part, and where in the whole it lies.</summary>
public sealed record CloudConsole
{
    public required string ServerId { get; init; }

    /// <summary>The container; empty for the machine itself.</summary>
    public required string Container { get; init; }

    /// <summary>How many bytes came before <see cref="Text"/>.</summary>
    public required long Start { get; init; }
    public required ReadOnlyMemory<byte> Text { get; init; }
}

/// <summary>One line of the event stream.</summary>
public sealed record CloudEvent
{
    public required string Collection { get; init; }
    public required string Id { get; init; }
    public ImmutableSortedDictionary<string, string>? Labels { get; init; }
}

/// <summary>What the simulated platform sells; the same for every account.</summary>
internal static class CloudCatalog
{
    public static ImmutableArray<CloudImage> Images { get; } =
    [
        new() { Id = "sim-container-host", Name = "Container host", Architecture = "amd64", MinDiskGiB = 10, CreatedAt = Day(2025, 1, 15) },
        new() { Id = "sim-debian-11", Name = "Debian 11", Family = "sim-debian-old", Architecture = "amd64", MinDiskGiB = 8, CreatedAt = Day(2021, 8, 14), Deprecated = true },
        new() { Id = "sim-debian-12", Name = "Debian 12", Architecture = "amd64", MinDiskGiB = 8, CreatedAt = Day(2023, 6, 10) },
        new() { Id = "sim-debian-13", Name = "Debian 13", Family = "sim-debian", Architecture = "amd64", MinDiskGiB = 8, CreatedAt = Day(2025, 8, 9) },
        new() { Id = "sim-debian-13-arm64", Name = "Debian 13", Family = "sim-debian-arm64", Architecture = "arm64", MinDiskGiB = 8, CreatedAt = Day(2025, 8, 9) },
        new() { Id = "sim-uploaded", Name = "Uploaded by a user" },
    ];

    public static ImmutableArray<CloudSize> Sizes { get; } =
    [
        new() { Name = "sim-1", CpuMillis = 1000, MemoryMiB = 2048, Architecture = "amd64", HourlyPrice = 0.0125m },
        new() { Name = "sim-2", CpuMillis = 2000, MemoryMiB = 8192, Architecture = "amd64", HourlyPrice = 0.05m },
        new() { Name = "sim-2-arm64", CpuMillis = 2000, MemoryMiB = 8192, Architecture = "arm64", HourlyPrice = 0.04m },
        new() { Name = "sim-8", CpuMillis = 8000, MemoryMiB = 32768, Architecture = "amd64", HourlyPrice = 0.2m },
        new() { Name = "sim-metal", CpuMillis = 64000, MemoryMiB = 524288 },
    ];

    private static DateTimeOffset Day(int year, int month, int day) => new(year, month, day, 0, 0, 0, TimeSpan.Zero);
}
