using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Sdk;

/// <summary>What a platform allows in a name. A name begins with a letter and ends with a letter or digit, which every platform takes.</summary>
public sealed record NameRules
{
    private const string Lower = "abcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>Characters at most; at least 24 with the default alphabet.</summary>
    public required int MaxLength { get; init; }

    /// <summary>What may stand between prefix and hash. Default <c>-</c>; empty where no separator is allowed.</summary>
    public string Separator { get; init; } = "-";

    /// <summary>Letters and digits that the platform takes, besides the separator; lower case. Default <c>a-z0-9</c>.</summary>
    public string Alphabet { get; init; } = Lower;

    /// <summary>Whether the platform wants upper case. Default false.</summary>
    public bool UpperCase { get; init; }

    /// <summary>Whether a name keeps to the rules: the same check for one that was written by hand.</summary>
    public bool Allows(string name) =>
        name.Length > 0 && name.Length <= MaxLength && AllowsAll(name)
        && char.IsAsciiLetter(name[0]) && char.IsAsciiLetterOrDigit(name[^1]);

    internal Digits Digits => new(Alphabet == Lower ? "abcdefghijklmnopqrstuvwxyz234567" : Alphabet, UpperCase);

    internal string Cased(string text) => UpperCase ? text.ToUpperInvariant() : text;

    internal bool AllowsAll(string text)
    {
        foreach (var c in text)
            if (!Separator.Contains(c, StringComparison.Ordinal)
                && (UpperCase ? !char.IsAsciiLetterUpper(c) && !char.IsAsciiDigit(c) || !Alphabet.Contains(char.ToLowerInvariant(c), StringComparison.Ordinal)
                    : !Alphabet.Contains(c, StringComparison.Ordinal)))
                return false;
        return true;
    }
}

/// <summary>Hashes written with the characters of an alphabet.</summary>
internal readonly struct Digits
{
    private readonly string _digits;
    private readonly bool _upper;

    public Digits(string digits, bool upper)
    {
        if (digits.Length < 2 || digits.Distinct().Count() != digits.Length || !digits.Any(char.IsAsciiLetterLower)
            || digits.Any(c => !char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c)))
            throw new ArgumentException($"'{digits}' is no alphabet: lower-case letters and digits, each once, at least one of them a letter.", nameof(digits));
        _digits = digits;
        _upper = upper;
    }

    public int Count => _digits.Length;

    /// <summary>How many characters the 256 bits give; the last that aren't whole are left out.</summary>
    public int HashLength => (int)Math.Floor(256 / Math.Log2(Count));

    public double Bits(int length) => length <= 0 ? 0 : length * Math.Log2(Count);

    public int LengthFor(int bits) => (int)Math.Ceiling(bits / Math.Log2(Count));

    public string Hash(string text, int length, bool letterFirst)
    {
        var digest = SHA256.HashData(Encoding.UTF8.GetBytes(text));
        var name = new StringBuilder(length);
        if (Count == 32)
        {
            for (var bit = 0; name.Length < length && bit + 5 <= 256; bit += 5)
            {
                var pair = (digest[bit / 8] << 8) | (bit / 8 + 1 < digest.Length ? digest[bit / 8 + 1] : 0);
                name.Append(_digits[(pair >> (11 - bit % 8)) & 31]);
            }
        }
        else
        {
            for (var number = new BigInteger(digest, isUnsigned: true, isBigEndian: true); name.Length < length; number /= Count)
                name.Append(_digits[(int)(number % Count)]);
        }

        if (letterFirst && char.IsAsciiDigit(name[0]))
        {
            // Which letter follows from the digit, so that two names that differ there still do where the alphabet has room.
            var letters = _digits.Where(char.IsAsciiLetterLower).ToArray();
            name[0] = letters[(name[0] - '0') % letters.Length];
        }

        return _upper ? name.ToString().ToUpperInvariant() : name.ToString();
    }
}
