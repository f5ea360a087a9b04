using System.Globalization;
using System.Text.RegularExpressions;

namespace Datum.Providers.Abstractions.Tests;

/// <summary>docs/driver-contract.md is the rule book: what code quotes from it exists, and its tables name what code has.</summary>
public sealed partial class ContractDocumentTests
{
    private static readonly string _document = File.ReadAllText(Repository.Path("docs", "driver-contract.md"));

    [Test]
    public void Every_rule_that_source_quotes_exists()
    {
        var defined = Rules().ToHashSet();
        var quoted = Repository.SourceFiles("src").Concat(Repository.SourceFiles("tests"))
            .SelectMany(f => QuotePattern().Matches(File.ReadAllText(f)).Select(m => (File: Path.GetFileName(f), Rule: Number(m))))
            .ToList();
        Assert.Multiple(() =>
        {
            Assert.That(quoted, Is.Not.Empty);
            Assert.That(quoted.Where(q => !defined.Contains(q.Rule)).Select(q => $"{q.File} quotes DC-{q.Rule}").Distinct(), Is.Empty);
        });
    }

    [Test]
    public void Rules_are_numbered_once_and_in_order() =>
        Assert.Multiple(() =>
        {
            Assert.That(Rules(), Is.Not.Empty.And.Ordered.Ascending);
            Assert.That(Rules(), Is.Unique);
        });

    [Test]
    public void A_rule_that_the_document_quotes_exists()
    {
        var defined = Rules().ToHashSet();
        Assert.That(QuotePattern().Matches(_document).Select(Number).Where(n => !defined.Contains(n)), Is.Empty);
    }

    [Test]
    public void Every_rule_says_MUST_SHOULD_or_MAY() =>
        Assert.That(RulePattern().Matches(_document).Where(m => !WordPattern().IsMatch(m.Value)).Select(m => $"DC-{Number(m)}"), Is.Empty);

    [Test]
    public void The_error_table_has_each_code_once_in_the_order_of_the_enum() =>
        Assert.That(TableColumn("ErrorCode"), Is.EqualTo(Enum.GetNames<ErrorCode>()));

    [Test]
    public void The_create_class_table_has_each_class_once_in_the_order_of_the_enum() =>
        Assert.That(TableColumn("CreateClass"), Is.EqualTo(Enum.GetNames<CreateClass>()));

    [Test]
    public void The_error_table_names_an_action_for_each_code() =>
        Assert.That(TableColumn("ErrorCode", "RecoveryAction"), Is.All.AnyOf("Retry", "LookAgain", "RetrySlowly", "WaitForChange"));

    private static List<int> Rules() => [.. RulePattern().Matches(_document).Select(Number)];

    private static int Number(Match match) => int.Parse(match.Groups["n"].Value, CultureInfo.InvariantCulture);

    /// <summary>One column of the table whose first column is headed <paramref name="first"/>, without code marks.</summary>
    private static List<string> TableColumn(string first, string? column = null)
    {
        var lines = _document.Split('\n');
        var head = Array.FindIndex(lines, l => l.StartsWith($"| {first} |", StringComparison.Ordinal));
        Assert.That(head, Is.Not.Negative, $"no table headed {first}");
        var index = Array.IndexOf(Cells(lines[head]), column ?? first);
        Assert.That(index, Is.Not.Negative, $"no column {column}");
        return [.. lines.Skip(head + 2).TakeWhile(l => l.StartsWith('|')).Select(l => Cells(l)[index])];

        static string[] Cells(string line) => [.. line.Trim().Trim('|').Split('|').Select(c => c.Trim().Trim('`'))];
    }

    [GeneratedRegex(@"\bDC-(?<n>\d+)\b")]
    private static partial Regex QuotePattern();

    /// <summary>A rule is a list item that begins with its number in bold and goes to the end of its line.</summary>
    [GeneratedRegex(@"^- \*\*DC-(?<n>\d+)\*\*.*$", RegexOptions.Multiline)]
    private static partial Regex RulePattern();

    [GeneratedRegex(@"\b(MUST|SHOULD|MAY)\b")]
    private static partial Regex WordPattern();
}
