using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Resources.Providers;
using static Datum.Providers.Engine.Tests.Decisions.Given;

namespace Datum.Providers.Engine.Tests.Decisions;

/// <summary>The table of decisions: every arm, each row with its reason.</summary>
internal sealed class DeciderTests
{
    [TestCaseSource(nameof(Rows))]
    public void Decides(DecisionInput input, string expected) => Assert.That(Show(Decider.Decide(input)), Is.EqualTo(expected));

    internal static IEnumerable<TestCaseData> Rows()
    {
        var wanted = Input(Present());
        var leaving = Input(Leaving()) with { Wanted = false };
        var retiring = Input(Leaving()) with { Retiring = true };
        var nothing = Input(Absent());
        var gone = Input(Absent()) with { HasParts = true };
        var unwantedGone = Input(Absent(wanted: false)) with { HasParts = true, Wanted = false };

        yield return Row("rest: nothing differs", wanted, "None");
        yield return Row("work in progress is waited for", wanted with { Look = Present() with { InProgress = new Progress { LookAgainAfter = TimeSpan.FromSeconds(7) } } }, "Wait ProgrammingInProgress 7");
        yield return Row("an approval is told apart from work (days)", wanted with { Look = Present() with { InProgress = new Progress { LookAgainAfter = TimeSpan.FromHours(4), WaitingFor = WaitingFor.Approval } } }, "Wait Waiting 14400");
        yield return Row("an observation that says nothing is the driver's fault", Input(new Look { Presence = Presence.Unknown }), "Refuse Bug");
        yield return Row("L3: several answer to the identity, none is recorded", Input(new Look { Presence = Presence.Ambiguous }), "Refuse Ambiguous");

        yield return Row("L3: the name is somebody else's", wanted with { HasParts = false, Look = Present() with { Mark = MarkState.Foreign } }, "Refuse Conflict");
        yield return Row("L3: the recorded object is somebody else's now", wanted with { Look = Present() with { Mark = MarkState.Foreign } }, "Refuse MarkMissing");
        yield return Row("L3: the recorded object lost its mark", wanted with { Look = Present() with { Mark = MarkState.Missing } }, "Refuse MarkMissing");
        yield return Row("L3: ... and isn't deleted either", leaving with { Look = Leaving() with { Mark = MarkState.Missing } }, "Refuse MarkMissing");
        yield return Row("L3: no mark is no proof without a record", wanted with { HasParts = false, Look = Present() with { Mark = MarkState.Unknown } }, "Refuse MarkMissing");
        yield return Row("a platform without readable marks: the recorded id is the proof", wanted with { Look = Present() with { Mark = MarkState.Unknown } }, "None");
        yield return Row("L3: somebody else's object is no reason to hold our entry", leaving with { HasParts = false, AbsentSince = Now - Window, Look = Leaving() with { Mark = MarkState.Foreign } }, "Release");

        yield return Row("the ledger came from an older backup", wanted with { Look = Present() with { Incarnation = 3 } }, "CatchUp 3");
        yield return Row("... also when it is to go", leaving with { Look = Leaving() with { Incarnation = 3 } }, "CatchUp 3");
        yield return Row("an older incarnation showed up late: it goes first", leaving with { Incarnation = 2 }, "Delete server");
        yield return Row("... and is told while it can't go", wanted with { Incarnation = 2 }, "Refuse Copy");
        yield return Row("a platform whose marks hold no incarnation", wanted with { Incarnation = 2, Look = Present() with { Incarnation = 0 } }, "None");

        yield return Row("L7: it isn't taken down while others use it", leaving with { Dependents = ["Subnet of Subnet a"] }, "Wait DependentsExist -");
        yield return Row("nobody uses it any more", leaving, "Delete server");
        yield return Row("a replacement takes the old one down", retiring, "Delete server");
        yield return Row("L7: a replacement waits for dependents too", retiring with { Dependents = ["x"] }, "Wait DependentsExist -");
        yield return Row("retain: the object stays, without our mark, and the entry goes", leaving with { Retain = RetainMeans.Unmarked }, "LetGo");
        yield return Row("retain where the mark can't be taken off", leaving with { Retain = RetainMeans.Marked }, "Release");
        yield return Row("L13: retain where the collector would delete it", leaving with { Retain = RetainMeans.Impossible }, "Refuse RetainRefused");
        yield return Row("retain: a mark was taken off, perhaps not of every part", leaving with { Retain = RetainMeans.Unmarked, Look = Leaving() with { Mark = MarkState.Missing } }, "LetGo");
        yield return Row("retain: the mark is off, and there is no id to take another one off by", leaving with { HasParts = false, Retain = RetainMeans.Unmarked, Look = Leaving() with { Mark = MarkState.Missing } }, "Release");
        yield return Row("retain: somebody else's mark is on it", leaving with { Retain = RetainMeans.Unmarked, Look = Leaving() with { Mark = MarkState.Foreign } }, "Release");
        yield return Row("retain comes before protection: nothing is deleted", leaving with { Retain = RetainMeans.Unmarked, DeletionProtection = true }, "LetGo");
        yield return Row("retain says nothing about a replacement", retiring with { Retain = RetainMeans.Unmarked }, "Delete server");
        yield return Row("deletion protection", leaving with { DeletionProtection = true }, "Refuse DeletionProtected");
        yield return Row("no delete step can be done yet", leaving with { Look = Present() }, "Wait Deleting 5");
        yield return Row("a building step for what must go is the driver's fault", leaving with { Look = Present() with { Next = Step(StepVerb.Update) } }, "Refuse Bug");
        yield return Row("L7: two who wait don't reach the platform", leaving with { Dependents = ["x"], DeletionProtection = true }, "Refuse DeletionProtected");

        yield return Row("wanted, but the platform deletes it", wanted with { Look = Present() with { State = Lifecycle.Deleting } }, "Wait Deleting 5");
        yield return Row("failed: kept by default", wanted with { Look = Present() with { State = Lifecycle.Failed } }, "Refuse Failed");
        yield return Row("failed: replaced by policy", wanted with { ReplaceOnFailure = true, Look = Present() with { State = Lifecycle.Failed } }, "Replace");
        yield return Row("failed and protected", wanted with { ReplaceOnFailure = true, DeletionProtection = true, Look = Present() with { State = Lifecycle.Failed } }, "Refuse DeletionProtected");

        var replaced = wanted with { Look = Present() with { Drift = [Drift(Remedy.Replace)], Next = Step(StepVerb.Update) } };
        yield return Row("a field that can't be changed in place", replaced, "Replace");
        yield return Row("... of a protected object", replaced with { DeletionProtection = true }, "Refuse DeletionProtected");
        yield return Row("L7: ... that others use", replaced with { Dependents = ["x"] }, "Wait DependentsExist -");
        yield return Row("L6: a part that one look doesn't find", replaced with { PartMissing = true }, "Wait Absent 10");
        yield return Row("L6: ... not before the window is over", replaced with { PartMissing = true, PartMissingSince = Now - Window / 2 }, "Wait Absent 5");
        yield return Row("L6: ... and two looks a window apart", replaced with { PartMissing = true, PartMissingSince = Now - Window }, "Replace");
        yield return Row("drift that nothing can mend is left", wanted with { Look = Present() with { Drift = [Drift(Remedy.Unknown)] } }, "None");

        var updated = wanted with { Look = Present() with { Drift = [Drift(Remedy.InPlace)], Next = Step(StepVerb.Update) } };
        yield return Row("a field that can be changed in place", updated, "Update server");
        yield return Row("L7: an update waits for what it refers to", updated with { NotReady = ["Firewall"] }, "Wait WaitingForDependency -");
        yield return Row("the same drift twice is updated once more", updated with { SameDriftUpdates = 2 }, "Update server");
        yield return Row("the same drift three times stops", updated with { SameDriftUpdates = 3 }, "Refuse DriftNotConverging");
        yield return Row("deleting what is wanted is the driver's fault", wanted with { Look = Leaving() }, "Refuse Bug");

        yield return Row("drift: reported by policy", updated with { ReportDrift = true }, "Wait DriftReported -");
        yield return Row("drift: ... also what needs another object", replaced with { ReportDrift = true }, "Wait DriftReported -");
        yield return Row("drift: ... also after three updates", updated with { ReportDrift = true, SameDriftUpdates = 3 }, "Wait DriftReported -");
        yield return Row("drift: what the platform gave up isn't drift", wanted with { ReportDrift = true, ReplaceOnFailure = true, Look = Present() with { State = Lifecycle.Failed } }, "Replace");
        yield return Row("adopted as it is: not replaced for what it is", replaced with { KeepAdopted = true }, "Wait DriftReported -");
        yield return Row("adopted: what can be changed in place is changed", updated with { KeepAdopted = true }, "Update server");

        var half = wanted with { Look = Present() with { State = Lifecycle.Creating, Next = Step(StepVerb.Create, CreateClass.Marked, "nic-1") } };
        yield return Row("half built: go on", half, "Create nic-1");
        yield return Row("L7: half built, and a dependency is not ready any more", half with { NotReady = ["Network"] }, "Wait WaitingForDependency -");
        yield return Row("L5: half built, the lost create of the next part is class C", half with { Intent = Intent(CreateClass.Marked, "nic-1") }, "Wait Waiting 39");

        yield return Row("nothing there: begin", nothing, "Create server");
        yield return Row("L7: created after what it depends on", nothing with { NotReady = ["Network"] }, "Wait WaitingForDependency -");
        yield return Row("a driver that names no first step", nothing with { Look = Absent() with { Next = null } }, "Refuse Bug");

        // Adoption.
        var tagged = new AskedAdoption(AdoptPolicy.IfTagged, "i-7", MarkState.Ours, null);
        var always = tagged with { Policy = AdoptPolicy.Always, Mark = MarkState.Missing };
        yield return Row("adopt IfTagged: it carries this entry's mark", nothing with { Adoption = tagged }, "Adopt i-7");
        yield return Row("adopt IfTagged: it carries none", nothing with { Adoption = tagged with { Mark = MarkState.Missing } }, "Refuse AdoptionRefused");
        yield return Row("adopt Always: it carries none", nothing with { Adoption = always }, "Adopt i-7");
        yield return Row("L3: adopt Always, and it is somebody else's", nothing with { Adoption = always with { Mark = MarkState.Foreign, Owner = "x" } }, "Refuse AdoptionRefused");
        yield return Row("L3: adopt Always, and the platform shows no marks", nothing with { Adoption = always with { Mark = MarkState.Unknown } }, "Refuse AdoptionRefused");
        yield return Row("adopt: the candidate has our very name", wanted with { HasParts = false, Adoption = always, Look = Present() with { Mark = MarkState.Missing } }, "Adopt i-7");
        yield return Row("adopt: not beside an object that the entry has", wanted with { Adoption = always }, "None");
        yield return Row("adopt: not for what is to go", unwantedGone with { HasParts = false, Adoption = always, AbsentSince = Now - Window }, "Release");
        yield return Row("adopt: not for what is to go, under our name", leaving with { HasParts = false, Adoption = always, AbsentSince = Now - Window, Look = Leaving() with { Mark = MarkState.Foreign } }, "Release");
        yield return Row("L5: adopt: a lost create comes first, of whatever class", nothing with { Adoption = always, Intent = Intent(CreateClass.Named) }, "Wait Waiting 39");
        yield return Row("adopt needs no dependency: it is there", nothing with { Adoption = always, NotReady = ["Network"] }, "Adopt i-7");

        // L5, per create class.
        yield return Row("L5 repeatable: again at once", nothing with { Intent = Intent(CreateClass.Repeatable) }, "Create server");
        yield return Row("L5 A: the same token at once", nothing with { Intent = Intent(CreateClass.Token) }, "Create server");
        yield return Row("L5 A: another wish would get the old result", nothing with { Intent = Intent(CreateClass.Token, sameWish: false) }, "Wait Waiting 39");
        yield return Row("L5 A: the token is dead, the window isn't", nothing with { TokenLife = TimeSpan.FromMilliseconds(500), Intent = Intent(CreateClass.Token) }, "Wait Waiting 39");
        yield return Row("L5 A: both are over", nothing with { Intent = OldIntent(CreateClass.Token) }, "Create server");
        yield return Row("L5 B: the name is compared", nothing with { Intent = Intent(CreateClass.Named) }, "Create server");
        yield return Row("L5 C: looks, waits for deadline and window", nothing with { Intent = Intent(CreateClass.Marked) }, "Wait Waiting 39");
        yield return Row("L5 C: looked again, nothing: again", nothing with { Intent = OldIntent(CreateClass.Marked) }, "Create server");
        yield return Row("L5 D: waits for the window first", nothing with { Intent = Intent(CreateClass.Manual) }, "Wait Waiting 39");
        yield return Row("L5 D: then for a person", nothing with { Intent = OldIntent(CreateClass.Manual) }, "Refuse NeedsPerson");
        yield return Row("L5: an unknown class is treated as D", nothing with { Intent = OldIntent(CreateClass.Unknown) }, "Refuse NeedsPerson");
        yield return Row("DC-39: no step of another part next to an open intent of class B", half with { Intent = Intent(CreateClass.Named, "nic-0") }, "Wait Waiting 39");

        // L6.
        yield return Row("L6: the first look that finds nothing", gone, "Wait Absent 10");
        yield return Row("L6: too early", gone with { AbsentSince = Now.AddSeconds(-4) }, "Wait Absent 6");
        yield return Row("L6: the second look, a window later", gone with { AbsentSince = Now - Window }, "Renew");
        yield return Row("L6: a tombstone is enough", gone with { Look = Absent() with { Terminal = true } }, "Renew");
        yield return Row("L6: nothing was ever made and nobody wants it", unwantedGone with { HasParts = false }, "Wait Absent 10");
        yield return Row("L6: ... seen twice", unwantedGone with { HasParts = false, AbsentSince = Now - Window }, "Release");
        yield return Row("L6: gone for good", unwantedGone with { AbsentSince = Now - Window }, "Release");
        yield return Row("L6: gone for good, with a tombstone", unwantedGone with { Look = Absent(false) with { Terminal = true } }, "Release");
        yield return Row("L6: an open intent without an id comes first", unwantedGone with { HasParts = false, AbsentSince = Now - Window, Intent = Intent(CreateClass.Marked) }, "Wait Waiting 39");
        yield return Row("L6: ... of class A and B too: nobody repeats it now", unwantedGone with { HasParts = false, AbsentSince = Now - Window, Intent = Intent(CreateClass.Named) }, "Wait Waiting 39");
        yield return Row("L6: ... of class D asks a person", unwantedGone with { HasParts = false, AbsentSince = Now - Window, Intent = OldIntent(CreateClass.Manual) }, "Refuse NeedsPerson");
        yield return Row("L6: the nic is gone, the lost server may still come: not released", unwantedGone with { AbsentSince = Now - Window, Intent = Intent(CreateClass.Marked) }, "Wait Waiting 39");
        yield return Row("L6: the nic is gone, the lost server may still come: not renewed", gone with { AbsentSince = Now - Window, Intent = Intent(CreateClass.Marked) }, "Wait Waiting 39");
        yield return Row("L6: the replaced one is gone", gone with { Retiring = true, Look = Absent(false), AbsentSince = Now - Window }, "Renew");
    }

    private static TestCaseData Row(string why, DecisionInput input, string expected) => new TestCaseData(input, expected).SetArgDisplayNames(why);

    internal static string Show(Decision decision) => decision switch
    {
        Decision.Create c => $"Create {c.Step.Part}",
        Decision.Update u => $"Update {u.Step.Part}",
        Decision.Delete d => $"Delete {d.Step.Part}",
        Decision.Adopt a => $"Adopt {a.ProviderId}",
        Decision.CatchUp c => $"CatchUp {c.Incarnation}",
        Decision.Wait w => $"Wait {w.Reason} {(w.Until is { } until ? (until - Now).TotalSeconds : "-")}",
        Decision.Refuse r => $"Refuse {r.Reason}",
        _ => decision.GetType().Name,
    };
}
