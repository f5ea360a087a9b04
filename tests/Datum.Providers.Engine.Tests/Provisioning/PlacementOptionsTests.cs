using System.Text.Json;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Engine.Tests.Provisioning;

/// <summary>Fallback, suspension and restarts by way of the core controllers, down to the simulated platform.</summary>
public sealed class PlacementOptionsTests
{
    private static EngineWorld Create(SimulatorKnobs? knobs, Action<Resources.Compute.Workload>? change = null, int killAt = 0)
    {
        var world = new EngineWorld(knobs, withCore: true, killAt: killAt, furnish: w =>
        {
            w.CreateConfig();
            w.CreateLocation();
            w.CreateLocation(l =>
            {
                l.Metadata.Name = "there";
                l.Spec.Provider = new() { ["simulator"] = JsonElement.Parse("""{"zone":"z2"}""") };
            });
            w.CreateNetworkAlone();
            w.CreateWorkload(change);
        });
        return world;
    }

    private static Instance? The(EngineWorld world) => world.Plane.Peek(ResourceTypes.Instances, EngineWorld.Namespace, "web-us-dfw-0");

    private static bool IsReady(EngineWorld world) => Conditions.IsTrue(The(world)?.Status?.Conditions, ConditionTypes.Ready);

    private static void Option(Resources.Compute.Workload workload, string key) => (workload.Metadata.Annotations ??= [])[key] = "true";

    private static SimulatorKnobs NoRoomAtZ1 => new() { ZoneCapacity = ImmutableDictionary<string, int>.Empty.Add("z1", 0) };

    [Test]
    public void An_instance_without_room_runs_at_the_next_location_and_the_platform_never_has_two()
    {
        using var world = Create(NoRoomAtZ1, w => Option(w, Annotations.LocationFallback));
        // L1, at every instant: the entry of the first place is gone before there is one of the second.
        var (most, places) = (0, new HashSet<string>());
        world.Plane.Changed = (type, _, _) =>
        {
            if (type != ResourceTypes.ManagedResources.ToString())
                return;
            var entries = world.Plane.Live(ResourceTypes.ManagedResources).Where(e => e.Spec.Kind == "Instance").ToList();
            most = Math.Max(most, entries.Count);
            places.UnionWith(entries.Select(e => e.Spec.Location!.Name));
        };
        world.Until("it runs", () => IsReady(world) && world.AllReady, TimeSpan.FromMinutes(30));
        Assert.Multiple(() =>
        {
            Assert.That(The(world)!.Spec.Location!.Name, Is.EqualTo("there"));
            Assert.That(world.Cloud.In(Collections.Servers).Single().Zone, Is.EqualTo("z2"));
            Assert.That(most, Is.EqualTo(1));
            Assert.That(places, Is.EqualTo(new[] { "here", "there" }));
            Assert.That(world.Cloud.In(Collections.Nics), Has.Length.EqualTo(1), "what was made at the first place is gone");
        });
    }

    /// <summary>Two zones of one account share the network: both contexts must come to one wish, or they change it in turns without end.</summary>
    [Test]
    public void A_network_that_two_locations_share_has_one_wish_and_rest()
    {
        using var world = Create(null, w =>
        {
            Option(w, Annotations.LocationSpread);
            w.Spec.Placements[0].ScaleSettings.MinReplicas = 2;
        });
        world.Until("both run", () => world.Cloud.In(Collections.Servers).Count(s => s.State == CloudStates.Ready) == 2 && world.AllReady);
        world.Advance(TimeSpan.FromMinutes(5));
        Assert.That(world.Cloud.In(Collections.Servers).Select(s => s.Zone), Is.EquivalentTo(new[] { "z1", "z2" }));
        Assert.That(world.Entries.Count(e => e.Spec.Kind == "Network"), Is.EqualTo(1));
        var writes = world.Plane.Writes.Count;
        world.Advance(TimeSpan.FromHours(1));
        Assert.That(world.Plane.Writes.Skip(writes).Select(w => w.ToString()), Is.Empty, "L8");
    }

    [Test]
    public void Without_the_option_it_stays_and_says_why()
    {
        using var world = Create(NoRoomAtZ1);
        world.Until("it is refused", () => Conditions.Find(The(world)?.Status?.Conditions, ConditionTypes.Programmed)?.Reason == Reasons.CapacityUnavailable);
        world.Advance(TimeSpan.FromHours(2));
        Assert.That(The(world)!.Spec.Location!.Name, Is.EqualTo("here"));
        Assert.That(world.Cloud.In(Collections.Servers), Is.Empty);
    }

    [Test]
    public void A_host_that_ends_anywhere_on_the_way_to_the_next_location_comes_to_the_same([Range(20, 120, 20)] int killAt)
    {
        using var world = Create(NoRoomAtZ1, w => Option(w, Annotations.LocationFallback), killAt);
        world.Until("it runs", () => IsReady(world) && world.AllReady, TimeSpan.FromHours(2));
        Assert.That(world.Cloud.In(Collections.Servers).Select(s => s.Zone), Is.EqualTo(new[] { "z2" }));
        Assert.That(world.Entries.Count(e => e.Spec.Kind == "Instance"), Is.EqualTo(1));
    }

    [Test]
    public void A_suspended_instance_is_switched_off_and_on_and_stays_the_same()
    {
        using var world = Create(null);
        world.Until("it runs", () => IsReady(world) && world.AllReady);
        var (server, entry) = (world.Server.Id, world.Entry("Instance").Metadata.Name);

        world.Plane.Edit(ResourceTypes.Workloads, EngineWorld.Namespace, "web", w => Option(w, Annotations.Suspended));
        world.Until("it is off", () => world.Server.State == CloudStates.Stopped && Conditions.Find(The(world)!.Status!.Conditions, ConditionTypes.Ready)!.Reason == Reasons.Suspended);
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.Multiple(() =>
        {
            Assert.That(world.Server.Id, Is.EqualTo(server));
            Assert.That(Conditions.Find(The(world)!.Status!.Conditions, ConditionTypes.Programmed)!.Status, Is.EqualTo("True"), "the platform has what was asked for");
            Assert.That(Conditions.Find(The(world)!.Status!.Conditions, ConditionTypes.Running)!.Reason, Is.EqualTo(Reasons.Suspended));
            Assert.That(world.ReasonOf("Instance"), Is.EqualTo(Reasons.Suspended));
        });

        // L8.
        var writes = world.Plane.Writes.Count;
        world.Advance(TimeSpan.FromHours(1));
        Assert.That(world.Plane.Writes.Skip(writes).Select(w => w.ToString()), Is.Empty);

        world.Plane.Edit(ResourceTypes.Workloads, EngineWorld.Namespace, "web", w => w.Metadata.Annotations!.Remove(Annotations.Suspended));
        world.Until("it runs again", () => IsReady(world) && world.AllReady);
        Assert.That((world.Server.Id, world.Entry("Instance").Metadata.Name), Is.EqualTo((server, entry)));
        Assert.That(world.Requests.Count(r => r.Method == HttpMethod.Delete), Is.Zero, "never deleted");
    }

    [Test]
    public void A_plane_that_says_suspended_in_the_status_is_heeded_too()
    {
        using var world = new EngineWorld().Running();
        world.Plane.EditStatus(ResourceTypes.Instances, EngineWorld.Namespace, "web-0", i => (i.Status!.Unknown ??= [])["suspended"] = JsonElement.Parse("true"));
        world.Until("it is off", () => world.Server.State == CloudStates.Stopped);
        world.Plane.EditStatus(ResourceTypes.Instances, EngineWorld.Namespace, "web-0", i => i.Status!.Unknown!["suspended"] = JsonElement.Parse("false"));
        world.Until("it runs again", () => world.Runs() && world.AllReady);
    }

    [Test]
    public void A_driver_that_could_only_replace_a_suspended_instance_isnt_asked_to()
    {
        using var world = new EngineWorld();
        var kinds = world.Descriptor!.Kinds;
        world.Descriptor = world.Descriptor with { Kinds = [.. kinds.Select(k => k with { UpdatablePaths = k.UpdatablePaths.Remove("suspended") })] };
        world.CreateNetwork();
        world.CreateInstance(i => i.Metadata.Annotations = new() { [Annotations.Suspended] = "true" });
        world.Until("it is refused", () => Conditions.Find(world.Instance.Status?.Conditions, ConditionTypes.Programmed)?.Reason == Reasons.ConfigurationError);
        Assert.That(Conditions.Find(world.Instance.Status!.Conditions, ConditionTypes.Programmed)!.Message, Does.Contain(Annotations.Suspended));
        Assert.That(world.Entries.Any(e => e.Spec.Kind == "Instance"), Is.False);
    }

    [Test]
    public void A_restart_by_annotation_restarts_the_same_server()
    {
        using var world = Create(null);
        world.Until("it runs", () => IsReady(world) && world.AllReady);
        var server = world.Server.Id;
        world.Plane.Edit(ResourceTypes.Workloads, EngineWorld.Namespace, "web", w =>
            w.Spec.Template.Metadata = new Resources.Compute.TemplateMetadata { Annotations = new() { [Annotations.RestartedAt] = "2031-01-01T00:00:00Z" } });
        world.Until("it was restarted", () => world.Server.RestartedAt == "2031-01-01T00:00:00Z" && IsReady(world) && world.AllReady);
        Assert.That(world.Server.Id, Is.EqualTo(server));
    }

    [Test]
    public void A_changed_config_map_replaces_the_server_and_the_ledger_has_only_its_hash()
    {
        using var world = Create(null, w =>
        {
            Option(w, Annotations.RolloutOnChange);
            w.Spec.Template.Spec.Runtime.Sandbox!.Containers[0].EnvFrom = [new Resources.Compute.EnvironmentSource { ConfigMapRef = new Resources.Compute.OptionalReference { Name = "app" } }];
        });
        var map = new ConfigMap { Data = new() { ["a"] = "canary-one" } };
        (map.Metadata.Name, map.Metadata.Namespace) = ("app", EngineWorld.Namespace);
        world.Create(Core.ConfigMaps, map);
        world.Until("it runs", () => IsReady(world) && world.AllReady);
        world.Advance(TimeSpan.FromMinutes(2));
        var desired = world.Entry("Instance").Spec.Desired!.Value.GetRawText();
        Assert.That(desired, Does.Not.Contain("\"hash\""), "as it was made");

        world.Plane.Edit(Core.ConfigMaps, EngineWorld.Namespace, "app", m => m.Data!["a"] = "canary-two");
        world.Until("it was replaced", () => world.Entry("Instance").Spec.Record.Incarnation == 2 && IsReady(world) && world.AllReady, TimeSpan.FromMinutes(30));
        desired = world.Entry("Instance").Spec.Desired!.Value.GetRawText();
        Assert.That(desired, Does.Contain("\"hash\"").And.Not.Contain("canary"));
        Assert.That(world.Cloud.In(Collections.Servers), Has.Length.EqualTo(1));
    }

    [Test]
    public void An_unchanged_estate_is_translated_to_the_same_wish_with_every_option_switched_on()
    {
        using var world = Create(null);
        world.Until("it runs", () => IsReady(world) && world.AllReady);
        var (server, desired, hash) = (world.Server.Id, world.Entry("Instance").Spec.Desired!.Value.GetRawText(), The(world)!.Spec.Controller!.TemplateHash);
        world.Plane.Edit(ResourceTypes.Workloads, EngineWorld.Namespace, "web", w =>
        {
            foreach (var option in new[] { Annotations.LocationFallback, Annotations.LocationSpread, Annotations.RolloutOnChange })
                Option(w, option);
        });
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That((world.Server.Id, world.Entry("Instance").Spec.Desired!.Value.GetRawText(), The(world)!.Spec.Controller!.TemplateHash), Is.EqualTo((server, desired, hash)));
    }
}
