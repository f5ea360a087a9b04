using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Datum.Providers.Resources.Telemetry;

/// <summary>How a label's value is held against a matcher's.</summary>
public enum LabelMatch
{
    Unknown = 0,
    /// <summary><c>=</c></summary>
    Equal = 1,
    /// <summary><c>!=</c></summary>
    NotEqual = 2,
    /// <summary><c>=~</c></summary>
    Regex = 3,
    /// <summary><c>!~</c></summary>
    NotRegex = 4,
}

/// <summary>The labels of one series. A label that isn't there is empty, as in Prometheus.</summary>
public interface ILabelSet
{
    /// <summary>The value of a label; empty when it isn't there. The metric's name is <c>__name__</c>.</summary>
    string this[string name] { get; }
}

/// <summary>
/// One condition on a label. Regular expressions match the whole value, as in Prometheus, and run in time that is linear in the value
/// (<see cref="RegexOptions.NonBacktracking"/>): whoever writes one can't keep a processor busy with it.
/// </summary>
public sealed class LabelMatcher
{
    /// <summary>Characters of a regular expression.</summary>
    public const int MaxRegexLength = 512;

    private readonly Regex? _regex;

    private LabelMatcher(string name, LabelMatch match, string value, Regex? regex)
    {
        Name = name;
        Match = match;
        Value = value;
        _regex = regex;
    }

    public string Name { get; }

    public LabelMatch Match { get; }

    public string Value { get; }

    /// <summary>Null where the regular expression can't be used; <paramref name="error"/> says why.</summary>
    public static LabelMatcher? Create(string name, LabelMatch match, string value, [NotNullWhen(false)] out string? error)
    {
        error = null;
        if (match is LabelMatch.Equal or LabelMatch.NotEqual)
            return new LabelMatcher(name, match, value, null);
        if (value.Length > MaxRegexLength)
        {
            error = $"the regular expression has {value.Length} characters, {MaxRegexLength} is the most";
            return null;
        }

        try
        {
            // Prometheus' dot matches a line break too.
            var regex = new Regex($@"\A(?:{value})\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.Singleline);
            return new LabelMatcher(name, match, value, regex);
        }
        catch (NotSupportedException)
        {
            error = "the regular expression is too large, or uses what RE2 doesn't have (look-around, back-references, atomic groups)";
        }
        catch (ArgumentException)
        {
            error = "that is no regular expression";
        }
        return null;
    }

    public bool Matches(string value) => Match switch
    {
        LabelMatch.Equal => value == Value,
        LabelMatch.NotEqual => value != Value,
        LabelMatch.Regex => _regex!.IsMatch(value),
        LabelMatch.NotRegex => !_regex!.IsMatch(value),
        _ => false,
    };
}
