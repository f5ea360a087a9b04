using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Policies;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>A look at the platform, and what a decision takes from it.</summary>
public sealed partial class EntryReconciler
{
    /// <summary>Looks at the platform. Null after an error, which is then reported.</summary>
    private async Task<Look?> ObserveAsync(Pass pass, bool takeDown = false)
    {
        var entry = pass.Entry;
        var build = entry.Spec.Wanted && !entry.Spec.Record.Retiring && !takeDown;
        using var scope = Calls.New(scheduler, pass.Descriptor.CallTimeout, pass.Cancellation, payloads.For(entry));
        Answer<Look> answer;
        pass.Memory.LookedAt = pass.Session.Moment();
        try
        {
            answer = await pass.Verbs.ObserveAsync(scope.Call, EntryIdentity.Of(entry), build ? entry.Spec.Desired : null, HandleOf(pass), PartsOf).ConfigureAwait(false);
        }
        catch (JsonException e)
        {
            answer = new DriverError { Code = ErrorCode.Invalid, Effect = Effect.NotApplied, Message = $"spec.desired isn't readable: {e.Message}" };
        }
        if (answer.Error is { } error)
        {
            await FailAsync(pass, null, null, error).ConfigureAwait(false);
            return null;
        }
        var look = answer.Value!;
        if (!Gone(entry, look))
            pass.Memory.AbsentSince = null;
        return look;
    }

    private DecisionInput InputOf(Pass pass, Look look, AskedAdoption? adoption)
    {
        var entry = pass.Entry;
        var now = scheduler.Time.GetUtcNow();
        var input = DecisionInputs.Of(entry, look, pass.Descriptor, ConfigOf(entry), ledger, now) with
        {
            AbsentSince = pass.Memory.AbsentSince,
            PartMissing = LacksPart(entry, look),
            PartMissingSince = pass.Memory.PartMissingSince,
            SameDriftUpdates = pass.Memory.Drift == DriftOf(look) ? pass.Memory.DriftUpdates : 0,
            Adoption = adoption,
        };
        // The first of the looks that prove absence; this decision still sees it as the first.
        if (Gone(entry, look) && look.InProgress is null)
            pass.Memory.AbsentSince ??= now;
        pass.Memory.PartMissingSince = input.PartMissing ? pass.Memory.PartMissingSince ?? now : null;
        return input;
    }

    private static bool LacksPart(ManagedResource entry, Look look) =>
        look.Presence is Presence.Present && (entry.Spec.Record.Parts ?? []).Any(p => look.Parts.All(l => l.Name != p.Name));

    /// <summary>Nothing of ours is there: nothing at all, or something else under our name while no part is recorded (law L3).</summary>
    private static bool Gone(ManagedResource entry, Look look) =>
        look.Presence is Presence.Absent || (look is { Presence: Presence.Present, Mark: MarkState.Foreign } && entry.Spec.Record.Parts is not { Count: > 0 });

    private static bool Stale(ManagedResource entry, Look look) =>
        look is { Presence: Presence.Present, Mark: MarkState.Ours, Next: not { Verb: StepVerb.Delete } } && look.Incarnation > 0 && look.Incarnation < entry.Spec.Record.Incarnation;

    private static Handle? HandleOf(Pass pass) =>
        pass.Entry.Spec.Record.Handle is { } h && h.Driver == pass.Session.Descriptor.Id && h.DriverVersion == pass.Session.Descriptor.Version
            ? new Handle { Data = h.Data, ExpiresAt = h.ExpiresAt }
            : null;

    private ImmutableArray<Part> PartsOf(string entryName) =>
        [.. (ledger.Find(entryName)?.Spec.Record.Parts ?? []).Select(p => new Part { Name = p.Name, Id = p.Id })];
}
