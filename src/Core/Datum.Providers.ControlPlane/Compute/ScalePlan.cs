using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>How many instances are wanted and, where maxReplicas or metrics are set, why (the ScalingActive condition).</summary>
public sealed record ScaleAnswer(int Replicas, string? Status = null, string Reason = "", string Message = "");

/// <summary>
/// The number of instances between minReplicas and maxReplicas that brings the metrics to their targets: pure. As the Kubernetes
/// autoscaler has it: the highest of all metrics, a tolerance of a tenth, up at once (at most double, or four more), down
/// only to the highest wish of the last five minutes.
/// </summary>
public static class ScalePlan
{
    /// <summary>How often a deployment that scales is looked at.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(30);

    public static readonly TimeSpan SampleLife = TimeSpan.FromMinutes(2);

    /// <summary>How long a lower wish must hold before instances are taken away.</summary>
    public static readonly TimeSpan DownWindow = TimeSpan.FromMinutes(5);

    private const string Cpu = "cpu";
    private const double Tolerance = 0.1;
    private const int MaxReplicas = 1000;

    /// <summary>Why the settings can't be carried out; null when they can, or when they ask for no scaling.</summary>
    public static string? Refusal(ScaleSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (settings.MaxReplicas is not { } max)
            return settings.Metrics is { Count: > 0 } ? "spec.scaleSettings.metrics without maxReplicas scale nothing; set maxReplicas." : null;
        if (max < settings.MinReplicas || max > MaxReplicas)
            return $"spec.scaleSettings.maxReplicas is {max}; {settings.MinReplicas} (minReplicas) to {MaxReplicas} is possible.";
        if (settings.Metrics is not { Count: > 0 } metrics)
            return "spec.scaleSettings.maxReplicas needs at least one of metrics.";
        foreach (var (metric, index) in metrics.Select((m, i) => (m, i)))
        {
            var path = $"spec.scaleSettings.metrics[{index}].resource";
            if (metric.Resource is not { Name: Cpu } resource)
                return $"{path}.name is '{metric.Resource?.Name}'; only {Cpu} is possible.";
            var target = resource.Target;
            if (new[] { target.Value is not null, target.AverageValue is not null, target.AverageUtilization is not null }.Count(t => t) != 1)
                return $"{path}.target: exactly one of value, averageValue and averageUtilization is possible.";
            if (TargetOf(target) is null)
                return $"{path}.target must be more than zero.";
        }

        return null;
    }

    /// <summary>How many instances the measurements ask for, before any limit; null when they can't tell.</summary>
    /// <param name="current">How many there shall be now.</param>
    /// <param name="samples">The fresh measurements of ready instances.</param>
    public static int? Recommend(ScaleSettings settings, int current, IReadOnlyList<InstanceUsage> samples)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(samples);
        int? most = null;
        foreach (var target in (settings.Metrics ?? []).Select(m => m.Resource!.Target))
        {
            if (RatioOf(target, current, samples) is not { } ratio)
                return null;
            // Who hasn't reported counts as idle when more are wanted, and forbids to take any away.
            var wanted = Math.Abs(ratio - 1) <= Tolerance ? current : (int)Math.Min(MaxReplicas, Math.Ceiling(current * ratio));
            if (wanted < current && samples.Count < current)
                wanted = current;
            most = Math.Max(most ?? 0, wanted);
        }

        return most;
    }

    /// <summary>A recommendation within the limits of one step and of the settings.</summary>
    /// <param name="highest">The highest recommendation of the last <see cref="DownWindow"/>, this one included; null before the window is full.</param>
    public static int Limit(ScaleSettings settings, int current, int recommended, int? highest)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var wanted = recommended > current ? Math.Min(recommended, Math.Max(current * 2, current + 4)) : Math.Min(current, highest ?? current);
        return Math.Clamp(wanted, Math.Max(0, settings.MinReplicas), settings.MaxReplicas ?? int.MaxValue);
    }

    private static double? RatioOf(ResourceMetricTarget target, int current, IReadOnlyList<InstanceUsage> samples)
    {
        if (samples.Count == 0 || current == 0 || TargetOf(target) is not { } wanted)
            return null;
        double used = samples.Sum(s => s.CpuMillis);
        if (target.AverageUtilization is null)
            return target.Value is not null ? used / wanted : used / current / wanted;
        if (samples.Any(s => s.CpuCapacityMillis is not > 0))
            return null;
        var capacity = samples.Average(s => (double)s.CpuCapacityMillis!.Value) * current;
        return used / capacity * 100 / wanted;
    }

    /// <summary>Thousandths of a processor, or percent; null when it isn't more than zero.</summary>
    private static double? TargetOf(ResourceMetricTarget target)
    {
        if (target.AverageUtilization is { } percent)
            return percent > 0 ? percent : null;
        return (target.Value ?? target.AverageValue) is { } text && Quantity.TryParse(text, out var quantity, out _) && quantity.Value > 0
            ? (double)quantity.Value * 1000
            : null;
    }
}
