using System.Net;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>Software-defined networks: what is written down, what runs, and the apply between them.</summary>
public sealed partial class ProxmoxCloud
{
    private static readonly string[] NoSdnFields = ["lock-token", "digest", "delete", "vnet", "zone", "subnet", "type"];
    private readonly Dictionary<string, SortedDictionary<string, JsonObject>> _config = Empty();
    private Dictionary<string, SortedDictionary<string, JsonObject>> _running = Empty();
    private readonly Dictionary<(string Collection, string Id), int> _sdnRevisions = [];
    private string? _sdnLock;

    private static Dictionary<string, SortedDictionary<string, JsonObject>> Empty() => new(StringComparer.Ordinal)
    {
        ["zones"] = new(StringComparer.Ordinal),
        ["vnets"] = new(StringComparer.Ordinal),
        ["subnets"] = new(StringComparer.Ordinal),
    };

    private void AddSdnRoutes()
    {
        const string sdn = "/cluster/sdn";
        _routes.Add("GET", sdn, null, _ => new JsonArray([.. ((string[])["vnets", "zones", "controllers", "ipams", "dns", "fabrics"]).Select(n => (JsonNode)new JsonObject { ["id"] = n })]));
        _routes.Add("PUT", sdn, "/sdn SDN.Allocate", ApplySdn);
        _routes.Add("POST", sdn + "/lock", "/sdn SDN.Allocate", LockSdn, since9: true);
        _routes.Add("DELETE", sdn + "/lock", "/sdn SDN.Allocate", ReleaseSdn, since9: true);
        _routes.Add("POST", sdn + "/rollback", "/sdn SDN.Allocate", RollBackSdn, since9: true);
        _routes.Add("GET", sdn + "/zones", null, r => ListSdn(r, "zones", (id, _) => Sees(r, "/sdn/zones/" + id) && (r.Find("type") is not { } type || ZoneType(id) == type)));
        _routes.Add("POST", sdn + "/zones", "/sdn/zones SDN.Allocate", MakeZone);
        _routes.Add("GET", sdn + "/zones/{zone}", "/sdn/zones/{zone} SDN.Allocate", r => ShowSdn(r, "zones", r.Text("zone")));
        _routes.Add("PUT", sdn + "/zones/{zone}", "/sdn/zones/{zone} SDN.Allocate", r => ChangeSdn(r, "zones", r.Text("zone"), "update sdn zone object failed"));
        _routes.Add("DELETE", sdn + "/zones/{zone}", "/sdn/zones/{zone} SDN.Allocate", DropZone);
        _routes.Add("GET", sdn + "/vnets", null, r => ListSdn(r, "vnets", (id, body) => Sees(r, $"/sdn/zones/{ZoneOf(body)}/{id}")));
        _routes.Add("POST", sdn + "/vnets", "/sdn/zones/{zone} SDN.Allocate", MakeVnet);
        _routes.Add("GET", sdn + "/vnets/{vnet}", null, r => { DemandVnet(r, "SDN.Audit|SDN.Allocate"); return ShowSdn(r, "vnets", r.Text("vnet")); });
        _routes.Add("PUT", sdn + "/vnets/{vnet}", null, r => { DemandVnet(r, "SDN.Allocate"); return ChangeSdn(r, "vnets", r.Text("vnet"), "update sdn vnet object failed"); });
        _routes.Add("DELETE", sdn + "/vnets/{vnet}", null, DropVnet);
        _routes.Add("GET", sdn + "/vnets/{vnet}/subnets", null, r => { DemandVnet(r, "SDN.Audit|SDN.Allocate"); return ListSdn(r, "subnets", (_, body) => (body["vnet"] ?? body["pending"]?["vnet"])?.ToString() == r.Text("vnet")); });
        _routes.Add("POST", sdn + "/vnets/{vnet}/subnets", null, MakeSubnet);
        _routes.Add("GET", sdn + "/vnets/{vnet}/subnets/{subnet}", null, r => { DemandVnet(r, "SDN.Audit|SDN.Allocate"); return ShowSdn(r, "subnets", r.Text("subnet")); });
        _routes.Add("PUT", sdn + "/vnets/{vnet}/subnets/{subnet}", null, r => { DemandVnet(r, "SDN.Allocate"); return ChangeSdn(r, "subnets", r.Text("subnet"), "update sdn subnet object failed"); });
        _routes.Add("DELETE", sdn + "/vnets/{vnet}/subnets/{subnet}", null, r =>
        {
            DemandVnet(r, "SDN.Allocate");
            Locked(r, "delete sdn subnet object failed", () => _config["subnets"].Remove(r.Text("subnet")));
            return null;
        });
        _routes.Add("GET", sdn + "/ipams", null, _ => new JsonArray(new JsonObject { ["ipam"] = "pve", ["type"] = "pve" }));
        _routes.Add("GET", sdn + "/ipams/{ipam}/status", null, ShowIpam);
        _routes.Add("GET", "/nodes/{node}/sdn/zones", null, r => new JsonArray([.. _running["zones"].Keys.Select(z => (JsonNode)new JsonObject { ["zone"] = z, ["status"] = "available" })]));
        _routes.Add("GET", "/nodes/{node}/sdn/zones/{zone}/content", null, r => new JsonArray([.. _running["vnets"].Where(v => ZoneOf(v.Value) == r.Text("zone")).Select(v => (JsonNode)new JsonObject { ["vnet"] = v.Key, ["status"] = "available" })]));
    }

    private bool Sees(PveRequest r, string path) => Has(r.Caller, path, "SDN.Audit") || Has(r.Caller, path, "SDN.Allocate");

    private static string? ZoneOf(JsonObject vnet) => (vnet["zone"] ?? vnet["pending"]?["zone"])?.ToString();

    private string? ZoneType(string id) => (_config["zones"].GetValueOrDefault(id) ?? _running["zones"].GetValueOrDefault(id))?["type"]?.ToString();

    /// <summary>The vnet of the path must be there, and the caller must have a privilege for it.</summary>
    private void DemandVnet(PveRequest r, string privileges)
    {
        var id = r.Text("vnet");
        var vnet = _config["vnets"].GetValueOrDefault(id) ?? throw PveError.Failed($"sdn '{id}' does not exist");
        DemandAny(r.Caller, $"/sdn/zones/{vnet["zone"]}/{id}", privileges);
    }

    /// <summary>Does something with the configuration under its lock; what is refused in there is 500 with the words before it.</summary>
    private void Locked(PveRequest r, string failure, Action work)
    {
        if (_sdnLock is { } token && r.Find("lock-token") != token)
            throw PveError.Failed($"{failure}: invalid lock token provided! at /usr/share/perl5/PVE/Network/SDN.pm line 305.");
        try
        {
            work();
        }
        catch (PveError e) when (e.Status == 400)
        {
            throw PveError.Failed($"{failure}: 400 {e.Message}\n{string.Concat(e.Errors.Select(x => $"{x.Key}: {x.Value}\n"))}");
        }
        catch (PveError e)
        {
            throw PveError.Failed($"{failure}: {e.Message}");
        }
    }

    private static string KeyOf(string collection) => collection[..^1];

    private JsonObject Named(string collection, string id, JsonObject body)
    {
        var shown = (JsonObject)body.DeepClone();
        shown[KeyOf(collection)] = id;
        shown["type"] ??= KeyOf(collection);
        if (!shown.ContainsKey("state"))
            shown["digest"] = Digest(string.Join(';', _config[collection].Select(c => c.Key + c.Value.ToJsonString())));
        if (collection == "subnets" && shown["cidr"] is null && id.Split('-') is [_, var address, var prefix])
            shown["cidr"] = $"{address}/{prefix}";
        return shown;
    }

    private Dictionary<string, JsonObject> View(PveRequest r, string collection) => r.Flag("pending") ? PendingView(collection)
        : (r.Flag("running") ? _running : _config)[collection].ToDictionary(p => p.Key, p => p.Value, StringComparer.Ordinal);

    private JsonNode ListSdn(PveRequest r, string collection, Func<string, JsonObject, bool> wanted) =>
        new JsonArray([.. View(r, collection).Where(p => wanted(p.Key, p.Value)).OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => (JsonNode)Named(collection, p.Key, p.Value))]);

    private JsonNode ShowSdn(PveRequest r, string collection, string id) =>
        View(r, collection).TryGetValue(id, out var body) ? Named(collection, id, body) : throw PveError.Failed($"sdn '{id}' does not exist");

    /// <summary>What runs, with what is written down and doesn't yet under <c>pending</c>.</summary>
    private Dictionary<string, JsonObject> PendingView(string collection)
    {
        var view = new Dictionary<string, JsonObject>(StringComparer.Ordinal);
        foreach (var id in _running[collection].Keys.Union(_config[collection].Keys))
        {
            var running = _running[collection].GetValueOrDefault(id);
            var written = _config[collection].GetValueOrDefault(id);
            var shown = running is null ? [] : (JsonObject)running.DeepClone();
            var pending = new JsonObject();
            string? state = running is null ? "new" : written is null ? "deleted" : null;
            foreach (var (key, value) in written ?? [])
            {
                if (key is "type" or "vnet")
                    shown[key] = value!.DeepClone();
                if (key != "type" && (running is null || !JsonNode.DeepEquals(running[key], value)))
                {
                    if (key != "vnet")
                        pending[key] = value!.DeepClone();
                    state ??= "changed";
                }
            }

            foreach (var (key, _) in running ?? [])
                if (written is not null && !written.ContainsKey(key))
                {
                    pending[key] = "deleted";
                    state ??= "changed";
                }

            if (state is not null)
            {
                shown["state"] = state;
                shown["pending"] = pending;
            }

            view[id] = shown;
        }

        return view;
    }

    private JsonNode? MakeZone(PveRequest r)
    {
        var id = r.Text("zone");
        Locked(r, "create sdn zone object failed", () =>
        {
            if (_config["zones"].ContainsKey(id))
                throw PveError.Failed($"sdn zone object ID '{id}' already defined");
            var body = new JsonObject { ["type"] = r.Text("type") };
            TakeSdn(body, r, ["zone"]);
            Store("zones", id, body);
        });
        return null;
    }

    private JsonNode? DropZone(PveRequest r)
    {
        var id = r.Text("zone");
        Locked(r, "delete sdn zone object failed", () =>
        {
            if (!_config["zones"].ContainsKey(id))
                throw PveError.Failed($"sdn '{id}' does not exist");
            if (_config["vnets"].FirstOrDefault(v => v.Value["zone"]?.ToString() == id).Key is { } vnet)
                throw PveError.Failed($"zone {id} is used by vnet {vnet}");
            _config["zones"].Remove(id);
        });
        return null;
    }

    private JsonNode? MakeVnet(PveRequest r)
    {
        var (id, zone) = (r.Text("vnet"), r.Text("zone"));
        Locked(r, "create sdn vnet object failed", () =>
        {
            if (_config["vnets"].ContainsKey(id))
                throw PveError.Failed($"sdn vnet object ID '{id}' already defined");
            if (ZoneType(zone) is not { } type)
                throw PveError.Failed($"zone {zone} does not exist");
            var body = new JsonObject { ["type"] = "vnet", ["zone"] = zone };
            TakeSdn(body, r, []);
            CheckTag(id, zone, type, body);
            Store("vnets", id, body);
        });
        return null;
    }

    private void CheckTag(string id, string zone, string type, JsonObject body)
    {
        if (type == "simple")
        {
            if (body["tag"] is not null)
                throw PveError.Parameter("tag", "vlan tag is not allowed on simple zone");
            return;
        }

        if (body["tag"] is not { } tag)
            throw PveError.Parameter("tag", type == "vlan" ? "missing vlan tag" : "missing vxlan tag");
        if (type == "vlan" && NumberOf(tag) > 4096)
            throw PveError.Parameter("tag", "vlan tag max value is 4096");
        if (_config["vnets"].FirstOrDefault(v => v.Key != id && v.Value["zone"]!.ToString() == zone && NumberOf(v.Value["tag"]) == NumberOf(tag)).Key is { } other)
            throw PveError.Parameter("tag", $"tag {tag} already exist in vnet {other} in zone {zone}");
    }

    private static long? NumberOf(JsonNode? node) => node is null ? null : long.Parse(node.ToString(), System.Globalization.CultureInfo.InvariantCulture);

    private JsonNode? DropVnet(PveRequest r)
    {
        var id = r.Text("vnet");
        DemandVnet(r, "SDN.Allocate");
        // Machines that use it don't hold it.
        Locked(r, "delete sdn vnet object failed", () =>
        {
            if (_config["subnets"].Values.Any(s => s["vnet"]!.ToString() == id))
                throw PveError.Parameter("vnet", "Can't delete vnet if subnets exists");
            _config["vnets"].Remove(id);
        });
        return null;
    }

    private JsonNode? MakeSubnet(PveRequest r)
    {
        var (cidr, vnet) = (r.Text("subnet"), r.Text("vnet"));
        DemandVnet(r, "SDN.Allocate");
        Locked(r, "create sdn subnet object failed", () =>
        {
            var zone = _config["vnets"][vnet]["zone"]!.ToString();
            var id = $"{zone}-{cidr.Replace('/', '-')}";
            if (_config["subnets"].ContainsKey(id))
                throw PveError.Failed($"sdn subnet object ID '{id}' already defined");
            if (PveRequest.IsTrue(_config["vnets"][vnet]["vlanaware"]?.ToString() ?? "0"))
                throw PveError.Parameter("vnet", "you can't add a subnet on a vlanaware vnet");
            if (!IPNetwork.TryParse(cidr, out var network))
                throw PveError.Parameter("subnet", "value does not look like a valid CIDR network");
            if (r.Find("gateway") is { } gateway && !(IPAddress.TryParse(gateway, out var address) && network.Contains(address)))
                throw PveError.Parameter("gateway", $"{gateway} is not in subnet {cidr}");
            var body = new JsonObject { ["type"] = "subnet", ["vnet"] = vnet };
            TakeSdn(body, r, []);
            Store("subnets", id, body);
        });
        return null;
    }

    private JsonNode? ChangeSdn(PveRequest r, string collection, string id, string failure)
    {
        Locked(r, failure, () =>
        {
            if (!_config[collection].TryGetValue(id, out var old))
                throw PveError.Failed($"sdn '{id}' does not exist");
            CheckDigest(r, Named(collection, id, old)["digest"]!.ToString());
            var body = (JsonObject)old.DeepClone();
            foreach (var name in PveRequest.Split(r.Find("delete")))
                body.Remove(name);
            TakeSdn(body, r, []);
            if (collection == "vnets")
            {
                if (r.Find("zone") is { } zone && zone != old["zone"]!.ToString())
                {
                    if (_config["subnets"].Values.Any(s => s["vnet"]!.ToString() == id))
                        throw PveError.Parameter("zone", "can't change zone if subnets exist");
                    body["zone"] = zone;
                }

                CheckTag(id, body["zone"]!.ToString(), ZoneType(body["zone"]!.ToString()) ?? throw PveError.Failed($"zone {body["zone"]} does not exist"), body);
            }

            Store(collection, id, body);
        });
        return null;
    }

    private void Store(string collection, string id, JsonObject body)
    {
        _config[collection][id] = body;
        _sdnRevisions[(collection, id)] = Touched();
    }

    private static void TakeSdn(JsonObject body, PveRequest r, ReadOnlySpan<string> without)
    {
        foreach (var name in r.Names)
        {
            if (NoSdnFields.Contains(name) || without.Contains(name))
                continue;
            if (name == "dhcp-range")
                body[name] = new JsonArray([.. r.All(name).Select(range => (JsonNode)new JsonObject(PropertyText.Read(range, "start-address").Select(p => KeyValuePair.Create(p.Key, (JsonNode?)p.Value))))]);
            else if (name is "tag" or "mtu" or "vrf-vxlan" or "vxlan-port")
                body[name] = r.Number(name);
            else if (name is "snat" or "vlanaware" or "isolate-ports" or "advertise-subnets" or "exitnodes-local-routing" or "disable-arp-nd-suppression" or "bridge-disable-mac-learning")
                body[name] = r.Flag(name) ? 1 : 0;
            else
                body[name] = r.Text(name);
        }
    }
}
