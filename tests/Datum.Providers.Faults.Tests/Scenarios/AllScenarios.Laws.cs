using System.Text.Json.Nodes;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Faults.Tests.World;
using Datum.Providers.Sdk;

namespace Datum.Providers.Faults.Tests.Scenarios;

/// <summary>Corners that single laws are about.</summary>
internal static partial class AllScenarios
{
    /// <summary>A platform that shows what is new late, within the window that it declares.</summary>
    private static WorldOptions Late(CreateClass of, int seconds = 4)
    {
        var (options, lag) = (AllOf(of), TimeSpan.FromSeconds(seconds));
        return options with { Knobs = options.Knobs with { ConsistencyWindow = lag, ListLag = lag }, Profile = options.Profile with { ConsistencyWindow = lag + TimeSpan.FromSeconds(1) } };
    }

    private static IEnumerable<Scenario> Laws()
    {
        yield return new() { Name = "create-late", Options = Late(CreateClass.Marked), Act = w => w.RunningAsync(1, FaultWorld.WithDisk), End = Running };
        yield return new() { Name = "create-late-token", Options = Late(CreateClass.Token), Act = w => w.RunningAsync(1, FaultWorld.WithDisk), End = Running };
        yield return new()
        {
            Name = "delete-during-create-late", Options = Late(CreateClass.Marked), End = Nothing,
            Act = async w =>
            {
                w.CreateNetwork();
                w.CreateWorkload(1);
                await w.UntilAsync("a server is on its way", () => w.Servers.Length > 0);
                w.DeleteAll();
                await GoneAsync(w);
            },
        };
        // Hidden for longer than what stopped working waits to be mended.
        yield return new() { Name = "create-hidden", Options = Late(CreateClass.Marked, 20), Act = w => w.RunningAsync(), End = Running };
        yield return new()
        {
            // What was there is hidden for a while, within the window: one look that finds nothing proves nothing.
            Name = "reads-lag-behind", Options = Late(CreateClass.Marked, 20), Before = w => BoundAsync(w, "first", FaultWorld.Namespace, "here"),
            End = ("nothing was made anew", static w => w.AtRest && w.Entries.Count > 0 && w.Entries.All(e => e.Spec.Record.Incarnation == 1)),
            Act = async w =>
            {
                var (knobs, hidden) = (w.Cloud.Knobs, w.Time.Now - w.Cloud.In(Collections.Networks).Max(n => n.CreatedAt) + TimeSpan.FromSeconds(20));
                w.Cloud.Knobs = knobs with { ConsistencyWindow = hidden, ListLag = hidden };
                w.After(TimeSpan.FromSeconds(20), () => w.Cloud.Knobs = knobs);
                await w.RestartAsync();
                await w.AdvanceAsync(TimeSpan.FromMinutes(10));
            },
        };
        yield return new()
        {
            Name = "delete-during-create-hidden", Options = Late(CreateClass.Marked, 20), End = Nothing,
            Act = async w =>
            {
                w.CreateNetwork();
                w.CreateWorkload();
                await w.UntilAsync("the network is on its way", () => w.Cloud.In(Collections.Networks).Any(n => !w.Oracle.IsPlanted(n.Id)));
                w.DeleteAll();
                await GoneAsync(w);
            },
        };
        yield return new()
        {
            Name = "image-change-token", Options = AllOf(CreateClass.Token), Before = w => w.RunningAsync(), End = ("the new image runs", static w => w.Runs(1, "web:2")),
            Act = async w =>
            {
                w.SetImage("web:2");
                await w.UntilAsync("the new image runs", () => w.Runs(1, "web:2"));
            },
        };
        yield return new()
        {
            Name = "server-vanished-token", Options = AllOf(CreateClass.Token), Before = w => w.RunningAsync(), End = Running,
            Act = w => VanishAsync(w),
        };
        yield return new()
        {
            Name = "create-manual", Options = AllOf(CreateClass.Manual) with { Profile = new() { WeakestCreateClass = CreateClass.Manual } }, Compares = false,
            End = ("the workload runs, or a person is asked", static w => w.Runs() || w.Entries.Any(e => Conditions.Find(e.Status?.Conditions, ConditionTypes.Ready)?.Reason == Reasons.NeedsPerson)),
            Act = async w =>
            {
                w.CreateNetwork();
                w.CreateWorkload();
                await w.AdvanceAsync(TimeSpan.FromMinutes(10));
            },
        };
        yield return Annotated("deletion-protected", Annotations.DeletionProtection, async w =>
        {
            w.Delete(ResourceTypes.Instances, "web-us-dfw-0");
            w.PausedBy = "deletion protection";
            await w.AdvanceAsync(TimeSpan.FromMinutes(10));
            w.PausedBy = null;
            w.Plane.Edit(ResourceTypes.Instances, FaultWorld.Namespace, "web-us-dfw-0", i => i.Metadata.Annotations!.Remove(Annotations.DeletionProtection));
            w.Delete(ResourceTypes.Workloads, "web");
            await w.UntilAsync("the workload is gone", () => w.Servers.Length == 0 && w.Instances.All(i => i.Metadata.Namespace == FaultWorld.Stranger));
            w.Delete(ResourceTypes.Networks, "default");
            await GoneAsync(w);
        }, Nothing);
        yield return Annotated("retained", Annotations.Retain, async w =>
        {
            foreach (var item in w.Cloud.Objects.Where(o => o.Collection is Collections.Servers or Collections.Nics or Collections.BootDisks or Collections.Firewalls))
                w.Oracle.Findings.Add(item.Id);
            Keep(w, "retain", w.Cloud.Objects.Where(o => w.Oracle.Findings.Contains(o.Id)));
            w.Delete(ResourceTypes.Workloads, "web");
            await w.UntilAsync("the workload is gone", () => Retained(w));
        }, ("the server stays", Retained));
        yield return new()
        {
            // Asked for when it ran already: a host that began with an older list must not take the pause back while something differs.
            Name = "pause-asked-late", Before = w => w.RunningAsync(), End = ("the rules are back", static w => w.Runs() && w.Cloud.In(Collections.Firewalls) is [{ Rules: { Length: > 0 } }]),
            Act = async w =>
            {
                w.Plane.Edit(ResourceTypes.Instances, FaultWorld.Namespace, "web-us-dfw-0", i => (i.Metadata.Annotations ??= [])[Annotations.Paused] = "true");
                await w.UntilAsync("it is paused", () => w.Entries.Where(e => e.Spec.Owner.Kind == "Instance").All(e => e.Spec.Policies?.Paused == true));
                w.PausedBy = "its instance is paused";
                w.Cloud.Change(w.Cloud.In(Collections.Firewalls).Single().Id, f => f with { Rules = [] });
                await w.AdvanceAsync(TimeSpan.FromMinutes(10));
                w.PausedBy = null;
                w.Plane.Edit(ResourceTypes.Instances, FaultWorld.Namespace, "web-us-dfw-0", i => i.Metadata.Annotations!.Remove(Annotations.Paused));
                await w.UntilAsync("the rules are back", () => w.Runs() && w.Cloud.In(Collections.Firewalls) is [{ Rules: { Length: > 0 } }]);
            },
        };
    }

    private static bool Retained(FaultWorld w) => w.Servers.Length == 1 && w.Entries.All(e => e.Spec.Owner.Kind != "Instance") && w.Plane.Live(ResourceTypes.Workloads).Count == 0;

    private static Scenario Annotated(string name, string annotation, Func<FaultWorld, Task> act, (string, Func<FaultWorld, bool>) end) => new()
    {
        Name = name, End = end, Act = act,
        Before = w => w.RunningAsync(1, x => (x.Spec.Template.Metadata ??= new()).Annotations = new() { [annotation] = "true" }),
    };

    private static async Task VanishAsync(FaultWorld w)
    {
        var gone = w.Servers.Single().Id;
        w.Cloud.Vanish(gone);
        foreach (var part in w.Cloud.Objects.Where(o => o.Collection is Collections.Nics or Collections.BootDisks))
            w.Cloud.Vanish(part.Id);
        await w.UntilAsync("another one runs", () => w.Runs() && w.Entries.Any(e => e.Spec.Kind == "Instance" && e.Spec.Record.Incarnation > 1));
    }

    private static IEnumerable<Scenario> Strangers()
    {
        yield return new()
        {
            Name = "mark-removed", Before = w => w.RunningAsync(), End = Nothing,
            Act = async w =>
            {
                var server = w.Servers.Single();
                w.Cloud.Change(server.Id, s => s with { Labels = null });
                var noticed = w.Time.Now + TimeSpan.FromHours(1);
                await w.UntilAsync("it is noticed", () => w.Time.Now > noticed || w.Entries.Any(e => Conditions.Find(e.Status?.Conditions, ConditionTypes.Ready)?.Reason == Reasons.MarkMissing));
                if (w.Time.Now > noticed)
                    w.Oracle.Break("L3: nobody is told that the recorded server has no mark of ours any more");
                w.Delete(ResourceTypes.Workloads, "web");
                await w.AdvanceAsync(TimeSpan.FromMinutes(10));
                if (w.Cloud.In(Collections.Servers).All(s => s.Id != server.Id))
                    w.Oracle.Break("L3: a server without our mark was deleted");
                w.Cloud.Change(server.Id, s => s with { Labels = server.Labels });
                w.Delete(ResourceTypes.Networks, "default");
                await GoneAsync(w);
            },
        };
        yield return new()
        {
            Name = "name-taken", End = Running,
            Act = async w =>
            {
                w.EditConfig(c => c.Spec.Management!.Paused = true);
                w.CreateNetwork();
                w.CreateWorkload();
                await w.UntilAsync("the network has its entry", () => w.Entries.Any(e => e.Spec.Kind == "Network" && e.Spec.Policies?.Paused == true));
                var entry = w.Entries.Single(e => e.Spec.Kind == "Network");
                // Another installation's object has the very name that ours will get.
                var id = new Identity { Installation = FaultWorld.Installation, Kind = ResourceKind.Network, Name = entry.Metadata.Name!, Incarnation = 1 };
                var mark = Marks.ToPairs(Marks.For(id with { Installation = "other" }));
                var name = ResourceNames.For(id, new NameRules { MaxLength = 63 });
                if (w.Cloud.In(Collections.Networks).Any(n => n.Name == name))
                {
                    // A host that had seen the Network before the pause was faster: the name is its own.
                    w.EditConfig(c => c.Spec.Management!.Paused = null);
                    await w.UntilAsync("the workload runs", () => w.Runs());
                    return;
                }
                var taken = await w.PostAsync("networks", new JsonObject
                {
                    ["name"] = name,
                    ["labels"] = new JsonObject(mark.Select(m => KeyValuePair.Create(m.Key, (JsonNode?)m.Value))),
                });
                w.Oracle.Plant(taken);
                w.EditConfig(c => c.Spec.Management!.Paused = null);
                await w.UntilAsync("it is refused", () => w.Entries.Any(e => Conditions.Find(e.Status?.Conditions, ConditionTypes.Ready)?.Reason == Reasons.Conflict));
                await w.AdvanceAsync(TimeSpan.FromMinutes(3));
                // Its owner takes it away.
                w.Oracle.Unplant(taken);
                w.Cloud.Vanish(taken);
                await w.UntilAsync("the workload runs", () => w.Runs());
            },
        };
        yield return new()
        {
            Name = "account-swapped", Before = w => w.RunningAsync(), End = ("both run", static w => w.Runs(2)),
            Act = async w =>
            {
                w.SwapAccount(TimeSpan.FromMinutes(10));
                await w.RestartAsync();
                w.SetReplicas(2);
                await w.AdvanceAsync(TimeSpan.FromMinutes(12));
                // A session keeps the account that it proved when it was opened: the old one is believed again by a new one.
                await w.RestartAsync();
                await w.UntilAsync("both run", () => w.Runs(2));
            },
        };
        yield return new()
        {
            Name = "owner-lost", Before = w => w.RunningAsync(), End = ("nothing is made for the lost owner", static w => w.Entries.Any(e => e.Status?.Conditions?.Any(c => c.Reason == Reasons.OwnerLost) == true)),
            Act = async w =>
            {
                w.StopAll();
                w.Oracle.Findings.UnionWith(w.Cloud.Objects.Select(o => o.Id));
                w.Plane.Vanish(ResourceTypes.Workloads, FaultWorld.Namespace, "web");
                w.Plane.Vanish(ResourceTypes.WorkloadDeployments, FaultWorld.Namespace, "web-us-dfw");
                w.Plane.Vanish(ResourceTypes.Instances, FaultWorld.Namespace, "web-us-dfw-0");
                foreach (var part in w.Cloud.Objects.Where(o => o.Collection is Collections.Servers or Collections.Nics or Collections.BootDisks))
                    w.Cloud.Vanish(part.Id);
                w.Start();
                await w.AdvanceAsync(TimeSpan.FromMinutes(20));
            },
        };
        yield return new()
        {
            Name = "failed-and-kept", Before = w => w.RunningAsync(),
            End = ("the failed one stays", static w => w.Servers.Count(s => s.State == "FAILED") == 1 && w.Servers.Length == 2),
            Act = async w =>
            {
                w.Cloud.Add(new OperationFault { Collection = Collections.Servers, Code = "BOOT_FAILED", KeepsObject = true });
                w.Oracle.KeptIf = static o => o is { Collection: Collections.Servers, State: "FAILED" } ? "on-failure Keep" : null;
                w.SetReplicas(2);
                await w.AdvanceAsync(TimeSpan.FromMinutes(15));
            },
        };
        yield return new()
        {
            Name = "observe-only-host", Before = w => w.RunningAsync(), End = ("the rules are back", static w => w.Runs() && w.Cloud.In(Collections.Firewalls) is [{ Rules: { Length: > 0 } }]),
            Act = async w =>
            {
                w.ObserveOnly = true;
                w.PausedBy = "the host only observes";
                w.Cloud.Change(w.Cloud.In(Collections.Firewalls).Single().Id, f => f with { Rules = [] });
                await w.AdvanceAsync(TimeSpan.FromMinutes(10));
                w.PausedBy = null;
                w.ObserveOnly = false;
                await w.RestartAsync();
                await w.UntilAsync("the rules are back", () => w.Runs() && w.Cloud.In(Collections.Firewalls) is [{ Rules: { Length: > 0 } }]);
            },
        };
        yield return new()
        {
            Name = "leader-cut-off-drift", Options = new() { Hosts = ["host-1", "host-2"] }, Quiet = TimeSpan.FromMinutes(5), Before = w => w.RunningAsync(), End = Running,
            Act = async w =>
            {
                foreach (var host in w.Hosts.Where(h => !h.Life.Dead && h.MayMutate(TimeSpan.FromSeconds(30))))
                    host.Client.CutOffUntil = w.Time.Now + TimeSpan.FromMinutes(5);
                await w.AdvanceAsync(TimeSpan.FromSeconds(30));
                w.Cloud.Change(w.Cloud.In(Collections.Firewalls).Single().Id, f => f with { Rules = [] });
                await w.UntilAsync("the rules are back", () => w.Runs() && w.Cloud.In(Collections.Firewalls) is [{ Rules: { Length: > 0 } }]);
            },
        };
    }
}
