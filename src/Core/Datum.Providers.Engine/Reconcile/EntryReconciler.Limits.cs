using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>What an account allows: its rate, changes in flight, the circuit breaker; and what takes longer than expected.</summary>
public sealed partial class EntryReconciler
{
    /// <summary>Another change of the account has to end first.</summary>
    private static readonly TimeSpan NextSlot = TimeSpan.FromSeconds(1);

    /// <summary>Takes one request of the account's. Null: call now; otherwise the pass ends, its worker goes, and it comes back after so long.</summary>
    private static TimeSpan? Turn(Pass pass)
    {
        var kept = 0;
        var wait = pass.Memory.Allowance is { } allowance ? allowance.TryUse() : pass.Session.Meter.Account.TryUse(ref kept);
        if (wait is not null)
            pass.Session.Meter.Waited();
        return wait;
    }

    /// <summary>The driver is asked about the wish first, which may cost a request.</summary>
    private static TimeSpan? TurnToValidate(Pass pass) =>
        pass.Memory.ValidatedWish == pass.Memory.Wish && pass.Memory.Wish.Length > 0 ? null : Turn(pass);

    /// <summary>
    /// Does the step once the account allows it. Its turn comes before the intent is stored, and the lease is looked at after both, right
    /// before the call (law L10): whatever the wait was, no change starts on an old lease.
    /// </summary>
    private async Task<(ManagedResource Entry, StepResult? Result, TimeSpan Later)> DoInTurnAsync(Pass pass, Step step)
    {
        if (Turn(pass) is { } later)
            return (pass.Entry, null, later);
        if (!pass.Session.Meter.Account.TryBeginMutation())
            return (pass.Entry, null, NextSlot);
        try
        {
            var (entry, result) = await DoAsync(pass, step).ConfigureAwait(false);
            return (entry, result, NextSlot);
        }
        finally
        {
            pass.Session.Meter.Account.EndMutation();
        }
    }

    private Task ReportBreakerAsync(ManagedResource entry, Session session, CancellationToken cancellation) =>
        ReportUnknownAsync(entry, Reasons.BreakerOpen, $"{session.Meter.Breaker.Why} The account isn't asked until a probe is answered.", cancellation);

    /// <summary>An operation that takes longer than expected is told; it goes on being looked at as before.</summary>
    private Decision WhenLong(Pass pass, Look look, Decision decision)
    {
        var memory = pass.Memory;
        if (Busy(pass.Entry, look, decision) is not { } verb)
        {
            memory.BusySince = null;
            memory.OverdueAt = null;
            return decision;
        }
        var now = scheduler.Time.GetUtcNow();
        if (memory.BusySince is null || memory.BusyWith != verb)
            (memory.BusySince, memory.BusyWith) = (verb is StepVerb.Create && pass.Entry.Spec.Record.Intent is { } intent ? intent.StartedAt : now, verb);
        var expected = pass.Session.Meter.Settings.Expected(pass.Descriptor, verb);
        var overdueAt = memory.BusySince.Value + expected;
        var until = (decision as Decision.Wait)?.Until;
        if (now >= overdueAt)
        {
            memory.OverdueAt = null;
            return new Decision.Wait(Reasons.TakesLong, $"{verb} has been under way for more than {GoDuration.Format(expected)}, which is longer than expected. It goes on being looked at.", until);
        }
        memory.OverdueAt = overdueAt;
        return decision is Decision.Wait wait && (until is null || until > overdueAt) ? wait with { Until = overdueAt } : decision;
    }

    /// <summary>What the platform works on; null when it does nothing, or waits for a person.</summary>
    private static StepVerb? Busy(ManagedResource entry, Look look, Decision decision)
    {
        if (look.InProgress is { WaitingFor: WaitingFor.Approval })
            return null;
        var working = look.InProgress is not null || (look.Presence is Presence.Present && look.State is Lifecycle.Creating or Lifecycle.Updating or Lifecycle.Deleting
            && decision is Decision.None or Decision.Wait { Reason: Reasons.Deleting });
        if (!working)
            return null;
        if (!entry.Spec.Wanted || entry.Spec.Record.Retiring)
            return StepVerb.Delete;
        return look.Presence is Presence.Present && look.State is not Lifecycle.Creating && entry.Spec.Record.Intent is null ? StepVerb.Update : StepVerb.Create;
    }
}
