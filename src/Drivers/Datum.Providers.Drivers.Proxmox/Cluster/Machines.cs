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
    public ClusterView View { get; init; } = new();

    /// <summary>The chosen number is held by a machine that is being made just now: whose it is can't be told yet (DC-38).</summary>
    public bool Undecided { get; init; }

    /// <summary>The chosen number is somebody else's: another one is to be chosen.</summary>
    public bool Taken { get; init; }

    public DriverError? Error { get; init; }

    public string Path => $"nodes/{Guest!.Node}/qemu/{Kinds.Slices.Number(Guest.VmId)}";

    /// <summary>Whether the platform holds it for work of its own.</summary>
    public bool IsLocked => (Guest?.Lock ?? Config.Text("lock")) is { Length: > 0 };
}

/// <summary>Finding machines: by recorded number, else by mark in the whole cluster, whatever node they are on.</summary>
internal static class Machines
{
    public static async ValueTask<FoundMachine> FindAsync(ProxmoxContext context, Call call, Identity id, string part)
    {
        var list = await ClusterView.ReadAsync(context.Api, call);
        if (list.Value is not { } view)
            return new FoundMachine { Error = list.Error };
        if (id.PartId(part) is { } recorded)
        {
            var known = VmIds.Parse(recorded) is { } number && view.Find(number) is { IsMachine: true } guest ? guest : null;
            if (known is null)
                return new FoundMachine { View = view };
            var read = await ReadAsync(context, call, id, known, view);
            // Recorded from the answer to our own create: while that is at work it shows no mark yet.
            return read is { Error: null, Mark: null } && (known.Lock ?? read.Config.Text("lock")) is "clone" or "create" ? read with { State = MarkState.Ours } : read;
        }

        var ours = view.Of(id).ToList();
        if (ours.Count > 1)
            return new FoundMachine { View = view, Candidates = [.. ours.Select(g => g.Id)] };
        var chosen = VmIds.Resolved(id) is { } vmId && view.Find(vmId) is { } there && ours.All(g => g.VmId != vmId) ? there : null;
        if (chosen is null)
            return ours.Count == 0 ? new FoundMachine { View = view } : await ReadAsync(context, call, id, ours[0], view);
        var look = await AtChosenAsync(context, call, id, chosen, view);
        if (look.Guest is null || ours.Count == 0)
            return look.Guest is null && ours.Count == 1 && look.Error is null ? await ReadAsync(context, call, id, ours[0], view) : look;
        return new FoundMachine { View = view, Candidates = [ours[0].Id, chosen.Id] };
    }

    /// <summary>The machine's configuration, from which the mark is read; the cluster's list may lag behind.</summary>
    public static async ValueTask<FoundMachine> ReadAsync(ProxmoxContext context, Call call, Identity id, Guest guest, ClusterView view)
    {
        var (config, error, _) = await context.Api.GetAsync(call, $"nodes/{guest.Node}/qemu/{Kinds.Slices.Number(guest.VmId)}/config");
        if (error is not null)
            return new FoundMachine { View = view, Error = error };
        var mark = MarkOf(config);
        return new FoundMachine { View = view, Guest = guest, Config = config, Mark = mark, State = Marks.Compare(id, mark) };
    }

    public static Mark? MarkOf(PveObject config) => VmMarks.Read(VmMarks.Split(config.Text("tags")), config.Text("name")) ?? TextMarks.Read(config.Text("description"));

    /// <summary>
    /// What a create's task has made by now: the machine, once it shows our mark, and nothing before (DC-38). Where that can't be read the number is
    /// told all the same (DC-36): the platform took it for our request.
    /// </summary>
    public static async ValueTask<ImmutableArray<Part>> MadeAsync(ProxmoxContext context, Call call, Identity id, string part, int vmId)
    {
        var found = await FindAsync(context, call, id, part);
        return found.Error is not null || (found.Guest?.VmId == vmId && found.State == MarkState.Ours) ? [new Part { Name = part, Id = VmIds.IdOf(vmId) }] : [];
    }

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
            return Kinds.IpSets.IsGone(read.Error) ? new FoundMachine { View = view, Undecided = true } : read;
        if (read.State == MarkState.Ours)
            return read;
        return read.IsLocked && read.Mark is null ? new FoundMachine { View = view, Undecided = true } : new FoundMachine { View = view, Taken = true };
    }
}
