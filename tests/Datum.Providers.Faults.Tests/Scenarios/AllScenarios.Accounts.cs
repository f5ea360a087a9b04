using System.Text.Json.Nodes;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Faults.Tests.World;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Faults.Tests.Scenarios;

/// <summary>What an account has that the ledger doesn't explain, and accounts that aren't what they were (laws L13 and L15).</summary>
internal static partial class AllScenarios
{
    private static IEnumerable<Scenario> Accounts()
    {
        yield return new()
        {
            // The ledger's part of one instance is lost for good; what it had is collected, dependents first and within the budget. Its neighbours stay.
            Name = "collector-deletes", Before = w => w.RunningAsync(2), End = ("only the copy is told", static w => w.Runs() && w.Found is { Orphans: 0, Copies: 1 }),
            Act = async w =>
            {
                Collect(w, "20m", budget: 2);
                Lose(w, "web-us-dfw-1");
                w.HasCopies = true;
                var copy = w.Cloud.Clone(w.Cloud.In(Collections.Firewalls).Single(f => w.Entries.Any(e => e.Spec.Record.Parts?.Exists(p => p.Id == f.Id) == true)).Id);
                w.Oracle.Findings.Add(copy);
                w.Oracle.Kept[copy] = "L3, a copy";
                w.Start();
                await w.AdvanceAsync(TimeSpan.FromMinutes(12));
                // Too young when the others go, and beyond the budget when it is old enough.
                await w.PostAsync("networks", new JsonObject { ["name"] = "young", ["labels"] = FaultWorld.MarkOf(ResourceKind.Network, "00000000000000000000000000000001") });
                await w.UntilAsync("only the copy is told", () => w.Runs() && w.Found is { Orphans: 0, Copies: 1 } && w.Cloud.In(Collections.Networks).All(n => n.Name != "young"), TimeSpan.FromHours(4));
            },
        };
        yield return new()
        {
            Name = "collector-reports", Before = w => w.RunningAsync(2), End = ("all of it is told and kept", static w => w.Found is { Orphans: > 1 } && w.Servers.Length == 2),
            Act = async w =>
            {
                Lose(w, "web-us-dfw-1");
                Keep(w, "L13, reported only", w.Cloud.Objects.Where(o => w.Entries.All(e => e.Spec.Record.Parts?.Exists(p => p.Id == o.Id) != true)));
                w.Oracle.Findings.UnionWith(w.Oracle.Kept.Keys);
                w.Start();
                await w.AdvanceAsync(TimeSpan.FromHours(2));
            },
        };
        yield return new()
        {
            // Seen for one listing only by a process that just began: an age floor of nothing leaves two whole listings as the only guard.
            Name = "collector-no-floor", Before = w => w.RunningAsync(), End = ("the orphan is gone", static w => w.Runs() && w.Found is { Orphans: 0 } && w.Cloud.In(Collections.Networks).All(n => n.Name != "orphan")),
            Act = async w =>
            {
                Collect(w, "0s");
                await w.PostAsync("networks", new JsonObject { ["name"] = "orphan", ["labels"] = FaultWorld.MarkOf(ResourceKind.Network, "00000000000000000000000000000001") });
                await w.UntilAsync("the orphan is gone", () => w.Cloud.In(Collections.Networks).All(n => n.Name != "orphan"));
            },
        };
        yield return new()
        {
            // What looks like an orphan gets its entry back just before it is old enough. Nobody makes it anew: its Location isn't served meanwhile.
            Name = "collector-ledger-restored", Before = w => w.RunningAsync(), End = Running,
            Act = async w =>
            {
                Collect(w, "20m");
                var firewall = w.Entries.Single(e => e.Spec.Kind == "Firewall");
                Keep(w, "L13, an entry has come back", w.Cloud.In(Collections.Firewalls));
                w.StopAll();
                w.Oracle.LosesLedger(() => w.Plane.Vanish(ResourceTypes.ManagedResources, null, firewall.Metadata.Name!));
                w.EditConfig(c => c.Spec.Locations = new LocationMatch { ClassNames = ["another"] });
                w.Start();
                await w.AdvanceAsync(TimeSpan.FromMinutes(19));
                w.Create(ResourceTypes.ManagedResources, firewall);
                await w.AdvanceAsync(TimeSpan.FromMinutes(30));
                w.EditConfig(c => c.Spec.Locations = null);
                await w.UntilAsync("the workload runs", () => w.Runs());
            },
        };
        yield return new()
        {
            Name = "credential-rotation", End = ("both run on the new credential", static w => w.Runs(2)),
            Before = async w =>
            {
                w.CreateCredential();
                await w.RunningAsync();
            },
            Act = async w =>
            {
                var old = w.Credential;
                w.SetReplicas(2);
                await w.UntilAsync("the second is on its way", () => w.Servers.Length > 1 || w.Entries.Count > 4);
                w.RotateCredential("canary-credential-e2");
                await w.UntilAsync("both run", () => w.Runs(2));
                await w.AdvanceAsync(TimeSpan.FromMinutes(60));
                // A process that was killed, or whose sign-out was lost, can't end its sign-in.
                if (!w.Hit && w.Cloud.SignInsOf(old) > 0)
                    w.Oracle.Break("rotation: the session of the old credential isn't closed");
                w.Cloud.EndRotation();
                // A sign-in at the other account is refused once when this one is back: that is no matter of the rotation.
                var refused = w.WasOtherAccount ? w.Cloud.Refused : 0;
                await w.AdvanceAsync(TimeSpan.FromMinutes(20));
                if (w.Cloud.Refused > refused)
                    w.Oracle.Break($"rotation: {w.Cloud.Refused - refused} calls with a credential that isn't accepted any more");
            },
        };
        yield return new()
        {
            // The credentials lead to another account while something new is wanted that depends on nothing, and too little is there for its absence to be a mass's.
            Name = "account-swapped-new", Before = w => BoundAsync(w, "first", FaultWorld.Namespace, "here"), End = ("both networks are there", static w => w.AtRest && w.Entries.Count(e => e.Spec.Kind == "Network") == 2),
            Act = async w =>
            {
                w.SwapAccount(TimeSpan.FromMinutes(10));
                await w.RestartAsync();
                Bind(w, "second", FaultWorld.Namespace, "here");
                await w.AdvanceAsync(TimeSpan.FromMinutes(12));
                await w.RestartAsync();
                await w.UntilAsync("both networks are there", () => w.AtRest && w.Entries.Count(e => e.Spec.Kind == "Network") == 2);
            },
        };
        yield return new()
        {
            // A tenant whom the ProviderConfig doesn't name asks for everything that there is.
            Name = "stranger-builds", End = ("only ours runs", static w => w.Runs() && w.Entries.All(e => e.Spec.Owner.Namespace != FaultWorld.Stranger)),
            Act = async w =>
            {
                Bind(w, "default", FaultWorld.Stranger, "theirs");
                await w.RunningAsync();
                await w.AdvanceAsync(TimeSpan.FromMinutes(20));
            },
        };
        yield return new()
        {
            // The account proves itself and shows nothing of what is in it (an empty view, a wrong project), for longer than absence takes to be believed.
            Name = "everything-vanishes", Before = w => w.RunningAsync(3), End = ("all of it is as it was", static w => w.Runs(3) && w.Plane.Peek(ResourceTypes.ProviderConfigs, null, "sim")?.Status?.Holds is not { Count: > 0 }),
            Act = async w =>
            {
                w.Other.AccountId = w.Cloud.AccountId;
                w.SwapAccount(TimeSpan.FromMinutes(40));
                await w.UntilAsync("it is told", () => w.Plane.Peek(ResourceTypes.ProviderConfigs, null, "sim")?.Status?.Holds?.Exists(h => h.Reason == Reasons.MassAbsence) == true);
                await w.AdvanceAsync(TimeSpan.FromMinutes(60));
                // A process that began meanwhile can't know whether something is missing: then a person says so.
                if (w.Plane.Peek(ResourceTypes.ProviderConfigs, null, "sim")?.Status?.Holds is { Count: > 0 } holds)
                    w.EditConfig(c => (c.Metadata.Annotations ??= [])[Annotations.Confirm] = string.Join(',', holds.Select(h => h.Token)));
                await w.UntilAsync("all of it is as it was", () => w.Runs(3));
            },
        };
        yield return new()
        {
            // A ledger from before an object was made: the mark at the platform is of a later life than the entry.
            Name = "restore-from-before", Before = async w =>
            {
                await w.RunningAsync();
                w.EditConfig(c => c.Spec.Management!.Paused = true);
                w.SetReplicas(2);
                await w.UntilAsync("the entry is there", () => w.Entries.Count(e => e.Spec.Kind == "Instance") == 2);
            },
            End = ("the new image runs", static w => w.Runs(2, "web:2")),
            Act = async w =>
            {
                var backup = w.Plane.Snapshot();
                w.EditConfig(c => c.Spec.Management!.Paused = null);
                await w.UntilAsync("the workload runs", () => w.Runs(2));
                w.SetImage("web:2");
                await w.UntilAsync("the new image runs", () => w.Runs(2, "web:2"));
                w.StopAll();
                w.RestoreLedger(backup);
                w.Start();
                await w.UntilAsync("the new image runs", () => w.Runs(2, "web:2"));
            },
        };
        yield return new()
        {
            // A clone has the server's mark, and then the server itself goes: what is recorded is gone, the clone is nobody's to delete.
            Name = "replaced-by-a-copy", Before = w => w.RunningAsync(), End = ("only the copy is left and told", static w => w.Entries.Count == 0 && w.Servers.Length == 1 && w.Found is { Orphans: 1 }),
            Act = async w =>
            {
                w.HasCopies = true;
                var server = w.Servers.Single();
                var copy = w.Cloud.Clone(server.Id);
                w.Cloud.Change(copy, c => c with { NicIds = [], BootDiskId = null });
                w.Oracle.Findings.Add(copy);
                w.Oracle.Kept[copy] = "L3, a copy";
                w.EditConfig(c => c.Spec.Management!.Paused = true);
                await w.UntilAsync("the pause has arrived", () => w.Entries.Where(e => e.Spec.Owner.Kind == "Instance").All(e => e.Spec.Policies?.Paused == true));
                w.Cloud.Vanish(server.Id);
                w.Delete(ResourceTypes.Workloads, "web");
                w.EditConfig(c => c.Spec.Management!.Paused = null);
                await w.UntilAsync("the workload is gone", () => w.Plane.Live(ResourceTypes.Workloads).Count == 0);
                w.Delete(ResourceTypes.Networks, "default");
                await w.UntilAsync("only the copy is left", () => w.Entries.Count == 0);
            },
        };
        yield return new()
        {
            // An instance that asks to be looked at every minute rests as well.
            Name = "polled", End = Running,
            Act = w => w.RunningAsync(1, x => (x.Spec.Template.Metadata ??= new()).Annotations = new() { [Annotations.PollInterval] = "1m" }),
        };
    }

    /// <summary>A Network at a Location without anything that uses it.</summary>
    private static void Bind(FaultWorld w, string name, string ns, string location)
    {
        w.Create(ResourceTypes.Networks, new Network { Metadata = { Name = name, Namespace = ns }, Spec = { Ipam = { Mode = "Auto" } } });
        w.Create(ResourceTypes.NetworkBindings, new NetworkBinding { Metadata = { Name = name, Namespace = ns }, Spec = { Network = { Name = name, Namespace = ns }, Location = new() { Name = location, Namespace = ns } } });
    }

    private static Task BoundAsync(FaultWorld w, string name, string ns, string location)
    {
        Bind(w, name, ns, location);
        return w.UntilAsync("the network is there", () => w.Entries.Count > 0 && w.AtRest);
    }

    private static void Collect(FaultWorld w, string ageFloor, int budget = 10) =>
        w.EditConfig(c => c.Spec.Collector = new CollectorSettings { Policy = CollectorPolicy.Delete, AgeFloor = ageFloor, Budget = budget });

    /// <summary>An Instance, its entries and the wish for it are gone; what it had at the platform is an orphan. Hosts are stopped.</summary>
    private static void Lose(FaultWorld w, string instance)
    {
        w.StopAll();
        w.SetReplicas(1);
        w.Plane.Edit(ResourceTypes.WorkloadDeployments, FaultWorld.Namespace, "web-us-dfw", d => d.Spec.ScaleSettings.MinReplicas = 1);
        w.Oracle.LosesLedger(() =>
        {
            foreach (var entry in w.Entries.Where(e => e.Spec.Owner.Name == instance))
                w.Plane.Vanish(ResourceTypes.ManagedResources, null, entry.Metadata.Name!);
        });
        w.Plane.Vanish(ResourceTypes.Instances, FaultWorld.Namespace, instance);
    }
}
