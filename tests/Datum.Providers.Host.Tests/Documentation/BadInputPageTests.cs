using System.Text.RegularExpressions;

namespace Datum.Providers.Host.Tests.Documentation;

/// <summary>Every row of the bad-input page names a test that exists and words that are explained elsewhere.</summary>
public sealed partial class BadInputPageTests
{
    private const int Columns = 6;

    private static IReadOnlyList<string[]> Rows() => Page.Of("docs/reference/bad-input.md").Rows();

    [Test]
    public void Every_row_is_complete()
    {
        Assert.That(Rows(), Has.Count.GreaterThan(50));
        Assert.That(Rows().Where(r => r.Length != Columns || new[] { 0, 1, 2, 3, 5 }.Any(i => r[i].Length == 0)).Select(r => r[0]), Is.Empty);
    }

    [Test]
    public void Every_test_that_a_row_names_exists_and_stands_there_once()
    {
        var tests = Repository.Files("tests", ".cs").SelectMany(f => TestName().Matches(File.ReadAllText(f)))
            .Select(m => m.Groups[1].Success ? m.Groups[1].Value : m.Groups[2].Value).ToHashSet(StringComparer.Ordinal);
        var named = Rows().SelectMany(r => Page.Words(r[^1])).ToList();

        Assert.Multiple(() =>
        {
            Assert.That(named, Has.Count.EqualTo(Rows().Count).And.Unique);
            Assert.That(named.Where(n => !tests.Contains(n)), Is.Empty);
        });
    }

    [Test]
    public void Every_reason_is_explained_on_its_page()
    {
        var known = Page.Of("docs/reference/conditions.md").FirstWords()
            .Concat(Page.Of("docs/reference/driver-rejections.md").FirstWords())
            .Concat(Page.Of("docs/reference/events-and-logs.md").Section("## Logs").Rows().Select(r => r[0]))
            .Concat(["400", "422"]).ToHashSet(StringComparer.Ordinal);
        var reasons = Rows().SelectMany(r => Page.Words(r[2])).ToList();

        Assert.That(reasons, Has.Count.GreaterThanOrEqualTo(Rows().Count));
        Assert.That(reasons.Where(r => !known.Contains(r)), Is.Empty);
    }

    [GeneratedRegex("""(?:\b(?:void|Task) ([A-Z]\w+)\(|TestName = "(\w+)")""")]
    private static partial Regex TestName();
}
