using Datum.Providers.Clouds.Vsphere;

namespace Datum.Providers.Drivers.Vsphere.Tests.Unit;

/// <summary>Portgroups: VLANs of our own choice, and portgroups of others.</summary>
public sealed class NetworkTests
{
    private const string Claims = """{"datacenter":"DC0","cluster":"DC0_C0","datastore":"LocalDS_0","network":"DC0_DVPG0"}""";

    [Test]
    public async Task Networks_get_VLANs_of_the_range_that_nobody_has()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync(new { vlans = new { first = 10, last = 12 } });
        bench.Cloud.MakePortgroup("somebody-s", vlan: 11);
        var (one, _, steps) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), Bench.Network());
        var (two, _, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network, 2), Bench.Network(2));
        Assert.That(steps, Is.EqualTo(new[] { "Create net", "Update vlan" }));
        Assert.That(new[] { one.Resolved["vlan"], two.Resolved["vlan"] }, Is.EquivalentTo(new[] { "10", "12" }));
        var third = await driver.Networks!.CreateAsync(bench.Operation(Bench.Id(ResourceKind.Network, 3), new Step { Part = "net", Verb = StepVerb.Create, Class = CreateClass.Named }), Bench.Id(ResourceKind.Network, 3), Bench.Network(3));
        Assert.That((third as Failed<NetworkFacts>)?.Error is { Code: ErrorCode.QuotaExceeded, Effect: Effect.NotApplied, Field: "settings.vlans" }, Is.True);
    }

    [Test]
    public async Task Whoever_sees_another_with_its_VLAN_moves_away_before_anybody_is_connected()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var id = Bench.Id(ResourceKind.Network);
        var create = new Step { Part = "net", Verb = StepVerb.Create, Class = CreateClass.Named };
        await driver.Networks!.CreateAsync(bench.Operation(id, create), id, Bench.Network());
        var ours = bench.Cloud.Portgroups.Single(p => p.Name.StartsWith("net-", StringComparison.Ordinal));
        var vlan = int.Parse(ours.Config.Descendants(Soap.Vim + "vlanId").First().Value, System.Globalization.CultureInfo.InvariantCulture);
        // Somebody chose the same at the same time.
        bench.Cloud.MakePortgroup("somebody-s", vlan: vlan);
        var (built, _, _) = await bench.Build(driver.Networks!, id, Bench.Network());
        Assert.That(built.Resolved["vlan"], Is.Not.EqualTo($"{vlan}"));
    }

    [Test]
    public async Task A_portgroup_that_is_there_is_claimed_for_one_network_and_given_back_as_it_was()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var spec = Bench.Network() with { LocationJson = Claims };
        var before = bench.Cloud.Portgroups.Single(p => p.Name == "DC0_DVPG0");
        var (network, seen, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), spec);
        Assert.That((network.Parts.Single().Name, seen.Facts.Mtu), Is.EqualTo(("claim", (int?)1460)));

        var other = Bench.Id(ResourceKind.Network, 2);
        var refused = await driver.Networks!.CreateAsync(bench.Operation(other, new Step { Part = "claim", Verb = StepVerb.Create, Class = CreateClass.Repeatable }), other, spec) as Failed<NetworkFacts>;
        Assert.That(refused?.Error is { Code: ErrorCode.Conflict, Effect: Effect.NotApplied }, Is.True);

        await bench.TakeDown(driver.Networks!, network);
        var after = bench.Cloud.Portgroups.Single(p => p.Name == "DC0_DVPG0");
        Assert.That(after.Description, Is.EqualTo(before.Description.Trim()));
    }

    [Test]
    public async Task Two_portgroups_that_carry_one_mark_are_ambiguous_and_none_is_touched()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var id = Bench.Id(ResourceKind.Network);
        var (network, _, _) = await bench.Build(driver.Networks!, id, Bench.Network());
        var ours = bench.Cloud.Portgroups.Single(p => p.Reference.Value == network.Parts[0].Id);
        bench.Cloud.MakePortgroup("copy", ours.Description, 4000);
        Assert.That(await bench.Observe(driver.Networks!, id, Bench.Network()), Is.TypeOf<Ambiguous<NetworkFacts>>());
        var blind = await driver.Networks!.DeleteAsync(bench.Operation(id, new Step { Part = "net", Verb = StepVerb.Delete, Class = CreateClass.Repeatable }), id) as Failed<NetworkFacts>;
        Assert.That(blind?.Error is { Code: ErrorCode.Conflict, Effect: Effect.NotApplied }, Is.True);
        Assert.That(await bench.Observe(driver.Networks!, network, Bench.Network()) is Present<NetworkFacts> { Mark: MarkState.Ours }, Is.True, "The recorded one is ours all the same.");
    }

    [Test]
    public async Task A_VLAN_that_somebody_changes_is_told_and_not_mended()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, _, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), Bench.Network());
        bench.Cloud.EditPortgroup(new MoRef("DistributedVirtualPortgroup", network.Parts[0].Id), Soap.Element("defaultPortConfig", Soap.Type("VMwareDVSPortSetting"),
            Soap.Element("vlan", Soap.Type("VmwareDistributedVirtualSwitchVlanIdSpec"), Soap.Element("inherited", "false"), Soap.Element("vlanId", "4001"))));
        var seen = (Present<NetworkFacts>)await bench.Observe(driver.Networks!, network, Bench.Network());
        Assert.That(seen.Drift.Select(d => (d.Path, d.Remedy, d.Actual)), Is.EqualTo(new[] { ("vlan", Remedy.Unknown, "4001") }));
        Assert.That(seen.Next, Is.Null);
    }
}
