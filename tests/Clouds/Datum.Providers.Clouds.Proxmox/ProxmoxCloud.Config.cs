using System.Globalization;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>A machine's settings: read, change at once or at the next start, disks.</summary>
public sealed partial class ProxmoxCloud
{
    private void AddConfigRoutes()
    {
        _routes.Add("GET", "/nodes/{node}/qemu/{vmid}/config", "/vms/{vmid} VM.Audit", ShowConfig);
        _routes.Add("PUT", "/nodes/{node}/qemu/{vmid}/config", null, r => { ChangeConfig(r, MachineAt(r), []); return null; });
        _routes.Add("POST", "/nodes/{node}/qemu/{vmid}/config", null, ChangeConfigLater);
        _routes.Add("GET", "/nodes/{node}/qemu/{vmid}/pending", "/vms/{vmid} VM.Audit", ShowPending);
        _routes.Add("PUT", "/nodes/{node}/qemu/{vmid}/resize", "/vms/{vmid} VM.Config.Disk", ResizeDisk);
        _routes.Add("PUT", "/nodes/{node}/qemu/{vmid}/unlink", "/vms/{vmid} VM.Config.Disk", r =>
        {
            r.Set("delete", r.Text("idlist"));
            r.Remove("idlist");
            ChangeConfig(r, MachineAt(r), []);
            return null;
        });
        _routes.Add("POST", "/nodes/{node}/qemu/{vmid}/move_disk", null, MoveDisk);
    }

    private static string DigestOf(Machine machine) => Digest(string.Join('\n', machine.Config.Select(c => $"{c.Key}: {c.Value}")) + "\n[PENDING]\n" + string.Join('\n', machine.Pending.Select(c => $"{c.Key}: {c.Value}")));

    private JsonNode? ShowConfig(PveRequest r)
    {
        var machine = MachineAt(r);
        var shown = new JsonObject();
        foreach (var (key, value) in machine.Config)
            shown[key] = MachineKeys.Show(key, value);
        if (!r.Flag("current"))
            foreach (var (key, value) in machine.Pending)
                if (value is null)
                    shown.Remove(key);
                else
                    shown[key] = MachineKeys.Show(key, value);
        shown["digest"] = DigestOf(machine);
        // Nobody is shown a password.
        if (shown.ContainsKey("cipassword"))
            shown["cipassword"] = "**********";
        return shown;
    }

    private JsonNode? ShowPending(PveRequest r)
    {
        var machine = MachineAt(r);
        var list = new JsonArray();
        foreach (var key in machine.Config.Keys.Union(machine.Pending.Keys).Order(StringComparer.Ordinal))
        {
            var row = new JsonObject { ["key"] = key };
            if (machine.Config.TryGetValue(key, out var value))
                row["value"] = key == "cipassword" ? "**********" : value;
            if (machine.Pending.TryGetValue(key, out var waiting))
                row[waiting is null ? "delete" : "pending"] = waiting is null ? 1 : key == "cipassword" ? "**********" : waiting;
            list.Add(row);
        }

        list.Add(new JsonObject { ["key"] = "digest", ["value"] = DigestOf(machine) });
        return list;
    }

    private static List<KeyValuePair<string, string>> SettingsOf(PveRequest r) =>
        [.. r.Names.Where(n => !MachineKeys.NoSettings.Contains(n)).Select(n => KeyValuePair.Create(n, r.Text(n)))];

    /// <summary>Who may set what, and what never goes together.</summary>
    private void CheckSettings(PveRequest r, Machine machine, IEnumerable<KeyValuePair<string, string>> settings)
    {
        foreach (var (key, value) in settings)
        {
            if (key is "args" or "lock" or "hookscript" && !r.Caller.IsRoot)
                throw PveError.Failed($"only root can set '{key}' config");
            DemandForSetting(r, machine, key, value);
            if (MachineKeys.IsNic(key))
                CheckBridge(r, value);
            else if (MachineKeys.IsDisk(key))
                CheckDrive(r, machine, key, value);
        }
    }

    private void DemandForSetting(PveRequest r, Machine machine, string key, string value)
    {
        var privilege = key switch
        {
            _ when MachineKeys.IsNic(key) => "VM.Config.Network",
            _ when MachineKeys.IsDisk(key) => value.Contains("media=cdrom", StringComparison.Ordinal) ? "VM.Config.CDROM" : value.Split(',')[0].EndsWith(":cloudinit", StringComparison.Ordinal) ? "VM.Config.Cloudinit|VM.Config.Disk" : "VM.Config.Disk",
            _ when MachineKeys.IsUnused(key) => "VM.Config.Disk",
            "cores" or "sockets" or "cpu" or "cpulimit" or "cpuunits" or "vcpus" or "numa" or "affinity" => "VM.Config.CPU",
            "memory" or "balloon" or "shares" or "hugepages" => "VM.Config.Memory",
            "ciuser" or "cipassword" or "sshkeys" or "cicustom" or "citype" or "nameserver" or "searchdomain" or "ciupgrade" => "VM.Config.Cloudinit|VM.Config.Network",
            _ when key.StartsWith("ipconfig", StringComparison.Ordinal) => "VM.Config.Cloudinit|VM.Config.Network",
            "scsihw" or "machine" or "bios" or "vga" or "rng0" or "watchdog" or "tablet" or "keyboard" or "audio0" => "VM.Config.HWType",
            _ when key.StartsWith("serial", StringComparison.Ordinal) || key.StartsWith("usb", StringComparison.Ordinal) => "VM.Config.HWType",
            _ => "VM.Config.Options",
        };
        var path = "/vms/" + machine.Id;
        // A machine that is being made has a place in its pool before it is there.
        if (r.Find("pool") is { } pool && privilege.Split('|').Any(p => Has(r.Caller, "/pool/" + pool, p)))
            return;
        DemandAny(r.Caller, path, privilege);
    }

    private void CheckBridge(PveRequest r, string nic)
    {
        if (PropertyText.Find(nic, "bridge", "model") is not { } bridge)
            return;
        var zone = _config["vnets"].TryGetValue(bridge, out var vnet) ? vnet["zone"]!.ToString() : "localnetwork";
        if (!Has(r.Caller, $"/sdn/zones/{zone}/{bridge}", "SDN.Use"))
            throw PveError.Forbidden($"/sdn/zones/{zone}/{bridge}", "SDN.Use");
    }

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
    private static bool IsNewVolume(string rest) => rest.Length > 0 && rest.AsSpan().IndexOfAnyExcept("0123456789.") < 0;

    private JsonNode? ChangeConfigLater(PveRequest r)
    {
        var machine = MachineAt(r);
        // What is wrong with the request is said at once; what goes wrong with disks in the task.
        CheckChange(r, machine);
        return Begin(r, "qmconfig", machine.Id.ToString(CultureInfo.InvariantCulture), machine.Node, task => ChangeConfig(r, machine, task.Log), machine);
    }

    private void CheckChange(PveRequest r, Machine machine)
    {
        if (r.Find("digest") is { } digest && digest != DigestOf(machine))
            throw PveError.Failed("detected modified configuration - file changed by other user? Try again.");
        CheckFree(r, machine);
        var settings = SettingsOf(r);
        if (settings.Count == 0 && !r.Has("delete") && !r.Has("revert"))
            throw new PveError(400, "no options specified");
        CheckSettings(r, machine, settings);
        foreach (var key in PveRequest.Split(r.Find("delete")))
        {
            if (settings.Exists(s => s.Key == key))
                throw PveError.Parameter("delete", $"you can't use '-{key}' and -delete {key}' at the same time");
            DemandForSetting(r, machine, key, machine.Config.GetValueOrDefault(key) ?? "");
        }
    }

    private void ChangeConfig(PveRequest r, Machine machine, List<string> log)
    {
        if (log is [] && r.Method == "PUT")
        {
            CheckChange(r, machine);
            CheckIdle(machine);
        }

        foreach (var key in PveRequest.Split(r.Find("revert")))
            machine.Pending.Remove(key);
        foreach (var key in PveRequest.Split(r.Find("delete")))
            DeleteSetting(machine, key, r.Flag("force"));
        foreach (var (key, value) in SettingsOf(r))
        {
            if (machine.Running && !MachineKeys.IsFast(key))
            {
                // A medium is exchanged at once; the rest waits for a start.
                if (MachineKeys.IsDisk(key) && value.Contains("media=cdrom", StringComparison.Ordinal) && machine.Config.GetValueOrDefault(key)?.Contains("media=cdrom", StringComparison.Ordinal) == true)
                    Apply(machine, key, value, log);
                else if (machine.Config.GetValueOrDefault(key) == value)
                    machine.Pending.Remove(key);
                else
                    machine.Pending[key] = MachineKeys.IsDisk(key) ? Materialize(machine, key, value) : value;
            }
            else
            {
                machine.Pending.Remove(key);
                Apply(machine, key, value, log);
            }
        }

        machine.Revision = Touched();
    }

    private void DeleteSetting(Machine machine, string key, bool force)
    {
        if (MachineKeys.IsUnused(key))
        {
            if (machine.Config.Remove(key, out var text) && VolumeOf(text, machine.Node) is { } volume)
                Drop(volume);
            return;
        }

        if (!machine.Config.TryGetValue(key, out var value))
        {
            machine.Pending.Remove(key);
            return;
        }

        if (machine.Running && !MachineKeys.IsFast(key) && !(MachineKeys.IsDisk(key) && !IsImage(value)))
        {
            machine.Pending[key] = null;
            return;
        }

        machine.Config.Remove(key);
        Detach(machine, key, value, force);
    }

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

    private void ApplyPending(Machine machine)
    {
        foreach (var (key, value) in machine.Pending.ToList())
        {
            machine.Pending.Remove(key);
            if (value is not null)
                Apply(machine, key, value, []);
            else if (machine.Config.Remove(key, out var old))
                Detach(machine, key, old, force: false);
        }
    }

    private void Apply(Machine machine, string key, string value, List<string> log)
    {
        if (MachineKeys.IsDisk(key))
        {
            var made = Materialize(machine, key, value);
            if (machine.Config.Remove(key, out var old) && old.Split(',')[0] != made.Split(',')[0])
                Detach(machine, key, old, force: false);
            foreach (var unused in machine.Config.Where(c => MachineKeys.IsUnused(c.Key) && c.Value == made.Split(',')[0]).Select(c => c.Key).ToList())
                machine.Config.Remove(unused);
            machine.Config[key] = made;
            log.Add($"{key}: successfully created disk '{made}'");
            return;
        }

        machine.Config[key] = key switch
        {
            _ when MachineKeys.IsNic(key) => WithAddress(value, machine.Config.GetValueOrDefault(key)),
            "tags" => string.Join(';', PveRequest.Split(value).Select(t => t.ToLowerInvariant()).Distinct().Order(StringComparer.Ordinal)),
            "smbios1" when !value.Contains("uuid=", StringComparison.Ordinal) => "uuid=" + Guid.NewGuid().ToString("D") + "," + value,
            _ when PveFlags.Contains(key) => PveRequest.IsTrue(value) ? "1" : "0",
            _ => value,
        };
        // Empty is not there.
        if (value.Length == 0)
            machine.Config.Remove(key);
    }

    private static readonly ImmutableHashSet<string> PveFlags = ["onboot", "protection", "numa", "kvm", "tablet", "acpi", "template", "autostart", "ciupgrade"];

    /// <summary>A card without an address gets one: <c>virtio=BC:24:11:..</c>, the model first.</summary>
    private static string WithAddress(string nic, string? old)
    {
        var parts = PropertyText.Read(nic, "model");
        var model = parts.FindIndex(p => p.Key == "model");
        var address = parts.Find(p => p.Key == "macaddr").Value;
        if (model < 0)
            // virtio=ADDRESS already.
            return nic;
        var name = parts[model].Value;
        parts.RemoveAll(p => p.Key is "model" or "macaddr");
        return string.Join(',', [$"{name}={address ?? NewMac()}", .. parts.Select(p => $"{p.Key}={p.Value}")]);
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
