using Datum.Providers.Faults.Tests.Bugs;
using Datum.Providers.Faults.Tests.Scenarios;
using Datum.Providers.Faults.Tests.World;

namespace Datum.Providers.Faults.Tests.Plans;

/// <summary>What a run came to.</summary>
/// <param name="Violations">Empty when every law held and the end was the reference's.</param>
/// <param name="Hit">Whether the plan's call came at all.</param>
internal sealed record PlanResult(IReadOnlyList<string> Violations, bool Hit, IReadOnlyList<CallId> Trace, IReadOnlyList<string> End, string Description);

/// <summary>Runs one scenario, with one fault or none, and judges it.</summary>
internal static class PlanRunner
{
    private static readonly Dictionary<string, PlanResult> References = new(StringComparer.Ordinal);

    /// <summary>The run without a fault; made once in a process.</summary>
    public static async Task<PlanResult> ReferenceAsync(Scenario scenario)
    {
        if (!References.TryGetValue(scenario.Name, out var known))
            References[scenario.Name] = known = await RunAsync(scenario, null, null, null, details: false);
        return known;
    }

    /// <summary>The run of a plan, compared with the reference.</summary>
    public static async Task<PlanResult> RunAsync(FaultPlan plan, Bug? bug, bool details)
    {
        var scenario = AllScenarios.Find(plan.Scenario);
        var reference = await ReferenceAsync(scenario);
        return await RunAsync(scenario, plan.Fault == Fault.None ? null : plan, bug, reference.End, details);
    }

    private static async Task<PlanResult> RunAsync(Scenario scenario, FaultPlan? plan, Bug? bug, IReadOnlyList<string>? expected, bool details)
    {
        using var world = new FaultWorld(scenario.Options, plan, bug);
        var violations = new List<string>();
        List<string> end = [];
        try
        {
            await world.BeginAsync();
            await scenario.Before(world);
            world.Arm();
            await scenario.Act(world);
            await world.RestAsync(scenario.End.What, () => scenario.End.IsSo(world) && !world.Oracle.Untold().Any());
            world.Disarm();
            var (writes, mutations) = (world.Oracle.Writes, world.Cloud.Statistics.Mutations);
            await world.AdvanceAsync(scenario.Quiet);
            if (world.Oracle.Writes != writes)
                violations.Add($"L8: {world.Oracle.Writes - writes} writes at rest, the last at {world.Oracle.LastWrite:HH:mm:ss} is {world.Plane.Writes.Where(w => w.Plural != "leases").LastOrDefault()}");
            if (world.Cloud.Statistics.Mutations != mutations)
                violations.Add($"L8: {world.Cloud.Statistics.Mutations - mutations} mutations at rest");
            world.Oracle.AtEnd();
            end = Canonical.Of(world);
            if (expected is not null && scenario.Compares)
            {
                violations.AddRange(expected.Except(end, StringComparer.Ordinal).Select(l => $"end: missing {l}"));
                violations.AddRange(end.Except(expected, StringComparer.Ordinal).Select(l => $"end: not in the reference: {l}"));
            }
        }
        catch (WorldException e)
        {
            violations.Add(e.Message);
        }
        violations.InsertRange(0, world.Oracle.Violations);
        return new PlanResult(violations, world.Hit, [.. world.Trace], end, details ? world.Describe(400) : "");
    }
}
