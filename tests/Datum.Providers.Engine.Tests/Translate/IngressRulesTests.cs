using System.Net;
using Datum.Providers.Engine.Translate;
using Datum.Providers.Resources.Networking;
using FsCheck;
using FsCheck.Fluent;

namespace Datum.Providers.Engine.Tests.Translate;

/// <summary>Normalised rules allow exactly what the policy allows: no port and no source more, none less.</summary>
internal sealed class IngressRulesTests
{
    private static readonly PortSpec[] Named = [new() { Name = "http", Port = 80, Protocol = "TCP" }, new() { Name = "dns", Port = 53, Protocol = "UDP" }, new() { Name = "dns-tcp", Port = 53, Protocol = "TCP" }];

    // A small universe, so that prefixes, holes and questions meet often.
    private static readonly Gen<(string Cidr, bool V6)> Prefixes =
        from v6 in Gen.Elements(true, false)
        from tail in Gen.Choose(0, 255)
        from length in Gen.Choose(0, 8)
        select v6 ? ($"fd00::{tail & Mask(length):x}/{120 + length}", true) : ($"10.0.0.{tail & Mask(length)}/{24 + length}", false);

    private static readonly Gen<NetworkPolicyPeer> Peers =
        from whole in Prefixes
        from holes in Prefixes.ArrayOf(2)
        from count in Gen.Choose(0, 2)
        select new NetworkPolicyPeer
        {
            IpBlock = new IPBlock { Cidr = whole.Cidr, Except = [.. holes.Take(count).Where(h => h.V6 == whole.V6 && Inside(h.Cidr, whole.Cidr)).Select(h => h.Cidr)] },
        };

    private static readonly Gen<NetworkPolicyPort> Ports = Gen.OneOf(
        from protocol in Gen.Elements("TCP", "UDP", null)
        from port in Gen.Choose(50, 90)
        from end in Gen.Choose(0, 20)
        from ranged in Gen.Elements(true, false)
        select new NetworkPolicyPort { Protocol = protocol, Port = port, EndPort = ranged ? port + end : null },
        Gen.Elements(
            new NetworkPolicyPort { Port = "http" }, new NetworkPolicyPort { Port = "dns", Protocol = "UDP" },
            new NetworkPolicyPort { Port = "dns-tcp" }, new NetworkPolicyPort { Protocol = "UDP" }, new NetworkPolicyPort()));

    private static readonly Gen<NetworkPolicyIngressRule> Rules =
        from ports in Ports.ArrayOf(2)
        from portCount in Gen.Choose(0, 2)
        from peers in Peers.ArrayOf(2)
        from peerCount in Gen.Choose(0, 2)
        select new NetworkPolicyIngressRule { Ports = [.. ports.Take(portCount)], From = [.. peers.Take(peerCount)] };

    private static readonly Gen<(string Protocol, int Port, IPAddress Source)> Questions =
        from protocol in Gen.Elements("TCP", "UDP", "SCTP")
        from port in Gen.OneOf(Gen.Choose(48, 112), Gen.Elements(1, 65535))
        from v6 in Gen.Elements(true, false)
        from tail in Gen.Choose(0, 255)
        from outside in Gen.Frequency((5, Gen.Constant(false)), (1, Gen.Constant(true)))
        select (protocol, port, IPAddress.Parse(v6 ? (outside ? "2001:db8::1" : $"fd00::{tail:x}") : outside ? "192.0.2.1" : $"10.0.0.{tail}"));

    [Test]
    public void The_rules_allow_exactly_what_the_policy_allows() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(400), Prop.ForAll(Arb.From(Rules.ArrayOf(3)), Arb.From(Questions.ArrayOf(60)), (policy, questions) =>
        {
            var findings = new List<Finding>();
            var rules = IngressRules.Normalize(policy, Named, "p", findings);
            return findings.Count == 0 && questions.All(q => Allows(rules, q) == Meant(policy, q));
        }));

    [Test]
    public void The_order_of_the_policy_does_not_matter() =>
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(Arb.From(Rules.ArrayOf(3)), policy =>
            IngressRules.Normalize(policy, Named, "p", []).SequenceEqual(IngressRules.Normalize([.. policy.Reverse()], Named, "p", []))));

    [Test]
    public void No_rules_allow_nothing() => Assert.That(IngressRules.Normalize([], Named, "p", []), Is.Empty);

    [Test]
    public void A_rule_without_ports_and_sources_allows_everything_in_both_families() =>
        Assert.That(IngressRules.Normalize([new NetworkPolicyIngressRule()], Named, "p", []).Select(r => (r.Protocol, r.Port, r.Source)),
            Is.EquivalentTo(new (string?, int?, string)[] { (null, null, "0.0.0.0/0"), (null, null, "::/0") }));

    [Test]
    public void Host_bits_are_tolerated_and_the_platform_gets_the_prefix() =>
        Assert.That(IngressRules.Normalize([From("10.1.2.3/8")], Named, "p", []).Single().Source, Is.EqualTo("10.0.0.0/8"));

    [TestCase("10.0.0.0", "p[0].from[0].ipBlock.cidr")]
    [TestCase("10.0.0.0/33", "p[0].from[0].ipBlock.cidr")]
    [TestCase("10.0.0.0/-1", "p[0].from[0].ipBlock.cidr")]
    [TestCase("fd00::/129", "p[0].from[0].ipBlock.cidr")]
    [TestCase("here/8", "p[0].from[0].ipBlock.cidr")]
    // What .NET reads as octal or as a short form other readers take for another network.
    [TestCase("010.0.0.0/8", "p[0].from[0].ipBlock.cidr")]
    [TestCase("10/8", "p[0].from[0].ipBlock.cidr")]
    [TestCase("fe80::1%eth0/64", "p[0].from[0].ipBlock.cidr")]
    public void L11_what_is_no_prefix_is_a_finding(string cidr, string path)
    {
        var findings = new List<Finding>();
        IngressRules.Normalize([From(cidr)], Named, "p", findings);
        Assert.That(findings.Select(f => f.Path), Has.Some.StartsWith("p[0].from[0]").And.Some.EndsWith("cidr"), path);
    }

    [Test]
    public void L11_an_exception_outside_its_prefix_is_a_finding()
    {
        var findings = new List<Finding>();
        IngressRules.Normalize([From("10.0.0.0/8", "11.0.0.0/16")], Named, "p", findings);
        IngressRules.Normalize([From("10.0.0.0/8", "fd00::/16")], Named, "p", findings);
        IngressRules.Normalize([From("10.0.0.0/8", "0.0.0.0/0")], Named, "p", findings);
        Assert.That(findings, Has.Count.EqualTo(3));
        Assert.That(findings.Select(f => f.Path), Is.All.EndsWith(".except"));
    }

    [TestCase(0, null, null, "port")]
    [TestCase(65536, null, null, "port")]
    [TestCase(90, 80, null, "endPort")]
    [TestCase(90, 65536, null, "endPort")]
    [TestCase(80, null, "ICMP", "protocol")]
    public void L11_ports_that_do_not_exist_are_findings(int port, int? endPort, string? protocol, string field) =>
        Assert.That(Findings(new NetworkPolicyPort { Port = port, EndPort = endPort, Protocol = protocol }), Is.EqualTo([$"p[0].ports[0].{field}"]));

    [Test]
    public void L11_a_name_that_no_port_has_is_a_finding() => Assert.That(Findings(new NetworkPolicyPort { Port = "metrics" }), Is.EqualTo(["p[0].ports[0].port"]));

    [Test]
    public void L11_a_name_of_another_protocol_is_a_finding() => Assert.That(Findings(new NetworkPolicyPort { Port = "dns" }), Is.EqualTo(["p[0].ports[0].port"]));

    [Test]
    public void L11_a_range_from_a_name_is_a_finding() => Assert.That(Findings(new NetworkPolicyPort { Port = "http", EndPort = 90 }), Is.EqualTo(["p[0].ports[0].endPort"]));

    [Test]
    public void L11_the_end_of_a_range_without_a_begin_is_a_finding() => Assert.That(Findings(new NetworkPolicyPort { EndPort = 90 }), Is.EqualTo(["p[0].ports[0].endPort"]));

    private static IEnumerable<string> Findings(NetworkPolicyPort port)
    {
        var findings = new List<Finding>();
        IngressRules.Normalize([new NetworkPolicyIngressRule { Ports = [port] }], Named, "p", findings);
        return findings.Select(f => f.Path);
    }

    private static NetworkPolicyIngressRule From(string cidr, params string[] except) =>
        new() { From = [new NetworkPolicyPeer { IpBlock = new IPBlock { Cidr = cidr, Except = [.. except] } }] };

    private static bool Allows(ImmutableArray<IngressRule> rules, (string Protocol, int Port, IPAddress Source) q) => rules.Any(r =>
        (r.Protocol is null || r.Protocol == q.Protocol)
        && (r.Port is not { } port || (q.Port >= port && q.Port <= (r.EndPort ?? port)))
        && Holds(r.Source, q.Source));

    private static bool Meant(NetworkPolicyIngressRule[] policy, (string Protocol, int Port, IPAddress Source) q) => policy.Any(r =>
        (r.Ports!.Count == 0 || r.Ports.Any(p => (p.Protocol ?? "TCP") == q.Protocol && (p.Port is not { } port
            || (port.IsNumber ? q.Port >= port.Number && q.Port <= (p.EndPort ?? port.Number) : Named.Any(n => n.Name == port.Text && n.Protocol == q.Protocol && n.Port == q.Port)))))
        && (r.From!.Count == 0 || r.From.Any(f => Holds(f.IpBlock!.Cidr, q.Source) && !f.IpBlock.Except!.Any(e => Holds(e, q.Source)))));

    private static bool Holds(string cidr, IPAddress address)
    {
        var network = IPNetwork.Parse(cidr);
        return network.BaseAddress.AddressFamily == address.AddressFamily && network.Contains(address);
    }

    private static bool Inside(string inner, string outer)
    {
        var (i, o) = (IPNetwork.Parse(inner), IPNetwork.Parse(outer));
        return i.PrefixLength >= o.PrefixLength && o.Contains(i.BaseAddress);
    }

    private static int Mask(int length) => 0xFF & ~(0xFF >> length);
}
