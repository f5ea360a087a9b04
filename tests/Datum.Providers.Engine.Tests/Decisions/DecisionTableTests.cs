using System.Reflection;
using Datum.Providers.Engine.Decisions;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Tests.Decisions;

/// <summary>The table of decisions is complete: every arm, every reason, every input field and every row counts.</summary>
internal sealed class DecisionTableTests
{
    private static readonly (DecisionInput Input, string Expected, string Name)[] Rows =
        [.. DeciderTests.Rows().Select(r => ((DecisionInput)r.Arguments[0]!, (string)r.Arguments[1]!, r.ArgDisplayNames![0]))];

    [Test]
    public void Every_arm_of_the_decision_has_a_row() =>
        Assert.That(Rows.Select(r => r.Expected.Split(' ')[0]).Distinct(),
            Is.EquivalentTo(typeof(Decision).GetNestedTypes().Where(t => t.IsSubclassOf(typeof(Decision))).Select(t => t.Name)));

    [Test]
    public void Every_reason_that_the_decider_can_give_has_a_row()
    {
        var source = File.ReadAllText(Path.Combine(Root, "src", "Core", "Datum.Providers.Engine", "Decisions", "Decider.cs"));
        var given = System.Text.RegularExpressions.Regex.Matches(source, @"\bReasons\.(\w+)").Select(m => m.Groups[1].Value).Distinct().ToList();
        Assert.That(given, Has.Count.GreaterThan(15), "the search found too little");
        Assert.That(given.Except(Rows.Where(r => r.Expected.Contains(' ', StringComparison.Ordinal)).Select(r => r.Expected.Split(' ')[1])), Is.Empty);
    }

    /// <summary>One changed field turns the row's decision into another one: no field is decoration.</summary>
    private static readonly Dictionary<string, Func<DecisionInput, DecisionInput>[]> Changes = new(StringComparer.Ordinal)
    {
        [nameof(DecisionInput.Look)] = [i => i with { Look = Given.Absent() }],
        [nameof(DecisionInput.Now)] = [i => i with { Now = i.Now.AddHours(1) }, i => i with { Now = i.Now.AddHours(-2) }],
        [nameof(DecisionInput.Wanted)] = [i => i with { Wanted = !i.Wanted }],
        [nameof(DecisionInput.Retiring)] = [i => i with { Retiring = !i.Retiring }],
        [nameof(DecisionInput.Incarnation)] = [i => i with { Incarnation = i.Incarnation + 1 }],
        [nameof(DecisionInput.HasParts)] = [i => i with { HasParts = !i.HasParts }],
        [nameof(DecisionInput.Intent)] = [i => i with { Intent = i.Intent is null ? Given.Intent(CreateClass.Marked) : null }],
        [nameof(DecisionInput.AbsentSince)] = [i => i with { AbsentSince = i.AbsentSince is null ? i.Now - Given.Window : null }],
        [nameof(DecisionInput.ConsistencyWindow)] = [i => i with { ConsistencyWindow = i.ConsistencyWindow * 3 }],
        [nameof(DecisionInput.TokenLife)] = [i => i with { TokenLife = TimeSpan.Zero }, i => i with { TokenLife = TimeSpan.FromDays(1) }],
        [nameof(DecisionInput.NotReady)] = [i => i with { NotReady = i.NotReady.IsEmpty ? ["y"] : [] }],
        [nameof(DecisionInput.Dependents)] = [i => i with { Dependents = i.Dependents.IsEmpty ? ["x"] : [] }],
        [nameof(DecisionInput.Retain)] = [i => i with { Retain = i.Retain is RetainMeans.NotAsked ? RetainMeans.Unmarked : RetainMeans.NotAsked }],
        [nameof(DecisionInput.PartMissing)] = [i => i with { PartMissing = !i.PartMissing }],
        [nameof(DecisionInput.PartMissingSince)] = [i => i with { PartMissingSince = i.PartMissingSince is null ? i.Now - Given.Window : null }],
        [nameof(DecisionInput.Adoption)] = [i => i with { Adoption = i.Adoption is null ? new AskedAdoption(AdoptPolicy.Always, "i-7", MarkState.Missing, null) : null }],
        [nameof(DecisionInput.ReportDrift)] = [i => i with { ReportDrift = !i.ReportDrift }],
        [nameof(DecisionInput.KeepAdopted)] = [i => i with { KeepAdopted = !i.KeepAdopted }],
        [nameof(DecisionInput.DeletionProtection)] = [i => i with { DeletionProtection = !i.DeletionProtection }],
        [nameof(DecisionInput.ReplaceOnFailure)] = [i => i with { ReplaceOnFailure = !i.ReplaceOnFailure }],
        [nameof(DecisionInput.SameDriftUpdates)] = [i => i with { SameDriftUpdates = i.SameDriftUpdates >= Decider.MaxSameDriftUpdates ? 0 : Decider.MaxSameDriftUpdates }],
    };

    private static IEnumerable<string> Fields() => typeof(DecisionInput).GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(p => p.Name);

    [TestCaseSource(nameof(Fields))]
    public void Every_input_field_decides_at_least_two_rows(string field)
    {
        Assert.That(Changes, Contains.Key(field), "a new field needs a change here and rows that it decides");
        var decided = Rows.Where(r => Changes[field].Any(change => DeciderTests.Show(Decider.Decide(change(r.Input))) != r.Expected)).ToList();
        Assert.That(decided, Has.Count.GreaterThanOrEqualTo(2));
    }

    /// <summary>
    /// A row that no change of a field could turn would hold for a decider that looks at nothing. Each row must fail under at least one,
    /// and a decider that is wrong in one arm must fail rows.
    /// </summary>
    [Test]
    public void Every_row_can_fail()
    {
        var stiff = Rows.Where(r => Changes.Values.SelectMany(c => c).All(change => DeciderTests.Show(Decider.Decide(change(r.Input))) == r.Expected)).Select(r => r.Name);
        Assert.That(stiff, Is.Empty);
    }

    /// <summary>Deciders with one fault each. The table must notice all of them.</summary>
    private static readonly (string Fault, Func<DecisionInput, Decision> Decide)[] Mutants =
    [
        ("a brake that is ignored: deletion protection", i => Decider.Decide(i with { DeletionProtection = false })),
        ("dependents are ignored", i => Decider.Decide(i with { Dependents = [] })),
        ("dependencies are ignored", i => Decider.Decide(i with { NotReady = [] })),
        ("the lost create is forgotten", i => Decider.Decide(i with { Intent = null })),
        ("one absence is believed", i => Decider.Decide(i with { AbsentSince = i.AbsentSince ?? i.Now - i.ConsistencyWindow })),
        ("one look that lacks a part is believed", i => Decider.Decide(i with { PartMissing = false })),
        ("no consistency window", i => Decider.Decide(i with { ConsistencyWindow = TimeSpan.Zero })),
        ("tokens live for ever", i => Decider.Decide(i with { TokenLife = TimeSpan.FromDays(3650) })),
        ("the wish of the intent is not compared", i => Decider.Decide(i with { Intent = i.Intent is { } o ? o with { SameWish = true } : null })),
        ("a foreign mark is believed to be ours", i => Decider.Decide(i with { Look = i.Look with { Mark = MarkState.Ours } })),
        ("a missing mark is believed to be ours", i => Decider.Decide(i.Look.Mark is MarkState.Missing ? i with { Look = i.Look with { Mark = MarkState.Ours } } : i)),
        ("a tombstone is not believed", i => Decider.Decide(i with { Look = i.Look with { Terminal = false } })),
        ("every absence is a tombstone", i => Decider.Decide(i with { Look = i.Look with { Terminal = true } })),
        ("an older incarnation counts as the current one", i => Decider.Decide(i with { Look = i.Look with { Incarnation = i.Incarnation } })),
        ("work in progress is not waited for", i => Decider.Decide(i with { Look = i.Look with { InProgress = null } })),
        ("a failed object is a good one", i => Decider.Decide(i with { Look = i.Look with { State = Lifecycle.Ready } })),
        ("drift is not seen", i => Decider.Decide(i with { Look = i.Look with { Drift = [] } })),
        ("retain is ignored", i => Decider.Decide(i with { Retain = RetainMeans.NotAsked })),
        ("retained with the mark on", i => Decider.Decide(i with { Retain = i.Retain is RetainMeans.Unmarked or RetainMeans.Impossible ? RetainMeans.Marked : i.Retain })),
        ("adoption takes what is foreign", i => Decider.Decide(i with { Adoption = i.Adoption is { } a ? a with { Mark = MarkState.Missing } : null })),
        ("adoption is always Always", i => Decider.Decide(i with { Adoption = i.Adoption is { } a ? a with { Policy = AdoptPolicy.Always } : null })),
        ("adoption is ignored: another one is made", i => Decider.Decide(i with { Adoption = null })),
        ("reported drift is corrected", i => Decider.Decide(i with { ReportDrift = false })),
        ("what was adopted is replaced", i => Decider.Decide(i with { KeepAdopted = false })),
        ("updates never stop", i => Decider.Decide(i with { SameDriftUpdates = 0 })),
        ("everything is wanted", i => Decider.Decide(i with { Wanted = true })),
        ("a record without ids", i => Decider.Decide(i with { HasParts = false })),
    ];

    private static IEnumerable<TestCaseData> Faults() => Mutants.Select(m => new TestCaseData(m.Decide).SetArgDisplayNames(m.Fault));

    [TestCaseSource(nameof(Faults))]
    public void A_decider_with_one_fault_fails_the_table(Func<DecisionInput, Decision> faulty) =>
        Assert.That(Rows.Where(r => DeciderTests.Show(faulty(r.Input)) != r.Expected).Select(r => r.Name), Is.Not.Empty);

    private static string Root
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Datum.Providers.sln")))
                folder = folder.Parent;
            return folder!.FullName;
        }
    }
}
