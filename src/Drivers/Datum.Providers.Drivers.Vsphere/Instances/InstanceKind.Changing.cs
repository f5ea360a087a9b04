using System.Globalization;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Instances;

/// <summary>Disks, power, size and the end of a machine.</summary>
internal sealed partial class InstanceKind
{
    private const int UnitsOfController = 16;
    private const int ControllersOwnUnit = 7;
    private const int MostControllers = 4;

    private ValueTask<TaskLook> ReconfigureAsync(Call call, Machine item, Action<VimWriter> members) =>
        context.Tasks.BeginAsync(call, "ReconfigVM_Task", item.Ref, w =>
        {
            w.Open("spec");
            members(w);
            w.Close();
        });

    /// <summary>Attaches what isn't yet, in one change: a disk's file, with the disk's own id beside it.</summary>
    private async ValueTask<Outcome<InstanceFacts>> AttachAsync(Call call, Machine item, InstanceSpec desired)
    {
        var files = item.AttachedFiles;
        var missing = new List<(string Device, string Id, string File, long CapacityKiB)>();
        foreach (var volume in InstanceWish.DataVolumes(desired))
        {
            if (volume.Disk!.Disk!.ProviderId is not { } part || !Kinds.FirstClassDisk.TryParse(part, out var store, out var disk))
                return Failure(VimErrors.Refused(ErrorCode.NotReadyYet, $"The disk of {volume.Name} isn't there yet."));
            if (item.Holds(disk, volume.Disk.DeviceName))
                continue;
            var (read, error) = await new Kinds.DiskKind(context).ReadAsync(call, store, disk);
            if (read?.File is not { } file)
                return Failure(error ?? VimErrors.Refused(ErrorCode.NotReadyYet, $"The disk {part} of {volume.Name} isn't at the platform."));
            files[volume.Disk.DeviceName] = file;
            missing.Add((volume.Disk.DeviceName, disk, file, read.CapacityMiB * 1024));
        }

        if (missing.Count == 0)
            return new Done<InstanceFacts>();
        if (FreePlaces(item, missing.Count) is not { } places)
            return Failure(VimErrors.Refused(ErrorCode.Unsupported, $"The machine has no place for {missing.Count} more disks on its SCSI controllers.") with { Field = "volumes" });
        return ToOutcome(await ReconfigureAsync(call, item, w =>
        {
            foreach (var bus in places.NewControllers)
                w.Open("deviceChange").Text("operation", "add").Open("device", "ParaVirtualSCSIController").Number("key", -200 - bus).Number("busNumber", bus).Text("sharedBus", "noSharing").Close().Close();
            for (var i = 0; i < missing.Count; i++)
                w.Open("deviceChange").Text("operation", "add").Open("device", "VirtualDisk").Number("key", -300 - i)
                    .Open("backing", "VirtualDiskFlatVer2BackingInfo").Text("fileName", missing[i].File).Text("diskMode", "persistent").Close()
                    .Number("controllerKey", places.Units[i].Controller).Number("unitNumber", places.Units[i].Unit)
                    .Number("capacityInKB", missing[i].CapacityKiB).Open("vDiskId").Text("id", missing[i].Id).Close()
                    .Close().Close();
            w.Option("extraConfig", Machine.DisksKey, GuestFingerprint.Write(files));
        }));
    }

    private static (ImmutableArray<(long Controller, int Unit)> Units, ImmutableArray<int> NewControllers)? FreePlaces(Machine item, int count)
    {
        var units = ImmutableArray.CreateBuilder<(long, int)>();
        var controllers = item.Devices.Where(d => d.Find("sharedBus") is not null).OrderBy(d => d.Number("key")).ToList();
        foreach (var controller in controllers)
        {
            var key = controller.Number("key") ?? 0;
            var used = item.Devices.Where(d => d.Number("controllerKey") == key).Select(d => d.Number("unitNumber")).ToHashSet();
            for (var unit = 0; unit < UnitsOfController && units.Count < count; unit++)
                if (unit != (controller.Number("scsiCtlrUnitNumber") ?? ControllersOwnUnit) && !used.Contains(unit))
                    units.Add((key, unit));
        }

        var created = ImmutableArray.CreateBuilder<int>();
        var buses = controllers.Select(c => c.Number("busNumber")).ToHashSet();
        for (var bus = 0; bus < MostControllers && units.Count < count; bus++)
        {
            if (buses.Contains(bus))
                continue;
            created.Add(bus);
            for (var unit = 0; unit < UnitsOfController && units.Count < count; unit++)
                if (unit != ControllersOwnUnit)
                    units.Add((-200 - bus, unit));
        }

        return units.Count == count ? (units.ToImmutable(), created.ToImmutable()) : null;
    }

    /// <summary>By what the guest tells the disks apart: the file's own identifier, as SCSI shows it.</summary>
    private static (ImmutableDictionary<string, string> Serials, DriverError? Error) Serials(Machine item, InstanceSpec desired)
    {
        var serials = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var volume in InstanceWish.DataVolumes(desired))
        {
            var device = volume.Disk!.DeviceName;
            var id = Kinds.FirstClassDisk.TryParse(volume.Disk.Disk!.ProviderId ?? "", out _, out var disk) ? disk : "";
            var found = item.Disks.FirstOrDefault(d => d.String("vDiskId", "id") == id) ?? item.Disks.FirstOrDefault(d => d.String("backing", "fileName") is { } f && item.AttachedFiles.GetValueOrDefault(device) == f);
            if (found?.String("backing", "uuid") is not { Length: > 0 } uuid)
                return (serials.ToImmutable(), VimErrors.Refused(ErrorCode.NotReadyYet, $"The platform doesn't show the identifier of the disk {volume.Name} yet, by which the guest finds it."));
            serials[device] = uuid.Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();
        }

        return (serials.ToImmutable(), null);
    }

    /// <summary>Takes off what lives longer than the machine. No file is touched.</summary>
    private async ValueTask<Outcome<InstanceFacts>> DetachAsync(Call call, Machine item)
    {
        var disks = item.DataDisks.ToList();
        if (disks.Count == 0)
            return new Done<InstanceFacts>();
        return ToOutcome(await ReconfigureAsync(call, item, w =>
        {
            foreach (var disk in disks)
                w.Open("deviceChange").Text("operation", "remove").Copy(disk, "device").Close();
        }));
    }

    private async ValueTask<Outcome<InstanceFacts>> DestroyAsync(Call call, Machine item)
    {
        if (!item.IsOff)
            return Failure(VimErrors.Refused(ErrorCode.PreconditionFailed, "The machine isn't off yet."));
        // The platform deletes every disk that is attached.
        if (item.DataDisks.Any())
            return Failure(VimErrors.Refused(ErrorCode.PreconditionFailed, "The machine still holds disks that live longer than it does."));
        // The platform deletes the machine's own files and leaves others in its folder.
        var (there, error) = await IsMediumThereAsync(call, item, deleting: true);
        if (there || error is not null)
            return Failure(error ?? VimErrors.Refused(ErrorCode.PreconditionFailed, "The medium with the machine's secrets is still there."));
        var look = await context.Tasks.BeginAsync(call, "Destroy_Task", item.Ref);
        return look.Error is { PlatformCode: "ManagedObjectNotFound" } ? new Done<InstanceFacts>() : ToOutcome(look);
    }

    private async ValueTask<Outcome<InstanceFacts>> PowerOnAsync(Call call, Machine item)
    {
        if (item.Secrets is { Taken: false })
        {
            var (there, error) = await IsMediumThereAsync(call, item, deleting: false);
            if (!there)
                return Failure(error ?? VimErrors.Refused(ErrorCode.PreconditionFailed, "The medium with the machine's secrets isn't there."));
        }

        var look = await context.Tasks.BeginAsync(call, "PowerOnVM_Task", item.Ref);
        return look.Error is { PlatformCode: "InvalidPowerState" } ? new Done<InstanceFacts>() : ToOutcome(look);
    }

    private async ValueTask<Outcome<InstanceFacts>> PowerOffAsync(Call call, Machine item)
    {
        if (item.IsOff)
            return new Done<InstanceFacts>();
        var look = await context.Tasks.BeginAsync(call, "PowerOffVM_Task", item.Ref);
        return look.Error is { PlatformCode: "InvalidPowerState" } ? new Done<InstanceFacts>() : ToOutcome(look);
    }

    /// <summary>Asks the guest to stop; where nobody is there to be asked, the power is cut. How long it is waited for is the look's to say.</summary>
    private async ValueTask<Outcome<InstanceFacts>> AskToStopAsync(Call call, Machine item)
    {
        if (item.IsOff)
            return new Done<InstanceFacts>();
        if (!item.ToolsRunning)
            return await PowerOffAsync(call, item);
        var answer = await context.Client.CallAsync(call, "ShutdownGuest", item.Ref);
        if (answer.Error is { PlatformCode: "ToolsUnavailable" })
            return await PowerOffAsync(call, item);
        if (answer.Error is { PlatformCode: "InvalidPowerState" })
            return new Done<InstanceFacts>();
        return answer.Error is { } error ? Failure(error) : new Running<InstanceFacts> { Progress = Stopping(new VimHandle(VimHandle.Stop, context.Time.GetUtcNow(), "guest")) };
    }

    private static Progress Stopping(VimHandle handle) =>
        new() { LookAgainAfter = VsphereContext.LookAgain, WaitingFor = WaitingFor.Platform, Message = "the guest was asked to stop", Handle = handle.Write() };

    /// <summary>Writes down, while the machine is off, that it was stopped for this restart; starting it is the power's step.</summary>
    private async ValueTask<Outcome<InstanceFacts>> NoteRestartAsync(Call call, Machine item, InstanceSpec desired)
    {
        if (desired.RestartedAt is not { } at || item.Extra.GetValueOrDefault(Machine.RestartKey) == at)
            return new Done<InstanceFacts>();
        return item.IsOff ? ToOutcome(await ReconfigureAsync(call, item, w => w.Option("extraConfig", Machine.RestartKey, at)))
            : Failure(VimErrors.Refused(ErrorCode.PreconditionFailed, "The machine isn't off yet."));
    }

    private async ValueTask<Outcome<InstanceFacts>> ResizeAsync(Call call, Machine item, InstanceSpec desired)
    {
        var (cpus, memory) = (InstanceWish.Cpus(desired.Size), InstanceWish.MemoryMiB(desired.Size));
        if (!item.IsOff && !CanGrowRunning(item, desired))
            return Failure(VimErrors.Refused(ErrorCode.PreconditionFailed, "The machine isn't off, and processors or memory can't be changed while it runs."));
        var fields = GuestFingerprint.Read(item.Extra.GetValueOrDefault(Machine.SpecKey));
        fields["size"] = GuestFingerprint.Of(desired, _wish.Options(desired))["size"];
        return ToOutcome(await ReconfigureAsync(call, item, w =>
        {
            w.Number("numCPUs", cpus == item.Cpus ? null : cpus).Number("memoryMB", memory == item.MemoryMiB ? null : memory);
            w.Option("extraConfig", Machine.SpecKey, GuestFingerprint.Write(fields));
        }));
    }

    /// <summary>More, never less, and only what the machine was made to take while it runs.</summary>
    private static bool CanGrowRunning(Machine item, InstanceSpec desired)
    {
        var (cpus, memory) = (InstanceWish.Cpus(desired.Size), InstanceWish.MemoryMiB(desired.Size));
        return (cpus == item.Cpus || (cpus > item.Cpus && item.CpuHotAdd)) && (memory == item.MemoryMiB || (memory > item.MemoryMiB && item.MemoryHotAdd));
    }

    private static int GraceOf(Machine item) =>
        int.TryParse(GuestFingerprint.Read(item.Extra.GetValueOrDefault(Machine.SpecKey)).GetValueOrDefault("terminationGraceSeconds"), NumberStyles.None, CultureInfo.InvariantCulture, out var grace) ? grace : 30;
}
