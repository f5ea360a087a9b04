using System.Text.RegularExpressions;

namespace Datum.Providers.Host.Tests.Documentation;

/// <summary>The table of laws is whole, and each law has tests that quote its number in their name.</summary>
public sealed partial class LawTests
{
    private static readonly string[] Laws = [.. Enumerable.Range(1, 15).Select(n => $"L{n}")];

    [Test]
    public void Every_law_stands_in_the_architecture_with_the_code_that_keeps_it()
    {
        var rows = Page.Of("docs/architecture.md").Rows().Where(r => Number().IsMatch(r[0])).ToList();
        Assert.Multiple(() =>
        {
            Assert.That(rows.Select(r => r[0]), Is.EqualTo(Laws));
            Assert.That(rows.Where(r => r.Length < 3 || !Page.Words(r[2]).Any()).Select(r => r[0]), Is.Empty, "names no code");
        });
    }

    [Test]
    public void Every_law_has_a_test_that_quotes_its_number()
    {
        var quoted = Repository.Files("tests", ".cs").SelectMany(f => TestName().Matches(File.ReadAllText(f))).Select(m => m.Groups[1].Value).ToHashSet(StringComparer.Ordinal);
        Assert.That(Laws.Where(l => !quoted.Contains(l)), Is.Empty);
    }

    [GeneratedRegex("^L[0-9]+$")]
    private static partial Regex Number();

    [GeneratedRegex(@"\[Test[^\n]*\]\s+(?:\[[^\n]*\]\s+)*public (?:async Task|void|Task) (L[0-9]+)_")]
    private static partial Regex TestName();
}
