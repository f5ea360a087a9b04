using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Tests.EndToEnd;

public sealed class FaultTests
{
    [Test]
    public void Refused_writes_late_events_and_restarts_delay_and_change_nothing([Range(1, 25)] int seed)
    {
        using var world = new World(TimeSpan.FromMilliseconds(300 * (seed % 4)), seed);
        var random = new Random(seed);
        world.Plane.Fault = _ => random.Next(6) switch
        {
            0 => new KubernetesException(409, "Conflict", "injected"),
            1 => new KubernetesException(500, "InternalError", "injected"),
            2 => new HttpRequestException("injected"),
            _ => null,
        };
        // What the test itself writes isn't refused.
        void Undisturbed(Action act)
        {
            var fault = world.Plane.Fault;
            world.Plane.Fault = null;
            act();
            world.Plane.Fault = fault;
        }

        Undisturbed(() =>
        {
            world.CreateLocation("a");
            world.CreateLocation("b", "LHR");
            world.CreateNetwork(change: n => n.Spec.IpFamilies = ["IPv4", "IPv6"]);
            world.CreateNetwork("second");
            world.CreateWorkload("one", 2, w => w.Spec.Placements[0].CityCodes.Add("LHR"));
            world.CreateWorkload("two", 3, w => w.Spec.Template.Spec.NetworkInterfaces.Add(new() { Network = { Name = "second" } }));
        });
        for (var i = 0; i < 40; i++)
        {
            world.Time.Advance(TimeSpan.FromMilliseconds(random.Next(2000)));
            Undisturbed(() => world.Provider.Step());
            if (random.Next(8) == 0)
                world.Restart();
            if (i == 20)
                Undisturbed(() => world.Edit("two", w => w.Spec.Template.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2"));
            if (i == 30)
                Undisturbed(() => world.Edit("one", w => w.Spec.Placements[0].ScaleSettings.MinReplicas = 1));
        }

        world.Plane.Fault = null;
        // The longest delay after a failure is five minutes.
        for (var i = 0; i < 40; i++)
        {
            world.Time.Advance(TimeSpan.FromMinutes(6));
            world.Provider.Step();
        }

        world.Settle();
        Assert.That(World.Available(world.Workload("one"))!.Status, Is.EqualTo("True"), $"seed {seed}");
        Assert.That(World.Available(world.Workload("two"))!.Status, Is.EqualTo("True"), $"seed {seed}");
        Assert.That(world.Instances.Select(i => i.Metadata.Name), Is.EqualTo(new[] { "one-us-dfw-0", "one-us-lhr-0", "two-us-dfw-0", "two-us-dfw-1", "two-us-dfw-2" }));
        Assert.That(world.Workload("two").Status!.CurrentReplicas, Is.EqualTo(3));
        var ranges = world.Plane.Live(ResourceTypes.Subnets).Select(s => SubnetOf(s)).ToList();
        Assert.That(ranges, Is.Unique.And.Count.EqualTo(5));

        world.Delete(ResourceTypes.Networks, "default");
        world.Delete(ResourceTypes.Networks, "second");
        world.Delete(ResourceTypes.Workloads, "one");
        world.Delete(ResourceTypes.Workloads, "two");
        world.Settle();
        Assert.That(world.Left(), Is.Empty, $"seed {seed}");
    }

    private static string SubnetOf(Subnet subnet) => $"{subnet.Status!.StartAddress}/{subnet.Status.PrefixLength}";
}
