using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Kinds;

/// <summary>Finding and listing first-class disks: a datastore lists ids alone, and each disk is read by itself.</summary>
internal sealed partial class DiskKind
{
    /// <summary>Reads at the same time: a page of a hundred disks is then a few round trips long.</summary>
    private const int AtOnce = 8;

    private const int PageSize = 100;

    /// <summary>By recorded id; else what the create's own task made; else everything that carries the mark.</summary>
    private async ValueTask<(ImmutableArray<FirstClassDisk> Found, DriverError? Error)> FindAsync(Call call, Identity id, DiskSpec? desired, TaskLook? work = null)
    {
        if (id.PartId(Part) is { } recorded)
        {
            if (!FirstClassDisk.TryParse(recorded, out var store, out var disk))
                return ([], null);
            var (item, failed) = await ReadAsync(call, store, disk);
            return failed is not null ? ([], failed) : item is null ? ([], null) : ([item], null);
        }

        // What the create's own task made is there before listings show it.
        if (work?.Result?.Ref("config", "backing", "datastore") is { } home && FirstClassDisk.Read(home, work.Result) is { } made)
        {
            var (item, failed) = await ReadAsync(call, home, made.Id);
            if (failed is not null || item is not null)
                return (item is null ? [] : [item], failed);
        }

        ImmutableArray<MoRef> stores;
        DriverError? error;
        string? unreachable = null;
        if (desired is not null && VsphereLocation.Parse(desired.LocationJson) is { Datastore: not null, Datacenter: not null } at)
        {
            (var store, error) = await context.Places.DatastoreAsync(call, at);
            stores = store is { } one ? [one] : [];
            // A datastore that isn't there holds nothing; that its name is wrong is for the step to say.
            if (error is { Code: ErrorCode.Invalid })
                return ([], null);
        }
        else
        {
            (stores, unreachable, error) = await DatastoresAsync(call);
        }

        if (error is not null)
            return ([], error);
        var found = ImmutableArray.CreateBuilder<FirstClassDisk>();
        foreach (var store in stores)
        {
            var (ids, failed) = await IdsAsync(call, store);
            if (failed is not null)
                return ([], failed);
            var (items, unread) = await ReadAllAsync(call, ids.Select(i => (store, i)).ToList());
            if (unread is not null)
                return ([], unread);
            found.AddRange(items.Where(i => Marks.Compare(id, i.Mark) == MarkState.Ours));
        }

        return found.Count == 0 && unreachable is not null
            ? ([], VimErrors.Refused(ErrorCode.Unavailable, $"The datastore {unreachable} can't be reached; nothing is concluded about its disks."))
            : (found.ToImmutable(), null);
    }

    private async ValueTask<(FirstClassDisk? Item, DriverError? Error)> OursAsync(Call call, Identity id)
    {
        var (found, error) = await FindAsync(call, id, null);
        if (error is not null || found.IsEmpty)
            return (null, error);
        if (found.Length > 1)
            return (null, VimErrors.Refused(ErrorCode.Conflict, $"Several disks answer: {string.Join(", ", found.Select(f => f.PartId))}; none is touched.") with { BlockedBy = [.. found.Select(f => f.PartId)] });
        return Marks.Compare(id, found[0].Mark) == MarkState.Ours ? (found[0], null) : (null, VimErrors.NotOurs(found[0].PartId));
    }

    public async ValueTask<Answer<ListPage<DiskFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        var position = "";
        if (cursor is not null && !Cursors.TryRead(ResourceKind.Disk, query, cursor, out position))
            return VimErrors.NotOurCursor();
        var (stores, unreachable, error) = await DatastoresAsync(call);
        if (error is not null)
            return error;
        var size = query.PageSize is > 0 and < PageSize ? query.PageSize : PageSize;
        // Ids have no order of the platform's: by datastore, then by id, and the cursor is the last one that was told.
        var (after, last) = ("", "");
        if (cursor is not null)
        {
            if (!FirstClassDisk.TryParse(position, out var begin, out last))
                return VimErrors.NotOurCursor();
            after = begin.Value;
        }

        var page = new List<(MoRef Store, string Id)>();
        var more = false;
        foreach (var store in stores.Sort((a, b) => string.CompareOrdinal(a.Value, b.Value)))
        {
            var order = string.CompareOrdinal(store.Value, after);
            if (order < 0)
                continue;
            var (ids, failed) = await IdsAsync(call, store);
            if (failed is not null)
                return failed;
            foreach (var id in ids.Where(d => order > 0 || string.CompareOrdinal(d, last) > 0).Order(StringComparer.Ordinal))
                if (page.Count < size)
                    page.Add((store, id));
                else
                    more = true;
            if (more)
                break;
        }

        var (items, unread) = await ReadAllAsync(call, page);
        if (unread is not null)
            return unread;
        return new ListPage<DiskFacts>
        {
            Items =
            [
                .. items.Select(d => (Item: d, d.Mark)).Where(d => d.Mark is { Kind: ResourceKind.Disk, Part: null } m && m.Installation == query.Installation).Select(d => new Listed<DiskFacts>
                {
                    Name = d.Mark!.Name,
                    Incarnation = d.Mark.Incarnation,
                    Parts = [new Part { Name = Part, Id = d.Item.PartId }],
                    State = Lifecycle.Ready,
                    Facts = ToFacts(d.Item),
                    Revision = d.Item.Revision,
                    CreatedAt = d.Item.CreatedAt,
                }),
            ],
            Next = more ? Cursors.Write(ResourceKind.Disk, query, $"{page[^1].Store.Value}/{page[^1].Id}") : null,
            Complete = unreachable is null,
        };
    }

    /// <summary>Reads one; both are null when it isn't there.</summary>
    public async ValueTask<(FirstClassDisk? Item, DriverError? Error)> ReadAsync(Call call, MoRef datastore, string id)
    {
        var (content, error) = await context.Client.ContentAsync(call);
        if (error is not null)
            return (null, error);
        if (content!.Disks is not { } manager)
            return (null, null);
        var answer = await context.Client.CallAsync(call, "RetrieveVStorageObject", manager, w => w.Open("id").Text("id", id).Close().Ref("datastore", datastore), mutates: false);
        if (answer.NotFound)
            return (null, null);
        return answer.Error is not null ? (null, answer.Error)
            : FirstClassDisk.Read(datastore, answer.Result) is { } item ? (item, null)
            : (null, VimErrors.Refused(ErrorCode.Failed, $"The platform's answer for the disk {id} is none."));
    }

    /// <summary>Names of the machines that hold the disk's file, attached as a disk or by its file.</summary>
    private async ValueTask<(ImmutableArray<string> Names, DriverError? Error)> HoldersAsync(Call call, FirstClassDisk item)
    {
        var (machines, error) = await context.Properties.ReadThroughAsync(call, item.Datastore, "vm", "VirtualMachine", "name", "config.hardware.device");
        if (error is not null)
            return ([], error);
        return ([
            .. machines.Where(m => m.Find("config.hardware.device")?.All("VirtualDevice").Any(d => d.String("vDiskId", "id") == item.Id || (item.File is not null && d.String("backing", "fileName") == item.File)) == true)
                .Select(m => m.String("name") ?? m.Ref.Value),
        ], null);
    }

    /// <summary>Datastores that can be reached, and one that can't: what that holds isn't known.</summary>
    private async ValueTask<(ImmutableArray<MoRef> Stores, string? Unreachable, DriverError? Error)> DatastoresAsync(Call call)
    {
        var (content, error) = await context.Client.ContentAsync(call);
        if (error is not null)
            return ([], null, error);
        if (content!.Disks is null)
            return ([], null, null);
        var (stores, complete, failed) = await context.Properties.AllAsync(call, "Datastore", "name", "summary.accessible");
        if (failed is not null)
            return ([], null, failed);
        var lost = stores.FirstOrDefault(s => s.Hidden || s.Flag("summary.accessible") == false);
        return ([.. stores.Where(s => s.Flag("summary.accessible") != false).Select(s => s.Ref)], lost?.String("name") ?? lost?.Ref.Value ?? (complete ? null : "that rights hide"), null);
    }

    private async ValueTask<(ImmutableArray<string> Ids, DriverError? Error)> IdsAsync(Call call, MoRef store)
    {
        var (content, error) = await context.Client.ContentAsync(call);
        if (error is not null)
            return ([], error);
        var answer = await context.Client.CallAsync(call, "ListVStorageObject", content!.Disks!.Value, w => w.Ref("datastore", store), mutates: false);
        return answer.Error is not null ? ([], answer.Error) : ([.. answer.Results.Select(r => r.String("id")).OfType<string>().Where(MoRef.IsValue)], null);
    }

    private async ValueTask<(ImmutableArray<FirstClassDisk> Items, DriverError? Error)> ReadAllAsync(Call call, IReadOnlyList<(MoRef Store, string Id)> ids)
    {
        var items = ImmutableArray.CreateBuilder<FirstClassDisk>();
        foreach (var some in ids.Chunk(AtOnce))
        {
            var reads = await Task.WhenAll(some.Select(i => ReadAsync(call, i.Store, i.Id).AsTask()));
            if (reads.FirstOrDefault(r => r.Error is not null).Error is { } error)
                return ([], error);
            // One that went meanwhile isn't there.
            items.AddRange(reads.Select(r => r.Item).OfType<FirstClassDisk>());
        }

        return (items.ToImmutable(), null);
    }
}
