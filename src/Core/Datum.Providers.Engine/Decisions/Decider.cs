using Datum.Providers.Engine.Platform;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Decisions;

/// <summary>
/// The one place that decides. Pure: no clock, no I/O, no state. Read it next to the laws of docs/architecture.md.
/// </summary>
public static class Decider
{
    /// <summary>The same drift after this many updates stops (DriftNotConverging).</summary>
    public const int MaxSameDriftUpdates = 3;

    /// <summary>When to look again at work that the driver gives no time for.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(5);

    public static Decision Decide(DecisionInput input)
    {
        if (input.Look.InProgress is { } progress)
            return new Decision.Wait(
                progress.WaitingFor is WaitingFor.Approval ? Reasons.Waiting : Reasons.ProgrammingInProgress,
                progress.Message ?? "The platform is still at work.",
                input.Now + progress.LookAgainAfter);

        return input.Look.Presence switch
        {
            Presence.Absent => DecideAbsent(input),
            Presence.Present => DecidePresent(input),
            Presence.Ambiguous => new Decision.Refuse(Reasons.Ambiguous,
                "More than one platform object answers to this identity and none is recorded: "
                + string.Join(", ", input.Look.Parts.Select(p => p.Id)) + ". Remove the wrong ones, or their marks."),
            _ => new Decision.Refuse(Reasons.Bug, "The driver's observation says neither absent nor present."),
        };
    }

    private static Decision DecidePresent(DecisionInput input)
    {
        var look = input.Look;
        if (look.Mark is MarkState.Foreign or MarkState.Missing && !input.Wanted && input.Retain is not RetainMeans.NotAsked)
            // It is to stay, and it is nobody's of ours (any more). A mark that is missing may be missing on one part alone, when taking them off
            // was broken off: the rest would be an orphan for the collector, so it is taken off again, which does nothing where there is none (DC-111).
            return look.Mark is MarkState.Missing && input is { Retain: RetainMeans.Unmarked, HasParts: true } ? new Decision.LetGo() : new Decision.Release();
        if (look.Mark is MarkState.Foreign or MarkState.Missing && !input.HasParts && input is { Wanted: true, Retiring: false, Adoption: { } asked })
            return DecideAdoption(asked);
        if (look.Mark is MarkState.Foreign && !input.HasParts)
        {
            // Something else has our name. It isn't ours (L3), so for us nothing is there.
            return input.Wanted && !input.Retiring
                ? new Decision.Refuse(Reasons.Conflict, "The name is taken by an object that isn't ours. Remove or rename it.")
                : DecideAbsent(input);
        }
        if (look.Mark is MarkState.Foreign or MarkState.Missing)
            return new Decision.Refuse(Reasons.MarkMissing,
                "The recorded object no longer carries our mark; it is observed only (L3). Put the mark back, or abandon the entry.");
        if (look.Mark is MarkState.Unknown && !input.HasParts)
            return new Decision.Refuse(Reasons.MarkMissing, "An object answers to our name, but the platform shows no mark to prove that it is ours.");

        if (look.Incarnation > input.Incarnation)
            return new Decision.CatchUp(look.Incarnation);
        if (look.Incarnation != 0 && look.Incarnation < input.Incarnation)
            // Absence of the older life was proved too early: the platform broke its consistency window (L1). Take it down before anything else.
            return look.Next is { Verb: StepVerb.Delete } stale
                ? new Decision.Delete(stale)
                : new Decision.Refuse(Reasons.Copy, $"An object of incarnation {look.Incarnation} is still there although {input.Incarnation} is current.");

        if (!input.Wanted || input.Retiring)
            return DecideTakeDown(input);

        if (look.State is Lifecycle.Deleting)
            return new Decision.Wait(Reasons.Deleting, "The platform is deleting the object.", input.Now + LookAgain);
        if (look.State is Lifecycle.Failed)
            return input.ReplaceOnFailure
                ? Replace(input, look.Failure?.Message ?? "The platform gave the object up.")
                : new Decision.Refuse(Reasons.Failed, look.Failure?.Message ?? "The platform gave the object up. Delete the owner, or set on-failure: Replace.");

        // A part that one look doesn't find may be new and still hidden: as for the whole, two looks a window apart prove that it is gone (L6).
        if (input.PartMissing && look.Drift.Any(d => d.Remedy is Remedy.Replace))
        {
            var proved = (input.PartMissingSince ?? input.Now) + input.ConsistencyWindow;
            if (input.PartMissingSince is null || input.Now < proved)
                return new Decision.Wait(Reasons.Absent, "A part isn't found; its absence is confirmed by a second look.", proved);
        }

        foreach (var drift in look.Drift)
            if (drift.Remedy is Remedy.Replace)
                return input.ReportDrift || input.KeepAdopted ? Reported(input) : Replace(input, $"{drift.Path} can't be changed in place.");

        switch (look.Next)
        {
            case { Verb: StepVerb.Create } step:
                return WaitForLostCreate(input, build: true) ?? WhenDependenciesReady(input, new Decision.Create(step));
            case { Verb: StepVerb.Update } when input.ReportDrift:
                return Reported(input);
            case { Verb: StepVerb.Update } step when input.SameDriftUpdates >= MaxSameDriftUpdates:
                return new Decision.Refuse(Reasons.DriftNotConverging,
                    $"{string.Join(", ", look.Drift.Select(d => d.Path))} still differs after {input.SameDriftUpdates} updates ({step.Part}).");
            case { Verb: StepVerb.Update } step:
                return WhenDependenciesReady(input, new Decision.Update(step));
            case { Verb: StepVerb.Delete }:
                return new Decision.Refuse(Reasons.Bug, "The driver wants to delete what is wanted.");
            default:
                return new Decision.None();
        }
    }

    private static Decision DecideAdoption(AskedAdoption asked) => asked.Mark switch
    {
        MarkState.Ours => new Decision.Adopt(asked.ProviderId),
        MarkState.Missing when asked.Policy == AdoptPolicy.Always => new Decision.Adopt(asked.ProviderId),
        MarkState.Missing => new Decision.Refuse(Reasons.AdoptionRefused,
            $"{AdoptIdField}: '{asked.ProviderId}' carries no mark, and adopt is {asked.Policy}. Put this entry's own mark on it at the platform, or set adopt to {AdoptPolicy.Always} where the ProviderConfig allows it."),
        MarkState.Foreign => new Decision.Refuse(Reasons.AdoptionRefused,
            $"{AdoptIdField}: '{asked.ProviderId}' belongs to {asked.Owner ?? "another owner, whom the platform doesn't name"}; it is left alone (L3). Name another one, or let that owner release it."),
        _ => new Decision.Refuse(Reasons.AdoptionRefused,
            $"{AdoptIdField}: the platform shows no marks of '{asked.ProviderId}', so nothing proves that it is nobody's. It is left alone (L3)."),
    };

    private const string AdoptIdField = $"metadata.annotations[{Annotations.AdoptId}]";

    /// <summary>The platform has moved away from a wish that it had fulfilled: said field by field, and left.</summary>
    private static Decision.Wait Reported(DecisionInput input) =>
        new(Reasons.DriftReported, Differences(input.Look) is { Length: > 0 } differences
            ? $"{differences} Reported only{(input.ReportDrift ? " (drift: Report)" : ": it was adopted as it is. Change the wish to have it replaced")}."
            : $"The driver would {input.Look.Next?.Description ?? "change it"}; it is reported only (drift: Report).", null);

    private static string Differences(Look look) =>
        string.Join(" ", look.Drift.Select(d => $"{d.Path}: {d.Desired ?? "?"} is wished, {d.Actual ?? "?"} was found."));

    private static Decision DecideTakeDown(DecisionInput input)
    {
        if (!input.Wanted && input.Retain is not RetainMeans.NotAsked)
            return input.Retain switch
            {
                RetainMeans.Unmarked => new Decision.LetGo(),
                RetainMeans.Marked => new Decision.Release(),
                _ => new Decision.Refuse(Reasons.RetainRefused,
                    "metadata.annotations[providers.datumapis.com/retain]: this driver can't take our mark off, and with spec.collector.policy Delete of the ProviderConfig the collector would delete what stays behind. "
                    + "Remove the annotation, or set the policy to Report."),
            };
        if (!input.Wanted && input.DeletionProtection)
            return new Decision.Refuse(Reasons.DeletionProtected, "Deletion protection is on. Remove the annotation to let it go.");
        if (!input.Dependents.IsEmpty)
            return new Decision.Wait(Reasons.DependentsExist, "Still used by " + string.Join(", ", input.Dependents) + ".", null);
        return input.Look.Next switch
        {
            { Verb: StepVerb.Delete } step => new Decision.Delete(step),
            // The look was made with a desired state; the next one is made without and names the delete step.
            null => new Decision.Wait(Reasons.Deleting, "The driver names no step to take the object down yet.", input.Now + LookAgain),
            _ => new Decision.Refuse(Reasons.Bug, "The driver names a building step for something that must go."),
        };
    }

    private static Decision DecideAbsent(DecisionInput input)
    {
        var build = input.Wanted && !input.Retiring;

        // A part that is recorded and gone says nothing about another one whose create may still come.
        if (WaitForLostCreate(input, build && !input.HasParts && input.Adoption is null) is { } wait)
            return wait;

        if (build && !input.HasParts && input.Adoption is { } asked)
            return DecideAdoption(asked);

        if (build && !input.HasParts)
            return input.Look.Next is { Verb: StepVerb.Create } step
                ? WhenDependenciesReady(input, new Decision.Create(step))
                : new Decision.Refuse(Reasons.Bug, "The driver names no first step of building.");

        // Something recorded, or to be let go of, is gone: believe it only when seen twice, a window apart (L6), or from a tombstone.
        if (!input.Look.Terminal)
        {
            if (input.AbsentSince is not { } since)
                return new Decision.Wait(Reasons.Absent, "Not found; absence is confirmed by a second look.", input.Now + input.ConsistencyWindow);
            if (input.Now < since + input.ConsistencyWindow)
                return new Decision.Wait(Reasons.Absent, "Not found; absence is confirmed by a second look.", since + input.ConsistencyWindow);
        }
        return input.Wanted ? new Decision.Renew() : new Decision.Release();
    }

    /// <summary>
    /// A create whose answer was lost may still become visible until its deadline plus the platform's window (L1, L5, L6).
    /// Null when there is no such create, when it is settled, or when repeating it is safe.
    /// </summary>
    private static Decision? WaitForLostCreate(DecisionInput input, bool build)
    {
        if (input.Intent is not { } intent)
            return null;
        // Only the very step may be repeated: another one next to a create in flight could make the second object (two names probed, two machines).
        var mayRepeat = input.Look.Next?.Part == intent.Part && intent.Class switch
        {
            CreateClass.Repeatable or CreateClass.Named => true,
            CreateClass.Token => intent.SameWish && input.Now < intent.StartedAt + input.TokenLife,
            _ => false,
        };
        if (build && mayRepeat)
            return null;
        var settled = intent.Deadline + input.ConsistencyWindow;
        if (input.Now < settled)
            return new Decision.Wait(Reasons.Waiting, "A create whose answer was lost may still take effect.", settled);
        return intent.Class is CreateClass.Manual or CreateClass.Unknown
            ? new Decision.Refuse(Reasons.NeedsPerson,
                "The answer of a create that can't be repeated was lost. Look at the platform, then say it: datum-providers settle, with --made ID or --not-made.")
            : null;
    }

    private static Decision Replace(DecisionInput input, string why) =>
        input.DeletionProtection ? new Decision.Refuse(Reasons.DeletionProtected, $"{why} Deletion protection forbids to replace the object.")
        : input.Dependents.IsEmpty ? new Decision.Replace(why)
        : new Decision.Wait(Reasons.DependentsExist, $"{why} It can be replaced once it is no longer used by {string.Join(", ", input.Dependents)}.", null);

    private static Decision WhenDependenciesReady(DecisionInput input, Decision then) =>
        input.NotReady.IsEmpty ? then
        : new Decision.Wait(Reasons.WaitingForDependency, "Waits for " + string.Join(", ", input.NotReady) + ".", null);
}
