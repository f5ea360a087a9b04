namespace Datum.Providers.Clouds.Proxmox;

/// <summary>What is written down about networks becomes what runs; the lock of that, and what nodes show of it.</summary>
public sealed partial class ProxmoxCloud
{
    /// <summary>Everything that is written down becomes what runs, whoever wrote it: on every node, one task each under one that waits for them.</summary>
    private JsonNode? ApplySdn(PveRequest r)
    {
        var kept = _sdnLock;
        if (kept is { } token && r.Find("lock-token") != token)
            throw PveError.Failed("could not apply SDN configuration: invalid lock token provided! at /usr/share/perl5/PVE/Network/SDN.pm line 305.");
        // The schema's default isn't applied: who doesn't say it keeps the lock.
        if (kept is not null && r.Flag("release-lock"))
            _sdnLock = null;
        // What is written after this moment isn't in it.
        var snapshot = Empty();
        foreach (var (collection, items) in _config)
            foreach (var (id, body) in items)
                snapshot[collection][id] = (JsonObject)body.DeepClone();
        // The platform writes the running configuration before it begins to reload: from then on nothing is pending.
        _running = snapshot;
        return Begin(r, "reloadnetworkall", "", _nodes[0].Name, task =>
        {
            foreach (var node in _nodes)
                task.Log.Add(Knobs.OfflineNodes.Contains(node.Name) ? $"unable to reload network config for '{node.Name}'" : $"{node.Name}: reloading network config");
            if (Knobs.OfflineNodes.Count > 0)
                task.Exit = $"WARNINGS: {Knobs.OfflineNodes.Count}";
        });
    }

    private JsonNode? LockSdn(PveRequest r)
    {
        if (_sdnLock is not null)
            throw PveError.Failed("could not acquire lock for SDN config: invalid lock token provided! at /usr/share/perl5/PVE/Network/SDN.pm line 305.");
        if (!r.Flag("allow-pending") && _config.Keys.Any(c => PendingView(c).Values.Any(v => v.ContainsKey("state"))))
            throw PveError.Failed("cannot lock SDN configuration: pending changes exist");
        return _sdnLock = Guid.NewGuid().ToString("D");
    }

    private JsonNode? ReleaseSdn(PveRequest r)
    {
        if (_sdnLock is { } token && !r.Flag("force") && r.Find("lock-token") != token)
            throw PveError.Failed("invalid lock token provided! at /usr/share/perl5/PVE/Network/SDN.pm line 305.");
        _sdnLock = null;
        return null;
    }

    private JsonNode? RollBackSdn(PveRequest r)
    {
        Locked(r, "rollback failed", () =>
        {
            foreach (var (collection, items) in _config)
            {
                items.Clear();
                foreach (var (id, body) in _running[collection])
                    items[id] = (JsonObject)body.DeepClone();
            }
        });
        if (r.Flag("release-lock"))
            _sdnLock = null;
        return null;
    }

    /// <summary>Gateways of the subnets, and the addresses that machines' settings give them.</summary>
    private JsonNode? ShowIpam(PveRequest r)
    {
        if (r.Text("ipam") != "pve")
            throw PveError.Failed($"sdn '{r.Text("ipam")}' does not exist");
        var list = new JsonArray();
        foreach (var (id, subnet) in _config["subnets"])
            if (subnet["gateway"]?.ToString() is { } gateway)
                list.Add(new JsonObject { ["subnet"] = Named("subnets", id, subnet)["cidr"]!.ToString(), ["vnet"] = subnet["vnet"]!.ToString(), ["zone"] = id.Split('-')[0], ["ip"] = gateway, ["gateway"] = 1 });
        return list;
    }

    private JsonNode ListBridges(PveRequest r)
    {
        var list = new JsonArray();
        var type = r.Find("type");
        if (type is null or "bridge" or "any_bridge" or "any_local_bridge" or "include_sdn")
            list.Add(new JsonObject { ["iface"] = "vmbr0", ["type"] = "bridge", ["active"] = 1, ["autostart"] = 1, ["bridge_ports"] = "eno1", ["method"] = "static", ["priority"] = 3 });
        if (type is "any_bridge" or "include_sdn" or "vnet")
            foreach (var vnet in _running["vnets"].Keys)
                list.Add(new JsonObject { ["iface"] = vnet, ["type"] = "vnet", ["active"] = 1 });
        return list;
    }
}
