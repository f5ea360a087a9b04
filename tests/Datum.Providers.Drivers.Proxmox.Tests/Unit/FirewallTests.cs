using Datum.Providers.Drivers.Proxmox.Kinds;
using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Proxmox.Tests.Unit;

/// <summary>Rule sets and what they become.</summary>
public sealed class FirewallTests
{
    private static readonly Identity Id = Bench.Id(ResourceKind.Firewall);

    [Test]
    public void Ports_sources_and_families_become_rules()
    {
        var plan = Plan(new() { Protocol = "TCP", Port = 80, Source = "0.0.0.0/0" }, new() { Protocol = "TCP", Port = 8000, EndPort = 8080, Source = "0.0.0.0/0" }, new() { Source = "2001:db8::/32" }, new() { Protocol = "UDP", Source = "10.0.0.0/8" });
        Assert.That(plan.Rules.Select(r => r.Key.Trim()), Is.EquivalentTo(new[]
        {
            "in ACCEPT 1 tcp 80,8000:8080 0.0.0.0/0", "in ACCEPT 1   2001:db8::/32", "in ACCEPT 1 udp  10.0.0.0/8",
        }));
    }

    [Test]
    public void Exceptions_of_a_policy_become_the_prefixes_around_them()
    {
        var rules = IngressRules.Normalize([new PolicyRule { From = [new PolicySource { Cidr = "10.0.0.0/30", Except = ["10.0.0.0/32"] }] }], [], "ingress").Rules;
        Assert.That(FirewallRules.Plan(rules, Id).Value!.Rules.Select(r => r.Source), Is.EqualTo(new[] { "10.0.0.1/32,10.0.0.2/31" }));
    }

    [Test]
    public void A_list_that_is_too_long_for_a_rule_becomes_a_set()
    {
        var plan = Plan([.. Enumerable.Range(0, 60).Select(i => new IngressRule { Protocol = "TCP", Port = 22, Source = FormattableString.Invariant($"192.168.{i * 2}.0/24") })]);
        Assert.That((plan.Rules.Length, plan.Sets.Length, plan.Sets[0].Members.Length), Is.EqualTo((1, 1, 60)));
        Assert.That(plan.Rules[0].Source, Is.EqualTo("+" + plan.Sets[0].Name));
        Assert.That(plan.Sets[0].Name, Does.Match("^[A-Za-z][A-Za-z0-9_-]{1,63}$"));
    }

    [Test]
    public async Task A_policy_s_edit_reaches_the_platform_and_what_stays_is_never_shut_out()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var network = await bench.Network(driver);
        var (id, _, _) = await bench.Build(driver.Firewalls!, Bench.Id(ResourceKind.Firewall), Bench.Rules(network, new() { Protocol = "TCP", Port = 80, Source = "0.0.0.0/0" }, new() { Protocol = "TCP", Port = 81, Source = "10.0.0.0/8" }));
        var before = bench.Cloud.Calls.Count;
        await bench.Build(driver.Firewalls!, id, Bench.Rules(network, new() { Protocol = "TCP", Port = 80, Source = "0.0.0.0/0" }, new() { Protocol = "UDP", Port = 53, Source = "10.0.0.0/8" }));
        var rules = bench.At("groups/" + id.PartId("group")![6..])!.Body["rules"]!.AsArray();
        Assert.That(rules.Select(r => $"{r!["proto"]} {r["dport"]} {r["source"]}"), Is.EquivalentTo(new[] { "tcp 80 0.0.0.0/0", "udp 53 10.0.0.0/8" }));
        var changes = bench.Cloud.Calls.Skip(before).Where(c => c.Method != "GET").Select(c => c.Method).ToList();
        Assert.That(changes, Is.EqualTo(new[] { "POST", "DELETE" }), "First what is new, then what is too much.");
    }

    [Test]
    public async Task No_rule_at_all_is_a_group_without_rules_and_a_machine_that_drops()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var network = await bench.Network(driver);
        var (firewall, _, _) = await bench.Build(driver.Firewalls!, Bench.Id(ResourceKind.Firewall), Bench.Rules(network));
        var spec = Bench.Sandbox(network) with { Interfaces = [Bench.Sandbox(network).Interfaces[0] with { Firewalls = [Bench.Refer(firewall)] }] };
        var (id, seen, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        var machine = bench.At(FormattableString.Invariant($"qemu/{Bench.Number(id)}"))!.Body["firewall"]!;
        Assert.Multiple(() =>
        {
            Assert.That(machine["options"]!["policy_in"]!.ToString(), Is.EqualTo("DROP"));
            Assert.That(machine["options"]!["enable"]!.ToString(), Is.EqualTo("1"));
            Assert.That(machine["rules"]!.AsArray().Select(r => $"{r!["type"]} {r["action"]} {r["iface"]}"), Is.EqualTo(new[] { $"group {firewall.PartId("group")![6..]} net0" }));
            Assert.That(bench.Config(Bench.Number(id))["net0"]!.ToString(), Does.Contain("firewall=1"));
            Assert.That(seen.Facts.PolicyEnforced, Is.True);
        });
    }

    [Test]
    public async Task With_the_data_centre_s_firewall_off_nothing_is_pretended()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var network = await bench.Network(driver);
        var (firewall, _, _) = await bench.Build(driver.Firewalls!, Bench.Id(ResourceKind.Firewall), Bench.Rules(network));
        var spec = Bench.Sandbox(network) with { Interfaces = [Bench.Sandbox(network).Interfaces[0] with { Firewalls = [Bench.Refer(firewall)] }] };
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        bench.Cloud.SetClusterFirewall(false);
        var finding = (await driver.Instances!.ValidateAsync(bench.Call(), spec)).Single();
        Assert.That((finding.Path, finding.Capability, finding.Tolerated), Is.EqualTo(("interfaces[eth0].firewalls", "firewall", false)));
        Assert.That(((Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, spec)).Facts.PolicyEnforced, Is.False);
        Assert.That((await driver.ProbeAsync(bench.Call())).Value!.Limitations.Select(l => l.Capability), Is.EqualTo(new[] { "firewall" }));
    }

    private static FirewallPlan Plan(params ImmutableArray<IngressRule> rules) => FirewallRules.Plan(rules, Id).Value!;
}
