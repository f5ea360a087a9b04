using Datum.Providers.Engine;
using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Platform;

namespace Datum.Providers.Faults.Tests.Bugs;

/// <summary>The decision, its tokens, and what it hears from drivers.</summary>
internal static partial class AllBugs
{
    private static IEnumerable<Bug> Decisions()
    {
        yield return Sees("believes-one-absence", "One look that finds nothing proves absence (L6).", "L6:", "reads-lag-behind/none/x#1", i => i with { AbsentSince = i.Now - TimeSpan.FromHours(1) });
        yield return Sees("no-consistency-window", "The platform's consistency window counts as none (L1, L6).", "L1:", "create-late/reset-after/cloud:POST:networks#1",
            i => i with { ConsistencyWindow = TimeSpan.Zero, Intent = i.Intent is { } o ? o with { Deadline = i.Now } : null });
        yield return Sees("forgets-the-open-intent", "A create whose answer was lost counts as one that never was (L5).", "L1:", "create-late/reset-after/cloud:POST:networks#1", i => i with { Intent = null });
        yield return Sees("lets-go-with-an-open-intent", "What nobody wants is let go of although a create of it may still appear (L6).", "L6:", "delete-during-create-hidden/reset-after/cloud:POST:networks#1",
            i => i.Wanted ? i : i with { Intent = null, AbsentSince = i.Now - TimeSpan.FromHours(1) });
        yield return Sees("repeats-a-marked-create", "A lost create of class C is repeated at once (L5).", "L1:", "create-late/reset-after/cloud:POST:disks#1",
            i => i.Intent is { Class: CreateClass.Marked } o ? i with { Intent = o with { Class = CreateClass.Repeatable } } : i);
        yield return Sees("repeats-a-manual-create", "A lost create of class D is repeated without a person (L5).", "L1:", "create-manual/reset-after/cloud:POST:networks#1", i => i.Intent is { Class: CreateClass.Manual } ? i with { Intent = null } : i);
        yield return Sees("follows-no-later-incarnation", "A ledger from an older backup counts as the newer truth (L1).", "the ledger has incarnation", "restore-from-before/none/x#1", i => i with { Look = i.Look with { Incarnation = 0 } });
        yield return Sees("trusts-a-removed-mark", "An object without our mark counts as ours because its id is recorded (L3).", "L3: nobody is told", "mark-removed/none/x#1", i => i with { Look = i.Look with { Mark = MarkState.Ours } });
        yield return Sees("ignores-dependents", "A network is deleted while something needs it (L7).", "L7:", "delete/none/x#1", i => i with { Dependents = [] });
        yield return Sees("ignores-dependencies", "Something is made before what it depends on (L7).", "L7:", "create/throttled/cloud:POST:firewalls#1", i => i with { NotReady = [] });
        yield return Sees("ignores-deletion-protection", "Deletion protection is not looked at.", "deletion protection", "deletion-protected/none/x#1", i => i with { DeletionProtection = false });
        yield return Sees("ignores-retain", "What is to be kept is deleted.", "retain: DELETE", "retained/none/x#1", i => i with { Retain = RetainMeans.NotAsked });
        yield return Sees("replaces-what-is-to-be-kept", "A failed resource is replaced although the policy keeps it.", "on-failure Keep", "failed-and-kept/none/x#1", i => i with { ReplaceOnFailure = true });
        yield return Decides("finalizer-too-early", "An entry is let go of as soon as its delete is accepted (L6).", "L6:", "delete/none/x#1", (i, d) => !i.Wanted && i.Look.Presence is Presence.Present && i.Look.InProgress is not null ? new Decision.Release() : d);
        yield return Decides("lets-go-instead-of-deleting", "An entry that nobody wants is let go of with its object (L6).", "L6:", "delete/none/x#1", (i, d) => !i.Wanted && d is Decision.Delete ? new Decision.Release() : d);
        yield return new()
        {
            Name = "token-for-each-try", What = "A repeated create carries a new token (L1, class A).", Breaks = "L1:", Plan = "create-late-token/reset-after/cloud:POST:networks#1",
            Seams = w => new EngineSeams { Token = (name, incarnation, part, _) => EntryIdentity.Token(name, incarnation, part, (int)(w.Time.Now.Ticks / 10_000_000 % int.MaxValue)) },
        };
    }

    private static IEnumerable<Bug> Answers()
    {
        yield return Answers("unknown-is-not-applied", "A create whose effect is unknown counts as not applied (L5).", "L1:", "create-late/reset-after/cloud:POST:networks#1", d => new WrongDriver(d) { CreateError = e => e with { Effect = Effect.NotApplied } });
        yield return Answers("not-found-is-a-tombstone", "A 404 counts as the platform's own word that an object has ended (L6).", "L6:", "reads-lag-behind/none/x#1", d => new WrongDriver(d) { AbsentIsTerminal = true });
    }
}
