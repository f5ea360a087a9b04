using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Instances;

/// <summary>What a guest reports through VMware Tools.</summary>
internal sealed record Beacon
{
    public bool Ready { get; init; }

    /// <summary>When it was made, by the guest's clock, in Unix seconds.</summary>
    public long? Time { get; init; }

    /// <summary>State of the unit that unpacks the secrets: <c>active</c> once they are on the guest's own disk.</summary>
    public string? Secrets { get; init; }

    public ImmutableArray<BeaconContainer>? Containers { get; init; }
    public ImmutableArray<BeaconDisk>? Disks { get; init; }
}

internal sealed record BeaconContainer
{
    public string? Name { get; init; }
    public string? State { get; init; }
    public int Restarts { get; init; }
}

internal sealed record BeaconDisk
{
    public string? Name { get; init; }
    public string? State { get; init; }
}

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

    /// <summary>The newest report of this run; null when there is none.</summary>
    public static Beacon? ReadBeacon(Machine item)
    {
        if (!item.IsOn || item.Extra.GetValueOrDefault(Machine.BeaconKey) is not { Length: > 0 } text)
            return null;
        try
        {
            var beacon = JsonSerializer.Deserialize(text, BeaconJson.Default.Beacon);
            // What a guest said before its machine was started is over; the guest's clock follows the host's, which wrote the other.
            return beacon?.Time is > 0 and < 253_402_300_799 and var made && item.BootTime is { } boot && DateTimeOffset.FromUnixTimeSeconds(made) < boot - TimeSpan.FromSeconds(5) ? null : beacon;
        }
        catch (JsonException)
        {
            // It isn't whole, or somebody else's.
            return null;
        }
    }

    /// <summary>By the guest's own report; without one (<paramref name="beacons"/> false: there are none) by what VMware Tools say of it.</summary>
    public static GuestHealth HealthOf(Machine item, Beacon? beacon, bool beacons)
    {
        if (!item.IsOn)
            return GuestHealth.Unknown;
        // Tools that ran and fell silent.
        if (item.Heartbeat == "red")
            return GuestHealth.NotReady;
        if (beacon is not null)
            return beacon.Ready ? GuestHealth.Ready : GuestHealth.NotReady;
        return !beacons && item is { ToolsRunning: true, GuestState: "running" } ? GuestHealth.Ready : GuestHealth.Unknown;
    }

    public static InstanceFacts ToFacts(Machine item, InstanceSpec? desired, Beacon? beacon, bool beacons)
    {
        var health = HealthOf(item, beacon, beacons);
        return new InstanceFacts
        {
            PlatformState = item.Question is { } question ? $"waits for an answer: {question}"
                : item.ConnectionState is not (null or "connected") ? $"{item.PowerState}, {item.ConnectionState}" : item.PowerState,
            Power = item.ConnectionState is not (null or "connected") ? PowerState.Unknown : ToPower(item.PowerState),
            Guest = health,
            GuestMessage = health == GuestHealth.NotReady ? MessageOf(item, beacon) : null,
            Interfaces = Interfaces(item, desired),
            Containers = Containers(item, desired, beacon),
            // The guest loads its rules before its network; nothing else is known of them here.
            PolicyEnforced = desired is null || desired.Interfaces.All(i => i.Ingress is null) ? null : item.Extra.ContainsKey(Machine.GuestKey),
        };
    }

    private static ImmutableArray<ContainerFacts> Containers(Machine item, InstanceSpec? desired, Beacon? beacon)
    {
        if (!item.IsOn || beacon?.Containers is not { } reported)
            return [];
        var known = reported.Where(c => c.Name is not null).GroupBy(c => c.Name!, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);
        var names = desired?.Sandbox?.Containers.Select(c => c.Name) ?? known.Keys.Order(StringComparer.Ordinal);
        return
        [
            .. names.Select(name => !known.TryGetValue(name, out var report) ? new ContainerFacts { Name = name, Running = false, Reason = "Provisioning" }
                : report.State == "active" ? new ContainerFacts { Name = name, Running = true }
                : report.State == "failed" || report.Restarts > 0
                    ? new ContainerFacts { Name = name, Running = false, Reason = "InstanceCrashing", Message = $"its unit is {report.State} after {report.Restarts} restarts" }
                    : new ContainerFacts { Name = name, Running = false, Reason = "Provisioning" }),
        ];
    }

    private static string MessageOf(Machine item, Beacon? beacon)
    {
        if (item.Heartbeat == "red")
            return "VMware Tools in the guest don't answer any more";
        var wrong = (beacon?.Containers ?? []).Where(c => c.State != "active").Select(c => $"container {c.Name} is {c.State}")
            .Concat((beacon?.Disks ?? []).Where(d => d.State != "active").Select(d => $"disk {d.Name} is {d.State}")).ToList();
        return wrong.Count > 0 ? string.Join(", ", wrong) : "the guest reports that it isn't ready";
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

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Beacon))]
internal sealed partial class BeaconJson : JsonSerializerContext;
