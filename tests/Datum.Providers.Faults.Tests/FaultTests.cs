using Datum.Providers.Faults.Tests.Plans;
using Datum.Providers.Faults.Tests.Scenarios;
using Datum.Providers.Faults.Tests.Worker;

namespace Datum.Providers.Faults.Tests;

/// <summary>Laws L1 to L8, L12 and L14: one fault at one call, everything else as in the run without it, and the end must be the same.</summary>
[Category("Slow")]
internal sealed class ReferenceTests
{
    /// <summary>And of the matrix a part that has every sort of cell.</summary>
    [Test]
    public void Every_scenario_keeps_every_law_without_a_fault_and_in_five_hundred_plans_with_one()
    {
        var matrix = Matrix.Build();
        Assert.That(matrix.ReferenceViolations, Is.Empty);
        Assert.That(matrix.Plans, Has.Count.GreaterThanOrEqualTo(5000));
        var plans = matrix.Sample(count: 520);
        Assert.That(plans, Has.Count.GreaterThanOrEqualTo(500));
        Runner.Run([.. plans.Concat(matrix.Relapses(each: 10)).DistinctBy(p => p.Plan.ToString())]);
    }
}


/// <summary>The same for 5,200 plans, every cell among them; <c>DATUM_PLANS</c> says how many, 0 all that there are (more than a day).</summary>
[Category("Faults")]
internal sealed class MatrixTests
{
    [Test]
    public void Every_fault_at_every_call_ends_as_its_reference_does()
    {
        var matrix = Matrix.Build();
        Assert.That(matrix.ReferenceViolations, Is.Empty);
        var wanted = int.TryParse(Environment.GetEnvironmentVariable("DATUM_PLANS"), out var given) ? given : 5200;
        var plans = wanted == 0 ? matrix.Plans : matrix.Thin(wanted);
        Report.Say(Matrix.Table(plans));
        Report.Say($"{plans.Count} of {matrix.Plans.Count} plans of {AllScenarios.All.Length} scenarios");
        Assert.That(matrix.EmptyCells(plans), Is.Empty);
        Runner.Run(plans);
    }
}

/// <summary>Replays what a failure printed: <c>DATUM_FAULT_PLAN=create/kill-after/cloud:POST:servers#1 ./test --faults</c>.</summary>
[Category("Faults")]
internal sealed class ReplayTests
{
    [Test]
    public void The_plan_of_the_environment()
    {
        if (Environment.GetEnvironmentVariable("DATUM_FAULT_PLAN") is not { Length: > 0 } plan)
        {
            Assert.Ignore("DATUM_FAULT_PLAN names no plan to replay");
            return;
        }
        var answer = WorkerPool.Run($"show {plan}");
        TestContext.Out.WriteLine(string.Join('\n', answer.Lines));
        Assert.That(answer.Violations, Is.Empty);
    }
}

internal static class Runner
{
    /// <summary>Runs plans in workers; fails with one line for each that broke something.</summary>
    public static void Run(IReadOnlyList<(FaultPlan Plan, Boundary Boundary)> plans)
    {
        var started = System.Diagnostics.Stopwatch.GetTimestamp();
        var answers = WorkerPool.Run(Matrix.Jobs(plans), a =>
        {
            if (a.Violations.Count > 0)
                Report.Say(Line(a));
        });
        var took = System.Diagnostics.Stopwatch.GetElapsedTime(started);
        Report.Say($"{answers.Count} plans in {took.TotalSeconds:0} s, {answers.Sum(a => a.Milliseconds) / Math.Max(1, answers.Count):0.0} ms each, {answers.Count(a => a.Missed)} whose call didn't come");
        var failed = answers.Where(a => a.Violations.Count > 0).Select(Line).Order(StringComparer.Ordinal).ToList();
        // A plan whose call doesn't come proves nothing; runs are deterministic, so there is none.
        failed.AddRange(answers.Where(a => a.Missed).Select(a => $"DATUM_FAULT_PLAN=\"{a.Job[5..]}\": its call didn't come"));
        Assert.That(failed, Is.Empty, string.Join('\n', failed.Take(200)));
    }

    private static string Line(JobAnswer answer) => $"DATUM_FAULT_PLAN=\"{answer.Job[5..]}\": {answer.Violations[0]}{(answer.Violations.Count > 1 ? $" (and {answer.Violations.Count - 1} more)" : "")}";
}
