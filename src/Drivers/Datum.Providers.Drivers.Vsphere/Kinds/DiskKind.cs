using System.Globalization;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Kinds;

/// <summary>A first-class disk as it was read.</summary>
internal sealed record FirstClassDisk
{
    public required MoRef Datastore { get; init; }
    public required string Id { get; init; }
    public string Name { get; init; } = "";
    public long CapacityMiB { get; init; }
    public string? File { get; init; }
    public ImmutableArray<string> Consumers { get; init; } = [];
    public DateTimeOffset? CreatedAt { get; init; }

    public Mark? Mark => TextMarks.Read(Name);

    public int SizeGiB => (int)(CapacityMiB / 1024);

    /// <summary>Where it is and which: enough to find it again.</summary>
    public string PartId => $"{Datastore.Value}/{Id}";

    public string? Filesystem => Name.Split(' ').FirstOrDefault(w => w.StartsWith("fs=", StringComparison.Ordinal))?[3..];

    public string Revision => VsphereContext.Revision(PartId, Name, CapacityMiB.ToString(CultureInfo.InvariantCulture), string.Join(',', Consumers));

    /// <summary>A <c>VStorageObject</c>; null when it isn't one.</summary>
    public static FirstClassDisk? Read(MoRef datastore, VimNode? node) => node?.Find("config") is not { } config || config.String("id", "id") is not { } id ? null : new FirstClassDisk
    {
        Datastore = datastore,
        Id = id,
        Name = config.String("name") ?? "",
        CapacityMiB = config.Number("capacityInMB") ?? 0,
        File = config.String("backing", "filePath"),
        Consumers = [.. config.All("consumerId").Select(c => c.String("id")).OfType<string>()],
        CreatedAt = config.Time("createTime"),
    };

    public static bool TryParse(string partId, out MoRef datastore, out string id)
    {
        // Ids are UUIDs; what stands before is the platform's own.
        var slash = partId.LastIndexOf('/');
        (datastore, id) = slash > 0 ? (new MoRef("Datastore", partId[..slash]), partId[(slash + 1)..]) : default;
        return slash > 0 && MoRef.IsValue(datastore.Value) && MoRef.IsValue(id);
    }
}

/// <summary>
/// A data disk: a first-class disk, which lives on when the machine that it is attached to goes. The platform gives out its id and shows names
/// only one by one; the mark is in the name, in the request that makes it.
/// </summary>
internal sealed partial class DiskKind(VsphereContext context) : IResourceDriver<DiskSpec, DiskFacts>
{
    public const string Part = "dsk";

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, DiskSpec desired)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        VsphereLocation.Parse(desired.LocationJson).Validate(findings, computes: true);
        if (desired.SizeGiB is < 1 or > 63488)
            findings.Add(new Finding { Path = "sizeGiB", Message = "A disk has 1 to 63488 GiB." });
        if (DiskTypes.Find(context.Connection, desired.Type, "type").Finding is { } unknown)
            findings.Add(unknown with { Capability = "diskTypes" });
        if (desired.Filesystem is not (null or "ext4" or "xfs" or "btrfs"))
            findings.Add(new Finding { Path = "filesystem", Capability = "filesystems", Message = $"{desired.Filesystem} can't be made; ext4, xfs and btrfs can." });
        return new(findings.ToImmutable());
    }

    public async ValueTask<Answer<Observation<DiskFacts>>> ObserveAsync(Call call, Identity id, DiskSpec? desired, Handle? handle)
    {
        var waiting = VimHandle.Read(handle, context.Time.GetUtcNow());
        var work = await context.Tasks.LookAsync(call, waiting);
        if (work is { Error: { } lost, Status: OperationStatus.Unknown })
            return lost;
        var (found, error) = await FindAsync(call, id, desired, work);
        if (error is not null)
            return error;
        if (found.Length > 1)
            return new Ambiguous<DiskFacts> { Candidates = [.. found.Select(d => new Part { Name = Part, Id = d.PartId })] };
        if (found.Length == 1)
            return Seen(found[0], id, desired, work);
        var running = work.Progress;
        if (running is null && id.Parts.IsEmpty && work.Status == OperationStatus.Unknown)
        {
            // A create whose handle was lost may still be at work: thick disks take their time.
            (running, error) = await context.Tasks.PendingAsync(call, "disk", IsCreate);
            if (error is not null)
                return error;
        }

        return new Absent<DiskFacts>
        {
            Next = desired is null ? null : new Step { Part = Part, Verb = StepVerb.Create, Class = CreateClass.Marked, Description = "create first-class disk" },
            InProgress = running,
            Failure = work.Status == OperationStatus.Failed ? work.Error : null,
        };
    }

    public async ValueTask<Outcome<DiskFacts>> CreateAsync(Operation operation, Identity id, DiskSpec desired)
    {
        if (operation.Step.Part != Part)
            return Failure(VimErrors.NoSuchStep(operation.Step));
        var call = operation.Call;
        if (id.PartId(Part) is { } recorded)
        {
            var (there, failed) = await OursAsync(call, id);
            return there is not null ? new Done<DiskFacts> { Parts = [new Part { Name = Part, Id = recorded }] }
                : Failure(failed ?? VimErrors.Refused(ErrorCode.PreconditionFailed, $"The recorded {recorded} isn't there; it isn't made again in this incarnation."));
        }

        var type = DiskTypes.Find(context.Connection, id.Resolved.GetValueOrDefault("type") ?? desired.Type, "type", id.Resolved.ContainsKey("type"));
        if (type.Error is { } unknown)
            return Failure(unknown);
        var (content, error) = await context.Client.ContentAsync(call);
        if (error is not null)
            return Failure(error);
        if (content!.Disks is not { } manager)
            return Failure(VimErrors.Refused(ErrorCode.Unsupported, "This vCenter has no first-class disks; 6.5 or newer has.") with { Field = "volumes" });
        var (datastore, noStore) = await context.Places.DatastoreAsync(call, VsphereLocation.Parse(desired.LocationJson));
        if (noStore is not null)
            return Failure(noStore);
        var look = await context.Tasks.MakeAsync(call, "CreateDisk_Task", manager, w => w.Open("spec")
            .Text("name", VsphereContext.Texts.Write(Marks.For(id), desired.Filesystem is { } filesystem ? "fs=" + filesystem : null))
            .Flag("keepAfterDeleteVm", true)
            .Open("backingSpec", "VslmCreateSpecDiskFileBackingSpec").Ref("datastore", datastore).Text("provisioningType", type.Value!).Close()
            .Number("capacityInMB", desired.SizeGiB * 1024L).Close());
        var resolved = ImmutableDictionary<string, string>.Empty.Add("type", type.Value!);
        return look.Status == OperationStatus.Succeeded && FirstClassDisk.Read(datastore!.Value, look.Result) is { } made
            ? new Done<DiskFacts> { Parts = [new Part { Name = Part, Id = made.PartId }], Resolved = resolved } : ToOutcome(look, resolved);
    }

    public async ValueTask<Outcome<DiskFacts>> UpdateAsync(Operation operation, Identity id, DiskSpec desired)
    {
        if (operation.Step.Part != Part)
            return Failure(VimErrors.NoSuchStep(operation.Step));
        var (item, error) = await OursAsync(operation.Call, id);
        if (item is null)
            return Failure(error ?? VimErrors.Refused(ErrorCode.PreconditionFailed, "The disk isn't there to be changed."));
        if (item.SizeGiB >= desired.SizeGiB)
            return new Done<DiskFacts>();
        var (content, failed) = await context.Client.ContentAsync(operation.Call);
        return failed is not null ? Failure(failed) : ToOutcome(await context.Tasks.BeginAsync(operation.Call, "ExtendDisk_Task", content!.Disks!.Value, w =>
            w.Open("id").Text("id", item.Id).Close().Ref("datastore", item.Datastore).Number("newCapacityInMB", desired.SizeGiB * 1024L)));
    }

    public async ValueTask<Outcome<DiskFacts>> DeleteAsync(Operation operation, Identity id)
    {
        if (operation.Step.Part != Part)
            return Failure(VimErrors.NoSuchStep(operation.Step));
        var (item, error) = await OursAsync(operation.Call, id);
        if (error is not null)
            return Failure(error);
        if (item is null)
            return new Done<DiskFacts> { Observation = new Absent<DiskFacts>() };
        var (users, failed) = await HoldersAsync(operation.Call, item);
        if (failed is not null)
            return Failure(failed);
        if (users.Length > 0)
            return Failure(VimErrors.Refused(ErrorCode.Conflict, $"The disk is attached to {string.Join(", ", users)}; detach it, or wait until the machine is gone.") with { BlockedBy = users });
        var (content, noContent) = await context.Client.ContentAsync(operation.Call);
        if (noContent is not null)
            return Failure(noContent);
        var look = await context.Tasks.BeginAsync(operation.Call, "DeleteVStorageObject_Task", content!.Disks!.Value, w => w.Open("id").Text("id", item.Id).Close().Ref("datastore", item.Datastore));
        return look.Error is { PlatformCode: "NotFound" or "FileNotFound" } ? new Done<DiskFacts>() : ToOutcome(look);
    }

    private static Present<DiskFacts> Seen(FirstClassDisk item, Identity id, DiskSpec? desired, TaskLook work)
    {
        var mark = Marks.Compare(id, item.Mark);
        var diff = new SpecDiff();
        if (desired is not null)
            // A disk never shrinks: the difference is reported and nothing mends it.
            diff.Number("sizeGiB", desired.SizeGiB, item.SizeGiB, desired.SizeGiB > item.SizeGiB ? Remedy.InPlace : Remedy.Unknown)
                .Text("filesystem", desired.Filesystem, item.Filesystem, Remedy.Replace);
        Step? next = null;
        if (mark == MarkState.Ours)
            next = desired is null ? new Step { Part = Part, Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = $"delete {item.PartId}" }
                : diff.CanUpdate ? new Step { Part = Part, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = $"extend {item.PartId}" } : null;
        return new Present<DiskFacts>
        {
            Facts = ToFacts(item),
            Parts = [new Part { Name = Part, Id = item.PartId }],
            State = work.Status == OperationStatus.Running ? Lifecycle.Updating : Lifecycle.Ready,
            Mark = mark,
            Incarnation = item.Mark?.Incarnation ?? 0,
            Drift = diff.ToDrift(),
            Next = next,
            InProgress = work.Progress,
            Failure = work.Status == OperationStatus.Failed ? work.Error : null,
        };
    }

    private static bool IsCreate(VimNode info) =>
        (info.String("name") + " " + info.String("descriptionId")).Contains("createDisk", StringComparison.OrdinalIgnoreCase);

    private static DiskFacts ToFacts(FirstClassDisk item) => new() { SizeGiB = item.SizeGiB, UsedBy = item.Consumers, PlatformState = item.File };

    private static Failed<DiskFacts> Failure(DriverError error) => new() { Error = error };

    private static Outcome<DiskFacts> ToOutcome(TaskLook look, ImmutableDictionary<string, string>? resolved = null) =>
        (look.Progress ?? VimTasks.Busy(look.Error)) is { } progress ? new Running<DiskFacts> { Progress = progress, Resolved = resolved ?? ImmutableDictionary<string, string>.Empty }
        : look.Error is { } error ? Failure(error) : new Done<DiskFacts> { Resolved = resolved ?? ImmutableDictionary<string, string>.Empty };
}

/// <summary>Datum's disk types and how the platform lays disks out.</summary>
internal static class DiskTypes
{
    public const string Thin = "thin";

    private static readonly ImmutableDictionary<string, string> Own = new Dictionary<string, string> { ["pd-standard"] = Thin, ["pd-balanced"] = Thin, ["pd-ssd"] = "eagerZeroedThick" }.ToImmutableDictionary(StringComparer.Ordinal);

    private static readonly ImmutableArray<string> Native = [Thin, "lazyZeroedThick", "eagerZeroedThick"];

    public static MapResult<string> Find(Connection connection, string? type, string path, bool native = false)
    {
        var found = native ? new MapResult<string> { Value = type } : NameMap.DiskTypes(Own, connection).Find(type, Thin, path);
        return found.Value is { } value && !Native.Contains(value)
            ? new MapResult<string> { Finding = new Finding { Path = path, Message = $"'{value}', which the ProviderConfig names for {type}, is none of {string.Join(", ", Native)}." } }
            : found;
    }
}
