using Datum.Providers.Engine.Tests.World;

namespace Datum.Providers.Engine.Tests.Reconcile;

/// <summary>No decision is made on a cache that is older than our own last write: events may be late by any time.</summary>
internal sealed class StaleCacheTests
{
    [Test]
    public void L1_a_whole_life_with_watch_events_that_are_late_makes_nothing_twice([Values(1, 30, 600)] int seconds)
    {
        using var world = new EngineWorld();
        world.Plane.WatchDelay = TimeSpan.FromSeconds(seconds);
        Life(world);
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
        Assert.That(world.Cloud.Audit.Lives.Select(l => l.Created), Is.All.EqualTo(1));
        Assert.That(world.Log.Errors, Is.Empty);
    }

    [Test]
    public void L1_late_events_and_a_kill_after_any_write_make_nothing_twice([Range(3, 90, 6)] int moment)
    {
        using var world = new EngineWorld(killAt: moment);
        world.Plane.WatchDelay = TimeSpan.FromSeconds(20);
        Life(world);
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
        Assert.That(world.Cloud.Audit.Lives.Select(l => l.Created), Is.All.EqualTo(1));
    }

    private static void Life(EngineWorld world)
    {
        world.CreateNetwork();
        world.CreateInstance(EngineWorld.WithDisk);
        world.Until("the instance runs", () => world.Runs() && world.AllReady, TimeSpan.FromHours(4));
        world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        world.Until("the new image runs", () => world.Runs("web:2") && world.AllReady, TimeSpan.FromHours(4));
        world.DeleteInstance();
        world.Plane.Delete(ResourceTypes.Networks, new(EngineWorld.Namespace, "default"));
        world.Plane.Delete(ResourceTypes.Subnets, new(EngineWorld.Namespace, "default-here-v4"));
        world.Plane.Delete(ResourceTypes.NetworkContexts, new(EngineWorld.Namespace, "default-here"));
        world.Until("nothing is left", () => world.NothingIsLeft, TimeSpan.FromHours(8));
    }
}
