using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Datum.Providers.Resources.Telemetry;

/// <summary>
/// A selector of series: the part of MetricsQL that an export policy may use. <c>name{label="value",other=~"regex"}</c>, either half alone,
/// and alternatives with <c>or</c> between braces. Functions, ranges, offsets and operators are refused: a policy selects, it doesn't compute.
/// </summary>
public sealed class MetricsSelector
{
    /// <summary>Characters of a selector.</summary>
    public const int MaxLength = 2048;

    /// <summary>Matchers of a selector, over all its alternatives.</summary>
    public const int MaxMatchers = 32;

    /// <summary>The label that holds a metric's name.</summary>
    public const string NameLabel = "__name__";

    /// <summary>The label by which the platform itself keeps projects apart: nobody may select by it (as upstream).</summary>
    public const string ProjectLabel = "project_name";

    private MetricsSelector(ImmutableArray<ImmutableArray<LabelMatcher>> alternatives) => Alternatives = alternatives;

    /// <summary>A series is selected when all matchers of one alternative hold.</summary>
    public ImmutableArray<ImmutableArray<LabelMatcher>> Alternatives { get; }

    public bool Matches(ILabelSet labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        foreach (var alternative in Alternatives)
        {
            var all = true;
            foreach (var matcher in alternative)
            {
                if (!matcher.Matches(labels[matcher.Name]))
                {
                    all = false;
                    break;
                }
            }

            if (all)
                return true;
        }

        return false;
    }

    /// <summary>Reads a selector. <paramref name="error"/> names the position, counted from 1, and what to do.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out MetricsSelector? selector, [NotNullWhen(false)] out string? error)
    {
        selector = null;
        if (string.IsNullOrWhiteSpace(text))
        {
            error = """The selector is empty; write one such as {service_name="compute.datumapis.com"}.""";
            return false;
        }

        if (text.Length > MaxLength)
        {
            error = $"The selector has {text.Length} characters, {MaxLength} is the most.";
            return false;
        }

        var reader = new Reader(text);
        if (reader.Selector() is not { } alternatives)
        {
            error = reader.Error ?? "The selector can't be read.";
            return false;
        }

        selector = new MetricsSelector(alternatives);
        error = null;
        return true;
    }

    /// <summary>Recursive descent, one method for each part of the grammar; null where it failed, then <see cref="Error"/> is set.</summary>
    private sealed class Reader(string text)
    {
        private int _at;
        private int _matchers;

        public string? Error { get; private set; }

        public ImmutableArray<ImmutableArray<LabelMatcher>>? Selector()
        {
            LabelMatcher? metric = null;
            Blank();
            if (Peek is not '{')
            {
                var start = _at;
                if (Name(colons: true) is not { } name)
                    return Fail("a metric name or '{' is expected");
                if (Peek is '(')
                    return Fail($"'{name}' is a function or keyword; a policy takes a selector only", start);
                metric = LabelMatcher.Create(NameLabel, LabelMatch.Equal, name, out _);
                _matchers++;
                Blank();
            }

            var alternatives = ImmutableArray.CreateBuilder<ImmutableArray<LabelMatcher>>();
            if (Peek is '{')
            {
                if (!Braces(metric, alternatives))
                    return null;
            }
            else
            {
                alternatives.Add([metric!]);
            }

            Blank();
            return _at == text.Length ? alternatives.ToImmutable() : Fail("nothing may follow the selector: no range, offset, operator or function");
        }

        private bool Braces(LabelMatcher? metric, ImmutableArray<ImmutableArray<LabelMatcher>>.Builder alternatives)
        {
            var open = _at++;
            var group = ImmutableArray.CreateBuilder<LabelMatcher>();
            while (true)
            {
                Blank();
                if (Peek is '}' && (group.Count > 0 || alternatives.Count == 0))
                {
                    _at++;
                    break;
                }

                if (Matcher() is not { } matcher)
                    return false;
                group.Add(matcher);
                Blank();
                if (Peek is ',')
                {
                    _at++;
                }
                else if (Word("or"))
                {
                    alternatives.Add(Whole());
                    group.Clear();
                }
                else if (Peek is not '}')
                {
                    Fail("',', 'or' or '}' is expected");
                    return false;
                }
            }

            alternatives.Add(Whole());
            // What matches a series without any label selects everything by accident, mostly.
            if (alternatives.Any(a => a.All(m => m.Matches(""))))
            {
                Fail("""at least one matcher must need a value, such as {service_name!=""}: this one selects everything""", open);
                return false;
            }

            return true;

            ImmutableArray<LabelMatcher> Whole() => metric is null ? group.ToImmutable() : [metric, .. group];
        }

        private LabelMatcher? Matcher()
        {
            var start = _at;
            if (Name(colons: false) is not { } name)
                return Wrong("a label name is expected");
            if (name == ProjectLabel)
                return Wrong($"the label {ProjectLabel} can't be selected by: a policy reaches its own project only", start);
            if (++_matchers > MaxMatchers)
                return Wrong($"there are more than {MaxMatchers} matchers", start);
            Blank();
            if (Operator() is not { } match)
                return Wrong("one of = != =~ !~ is expected");
            Blank();
            start = _at;
            if (Text() is not { } value)
                return null;
            return LabelMatcher.Create(name, match, value, out var error) ?? Wrong(error!, start);
        }

        private LabelMatch? Operator()
        {
            var (match, length) = Peek switch
            {
                '=' when Next is '~' => (LabelMatch.Regex, 2),
                '=' => (LabelMatch.Equal, 1),
                '!' when Next is '=' => (LabelMatch.NotEqual, 2),
                '!' when Next is '~' => (LabelMatch.NotRegex, 2),
                _ => (LabelMatch.Unknown, 0),
            };
            _at += length;
            return length == 0 ? null : match;
        }

        private string? Text()
        {
            if (Peek is not ('"' or '\'' or '`'))
                return Said("a value in quotes is expected");
            var (open, quote) = (_at, text[_at++]);
            var value = new StringBuilder();
            while (_at < text.Length)
            {
                var c = text[_at++];
                if (c == quote)
                    return value.ToString();
                if (c == '\n' && quote != '`')
                    return Said("a line break ends the quoted value", _at - 1);
                if (c != '\\' || quote == '`')
                    value.Append(c);
                else if (!Escape(value))
                    return null;
            }

            return Said("the quote isn't closed", open);
        }

        // As Go writes strings.
        private bool Escape(StringBuilder value)
        {
            var start = _at - 1;
            var c = _at < text.Length ? text[_at++] : '\0';
            var digits = c switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
            if (digits > 0)
            {
                if (_at + digits <= text.Length && uint.TryParse(text.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) && Rune.IsValid(code))
                {
                    _at += digits;
                    value.Append(new Rune(code).ToString());
                    return true;
                }
            }
            else if ("abfnrtv\\\"'".IndexOf(c, StringComparison.Ordinal) is >= 0 and var known)
            {
                value.Append("\a\b\f\n\r\t\v\\\"'"[known]);
                return true;
            }

            Fail("that is no escape; write two backslashes for one", start);
            return false;
        }

        private string? Name(bool colons)
        {
            var start = _at;
            while (_at < text.Length && (char.IsAsciiLetter(text[_at]) || text[_at] == '_' || (colons && text[_at] == ':') || (_at > start && char.IsAsciiDigit(text[_at]))))
                _at++;
            return _at > start ? text[start.._at] : null;
        }

        private bool Word(string word)
        {
            var end = _at + word.Length;
            if (string.CompareOrdinal(text, _at, word, 0, word.Length) != 0 || (end < text.Length && (char.IsAsciiLetterOrDigit(text[end]) || text[end] == '_')))
                return false;
            _at = end;
            return true;
        }

        private void Blank()
        {
            while (_at < text.Length && text[_at] is ' ' or '\t' or '\n' or '\r')
                _at++;
        }

        private char? Peek => _at < text.Length ? text[_at] : null;

        private char? Next => _at + 1 < text.Length ? text[_at + 1] : null;

        private ImmutableArray<ImmutableArray<LabelMatcher>>? Fail(string what, int? at = null)
        {
            Said(what, at);
            return null;
        }

        private LabelMatcher? Wrong(string what, int? at = null)
        {
            Said(what, at);
            return null;
        }

        private string? Said(string what, int? at = null)
        {
            Error ??= string.Create(CultureInfo.InvariantCulture, $"Position {(at ?? _at) + 1}: {what}.");
            return null;
        }
    }
}
