using System.Globalization;
using System.Text;
using Datum.Providers.Faults.Tests.Scenarios;
using Datum.Providers.Faults.Tests.Worker;

namespace Datum.Providers.Faults.Tests.Plans;

/// <summary>Every plan that there is: each fault at each call of each reference run.</summary>
internal sealed class Matrix
{
    /// <summary>Calls of one label beyond this many are left out where the clock alone makes them.</summary>
    private const int Clockwork = 6;

    private Matrix(IReadOnlyList<(FaultPlan Plan, Boundary Boundary)> plans, IReadOnlyList<string> violations)
    {
        Plans = plans;
        ReferenceViolations = violations;
    }

    public IReadOnlyList<(FaultPlan Plan, Boundary Boundary)> Plans { get; }

    /// <summary>What the runs without a fault broke.</summary>
    public IReadOnlyList<string> ReferenceViolations { get; }

    /// <summary>Makes the reference runs and enumerates.</summary>
    public static Matrix Build()
    {
        var answers = WorkerPool.Run(AllScenarios.All.Select(s => (IReadOnlyList<string>)[$"trace {s.Name}"]));
        var order = AllScenarios.All.Select((s, i) => (s.Name, i)).ToDictionary(s => $"trace {s.Name}", s => s.i);
        var plans = new List<(FaultPlan, Boundary)>();
        var violations = new List<string>();
        foreach (var answer in answers.OrderBy(a => order[a.Job]))
        {
            var scenario = answer.Job[6..];
            var first = AllScenarios.Find(scenario).BeginsEmpty;
            violations.AddRange(answer.Violations.Select(v => $"{scenario}: {v}"));
            foreach (var words in answer.Lines.Where(l => l.StartsWith("call ", StringComparison.Ordinal)).Select(l => l.Split(' ')))
            {
                var (boundary, label, number) = (Enum.Parse<Boundary>(words[1]), words[2], int.Parse(words[3], CultureInfo.InvariantCulture));
                if (label.Contains("leases", StringComparison.Ordinal) && number > Clockwork)
                    continue;
                // The account that a host sees first is the account, whichever it is: until something stands in it another one is as good.
                first &= boundary != Boundary.CloudMutation;
                plans.AddRange(Faults.Of(boundary).Where(f => !first || f != Fault.OtherAccount).Select(f => (new FaultPlan(scenario, f, label, number), boundary)));
            }
        }
        return new Matrix(plans, violations);
    }

    /// <summary>One plan of each cell, and of these so many, spread over all boundaries, faults and scenarios; always the same ones.</summary>
    public IReadOnlyList<(FaultPlan Plan, Boundary Boundary)> Sample(int count) =>
    [
        .. Plans.GroupBy(p => (p.Plan.Scenario, p.Boundary, p.Plan.Fault)).Select(cell => (Plans: cell.ToList(), Hash: StableHash.Of($"{cell.Key}")))
            .OrderBy(c => c.Hash).Take(count).Select(c => c.Plans[c.Hash % c.Plans.Count]).OrderBy(p => p.Plan.Scenario, StringComparer.Ordinal),
    ];

    /// <summary>Cells in which an engine of ours once broke a law, and so many plans of each at most.</summary>
    public IReadOnlyList<(FaultPlan Plan, Boundary Boundary)> Relapses(int each) =>
    [
        .. s_onceRed.SelectMany(cell =>
        {
            var plans = Plans.Where(p => (p.Plan.Scenario, p.Boundary, p.Plan.Fault) == cell).ToList();
            return plans.Count == 0 ? throw new InvalidOperationException($"The matrix has no cell {cell}.")
                : Enumerable.Range(0, Math.Min(plans.Count, each)).Select(i => plans[i * plans.Count / Math.Min(plans.Count, each)]);
        }),
    ];

    private static readonly (string Scenario, Boundary Boundary, Fault Fault)[] s_onceRed =
    [
        ("collector-deletes", Boundary.CloudMutation, Fault.TimeoutBefore), ("collector-no-floor", Boundary.CloudList, Fault.KillBefore),
        ("retained", Boundary.CloudMutation, Fault.NewestHidden), ("retained-then-adopted", Boundary.CloudRead, Fault.OtherAccount),
        ("abandon-wanted", Boundary.CloudList, Fault.ListLies), ("owner-lost", Boundary.ApiRead, Fault.Away),
        ("config-rolled-out", Boundary.ApiWrite, Fault.StaleLists), ("pause-asked-late", Boundary.ApiWrite, Fault.StaleLists),
    ];

    /// <summary>At least so many plans with all cells among them, spread evenly over each cell's calls; always the same ones. All of them when there are fewer.</summary>
    public IReadOnlyList<(FaultPlan Plan, Boundary Boundary)> Thin(int count)
    {
        var cells = Plans.GroupBy(p => (p.Plan.Scenario, p.Boundary, p.Plan.Fault)).Select(g => g.ToList()).ToList();
        var each = 1;
        while (cells.Sum(c => Math.Min(c.Count, each)) < Math.Min(count, Plans.Count))
            each++;
        return [.. cells.SelectMany(c => Enumerable.Range(0, Math.Min(c.Count, each)).Select(i => c[i * c.Count / Math.Min(c.Count, each)]))];
    }

    /// <summary>Jobs in groups of one scenario.</summary>
    public static IEnumerable<IReadOnlyList<string>> Jobs(IEnumerable<(FaultPlan Plan, Boundary Boundary)> plans) =>
        plans.GroupBy(p => p.Plan.Scenario).SelectMany(g => g.Select(p => $"plan {p.Plan}").Chunk(60)).Select(c => (IReadOnlyList<string>)c);

    /// <summary>The counts by scenario, boundary and fault. Cells that no call of the scenario allows are points.</summary>
    public static string Table(IEnumerable<(FaultPlan Plan, Boundary Boundary)> plans)
    {
        var counts = plans.GroupBy(p => (p.Plan.Scenario, p.Boundary, p.Plan.Fault)).ToDictionary(g => g.Key, g => g.Count());
        var text = new StringBuilder();
        foreach (var boundary in Enum.GetValues<Boundary>().Where(b => b != Boundary.Unknown))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{boundary}: {string.Join(" | ", Faults.Of(boundary).Select(Faults.NameOf))}");
            foreach (var scenario in AllScenarios.All)
                text.AppendLine(CultureInfo.InvariantCulture, $"  {scenario.Name,-28} {string.Join(' ', Faults.Of(boundary).Select(f => counts.TryGetValue((scenario.Name, boundary, f), out var n) ? $"{n,4}" : "   ."))}");
        }
        return text.ToString();
    }

    /// <summary>Cells without a plan although the scenario has calls of that boundary, and scenarios without any call.</summary>
    public IEnumerable<string> EmptyCells(IReadOnlyList<(FaultPlan Plan, Boundary Boundary)> plans)
    {
        var cells = plans.Select(p => (p.Plan.Scenario, p.Boundary, p.Plan.Fault)).ToHashSet();
        var crossed = Plans.Select(p => (p.Plan.Scenario, p.Boundary)).ToHashSet();
        foreach (var scenario in AllScenarios.All)
        {
            if (!crossed.Any(c => c.Scenario == scenario.Name))
                yield return scenario.Name;
            foreach (var boundary in Enum.GetValues<Boundary>().Where(b => crossed.Contains((scenario.Name, b))))
                // Where the ledger is lost nobody remembers the account, so another one is no fault from then on.
                foreach (var fault in Faults.Of(boundary).Where(f => !cells.Contains((scenario.Name, boundary, f)) && !(f is Fault.OtherAccount && scenario.ForgetsAll)))
                    yield return $"{scenario.Name}/{boundary}/{Faults.NameOf(fault)}";
        }
    }
}

/// <summary>A hash that is the same in every process.</summary>
internal static class StableHash
{
    public static int Of(string text) => (int)(text.Aggregate(2166136261u, (hash, c) => unchecked((hash ^ c) * 16777619u)) & int.MaxValue);
}
