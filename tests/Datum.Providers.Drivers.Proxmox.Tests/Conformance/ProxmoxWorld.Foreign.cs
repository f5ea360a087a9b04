using System.Globalization;
using Datum.Providers.Drivers.Proxmox.Kinds;
using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Proxmox.Tests.Conformance;

/// <summary>What others make at the platform, by its API.</summary>
internal sealed partial class ProxmoxWorld
{
    public ValueTask<string> MakeForeignAsync(Identity identity, string part)
    {
        switch (identity.Kind)
        {
            case ResourceKind.Network:
                var vnet = identity.Resolved.GetValueOrDefault("vnet") ?? ResourceNames.Candidate(identity, NetworkKind.VnetNames, 0);
                Cloud.Do("POST", "/cluster/sdn/vnets", ("vnet", vnet), ("zone", "lab"));
                Cloud.Do("PUT", "/cluster/sdn");
                return new("vnet/" + vnet);
            case ResourceKind.Firewall:
                var group = identity.Resolved.GetValueOrDefault("group") ?? ResourceNames.Candidate(identity, FirewallKind.GroupNames, 0);
                Cloud.Do("POST", "/cluster/firewall/groups", ("group", group));
                return new("group/" + group);
            default:
                var number = identity.Resolved.GetValueOrDefault("vmid") ?? ResourceNames.NumberCandidates(identity, 200_000, 299_999).First().ToString(CultureInfo.InvariantCulture);
                Cloud.Do("POST", "/nodes/pve2/qemu", ("vmid", number), ("name", "mine"), ("memory", "512"));
                return new("vm/" + number);
        }
    }

    public ValueTask<string?> BlockAsync(ResourceKind kind, Part part)
    {
        if (kind is not (ResourceKind.Disk or ResourceKind.Instance))
            return new((string?)null);
        if (kind == ResourceKind.Instance)
            Cloud.SetPower(Number(part.Id), false);
        // A machine is kept from deletion by a person's word on itself.
        Cloud.Edit(PathOf(part.Id), b => b["config"]!["protection"] = "1");
        return new($"protection of {part.Id}");
    }
}
