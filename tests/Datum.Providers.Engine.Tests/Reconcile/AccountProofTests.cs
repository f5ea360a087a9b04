using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;

namespace Datum.Providers.Engine.Tests.Reconcile;

/// <summary>Absence is believed only of a session that proved the entry's account in that round (laws L6 and L15): an account may change under an open session.</summary>
internal sealed class AccountProofTests
{
    [Test]
    public void L6_an_account_that_changes_under_an_open_session_hides_objects_and_nothing_is_made_again()
    {
        using var world = new EngineWorld().Running();
        world.Advance(TimeSpan.FromMinutes(1));
        var server = world.Server.Id;
        world.Elsewhere = true;
        var mutations = world.Cloud.Statistics.Mutations;
        world.Until("it is told", () => world.ReasonOf("Instance") == Reasons.AccountChanged);
        world.Advance(TimeSpan.FromMinutes(30));
        Assert.That((world.Cloud.Statistics.Mutations, world.OtherCloud.Objects.Length), Is.EqualTo((mutations, 0)));
        Assert.That(world.Entries.Select(e => e.Spec.Record.Incarnation), Is.All.EqualTo(1));

        // The same session sees the old account again: nothing has happened.
        world.Elsewhere = false;
        world.Until("all is well", () => world.Runs() && world.AllReady);
        Assert.That(world.Server.Id, Is.EqualTo(server));
        Assert.That(world.Cloud.Audit.Lives.Select(l => l.Created), Is.All.EqualTo(1));
    }

    [Test]
    public void L6_an_account_that_changes_during_a_deletion_lets_nothing_go()
    {
        using var world = new EngineWorld().Running();
        world.Advance(TimeSpan.FromMinutes(1));
        world.Leads = false;
        world.DeleteInstance();
        world.Advance(TimeSpan.FromMinutes(1));
        world.Elsewhere = true;
        world.Leads = true;
        world.Advance(TimeSpan.FromMinutes(30));
        Assert.That(world.Plane.Live(ResourceTypes.Instances), Has.Count.EqualTo(1));
        Assert.That(world.Entries.Any(e => e.Spec.Kind == "Instance"));
        world.Elsewhere = false;
        world.Until("the instance is gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0);
        Assert.That(world.Cloud.In(Collections.Servers), Is.Empty);
    }

    [Test]
    public void L6_a_probe_that_isnt_answered_proves_nothing_and_is_asked_again()
    {
        using var world = new EngineWorld().Running();
        world.Advance(TimeSpan.FromMinutes(1));
        world.Cloud.Add(new FaultRule { Method = "GET", Path = "/v1/account", Kind = FaultKind.ErrorBefore, Status = 503, Times = 1000 });
        world.DeleteInstance();
        world.Until("it is taken down", () => world.Cloud.In(Collections.Servers).Length == 0);
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Plane.Live(ResourceTypes.Instances), Has.Count.EqualTo(1));
        // Between two probes the breaker is open.
        Assert.That(world.ReasonOf("Instance"), Is.AnyOf(Reasons.Unavailable, Reasons.BreakerOpen));
        world.Cloud.ClearFaults();
        world.Until("the instance is gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0);
    }

    [Test]
    public void L5_a_create_whose_answer_was_lost_is_repeated_only_in_the_account_that_it_was_sent_to([Values(CreateClass.Token, CreateClass.Named, CreateClass.Marked)] CreateClass of)
    {
        using var world = new EngineWorld(new SimulatorKnobs { CreateClasses = ImmutableDictionary<ResourceKind, CreateClass>.Empty.Add(ResourceKind.Network, of) });
        world.Cloud.Add(new FaultRule { Method = "POST", Path = "/v1/networks", Kind = FaultKind.ResetAfter });
        world.Plane.Fault = w =>
        {
            // Between the lost answer and the look that follows it.
            if (w is { Plural: "managedresources", Verb: "patch", Subresource: "status" } && world.Cloud.In(Collections.Networks).Length == 1)
                world.Elsewhere = true;
            return null;
        };
        world.CreateNetwork();
        world.Until("it is told", () => world.ReasonOf("Network") == Reasons.AccountChanged);
        world.Plane.Fault = null;
        world.Advance(TimeSpan.FromMinutes(30));
        Assert.That((world.Cloud.Statistics.Creates[Collections.Networks], world.OtherCloud.Objects.Length), Is.EqualTo((1, 0)));
        world.Elsewhere = false;
        world.Until("the network is there", () => world.Entries is { Count: 2 } && world.AllReady);
        Assert.That(world.Cloud.Statistics.Creates[Collections.Networks], Is.EqualTo(1));
    }

    [Test]
    public void L6_what_goes_costs_one_probe_each_at_most()
    {
        using var world = new EngineWorld();
        world.CreateNetwork();
        for (var i = 0; i < 20; i++)
        {
            var name = $"web-{i}";
            world.CreateInstance(x => x.Metadata.Name = name);
        }
        world.Until("they run", () => world.Cloud.In(Collections.Servers).Length == 20 && world.AllReady, TimeSpan.FromHours(1));
        var probes = world.Requests.Count(r => r.Path == "/v1/account");
        foreach (var instance in world.Plane.Live(ResourceTypes.Instances))
            world.Plane.Delete(ResourceTypes.Instances, instance.Key);
        world.Until("they are gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0, TimeSpan.FromHours(1));
        // Forty entries (servers and firewalls) were let go of.
        var asked = world.Requests.Count(r => r.Path == "/v1/account") - probes;
        TestContext.Out.WriteLine($"{asked} probes for 40 entries");
        // And a few for the listings' rounds of that time.
        Assert.That(asked, Is.InRange(1, 44));
    }
}
