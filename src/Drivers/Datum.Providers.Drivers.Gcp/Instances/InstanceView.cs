using System.Globalization;
using System.Text;
using System.Text.Json;
using Datum.Providers.Drivers.Gcp.Api;
using Datum.Providers.Drivers.Gcp.Kinds;

namespace Datum.Providers.Drivers.Gcp.Instances;

/// <summary>What the platform's words for an instance mean.</summary>
internal static class InstanceView
{
    public const string Server = "server";
    public const string Secret = "secret";
    public const string Boot = "boot";

    public const string SpecKey = "datum-spec";
    public const string RestartKey = "datum-restarted-at";

    public static PowerState ToPower(string? status) => status switch
    {
        "PROVISIONING" or "STAGING" or "PENDING" => PowerState.Starting,
        "RUNNING" => PowerState.Running,
        "STOPPING" or "SUSPENDING" or "PENDING_STOP" or "DEPROVISIONING" => PowerState.Stopping,
        "TERMINATED" or "STOPPED" or "SUSPENDED" or "REPAIRING" => PowerState.Stopped,
        _ => PowerState.Unknown,
    };

    public static bool IsOff(GcpInstance item) => item.Status is "TERMINATED" or "STOPPED" or "SUSPENDED";

    /// <summary>Whether the platform is at work on it by its own word.</summary>
    public static bool IsBusy(GcpInstance item) => item.Status is "PROVISIONING" or "STAGING" or "PENDING" or "STOPPING" or "SUSPENDING" or "PENDING_STOP" or "REPAIRING" or "DEPROVISIONING";

    public static Lifecycle ToLifecycle(GcpInstance item, GuestHealth guest = GuestHealth.Unknown) => item.Status switch
    {
        "PROVISIONING" or "STAGING" or "PENDING" => item.LastStartTimestamp is null ? Lifecycle.Creating : Lifecycle.Updating,
        "RUNNING" => guest == GuestHealth.NotReady ? Lifecycle.Degraded : Lifecycle.Ready,
        "STOPPING" or "SUSPENDING" or "PENDING_STOP" => Lifecycle.Updating,
        "TERMINATED" or "STOPPED" or "SUSPENDED" or "REPAIRING" => Lifecycle.Degraded,
        "DEPROVISIONING" => Lifecycle.Deleting,
        _ => Lifecycle.Unknown,
    };

    public static InstanceFacts ToFacts(GcpInstance item, InstanceSpec? desired, Beacon? beacon)
    {
        var containers = Containers(item, desired, beacon);
        return new InstanceFacts
        {
            PlatformState = item.Status,
            Power = ToPower(item.Status),
            Guest = HealthOf(item, beacon),
            GuestMessage = HealthOf(item, beacon) == GuestHealth.NotReady ? MessageOf(beacon!) : null,
            Interfaces = Interfaces(item, desired),
            Containers = containers,
            PolicyEnforced = desired is null || desired.Interfaces.All(i => i.Firewalls.IsEmpty) ? null : Tags(desired).All(t => (item.Tags?.Items ?? []).Contains(t, StringComparer.Ordinal)),
        };
    }

    public static GuestHealth HealthOf(GcpInstance item, Beacon? beacon) =>
        item.Status != "RUNNING" || beacon is null ? GuestHealth.Unknown : beacon is { Ready: true, Silent: null } ? GuestHealth.Ready : GuestHealth.NotReady;

    /// <summary>Network tags of the rule sets that the wish names.</summary>
    public static IEnumerable<string> Tags(InstanceSpec desired) =>
        desired.Interfaces.SelectMany(i => i.Firewalls).Select(f => FirewallRules.TagOf(f.Name)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    /// <summary>Tags of ours; others are people's.</summary>
    public static bool IsOurTag(string tag) => tag.Length == 35 && tag.StartsWith("fw-", StringComparison.Ordinal);

    public static string? MetadataOf(GcpInstance item, string key)
    {
        foreach (var entry in item.Metadata?.Items ?? [])
            if (entry.Key == key)
                return entry.Value;
        return null;
    }

    public static Mark? ReadMark(GcpInstance item) => PairMarks.Read(item.Labels ?? ImmutableSortedDictionary<string, string>.Empty);

    /// <summary>The newest whole report in what the serial port holds; null when there is none.</summary>
    public static Beacon? ReadBeacon(string? contents)
    {
        const string marker = "DATUM-BEACON ";
        for (var end = contents?.Length ?? 0; end > 0;)
        {
            var at = contents!.LastIndexOf(marker, end - 1, StringComparison.Ordinal);
            if (at < 0)
                return null;
            var line = contents[(at + marker.Length)..];
            var close = line.AsSpan().IndexOfAny('\r', '\n');
            try
            {
                if (JsonSerializer.Deserialize(Encoding.UTF8.GetBytes(close < 0 ? line : line[..close]), GcpJson.Default.Beacon) is { } beacon)
                    return beacon;
            }
            catch (JsonException)
            {
                // It is being written just now, or something else wrote into it: an older one counts.
            }

            end = at;
        }

        return null;
    }

    private static ImmutableArray<ContainerFacts> Containers(GcpInstance item, InstanceSpec? desired, Beacon? beacon)
    {
        if (item.Status != "RUNNING" || beacon?.Containers is not { } reported)
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

    private static string MessageOf(Beacon beacon)
    {
        if (beacon.Silent is { } silent)
            return string.Create(CultureInfo.InvariantCulture, $"the guest hasn't reported for {Math.Min((long)silent.TotalMinutes, 9999)} minutes");
        var wrong = (beacon.Containers ?? []).Where(c => c.State != "active").Select(c => $"container {c.Name} is {c.State}")
            .Concat((beacon.Disks ?? []).Where(d => d.State != "active").Select(d => $"disk {d.Name} is {d.State}")).ToList();
        return wrong.Count > 0 ? string.Join(", ", wrong) : "the guest reports that it isn't ready";
    }

    private static ImmutableArray<InterfaceFacts> Interfaces(GcpInstance item, InstanceSpec? desired)
    {
        var interfaces = ImmutableArray.CreateBuilder<InterfaceFacts>();
        foreach (var nic in item.NetworkInterfaces ?? [])
        {
            var index = interfaces.Count;
            interfaces.Add(new InterfaceFacts
            {
                Name = index < desired?.Interfaces.Length ? desired.Interfaces[index].Name : $"eth{index}",
                NetworkAddresses = Some(nic.NetworkIP, nic.Ipv6Address),
                ExternalAddresses = Some([.. (nic.AccessConfigs ?? []).Select(a => a.NatIP), .. (nic.Ipv6AccessConfigs ?? []).Select(a => a.ExternalIpv6)]),
            });
        }

        return interfaces.ToImmutable();
    }

    private static ImmutableArray<string> Some(params ReadOnlySpan<string?> addresses)
    {
        var some = ImmutableArray.CreateBuilder<string>();
        foreach (var address in addresses)
            if (!string.IsNullOrEmpty(address))
                some.Add(address);
        return some.ToImmutable();
    }
}
