using System.Text.Json;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Engine.Tests.Translate;

/// <summary>One Network at two Locations that share the platform's object: it is translated once.</summary>
internal sealed class SharedNetworkTests
{
    [TestCase(RangeOrder.NetworkFirst)]
    [TestCase(RangeOrder.RangeFirst)]
    public void Two_locations_of_one_scope_come_to_one_network_and_rest(RangeOrder order)
    {
        using var world = World(order);
        Both(world);
        var writes = world.Plane.Writes.Count;
        var mutations = world.Cloud.Statistics.Mutations;
        world.Advance(TimeSpan.FromHours(2));
        Assert.That(world.Plane.Writes.Skip(writes).Select(w => w.ToString()), Is.Empty, "L8");
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
        Assert.That(world.Entries.Count(e => e.Spec.Kind == "Network"), Is.EqualTo(1));
    }

    [Test]
    public void The_ranges_of_a_network_grow_with_its_locations_and_never_shrink()
    {
        using var world = World(RangeOrder.RangeFirst);
        Both(world);
        var network = world.Cloud.In(Collections.Networks).Single();
        Assert.That(network.Ranges!.Value, Is.EqualTo(["10.128.0.0/20", "10.128.16.0/20"]));

        world.Plane.Delete(ResourceTypes.Subnets, new ObjectKey(EngineWorld.Namespace, "default-there-v4"));
        world.Until("the subnet is gone", () => world.Cloud.In(Collections.Subnets).Length == 1);
        world.Plane.Delete(ResourceTypes.NetworkContexts, new ObjectKey(EngineWorld.Namespace, "default-there"));
        world.Advance(TimeSpan.FromMinutes(30));
        Assert.That(world.Cloud.In(Collections.Networks).Single(), Has.Property("Id").EqualTo(network.Id).And.Property("Ranges").EqualTo(network.Ranges));
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
    }

    [Test]
    public void What_a_network_declares_is_its_range_from_the_beginning()
    {
        using var world = World(RangeOrder.RangeFirst);
        Both(world, "10.128.0.0/16");
        Assert.That(world.Cloud.In(Collections.Networks).Single().Ranges!.Value, Is.EqualTo(["10.128.0.0/16"]));
        // A mistake later leaves alone what was made.
        world.Plane.Edit(ResourceTypes.Networks, EngineWorld.Namespace, "default", n => n.Spec.Ipam.IPv4Range = "here");
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Cloud.In(Collections.Networks).Single().Ranges!.Value, Is.EqualTo(["10.128.0.0/16"]));
        Assert.That(world.AllReady);
    }

    [Test]
    public void A_wider_range_that_is_declared_later_replaces_nothing_and_what_is_allocated_of_it_is_added()
    {
        using var world = World(RangeOrder.RangeFirst);
        Both(world, "10.128.0.0/19");
        var network = world.Cloud.In(Collections.Networks).Single();
        world.Plane.Edit(ResourceTypes.Networks, EngineWorld.Namespace, "default", n => n.Spec.Ipam.IPv4Range = "10.128.0.0/16");
        world.CreateSubnetAt("there", "more", "10.128.64.0");
        world.Until("it is there", () => world.AllReady && world.Cloud.In(Collections.Subnets).Length == 3);
        Assert.That(world.Cloud.In(Collections.Networks).Single().Id, Is.EqualTo(network.Id));
        Assert.That(world.Cloud.In(Collections.Networks).Single().Ranges!.Value, Is.EqualTo(["10.128.0.0/19", "10.128.64.0/20"]));
    }

    [Test]
    public void L11_a_range_that_can_not_be_read_is_told_before_anything_is_made()
    {
        using var world = World(RangeOrder.NetworkFirst);
        world.CreateNetworkAlone();
        world.Plane.Edit(ResourceTypes.Networks, EngineWorld.Namespace, "default", n => n.Spec.Ipam.IPv6Ranges = ["10.0.0.0/8"]);
        world.CreateContext();
        world.Until("it is told", () => Programmed(world, "default-here") is { Reason: Reasons.ConfigurationError });
        Assert.That(Programmed(world, "default-here")!.Message, Does.StartWith("spec.ipam.ipv6Range: '10.0.0.0/8'"));
        Assert.That(world.Cloud.In(Collections.Networks), Is.Empty);
    }

    private static EngineWorld World(RangeOrder order)
    {
        var world = new EngineWorld(profile: new SimulatorProfile { RangeOrder = order });
        world.CreateLocation(l => (l.Metadata.Name, l.Spec.Provider) = ("there", new() { ["simulator"] = JsonElement.Parse("""{"zone":"z2"}""") }));
        return world;
    }

    private static void Both(EngineWorld world, string? range = null)
    {
        world.CreateNetworkAlone();
        if (range is not null)
            world.Plane.Edit(ResourceTypes.Networks, EngineWorld.Namespace, "default", n => n.Spec.Ipam.IPv4Range = range);
        world.CreateContextAt("here", "10.128.0.0");
        world.CreateContextAt("there", "10.128.16.0");
        world.Until("both are programmed", () =>
            world.AllReady && world.Cloud.In(Collections.Subnets).Length == 2
            && Programmed(world, "default-here")?.Reason == Reasons.Programmed && Programmed(world, "default-there")?.Reason == Reasons.Programmed);
    }

    private static Condition? Programmed(EngineWorld world, string context) => world.ContextProgrammed(context);
}
