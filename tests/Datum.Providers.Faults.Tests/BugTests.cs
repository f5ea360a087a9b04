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
        Assert.That(AllBugs.All, Has.Length.GreaterThanOrEqualTo(17));
        var jobs = AllBugs.All.SelectMany(b => new[] { $"bug {b.Name} {b.Plan}", $"plan {b.Plan}" }).Distinct().Chunk(12);
        var answers = WorkerPool.Run(jobs.Select(j => (IReadOnlyList<string>)j)).ToDictionary(a => a.Job);
        foreach (var bug in AllBugs.All)
        {
            var caught = answers[$"bug {bug.Name} {bug.Plan}"].Violations;
            TestContext.Out.WriteLine($"{bug.Name} | {bug.Plan} | {(caught.Count > 0 ? caught[0] : "NOT CAUGHT")}");
        }
        Assert.Multiple(() =>
        {
            foreach (var bug in AllBugs.All)
            {
                Assert.That(answers[$"bug {bug.Name} {bug.Plan}"].Violations, Is.Not.Empty, $"{bug.Name} isn't caught by {bug.Plan}");
                Assert.That(answers[$"plan {bug.Plan}"].Violations, Is.Empty, $"the clean engine fails {bug.Plan}");
            }
        });
    }
}
