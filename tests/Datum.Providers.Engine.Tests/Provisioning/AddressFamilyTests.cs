using System.Net;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Engine.Tests.Provisioning;

/// <summary>From a Workload by way of the core controllers to addresses at the platform and back, for both orders of ranges and every set of families.</summary>
internal sealed class AddressFamilyTests
{
    [TestCase(RangeOrder.NetworkFirst, "IPv4")]
    [TestCase(RangeOrder.NetworkFirst, "IPv6")]
    [TestCase(RangeOrder.NetworkFirst, "IPv4 IPv6")]
    [TestCase(RangeOrder.RangeFirst, "IPv4")]
    [TestCase(RangeOrder.RangeFirst, "IPv6")]
    [TestCase(RangeOrder.RangeFirst, "IPv4 IPv6")]
    public void Ranges_are_allocated_kept_over_restarts_and_returned(RangeOrder order, string families)
    {
        using var world = new EngineWorld(profile: new SimulatorProfile { RangeOrder = order, WidensNetworks = false }, withCore: true);
        Begin(world, families);
        var ranges = Ranges(world);
        Assert.That(ranges.Select(r => IPNetwork.Parse(r).BaseAddress.ToString().Contains(':', StringComparison.Ordinal) ? "IPv6" : "IPv4"), Is.EquivalentTo(families.Split(' ')));
        Assert.That(world.Cloud.In(Collections.Subnets).Select(s => s.Range!).Order(StringComparer.Ordinal), Is.EqualTo(ranges));
        Assert.That(world.Cloud.In(Collections.Networks).Single().Ranges ?? [], order is RangeOrder.RangeFirst ? Is.EquivalentTo(ranges) : Is.Empty);
        Assert.That(world.Cloud.In(Collections.Nics).Single().SubnetIds!.Value, Is.EquivalentTo(world.Cloud.In(Collections.Subnets).Select(s => s.Id)));
        var address = IPAddress.Parse(world.Plane.Live(ResourceTypes.Instances).Single().Status!.NetworkInterfaces![0].Assignments!.NetworkIP!);
        Assert.That(ranges.Any(r => IPNetwork.Parse(r).Contains(address)), $"{address} is of none of the ranges");

        // What is stored is all that counts: neither a restart nor lost status changes an address.
        var mutations = world.Cloud.Statistics.Mutations;
        foreach (var subnet in world.Plane.Live(ResourceTypes.Subnets))
            world.Plane.EditStatus(ResourceTypes.Subnets, EngineWorld.Namespace, subnet.Metadata.Name!, s => s.Status = null);
        world.Restart();
        world.Advance(TimeSpan.FromMinutes(30));
        Assert.That((Ranges(world), world.Cloud.Statistics.Mutations), Is.EqualTo((ranges, mutations)));

        world.Plane.Delete(ResourceTypes.Workloads, new ObjectKey(EngineWorld.Namespace, "web"));
        world.Plane.Delete(ResourceTypes.Networks, new ObjectKey(EngineWorld.Namespace, "default"));
        world.Until("nothing is left", () => world.NothingIsLeft && world.Plane.Live(ResourceTypes.SubnetClaims).Count == 0, TimeSpan.FromHours(1));
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
        Begin(world, families);
        if (families.Contains("IPv4", StringComparison.Ordinal))
            Assert.That(Ranges(world), Contains.Item("10.128.0.0/20"), "returned on deletion");
    }

    private static void Begin(EngineWorld world, string families)
    {
        world.CreateNetworkAlone();
        world.Plane.Edit(ResourceTypes.Networks, EngineWorld.Namespace, "default", n => n.Spec.IpFamilies = [.. families.Split(' ')]);
        world.CreateWorkload();
        world.Until("it runs", () => world.AllReady && world.Plane.Live(ResourceTypes.Instances) is [{ } i] && Conditions.IsTrue(i.Status?.Conditions, ConditionTypes.Ready), TimeSpan.FromHours(1));
    }

    private static List<string> Ranges(EngineWorld world) =>
        [.. world.Plane.Live(ResourceTypes.Subnets).Select(s => $"{s.Spec.StartAddress}/{s.Spec.PrefixLength}").Order(StringComparer.Ordinal)];
}
