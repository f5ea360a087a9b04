using System.Globalization;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Instances;

/// <summary>What the platform's words for a machine mean.</summary>
internal static class InstanceView
{
    public const string Server = "server";

    public static PowerState ToPower(string? state) => state switch
    {
        "poweredOn" => PowerState.Running,
        // Suspended is off as far as anybody outside can tell; power on resumes it.
        "poweredOff" or "suspended" => PowerState.Stopped,
        _ => PowerState.Unknown,
    };

    public static Lifecycle ToLifecycle(Machine item, GuestHealth guest) =>
        item.ConnectionState is not (null or "connected") || item.Question is not null ? Lifecycle.Degraded : item.PowerState switch
        {
            "poweredOn" => guest == GuestHealth.NotReady ? Lifecycle.Degraded : Lifecycle.Ready,
            "poweredOff" or "suspended" => Lifecycle.Degraded,
            _ => Lifecycle.Unknown,
        };

    /// <summary>The newest report of this run; null when there is none. Its guest's clock follows the host's, which wrote the time of the start.</summary>
    public static GuestReport? ReadReport(Machine item) => item.IsOn ? GuestReport.Parse(item.Extra.GetValueOrDefault(Machine.BeaconKey))?.At(null, item.BootTime) : null;

    /// <summary>By the guest's own report; without one (<paramref name="beacons"/> false: there are none) by what VMware Tools say of it.</summary>
    public static GuestHealth HealthOf(Machine item, GuestReport? report, bool beacons)
    {
        if (!item.IsOn)
            return GuestHealth.Unknown;
        // Tools that ran and fell silent.
        if (item.Heartbeat == "red")
            return GuestHealth.NotReady;
        if (report is not null)
            return report.Health;
        return !beacons && item is { ToolsRunning: true, GuestState: "running" } ? GuestHealth.Ready : GuestHealth.Unknown;
    }

    public static InstanceFacts ToFacts(Machine item, InstanceSpec? desired, GuestReport? report, bool beacons)
    {
        var health = HealthOf(item, report, beacons);
        return new InstanceFacts
        {
            PlatformState = item.Question is { } question ? $"waits for an answer: {question}"
                : item.ConnectionState is not (null or "connected") ? $"{item.PowerState}, {item.ConnectionState}" : item.PowerState,
            Power = item.ConnectionState is not (null or "connected") ? PowerState.Unknown : ToPower(item.PowerState),
            Guest = health,
            GuestMessage = health != GuestHealth.NotReady ? null : item.Heartbeat == "red" || report is null ? "VMware Tools in the guest don't answer any more" : report.ToMessage(),
            Interfaces = Interfaces(item, desired),
            Containers = item.IsOn && report is not null ? report.ToContainerFacts(desired) : [],
            // The guest loads its rules before its network; nothing else is known of them here.
            PolicyEnforced = desired is null || desired.Interfaces.All(i => i.Ingress is null) ? null : item.Extra.ContainsKey(Machine.GuestKey),
        };
    }

    /// <summary>What the guest reports of each card, found by its device; before it reports, what it was given.</summary>
    private static ImmutableArray<InterfaceFacts> Interfaces(Machine item, InstanceSpec? desired)
    {
        var interfaces = ImmutableArray.CreateBuilder<InterfaceFacts>();
        foreach (var nic in item.Nics)
        {
            var index = interfaces.Count;
            var name = index < desired?.Interfaces.Length ? desired.Interfaces[index].Name : string.Create(CultureInfo.InvariantCulture, $"eth{index}");
            var given = item.Addresses.Where(a => a.Interface == name).Select(a => a.Address).ToList();
            var reported = item.IsOn ? Reported(item, nic).ToList() : [];
            // Engines in the guest add addresses of their own: those that the card was given come first.
            var all = given.Where(g => reported.Count == 0 || reported.Contains(g)).Concat(reported.Where(r => !given.Contains(r)));
            interfaces.Add(new InterfaceFacts { Name = name, NetworkAddresses = [.. all.OrderBy(a => a.Contains(':', StringComparison.Ordinal))] });
        }

        return interfaces.ToImmutable();
    }

    private static IEnumerable<string> Reported(Machine item, VimNode nic)
    {
        var key = nic.Number("key");
        var mac = nic.String("macAddress");
        foreach (var report in item.GuestNics.Where(g => g.Number("deviceConfigId") == key || (mac is not null && string.Equals(g.String("macAddress"), mac, StringComparison.OrdinalIgnoreCase))).Take(1))
        {
            var detailed = report.Find("ipConfig")?.All("ipAddress").Where(a => a.String("state") is null or "preferred" or "unknown").Select(a => a.String("ipAddress")).ToList();
            foreach (var text in detailed is { Count: > 0 } ? detailed : report.All("ipAddress").Select(a => (string?)a.Text))
                if (IPAddress.TryParse(text, out var address) && !address.IsIPv6LinkLocal && !IPAddress.IsLoopback(address))
                    yield return address.ToString();
        }
    }
}
