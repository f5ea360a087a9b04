using Datum.Providers.Resources;

namespace Datum.Providers.ControlPlane.Ipam;

/// <summary>A prefix that is in use.</summary>
/// <param name="Network">Null when its Network can't be told: it then counts for every one.</param>
/// <param name="Exclusive">Whether it may not be overlapped by the requester's Network either: it is from the default range, or they meet at one place.</param>
public readonly record struct TakenPrefix(string? Network, IpPrefix Prefix, bool Exclusive = false);

/// <summary>What a Subnet asks for.</summary>
public sealed record PrefixRequest
{
    /// <summary>Identifies the Network among all of the plane; the default IPv6 range is derived from it.</summary>
    public required string Network { get; init; }

    public required IpFamily Family { get; init; }

    /// <summary>The Network's own ranges as CIDR; empty means the default.</summary>
    public IReadOnlyList<string> Ranges { get; init; } = [];

    /// <summary>Null or empty: any.</summary>
    public string? StartAddress { get; init; }

    /// <summary>Null or 0: <see cref="DefaultLength"/>, or the whole range where that is smaller.</summary>
    public int? PrefixLength { get; init; }

    /// <summary>The length by the class of the Subnet; null: /20 or /64.</summary>
    public int? DefaultLength { get; init; }

    internal int Length => DefaultLength ?? NetworkRanges.DefaultLength(Family);
}

/// <summary>The prefix, or why there is none.</summary>
public sealed record PrefixAnswer
{
    public IpPrefix? Prefix { get; init; }

    /// <summary>The reason for a condition; empty when a prefix was found.</summary>
    public string Reason { get; init; } = "";

    public string Message { get; init; } = "";

    internal static PrefixAnswer Of(IpPrefix prefix) => new() { Prefix = prefix };

    internal static PrefixAnswer Unavailable(string message) => new() { Reason = Reasons.RangeUnavailable, Message = message };

    internal static PrefixAnswer Invalid(string message) => new() { Reason = Reasons.ConfigurationError, Message = message };
}

/// <summary>
/// Finds a free prefix. It has no memory: what is taken is read from the Subnets each time, so that a restart changes nothing
/// and a deleted Subnet's prefix is free again.
/// </summary>
/// <remarks>
/// Within a Network nothing overlaps. Nothing overlaps with a default range, nor with another Network at the same place, because several Networks
/// may end on one host. Otherwise a Network with ranges of its own avoids the others while it can.
/// </remarks>
public static class PrefixAllocator
{
    /// <summary>The longest prefix that has room for an instance beside network, gateway and broadcast: 30 and 126.</summary>
    public static int LongestLength(IpFamily family) => family == IpFamily.IPv4 ? 30 : 126;

    /// <summary>Decides one request over what is taken by others (the requester's own prefix isn't in it).</summary>
    public static PrefixAnswer Allocate(PrefixRequest request, IReadOnlyCollection<TakenPrefix> taken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(taken);
        var own = taken.Where(t => t.Network is null || t.Network == request.Network).Select(t => t.Prefix).ToList();
        var barred = taken.Where(t => t.Exclusive || t.Network is null || t.Network == request.Network).Select(t => t.Prefix).ToList();
        var all = taken.Select(t => t.Prefix).ToList();

        var byDefault = request.Ranges.Count == 0;
        List<IpPrefix> ranges = [];
        if (byDefault)
        {
            ranges = NetworkRanges.Defaults(request, own, taken);
        }
        else
        {
            foreach (var text in request.Ranges)
            {
                if (!IpPrefix.TryParse(text, out var range, out var error))
                    return PrefixAnswer.Invalid($"A range of the Network can't be used: {error}.");
                if (range.Family != request.Family)
                    return PrefixAnswer.Invalid($"The range {range} of the Network is not {request.Family}.");
                ranges.Add(range);
            }
        }

        var wanted = request.PrefixLength is > 0 ? request.PrefixLength : null;
        var longest = LongestLength(request.Family);
        if (ranges.Find(r => r.Length > longest) is { Family: not IpFamily.Unknown } narrow)
            return PrefixAnswer.Invalid($"The range {narrow} of the Network has no room for instances; its prefix length is at most {longest}.");
        if (wanted > longest)
            return PrefixAnswer.Invalid($"A Subnet of prefix length {wanted} has no room for instances; the longest is {longest}.");
        return string.IsNullOrEmpty(request.StartAddress)
            ? Search(request, ranges, wanted, own.Count(p => p.Family == request.Family), byDefault ? [all] : [all, barred])
            : Check(request, ranges, wanted, byDefault, byDefault ? all : barred);
    }

    /// <summary>The first prefix of a length in a range that overlaps nothing taken; null when there is none.</summary>
    public static IpPrefix? FirstFree(IpPrefix range, int length, IEnumerable<IpPrefix> taken)
    {
        ArgumentNullException.ThrowIfNull(taken);
        if (length < range.Length)
            return null;
        var mask = IpPrefix.HostMask(range.Family, length);
        var cursor = range.Start;
        foreach (var used in taken.Where(t => t.Overlaps(range)).OrderBy(t => t.Start))
        {
            if (used.Last < cursor)
                continue;
            if (Align(cursor, mask) is { } gap && (gap | mask) < used.Start)
                return IpPrefix.Of(range.Family, gap, length);
            if (used.Last >= range.Last)
                return null;
            cursor = used.Last + 1;
        }

        return Align(cursor, mask) is { } start && start <= range.Last && (start | mask) <= range.Last
            ? IpPrefix.Of(range.Family, start, length)
            : null;
    }

    private static PrefixAnswer Search(PrefixRequest request, List<IpPrefix> ranges, int? wanted, int inUse, params ReadOnlySpan<List<IpPrefix>> avoided)
    {
        foreach (var taken in avoided)
        {
            foreach (var range in ranges)
            {
                if (FirstFree(range, wanted ?? Math.Max(range.Length, request.Length), taken) is { } free)
                    return PrefixAnswer.Of(free);
            }
        }

        return PrefixAnswer.Unavailable(
            $"No {request.Family} prefix of length {wanted ?? request.Length} is free in {Names(ranges)}: {inUse} are in use by this Network.");
    }

    private static PrefixAnswer Check(PrefixRequest request, List<IpPrefix> ranges, int? wanted, bool byDefault, List<IpPrefix> taken)
    {
        if (!IpPrefix.TryParse(request.StartAddress!, wanted ?? request.Length, out var asked, out var error))
            return PrefixAnswer.Invalid($"The wanted range can't be used: {error}.");
        if (asked.Family != request.Family)
            return PrefixAnswer.Invalid($"The wanted start address {request.StartAddress} is not {request.Family}.");
        // Any part of the pool may be asked for by name, not only the part that this Network would get by itself.
        var allowed = byDefault ? [NetworkRanges.DefaultPool(request.Family)] : ranges;
        if (!allowed.Exists(r => r.Contains(asked)))
            return PrefixAnswer.Unavailable($"The wanted range {asked} is not within {Names(allowed)}.");
        return taken.Exists(asked.Overlaps)
            ? PrefixAnswer.Unavailable($"The wanted range {asked} overlaps {taken.Find(asked.Overlaps)}, which is in use.")
            : PrefixAnswer.Of(asked);
    }

    private static string Names(List<IpPrefix> ranges) => ranges.Count == 0 ? "the default range" : string.Join(", ", ranges);

    private static UInt128? Align(UInt128 value, UInt128 mask) => value > UInt128.MaxValue - mask ? null : (value + mask) & ~mask;
}
