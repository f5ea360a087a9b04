using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>What holds a decision back: an owner that is gone, policies, the lease, the first listing, something that has just broken.</summary>
public sealed partial class EntryReconciler
{
    // A part that went (a container removed by hand) leaves no degraded object: what tells is that this very wish was realized before.
    private static bool Broken(ManagedResource entry, Look look, Decision decision) =>
        entry.Spec.Wanted && !entry.Spec.Record.Retiring
        && (decision is Decision.Renew
            || (decision is Decision.Create && look.Presence is Presence.Present && (look.State is Lifecycle.Degraded || WasRealized(entry))));

    private static bool WasRealized(ManagedResource entry) =>
        entry.Status?.DesiredHash is { } realized && entry.Spec.Desired is { } desired && realized == CanonicalJson.Digest(desired);

    /// <summary>Something vanished at the platform. Before it is made again its owner is read live: one that vanished too wants nothing.</summary>
    private async Task<Decision.Refuse?> OwnerGoneAsync(ManagedResource entry, CancellationToken cancellation) =>
        await owners.ReadAsync(entry.Spec.Owner, cancellation).ConfigureAwait(false) switch
        {
            OwnerState.Gone => new Decision.Refuse(Reasons.OwnerLost,
                $"{entry.Spec.Owner.Kind} {entry.Spec.Owner.Namespace}/{entry.Spec.Owner.Name} is gone although our finalizer was on it. Nothing is made or deleted for it; a person decides."),
            OwnerState.Unknown => new Decision.Refuse(Reasons.Waiting, "The owner couldn't be read live; nothing is made on an old picture."),
            _ => null,
        };

    /// <summary>What holds a mutation back now: policies, the lease, the first listing.</summary>
    private Decision.Wait? Forbidden(Pass pass, Decision decision)
    {
        if (Policies.PolicyHold.Of(pass.Entry, ConfigOf(pass.Entry), gate) is var (reason, why))
            return new Decision.Wait(reason, $"{why} {decision.GetType().Name} is held back.", null);
        if (!gate.MayMutate(pass.Descriptor.CallTimeout))
            return new Decision.Wait(Reasons.Waiting, "This host doesn't hold the lease.", scheduler.Time.GetUtcNow() + TimeSpan.FromSeconds(2));
        if (pass.Descriptor.ListQuality is not (ListQuality.None or ListQuality.Unknown) && !pass.Session.IsListed(pass.Verbs.Kind))
            return new Decision.Wait(Reasons.Waiting, "Waits for the account's first complete listing.", scheduler.Time.GetUtcNow() + TimeSpan.FromSeconds(1));
        return null;
    }
}
