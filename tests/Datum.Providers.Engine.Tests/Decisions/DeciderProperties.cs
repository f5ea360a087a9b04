using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Resources.Providers;
using FsCheck;
using FsCheck.Fluent;

namespace Datum.Providers.Engine.Tests.Decisions;

/// <summary>What must hold for any input at all, also one that no driver should give.</summary>
internal sealed class DeciderProperties
{
    private static readonly Gen<bool> Bool = Gen.Elements(true, false);

    private static readonly Gen<Step?> Steps = Gen.OneOf(
        Gen.Constant((Step?)null),
        from verb in Gen.Elements(StepVerb.Create, StepVerb.Update, StepVerb.Delete)
        from of in Gen.Elements(Enum.GetValues<CreateClass>())
        from part in Gen.Elements("nic-0", "server")
        select (Step?)Given.Step(verb, of, part));

    private static readonly Gen<Look> Looks =
        from presence in Gen.Elements(Enum.GetValues<Presence>())
        from terminal in Bool
        from state in Gen.Elements(Enum.GetValues<Lifecycle>())
        from mark in Gen.Elements(Enum.GetValues<MarkState>())
        from incarnation in Gen.Choose(0, 3)
        from next in Steps
        from drift in Gen.Elements(Enum.GetValues<Remedy>()).ArrayOf()
        from busy in Gen.Frequency((4, Gen.Constant(false)), (1, Gen.Constant(true)))
        select new Look
        {
            Presence = presence, Terminal = terminal, State = state, Mark = mark, Incarnation = incarnation, Next = next,
            Drift = [.. drift.Select(d => Given.Drift(d))], InProgress = busy ? new Progress { LookAgainAfter = TimeSpan.FromSeconds(2) } : null,
            Parts = presence is Presence.Present ? [new Part { Name = "server", Id = "i-1" }] : [],
        };

    private static readonly Gen<OpenIntent?> Intents = Gen.OneOf(
        Gen.Constant((OpenIntent?)null),
        from of in Gen.Elements(Enum.GetValues<CreateClass>())
        from age in Gen.OneOf(Gen.Choose(0, 45), Gen.Choose(0, 2000))
        from part in Gen.Elements("nic-0", "server")
        from same in Bool
        select (OpenIntent?)new OpenIntent(part, of, Given.Now.AddSeconds(-age), Given.Now.AddSeconds(30 - age), same));

    private static readonly Gen<AskedAdoption?> Adoptions =
        from policy in Gen.Elements(AdoptPolicy.IfTagged, AdoptPolicy.Always)
        from mark in Gen.Elements(Enum.GetValues<MarkState>())
        select (AskedAdoption?)new AskedAdoption(policy, "i-7", mark, null);

    private static readonly Arbitrary<DecisionInput> Any = Arb.From(
        from look in Looks
        from intent in Intents
        from absent in Gen.OneOf(Gen.Constant((int?)null), Gen.Choose(0, 30).Select(s => (int?)s))
        from flags in Bool.ArrayOf(10)
        from retain in Gen.Frequency((3, Gen.Constant(RetainMeans.NotAsked)), (1, Gen.Elements(Enum.GetValues<RetainMeans>())))
        from adoption in Gen.Frequency((3, Gen.Constant((AskedAdoption?)null)), (1, Adoptions))
        from incarnation in Gen.Choose(1, 3)
        from updates in Gen.Choose(0, 4)
        select new DecisionInput
        {
            Look = look, Now = Given.Now, Wanted = flags[0], Retiring = flags[1], HasParts = flags[2], Retain = retain, Adoption = adoption, ReportDrift = flags[8], KeepAdopted = flags[9],
            DeletionProtection = flags[4], ReplaceOnFailure = flags[5], Dependents = flags[6] ? ["x"] : [], NotReady = flags[7] ? ["y"] : [],
            Incarnation = incarnation, Intent = intent, AbsentSince = absent is { } s ? Given.Now.AddSeconds(-s) : null,
            ConsistencyWindow = Given.Window, TokenLife = Given.TokenLife, SameDriftUpdates = updates,
        });

    private static readonly Config Many = Config.QuickThrowOnFailure.WithMaxTest(3000);

    private static bool Proved(DecisionInput i) => i.Look.Presence is Presence.Absent or Presence.Present && (i.Look.Terminal || i.AbsentSince + i.ConsistencyWindow <= i.Now);

    /// <summary>A create may still come to light: class, deadline and window say so, and no id tells that it did.</summary>
    private static bool MayStillCome(DecisionInput i) => i.Intent is { } o && i.Now < o.Deadline + i.ConsistencyWindow;

    [Test]
    public void The_same_input_gives_the_same_decision() => Holds(i => Decider.Decide(i).Equals(Decider.Decide(i with { })));

    [Test]
    public void Nothing_is_built_or_changed_that_is_not_wanted_or_is_being_replaced() =>
        Holds(i => Decider.Decide(i) is not (Decision.Create or Decision.Update or Decision.Replace) || (i.Wanted && !i.Retiring));

    [Test]
    public void Nothing_wanted_is_deleted_but_a_stale_incarnation() =>
        Holds(i => Decider.Decide(i) is not Decision.Delete || !i.Wanted || i.Retiring || (i.Look.Incarnation != 0 && i.Look.Incarnation < i.Incarnation));

    [Test]
    public void L3_nothing_is_changed_or_deleted_that_does_not_carry_our_mark_or_a_recorded_id() =>
        Holds(i => Decider.Decide(i) is not (Decision.Update or Decision.Delete or Decision.Replace) || i.Look.Mark is MarkState.Ours || (i.Look.Mark is MarkState.Unknown && i.HasParts));

    [Test]
    public void L3_only_what_is_nobodys_or_carries_our_mark_is_adopted_and_only_where_nothing_is_ours_yet() =>
        Holds(i => Decider.Decide(i) is not Decision.Adopt || (i is { Wanted: true, Retiring: false, HasParts: false } && i.Adoption is { Mark: MarkState.Ours } or { Mark: MarkState.Missing, Policy: AdoptPolicy.Always }));

    [Test]
    public void L5_nothing_is_adopted_next_to_a_create_that_may_still_come() =>
        Holds(i => Decider.Decide(i) is not Decision.Adopt || i.Look.Presence is not Presence.Absent || !MayStillCome(i));

    [Test]
    public void What_is_to_be_reported_only_is_neither_updated_nor_replaced_while_it_works() =>
        Holds(i => !i.ReportDrift || i.Look.State is Lifecycle.Failed || Decider.Decide(i) is not (Decision.Update or Decision.Replace));

    [Test]
    public void What_is_retained_is_never_deleted() =>
        Holds(i => i.Retain is RetainMeans.NotAsked || i.Wanted || Decider.Decide(i) is not Decision.Delete || (i.Look.Incarnation != 0 && i.Look.Incarnation < i.Incarnation));

    [Test]
    public void L6_nothing_is_released_while_something_of_ours_is_present_unless_it_is_retained() =>
        Holds(i => Decider.Decide(i) is not Decision.Release || i.Retain is not RetainMeans.NotAsked || i.Look.Presence is Presence.Absent || (i.Look.Mark is MarkState.Foreign && !i.HasParts));

    [Test]
    public void L6_nothing_is_renewed_or_released_without_proof_of_absence() =>
        Holds(i => Decider.Decide(i) is not (Decision.Renew or Decision.Release) || Proved(i) || (i.Retain is not RetainMeans.NotAsked && i.Look.Presence is Presence.Present));

    [Test]
    public void L6_only_what_is_wanted_is_renewed_and_only_what_is_not_is_released() =>
        Holds(i => Decider.Decide(i) is var d && (d is not Decision.Renew || i.Wanted) && (d is not Decision.Release || !i.Wanted));

    [Test]
    public void L5_no_create_of_class_C_or_D_next_to_one_that_may_still_come() =>
        // A tombstone is the platform's own word that the lost one ended.
        Holds(i => Decider.Decide(i) is not Decision.Create || !MayStillCome(i) || i.Look is { Presence: Presence.Absent, Terminal: true } || i.Intent!.Class is CreateClass.Repeatable or CreateClass.Token or CreateClass.Named);

    [Test]
    public void L6_nothing_absent_is_let_go_of_or_renewed_while_a_lost_create_may_still_come() =>
        Holds(i => Decider.Decide(i) is not (Decision.Renew or Decision.Release) || i.Look.Terminal || i.Look.Presence is not Presence.Absent || !MayStillCome(i));

    [Test]
    public void L7_nothing_is_deleted_while_others_depend_on_it() =>
        Holds(i => Decider.Decide(i) is not (Decision.Delete or Decision.Replace) || i.Dependents.IsEmpty || (i.Look.Incarnation != 0 && i.Look.Incarnation < i.Incarnation));

    [Test]
    public void L7_nothing_is_built_or_changed_before_what_it_depends_on() =>
        Holds(i => Decider.Decide(i) is not (Decision.Create or Decision.Update) || i.NotReady.IsEmpty);

    [Test]
    public void What_is_protected_is_neither_deleted_nor_replaced() =>
        Holds(i => !i.DeletionProtection || i.Retiring || i.Wanted != true || Decider.Decide(i) is not (Decision.Delete or Decision.Replace) || (i.Look.Incarnation != 0 && i.Look.Incarnation < i.Incarnation));

    private static void Holds(Func<DecisionInput, bool> law) => Check.One(Many, Prop.ForAll(Any, law));
}
