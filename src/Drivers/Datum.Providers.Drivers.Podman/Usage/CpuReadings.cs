namespace Datum.Providers.Drivers.Podman.Usage;

/// <summary>
/// What Podman read of one run of a container: nanoseconds of processor time since that run began, and when, in nanoseconds since 1970 by Podman's own
/// clock. A container that is started again has another process and counts from zero.
/// </summary>
internal readonly record struct CpuCounter(string Id, int Pid, long StartedAt, long Nanos, long At);

/// <summary>
/// The last counters of each pod that this session saw. Podman only counts: what was used lately is the difference of two readings, so the first has none.
/// A pod is measured over the time in which the same containers ran; what an ended one used since the reading before is gone with its cgroup, and nothing
/// is made up for it.
/// </summary>
internal sealed class CpuReadings
{
    /// <summary>What is read sooner is measured from the reading before the last: an instant says nothing.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);

    /// <summary>A reading that is older is no beginning of a recent interval.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Kept> _pods = new(StringComparer.Ordinal);

    /// <summary>Takes a reading of a pod and returns its use since an earlier one, in thousandths of a processor; null when there is none to compare with.</summary>
    /// <param name="pod">The pod's id.</param>
    /// <param name="now">One counter for each running container, by id.</param>
    public double? Take(string pod, ImmutableArray<CpuCounter> now)
    {
        lock (_lock)
        {
            if (!_pods.TryGetValue(pod, out var kept) || !Follows(now, kept.Last))
            {
                _pods[pod] = new Kept(now, null);
                return null;
            }

            var from = kept.Before;
            if (Between(kept.Last, now) >= Shortest)
            {
                from = kept.Last;
                _pods[pod] = new Kept(now, kept.Last);
            }

            return from is { } earlier && Between(earlier, now) <= Longest ? Use(earlier, now) : null;
        }
    }

    /// <summary>Forgets pods that weren't read for so long that their counters are of no use; <paramref name="now"/> is Podman's time.</summary>
    public void Forget(long now)
    {
        lock (_lock)
            foreach (var (pod, kept) in _pods)
                if (Span(now - kept.Last[0].At) > Longest)
                    _pods.Remove(pod);
    }

    // Podman's clock may be put back, and answers may overtake each other.
    private static bool Follows(ImmutableArray<CpuCounter> now, ImmutableArray<CpuCounter> last)
    {
        if (now.Length != last.Length)
            return false;
        for (var i = 0; i < now.Length; i++)
            if (now[i].Id != last[i].Id || now[i].Pid != last[i].Pid || now[i].StartedAt != last[i].StartedAt || now[i].Nanos < last[i].Nanos || now[i].At < last[i].At)
                return false;
        return true;
    }

    private static TimeSpan Between(ImmutableArray<CpuCounter> from, ImmutableArray<CpuCounter> now)
    {
        var shortest = long.MaxValue;
        for (var i = 0; i < now.Length; i++)
            shortest = Math.Min(shortest, now[i].At - from[i].At);
        return Span(shortest);
    }

    // Each container by its own time: Podman reads one after the other.
    private static double Use(ImmutableArray<CpuCounter> from, ImmutableArray<CpuCounter> now)
    {
        var millis = 0.0;
        for (var i = 0; i < now.Length; i++)
            millis += 1000.0 * (now[i].Nanos - from[i].Nanos) / (now[i].At - from[i].At);
        return millis;
    }

    private static TimeSpan Span(long nanos) => TimeSpan.FromTicks(nanos / TimeSpan.NanosecondsPerTick);

    private readonly record struct Kept(ImmutableArray<CpuCounter> Last, ImmutableArray<CpuCounter>? Before);
}
