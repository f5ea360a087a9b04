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
    private const string NobodyMeasures = "spec.scaleSettings.maxReplicas and metrics are not acted on: minReplicas instances are kept.";

    private readonly ConcurrentDictionary<string, List<(DateTimeOffset At, int Wanted)>> _recommended = new(StringComparer.Ordinal);

    /// <summary>Whether a deployment is to be looked at every <see cref="ScalePlan.Period"/>.</summary>
    public bool Acts(WorkloadDeployment deployment)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        return usage is not null && deployment.Spec.ScaleSettings.MaxReplicas is not null && ScalePlan.Refusal(deployment.Spec.ScaleSettings) is null;
    }

    public ScaleAnswer Decide(WorkloadDeployment deployment, IReadOnlyList<Instance> owned, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        ArgumentNullException.ThrowIfNull(owned);
        var settings = deployment.Spec.ScaleSettings;
        var min = Math.Max(0, settings.MinReplicas);
        if (settings.MaxReplicas is null && settings.Metrics is not { Count: > 0 })
            return new(min);
        if (usage is null)
            return new(min, ConditionStatus.False, Reasons.Unsupported, NobodyMeasures);
        if (ScalePlan.Refusal(settings) is { } refusal)
            return new(min, ConditionStatus.False, Reasons.ConfigurationError, refusal);

        // A status that was lost is no reason to take instances away.
        var current = Math.Clamp(deployment.Status is { DesiredReplicas: > 0 } status ? status.DesiredReplicas : owned.Count(i => !i.IsDeleting), min, settings.MaxReplicas!.Value);
        var samples = owned.Where(InstancePlan.IsReady).Select(i => usage.Find(i.Metadata.Uid ?? "")).OfType<InstanceUsage>().Where(s => now - s.At < ScalePlan.SampleLife).ToList();
        if (ScalePlan.Recommend(settings, current, samples) is not { } recommended)
            return new(current, ConditionStatus.False, Reasons.MetricsUnavailable, Text($"No usage that the metrics ask for is known; {current} instances are kept."));

        var wanted = ScalePlan.Limit(settings, current, recommended, Highest(deployment.Metadata.Uid ?? "", recommended, now));
        return new(wanted, ConditionStatus.True, Reasons.ValidMetricFound, Text($"{wanted} of {min} to {settings.MaxReplicas} instances by the metrics."));
    }

    public void Forget(string uid) => _recommended.TryRemove(uid, out _);

    private int? Highest(string uid, int recommended, DateTimeOffset now)
    {
        var known = _recommended.GetOrAdd(uid, _ => []);
        known.Add((now, recommended));
        // The newest one from before the window stays: it says that the window is full.
        var before = known.FindLastIndex(r => now - r.At >= ScalePlan.DownWindow);
        if (before > 0)
            known.RemoveRange(0, before);
        return before < 0 ? null : known.Skip(1).Max(r => r.Wanted);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
