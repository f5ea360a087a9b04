using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;

namespace Datum.Providers.Engine.Tests.Reconcile;

/// <summary>Laws L1, L4, L5 and L6: the process ends between any two of its writes and platform mutations, and another one goes on.</summary>
internal sealed class KillTests
{
    private static readonly ResourceKind[] Kinds = [ResourceKind.Network, ResourceKind.Subnet, ResourceKind.Firewall, ResourceKind.Disk, ResourceKind.Instance];

    [Test]
    public void At_every_moment_of_create_replace_and_delete()
    {
        var killed = Loop(new SimulatorKnobs(), every: 1);
        Assert.That(killed, Is.GreaterThan(100));
    }

    [TestCase(CreateClass.Token)]
    [TestCase(CreateClass.Named)]
    [TestCase(CreateClass.Marked)]
    public void With_every_kind_of_one_create_class(CreateClass of) =>
        Assert.That(Loop(new SimulatorKnobs { CreateClasses = Kinds.ToImmutableDictionary(k => k, _ => of) }, every: 4), Is.GreaterThan(20));

    [Test]
    public void On_a_platform_that_shows_new_objects_late_and_works_long()
    {
        var knobs = new SimulatorKnobs
        {
            ConsistencyWindow = TimeSpan.FromSeconds(4), ListLag = TimeSpan.FromSeconds(4),
            OperationDurations = Kinds.ToImmutableDictionary(k => k, _ => TimeSpan.FromSeconds(7)), IdsOnlyInOperation = true,
        };
        Assert.That(Loop(knobs, every: 4), Is.GreaterThan(20));
    }

    /// <summary>Kills once in each run, one moment later each time, until a run ends before its moment.</summary>
    private static int Loop(SimulatorKnobs knobs, int every)
    {
        var killed = 0;
        for (var at = 1; ; at += every)
        {
            using var world = new EngineWorld(knobs, killAt: at);
            var first = world.Switch;
            try
            {
                Life(world);
            }
            catch (AssertionException e)
            {
                throw new AssertionException($"Killed at moment {at}: {e.Message}", e);
            }
            Assert.That(world.Cloud.Audit.Violations, Is.Empty, $"L1, killed at moment {at}");
            if (!first.Dead)
            {
                TestContext.Out.WriteLine($"killed at {killed} moments of {first.Moments}");
                return killed;
            }
            killed++;
        }
    }

    private static void Life(EngineWorld world)
    {
        world.CreateNetwork();
        world.CreateInstance(EngineWorld.WithDisk);
        world.Until("the instance runs", () => world.Runs() && world.AllReady, TimeSpan.FromMinutes(30));
        world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        world.Until("the new image runs", () => world.Runs("web:2") && world.AllReady, TimeSpan.FromMinutes(30));
        world.DeleteInstance();
        world.DeleteNetwork();
        world.Until("nothing is left", () => world.NothingIsLeft, TimeSpan.FromMinutes(30));
    }
}
