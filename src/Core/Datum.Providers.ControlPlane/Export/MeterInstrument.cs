using System.Collections.Concurrent;
using System.Globalization;

namespace Datum.Providers.ControlPlane.Export;

/// <summary>The numbers of one instrument, by its tags.</summary>
internal sealed class MeterInstrument
{
    private readonly string _metric;
    private readonly MeterKind _kind;
    private readonly string _service;
    private readonly bool _observed;
    private readonly double[] _bounds;
    private readonly ConcurrentDictionary<Tags, Cell> _cells = new(TagComparer.Instance);
    private readonly ConcurrentDictionary<Tags, Cell>.AlternateLookup<ReadOnlySpan<KeyValuePair<string, object?>>> _lookup;

    /// <param name="bounds">Upper bounds of a histogram's buckets, without the infinite one.</param>
    public MeterInstrument(string metric, MeterKind kind, string service, bool observed, double[] bounds)
    {
        (_metric, _kind, _service, _observed, _bounds) = (metric, kind, service, observed, bounds);
        _lookup = _cells.GetAlternateLookup<ReadOnlySpan<KeyValuePair<string, object?>>>();
    }

    public void Measure(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (!_lookup.TryGetValue(tags, out var cell))
        {
            if (_cells.Count >= MeterSeries.MaxSeries)
                return;
            cell = _cells.GetOrAdd(new Tags(tags.ToArray()), NewCell);
        }

        lock (cell)
        {
            cell.Seen = true;
            switch (_kind)
            {
                case MeterKind.Sum or MeterKind.Level:
                    cell.Value += value;
                    break;
                case MeterKind.Histogram:
                    cell.Value += value;
                    var at = Array.BinarySearch(_bounds, value);
                    cell.Buckets[at < 0 ? ~at : at]++;
                    break;
                default:
                    cell.Value = value;
                    break;
            }
        }
    }

    /// <summary>What isn't reported from now on by an observed instrument is no more.</summary>
    public void Begin()
    {
        if (!_observed)
            return;
        foreach (var cell in _cells.Values)
        {
            lock (cell)
                cell.Seen = false;
        }
    }

    public void Collect(string ns, SeriesReceiver take)
    {
        foreach (var cell in _cells.Values)
        {
            lock (cell)
            {
                if (!cell.Seen)
                    continue;
                if (_kind != MeterKind.Histogram)
                {
                    take(ns, cell.Series[0], cell.Value);
                    continue;
                }

                var count = 0L;
                for (var i = 0; i < cell.Buckets.Length; i++)
                {
                    count += cell.Buckets[i];
                    take(ns, cell.Series[i], count);
                }

                take(ns, cell.Series[^2], cell.Value);
                take(ns, cell.Series[^1], count);
            }
        }
    }

    private Cell NewCell(Tags tags)
    {
        var labels = tags.All.Select(t => KeyValuePair.Create(MeterSeries.LabelName(t.Key), Convert.ToString(t.Value, CultureInfo.InvariantCulture)))
            .Prepend(new("service_name", _service)).ToList();
        if (_kind != MeterKind.Histogram)
            return new Cell([Series.Of(_metric, labels)], []);
        // The buckets, then sum and count.
        var series = _bounds.Append(double.PositiveInfinity)
            .Select(b => Series.Of($"{_metric}_bucket", [.. labels, new("le", double.IsInfinity(b) ? "+Inf" : b.ToString(CultureInfo.InvariantCulture))]))
            .Append(Series.Of($"{_metric}_sum", labels)).Append(Series.Of($"{_metric}_count", labels));
        return new Cell([.. series], new long[_bounds.Length + 1]);
    }

    private sealed class Cell(Series[] series, long[] buckets)
    {
        public Series[] Series => series;
        public long[] Buckets => buckets;
        public double Value { get; set; }
        public bool Seen { get; set; }
    }

    private readonly record struct Tags(KeyValuePair<string, object?>[] All);

    /// <summary>Finds a cell by the tags of a measurement as they come, without a copy of them.</summary>
    private sealed class TagComparer : IEqualityComparer<Tags>, IAlternateEqualityComparer<ReadOnlySpan<KeyValuePair<string, object?>>, Tags>
    {
        public static readonly TagComparer Instance = new();

        public bool Equals(Tags x, Tags y) => Equals(x.All.AsSpan(), y);

        public int GetHashCode(Tags tags) => GetHashCode(tags.All.AsSpan());

        public bool Equals(ReadOnlySpan<KeyValuePair<string, object?>> alternate, Tags other)
        {
            if (alternate.Length != other.All.Length)
                return false;
            for (var i = 0; i < alternate.Length; i++)
            {
                if (alternate[i].Key != other.All[i].Key || !object.Equals(alternate[i].Value, other.All[i].Value))
                    return false;
            }

            return true;
        }

        public int GetHashCode(ReadOnlySpan<KeyValuePair<string, object?>> alternate)
        {
            var hash = default(HashCode);
            foreach (var (key, value) in alternate)
            {
                hash.Add(key);
                hash.Add(value);
            }

            return hash.ToHashCode();
        }

        public Tags Create(ReadOnlySpan<KeyValuePair<string, object?>> alternate) => new(alternate.ToArray());
    }
}
