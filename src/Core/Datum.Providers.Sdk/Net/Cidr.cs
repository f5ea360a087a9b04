using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Datum.Providers.Sdk;

/// <summary>An address prefix of either family. Host bits are zero; IPv4-mapped IPv6 text is IPv6.</summary>
public readonly record struct Cidr : IComparable<Cidr>
{
    private readonly UInt128 _network;

    private Cidr(UInt128 network, int length, bool v6)
    {
        _network = network;
        PrefixLength = length;
        IsIPv6 = v6;
    }

    /// <summary>0 to 32, or 0 to 128.</summary>
    public int PrefixLength { get; }

    /// <summary>Family.</summary>
    public bool IsIPv6 { get; }

    /// <summary>32 or 128.</summary>
    public int AddressBits => IsIPv6 ? 128 : 32;

    /// <summary>The first address.</summary>
    public IPAddress Network => ToAddress(_network, IsIPv6);

    /// <summary>The last address.</summary>
    public IPAddress Last => ToAddress(LastNumber, IsIPv6);

    /// <summary>Addresses in it; <see cref="UInt128.MaxValue"/> for <c>::/0</c>, which has one more.</summary>
    public UInt128 Count => HostMask(AddressBits - PrefixLength) is var mask && mask == UInt128.MaxValue ? mask : mask + 1;

    /// <summary>
    /// The first address that a host can have: IPv4 leaves out the network's own address up to /30 (a /31 has two hosts, RFC 3021), IPv6 the
    /// routers' anycast address up to /126 (RFC 4291, RFC 6164).
    /// </summary>
    public IPAddress FirstHost => ToAddress(AddressBits - PrefixLength >= 2 ? _network + 1 : _network, IsIPv6);

    /// <summary>The last address that a host can have: IPv4 leaves out the broadcast address up to /30.</summary>
    public IPAddress LastHost => ToAddress(LastNumber - (!IsIPv6 && AddressBits - PrefixLength >= 2 ? (UInt128)1 : 0), IsIPv6);

    /// <summary>Where the gateway usually is: the first host. Throws for a single address, which has no room for one.</summary>
    public IPAddress Gateway => PrefixLength == AddressBits
        ? throw new InvalidOperationException($"{this} is one address and has no gateway of its own.")
        : FirstHost;

    internal UInt128 FirstNumber => _network;

    internal UInt128 LastNumber => _network | HostMask(AddressBits - PrefixLength);

    /// <summary>Reads <c>10.0.0.0/8</c>. False for host bits that are set, for a missing length and for anything that isn't canonical in its numbers.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Cidr cidr)
    {
        cidr = default;
        if (text is null)
            return false;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash <= 0 || !IsPlainAddress(text.AsSpan(0, slash)) || !IPAddress.TryParse(text.AsSpan(0, slash), out var address)
            || !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var length))
            return false;
        var v6 = address.AddressFamily == AddressFamily.InterNetworkV6;
        var bits = v6 ? 128 : 32;
        if (length > bits || (text.Length - slash > 2 && text[slash + 1] == '0'))
            return false;
        var number = ToNumber(address);
        if ((number & HostMask(bits - length)) != 0)
            return false;
        cidr = new Cidr(number, length, v6);
        return true;
    }

    /// <summary>Reads a prefix; throws <see cref="FormatException"/> where <see cref="TryParse"/> is false.</summary>
    public static Cidr Parse(string text) =>
        TryParse(text, out var cidr) ? cidr : throw new FormatException($"'{text}' is no prefix with zero host bits.");

    /// <summary>The prefix of this length that holds the address.</summary>
    public static Cidr Around(IPAddress address, int length)
    {
        var v6 = address.AddressFamily == AddressFamily.InterNetworkV6;
        var bits = v6 ? 128 : 32;
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, bits);
        return new Cidr(ToNumber(address) & ~HostMask(bits - length), length, v6);
    }

    /// <summary>Whether the address lies in it; false for the other family.</summary>
    public bool Contains(IPAddress address) =>
        (address.AddressFamily == AddressFamily.InterNetworkV6) == IsIPv6
        && (ToNumber(address) & ~HostMask(AddressBits - PrefixLength)) == _network;

    /// <summary>Whether all of <paramref name="other"/> lies in it.</summary>
    public bool Contains(Cidr other) =>
        other.IsIPv6 == IsIPv6 && other.PrefixLength >= PrefixLength
        && (other._network & ~HostMask(AddressBits - PrefixLength)) == _network;

    /// <summary>Whether any address lies in both.</summary>
    public bool Overlaps(Cidr other) => Contains(other) || other.Contains(this);

    /// <summary>The address at <paramref name="index"/>, from 0 (the network address).</summary>
    public IPAddress Nth(UInt128 index)
    {
        if (index > HostMask(AddressBits - PrefixLength))
            throw new ArgumentOutOfRangeException(nameof(index), index, $"{this} has no address of this index.");
        return ToAddress(_network + index, IsIPv6);
    }

    /// <summary>How many addresses lie before <paramref name="address"/>; throws when it lies outside.</summary>
    public UInt128 IndexOf(IPAddress address) =>
        Contains(address) ? ToNumber(address) - _network : throw new ArgumentOutOfRangeException(nameof(address), address, $"Not in {this}.");

    /// <summary>The prefixes of <paramref name="length"/> in it, in order, computed as they are asked for.</summary>
    public IEnumerable<Cidr> Split(int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, PrefixLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, AddressBits);
        return Each(_network, _network | HostMask(AddressBits - PrefixLength), length, IsIPv6);
    }

    /// <summary>What of this prefix isn't in <paramref name="hole"/>: the fewest prefixes, in order.</summary>
    public ImmutableArray<Cidr> Except(Cidr hole)
    {
        if (!Overlaps(hole))
            return [this];
        if (hole.Contains(this))
            return [];
        var low = new Cidr(_network, PrefixLength + 1, IsIPv6);
        var high = new Cidr(_network | ((UInt128)1 << (AddressBits - PrefixLength - 1)), PrefixLength + 1, IsIPv6);
        return [.. low.Except(hole), .. high.Except(hole)];
    }

    /// <summary>By family (IPv4 first), then address, then length.</summary>
    public int CompareTo(Cidr other) =>
        IsIPv6 != other.IsIPv6 ? (IsIPv6 ? 1 : -1)
        : _network != other._network ? _network.CompareTo(other._network)
        : PrefixLength.CompareTo(other.PrefixLength);

    /// <summary>Whether it comes before.</summary>
    public static bool operator <(Cidr a, Cidr b) => a.CompareTo(b) < 0;

    /// <summary>Whether it comes after.</summary>
    public static bool operator >(Cidr a, Cidr b) => a.CompareTo(b) > 0;

    /// <summary>Whether it doesn't come after.</summary>
    public static bool operator <=(Cidr a, Cidr b) => a.CompareTo(b) <= 0;

    /// <summary>Whether it doesn't come before.</summary>
    public static bool operator >=(Cidr a, Cidr b) => a.CompareTo(b) >= 0;

    /// <summary>Canonical text.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Network}/{PrefixLength}");

    private static IEnumerable<Cidr> Each(UInt128 first, UInt128 last, int length, bool v6)
    {
        var bits = v6 ? 128 : 32;
        for (var at = first; ;)
        {
            yield return new Cidr(at, length, v6);
            var end = at | HostMask(bits - length);
            if (end >= last)
                yield break;
            at = end + 1;
        }
    }

    // "10.1/16", "0x0a000000/8" and "010.0.0.0/8" mean different things to different readers; scope ids have no place in a prefix.
    private static bool IsPlainAddress(ReadOnlySpan<char> text)
    {
        if (text.Contains(':'))
            return !text.Contains('%') && !text.Contains('[');
        var parts = 0;
        foreach (var range in text.Split('.'))
        {
            var part = text[range];
            if (part.IsEmpty || (part.Length > 1 && part[0] == '0') || part.ContainsAnyExceptInRange('0', '9'))
                return false;
            parts++;
        }

        return parts == 4;
    }

    internal static Cidr Of(UInt128 network, int length, bool v6) => new(network, length, v6);

    internal static UInt128 HostMask(int hostBits) => hostBits switch
    {
        0 => UInt128.Zero,
        >= 128 => UInt128.MaxValue,
        _ => ((UInt128)1 << hostBits) - 1,
    };

    internal static UInt128 ToNumber(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var written);
        return written == 4 ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private static IPAddress ToAddress(UInt128 number, bool v6)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, number);
        return new IPAddress(v6 ? bytes : bytes[12..]);
    }
}
