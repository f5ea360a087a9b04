using Datum.Providers.Clouds.Gcp;

namespace Datum.Providers.Drivers.Gcp.Tests.Unit;

/// <summary>What others, lost records and half-done work leave behind: nothing is made twice, and nothing goes that isn't ours.</summary>
public sealed class RecoveryTests
{
    private const string ElsewhereLocation = """{"projectId":"demo-project","region":"europe-west1","zone":"europe-west1-b"}""";

    private static readonly Step Server = new() { Part = "server", Verb = StepVerb.Create, Class = CreateClass.Named };

    [Test]
    public async Task An_instance_that_a_lost_record_left_in_another_zone_is_found_and_not_made_twice()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var spec = Bench.Machine(network, subnet);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        var seen = (Present<InstanceFacts>)await bench.Observe(driver.Instances!, Bench.Id(ResourceKind.Instance), spec with { LocationJson = ElsewhereLocation });
        Assert.That(seen.Parts.Single().Id, Is.EqualTo(id.PartId("server")));
        var drift = seen.Drift.Single(d => d.Path == "location.zone");
        Assert.That((drift.Remedy, drift.Desired, drift.Actual, seen.Next), Is.EqualTo((Remedy.Replace, "europe-west1-b", "us-central1-a", (Step?)null)));
    }

    [Test]
    public async Task A_disk_in_another_zone_is_told_and_never_exchanged_for_an_empty_one()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var spec = new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location };
        await bench.Build(driver.Disks!, Bench.Id(ResourceKind.Disk), spec);
        var seen = (Present<DiskFacts>)await bench.Observe(driver.Disks!, Bench.Id(ResourceKind.Disk), spec with { LocationJson = ElsewhereLocation });
        Assert.That((seen.Drift.Single().Path, seen.Drift.Single().Remedy, seen.Next), Is.EqualTo(("location.zone", Remedy.Unknown, (Step?)null)));
    }

    [Test]
    public async Task A_zone_that_doesn_t_answer_keeps_nobody_from_building_in_another()
    {
        using var bench = new Bench(new GcpKnobs { Unreachable = ["europe-west1-b"] });
        var driver = await bench.ConnectAsync();
        var (_, seen, _) = await bench.Build(driver.Disks!, Bench.Id(ResourceKind.Disk), new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location });
        Assert.That(seen.State, Is.EqualTo(Lifecycle.Ready));
    }

    [Test]
    public async Task A_data_disk_that_a_person_set_to_go_with_the_machine_stays()
    {
        using var bench = new Bench(new GcpKnobs { DefaultDuration = TimeSpan.FromSeconds(5) });
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var (disk, _, _) = await bench.Build(driver.Disks!, Bench.Id(ResourceKind.Disk), new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location });
        var spec = Bench.Sandbox(network, subnet) with { Volumes = [new VolumeSpec { Name = "data", Disk = new DiskVolume { Disk = Bench.Refer(disk), DeviceName = "data", Filesystem = "ext4" } }] };
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        bench.Cloud.Edit(id.PartId("server")!, b => b["disks"]![1]!["autoDelete"] = true);
        await bench.TakeDown(driver.Instances!, id);
        Assert.That(bench.Cloud.Objects.Where(o => o.Collection is "instances" or "disks").Select(o => o.Path), Is.EqualTo(new[] { disk.Parts[0].Id }));
    }

    [Test]
    public async Task A_boot_disk_that_a_lost_create_left_goes_before_the_instance_is_made_again()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var spec = Bench.Machine(network, subnet);
        var (built, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        bench.Cloud.Edit(built.PartId("server")!, b => b["disks"]![0]!["autoDelete"] = false);
        bench.Cloud.Vanish(built.PartId("server")!);

        var id = Bench.Id(ResourceKind.Instance);
        // Another token: the first one's operation would be answered again.
        var outcome = (Failed<InstanceFacts>)await driver.Instances!.CreateAsync(new Operation { Call = bench.Call(), Step = Server, Token = new string('b', 32) }, id, spec);
        Assert.That((outcome.Error.Code, outcome.Parts.Single().Name), Is.EqualTo((ErrorCode.PreconditionFailed, "boot")));
        id = Bench.Record(id, outcome);
        var seen = (Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, spec);
        Assert.That((seen.Drift.Single().Path, seen.Drift.Single().Remedy, seen.Next), Is.EqualTo(("parts[boot]", Remedy.Replace, (Step?)null)));
        Assert.That(await bench.TakeDown(driver.Instances!, id), Is.EqualTo(new[] { "boot" }));
        await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance, incarnation: 2), spec);
    }

    [Test]
    public async Task A_machine_that_a_person_suspended_is_resumed_before_it_is_started_anew()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var spec = Bench.Machine(network, subnet);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        bench.Cloud.SetStatus(id.PartId("server")!, "SUSPENDED");
        var (_, seen, steps) = await bench.Build(driver.Instances!, id, spec with { RestartedAt = "2030-01-01T00:00:00Z" });
        Assert.That(steps, Is.EqualTo(new[] { "Update power", "Update restart", "Update restart", "Update power" }));
        Assert.That(seen.Facts.Power, Is.EqualTo(PowerState.Running));
    }

    [Test]
    public async Task What_is_under_way_is_looked_for_with_one_regular_expression_and_a_part_that_doesn_t_answer_proves_nothing()
    {
        using var bench = new Bench(new GcpKnobs { DefaultDuration = TimeSpan.FromSeconds(30) });
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var id = Bench.Id(ResourceKind.Instance);
        var running = (Running<InstanceFacts>)await driver.Instances!.CreateAsync(bench.Operation(id, Server), id, Bench.Machine(network, subnet));
        bench.Cloud.Vanish(running.Parts[0].Id);
        // The record is lost and the object doesn't show: only the operation tells that something may still come.
        var seen = await bench.Observe(driver.Instances!, id, null);
        Assert.That(seen, Is.InstanceOf<Absent<InstanceFacts>>());
        Assert.That(seen.InProgress?.Message, Is.EqualTo("an operation on it is under way"));
        bench.Cloud.Knobs = bench.Cloud.Knobs with { Unreachable = ["us-central1-a"] };
        var unsure = await driver.Instances!.ObserveAsync(bench.Call(), id, null, null);
        Assert.That(unsure.Error?.Code, Is.EqualTo(ErrorCode.Unavailable));
    }

    [Test]
    public void Filters_with_several_regular_expressions_are_refused_by_the_platform()
    {
        var cloud = new GcpCloud(TimeProvider.System);
        var answer = cloud.Handle(new Clouds.CloudRequest { Method = "GET", Path = "/compute/v1/projects/demo-project/aggregated/operations", Query = Clouds.CloudRequest.ParseQuery("?filter=" + Uri.EscapeDataString("(targetLink eq \".*/n\") (status ne DONE)")) });
        Assert.That(answer.Status, Is.EqualTo(400));
    }

    [Test]
    public async Task A_machine_that_is_protected_against_deletion_says_so()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Machine(network, subnet));
        bench.Cloud.Edit(id.PartId("server")!, b => b["deletionProtection"] = true);
        var step = new Step { Part = "server", Verb = StepVerb.Delete, Class = CreateClass.Repeatable };
        var error = ((Failed<InstanceFacts>)await driver.Instances!.DeleteAsync(bench.Operation(id, step), id)).Error;
        Assert.That((error.Code, error.BlockedBy.Single()), Is.EqualTo((ErrorCode.Conflict, "deletion protection")));
    }

    [Test]
    public async Task A_zone_of_another_region_is_refused_before_anything_is_made()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        const string location = """{"projectId":"demo-project","region":"europe-west1","zone":"us-central1-a"}""";
        var disk = await driver.Disks!.ValidateAsync(bench.Call(), new DiskSpec { SizeGiB = 10, LocationJson = location });
        Assert.That(disk.Single().Path, Is.EqualTo("location.zone"));
        var machine = await driver.Instances!.ValidateAsync(bench.Call(), Bench.Machine(Bench.Id(ResourceKind.Network), Bench.Id(ResourceKind.Subnet)) with { LocationJson = location });
        Assert.That(machine.Single().Path, Is.EqualTo("location.zone"));
    }
}
