namespace Datum.Providers.Clouds.Vsphere;

/// <summary>What sort of day the vCenter has. By default tasks end at once, nothing is hidden, nothing is full.</summary>
public sealed record VsphereKnobs
{
    /// <summary>How long tasks take, by operation (<c>CloneVM_Task</c>); those that aren't named take <see cref="DefaultDuration"/>.</summary>
    public ImmutableDictionary<string, TimeSpan> Durations { get => field ?? ImmutableDictionary<string, TimeSpan>.Empty; init; }

    /// <summary>How long other tasks take.</summary>
    public TimeSpan DefaultDuration { get; init; }

    /// <summary>How long a task can be read after its end. Default ten minutes.</summary>
    public TimeSpan TaskLife { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>From power-on until tools run and addresses are reported; null: never by itself.</summary>
    public TimeSpan? GuestBoot { get; init; } = TimeSpan.Zero;

    /// <summary>Guests whose user data holds a beacon that reports through VMware Tools say that they are ready when their tools start. Default false: tests speak for them.</summary>
    public bool GuestReports { get; init; }

    /// <summary>From a guest's shutdown call until the machine is off.</summary>
    public TimeSpan GuestShutdown { get; init; }

    /// <summary>Interfaces without an address in the guest's metadata get one as if from DHCP. Default true.</summary>
    public bool Dhcp { get; init; } = true;

    /// <summary>How long a new machine or portgroup is missing from views and searches.</summary>
    public TimeSpan ListLag { get; init; }

    /// <summary>Objects an answer of RetrievePropertiesEx holds at most, whatever is asked for.</summary>
    public int? PageSize { get; init; }

    /// <summary>Idle sessions end after this. Default 30 minutes.</summary>
    public TimeSpan SessionIdle { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Operations (<c>CloneVM_Task</c>) and privileges (<c>VirtualMachine.Inventory.Delete</c>) that the user lacks.</summary>
    public ImmutableHashSet<string> Denied { get => field ?? []; init; }

    /// <summary>Machines (by reference, or all with <c>*</c>) whose properties can't be read: each is reported as missing with HostNotConnected.</summary>
    public ImmutableHashSet<string> Unreadable { get => field ?? []; init; }

    /// <summary>The REST endpoint answers 503. It is a service of its own in a vCenter.</summary>
    public bool RestDown { get; init; }

    /// <summary>Every SOAP and REST request is answered with 503 and this Retry-After.</summary>
    public TimeSpan? Overloaded { get; init; }

    /// <summary>How far the platform's clock runs ahead.</summary>
    public TimeSpan Skew { get; init; }

    /// <summary>The server's id, another one is another vCenter; null for vcsim's own.</summary>
    public string? InstanceUuid { get; init; }

    /// <summary>Machines that aren't templates at most; one more ends its task in LimitExceeded.</summary>
    public int? MostMachines { get; init; }

    /// <summary>Portgroups at most beside those of the inventory; one more ends its task in LimitExceeded.</summary>
    public int? MostPortgroups { get; init; }

    /// <summary>First-class disks at most; one more ends its task in LimitExceeded.</summary>
    public int? MostDisks { get; init; }

    /// <summary>No host has room: cloning, creating and powering on end in InsufficientMemoryResourcesFault.</summary>
    public bool Full { get; init; }

    /// <summary>Powering on asks a question that waits for AnswerVM.</summary>
    public bool AsksAtPowerOn { get; init; }

    internal TimeSpan DurationOf(string operation) => Durations.TryGetValue(operation, out var own) ? own : DefaultDuration;
}

/// <summary>When a fault hits.</summary>
public enum FaultMoment
{
    /// <summary>Instead of the operation.</summary>
    Before = 0,

    /// <summary>The operation takes effect, its answer is lost.</summary>
    After = 1,

    /// <summary>The task is accepted and ends in the fault without effect.</summary>
    InTask = 2,

    /// <summary>The task takes effect and ends in the fault all the same.</summary>
    InTaskAfter = 3,
}

/// <summary>A planned fault: at the n-th call of an operation.</summary>
public sealed record FaultRule
{
    /// <summary>The operation, e.g. <c>CloneVM_Task</c>; for REST the method and the path's end, e.g. <c>POST tag</c>; a star for every one.</summary>
    public required string Operation { get; init; }

    /// <summary>When it hits.</summary>
    public FaultMoment Moment { get; init; }

    /// <summary>The first call that it hits, from 1.</summary>
    public int Nth { get; init; } = 1;

    /// <summary>How many calls it hits.</summary>
    public int Times { get; init; } = 1;

    /// <summary>A fault of vim25 by its type, e.g. <c>SystemError</c>; null for one of the others.</summary>
    public string? Fault { get; init; }

    /// <summary>An HTTP status without a SOAP body, e.g. 503.</summary>
    public int? Status { get; init; }

    /// <summary>The connection ends (false) or no answer comes (true).</summary>
    public bool? Hangs { get; init; }
}
