using System.Text;

namespace Datum.Providers.Sdk;

/// <summary>Which characters a text may hold.</summary>
public sealed record LabelCharacters
{
    /// <summary>Whether upper-case letters are taken. Default true.</summary>
    public bool UpperCase { get; init; } = true;

    /// <summary>Whether every printable character is taken but those of <see cref="Except"/>. Default false: ASCII letters, digits and <see cref="Punctuation"/>.</summary>
    public bool Anything { get; init; }

    /// <summary>What is taken besides letters and digits.</summary>
    public string Punctuation { get; init; } = "-_";

    /// <summary>With <see cref="Anything"/>: what isn't taken all the same.</summary>
    public string Except { get; init; } = "";

    /// <summary>Whether the first character must be a letter. Default false.</summary>
    public bool LetterFirst { get; init; }

    /// <summary>Whether the first and last must be a letter or digit. Default false.</summary>
    public bool PlainEnds { get; init; }

    /// <summary>Whether a character may stand somewhere.</summary>
    public bool Allows(char c) =>
        Anything ? !char.IsControl(c) && !Except.Contains(c, StringComparison.Ordinal) && (UpperCase || !char.IsUpper(c))
        : char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || (UpperCase && char.IsAsciiLetterUpper(c)) || Punctuation.Contains(c, StringComparison.Ordinal);

    /// <summary>Whether a text may stand as it is.</summary>
    public bool Allows(string text, int maxLength) =>
        text.Length <= maxLength && text.All(Allows)
        && (text.Length == 0 || ((!LetterFirst || char.IsLetter(text[0])) && (!PlainEnds || (char.IsLetterOrDigit(text[0]) && char.IsLetterOrDigit(text[^1])))));

    /// <summary>
    /// The text if it may stand, else what is like it and may, with 20 characters (100 bits) of its hash at the end: two texts that differ stay
    /// apart, and one text always comes out the same. Throws when there is no room for that.
    /// </summary>
    public string Fit(string text, int maxLength)
    {
        if (Allows(text, maxLength))
            return text;
        var room = maxLength - 20;
        if (room < 1)
            throw new ArgumentOutOfRangeException(nameof(maxLength), maxLength, "A text that has to be changed needs 21 characters: it keeps 100 bits of its hash.");
        var result = new StringBuilder(maxLength);
        if (LetterFirst && (text.Length == 0 || !char.IsAsciiLetter(text[0])))
            result.Append('x');
        var filler = Allows('-') ? '-' : Allows('_') ? '_' : 'x';
        foreach (var c in text)
        {
            if (result.Length >= room)
                break;
            var lower = UpperCase ? c : char.ToLowerInvariant(c);
            result.Append(Allows(lower) && !char.IsSurrogate(lower) ? lower : filler);
        }

        if (PlainEnds && result.Length > 0 && !char.IsLetterOrDigit(result[0]))
            result[0] = 'x';
        return result.Append(new Digits("abcdefghijklmnopqrstuvwxyz234567", upper: false).Hash(text, 20, letterFirst: false)).ToString();
    }
}

/// <summary>What a platform takes as labels, tags or metadata of the form key and value. Ready ones: <see cref="Gcp"/>, <see cref="Aws"/> and so on.</summary>
public sealed record LabelRules
{
    /// <summary>Labels of one object at most.</summary>
    public required int MaxCount { get; init; }

    /// <summary>Characters of a key at most.</summary>
    public required int MaxKeyLength { get; init; }

    /// <summary>Characters of a value at most.</summary>
    public required int MaxValueLength { get; init; }

    /// <summary>Characters of keys.</summary>
    public LabelCharacters Key { get; init; } = new();

    /// <summary>Characters of values.</summary>
    public LabelCharacters Value { get; init; } = new();

    /// <summary>What a key mustn't begin with, in any case.</summary>
    public ImmutableArray<string> ReservedPrefixes { get => field.IsDefault ? [] : field; init; }

    /// <summary>Google Compute labels.</summary>
    public static LabelRules Gcp { get; } = new()
    {
        MaxCount = 64,
        MaxKeyLength = 63,
        MaxValueLength = 63,
        Key = new LabelCharacters { UpperCase = false, LetterFirst = true },
        Value = new LabelCharacters { UpperCase = false },
        ReservedPrefixes = ["goog"],
    };

    /// <summary>AWS tags.</summary>
    public static LabelRules Aws { get; } = new()
    {
        MaxCount = 50,
        MaxKeyLength = 128,
        MaxValueLength = 256,
        Key = new LabelCharacters { Punctuation = " +-=._:/@" },
        Value = new LabelCharacters { Punctuation = " +-=._:/@" },
        ReservedPrefixes = ["aws:"],
    };

    /// <summary>Azure tags.</summary>
    public static LabelRules Azure { get; } = new()
    {
        MaxCount = 50,
        MaxKeyLength = 512,
        MaxValueLength = 256,
        Key = new LabelCharacters { Anything = true, Except = "<>%&\\?/" },
        Value = new LabelCharacters { Anything = true },
        ReservedPrefixes = ["microsoft", "azure", "windows"],
    };

    /// <summary>OpenStack server and volume metadata.</summary>
    public static LabelRules OpenStack { get; } = new()
    {
        MaxCount = 128,
        MaxKeyLength = 255,
        MaxValueLength = 255,
        Key = new LabelCharacters { Punctuation = "-_:. " },
        Value = new LabelCharacters { Anything = true },
    };

    /// <summary>Kubernetes labels, keys without a prefix.</summary>
    public static LabelRules Kubernetes { get; } = new()
    {
        MaxCount = 1000,
        MaxKeyLength = 63,
        MaxValueLength = 63,
        Key = new LabelCharacters { Punctuation = "-_.", PlainEnds = true },
        Value = new LabelCharacters { Punctuation = "-_.", PlainEnds = true },
    };

    /// <summary>Whether a pair may stand as it is.</summary>
    public bool Allows(string key, string value) =>
        key.Length > 0 && Key.Allows(key, MaxKeyLength) && Value.Allows(value, MaxValueLength) && !IsReserved(key);

    /// <summary>
    /// A user's labels as the platform takes them, for people to read: keys and values that it doesn't take are changed as
    /// <see cref="LabelCharacters.Fit"/> says. What is beyond <paramref name="room"/> is left out, the last by ordinal first.
    /// </summary>
    /// <param name="labels">The owner's labels.</param>
    /// <param name="room">How many may be set; null for <see cref="MaxCount"/> less those of a mark.</param>
    public ImmutableDictionary<string, string> Fit(IEnumerable<KeyValuePair<string, string>> labels, int? room = null) =>
        labels.Where(l => l.Key.Length > 0)
            .OrderBy(l => l.Key, StringComparer.Ordinal)
            .Take(Math.Max(0, room ?? MaxCount - 5))
            .ToImmutableDictionary(l => FitKey(l.Key), l => Value.Fit(l.Value, MaxValueLength), StringComparer.Ordinal);

    private string FitKey(string key) =>
        IsReserved(key) || IsMark(key) ? Key.Fit("x-" + key + "\0", MaxKeyLength) : Key.Fit(key, MaxKeyLength);

    private bool IsReserved(string key) => ReservedPrefixes.Any(p => key.StartsWith(p, StringComparison.OrdinalIgnoreCase));

    // A user's label that looks like a mark would make an object ours that isn't, or another's that is.
    private static bool IsMark(string key) => key.StartsWith("datum-", StringComparison.OrdinalIgnoreCase);
}
