using System.Globalization;
using System.Text;
using Datum.Providers.Clouds.Proxmox;

namespace Datum.Providers.Drivers.Proxmox.Tests.Unit;

/// <summary>Hosts that die, nodes that go down, machines that move, numbers that somebody else has by now.</summary>
public sealed class RecoveryTests
{
    [Test]
    public async Task A_medium_with_addresses_that_were_chosen_again_is_written_again()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var spec = Bench.Sandbox(await bench.Network(driver));
        var id = await UntilAsync(bench, driver, Bench.Id(ResourceKind.Instance), spec, "boot");
        var taken = Tags(bench, id).Single(t => t.StartsWith("datum-ip-", StringComparison.Ordinal));
        bench.Cloud.Do("POST", "/nodes/pve3/qemu", ("vmid", "500"), ("name", "another"), ("tags", taken));
        var (_, seen, steps) = await bench.Build(driver.Instances!, id, spec);
        Assert.That(steps, Is.EqualTo(new[] { "Create config", "Create seed", "Create boot", "Create eject" }));
        var address = seen.Facts.Interfaces[0].NetworkAddresses.Single();
        Assert.That(taken, Does.Not.EndWith("-" + address));
        Assert.That(Encoding.UTF8.GetString(bench.Cloud.GuestFiles(Bench.Number(id))["/var/lib/cloud/seed/network-config"]), Does.Contain($"\"{address}/16\""));
    }

    [Test]
    public async Task A_machine_that_somebody_started_before_it_was_configured_is_stopped_for_it()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var spec = Bench.Sandbox(await bench.Network(driver));
        var id = await UntilAsync(bench, driver, Bench.Id(ResourceKind.Instance), spec, "config");
        bench.Cloud.SetPower(Bench.Number(id), true);
        var (_, seen, _) = await bench.Build(driver.Instances!, id, spec);
        Assert.That(seen.State, Is.EqualTo(Lifecycle.Ready));
        Assert.That(bench.Config(Bench.Number(id))["cores"]!.ToString(), Is.EqualTo("2"));
    }

    [Test]
    public async Task A_recorded_number_that_a_stranger_clones_into_isn_t_ours_and_isn_t_deleted()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var spec = Bench.Sandbox(await bench.Network(driver));
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        bench.Cloud.Vanish(PathOf(id));
        HalfClone(bench, Bench.Number(id), "pve1");
        Assert.That(((Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, spec)).Mark, Is.EqualTo(MarkState.Missing));
        var step = new Step { Part = "server", Verb = StepVerb.Delete, Class = CreateClass.Repeatable };
        Assert.That(((Failed<InstanceFacts>)await driver.Instances!.DeleteAsync(bench.Operation(id, step), id)).Error.Code, Is.EqualTo(ErrorCode.Conflict));
        Assert.That(bench.At(PathOf(id)), Is.Not.Null);
    }

    [Test]
    public async Task A_clone_that_broke_off_is_told_and_left_alone_until_a_person_removes_it()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var spec = Bench.Sandbox(await bench.Network(driver));
        var id = await UntilAsync(bench, driver, Bench.Id(ResourceKind.Instance), spec, "server");
        var number = id.Resolved["vmid"];
        HalfClone(bench, int.Parse(number, CultureInfo.InvariantCulture), "pve2");
        foreach (var desired in new[] { spec, null })
        {
            var seen = (Absent<InstanceFacts>)await bench.Observe(driver.Instances!, id, desired);
            Assert.That(seen.InProgress!.Message, Does.Contain($"qm destroy {number}"));
        }

        bench.Cloud.Vanish("qemu/" + number);
        var (built, _, _) = await bench.Build(driver.Instances!, id, spec);
        Assert.That(built.PartId("server"), Is.EqualTo("vm/" + number));
    }

    [Test]
    public async Task While_a_node_is_down_that_has_a_clone_without_tags_nothing_is_called_absent()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        HalfClone(bench, 100_500, "pve3");
        bench.Cloud.SetLock(100_500, null);
        bench.Cloud.Knobs = bench.Cloud.Knobs with { OfflineNodes = ["pve3"] };
        var spec = new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location };
        var looked = await driver.Disks!.ObserveAsync(bench.Call(), Bench.Id(ResourceKind.Disk), spec, null);
        Assert.That(looked.Error?.Code, Is.EqualTo(ErrorCode.Unavailable));
        Assert.That((await driver.Disks.ListAsync(bench.Call(), new ListQuery { Installation = Bench.Installation }, null)).Value!.Complete, Is.False);
        Assert.That((await driver.Instances!.ListAsync(bench.Call(), new ListQuery { Installation = Bench.Installation }, null)).Value!.Complete, Is.False);
        bench.Cloud.Knobs = bench.Cloud.Knobs with { OfflineNodes = [] };
        Assert.That((await driver.Disks.ObserveAsync(bench.Call(), Bench.Id(ResourceKind.Disk), spec, null)).Value, Is.InstanceOf<Absent<DiskFacts>>());
    }

    [Test]
    public async Task A_machine_that_was_brought_up_on_another_node_while_its_own_is_down_is_found_there()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var spec = Bench.Sandbox(await bench.Network(driver));
        var (id, before, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        var home = id.Resolved["node"];
        var other = home == "pve3" ? "pve2" : "pve3";
        bench.Cloud.Migrate(Bench.Number(id), other);
        bench.Cloud.Knobs = bench.Cloud.Knobs with { OfflineNodes = [home] };
        var seen = (Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, spec);
        Assert.That((seen.Mark, seen.State, seen.Resolved["node"], seen.Next), Is.EqualTo((MarkState.Ours, before.State, other, (Step?)null)));
        var calls = bench.Cloud.Calls.Count;
        await bench.Observe(driver.Instances!, id with { Resolved = id.Resolved.SetItem("node", other) }, spec);
        Assert.That(bench.Cloud.Calls.Count - calls, Is.EqualTo(2), "The next look begins where it is.");
    }

    [Test]
    public async Task A_task_at_a_node_that_is_down_doesn_t_hide_what_it_was_at_work_on()
    {
        using var bench = new Bench(new ProxmoxKnobs { DefaultDuration = TimeSpan.FromSeconds(8) });
        var driver = await bench.ConnectAsync();
        var spec = new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location };
        var id = Bench.Id(ResourceKind.Disk);
        Handle? handle = null;
        while (handle is null)
        {
            var outcome = await driver.Disks!.CreateAsync(bench.Operation(id, ((Absent<DiskFacts>)await bench.Observe(driver.Disks!, id, spec)).Next!), id, spec);
            (id, handle) = (Bench.Record(id, outcome), (outcome as Running<DiskFacts>)?.Progress.Handle);
        }

        bench.Clock.Advance(TimeSpan.FromSeconds(10));
        bench.Cloud.Migrate(int.Parse(id.Resolved["vmid"], CultureInfo.InvariantCulture), id.Resolved["node"] == "pve3" ? "pve2" : "pve3");
        bench.Cloud.Knobs = bench.Cloud.Knobs with { OfflineNodes = [id.Resolved["node"]] };
        Assert.That(((Present<DiskFacts>)await bench.Observe(driver.Disks!, id, spec, handle)).State, Is.EqualTo(Lifecycle.Ready));
    }

    [TestCase("config")]
    [TestCase("seed")]
    [TestCase("boot")]
    public async Task A_host_without_a_handle_waits_for_the_task_that_is_under_way(string part)
    {
        using var bench = new Bench(new ProxmoxKnobs { DefaultDuration = TimeSpan.FromSeconds(20) });
        var driver = await bench.ConnectAsync();
        var spec = Bench.Sandbox(await bench.Network(driver));
        var id = await UntilAsync(bench, driver, Bench.Id(ResourceKind.Instance), spec, part);
        var before = bench.Cloud.Tasks.Count;
        var step = ((Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, spec)).Next!;
        id = Bench.Record(id, await driver.Instances!.CreateAsync(bench.Operation(id, step), id, spec));
        var seen = (Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, spec);
        Assert.That((seen.Next, seen.InProgress is null, seen.State), Is.EqualTo(((Step?)null, false, Lifecycle.Creating)));
        await bench.Build(driver.Instances!, id, spec);
        var type = part switch { "config" => "resize", "seed" => "imgcopy", _ => "qmstart" };
        Assert.That(bench.Cloud.Tasks.Skip(before).Count(t => t.Type == type), Is.EqualTo(1));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Rule_sets_are_attached_also_where_no_guest_ever_reports(bool agent)
    {
        using var bench = new Bench(new ProxmoxKnobs { GuestBoot = null });
        var driver = await bench.ConnectAsync(new { storage = "ceph", sandboxPackages = Array.Empty<string>(), guestAgent = agent });
        var network = await bench.Network(driver);
        var (firewall, _, _) = await bench.Build(driver.Firewalls!, Bench.Id(ResourceKind.Firewall), Bench.Rules(network));
        var spec = Bench.Sandbox(network);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        var (_, seen, steps) = await bench.Build(driver.Instances!, id, spec with { Interfaces = [spec.Interfaces[0] with { Firewalls = [Bench.Refer(firewall)] }] });
        Assert.That((string.Join(',', steps), seen.Facts.PolicyEnforced), Is.EqualTo(("Update firewall", (bool?)true)));
        var (_, _, back) = await bench.Build(driver.Instances!, id, spec);
        Assert.That(back, Is.EqualTo(new[] { "Update firewall" }));
    }

    /// <summary>Does every step before the named one.</summary>
    private static async Task<Identity> UntilAsync(Bench bench, IInfrastructureDriver driver, Identity id, InstanceSpec spec, string part)
    {
        Handle? handle = null;
        for (var round = 0; round < 200; round++)
        {
            var seen = await bench.Observe(driver.Instances!, id, spec, handle);
            if (seen is Present<InstanceFacts> there)
                id = id with { Parts = there.Parts };
            handle = seen.InProgress?.Handle;
            if (seen.InProgress is { } progress)
            {
                bench.Clock.Advance(progress.LookAgainAfter);
                continue;
            }

            var step = (seen as Present<InstanceFacts>)?.Next ?? (seen as Absent<InstanceFacts>)?.Next;
            if (step?.Part == part)
                return id;
            var outcome = await driver.Instances!.CreateAsync(bench.Operation(id, step!), id, spec);
            Assert.That((outcome as Failed<InstanceFacts>)?.Error.Message, Is.Null);
            id = Bench.Record(id, outcome);
            handle = (outcome as Running<InstanceFacts>)?.Progress.Handle;
        }

        throw new AssertionException($"The step {part} doesn't come.");
    }

    /// <summary>What a clone is before it is done: a lock, and neither name nor tags.</summary>
    private static void HalfClone(Bench bench, int vmid, string node)
    {
        bench.Cloud.Do("POST", $"/nodes/{node}/qemu", ("vmid", vmid.ToString(CultureInfo.InvariantCulture)));
        bench.Cloud.Edit(string.Create(CultureInfo.InvariantCulture, $"qemu/{vmid}"), b => b["config"]!.AsObject().Remove("name"));
        bench.Cloud.SetLock(vmid, "clone");
    }

    private static string PathOf(Identity id) => string.Create(CultureInfo.InvariantCulture, $"qemu/{Bench.Number(id)}");

    private static string[] Tags(Bench bench, Identity id) => bench.Config(Bench.Number(id))["tags"]!.ToString().Split(';');
}
