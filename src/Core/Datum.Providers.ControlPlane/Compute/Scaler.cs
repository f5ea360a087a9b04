using System.Collections.Concurrent;
using System.Globalization;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>
/// How many instances a deployment wants, with the memory that it takes: what was recommended lately. A process that has just begun
/// knows nothing of before and takes nothing away until its window is full. The number itself is remembered in <c>status.desiredReplicas</c>.
/// </summary>
public sealed class Scaler(IInstanceUsage? usage)
{
    private const string NobodyMeasures = "Nobody measures here what instances use: minReplicas instances are kept.";

    private const string NotAskedFor =
        $"spec.scaleSettings.maxReplicas and metrics are acted on only where the Workload's metadata.annotations[{Annotations.Autoscale}] is \"true\": minReplicas instances are kept.";

    private readonly ConcurrentDictionary<string, List<(DateTimeOffset At, int Wanted)>> _recommended = new(StringComparer.Ordinal);

    /// <summary>Whether a deployment is to be looked at every <see cref="ScalePlan.Period"/>.</summary>
    public bool Acts(WorkloadDeployment deployment)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        var settings = deployment.Spec.ScaleSettings;
        return usage is not null && settings.MaxReplicas is not null && DeploymentOptions.Of(deployment).Autoscale && ScalePlan.Refusal(settings) is null;
    }

    public ScaleAnswer Decide(WorkloadDeployment deployment, IReadOnlyList<Instance> owned, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        ArgumentNullException.ThrowIfNull(owned);
        var settings = deployment.Spec.ScaleSettings;
        var min = Math.Max(0, settings.MinReplicas);
        if (settings.MaxReplicas is null && settings.Metrics is not { Count: > 0 })
            return new(min);
        if (!DeploymentOptions.Of(deployment).Autoscale)
            return new(min, ConditionStatus.False, Reasons.ScalingDisabled, NotAskedFor);
        if (usage is null)
            return new(min, ConditionStatus.False, Reasons.Unsupported, NobodyMeasures);
        if (ScalePlan.Refusal(settings) is { } refusal)
            return new(min, ConditionStatus.False, Reasons.ConfigurationError, refusal);

        // A status that was lost is no reason to take instances away.
        var current = Math.Clamp(deployment.Status is { DesiredReplicas: > 0 } status ? status.DesiredReplicas : owned.Count(i => !i.IsDeleting), min, settings.MaxReplicas!.Value);
        var ready = owned.Where(InstancePlan.IsReady).OrderBy(i => i.Metadata.Name, StringComparer.Ordinal).Select(i => (i.Metadata.Name, Use: usage.Find(i.Metadata.Uid ?? ""))).ToList();
        if (ready.Find(i => i.Use.Unsupported) is { Use: { } never })
            return new(current, ConditionStatus.False, Reasons.Unsupported, Text($"The number stays {current}. {never.Why}"));
        if (ready.Count == 0)
            return new(current, ConditionStatus.False, Reasons.MetricsUnavailable, Text($"No instance is ready, so none is measured; the number stays {current}."));
        // What is old, or isn't of all, says nothing of the whole: who is missing may be the one under load.
        var unknown = ready.FindAll(i => i.Use.Newest is not { } newest || now - newest.At >= ScalePlan.SampleLife);
        if (unknown.Count > 0)
            return new(current, ConditionStatus.False, Reasons.MetricsUnavailable, Text($"No measurement of the last {ScalePlan.SampleLife.TotalMinutes:0} minutes of {unknown.Count} of {ready.Count} ready instances, {unknown[0].Name} first; the number stays {current}. {unknown[0].Use.Why}").TrimEnd());
        if (ScalePlan.Recommend(settings, current, [.. ready.Select(i => i.Use.Newest!)]) is not { } recommended)
            return new(current, ConditionStatus.False, Reasons.MetricsUnavailable, Text($"The measurements don't tell what the metrics ask for, which is averageUtilization of instances whose size is known; the number stays {current}."));

        var wanted = ScalePlan.Limit(settings, current, recommended, Highest(deployment.Metadata.Uid ?? "", recommended, now));
        return new(wanted, ConditionStatus.True, Reasons.ValidMetricFound, Text($"{wanted} of {min} to {settings.MaxReplicas} instances by the metrics."));
    }

    public void Forget(string uid) => _recommended.TryRemove(uid, out _);

    private int? Highest(string uid, int recommended, DateTimeOffset now)
    {
        var known = _recommended.GetOrAdd(uid, _ => []);
        // A window with a hole isn't full: what was wished meanwhile nobody knows.
        if (known.Count > 0 && now - known[^1].At >= ScalePlan.SampleLife)
            known.Clear();
        known.Add((now, recommended));
        // The newest one from before the window stays: it says that the window is full.
        var before = known.FindLastIndex(r => now - r.At >= ScalePlan.DownWindow);
        if (before > 0)
            known.RemoveRange(0, before);
        return before < 0 ? null : known.Skip(1).Max(r => r.Wanted);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
