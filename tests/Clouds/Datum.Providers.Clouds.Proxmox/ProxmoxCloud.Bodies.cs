using System.Globalization;
using System.Text;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>What stands there from the beginning, and how things look to tests.</summary>
public sealed partial class ProxmoxCloud
{
    private static JsonObject BodyOf(Group group)
    {
        var body = new JsonObject { ["rules"] = new JsonArray([.. group.Rules.Select(r => r.DeepClone())]) };
        return Described(body, group.Comment);
    }

    private static JsonObject BodyOf(IpSet set) => Described(new JsonObject { ["cidrs"] = new JsonArray([.. set.Entries.Values.Select(e => e.DeepClone())]) }, set.Comment);

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

    private void Take(IpSet set, JsonObject body)
    {
        set.Comment = body["comment"]?.ToString();
        set.Entries.Clear();
        foreach (var entry in body["cidrs"]!.AsArray())
            set.Entries[entry!["cidr"]!.ToString()] = (JsonObject)entry.DeepClone();
        set.Revision = Touched();
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

        AddTemplate(9000, "ubuntu-2204-lts", "ceph", "ubuntu-2204-lts");
        AddTemplate(9001, "ubuntu-2404-podman", "ceph", "datum-sandbox", "ubuntu-2404-lts");
        AddTemplate(9002, "debian-12-local", "local-lvm", "debian-12");
    }

    /// <summary>A template on the first node: two cores, 2 GiB, a disk of 3 GiB, an agent, and tags.</summary>
    private void AddTemplate(int id, string name, string storage, params IEnumerable<string> tags)
    {
        var node = _nodes[0].Name;
        var machine = new Machine { Id = id, Node = node, Made = _time.GetUtcNow(), ListedFrom = DateTimeOffset.MinValue, NamedFrom = DateTimeOffset.MinValue, Revision = Touched() };
        var image = Allocate(_storages[storage], node, FormattableString.Invariant($"base-{id}-disk-0"), "images", "raw", 3 * GiB, id, Encoding.UTF8.GetBytes("image"));
        foreach (var (key, value) in ((string, string)[])
        [
            ("name", name), ("tags", string.Join(';', [.. tags, "template"])), ("cores", "2"), ("memory", "2048"), ("scsihw", "virtio-scsi-single"), ("boot", "order=scsi0"), ("agent", "enabled=1"),
            ("ostype", "l26"), ("serial0", "socket"), ("net0", $"virtio={NewMac()},bridge=vmbr0"), ("scsi0", image.Id + ",size=3G"), ("template", "1"),
        ])
            machine.Config[key] = value;
        _machines[id] = machine;
    }
}
