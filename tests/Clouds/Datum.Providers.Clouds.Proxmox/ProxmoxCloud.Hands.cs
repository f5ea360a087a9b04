using System.Globalization;
using System.Text;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>What tests see and do behind the API's back, and what stands there from the beginning.</summary>
public sealed partial class ProxmoxCloud
{
    /// <summary>Everything that is there, in the order of its paths; what the cluster is furnished with too.</summary>
    public IReadOnlyList<ProxmoxObject> Objects
    {
        get
        {
            lock (_gate)
            {
                Settle();
                return
                [
                    .. _machines.Values.Select(m => new ProxmoxObject(FormattableString.Invariant($"qemu/{m.Id}"), "qemu", BodyOf(m), m.Revision)),
                    .. _config.SelectMany(c => c.Value.Select(i => new ProxmoxObject($"{c.Key}/{i.Key}", c.Key, (JsonObject)i.Value.DeepClone(), _sdnRevisions.GetValueOrDefault((c.Key, i.Key))))),
                    .. _groups.Select(g => new ProxmoxObject("groups/" + g.Key, "groups", BodyOf(g.Value), g.Value.Revision)),
                    .. _cluster.IpSets.Select(s => new ProxmoxObject("ipsets/" + s.Key, "ipsets", BodyOf(s.Value), s.Value.Revision)),
                    .. _cluster.Aliases.Select(a => new ProxmoxObject("aliases/" + a.Key, "aliases", (JsonObject)a.Value.DeepClone(), 0)),
                    .. _pools.Select(p => new ProxmoxObject("pools/" + p.Key, "pools", (JsonObject)p.Value.DeepClone(), 0)),
                    .. _volumes.Values.OrderBy(v => v.Id, StringComparer.Ordinal).Select(v => new ProxmoxObject("volumes/" + v.Id, "volumes", VolumeRow(v), v.Revision)),
                ];
            }
        }
    }

    /// <summary>Networks, zones and subnets as they run, by path; they differ from <see cref="Objects"/> until an apply.</summary>
    public IReadOnlyList<ProxmoxObject> RunningNetworks
    {
        get
        {
            lock (_gate)
            {
                Settle();
                return [.. _running.SelectMany(c => c.Value.Select(i => new ProxmoxObject($"{c.Key}/{i.Key}", c.Key, (JsonObject)i.Value.DeepClone(), 0)))];
            }
        }
    }

    /// <summary>Takes something away, as a person would: a machine with its disks, whether it runs or not; of networks what runs too. False when it isn't there.</summary>
    public bool Vanish(string path)
    {
        lock (_gate)
        {
            var (collection, id) = Split(path);
            switch (collection)
            {
                case "qemu" when _machines.TryGetValue(int.Parse(id, CultureInfo.InvariantCulture), out var machine):
                    Remove(machine, withUnreferenced: true);
                    return true;
                case "zones" or "vnets" or "subnets":
                    _running[collection].Remove(id);
                    return _config[collection].Remove(id);
                case "groups":
                    return _groups.Remove(id);
                case "ipsets":
                    return _cluster.IpSets.Remove(id);
                case "aliases":
                    return _cluster.Aliases.Remove(id);
                case "pools":
                    return _pools.Remove(id);
                case "volumes":
                    return _volumes.Keys.Where(k => k.Id == id).ToList() is { Count: > 0 } found && found.TrueForAll(_volumes.Remove);
                default:
                    return false;
            }
        }
    }

    /// <summary>Changes something's body, see <see cref="ProxmoxObject"/>; of networks what runs too. False when it isn't there.</summary>
    public bool Edit(string path, Action<JsonObject> change)
    {
        lock (_gate)
        {
            var (collection, id) = Split(path);
            switch (collection)
            {
                case "qemu" when _machines.TryGetValue(int.Parse(id, CultureInfo.InvariantCulture), out var machine):
                    var body = BodyOf(machine);
                    change(body);
                    Take(machine, body);
                    return true;
                case "zones" or "vnets" or "subnets" when _config[collection].TryGetValue(id, out var item):
                    change(item);
                    if (_running[collection].ContainsKey(id))
                        _running[collection][id] = (JsonObject)item.DeepClone();
                    _sdnRevisions[(collection, id)] = Touched();
                    return true;
                case "groups" when _groups.TryGetValue(id, out var group):
                    var shown = BodyOf(group);
                    change(shown);
                    group.Comment = shown["comment"]?.ToString();
                    group.Rules.Clear();
                    group.Rules.AddRange(shown["rules"]!.AsArray().Select(r => (JsonObject)r!.DeepClone()));
                    group.Revision = Touched();
                    return true;
                case "ipsets" when _cluster.IpSets.TryGetValue(id, out var set):
                    var entries = BodyOf(set);
                    change(entries);
                    Take(set, entries);
                    return true;
                case "volumes" when _volumes.Values.FirstOrDefault(v => v.Id == id) is { } volume:
                    var row = VolumeRow(volume);
                    change(row);
                    volume.Notes = row["notes"]?.ToString();
                    volume.Size = long.Parse(row["size"]!.ToString(), CultureInfo.InvariantCulture);
                    volume.Revision = Touched();
                    return true;
                default:
                    return false;
            }
        }
    }

    /// <summary>Copies something under another name (a machine under another id: <c>900</c>), with its description, tags, comment or alias; returns the copy's path.</summary>
    public string Copy(string path, string name)
    {
        lock (_gate)
        {
            var (collection, id) = Split(path);
            switch (collection)
            {
                case "qemu":
                    var machine = _machines[int.Parse(id, CultureInfo.InvariantCulture)];
                    var number = int.Parse(name, CultureInfo.InvariantCulture);
                    var copy = new Machine { Id = number, Node = machine.Node, Made = Now, ListedFrom = Now, NamedFrom = Now, Pool = machine.Pool, Firewall = machine.Firewall.Copy(), Revision = Touched() };
                    foreach (var (key, value) in machine.Config.Where(c => !MachineKeys.IsUnused(c.Key) && c.Key != "lock"))
                        copy.Config[key] = MachineKeys.IsNic(key) ? NewAddress(value) : value;
                    foreach (var disk in copy.Disks.ToList())
                        copy.Config[disk] = CopyDisk(machine, copy, disk, full: true, null, []);
                    _machines[number] = copy;
                    return "qemu/" + name;
                case "groups":
                    var group = new Group { Comment = _groups[id].Comment, Revision = Touched() };
                    group.Rules.AddRange(_groups[id].Rules.Select(r => (JsonObject)r.DeepClone()));
                    _groups[name] = group;
                    return "groups/" + name;
                case "ipsets":
                    _cluster.IpSets[name] = _cluster.IpSets[id].Copy();
                    return "ipsets/" + name;
                case "zones" or "vnets" or "subnets":
                    Store(collection, name, (JsonObject)_config[collection][id].DeepClone());
                    _running[collection][name] = (JsonObject)_config[collection][name].DeepClone();
                    return $"{collection}/{name}";
                case "volumes":
                    var volume = _volumes.Values.First(v => v.Id == id);
                    return "volumes/" + Allocate(volume.Storage, volume.Node ?? _nodes[0].Name, name, volume.Content, volume.Format, volume.Size, volume.Vmid, volume.Data).Id;
                default:
                    throw new ArgumentException($"{collection} can't be copied.", nameof(path));
            }
        }
    }

    /// <summary>Moves a machine and its disks to another node.</summary>
    public void Migrate(int vmid, string node)
    {
        lock (_gate)
            Move(_machines[vmid], node);
    }

    /// <summary>Switches a machine on or off, as a person would or the guest itself.</summary>
    public void SetPower(int vmid, bool running)
    {
        lock (_gate)
        {
            var machine = _machines[vmid];
            if (!running)
                PowerOff(machine);
            else if (!machine.Running)
                PowerOn(machine);
        }
    }

    /// <summary>Puts a lock on a machine (<c>backup</c>, <c>migrate</c>), or takes it off.</summary>
    public void SetLock(int vmid, string? reason)
    {
        lock (_gate)
            _machines[vmid].Lock = reason;
    }

    /// <summary>Whether a guest's agent answers; null: by the knobs. <paramref name="interfaces"/> as <c>network-get-interfaces</c> shows them; null: by its settings.</summary>
    public void SetAgent(int vmid, bool? answers, JsonArray? interfaces = null)
    {
        lock (_gate)
        {
            _machines[vmid].Guest.Answers = answers;
            _machines[vmid].Guest.Interfaces = interfaces ?? _machines[vmid].Guest.Interfaces;
        }
    }

    /// <summary>Puts a file into a guest; null takes it away.</summary>
    public void SetGuestFile(int vmid, string path, byte[]? content)
    {
        lock (_gate)
        {
            if (content is null)
                _machines[vmid].Guest.Files.Remove(path);
            else
                _machines[vmid].Guest.Files[path] = content;
        }
    }

    /// <summary>Files that were written into a guest.</summary>
    public IReadOnlyDictionary<string, byte[]> GuestFiles(int vmid)
    {
        lock (_gate)
            return new Dictionary<string, byte[]>(_machines[vmid].Guest.Files, StringComparer.Ordinal);
    }

    /// <summary>What was uploaded as a volume; null where there is none.</summary>
    public byte[]? VolumeData(string volume)
    {
        lock (_gate)
            return _volumes.Values.FirstOrDefault(v => v.Id == volume)?.Data;
    }

    /// <summary>Switches the data centre's firewall on or off: when it is off, no rule of any machine filters anything. It is on from the beginning.</summary>
    public void SetClusterFirewall(bool on)
    {
        lock (_gate)
            _cluster.Options["enable"] = on ? "1" : "0";
    }

    /// <summary>A call as root, past credentials, knobs of refusal and the list of calls: what other people do. Ends its tasks at once; fails where the platform refuses.</summary>
    public JsonNode? Do(string method, string path, params ReadOnlySpan<(string Name, string Value)> parameters)
    {
        lock (_gate)
        {
            var knobs = Knobs;
            try
            {
                Knobs = new ProxmoxKnobs { Skew = knobs.Skew };
                var found = _routes.Find(method, path) ?? throw new ArgumentException($"There is no {method} {path}.", nameof(path));
                var r = new PveRequest { Method = method, Path = path, Caller = Caller.Root };
                foreach (var (name, value) in parameters)
                    r.Set(name, value);
                foreach (var (name, value) in found.Values)
                    r.Set(name, value);
                var data = found.Route.Handler(r);
                if (data?.GetValueKind() == JsonValueKind.String && data.ToString() is { } upid && _tasks.Find(t => t.Upid == upid) is { Exit: { } exit } && exit != "OK")
                    throw new InvalidOperationException($"{method} {path}: {exit}");
                return data;
            }
            catch (PveError e)
            {
                throw new InvalidOperationException($"{method} {path}: {e.Status} {e.Message} {string.Join(' ', e.Errors)}", e);
            }
            finally
            {
                Knobs = knobs;
            }
        }
    }

    private static (string Collection, string Id) Split(string path) => path.IndexOf('/', StringComparison.Ordinal) is > 0 and var slash ? (path[..slash], path[(slash + 1)..]) : ("", path);

    private static JsonObject BodyOf(Group group)
    {
        var body = new JsonObject { ["rules"] = new JsonArray([.. group.Rules.Select(r => r.DeepClone())]) };
        return Described(body, group.Comment);
    }

    private static JsonObject BodyOf(IpSet set) => Described(new JsonObject { ["cidrs"] = new JsonArray([.. set.Entries.Values.Select(e => e.DeepClone())]) }, set.Comment);

    private void Take(IpSet set, JsonObject body)
    {
        set.Comment = body["comment"]?.ToString();
        set.Entries.Clear();
        foreach (var entry in body["cidrs"]!.AsArray())
            set.Entries[entry!["cidr"]!.ToString()] = (JsonObject)entry.DeepClone();
        set.Revision = Touched();
    }

    private static JsonObject BodyOf(Machine machine)
    {
        var firewall = new JsonObject
        {
            ["options"] = new JsonObject(machine.Firewall.Options.Select(o => KeyValuePair.Create(o.Key, (JsonNode?)o.Value))),
            ["rules"] = new JsonArray([.. machine.Firewall.Rules.Select(r => r.DeepClone())]),
            ["ipset"] = new JsonObject(machine.Firewall.IpSets.Select(s => KeyValuePair.Create(s.Key, (JsonNode?)BodyOf(s.Value)))),
        };
        var body = new JsonObject
        {
            ["node"] = machine.Node,
            ["status"] = machine.Running ? "running" : "stopped",
            ["config"] = new JsonObject(machine.Config.Select(c => KeyValuePair.Create(c.Key, (JsonNode?)c.Value))),
            ["firewall"] = firewall,
        };
        if (machine.Pool is { } pool)
            body["pool"] = pool;
        return body;
    }

    /// <summary>Takes settings, pool and firewall over from a body; node and power have hands of their own.</summary>
    private void Take(Machine machine, JsonObject body)
    {
        machine.Pool = body["pool"]?.ToString();
        machine.Config.Clear();
        foreach (var (key, value) in body["config"]!.AsObject())
            machine.Config[key] = value!.ToString();
        // A disk that a person resized is larger where it lies too.
        foreach (var disk in machine.Disks)
            if (IsImage(machine.Config[disk]) && VolumeOf(machine.Config[disk], machine.Node) is { } volume && PropertyText.Find(machine.Config[disk], "size", "file") is { } size)
                volume.Size = PropertyText.Bytes(size);
        machine.Firewall.Options.Clear();
        foreach (var (key, value) in body["firewall"]!["options"]!.AsObject())
            machine.Firewall.Options[key] = value!.ToString();
        machine.Firewall.Rules.Clear();
        machine.Firewall.Rules.AddRange(body["firewall"]!["rules"]!.AsArray().Select(r => (JsonObject)r!.DeepClone()));
        foreach (var (name, set) in body["firewall"]!["ipset"]!.AsObject())
        {
            if (!machine.Firewall.IpSets.TryGetValue(name, out var there))
                machine.Firewall.IpSets[name] = there = new IpSet();
            Take(there, (JsonObject)set!);
        }

        machine.Revision = Touched();
    }

    private void Furnish()
    {
        for (var i = 1; i <= 3; i++)
            _nodes.Add(new Node("pve" + i.ToString(CultureInfo.InvariantCulture), i, 16, 64 * GiB) { Up = _time.GetUtcNow().AddDays(-10) });
        _storages["local"] = new Storage("local", "dir", Shared: false, ["backup", "import", "iso", "snippets", "vztmpl"], 96 * GiB);
        _storages["local-lvm"] = new Storage("local-lvm", "lvmthin", Shared: false, ["images", "rootdir"], 500 * GiB);
        _storages["ceph"] = new Storage("ceph", "rbd", Shared: true, ["images", "rootdir"], 4000 * GiB);
        _storages["shared"] = new Storage("shared", "cephfs", Shared: true, ["import", "iso", "snippets", "vztmpl"], 1000 * GiB);
        _cluster.Options["enable"] = "1";
        foreach (var (zone, type) in ((string, string)[])[("lab", "simple"), ("vxlan1", "vxlan")])
        {
            var body = new JsonObject { ["type"] = type, ["ipam"] = "pve" };
            if (type == "vxlan")
                body["peers"] = "192.0.2.11,192.0.2.12,192.0.2.13";
            Store("zones", zone, body);
            _running["zones"][zone] = (JsonObject)body.DeepClone();
        }

        AddTemplate(9000, "ubuntu-2204", "ceph");
        AddTemplate(9001, "ubuntu-2404-podman", "ceph");
        AddTemplate(9002, "debian-12-local", "local-lvm");
    }

    /// <summary>A template on the first node: two cores, 2 GiB, a disk of 3 GiB, an agent, tagged with its name.</summary>
    private void AddTemplate(int id, string name, string storage)
    {
        var node = _nodes[0].Name;
        var machine = new Machine { Id = id, Node = node, Made = _time.GetUtcNow(), ListedFrom = DateTimeOffset.MinValue, NamedFrom = DateTimeOffset.MinValue, Revision = Touched() };
        var image = Allocate(_storages[storage], node, FormattableString.Invariant($"base-{id}-disk-0"), "images", "raw", 3 * GiB, id, Encoding.UTF8.GetBytes("image"));
        foreach (var (key, value) in ((string, string)[])
        [
            ("name", name), ("tags", "template;" + name), ("cores", "2"), ("memory", "2048"), ("scsihw", "virtio-scsi-single"), ("boot", "order=scsi0"), ("agent", "enabled=1"),
            ("ostype", "l26"), ("serial0", "socket"), ("net0", $"virtio={NewMac()},bridge=vmbr0"), ("scsi0", image.Id + ",size=3G"), ("template", "1"),
        ])
            machine.Config[key] = value;
        _machines[id] = machine;
    }
}
