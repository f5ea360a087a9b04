using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Datum.Providers.Drivers.Simulator.Tests.Conformance;

namespace Datum.Providers.Conformance.Tests.Mutants;

/// <summary>What came of one mutant: the same case with the clean driver and with the faulty one.</summary>
internal sealed record MutantResult(Mutant Mutant, ConformanceCase Case, KindResult Clean, KindResult Faulty)
{
    /// <summary>Why it doesn't count as caught; null when it does.</summary>
    public string? Missed =>
        Clean.Status != CaseStatus.Passed ? $"The clean driver doesn't pass: {Clean.Status} {Clean.Message}"
        : Faulty.Status != CaseStatus.Failed ? $"The faulty driver is {Faulty.Status}: {Faulty.Message}"
        // What the kit didn't expect is no finding of a case.
        : Faulty.Message.StartsWith("The run ended with an exception", StringComparison.Ordinal) ? $"The kit broke: {Faulty.Message}"
        : !Faulty.Message.Contains(Mutant.Says, StringComparison.Ordinal) ? $"It fails for another reason than '{Mutant.Says}': {Faulty.Message}"
        : !Case.Rules.Contains(Mutant.Rule) && !Faulty.Message.Contains(Mutant.Rule, StringComparison.Ordinal) ? $"Neither the case nor its message names {Mutant.Rule}: {Faulty.Message}"
        : null;
}

/// <summary>All mutants, and their runs.</summary>
internal static class MutantRuns
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<MutantResult>>> Results = new(StringComparer.Ordinal);

    public static ImmutableArray<Mutant> All { get; } = [.. DescriptionMutants.All, .. CreateMutants.All, .. LookMutants.All, .. OutsideMutants.All, .. CodeMutants.All];

    /// <summary>The result of a mutant; run once.</summary>
    public static Task<MutantResult> OfAsync(Mutant mutant) => Results.GetOrAdd(mutant.Name, _ => new Lazy<Task<MutantResult>>(() => RunAsync(mutant))).Value;

    /// <summary>The table of the reference page.</summary>
    public static string Table(IEnumerable<MutantResult> results)
    {
        var text = new StringBuilder("| A driver that | breaks | is caught by | whose message says |\n| --- | --- | --- | --- |\n");
        foreach (var result in results.OrderBy(r => r.Case.Number).ThenBy(r => r.Mutant.Name, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"| {result.Mutant.Name} | {result.Mutant.Rule} | {(result.Missed is null ? result.Case.Id : "nothing")}{(result.Mutant.Kind == ResourceKind.Unknown ? "" : $" ({result.Mutant.Kind})")} | {result.Mutant.Says} |\n");
        return text.ToString();
    }

    private static async Task<MutantResult> RunAsync(Mutant mutant)
    {
        var one = CaseCatalog.All.FirstOrDefault(c => c.Number == mutant.Case) ?? throw new InvalidOperationException($"There is no case {mutant.Case} for the mutant that {mutant.Name}.");
        if (one.RunsForEachKind != (mutant.Kind != ResourceKind.Unknown))
            throw new InvalidOperationException($"{one.Id} {(one.RunsForEachKind ? "runs for each kind" : "isn't about kinds")}, but the mutant that {mutant.Name} has kind {mutant.Kind}.");
        var clean = await new ConformanceRunner(() => new SimulatorWorld(mutant.Knobs)).RunAsync(one, mutant.Kind);
        using var emitted = mutant.Code is { } code ? new EmittedDriver(code, mutant.Packed) : null;
        var faulty = await new ConformanceRunner(() => emitted is null ? new SimulatorWorld(mutant.Knobs) { Wrap = driver => new MutantFactory(driver, mutant) }
            : mutant.Packed ? new SimulatorWorld(mutant.Knobs) { Folder = emitted.Folder, Assembly = EmittedDriver.File, FactoryType = EmittedDriver.TypeName }
            : new SimulatorWorld(mutant.Knobs) { Wrap = emitted.Wrap })
        { Patience = mutant.Patience }.RunAsync(one, mutant.Kind);
        return new MutantResult(mutant, one, clean, faulty);
    }
}
