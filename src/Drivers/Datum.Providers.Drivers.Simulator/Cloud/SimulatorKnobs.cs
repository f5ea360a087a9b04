using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>How the simulated platform behaves. Immutable: set <see cref="SimulatedCloud.Knobs"/> to another value at any time; it holds from the next request on.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SimulatorKnobs
{
    /// <summary>How creates of a kind are made safe. Default: Token for disks, Marked for instances, Named for all others.</summary>
    public ImmutableDictionary<ResourceKind, CreateClass> CreateClasses { get => field ?? ImmutableDictionary<ResourceKind, CreateClass>.Empty; init; }

    /// <summary>How long tokens are remembered. Default 10 minutes.</summary>
    public TimeSpan TokenLife { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long each answer takes. Default none.</summary>
    public TimeSpan Latency { get; init; }

    /// <summary>A random part on top of <see cref="Latency"/>.</summary>
    public TimeSpan LatencyJitter { get; init; }

    /// <summary>How long creating and deleting takes, by kind. Zero answers with the finished object.</summary>
    public ImmutableDictionary<ResourceKind, TimeSpan> OperationDurations { get => field ?? ImmutableDictionary<ResourceKind, TimeSpan>.Empty; init; }

    /// <summary>How long a finished operation can still be asked for. Default 1 hour.</summary>
    public TimeSpan OperationLife { get; init; } = TimeSpan.FromHours(1);

    /// <summary>True: a create's answer names only the operation; the object's id stands in the finished operation.</summary>
    public bool IdsOnlyInOperation { get; init; }

    /// <summary>Kinds whose objects wait for <see cref="SimulatedCloud.Approve"/>.</summary>
    public ImmutableHashSet<ResourceKind> NeedsApproval { get => field ?? []; init; }

    /// <summary>Objects of a kind at most, in the account. Absent: no limit. Nics and boot disks don't count.</summary>
    public ImmutableDictionary<ResourceKind, int> Quota { get => field ?? ImmutableDictionary<ResourceKind, int>.Empty; init; }

    /// <summary>Servers that a zone has room for. Absent: no limit.</summary>
    public ImmutableDictionary<string, int> ZoneCapacity { get => field ?? ImmutableDictionary<string, int>.Empty; init; }

    /// <summary>How long a new object is hidden from reads and lists.</summary>
    public TimeSpan ConsistencyWindow { get; init; }

    /// <summary>How long lists lag: new objects are missing and deleted ones still shown.</summary>
    public TimeSpan ListLag { get; init; }

    /// <summary>How long a read of a deleted object answers 410 instead of 404.</summary>
    public TimeSpan TombstoneLife { get; init; }

    /// <summary>Requests a second; more are answered with 429. Null: no limit.</summary>
    public int? RequestsPerSecond { get; init; }

    /// <summary>What 429 says in Retry-After. Default 1 second.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Share of requests (0 to 1) that fail with 503 before they take effect.</summary>
    public double FailureRate { get; init; }

    /// <summary>Share of requests (0 to 1) whose answer is lost after they took effect.</summary>
    public double LostAnswerRate { get; init; }

    /// <summary>Objects a page at most. Default 100.</summary>
    public int PageSize { get; init; } = 100;

    /// <summary>Zones that lists leave out and say so.</summary>
    public ImmutableHashSet<string> UnreachableZones { get => field ?? []; init; }

    /// <summary>False: new servers report no health of the guest. Default true.</summary>
    public bool GuestReports { get; init; } = true;

    /// <summary>How long a guest takes to stop once it is asked; its server's grace at most. Default none.</summary>
    public TimeSpan GuestStopTime { get; init; }

    /// <summary>Share of its processors that each running server uses, where <see cref="SimulatedCloud.SetUsage"/> says nothing else. Default 0.1.</summary>
    public double CpuLoad { get; init; } = 0.1;

    /// <summary>How old a measurement of a server's use is when it can be read; a server that was made since has none. Default none.</summary>
    public TimeSpan UsageLag { get; init; }

    /// <summary>The class of a kind's creates.</summary>
    public CreateClass CreateClassOf(ResourceKind kind) => CreateClasses.TryGetValue(kind, out var chosen) ? chosen : kind switch
    {
        ResourceKind.Disk => CreateClass.Token,
        ResourceKind.Instance => CreateClass.Marked,
        _ => CreateClass.Named,
    };

    /// <summary>Knobs from spec.settings.knobs; what isn't set keeps its default.</summary>
    /// <exception cref="JsonException">A knob isn't known or has another type.</exception>
    public static SimulatorKnobs Parse(JsonElement given)
    {
        // Generated readers give an init-only property that isn't in the text its type's default, not ours: ours are put under the text.
        var all = JsonSerializer.SerializeToNode(new SimulatorKnobs(), CloudJson.Default.SimulatorKnobs)!.AsObject();
        foreach (var member in given.EnumerateObject())
            all[member.Name] = JsonNode.Parse(member.Value.GetRawText());
        return all.Deserialize(CloudJson.Default.SimulatorKnobs)!;
    }

    internal TimeSpan DurationOf(ResourceKind kind) => OperationDurations.GetValueOrDefault(kind);
}

/// <summary>Where a request breaks.</summary>
public enum FaultKind
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary>The connection is refused: nothing was sent.</summary>
    Refuse = 1,

    /// <summary>An error answer; no effect.</summary>
    ErrorBefore = 2,

    /// <summary>An error answer although it took effect.</summary>
    ErrorAfter = 3,

    /// <summary>The connection breaks; no effect.</summary>
    ResetBefore = 4,

    /// <summary>The connection breaks after it took effect.</summary>
    ResetAfter = 5,

    /// <summary>No answer until the caller gives up; no effect.</summary>
    TimeoutBefore = 6,

    /// <summary>No answer until the caller gives up, although it took effect.</summary>
    TimeoutAfter = 7,
}

/// <summary>A planned fault of requests.</summary>
public sealed record FaultRule
{
    /// <summary>The method; null for all.</summary>
    public string? Method { get; init; }

    /// <summary>Path without query, <c>*</c> for anything but a slash, e.g. <c>/v1/servers/*</c>; null for all.</summary>
    public string? Path { get; init; }

    /// <summary>The first matching request that it hits, from 1. Default 1.</summary>
    public int Nth { get; init; } = 1;

    /// <summary>How many matching requests it hits from there. Default 1.</summary>
    public int Times { get; init; } = 1;

    /// <summary>Where it breaks.</summary>
    public required FaultKind Kind { get; init; }

    /// <summary>The status of ErrorBefore and ErrorAfter. Default 500.</summary>
    public int Status { get; init; } = 500;

    /// <summary>The machine code of ErrorBefore and ErrorAfter.</summary>
    public string Code { get; init; } = "INJECTED";

    /// <summary>The sentence of ErrorBefore and ErrorAfter.</summary>
    public string Message { get; init; } = "An injected fault.";
}

/// <summary>A planned failure of operations: the request is accepted, and the operation alone knows.</summary>
public sealed record OperationFault
{
    /// <summary>The collection.</summary>
    public required string Collection { get; init; }

    /// <summary><c>create</c> or <c>delete</c>. Default create.</summary>
    public string Verb { get; init; } = "create";

    /// <summary>The platform's machine code.</summary>
    public required string Code { get; init; }

    /// <summary>The sentence.</summary>
    public string Message { get; init; } = "An injected failure.";

    /// <summary>True: a failed create leaves the object in state FAILED; false: it is as if it had never been.</summary>
    public bool KeepsObject { get; init; }

    /// <summary>How many operations it hits. Default 1.</summary>
    public int Times { get; init; } = 1;
}
