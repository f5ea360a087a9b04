using System.Text.Json.Nodes;
using Datum.Providers.Drivers.Gcp.Api;
using Datum.Providers.Drivers.Gcp.Kinds;

namespace Datum.Providers.Drivers.Gcp.Tests.Unit;

/// <summary>Rule sets and what they become.</summary>
public sealed class FirewallTests
{
    private static readonly IngressRule Web = new() { Protocol = "TCP", Port = 80, EndPort = 90, Source = "10.0.0.0/8" };

    [Test]
    public void Rules_with_the_same_sources_share_one_firewall()
    {
        var plan = Plan(Web, new() { Protocol = "UDP", Port = 53, Source = "10.0.0.0/8" });
        Assert.That(plan, Has.Length.EqualTo(1));
        Assert.That(FirewallRules.Show(plan[0]), Does.Contain("from 10.0.0.0/8 allow tcp:80-90,udp:53"));
    }

    [Test]
    public void Families_are_kept_apart()
    {
        var plan = Plan(new() { Source = "0.0.0.0/0" }, new() { Source = "::/0" });
        Assert.That(plan.Select(p => p.SourceRanges!.Value.Single()), Is.EqualTo(new[] { "0.0.0.0/0", "::/0" }));
        Assert.That(plan.Select(p => p.Allowed!.Value.Single().IPProtocol), Is.All.EqualTo("all"));
    }

    [Test]
    public void A_rule_without_ports_lets_all_ports_of_its_protocol_in() =>
        Assert.That(Plan(new IngressRule { Protocol = "SCTP", Source = "10.0.0.0/8" })[0].Allowed!.Value.Single(), Is.EqualTo(new FirewallRule { IPProtocol = "sctp" }));

    [Test]
    public void Exceptions_of_a_policy_become_the_prefixes_around_them()
    {
        // The host cuts exceptions out before a driver sees the rules.
        var around = Datum.Providers.Sdk.CidrSets.Except([Datum.Providers.Sdk.Cidr.Parse("10.0.0.0/8")], [Datum.Providers.Sdk.Cidr.Parse("10.0.0.0/9")]);
        var plan = Plan([.. around.Select(c => new IngressRule { Protocol = "TCP", Port = 22, Source = c.ToString() })]);
        Assert.That(plan.Single().SourceRanges!.Value, Is.EqualTo(new[] { "10.128.0.0/9" }));
    }

    [Test]
    public void No_rule_at_all_is_a_firewall_that_denies()
    {
        var only = Plan().Single();
        Assert.That((only.Allowed, only.Denied!.Value.Single().IPProtocol, only.SourceRanges!.Value.Single()), Is.EqualTo(((ImmutableArray<FirewallRule>?)null, "all", "0.0.0.0/0")));
    }

    [Test]
    public async Task A_rule_set_that_shrinks_and_grows_stays_the_same_objects()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, _) = await bench.Landscape(driver);
        var spec = new FirewallSpec { Network = Bench.Refer(network), Ingress = [Web, new() { Source = "2001:db8::/32" }] };
        var (id, _, steps) = await bench.Build(driver.Firewalls!, Bench.Id(ResourceKind.Firewall), spec);
        Assert.That(steps, Is.EqualTo(new[] { "Create fw", "Create rule-1" }));
        Assert.That(id.Parts.Select(p => p.Name), Is.EqualTo(new[] { "fw", "rule-1" }));

        var (_, shrunk, down) = await bench.Build(driver.Firewalls!, id, spec with { Ingress = [Web] });
        Assert.That(down, Is.EqualTo(new[] { "Update fw" }));
        Assert.That(bench.At(id.PartId("rule-1")!)!.Body["disabled"]!.GetValue<bool>(), Is.True);
        Assert.That((shrunk.State, shrunk.Parts.Length), Is.EqualTo((Lifecycle.Ready, 2)));

        var (_, _, up) = await bench.Build(driver.Firewalls!, id, spec);
        Assert.That(up, Is.EqualTo(new[] { "Update fw" }));
        Assert.That(bench.At(id.PartId("rule-1")!)!.Body["disabled"]!.GetValue<bool>(), Is.False);
        Assert.That(await bench.TakeDown(driver.Firewalls!, id), Is.EqualTo(new[] { "rule-1", "fw" }));
    }

    [Test]
    public async Task A_policy_s_edit_reaches_the_platform()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, _) = await bench.Landscape(driver);
        var spec = new FirewallSpec { Network = Bench.Refer(network), Ingress = [Web] };
        var (id, _, _) = await bench.Build(driver.Firewalls!, Bench.Id(ResourceKind.Firewall), spec);
        await bench.Build(driver.Firewalls!, id, spec with { Ingress = [] });
        var body = bench.At(id.Parts[0].Id)!.Body;
        Assert.That((body["denied"]![0]!["IPProtocol"]!.ToString(), (body["allowed"] as JsonArray)?.Count ?? 0), Is.EqualTo(("all", 0)));
    }

    [Test]
    public async Task What_is_left_of_a_set_without_its_main_firewall_is_found_by_its_mark()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, _) = await bench.Landscape(driver);
        var (id, _, _) = await bench.Build(driver.Firewalls!, Bench.Id(ResourceKind.Firewall), new FirewallSpec { Network = Bench.Refer(network), Ingress = [Web, new() { Source = "2001:db8::/32" }] });
        bench.Cloud.Vanish(id.PartId("fw")!);
        Assert.That(await bench.TakeDown(driver.Firewalls!, id with { Parts = [] }), Is.EqualTo(new[] { "rule-1" }));
    }

    private static ImmutableArray<GcpFirewall> Plan(params ImmutableArray<IngressRule> rules) => FirewallRules.Plan(rules, "fw-x").Value!.Rules;
}
