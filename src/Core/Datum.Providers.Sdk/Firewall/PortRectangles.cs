namespace Datum.Providers.Sdk;

/// <summary>
/// A set of (port, source) pairs as rectangles of a port range and a prefix: all that can't be made larger, less those that the others make
/// needless. It depends on the pairs alone, not on how they were written.
/// </summary>
internal static class PortRectangles
{
    /// <param name="rules">The rectangles as written.</param>
    /// <param name="everything">Sources that are allowed for every protocol anyway.</param>
    /// <param name="lastPort">65535.</param>
    public static List<(int First, int Last, Cidr Source)> Of(List<(int First, int Last, Cidr Source)> rules, ImmutableArray<Cidr> everything, int lastPort)
    {
        if (rules.Count == 0)
            return [];
        var segments = Segments(rules, everything, lastPort);
        var maximal = Maximal(segments);
        maximal.RemoveAll(r => CidrSets.Covers(everything, [r.Source]));
        maximal.Sort(static (a, b) => a.First != b.First ? a.First.CompareTo(b.First) : a.Last != b.Last ? a.Last.CompareTo(b.Last) : a.Source.CompareTo(b.Source));
        // From the smallest: it is the likeliest to be covered, and the order is a function of the set.
        foreach (var candidate in maximal.OrderBy(r => r.Last - r.First).ThenByDescending(r => r.Source.PrefixLength).ThenBy(r => r.First).ThenBy(r => r.Source).ToList())
            if (IsCovered(candidate, maximal, everything))
                maximal.Remove(candidate);
        return maximal;
    }

    /// <summary>The port axis cut where anything changes, each with its sources; neighbours with the same sources are one.</summary>
    private static List<(int First, int Last, ImmutableArray<Cidr> Sources)> Segments(
        List<(int First, int Last, Cidr Source)> rules, ImmutableArray<Cidr> everything, int lastPort)
    {
        var starts = new SortedSet<int> { 1 };
        foreach (var (first, last, _) in rules)
        {
            starts.Add(first);
            if (last < lastPort)
                starts.Add(last + 1);
        }

        var segments = new List<(int First, int Last, ImmutableArray<Cidr> Sources)>();
        var cuts = starts.ToList();
        for (var i = 0; i < cuts.Count; i++)
        {
            var (first, last) = (cuts[i], i + 1 < cuts.Count ? cuts[i + 1] - 1 : lastPort);
            var sources = CidrSets.Merge(rules.Where(r => r.First <= first && r.Last >= last).Select(r => r.Source).Concat(everything));
            if (segments.Count > 0 && segments[^1].Sources.SequenceEqual(sources))
                segments[^1] = segments[^1] with { Last = last };
            else
                segments.Add((first, last, sources));
        }

        return segments;
    }

    private static List<(int First, int Last, Cidr Source)> Maximal(List<(int First, int Last, ImmutableArray<Cidr> Sources)> segments)
    {
        var result = new List<(int, int, Cidr)>();
        for (var from = 0; from < segments.Count; from++)
        {
            var common = segments[from].Sources;
            for (var to = from; to < segments.Count && !common.IsEmpty; to++)
            {
                if (to > from)
                    common = CidrSets.Intersect(common, segments[to].Sources);
                foreach (var source in common)
                    if ((from == 0 || !CidrSets.Covers(segments[from - 1].Sources, [source]))
                        && (to + 1 == segments.Count || !CidrSets.Covers(segments[to + 1].Sources, [source])))
                        result.Add((segments[from].First, segments[to].Last, source));
            }
        }

        return result;
    }

    private static bool IsCovered((int First, int Last, Cidr Source) one, List<(int First, int Last, Cidr Source)> all, ImmutableArray<Cidr> everything)
    {
        var others = all.Where(r => r != one && r.First <= one.Last && r.Last >= one.First && r.Source.Overlaps(one.Source)).ToList();
        if (others.Count == 0)
            return false;
        var cuts = others.Select(r => r.First).Concat(others.Where(r => r.Last < one.Last).Select(r => r.Last + 1)).Append(one.First)
            .Where(p => p >= one.First && p <= one.Last).Distinct();
        return cuts.All(port => CidrSets.Covers(others.Where(r => r.First <= port && r.Last >= port).Select(r => r.Source).Concat(everything), [one.Source]));
    }
}
