using Datum.Providers.Drivers.Proxmox.Api;

namespace Datum.Providers.Drivers.Proxmox.Cluster;

/// <summary>What one look for a machine found.</summary>
internal sealed record FoundMachine
{
    public Guest? Guest { get; init; }
    public PveObject Config { get; init; }
    public Mark? Mark { get; init; }
    public MarkState State { get; init; }
    public ImmutableArray<string> Candidates { get; init; } = [];

    /// <summary>The cluster's list; null where the machine was read at its recorded node and nothing else.</summary>
    public ClusterView? View { get; init; }

    /// <summary>The chosen number is held by a machine that is being made just now (<see cref="Holder"/>): whose it is can't be told yet (DC-38).</summary>
    public bool Undecided { get; init; }

    /// <summary>Who has the chosen number while that is undecided.</summary>
    public Guest? Holder { get; init; }

    /// <summary>The chosen number is somebody else's: another one is to be chosen.</summary>
    public bool Taken { get; init; }

    public DriverError? Error { get; init; }

    public string Path => Machines.PathOf(Guest!.Node, Guest.VmId);

    /// <summary>Whether the platform holds it for work of its own.</summary>
    public bool IsLocked => (Guest?.Lock ?? Config.Text("lock")) is { Length: > 0 };
}

/// <summary>Finding machines: by recorded number, else by mark in the whole cluster, whatever node they are on.</summary>
internal static class Machines
{
    public static string PathOf(string node, int vmId) => $"nodes/{node}/qemu/{Kinds.Slices.Number(vmId)}";

    /// <param name="whole">Whether the cluster's list is needed too: others' addresses, users of a disk. Without it one read at the recorded node does.</param>
    public static async ValueTask<FoundMachine> FindAsync(ProxmoxContext context, Call call, Identity id, string part, bool whole = false)
    {
        if (id.PartId(part) is { } recorded)
            return VmIds.Parse(recorded) is { } number ? await RecordedAsync(context, call, id, number, whole) : new FoundMachine();
        // Nodes are listed along: of one that is down it matters what can't be seen.
        var list = await ClusterView.ReadAsync(context.Api, call, all: true);
        if (list.Value is not { } view)
            return new FoundMachine { Error = list.Error };
        var ours = view.Of(id).ToList();
        if (ours.Count > 1)
            return new FoundMachine { View = view, Candidates = [.. ours.Select(g => g.Id)] };
        var chosen = VmIds.Resolved(id) is { } vmId && view.Find(vmId) is { } there && ours.All(g => g.VmId != vmId) ? there : null;
        if (chosen is null)
            return ours.Count == 1 ? await ReadAsync(context, call, id, ours[0], view)
                // With a number on record the number tells: a machine of this life has no other one.
                : VmIds.Resolved(id) is null && view.Dark(context.Settings.VmIdRange) is { Length: > 0 } dark ? new FoundMachine { View = view, Error = Unseen(dark) }
                : new FoundMachine { View = view };
        var look = await AtChosenAsync(context, call, id, chosen, view);
        if (look.Guest is null || ours.Count == 0)
            return look.Guest is null && ours.Count == 1 && look.Error is null ? await ReadAsync(context, call, id, ours[0], view) : look;
        return new FoundMachine { View = view, Candidates = [ours[0].Id, chosen.Id] };
    }

    /// <summary>
    /// At the node where it was last. What isn't there may have moved, and a node that doesn't answer may have lost it to another: the cluster's list
    /// says where it is, and only that list says that it is gone (DC-21).
    /// </summary>
    private static async ValueTask<FoundMachine> RecordedAsync(ProxmoxContext context, Call call, Identity id, int number, bool whole)
    {
        if (!whole && id.Resolved.GetValueOrDefault("node") is { Length: > 0 } node)
        {
            var near = await ReadAsync(context, call, id, new Guest { VmId = number, Node = node, IsMachine = true }, null);
            if (near.Error is null || !(Kinds.IpSets.IsGone(near.Error) || near.Error is { Code: ErrorCode.Unavailable, Scope: ErrorScope.Zone }))
                return near;
        }

        var list = await ClusterView.ReadAsync(context.Api, call);
        return list.Value is not { } view ? new FoundMachine { Error = list.Error }
            : view.Find(number) is { IsMachine: true } known ? await ReadAsync(context, call, id, known, view) : new FoundMachine { View = view };
    }

    /// <summary>The machine's configuration, from which the mark is read; the cluster's list may lag behind.</summary>
    public static async ValueTask<FoundMachine> ReadAsync(ProxmoxContext context, Call call, Identity id, Guest guest, ClusterView? view)
    {
        var (config, error, _) = await context.Api.GetAsync(call, PathOf(guest.Node, guest.VmId) + "/config");
        if (error is not null)
            return new FoundMachine { View = view, Error = error };
        var mark = MarkOf(config);
        return new FoundMachine { View = view, Guest = guest, Config = config, Mark = mark, State = Marks.Compare(id, mark) };
    }

    public static Mark? MarkOf(PveObject config) => VmMarks.Read(VmMarks.Split(config.Text("tags")), config.Text("name")) ?? TextMarks.Read(config.Text("description"));

    /// <summary>What stands in the way of saying that something isn't there (DC-21).</summary>
    public static DriverError Unseen(ImmutableArray<Guest> dark) => PveErrors.Refused(ErrorCode.Unavailable,
        $"Node {string.Join(", ", dark.Select(g => g.Node).Distinct(StringComparer.Ordinal))} is down, and whose {string.Join(", ", dark.Take(8).Select(g => g.Id))} there is can't be told.");

    /// <summary>A deletion with all that is the machine's own: its volumes, its firewall, what names it in jobs.</summary>
    public static RestRequest Destroy(FoundMachine found) => RestRequest.Delete($"{found.Path}?purge=1&destroy-unreferenced-disks=1");

    /// <summary>What a deletion's answer means: what another request is at work on, the next look tells.</summary>
    public static Outcome<TFacts> Removing<TFacts>(OperationLook look, string id) where TFacts : ResourceFacts => look switch
    {
        { Status: OperationStatus.Running } => new Running<TFacts> { Progress = look.Progress! },
        { Error: null } => new Done<TFacts>(),
        { Error: { Code: ErrorCode.NotReadyYet } busy } => Kinds.IpSets.IsGone(busy) ? new Done<TFacts>() : new Running<TFacts> { Progress = ProxmoxContext.Working(busy.Message) },
        { Error: { Code: ErrorCode.Conflict } held } => new Failed<TFacts> { Error = held with { BlockedBy = [$"protection of {id}"] } },
        _ => new Failed<TFacts> { Error = look.Error! },
    };

    private static async ValueTask<FoundMachine> AtChosenAsync(ProxmoxContext context, Call call, Identity id, Guest guest, ClusterView view)
    {
        if (!guest.IsMachine)
            return new FoundMachine { View = view, Taken = true };
        var read = await ReadAsync(context, call, id, guest, view);
        if (read.Error is not null)
            // The list is older than the configuration: it goes or comes just now.
            return Kinds.IpSets.IsGone(read.Error) ? new FoundMachine { View = view, Undecided = true, Holder = guest } : read;
        if (read.State == MarkState.Ours)
            return read;
        return read.IsLocked && read.Mark is null ? new FoundMachine { View = view, Undecided = true, Holder = guest with { Lock = guest.Lock ?? read.Config.Text("lock") } }
            : new FoundMachine { View = view, Taken = true };
    }
}
