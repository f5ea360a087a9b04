using System.Text;
using Datum.Providers.Drivers.Vsphere.Kinds;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Instances;

/// <summary>
/// An instance: one virtual machine, part <c>server</c>. Building clones it (<c>server</c>), attaches its disks (<c>data-disks</c>), hands over
/// what its guest reads (<c>guest</c>, <c>secrets</c>) and starts it (<c>power</c>); all but the clone may be repeated.
/// </summary>
internal sealed partial class InstanceKind(VsphereContext context) : IResourceDriver<InstanceSpec, InstanceFacts>
{
    private const string DisksStep = "data-disks";
    private const string GuestStep = "guest";
    private const string TagsStep = "tags";
    private const string Power = "power";
    private const string StopStep = "stop";
    private const string OffStep = "power-off";
    private const string Restart = "restart";
    private const string Resize = "resize";
    private const string StartedKey = "started";
    private const string TemplateKey = "template";

    private readonly InstanceWish _wish = new(context);
    private readonly AddressChoice _addresses = new(context);

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, InstanceSpec desired) => _wish.ValidateAsync(call, desired);

    public async ValueTask<Outcome<InstanceFacts>> CreateAsync(Operation operation, Identity id, InstanceSpec desired)
    {
        if (operation.Step.Part == InstanceView.Server)
            return await CloneAsync(operation.Call, id, desired);
        if (operation.Step.Part is not (TagsStep or DisksStep or GuestStep or SecretsStep or EjectStep or WipeStep or Power))
            return Failure(VimErrors.NoSuchStep(operation.Step));
        var (item, error) = await OursAsync(operation.Call, id);
        if (item is null)
            // What an earlier machine left is wiped before another one is made.
            return operation.Step.Part == WipeStep && error!.Code == ErrorCode.PreconditionFailed && NotedOf(id) is not null ? await WipeLeftAsync(operation.Call, id) : Failure(error!);
        return operation.Step.Part switch
        {
            TagsStep => await TagAsync(operation.Call, item),
            DisksStep => await AttachAsync(operation.Call, item, desired),
            GuestStep => await WriteGuestAsync(operation.Call, id, item, desired),
            SecretsStep => await BringSecretsAsync(operation.Call, id, item, desired),
            EjectStep => await EjectAsync(operation.Call, item),
            WipeStep => await WipeAsync(operation.Call, item, deleting: false),
            _ => await StartAsync(operation.Call, id, item, desired),
        };
    }

    public async ValueTask<Outcome<InstanceFacts>> UpdateAsync(Operation operation, Identity id, InstanceSpec desired)
    {
        if (operation.Step.Part is not (TagsStep or Power or StopStep or OffStep or Restart or Resize))
            return Failure(VimErrors.NoSuchStep(operation.Step));
        var (item, error) = await OursAsync(operation.Call, id);
        if (item is null)
            return Failure(error!);
        return operation.Step.Part switch
        {
            // One that was made off and never ran has its addresses still to be made sure of.
            Power when id.Resolved.GetValueOrDefault(StartedKey) != Incarnation(id) => await StartAsync(operation.Call, id, item, desired),
            TagsStep => await TagAsync(operation.Call, item),
            Power => item.IsOn ? new Done<InstanceFacts>() : await PowerOnAsync(operation.Call, item),
            StopStep => await AskToStopAsync(operation.Call, item),
            OffStep => await PowerOffAsync(operation.Call, item),
            Restart => await NoteRestartAsync(operation.Call, item, desired),
            _ => await ResizeAsync(operation.Call, item, desired),
        };
    }

    public async ValueTask<Outcome<InstanceFacts>> DeleteAsync(Operation operation, Identity id)
    {
        if (operation.Step.Part is not (InstanceView.Server or StopStep or OffStep or DisksStep or WipeStep))
            return Failure(VimErrors.NoSuchStep(operation.Step));
        var found = await FindAsync(operation.Call, id);
        if (found.Error is not null)
            return Failure(found.Error);
        if (found.Item is not { } item)
            return operation.Step.Part == WipeStep ? await WipeLeftAsync(operation.Call, id) : new Done<InstanceFacts> { Observation = found.Making ? null : new Absent<InstanceFacts>() };
        if (found.Mark != MarkState.Ours)
            return Failure(VimErrors.NotOurs(item.Ref.Value));
        return operation.Step.Part switch
        {
            StopStep => await AskToStopAsync(operation.Call, item),
            OffStep => await PowerOffAsync(operation.Call, item),
            DisksStep => await DetachAsync(operation.Call, item),
            WipeStep => await WipeAsync(operation.Call, item, deleting: true),
            _ => await DestroyAsync(operation.Call, item),
        };
    }

    // ---- building

    private async ValueTask<Outcome<InstanceFacts>> CloneAsync(Call call, Identity id, InstanceSpec desired)
    {
        var uuid = ResourceNames.Uuid(id).ToString("D");
        if (id.PartId(InstanceView.Server) is { } recorded)
        {
            var (ours, gone) = await OursAsync(call, id);
            return ours is not null ? new Done<InstanceFacts> { Parts = [new Part { Name = InstanceView.Server, Id = recorded }] }
                : Failure(gone!.Code == ErrorCode.PreconditionFailed ? gone with { Message = $"The recorded {recorded} isn't there; it isn't made again in this incarnation." } : gone);
        }

        // Whoever has the identifier was made by an earlier attempt, or isn't ours.
        var taken = await ReadByUuidAsync(call, id, uuid);
        if (taken.Error is not null)
            return Failure(taken.Error);
        if (taken.Item is { } there)
            return taken.Mark == MarkState.Ours && there.Mark?.Incarnation == id.Incarnation
                ? new Done<InstanceFacts> { Parts = [new Part { Name = InstanceView.Server, Id = uuid }] }
                : Failure(VimErrors.Refused(ErrorCode.Conflict, $"The machine {there.Name} has this instance's identifier and isn't its.") with { BlockedBy = [there.Ref.Value] });
        // All that can be refused is refused before anything is made: 64 KiB of user data first.
        var (_, unfit) = await _wish.RenderAsync(call, desired, null);
        if (unfit is not null || (unfit = await context.Tags.CheckAsync(call)) is not null)
            return Failure(unfit);
        var (request, resolved, error) = await ToRequestAsync(call, id, desired);
        if (error is not null)
            return Failure(error);
        var look = await context.Tasks.MakeAsync(call, "CloneVM_Task", request!.Template.Ref, request.Write);
        // The part is recorded when the machine is seen: until then "not there" means that it is still being made.
        if (look.Progress is { } progress)
            return new Running<InstanceFacts> { Progress = progress, Resolved = resolved };
        if (look.Error is { } refused)
            return await TakenAsync(call, id, uuid, refused, resolved);
        // The platform gives another identifier where somebody has ours: what counts is the look.
        var made = look.Result?.AsRef() is { Type: "VirtualMachine" } clone ? await ReadMachineAsync(call, id, clone) : Found.Nothing;
        return new Done<InstanceFacts> { Resolved = resolved, Parts = made is { Item: { } item, Mark: MarkState.Ours } && item.Uuid == uuid ? [new Part { Name = InstanceView.Server, Id = uuid }] : [] };
    }

    /// <summary>A name that is taken may be our own: of a clone that searches don't show yet, or that is still at work (DC-47).</summary>
    private async ValueTask<Outcome<InstanceFacts>> TakenAsync(Call call, Identity id, string uuid, DriverError refused, ImmutableDictionary<string, string> resolved)
    {
        if (refused is not { PlatformCode: "DuplicateName", BlockedBy: [var holder, ..] })
            return Failure(refused);
        var there = await ReadMachineAsync(call, id, new MoRef("VirtualMachine", holder));
        if (there is { Item: { } item, Mark: MarkState.Ours } && item.Uuid == uuid && item.Mark?.Incarnation == id.Incarnation)
            return new Done<InstanceFacts> { Resolved = resolved, Parts = [new Part { Name = InstanceView.Server, Id = uuid }] };
        if (there.Item is not null || there.Error is not null)
            return Failure(there.Error ?? refused);
        var (pending, error) = await context.Tasks.PendingAsync(call, "clone", IsClone);
        return error is not null ? Failure(error) : pending is not null ? new Running<InstanceFacts> { Progress = pending, Resolved = resolved } : Failure(refused);
    }

    private async ValueTask<(CloneRequest? Request, ImmutableDictionary<string, string> Resolved, DriverError? Error)> ToRequestAsync(Call call, Identity id, InstanceSpec desired)
    {
        var none = ImmutableDictionary<string, string>.Empty;
        var at = VsphereLocation.Parse(desired.LocationJson);
        var (folder, error) = await context.Places.FolderAsync(call, at);
        if (error is not null)
            return (null, none, error);
        var name = ResourceNames.For(id, VsphereContext.Names);
        var (content, _) = await context.Client.ContentAsync(call);
        // The clone's own task would say so too, later.
        var same = await context.Client.CallAsync(call, "FindChild", content!.SearchIndex, w => w.Ref("entity", folder).Text("name", name), mutates: false);
        if (same.Error is not null)
            return (null, none, same.Error);
        if (same.Result?.AsRef() is { } other)
            return (null, none, VimErrors.Refused(ErrorCode.Conflict, $"The folder has a {name} that isn't this instance's.") with { BlockedBy = [other.Value] });
        (var pool, error) = await context.Places.PoolAsync(call, at);
        if (error is not null)
            return (null, none, error);
        (var datastore, error) = await context.Places.DatastoreAsync(call, at);
        if (error is not null)
            return (null, none, error);
        (var template, error) = await TemplateAsync(call, id, desired);
        if (error is not null)
            return (null, none, error);
        var linked = context.Settings.CloneMode == "Linked";
        if (linked && template!.Snapshot is null)
            return (null, none, VimErrors.Refused(ErrorCode.Invalid, $"The template {template.Name} has no snapshot, which a linked clone needs.") with { Field = "settings.cloneMode" });
        if (linked && _wish.BootGiB(desired) * 1024L * 1024 > template!.Disk!.Number("capacityInKB"))
            return (null, none, VimErrors.Refused(ErrorCode.Unsupported, $"A linked clone's boot disk has its template's size, and {template.Name} has less than {_wish.BootGiB(desired)} GiB.") with { Field = desired.Machine is { } m ? $"volumes[{m.BootVolume}].disk.sizeGiB" : "settings.sandboxDiskGiB" });
        (var networks, error) = await NetworksAsync(call, desired);
        if (error is not null)
            return (null, none, error);
        var boot = InstanceWish.BootOf(desired);
        return (new CloneRequest
        {
            Id = id, Desired = desired, Folder = folder!.Value, Pool = pool!.Value, Datastore = datastore!.Value, Template = template!, Networks = networks,
            BootGiB = _wish.BootGiB(desired), Linked = linked, BootType = boot?.Type is { } type ? DiskTypes.Find(context.Connection, type, "type").Value : null,
        }, none.Add(TemplateKey, template!.Ref.Value), null);
    }

    /// <summary>The recorded template, else the one that the image's name leads to now (DC-41).</summary>
    private async ValueTask<(Template? Template, DriverError? Error)> TemplateAsync(Call call, Identity id, InstanceSpec desired)
    {
        MoRef? target;
        DriverError? error = null;
        if (id.Resolved.GetValueOrDefault(TemplateKey) is { } recorded && MoRef.IsValue(recorded))
            target = new MoRef("VirtualMachine", recorded);
        else if (_wish.TemplateOf(desired) is not { Value: { } path } map)
            return (null, _wish.TemplateOf(desired).Error);
        else
            (target, error) = path.StartsWith(ContentLibrary.Prefix, StringComparison.Ordinal) ? await context.Library.FindAsync(call, path) : await context.Places.TemplateAsync(call, path);
        if (error is not null)
            return (null, error);
        var (item, failed) = await context.Properties.ReadAsync(call, target!.Value, Template.Paths);
        return failed is not null ? (null, failed)
            : item is null ? (null, VimErrors.Refused(ErrorCode.Invalid, $"The template {target.Value.Value} isn't there any more; name another one in 'images' of the ProviderConfig.") with { Field = "images" })
            : Template.Read(item) is { Disk: not null } template ? (template, null)
            : (null, VimErrors.Refused(ErrorCode.Invalid, $"The template {item.String("name")} has no disk.") with { Field = "images" });
    }

    private async ValueTask<(ImmutableArray<Connected> Networks, DriverError? Error)> NetworksAsync(Call call, InstanceSpec desired)
    {
        var networks = ImmutableArray.CreateBuilder<Connected>();
        foreach (var nic in desired.Interfaces)
        {
            if (nic.Network?.ProviderId is not { } portgroup || !MoRef.IsValue(portgroup))
                return ([], VimErrors.Refused(ErrorCode.NotReadyYet, $"The network of {nic.Name} has no portgroup yet."));
            if (networks.FirstOrDefault(n => n.Portgroup == portgroup) is { } known)
            {
                networks.Add(known);
                continue;
            }

            var target = new MoRef("DistributedVirtualPortgroup", portgroup);
            var (read, error) = await context.Properties.ReadAsync(call, target, Portgroup.Paths);
            if (error is not null)
                return ([], error);
            if (read is null || Portgroup.Read(read) is not { Switch: { } home } item)
                return ([], VimErrors.Refused(ErrorCode.NotReadyYet, $"The portgroup {portgroup} of {nic.Name} isn't there."));
            var (switched, failed) = await context.Properties.ReadAsync(call, home, "uuid");
            if (switched?.String("uuid") is not { } uuid)
                return ([], failed ?? VimErrors.Refused(ErrorCode.NotReadyYet, $"The switch of {nic.Name} has no identifier."));
            networks.Add(new Connected(portgroup, uuid, item.Mtu));
        }

        return (networks.ToImmutable(), null);
    }

    /// <summary>Addresses, metadata and user data, in one change. It may be done again as long as the guest hasn't read it.</summary>
    private async ValueTask<Outcome<InstanceFacts>> WriteGuestAsync(Call call, Identity id, Machine item, InstanceSpec desired)
    {
        if (!item.IsOff)
            return Failure(VimErrors.Refused(ErrorCode.PreconditionFailed, "The machine was started before its guest's data was there."));
        var (serials, error) = Serials(item, desired);
        if (error is not null)
            return Failure(error);
        var (guest, unfit) = await _wish.RenderAsync(call, desired, serials);
        if (unfit is not null)
            return Failure(unfit);
        var (taken, failed) = await _addresses.TakenAsync(call, item, desired);
        if (failed is not null)
            return Failure(failed);
        var (chosen, none) = _addresses.Choose(id, item, desired, taken);
        if (none is not null)
            return Failure(none);
        var (networks, unknown) = await NetworksAsync(call, desired);
        if (unknown is not null)
            return Failure(unknown);
        var metadata = GuestMetadata.Write(id, desired, item, chosen, networks, context.Settings);
        if (metadata.Length > VsphereDescriptor.MaxUserData)
            return Failure(VimErrors.Refused(ErrorCode.Unsupported, $"The metadata has {metadata.Length} bytes and VMware Tools take {VsphereDescriptor.MaxUserData}.") with { Field = "interfaces" });
        var spec = GuestFingerprint.Write(GuestFingerprint.Of(desired, _wish.Options(desired)));
        // A place that was noted before stays: something may be there.
        var medium = item.Secrets is { } known ? known with { Taken = guest!.Secrets is null }
            : guest!.Secrets is not null ? SecretsMedium.Of(id, item, VsphereLocation.Parse(desired.LocationJson).Datacenter!) : null;
        var written = ToOutcome(await ReconfigureAsync(call, item, w =>
        {
            w.Text("annotation", Machine.Describe(id, chosen));
            w.Option("extraConfig", "guestinfo.metadata", metadata).Option("extraConfig", "guestinfo.metadata.encoding", "gzip+base64");
            w.Option("extraConfig", "guestinfo.userdata", Encoding.UTF8.GetString(guest.UserData.Span)).Option("extraConfig", "guestinfo.userdata.encoding", "gzip+base64");
            w.Option("extraConfig", Machine.SpecKey, spec).Option("extraConfig", Machine.RestartKey, desired.RestartedAt ?? "none");
            w.Option("extraConfig", Machine.GuestKey, Incarnation(id));
            if (medium is not null)
                w.Option("extraConfig", Machine.SecretsKey, medium.Write());
        }));
        return medium is not null && written is Running<InstanceFacts> running ? running with { Resolved = Noted(medium.File) } : written;
    }

    /// <summary>The first start: not before it is certain that nobody else has the machine's addresses.</summary>
    private async ValueTask<Outcome<InstanceFacts>> StartAsync(Call call, Identity id, Machine item, InstanceSpec desired)
    {
        var started = ImmutableDictionary<string, string>.Empty.Add(StartedKey, Incarnation(id));
        if (item.IsOn)
            return new Done<InstanceFacts> { Resolved = started };
        var (taken, error) = await _addresses.TakenAsync(call, item, desired);
        if (error is not null)
            return Failure(error);
        if (AddressChoice.Collides(item, desired, taken))
            return await WriteGuestAsync(call, id, item, desired);
        var look = await PowerOnAsync(call, item);
        return look is Running<InstanceFacts> running ? running with { Resolved = started } : look;
    }

    private async ValueTask<Outcome<InstanceFacts>> TagAsync(Call call, Machine item) =>
        context.Tags.Any && await context.Tags.AttachAsync(call, item.Ref) is { } error ? Failure(error) : new Done<InstanceFacts>();

    private static Failed<InstanceFacts> Failure(DriverError error) => new() { Error = error };

    private static Outcome<InstanceFacts> ToOutcome(TaskLook look) =>
        (look.Progress ?? VimTasks.Busy(look.Error)) is { } progress ? new Running<InstanceFacts> { Progress = progress } : Failure(look.Error!);
}
