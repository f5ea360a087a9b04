using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;

namespace Datum.Providers.Engine.Tests.Reconcile;

/// <summary>Law L5: after an effect Unknown the host looks before it acts, for each create class.</summary>
internal sealed class LostAnswerTests
{
    private static SimulatorKnobs All(CreateClass of) => new()
    {
        CreateClasses = new[] { ResourceKind.Network, ResourceKind.Subnet, ResourceKind.Firewall, ResourceKind.Disk, ResourceKind.Instance }.ToImmutableDictionary(k => k, _ => of),
    };

    [Test, Combinatorial]
    public void One_create_is_lost_and_exactly_one_object_is_made(
        [Values(CreateClass.Token, CreateClass.Named, CreateClass.Marked)] CreateClass of,
        [Values(FaultKind.ResetAfter, FaultKind.ErrorAfter, FaultKind.TimeoutAfter, FaultKind.ResetBefore, FaultKind.ErrorBefore, FaultKind.TimeoutBefore, FaultKind.Refuse)] FaultKind fault,
        [Values(Collections.Networks, Collections.Nics, Collections.Servers)] string collection,
        [Values(0, 4)] int hiddenSeconds)
    {
        using var world = new EngineWorld(All(of) with { ConsistencyWindow = TimeSpan.FromSeconds(hiddenSeconds), ListLag = TimeSpan.FromSeconds(hiddenSeconds) });
        world.Cloud.Add(new FaultRule { Method = "POST", Path = $"/v1/{collection}", Kind = fault });
        world.Running();
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
        Assert.That(world.Cloud.Audit.Lives.Where(l => l.Collection == collection).Select(l => l.Created), Is.EqualTo([1]));
        Assert.That(world.Entries.Select(e => e.Spec.Record.Incarnation), Is.All.EqualTo(1));
    }

    [Test]
    public void A_lost_delete_is_looked_at_and_finished([Values(FaultKind.ResetAfter, FaultKind.ResetBefore, FaultKind.TimeoutAfter)] FaultKind fault)
    {
        using var world = new EngineWorld().Running();
        world.Cloud.Add(new FaultRule { Method = "DELETE", Kind = fault, Times = 3 });
        world.DeleteInstance();
        world.DeleteNetwork();
        world.Until("nothing is left", () => world.NothingIsLeft);
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
    }

    [Test]
    public void A_lost_create_that_nobody_wants_any_more_is_found_and_removed([Values(CreateClass.Token, CreateClass.Named, CreateClass.Marked)] CreateClass of)
    {
        using var world = new EngineWorld(All(of) with { ConsistencyWindow = TimeSpan.FromSeconds(4), ListLag = TimeSpan.FromSeconds(4) });
        world.CreateNetwork();
        world.Until("the network is there", () => world.Entries is { Count: 2 } && world.AllReady);
        world.Cloud.Add(new FaultRule { Method = "POST", Path = "/v1/servers", Kind = FaultKind.ResetAfter });
        world.CreateInstance();
        world.Until("the server is made", () => world.Cloud.In(Collections.Servers).Length == 1);
        // L6: with an open intent and no id the search comes before the release.
        world.DeleteInstance();
        world.DeleteNetwork();
        world.Until("nothing is left", () => world.NothingIsLeft);
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
    }

    [Test]
    public void A_create_of_class_D_waits_for_a_person()
    {
        using var world = new EngineWorld(All(CreateClass.Manual), new SimulatorProfile { WeakestCreateClass = CreateClass.Manual });
        world.Cloud.Add(new FaultRule { Method = "POST", Path = "/v1/networks", Kind = FaultKind.ResetAfter });
        world.CreateNetwork();
        world.Until("a person is asked", () => world.Entries.Any(e => EngineWorld.Ready(e)?.Reason == Reasons.NeedsPerson));
        world.Advance(TimeSpan.FromHours(2));
        Assert.That(world.Cloud.Statistics.Creates[Collections.Networks], Is.EqualTo(1));
    }

    [Test]
    public void Creates_of_class_D_work_when_nothing_is_lost()
    {
        using var world = new EngineWorld(All(CreateClass.Manual), new SimulatorProfile { WeakestCreateClass = CreateClass.Manual }).Running();
        world.DeleteInstance();
        world.DeleteNetwork();
        world.Until("nothing is left", () => world.NothingIsLeft);
    }

    [Test]
    public void Random_faults_on_the_wire_end_well([Range(1, 6)] int seed)
    {
        using var world = new EngineWorld(new SimulatorKnobs
        {
            FailureRate = 0.1, LostAnswerRate = 0.1, ConsistencyWindow = TimeSpan.FromSeconds(3), Latency = TimeSpan.FromMilliseconds(80), LatencyJitter = TimeSpan.FromMilliseconds(200),
        }, seed: seed);
        world.CreateNetwork();
        world.CreateInstance(EngineWorld.WithDisk);
        world.Until("the instance runs", () => world.Runs(), TimeSpan.FromHours(2));
        world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        world.Until("the new image runs", () => world.Runs("web:2"), TimeSpan.FromHours(2));
        world.DeleteInstance();
        world.DeleteNetwork();
        world.Until("nothing is left", () => world.NothingIsLeft, TimeSpan.FromHours(2));
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
    }

    [Test]
    public void Random_conflicts_at_the_plane_end_well([Range(1, 6)] int seed)
    {
        using var world = new EngineWorld(seed: seed);
        var random = new Random(seed);
        world.Plane.Fault = w => w.Verb == "patch" && random.NextDouble() < 0.3 ? new Kubernetes.KubernetesException(409, "Conflict", "injected") : null;
        world.CreateNetwork();
        world.CreateInstance(EngineWorld.WithDisk);
        world.Until("the instance runs", () => world.Runs(), TimeSpan.FromHours(1));
        world.DeleteInstance();
        world.DeleteNetwork();
        world.Until("nothing is left", () => world.NothingIsLeft, TimeSpan.FromHours(1));
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
        Assert.That(world.Log.Errors, Is.Empty);
    }
}
