using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Tests.EndToEnd;

[TestFixture(0)]
[TestFixture(700)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class DeletionTests(int watchDelayMilliseconds) : IDisposable
{
    private readonly World _world = new(TimeSpan.FromMilliseconds(watchDelayMilliseconds));

    public void Dispose()
    {
        Assert.That(_world.Errors, Is.Empty);
        _world.Dispose();
    }

    private void Running(int replicas = 2)
    {
        _world.CreateLocation();
        _world.CreateNetwork();
        _world.CreateWorkload(replicas: replicas);
        _world.Settle();
        Assert.That(World.Available(_world.Workload())!.Status, Is.EqualTo("True"));
        _world.Provider.Removed.Clear();
    }

    private static IEnumerable<TestCaseData<string[]>> Orders()
    {
        string[] parents = ["workload", "network", "location", "context", "deployment"];
        foreach (var a in parents)
        {
            foreach (var b in parents.Where(p => p != a))
                yield return new TestCaseData<string[]>([a, b, .. parents.Where(p => p != a && p != b)]) { TestName = $"{{m}}({a} first, then {b})" };
        }
    }

    [TestCaseSource(nameof(Orders))]
    public void Whatever_goes_first_nothing_is_left_and_instances_go_before_networks(string[] order)
    {
        Running();
        foreach (var parent in order)
        {
            switch (parent)
            {
                case "workload":
                    _world.Delete(ResourceTypes.Workloads, "web");
                    break;
                case "network":
                    _world.Delete(ResourceTypes.Networks, "default");
                    break;
                case "location":
                    _world.Delete(ResourceTypes.Locations, "here");
                    break;
                case "context":
                    _world.Delete(ResourceTypes.NetworkContexts, "default-default-here");
                    break;
                case "deployment":
                    _world.Delete(ResourceTypes.WorkloadDeployments, "web-us-dfw");
                    break;
                default:
                    Assert.Fail(parent);
                    break;
            }

            // Only a little, so that the next one goes while the first is on its way.
            _world.Time.Advance(TimeSpan.FromSeconds(2));
            _world.Provider.Step();
        }

        _world.Settle();
        Assert.That(_world.Left(), Is.Empty);
        var last = _world.Provider.Removed.FindLastIndex(r => r.StartsWith("instances/", StringComparison.Ordinal));
        var firstNetwork = _world.Provider.Removed.FindIndex(r => r.StartsWith("subnets/", StringComparison.Ordinal));
        Assert.That(firstNetwork, Is.GreaterThan(last), string.Join(", ", _world.Provider.Removed));
    }

    [TestCase("workloads")]
    [TestCase("workloaddeployments")]
    [TestCase("networkcontexts")]
    [TestCase("networks")]
    public void A_parent_that_vanished_without_its_finalizers_strands_nothing(string kind)
    {
        Running();
        switch (kind)
        {
            case "workloads":
                _world.Plane.Vanish(ResourceTypes.Workloads, World.Namespace, "web");
                break;
            case "workloaddeployments":
                _world.Plane.Vanish(ResourceTypes.WorkloadDeployments, World.Namespace, "web-us-dfw");
                break;
            case "networkcontexts":
                _world.Plane.Vanish(ResourceTypes.NetworkContexts, World.Namespace, "default-default-here");
                break;
            case "networks":
                _world.Plane.Vanish(ResourceTypes.Networks, World.Namespace, "default");
                break;
            default:
                Assert.Fail(kind);
                break;
        }

        _world.Settle();
        if (_world.Plane.Peek(ResourceTypes.Workloads, World.Namespace, "web") is not null)
            _world.Delete(ResourceTypes.Workloads, "web");
        _world.Settle();
        if (_world.Plane.Peek(ResourceTypes.Networks, World.Namespace, "default") is not null)
            _world.Delete(ResourceTypes.Networks, "default");
        _world.Settle();
        Assert.That(_world.Left(), Is.Empty);
    }

    [Test]
    public void A_network_in_use_is_kept_and_names_its_users()
    {
        Running();
        _world.Delete(ResourceTypes.Networks, "default");
        _world.Settle();
        var network = _world.Plane.Peek(ResourceTypes.Networks, World.Namespace, "default")!;
        Assert.That(Conditions.Find(network.Status!.Conditions, ConditionTypes.DeletionBlocked), Has.Property("Message").Contains("web-us-dfw-net-0"));
        Assert.That(World.Available(_world.Workload())!.Status, Is.EqualTo("True"));
        Assert.That(_world.Plane.Live(ResourceTypes.Subnets), Has.Count.EqualTo(1));
    }

    [Test]
    public void While_the_platform_is_stuck_every_level_says_what_it_waits_for()
    {
        Running();
        _world.Provider.Stuck = true;
        _world.Delete(ResourceTypes.Workloads, "web");
        _world.Settle();
        string Blocked(List<Condition>? conditions) => Conditions.Find(conditions, ConditionTypes.DeletionBlocked)!.Message;
        Assert.That(Blocked(_world.Workload().Status!.Conditions), Does.Contain("web-us-dfw"));
        Assert.That(Blocked(_world.Deployment().Status!.Conditions), Does.Contain("web-us-dfw-0, web-us-dfw-1"));
        var writes = _world.Plane.Writes.Count;
        _world.Time.Advance(TimeSpan.FromHours(1));
        Assert.That(_world.Plane.Writes, Has.Count.EqualTo(writes), "L8: waiting writes nothing");
        _world.Provider.Stuck = false;
        _world.Settle();
        Assert.That(_world.Left(), Is.EquivalentTo(new[] { "networks/default", "networkcontexts/default-default-here", "subnetclaims/default-default-here-0", "subnets/default-default-here-0" }));
    }

    [Test]
    public void A_range_that_came_free_goes_to_the_subnet_that_waited_for_it()
    {
        _world.CreateLocation("a", "AAA");
        _world.CreateLocation("b", "BBB");
        _world.CreateNetwork(change: n => n.Spec.Ipam.IPv4Range = "192.168.4.0/22");
        _world.CreateWorkload("one", change: w => w.Spec.Placements[0].CityCodes = ["AAA"]);
        _world.Settle();
        _world.CreateWorkload("two", change: w => w.Spec.Placements[0].CityCodes = ["BBB"]);
        _world.Settle();
        var second = _world.Plane.Peek(ResourceTypes.Subnets, World.Namespace, "default-default-b-0")!;
        Assert.That(Conditions.Find(second.Status!.Conditions, ConditionTypes.Allocated), Has.Property("Reason").EqualTo(Reasons.RangeUnavailable));
        Assert.That(World.Available(_world.Workload("two")), Has.Property("Message").Contains("192.168.4.0/22"));

        _world.Delete(ResourceTypes.Workloads, "one");
        _world.Settle();
        _world.Delete(ResourceTypes.NetworkContexts, "default-default-a");
        _world.Settle();
        Assert.That(World.Available(_world.Workload("two"))!.Status, Is.EqualTo("True"));
        Assert.That(Range(_world.Plane.Peek(ResourceTypes.Subnets, World.Namespace, "default-default-b-0")!), Is.EqualTo("192.168.4.0/22"));
    }

    [Test]
    public void A_lost_status_and_a_restart_change_no_range()
    {
        Running();
        _world.CreateLocation("b", "LHR");
        _world.CreateWorkload("two", change: w => w.Spec.Placements[0].CityCodes = ["LHR"]);
        _world.Settle();
        // The first one goes, so that a naive allocator would now hand out its range.
        _world.Delete(ResourceTypes.Workloads, "web");
        _world.Settle();
        _world.Delete(ResourceTypes.NetworkContexts, "default-default-here");
        _world.Settle();
        _world.Plane.EditStatus(ResourceTypes.Subnets, World.Namespace, "default-default-b-0", s => s.Status = null);
        _world.Restart();
        _world.Settle();
        Assert.That(Range(_world.Plane.Live(ResourceTypes.Subnets).Single()), Is.EqualTo("10.128.16.0/20"));
    }

    private static string Range(Subnet subnet) => $"{subnet.Status!.StartAddress}/{subnet.Status.PrefixLength}";
}
