using System.Text;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Instances;

/// <summary>
/// Secrets on a medium. <c>guest</c> notes where it will be; <c>secrets</c> writes the file and attaches it; the machine isn't started without it;
/// once the guest has reported that it unpacked it, <c>eject</c> empties the drive and notes that the guest has them, and <c>wipe</c> deletes the
/// file. Whoever dies between goes on from what is noted and what is there.
/// </summary>
internal sealed partial class InstanceKind
{
    private const string SecretsStep = "secrets";
    private const string EjectStep = "eject";
    private const string WipeStep = "wipe";
    private const int UnitsOfIde = 2;
    private const int UnitsOfSata = 30;

    private static Step SecretsBuild(string part, string words) => new() { Part = part, Verb = StepVerb.Create, Class = CreateClass.Repeatable, Description = words };

    /// <summary>What the medium of a machine that was built asks for.</summary>
    private static Step? MediumStep(Machine item, GuestReport? report, bool there)
    {
        if (item.Secrets is not { } medium)
            return null;
        if (medium.Taken)
            return item.SecretsDrive is not null ? SecretsBuild(EjectStep, "empty the drive of the secrets") : SecretsBuild(WipeStep, "delete the medium of the secrets");
        if (!item.IsOn)
            return null;
        if (report?.Secrets == "active")
            return SecretsBuild(EjectStep, "empty the drive of the secrets");
        // Somebody started it too early: drives are added while it is off.
        return item.SecretsDrive is null ? new Step { Part = OffStep, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = "power off" }
            : !there || item.SecretsDrive.Flag("connectable", "connected") == false ? SecretsBuild(SecretsStep, "bring the medium of the secrets back") : null;
    }

    /// <summary>No start without the medium, and none before one that isn't needed any more is away.</summary>
    private static Step? BeforeStart(Step? next, Machine item, bool there) => next?.Part != Power || item.Secrets is not { } medium ? next
        : medium.Taken ? MediumStep(item, null, there)
        : item.SecretsDrive is null || !there ? SecretsBuild(SecretsStep, "bring the medium of the secrets") : next;

    /// <summary>Whether the medium's file is there; asked only where the answer counts.</summary>
    private async ValueTask<(bool There, DriverError? Error)> IsMediumThereAsync(Call call, Machine item, bool deleting) =>
        item.Secrets is { } medium && (deleting || medium.Taken || item.SecretsDrive is not null) ? await context.Files.ExistsAsync(call, FileOf(item)!) : (false, null);

    /// <summary>As the drive names it, which follows a datastore that was renamed.</summary>
    private static DatastoreFile? FileOf(Machine item) =>
        item.Secrets is not { } medium ? null : item.SecretsDrive?.String("backing", "fileName") is { } path ? medium.File with { Path = path } : medium.File;

    private static ImmutableDictionary<string, string> Noted(DatastoreFile file) => ImmutableDictionary<string, string>.Empty.Add(SecretsMedium.Resolved, file.Write());

    private static ImmutableDictionary<string, string> Gone(DatastoreFile file) => ImmutableDictionary<string, string>.Empty.Add(SecretsMedium.Gone, file.Write());

    private async ValueTask<Outcome<InstanceFacts>> BringSecretsAsync(Call call, Identity id, Machine item, InstanceSpec desired)
    {
        if (item.Secrets is not { Taken: false } medium)
            return new Done<InstanceFacts>();
        // Before anything is written, the ledger knows where.
        if (id.Resolved.GetValueOrDefault(SecretsMedium.Resolved) != FileOf(item)!.Write())
            return new Done<InstanceFacts> { Resolved = Noted(FileOf(item)!) };
        var (there, error) = await context.Files.ExistsAsync(call, FileOf(item)!);
        if (error is not null)
            return Failure(error);
        if (item.Folder is { } folder && medium.File.Path != $"{folder}/{medium.File.Name}" && !(there && item.SecretsDrive is not null))
        {
            // The machine was moved. What was left at its old place goes first, then the new place is noted.
            if (there)
                return ToOutcome(await context.Files.DeleteAsync(call, medium.File));
            var moved = new SecretsMedium(false, medium.File with { Path = $"{folder}/{medium.File.Name}" });
            var noted = ToOutcome(await ReconfigureAsync(call, item, w =>
            {
                if (item.SecretsDrive is { } drive)
                    WriteDrive(w, "edit", drive, null, null);
                w.Option("extraConfig", Machine.SecretsKey, moved.Write());
            }));
            return noted is Running<InstanceFacts> running ? running with { Resolved = Noted(moved.File) } : noted;
        }

        var (serials, unknown) = Serials(item, desired);
        if (unknown is not null)
            return Failure(unknown);
        var (guest, unfit) = await _wish.RenderAsync(call, desired, serials);
        if (unfit is not null)
            return Failure(unfit);
        if (Encoding.UTF8.GetString(guest!.UserData.Span) != item.Extra.GetValueOrDefault("guestinfo.userdata") || guest.Secrets is null)
            // The guest would wait for what it was told of when its data was written.
            return item.IsOff ? await WriteGuestAsync(call, id, item, desired)
                : Failure(VimErrors.Refused(ErrorCode.PreconditionFailed, "The instance was changed since its guest was given what it reads; it gets a new one."));
        if ((!there || item.SecretsDrive is null) && await context.Files.WriteAsync(call, FileOf(item)!, SecretsMedium.Image(_wish.Options(desired, serials), guest.Secrets.Value)) is { } refused)
            return Failure(refused);
        if (item.SecretsDrive is not { } known)
            return item.IsOff ? ToOutcome(await ReconfigureAsync(call, item, w => AddDrive(w, item, medium.File.Path)))
                : Failure(VimErrors.Refused(ErrorCode.PreconditionFailed, "The machine was started before its secrets were there."));
        return item.IsOff ? new Done<InstanceFacts>() : ToOutcome(await ReconfigureAsync(call, item, w => WriteDrive(w, "edit", known, FileOf(item)!.Path, true)));
    }

    /// <summary>Empties the drive, and notes in the same change that the guest has its secrets: from here on nothing is brought again.</summary>
    private async ValueTask<Outcome<InstanceFacts>> EjectAsync(Call call, Machine item)
    {
        if (item.Secrets is not { } medium || (medium.Taken && item.SecretsDrive is null))
            return new Done<InstanceFacts>();
        if (!medium.Taken && InstanceView.ReadReport(item)?.Secrets != "active")
            return Failure(VimErrors.Refused(ErrorCode.PreconditionFailed, "The guest hasn't reported that it has its secrets."));
        return ToOutcome(await ReconfigureAsync(call, item, w =>
        {
            if (item.SecretsDrive is { } drive)
                WriteDrive(w, "edit", drive, null, null);
            w.Option("extraConfig", Machine.SecretsKey, new SecretsMedium(true, FileOf(item)!).Write());
        }));
    }

    /// <summary>Deletes the file; once it isn't there, that is noted.</summary>
    private async ValueTask<Outcome<InstanceFacts>> WipeAsync(Call call, Machine item, bool deleting)
    {
        if (FileOf(item) is not { } file)
            return new Done<InstanceFacts>();
        if (item.Secrets is { Taken: false } && !deleting)
            return Failure(VimErrors.Refused(ErrorCode.PreconditionFailed, "The guest hasn't its secrets yet."));
        var (there, error) = await context.Files.ExistsAsync(call, file);
        if (error is not null)
            return Failure(error);
        if (there)
            return ToOutcome(await context.Files.DeleteAsync(call, file));
        if (deleting)
            return new Done<InstanceFacts> { Resolved = Gone(file) };
        var noted = ToOutcome(await ReconfigureAsync(call, item, w => w.Option("extraConfig", Machine.SecretsKey, "")));
        return noted is Running<InstanceFacts> running ? running with { Resolved = Gone(file) } : noted;
    }

    /// <summary>The file of a machine that isn't there any more, as the ledger noted it.</summary>
    private async ValueTask<(DatastoreFile? Left, DriverError? Error)> LeftBehindAsync(Call call, Identity id)
    {
        if (NotedOf(id) is not { } file)
            return (null, null);
        var (there, error) = await context.Files.ExistsAsync(call, file);
        return (there ? file : null, error);
    }

    private static DatastoreFile? NotedOf(Identity id) =>
        id.Resolved.GetValueOrDefault(SecretsMedium.Resolved) is { } noted && noted != id.Resolved.GetValueOrDefault(SecretsMedium.Gone) ? DatastoreFile.Read(noted) : null;

    private async ValueTask<Outcome<InstanceFacts>> WipeLeftAsync(Call call, Identity id)
    {
        var (left, error) = await LeftBehindAsync(call, id);
        if (error is not null)
            return Failure(error);
        return left is not null ? ToOutcome(await context.Files.DeleteAsync(call, left)) : new Done<InstanceFacts> { Resolved = NotedOf(id) is { } gone ? Gone(gone) : ImmutableDictionary<string, string>.Empty };
    }

    private static void AddDrive(VimWriter writer, Machine item, string file)
    {
        var (controller, unit) = FreeDrive(item);
        if (controller == 0)
        {
            // New machines have IDE, unless a template was made without.
            (controller, unit) = (-400, 0);
            writer.Open("deviceChange").Text("operation", "add").Open("device", "VirtualAHCIController").Number("key", controller).Number("busNumber", NextBus(item)).Close().Close();
        }

        writer.Open("deviceChange").Text("operation", "add").Open("device", "VirtualCdrom").Number("key", -401)
            .Open("backing", "VirtualCdromIsoBackingInfo").Text("fileName", file).Close()
            .Open("connectable").Flag("startConnected", true).Flag("allowGuestControl", true).Flag("connected", true).Close()
            .Number("controllerKey", controller).Number("unitNumber", unit).Close().Close();
    }

    /// <summary>Another medium, or (null) none, in a drive that is there. Drives on IDE can't be taken off while the machine runs.</summary>
    private static void WriteDrive(VimWriter writer, string operation, VimNode drive, string? file, bool? connected)
    {
        writer.Open("deviceChange").Text("operation", operation).Open("device", "VirtualCdrom").Number("key", drive.Number("key"));
        if (file is not null)
            writer.Open("backing", "VirtualCdromIsoBackingInfo").Text("fileName", file).Close();
        else
            writer.Open("backing", "VirtualCdromRemotePassthroughBackingInfo").Text("deviceName", "").Flag("exclusive", false).Close();
        writer.Open("connectable").Flag("startConnected", file is not null).Flag("allowGuestControl", true).Flag("connected", connected == true).Close()
            .Number("controllerKey", drive.Number("controllerKey")).Number("unitNumber", drive.Number("unitNumber")).Close().Close();
    }

    private static (long Controller, int Unit) FreeDrive(Machine item)
    {
        foreach (var (type, units) in ((string, int)[])[("VirtualIDEController", UnitsOfIde), ("VirtualAHCIController", UnitsOfSata)])
            foreach (var controller in item.Devices.Where(d => d.Type == type).OrderBy(d => d.Number("key")))
                for (var unit = 0; unit < units; unit++)
                    if (!item.Devices.Any(d => d.Number("controllerKey") == controller.Number("key") && d.Number("unitNumber") == unit))
                        return (controller.Number("key") ?? 0, unit);
        return default;
    }

    private static int NextBus(Machine item) => item.Devices.Count(d => d.Type == "VirtualAHCIController");
}
