using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;

namespace Datum.Providers.ControlPlane.Export;

/// <summary>
/// The host's own metrics as series, named as Prometheus names them. They tell of all tenants, so only policies of the operator's own namespaces
/// get them (law L14). A measurement of labels that are known already allocates nothing.
/// </summary>
public sealed class MeterSeries : ISeriesSource, IDisposable
{
    /// <summary>Label sets of one instrument at most; measurements of further ones are left out.</summary>
    public const int MaxSeries = 2000;

    private const string Service = "providers.datumapis.com";
    private static readonly double[] s_seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    private readonly Func<string, bool> _sees;
    private readonly ConcurrentDictionary<Instrument, MeterInstrument> _instruments = new();
    private readonly MeterListener _listener = new();
    private readonly Lock _collecting = new();

    /// <param name="sees">Whether the policies of a namespace get these series.</param>
    /// <param name="meters">Prefixes of the names of meters.</param>
    public MeterSeries(Func<string, bool> sees, params IReadOnlyList<string> meters)
    {
        ArgumentNullException.ThrowIfNull(meters);
        _sees = sees;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (meters.Any(m => instrument.Meter.Name.StartsWith(m, StringComparison.Ordinal)))
                listener.EnableMeasurementEvents(instrument, _instruments.GetOrAdd(instrument, Create));
        };
        _listener.MeasurementsCompleted = (instrument, _) => _instruments.TryRemove(instrument, out var _);
        _listener.SetMeasurementEventCallback<long>((_, value, tags, state) => ((MeterInstrument)state!).Measure(value, tags));
        _listener.SetMeasurementEventCallback<int>((_, value, tags, state) => ((MeterInstrument)state!).Measure(value, tags));
        _listener.SetMeasurementEventCallback<double>((_, value, tags, state) => ((MeterInstrument)state!).Measure(value, tags));
        _listener.SetMeasurementEventCallback<float>((_, value, tags, state) => ((MeterInstrument)state!).Measure(value, tags));
        _listener.Start();
    }

    public void Collect(IReadOnlySet<string> namespaces, SeriesReceiver take)
    {
        ArgumentNullException.ThrowIfNull(namespaces);
        ArgumentNullException.ThrowIfNull(take);
        var operators = namespaces.Where(_sees).ToList();
        if (operators.Count == 0)
            return;
        lock (_collecting)
        {
            foreach (var instrument in _instruments.Values)
                instrument.Begin();
            _listener.RecordObservableInstruments();
            foreach (var instrument in _instruments.Values)
            {
                foreach (var ns in operators)
                    instrument.Collect(ns, take);
            }
        }
    }

    public void Dispose() => _listener.Dispose();

    private static MeterInstrument Create(Instrument instrument)
    {
        var type = instrument.GetType();
        var generic = type.IsGenericType ? type.GetGenericTypeDefinition() : null;
        var kind = generic == typeof(Histogram<>) ? MeterKind.Histogram
            : generic == typeof(Counter<>) ? MeterKind.Sum
            : generic == typeof(ObservableCounter<>) ? MeterKind.LastTotal
            : generic == typeof(UpDownCounter<>) ? MeterKind.Level
            : MeterKind.Last;
        var bounds = kind != MeterKind.Histogram ? []
            : instrument is Histogram<double> { Advice.HistogramBucketBoundaries: { } advised } ? [.. advised]
            : s_seconds;
        return new MeterInstrument(MetricName(instrument.Name, instrument.Unit, kind), kind, Service, instrument.IsObservable, bounds);
    }

    /// <summary>As the OpenTelemetry rules for Prometheus have it: underscores, the unit, <c>_total</c> for what only grows.</summary>
    private static string MetricName(string name, string? unit, MeterKind kind)
    {
        var text = new StringBuilder(LabelName(name));
        var suffix = unit switch { "s" => "_seconds", "By" => "_bytes", "ms" => "_milliseconds", _ => "" };
        if (suffix.Length > 0 && !name.EndsWith(suffix[1..], StringComparison.Ordinal))
            text.Append(suffix);
        if (kind is MeterKind.Sum or MeterKind.LastTotal)
            text.Append("_total");
        return text.ToString();
    }

    internal static string LabelName(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (var c in name)
            text.Append(char.IsAsciiLetterOrDigit(c) ? c : '_');
        return text.Length > 0 && char.IsAsciiDigit(text[0]) ? $"_{text}" : text.ToString();
    }
}

/// <summary>What the numbers of an instrument mean.</summary>
internal enum MeterKind
{
    Unknown = 0,
    /// <summary>Added up, and only grows.</summary>
    Sum = 1,
    /// <summary>Added up.</summary>
    Level = 2,
    /// <summary>The last one.</summary>
    Last = 3,
    /// <summary>The last one, which only grows.</summary>
    LastTotal = 4,
    Histogram = 5,
}
