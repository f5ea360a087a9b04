using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Engine.Tests.Reconcile;

/// <summary>Deletion works whatever of the owner's surroundings went before it, in every order; what blocks it is named (laws L4, L6 and L7).</summary>
internal sealed class DeletionOrderTests
{
    private static readonly string[] Things = ["location", "instance", "subnet", "context", "network"];

    public static IEnumerable<TestCaseData> Orders() => Permutations(Things).Where((_, i) => i % 3 == 0).Select(o => new TestCaseData([o]).SetArgDisplayNames(string.Join(" ", o)));

    [TestCaseSource(nameof(Orders))]
    public void L7_everything_is_taken_down_whichever_goes_first(string[] order)
    {
        using var world = new EngineWorld().Running(EngineWorld.WithDisk);
        var early = false;
        foreach (var thing in order)
        {
            switch (thing)
            {
                case "location":
                    // Nothing holds a Location: it is gone at once, with what it said.
                    world.Plane.Delete(ResourceTypes.Locations, new ObjectKey(EngineWorld.Namespace, "here"));
                    break;
                case "instance":
                    world.DeleteInstance();
                    break;
                case "subnet":
                    world.Plane.Delete(ResourceTypes.Subnets, new ObjectKey(EngineWorld.Namespace, "default-here-v4"));
                    break;
                case "context":
                    world.Plane.Delete(ResourceTypes.NetworkContexts, new ObjectKey(EngineWorld.Namespace, "default-here"));
                    break;
                default:
                    world.Plane.Delete(ResourceTypes.Networks, new ObjectKey(EngineWorld.Namespace, "default"));
                    break;
            }
            world.Advance(TimeSpan.FromSeconds(20));
            early |= world.Plane.Live(ResourceTypes.Networks).Count == 0 && world.Cloud.In(Collections.Networks).Length > 0;
        }
        world.Until("nothing is left", () => world.NothingIsLeft);
        Assert.That(early, Is.False, "a finalizer went before what it stands for");
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
        Assert.That(world.Log.Errors, Is.Empty);
    }

    [Test]
    public void L7_a_network_that_is_used_says_by_what()
    {
        using var world = new EngineWorld().Running();
        world.Plane.Delete(ResourceTypes.Networks, new ObjectKey(EngineWorld.Namespace, "default"));
        world.Plane.Delete(ResourceTypes.Subnets, new ObjectKey(EngineWorld.Namespace, "default-here-v4"));
        world.Until("it is told", () => world.Entries.Where(e => e.Spec.Kind is "Network" or "Subnet").All(e => EngineWorld.Ready(e)?.Reason == Reasons.DependentsExist || !e.Spec.Wanted));
        world.Advance(TimeSpan.FromMinutes(1));
        var said = Conditions.Find(world.Entry("Subnet").Status?.Conditions, ConditionTypes.Synced)!;
        Assert.That((said.Reason, said.Message), Is.EqualTo((Reasons.DependentsExist, "Still used by Instance of Instance web-0.")));
        Assert.That(world.Runs());
        world.DeleteInstance();
        world.Plane.Delete(ResourceTypes.NetworkContexts, new ObjectKey(EngineWorld.Namespace, "default-here"));
        world.Until("nothing is left", () => world.NothingIsLeft);
    }

    [Test]
    public void L7_dependents_that_an_old_list_left_out_are_found_before_anything_is_taken_down()
    {
        using var world = new EngineWorld().Running();
        world.Restart();
        // Another process wrote them after the moment that the list shows, and the watch is behind.
        var ledger = world.Plane.Cache(ResourceTypes.ManagedResources);
        foreach (var entry in world.Entries.Where(e => e.Spec.Kind != "Network"))
            ledger.ApplyDeleted(entry.Key, entry.Metadata.Uid, "1");
        world.Plane.Edit(ResourceTypes.ManagedResources, null, world.Entry("Network").Metadata.Name!, e => e.Spec.Wanted = false);
        world.Until("it is told", () => world.ReasonOf("Network") == Reasons.DependentsExist);
        world.Advance(TimeSpan.FromMinutes(5));
        Assert.That(world.Requests.Where(r => r.Method == HttpMethod.Delete), Is.Empty);
        Assert.That(world.Runs());
    }

    [Test]
    public void Without_its_ProviderConfig_a_deletion_waits_and_says_so_and_goes_on_when_it_is_restored([Values] bool before)
    {
        using var world = new EngineWorld().Running();
        var config = world.Config;
        if (!before)
        {
            world.Leads = false;
            world.DeleteInstance();
            world.Advance(TimeSpan.FromSeconds(10));
        }
        world.Plane.Vanish(ResourceTypes.ProviderConfigs, null, "sim");
        world.DeleteInstance();
        world.Leads = true;
        var mutations = world.Cloud.Statistics.Mutations;
        world.Until("it is told", () => world.ReasonOf("Instance") == Reasons.ProviderConfigNotFound);
        world.Advance(TimeSpan.FromMinutes(30));
        Assert.That(Conditions.Find(world.Instance.Status?.Conditions, ConditionTypes.Running)!.Message, Does.Contain("ProviderConfig sim"));
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
        config.Metadata.Uid = config.Metadata.ResourceVersion = null;
        world.Create(ResourceTypes.ProviderConfigs, config);
        world.Until("the instance is gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0);
        Assert.That(world.Cloud.In(Collections.Servers), Is.Empty);
    }

    [Test]
    public void A_location_that_moves_while_something_stands_there_is_told_and_followed_only_when_it_is_empty()
    {
        using var world = new EngineWorld();
        world.Descriptor = world.Descriptor! with { SessionScope = ["zone"] };
        world.Restart();
        world.Running();
        world.Plane.Edit(ResourceTypes.Locations, EngineWorld.Namespace, "here", l => l.Spec.Provider = new() { ["simulator"] = System.Text.Json.JsonElement.Parse("""{"zone":"z2"}""") });
        world.Until("it is told", () => world.OfLocation(ConditionTypes.Accepted) is { Status: ConditionStatus.False, Reason: Reasons.PlacementInUse });
        Assert.That(world.OfLocation(ConditionTypes.Accepted)!.Message, Does.Contain("spec.provider.simulator.zone is 'z2'").And.Contain("'z1'"));
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Entries.Count(e => e.Spec.Kind == "Network"), Is.EqualTo(1));
        world.DeleteInstance();
        world.DeleteNetwork();
        world.Until("nothing is left", () => world.NothingIsLeft);
        world.Until("the location is in order", () => world.OfLocation(ConditionTypes.Accepted)?.Status == ConditionStatus.True);
    }

    private static IEnumerable<string[]> Permutations(string[] of) => of.Length <= 1
        ? [of]
        : of.SelectMany(first => Permutations([.. of.Where(x => x != first)]).Select(rest => (string[])[first, .. rest]));
}
