using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.ControlPlane.Ipam;

/// <summary>The ranges of Networks that name none.</summary>
public static class NetworkRanges
{
    private const int NetworkLength = 48;
    private const int Attempts = 64;

    /// <summary>10.128.0.0/9, shared by all Networks of a plane.</summary>
    public static IpPrefix IPv4 { get; } = IpPrefix.Of(IpFamily.IPv4, 0x0A80_0000, 9);

    /// <summary>fd20::/20; each Network gets a /48 of it.</summary>
    public static IpPrefix IPv6Pool { get; } = IpPrefix.Of(IpFamily.IPv6, new UInt128(0xfd20_0000_0000_0000, 0), 20);

    /// <summary>The length of a Subnet that asks for none: /20 and /64.</summary>
    public static int DefaultLength(IpFamily family) => family == IpFamily.IPv4 ? 20 : 64;

    /// <summary>The pool that default ranges are from.</summary>
    public static IpPrefix DefaultPool(IpFamily family) => family == IpFamily.IPv4 ? IPv4 : IPv6Pool;

    /// <summary>The /48 that a Network takes at an attempt (from 0): 28 bits of a hash of its identity behind fd20::/20.</summary>
    public static IpPrefix IPv6(string network, int attempt)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{network}/{attempt}")));
        var bits = BinaryPrimitives.ReadUInt32BigEndian(hash) >> 4;
        return IpPrefix.Of(IpFamily.IPv6, IPv6Pool.Start | ((UInt128)bits << (128 - NetworkLength)), NetworkLength);
    }

    internal static List<IpPrefix> Defaults(PrefixRequest request, List<IpPrefix> own, IReadOnlyCollection<TakenPrefix> taken)
    {
        if (request.Family == IpFamily.IPv4)
            return [IPv4];

        // What the Network has already says which /48 is its own, also when others have come and gone since.
        var known = own.Where(IPv6Pool.Contains).Select(p => IpPrefix.Containing(IpFamily.IPv6, p.Start, NetworkLength)).Distinct().OrderBy(p => p.Start).ToList();
        if (known.Count > 0)
            return known;
        var others = taken.Where(t => t.Network != request.Network && t.Prefix.Family == IpFamily.IPv6).Select(t => t.Prefix).ToList();
        return [.. Enumerable.Range(0, Attempts).Select(i => IPv6(request.Network, i)).Where(p => !others.Exists(p.Overlaps)).Take(1)];
    }
}
