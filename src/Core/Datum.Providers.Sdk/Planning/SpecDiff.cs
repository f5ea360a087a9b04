using System.Globalization;

namespace Datum.Providers.Sdk;

/// <summary>Collects <see cref="Drift"/> over the fields that desired sets; what desired leaves out is never drift.</summary>
public sealed class SpecDiff
{
    private readonly ImmutableArray<Drift>.Builder _drift = ImmutableArray.CreateBuilder<Drift>();

    /// <summary>Compares texts by ordinal; a null wish is none.</summary>
    public SpecDiff Text(string path, string? desired, string? actual, Remedy remedy)
    {
        if (desired is not null && !string.Equals(desired, actual, StringComparison.Ordinal))
            Add(path, remedy, desired, actual);
        return this;
    }

    /// <summary>Compares numbers; a null wish is none.</summary>
    public SpecDiff Number(string path, long? desired, long? actual, Remedy remedy)
    {
        if (desired is { } d && d != actual)
            Add(path, remedy, Show(d), actual is { } a ? Show(a) : null);
        return this;
    }

    /// <summary>Compares truth values.</summary>
    public SpecDiff Flag(string path, bool? desired, bool? actual, Remedy remedy)
    {
        if (desired is { } d && d != actual)
            Add(path, remedy, d ? "true" : "false", actual switch { true => "true", false => "false", null => null });
        return this;
    }

    /// <summary>Compares as sets of texts: order and repetition don't count. An empty wish is a wish for none.</summary>
    public SpecDiff Set(string path, IEnumerable<string> desired, IEnumerable<string> actual, Remedy remedy)
    {
        var d = desired.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        var a = actual.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        if (!d.SequenceEqual(a, StringComparer.Ordinal))
            Add(path, remedy, string.Join(", ", d), string.Join(", ", a));
        return this;
    }

    /// <summary>Compares as lists of texts.</summary>
    public SpecDiff List(string path, IReadOnlyList<string> desired, IReadOnlyList<string> actual, Remedy remedy)
    {
        if (!desired.SequenceEqual(actual, StringComparer.Ordinal))
            Add(path, remedy, string.Join(", ", desired), string.Join(", ", actual));
        return this;
    }

    /// <summary>Compares secrets (by a hash or otherwise) and shows neither value (law L12).</summary>
    public SpecDiff Secret(string path, string? desired, string? actual, Remedy remedy)
    {
        if (desired is not null && !string.Equals(desired, actual, StringComparison.Ordinal))
            Add(path, remedy, null, null);
        return this;
    }

    /// <summary>Adds a difference that was found otherwise.</summary>
    public SpecDiff Add(string path, Remedy remedy, string? desired = null, string? actual = null)
    {
        _drift.Add(new Drift { Path = path, Remedy = remedy, Desired = desired, Actual = actual });
        return this;
    }

    /// <summary>All differences, in the order of comparison.</summary>
    public ImmutableArray<Drift> ToDrift() => _drift.ToImmutable();

    /// <summary>True when something can be mended by an update, and nothing needs a replacement.</summary>
    public bool CanUpdate => _drift.Any(d => d.Remedy == Remedy.InPlace) && _drift.All(d => d.Remedy != Remedy.Replace);

    private static string Show(long number) => number.ToString(CultureInfo.InvariantCulture);
}
