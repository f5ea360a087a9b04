using System.Globalization;
using Datum.Providers.Drivers.Proxmox.Api;
using Datum.Providers.Drivers.Proxmox.Cluster;
using Datum.Providers.Drivers.Proxmox.Kinds;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>How a machine stands to the wish.</summary>
internal sealed partial class InstanceKind
{
    private void Compare(SpecDiff diff, InstanceSpec desired, InstanceLook look, Identity id)
    {
        var config = look.Machine.Config;
        GuestFingerprint.Compare(diff, GuestFingerprint.Of(desired, _wish.Options(desired)), look.Notes!.Spec ?? [], desired);
        if (int.TryParse(id.Resolved.GetValueOrDefault("cores"), NumberStyles.None, CultureInfo.InvariantCulture, out var cores))
            diff.Number("size.cpuMillis", cores * 1000L, (config.Number("cores") ?? 1) * (config.Number("sockets") ?? 1) * 1000, Remedy.Replace);
        if (long.TryParse(id.Resolved.GetValueOrDefault("memory"), NumberStyles.None, CultureInfo.InvariantCulture, out var memory))
            diff.Number("size.memoryMiB", memory, long.TryParse(PropertyText.Find(config.Text("memory"), "current", "current"), NumberStyles.None, CultureInfo.InvariantCulture, out var has) ? has : 512, Remedy.Replace);
        var tags = VmMarks.Split(config.Text("tags"));
        for (var i = 0; i < desired.Interfaces.Length; i++)
        {
            var wish = desired.Interfaces[i];
            var nic = PropertyText.Read(config.Text(string.Create(CultureInfo.InvariantCulture, $"net{i}")), "virtio");
            diff.Text($"interfaces[{wish.Name}].network", BridgeOf(desired, wish), Shown(nic.GetValueOrDefault("bridge"), nic.GetValueOrDefault("tag")), Remedy.Replace);
            if (wish.Addresses.Length > 0)
                diff.Set($"interfaces[{wish.Name}].addresses", wish.Addresses.Select(Normal), Addresses.Of(tags, wish).Select(a => a.Address.ToString()), Remedy.Replace);
        }

        if (config.Text(string.Create(CultureInfo.InvariantCulture, $"net{desired.Interfaces.Length}")) is { Length: > 0 } more)
            diff.Add("interfaces", Remedy.Replace, desired.Interfaces.Length.ToString(CultureInfo.InvariantCulture), more);
        var drives = Drives.All(config).ToList();
        foreach (var volume in desired.Volumes.Where(v => VmIds.Parse(v.Disk?.Disk?.ProviderId) is not null))
        {
            var holder = $"vm-{Slices.Number(VmIds.Parse(volume.Disk!.Disk!.ProviderId)!.Value)}-";
            if (!drives.Any(d => d.Volume.Contains(holder, StringComparison.Ordinal)))
                diff.Add($"volumes[{volume.Name}].disk.disk", Remedy.Replace, volume.Disk.Disk.ProviderId);
        }

        if (!look.IsBooted && !look.IsRunning)
            return;
        if (look.Firewall is { } firewall && !MachineFirewall.Matches(firewall, desired))
            diff.Add($"interfaces[{desired.Interfaces[0].Name}].firewalls", Remedy.InPlace, string.Join("; ", MachineFirewall.Plan(desired).Select(r => r.Key)), string.Join("; ", firewall.Rules));
        diff.Text("restartedAt", desired.RestartedAt, look.Notes!.RestartedAt, Remedy.InPlace);
        if (look.IsRunning == desired.Suspended)
            diff.Flag("suspended", desired.Suspended, !desired.Suspended, Remedy.InPlace);
    }

    /// <summary>The bridge of an interface, with the VLAN where there is one.</summary>
    private static string? BridgeOf(InstanceSpec desired, InterfaceSpec nic) =>
        NetworkKind.VnetOf(nic.Network?.ProviderId) is { } vnet ? vnet
        : BridgeClaims.IsClaim(nic.Network?.ProviderId) && ProxmoxLocation.Parse(desired.LocationJson) is { Bridge: { } bridge } location ? Shown(bridge, location.Vlan?.ToString(CultureInfo.InvariantCulture)) : null;

    private static string? Shown(string? bridge, string? vlan) => bridge is null || vlan is null ? bridge : $"{bridge},tag={vlan}";

    private static string Normal(string address) => System.Net.IPAddress.TryParse(address, out var parsed) ? parsed.ToString() : address;
}
