using System.Reflection;
using System.Text.RegularExpressions;
using Datum.Providers.Resources;

namespace Datum.Providers.Host.Tests.Documentation;

/// <summary>The page of conformance with upstream names tests that exist, and every word that the core controllers use.</summary>
public sealed partial class DatumConformanceTests
{
    private const int Columns = 5;

    private static Page ThePage => Page.Of("docs/reference/datum-conformance.md");

    [Test]
    public void Every_row_is_complete_and_says_how_it_stands_to_upstream()
    {
        var rows = ThePage.Rows();
        Assert.That(rows, Has.Count.GreaterThan(50));
        Assert.That(rows.Where(r => r.Length != Columns || r[0].Length == 0 || r[1].Length == 0 || r[2] is not ("same" or "better" or "beyond")).Select(r => r[0]), Is.Empty);
        Assert.That(rows.Where(r => r[2] != "same" && r[3].Length == 0).Select(r => r[0]), Is.Empty, "what differs says how");
    }

    [Test]
    public void Every_test_that_the_page_names_exists()
    {
        var tests = Repository.Files("tests", ".cs").SelectMany(f => TestName().Matches(File.ReadAllText(f))).Select(m => m.Groups[1].Value).ToHashSet(StringComparer.Ordinal);
        var named = ThePage.Rows().Select(r => (Row: r[0], Tests: Page.Words(r[^1]).ToList())).ToList();

        Assert.Multiple(() =>
        {
            Assert.That(named.Where(n => n.Tests.Count == 0).Select(n => n.Row), Is.Empty, "rows without a test");
            Assert.That(named.SelectMany(n => n.Tests).Where(t => !tests.Contains(t)), Is.Empty, "tests that aren't there");
            Assert.That(Page.Words(ThePage.Text).Where(w => SentenceName().IsMatch(w) && !tests.Contains(w)), Is.Empty, "in the text");
        });
    }

    [TestCase(typeof(Reasons), 30)]
    [TestCase(typeof(ConditionTypes), 8)]
    [TestCase(typeof(Labels), 4)]
    [TestCase(typeof(Annotations), 8)]
    [TestCase(typeof(Finalizers), 2)]
    [TestCase(typeof(SchedulingGates), 1)]
    public void Every_word_that_the_core_controllers_use_stands_on_the_page(Type words, int atLeast)
    {
        var named = Page.Words(ThePage.Text).ToHashSet(StringComparer.Ordinal);
        var used = Repository.Source("src/Core/Datum.Providers.ControlPlane").SelectMany(s => Regex.Matches(s, $@"\b{words.Name}\.([A-Z]\w+)")).Select(m => m.Groups[1].Value)
            .Distinct(StringComparer.Ordinal).Select(n => words.GetField(n, BindingFlags.Public | BindingFlags.Static)).OfType<FieldInfo>().Select(f => (string)f.GetRawConstantValue()!).ToList();

        Assert.That(used, Has.Count.GreaterThanOrEqualTo(atLeast), "the search found too little");
        Assert.That(used.Where(w => !named.Contains(w)), Is.Empty);
    }

    [GeneratedRegex(@"\b(?:void|Task) ([A-Z]\w+)\(")]
    private static partial Regex TestName();

    [GeneratedRegex(@"^[A-Z][a-z0-9]*(?:_\w+){3,}$")]
    private static partial Regex SentenceName();
}
