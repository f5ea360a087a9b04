using System.Text.Json.Nodes;
using Datum.Providers.Engine;
using Datum.Providers.Engine.Collect;
using Datum.Providers.Engine.Decisions;

namespace Datum.Providers.Faults.Tests.Bugs;

/// <summary>Wrong engines. Each is one change that a person could make, and each must be noticed.</summary>
internal static partial class AllBugs
{
    public static ImmutableArray<Bug> All { get; } = [.. Decisions(), .. Answers(), .. Writes(), .. Owners(), .. Accounts()];

    public static Bug Find(string name) => All.FirstOrDefault(b => b.Name == name) ?? throw new ArgumentException($"There is no bug '{name}'; there are {string.Join(", ", All.Select(b => b.Name))}.");

    private static Bug Sees(string name, string what, string breaks, string plan, Func<DecisionInput, DecisionInput> change) =>
        new() { Name = name, What = what, Breaks = breaks, Plan = plan, Seams = _ => new EngineSeams { Decide = i => Decider.Decide(change(i)) } };

    private static Bug Decides(string name, string what, string breaks, string plan, Func<DecisionInput, Decision, Decision> change) =>
        new() { Name = name, What = what, Breaks = breaks, Plan = plan, Seams = _ => new EngineSeams { Decide = i => change(i, Decider.Decide(i)) } };

    private static Bug Judges(string name, string what, string breaks, string plan, Func<CollectorInput, CollectorInput> change) =>
        new() { Name = name, What = what, Breaks = breaks, Plan = plan, Seams = _ => new EngineSeams { Judge = i => CollectorRules.Judge(change(i)) } };

    private static Bug Patches(string name, string what, string breaks, string plan, Func<string, JsonObject, bool> patching) =>
        new() { Name = name, What = what, Breaks = breaks, Plan = plan, Client = (_, c) => new WrongClient(c) { Patching = patching } };

    private static Bug Answers(string name, string what, string breaks, string plan, Func<IInfrastructureDriver, IInfrastructureDriver> driver) =>
        new() { Name = name, What = what, Breaks = breaks, Plan = plan, Driver = (_, d) => driver(d) };

    /// <summary>Takes a member out of a patch.</summary>
    private static bool Drop(JsonObject patch, params ReadOnlySpan<string> path)
    {
        JsonObject? at = patch;
        foreach (var name in path[..^1])
            at = at?[name] as JsonObject;
        at?.Remove(path[^1]);
        return true;
    }
}
