using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Engine.Tests.Reconcile;

/// <summary>One test or more for each law that a running engine can break.</summary>
internal sealed class LawTests
{
    [Test]
    public void L3_a_server_without_its_mark_is_observed_only_and_told()
    {
        using var world = new EngineWorld().Running();
        var labels = world.Server.Labels;
        world.Advance(TimeSpan.FromMinutes(1));
        world.Cloud.Change(world.Server.Id, s => s with { Labels = null });
        world.Until("the missing mark is told", () => world.ReasonOf("Instance") == Reasons.MarkMissing);
        var mutations = world.Cloud.Statistics.Mutations;
        world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        world.Advance(TimeSpan.FromMinutes(30));
        world.DeleteInstance();
        world.Advance(TimeSpan.FromMinutes(30));
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
        Assert.That(world.Cloud.In(Collections.Servers), Has.Length.EqualTo(1));
        // Put back by a person: then the deletion goes on.
        world.Cloud.Change(world.Server.Id, s => s with { Labels = labels });
        world.Until("the instance is gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0);
        Assert.That(world.Cloud.In(Collections.Servers), Is.Empty);
    }

    [Test]
    public void L3_a_copy_with_our_mark_is_left_alone()
    {
        using var world = new EngineWorld().Running();
        var copy = world.Cloud.Clone(world.Server.Id);
        world.Advance(TimeSpan.FromMinutes(5));
        world.DeleteInstance();
        world.Until("the instance is gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0);
        Assert.That(world.Cloud.In(Collections.Servers).Select(s => s.Id), Is.EqualTo([copy]));
        Assert.That(world.Log.Lines.Select(l => l.Text), Has.Some.Contains("carries our mark"));
    }

    [Test]
    public void L6_what_vanished_is_told_proved_twice_and_made_again_as_the_next_incarnation()
    {
        using var world = new EngineWorld().Running();
        world.Advance(TimeSpan.FromMinutes(1));
        world.Cloud.Vanish(world.Server.Id);
        foreach (var part in world.Cloud.Objects.Where(o => o.Collection is Collections.Nics or Collections.BootDisks))
            world.Cloud.Vanish(part.Id);
        world.Until("it is told", () => world.Is(ConditionTypes.Programmed, ConditionStatus.False) && world.Is(ConditionTypes.Running, ConditionStatus.False));
        var told = world.Time.Now;
        Assert.That(world.Entry("Instance").Spec.Record.Incarnation, Is.EqualTo(1));
        world.Until("the next incarnation begins", () => world.Entry("Instance").Spec.Record.Incarnation == 2);
        // Two looks, at least one consistency window apart.
        Assert.That(world.Time.Now - told, Is.GreaterThanOrEqualTo(new SimulatorProfile().ConsistencyWindow));
        world.Until("it runs again", () => world.Runs() && world.AllReady);
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
    }

    [Test]
    public void L6_one_look_that_finds_nothing_proves_nothing()
    {
        using var world = new EngineWorld().Running();
        world.Advance(TimeSpan.FromMinutes(10));
        var server = world.Server.Id;
        // The platform forgets for a moment: the next reads answer 404, the listing leaves it out.
        world.Cloud.Knobs = world.Cloud.Knobs with { ConsistencyWindow = TimeSpan.FromMinutes(11), ListLag = TimeSpan.FromMinutes(11) };
        world.Until("it is noticed", () => world.Requests.Any(r => r.Path == $"/v1/servers/{server}") && EngineWorld.Ready(world.Entry("Instance"))?.Status != ConditionStatus.True);
        world.Advance(TimeSpan.FromSeconds(3));
        world.Cloud.Knobs = world.Cloud.Knobs with { ConsistencyWindow = TimeSpan.Zero, ListLag = TimeSpan.Zero };
        world.Until("it runs again", () => world.Runs() && world.AllReady);
        Assert.That(world.Server.Id, Is.EqualTo(server));
        Assert.That(world.Entry("Instance").Spec.Record.Incarnation, Is.EqualTo(1));
    }

    [Test]
    public void L8_at_rest_nothing_is_written_and_the_listings_are_few()
    {
        using var world = new EngineWorld().Running(EngineWorld.WithDisk);
        world.Advance(TimeSpan.FromMinutes(2));
        var (writes, reads, requests) = (world.Plane.Writes.Count, world.Plane.Reads, world.Requests.Count);
        world.Advance(TimeSpan.FromMinutes(60));
        Assert.That(world.Plane.Writes.Skip(writes), Is.Empty);
        Assert.That(world.Plane.Reads, Is.EqualTo(reads));
        var asked = world.Requests.Skip(requests).ToList();
        Assert.That(asked.Select(r => r.Method).Distinct(), Is.EqualTo([HttpMethod.Get]));
        // Six kinds, a listing (an instance lists three collections) each 15 s give or take 10 %.
        Assert.That(asked, Has.Count.LessThan(60 * 4 * 1.2 * 8));
    }

    [Test]
    public void L9_a_missing_driver_makes_everything_unknown_and_touches_nothing()
    {
        using var world = new EngineWorld().Running();
        var descriptor = world.Descriptor;
        world.Descriptor = null;
        world.Restart();
        var requests = world.Requests.Count;
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Entries.Select(e => EngineWorld.Ready(e)?.Status), Is.All.EqualTo(ConditionStatus.Unknown));
        Assert.That(world.Entries.Select(e => EngineWorld.Ready(e)?.Reason), Is.All.EqualTo(Reasons.DriverMissing));
        Assert.That(world.Is(ConditionTypes.Running, ConditionStatus.Unknown));
        world.DeleteInstance();
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Requests, Has.Count.EqualTo(requests));
        Assert.That(world.Plane.Live(ResourceTypes.Instances), Has.Count.EqualTo(1));
        world.Descriptor = descriptor;
        world.Restart();
        world.Until("the instance is gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0);
        Assert.That(world.Cloud.In(Collections.Servers), Is.Empty);
    }

    [Test]
    public void L10_without_the_lease_nothing_is_mutated()
    {
        using var world = new EngineWorld { Leads = false };
        world.CreateNetwork();
        world.CreateInstance();
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Cloud.Statistics.Mutations, Is.Zero);
        world.Leads = true;
        world.Until("the instance runs", () => world.Runs());
        world.Leads = false;
        var mutations = world.Cloud.Statistics.Mutations;
        world.DeleteInstance();
        world.Cloud.Vanish(world.Server.Id);
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
    }

    [Test]
    public void L10_a_lease_that_ends_between_the_intent_and_the_call_stops_the_call()
    {
        using var world = new EngineWorld();
        // The very write of the first intent takes until the lease is over.
        world.Plane.Fault = w =>
        {
            if (w is { Plural: "managedresources", Verb: "patch", Subresource: null } && world.Entries.Any(e => e.Spec.Kind == "Network" && e.Spec.Record.AccountId is null))
                world.Leads = false;
            return null;
        };
        world.CreateNetwork();
        world.Until("the intent is stored", () => world.Entries.Any(e => e.Spec.Record.Intent is not null));
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Cloud.Statistics.Mutations, Is.Zero);
        world.Plane.Fault = null;
        world.Leads = true;
        world.Until("the network is there", () => world.Entries is { Count: 2 } && world.AllReady);
        Assert.That(world.Cloud.Audit.Lives.Select(l => l.Created), Is.All.EqualTo(1));
    }

    [Test]
    public void A_host_that_only_observes_changes_nothing_and_tells_all()
    {
        using var world = new EngineWorld().Running();
        world.ObserveOnly = true;
        var mutations = world.Cloud.Statistics.Mutations;
        world.Advance(TimeSpan.FromMinutes(1));
        world.Cloud.CrashContainer(world.Server.Id, "web");
        world.Until("it is told", () => world.Is(ConditionTypes.Running, ConditionStatus.False));
        world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
    }

    [Test]
    public void L11_what_the_platform_cannot_do_is_refused_by_field()
    {
        using var world = new EngineWorld();
        world.CreateNetwork();
        world.CreateInstance(i => i.Spec.Runtime.Resources.InstanceType = "datumcloud/huge");
        world.Until("it is refused", () => Conditions.Find(world.Instance.Status?.Conditions, ConditionTypes.Programmed)?.Reason == Reasons.ConfigurationError);
        Assert.That(Conditions.Find(world.Instance.Status!.Conditions, ConditionTypes.Programmed)!.Message, Does.Contain("spec.runtime.resources.instanceType"));
        Assert.That(world.Entries.Any(e => e.Spec.Kind == "Instance"), Is.False);
    }

    [Test]
    public void L12_secret_values_stand_in_no_object_and_no_log_line()
    {
        const string Canary = "canary-7f3a9c";
        using var world = new EngineWorld();
        var secret = new Secret { Data = new() { ["password"] = System.Text.Encoding.UTF8.GetBytes(Canary) } };
        secret.Metadata.Name = "app";
        secret.Metadata.Namespace = EngineWorld.Namespace;
        world.Create(Core.Secrets, secret);
        var map = new ConfigMap { Data = new() { ["color"] = "blue" } };
        map.Metadata.Name = "settings";
        map.Metadata.Namespace = EngineWorld.Namespace;
        world.Create(Core.ConfigMaps, map);
        world.Running(i => i.Spec.Runtime.Sandbox!.Containers[0].EnvFrom =
        [
            new() { SecretRef = new() { Name = "app" } },
            new() { ConfigMapRef = new() { Name = "settings" } },
        ]);
        world.Cloud.Add(new FaultRule { Method = "POST", Kind = FaultKind.ErrorBefore, Times = 2 });
        world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        world.Until("the new image runs", () => world.Runs("web:2"));

        var base64 = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(Canary));
        var said = world.Log.Lines.Select(l => l.Text)
            .Concat(world.Entries.Select(e => System.Text.Json.JsonSerializer.Serialize(e, ResourceTypes.ManagedResources.Json)))
            .Concat(world.Plane.Live(ResourceTypes.Instances).Select(e => System.Text.Json.JsonSerializer.Serialize(e, ResourceTypes.Instances.Json)));
        Assert.That(said.Where(t => t.Contains(Canary, StringComparison.Ordinal) || t.Contains(base64, StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void L15_another_account_behind_the_credentials_changes_nothing()
    {
        using var world = new EngineWorld().Running();
        world.Cloud.AccountId = "another-account";
        foreach (var item in world.Cloud.Objects)
            world.Cloud.Vanish(item.Id);
        world.Restart();
        var mutations = world.Cloud.Statistics.Mutations;
        world.Until("it is told", () => world.Entries.All(e => EngineWorld.Ready(e)?.Reason == Reasons.AccountChanged));
        world.DeleteInstance();
        world.Advance(TimeSpan.FromMinutes(30));
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
        Assert.That(world.Plane.Live(ResourceTypes.Instances), Has.Count.EqualTo(1));
        Assert.That(world.Entries.Select(e => e.Spec.Record.Incarnation), Is.All.EqualTo(1));
    }

    [Test]
    public void A_status_that_a_backup_dropped_is_rebuilt_without_a_mutation()
    {
        using var world = new EngineWorld().Running(EngineWorld.WithDisk);
        var mutations = world.Cloud.Statistics.Mutations;
        foreach (var entry in world.Entries)
            world.Plane.EditStatus(ResourceTypes.ManagedResources, null, entry.Metadata.Name!, e => e.Status = null);
        world.Plane.EditStatus(ResourceTypes.Instances, EngineWorld.Namespace, "web-0", i => i.Status = null);
        world.Restart();
        world.Until("all is told again", () => world.Runs() && world.AllReady);
        world.Advance(TimeSpan.FromMinutes(5));
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
    }

    [Test]
    public void A_ledger_from_an_older_backup_follows_the_mark_of_the_later_incarnation()
    {
        using var world = new EngineWorld().Running();
        var old = world.Entry("Instance").Spec.Record;
        world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        world.Until("the new image runs", () => world.Runs("web:2") && world.AllReady);
        world.Plane.Edit(ResourceTypes.ManagedResources, null, world.Entry("Instance").Metadata.Name!, e =>
        {
            e.Spec.Record.Incarnation = old.Incarnation;
            e.Spec.Record.Parts = null;
        });
        world.Restart();
        world.Until("it is caught up", () => world.Entry("Instance").Spec.Record.Incarnation == 2 && world.Runs("web:2") && world.AllReady);
        Assert.That(world.Cloud.Audit.Lives.Where(l => l.Collection == Collections.Servers).Select(l => l.Created), Is.All.EqualTo(1));
    }
}
