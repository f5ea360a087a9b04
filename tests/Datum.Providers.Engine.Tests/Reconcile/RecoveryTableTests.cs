using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;

namespace Datum.Providers.Engine.Tests.Reconcile;

/// <summary>What becomes of a create for each create class, each effect and each place of its part: one object, or a person is asked (law L5).</summary>
internal sealed class RecoveryTableTests
{
    /// <summary>How an effect comes about.</summary>
    public enum Wire
    {
        /// <summary>429: refused before anything was done.</summary>
        NotApplied,

        /// <summary>Nothing was sent at all.</summary>
        NotSent,

        /// <summary>Done, and the answer says so; the record of it meets a conflict.</summary>
        Applied,

        /// <summary>The connection broke, and it was done.</summary>
        UnknownApplied,

        /// <summary>The connection broke, and it wasn't.</summary>
        UnknownNotApplied,
    }

    [Test, Combinatorial]
    public void L5_a_create_ends_as_one_object_or_with_a_person(
        [Values(CreateClass.Token, CreateClass.Named, CreateClass.Marked, CreateClass.Manual)] CreateClass of,
        [Values] Wire wire,
        [Values(Collections.Nics, Collections.Servers)] string part)
    {
        // An Instance's first part is its nic, its last the server.
        using var world = new EngineWorld(
            new SimulatorKnobs { CreateClasses = ImmutableDictionary<ResourceKind, CreateClass>.Empty.Add(ResourceKind.Instance, of) }, new SimulatorProfile { WeakestCreateClass = CreateClass.Manual });
        var conflicts = 0;
        switch (wire)
        {
            case Wire.NotApplied:
                world.Cloud.Add(new FaultRule { Method = "POST", Path = $"/v1/{part}", Kind = FaultKind.ErrorBefore, Status = 429, Code = "THROTTLED" });
                break;
            case Wire.NotSent:
                world.Cloud.Add(new FaultRule { Method = "POST", Path = $"/v1/{part}", Kind = FaultKind.Refuse });
                break;
            case Wire.Applied:
                world.Plane.Fault = w => w is { Plural: "managedresources", Verb: "patch", Subresource: null } && world.Cloud.In(part).Length == 1 && conflicts++ < 2
                    ? new Kubernetes.KubernetesException(409, "Conflict", "injected") : null;
                break;
            case Wire.UnknownApplied:
                world.Cloud.Add(new FaultRule { Method = "POST", Path = $"/v1/{part}", Kind = FaultKind.ResetAfter });
                break;
            default:
                world.Cloud.Add(new FaultRule { Method = "POST", Path = $"/v1/{part}", Kind = FaultKind.ResetBefore });
                break;
        }
        world.CreateNetwork();
        world.CreateInstance();

        if (of is CreateClass.Manual && wire is Wire.UnknownApplied or Wire.UnknownNotApplied)
        {
            world.Until("a person is asked", () => world.ReasonOf("Instance") == Reasons.NeedsPerson);
            world.Advance(TimeSpan.FromHours(2));
            Assert.That(world.Requests.Count(r => r.Method == HttpMethod.Post && r.Path == $"/v1/{part}"), Is.EqualTo(1), "it is never repeated");
            Assert.That(world.Entry("Instance").Spec.Record.Intent, Is.Not.Null);
        }
        else
        {
            world.Until("the instance runs", () => world.Runs() && world.AllReady, TimeSpan.FromHours(1));
            Assert.That(world.Cloud.In(part), Has.Length.EqualTo(1));
            Assert.That(world.Cloud.Statistics.Creates[part], Is.EqualTo(1));
        }
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
        Assert.That(world.Entries.Select(e => e.Spec.Record.Incarnation), Is.All.EqualTo(1));
    }

    [Test]
    public void L5_a_token_whose_life_is_over_isnt_repeated_but_looked_for()
    {
        // The platform forgets tokens after ten minutes, and the answer was lost; for an hour nobody could ask.
        using var world = new EngineWorld(new SimulatorKnobs { CreateClasses = ImmutableDictionary<ResourceKind, CreateClass>.Empty.Add(ResourceKind.Network, CreateClass.Token), TokenLife = TimeSpan.FromMinutes(10) });
        world.Cloud.Add(new FaultRule { Method = "POST", Path = "/v1/networks", Kind = FaultKind.ResetAfter });
        world.Plane.Fault = w =>
        {
            if (world.Cloud.In(Collections.Networks).Length == 1)
                world.Leads = false;
            return null;
        };
        world.CreateNetwork();
        world.Until("the create is lost", () => world.Cloud.In(Collections.Networks).Length == 1);
        world.Plane.Fault = null;
        world.Restart();
        world.Advance(TimeSpan.FromHours(1));
        world.Leads = true;
        world.Until("the network is there", () => world.Entries is { Count: 2 } && world.AllReady);
        Assert.That(world.Cloud.Statistics.Creates[Collections.Networks], Is.EqualTo(1));
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
    }
}
