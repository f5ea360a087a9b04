using System.Globalization;

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
}
