using System.Diagnostics.Metrics;

namespace Datum.Providers.Engine.Limits;

/// <summary>Instruments of accounts; the tags <c>driver</c> and <c>account</c> say which.</summary>
public static class LimitMetrics
{
    public const string MeterName = "Datum.Providers.Accounts";

    private static readonly Meter Source = new(MeterName);

    internal static readonly Counter<long> Throttled =
        Source.CreateCounter<long>("datum.account.throttled", "{answer}", "Answers by which a platform said that it was asked too often.");

    internal static readonly Histogram<double> Rate =
        Source.CreateHistogram<double>("datum.account.rate", "{request}/s", "The rate that an account was lowered to by a throttle.");

    internal static readonly Counter<long> Waits =
        Source.CreateCounter<long>("datum.account.waits", "{wait}", "How often work on an account had to wait for its rate.");

    internal static readonly UpDownCounter<long> Open =
        Source.CreateUpDownCounter<long>("datum.account.breakers.open", "{session}", "Sessions whose circuit breaker is open.");

    internal static readonly Counter<long> Probes =
        Source.CreateCounter<long>("datum.account.breaker.probes", "{probe}", "Probes of open circuit breakers; the tag result says how they ended.");
}
