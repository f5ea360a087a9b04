using System.Text.Json.Nodes;

namespace Datum.Providers.Drivers.Proxmox.Tests.Double;

public sealed class FirewallTests
{
    private const string Groups = "/cluster/firewall/groups";

    [Test]
    public async Task New_rules_come_first_and_are_off_unless_they_say_on()
    {
        using var cluster = new Cluster();
        await cluster.Get("POST", Groups, ("group", "web"), ("comment", "datum:x"));
        await cluster.Get("POST", Groups + "/web", ("type", "in"), ("action", "ACCEPT"), ("proto", "tcp"), ("dport", "80"));
        await cluster.Get("POST", Groups + "/web", ("type", "in"), ("action", "ACCEPT"), ("proto", "udp"), ("dport", "53"), ("enable", "1"), ("pos", "1"));
        var rules = (await cluster.Get("GET", Groups + "/web"))!.AsArray();
        Assert.That(rules.Select(r => (r!["pos"]!.GetValue<int>(), r["proto"]!.ToString(), r["enable"]!.GetValue<long>())), Is.EqualTo(((int, string, long)[])[(0, "udp", 1), (1, "tcp", 0)]));

        var old = rules[0]!["digest"]!.ToString();
        await cluster.Get("PUT", Groups + "/web/1", ("enable", "1"), ("digest", old));
        Assert.That((await cluster.Send("DELETE", Groups + "/web/0", ("digest", old))).Reason, Does.StartWith("detected modified configuration"));
        await cluster.Get("PUT", Groups + "/web/1", ("moveto", "0"));
        Assert.That((await cluster.Get("GET", Groups + "/web/0"))!["proto"]!.ToString(), Is.EqualTo("tcp"));
    }

    [Test]
    public async Task A_group_with_rules_stays_one_that_is_named_elsewhere_goes_and_one_that_is_gone_is_no_error()
    {
        using var cluster = new Cluster();
        var id = await cluster.Machine();
        await cluster.Get("POST", Groups, ("group", "web"));
        Assert.That((await cluster.Send("POST", Groups, ("group", "web"))).Errors!["group"]!.ToString(), Is.EqualTo("Security group 'web' already exists"));
        await cluster.Get("POST", Groups + "/web", ("type", "in"), ("action", "ACCEPT"));
        await cluster.Get("POST", $"/nodes/pve1/qemu/{id}/firewall/rules", ("type", "group"), ("action", "web"), ("enable", "1"));
        var answer = await cluster.Send("DELETE", Groups + "/web");
        Assert.That(((int)answer.Status, answer.Reason), Is.EqualTo((500, "Security group 'web' is not empty")));
        await cluster.Get("DELETE", Groups + "/web/0");
        await cluster.Get("DELETE", Groups + "/web");
        await cluster.Get("DELETE", Groups + "/web");
        Assert.That((await cluster.Send("GET", Groups + "/web")).Reason, Is.EqualTo("no such security group 'web'"));
    }

    [Test]
    public async Task What_a_rule_can_t_mean_is_refused_by_field()
    {
        using var cluster = new Cluster();
        await cluster.Get("POST", Groups, ("group", "web"));
        foreach (var (field, words, rule) in ((string, string, (string, string)[])[])
        [
            ("proto", "'dport' requires", [("dport", "80")]),
            ("dport", "does not support ports", [("proto", "gre"), ("dport", "80")]),
            ("source", "mixed ipv4/ipv6", [("source", "10.0.0.0/8,fd20::/64")]),
            ("source", "no such ipset", [("source", "+nobody")]),
        ])
        {
            var answer = await cluster.Send("POST", Groups + "/web", [("type", "in"), ("action", "ACCEPT"), .. rule]);
            Assert.That(answer.Errors?[field]?.ToString(), Does.Contain(words));
        }
    }

    [Test]
    public async Task Sets_hold_prefixes_and_exceptions_but_not_everything()
    {
        using var cluster = new Cluster();
        const string sets = "/cluster/firewall/ipset";
        await cluster.Get("POST", sets, ("name", "office"), ("comment", "datum:x"));
        await cluster.Get("POST", sets + "/office", ("cidr", "10.0.0.0/8"));
        await cluster.Get("POST", sets + "/office", ("cidr", "10.1.0.0/16"), ("nomatch", "1"));
        Assert.That((await cluster.Send("POST", sets + "/office", ("cidr", "10.0.0.0/8"))).Errors!["cidr"]!.ToString(), Does.Contain("already exists"));
        Assert.That((int)(await cluster.Send("POST", sets + "/office", ("cidr", "0.0.0.0/0"))).Status, Is.EqualTo(500));
        var entries = (await cluster.Get("GET", sets + "/office"))!.AsArray();
        Assert.That(entries.Select(e => (e!["cidr"]!.ToString(), e["nomatch"]?.GetValue<int>())), Is.EqualTo(((string, int?)[])[("10.0.0.0/8", null), ("10.1.0.0/16", 1)]));
        Assert.That((await cluster.Send("DELETE", sets + "/office")).Reason, Does.Contain("not empty"));
        await cluster.Get("DELETE", sets + "/office/10.0.0.0%2F8");
        await cluster.Get("DELETE", sets + "/office/10.1.0.0/16");
        await cluster.Get("DELETE", sets + "/office");
        await cluster.Get("POST", "/cluster/firewall/aliases", ("name", "dns"), ("cidr", "192.0.2.53"));
        Assert.That((await cluster.Get("GET", "/cluster/firewall/aliases"))!.AsArray(), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Each_machine_has_a_firewall_that_is_cloned_and_goes_with_it()
    {
        using var cluster = new Cluster();
        var id = await cluster.Machine();
        var path = $"/nodes/pve1/qemu/{id}/firewall";
        await cluster.Get("PUT", path + "/options", ("enable", "1"), ("policy_in", "DROP"));
        await cluster.Get("POST", path + "/ipset", ("name", "ipfilter-net0"));
        await cluster.Get("POST", path + "/ipset/ipfilter-net0", ("cidr", "10.0.0.5"));
        Assert.That((await cluster.Get("GET", path + "/options"))!["policy_in"]!.ToString(), Is.EqualTo("DROP"));
        Assert.That(await cluster.Task("POST", $"/nodes/pve1/qemu/{id}/clone", ("newid", "101"), ("full", "1")), Is.EqualTo("OK"));
        Assert.That((await cluster.Get("GET", "/nodes/pve1/qemu/101/firewall/options"))!["enable"]!.GetValue<long>(), Is.EqualTo(1));
        await cluster.Get("PUT", path + "/options", ("delete", "policy_in"));
        Assert.That((await cluster.Get("GET", path + "/options"))!.AsObject().ContainsKey("policy_in"), Is.False);
        Assert.That(cluster.Cloud.Objects.Single(o => o.Path == $"qemu/{id}").Body["firewall"]!["ipset"]!.AsObject(), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task The_data_centres_firewall_is_on_until_somebody_switches_it_off()
    {
        using var cluster = new Cluster();
        Assert.That((await Options(cluster))["enable"]!.GetValue<long>(), Is.EqualTo(1));
        cluster.Cloud.SetClusterFirewall(on: false);
        Assert.That((await Options(cluster))["enable"]!.GetValue<long>(), Is.Zero);
    }

    private static async Task<JsonNode> Options(Cluster cluster) => (await cluster.Get("GET", "/cluster/firewall/options"))!;
}
