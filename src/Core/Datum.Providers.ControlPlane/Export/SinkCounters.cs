using System.Diagnostics.Metrics;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.ControlPlane.Export;

/// <summary>What became of a sink's samples: as series of the policy's own namespace, and summed up as metrics of the host.</summary>
internal sealed class SinkCounters
{
    private const string Service = "telemetry.datumapis.com";
    private static readonly Meter Source = new("Datum.Providers.Export");

    private static readonly Counter<long> AllSamples =
        Source.CreateCounter<long>("datum.export.samples", "{sample}", "Samples of export policies; outcome is sent, dropped or overflowed.");

    private static readonly Counter<long> AllRequests =
        Source.CreateCounter<long>("datum.export.requests", "{request}", "Requests to receivers; outcome is how each ended.");

    private readonly string _ns;
    private readonly (Series Series, Func<long> Value)[] _series;
    private long _sent, _dropped, _overflowed, _succeeded, _failed;

    public SinkCounters(ObjectKey policy, string sink)
    {
        _ns = policy.Namespace ?? "";
        _series =
        [
            (Of("datum_export_samples_total", ("outcome", "sent")), () => Interlocked.Read(ref _sent)),
            (Of("datum_export_samples_total", ("outcome", "dropped")), () => Interlocked.Read(ref _dropped)),
            (Of("datum_export_samples_total", ("outcome", "overflowed")), () => Interlocked.Read(ref _overflowed)),
            (Of("datum_export_requests_total", ("outcome", "succeeded")), () => Interlocked.Read(ref _succeeded)),
            (Of("datum_export_requests_total", ("outcome", "failed")), () => Interlocked.Read(ref _failed)),
            (Of("datum_export_queue_samples"), () => QueueLength),
        ];

        Series Of(string metric, params (string Name, string Value)[] more) => Series.Of(metric,
        [
            new("service_name", Service), new("resource_kind", "ExportPolicy"), new("resource_name", policy.Name), new("namespace", policy.Namespace), new("sink", sink),
            .. more.Select(m => KeyValuePair.Create(m.Name, (string?)m.Value)),
        ]);
    }

    public long QueueLength { get; set; }

    public long Sent => Interlocked.Read(ref _sent);

    /// <summary>Refused, or not taken in all attempts.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Didn't fit into the queue.</summary>
    public long Overflowed => Interlocked.Read(ref _overflowed);

    public void Request(Delivery outcome)
    {
        Interlocked.Increment(ref (outcome == Delivery.Delivered ? ref _succeeded : ref _failed));
        AllRequests.Add(1, new KeyValuePair<string, object?>("outcome", Word(outcome)));
    }

    public void Samples(int count, bool sent)
    {
        Interlocked.Add(ref (sent ? ref _sent : ref _dropped), count);
        AllSamples.Add(count, new KeyValuePair<string, object?>("outcome", sent ? "sent" : "dropped"));
    }

    public void Overflow(int count)
    {
        Interlocked.Add(ref _overflowed, count);
        AllSamples.Add(count, new KeyValuePair<string, object?>("outcome", "overflowed"));
    }

    public void Collect(SeriesReceiver take)
    {
        foreach (var (series, value) in _series)
            take(_ns, series, value());
    }

    private static string Word(Delivery outcome) => outcome switch
    {
        Delivery.Delivered => "delivered",
        Delivery.CredentialsRefused => "credentials-refused",
        Delivery.Refused => "refused",
        Delivery.Redirected => "redirected",
        Delivery.Throttled => "throttled",
        Delivery.Unavailable => "unavailable",
        Delivery.DestinationRefused => "destination-refused",
        _ => "unknown",
    };
}
