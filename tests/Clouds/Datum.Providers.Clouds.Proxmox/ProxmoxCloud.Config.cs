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
}
