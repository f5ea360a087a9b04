namespace Datum.Providers.Sdk;

/// <summary>Marks as keys and values within a platform's rules.</summary>
public sealed class PairMarks
{
    private readonly LabelRules _rules;

    /// <summary>Throws <see cref="ArgumentException"/> when the longest mark doesn't keep to the rules: the driver then needs another style.</summary>
    public PairMarks(LabelRules rules)
    {
        _rules = rules;
        Write(LongestMark.Value);
        if (rules.MaxCount < 5)
            throw new ArgumentException($"A mark needs 5 labels and the rules allow {rules.MaxCount}.", nameof(rules));
    }

    /// <summary>The pairs to set in the create request. Throws <see cref="ArgumentException"/> on a mark that the platform wouldn't keep as it is.</summary>
    public ImmutableDictionary<string, string> Write(Mark mark)
    {
        var pairs = Marks.ToPairs(mark);
        foreach (var (key, value) in pairs)
            if (!_rules.Allows(key, value))
                throw new ArgumentException($"The mark's '{key}' with a value of {value.Length} characters doesn't keep to the label rules.", nameof(mark));
        return pairs;
    }

    /// <summary>The mark among an object's labels; null when there is none.</summary>
    public static Mark? Read(IEnumerable<KeyValuePair<string, string>> labels) => Marks.Parse(labels);
}

/// <summary>Marks as flat tags within a platform's rules.</summary>
public sealed class TagMarks
{
    private readonly LabelCharacters _characters;
    private readonly int _maxLength;
    private readonly char? _separator;

    /// <summary>Throws <see cref="ArgumentException"/> when the longest mark doesn't keep to the rules.</summary>
    /// <param name="characters">Characters of a tag.</param>
    /// <param name="maxLength">Characters of a tag at most.</param>
    /// <param name="maxCount">Tags of one object at most.</param>
    /// <param name="separator">What stands between tags where they are one text (<c>;</c> at Proxmox); null where they are a list.</param>
    public TagMarks(LabelCharacters characters, int maxLength, int maxCount, char? separator = null)
    {
        _characters = characters;
        _maxLength = maxLength;
        _separator = separator;
        var tags = Write(LongestMark.Value);
        if (tags.Length > maxCount)
            throw new ArgumentException($"A mark needs {tags.Length} tags and the rules allow {maxCount}.", nameof(maxCount));
        if (separator is { } s && tags.Any(t => t.Contains(s, StringComparison.Ordinal)))
            throw new ArgumentException($"'{s}' stands in the mark's tags and can't separate them.", nameof(separator));
    }

    /// <summary>Proxmox VE: lower case, in one text.</summary>
    public static TagMarks Proxmox { get; } = new(new LabelCharacters { UpperCase = false, Punctuation = "_-+." }, 100, 100, ';');

    /// <summary>The tags to set in the create request. Throws <see cref="ArgumentException"/> on a mark that the platform wouldn't keep as it is.</summary>
    public ImmutableArray<string> Write(Mark mark)
    {
        var tags = Marks.ToTags(mark);
        return tags.FirstOrDefault(t => !_characters.Allows(t, _maxLength)) is { } tag
            ? throw new ArgumentException($"The mark's tag of {tag.Length} characters ('{tag}') doesn't keep to the tag rules.", nameof(mark))
            : tags;
    }

    /// <summary>The same as one text.</summary>
    public string WriteText(Mark mark) => string.Join(_separator ?? ' ', Write(mark));

    /// <summary>The mark among an object's tags; null when there is none, and when they hold two that differ.</summary>
    public static Mark? Read(IEnumerable<string> tags) => Marks.ParseTags(tags);

    /// <summary>The mark in the tags' text.</summary>
    public Mark? ReadText(string? tags) => Marks.ParseTags((tags ?? "").Split(_separator ?? ' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}

/// <summary>Marks in a description, beside words for people.</summary>
public sealed class TextMarks
{
    private readonly int _maxLength;

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> below the length of the longest mark.</summary>
    /// <param name="maxLength">Characters of the description at most; at least 128.</param>
    public TextMarks(int maxLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, 128);
        _maxLength = maxLength;
    }

    /// <summary>The mark, a space and as much of <paramref name="words"/> as there is room for. Words that look like a mark are left out.</summary>
    public string Write(Mark mark, string? words = null)
    {
        var text = Marks.ToText(mark);
        var rest = string.Join(' ', (words ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Where(w => !w.StartsWith("datum:", StringComparison.Ordinal)));
        var room = _maxLength - text.Length - 1;
        if (rest.Length == 0 || room < 1)
            return text;
        if (rest.Length > room)
            rest = rest[..(char.IsHighSurrogate(rest[room - 1]) ? room - 1 : room)];
        return $"{text} {rest.TrimEnd()}";
    }

    /// <summary>The mark in a description, wherever it stands; null when there is none, and when it holds two that differ.</summary>
    public static Mark? Read(string? description)
    {
        Mark? found = null;
        foreach (var word in (description ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            if (Marks.ParseText(word) is not { } mark)
                continue;
            if (found is not null && found != mark)
                return null;
            found = mark;
        }

        return found;
    }
}

/// <summary>The longest mark that the contract allows.</summary>
internal static class LongestMark
{
    public static Mark Value { get; } = new()
    {
        Installation = new string('z', 16),
        Kind = ResourceKind.Instance,
        Name = new string('f', 32),
        Incarnation = long.MaxValue,
        Part = new string('p', 40),
    };
}
