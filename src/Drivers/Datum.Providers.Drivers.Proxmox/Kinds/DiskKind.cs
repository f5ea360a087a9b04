using System.Globalization;
using Datum.Providers.Drivers.Proxmox.Api;
using Datum.Providers.Drivers.Proxmox.Cluster;

namespace Datum.Providers.Drivers.Proxmox.Kinds;

/// <summary>
/// A data disk. Volumes belong to machines here and are deleted with them, so that each data disk belongs to a machine of its own, its holder,
/// which has the mark and is never started; instances attach the holder's volume. Part: <c>disk</c>, the holder.
/// </summary>
internal sealed class DiskKind(ProxmoxContext context) : IResourceDriver<DiskSpec, DiskFacts>
{
    public const string DiskPart = "disk";
    public const string Drive = "scsi0";
    private const string VmIdStep = "vmid";
    private const string SizeStep = "size";

    private PveApi Api => context.Api;

    /// <summary>The tag by which an instance says in the cluster's list that it uses a holder's volume.</summary>
    public static string UseTag(int holder) => "datum-uses-" + Slices.Number(holder);

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, DiskSpec desired)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        if (desired.SizeGiB is < 1 or > 65536)
            findings.Add(new Finding { Path = "sizeGiB", Message = "A disk has 1 to 65536 GiB." });
        if (Storages.Find(context, ProxmoxLocation.Parse(desired.LocationJson), desired.Type, "type").Finding is { } unknown)
            findings.Add(unknown with { Capability = "diskTypes" });
        if (desired.Filesystem is not (null or "ext4" or "xfs" or "btrfs"))
            findings.Add(new Finding { Path = "filesystem", Capability = "filesystems", Message = $"{desired.Filesystem} can't be made; ext4, xfs and btrfs can." });
        return new(findings.ToImmutable());
    }

    public async ValueTask<Answer<Observation<DiskFacts>>> ObserveAsync(Call call, Identity id, DiskSpec? desired, Handle? handle)
    {
        var work = await Api.LookAsync(call, handle);
        if (work is { Error: { } lost, Status: OperationStatus.Unknown })
            return lost;
        var found = await Machines.FindAsync(context, call, id, DiskPart, whole: true);
        if (found.Error is not null)
            return found.Error;
        if (found.Candidates.Length > 0)
            return new Ambiguous<DiskFacts> { Candidates = [.. found.Candidates.Select(c => new Part { Name = DiskPart, Id = c })] };
        if (found.Guest is null)
            return new Absent<DiskFacts>
            {
                Next = desired is null ? null : FirstStep(id, found),
                InProgress = work?.Progress ?? (found.Undecided ? ProxmoxContext.Working("the machine number is being made or removed") : null),
                Failure = work?.Status == OperationStatus.Failed ? work.Error : null,
            };
        var (size, error) = await SizeAsync(call, found);
        return error is not null ? error : Seen(id, desired, found, size, work);
    }

    public async ValueTask<Outcome<DiskFacts>> CreateAsync(Operation operation, Identity id, DiskSpec desired) => operation.Step.Part switch
    {
        VmIdStep => await ChooseAsync(operation.Call, id, desired),
        DiskPart => await MakeAsync(operation.Call, id, desired),
        _ => Failure(PveErrors.NoSuchStep(operation.Step)),
    };

    public async ValueTask<Outcome<DiskFacts>> UpdateAsync(Operation operation, Identity id, DiskSpec desired)
    {
        if (operation.Step.Part != SizeStep)
            return Failure(PveErrors.NoSuchStep(operation.Step));
        var call = operation.Call;
        var found = await Machines.FindAsync(context, call, id, DiskPart, whole: true);
        if (found.Guest is null)
            return Failure(found.Error ?? PveErrors.Refused(ErrorCode.PreconditionFailed, "The disk isn't there to be changed."));
        if (found.State != MarkState.Ours)
            return Failure(PveErrors.NotOurs(found.Guest.Id));
        // Release 8 refuses a size that is there already.
        var (size, unread) = await SizeAsync(call, found);
        if (unread is not null)
            return Failure(unread);
        if (size >= desired.SizeGiB)
            return new Done<DiskFacts>();
        // A guest sees the new size when its own drive is resized.
        var (path, drive) = (found.Path, Drive);
        if (UsersOf(found).FirstOrDefault(u => u.IsRunning) is { } user)
        {
            var at = $"nodes/{user.Node}/qemu/{Slices.Number(user.VmId)}";
            var (config, error, _) = await Api.GetAsync(call, at + "/config");
            if (error is not null)
                return Failure(error);
            var volume = VolumeOf(found.Config);
            if (Machines.MarkOf(config)?.Installation == id.Installation && Drives.All(config).FirstOrDefault(d => d.Volume == volume) is { } attached)
                (path, drive) = (at, attached.Slot);
        }

        var look = await Api.ChangeAsync(call, new PveForm().Set("disk", drive).Set("size", string.Create(CultureInfo.InvariantCulture, $"{desired.SizeGiB}G")).Put(path + "/resize"));
        return look.Status switch
        {
            OperationStatus.Running => new Running<DiskFacts> { Progress = look.Progress! },
            OperationStatus.Failed => Failure(look.Error!),
            _ => new Done<DiskFacts>(),
        };
    }

    public async ValueTask<Outcome<DiskFacts>> DeleteAsync(Operation operation, Identity id)
    {
        if (operation.Step.Part != DiskPart)
            return Failure(PveErrors.NoSuchStep(operation.Step));
        var found = await Machines.FindAsync(context, operation.Call, id, DiskPart, whole: true);
        if (found.Error is not null)
            return Failure(found.Error);
        if (found.Candidates.Length > 0)
            return Failure(PveErrors.Several(found.Candidates));
        if (found.Guest is not { } guest)
            return new Done<DiskFacts> { Observation = new Absent<DiskFacts> { InProgress = found.Undecided ? ProxmoxContext.Working() : null } };
        if (found.State != MarkState.Ours)
            return Failure(PveErrors.NotOurs(guest.Id));
        // The platform would take the volume from under a machine that uses it.
        ImmutableArray<string> users = [.. UsersOf(found).Select(u => u.Id)];
        if (users.Length > 0)
            return Failure(PveErrors.Refused(ErrorCode.Conflict, $"The disk is attached to {string.Join(", ", users)}.") with { BlockedBy = users });
        return Machines.Removing<DiskFacts>(await Api.ChangeAsync(operation.Call, Machines.Destroy(found)), guest.Id);
    }

    public async ValueTask<Answer<ListPage<DiskFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        var list = await ClusterView.ReadAsync(Api, call, all: true);
        return list.Value is not { } view ? list.Error! : Slices.Of(view.Guests.Where(g => g.IsMachine && g.Mark is { Kind: ResourceKind.Disk, Part: null } m && m.Installation == query.Installation).Select(g => new Listed<DiskFacts>
        {
            Name = g.Mark!.Name,
            Incarnation = g.Mark.Incarnation,
            Parts = [new Part { Name = DiskPart, Id = g.Id }],
            State = g.Lock is null ? Lifecycle.Ready : Lifecycle.Creating,
        }), query, ResourceKind.Disk, cursor, complete: view.Dark(context.Settings.VmIdRange).IsEmpty);
    }

    /// <summary>The volume of a holder's configuration.</summary>
    public static string? VolumeOf(PveObject config) => PropertyText.Find(config.Text(Drive), "file", "file");

    private Present<DiskFacts> Seen(Identity id, DiskSpec? desired, FoundMachine found, int? size, OperationLook? work)
    {
        var guest = found.Guest!;
        var building = found.IsLocked;
        var destroying = work?.Status == OperationStatus.Running && PveApi.TypeOf(work) == "qmdestroy";
        var diff = new SpecDiff();
        if (desired is not null && !building)
        {
            var words = found.Config.Text("description");
            // A disk never shrinks, and one that a person moved to another storage keeps its data there: reported, and nothing mends it.
            diff.Number("sizeGiB", desired.SizeGiB, size, desired.SizeGiB > size ? Remedy.InPlace : Remedy.Unknown)
                .Text("type", id.Resolved.GetValueOrDefault("storage") ?? (desired.Type is null ? null : StorageOf(desired)), VolumeOf(found.Config)?.Split(':')[0], Remedy.Unknown)
                .Text("filesystem", desired.Filesystem, NetworkWords.Text(words, "fs"), Remedy.Replace);
        }

        var next = found.State != MarkState.Ours || found.IsLocked || work?.Status == OperationStatus.Running ? null
            : desired is null ? new Step { Part = DiskPart, Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = $"delete {guest.Id} and its volume" }
            : diff.CanUpdate ? new Step { Part = SizeStep, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = $"grow the volume of {guest.Id}" } : null;
        return new Present<DiskFacts>
        {
            Facts = new DiskFacts { SizeGiB = size, UsedBy = [.. UsersOf(found).Select(u => u.Id)], PlatformState = guest.Lock ?? guest.Status },
            Parts = [new Part { Name = DiskPart, Id = guest.Id }],
            State = destroying ? Lifecycle.Deleting : building ? Lifecycle.Creating : Lifecycle.Ready,
            Mark = found.State,
            Incarnation = found.Mark?.Incarnation ?? 0,
            Drift = diff.ToDrift(),
            Next = next,
            InProgress = desired is null && next is not null ? null : work?.Progress ?? (found.IsLocked ? ProxmoxContext.Working(found.Guest!.Lock) : null),
            Failure = work?.Status == OperationStatus.Failed ? work.Error : null,
        };
    }

    private static Step FirstStep(Identity id, FoundMachine found) => VmIds.Resolved(id) is { } vmId && !found.Taken
        ? new Step { Part = DiskPart, Verb = StepVerb.Create, Class = CreateClass.Named, Description = $"create {VmIds.IdOf(vmId)} with the volume" }
        : new Step { Part = VmIdStep, Verb = StepVerb.Create, Class = CreateClass.Repeatable, Description = "choose a number and a node" };

    private async ValueTask<Outcome<DiskFacts>> ChooseAsync(Call call, Identity id, DiskSpec desired)
    {
        var list = await ClusterView.ReadAsync(Api, call, all: true);
        if (list.Value is not { } view)
            return Failure(list.Error!);
        var storage = id.Resolved.GetValueOrDefault("storage") ?? StorageOf(desired);
        if (storage is null)
            return Failure(Storages.Find(context, ProxmoxLocation.Parse(desired.LocationJson), desired.Type, "type").Error!);
        var (node, placed) = id.Resolved.GetValueOrDefault("node") is { } kept && view.HasNode(kept) ? (kept, null) : Placement.Choose(view, ProxmoxLocation.Parse(desired.LocationJson), [storage], null, 0);
        if (placed is not null)
            return Failure(placed);
        var (vmId, error) = await VmIds.ChooseAsync(context, call, id, view);
        return error is not null ? Failure(error)
            : new Done<DiskFacts> { Resolved = ImmutableDictionary<string, string>.Empty.Add("vmid", Slices.Number(vmId)).Add("node", node!).Add("storage", storage) };
    }

    private async ValueTask<Outcome<DiskFacts>> MakeAsync(Call call, Identity id, DiskSpec desired)
    {
        if (id.PartId(DiskPart) is { } recorded)
        {
            var there = await Machines.FindAsync(context, call, id, DiskPart, whole: true);
            return there.Guest is null ? Failure(there.Error ?? PveErrors.Refused(ErrorCode.PreconditionFailed, $"The recorded {recorded} isn't there; it isn't made again in this incarnation."))
                : there.State == MarkState.Ours ? Made(there.Guest.Id) : Failure(PveErrors.NotOurs(recorded));
        }

        if (VmIds.Resolved(id) is not { } vmId || id.Resolved.GetValueOrDefault("node") is not { } node || id.Resolved.GetValueOrDefault("storage") is not { } storage)
            return Failure(PveErrors.Refused(ErrorCode.PreconditionFailed, "No number was chosen yet; look again."));
        var mark = Marks.For(id);
        var form = new PveForm().Set("vmid", vmId).Set("name", VmMarks.NameOf(mark, "disk")).Set("tags", string.Join(';', VmMarks.TagsOf(id)))
            .Set("description", ProxmoxContext.Comments.Write(mark, $"{(desired.Filesystem is { } fs ? $"fs={fs} " : "")}holds a data disk; never start it"))
            .Set("scsihw", "virtio-scsi-single").Set(Drive, string.Create(CultureInfo.InvariantCulture, $"{storage}:{desired.SizeGiB}"))
            .Set("memory", 16).Set("cores", 1).Set("onboot", false).Set("pool", context.Settings.Pool);
        var look = await Api.ChangeAsync(call, form.Post($"nodes/{node}/qemu"));
        if (look.Status == OperationStatus.Running)
            // The number is told once the holder shows our mark (DC-38).
            return new Running<DiskFacts> { Progress = look.Progress! };
        if (look.Error is not { Code: ErrorCode.Conflict } taken)
            return look.Error is { } refused ? Failure(refused) : Made(VmIds.IdOf(vmId));
        var found = await Machines.FindAsync(context, call, id, DiskPart, whole: true);
        return found.Error is not null ? Failure(found.Error)
            : found.Undecided || (found.Guest is null && !found.Taken) ? new Running<DiskFacts> { Progress = ProxmoxContext.Working(taken.Message) }
            : found.Guest is { } guest && found.State == MarkState.Ours && found.Mark!.Incarnation == id.Incarnation ? Made(guest.Id)
            : Failure(taken with { BlockedBy = [VmIds.IdOf(vmId)] });
    }

    /// <summary>What the storage says: the holder's configuration doesn't follow when the drive of a running instance is resized.</summary>
    private async ValueTask<(int? GiB, DriverError? Error)> SizeAsync(Call call, FoundMachine found)
    {
        var configured = PropertyText.SizeGiB(found.Config.Text(Drive));
        if (VolumeOf(found.Config) is not { } volume || found.IsLocked)
            return (configured, null);
        var list = await Api.ListAsync(call, $"nodes/{found.Guest!.Node}/storage/{volume.Split(':')[0]}/content?content=images&vmid={Slices.Number(found.Guest.VmId)}");
        if (list.Value is not { } items)
            return (null, list.Error);
        var bytes = items.Items.FirstOrDefault(i => i.Text("volid") == volume).Number("size");
        return (bytes is { } size ? (int)(size / (1L << 30)) : configured, null);
    }

    private string? StorageOf(DiskSpec desired) => Storages.Find(context, ProxmoxLocation.Parse(desired.LocationJson), desired.Type, "type").Value;

    private static IEnumerable<Guest> UsersOf(FoundMachine found) => found.View!.Guests.Where(g => g.Tags.Contains(UseTag(found.Guest!.VmId)));

    private static Done<DiskFacts> Made(string id) => new() { Parts = [new Part { Name = DiskPart, Id = id }] };

    private static Failed<DiskFacts> Failure(DriverError error) => new() { Error = error };
}

/// <summary>Datum's disk types and the cluster's storages.</summary>
internal static class Storages
{
    public static MapResult<string> Find(ProxmoxContext context, ProxmoxLocation location, string? type, string path)
    {
        var standard = location.Storage ?? context.Settings.Storage;
        return NameMap.DiskTypes(ImmutableDictionary<string, string>.Empty.Add("pd-standard", standard), context.Connection).Find(type, standard, path);
    }
}

/// <summary>A drive of a machine's configuration.</summary>
internal sealed record Drive(string Slot, string Volume, string Text);

/// <summary>The drives of a configuration.</summary>
internal static class Drives
{
    private static readonly ImmutableArray<string> Buses = ["scsi", "virtio", "sata", "ide"];

    public static IEnumerable<Drive> All(PveObject config)
    {
        foreach (var (name, text) in config.Texts())
            if (Buses.Any(b => name.StartsWith(b, StringComparison.Ordinal) && name.Length > b.Length && name.AsSpan(b.Length).IndexOfAnyExceptInRange('0', '9') < 0)
                && PropertyText.Find(text, "file", "file") is { } volume)
                yield return new Drive(name, volume, text);
    }

    public static bool IsMedium(Drive drive) => drive.Text.Contains("media=cdrom", StringComparison.Ordinal) || IsCloudInit(drive);

    /// <summary>The platform's own seed, which a template may have.</summary>
    public static bool IsCloudInit(Drive drive) => drive.Volume.Contains("cloudinit", StringComparison.Ordinal);

    /// <summary>What the machine boots from: the first disk in the order, else the first there is.</summary>
    public static Drive? Boot(PveObject config)
    {
        var disks = All(config).Where(d => !IsMedium(d)).ToList();
        var order = (PropertyText.Find(config.Text("boot"), "legacy", "order") ?? config.Text("bootdisk") ?? "").Split(';');
        return order.Select(slot => disks.FirstOrDefault(d => d.Slot == slot)).FirstOrDefault(d => d is not null) ?? disks.FirstOrDefault();
    }
}
