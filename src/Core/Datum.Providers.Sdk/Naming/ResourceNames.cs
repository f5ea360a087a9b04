using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Sdk;

/// <summary>What a platform allows in a name.</summary>
public sealed record NameRules
{
    /// <summary>Characters at most; at least 24.</summary>
    public required int MaxLength { get; init; }

    /// <summary>What may stand between prefix and hash. Default <c>-</c>; empty where no separator is allowed.</summary>
    public string Separator { get; init; } = "-";
}

/// <summary>
/// Names at a platform, made from the identity alone: <c>ins-3f2a…</c>. They begin with a letter, hold only <c>[a-z0-9]</c> and the
/// separator, and keep at least 96 bits of the identity.
/// </summary>
public static class ResourceNames
{
    private const string Base32 = "abcdefghijklmnopqrstuvwxyz234567";

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
    /// The name of the resource, or (with <paramref name="part"/>) of one of its parts. The whole of it where it fits:
    /// <c>ins-NAME</c>, <c>ins-NAME-nic-0</c>; where it doesn't, prefix and a base-32 SHA-256 of the same text, cut to the limit.
    /// </summary>
    public static string For(Identity id, NameRules rules, string? part = null)
    {
        var prefix = Prefix(id.Kind);
        var hyphenated = part is null ? $"{prefix}-{id.Name}" : $"{prefix}-{id.Name}-{part}";
        var whole = rules.Separator == "-" ? hyphenated : hyphenated.Replace("-", rules.Separator, StringComparison.Ordinal);
        if (whole.Length <= rules.MaxLength)
            return whole;
        var head = prefix + rules.Separator;
        var room = rules.MaxLength - head.Length;
        // 20 characters of 5 bits are 100 bits.
        if (room < 20)
            throw new ArgumentOutOfRangeException(nameof(rules), rules.MaxLength, "A name must keep at least 96 bits: 20 characters after the prefix.");
        return head + Hash(hyphenated)[..Math.Min(room, 51)];
    }

    private static string Hash(string text)
    {
        var digest = SHA256.HashData(Encoding.UTF8.GetBytes(text));
        var name = new StringBuilder(51);
        for (var bit = 0; bit + 5 <= 256; bit += 5)
        {
            var pair = (digest[bit / 8] << 8) | (bit / 8 + 1 < digest.Length ? digest[bit / 8 + 1] : 0);
            name.Append(Base32[(pair >> (11 - bit % 8)) & 31]);
        }

        return name.ToString();
    }
}
