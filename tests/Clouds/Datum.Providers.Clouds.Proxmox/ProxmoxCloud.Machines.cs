using System.Globalization;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>Machines: list, create, clone, delete, make a template, migrate.</summary>
public sealed partial class ProxmoxCloud
{
    private readonly SortedDictionary<int, Machine> _machines = [];
    private readonly List<(JsonObject Row, int Id, DateTimeOffset Until)> _gone = [];

    private void AddMachineRoutes()
    {
        _routes.Add("GET", "/nodes/{node}/qemu", null, r => new JsonArray([.. _machines.Values.Where(m => m.Node == r.Text("node") && Has(r.Caller, "/vms/" + m.Id, "VM.Audit")).Select(m => (JsonNode)StatusBody(m, full: r.Flag("full")))]));
        _routes.Add("POST", "/nodes/{node}/qemu", null, CreateMachine);
        _routes.Add("GET", "/nodes/{node}/qemu/{vmid}", null, r => { MachineAt(r); return Index("config", "pending", "status", "agent", "firewall"); });
        _routes.Add("DELETE", "/nodes/{node}/qemu/{vmid}", "/vms/{vmid} VM.Allocate", DeleteMachine);
        _routes.Add("POST", "/nodes/{node}/qemu/{vmid}/clone", "/vms/{vmid} VM.Clone", CloneMachine);
        _routes.Add("POST", "/nodes/{node}/qemu/{vmid}/template", "/vms/{vmid} VM.Allocate", MakeTemplate);
        _routes.Add("POST", "/nodes/{node}/qemu/{vmid}/migrate", "/vms/{vmid} VM.Migrate", MigrateMachine);
        _routes.Add("GET", "/nodes/{node}/qemu/{vmid}/feature", "/vms/{vmid} VM.Audit", r => new JsonObject
        {
            ["hasFeature"] = r.Text("feature") != "clone" || MachineAt(r).IsTemplate ? 1 : 0,
            ["nodes"] = new JsonArray([.. _nodes.Select(n => (JsonNode)n.Name)]),
        });
    }

    /// <summary>A machine by its id; the one that isn't there is refused as on its node.</summary>
    private Machine MachineOf(int id) => _machines.TryGetValue(id, out var machine) ? machine : throw PveError.Failed($"VM {id} does not exist");

    private Machine MachineAt(PveRequest r)
    {
        var id = (int)r.Number("vmid")!.Value;
        return _machines.TryGetValue(id, out var machine) && machine.Node == r.Text("node") ? machine
            : throw PveError.Failed($"Configuration file 'nodes/{r.Text("node")}/qemu-server/{id}.conf' does not exist");
    }

    /// <summary>Refuses what can't be done while something else is under way.</summary>
    private static void CheckFree(PveRequest r, Machine machine)
    {
        CheckRoot(r);
        if (machine.Lock is { } locked && !r.Flag("skiplock"))
            throw PveError.Failed($"VM is locked ({locked})");
    }

    private static void CheckRoot(PveRequest r)
    {
        if (r.Flag("skiplock") && !r.Caller.IsRoot)
            throw PveError.Parameter("skiplock", "Only root may use this option.");
    }

    private void CheckIdle(Machine machine)
    {
        if (machine.BusyUntil > Now)
            throw PveError.Failed($"can't lock file '/var/lock/qemu-server/lock-{machine.Id}.conf' - got timeout");
    }

    private JsonNode? CreateMachine(PveRequest r)
    {
        var (id, node) = ((int)r.Number("vmid")!.Value, r.Text("node"));
        if (r.Find("pool") is { } pool)
        {
            Pool(pool);
            if (!Has(r.Caller, "/vms/" + id, "VM.Allocate"))
                DemandAny(r.Caller, "/pool/" + pool, "VM.Allocate");
        }
        else
        {
            DemandAny(r.Caller, "/vms/" + id, "VM.Allocate");
        }

        if (r.Has("archive"))
            throw new PveError(501, "The double restores nothing.");
        if (_machines.TryGetValue(id, out var there))
            throw PveError.Failed($"unable to create VM {id} - VM {id} already exists on node '{there.Node}'");
        var machine = new Machine { Id = id, Node = node, Made = Now, ListedFrom = Now + Knobs.ListLag, NamedFrom = Now, Pool = r.Find("pool"), Lock = "create" };
        var settings = SettingsOf(r);
        CheckSettings(r, machine, settings);
        machine.Revision = Touched();
        _machines[id] = machine;
        var start = r.Flag("start");
        return Begin(r, "qmcreate", id.ToString(CultureInfo.InvariantCulture), node, task =>
        {
            try
            {
                CheckRoom();
                foreach (var (key, value) in settings)
                    Apply(machine, key, value, task.Log);
            }
            catch (PveError e)
            {
                Remove(machine, withUnreferenced: true);
                throw PveError.Failed($"unable to create VM {id} - {e.Message}");
            }

            machine.Lock = null;
            machine.Config["meta"] = $"creation-qemu={(Is9 ? "10.0.2" : "9.2.0")},ctime={Now.ToUnixTimeSeconds()}";
            machine.Config.TryAdd("smbios1", "uuid=" + Guid.NewGuid().ToString("D"));
            machine.Config.TryAdd("vmgenid", Guid.NewGuid().ToString("D"));
            machine.Revision = Touched();
            if (start)
                PowerOn(machine);
        }, machine, () => Remove(machine, withUnreferenced: true));
    }

    private void CheckRoom()
    {
        if (Knobs.MostMachines is { } most && _machines.Values.Count(m => !m.IsTemplate) > most)
            throw PveError.Failed(OutOfSpace(_storages["local-lvm"], "vm-disk"));
    }

    private JsonNode? CloneMachine(PveRequest r)
    {
        var source = MachineAt(r);
        var id = (int)r.Number("newid")!.Value;
        if (r.Find("pool") is { } pool)
        {
            Pool(pool);
            if (!Has(r.Caller, "/vms/" + id, "VM.Allocate"))
                DemandAny(r.Caller, "/pool/" + pool, "VM.Allocate");
        }
        else
        {
            DemandAny(r.Caller, "/vms/" + id, "VM.Allocate");
        }

        var full = r.Flag("full", !source.IsTemplate);
        var target = r.Find("target") ?? source.Node;
        if (_nodes.TrueForAll(n => n.Name != target))
            throw PveError.Failed($"no such cluster node '{target}'");
        if (Knobs.OfflineNodes.Contains(target))
            throw PveError.Failed($"node '{target}' is not online");
        CheckFree(r, source);
        if (Knobs.ClonesAtOnce is { } most && _tasks.Count(t => t.Exit is null && t.Type == "qmclone" && t.Id == r.Text("vmid")) >= most)
            throw PveError.Failed($"can't lock file '/var/lock/qemu-server/lock-{source.Id}.conf' - got timeout");
        if (_machines.TryGetValue(id, out var there))
            throw PveError.Failed($"unable to create VM {id} - VM {id} already exists on node '{there.Node}'");
        if (!full && r.Has("storage"))
            throw PveError.Parameter("storage", "Parameter 'storage' not allowed for linked clones.");
        if (!full && !source.IsTemplate)
            throw PveError.Failed("Linked clone feature is not supported for drive 'scsi0'");
        var storage = r.Find("storage") is { } name ? StorageOf(name) : null;
        foreach (var disk in source.Disks.Where(d => IsImage(source.Config[d])))
        {
            var on = StorageOf(source.Config[disk].Split(':')[0]);
            DemandAny(r.Caller, "/storage/" + (storage ?? on).Id, "Datastore.AllocateSpace");
            if (target != source.Node && !on.Shared)
                throw PveError.Failed($"can't clone to non-shared storage '{on.Id}'");
            if (storage is not null && target != source.Node && !storage.Shared)
                throw PveError.Failed($"can't clone VM to node '{target}' (VM uses local storage)");
        }

        // From here on the id is taken; all that is known of the machine is its lock.
        var copy = new Machine { Id = id, Node = target, Made = Now, ListedFrom = Now + Knobs.ListLag, NamedFrom = DateTimeOffset.MaxValue, Pool = r.Find("pool"), Lock = "clone" };
        copy.Revision = Touched();
        _machines[id] = copy;
        return Begin(r, "qmclone", source.Id.ToString(CultureInfo.InvariantCulture), source.Node, task =>
        {
            try
            {
                FinishClone(r, source, copy, full, storage, task);
            }
            catch (PveError e)
            {
                Remove(copy, withUnreferenced: true);
                throw PveError.Failed("clone failed: " + e.Message);
            }
        }, undo: () => Remove(copy, withUnreferenced: true));
    }

    private void FinishClone(PveRequest r, Machine source, Machine copy, bool full, Storage? storage, PveTask task)
    {
        if (!_machines.ContainsValue(copy))
            throw PveError.Failed("unable to find configuration file for VM " + copy.Id);
        CheckRoom();
        foreach (var (key, value) in source.Config.Where(c => c.Key is not ("template" or "lock" or "parent" or "snaptime") && !MachineKeys.IsUnused(c.Key)))
            copy.Config[key] = MachineKeys.IsNic(key) ? NewAddress(value) : value;
        foreach (var disk in copy.Disks.ToList())
            copy.Config[disk] = CopyDisk(source, copy, disk, full, storage, task.Log);
        copy.Config["smbios1"] = "uuid=" + Guid.NewGuid().ToString("D");
        copy.Config["vmgenid"] = Guid.NewGuid().ToString("D");
        if (r.Find("name") is { } name)
            copy.Config["name"] = name;
        else if (source.Config.TryGetValue("name", out var old))
            copy.Config["name"] = "Copy-of-VM-" + old;
        if (r.Find("description") is { } words)
            copy.Config["description"] = words;
        copy.Firewall = source.Firewall.Copy();
        copy.Lock = null;
        copy.NamedFrom = Now + Knobs.NameLag;
        copy.Revision = Touched();
    }

    private string CopyDisk(Machine source, Machine copy, string disk, bool full, Storage? storage, List<string> log)
    {
        var text = source.Config[disk];
        if (!IsImage(text))
            return text;
        var rest = PropertyText.Read(text, "file");
        var original = FindVolume(rest[0].Value, source.Node) ?? throw PveError.Failed($"no such volume '{rest[0].Value}'");
        rest.RemoveAt(0);
        var on = storage ?? original.Storage;
        if (original.Name.EndsWith("-cloudinit", StringComparison.Ordinal))
            return PropertyText.Write(Allocate(on, copy.Node, CloudInitName(on, copy.Id), "images", "raw", 4L << 20, copy.Id).Id, rest);
        if (full)
        {
            log.Add($"create full clone of drive {disk} ({original.Id})");
            return PropertyText.Write(Allocate(on, copy.Node, DiskName(on, copy.Id, copy.Node), "images", original.Format, original.Size, copy.Id).Id, rest);
        }

        log.Add($"create linked clone of drive {disk} ({original.Id})");
        var child = Allocate(original.Storage, copy.Node, DiskName(original.Storage, copy.Id, copy.Node), "images", original.Format, 0, copy.Id);
        (child.Size, child.Parent) = (original.Size, original.Id);
        // A thin volume stands alone; elsewhere the name shows the base.
        return PropertyText.Write(original.Storage.Type == "lvmthin" ? child.Id : $"{original.Storage.Id}:{original.Name}/{child.Name}", rest);
    }

    private static string CloudInitName(Storage storage, int id) => string.Create(CultureInfo.InvariantCulture, $"{(storage.IsFiles ? id + "/" : "")}vm-{id}-cloudinit{(storage.IsFiles ? ".raw" : "")}");

    /// <summary>Whether a drive's text names an image of its machine, not a medium.</summary>
    private static bool IsImage(string text) => !text.StartsWith("none", StringComparison.Ordinal) && !text.StartsWith('/') && !text.Split(',')[0].Contains(":iso/", StringComparison.Ordinal);

    private static string NewAddress(string nic)
    {
        var parts = PropertyText.Read(nic, "model");
        return string.Join(',', parts.Select(p => p.Value.Length == 17 && p.Value[2] == ':' ? $"{p.Key}={NewMac()}" : p.Key == "model" ? p.Value : $"{p.Key}={p.Value}"));
    }

    private static string NewMac() => "BC:24:11:" + string.Join(':', Convert.ToHexString(System.Security.Cryptography.RandomNumberGenerator.GetBytes(3)).Chunk(2).Select(c => new string(c)));

    private void DropUnfinished(PveTask task)
    {
        foreach (var machine in _machines.Values.Where(m => m.Lock == "clone" && m.Made == task.Start).ToList())
            Remove(machine, withUnreferenced: true);
    }

    private JsonNode? DeleteMachine(PveRequest r)
    {
        var machine = MachineAt(r);
        CheckFree(r, machine);
        if (machine.Config.GetValueOrDefault("protection") == "1")
            throw PveError.Failed($"can't remove VM {machine.Id} - protection mode enabled");
        if (machine.Running)
            throw PveError.Failed($"VM {machine.Id} is running - destroy failed");
        var everywhere = r.Flag("destroy-unreferenced-disks");
        return Begin(r, "qmdestroy", machine.Id.ToString(CultureInfo.InvariantCulture), machine.Node, _ =>
        {
            if (!_machines.ContainsValue(machine))
                throw PveError.Failed($"Configuration file 'nodes/{machine.Node}/qemu-server/{machine.Id}.conf' does not exist");
            if (machine.Running)
                throw PveError.Failed($"VM {machine.Id} is running - destroy failed");
            foreach (var volume in OwnVolumes(machine))
                CheckUnused(volume);
            if (Knobs.ListLag > TimeSpan.Zero)
                _gone.Add((MachineRow(machine), machine.Id, Now + Knobs.ListLag));
            Remove(machine, everywhere);
        }, machine);
    }

    private List<Volume> OwnVolumes(Machine machine) =>
        [.. machine.Config.Where(c => MachineKeys.IsDisk(c.Key) || MachineKeys.IsUnused(c.Key)).Where(c => IsImage(c.Value)).Select(c => VolumeOf(c.Value, machine.Node)).OfType<Volume>()];

    /// <summary>The volume that a drive's text names: of a linked clone the part behind its base.</summary>
    private Volume? VolumeOf(string drive, string node)
    {
        var id = drive.Split(',')[0];
        return FindVolume(id, node) ?? (id.IndexOf('/', StringComparison.Ordinal) is > 0 and var slash ? FindVolume($"{id[..id.IndexOf(':', StringComparison.Ordinal)]}:{id[(slash + 1)..]}", node) : null);
    }

    private void Remove(Machine machine, bool withUnreferenced)
    {
        foreach (var volume in OwnVolumes(machine))
            Drop(volume);
        if (withUnreferenced)
            foreach (var volume in _volumes.Values.Where(v => v.Vmid == machine.Id && v.Content == "images").ToList())
                Drop(volume);
        _machines.Remove(machine.Id);
        Touched();
    }

    private JsonNode? MakeTemplate(PveRequest r)
    {
        var machine = MachineAt(r);
        CheckFree(r, machine);
        if (machine.IsTemplate)
            throw PveError.Failed("you can't convert a template to a template");
        if (machine.Running)
            throw PveError.Failed("you can't convert a VM to template if VM is running");
        return Begin(r, "qmtemplate", machine.Id.ToString(CultureInfo.InvariantCulture), machine.Node, _ => BecomeTemplate(machine), machine);
    }

    private void BecomeTemplate(Machine machine)
    {
        foreach (var disk in machine.Disks.Where(d => IsImage(machine.Config[d])).ToList())
        {
            var parts = PropertyText.Read(machine.Config[disk], "file");
            if (VolumeOf(parts[0].Value, machine.Node) is not { } volume || volume.Name.EndsWith("-cloudinit", StringComparison.Ordinal))
                continue;
            Drop(volume);
            var basis = Allocate(volume.Storage, machine.Node, volume.Name.Replace("vm-", "base-", StringComparison.Ordinal), "images", volume.Format, volume.Size, machine.Id);
            parts.RemoveAt(0);
            machine.Config[disk] = PropertyText.Write(basis.Id, parts);
        }

        machine.Config["template"] = "1";
        machine.Revision = Touched();
    }

    private JsonNode? MigrateMachine(PveRequest r)
    {
        var machine = MachineAt(r);
        var target = r.Text("target");
        CheckFree(r, machine);
        if (target == machine.Node)
            throw PveError.Parameter("target", "target is local node.");
        if (_nodes.TrueForAll(n => n.Name != target))
            throw PveError.Failed($"no such cluster node '{target}'");
        if (machine.Running && !r.Flag("online"))
            throw PveError.Failed("can't migrate running VM without --online");
        if (!r.Flag("with-local-disks") && OwnVolumes(machine).Find(v => v.Node is not null) is { } local)
            throw PveError.Failed($"can't migrate local disk '{local.Id}': local disk without 'with-local-disks'");
        machine.Lock = "migrate";
        return Begin(r, "qmigrate", machine.Id.ToString(CultureInfo.InvariantCulture), machine.Node, _ =>
        {
            machine.Lock = null;
            Move(machine, target);
        }, machine, () => machine.Lock = null);
    }

    private void Move(Machine machine, string node)
    {
        foreach (var volume in OwnVolumes(machine).Where(v => v.Node is not null))
        {
            Drop(volume);
            volume.Node = node;
            _volumes[(volume.Id, node)] = volume;
        }

        machine.Node = node;
        machine.Revision = Touched();
    }
}
