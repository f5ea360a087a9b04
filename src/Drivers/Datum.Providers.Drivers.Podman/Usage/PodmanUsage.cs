using System.Globalization;
using Datum.Providers.Drivers.Podman.Instances;
using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Usage;

/// <summary>
/// What pods use: two requests a page, one for the containers with our mark and one for the counters of those that run. A pod of which only the infra
/// container runs is switched off. Somebody else's container in a pod of ours isn't counted, a copy of a pod isn't measured: it has another name.
/// </summary>
internal sealed class PodmanUsage(Session session)
{
    private const string After = "usage-after:";

    // Their ids stand in the request's address: 38 KB. A page ends with the pod that reaches it.
    private const int MostContainers = 500;

    private readonly CpuReadings _readings = new();
    private volatile string? _cgroups;

    public async ValueTask<Answer<UsagePage>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        if (cursor?.StartsWith(After, StringComparison.Ordinal) == false)
            return new DriverError { Code = ErrorCode.PreconditionFailed, Effect = Effect.NotApplied, Message = "The cursor isn't one of usage; begin again." };
        var listed = await session.Podman.ContainersAsync(call, "label", $"{Marks.InstallKey}={query.Installation}", Session.KindLabel(ResourceKind.Instance));
        if (listed.Error is { } listError)
            return listError;
        var (pods, next) = Page(Running(listed.Value!), query.PageSize, cursor?[After.Length..]);
        if (pods.Count == 0)
            return new UsagePage { Items = [], Complete = true };
        if (_cgroups is null)
        {
            var info = await session.Podman.InfoAsync(call);
            if (info.Error is { } infoError)
                return infoError;
            _cgroups = info.Value!.Host?.CgroupVersion ?? "";
        }

        var answer = await session.Podman.StatsAsync(call, pods.SelectMany(p => p.Members).Select(m => m.Id));
        if (answer.Value is not { } stats)
            return answer.Error!;
        var byId = new Dictionary<string, ContainerStats>(StringComparer.Ordinal);
        foreach (var one in stats)
            byId[one.Id] = one;
        var items = ImmutableArray.CreateBuilder<UsageSample>(pods.Count);
        foreach (var pod in pods)
            if (Measure(pod, byId) is { } sample)
                items.Add(sample);
        _readings.Forget(stats.Select(s => s.SystemNano).DefaultIfEmpty().Max());
        return new UsagePage { Items = items.DrainToImmutable(), Next = next, Complete = true };
    }

    /// <summary>Our pods in which more than the infra container runs, by name.</summary>
    private static List<Pod> Running(List<ContainerListItem> containers)
    {
        var pods = new List<Pod>();
        foreach (var members in containers.Where(c => c.State is "running" or "paused").GroupBy(c => c.Pod ?? "", StringComparer.Ordinal))
        {
            // The infra container carries the pod's labels.
            if (members.FirstOrDefault(m => m.IsInfra) is not { Labels: { } labels } infra || members.All(m => m.IsInfra) || Marks.Parse(labels) is not { Part: null } mark)
                continue;
            var identity = new Identity { Installation = mark.Installation, Kind = mark.Kind, Name = mark.Name, Incarnation = mark.Incarnation };
            if (infra.PodName == PodmanNames.For(identity))
                pods.Add(new Pod(members.Key, mark, labels, [.. members.OrderBy(m => m.Id, StringComparer.Ordinal)]));
        }

        pods.Sort((a, b) => string.CompareOrdinal(a.Mark.Name, b.Mark.Name));
        return pods;
    }

    private static (List<Pod> Pods, string? Next) Page(List<Pod> pods, int size, string? after)
    {
        var rest = pods.Where(p => string.CompareOrdinal(p.Mark.Name, after) > 0).ToList();
        var (count, containers) = (0, 0);
        while (count < rest.Count && (size <= 0 || count < size) && containers < MostContainers)
            containers += rest[count++].Members.Length;
        return (rest[..count], count < rest.Count ? After + rest[count - 1].Mark.Name : null);
    }

    private UsageSample? Measure(Pod pod, Dictionary<string, ContainerStats> stats)
    {
        var counters = ImmutableArray.CreateBuilder<CpuCounter>(pod.Members.Length);
        var memory = 0L;
        foreach (var member in pod.Members)
        {
            // Of one that ended since the list was read Podman tells zeros, and no time.
            if (!stats.TryGetValue(member.Id, out var one) || one.SystemNano <= 0)
                return null;
            counters.Add(new CpuCounter(member.Id, member.Pid, member.StartedAt, one.CpuNano, one.SystemNano));
            memory += one.MemUsage;
        }

        if (_readings.Take(pod.Id, counters.MoveToImmutable()) is not { } millis)
            return null;
        return new UsageSample
        {
            Name = pod.Mark.Name,
            Incarnation = pod.Mark.Incarnation,
            CpuMillis = (long)Math.Round(millis),
            CpuCapacityMillis = pod.Labels.TryGetValue(InstanceParts.CpuLabel, out var text) && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var given) && given > 0 ? given : null,
            // With cgroups v1 the number holds the page cache, which can be given back; how much of it Podman doesn't say.
            MemoryBytes = _cgroups == "v2" ? memory : null,
            ObservedAt = DateTimeOffset.UnixEpoch.AddTicks(pod.Members.Min(m => stats[m.Id].SystemNano) / TimeSpan.NanosecondsPerTick),
        };
    }

    private sealed record Pod(string Id, Mark Mark, Dictionary<string, string> Labels, ImmutableArray<ContainerListItem> Members);
}
