using System.Text.Json;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.Engine.Tests.Provisioning;

/// <summary>Locations of either scope, and references of every era to them.</summary>
internal sealed class LocationScopeTests
{
    [TestCase(null, null)]
    [TestCase(null, "default")]
    [TestCase(null, "")]
    [TestCase("default", null)]
    [TestCase("default", "default")]
    [TestCase("default", "")]
    public void A_location_of_cluster_scope_is_reached_with_and_without_a_namespace(string? scope, string? reference)
    {
        using var world = new EngineWorld(furnish: w =>
        {
            w.CreateConfig();
            var location = new Location { Spec = { LocationClassName = "self-managed", Topology = { [Labels.CityCode] = "DFW" }, Provider = new() { ["simulator"] = JsonElement.Parse("""{"zone":"z1"}""") } } };
            (location.Metadata.Name, location.Metadata.Namespace) = ("here", scope);
            w.Create(ResourceTypes.Locations.In(ResourceTypes.Locations.Group, ResourceTypes.Locations.Version, scope is not null), location);
        });
        world.CreateNetworkAlone();
        var context = new NetworkContext { Spec = { Network = { Name = "default" }, Location = { Name = "here", Namespace = reference } } };
        (context.Metadata.Name, context.Metadata.Namespace) = ("default-here", EngineWorld.Namespace);
        world.Create(ResourceTypes.NetworkContexts, context);
        world.CreateSubnet();
        world.CreateInstance(i =>
        {
            i.Spec.Location = new LocationReference { Name = "here", Namespace = reference };
            // A gate of a name that nobody here knows holds it all the same.
            i.Spec.Controller!.SchedulingGates = [new() { Name = "Quota" }];
        });
        world.Until("the network is there", () => world.AllReady && world.Entries.Count == 2);
        world.Advance(TimeSpan.FromMinutes(5));
        Assert.That(world.Entries.Select(e => e.Spec.Kind), Is.EquivalentTo(["Network", "Subnet"]));
        world.EditInstance(i => i.Spec.Controller!.SchedulingGates = null);
        world.Until("it runs", () => world.Runs() && world.AllReady);
        Assert.That(Conditions.IsTrue(world.Plane.Live(ResourceTypes.Locations).Single().Status?.Conditions, ConditionTypes.Ready));
    }
}
