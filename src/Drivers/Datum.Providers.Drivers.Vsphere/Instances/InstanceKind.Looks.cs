using System.Globalization;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Instances;

/// <summary>Looking at an instance: reads, and what they mean.</summary>
internal sealed partial class InstanceKind
{
    /// <summary>How long a new guest's first report is waited for.</summary>
    private static readonly TimeSpan GuestWait = TimeSpan.FromMinutes(15);

    /// <summary>What one search found. <see cref="Making"/>: it is there and has no configuration yet.</summary>
    private sealed record Found(Machine? Item, MarkState Mark, bool Making, DriverError? Error)
    {
        public static Found Nothing { get; } = new(null, MarkState.Unknown, false, null);
    }

    public async ValueTask<Answer<Observation<InstanceFacts>>> ObserveAsync(Call call, Identity id, InstanceSpec? desired, Handle? handle)
    {
        var waiting = VimHandle.Read(handle, context.Time.GetUtcNow());
        // The task first: what it has done is there for the read behind it.
        var work = await context.Tasks.LookAsync(call, waiting);
        if (work is { Error: { } lost, Status: OperationStatus.Unknown })
            return lost;
        var found = await FindAsync(call, id);
        // What the clone's own task made is there before searches show it.
        if (found is { Item: null, Error: null } && id.Parts.IsEmpty && work.Result?.AsRef() is { Type: "VirtualMachine" } made && await ReadMachineAsync(call, id, made) is { Mark: MarkState.Ours } own)
            found = own;
        if (found.Error is not null)
            return found.Error;
        if (found.Item is { } item)
        {
            var (there, unread) = found.Mark == MarkState.Ours && work.Status != OperationStatus.Running ? await IsMediumThereAsync(call, item, deleting: desired is null) : default;
            if (unread is not null)
                return unread;
            // A REST service that doesn't answer now says nothing about tags.
            var untagged = context.Tags.Any && desired is not null && found.Mark == MarkState.Ours ? (await context.Tags.MissingAsync(call, item.Ref)).Missing : [];
            return Seen(item, found.Mark, id, desired, work, waiting, there, untagged);
        }

        var running = work.Progress;
        if (found.Making && running is null)
            running = new Progress { LookAgainAfter = VsphereContext.LookAgain, WaitingFor = WaitingFor.Platform, Message = "the machine is being made" };
        // A machine that was seen once isn't being made any more. Before that, a clone whose handle was lost may still be at work.
        if (running is null && work.Status == OperationStatus.Unknown && id.Parts.IsEmpty)
        {
            (running, var error) = await context.Tasks.PendingAsync(call, "clone", IsClone);
            if (error is not null)
                return error;
        }

        var (left, unknown) = running is null ? await LeftBehindAsync(call, id) : default;
        if (unknown is not null)
            return unknown;
        if (left is not null && desired is null)
            return new Present<InstanceFacts>
            {
                Facts = new InstanceFacts { Power = PowerState.Unknown },
                Parts = [new Part { Name = SecretsStep, Id = left.Write() }],
                State = Lifecycle.Deleting,
                Mark = MarkState.Ours,
                Incarnation = id.Incarnation,
                Next = new Step { Part = WipeStep, Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = $"delete {left.Path}" },
            };
        return new Absent<InstanceFacts>
        {
            Next = desired is null ? null : left is not null ? SecretsBuild(WipeStep, $"delete {left.Path}") : new Step { Part = InstanceView.Server, Verb = StepVerb.Create, Class = CreateClass.Named, Description = "clone machine" },
            InProgress = running,
            Failure = work.Status == OperationStatus.Failed ? work.Error : null,
        };
    }

    private static bool IsClone(VimNode info) => (info.String("name") + " " + info.String("descriptionId")).Contains("clone", StringComparison.OrdinalIgnoreCase);

    private Present<InstanceFacts> Seen(Machine item, MarkState mark, Identity id, InstanceSpec? desired, TaskLook work, VimHandle? handle, bool there, ImmutableArray<string> untagged)
    {
        var report = InstanceView.ReadReport(item);
        var beacons = context.Settings.GuestBeacon == true;
        var health = InstanceView.HealthOf(item, report, beacons);
        var built = IsBuilt(item, id, desired);
        var diff = new SpecDiff();
        if (desired is not null && built)
            Compare(diff, desired, item);
        // Nothing that a new machine would mend.
        if (built && untagged.Length > 0)
            diff.Add("settings.tags", Remedy.Unknown, string.Join(", ", untagged));
        var drift = diff.ToDrift();
        // While the platform works on the machine it refuses everything else.
        var working = work.Status == OperationStatus.Running;
        var stopping = handle is { Kind: VimHandle.Stop } && item.IsOn ? handle : null;
        var patient = stopping is not null && context.Time.GetUtcNow() < stopping.Since + TimeSpan.FromSeconds(GraceOf(item));

        Step? next = null;
        if (mark == MarkState.Ours && !working && !patient)
            next = desired is null ? DeleteStep(item, stopping, there)
                : BeforeStart(!built ? BuildStep(item, id, desired, untagged) : MediumStep(item, report, there) ?? (diff.CanUpdate ? UpdateStep(item, desired, drift, stopping) : null) ?? Untagged(untagged), item, there);
        // Nobody waits for a guest's secrets while there is something to do.
        var waiting = working || (next is not null && item.Secrets is not null) ? null : patient ? Stopping(stopping!) : WaitForGuest(item, desired, work, handle, health);
        var deleting = working && work.Method?.Contains("Destroy", StringComparison.OrdinalIgnoreCase) == true;
        var failure = work.Status == OperationStatus.Failed && !IsOwnName(work) && !DatastoreFiles.IsGone(work) ? work.Error : Asked(item);
        return new Present<InstanceFacts>
        {
            Facts = InstanceView.ToFacts(item, desired, report, beacons),
            Parts = [new Part { Name = InstanceView.Server, Id = item.Uuid! }],
            State = deleting ? Lifecycle.Deleting : (desired is not null && !built) || (waiting is not null && handle is { Kind: VimHandle.Guest or VimHandle.Task }) ? Lifecycle.Creating
                : working || patient ? Lifecycle.Updating : InstanceView.ToLifecycle(item, health),
            Mark = mark,
            Incarnation = item.Mark?.Incarnation ?? 0,
            Drift = drift,
            Next = next,
            InProgress = desired is null && next is not null ? null : work.Progress ?? waiting,
            Failure = failure,
            Resolved = Learned(item, id, built),
        };
    }

    private static ImmutableDictionary<string, string> Learned(Machine item, Identity id, bool built)
    {
        var learned = FileOf(item) is { } file && file.Write() is var text && text != id.Resolved.GetValueOrDefault(SecretsMedium.Resolved) && text != id.Resolved.GetValueOrDefault(SecretsMedium.Gone) ? Noted(file) : ImmutableDictionary<string, string>.Empty;
        return built && item.IsOn && !id.Resolved.ContainsKey(StartedKey) ? learned.Add(StartedKey, Incarnation(id)) : learned;
    }

    /// <summary>A second clone under our own name lost against the first, which is here: nothing failed.</summary>
    private static bool IsOwnName(TaskLook work) => work is { Error.PlatformCode: "DuplicateName" };

    /// <summary>A question stops the machine until a person answers it.</summary>
    private static DriverError? Asked(Machine item) => item.Question is not { } question ? null
        : VimErrors.Refused(ErrorCode.Failed, $"The machine {item.Name} waits for an answer: {question.Trim()} Answer it in the vSphere Client.", Effect.Applied) with { PlatformCode = "VirtualMachineQuestion" };

    private static string Incarnation(Identity id) => id.Incarnation.ToString(CultureInfo.InvariantCulture);

    /// <summary>Whether the machine was started once in this life, or runs with what its guest was given.</summary>
    private static bool IsBuilt(Machine item, Identity id, InstanceSpec? desired) =>
        item.Extra.GetValueOrDefault(Machine.GuestKey) == (item.Mark?.Incarnation ?? 0).ToString(CultureInfo.InvariantCulture)
        && (item.IsOn || desired?.Suspended == true || id.Resolved.GetValueOrDefault(StartedKey) == Incarnation(id));

    private static Step? Untagged(ImmutableArray<string> untagged) =>
        untagged.IsEmpty ? null : new Step { Part = TagsStep, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = $"attach {string.Join(", ", untagged)}" };

    private static Step? BuildStep(Machine item, Identity id, InstanceSpec desired, ImmutableArray<string> untagged)
    {
        // Somebody started it too early: the guest has nothing to read, and has to be stopped first.
        if (item.IsOn)
            return new Step { Part = OffStep, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = "power off" };
        if (!untagged.IsEmpty)
            return Build(TagsStep, "attach tags");
        foreach (var volume in InstanceWish.DataVolumes(desired))
            if (!Kinds.FirstClassDisk.TryParse(volume.Disk!.Disk!.ProviderId ?? "", out _, out var disk) || !item.Holds(disk, volume.Disk.DeviceName))
                return Build(DisksStep, "attach disks");
        return item.Extra.GetValueOrDefault(Machine.GuestKey) != Incarnation(id) ? Build(GuestStep, "hand over the guest's data") : Build(Power, "power on");

        static Step Build(string part, string words) => new() { Part = part, Verb = StepVerb.Create, Class = CreateClass.Repeatable, Description = words };
    }

    private static Step DeleteStep(Machine item, VimHandle? stopping, bool there)
    {
        var part = item.IsOn ? stopping is null ? StopStep : OffStep : item.DataDisks.Any() ? DisksStep : there ? WipeStep : InstanceView.Server;
        return new Step { Part = part, Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = part switch { StopStep => "ask the guest to stop", OffStep => "power off", DisksStep => "detach disks", WipeStep => "delete the medium of the secrets", _ => "destroy machine" } };
    }

    private static Step? UpdateStep(Machine item, InstanceSpec desired, ImmutableArray<Drift> drift, VimHandle? stopping)
    {
        var resize = drift.Any(d => d.Path == "size");
        var restart = drift.Any(d => d.Path == "restartedAt");
        var suspend = drift.Any(d => d.Path == "suspended");
        var part = item.IsOff
            ? resize ? Resize : restart ? Restart : suspend ? Power : null
            : resize && CanGrowRunning(item, desired) ? Resize
            : resize || restart || suspend ? stopping is null ? StopStep : OffStep : null;
        return part is null ? null : new Step { Part = part, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = part };
    }

    private void Compare(SpecDiff diff, InstanceSpec desired, Machine item)
    {
        GuestFingerprint.Compare(diff, GuestFingerprint.Of(desired, _wish.Options(desired)), GuestFingerprint.Read(item.Extra.GetValueOrDefault(Machine.SpecKey)), desired, size: Remedy.InPlace);
        var (cpus, memory) = (InstanceWish.Cpus(desired.Size), InstanceWish.MemoryMiB(desired.Size));
        if ((item.Cpus is { } c && c != cpus || item.MemoryMiB is { } m && m != memory) && diff.ToDrift().All(d => d.Path != "size"))
            diff.Add("size", Remedy.InPlace, Size(cpus, memory), Size(item.Cpus, item.MemoryMiB));
        var nics = item.Nics.ToList();
        if (nics.Count != desired.Interfaces.Length)
            diff.Add("interfaces", Remedy.Replace, desired.Interfaces.Length.ToString(CultureInfo.InvariantCulture), nics.Count.ToString(CultureInfo.InvariantCulture));
        for (var i = 0; i < Math.Min(nics.Count, desired.Interfaces.Length); i++)
        {
            var wish = desired.Interfaces[i];
            diff.Text($"interfaces[{wish.Name}].network", wish.Network?.ProviderId, nics[i].String("backing", "port", "portgroupKey"), Remedy.Replace);
            var given = item.Addresses.Where(a => a.Interface == wish.Name).Select(a => a.Address).ToList();
            foreach (var address in wish.Addresses)
                if (!given.Contains(IPAddress.TryParse(address, out var parsed) ? parsed.ToString() : address))
                    diff.Add($"interfaces[{wish.Name}].addresses", Remedy.Replace, address, string.Join(", ", given));
            // A range that was given back, or another one in its place.
            foreach (var address in wish.Ranges.IsEmpty ? [] : given)
                if (!wish.Ranges.Any(r => Cidr.TryParse(r, out var range) && range.Contains(IPAddress.Parse(address))))
                    diff.Add($"interfaces[{wish.Name}].ranges", Remedy.Replace, string.Join(", ", wish.Ranges), address);
        }

        foreach (var volume in InstanceWish.DataVolumes(desired))
            if (Kinds.FirstClassDisk.TryParse(volume.Disk!.Disk!.ProviderId ?? "", out _, out var disk) && !item.Holds(disk, volume.Disk.DeviceName))
                diff.Add($"volumes[{volume.Name}].disk.disk", Remedy.Replace, volume.Disk.Disk.ProviderId);
        diff.Text("restartedAt", desired.RestartedAt, item.Extra.GetValueOrDefault(Machine.RestartKey), Remedy.InPlace);
        if (item.IsOff != desired.Suspended && (item.IsOff || item.IsOn))
            diff.Flag("suspended", desired.Suspended, !desired.Suspended, Remedy.InPlace);

        static string Size(int? cpus, long? memory) => string.Create(CultureInfo.InvariantCulture, $"{cpus} x {memory} MiB");
    }

    /// <summary>
    /// After a start the guest's first report is waited for, so that an instance isn't called ready before its containers are. The handle says
    /// since when; without one (a host that was started anew) nothing is waited for.
    /// </summary>
    private Progress? WaitForGuest(Machine item, InstanceSpec? desired, TaskLook work, VimHandle? handle, GuestHealth guest)
    {
        if (desired is null || !item.IsOn || item.Question is not null || context.Settings.GuestBeacon != true)
            return null;
        var now = context.Time.GetUtcNow();
        // The medium lies there until the guest has it, however long that takes.
        if (item.Secrets is { Taken: false })
        {
            var from = handle is { Kind: VimHandle.Guest } ? handle.Since : now;
            return new Progress { LookAgainAfter = PauseAfter(now - from), WaitingFor = WaitingFor.Platform, Message = "the guest hasn't reported that it has its secrets", Handle = new VimHandle(VimHandle.Guest, from, "secrets").Write() };
        }

        if (guest == GuestHealth.Ready)
            return null;
        var since = handle is { Kind: VimHandle.Guest } ? handle.Since
            : work.Status == OperationStatus.Succeeded && work.Method?.Contains("powerOn", StringComparison.OrdinalIgnoreCase) == true ? now : (DateTimeOffset?)null;
        if (since is not { } begun || now >= begun + GuestWait || begun > now + TimeSpan.FromMinutes(1))
            return null;
        return new Progress
        {
            LookAgainAfter = PauseAfter(now - begun),
            WaitingFor = WaitingFor.Platform,
            Message = guest == GuestHealth.NotReady ? "the guest isn't ready yet" : "the guest hasn't reported yet",
            Handle = new VimHandle(VimHandle.Guest, begun, "report").Write(),
        };
    }

    private static TimeSpan PauseAfter(TimeSpan waited) => waited < TimeSpan.FromMinutes(1) ? TimeSpan.FromSeconds(3) : waited < GuestWait ? TimeSpan.FromSeconds(10) : TimeSpan.FromMinutes(1);

    // ---- finding

    /// <summary>By recorded identifier, else by the one that is this instance's: the platform gives an identifier to one machine only.</summary>
    private async ValueTask<Found> FindAsync(Call call, Identity id)
    {
        if (id.PartId(InstanceView.Server) is { } recorded)
            return Guid.TryParseExact(recorded, "D", out _) ? await ReadByUuidAsync(call, id, recorded) : Found.Nothing;
        var found = await ReadByUuidAsync(call, id, ResourceNames.Uuid(id).ToString("D"));
        // What carries no mark isn't ours, whatever its identifier.
        return found.Mark == MarkState.Missing ? Found.Nothing : found;
    }

    private async ValueTask<Found> ReadByUuidAsync(Call call, Identity id, string uuid)
    {
        var (content, error) = await context.Client.ContentAsync(call);
        if (error is not null)
            return Found.Nothing with { Error = error };
        var answer = await context.Client.CallAsync(call, "FindByUuid", content!.SearchIndex, w => w.Text("uuid", uuid).Flag("vmSearch", true).Flag("instanceUuid", true), mutates: false);
        if (answer.Error is not null)
            return Found.Nothing with { Error = answer.Error };
        return answer.Result?.AsRef() is { Type: "VirtualMachine" } target ? await ReadMachineAsync(call, id, target) : Found.Nothing;
    }

    private async ValueTask<Found> ReadMachineAsync(Call call, Identity id, MoRef target)
    {
        var (read, failed) = await context.Properties.ReadAsync(call, target, Machine.Paths);
        if (failed is not null)
            return Found.Nothing with { Error = failed };
        if (read is null)
            return Found.Nothing;
        return Machine.Read(read) is { } item ? new Found(item, Marks.Compare(id, item.Mark), false, null) : Found.Nothing with { Making = true };
    }

    private async ValueTask<(Machine? Item, DriverError? Error)> OursAsync(Call call, Identity id)
    {
        var found = await FindAsync(call, id);
        return found.Error is not null ? (null, found.Error)
            : found.Item is null ? (null, VimErrors.Refused(ErrorCode.PreconditionFailed, "The machine isn't there."))
            : found.Mark == MarkState.Ours ? (found.Item, null) : (null, VimErrors.NotOurs(found.Item.Ref.Value));
    }
}
