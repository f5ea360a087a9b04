using Datum.Providers.Engine.Tests.World;

namespace Datum.Providers.Engine.Tests.Provisioning;

/// <summary>An owner that only the cache still has.</summary>
public sealed class StaleOwnerTests
{
    [Test]
    public void L3_what_has_gone_gets_no_new_entry_though_the_cache_still_shows_it()
    {
        using var world = new EngineWorld();
        world.CreateNetwork();
        world.Until("the network is there", () => world.Entries.Count == 2 && world.AllReady);
        // It was held once, and went with its entries; the events of it all come late.
        world.Plane.WatchDelay = TimeSpan.FromSeconds(30);
        world.CreateInstance(i => i.Metadata.Finalizers = [Finalizers.Platform]);
        world.Plane.Vanish(ResourceTypes.Instances, EngineWorld.Namespace, "web-0");
        var creates = world.Plane.Writes.Count(w => w.Verb == "create" && w.Plural == ResourceTypes.ManagedResources.Plural);
        world.Advance(TimeSpan.FromMinutes(5));
        Assert.That(world.Plane.Writes.Count(w => w.Verb == "create" && w.Plural == ResourceTypes.ManagedResources.Plural), Is.EqualTo(creates));
        Assert.That(world.Entries, Has.Count.EqualTo(2));
    }
}
