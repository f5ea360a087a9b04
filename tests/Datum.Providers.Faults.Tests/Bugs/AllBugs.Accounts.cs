using Datum.Providers.Engine;
using Datum.Providers.Engine.Collect;
using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Faults.Tests.Bugs;

/// <summary>Whose an object is, and whose an account.</summary>
internal static partial class AllBugs
{
    private static IEnumerable<Bug> Owners()
    {
        yield return new() { Name = "asks-no-owner", What = "What vanished is made again although its owner is gone (OwnerLost).", Breaks = "OwnerLost:", Plan = "owner-lost/none/x#1", Seams = _ => new EngineSeams { Owners = _ => new WrongOwners(OwnerState.Exists) } };
        yield return Answers("deletes-by-name", "What is deleted is found by name and mark, not by the recorded id (L3).", "L3, a copy", "replaced-by-a-copy/none/x#1", d => new WrongDriver(d) { ForgetsIds = true });
        yield return new()
        {
            Name = "adopts-what-another-owner-holds", What = "An object is adopted that carries another owner's mark (L3).", Breaks = "L3:", Plan = "adopt-conflict/none/x#1",
            Seams = _ => new EngineSeams { Decide = i => Decider.Decide(i.Adoption is { Mark: MarkState.Foreign } a ? i with { Adoption = a with { Mark = MarkState.Ours } } : i) },
            Driver = (_, d) => new WrongDriver(d) { TakesFromOwners = true },
        };
        yield return Sees("adopts-without-a-tag", "With adopt IfTagged an object is adopted that carries no mark (L3).", "L3:", "adopt-if-tagged/none/x#1", i => i.Adoption is { } a ? i with { Adoption = a with { Policy = AdoptPolicy.Always } } : i);
        yield return new()
        {
            Name = "deletes-what-is-abandoned", What = "An entry that a person lets go of counts as one that nobody wants.", Breaks = "abandoned", Plan = "abandon-wanted/none/x#1",
            Client = (_, c) => new WrongClient(c) { Reading = o => { if (o is ManagedResource { IsDeleting: true } entry) entry.Spec.Wanted = false; } },
        };
        yield return Patches("forgets-what-is-retained", "What was kept with our mark isn't written down for the collector (L13).", "L13, retained", "retained-then-deleted/none/x#1", (what, patch) => what != "providerconfigs" || Drop(patch, "metadata", "annotations"));
        // The collector.
        yield return Judges("collector-ignores-the-policy", "An orphan is deleted where the policy is to report (L13).", "L13, reported only", "collector-reports/none/x#1", i => i with { Policy = i.Policy with { Delete = true, AgeFloor = TimeSpan.FromMinutes(10) } });
        yield return Judges("collector-has-no-age-floor", "An orphan is deleted however young it is (L13).", "L13:", "collector-deletes/none/x#1", i => i with { Policy = i.Policy with { AgeFloor = TimeSpan.Zero } });
        yield return Judges("collector-believes-one-listing", "One listing that shows an orphan is enough (L13).", "L13:", "collector-no-floor/none/x#1", i => i with { Sighting = i.Sighting with { FirstRound = i.Sighting.LastRound - 1 } });
        yield return Judges("collector-believes-the-platforms-clock", "An orphan's age is what the platform says, not how long it has been seen (L13).", "L13:", "collector-deletes/none/x#1", i => i with { Sighting = i.Sighting with { FirstSeen = i.Sighting.CreatedAt ?? i.Sighting.FirstSeen } });
        yield return Judges("collector-has-no-budget", "The collector deletes more in an hour than it may (L13).", "L13:", "collector-deletes/none/x#1", i => i with { Paid = true });
        yield return Judges("collector-deletes-copies", "A copy counts as an orphan (L3).", "L3, a copy", "collector-deletes/none/x#1", i => i.Entry is { } e && CollectorRules.Classify(i.Sighting, e, i.Installation) is FindingType.Copy ? i with { Entry = null } : i);
        yield return Answers("believes-part-of-a-listing", "A listing that leaves a zone out counts as whole (L13).", "L13:", "collector-deletes/list-incomplete/cloud:LIST:servers#2", d => new WrongDriver(d) { ListsAreComplete = true });
        yield return new()
        {
            Name = "collector-reads-its-cache", What = "The ledger isn't read live before an orphan is deleted (L13).", Breaks = "L13, an entry has come back", Plan = "collector-ledger-restored/event-dropped/watch:managedresources#2",
            Client = (_, c) => new WrongClient(c) { EntriesFromCache = true },
        };
    }

    private static IEnumerable<Bug> Accounts()
    {
        yield return Patches("forgets-the-account", "The account in which something was made is not recorded (L15).", "L15:", "account-swapped-new/none/x#1", (what, patch) => what != "managedresources" || Drop(patch, "spec", "record", "accountId"));
        yield return new()
        {
            Name = "proves-no-account", What = "The account is taken from what was meant, not from the platform (L15).", Breaks = "L15:", Plan = "account-swapped-new/none/x#1",
            Driver = (w, d) => new WrongDriver(d) { Account = w.Cloud.AccountId },
        };
        yield return new()
        {
            Name = "believes-that-all-vanished", What = "However many objects vanish at once, all are made again (L15).", Breaks = "L15:", Plan = "everything-vanishes/none/x#1",
            Seams = _ => new EngineSeams { IsMass = (_, _, _) => false },
        };
        yield return new()
        {
            Name = "serves-strangers", What = "Whoever names an account in a Location is served from it (L14).", Breaks = "L14:", Plan = "stranger-builds/none/x#1",
            Client = (_, c) => new WrongClient(c) { Reading = o => { if (o is ProviderConfig config) config.Spec.Allowed = new AllowedUse { Projects = ["*"], Namespaces = ["*"] }; } },
        };
        yield return new()
        {
            Name = "hears-no-new-credentials", What = "A new version of the credential is not noticed; the old session goes on.", Breaks = "rotation:", Plan = "credential-rotation/none/x#1",
            Client = (_, c) => new WrongClient(c) { Deaf = "secrets" },
        };
        yield return Answers("leaves-the-old-session-open", "A session that was replaced is never closed.", "rotation: the session", "credential-rotation/none/x#1", d => new WrongDriver(d) { NeverCloses = true });
    }
}
