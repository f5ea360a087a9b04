using System.Text.Json;
using Datum.Providers.ControlPlane.Ipam;
using Datum.Providers.ControlPlane.Networking;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Tests.EndToEnd;

/// <summary>Network to context, claim and Subnet: what is asked for, refused and told.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class NetworkTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose()
    {
        Assert.That(_world.Errors, Is.Empty);
        _world.Dispose();
    }

    [Test]
    public void A_network_of_both_families_gets_a_range_of_each()
    {
        Running(n => n.Spec.IpFamilies = ["IPv4", "IPv6"]);
        Assert.That(_world.Plane.Live(ResourceTypes.SubnetClaims).Select(c => c.Metadata.Name), Is.EqualTo(new[] { "default-default-here-0", "default-default-here-ipv6" }));
        Assert.That(Range("default-default-here-0"), Is.EqualTo("10.128.0.0/20"));
        var six = SubnetRanges.Allocated(Subnet("default-default-here-ipv6"))!.Value;
        Assert.That(six.Length, Is.EqualTo(64));
        Assert.That(NetworkRanges.IPv6Pool.Contains(six));
        var claim = _world.Plane.Peek(ResourceTypes.SubnetClaims, World.Namespace, "default-default-here-ipv6")!;
        Assert.That((claim.Status!.SubnetRef!.Name, claim.Status.StartAddress, claim.Status.PrefixLength), Is.EqualTo((claim.Metadata.Name, six.StartAddress, 64)));
        Assert.That(World.Available(_world.Workload())!.Status, Is.EqualTo("True"));
    }

    [TestCase("ipv4Range", "172.20.0.0/20")]
    [TestCase("ipv4Ranges", "172.20.0.0/20")]
    public void Ranges_are_taken_from_upstreams_member_and_from_the_seeds(string member, string expected)
    {
        Running(n =>
        {
            if (member == "ipv4Range")
                n.Spec.Ipam.IPv4Range = "172.20.0.0/16";
            else
                n.Spec.Ipam.IPv4Ranges = ["172.20.0.0/16"];
        });
        Assert.That(Range("default-default-here-0"), Is.EqualTo(expected));
    }

    [Test]
    public void The_seeds_network_gets_both_of_its_ranges()
    {
        Running(n =>
        {
            n.Spec.IpFamilies = ["IPv4", "IPv6"];
            (n.Spec.Ipam.IPv4Ranges, n.Spec.Ipam.IPv6Ranges) = (["172.17.0.0/16"], ["fd20:1234:5678::/48"]);
        });
        Assert.That((Range("default-default-here-0"), Range("default-default-here-ipv6")), Is.EqualTo(("172.17.0.0/20", "fd20:1234:5678::/64")));
    }

    [TestCase("Auto", null, "True", Reasons.Ready, "")]
    [TestCase("Policy", null, "False", Reasons.Unsupported, "spec.ipam.mode")]
    [TestCase("Auto", "10.0.0.1/8", "False", Reasons.ConfigurationError, "spec.ipam.ipv4Range: '10.0.0.1/8' has address bits")]
    [TestCase("Auto", "fd00::/48", "False", Reasons.ConfigurationError, "spec.ipam.ipv4Range: fd00::/48 is not IPv4")]
    [TestCase("Auto", "10.0.0.0/31", "False", Reasons.ConfigurationError, "spec.ipam.ipv4Range: 10.0.0.0/31 has no room")]
    public void L11_a_network_says_whether_its_ranges_can_be_given_out(string mode, string? range, string status, string reason, string message)
    {
        Running(n => (n.Spec.Ipam.Mode, n.Spec.Ipam.IPv4Range) = (mode, range));
        var ready = Conditions.Find(_world.Plane.Peek(ResourceTypes.Networks, World.Namespace, "default")!.Status!.Conditions, ConditionTypes.Ready)!;
        Assert.That((ready.Status, ready.Reason), Is.EqualTo((status, reason)));
        Assert.That(ready.Message, Does.StartWith(message));
        if (status == "True")
            return;
        Assert.That(_world.Warnings, Is.EquivalentTo(new[] { $"Network default {reason}", $"Subnet default-default-here-0 {reason}" }));
        Assert.That(World.Available(_world.Workload())!.Message, Does.Contain(message), "the Workload tells it too");

        // Corrected, it goes on by itself.
        _world.Plane.Edit(ResourceTypes.Networks, World.Namespace, "default", n => (n.Spec.Ipam.Mode, n.Spec.Ipam.IPv4Range) = ("Auto", null));
        _world.Settle();
        Assert.That(World.Available(_world.Workload())!.Status, Is.EqualTo("True"));
    }

    [Test]
    public void Exhaustion_is_a_condition_and_one_event_and_ends_when_the_network_gets_room()
    {
        Running(n => n.Spec.Ipam.IPv4Range = "192.168.4.0/22");
        _world.CreateLocation("there", "LHR");
        _world.CreateWorkload("two", change: w => w.Spec.Placements[0].CityCodes = ["LHR"]);
        _world.Settle();
        Assert.That(Allocated("default-default-there-0"), Has.Property("Status").EqualTo("False").And.Property("Reason").EqualTo(Reasons.RangeUnavailable)
            .And.Property("Message").Contains("192.168.4.0/22"));
        _world.Time.Advance(TimeSpan.FromHours(1));
        _world.Restart();
        _world.Time.Advance(TimeSpan.FromHours(1));
        Assert.That(_world.Warnings, Is.EqualTo(new[] { $"Subnet default-default-there-0 {Reasons.RangeUnavailable}" }));

        _world.Plane.Edit(ResourceTypes.Networks, World.Namespace, "default", n => n.Spec.Ipam.IPv4Ranges = ["192.168.8.0/22"]);
        _world.Settle();
        Assert.That(Range("default-default-there-0"), Is.EqualTo("192.168.8.0/22"));
        Assert.That(Range("default-default-here-0"), Is.EqualTo("192.168.4.0/22"), "what was allocated stays");
    }

    [TestCase("""{"podman":{"host":"one"}}""", """{"podman":{"host":"one"}}""", null)]
    [TestCase("""{"podman":{"host":"one"}}""", """{"podman":{"host":"two"}}""", "192.168.4.0/22")]
    [TestCase("""{"aws":{"region":"r","zones":{"a":1,"b":2}}}""", """{ "aws": { "zones": { "b": 2, "a": 1.0 }, "region": "\u0072" } }""", null)]
    [TestCase("""{"aws":{"region":"r","zones":["a","b"]}}""", """{"aws":{"region":"r","zones":["b","a"]}}""", "192.168.4.0/22")]
    public void Networks_with_ranges_of_their_own_may_overlap_at_different_places_alone(string here, string there, string? second)
    {
        void Location(string name, string city, string provider)
        {
            _world.CreateLocation(name, city);
            _world.Plane.Edit(ResourceTypes.Locations, World.Namespace, name, l => l.Spec.Provider = JsonElement.Parse(provider).Deserialize<Dictionary<string, JsonElement>>());
        }

        Location("here", "DFW", here);
        Location("there", "LHR", there);
        _world.CreateNetwork("first", n => n.Spec.Ipam.IPv4Range = "192.168.4.0/22");
        _world.CreateNetwork("second", n => n.Spec.Ipam.IPv4Range = "192.168.4.0/22");
        _world.CreateWorkload("one", change: w => w.Spec.Template.Spec.NetworkInterfaces[0].Network.Name = "first");
        _world.Settle();
        _world.CreateWorkload("two", change: w => (w.Spec.Template.Spec.NetworkInterfaces[0].Network.Name, w.Spec.Placements[0].CityCodes) = ("second", ["LHR"]));
        _world.Settle();
        Assert.That(Range("first-default-here-0"), Is.EqualTo("192.168.4.0/22"));
        Assert.That(second is null ? Allocated("second-default-there-0").Reason : Range("second-default-there-0"), Is.EqualTo(second ?? Reasons.RangeUnavailable));
    }

    [Test]
    public void L11_a_class_that_is_not_known_is_refused_by_name()
    {
        Running();
        Claim("more", c => c.SubnetClass = "public");
        Assert.That(Allocated("more"), Has.Property("Reason").EqualTo(Reasons.Unsupported).And.Property("Message").EqualTo("spec.subnetClass is 'public'; known are private."));
    }

    [Test]
    public void A_claim_may_ask_for_another_range_until_one_is_allocated()
    {
        Running();
        Claim("more", c => (c.StartAddress, c.PrefixLength) = ("10.128.0.0", 24));
        Assert.That(Allocated("more").Reason, Is.EqualTo(Reasons.RangeUnavailable));
        Edit("more", c => c.StartAddress = "10.140.0.0");
        Assert.That(Range("more"), Is.EqualTo("10.140.0.0/24"));

        Edit("more", c => c.StartAddress = "10.141.0.0");
        var ready = Conditions.Find(_world.Plane.Peek(ResourceTypes.SubnetClaims, World.Namespace, "more")!.Status!.Conditions, ConditionTypes.Ready)!;
        Assert.That((ready.Status, ready.Reason), Is.EqualTo(("False", Reasons.Conflict)));
        Assert.That(ready.Message, Does.Contain("10.140.0.0/24"));
        Assert.That(Range("more"), Is.EqualTo("10.140.0.0/24"));
    }

    [Test]
    public void What_was_asked_for_stands_beside_what_was_chosen_until_it_is_gone()
    {
        Running();
        Claim("more", c => c.PrefixLength = 24);
        var subnet = Subnet("more");
        Assert.That(Range("more"), Is.EqualTo("10.128.16.0/24"));
        Assert.That((subnet.Spec.StartAddress, subnet.Spec.PrefixLength, subnet.Metadata.Annotation(Annotations.AskedRange)), Is.EqualTo(("10.128.16.0", 24, "any/24")));
        _world.Delete(ResourceTypes.Workloads, "web");
        _world.Delete(ResourceTypes.SubnetClaims, "more");
        _world.Delete(ResourceTypes.Subnets, "more");
        _world.Settle();
        Claim("next", c => c.PrefixLength = 24);
        Assert.That(Range("next"), Is.EqualTo("10.128.16.0/24"), "returned on deletion");
    }

    private void Running(Action<Network>? change = null)
    {
        _world.CreateLocation();
        _world.CreateNetwork(change: change);
        _world.CreateWorkload();
        _world.Settle();
    }

    private void Claim(string name, Action<SubnetClaimSpec> change)
    {
        var claim = new SubnetClaim
        {
            Spec = { SubnetClass = "private", IpFamily = "IPv4", NetworkContext = { Name = "default-default-here" }, Location = { Name = "here", Namespace = World.Namespace } },
        };
        (claim.Metadata.Name, claim.Metadata.Namespace) = (name, World.Namespace);
        change(claim.Spec);
        _world.Create(ResourceTypes.SubnetClaims, claim);
        _world.Settle();
    }

    private void Edit(string claim, Action<SubnetClaimSpec> change)
    {
        _world.Plane.Edit(ResourceTypes.SubnetClaims, World.Namespace, claim, c => change(c.Spec));
        _world.Settle();
    }

    private Subnet Subnet(string name) => _world.Plane.Peek(ResourceTypes.Subnets, World.Namespace, name)!;

    private Condition Allocated(string name) => Conditions.Find(Subnet(name).Status!.Conditions, ConditionTypes.Allocated)!;

    private string? Range(string name) => SubnetRanges.Allocated(Subnet(name))?.ToString();
}
