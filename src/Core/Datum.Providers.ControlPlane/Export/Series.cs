using System.Buffers;
using System.Text;
using Datum.Providers.Resources.Telemetry;

namespace Datum.Providers.ControlPlane.Export;

/// <summary>One time series: a metric's name and its labels. They are sorted and encoded once, since each is sent again and again.</summary>
public sealed class Series : ILabelSet
{
    private readonly KeyValuePair<string, string>[] _labels;

    private Series(KeyValuePair<string, string>[] labels)
    {
        _labels = labels;
        var buffer = new ArrayBufferWriter<byte>();
        foreach (var (name, value) in labels)
            RemoteWriteMessage.WriteLabel(buffer, name, value);
        Encoded = buffer.WrittenMemory;
    }

    /// <summary>By name in ordinal order, as receivers ask for.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Labels => _labels;

    /// <summary>The labels as fields of a TimeSeries message.</summary>
    internal ReadOnlyMemory<byte> Encoded { get; }

    public string this[string name]
    {
        get
        {
            foreach (var (known, value) in _labels)
            {
                if (known == name)
                    return value;
            }

            return "";
        }
    }

    /// <summary>Labels without a value are left out, as they mean the same; the first of a name counts.</summary>
    public static Series Of(string metric, params IEnumerable<KeyValuePair<string, string?>> labels)
    {
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal) { [MetricsSelector.NameLabel] = metric };
        foreach (var (name, value) in labels)
        {
            if (!string.IsNullOrEmpty(value))
                all.TryAdd(name, value);
        }

        return new Series([.. all]);
    }

    public override string ToString() => new StringBuilder().Append('{').AppendJoin(',', _labels.Select(l => $"{l.Key}=\"{l.Value}\"")).Append('}').ToString();
}

/// <summary>What a series had as value at a time.</summary>
/// <param name="Timestamp">Milliseconds since 1970.</param>
public readonly record struct Sample(Series Series, double Value, long Timestamp);

/// <summary>Takes the series of a namespace.</summary>
public delegate void SeriesReceiver(string ns, Series series, double value);

/// <summary>Something that has series.</summary>
public interface ISeriesSource
{
    /// <summary>Hands over what the policies of these namespaces may see, and nothing of other namespaces (law L14).</summary>
    void Collect(IReadOnlySet<string> namespaces, SeriesReceiver take);
}
