using System.Text.Json;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Engine.Tests.Translate;

/// <summary>Networks whose driver can't add ranges to them: what is in use is never replaced for a range that comes later, and it is told.</summary>
internal sealed class FixedRangeTests
{
    [Test]
    public void A_location_that_joins_later_is_refused_and_nothing_that_runs_is_touched()
    {
        using var world = World().Running();
        var (network, server) = (world.Cloud.In(Collections.Networks).Single(), world.Server.Id);
        var mutations = world.Cloud.Statistics.Mutations;
        world.CreateContextAt("there", "10.128.16.0");
        world.Until("it is told", () => world.ContextProgrammed("default-there") is { Status: "False", Reason: Reasons.Unsupported });
        world.Advance(TimeSpan.FromMinutes(30));

        Assert.That(world.ContextProgrammed("default-there")!.Message, Does.StartWith("10.128.16.0/20 isn't in the network").And.Contains("10.128.0.0/20").And.Contains("updatablePaths").And.Contains("spec.ipam"));
        Assert.That(SubnetProgrammed(world, "default-there-v4"), Is.EqualTo(("False", Reasons.Unsupported)));
        Assert.That((world.ContextProgrammed("default-here")!.Status, SubnetProgrammed(world, "default-here-v4").Status), Is.EqualTo(("True", "True")));
        Assert.That((world.Cloud.In(Collections.Networks).Single().Id, world.Server.Id, world.Cloud.Statistics.Mutations), Is.EqualTo((network.Id, server, mutations)));

        // The first Location works on as before, also after a restart.
        world.Restart();
        world.EditInstance(i => i.Spec.NetworkInterfaces[0].NetworkPolicy = null);
        world.Until("the change is there", () => (world.Cloud.In(Collections.Firewalls).Single().Rules ?? []).Length == 0 && world.AllReady);
        Assert.That(world.Server.Id, Is.EqualTo(server));
        var writes = world.Plane.Writes.Count;
        world.Advance(TimeSpan.FromHours(2));
        Assert.That(world.Plane.Writes.Skip(writes).Select(w => w.ToString()), Is.Empty, "L8");
    }

    [Test]
    public void Locations_that_come_together_are_waited_for()
    {
        using var world = World();
        world.CreateNetworkAlone();
        world.CreateContextAt("here", null);
        world.CreateContextAt("there", null);
        world.Allocate("default-here-v4", "10.128.0.0");
        world.Until("it waits", () => world.ContextProgrammed("default-here")?.Message.Contains("default-there-v4", StringComparison.Ordinal) == true);
        Assert.That(world.ContextProgrammed("default-here"), Has.Property("Reason").EqualTo(Reasons.AwaitingRange).And.Property("Status").EqualTo("True"));
        Assert.That(world.Cloud.In(Collections.Networks), Is.Empty);

        world.Allocate("default-there-v4", "10.128.16.0");
        world.Until("both are there", () => world.AllReady && world.Cloud.In(Collections.Subnets).Length == 2);
        Assert.That(world.Cloud.In(Collections.Networks).Single().Ranges!.Value, Is.EqualTo(["10.128.0.0/20", "10.128.16.0/20"]));
    }

    [Test]
    public void A_range_for_all_locations_has_room_for_one_that_joins_later()
    {
        using var world = World();
        world.CreateNetworkAlone();
        world.Plane.Edit(ResourceTypes.Networks, EngineWorld.Namespace, "default", n => n.Spec.Ipam.IPv4Range = "10.128.0.0/16");
        world.CreateContextAt("here", "10.128.0.0");
        world.Until("the first is there", () => world.AllReady && world.Cloud.In(Collections.Subnets).Length == 1);
        world.CreateContextAt("there", "10.128.16.0");
        world.Until("the second is there", () => world.AllReady && world.Cloud.In(Collections.Subnets).Length == 2);

        // Declared wider later: what can't be carried out is said where it is looked for (L11).
        world.Plane.Edit(ResourceTypes.Networks, EngineWorld.Namespace, "default", n => n.Spec.Ipam.IPv4Range = "10.128.0.0/12");
        world.Until("it is told", () => world.ContextProgrammed("default-here")!.Message.Contains("10.128.0.0/12 can't be added", StringComparison.Ordinal));
        Assert.That(world.ContextProgrammed("default-here")!.Status, Is.EqualTo("True"));
        Assert.That(world.Cloud.In(Collections.Networks).Single().Ranges!.Value, Is.EqualTo(["10.128.0.0/16"]));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void A_subnet_that_is_added_to_a_context_moves_no_instance(bool separate)
    {
        using var world = World(separate).Running();
        var server = world.Server.Id;
        var wish = Interfaces(world);
        world.CreateSubnetAt("here", "a-name-that-sorts-first", "10.128.16.0");
        world.Advance(TimeSpan.FromMinutes(30));
        Assert.That((world.Server.Id, Interfaces(world)), Is.EqualTo((server, wish)));
        Assert.That(SubnetProgrammed(world, "a-name-that-sorts-first"), Is.EqualTo(("False", Reasons.Unsupported)));
        Assert.That(world.ContextProgrammed("default-here")!.Status, Is.EqualTo("True"));
        Assert.That(world.AllReady);
    }

    [Test]
    public void An_instance_stays_in_its_subnet_while_that_shall_go()
    {
        using var world = new EngineWorld().Running();
        var (server, wish) = (world.Server.Id, Interfaces(world));
        world.CreateSubnetAt("here", "more", "10.128.16.0");
        world.Plane.Delete(ResourceTypes.Subnets, new ObjectKey(EngineWorld.Namespace, "default-here-v4"));
        world.Advance(TimeSpan.FromMinutes(30));
        Assert.That((world.Server.Id, Interfaces(world)), Is.EqualTo((server, wish)));
        Assert.That(world.Runs());

        // Whoever is made anew takes the one that stays.
        world.DeleteInstance();
        world.Until("the first subnet is gone", () => world.Plane.Peek(ResourceTypes.Subnets, EngineWorld.Namespace, "default-here-v4") is null);
        world.CreateInstance();
        world.Until("it runs again", () => world.Runs() && world.AllReady);
        Assert.That(Interfaces(world), Is.Not.EqualTo(wish).And.Contains("10.128.16.0/20"));
    }

    private static EngineWorld World(bool separate = true)
    {
        var world = new EngineWorld(profile: new SimulatorProfile { RangeOrder = RangeOrder.RangeFirst, WidensNetworks = false });
        if (!separate)
        {
            world.Descriptor = world.Descriptor! with { Capabilities = world.Descriptor.Capabilities with { Subnets = SubnetSupport.InNetwork } };
            world.Restart();
        }
        world.CreateLocation(l => (l.Metadata.Name, l.Spec.Provider) = ("there", new() { ["simulator"] = JsonElement.Parse("""{"zone":"z2"}""") }));
        return world;
    }

    private static string Interfaces(EngineWorld world) => world.Entry("Instance").Spec.Desired!.Value.GetProperty("interfaces").GetRawText();

    private static (string? Status, string? Reason) SubnetProgrammed(EngineWorld world, string subnet) =>
        Conditions.Find(world.Plane.Peek(ResourceTypes.Subnets, EngineWorld.Namespace, subnet)!.Status?.Conditions, ConditionTypes.Programmed) is { } c ? (c.Status, c.Reason) : (null, null);
}
