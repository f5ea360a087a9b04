using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Providers;
using Datum.Providers.Sdk;

namespace Datum.Providers.Engine.Tests.Collect;

/// <summary>Law L13 in a running engine: what is found, what is told, what is deleted and what never is.</summary>
internal sealed class CollectorTests
{
    private const string Everything = "the orphans are gone";

    [Test]
    public void L2_an_orphan_is_told_within_two_rounds_and_only_once_and_is_kept_by_default()
    {
        using var world = Orphaned();
        var lost = world.Time.Now;
        world.Until("it is told", () => Findings(world) is { Orphans: > 0 });
        Assert.That(world.Time.Now - lost, Is.LessThan(TimeSpan.FromSeconds(3 * 15)), "two rounds of 15 s, the second of which may just have begun");
        var mutations = world.Cloud.Statistics.Mutations;
        world.Advance(TimeSpan.FromMinutes(2));
        var writes = world.Plane.Writes.Count;
        world.Advance(TimeSpan.FromHours(3));
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
        Assert.That(world.Plane.Writes.Skip(writes), Is.Empty, "L8");
        Assert.That(Findings(world)!.Items!.Select(i => (i.Type, i.Kind, i.Verdict)), Is.EquivalentTo([("Orphan", "Instance", "Reported"), ("Orphan", "Firewall", "Reported")]));
        Assert.That(Event(world, Reasons.Orphan)?.Count, Is.EqualTo(2), "one for each");
        world.Restart();
        world.Advance(TimeSpan.FromMinutes(5));
        Assert.That(Event(world, Reasons.Orphan)?.Count, Is.EqualTo(2), "not again after a restart");
    }

    [Test]
    public void L13_by_policy_an_orphan_goes_after_the_age_floor_dependents_first()
    {
        using var world = Orphaned(c => c.Policy = CollectorPolicy.Delete);
        var lost = world.Time.Now;
        world.Until("it is told", () => Findings(world) is { Orphans: > 0 });
        Assert.That(Findings(world)!.Items![0].Verdict, Is.EqualTo("TooYoung"));
        world.Until(Everything, () => Gone(world), TimeSpan.FromHours(2));
        Assert.That(world.Time.Now - lost, Is.GreaterThanOrEqualTo(TimeSpan.FromHours(1)));
        var deleted = world.Cloud.Audit.Log.Where(e => e.Event is AuditEvent.Deleted).Select(e => e.Collection).ToList();
        Assert.That((deleted.Count, deleted[0], deleted[^1]), Is.EqualTo((4, Collections.Servers, Collections.Firewalls)), "L7");
        // What has entries is as it was (L2, L3).
        Assert.That(world.Cloud.In(Collections.Networks), Has.Length.EqualTo(1));
        world.Until("that is told", () => Findings(world) is { Orphans: 0 } && Event(world, Reasons.Collected)?.Count == 2);
        world.Advance(TimeSpan.FromHours(2));
        Assert.That(world.AllReady);
    }

    [Test]
    public void L13_the_budget_is_for_an_hour_and_outlives_a_restart()
    {
        using var world = Orphaned(c => (c.Policy, c.Budget, c.AgeFloor) = (CollectorPolicy.Delete, 1, "1m"));
        world.Until("the first is deleted", () => world.Cloud.In(Collections.Servers).Length == 0, TimeSpan.FromMinutes(10));
        var first = world.Time.Now;
        world.Until("the budget is told", () => Findings(world)?.Items is [{ Verdict: "NoBudget" }]);
        world.Restart();
        world.Until(Everything, () => Gone(world), TimeSpan.FromHours(2));
        Assert.That(world.Time.Now - first, Is.GreaterThan(TimeSpan.FromMinutes(59)));
    }

    [Test]
    public void L13_a_deletion_that_goes_on_counts_for_the_hour_of_its_last_step()
    {
        using var world = Orphaned(c => (c.Policy, c.Budget, c.AgeFloor) = (CollectorPolicy.Delete, 1, "1m"));
        // The first attempt is never answered, and no further one is for most of an hour.
        world.Cloud.Add(new FaultRule { Method = "DELETE", Path = "/v1/servers/*", Kind = FaultKind.ErrorBefore, Status = 503, Times = 1000 });
        world.Until("it is tried", () => world.Requests.Any(r => r.Method == HttpMethod.Delete), TimeSpan.FromMinutes(10));
        world.Advance(TimeSpan.FromMinutes(50));
        world.Cloud.ClearFaults();
        world.Until("the server is deleted", () => world.Cloud.In(Collections.Servers).Length == 0, TimeSpan.FromMinutes(10));
        var last = world.Time.Now;
        world.Until(Everything, () => Gone(world), TimeSpan.FromHours(2));
        Assert.That(world.Time.Now - last, Is.GreaterThan(TimeSpan.FromMinutes(59)), "the firewall is another deletion");
    }

    [Test]
    public void What_an_earlier_process_told_and_what_is_no_more_is_told_no_longer()
    {
        using var world = Orphaned();
        world.Until("it is told", () => Findings(world) is { Orphans: > 0 });
        world.Restart();
        foreach (var item in world.Cloud.Objects.Where(o => o.Collection is Collections.Servers or Collections.Nics or Collections.BootDisks or Collections.Firewalls))
            world.Cloud.Vanish(item.Id);
        world.Until("nothing is left to tell", () => Findings(world) is null or { Orphans: 0 }, TimeSpan.FromMinutes(5));
    }

    [Test]
    public void L13_an_entry_that_comes_back_saves_the_object()
    {
        using var world = Orphaned(c => c.Policy = CollectorPolicy.Delete, out var entries);
        world.Advance(TimeSpan.FromMinutes(55));
        // A restored backup: owner and entries are there again, under the names and UIDs that they had.
        foreach (var entry in entries)
        {
            entry.Metadata.ResourceVersion = null;
            world.Create(ResourceTypes.ManagedResources, entry);
        }
        world.Advance(TimeSpan.FromHours(3));
        Assert.That(world.Cloud.In(Collections.Servers), Has.Length.EqualTo(1));
        Assert.That(world.Cloud.In(Collections.Firewalls), Has.Length.EqualTo(1));
    }

    [Test]
    public void L13_an_entry_that_appears_between_the_last_listing_and_the_call_saves_the_object()
    {
        using var world = Orphaned(c => c.Policy = CollectorPolicy.Delete, out var entries);
        // Our cache learns nothing for hours; the ledger is read once before the budget is stored, and once more right before the call: only the second one sees it.
        var back = false;
        world.Until("it is told", () => Findings(world) is { Orphans: > 0 });
        world.Plane.WatchDelay = TimeSpan.FromHours(12);
        world.BeforeLedgerRead = _ =>
        {
            if (!back && world.Plane.Peek(ResourceTypes.ProviderConfigs, null, "sim")!.Status?.Findings?.Deletions is { Count: > 0 })
            {
                back = true;
                foreach (var entry in entries)
                {
                    entry.Metadata.ResourceVersion = null;
                    world.Create(ResourceTypes.ManagedResources, entry);
                }
            }
            return null;
        };
        world.Advance(TimeSpan.FromHours(4));
        Assert.That(back, "the deletion was about to begin");
        Assert.That(world.Cloud.In(Collections.Servers), Has.Length.EqualTo(1));
    }

    [TestCase("lease")]
    [TestCase("observe-only")]
    [TestCase("paused")]
    [TestCase("ledger")]
    public void L13_nothing_is_collected_without(string brake)
    {
        using var world = Orphaned(c => c.Policy = CollectorPolicy.Delete);
        world.Until("it is told", () => Findings(world) is { Orphans: > 0 });
        world.Leads = brake != "lease";
        world.ObserveOnly = brake == "observe-only";
        if (brake == "paused")
            world.Plane.Edit(ResourceTypes.ProviderConfigs, null, "sim", c => c.Spec.Management = new ManagementDefaults { Paused = true });
        world.BeforeLedgerRead = brake == "ledger" ? _ => new KubernetesException(503, "ServiceUnavailable", "The server doesn't answer.") : null;
        world.Advance(TimeSpan.FromHours(3));
        Assert.That(world.Cloud.In(Collections.Servers), Has.Length.EqualTo(1));
        (world.Leads, world.ObserveOnly, world.BeforeLedgerRead) = (true, false, null);
        if (brake == "paused")
            world.Plane.Edit(ResourceTypes.ProviderConfigs, null, "sim", c => c.Spec.Management = null);
        world.Until(Everything, () => Gone(world), TimeSpan.FromHours(2));
    }

    [Test]
    public void L13_incomplete_listings_conclude_nothing()
    {
        using var world = Orphaned(c => (c.Policy, c.AgeFloor) = (CollectorPolicy.Delete, "1m"));
        world.Cloud.Knobs = world.Cloud.Knobs with { UnreachableZones = ["z1"] };
        world.Advance(TimeSpan.FromHours(2));
        Assert.That(world.Cloud.In(Collections.Servers), Has.Length.EqualTo(1));
        Assert.That(Findings(world), Is.Null);
        world.Cloud.Knobs = world.Cloud.Knobs with { UnreachableZones = [] };
        world.Until(Everything, () => Gone(world), TimeSpan.FromMinutes(10));
    }

    [Test]
    public void L3_a_copy_is_told_and_never_deleted()
    {
        using var world = new EngineWorld().Running();
        Collect(world, c => (c.Policy, c.AgeFloor) = (CollectorPolicy.Delete, "1m"));
        var copy = world.Cloud.Clone(world.Cloud.In(Collections.Firewalls).Single().Id);
        world.Until("it is told", () => Findings(world) is { Copies: 1, Orphans: 0 });
        world.Advance(TimeSpan.FromHours(5));
        Assert.That(world.Cloud.Objects.Select(o => o.Id), Does.Contain(copy));
        Assert.That(Findings(world)!.Items!.Single(), Has.Property("Id").EqualTo(copy).And.Property("Verdict").EqualTo("NeverDeleted"));
        Assert.That(Event(world, Reasons.Copy)?.Count, Is.EqualTo(1));
    }

    [Test]
    public void L1_a_duplicate_of_an_earlier_life_is_ended_and_the_current_life_stays()
    {
        using var world = new EngineWorld().Running();
        Collect(world, c => (c.Policy, c.AgeFloor) = (CollectorPolicy.Delete, "10m"));
        var old = world.Cloud.In(Collections.Servers).Single();
        world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        world.Until("the new image runs", () => world.Runs("web:2") && world.AllReady);
        var current = world.Server.Id;
        // A create of the first life that took effect after the platform's window.
        var late = world.Cloud.Clone(current);
        world.Cloud.Change(late, s => s with { Labels = old.Labels, NicIds = [], BootDiskId = null });
        world.Until("it is told", () => Findings(world) is { EarlierLives: 1 });
        world.Until("it is gone", () => world.Cloud.In(Collections.Servers).Length == 1, TimeSpan.FromHours(1));
        Assert.That(world.Server.Id, Is.EqualTo(current));
        world.Advance(TimeSpan.FromMinutes(5));
        Assert.That(world.Runs("web:2") && world.AllReady);
    }

    [Test]
    public void L3_another_installations_and_unmarked_objects_are_no_findings()
    {
        using var world = new EngineWorld().Running();
        Collect(world, c => (c.Policy, c.AgeFloor) = (CollectorPolicy.Delete, "1m"));
        var firewall = world.Cloud.In(Collections.Firewalls).Single();
        var foreign = world.Cloud.Clone(firewall.Id);
        world.Cloud.Change(foreign, f => f with { Labels = f.Labels!.SetItem(Marks.InstallKey, "other") });
        var bare = world.Cloud.Clone(firewall.Id);
        world.Cloud.Change(bare, f => f with { Labels = null });
        world.Advance(TimeSpan.FromHours(3));
        Assert.That(world.Cloud.Objects.Select(o => o.Id), Does.Contain(foreign).And.Contain(bare));
        Assert.That(Findings(world), Is.Null);
    }

    [Test]
    public void L3_a_missing_mark_is_a_finding_and_the_object_stays()
    {
        using var world = new EngineWorld().Running();
        Collect(world, c => (c.Policy, c.AgeFloor) = (CollectorPolicy.Delete, "1m"));
        world.Cloud.Change(world.Server.Id, s => s with { Labels = null });
        world.Until("it is told", () => Findings(world) is { MarksMissing: 1 });
        world.Advance(TimeSpan.FromHours(3));
        Assert.That(world.Cloud.In(Collections.Servers), Has.Length.EqualTo(1));
    }

    [Test]
    public void What_was_retained_with_its_mark_is_kept_by_the_collector_too()
    {
        using var world = new EngineWorld();
        world.Descriptor = world.Descriptor! with { Kinds = [.. world.Descriptor.Kinds.Select(k => k with { Adoptable = false })] };
        world.Restart();
        _ = world.Running(i => i.Metadata.Annotations = new() { [Annotations.Retain] = "true" });
        world.DeleteInstance();
        world.Until("the instance is gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0);
        Collect(world, c => (c.Policy, c.AgeFloor) = (CollectorPolicy.Delete, "1m"));
        world.Advance(TimeSpan.FromHours(3));
        Assert.That(world.Cloud.In(Collections.Servers), Has.Length.EqualTo(1));
        // Given up by a person: then it is an orphan like any other.
        world.Plane.Edit(ResourceTypes.ProviderConfigs, null, "sim", c => c.Metadata.Annotations!.Remove(Annotations.Retained));
        world.Until("it is collected", () => world.Cloud.In(Collections.Servers).Length == 0, TimeSpan.FromHours(1));
    }

    [Test]
    public void What_was_retained_without_its_mark_is_no_finding()
    {
        using var world = new EngineWorld().Running(i => i.Metadata.Annotations = new() { [Annotations.Retain] = "true" });
        Collect(world, c => (c.Policy, c.AgeFloor) = (CollectorPolicy.Delete, "1m"));
        world.DeleteInstance();
        world.Until("the instance is gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0);
        world.Advance(TimeSpan.FromHours(3));
        Assert.That(world.Cloud.In(Collections.Servers), Has.Length.EqualTo(1));
        Assert.That(Findings(world), Is.Null);
    }

    [Test]
    public void One_account_is_listed_once_however_many_configs_reach_it()
    {
        using var world = new EngineWorld().Running();
        var second = ResourceTypes.ProviderConfigs.Clone(world.Plane.Peek(ResourceTypes.ProviderConfigs, null, "sim")!);
        second.Metadata = new ObjectMeta { Name = "sim-2" };
        second.Status = null;
        second.Spec.Locations = new LocationMatch { ClassNames = ["other"] };
        world.Create(ResourceTypes.ProviderConfigs, second);
        world.Advance(TimeSpan.FromMinutes(2));
        Assert.That(world.Log.Lines.Count(l => l.Text.Contains("opened, account", StringComparison.Ordinal)), Is.EqualTo(2));
        var before = world.Requests.Count(r => r.Path == "/v1/networks");
        world.Advance(TimeSpan.FromMinutes(60));
        Assert.That(world.Requests.Count(r => r.Path == "/v1/networks") - before, Is.InRange(200, 280), "one each 15 s");
    }

    private static EngineWorld Orphaned(Action<CollectorSettings>? settings = null) => Orphaned(settings, out _);

    /// <summary>An instance that ran: its owner and entries are gone from the plane, as after a restore from an older backup.</summary>
    private static EngineWorld Orphaned(Action<CollectorSettings>? settings, out List<ManagedResource> keepEntries)
    {
        var world = new EngineWorld().Running();
        Collect(world, settings ?? (_ => { }));
        keepEntries = [.. world.Entries.Where(e => e.Spec.Kind is "Instance" or "Firewall")];
        world.Plane.Vanish(ResourceTypes.Instances, EngineWorld.Namespace, "web-0");
        foreach (var entry in keepEntries)
            world.Plane.Vanish(ResourceTypes.ManagedResources, null, entry.Metadata.Name!);
        return world;
    }

    private static void Collect(EngineWorld world, Action<CollectorSettings> settings) =>
        world.Plane.Edit(ResourceTypes.ProviderConfigs, null, "sim", c => settings(c.Spec.Collector = new CollectorSettings()));

    private static FindingsStatus? Findings(EngineWorld world) => world.Plane.Peek(ResourceTypes.ProviderConfigs, null, "sim")!.Status?.Findings;

    private static CoreEvent? Event(EngineWorld world, string reason) => world.Plane.Live(Core.Events).Find(e => e.Reason == reason && e.InvolvedObject!.Kind == "ProviderConfig");

    private static bool Gone(EngineWorld world) =>
        world.Cloud.In(Collections.Servers).Length + world.Cloud.In(Collections.Nics).Length + world.Cloud.In(Collections.BootDisks).Length + world.Cloud.In(Collections.Firewalls).Length == 0;
}
