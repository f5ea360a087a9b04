using System.Globalization;
using Datum.Providers.Drivers.Proxmox.Api;
using Datum.Providers.Drivers.Proxmox.Cluster;
using Datum.Providers.Drivers.Proxmox.Kinds;
using Datum.Providers.Drivers.Proxmox.Seed;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>Seed media on the ISO storage, and the listing of instances, which shows those that are left over.</summary>
internal sealed partial class InstanceKind
{
    public async ValueTask<Answer<ListPage<InstanceFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        var list = await ClusterView.ReadAsync(Api, call, all: true);
        if (list.Value is not { } view)
            return list.Error!;
        var machines = view.Guests.Where(g => g.IsMachine && g.Mark is { Kind: ResourceKind.Instance, Part: null } m && m.Installation == query.Installation).ToList();
        var known = machines.Select(g => g.Mark!.Name).ToHashSet(StringComparer.Ordinal);
        var (seeds, complete, error) = await AllSeedsAsync(call, view, null);
        if (error is not null)
            return error;
        var items = machines.Select(g => new Listed<InstanceFacts>
        {
            Name = g.Mark!.Name,
            Incarnation = g.Mark.Incarnation,
            Parts = [new Part { Name = ServerPart, Id = g.Id }],
            State = g.Lock is not null ? Lifecycle.Creating : g.IsRunning ? Lifecycle.Ready : Lifecycle.Degraded,
        }).Concat(seeds.Where(s => s.Mark.Installation == query.Installation && !known.Contains(s.Mark.Name)).Select(s => new Listed<InstanceFacts>
        {
            Name = s.Mark.Name,
            Incarnation = s.Mark.Incarnation,
            Parts = [new Part { Name = SeedStep, Id = s.Id }],
            State = Lifecycle.Deleting,
        }));
        return Slices.Of(items, query, ResourceKind.Instance, cursor, complete && view.Dark(context.Settings.VmIdRange).IsEmpty);
    }

    private sealed record SeedFile(string Node, string Volume, Mark Mark, long Size)
    {
        public string Id => $"{Node}/{Volume}";
    }

    private string MediumOf(Identity id) => $"{context.Settings.IsoStorage}:iso/{SeedMedium.FileName(id)}";

    /// <summary>Whether the medium is there, whole, with the addresses that the machine has now: these may have been chosen again since.</summary>
    private async ValueTask<(bool There, DriverError? Error)> IsUploadedAsync(Call call, Identity id, FoundMachine found, OperationLook? work)
    {
        if (id.Resolved.GetValueOrDefault("seedNode") != found.Guest!.Node || id.Resolved.GetValueOrDefault("seedOf") != Addresses.HashOf(VmMarks.Split(found.Config.Text("tags")))
            || !long.TryParse(id.Resolved.GetValueOrDefault("seedSize"), NumberStyles.None, CultureInfo.InvariantCulture, out var size))
            return (false, null);
        // The upload's own task has just said so.
        if (work?.Status == OperationStatus.Succeeded && PveApi.TypeOf(work) == "imgcopy")
            return (true, null);
        var (files, error) = await SeedsOnAsync(call, found.Guest.Node);
        return (files.Any(f => f.Volume == MediumOf(id) && f.Size == size), error);
    }

    /// <summary>
    /// The identity's media, of any incarnation: beside its machine where there is one, else where the last was put, else on all nodes. A node that
    /// can't be asked may have one, so that nothing is said of absence then (DC-21).
    /// </summary>
    private async ValueTask<(ImmutableArray<SeedFile> Files, DriverError? Error)> FindSeedsAsync(Call call, Identity id, FoundMachine? found)
    {
        bool IsOurs(SeedFile file) => Marks.Compare(id, file.Mark) == MarkState.Ours;
        var noted = id.Resolved.GetValueOrDefault("seedNode");
        if (found?.Guest is null && noted is { Length: 0 })
            return ([], null);
        if (found?.Guest is { } guest || noted is { Length: > 0 })
        {
            var files = ImmutableArray.CreateBuilder<SeedFile>();
            foreach (var node in new[] { found?.Guest?.Node, noted }.Where(n => !string.IsNullOrEmpty(n)).Distinct(StringComparer.Ordinal))
            {
                var (some, error) = await SeedsOnAsync(call, node!);
                if (error is not null)
                    return ([], error);
                files.AddRange(some.Where(IsOurs).Where(f => files.All(o => o.Volume != f.Volume)));
            }

            return (files.ToImmutable(), null);
        }

        var list = await ClusterView.ReadAsync(Api, call, all: true);
        if (list.Value is not { } view)
            return ([], list.Error);
        var (all, complete, failed) = await AllSeedsAsync(call, view, id);
        if (failed is null && !complete)
            failed = PveErrors.Refused(ErrorCode.Unavailable, "A node that may hold a seed medium isn't online; nothing is concluded from it.");
        return ([.. all.Where(IsOurs)], failed);
    }

    private async ValueTask<(ImmutableArray<SeedFile> Files, bool Complete, DriverError? Error)> AllSeedsAsync(Call call, ClusterView view, Identity? only)
    {
        var files = ImmutableArray.CreateBuilder<SeedFile>();
        var places = view.Storages.Where(s => s.Storage == context.Settings.IsoStorage).ToList();
        var shared = places.Any(p => p.Shared);
        var complete = true;
        foreach (var place in places)
        {
            // A node that is off keeps its files; what is on it is seen when it is back.
            if (!place.Available || !view.HasNode(place.Node))
            {
                complete &= shared;
                continue;
            }

            var (some, error) = await SeedsOnAsync(call, place.Node);
            if (error is not null)
                return ([], false, error);
            files.AddRange(some.Where(f => only is null || f.Mark.Name == only.Name));
            if (shared)
                return (files.ToImmutable(), true, null);
        }

        return (files.ToImmutable(), complete && !(shared && places.Count > 0), null);
    }

    private async ValueTask<(ImmutableArray<SeedFile> Files, DriverError? Error)> SeedsOnAsync(Call call, string node)
    {
        var list = await Api.ListAsync(call, $"nodes/{node}/storage/{context.Settings.IsoStorage}/content?content=iso");
        return list.Value is not { } items ? ([], list.Error)
            : ([.. items.Items.Where(i => SeedMedium.ReadMark(i.Text("volid")) is { Kind: ResourceKind.Instance }).Select(i => new SeedFile(node, i.Text("volid")!, SeedMedium.ReadMark(i.Text("volid"))!, i.Number("size") ?? 0))], null);
    }

    private async ValueTask<Outcome<InstanceFacts>> RemoveSeedAsync(Call call, Identity id, FoundMachine? found)
    {
        if (found is not null && Drives.All(found.Config).FirstOrDefault(d => SeedMedium.ReadMark(d.Volume) is { } m && Marks.Compare(id, m) == MarkState.Ours) is { } drive)
        {
            var ejected = await Api.ChangeAsync(call, new PveForm().Set(drive.Slot, "none,media=cdrom").Put(found.Path + "/config"));
            if (ejected.Error is { } held)
                return Failure(held);
        }

        var (files, error) = await FindSeedsAsync(call, id, found);
        if (error is not null)
            return Failure(error);
        Outcome<InstanceFacts> outcome = new Done<InstanceFacts> { Resolved = NoSeed };
        foreach (var file in files)
        {
            var look = await RemoveFileAsync(call, file.Node, file.Volume);
            if (look.Error is { } refused && !IpSets.IsGone(refused))
                return Failure(refused);
            if (look.Status == OperationStatus.Running)
                outcome = new Running<InstanceFacts> { Progress = look.Progress! };
        }

        return outcome;
    }

    private static ImmutableDictionary<string, string> NoSeed { get; } = ImmutableDictionary<string, string>.Empty.Add("seedNode", "");

    private ValueTask<OperationLook> RemoveFileAsync(Call call, string node, string volume) =>
        Api.ChangeAsync(call, RestRequest.Delete($"nodes/{node}/storage/{context.Settings.IsoStorage}/content/{Uri.EscapeDataString(volume)}"));
}
