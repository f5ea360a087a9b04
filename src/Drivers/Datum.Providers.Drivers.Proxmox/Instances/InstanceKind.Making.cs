using System.Globalization;
using Datum.Providers.Drivers.Proxmox.Api;
using Datum.Providers.Drivers.Proxmox.Cluster;
using Datum.Providers.Drivers.Proxmox.Kinds;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>Where a machine is made, and what of.</summary>
internal sealed partial class InstanceKind
{
    /// <summary>Number, node, image and storage, recorded before the create that uses them (DC-37); an image once recorded stays (DC-41).</summary>
    private async ValueTask<Outcome<InstanceFacts>> ChooseAsync(Call call, Identity id, InstanceSpec desired)
    {
        var list = await ClusterView.ReadAsync(Api, call, all: true);
        if (list.Value is not { } view)
            return Failure(list.Error!);
        var location = ProxmoxLocation.Parse(desired.LocationJson);
        var (storage, storageError) = id.Resolved.GetValueOrDefault("storage") is { } kept ? (kept, null) : (_wish.StorageOf(desired), Storages.Find(context, location, null, "type").Error);
        if (storage is null)
            return Failure(storageError ?? PveErrors.Refused(ErrorCode.Unsupported, "The boot disk's type has no storage; name one in 'diskTypes' of the ProviderConfig.") with { Field = "volumes" });
        var (sources, error) = await SourcesAsync(call, id, desired, view, storage);
        if (error is not null)
            return Failure(error);
        var (nodes, failed) = await DiskNodesAsync(call, desired, view);
        if (failed is not null)
            return Failure(failed);
        var able = sources.SelectMany(s => s.Nodes).Where(n => nodes is null || nodes.Contains(n)).ToHashSet(StringComparer.Ordinal);
        var (cores, memory, _) = InstanceWish.SizeOf(desired.Size);
        var (node, placed) = id.Resolved.GetValueOrDefault("node") is { } before && VmIds.Resolved(id) is not null && view.HasNode(before) && able.Contains(before) ? (before, null) : Placement.Choose(view, location, [storage, context.Settings.IsoStorage], able, memory * 1024L * 1024, context.Settings.MemoryPercent!.Value);
        if (placed is not null)
            return Failure(placed);
        var (vmId, refused) = await VmIds.ChooseAsync(context, call, id, view);
        if (refused is not null)
            return Failure(refused);
        var address = _wish.ImageOf(desired).Value is { } named && ImageName.TryParse(named, out var image) && image.Url is { } url && !id.Resolved.ContainsKey("image") ? url.Text : id.Resolved.GetValueOrDefault(UrlRecord) ?? "";
        // A template on the node itself is copied without going through the network.
        var source = sources.Where(s => s.Nodes.Contains(node!)).OrderByDescending(s => s.Home == node).First();
        return new Done<InstanceFacts>
        {
            Resolved = ImmutableDictionary<string, string>.Empty.Add("vmid", Slices.Number(vmId)).Add("node", node!).Add("storage", storage).Add("image", source.Image).Add("home", source.Home ?? node!).Add(UrlRecord, address)
                .Add("cores", cores.ToString(CultureInfo.InvariantCulture)).Add("memory", memory.ToString(CultureInfo.InvariantCulture)),
        };
    }

    private sealed record Source(string Image, string? Home, ImmutableArray<string> Nodes);

    /// <summary>Templates that the image means, or the file to import, each with the nodes where a machine can be made of it.</summary>
    private async ValueTask<(List<Source> Sources, DriverError? Error)> SourcesAsync(Call call, Identity id, InstanceSpec desired, ClusterView view, string target)
    {
        var named = _wish.ImageOf(desired);
        var text = id.Resolved.GetValueOrDefault("image") ?? named.Value;
        if (text is null)
            return ([], named.Error);
        if (!ImageName.TryParse(text, out var image))
            return ([], PveErrors.Refused(ErrorCode.Invalid, $"'{text}' isn't {ImageName.Forms}.") with { Field = "images" });
        if ((image.Url is { } url ? VolumeOf(url) : image.Volume) is { } volume)
            return ([new Source(volume, null, [.. view.Storages.Where(s => s.Storage == volume.Split(':')[0] && s.Available).Select(s => s.Node)])], null);
        var sources = new List<Source>();
        foreach (var template in image.Templates(view))
        {
            var (config, error, _) = await Api.GetAsync(call, $"nodes/{template.Node}/qemu/{Slices.Number(template.VmId)}/config");
            if (error is not null)
                return ([], error);
            if (Drives.Boot(config) is not { } boot)
                continue;
            // A copy goes to another node only from and to shared storage; a linked one stays where its template is.
            var anywhere = view.IsShared(boot.Volume.Split(':')[0]) && (context.Settings.FullClone != true || view.IsShared(target));
            sources.Add(new Source(template.Id, template.Node, anywhere ? [.. view.Nodes.Where(n => n.Online).Select(n => n.Name)] : [template.Node]));
        }

        return sources.Count > 0 ? (sources, null)
            : ([], PveErrors.Refused(ErrorCode.Invalid, $"The cluster has no template with a disk for the image '{text}' that the credentials may see; make one, or name another in 'images' of the ProviderConfig.") with { Field = "images" });
    }

    /// <summary>The nodes that see all data disks of the wish; null for all.</summary>
    private async ValueTask<(HashSet<string>? Nodes, DriverError? Error)> DiskNodesAsync(Call call, InstanceSpec desired, ClusterView view)
    {
        HashSet<string>? nodes = null;
        foreach (var disk in InstanceWish.DataDisks(desired))
        {
            var (volume, holder, error) = await VolumeAsync(call, disk, view);
            if (error is not null)
                return (null, error);
            if (view.IsShared(volume!.Split(':')[0]))
                continue;
            if (nodes is null)
                nodes = new HashSet<string>(StringComparer.Ordinal) { holder!.Node };
            else
                nodes.IntersectWith([holder!.Node]);
        }

        return (nodes, null);
    }

    /// <summary>The volume of a data disk's holder, which must carry the disk's own mark.</summary>
    private async ValueTask<(string? Volume, Guest? Holder, DriverError? Error)> VolumeAsync(Call call, DiskVolume disk, ClusterView view)
    {
        var id = disk.Disk?.ProviderId;
        if (VmIds.Parse(id) is not { } vmId || view.Find(vmId) is not { IsMachine: true } holder)
            return (null, null, PveErrors.Refused(ErrorCode.NotReadyYet, $"The data disk {id ?? disk.DeviceName} isn't there yet."));
        var (config, error, _) = await Api.GetAsync(call, $"nodes/{holder.Node}/qemu/{Slices.Number(vmId)}/config");
        if (error is not null)
            return (null, null, error);
        if (Machines.MarkOf(config) is not { Kind: ResourceKind.Disk } mark || mark.Name != disk.Disk!.Name)
            return (null, null, PveErrors.NotOurs(holder.Id));
        return DiskKind.VolumeOf(config) is { } volume ? (volume, holder, null) : (null, null, PveErrors.Refused(ErrorCode.NotReadyYet, $"The holder {holder.Id} has no volume yet."));
    }

    private async ValueTask<Outcome<InstanceFacts>> MakeAsync(Call call, Identity id, InstanceSpec desired)
    {
        if (id.PartId(ServerPart) is { } recorded)
        {
            var there = await Machines.FindAsync(context, call, id, ServerPart);
            return there.Guest is null ? Failure(there.Error ?? PveErrors.Refused(ErrorCode.PreconditionFailed, $"The recorded {recorded} isn't there; it isn't made again in this incarnation."))
                : there.State == MarkState.Ours ? Made(there.Guest.Id) : Failure(PveErrors.NotOurs(recorded));
        }

        if (VmIds.Resolved(id) is not { } vmId || id.Resolved.GetValueOrDefault("node") is not { } node || id.Resolved.GetValueOrDefault("storage") is not { } storage
            || !ImageName.TryParse(id.Resolved.GetValueOrDefault("image") ?? "", out var image))
            return Failure(PveErrors.Refused(ErrorCode.PreconditionFailed, "No number was chosen yet; look again."));
        var mark = Marks.For(id);
        var name = VmMarks.NameOf(mark, desired.Hostname);
        var description = ProxmoxContext.Comments.Write(mark, id.Hint);
        RestRequest request;
        if (image.Volume is { } volume)
        {
            request = new PveForm().Set("vmid", vmId).Set("name", name).Set("tags", string.Join(';', VmMarks.TagsOf(id))).Set("description", description).Set("ostype", "l26")
                .Set("scsihw", "virtio-scsi-single").Set("scsi0", $"{storage}:0,import-from={volume}").Set("boot", "order=scsi0").Set("memory", 512).Set("pool", context.Settings.Pool)
                .Post($"nodes/{node}/qemu");
        }
        else
        {
            // It may have moved since.
            var list = await ClusterView.ReadAsync(Api, call);
            if (list.Value is not { } view)
                return Failure(list.Error!);
            if (view.Find(image.VmId!.Value) is not { Template: true, IsMachine: true } template)
                return Failure(PveErrors.Refused(ErrorCode.Invalid, $"The template {id.Resolved["image"]} isn't there any more.") with { Field = "images" });
            var full = context.Settings.FullClone == true;
            request = new PveForm().Set("newid", vmId).Set("name", name).Set("description", description).Set("full", full).Set("storage", full ? storage : null)
                .Set("target", template.Node == node ? null : node).Set("pool", context.Settings.Pool)
                .Post($"nodes/{template.Node}/qemu/{Slices.Number(template.VmId)}/clone");
        }

        var look = await Api.ChangeAsync(call, request);
        // The number is told once the machine shows our mark, which it doesn't before the task has ended (DC-38).
        if (look.Status == OperationStatus.Running)
            return new Running<InstanceFacts> { Progress = look.Progress! };
        if (look.Error is not { Code: ErrorCode.Conflict } taken)
            return look.Error is { } refused ? Failure(refused) : Made(VmIds.IdOf(vmId));
        var found = await Machines.FindAsync(context, call, id, ServerPart);
        return found.Error is not null ? Failure(found.Error)
            : found.Undecided || (found.Guest is null && !found.Taken) ? new Running<InstanceFacts> { Progress = ProxmoxContext.Working(taken.Message) }
            : found.Guest is { } guest && found.State == MarkState.Ours && found.Mark!.Incarnation == id.Incarnation ? Made(guest.Id)
            : Failure(taken with { BlockedBy = [VmIds.IdOf(vmId)] });
    }

    private static Done<InstanceFacts> Made(string id) => new() { Parts = [new Part { Name = ServerPart, Id = id }] };
}
