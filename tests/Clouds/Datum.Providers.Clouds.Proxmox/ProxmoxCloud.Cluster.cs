using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>Version, nodes, the one list of everything, ids, pools.</summary>
public sealed partial class ProxmoxCloud
{
    private const long GiB = 1L << 30;
    private readonly List<Node> _nodes = [];
    private readonly SortedDictionary<string, JsonObject> _pools = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _options = new(StringComparer.Ordinal) { ["keyboard"] = "en-us" };

    private void AddClusterRoutes()
    {
        _routes.Add("GET", "/version", null, _ => Version(withConsole: true));
        _routes.Add("GET", "/nodes", null, ListNodes);
        _routes.Add("GET", "/nodes/{node}", null, _ => Index("qemu", "storage", "tasks", "status", "network", "sdn", "version"));
        _routes.Add("GET", "/nodes/{node}/version", null, _ => Version(withConsole: false));
        _routes.Add("GET", "/nodes/{node}/status", "/nodes/{node} Sys.Audit", ShowNode);
        _routes.Add("GET", "/nodes/{node}/network", null, ListBridges);
        _routes.Add("GET", "/cluster/status", "/ Sys.Audit", ClusterStatus);
        _routes.Add("GET", "/cluster/resources", null, ListResources);
        _routes.Add("GET", "/cluster/nextid", null, NextId);
        _routes.Add("GET", "/cluster/options", null, _ => new JsonObject(_options.Select(o => KeyValuePair.Create(o.Key, (JsonNode?)o.Value))));
        _routes.Add("PUT", "/cluster/options", "/ Sys.Modify", r => Change(_options, r, ["delete"]));
        _routes.Add("GET", "/pools", null, r => r.Find("poolid") is { } one ? new JsonArray(PoolBody(one, withMembers: true)) : new JsonArray([.. _pools.Keys.Where(p => SeesPool(r, p)).Select(p => (JsonNode)PoolBody(p, withMembers: false))]));
        _routes.Add("POST", "/pools", "/pool/{poolid} Pool.Allocate", MakePool);
        _routes.Add("PUT", "/pools", "/pool/{poolid} Pool.Allocate", ChangePool);
        _routes.Add("DELETE", "/pools", "/pool/{poolid} Pool.Allocate", DropPool);
        _routes.Add("GET", "/pools/{poolid}", "/pool/{poolid} Pool.Audit", r => { var body = PoolBody(r.Text("poolid"), withMembers: true); body.Remove("poolid"); return body; });
        _routes.Add("PUT", "/pools/{poolid}", "/pool/{poolid} Pool.Allocate", ChangePool);
        _routes.Add("DELETE", "/pools/{poolid}", "/pool/{poolid} Pool.Allocate", DropPool);
    }

    private JsonNode Version(bool withConsole)
    {
        var shown = new JsonObject { ["release"] = Release, ["version"] = Is9 ? Release + ".1" : Release + ".5", ["repoid"] = Is9 ? "a1b2c3d4e5f60718" : "b1c2d3e4f5061728" };
        if (withConsole)
            shown["console"] = "html5";
        return shown;
    }

    private JsonNode ListNodes(PveRequest r)
    {
        var list = new JsonArray();
        foreach (var node in _nodes)
            list.Add(NodeBody(node, r, fingerprint: true));
        return list;
    }

    /// <summary>What a node's certificate hashes to: other for every cluster.</summary>
    private string FingerprintOf(Node node) => string.Join(':', Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(ClusterName + "/" + node.Name))).Chunk(2).Select(c => new string(c)));

    private JsonObject NodeBody(Node node, PveRequest r, bool fingerprint)
    {
        var online = !Knobs.OfflineNodes.Contains(node.Name);
        var shown = new JsonObject { ["id"] = "node/" + node.Name, ["node"] = node.Name, ["type"] = "node", ["status"] = online ? "online" : "offline", ["level"] = "" };
        if (fingerprint)
            shown["ssl_fingerprint"] = FingerprintOf(node);
        if (!online || !Has(r.Caller, "/nodes/" + node.Name, "Sys.Audit"))
            return shown;
        var running = _machines.Values.Where(m => m.Node == node.Name && m.Running).ToList();
        shown["cpu"] = Math.Round(Math.Min(1.0, 0.01 + running.Sum(Cores) * 0.05 / node.Cpus), 4);
        shown["maxcpu"] = node.Cpus;
        shown["mem"] = Knobs.FullNodes.Contains(node.Name) ? node.Memory - (64L << 20) : Math.Min(node.Memory, 2 * GiB + running.Sum(MemoryOf));
        shown["maxmem"] = node.Memory;
        shown["disk"] = 4 * GiB;
        shown["maxdisk"] = 96 * GiB;
        shown["uptime"] = (long)(Now - node.Up).TotalSeconds;
        return shown;
    }

    private JsonNode ShowNode(PveRequest r)
    {
        var node = _nodes.Find(n => n.Name == r.Text("node"))!;
        var body = NodeBody(node, r, fingerprint: false);
        var used = body["mem"]!.GetValue<long>();
        var shown = new JsonObject
        {
            ["boot-info"] = new JsonObject { ["mode"] = "efi", ["secureboot"] = 0 },
            ["cpu"] = body["cpu"]!.DeepClone(),
            ["cpuinfo"] = new JsonObject { ["cores"] = node.Cpus / 2, ["cpus"] = node.Cpus, ["model"] = "Double", ["sockets"] = 1 },
            ["current-kernel"] = new JsonObject { ["machine"] = "x86_64", ["release"] = "6.14.8-2-pve", ["sysname"] = "Linux", ["version"] = "#1 SMP" },
            ["loadavg"] = new JsonArray("0.10", "0.12", "0.09"),
            ["memory"] = new JsonObject { ["total"] = node.Memory, ["used"] = used, ["free"] = node.Memory - used },
            ["pveversion"] = "pve-manager/" + Version(withConsole: false)["version"],
            ["rootfs"] = new JsonObject { ["total"] = 96 * GiB, ["used"] = 4 * GiB, ["free"] = 92 * GiB, ["avail"] = 92 * GiB },
            ["uptime"] = body["uptime"]!.DeepClone(),
        };
        if (Is9)
            shown["memory"]!["available"] = node.Memory - used;
        return shown;
    }

    private JsonNode ClusterStatus(PveRequest r)
    {
        var list = new JsonArray(new JsonObject
        {
            ["id"] = "cluster",
            ["name"] = ClusterName,
            ["type"] = "cluster",
            ["nodes"] = _nodes.Count,
            ["quorate"] = Knobs.NoQuorum ? 0 : 1,
            ["version"] = _nodes.Count,
        });
        foreach (var node in _nodes)
            list.Add(new JsonObject
            {
                ["id"] = "node/" + node.Name,
                ["name"] = node.Name,
                ["type"] = "node",
                ["nodeid"] = node.Number,
                ["ip"] = string.Create(CultureInfo.InvariantCulture, $"192.0.2.{node.Number + 10}"),
                ["level"] = "",
                ["local"] = node.Number == 1 ? 1 : 0,
                ["online"] = Knobs.OfflineNodes.Contains(node.Name) ? 0 : 1,
            });
        return list;
    }

    private JsonNode ListResources(PveRequest r)
    {
        var type = r.Find("type");
        var list = new JsonArray();
        if (type is null or "vm")
        {
            foreach (var machine in _machines.Values.Where(m => m.ListedFrom <= Now && !Knobs.Hidden.Contains(m.Id) && Has(r.Caller, "/vms/" + m.Id, "VM.Audit")))
                list.Add(MachineRow(machine));
            foreach (var (row, id, _) in _gone)
                if (!_machines.ContainsKey(id) && Has(r.Caller, "/vms/" + id, "VM.Audit"))
                    list.Add(row.DeepClone());
        }

        if (type is null or "storage")
            foreach (var node in _nodes)
                foreach (var storage in _storages.Values.Where(s => Has(r.Caller, "/storage/" + s.Id, "Datastore.Audit")))
                    list.Add(StorageRow(storage, node));
        if (type is null or "node")
            foreach (var node in _nodes)
                list.Add(NodeBody(node, r, fingerprint: false));
        if (type is null)
            foreach (var pool in _pools.Keys.Where(p => SeesPool(r, p)))
                list.Add(new JsonObject { ["id"] = "/pool/" + pool, ["type"] = "pool", ["pool"] = pool });
        if (type is null or "sdn")
            foreach (var node in _nodes)
                foreach (var zone in _running["zones"].Keys.Append("localnetwork").Where(z => Has(r.Caller, "/sdn/zones/" + z, "SDN.Audit")))
                    list.Add(Is9
                        ? new JsonObject { ["id"] = $"network/{node.Name}/zone/{zone}", ["type"] = "network", ["network"] = zone, ["network-type"] = "zone", ["node"] = node.Name, ["status"] = "ok" }
                        : new JsonObject { ["id"] = $"sdn/{node.Name}/{zone}", ["type"] = "sdn", ["sdn"] = zone, ["node"] = node.Name, ["status"] = "ok" });
        return list;
    }

    private JsonObject MachineRow(Machine machine)
    {
        var online = !Knobs.OfflineNodes.Contains(machine.Node);
        var running = Now < machine.PowerChanged + Knobs.ListLag ? !machine.Running : machine.Running;
        var row = new JsonObject
        {
            ["id"] = "qemu/" + machine.Id,
            ["type"] = "qemu",
            ["vmid"] = machine.Id,
            ["node"] = machine.Node,
            ["status"] = !online ? "unknown" : running ? "running" : "stopped",
            ["template"] = machine.IsTemplate ? 1 : 0,
        };
        // Tags and locks stand in the configuration, which every node has; names come with a node's own report, and are lost with it.
        if (machine.NamedFrom <= Now && online)
            row["name"] = machine.Config.GetValueOrDefault("name") ?? "VM " + machine.Id.ToString(CultureInfo.InvariantCulture);
        if (machine.NamedFrom <= Now && machine.Config.TryGetValue("tags", out var tags))
            row["tags"] = tags;
        if (machine.Lock is { } locked)
            row["lock"] = locked;
        if (machine.Pool is { } pool)
            row["pool"] = pool;
        if (!online)
            return row;
        foreach (var (key, value) in Statistics(machine, running))
            row[key] = value!.DeepClone();
        return row;
    }

    /// <summary>Figures of a machine, as the list and its own status show them.</summary>
    private JsonObject Statistics(Machine machine, bool running) => new()
    {
        ["cpu"] = running ? 0.02 : 0,
        ["maxcpu"] = Cores(machine),
        ["mem"] = running ? MemoryOf(machine) / 4 : 0,
        ["maxmem"] = MemoryOf(machine),
        ["disk"] = 0,
        ["maxdisk"] = machine.Disks.Select(d => PropertyText.Find(machine.Config[d], "size", "file")).Where(s => s is not null).Select(s => PropertyText.Bytes(s!)).FirstOrDefault(),
        ["diskread"] = 0,
        ["diskwrite"] = 0,
        ["netin"] = 0,
        ["netout"] = 0,
        ["uptime"] = running ? Math.Max(1, (long)(Now - machine.Started).TotalSeconds) : 0,
    };

    private static int Cores(Machine machine) => Whole(machine, "cores", 1) * Whole(machine, "sockets", 1);

    private static long MemoryOf(Machine machine) =>
        long.Parse(PropertyText.Find(machine.Config.GetValueOrDefault("memory") ?? "512", "current", "current") ?? "512", CultureInfo.InvariantCulture) << 20;

    private static int Whole(Machine machine, string key, int otherwise) => machine.Config.TryGetValue(key, out var text) ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    private JsonNode NextId(PveRequest r)
    {
        if (r.Number("vmid") is { } wanted)
            return IsTaken((int)wanted) ? throw PveError.Parameter("vmid", $"VM {wanted} already exists") : (JsonNode)wanted;
        var id = 100;
        while (IsTaken(id))
            id++;
        return id;
    }

    private bool IsTaken(int id) => _machines.ContainsKey(id);

    private JsonNode? MakePool(PveRequest r)
    {
        var id = r.Text("poolid");
        if (_pools.ContainsKey(id))
            throw PveError.Failed($"create pool failed: pool '{id}' already exists");
        _pools[id] = r.Find("comment") is { } comment ? new JsonObject { ["comment"] = comment } : [];
        return null;
    }

    private bool SeesPool(PveRequest r, string pool) => Has(r.Caller, "/pool/" + pool, "Pool.Audit");

    private JsonObject Pool(string id) => _pools.TryGetValue(id, out var pool) ? pool : throw PveError.Failed($"pool '{id}' does not exist");

    private JsonObject PoolBody(string id, bool withMembers)
    {
        var shown = (JsonObject)Pool(id).DeepClone();
        shown["poolid"] = id;
        if (withMembers)
            shown["members"] = new JsonArray([.. _machines.Values.Where(m => m.Pool == id).Select(m => (JsonNode)MachineRow(m))]);
        return shown;
    }

    private JsonNode? ChangePool(PveRequest r)
    {
        var id = r.Text("poolid");
        var pool = Pool(id);
        if (r.Find("comment") is { } comment)
            pool["comment"] = comment;
        foreach (var text in PveRequest.Split(r.Find("vms")))
        {
            var machine = MachineOf(int.Parse(text, CultureInfo.InvariantCulture));
            DemandAny(r.Caller, "/vms/" + machine.Id, "VM.Allocate");
            if (r.Flag("delete"))
                machine.Pool = machine.Pool == id ? null : throw PveError.Failed($"update pools failed: VM {machine.Id} is not a pool member");
            else if (machine.Pool is { } other && !r.Flag("allow-move"))
                throw PveError.Failed($"update pools failed: VM {machine.Id} belongs already to pool '{other}'");
            else
                machine.Pool = id;
            machine.Revision = Touched();
        }

        return null;
    }

    private JsonNode? DropPool(PveRequest r)
    {
        var id = r.Text("poolid");
        Pool(id);
        if (_machines.Values.Any(m => m.Pool == id))
            throw PveError.Failed($"delete pool failed: pool '{id}' is not empty");
        _pools.Remove(id);
        return null;
    }

    /// <summary>Options by name; <c>delete</c> takes some away.</summary>
    private static JsonNode? Change(SortedDictionary<string, string> options, PveRequest r, ReadOnlySpan<string> without)
    {
        foreach (var name in PveRequest.Split(r.Find("delete")))
            options.Remove(name);
        foreach (var name in r.Names)
            if (!without.Contains(name))
                options[name] = r.Text(name);
        return null;
    }
}
