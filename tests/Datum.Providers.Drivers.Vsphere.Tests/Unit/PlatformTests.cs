using System.Text.Json;
using Datum.Providers.Clouds.Vsphere;

namespace Datum.Providers.Drivers.Vsphere.Tests.Unit;

/// <summary>Sessions, disks, listings, libraries: what isn't one kind's own.</summary>
public sealed class PlatformTests
{
    [Test]
    public async Task A_session_that_vCenter_forgot_is_opened_once_more_within_the_call()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        Assert.That((await driver.ProbeAsync(bench.Call())).Error, Is.Null);
        bench.Cloud.ExpireSessions();
        Assert.That((await driver.Networks!.ListAsync(bench.Call(), new ListQuery { Installation = Bench.Installation }, null)).Error?.Message, Is.Null);
        Assert.That(bench.Cloud.Count("Login"), Is.EqualTo(2));
        bench.Cloud.SetPassword(Vcsim.User, null);
        bench.Cloud.ExpireSessions();
        var refused = await driver.ProbeAsync(bench.Call());
        Assert.That(refused.Error is { Code: ErrorCode.Unauthenticated, Effect: Effect.NotApplied, Scope: ErrorScope.Account }, Is.True);
        Assert.That(refused.Error!.Message, Does.Not.Contain(Vcsim.Password));
    }

    [Test]
    public async Task A_disk_grows_in_place_never_shrinks_and_two_with_one_mark_are_ambiguous()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var spec = new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location };
        var (disk, _, _) = await bench.Build(driver.Disks!, Bench.Id(ResourceKind.Disk), spec);
        var (_, seen, steps) = await bench.Build(driver.Disks!, disk, spec with { SizeGiB = 20 });
        Assert.That((steps.Single(), seen.Facts.SizeGiB), Is.EqualTo(("Update dsk", (int?)20)));
        var smaller = (Present<DiskFacts>)await bench.Observe(driver.Disks!, disk, spec);
        Assert.That((smaller.Drift.Single().Remedy, smaller.Next), Is.EqualTo((Remedy.Unknown, (Step?)null)));

        var ours = bench.Cloud.Disks.Single();
        bench.Cloud.MakeDisk(ours.Datastore, ours.Name, 1024);
        Assert.That(await bench.Observe(driver.Disks!, Bench.Id(ResourceKind.Disk), spec), Is.TypeOf<Ambiguous<DiskFacts>>());
        Assert.That(await bench.Observe(driver.Disks!, disk, spec) is Present<DiskFacts> { Mark: MarkState.Ours }, Is.True);
    }

    [Test]
    public async Task Machines_that_a_lost_host_hides_make_the_listing_incomplete_and_are_never_absent()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, _, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), Bench.Network());
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Machine(network));
        bench.Cloud.Knobs = new VsphereKnobs { Unreadable = ["*"] };
        Assert.That((await driver.Instances!.ListAsync(bench.Call(), new ListQuery { Installation = Bench.Installation }, null)).Value!.Complete, Is.False);
        Assert.That((await driver.Instances!.ObserveAsync(bench.Call(), id, null, null)).Error is { Code: ErrorCode.Unavailable, Effect: Effect.NotApplied }, Is.True);
    }

    [Test]
    public async Task A_cursor_goes_on_in_any_session_and_one_of_another_kind_is_refused()
    {
        using var bench = new Bench(new VsphereKnobs { PageSize = 1 });
        var driver = await bench.ConnectAsync();
        var query = new ListQuery { Installation = Bench.Installation, PageSize = 1 };
        var (network, _, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), Bench.Network());
        for (var n = 1; n <= 2; n++)
            await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance, n), Bench.Machine(network));
        var first = (await driver.Instances!.ListAsync(bench.Call(), query, null)).Value!;
        Assert.That((first.Items.Length, first.Next), Is.EqualTo((1, first.Next)).And.Not.EqualTo((1, (string?)null)), "A page is full although the platform's hold one object.");
        Assert.That((await driver.Instances!.ListAsync(bench.Call(), query, first.Next)).Error, Is.Null);
        var another = await bench.ConnectAsync();
        Assert.That((await another.Instances!.ListAsync(bench.Call(), query, first.Next)).Value?.Next, Is.Null, "Another session goes on, to the same end.");
        Assert.That((await driver.Networks!.ListAsync(bench.Call(), query, first.Next)).Error?.Code, Is.EqualTo(ErrorCode.PreconditionFailed), "Of another kind.");
    }

    [Test]
    public async Task A_library_that_isn_t_there_is_Invalid_and_the_REST_session_ends_too()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync(change: c => c with { Images = c.Images.SetItem("datumcloud/ubuntu-2204-lts", "library:nowhere/ubuntu") });
        var (network, _, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), Bench.Network());
        var id = Bench.Id(ResourceKind.Instance);
        var refused = await driver.Instances!.CreateAsync(bench.Operation(id, new Step { Part = "server", Verb = StepVerb.Create, Class = CreateClass.Named }), id, Bench.Machine(network)) as Failed<InstanceFacts>;
        Assert.That(refused?.Error is { Code: ErrorCode.Invalid, Effect: Effect.NotApplied, Field: "images" }, Is.True, refused?.Error.Message);
    }

    [TestCase("datacenter", "location.datacenter")]
    [TestCase("datastore", "location.datastore")]
    [TestCase("resourcePool", "location.resourcePool")]
    public async Task A_place_that_isn_t_there_is_Invalid_with_its_field(string member, string field)
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, _, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), Bench.Network());
        var location = JsonSerializer.Deserialize<Dictionary<string, string>>(Bench.Location)!;
        location[member] = "nowhere";
        var id = Bench.Id(ResourceKind.Instance);
        var spec = Bench.Machine(network) with { LocationJson = JsonSerializer.Serialize(location) };
        var refused = await driver.Instances!.CreateAsync(bench.Operation(id, new Step { Part = "server", Verb = StepVerb.Create, Class = CreateClass.Named }), id, spec) as Failed<InstanceFacts>;
        Assert.That((refused?.Error.Code, refused?.Error.Field, refused?.Error.Effect), Is.EqualTo(((ErrorCode?)ErrorCode.Invalid, field, (Effect?)Effect.NotApplied)));
    }

    [TestCase("endpoint")]
    [TestCase("settings.vlans")]
    [TestCase("settings.nameServers")]
    [TestCase("username")]
    public async Task What_can_t_be_right_is_refused_when_the_session_opens(string field)
    {
        using var bench = new Bench();
        if (field == "username")
            bench.Credentials.Remove("username");
        object? settings = field switch { "settings.vlans" => new { vlans = new { first = 9, last = 3 } }, "settings.nameServers" => new { nameServers = new[] { "ns1" } }, _ => null };
        try
        {
            await bench.ConnectAsync(settings, c => field == "endpoint" ? c with { Endpoint = null } : c);
            Assert.Fail("It connects.");
        }
        catch (DriverException e)
        {
            Assert.That((e.Error.Field, e.Error.Effect, e.Error.Scope), Is.EqualTo((field, Effect.NotApplied, ErrorScope.Account)));
        }
    }
}
