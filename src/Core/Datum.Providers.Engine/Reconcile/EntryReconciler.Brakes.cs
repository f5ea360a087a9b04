using Datum.Providers.Engine.Collect;
using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Sessions;
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
        return HeldByAccount(pass, decision);
    }

    /// <summary>What law L15 holds back: absence that isn't believed yet, replacements that one change asks for by the dozen; and what the collector is at.</summary>
    private Decision.Wait? HeldByAccount(Pass pass, Decision decision)
    {
        var (account, now) = (AccountGuard.KeyOf(pass.Session), scheduler.Time.GetUtcNow());
        if (accounts.HeldBy(account) is { } held)
            return new Decision.Wait(held.Reason, $"{held.Message} {AccountHold.HowTo(held.Token)}", null);
        if (accounts.IsClaimed(pass.Entry.Metadata.Name!))
            return new Decision.Wait(Reasons.Waiting, "The collector is at work on an object of this name.", now + LookAgain);
        if (decision is Decision.Renew && pass.Entry.Spec.Wanted && !pass.Entry.Spec.Record.Retiring && NotBelieved(pass, remakes: true) is { } unbelieved)
            return unbelieved;
        // A recorded part that went is made again, by a step of building or with all the rest: that is absence, and no change that somebody planned.
        if (decision is Decision.Create && pass.Memory.FoundAt is { } found)
        {
            // Of what the ledger didn't know more may be there than one look shows: as any absence, that of the rest is seen twice (L6), and by a listing.
            var visible = found + pass.Descriptor.ConsistencyWindow;
            if (scheduler.Time.GetUtcNow() < visible)
                return new Decision.Wait(Reasons.Absent, "Parts were found that the ledger didn't know; what seems to be missing is looked for once more.", visible);
            if (NotBelieved(pass, remakes: true, found) is { } unsure)
                return unsure;
            pass.Memory.FoundAt = null;
        }
        if ((decision is Decision.Create create && pass.Entry.Spec.Record.Parts?.Exists(p => p.Name == create.Step.Part) == true)
            || (decision is Decision.Replace && pass.Memory.PartMissingSince is not null))
            return NotBelieved(pass, remakes: true);
        if (decision is not Decision.Replace replace || ChangeCauses.AskedByOwner(pass.Entry))
            return null;
        var (until, hold) = accounts.Plan(account, pass.Entry, pass.Session);
        return hold is not null ? new Decision.Wait(hold.Reason, $"Its replacement ({replace.Why.TrimEnd('.')}) is one of too many that no owner asked for. {AccountHold.HowTo(hold.Token)}", null)
            : until is not null ? new Decision.Wait(Reasons.Waiting, "It is to be replaced; whether one change asks for many is looked at first.", until)
            : null;
    }

    /// <summary>An absence that isn't believed while others of the account are missing as well, or no listing has been made since.</summary>
    private Decision.Wait? NotBelieved(Pass pass, bool remakes, DateTimeOffset? since = null) =>
        accounts.NotBelieved(AccountGuard.KeyOf(pass.Session), pass.Verbs.Kind, since ?? pass.Memory.AbsentSince ?? pass.Memory.PartMissingSince ?? scheduler.Time.GetUtcNow(),
            pass.Descriptor.ListQuality is not (ListQuality.None or ListQuality.Unknown), remakes) is { } why
            ? new Decision.Wait(Reasons.Absent, why, scheduler.Time.GetUtcNow() + LookAgain) : null;

    /// <summary>Why the entry may not be let go of although its object seems to be gone; null when it may.</summary>
    private Decision.Wait? ReleaseHeld(Pass pass, Look look) =>
        look.Presence is Presence.Present ? null
        : accounts.HeldBy(AccountGuard.KeyOf(pass.Session)) is { } held ? new Decision.Wait(held.Reason, held.Message, null)
        : NotBelieved(pass, remakes: false);

    /// <summary>Law L15 on the whole account. True when the entry is Unknown and nothing more is done; an entry whose new account was confirmed moves there.</summary>
    private async Task<(ManagedResource Entry, bool Held, TimeSpan? Delay)> HeldAsync(ManagedResource entry, Session session, CancellationToken cancellation)
    {
        if (accounts.IsClaimed(entry.Metadata.Name!))
            // An entry that came while the collector had just begun: nothing is looked at or recorded of what is going.
            return (entry, true, LookAgain);
        var proved = session.Account.AccountId;
        // What is new isn't made in an account that only the others' entries know to be a wrong one.
        var account = entry.Spec.Record.AccountId ?? session.FormerAccount(() => FormerAccountOf(entry, session));
        if (account.Length > 0 && account != proved)
        {
            // Another account shows other objects; what isn't there may well exist elsewhere.
            if (accounts.OtherAccount(entry.Spec.ProviderConfig, session.Descriptor.Id, account, proved, entry.Metadata.Name!) is { } other)
            {
                await ReportUnknownAsync(entry, Reasons.AccountChanged,
                    $"{(entry.Spec.Record.AccountId is null ? "Others of its ProviderConfig were" : "The entry was")} made in account {account}, the session proves {proved}. Nothing is changed until the old account is back. {AccountHold.HowTo(other.Token)}", cancellation).ConfigureAwait(false);
                return (entry, true, await ProveAgainAsync(session, cancellation).ConfigureAwait(false));
            }
            if (entry.Spec.Record.AccountId is not null)
            {
                entry = await ledger.UpdateAsync(entry, e =>
                {
                    e.Spec.Record.AccountId = proved;
                    e.Spec.Record.Handle = null;
                }, cancellation).ConfigureAwait(false);
                accounts.Moved(new AccountKey(session.Descriptor.Id, account), entry.Spec.ProviderConfig);
            }
        }
        if (accounts.HeldBy(AccountGuard.KeyOf(session)) is { } held)
        {
            await ReportUnknownAsync(entry, held.Reason, $"{held.Message} {AccountHold.HowTo(held.Token)}", cancellation).ConfigureAwait(false);
            return (entry, true, null);
        }
        return (entry, false, null);
    }

    private string FormerAccountOf(ManagedResource entry, Session session) =>
        home.Entries.ByIndex(HomePlane.ByConfig, entry.Spec.ProviderConfig)
            .Where(e => e.Spec.Driver == entry.Spec.Driver && e.Spec.Installation == home.Installation && e.Spec.Record.AccountId is { } a && a != session.Account.AccountId
                && CanonicalJson.Same(SessionManager.ScopeOf(session.Descriptor, e.Spec.LocationBlock), session.Connection.Location))
            .Select(e => e.Spec.Record.AccountId).FirstOrDefault() ?? "";

    /// <summary>Tells the account's watch what a look found of something that is to be there.</summary>
    private void Watched(Pass pass, Look look)
    {
        if (!AccountGuard.Counts(pass.Entry) || look.InProgress is not null || look.Presence is not (Presence.Absent or Presence.Present))
            return;
        var absent = look.Presence is Presence.Absent || pass.Entry.Spec.Record.Parts!.Exists(p => Lacks(look, p.Name));
        pass.Memory.Shown |= !absent;
        // What was shown before isn't new.
        accounts.Looked(AccountGuard.KeyOf(pass.Session), pass.Entry, absent, pass.Memory.Shown ? TimeSpan.Zero : pass.Descriptor.ConsistencyWindow);
    }

    private static bool Lacks(Look look, string part) => !look.Parts.Any(p => p.Name == part);

    /// <summary>What is kept on its owner's wish keeps our mark: it is written down before the entry goes, so that no collector takes it for an orphan.</summary>
    private async Task RetainAsync(ManagedResource entry, CancellationToken cancellation)
    {
        if (home.Configs.Find(new ObjectKey(null, entry.Spec.ProviderConfig)) is not { } config || RetainedObjects.Of(config).Contains(entry.Metadata.Name!))
            return;
        var after = ResourceTypes.ProviderConfigs.Clone(config);
        RetainedObjects.Add(after, entry.Metadata.Name!);
        home.Configs.Observe(await home.Client.PatchAsync(ResourceTypes.ProviderConfigs, config.Key, Patches.MetadataAndSpec(ResourceTypes.ProviderConfigs, config, after)!, null, cancellation).ConfigureAwait(false));
    }

    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan OwnerPeriod = TimeSpan.FromSeconds(30);
}
