using System.Text.Json.Nodes;
using Datum.Providers.Clouds.Vsphere;
using Datum.Providers.Drivers.Vsphere.Tests.Backend;

namespace Datum.Providers.Drivers.Vsphere.Tests.Unit;

/// <summary>Tags of the vCenter on what the driver makes.</summary>
public sealed class TagTests
{
    private static readonly object Settings = new { vlans = new { first = 100, last = 199 }, guestBeacon = false, tags = new[] { "owner/datum", "backup/daily/full" } };

    [Test]
    public async Task Machines_and_portgroups_are_given_their_tags_and_again_when_somebody_takes_them_off()
    {
        using var bench = new Bench();
        Make(bench, "owner", "datum", "others");
        Make(bench, "backup", "daily/full");
        var driver = await bench.ConnectAsync(Settings);
        var (network, _, made) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), Bench.Network());
        var (id, _, steps) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Machine(network));
        Assert.Multiple(() =>
        {
            Assert.That(made, Is.EqualTo(new[] { "Create net", "Update vlan", "Update tags" }));
            Assert.That(steps, Is.EqualTo(new[] { "Create server", "Create tags", "Create guest", "Create power" }));
            Assert.That(bench.At(id)!.Tags, Is.EqualTo(new[] { "daily/full", "datum" }));
            Assert.That(bench.Cloud.Portgroups.Single(p => p.Reference.Value == network.Parts[0].Id).Tags, Is.EqualTo(new[] { "daily/full", "datum" }));
        });
        bench.Cloud.StripTags(bench.At(id)!.Reference);
        bench.Cloud.StripTags(new MoRef("DistributedVirtualPortgroup", network.Parts[0].Id));
        var seen = (Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, Bench.Machine(network));
        Assert.That(seen.Drift.Single() is { Path: "settings.tags", Remedy: Remedy.Unknown, Desired: "owner/datum, backup/daily/full" }, Is.True);
        Assert.That((await bench.Build(driver.Instances!, id, Bench.Machine(network))).Steps, Is.EqualTo(new[] { "Update tags" }));
        Assert.That((await bench.Build(driver.Networks!, network, Bench.Network())).Steps, Is.EqualTo(new[] { "Update tags" }));
        Assert.That(bench.At(id)!.Tags, Has.Length.EqualTo(2));
        // The service of tags is one of its own: while it is down machines are looked at as ever.
        bench.Cloud.Knobs = new VsphereKnobs { RestDown = true };
        Assert.That(await bench.Observe(driver.Instances!, id, Bench.Machine(network)) is Present<InstanceFacts> { Drift.IsEmpty: true, Next: null }, Is.True);
        bench.Cloud.Knobs = new VsphereKnobs();
        await bench.TakeDown(driver.Instances!, id);
        await bench.TakeDown(driver.Networks!, network);
    }

    [Test]
    public async Task Tags_that_aren_t_there_are_named_before_anything_is_made_and_a_right_that_is_missing_is_Forbidden()
    {
        using var bench = new Bench();
        Make(bench, "owner", "others");
        var plain = await bench.ConnectAsync();
        var (network, _, _) = await bench.Build(plain.Networks!, Bench.Id(ResourceKind.Network), Bench.Network());
        var driver = await bench.ConnectAsync(Settings);
        var before = bench.Cloud.Count("CreateDVPortgroup_Task");
        var (net, instance) = (Bench.Id(ResourceKind.Network, 2), Bench.Id(ResourceKind.Instance));
        var first = (await driver.Networks!.CreateAsync(bench.Operation(net, Step("net")), net, Bench.Network(2)) as Failed<NetworkFacts>)?.Error;
        var second = (await driver.Instances!.CreateAsync(bench.Operation(instance, Step("server")), instance, Bench.Machine(network)) as Failed<InstanceFacts>)?.Error;
        foreach (var error in new[] { first, second })
            Assert.That(error is { Code: ErrorCode.Invalid, Effect: Effect.NotApplied, Field: "settings.tags" } && error.Message.Contains("owner/datum, backup/daily/full", StringComparison.Ordinal), Is.True);
        Assert.That((bench.Cloud.Count("CreateDVPortgroup_Task"), bench.Cloud.Count("CloneVM_Task")), Is.EqualTo((before, 0)));
        Make(bench, "backup", "daily/full");
        Make(bench, "owner2", "x");
        bench.Cloud.Knobs = new VsphereKnobs { Denied = ["InventoryService.Tagging.AttachTag"] };
        var refusing = await bench.ConnectAsync(new { vlans = new { first = 100, last = 199 }, tags = new[] { "backup/daily/full" } });
        var refused = (await refusing.Networks!.UpdateAsync(bench.Operation(network, new Step { Part = "tags", Verb = StepVerb.Update, Class = CreateClass.Repeatable }), network, Bench.Network()) as Failed<NetworkFacts>)?.Error;
        Assert.That(refused is { Code: ErrorCode.Forbidden, Effect: Effect.NotApplied } && refused.Message.Contains("AttachTag", StringComparison.Ordinal), Is.True);
    }

    [TestCase("datum")]
    [TestCase("/datum")]
    [TestCase("owner/")]
    public void A_tag_without_its_category_is_refused_by_the_setting_s_name(string tag)
    {
        using var bench = new Bench();
        Assert.That(async () => await bench.ConnectAsync(new { tags = new[] { tag } }), Throws.InstanceOf<DriverException>().With.Property("Error").Property("Field").EqualTo("settings.tags"));
    }

    private static Step Step(string part) => new() { Part = part, Verb = StepVerb.Create, Class = CreateClass.Named };

    private static void Make(Bench bench, string category, params string[] tags)
    {
        using var visitor = Visitor.At(bench.Cloud);
        var made = visitor.Rest("POST", "rest/com/vmware/cis/tagging/category", new JsonObject { ["create_spec"] = new JsonObject { ["name"] = category, ["description"] = "", ["cardinality"] = "MULTIPLE", ["associable_types"] = new JsonArray() } }).Body!["value"]!.ToString();
        foreach (var tag in tags)
            visitor.Rest("POST", "rest/com/vmware/cis/tagging/tag", new JsonObject { ["create_spec"] = new JsonObject { ["name"] = tag, ["description"] = "", ["category_id"] = made } });
        visitor.Rest("DELETE", "rest/com/vmware/cis/session");
    }
}
