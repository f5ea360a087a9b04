using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Engine.Tests.Reconcile;

/// <summary>Platforms that are full, slow, strict or down.</summary>
internal sealed class PlatformTests
{
    private static readonly ResourceKind[] Kinds = [ResourceKind.Network, ResourceKind.Subnet, ResourceKind.Firewall, ResourceKind.Disk, ResourceKind.Instance];

    [TestCase(CreateClass.Token)]
    [TestCase(CreateClass.Named)]
    public void L5_a_create_whose_result_is_hidden_is_repeated_once_a_second_at_most(CreateClass of)
    {
        using var world = new EngineWorld(new SimulatorKnobs
        {
            CreateClasses = Kinds.ToImmutableDictionary(k => k, _ => of), OperationDurations = Kinds.ToImmutableDictionary(k => k, _ => TimeSpan.FromMilliseconds(1)),
            IdsOnlyInOperation = true, ConsistencyWindow = TimeSpan.FromSeconds(4), ListLag = TimeSpan.FromSeconds(4),
        });
        world.CreateNetwork();
        world.CreateInstance(EngineWorld.WithDisk);
        world.Until("the instance runs", () => world.Runs() && world.AllReady, TimeSpan.FromMinutes(30));
        Assert.That(world.Requests.Count(r => r.Method == HttpMethod.Post && r.Path == "/v1/disks"), Is.LessThanOrEqualTo(8));
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
    }

    [Test]
    public void A_quota_is_told_and_tried_again_slowly()
    {
        using var world = new EngineWorld(new SimulatorKnobs { Quota = ImmutableDictionary<ResourceKind, int>.Empty.Add(ResourceKind.Instance, 0) });
        Refused(world, Reasons.QuotaExceeded);
        world.Cloud.Knobs = world.Cloud.Knobs with { Quota = ImmutableDictionary<ResourceKind, int>.Empty };
        world.Until("the instance runs", () => world.Runs() && world.AllReady, TimeSpan.FromHours(1));
    }

    [Test]
    public void Missing_capacity_is_told_and_tried_again_slowly()
    {
        using var world = new EngineWorld(new SimulatorKnobs { ZoneCapacity = ImmutableDictionary<string, int>.Empty.Add("z1", 0) });
        Refused(world, Reasons.CapacityUnavailable);
        world.Cloud.Knobs = world.Cloud.Knobs with { ZoneCapacity = ImmutableDictionary<string, int>.Empty };
        world.Until("the instance runs", () => world.Runs() && world.AllReady, TimeSpan.FromHours(1));
    }

    [Test]
    public void What_waits_for_room_can_be_deleted_at_once()
    {
        using var world = new EngineWorld(new SimulatorKnobs { ZoneCapacity = ImmutableDictionary<string, int>.Empty.Add("z1", 0) });
        Refused(world, Reasons.CapacityUnavailable);
        world.DeleteInstance();
        world.Until("the instance is gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0, TimeSpan.FromMinutes(2));
        Assert.That(world.Cloud.In(Collections.Nics), Is.Empty);
    }

    [Test]
    public void A_platform_that_throttles_slows_the_host_down_and_nothing_is_lost()
    {
        using var world = new EngineWorld(new SimulatorKnobs { RequestsPerSecond = 7, RetryAfter = TimeSpan.FromSeconds(3) });
        world.CreateNetwork();
        world.CreateInstance();
        world.Until("the instance runs", () => world.Runs() && world.AllReady, TimeSpan.FromHours(1));
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
        Assert.That(world.Log.Errors, Is.Empty);
    }

    [Test]
    public void Work_that_takes_minutes_goes_by_handles_and_each_object_is_made_once([Values] bool idsOnlyInOperation)
    {
        using var world = new EngineWorld(new SimulatorKnobs { OperationDurations = Kinds.ToImmutableDictionary(k => k, _ => TimeSpan.FromMinutes(3)), IdsOnlyInOperation = idsOnlyInOperation });
        world.CreateNetwork();
        world.CreateInstance(EngineWorld.WithDisk);
        world.Until("something is under way", () => world.Entries.Any(e => e.Spec.Record.Handle is not null));
        world.Restart();
        world.Until("the instance runs", () => world.Runs() && world.AllReady, TimeSpan.FromHours(1));
        Assert.That(world.Cloud.Audit.Lives.Select(l => l.Created), Is.All.EqualTo(1));
        world.DeleteInstance();
        world.DeleteNetwork();
        world.Until("nothing is left", () => world.NothingIsLeft, TimeSpan.FromHours(1));
    }

    [Test]
    public void Operations_that_the_platform_forgets_lose_nothing()
    {
        using var world = new EngineWorld(new SimulatorKnobs { OperationDurations = Kinds.ToImmutableDictionary(k => k, _ => TimeSpan.FromSeconds(40)) });
        world.CreateNetwork();
        world.Until("something is under way", () => world.Cloud.Objects.Length > 0);
        world.Cloud.ForgetOperations();
        world.CreateInstance();
        world.Until("the instance runs", () => world.Runs() && world.AllReady, TimeSpan.FromHours(1));
        Assert.That(world.Cloud.Audit.Lives.Select(l => l.Created), Is.All.EqualTo(1));
    }

    [Test]
    public void A_network_whose_operation_fails_is_told_and_tried_again()
    {
        using var world = new EngineWorld(new SimulatorKnobs { OperationDurations = Kinds.ToImmutableDictionary(k => k, _ => TimeSpan.FromSeconds(3)), IdsOnlyInOperation = true });
        world.Cloud.Add(new OperationFault { Collection = Collections.Disks, Code = "QUOTA_EXCEEDED", Times = 2 });
        world.CreateNetwork();
        world.CreateInstance(EngineWorld.WithDisk);
        world.Until("the failure is told", () => world.Entries.Any(e => e.Spec.Kind == "Disk" && EngineWorld.Ready(e)?.Reason == Reasons.QuotaExceeded));
        world.Until("the instance runs", () => world.Runs() && world.AllReady, TimeSpan.FromHours(1));
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
    }

    [Test]
    public void An_approval_that_takes_days_is_waited_for_with_few_calls()
    {
        using var world = new EngineWorld(new SimulatorKnobs { NeedsApproval = [ResourceKind.Network] });
        world.CreateNetwork();
        world.Until("it waits", () => world.Entries.Any(e => e.Spec.Kind == "Network" && EngineWorld.Ready(e)?.Reason == Reasons.Waiting && e.Status!.Message!.Contains("approval", StringComparison.Ordinal)));
        var id = world.Cloud.In(Collections.Networks).Single().Id;
        var looks = world.Requests.Count(r => r.Path.EndsWith(id, StringComparison.Ordinal));
        var writes = world.Plane.Writes.Count;
        world.Advance(TimeSpan.FromHours(6));
        Assert.That(world.Requests.Count(r => r.Path.EndsWith(id, StringComparison.Ordinal)) - looks, Is.LessThan(6 * 60 + 20));
        Assert.That(world.Plane.Writes.Skip(writes), Is.Empty);
        world.Cloud.Approve(id);
        world.Until("the network is there", () => world.Entries is { Count: 2 } && world.AllReady);
        Assert.That(world.Cloud.In(Collections.Networks).Single().Id, Is.EqualTo(id));
    }

    [Test]
    public void A_platform_that_is_down_for_an_hour_makes_things_unknown_and_nothing_else()
    {
        using var world = new EngineWorld().Running();
        world.Cloud.Knobs = world.Cloud.Knobs with { FailureRate = 1 };
        var mutations = world.Cloud.Statistics.Mutations;
        world.Advance(TimeSpan.FromHours(1));
        world.Cloud.Knobs = world.Cloud.Knobs with { FailureRate = 0 };
        world.Until("all is well", () => world.Runs() && world.AllReady, TimeSpan.FromMinutes(20));
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
    }

    [Test]
    public void A_crashed_container_is_told_before_it_is_mended()
    {
        using var world = new EngineWorld().Running();
        world.Advance(TimeSpan.FromMinutes(1));
        world.Cloud.CrashContainer(world.Server.Id, "web");
        world.Until("it is told", () => world.Is(ConditionTypes.Running, ConditionStatus.False));
    }

    [Test]
    public void Drift_in_place_is_corrected()
    {
        using var world = new EngineWorld().Running();
        world.Advance(TimeSpan.FromMinutes(1));
        var firewall = world.Cloud.In(Collections.Firewalls).Single();
        world.Cloud.Change(firewall.Id, f => f with { Rules = [] });
        world.Until("the rules are back", () => world.Cloud.In(Collections.Firewalls).Single().Rules is [_, ..]);
        Assert.That(world.Cloud.In(Collections.Firewalls).Single().Id, Is.EqualTo(firewall.Id));
    }

    [Test]
    public void Paused_and_observed_only_resources_are_told_but_not_changed([Values(Annotations.Paused, Annotations.ObserveOnly)] string policy)
    {
        using var world = new EngineWorld().Running(i => i.Metadata.Annotations = new() { [policy] = "true" }, expected: false);
        Assert.That(world.Cloud.In(Collections.Servers), Is.Empty);
        world.EditInstance(i => i.Metadata.Annotations!.Remove(policy));
        world.Until("the instance runs", () => world.Runs() && world.AllReady);
        world.EditInstance(i =>
        {
            i.Metadata.Annotations = new(i.Metadata.Annotations ?? []) { [policy] = "true" };
            i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2";
        });
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Server.Containers!.Value[0].Image, Is.EqualTo("web:1"));
    }

    [Test]
    public void A_retained_server_stays_and_its_entry_goes()
    {
        using var world = new EngineWorld().Running(i => i.Metadata.Annotations = new() { [Annotations.Retain] = "true" });
        world.DeleteInstance();
        world.Until("the instance is gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0);
        Assert.That(world.Cloud.In(Collections.Servers), Has.Length.EqualTo(1));
        Assert.That(world.Entries.Select(e => e.Spec.Kind), Is.EquivalentTo(["Network", "Subnet"]));
    }

    [Test]
    public void A_platform_whose_networks_need_their_ranges_first_works_too()
    {
        using var world = new EngineWorld(profile: new SimulatorProfile { RangeOrder = RangeOrder.RangeFirst }).Running();
        Assert.That(world.Cloud.In(Collections.Networks).Single().Ranges!.Value, Is.Not.Empty);
        world.DeleteInstance();
        world.DeleteNetwork();
        world.Until("nothing is left", () => world.NothingIsLeft);
    }

    [Test]
    public void A_range_first_context_is_programmed_before_its_range_is_known()
    {
        using var world = new EngineWorld(profile: new SimulatorProfile { RangeOrder = RangeOrder.RangeFirst });
        world.CreateNetwork();
        world.Plane.EditStatus(ResourceTypes.Subnets, EngineWorld.Namespace, "default-here-v4", s => s.Status = null);
        world.Plane.Delete(ResourceTypes.Subnets, new ObjectKey(EngineWorld.Namespace, "default-here-v4"));
        world.Until("the context is programmed", () => Conditions.Find(world.Plane.Peek(ResourceTypes.NetworkContexts, EngineWorld.Namespace, "default-here")!.Status?.Conditions, ConditionTypes.Programmed) is { Status: "True" });
    }

    private static void Refused(EngineWorld world, string reason)
    {
        world.CreateNetwork();
        world.CreateInstance();
        world.Until("it is told", () => Conditions.Find(world.Instance.Status?.Conditions, ConditionTypes.Programmed)?.Reason == reason);
        // The Datum user reads our sentence, not the platform's.
        Assert.That(Conditions.Find(world.Instance.Status!.Conditions, ConditionTypes.Programmed)!.Message, Does.Not.Contain("SIM").And.Not.Empty);
        var tries = world.Requests.Count(r => r.Method == HttpMethod.Post && r.Path == "/v1/servers");
        world.Advance(TimeSpan.FromMinutes(60));
        Assert.That(world.Requests.Count(r => r.Method == HttpMethod.Post && r.Path == "/v1/servers") - tries, Is.InRange(3, 12));
    }
}
