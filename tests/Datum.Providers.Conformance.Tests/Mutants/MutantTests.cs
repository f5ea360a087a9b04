using System.Globalization;
using System.Text;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Drivers.Simulator.Tests.Conformance;

namespace Datum.Providers.Conformance.Tests.Mutants;

/// <summary>The kit bites: each seeded fault is caught by the case that is named for it, and the driver without the fault passes that case.</summary>
public sealed class MutantTests
{
    private static readonly string PagePath = Path.Combine(Root(), "docs", "reference", "conformance.md");

    private static IEnumerable<TestCaseData> Mutants => MutantRuns.All.Select(m => new TestCaseData(m).SetArgDisplayNames($"CK-{m.Case:000} {m.Name}"));

    [OneTimeTearDown]
    public void TakeBack() => Environment.SetEnvironmentVariable("DATUM_MUTANT", null);

    [TestCaseSource(nameof(Mutants))]
    public async Task A_faulty_driver_is_caught_by_its_case(object mutant)
    {
        var result = await MutantRuns.OfAsync((Mutant)mutant);
        Assert.That(result.Missed, Is.Null);
    }

    [Test]
    public async Task The_clean_driver_passes_for_each_kind_what_came_with_the_mutants([Values] bool slow)
    {
        var knobs = slow
            ? new SimulatorKnobs
            {
                OperationDurations = Enum.GetValues<ResourceKind>().ToImmutableDictionary(k => k, _ => TimeSpan.FromSeconds(20)),
                ConsistencyWindow = TimeSpan.FromSeconds(4),
                ListLag = TimeSpan.FromSeconds(5),
                PageSize = 2,
            }
            : new SimulatorKnobs();
        var runner = new ConformanceRunner(() => new SimulatorWorld(knobs));
        foreach (var number in (int[])[18, 25, 29, 103, 106, 215, 216, 217, 218, 220, 223, 230, 231])
        {
            var result = await runner.RunAsync(CaseCatalog.All.Single(c => c.Number == number));
            Assert.That(result.Status, Is.EqualTo(CaseStatus.Passed), $"{result.Case}: {result.Message}");
        }
    }

    [Test]
    public void There_are_many_mutants_and_each_is_named_once()
    {
        Assert.That(MutantRuns.All, Has.Length.GreaterThanOrEqualTo(40));
        Assert.That(MutantRuns.All.Select(m => m.Name), Is.Unique);
        Assert.That(MutantRuns.All.Select(m => m.Case).Distinct().Count(), Is.GreaterThanOrEqualTo(40), "cases that are shown to bite");
    }

    [Test]
    public async Task The_reference_page_has_the_table_that_a_run_gives()
    {
        var results = new List<MutantResult>();
        foreach (var mutant in MutantRuns.All)
            results.Add(await MutantRuns.OfAsync(mutant));
        Assert.That(results.Where(r => r.Missed is not null).Select(r => $"{r.Mutant}: {r.Missed}"), Is.Empty);
        ExpectSection("mutants", MutantRuns.Table(results));
    }

    [Test]
    public void The_reference_page_has_the_groups_of_the_catalogue()
    {
        var text = new StringBuilder("| Group | Numbers | Cases | With faults |\n| --- | --- | ---: | ---: |\n");
        foreach (var group in CaseCatalog.All.GroupBy(c => c.Group).OrderBy(g => g.Key))
            text.Append(CultureInfo.InvariantCulture, $"| {group.Key} | {Ranges([.. group.Select(c => c.Number).Order()])} | {group.Count()} | {group.Count(c => c.InjectsFault)} |\n");
        text.Append(CultureInfo.InvariantCulture, $"| all | | {CaseCatalog.All.Length} | {CaseCatalog.All.Count(c => c.InjectsFault)} |\n");
        ExpectSection("groups", text.ToString());
    }

    [Test]
    public void The_reference_page_names_every_ability_of_a_world_and_the_cases_that_need_it()
    {
        var text = new StringBuilder("| Interface | Cases that need it |\n| --- | --- |\n");
        foreach (var ability in typeof(ConformanceWorld).Assembly.GetExportedTypes().Where(t => t.IsInterface && t.Namespace == typeof(ConformanceWorld).Namespace).OrderBy(t => t.Name, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"| `{ability.Name}` | {(CaseCatalog.All.Where(c => c.Needs.Contains(ability)).Select(c => c.Number).Order().ToList() is { Count: > 0 } numbers ? Ranges(numbers) : "none; used where it is there")} |\n");
        ExpectSection("abilities", text.ToString());
    }

    private static string Ranges(IReadOnlyList<int> numbers)
    {
        var ranges = new List<string>();
        for (var i = 0; i < numbers.Count;)
        {
            var last = i;
            while (last + 1 < numbers.Count && numbers[last + 1] == numbers[last] + 1)
                last++;
            var first = numbers[i].ToString("000", CultureInfo.InvariantCulture);
            ranges.Add(last == i ? first : first + "-" + numbers[last].ToString("000", CultureInfo.InvariantCulture));
            i = last + 1;
        }

        return string.Join(", ", ranges);
    }

    private static void ExpectSection(string name, string expected)
    {
        var page = File.ReadAllText(PagePath);
        var (begin, end) = ($"<!-- {name}: generated -->\n", $"<!-- end of {name} -->");
        var from = page.IndexOf(begin, StringComparison.Ordinal) + begin.Length;
        var to = page.IndexOf(end, StringComparison.Ordinal);
        Assert.That(from >= begin.Length && to >= from, $"docs/reference/conformance.md has no section {name}.");
        if (Environment.GetEnvironmentVariable("DATUM_ACCEPT_CONFORMANCE") == "1" && page[from..to] != expected)
        {
            File.WriteAllText(PagePath, page[..from] + expected + page[to..]);
            Assert.Ignore($"Accepted: section {name} of {PagePath} was rewritten. Read its difference, then run again without DATUM_ACCEPT_CONFORMANCE.");
        }

        Assert.That(page[from..to], Is.EqualTo(expected), $"Section {name} isn't what the run gives. To accept, run this test with DATUM_ACCEPT_CONFORMANCE=1 and commit the page.");
    }

    private static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (Directory.Exists(Path.Combine(folder.FullName, "docs", "reference")))
                return folder.FullName;
        throw new DirectoryNotFoundException("docs/reference isn't above the test's folder.");
    }
}
