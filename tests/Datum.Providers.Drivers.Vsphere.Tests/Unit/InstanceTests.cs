using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Datum.Providers.Clouds.Vsphere;

namespace Datum.Providers.Drivers.Vsphere.Tests.Unit;

/// <summary>Machines: what is cloned, what the guest reads, power, size, disks.</summary>
public sealed class InstanceTests
{
    [Test]
    public async Task A_machine_is_cloned_with_its_size_card_and_disk_and_handed_what_its_guest_reads()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var network = await NetworkAsync(bench, driver);
        var (id, seen, steps) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Machine(network));
        var machine = bench.At(id)!;
        var metadata = Unpack(machine.Options["guestinfo.metadata"]);
        var card = metadata.GetProperty("network").GetProperty("ethernets").GetProperty("eth0");
        var address = seen.Facts.Interfaces.Single().NetworkAddresses.Single();
        Assert.Multiple(() =>
        {
            Assert.That(steps, Is.EqualTo(new[] { "Create server", "Create guest", "Create power" }));
            Assert.That((machine.Config.Get("hardware")!.Text("numCPU"), machine.Config.Get("hardware")!.Text("memoryMB")), Is.EqualTo(("2", "8192")));
            Assert.That(Devices(machine, "VirtualDisk").Single().Text("capacityInKB"), Is.EqualTo((25L << 20).ToString(CultureInfo.InvariantCulture)));
            Assert.That(Devices(machine, "VirtualVmxnet3").Single().Descendants(Soap.Vim + "portgroupKey").Single().Value, Is.EqualTo(network.Parts[0].Id));
            Assert.That(machine.Config.Text("instanceUuid"), Is.EqualTo(id.Parts.Single().Id));
            Assert.That(machine.Options["disk.EnableUUID"], Is.EqualTo("TRUE"));
            Assert.That(Encoding.UTF8.GetString(UnpackBytes(machine.Options["guestinfo.userdata"])), Does.StartWith("#cloud-config").And.Contain("AAAAC3NzaC1lZDI1NTE5AAAAIF4u"));
            Assert.That(metadata.GetProperty("local-hostname").GetString(), Is.EqualTo("web-0"));
            Assert.That(card.GetProperty("match").GetProperty("macaddress").GetString(), Is.EqualTo(Devices(machine, "VirtualVmxnet3").Single().Text("macAddress")));
            Assert.That(card.GetProperty("addresses")[0].GetString(), Is.EqualTo(address + "/24"));
            Assert.That(card.GetProperty("routes")[0].GetProperty("via").GetString(), Is.EqualTo("10.1.0.1"));
            Assert.That(card.GetProperty("mtu").GetInt32(), Is.EqualTo(1460));
            Assert.That(card.GetProperty("nameservers").GetProperty("addresses")[0].GetString(), Is.EqualTo("10.0.0.53"));
            Assert.That((seen.Facts.Power, seen.Facts.PlatformState), Is.EqualTo((PowerState.Running, "poweredOn")));
        });
    }

    [Test]
    public async Task Machines_of_one_network_have_addresses_of_their_own_and_leave_the_router_s()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var network = await NetworkAsync(bench, driver);
        var spec = Bench.Sandbox(network) with { Interfaces = [Bench.Sandbox(network).Interfaces[0] with { Ranges = ["10.1.0.0/29"] }] };
        var addresses = new List<string>();
        for (var n = 1; n <= 5; n++)
        {
            var (_, seen, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance, n), spec);
            addresses.Add(seen.Facts.Interfaces[0].NetworkAddresses[0]);
        }

        Assert.That(addresses, Is.EquivalentTo(new[] { "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6" }));
        var last = Bench.Id(ResourceKind.Instance, 6);
        var outcome = await StepsAsync(bench, driver, last, spec, "guest");
        Assert.That((outcome as Failed<InstanceFacts>)?.Error is { Code: ErrorCode.CapacityUnavailable, Effect: Effect.NotApplied }, Is.True);
    }

    [Test]
    public async Task Whoever_sees_another_with_its_address_takes_another_one_before_it_is_started()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var network = await NetworkAsync(bench, driver);
        var spec = Bench.Sandbox(network);
        var id = Bench.Id(ResourceKind.Instance);
        var outcome = await StepsAsync(bench, driver, id, spec, "guest");
        Assert.That(outcome, Is.Not.TypeOf<Failed<InstanceFacts>>());
        var ours = bench.Cloud.Machines.Single(m => m.Name.StartsWith("ins-", StringComparison.Ordinal));
        var notes = ours.Config.Text("annotation")!;
        var address = notes[(notes.IndexOf("eth0=", StringComparison.Ordinal) + 5)..].Split(' ')[0];
        // Another chose the same at the same time.
        var rival = bench.Cloud.MakeMachine("rival", portgroup: new MoRef("DistributedVirtualPortgroup", network.Parts[0].Id));
        bench.Cloud.Edit(rival, Soap.Element("annotation", $"datum:inst2:ins:{new string('a', 32)}:1 addresses=eth0={address}"));
        var (_, seen, steps) = await bench.Build(driver.Instances!, id, spec);
        Assert.That(seen.Facts.Interfaces[0].NetworkAddresses.Single(), Is.Not.EqualTo(address));
        Assert.That(steps, Is.EqualTo(new[] { "Create power", "Create power" }), "The first gives way, the second starts.");
    }

    [Test]
    public async Task Data_disks_are_attached_before_the_start_and_taken_off_before_the_end()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var network = await NetworkAsync(bench, driver);
        var (disk, _, _) = await bench.Build(driver.Disks!, Bench.Id(ResourceKind.Disk), new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location, Filesystem = "ext4" });
        var spec = Bench.WithDisk(Bench.Sandbox(network), disk);
        var (id, _, steps) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        var file = bench.Cloud.Disks.Single().File;
        Assert.That(steps, Is.EqualTo(new[] { "Create server", "Create data-disks", "Create guest", "Create power" }));
        Assert.That(Devices(bench.At(id)!, "VirtualDisk").Select(d => d.Get("backing")!.Text("fileName")), Does.Contain(file));
        Assert.That(Encoding.UTF8.GetString(UnpackBytes(bench.At(id)!.Options["guestinfo.userdata"])), Does.Contain("6000c29"), "The guest finds it by the file's identifier.");

        var held = await driver.Disks!.DeleteAsync(bench.Operation(disk, new Step { Part = "dsk", Verb = StepVerb.Delete, Class = CreateClass.Repeatable }), disk) as Failed<DiskFacts>;
        Assert.That(held?.Error is { Code: ErrorCode.Conflict, BlockedBy: [{ } holder] } && holder == bench.At(id)!.Name, Is.True);

        var order = await bench.TakeDown(driver.Instances!, id);
        Assert.That(order, Is.EqualTo(new[] { "stop", "data-disks", "server" }));
        Assert.That(bench.Cloud.Disks.Single() is { KeptAfterMachine: true } left && left.File == file, Is.True, "The disk lives on.");
        await bench.TakeDown(driver.Disks!, disk);
        Assert.That(bench.Cloud.Disks, Is.Empty);
    }

    [Test]
    public async Task A_guest_is_asked_to_stop_and_its_power_is_cut_when_its_grace_is_over()
    {
        using var bench = new Bench(new VsphereKnobs { GuestShutdown = TimeSpan.FromHours(1) });
        var driver = await bench.ConnectAsync();
        var network = await NetworkAsync(bench, driver);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Sandbox(network) with { TerminationGraceSeconds = 90 });
        var before = bench.Clock.Now;
        Assert.That(await bench.TakeDown(driver.Instances!, id), Is.EqualTo(new[] { "stop", "power-off", "server" }));
        Assert.That(bench.Clock.Now - before, Is.InRange(TimeSpan.FromSeconds(88), TimeSpan.FromSeconds(110)));
    }

    [Test]
    public async Task A_size_is_changed_in_place_with_the_machine_off_meanwhile_unless_it_can_grow_running()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var network = await NetworkAsync(bench, driver);
        var spec = Bench.Sandbox(network);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        var larger = spec with { Size = spec.Size with { CpuMillis = 4000, MemoryMiB = 16384 } };
        (id, _, var steps) = await bench.Build(driver.Instances!, id, larger);
        Assert.That(steps, Is.EqualTo(new[] { "Update stop", "Update resize", "Update power" }));
        Assert.That(bench.At(id)!.Config.Get("hardware")!.Text("numCPU"), Is.EqualTo("4"));

        bench.Cloud.Edit(bench.At(id)!.Reference, Soap.Element("memoryHotAddEnabled", "true"), Soap.Element("cpuHotAddEnabled", "true"));
        (id, _, steps) = await bench.Build(driver.Instances!, id, larger with { Size = larger.Size with { CpuMillis = 8000 } });
        Assert.That(steps, Is.EqualTo(new[] { "Update resize" }), "It runs on.");
    }

    [Test]
    public async Task A_restart_asks_the_guest_and_a_suspended_machine_is_off_and_kept()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var network = await NetworkAsync(bench, driver);
        var spec = Bench.Sandbox(network);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        (id, _, var steps) = await bench.Build(driver.Instances!, id, spec with { RestartedAt = "2030-01-01T00:00:00Z" });
        Assert.That(steps, Is.EqualTo(new[] { "Update stop", "Update restart", "Update power" }));
        Assert.That(bench.Cloud.Count("ShutdownGuest"), Is.EqualTo(1));
        (id, var seen, _) = await bench.Build(driver.Instances!, id, spec with { RestartedAt = "2030-01-01T00:00:00Z", Suspended = true });
        Assert.That(seen.Facts.Power, Is.EqualTo(PowerState.Stopped));
        bench.Cloud.SetPower(bench.At(id)!.Reference, on: true);
        bench.Cloud.Suspend(bench.At(id)!.Reference);
        Assert.That(((Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, spec)).Facts is { Power: PowerState.Stopped, PlatformState: "suspended" }, Is.True);
    }

    [Test]
    public async Task A_question_is_told_with_its_words_and_holds_the_machine_up()
    {
        using var bench = new Bench(new VsphereKnobs { AsksAtPowerOn = true });
        var driver = await bench.ConnectAsync();
        var network = await NetworkAsync(bench, driver);
        var id = Bench.Id(ResourceKind.Instance);
        await StepsAsync(bench, driver, id, Bench.Sandbox(network), "power");
        var seen = (Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, Bench.Sandbox(network));
        Assert.That(seen.Failure is { PlatformCode: "VirtualMachineQuestion" } failure && failure.Message.Contains("moved or copied", StringComparison.Ordinal), Is.True);
        Assert.That(seen.Facts.PlatformState, Does.Contain("waits for an answer"));
    }

    [Test]
    public async Task A_guest_s_health_is_its_own_report_and_one_of_an_earlier_run_is_over()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var network = await NetworkAsync(bench, driver);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Sandbox(network));
        bench.Cloud.SetOption(bench.At(id)!.Reference, "guestinfo.datum.beacon", """{"ready":false,"containers":[{"name":"web","state":"failed","restarts":3}]}""");
        var seen = (Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, Bench.Sandbox(network));
        Assert.That((seen.Facts.Guest, seen.State, seen.Facts.Containers.Single().Reason), Is.EqualTo((GuestHealth.NotReady, Lifecycle.Degraded, "InstanceCrashing")));
        bench.Cloud.SetOption(bench.At(id)!.Reference, "guestinfo.datum.beacon", """{"ready":true,"containers":[{"name":"web","state":"active"}]}""");
        seen = (Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, Bench.Sandbox(network));
        Assert.That((seen.Facts.Guest, seen.Facts.Containers.Single().Running), Is.EqualTo((GuestHealth.Ready, true)));
    }

    [Test]
    public async Task User_data_that_doesn_t_fit_is_refused_before_anything_is_made()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        // Nothing that gzip could make smaller.
        var noise = new StringBuilder();
        for (var i = 0; i < 4000; i++)
            noise.Append(Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(BitConverter.GetBytes(i))));
        bench.Payloads["big"] = noise.ToString();
        var network = await NetworkAsync(bench, driver);
        var spec = Bench.Sandbox(network) with { Volumes = [new VolumeSpec { Name = "config", Files = new FilesVolume { Payload = new PayloadReference { Name = "big", Secret = false, Hash = "h" } } }] };
        var findings = await driver.Instances!.ValidateAsync(bench.Call(), spec);
        Assert.That(findings.Single(f => f.Capability == "maxUserDataBytes").Message, Does.Contain("65536"));
        var id = Bench.Id(ResourceKind.Instance);
        var refused = await driver.Instances!.CreateAsync(bench.Operation(id, new Step { Part = "server", Verb = StepVerb.Create, Class = CreateClass.Named }), id, spec) as Failed<InstanceFacts>;
        Assert.That(refused?.Error is { Code: ErrorCode.Unsupported, Effect: Effect.NotApplied }, Is.True);
        Assert.That(bench.Cloud.Count("CloneVM_Task"), Is.Zero);
    }

    [Test]
    public async Task A_lost_clone_is_found_by_its_task_and_never_made_twice()
    {
        using var bench = new Bench(new VsphereKnobs { DefaultDuration = TimeSpan.FromMinutes(5) });
        var driver = await bench.ConnectAsync();
        bench.Cloud.Knobs = new VsphereKnobs();
        var network = await NetworkAsync(bench, driver);
        bench.Cloud.Knobs = new VsphereKnobs { DefaultDuration = TimeSpan.FromMinutes(5) };
        var id = Bench.Id(ResourceKind.Instance);
        var step = new Step { Part = "server", Verb = StepVerb.Create, Class = CreateClass.Named };
        Assert.That(await driver.Instances!.CreateAsync(bench.Operation(id, step), id, Bench.Sandbox(network)), Is.TypeOf<Running<InstanceFacts>>());
        // Whoever has no handle any more: nothing is named to be deleted, and nothing is called absent.
        Assert.That(await bench.Observe(driver.Instances!, id, null) is Absent<InstanceFacts> { InProgress: not null }, Is.True);
        // The name is taken from the start: a second clone loses, and the machine is there once.
        await driver.Instances!.CreateAsync(bench.Operation(id, step), id, Bench.Sandbox(network));
        bench.Clock.Advance(TimeSpan.FromMinutes(6));
        Assert.That(await bench.Observe(driver.Instances!, id, Bench.Sandbox(network)) is Present<InstanceFacts> { Mark: MarkState.Ours }, Is.True);
        Assert.That(bench.Cloud.Machines.Count(m => m.Name.StartsWith("ins-", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [Test]
    public async Task A_machine_that_was_moved_to_another_folder_and_host_is_the_same()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var network = await NetworkAsync(bench, driver);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Sandbox(network));
        bench.Cloud.MoveTo(bench.At(id)!.Reference, "elsewhere");
        bench.Cloud.Migrate(bench.At(id)!.Reference);
        Assert.That(await bench.Observe(driver.Instances!, id, Bench.Sandbox(network)) is Present<InstanceFacts> { Mark: MarkState.Ours, Drift.IsEmpty: true, Next: null }, Is.True);
    }

    private static async Task<Identity> NetworkAsync(Bench bench, IInfrastructureDriver driver) => (await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), Bench.Network())).Id;

    /// <summary>Does steps until one of a part is done; its outcome.</summary>
    private static async Task<Outcome<InstanceFacts>> StepsAsync(Bench bench, IInfrastructureDriver driver, Identity id, InstanceSpec spec, string last)
    {
        for (var round = 0; round < 20; round++)
        {
            var seen = await bench.Observe(driver.Instances!, id, spec);
            var next = (seen switch { Absent<InstanceFacts> a => a.Next, Present<InstanceFacts> p => p.Next, _ => null })!;
            var outcome = await driver.Instances!.CreateAsync(bench.Operation(id, next), id, spec);
            if (next.Part == last)
                return outcome;
        }

        throw new AssertionException($"There is no step {last}.");
    }

    private static IEnumerable<System.Xml.Linq.XElement> Devices(VsphereMachine machine, string type) => machine.Config.Descendants(Soap.Vim + "device").Where(d => Soap.TypeOf(d) == type);

    private static JsonElement Unpack(string text)
    {
        using var json = JsonDocument.Parse(UnpackBytes(text));
        return json.RootElement.Clone();
    }

    private static byte[] UnpackBytes(string text)
    {
        using var gzip = new GZipStream(new MemoryStream(Convert.FromBase64String(text)), CompressionMode.Decompress);
        using var plain = new MemoryStream();
        gzip.CopyTo(plain);
        return plain.ToArray();
    }
}
