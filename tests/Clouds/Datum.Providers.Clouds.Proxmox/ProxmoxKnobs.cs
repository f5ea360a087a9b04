namespace Datum.Providers.Clouds.Proxmox;

/// <summary>What sort of day the cluster has. Everything is off by default: tasks end at once, nothing is hidden, nothing is full.</summary>
public sealed record ProxmoxKnobs
{
    /// <summary>How long tasks take, by their type (<c>qmclone</c>, <c>qmstart</c>, <c>imgcopy</c>, <c>reloadnetworkall</c>); others take <see cref="DefaultDuration"/>.</summary>
    public ImmutableDictionary<string, TimeSpan> Durations { get => field ?? ImmutableDictionary<string, TimeSpan>.Empty; init; }

    /// <summary>How long other tasks take.</summary>
    public TimeSpan DefaultDuration { get; init; }

    /// <summary>How long a guest takes from start until its agent answers; null: it never does by itself.</summary>
    public TimeSpan? GuestBoot { get; init; } = TimeSpan.Zero;

    /// <summary>How long a new machine is missing from <c>/cluster/resources</c>, and a removed one and an old power state still shown.</summary>
    public TimeSpan ListLag { get; init; }

    /// <summary>Machines that are missing from <c>/cluster/resources</c>.</summary>
    public ImmutableHashSet<int> Hidden { get => field ?? []; init; }

    /// <summary>How long a finished clone shows neither name nor tags.</summary>
    public TimeSpan NameLag { get; init; }

    /// <summary>Storages without room: allocations fail, most of them in the task.</summary>
    public ImmutableHashSet<string> FullStorages { get => field ?? []; init; }

    /// <summary>Nodes without memory: <c>qmstart</c> fails.</summary>
    public ImmutableHashSet<string> FullNodes { get => field ?? []; init; }

    /// <summary>Nodes that are down: calls to them are 595, their machines have the status <c>unknown</c>.</summary>
    public ImmutableHashSet<string> OfflineNodes { get => field ?? []; init; }

    /// <summary>The cluster takes no change: 500 <c>cluster not ready - no quorum?</c>.</summary>
    public bool NoQuorum { get; init; }

    /// <summary>Every call that another node has to answer is this status of the proxy (595, 596 or 599).</summary>
    public int? ProxyError { get; init; }

    /// <summary>Every call is 429 with this Retry-After, as a proxy in front of the cluster would answer.</summary>
    public TimeSpan? Throttled { get; init; }

    /// <summary><c>qmstart</c> ends with an error while the machine runs.</summary>
    public bool StartFailsButRuns { get; init; }

    /// <summary>Clones of one machine at once; one more is 500 <c>can't lock file ... got timeout</c>. Null: any number.</summary>
    public int? ClonesAtOnce { get; init; }

    /// <summary>Machines that there may be; one more fails for want of room in the first storage. Proxmox VE itself has no quotas. Null: any number.</summary>
    public int? MostMachines { get; init; }

    /// <summary>How far the cluster's clock runs ahead.</summary>
    public TimeSpan Skew { get; init; }

    /// <summary>Privileges that nobody but root@pam with a password has, e.g. <c>VM.Clone</c>.</summary>
    public ImmutableHashSet<string> Denied { get => field ?? []; init; }

    /// <summary>Whether callers must sign in. Default false: who sends no credentials is root@pam.</summary>
    public bool NeedsSignIn { get; init; }

    /// <summary>How long a ticket lives.</summary>
    public TimeSpan TicketLife { get; init; } = TimeSpan.FromHours(2);
}
