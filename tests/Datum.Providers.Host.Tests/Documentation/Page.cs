using System.Text.RegularExpressions;

namespace Datum.Providers.Host.Tests.Documentation;

/// <summary>A Markdown page, as far as the tests ask: headings, tables, links.</summary>
internal sealed partial class Page(string text)
{
    /// <summary>Without what stands in code blocks.</summary>
    public string Text { get; } = CodeBlock().Replace(text, "");

    public static Page Of(string relative) => new(Repository.Read(relative));

    /// <summary>The part below a heading (its whole line), up to the next one of that or a higher level.</summary>
    public Page Section(string heading)
    {
        var level = heading.TakeWhile(c => c == '#').Count();
        var lines = Text.Split('\n');
        var start = Array.IndexOf(lines, heading);
        Assert.That(start, Is.GreaterThanOrEqualTo(0), $"There is no heading '{heading}'.");
        return new Page(string.Join('\n', lines.Skip(start + 1).TakeWhile(l => !Heading().IsMatch(l) || l.TakeWhile(c => c == '#').Count() > level)));
    }

    /// <summary>The cells of all table rows, without head and rule.</summary>
    public IReadOnlyList<string[]> Rows()
    {
        var rows = new List<string[]>();
        var lines = Text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var isHead = i + 1 < lines.Length && Rule().IsMatch(lines[i + 1]);
            if (lines[i].StartsWith('|') && !isHead && !Rule().IsMatch(lines[i]))
                rows.Add([.. lines[i].Trim().Trim('|').Replace("\\|", "/", StringComparison.Ordinal).Split('|').Select(c => c.Trim())]);
        }

        return rows;
    }

    /// <summary>The words in backticks of each row's first cell.</summary>
    public IReadOnlyList<string> FirstWords() => [.. Rows().SelectMany(r => Words(r[0]))];

    public static IEnumerable<string> Words(string cell) => Code().Matches(cell).Select(m => m.Groups[1].Value);

    /// <summary>Targets of all links.</summary>
    public IEnumerable<string> Links() => Link().Matches(InlineCode().Replace(Text, "")).Select(m => m.Groups[1].Value);

    /// <summary>The anchors that GitHub gives the headings.</summary>
    public IEnumerable<string> Anchors() => Text.Split('\n').Where(l => Heading().IsMatch(l))
        .Select(l => NotInAnchor().Replace(l.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-'));

    [GeneratedRegex("^```.*?^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex("^#{1,6} ")]
    private static partial Regex Heading();

    [GeneratedRegex("^\\|[ :|-]+\\|$")]
    private static partial Regex Rule();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    [GeneratedRegex("`[^`\n]*`")]
    private static partial Regex InlineCode();

    [GeneratedRegex("\\]\\(([^()\\s]+)\\)")]
    private static partial Regex Link();

    [GeneratedRegex("[^\\w -]")]
    private static partial Regex NotInAnchor();
}
