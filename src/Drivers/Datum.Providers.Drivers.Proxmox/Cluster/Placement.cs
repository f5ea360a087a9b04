using Datum.Providers.Drivers.Proxmox.Api;

namespace Datum.Providers.Drivers.Proxmox.Cluster;

/// <summary>
/// Choosing a node: nobody else does it. Among those that the Location names, or all, the one that is online, has the storage and the most memory
/// that isn't promised to guests. A node is where a machine begins; it may move afterwards.
/// </summary>
internal static class Placement
{
    public static (string? Node, DriverError? Error) Choose(ClusterView view, ProxmoxLocation location, IEnumerable<string> storages, IReadOnlyCollection<string>? only, long memory, int percent = 100)
    {
        var wanted = storages.Distinct(StringComparer.Ordinal).ToList();
        var named = view.Nodes.Where(n => location.Nodes.IsEmpty || location.Nodes.Contains(n.Name)).ToList();
        if (named.Count == 0)
            return (null, PveErrors.Refused(ErrorCode.Invalid, $"The cluster has none of the nodes {string.Join(", ", location.Nodes)} that the Location names.") with { Field = "location.nodes" });
        if (wanted.FirstOrDefault(s => view.Storages.All(v => v.Storage != s)) is { } unknown)
            return (null, PveErrors.Refused(ErrorCode.Invalid, $"The cluster has no storage '{unknown}' that the credentials may use.") with { Field = "settings.storage" });
        var able = named.Where(n => n.Online && wanted.All(s => view.Storages.Any(v => v.Node == n.Name && v.Storage == s && v.Available))).ToList();
        if (able.Count == 0)
            return (null, PveErrors.Refused(ErrorCode.CapacityUnavailable, $"No node of the Location is online and has the storage {string.Join(", ", wanted)}.") with { Scope = ErrorScope.Zone });
        if (only is not null)
            able = [.. able.Where(n => only.Contains(n.Name))];
        if (able.Count == 0)
            return (null, PveErrors.Refused(ErrorCode.CapacityUnavailable, $"Template and data disks are on nodes ({string.Join(", ", only!)}) that aren't online or that the Location doesn't name. Use shared storage, or a template on each node.") with { Scope = ErrorScope.Zone });
        var best = able.Select(n => (Node: n, Free: n.MaxMemory * percent / 100 - view.Guests.Where(g => g.Node == n.Name && !g.Template).Sum(g => g.MaxMemory)))
            .OrderByDescending(n => n.Free).ThenBy(n => n.Node.Name, StringComparer.Ordinal).First();
        return memory > 0 && best.Free < memory
            ? (null, PveErrors.Refused(ErrorCode.CapacityUnavailable, $"No node of the Location has {memory / 1024 / 1024} MiB of memory that isn't promised to guests; {best.Node.Name} has {best.Free / 1024 / 1024}.") with { Scope = ErrorScope.Zone })
            : (best.Node.Name, null);
    }
}
