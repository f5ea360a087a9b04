using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.Engine.Tests.Translate;

/// <summary>The policy of a network interface at the platform, from its first rule to its end.</summary>
internal sealed class InterfacePolicyTests
{
    [Test]
    public void A_peer_that_changes_is_changed_in_place()
    {
        using var world = new EngineWorld().Running(i => Policy(i).Ingress = [From("10.0.0.0/8", "10.1.0.0/16")]);
        var firewall = Firewall(world);
        var server = world.Server.Id;
        Assert.That(Rules(world), Does.Contain("TCP/80 10.0.0.0/16").And.None.Contains("10.1."));

        world.EditInstance(i => Policy(i).Ingress = [From("192.0.2.0/24")]);
        world.Until("the rules are new", () => Rules(world).SequenceEqual(["TCP/80 192.0.2.0/24"]) && world.AllReady);
        Assert.That((Firewall(world).Id, world.Server.Id), Is.EqualTo((firewall.Id, server)), "nothing is made anew");
    }

    [Test]
    public void A_policy_that_is_taken_away_allows_nothing_any_more_and_its_firewall_goes_with_the_instance()
    {
        using var world = new EngineWorld().Running();
        Assert.That(Rules(world), Is.EqualTo(["TCP/80 0.0.0.0/0", "TCP/80 ::/0"]));
        world.EditInstance(i => i.Spec.NetworkInterfaces[0].NetworkPolicy = null);
        world.Until("no rule is left", () => Rules(world).Count == 0 && world.AllReady);
        world.DeleteInstance();
        world.Until("the firewall is gone", () => world.Cloud.In(Collections.Firewalls).Length == 0 && world.Plane.Live(ResourceTypes.Instances).Count == 0);
        Assert.That(world.Entries.Select(e => e.Spec.Kind), Is.EquivalentTo(["Network", "Subnet"]));
    }

    [Test]
    public void A_policy_whose_exceptions_leave_nothing_selects_nothing()
    {
        using var world = new EngineWorld().Running(i => Policy(i).Ingress = [From("10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9")]);
        Assert.That(Rules(world), Is.Empty);
    }

    [Test]
    public void The_order_of_rules_changes_nothing()
    {
        using var world = new EngineWorld().Running(i => Policy(i).Ingress = [From("192.0.2.0/24"), From("198.51.100.0/24")]);
        world.Advance(TimeSpan.FromMinutes(10));
        var mutations = world.Cloud.Statistics.Mutations;
        world.EditInstance(i => Policy(i).Ingress!.Reverse());
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
    }

    [Test]
    public void L7_a_subnet_and_a_network_that_are_still_used_name_what_uses_them()
    {
        using var world = new EngineWorld().Running();
        world.Plane.Delete(ResourceTypes.Subnets, new ObjectKey(EngineWorld.Namespace, "default-here-v4"));
        world.Plane.Delete(ResourceTypes.Networks, new ObjectKey(EngineWorld.Namespace, "default"));
        world.Until("both say it", () => Blocked(world.Plane.Peek(ResourceTypes.Subnets, EngineWorld.Namespace, "default-here-v4")!.Status?.Conditions) is not null
            && Blocked(world.Plane.Peek(ResourceTypes.Networks, EngineWorld.Namespace, "default")!.Status?.Conditions) is not null);
        world.Advance(TimeSpan.FromMinutes(10));
        var blocked = Blocked(world.Plane.Peek(ResourceTypes.Subnets, EngineWorld.Namespace, "default-here-v4")!.Status?.Conditions)!;
        Assert.That((blocked.Status, blocked.Reason), Is.EqualTo(("True", Reasons.DependentsExist)));
        Assert.That(blocked.Message, Does.Contain("Instance web-0"));
        Assert.That(world.Cloud.In(Collections.Subnets), Has.Length.EqualTo(1));

        world.DeleteInstance();
        world.Until("the subnet is gone", () => world.Plane.Live(ResourceTypes.Subnets).Count == 0);
    }

    private static Condition? Blocked(List<Condition>? conditions) => Conditions.Find(conditions, ConditionTypes.DeletionBlocked);

    private static Resources.Compute.InterfaceNetworkPolicy Policy(Resources.Compute.Instance instance) => instance.Spec.NetworkInterfaces[0].NetworkPolicy!;

    private static NetworkPolicyIngressRule From(string cidr, params string[] except) => new()
    {
        Ports = [new NetworkPolicyPort { Port = "http" }],
        From = [new NetworkPolicyPeer { IpBlock = new IPBlock { Cidr = cidr, Except = [.. except] } }],
    };

    private static CloudObject Firewall(EngineWorld world) => world.Cloud.In(Collections.Firewalls).Single();

    private static List<string> Rules(EngineWorld world) =>
        [.. (Firewall(world).Rules ?? []).Select(r => $"{r.Protocol}/{r.FirstPort} {r.Source}").Order(StringComparer.Ordinal)];
}
