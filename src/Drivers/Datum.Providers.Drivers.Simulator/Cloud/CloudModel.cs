using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>The collections of the simulated platform's API, under <c>/v1/</c>.</summary>
public static class Collections
{
    public const string Networks = "networks";
    public const string Subnets = "subnets";
    public const string Firewalls = "firewalls";
    public const string Disks = "disks";
    public const string Secrets = "secrets";
    public const string Nics = "nics";
    public const string BootDisks = "boot-disks";
    public const string Servers = "servers";

    /// <summary>All of them.</summary>
    public static ImmutableArray<string> All => [Networks, Subnets, Firewalls, Disks, Secrets, Nics, BootDisks, Servers];

    /// <summary>The kind that a collection's knobs, quota and counts belong to; Unknown for anything else (account, operations).</summary>
    public static ResourceKind KindOf(string collection) => collection switch
    {
        Networks => ResourceKind.Network,
        Subnets => ResourceKind.Subnet,
        Firewalls => ResourceKind.Firewall,
        Disks => ResourceKind.Disk,
        Secrets => ResourceKind.Secret,
        Nics or BootDisks or Servers => ResourceKind.Instance,
        _ => ResourceKind.Unknown,
    };
}

/// <summary>States of an object, as the API writes them.</summary>
public static class CloudStates
{
    public const string PendingApproval = "PENDING_APPROVAL";
    public const string Provisioning = "PROVISIONING";
    public const string Ready = "READY";
    public const string Stopping = "STOPPING";
    public const string Stopped = "STOPPED";
    public const string Deleting = "DELETING";
    public const string Failed = "FAILED";
}

/// <summary>One object of the simulated platform, of any collection: members that its collection doesn't have are null. Also the form on the wire and in the state file.</summary>
public sealed record CloudObject
{
    public string Id { get; init; } = "";
    public string Collection { get; init; } = "";
    public string? Name { get; init; }
    public string? Zone { get; init; }
    public string State { get; init; } = "";
    public CloudError? Error { get; init; }
    public ImmutableSortedDictionary<string, string>? Labels { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Counts changes; with what time alone changes (guest health) it makes the revision on the wire.</summary>
    public long Generation { get; init; }
    public string? Revision { get; init; }

    public ImmutableArray<string>? Ranges { get; init; }
    public ImmutableArray<string>? IpFamilies { get; init; }
    public int? Mtu { get; init; }
    public string? NetworkId { get; init; }
    public string? Range { get; init; }
    public string? Gateway { get; init; }
    public ImmutableArray<CloudRule>? Rules { get; init; }
    public int? SizeGiB { get; init; }
    public string? Type { get; init; }
    public string? Filesystem { get; init; }
    public string? Image { get; init; }
    public string? ContentHash { get; init; }
    public ImmutableArray<string>? ContentKeys { get; init; }

    /// <summary>Only in requests; never stored, never answered.</summary>
    public ImmutableSortedDictionary<string, ReadOnlyMemory<byte>>? Content { get; init; }

    public string? InterfaceName { get; init; }
    public ImmutableArray<string>? SubnetIds { get; init; }
    public ImmutableArray<string>? FirewallIds { get; init; }
    public ImmutableArray<string>? Addresses { get; init; }
    public ImmutableArray<string>? ExternalAddresses { get; init; }

    /// <summary>The server that holds a nic or disk; null when none does.</summary>
    public string? AttachedTo { get; init; }

    public string? Hostname { get; init; }
    public string? Size { get; init; }
    public int? CpuMillis { get; init; }
    public int? MemoryMiB { get; init; }
    public string? BootDiskId { get; init; }
    public ImmutableArray<string>? NicIds { get; init; }
    public ImmutableArray<string>? DiskIds { get; init; }
    public ImmutableArray<CloudContainer>? Containers { get; init; }

    /// <summary>What the guest was told at the start, as one hash: whatever needs a new server to change.</summary>
    public string? ConfigHash { get; init; }

    /// <summary>Whether it shall run; whether it does is the state.</summary>
    public bool? PowerOn { get; init; }
    public string? RestartedAt { get; init; }

    /// <summary>How long its guest has to stop once it is asked. Seconds; null for 30.</summary>
    public int? StopGraceSeconds { get; init; }

    /// <summary>When a guest that was asked to stop is off, and whether it then starts again; never answered.</summary>
    public DateTimeOffset? StopsAt { get; init; }
    public bool? StartsAgain { get; init; }

    /// <summary><c>ready</c>, <c>notReady</c> or null when nobody reports.</summary>
    public string? Guest { get; init; }
    public string? GuestMessage { get; init; }

    /// <summary>Answered with a server: its nics' names and addresses.</summary>
    public ImmutableArray<CloudInterface>? Interfaces { get; init; }
}

/// <summary>An error of the platform: on the wire, in an operation or in an object.</summary>
public sealed record CloudError
{
    public required string Code { get; init; }
    public required string Message { get; init; }
    public ImmutableArray<string>? BlockedBy { get; init; }
}

/// <summary>One ingress rule.</summary>
public sealed record CloudRule
{
    public string? Protocol { get; init; }
    public int? FirstPort { get; init; }
    public int? LastPort { get; init; }
    public required string Source { get; init; }
}

/// <summary>One container of a server.</summary>
public sealed record CloudContainer
{
    public required string Name { get; init; }
    public required string Image { get; init; }

    /// <summary>Hash of everything else of the container.</summary>
    public required string ConfigHash { get; init; }
    public bool Running { get; init; }
    public int? ExitCode { get; init; }
    public string? Message { get; init; }
}

/// <summary>Addresses of one nic of a server.</summary>
public sealed record CloudInterface
{
    public required string Name { get; init; }
    public required string NicId { get; init; }
    public ImmutableArray<string> Addresses { get; init; } = [];
    public ImmutableArray<string> ExternalAddresses { get; init; } = [];
}

/// <summary>Work that the platform took on.</summary>
public sealed record CloudOperation
{
    public required string Id { get; init; }

    /// <summary><c>RUNNING</c>, <c>DONE</c> or <c>FAILED</c>.</summary>
    public required string Status { get; init; }

    /// <summary><c>create</c> or <c>delete</c>.</summary>
    public required string Verb { get; init; }
    public required string Collection { get; init; }

    /// <summary>The object; hidden on the wire until the end where ids are known to operations only.</summary>
    public string? TargetId { get; init; }
    public CloudError? Error { get; init; }
    public DateTimeOffset Due { get; init; }

    /// <summary>The failure that awaits it; never answered before its end.</summary>
    public CloudError? Fate { get; init; }
    public bool FateKeepsObject { get; init; }

    /// <summary>True once the platform no longer answers for it.</summary>
    public bool Forgotten { get; init; }
}

/// <summary>Answer to a mutation: the object, or the operation that works on it.</summary>
public sealed record CloudAccepted
{
    public CloudObject? Object { get; init; }
    public string? OperationId { get; init; }
    public string? TargetId { get; init; }
    public DateTimeOffset? OperationExpiresAt { get; init; }
}

/// <summary>One page of a collection.</summary>
public sealed record CloudPage
{
    public required ImmutableArray<CloudObject> Items { get; init; }
    public string? Next { get; init; }

    /// <summary>Zones that didn't answer.</summary>
    public ImmutableArray<string> Unreachable { get => field.IsDefault ? [] : field; init; }
}

/// <summary>The account of the caller.</summary>
public sealed record CloudAccount
{
    public required string AccountId { get; init; }
    public required string Version { get; init; }
}

/// <summary>A token that the platform remembers, and what it was used for.</summary>
public sealed record CloudToken
{
    public required string TargetId { get; init; }
    public string? OperationId { get; init; }
    public required string BodyHash { get; init; }
    public required DateTimeOffset ExpiresAt { get; init; }
}

/// <summary>An object that is gone, for as long as lists or tombstones still show it.</summary>
public sealed record CloudGhost
{
    public required CloudObject Object { get; init; }
    public required DateTimeOffset GoneAt { get; init; }
}

/// <summary>Everything that survives a restart of the simulated platform.</summary>
public sealed record CloudState
{
    public required string AccountId { get; init; }
    public required long Sequence { get; init; }
    public required ImmutableArray<CloudObject> Objects { get; init; }
    public required ImmutableArray<CloudOperation> Operations { get; init; }
    public required ImmutableSortedDictionary<string, CloudToken> Tokens { get; init; }
    public ImmutableArray<CloudGhost> Ghosts { get => field.IsDefault ? [] : field; init; }
    public ImmutableArray<CloudConsole> Consoles { get => field.IsDefault ? [] : field; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(CloudObject))]
[JsonSerializable(typeof(CloudOperation))]
[JsonSerializable(typeof(CloudAccepted))]
[JsonSerializable(typeof(CloudPage))]
[JsonSerializable(typeof(CloudAccount))]
[JsonSerializable(typeof(CloudError))]
[JsonSerializable(typeof(CloudConsole))]
[JsonSerializable(typeof(CloudEvent))]
[JsonSerializable(typeof(CloudImagePage))]
[JsonSerializable(typeof(CloudSizePage))]
[JsonSerializable(typeof(CloudQuotas))]
[JsonSerializable(typeof(CloudUsagePage))]
[JsonSerializable(typeof(CloudState))]
[JsonSerializable(typeof(CloudStatistics))]
[JsonSerializable(typeof(SimulatorKnobs))]
[JsonSerializable(typeof(SimulatorSettings))]
[JsonSerializable(typeof(SimulatorLocation))]
internal sealed partial class CloudJson : JsonSerializerContext;
