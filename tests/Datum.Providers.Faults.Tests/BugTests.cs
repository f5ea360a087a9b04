using Datum.Providers.Faults.Tests.Bugs;
using Datum.Providers.Faults.Tests.Worker;

namespace Datum.Providers.Faults.Tests;

/// <summary>The oracle bites: a wrong engine breaks a law in the plan that its row names, and the right one breaks none there.</summary>
[Category("Faults")]
internal sealed class BugTests
{
    [Test]
    public void Every_seeded_bug_is_caught_and_the_clean_engine_passes_the_same_plan()
    {
        Assert.That(AllBugs.All, Has.Length.GreaterThanOrEqualTo(27));
        var jobs = AllBugs.All.SelectMany(b => new[] { $"bug {b.Name} {b.Plan}", $"plan {b.Plan}" }).Distinct().Chunk(12);
        var answers = WorkerPool.Run(jobs.Select(j => (IReadOnlyList<string>)j)).ToDictionary(a => a.Job);
        foreach (var bug in AllBugs.All)
        {
            var caught = answers[$"bug {bug.Name} {bug.Plan}"].Violations;
            Report.Say($"{bug.Name} | {bug.Plan} | {(caught.FirstOrDefault(v => v.Contains(bug.Breaks, StringComparison.Ordinal)) ?? $"NOT CAUGHT {string.Join("; ", caught)}")}");
        }
        Assert.Multiple(() =>
        {
            foreach (var bug in AllBugs.All)
            {
                Assert.That(answers[$"bug {bug.Name} {bug.Plan}"].Violations, Has.Some.Contains(bug.Breaks), $"{bug.Name} isn't caught by {bug.Plan}");
                Assert.That(answers[$"plan {bug.Plan}"].Violations, Is.Empty, $"the clean engine fails {bug.Plan}");
            }
        });
    }
}

/// <summary>Holds the table of docs/reference/faults.md against the bugs that there are.</summary>
internal sealed class BugTableTests
{
    [Test]
    public void The_page_lists_every_seeded_bug_with_its_plan()
    {
        var rows = File.ReadLines(Path.Combine(Root(), "docs", "reference", "faults.md")).Where(l => l.StartsWith("| `", StringComparison.Ordinal)).ToList();
        Assert.That(rows, Is.EqualTo(AllBugs.All.Select(b => $"| `{b.Name}` | {b.What} | `{b.Plan}` |")));
    }

    private static string Root()
    {
        for (var folder = new DirectoryInfo(TestContext.CurrentContext.TestDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "docs", "reference", "faults.md")))
                return folder.FullName;
        throw new DirectoryNotFoundException("docs/reference isn't above the test's folder.");
    }
}
