using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Cli.Trace;

/// <summary>Whether a host is at work, judged by its lease.</summary>
internal static class Hosts
{
    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(30);

    /// <summary>A lease counts as held for twice its duration: the clocks of two machines differ.</summary>
    public static HostSight See(PlaneSnapshot plane)
    {
        if (!plane.Knows(Core.Leases.ToString()))
            return new HostSight(HostState.NotReadable, "unknown: you may not list leases");
        var leases = plane.Leases.Where(l => l.Metadata.Name == SnapshotReader.LeaseName && l.Spec is not null).ToList();
        if (leases.Count == 0)
            return new HostSight(HostState.NoLease, "no lease (a development host has none)");
        var latest = leases.OrderByDescending(l => l.Spec!.RenewTime).First();
        var spec = latest.Spec!;
        var age = spec.RenewTime is { } renewed ? plane.Now - renewed : (TimeSpan?)null;
        var duration = spec.LeaseDurationSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : s_duration;
        if (string.IsNullOrEmpty(spec.HolderIdentity) || age is null)
            return new HostSight(HostState.Silent, $"nobody holds Lease {latest.Key}");
        return age > 2 * duration
            ? new HostSight(HostState.Silent, TraceNode.Clean($"Lease {latest.Key} was last renewed {Ages.Text(age.Value)} ago by {spec.HolderIdentity}"))
            : new HostSight(HostState.Held, TraceNode.Clean($"{spec.HolderIdentity} holds Lease {latest.Key}, renewed {Ages.Text(age.Value)} ago"));
    }
}
