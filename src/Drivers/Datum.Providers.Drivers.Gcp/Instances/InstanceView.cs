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

    public static InstanceFacts ToFacts(GcpInstance item, InstanceSpec? desired, GuestReport? report)
    {
        return new InstanceFacts
        {
            PlatformState = item.Status,
            Power = ToPower(item.Status),
            Guest = HealthOf(item, report),
            GuestMessage = HealthOf(item, report) == GuestHealth.NotReady ? report!.ToMessage() : null,
            Interfaces = Interfaces(item, desired),
            Containers = item.Status == "RUNNING" && report is not null ? report.ToContainerFacts(desired) : [],
            PolicyEnforced = desired is null || desired.Interfaces.All(i => i.Firewalls.IsEmpty) ? null : Tags(desired).All(t => (item.Tags?.Items ?? []).Contains(t, StringComparer.Ordinal)),
        };
    }

    public static GuestHealth HealthOf(GcpInstance item, GuestReport? report) => item.Status == "RUNNING" && report is not null ? report.Health : GuestHealth.Unknown;

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
