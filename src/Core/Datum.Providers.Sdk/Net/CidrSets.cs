using System.Net;
using System.Net.Sockets;

namespace Datum.Providers.Sdk;

/// <summary>Arithmetic over sets of prefixes. Results are minimal and in order: the fewest prefixes that hold exactly those addresses.</summary>
public static class CidrSets
{
    /// <summary>The fewest prefixes with the same addresses: what lies in another goes, and neighbours become one.</summary>
    public static ImmutableArray<Cidr> Merge(params IEnumerable<Cidr> prefixes) => ToPrefixes(Ranges(prefixes));

    /// <summary>What of <paramref name="prefixes"/> isn't in <paramref name="holes"/>.</summary>
    public static ImmutableArray<Cidr> Except(IEnumerable<Cidr> prefixes, IEnumerable<Cidr> holes)
    {
        var result = new List<Range>();
        var cut = Ranges(holes);
        foreach (var range in Ranges(prefixes))
        {
            var from = range.First;
            var done = false;
            foreach (var hole in cut)
            {
                if (hole.V6 != range.V6 || hole.Last < from || hole.First > range.Last)
                    continue;
                if (hole.First > from)
                    result.Add(new Range(range.V6, from, hole.First - 1));
                done = hole.Last >= range.Last;
                if (done)
                    break;
                from = hole.Last + 1;
            }

            if (!done)
                result.Add(new Range(range.V6, from, range.Last));
        }

        return ToPrefixes(result);
    }

    /// <summary>What lies in both.</summary>
    public static ImmutableArray<Cidr> Intersect(IEnumerable<Cidr> one, IEnumerable<Cidr> other)
    {
        var a = Ranges(one);
        var b = Ranges(other);
        var result = new List<Range>();
        int i = 0, j = 0;
        while (i < a.Count && j < b.Count)
        {
            if (a[i].V6 == b[j].V6)
            {
                var first = UInt128.Max(a[i].First, b[j].First);
                var last = UInt128.Min(a[i].Last, b[j].Last);
                if (first <= last)
                    result.Add(new Range(a[i].V6, first, last));
            }

            if (Ends(a[i], b[j]))
                i++;
            else
                j++;
        }

        return ToPrefixes(result);

        static bool Ends(Range x, Range y) => x.V6 != y.V6 ? !x.V6 : x.Last < y.Last;
    }

    /// <summary>Whether every address of <paramref name="inner"/> is in <paramref name="outer"/>.</summary>
    public static bool Covers(IEnumerable<Cidr> outer, IEnumerable<Cidr> inner) => Except(inner, outer).IsEmpty;

    /// <summary>The fewest prefixes from the first address to the last. Throws when they are of two families or in the wrong order.</summary>
    public static ImmutableArray<Cidr> Summarize(IPAddress first, IPAddress last)
    {
        var v6 = first.AddressFamily == AddressFamily.InterNetworkV6;
        if (v6 != (last.AddressFamily == AddressFamily.InterNetworkV6))
            throw new ArgumentException($"{first} and {last} are of two families.", nameof(last));
        var (from, to) = (Cidr.ToNumber(first), Cidr.ToNumber(last));
        if (from > to)
            throw new ArgumentException($"{first} comes after {last}.", nameof(last));
        return ToPrefixes([new Range(v6, from, to)]);
    }

    /// <summary>The first prefix of the length within the pool that overlaps none of <paramref name="taken"/>; null when there is none.</summary>
    public static Cidr? NextFree(Cidr pool, int length, IEnumerable<Cidr> taken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, pool.PrefixLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, pool.AddressBits);
        var size = Cidr.HostMask(pool.AddressBits - length);
        var at = pool.FirstNumber;
        foreach (var range in Ranges(taken))
        {
            if (range.V6 != pool.IsIPv6 || range.Last < at)
                continue;
            if (range.First > (at | size))
                break;
            // The prefix after the one in which the taken range ends.
            var end = range.Last | size;
            if (end >= pool.LastNumber)
                return null;
            at = end + 1;
        }

        return Cidr.Of(at, length, pool.IsIPv6);
    }

    private static List<Range> Ranges(IEnumerable<Cidr> prefixes)
    {
        var sorted = new List<Cidr>(prefixes);
        sorted.Sort();
        var ranges = new List<Range>(sorted.Count);
        foreach (var prefix in sorted)
        {
            var next = new Range(prefix.IsIPv6, prefix.FirstNumber, prefix.LastNumber);
            if (ranges.Count > 0 && ranges[^1] is var last && last.V6 == next.V6 && (next.First <= last.Last || next.First - 1 == last.Last))
                ranges[^1] = last with { Last = UInt128.Max(last.Last, next.Last) };
            else
                ranges.Add(next);
        }

        return ranges;
    }

    private static ImmutableArray<Cidr> ToPrefixes(List<Range> ranges)
    {
        var result = ImmutableArray.CreateBuilder<Cidr>(ranges.Count);
        foreach (var (v6, first, last) in ranges)
        {
            var bits = v6 ? 128 : 32;
            for (var at = first; ;)
            {
                // The largest prefix that begins here and doesn't reach beyond the end.
                var host = at == 0 ? bits : Math.Min(bits, (int)UInt128.TrailingZeroCount(at));
                while (host > 0 && (at | Cidr.HostMask(host)) > last)
                    host--;
                result.Add(Cidr.Of(at, bits - host, v6));
                var end = at | Cidr.HostMask(host);
                if (end >= last)
                    break;
                at = end + 1;
            }
        }

        return result.ToImmutable();
    }

    private readonly record struct Range(bool V6, UInt128 First, UInt128 Last);
}
