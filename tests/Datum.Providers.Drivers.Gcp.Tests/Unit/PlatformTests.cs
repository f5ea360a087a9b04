using Datum.Providers.Clouds.Gcp;

namespace Datum.Providers.Drivers.Gcp.Tests.Unit;

/// <summary>How the driver takes what the platform does beside answering: operations, late and partial lists, replays, rights.</summary>
public sealed class PlatformTests
{
    [Test]
    public async Task A_create_that_is_sent_again_with_its_token_is_the_same_operation()
    {
        using var bench = new Bench(new GcpKnobs { DefaultDuration = TimeSpan.FromSeconds(10) });
        var driver = await bench.ConnectAsync();
        var id = Bench.Id(ResourceKind.Network);
        var operation = bench.Operation(id, new Step { Part = "net", Verb = StepVerb.Create, Class = CreateClass.Named });
        var first = (Running<NetworkFacts>)await driver.Networks!.CreateAsync(operation, id, new NetworkSpec());
        var second = (Running<NetworkFacts>)await driver.Networks!.CreateAsync(operation, id, new NetworkSpec());
        Assert.That(second.Progress.Handle!.Data, Is.EqualTo(first.Progress.Handle!.Data));
    }

    [Test]
    public async Task A_network_that_is_still_being_made_isn_t_absent_when_it_is_to_be_deleted()
    {
        using var bench = new Bench(new GcpKnobs { DefaultDuration = TimeSpan.FromSeconds(30) });
        var driver = await bench.ConnectAsync();
        var id = Bench.Id(ResourceKind.Network);
        await driver.Networks!.CreateAsync(bench.Operation(id, new Step { Part = "net", Verb = StepVerb.Create, Class = CreateClass.Named }), id, new NetworkSpec());
        // Neither the part nor the handle was stored: the host died.
        var seen = await bench.Observe(driver.Networks!, id, null);
        Assert.That(seen.InProgress, Is.Not.Null);
        Assert.That(await bench.TakeDown(driver.Networks!, id), Is.EqualTo(new[] { "net" }));
        Assert.That(bench.Cloud.Objects, Is.Empty);
    }

    [Test]
    public async Task A_list_that_a_zone_is_missing_from_says_so()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        await bench.Build(driver.Disks!, Bench.Id(ResourceKind.Disk), new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location });
        bench.Cloud.Knobs = bench.Cloud.Knobs with { Unreachable = ["europe-west1-b"] };
        var page = (await driver.Disks!.ListAsync(bench.Call(), new ListQuery { Installation = Bench.Installation }, null)).Value!;
        Assert.That((page.Items.Length, page.Complete), Is.EqualTo((1, false)));
        Assert.That((await driver.Disks!.ObserveAsync(bench.Call(), Bench.Id(ResourceKind.Disk, 9), null, null)).Error?.Code, Is.EqualTo(ErrorCode.Unavailable));
    }

    [Test]
    public async Task A_network_that_somebody_else_s_firewall_is_in_names_it()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        await bench.TakeDown(driver.Subnets!, subnet);
        var theirs = bench.Cloud.Copy((await bench.Build(driver.Firewalls!, Bench.Id(ResourceKind.Firewall), new FirewallSpec { Network = Bench.Refer(network) })).Id.Parts[0].Id, "somebodys");
        await bench.TakeDown(driver.Firewalls!, Bench.Id(ResourceKind.Firewall));
        var step = new Step { Part = "net", Verb = StepVerb.Delete, Class = CreateClass.Repeatable };
        var error = ((Failed<NetworkFacts>)await driver.Networks!.DeleteAsync(bench.Operation(network, step), network)).Error;
        Assert.That((error.Code, error.BlockedBy.Single()), Is.EqualTo((ErrorCode.Conflict, "projects/demo-project/" + theirs)));
    }

    [TestCase("compute.networks.create", "compute.networks.create")]
    [TestCase("compute.networks.get", "compute.networks.get")]
    public async Task A_right_that_is_missing_is_named(string denied, string named)
    {
        using var bench = new Bench(new GcpKnobs { Denied = [denied] });
        var driver = await bench.ConnectAsync();
        var id = Bench.Id(ResourceKind.Network);
        var error = denied.EndsWith("get", StringComparison.Ordinal) ? (await driver.Networks!.ObserveAsync(bench.Call(), id, new NetworkSpec(), null)).Error
            : ((Failed<NetworkFacts>)await driver.Networks!.CreateAsync(bench.Operation(id, new Step { Part = "net", Verb = StepVerb.Create, Class = CreateClass.Named }), id, new NetworkSpec())).Error;
        Assert.That(error!.Code, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(error.Message, Does.Contain(named));
    }

    [Test]
    public async Task An_mtu_is_changed_in_place_and_a_disk_only_grows()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, _, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), new NetworkSpec { Mtu = 1460 });
        var (_, _, steps) = await bench.Build(driver.Networks!, network, new NetworkSpec { Mtu = 8896 });
        Assert.That(steps, Is.EqualTo(new[] { "Update net" }));
        var (disk, _, _) = await bench.Build(driver.Disks!, Bench.Id(ResourceKind.Disk), new DiskSpec { SizeGiB = 20, LocationJson = Bench.Location });
        var seen = (Present<DiskFacts>)await bench.Observe(driver.Disks!, disk, new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location });
        Assert.That((seen.Drift.Single().Path, seen.Drift.Single().Remedy, seen.Next), Is.EqualTo(("sizeGiB", Remedy.Unknown, (Step?)null)));
    }

    [Test]
    public async Task A_secret_s_older_contents_are_destroyed()
    {
        using var bench = new Bench();
        bench.Payloads["database"] = "one";
        var driver = await bench.ConnectAsync(new { authentication = new { mode = "None" }, instanceServiceAccount = "guests@demo-project.iam.gserviceaccount.com" });
        var (id, _, _) = await bench.Build(driver.Secrets!, Bench.Id(ResourceKind.Secret), Secret("h1"));
        bench.Payloads["database"] = "two";
        await bench.Build(driver.Secrets!, id, Secret("h2"));
        Assert.That(bench.Cloud.Calls.Count(c => c.Path.EndsWith("/versions/1:destroy", StringComparison.Ordinal)), Is.EqualTo(1));

        static SecretSpec Secret(string hash) => new() { Payload = new PayloadReference { Name = "database", Secret = true, Hash = hash } };
    }

    [Test]
    public async Task Images_sizes_and_quotas_can_be_looked_up()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var offerings = (await ((IOfferings)driver).ListOfferingsAsync(bench.Call(), new CatalogQuery { LocationJson = Bench.Location, Search = "n2" }, null)).Value!.Items;
        Assert.That(offerings.Single(o => o.Native == "n2-standard-2").MemoryMiB, Is.EqualTo(8192));
        var quotas = (await ((IQuotas)driver).ReadQuotasAsync(bench.Call())).Value!;
        Assert.That(quotas.Quotas.Where(q => q.Name == "INSTANCES").Select(q => q.Scope), Is.EquivalentTo(new[] { "europe-west1", "us-central1" }));
    }
}
