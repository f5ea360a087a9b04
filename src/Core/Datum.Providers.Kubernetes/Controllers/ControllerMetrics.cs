using System.Diagnostics.Metrics;

namespace Datum.Providers.Kubernetes.Controllers;

/// <summary>The instruments of queues and controllers; the tags <c>queue</c> and <c>controller</c> carry the name.</summary>
public static class ControllerMetrics
{
    public const string MeterName = "Datum.Providers.Controllers";

    private static readonly Meter Source = new(MeterName);

    internal static readonly UpDownCounter<long> Depth =
        Source.CreateUpDownCounter<long>("datum.workqueue.depth", "{key}", "Keys that wait to be processed, without those that wait for a time.");

    internal static readonly UpDownCounter<long> Delayed =
        Source.CreateUpDownCounter<long>("datum.workqueue.delayed", "{key}", "Keys that wait for a time.");

    internal static readonly Histogram<double> Age =
        Source.CreateHistogram<double>("datum.workqueue.age", "s", "How long a key waited until it was processed.");

    internal static readonly Counter<long> Retries =
        Source.CreateCounter<long>("datum.workqueue.retries", "{retry}", "Keys that were put back with a growing delay.");

    internal static readonly Histogram<double> Duration =
        Source.CreateHistogram<double>("datum.controller.reconcile.duration", "s", "How long one reconcile took; the tag result says how it ended.");
}
