using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Datum.Providers.ControlPlane.Ipam;

public enum IpFamily
{
    Unknown = 0,
    IPv4 = 4,
    IPv6 = 6,
}

/// <summary>A range of addresses in CIDR form, without host bits.</summary>
public readonly record struct IpPrefix
{
    private IpPrefix(IpFamily family, UInt128 start, int length)
    {
        Family = family;
        Start = start;
        Length = length;
    }

    public IpFamily Family { get; }

    /// <summary>The first address as a number; of IPv4 the lowest 32 bits.</summary>
    public UInt128 Start { get; }

    /// <summary>Leading bits: 0 to 32 or 128.</summary>
    public int Length { get; }

    /// <summary>The last address.</summary>
    public UInt128 Last => Start | HostMask(Family, Length);

    public string StartAddress => Format(Family, Start);

    /// <summary>The prefix that starts at an address; throws when host bits are set or the length is out of range.</summary>
    public static IpPrefix Of(IpFamily family, UInt128 start, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Bits(family));
        if ((start & HostMask(family, length)) != 0 || start > HostMask(family, 0))
            throw new ArgumentException($"{Format(family, start)}/{length} has bits behind its length.", nameof(start));
        return new(family, start, length);
    }

    /// <summary>The prefix of a length that contains an address.</summary>
    public static IpPrefix Containing(IpFamily family, UInt128 address, int length) => Of(family, address & ~HostMask(family, length), length);

    /// <summary>Reads <c>10.0.0.0/8</c> or <c>fd20::/20</c>. The error says what is wrong.</summary>
    public static bool TryParse(string text, out IpPrefix prefix, out string error)
    {
        ArgumentNullException.ThrowIfNull(text);
        prefix = default;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var length))
        {
            error = $"'{text}' is not an address, a slash and a prefix length";
            return false;
        }

        return TryParse(text[..slash], length, out prefix, out error);
    }

    /// <summary>Reads a start address and a length.</summary>
    public static bool TryParse(string address, int length, out IpPrefix prefix, out string error)
    {
        prefix = default;
        if (!TryParseAddress(address, out var family, out var start))
        {
            error = $"'{address}' is not an IP address";
            return false;
        }

        if (length < 0 || length > Bits(family))
        {
            error = $"the prefix length {length} of '{address}' is not between 0 and {Bits(family)}";
            return false;
        }

        if ((start & HostMask(family, length)) != 0)
        {
            error = $"'{address}/{length}' has address bits behind the prefix length; did you mean {Containing(family, start, length)}?";
            return false;
        }

        prefix = new(family, start, length);
        error = "";
        return true;
    }

    public bool Contains(IpPrefix other) => Family == other.Family && Start <= other.Start && other.Last <= Last;

    public bool Overlaps(IpPrefix other) => Family == other.Family && Start <= other.Last && other.Start <= Last;

    public override string ToString() => $"{StartAddress}/{Length}";

    /// <summary>Address bits of a family.</summary>
    public static int Bits(IpFamily family) => family switch
    {
        IpFamily.IPv4 => 32,
        IpFamily.IPv6 => 128,
        _ => throw new ArgumentOutOfRangeException(nameof(family), family, "IPv4 or IPv6"),
    };

    /// <summary>The bits behind a length.</summary>
    internal static UInt128 HostMask(IpFamily family, int length)
    {
        var host = Bits(family) - length;
        // A shift by all 128 bits would be a shift by none.
        return host == 128 ? UInt128.MaxValue : (UInt128.One << host) - 1;
    }

    private static bool TryParseAddress(string text, out IpFamily family, out UInt128 value)
    {
        family = IpFamily.Unknown;
        value = 0;
        if (!IPAddress.TryParse(text, out var address) || text.Contains('%', StringComparison.Ordinal) || text.Contains('[', StringComparison.Ordinal))
            return false;
        Span<byte> bytes = stackalloc byte[16];
        if (!address.TryWriteBytes(bytes, out var written))
            return false;
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            // "10.1" and "0x0a.0.0.1" parse too, and mean something else than they seem to.
            if (address.ToString() != text)
                return false;
            family = IpFamily.IPv4;
            value = BinaryPrimitives.ReadUInt32BigEndian(bytes[..written]);
            return true;
        }

        family = IpFamily.IPv6;
        value = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        return true;
    }

    private static string Format(IpFamily family, UInt128 value)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return new IPAddress(family == IpFamily.IPv4 ? bytes[12..] : bytes).ToString();
    }
}
