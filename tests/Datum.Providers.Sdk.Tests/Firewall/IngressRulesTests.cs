using System.Globalization;
using System.Net;
using FsCheck;
using FsCheck.Fluent;

namespace Datum.Providers.Sdk.Tests;

internal sealed class IngressRulesTests
{
    private static readonly ImmutableArray<PortSpec> Named =
    [
        new() { Name = "http", Port = 4, Protocol = "TCP" }, new() { Name = "http", Port = 6, Protocol = "UDP" }, new() { Name = "dns", Port = 2, Protocol = "UDP" },
        new() { Name = "two", Port = 1, Protocol = "TCP" }, new() { Name = "two", Port = 65535, Protocol = "TCP" },
    ];

    private static readonly ImmutableArray<Cidr> Spaces = [Cidr.Parse("10.0.0.0/29"), Cidr.Parse("fd00::/125")];

    private static readonly int[] PacketPorts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1000, 65534, 65535];

    private static readonly IPAddress[] PacketSources =
        [.. Spaces.SelectMany(s => s.Split(s.AddressBits)).Select(c => c.Network), IPAddress.Parse("192.0.2.1"), IPAddress.Parse("2001:db8::1")];

    private static readonly Gen<Cidr> Prefix =
        from space in Gen.Elements(Spaces.ToArray())
        from length in Gen.Choose(0, 3)
        from index in Gen.Choose(0, 7)
        select Cidr.Around(space.Nth((uint)index), space.AddressBits - length);

    private static readonly Gen<PolicySource> Source =
        from whole in Prefix
        from holes in Prefix.ListOf()
        select new PolicySource { Cidr = whole.ToString(), Except = [.. holes.Where(h => whole.Contains(h)).Select(h => h.ToString())] };

    private static readonly Gen<PolicyPort> Port = Gen.OneOf(
        from protocol in Gen.Elements("TCP", "UDP", "SCTP")
        from first in Gen.Elements(1, 2, 3, 5, 8, 65534)
        from more in Gen.Elements<int?>(null, 0, 1, 3)
        select new PolicyPort { Protocol = protocol, Port = first, EndPort = more is { } m ? Math.Min(first + m, 65535) : null },
        Gen.Elements(new PolicyPort { Name = "http" }, new PolicyPort { Name = "two" }, new PolicyPort { Name = "http", Protocol = "UDP" }, new PolicyPort { Protocol = "UDP" }));

    private static readonly Arbitrary<ImmutableArray<PolicyRule>> Policies =
        (from rules in
            (from ports in Port.ListOf()
             from sources in Source.ListOf()
             select new PolicyRule { Ports = [.. ports.Take(3)], From = [.. sources.Take(3)] }).ListOf()
         select rules.Take(5).ToImmutableArray()).ToArbitrary();

    [Test]
    public void Normal_rules_let_in_exactly_the_packets_of_the_policy() => Prop.ForAll(Policies, policy =>
    {
        var normal = IngressRules.Normalize(policy, Named, "ingress");
        Assert.That(normal.Findings, Is.Empty);
        foreach (var rule in normal.Rules)
            Assert.That(Cidr.TryParse(rule.Source, out _) && (rule.Port is not null || rule.EndPort is null) && (rule.EndPort is null || rule.EndPort > rule.Port));
        foreach (var (protocol, port, source) in Packets())
            Assert.That(IngressRules.Allows(normal.Rules, protocol, port, source), Is.EqualTo(policy.Any(r => Allows(r, protocol, port, source))), $"{protocol} {port} {source}");
    }).QuickCheckThrowOnFailure();

    [Test]
    public void Policies_that_let_in_the_same_packets_have_the_same_rules() => Prop.ForAll(Policies, policy =>
    {
        var normal = IngressRules.Normalize(policy, Named, "ingress").Rules;
        var apart = policy.Reverse().SelectMany(r => r.Ports.Length == 0 ? [r] : r.Ports.Reverse().Select(p => r with { Ports = [p] }))
            .SelectMany(r => r.From.Length == 0 ? [r] : r.From.Select(f => r with { From = [f] })).ToImmutableArray();
        Assert.Multiple(() =>
        {
            Assert.That(Text(IngressRules.Normalize(apart, Named, "ingress").Rules), Is.EqualTo(Text(normal)));
            Assert.That(Text(IngressRules.Canonical(normal.Reverse().SelectMany(Halves))), Is.EqualTo(Text(normal)));
            Assert.That(Text(normal), Is.Unique);
        });
    }).QuickCheckThrowOnFailure();

    [Test]
    public void No_rule_is_needless() => Prop.ForAll(Policies, policy =>
    {
        var normal = IngressRules.Normalize(policy, Named, "ingress").Rules;
        foreach (var rule in normal)
        {
            var without = normal.Remove(rule);
            Assert.That(Packets().Any(p => IngressRules.Allows(normal, p.Protocol, p.Port, p.Source) && !IngressRules.Allows(without, p.Protocol, p.Port, p.Source)), Text([rule]).Single());
        }
    }).QuickCheckThrowOnFailure();

    [Test]
    public void Groups_let_in_the_same_packets_and_keep_the_limits() => Prop.ForAll(
        (from policy in Policies.Generator
         from sources in Gen.Choose(1, 3)
         from ports in Gen.Choose(1, 3)
         from mixes in Gen.Elements(true, false)
         select (policy, limits: new IngressLimits { MaxSources = sources, MaxPortRanges = ports, MixesFamilies = mixes })).ToArbitrary(), t =>
        {
            var rules = IngressRules.Normalize(t.policy, Named, "ingress").Rules;
            var groups = IngressGroups.Of(rules, t.limits, "ingress").Value!.Groups;
            foreach (var group in groups)
            {
                Assert.That(group.Sources, Has.Length.InRange(1, t.limits.MaxSources));
                Assert.That(group.Ports, Has.Length.InRange(1, t.limits.MaxPortRanges));
                Assert.That(t.limits.MixesFamilies || group.Sources.Select(s => s.IsIPv6).Distinct().Count() == 1);
            }

            var back = groups.SelectMany(g => g.ToRules()).ToList();
            foreach (var (protocol, port, source) in Packets())
                Assert.That(IngressRules.Allows(back, protocol, port, source), Is.EqualTo(IngressRules.Allows(rules, protocol, port, source)));
            Assert.That(Text(IngressRules.Canonical(back)), Is.EqualTo(Text(rules)));
        }).QuickCheckThrowOnFailure();

    [Test]
    public void Overlapping_ranges_stay_two_rules_and_neighbours_become_one()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Text(IngressRules.Canonical([Rule("TCP", 1, 100, "10.0.0.0/24"), Rule("TCP", 50, 60, "10.9.0.0/24")])),
                Is.EqualTo(new[] { "TCP 1-100 10.0.0.0/24", "TCP 50-60 10.9.0.0/24" }));
            Assert.That(Text(IngressRules.Canonical([Rule("TCP", 81, null, "10.0.1.0/24"), Rule("TCP", 80, null, "10.0.0.0/24"), Rule("TCP", 80, null, "10.0.1.0/24"), Rule("TCP", 81, null, "10.0.0.0/24")])),
                Is.EqualTo(new[] { "TCP 80-81 10.0.0.0/23" }));
            Assert.That(Text(IngressRules.Canonical([Rule("TCP", 22, null, "10.0.0.0/25"), Rule(null, null, null, "10.0.0.0/8"), Rule("UDP", null, null, "10.0.0.0/7")])),
                Is.EqualTo(new[] { "  10.0.0.0/8", "UDP  10.0.0.0/7" }));
            Assert.That(Text(IngressRules.Canonical([Rule("TCP", 1, 65535, "0.0.0.0/0")])), Is.EqualTo(new[] { "TCP  0.0.0.0/0" }));
            Assert.That(Text(IngressRules.Normalize([new PolicyRule()], [], "ingress").Rules), Is.EqualTo(new[] { "  0.0.0.0/0", "  ::/0" }));
            Assert.That(IngressRules.Normalize([], [], "ingress").Rules, Is.Empty, "no rule denies everything");
        });
    }

    [Test]
    public void More_rules_than_the_platform_takes_are_refused_with_both_numbers()
    {
        var rules = Enumerable.Range(0, 7).Select(i => Rule("TCP", 10 * i + 1, null, "0.0.0.0/0")).ToList();
        var refused = IngressGroups.Of(rules, new IngressLimits { MaxRules = 6 }, "ingress").Error!;
        Assert.That((refused.Code, refused.Effect, refused.Field), Is.EqualTo((ErrorCode.Unsupported, Effect.NotApplied, "ingress")));
        Assert.That(refused.Message, Does.Contain("7 rules").And.Contain("takes 6"));
        Assert.That(IngressGroups.Of(rules, new IngressLimits { MaxRules = 6, MaxPortRanges = 2 }, "ingress").Value!.Groups, Has.Length.EqualTo(4));
    }

    [TestCase("HTTP/1.1", null, null, null, "ports[0].protocol", "none of SCTP, TCP, UDP")]
    [TestCase("TCP", null, null, "ssh", "ports[0].port", "no TCP port named 'ssh'")]
    [TestCase("TCP", null, null, "dns", "ports[0].port", "no TCP port named 'dns'")]
    [TestCase("TCP", 80, null, "http", "ports[0].port", "not both")]
    [TestCase("TCP", null, 80, null, "ports[0].endPort", "needs a port")]
    [TestCase("TCP", 0, null, null, "ports[0].port", "0 is no port number")]
    [TestCase("TCP", 65536, null, null, "ports[0].port", "65536 is no port number")]
    [TestCase("TCP", 80, 79, null, "ports[0].endPort", "79 must be 80 to 65535")]
    [TestCase("TCP", 80, 65536, null, "ports[0].endPort", "65536 must be 80 to 65535")]
    public void A_port_that_cannot_be_honoured_is_named(string protocol, int? port, int? end, string? name, string path, string message)
    {
        var normal = IngressRules.Normalize([new PolicyRule(), new PolicyRule { Ports = [new PolicyPort { Protocol = protocol, Port = port, EndPort = end, Name = name }] }], Named, "ingress");
        Assert.That(normal.Rules, Is.Empty, "half a policy is none");
        Assert.That(normal.Findings.Single().Path, Is.EqualTo("ingress[1]." + path));
        Assert.That(normal.Findings.Single().Message, Does.Contain(message));
    }

    [TestCase("10.0.0.1/8", null, "from[0].cidr")]
    [TestCase("everywhere", null, "from[0].cidr")]
    [TestCase("10.0.0.0/8", "11.0.0.0/9", "from[0].except[1]")]
    [TestCase("10.0.0.0/8", "10.0.0.0/7", "from[0].except[1]")]
    [TestCase("10.0.0.0/8", "fd00::/8", "from[0].except[1]")]
    public void A_source_that_cannot_be_honoured_is_named(string cidr, string? except, string path)
    {
        var normal = IngressRules.Normalize([new PolicyRule { From = [new PolicySource { Cidr = cidr, Except = except is null ? [] : ["10.1.0.0/16", except] }] }], [], "ingress");
        Assert.That((normal.Rules.Length, normal.Findings.Single().Path), Is.EqualTo((0, "ingress[0]." + path)));
    }

    private static IEnumerable<(string Protocol, int Port, IPAddress Source)> Packets() =>
        from protocol in new[] { "TCP", "UDP", "SCTP", "ICMP" }
        from port in PacketPorts
        from source in PacketSources
        select (protocol, port, source);

    /// <summary>The policy's own meaning, word for word.</summary>
    private static bool Allows(PolicyRule rule, string protocol, int port, IPAddress source) =>
        (rule.Ports.IsEmpty || rule.Ports.Any(p => p.Protocol == protocol && (
            p.Name is { } name ? Named.Any(n => n.Name == name && n.Protocol == protocol && n.Port == port)
            : p.Port is not { } first || (port >= first && port <= (p.EndPort ?? first)))))
        && (rule.From.IsEmpty || rule.From.Any(f => Cidr.Parse(f.Cidr).Contains(source) && !f.Except.Any(e => Cidr.Parse(e).Contains(source))));

    private static IEnumerable<IngressRule> Halves(IngressRule rule)
    {
        var source = Cidr.Parse(rule.Source);
        return source.PrefixLength == source.AddressBits ? [rule] : source.Split(source.PrefixLength + 1).Select(s => rule with { Source = s.ToString() });
    }

    private static IngressRule Rule(string? protocol, int? port, int? end, string source) => new() { Protocol = protocol, Port = port, EndPort = end, Source = source };

    private static string[] Text(IEnumerable<IngressRule> rules) =>
        [.. rules.Select(r => string.Create(CultureInfo.InvariantCulture, $"{r.Protocol} {r.Port}{(r.EndPort is { } e ? $"-{e}" : "")} {r.Source}"))];
}
