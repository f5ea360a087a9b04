using System.Text.Json.Nodes;
using Datum.Providers.Engine;
using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Reconcile;

namespace Datum.Providers.Faults.Tests.Bugs;

/// <summary>Wrong engines. Each is one change that a person could make, and each must be noticed.</summary>
internal static class AllBugs
{
    public static ImmutableArray<Bug> All { get; } =
    [
        // The decision.
        Sees("trusts-a-removed-mark", "An object without our mark counts as ours because its id is recorded (L3).", "mark-removed/none/x#1", i => i with { Look = i.Look with { Mark = MarkState.Ours, Next = i.Look.Next } }),
        Sees("ignores-dependents", "A network is deleted while something needs it (L7).", "delete/none/x#1", i => i with { Dependents = [] }),
        Sees("ignores-dependencies", "Something is made before what it depends on (L7).", "create/none/x#1", i => i with { NotReady = [] }),
        Sees("ignores-deletion-protection", "Deletion protection is not looked at.", "deletion-protected/none/x#1", i => i with { DeletionProtection = false }),
        Sees("ignores-retain", "What is to be kept is deleted.", "retained/none/x#1", i => i with { Retain = RetainMeans.NotAsked }),
        Sees("replaces-what-is-to-be-kept", "A failed resource is replaced although the policy keeps it.", "failed-and-kept/none/x#1", i => i with { ReplaceOnFailure = true }),
        Decides("finalizer-too-early", "An entry is let go of as soon as its delete is accepted (L6).", "delete/none/x#1", (i, d) => !i.Wanted && i.Look.Presence is Presence.Present && i.Look.InProgress is not null ? new Decision.Release() : d),
        Decides("lets-go-instead-of-deleting", "An entry that nobody wants is let go of with its object (L6).", "delete/none/x#1", (i, d) => !i.Wanted && d is Decision.Delete ? new Decision.Release() : d),
        // The ledger and the API server.
        Writes("skips-the-intent", "A create is called without a stored intent (L4).", "create/none/x#1", (what, patch) => what != "managedresources" || Drop(patch, "spec", "record", "intent")),
        Writes("skips-the-finalizer-of-owners", "An owner is not held while it has entries (L4).", "delete/none/x#1", (what, patch) => what is not ("instances" or "networks" or "networkcontexts" or "subnets") || Drop(patch, "metadata", "finalizers")),
        Writes("forgets-ids", "The ids that the platform told are not recorded (L4).", "create/none/x#1", (what, patch) => what != "managedresources" || Drop(patch, "spec", "record", "parts")),
        Writes("writes-without-a-version", "Writes are not guarded by the version that was decided on.", "two-hosts-one-installation/none/x#1", (_, patch) => Drop(patch, "metadata", "resourceVersion")),
        new()
        {
            Name = "no-finalizer-on-entries", What = "An entry is made without its finalizer (L4).", Plan = "create/none/x#1",
            Client = (_, c) => new WrongClient(c) { Creating = o => o.Metadata.Finalizers = o.Kind == "ManagedResource" ? null : o.Metadata.Finalizers },
        },
        new() { Name = "trusts-old-reads", What = "A live read is answered from what was read once (section 5).", Plan = "delete/none/x#1", Client = (_, c) => new WrongClient(c) { StaleReads = true } },
        // The lease.
        new() { Name = "ignores-observe-only", What = "A host that only observes changes things.", Plan = "observe-only-host/none/x#1", Gate = (_, g) => new WrongGate(g, observeOnly: false) },
        new() { Name = "ignores-the-lease-deadline", What = "A host goes on after its lease ran out (L10).", Plan = "leader-cut-off-drift/none/x#1", Gate = (_, g) => new WrongGate(g, mayMutate: true), LingersWithoutLease = true },
        // Owners.
        new() { Name = "asks-no-owner", What = "What vanished is made again although its owner is gone (OwnerLost).", Plan = "owner-lost/none/x#1", Seams = _ => new EngineSeams { Owners = _ => new WrongOwners(OwnerState.Exists) } },
    ];

    public static Bug Find(string name) => All.FirstOrDefault(b => b.Name == name) ?? throw new ArgumentException($"There is no bug '{name}'; there are {string.Join(", ", All.Select(b => b.Name))}.");

    private static Bug Sees(string name, string what, string plan, Func<DecisionInput, DecisionInput> change) =>
        new() { Name = name, What = what, Plan = plan, Seams = _ => new EngineSeams { Decide = i => Decider.Decide(change(i)) } };

    private static Bug Decides(string name, string what, string plan, Func<DecisionInput, Decision, Decision> change) =>
        new() { Name = name, What = what, Plan = plan, Seams = _ => new EngineSeams { Decide = i => change(i, Decider.Decide(i)) } };

    private static Bug Writes(string name, string what, string plan, Func<string, JsonObject, bool> patching) =>
        new() { Name = name, What = what, Plan = plan, Client = (_, c) => new WrongClient(c) { Patching = patching } };

    /// <summary>Takes a member out of a patch.</summary>
    private static bool Drop(JsonObject patch, params ReadOnlySpan<string> path)
    {
        JsonObject? at = patch;
        foreach (var name in path[..^1])
            at = at?[name] as JsonObject;
        at?.Remove(path[^1]);
        return true;
    }
}
