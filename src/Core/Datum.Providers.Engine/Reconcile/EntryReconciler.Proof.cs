using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>Whose account a look was into. That something isn't there is believed only of a session that proved the entry's account after the look began (laws L6, L15).</summary>
public sealed partial class EntryReconciler
{
    /// <summary>How old a proof may be while another account is reported: it is asked again whether the old one is back.</summary>
    private static readonly TimeSpan AccountPeriod = TimeSpan.FromMinutes(1);

    /// <summary>Letting go, the next life and a create after one that was lost rest on absence. A tombstone is no absence: the platform itself says that this very object ended.</summary>
    private static bool RestsOnAbsence(ManagedResource entry, Look look, Decision decision) => Gone(entry, look) && !look.Terminal && decision switch
    {
        Decision.Release or Decision.Renew => true,
        // Further parts are made beside those that the platform has just shown. A first one has nothing beside it: it would be made in whatever account this is now.
        Decision.Create => entry.Spec.Record.Intent is not null || entry.Spec.Record.Parts is not { Count: > 0 },
        _ => false,
    };

    /// <summary>What was just made may be hidden for the platform's window: that a part of it seems to be missing is no reason to make all of it anew.</summary>
    private Decision.Wait? TooNew(Pass pass, Decision decision) =>
        decision is Decision.Replace && pass.Memory.CreatedAt + pass.Descriptor.ConsistencyWindow is { } visible && visible > scheduler.Time.GetUtcNow()
            ? new Decision.Wait(Reasons.Waiting, "A part that was just made may not be visible yet; it is looked at again before anything is replaced.", visible)
            : null;

    /// <summary>Null when the account is proved; else it was reported, and the result says when to come back.</summary>
    private async Task<Later?> UnprovedAsync(Pass pass)
    {
        var proof = await pass.Session.ProveAsync(pass.Memory.LookedAt, pass.Cancellation).ConfigureAwait(false);
        if (proof is { Other: null, Error: null })
            return null;
        // What was seen may have been another account's: it counts for nothing.
        pass.Memory.AbsentSince = null;
        if (proof.Error is { } error)
        {
            await FailAsync(pass, null, null, error).ConfigureAwait(false);
            return new Later(DelayOf(pass.Memory));
        }
        sessions.Invalidate(pass.Session);
        await ReportOtherAccountAsync(pass.Entry, proof.Other!, pass.Cancellation).ConfigureAwait(false);
        return new Later(AccountPeriod);
    }

    /// <summary>When to come back to an entry of another account than the session's; from time to time it is asked whether the account is back.</summary>
    private async Task<TimeSpan?> ProveAgainAsync(Session session, CancellationToken cancellation)
    {
        if ((await session.ProveSinceAsync(scheduler.Time.GetUtcNow() - AccountPeriod, cancellation).ConfigureAwait(false)).Other is not null)
            sessions.Invalidate(session);
        return AccountPeriod;
    }

    private Task ReportOtherAccountAsync(ManagedResource entry, string other, CancellationToken cancellation) => ReportUnknownAsync(entry, Reasons.AccountChanged,
        $"The entry was made in account {entry.Spec.Record.AccountId}, the session proves {other}. Nothing is changed until the old account is back.", cancellation);

    /// <param name="Delay">As a pass returns it.</param>
    private sealed record Later(TimeSpan? Delay);
}
