using System.Text;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Faults.Tests.Bugs;

/// <summary>The ledger, the API server and the lease.</summary>
internal static partial class AllBugs
{
    private static IEnumerable<Bug> Writes()
    {
        yield return Patches("skips-the-intent", "A create is called without a stored intent (L4).", "L4:", "create/none/x#1", (what, patch) => what != "managedresources" || Drop(patch, "spec", "record", "intent"));
        yield return Patches("skips-the-finalizer-of-owners", "An owner is not held while it has entries (L4).", "no finalizer of ours", "create/none/x#1",
            (what, patch) => what is not ("instances" or "networks" or "networkcontexts" or "subnets") || Drop(patch, "metadata", "finalizers"));
        yield return Patches("forgets-ids", "The ids that the platform told are not recorded (L4).", "L7:", "create/none/x#1", (what, patch) => what != "managedresources" || Drop(patch, "spec", "record", "parts"));
        yield return Patches("writes-without-a-version", "Writes are not guarded by the version that was decided on.", "L1:", "two-hosts-one-installation/none/x#1", (_, patch) => Drop(patch, "metadata", "resourceVersion"));
        yield return new()
        {
            Name = "no-finalizer-on-entries", What = "An entry is made without its finalizer (L4).", Breaks = "L4:", Plan = "create/none/x#1",
            Client = (_, c) => new WrongClient(c) { Creating = o => o.Metadata.Finalizers = o is ManagedResource ? null : o.Metadata.Finalizers },
        };
        yield return new()
        {
            Name = "trusts-old-reads", What = "A live read is answered from what was read once (section 5).", Breaks = "nothing is left", Plan = "delete/none/x#1",
            Client = (_, c) => new WrongClient(c) { StaleReads = true },
        };
        yield return new()
        {
            Name = "writes-at-rest", What = "A status carries the time of its look (L8).", Breaks = "L8:", Plan = "polled/none/x#1",
            Client = (w, c) => new WrongClient(c)
            {
                Patching = (what, patch) =>
                {
                    if (what == "managedresources/status" && patch["status"] is System.Text.Json.Nodes.JsonObject status)
                        status["message"] = $"looked at {w.Time.Now:O}";
                    return true;
                },
                Reading = o => { if (o is ManagedResource { Status: { Message: not null } status }) status.Message = "of an earlier look"; },
            },
        };
        yield return new()
        {
            Name = "writes-a-secret-down", What = "What a payload holds goes into the ledger (L12).", Breaks = "L12:", Plan = "create/none/x#1",
            Client = (w, c) => new WrongClient(c)
            {
                Creating = o =>
                {
                    if (o is ManagedResource { Spec.Kind: "Instance" } && w.Plane.Peek(Core.Secrets, World.FaultWorld.Namespace, "app")?.Data is { } data)
                        o.Metadata.Annotations = data.ToDictionary(d => $"payload/{d.Key}", d => Encoding.UTF8.GetString(d.Value));
                },
            },
        };
        yield return new()
        {
            Name = "tells-the-credential", What = "An error repeats what was sent, the credential among it (L12).", Breaks = "L12:", Plan = "create/unavailable/cloud:POST:networks#1",
            Driver = (w, d) => new WrongDriver(d) { CreateError = e => e with { Message = $"{e.Message} Authorization: Bearer {w.Credential}" } },
        };
        // The lease.
        yield return new() { Name = "ignores-observe-only", What = "A host that only observes changes things.", Breaks = "the host only observes", Plan = "observe-only-host/none/x#1", Gate = (_, g) => new WrongGate(g, observeOnly: false) };
        yield return new()
        {
            Name = "ignores-the-lease-deadline", What = "A host goes on after its lease ran out (L10).", Breaks = "L10:", Plan = "leader-cut-off-drift/none/x#1",
            Gate = (_, g) => new WrongGate(g, mayMutate: true), LingersWithoutLease = true,
        };
    }
}
