using System.Globalization;
using System.Net.Sockets;
using Datum.Providers.Drivers.Proxmox.Cluster;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>What the platform's and the guest's words for an instance mean.</summary>
internal static class InstanceView
{
    private const string NeverReported = "the guest has never reported: its agent isn't installed, or cloud-init didn't run";

    public static PowerState ToPower(InstanceLook look) => look.Status switch
    {
        "running" => PowerState.Running,
        "stopped" => PowerState.Stopped,
        _ => PowerState.Unknown,
    };

    public static Lifecycle ToLifecycle(InstanceLook look, GuestHealth guest, bool waiting) => look switch
    {
        { Machine.IsLocked: true } => Lifecycle.Updating,
        { IsRunning: true } => waiting ? Lifecycle.Creating : guest == GuestHealth.NotReady ? Lifecycle.Degraded : Lifecycle.Ready,
        { Status: "stopped" } => Lifecycle.Degraded,
        _ => Lifecycle.Unknown,
    };

    public static GuestHealth HealthOf(InstanceLook look) =>
        look is { IsRunning: true, IsOverdue: true } ? GuestHealth.NotReady
        : !look.IsRunning || look.Report is not { } report ? GuestHealth.Unknown : report.Health;

    /// <param name="building">Before the first boot has ended nothing is told of addresses: glances don't read them, and they may be chosen again.</param>
    public static InstanceFacts ToFacts(InstanceLook look, InstanceSpec? desired, bool building)
    {
        var health = HealthOf(look);
        return new InstanceFacts
        {
            PlatformState = look.Machine.Guest!.Lock is { } held ? $"{look.Status} ({held})" : look.Status,
            Power = ToPower(look),
            Guest = health,
            GuestMessage = health == GuestHealth.NotReady ? look.Report?.ToMessage() ?? NeverReported : null,
            Interfaces = desired is null || building ? [] : [.. desired.Interfaces.Select(nic => new InterfaceFacts { Name = nic.Name, NetworkAddresses = AddressesOf(look, nic) })],
            Containers = look.IsRunning && look.Report is { } report ? report.ToContainerFacts(desired) : [],
            PolicyEnforced = desired is null || look.Firewall is null || desired.Interfaces.All(i => i.Firewalls.IsEmpty) ? null : IsEnforced(look, desired),
        };
    }

    /// <summary>The data centre's switch, the machine's, its rules, and the interface's own.</summary>
    private static bool IsEnforced(InstanceLook look, InstanceSpec desired) => look.Firewall is { DataCentre: true } firewall && MachineFirewall.Matches(firewall, desired)
        && Enumerable.Range(0, desired.Interfaces.Length).Where(i => !desired.Interfaces[i].Firewalls.IsEmpty)
            .All(i => Api.PropertyText.Find(look.Machine.Config.Text(string.Create(CultureInfo.InvariantCulture, $"net{i}")), "virtio", "firewall") == "1");

    /// <summary>As they were given: the guest has them from its medium, fixed by MAC.</summary>
    private static ImmutableArray<string> AddressesOf(InstanceLook look, InterfaceSpec nic) =>
        [.. Addresses.Of(VmMarks.Split(look.Machine.Config.Text("tags")), nic).Select(a => a.Address).OrderBy(a => a.AddressFamily == AddressFamily.InterNetworkV6).Select(a => a.ToString()).Distinct(StringComparer.Ordinal)];
}
