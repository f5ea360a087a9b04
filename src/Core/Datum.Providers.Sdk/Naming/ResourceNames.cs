using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Sdk;

/// <summary>
/// Names at a platform, made from the identity alone: <c>ins-3f2a…</c>. They begin with a letter, end with a letter or digit, hold only what
/// the platform takes, and keep at least 96 bits of the identity. Also UUIDs and numbers where a platform wants those.
/// </summary>
public static class ResourceNames
{
    /// <summary>The short word of a kind: <c>net</c>, <c>sub</c>, <c>fw</c>, <c>adr</c>, <c>dsk</c>, <c>sec</c>, <c>ins</c>.</summary>
    public static string Prefix(ResourceKind kind) => kind switch
    {
        ResourceKind.Network => "net",
        ResourceKind.Subnet => "sub",
        ResourceKind.Firewall => "fw",
        ResourceKind.Address => "adr",
        ResourceKind.Disk => "dsk",
        ResourceKind.Secret => "sec",
        ResourceKind.Instance => "ins",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "No such kind."),
    };

    /// <summary>The kind of a short word, or null.</summary>
    public static ResourceKind? KindOf(string prefix) => prefix switch
    {
        "net" => ResourceKind.Network,
        "sub" => ResourceKind.Subnet,
        "fw" => ResourceKind.Firewall,
        "adr" => ResourceKind.Address,
        "dsk" => ResourceKind.Disk,
        "sec" => ResourceKind.Secret,
        "ins" => ResourceKind.Instance,
        _ => null,
    };

    /// <summary>
    /// The name of the resource, or (with <paramref name="part"/>) of one of its parts. The whole of it where it fits and the platform takes its
    /// characters: <c>ins-NAME</c>, <c>ins-NAME-nic-0</c>; else prefix and a SHA-256 of the same text, written in the platform's alphabet and cut
    /// to the limit. Throws when the rules leave less than 96 bits.
    /// </summary>
    public static string For(Identity id, NameRules rules, string? part = null)
    {
        var prefix = Prefix(id.Kind);
        var hyphenated = part is null ? $"{prefix}-{id.Name}" : $"{prefix}-{id.Name}-{part}";
        var whole = rules.Cased(rules.Separator == "-" ? hyphenated : hyphenated.Replace("-", rules.Separator, StringComparison.Ordinal));
        // Without a separator "nic-0" and "nic0" would be one.
        var apart = rules.Separator.Length > 0 || part?.Contains('-', StringComparison.Ordinal) != true;
        if (apart && rules.Allows(whole))
            return whole;
        var head = rules.Cased(prefix + rules.Separator);
        if (!rules.AllowsAll(head))
            head = "";
        var digits = rules.Digits;
        var room = Math.Min(rules.MaxLength - head.Length, digits.HashLength);
        if (digits.Bits(room) < 96)
            throw new ArgumentOutOfRangeException(nameof(rules), rules.MaxLength,
                $"A name must keep at least 96 bits: {digits.LengthFor(96)} characters of {digits.Count} after the prefix.");
        return head + digits.Hash(hyphenated, room, head.Length == 0);
    }

    /// <summary>
    /// A short name that may be taken already, for platforms whose limit leaves less than 96 bits (8 characters of a Proxmox vnet): the driver
    /// looks for it, goes on to the next attempt when it is another's, and records its choice in a step of its own (DC-37).
    /// </summary>
    /// <param name="id">The identity.</param>
    /// <param name="rules">The rules; the name has the full length and begins with a letter.</param>
    /// <param name="attempt">From 0.</param>
    public static string Candidate(Identity id, NameRules rules, int attempt)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(attempt);
        return rules.Digits.Hash(string.Create(CultureInfo.InvariantCulture, $"{Text(id)}#{attempt}"), Math.Min(rules.MaxLength, rules.Digits.HashLength), letterFirst: true);
    }

    /// <summary>
    /// Numbers from <paramref name="first"/> to <paramref name="last"/> in an order of the identity's own, each once: candidates for a VM number
    /// (DC-37). Two identities rarely begin alike, and each comes to every free number in the end.
    /// </summary>
    public static IEnumerable<int> NumberCandidates(Identity id, int first, int last)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, last);
        var count = (long)last - first + 1;
        var digest = SHA256.HashData(Encoding.UTF8.GetBytes(Text(id)));
        var start = (long)(BinaryPrimitives.ReadUInt64BigEndian(digest) % (ulong)count);
        var step = 1 + (long)(BinaryPrimitives.ReadUInt64BigEndian(digest.AsSpan(8)) % (ulong)Math.Max(1, count - 1));
        // A step without a common divisor comes to every number before the first again.
        while (BigInteger.GreatestCommonDivisor(step, count) != 1)
            step++;
        return Each();

        IEnumerable<int> Each()
        {
            for (long i = 0, at = start; i < count; i++, at = (at + step) % count)
                yield return (int)(first + at);
        }
    }

    /// <summary>A UUID of the resource or one of its parts: version 8 (RFC 9562), 122 bits of a SHA-256, the same in every incarnation.</summary>
    public static Guid Uuid(Identity id, string? part = null)
    {
        var bytes = SHA256.HashData(Encoding.UTF8.GetBytes(part is null ? Text(id) : $"{Text(id)}/{part}")).AsSpan(0, 16);
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>A token of 32 hex digits (<see cref="Operation.Token"/>) as a UUID, for platforms that want that form. Throws <see cref="FormatException"/> on another text.</summary>
    public static Guid TokenUuid(string token) => Guid.ParseExact(token, "N");

    private static string Text(Identity id) => $"{id.Installation}/{Prefix(id.Kind)}/{id.Name}";
}
