using System.Globalization;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>A machine's disks: made, imported, attached, resized, moved.</summary>
public sealed partial class ProxmoxCloud
{
    private void CheckDrive(PveRequest r, Machine machine, string key, string value)
    {
        var file = PropertyText.Find(value, "file", "file") ?? throw PveError.Parameter(key, "invalid format - format error\n" + key + ".file: property is missing and it is not optional");
        if (file is "none" or "cdrom" || file.StartsWith('/'))
            return;
        var storage = StorageOf(file.Split(':')[0]);
        var rest = file[(storage.Id.Length + 1)..];
        if (IsNewVolume(rest) || rest == "cloudinit")
        {
            DemandAny(r.Caller, "/storage/" + storage.Id, "Datastore.AllocateSpace");
            if (!storage.Contents.Contains("images"))
                throw PveError.Failed($"storage '{storage.Id}' does not support content-type 'images'");
            return;
        }

        if (rest.StartsWith("iso/", StringComparison.Ordinal))
        {
            if (!Has(r.Caller, "/storage/" + storage.Id, "Datastore.Audit"))
                DemandAny(r.Caller, "/storage/" + storage.Id, "Datastore.AllocateSpace");
            if (FindVolume(file, machine.Node) is null)
                throw PveError.Failed($"volume '{file}' does not exist");
            return;
        }

        if (VolumeOf(file, machine.Node) is not { } volume)
            throw PveError.Failed($"volume '{file}' does not exist");
        if (volume.Vmid != machine.Id && !Has(r.Caller, "/storage/" + storage.Id, "Datastore.Allocate"))
            throw PveError.Forbidden("/storage/" + storage.Id, "Datastore.Allocate");
    }

    // storage:GiB asks for a new volume.
    private static bool IsNewVolume(string rest) => rest.Length > 0 && rest.All(c => char.IsAsciiDigit(c) || c == '.');

    /// <summary>An image that no drive holds any more becomes unused, or goes where it is told to.</summary>
    private void Detach(Machine machine, string key, string value, bool force)
    {
        if (!MachineKeys.IsDisk(key) || !IsImage(value) || VolumeOf(value, machine.Node) is not { } volume)
            return;
        if (force || volume.Name.Contains("-cloudinit", StringComparison.Ordinal))
        {
            Drop(volume);
            return;
        }

        var number = 0;
        while (machine.Config.ContainsKey("unused" + number.ToString(CultureInfo.InvariantCulture)))
            number++;
        machine.Config["unused" + number.ToString(CultureInfo.InvariantCulture)] = value.Split(',')[0];
    }

    /// <summary>The drive's text with a volume that is there: made new, imported, or as it stands.</summary>
    private string Materialize(Machine machine, string key, string value)
    {
        var parts = PropertyText.Read(value, "file");
        var file = parts.Find(p => p.Key is "file" or "volume").Value;
        var rest = parts.Where(p => p.Key is not ("file" or "volume" or "import-from")).ToList();
        if (file is "none" or "cdrom" || file.StartsWith('/'))
            return PropertyText.Write(file, rest);
        var storage = StorageOf(file.Split(':')[0]);
        var wanted = file[(storage.Id.Length + 1)..];
        if (wanted == "cloudinit")
        {
            var name = CloudInitName(storage, machine.Id);
            var drive = FindVolume($"{storage.Id}:{name}", machine.Node) ?? Allocate(storage, machine.Node, name, "images", "raw", 4L << 20, machine.Id);
            return PropertyText.Write(drive.Id, [new("media", "cdrom"), .. rest.Where(p => p.Key != "media")]);
        }

        if (wanted.StartsWith("iso/", StringComparison.Ordinal))
        {
            var medium = FindVolume(file, machine.Node) ?? throw PveError.Failed($"volume '{file}' does not exist");
            return PropertyText.Write(file, [.. rest.Where(p => p.Key != "size"), new("size", PropertyText.Size((medium.Size + 1023) / 1024 * 1024))]);
        }

        if (IsNewVolume(wanted))
        {
            var size = PropertyText.Bytes(wanted, GiB);
            if (PropertyText.Find(value, "import-from", "file") is { } from)
                size = (FindVolume(from, machine.Node) ?? throw PveError.Failed($"volume '{from}' does not exist")).Size;
            else if (size == 0 && key != "efidisk0")
                throw PveError.Failed("unable to create image: size must be positive");
            var format = PropertyText.Find(value, "format", "file") ?? "raw";
            var made = Allocate(storage, machine.Node, DiskName(storage, machine.Id, machine.Node, format: format), "images", format, size, machine.Id);
            return PropertyText.Write(made.Id, [.. rest.Where(p => p.Key is not ("format" or "size")), new("size", PropertyText.Size(made.Size))]);
        }

        var there = VolumeOf(file, machine.Node) ?? throw PveError.Failed($"volume '{file}' does not exist");
        return PropertyText.Write(file, [.. rest.Where(p => p.Key != "size"), new("size", PropertyText.Size(there.Size))]);
    }

    private JsonNode? ResizeDisk(PveRequest r)
    {
        var machine = MachineAt(r);
        var (disk, size) = (r.Text("disk"), r.Text("size"));
        if (r.Find("digest") is { } digest && digest != DigestOf(machine))
            throw PveError.Failed("detected modified configuration - file changed by other user? Try again.");
        CheckFree(r, machine);
        CheckIdle(machine);
        if (!machine.Config.TryGetValue(disk, out var text))
            throw PveError.Failed($"disk '{disk}' does not exist");
        if (!IsImage(text) || text.Contains("media=cdrom", StringComparison.Ordinal))
            throw PveError.Failed("can't resize a cdrom");
        var volume = VolumeOf(text, machine.Node) ?? throw PveError.Failed($"volume '{text.Split(',')[0]}' does not exist");
        var wanted = size.StartsWith('+') ? volume.Size + PropertyText.Bytes(size[1..]) : PropertyText.Bytes(size);
        if (wanted < volume.Size)
            throw PveError.Failed("shrinking disks is not supported");
        if (wanted == volume.Size && !Is9)
            throw PveError.Failed("disk size is already " + PropertyText.Size(wanted));
        DemandAny(r.Caller, "/storage/" + volume.Storage.Id, "Datastore.AllocateSpace");
        return Begin(r, "resize", machine.Id.ToString(CultureInfo.InvariantCulture), machine.Node, _ =>
        {
            if (Knobs.FullStorages.Contains(volume.Storage.Id))
                throw PveError.Failed(OutOfSpace(volume.Storage, volume.Name));
            volume.Size = wanted;
            var parts = PropertyText.Read(machine.Config[disk], "file");
            machine.Config[disk] = PropertyText.Write(parts[0].Value, [.. parts.Skip(1).Where(p => p.Key != "size"), new("size", PropertyText.Size(wanted))]);
            machine.Revision = Touched();
        }, machine);
    }

    private JsonNode? MoveDisk(PveRequest r)
    {
        var machine = MachineAt(r);
        DemandAny(r.Caller, "/vms/" + machine.Id, "VM.Config.Disk");
        CheckFree(r, machine);
        var disk = r.Text("disk");
        if (!machine.Config.TryGetValue(disk, out var text) || VolumeOf(text, machine.Node) is not { } volume)
            throw PveError.Failed($"disk '{disk}' does not exist");
        if (r.Number("target-vmid") is { } other)
        {
            var target = MachineOf((int)other);
            DemandAny(r.Caller, "/vms/" + target.Id, "VM.Config.Disk");
            CheckFree(r, target);
            var at = r.Find("target-disk") ?? disk;
            if (target.Config.ContainsKey(at))
                throw PveError.Failed($"Target disk key '{at}' is already in use for VM '{target.Id}'");
            if (target.Node != machine.Node && volume.Node is not null)
                throw PveError.Failed("Moving disks between nodes is not possible for local storage");
            return Begin(r, "qmmove", machine.Id.ToString(CultureInfo.InvariantCulture), machine.Node, _ => Reassign(machine, target, disk, at, volume), machine);
        }

        var storage = StorageOf(r.Text("storage"));
        DemandAny(r.Caller, "/storage/" + storage.Id, "Datastore.AllocateSpace");
        if (storage == volume.Storage)
            throw PveError.Failed("you can't move to the same storage with same format");
        return Begin(r, "qmmove", machine.Id.ToString(CultureInfo.InvariantCulture), machine.Node, _ =>
        {
            var moved = Allocate(storage, machine.Node, DiskName(storage, machine.Id, machine.Node), "images", volume.Format, volume.Size, machine.Id);
            var old = machine.Config[disk];
            machine.Config[disk] = PropertyText.Write(moved.Id, PropertyText.Read(old, "file").Skip(1));
            Detach(machine, disk, old, r.Flag("delete"));
            machine.Revision = Touched();
        }, machine);
    }

    /// <summary>A disk goes over to another machine: its volume is renamed.</summary>
    private void Reassign(Machine machine, Machine target, string disk, string at, Volume volume)
    {
        var rest = PropertyText.Read(machine.Config[disk], "file").Skip(1).ToList();
        Drop(volume);
        var moved = new Volume
        {
            Storage = volume.Storage,
            Name = DiskName(volume.Storage, target.Id, target.Node, format: volume.Format),
            Node = volume.Node,
            Content = volume.Content,
            Format = volume.Format,
            Size = volume.Size,
            Vmid = target.Id,
            Parent = volume.Parent,
            Made = volume.Made,
            Data = volume.Data,
            Revision = Touched(),
        };
        _volumes[(moved.Id, moved.Node)] = moved;
        machine.Config.Remove(disk);
        target.Config[at] = PropertyText.Write(moved.Id, rest);
        machine.Revision = target.Revision = Touched();
    }
}
