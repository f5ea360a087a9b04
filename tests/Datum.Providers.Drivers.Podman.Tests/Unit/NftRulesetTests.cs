using System.Text;
using Datum.Providers.Drivers.Podman.Firewall;

namespace Datum.Providers.Drivers.Podman.Tests.Unit;

[TestFixture]
public sealed class NftRulesetTests
{
    private static readonly IngressRule Web = new() { Protocol = "TCP", Port = 8080, Source = "0.0.0.0/0" };

    [TestCase("TCP", 80, null, "10.0.0.0/8", "ip saddr 10.0.0.0/8 tcp dport 80 accept")]
    [TestCase("UDP", 53, 60, "::/0", "ip6 saddr ::/0 udp dport 53-60 accept")]
    [TestCase("SCTP", 7, 7, "fd00::/8", "ip6 saddr fd00::/8 sctp dport 7 accept")]
    [TestCase("UDP", null, null, "0.0.0.0/0", "ip saddr 0.0.0.0/0 meta l4proto udp accept")]
    [TestCase(null, null, null, "192.0.2.1/32", "ip saddr 192.0.2.1/32 accept")]
    [TestCase(null, 443, null, "0.0.0.0/0", "ip saddr 0.0.0.0/0 meta l4proto { tcp, udp, sctp } th dport 443 accept")]
    public void A_rule_becomes_one_line(string? protocol, int? port, int? end, string source, string line)
    {
        var ruleset = NftRuleset.From([new IngressRule { Protocol = protocol, Port = port, EndPort = end, Source = source }]);

        Assert.That(ruleset.Text.Split('\n').Select(l => l.Trim()), Does.Contain(line));
        Assert.That(ruleset.Rules, Is.EqualTo(6));
    }

    [Test]
    public void Order_and_repetition_dont_matter_and_contents_do()
    {
        var other = Web with { Port = 9090 };

        Assert.That(NftRuleset.From([Web, other, Web]).Text, Is.EqualTo(NftRuleset.From([other, Web]).Text));
        Assert.That(NftRuleset.From([Web]).Hash, Is.Not.EqualTo(NftRuleset.From([other]).Hash));
    }

    [Test]
    public void Without_rules_everything_but_answers_loopback_and_needful_icmp_is_dropped()
    {
        var text = NftRuleset.From([]).Text;

        Assert.That(text, Does.Contain("policy drop").And.Contain("established,related").And.Contain("nd-neighbor-solicit"));
        Assert.That(text, Does.Not.Contain("saddr").And.Not.Contain("echo-request"));
        Assert.That(text, Does.StartWith(NftRuleset.Remove), "one transaction replaces what was there");
    }

    [TestCase("tcp; flush ruleset")]
    [TestCase("tcp")]
    public void A_protocol_that_is_none_never_reaches_nft(string protocol) =>
        Assert.That(() => NftRuleset.From([Web with { Protocol = protocol }]), Throws.InstanceOf<FormatException>());

    [Test]
    public void A_source_that_is_none_never_reaches_nft() =>
        Assert.That(() => NftRuleset.From([Web with { Source = "0.0.0.0/0 accept; #" }]), Throws.InstanceOf<FormatException>());

    [Test]
    public void A_listing_matches_only_with_hash_count_hook_and_policy()
    {
        var ruleset = NftRuleset.From([Web]);
        var good = NftRuleset.Parse(Listing(ruleset.Hash, ruleset.Rules, "drop"));

        Assert.That(ruleset.Matches(good), Is.True);
        Assert.That(ruleset.Matches(NftRuleset.Parse(Listing("0000", ruleset.Rules, "drop"))), Is.False);
        Assert.That(ruleset.Matches(NftRuleset.Parse(Listing(ruleset.Hash, ruleset.Rules + 1, "drop"))), Is.False);
        Assert.That(ruleset.Matches(NftRuleset.Parse(Listing(ruleset.Hash, ruleset.Rules, "accept"))), Is.False);
        Assert.That(ruleset.Matches(LoadedTable.None), Is.False);
    }

    [Test]
    public async Task A_path_that_is_no_namespace_is_never_entered()
    {
        foreach (var path in new[] { "/etc/passwd", "/run/netns/../../etc/x", "/run/netns/-x", "/run/netns/a b", "" })
        {
            var answer = await new NsenterFirewall(TimeProvider.System).ApplyAsync(path, "", CancellationToken.None);
            Assert.That(answer?.Effect, Is.EqualTo(Effect.NotApplied), path);
        }
    }

    private static byte[] Listing(string hash, int rules, string policy)
    {
        var text = new StringBuilder($$$"""{"nftables":[{"metainfo":{"version":"1.0.6"}},{"table":{"family":"inet","name":"datum"}},{"chain":{"name":"input","hook":"input","prio":0,"policy":"{{{policy}}}"}}""");
        for (var i = 0; i < rules; i++)
            text.Append(i == 0 ? $$$""",{"rule":{"chain":"input","comment":"datum {{{hash}}}","expr":[]}}""" : """,{"rule":{"chain":"input","expr":[]}}""");
        return Encoding.UTF8.GetBytes(text.Append("]}").ToString());
    }
}
