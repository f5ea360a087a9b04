using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Tests.Reconcile;

/// <summary>Corners that a reading of the engine against the laws brought up.</summary>
internal sealed class FaultFinderTests
{
    [Test]
    public void L3_a_name_that_somebody_else_has_is_refused_and_can_be_let_go_of()
    {
        using var world = new EngineWorld();
        world.Leads = false;
        world.CreateNetwork();
        world.Until("the network has its entry", () => world.Entries.Any(e => e.Spec.Kind == "Network"));
        // Somebody else's network has the very name that ours will get.
        var id = new Identity { Installation = "other", Kind = ResourceKind.Network, Name = world.Entry("Network").Metadata.Name!, Incarnation = 1 };
        var name = Sdk.ResourceNames.For(id with { Installation = EngineWorld.Installation }, new Sdk.NameRules { MaxLength = 63 });
        var labels = string.Join(',', Sdk.Marks.ToPairs(Sdk.Marks.For(id)).Select(l => $"\"{l.Key}\":\"{l.Value}\""));
        using var foreigner = new HttpClient(new SimulatedCloudHandler(world.Cloud, world.Time)) { BaseAddress = new Uri("http://cloud.test") };
        using var made = foreigner.PostAsync(new Uri("v1/networks", UriKind.Relative), new StringContent($"{{\"name\":\"{name}\",\"labels\":{{{labels}}}}}")).GetAwaiter().GetResult();
        Assert.That(made.IsSuccessStatusCode);
        world.Leads = true;
        world.Restart();
        world.Until("it is refused", () => world.Entries.Any(e => e.Spec.Kind == "Network" && EngineWorld.Ready(e)?.Reason == Reasons.Conflict));

        world.DeleteNetwork();
        world.Until("the ledger is empty", () => world.Entries.Count == 0, TimeSpan.FromHours(1));
        Assert.That(world.Cloud.In(Collections.Networks), Has.Length.EqualTo(1));
    }

    [Test]
    public void L6_looks_from_before_the_create_are_no_proof_of_absence()
    {
        // A platform that hides new objects for 4 s, within its declared window, and a driver that leaves the waiting to the host (DC-22).
        using var world = new EngineWorld(new SimulatorKnobs { ConsistencyWindow = TimeSpan.FromSeconds(4), ListLag = TimeSpan.FromSeconds(4) }, new SimulatorProfile { ConsistencyWindow = TimeSpan.Zero });
        world.Descriptor = world.Descriptor! with { Kinds = [.. world.Descriptor.Kinds.Select(k => k with { ConsistencyWindow = TimeSpan.FromSeconds(5) })] };
        world.Leads = false;
        world.Restart();
        world.CreateNetwork();
        world.Advance(TimeSpan.FromSeconds(20));
        world.Leads = true;
        world.Until("the network is there", () => world.Entries is { Count: 2 } && world.AllReady);
        Assert.That(world.Entries.Select(e => e.Spec.Record.Incarnation), Is.All.EqualTo(1));
        Assert.That(world.Cloud.In(Collections.Networks), Has.Length.EqualTo(1));
    }

    [Test]
    public void What_vanishes_before_a_listing_has_shown_it_is_noticed_too()
    {
        using var world = new EngineWorld().Running();
        world.Cloud.Vanish(world.Server.Id);
        foreach (var part in world.Cloud.Objects.Where(o => o.Collection is Collections.Nics or Collections.BootDisks))
            world.Cloud.Vanish(part.Id);
        world.Until("it runs again", () => world.Cloud.In(Collections.Servers).Length == 1 && world.Runs() && world.AllReady);
    }

    [Test]
    public void A_subnet_whose_context_goes_at_the_same_time_is_taken_down_all_the_same()
    {
        using var world = new EngineWorld();
        world.CreateNetwork();
        world.Until("the network is there", () => world.Entries is { Count: 2 } && world.AllReady);
        world.Plane.Delete(ResourceTypes.Subnets, new ObjectKey(EngineWorld.Namespace, "default-here-v4"));
        world.Plane.Delete(ResourceTypes.NetworkContexts, new ObjectKey(EngineWorld.Namespace, "default-here"));
        world.Plane.Delete(ResourceTypes.Networks, new ObjectKey(EngineWorld.Namespace, "default"));
        world.Until("nothing is left", () => world.NothingIsLeft);
    }

    [Test]
    public void A_failure_that_only_the_operation_knows_is_told_and_tried_again_slowly([Values(CreateClass.Token, CreateClass.Named, CreateClass.Marked)] CreateClass of)
    {
        using var world = new EngineWorld(new SimulatorKnobs
        {
            CreateClasses = ImmutableDictionary<ResourceKind, CreateClass>.Empty.Add(ResourceKind.Instance, of),
            OperationDurations = ImmutableDictionary<ResourceKind, TimeSpan>.Empty.Add(ResourceKind.Instance, TimeSpan.FromSeconds(3)), IdsOnlyInOperation = true,
        });
        world.Cloud.Add(new OperationFault { Collection = Collections.Servers, Code = "STOCKOUT", Times = 1000 });
        world.CreateNetwork();
        world.CreateInstance();
        world.Until("the failure is told", () => world.ReasonOf("Instance") == Reasons.CapacityUnavailable);
        var tries = world.Cloud.Statistics.Creates[Collections.Servers];
        world.Advance(TimeSpan.FromMinutes(60));
        Assert.That(world.Cloud.Statistics.Creates[Collections.Servers] - tries, Is.InRange(1, 20));
        world.Cloud.ClearFaults();
        world.Until("the instance runs", () => world.Runs(), TimeSpan.FromHours(1));
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
    }

    [Test]
    public void Deletion_protection_that_is_taken_off_lets_a_waiting_deletion_go_on()
    {
        using var world = new EngineWorld().Running(i => i.Metadata.Annotations = new() { [Annotations.DeletionProtection] = "true" });
        world.DeleteInstance();
        world.Until("it is refused", () => world.ReasonOf("Instance") == Reasons.DeletionProtected);
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Server.State, Is.EqualTo("READY"));
        world.EditInstance(i => i.Metadata.Annotations!.Remove(Annotations.DeletionProtection));
        world.Until("the instance is gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0);
    }

    [Test]
    public void L4_an_id_that_the_platform_told_is_not_lost_to_a_conflict_at_the_plane()
    {
        var kinds = new[] { ResourceKind.Network, ResourceKind.Subnet, ResourceKind.Firewall, ResourceKind.Disk, ResourceKind.Instance };
        using var world = new EngineWorld(new SimulatorKnobs { CreateClasses = kinds.ToImmutableDictionary(k => k, _ => CreateClass.Manual) }, new SimulatorProfile { WeakestCreateClass = CreateClass.Manual });
        var conflicts = 0;
        // Somebody else writes the entry while the create is under way: the record of its id meets another version.
        world.Plane.Fault = w => w is { Plural: "managedresources", Verb: "patch", Subresource: null } && world.Cloud.In(Collections.Networks).Length == 1 && conflicts++ == 0
            ? new KubernetesException(409, "Conflict", "injected") : null;
        world.CreateNetwork();
        world.Until("the network is there", () => world.Entries is { Count: 2 } && world.AllReady);
        Assert.That(conflicts, Is.Positive);
        Assert.That(world.Cloud.Statistics.Creates[Collections.Networks], Is.EqualTo(1));
    }

    [Test]
    public void A_wish_that_the_platform_refuses_for_good_waits_for_a_change_also_when_it_is_looked_at()
    {
        using var world = new EngineWorld();
        world.Cloud.Add(new FaultRule { Method = "POST", Path = "/v1/networks", Kind = FaultKind.ErrorBefore, Status = 400, Code = "INVALID", Times = 1000 });
        world.CreateNetwork();
        world.Until("it is told", () => world.ReasonOf("Network") == Reasons.Invalid);
        var requests = world.Requests.Count(r => r.Method == HttpMethod.Post);
        // Something else makes the host look again.
        world.Plane.Edit(ResourceTypes.ProviderConfigs, null, "sim", c => c.Spec.Management = new ManagementDefaults { PollInterval = "20s" });
        world.Advance(TimeSpan.FromHours(2));
        Assert.That(world.Requests.Count(r => r.Method == HttpMethod.Post), Is.EqualTo(requests));
        Assert.That(world.Log.Errors, Is.Empty);
        world.Cloud.ClearFaults();
        world.Plane.Edit(ResourceTypes.Networks, EngineWorld.Namespace, "default", n => n.Spec.Mtu = 1400);
        world.Until("the network is there", () => world.Entries is { Count: 2 } && world.AllReady);
    }

    [Test]
    public void Instance_types_of_the_config_count_for_new_resources_only()
    {
        using var world = new EngineWorld().Running();
        var server = world.Server.Id;
        world.Plane.Edit(ResourceTypes.ProviderConfigs, null, "sim", c => c.Spec.InstanceTypes = new() { ["datumcloud/d1-standard-2"] = new InstanceTypeMapping { Cpu = 4, MemoryMiB = 16384 } });
        world.EditInstance(i => (i.Metadata.Annotations ??= [])["note"] = "looked at again");
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Server.Id, Is.EqualTo(server));
        Assert.That(world.Entry("Instance").Spec.Record.Incarnation, Is.EqualTo(1));
    }

    [Test]
    public void A_location_that_moves_to_another_zone_takes_no_running_instance_with_it()
    {
        using var world = new EngineWorld().Running();
        var server = world.Server.Id;
        world.Plane.Edit(ResourceTypes.Locations, EngineWorld.Namespace, "here", l => l.Spec.Provider = new() { ["simulator"] = System.Text.Json.JsonElement.Parse("""{"zone":"z2"}""") });
        world.EditInstance(i => (i.Metadata.Annotations ??= [])["note"] = "looked at again");
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Server.Id, Is.EqualTo(server));
    }

    [Test]
    public void An_entry_whose_owner_vanished_is_reported_and_kept()
    {
        using var world = new EngineWorld().Running();
        world.Plane.Vanish(ResourceTypes.Instances, EngineWorld.Namespace, "web-0");
        world.Advance(TimeSpan.FromMinutes(10));
        world.Restart();
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Cloud.In(Collections.Servers), Has.Length.EqualTo(1));
        Assert.That(world.Entry("Instance").Status!.Conditions!.Select(c => c.Reason), Has.Some.EqualTo(Reasons.OwnerLost));
    }

    [Test]
    public void An_object_of_an_older_incarnation_that_shows_up_late_is_taken_down_before_anything_else()
    {
        // Class C and a platform that broke its promise: the look that proved absence was too early.
        using var world = new EngineWorld(new SimulatorKnobs { CreateClasses = ImmutableDictionary<ResourceKind, CreateClass>.Empty.Add(ResourceKind.Network, CreateClass.Marked) });
        world.CreateNetwork();
        world.Until("the network is there", () => world.Entries is { Count: 2 } && world.AllReady);
        var late = world.Cloud.In(Collections.Networks).Single();
        world.Plane.Edit(ResourceTypes.ManagedResources, null, world.Entry("Network").Metadata.Name!, e =>
        {
            e.Spec.Record.Incarnation = 2;
            e.Spec.Record.Parts = null;
        });
        world.Plane.Delete(ResourceTypes.Subnets, new ObjectKey(EngineWorld.Namespace, "default-here-v4"));
        world.Restart();
        world.Until("the network of incarnation 2 is there", () => world.Cloud.In(Collections.Networks) is [var only] && only.Id != late.Id && EngineWorld.Ready(world.Entry("Network"))?.Status == ConditionStatus.True);
    }
}
