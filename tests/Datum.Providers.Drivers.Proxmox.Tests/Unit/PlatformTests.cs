using System.Globalization;
using System.Text;
using System.Text.Json;
using Datum.Providers.Clouds.Proxmox;
using Datum.Providers.Drivers.Proxmox.Cluster;
using Datum.Providers.Drivers.Proxmox.Instances;

namespace Datum.Providers.Drivers.Proxmox.Tests.Unit;

/// <summary>What only this platform has: numbers, nodes, pending changes, borrowed volumes, addresses that nobody else gives.</summary>
public sealed class PlatformTests
{
    [Test]
    public async Task A_number_that_somebody_took_meanwhile_is_chosen_again()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var spec = new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location };
        var id = Bench.Id(ResourceKind.Disk);
        var choose = ((Absent<DiskFacts>)await bench.Observe(driver.Disks!, id, spec)).Next!;
        id = Bench.Record(id, await driver.Disks!.CreateAsync(bench.Operation(id, choose), id, spec));
        bench.Cloud.Do("POST", "/nodes/pve3/qemu", ("vmid", id.Resolved["vmid"]), ("name", "mine"));
        var seen = (Absent<DiskFacts>)await bench.Observe(driver.Disks!, id, spec);
        Assert.That(seen.Next!.Part, Is.EqualTo("vmid"));
        var (built, _, _) = await bench.Build(driver.Disks!, id, spec);
        Assert.That(built.PartId("disk"), Is.Not.EqualTo("vm/" + id.Resolved["vmid"]));
    }

    [Test]
    public async Task A_machine_that_moved_is_the_same_and_its_data_disk_outlives_it()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var network = await bench.Network(driver);
        var (disk, _, _) = await bench.Build(driver.Disks!, Bench.Id(ResourceKind.Disk), new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location });
        var spec = Bench.Sandbox(network) with { Volumes = [new VolumeSpec { Name = "data", Disk = new DiskVolume { Disk = Bench.Refer(disk), DeviceName = "data", Filesystem = "ext4" } }] };
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        var volume = bench.Config(Bench.Number(disk, "disk"))["scsi0"]!.ToString().Split(',')[0];
        Assert.That(bench.Config(Bench.Number(id))["scsi1"]!.ToString(), Does.StartWith(volume + ",").And.Contain("serial=data"));
        bench.Cloud.Migrate(Bench.Number(id), "pve3");
        Assert.That(((Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, spec)).Drift, Is.Empty);
        var used = (Present<DiskFacts>)await bench.Observe(driver.Disks!, disk, new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location });
        Assert.That(used.Facts.UsedBy, Is.EqualTo(new[] { id.Parts[0].Id }));
        var refused = (Failed<DiskFacts>)await driver.Disks!.DeleteAsync(bench.Operation(disk, new Step { Part = "disk", Verb = StepVerb.Delete, Class = CreateClass.Repeatable }), disk);
        Assert.That((refused.Error.Code, refused.Error.BlockedBy.Single()), Is.EqualTo((ErrorCode.Conflict, id.Parts[0].Id)));
        await bench.TakeDown(driver.Instances!, id);
        Assert.That(bench.At("volumes/" + volume), Is.Not.Null, "The data disk goes only with its own entry.");
    }

    [Test]
    public async Task Machines_of_one_network_never_have_one_address()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var network = (await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), Bench.NetworkOf() with { Ranges = ["10.9.0.0/29"] })).Id;
        var spec = Bench.Sandbox(network) with { Interfaces = [new InterfaceSpec { Name = "eth0", Network = Bench.Refer(network), Ranges = ["10.9.0.0/29"] }] };
        var addresses = new List<string>();
        for (var n = 1; n <= 5; n++)
            addresses.Add((await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance, n), spec)).Seen.Facts.Interfaces[0].NetworkAddresses.Single());
        Assert.That(addresses, Is.EquivalentTo(new[] { "10.9.0.2", "10.9.0.3", "10.9.0.4", "10.9.0.5", "10.9.0.6" }), "Neither the network's own, nor the gateway's, nor the broadcast.");
    }

    [Test]
    public void A_machine_whose_address_another_chose_at_the_same_moment_chooses_again()
    {
        var id = Bench.Id(ResourceKind.Instance);
        var nic = new InterfaceSpec { Name = "eth0", Network = new Reference { Name = "n", Parts = [new Part { Name = "vnet", Id = "vnet/abcdefgh" }] }, Ranges = ["10.9.0.0/29"] };
        Guest Machine(int number, params ImmutableArray<string> tags) => new() { VmId = number, Node = "pve1", IsMachine = true, Tags = tags };
        var self = Machine(100, "datum-ip-abcdefgh-10.9.0.4");
        var view = new ClusterView { Guests = [self, Machine(101, "datum-ip-abcdefgh-10.9.0.4")] };
        Assert.That(Addresses.Shared(view, self), Is.EqualTo(new[] { "datum-ip-abcdefgh-10.9.0.4" }));
        var (chosen, error) = Addresses.Choose(view, self, id, nic, 0, []);
        Assert.That(error, Is.Null);
        Assert.That(chosen.Single().Address.ToString(), Is.Not.EqualTo("10.9.0.4"));
    }

    [Test]
    public async Task An_endpoint_that_leads_to_another_cluster_is_told_apart_and_refused_where_the_Location_names_one()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var strict = await bench.ConnectAsync(change: c => c with { Location = JsonSerializer.SerializeToElement(new { cluster = "demo" }) });
        var before = (await driver.ProbeAsync(bench.Call())).Value!.AccountId;
        Assert.That((await strict.ProbeAsync(bench.Call())).Value!.AccountId, Is.EqualTo(before));
        bench.Cloud.ClusterName = "other";
        Assert.That((await driver.ProbeAsync(bench.Call())).Value!.AccountId, Is.Not.EqualTo(before));
        var refused = (await strict.ProbeAsync(bench.Call())).Error!;
        Assert.That((refused.Code, refused.Field), Is.EqualTo((ErrorCode.Invalid, "location.cluster")));
    }

    [Test]
    public async Task Credentials_that_don_t_see_all_machines_prove_no_absence()
    {
        using var bench = new Bench(new ProxmoxKnobs { Denied = ["VM.Audit"] });
        var driver = await bench.ConnectAsync();
        Assert.That((await driver.ProbeAsync(bench.Call())).Error!.Code, Is.EqualTo(ErrorCode.Forbidden));
    }

    [Test]
    public async Task A_ticket_is_renewed_before_it_ends_and_once_when_it_is_refused()
    {
        using var bench = new Bench(new ProxmoxKnobs { NeedsSignIn = true });
        bench.Cloud.AddUser("ada@pve", "pässword&+/");
        bench.Credentials.Clear();
        bench.Credentials["username"] = Encoding.UTF8.GetBytes("ada@pve");
        bench.Credentials["password"] = Encoding.UTF8.GetBytes("pässword&+/");
        var driver = await bench.ConnectAsync();
        int SignIns() => bench.Cloud.Calls.Count(c => c.Operation == "POST /access/ticket");
        Assert.That((await driver.ProbeAsync(bench.Call())).Error?.Message, Is.Null);
        Assert.That(SignIns(), Is.EqualTo(1));
        bench.Clock.Advance(TimeSpan.FromMinutes(101));
        Assert.That((await driver.ProbeAsync(bench.Call())).Error?.Message, Is.Null);
        Assert.That(SignIns(), Is.EqualTo(2));
        bench.Cloud.ExpireTickets();
        await bench.Network(driver);
        Assert.That(SignIns(), Is.EqualTo(3));
    }

    [TestCase("datum@pve!driver")]
    [TestCase("PVEAPIToken=datum@pve!driver=secret")]
    [TestCase("driver=secret")]
    public async Task A_token_of_another_form_is_refused_without_being_shown(string token)
    {
        using var bench = new Bench();
        bench.Credentials["apiToken"] = Encoding.UTF8.GetBytes(token);
        var error = (await Assert.ThrowsAsync<DriverException>(() => bench.ConnectAsync()))!.Error;
        Assert.That((error.Code, error.Message.Contains("secret=", StringComparison.Ordinal)), Is.EqualTo((ErrorCode.Unauthenticated, false)));
    }

    [Test]
    public async Task A_start_that_fails_although_the_machine_runs_is_no_failure_for_long()
    {
        using var bench = new Bench(new ProxmoxKnobs { StartFailsButRuns = true });
        var driver = await bench.ConnectAsync();
        var network = await bench.Network(driver);
        var spec = Bench.Sandbox(network);
        var id = Bench.Id(ResourceKind.Instance);
        Handle? handle = null;
        Observation<InstanceFacts> seen = new Absent<InstanceFacts>();
        for (var round = 0; round < 60; round++)
        {
            seen = await bench.Observe(driver.Instances!, id, spec, handle);
            handle = seen.InProgress?.Handle;
            if (seen.InProgress is { } progress)
                bench.Clock.Advance(progress.LookAgainAfter);
            else if (((seen as Present<InstanceFacts>)?.Next ?? (seen as Absent<InstanceFacts>)?.Next) is not { } step)
                break;
            else
                (id, handle) = await DoAsync(step);
        }

        Assert.That(((Present<InstanceFacts>)seen).State, Is.EqualTo(Lifecycle.Ready));

        async Task<(Identity, Handle?)> DoAsync(Step step)
        {
            var outcome = await driver.Instances!.CreateAsync(bench.Operation(id, step), id, spec);
            return (Bench.Record(id, outcome), (outcome as Running<InstanceFacts>)?.Progress.Handle);
        }
    }

    [Test]
    public async Task An_image_on_a_storage_is_imported_and_a_machine_gets_its_keys()
    {
        using var bench = new Bench();
        bench.Cloud.Do("POST", "/nodes/pve1/storage/shared/download-url", ("content", "import"), ("filename", "jammy.qcow2"), ("url", "https://images.test/jammy.qcow2"));
        var driver = await bench.ConnectAsync(change: c => c with { Images = ImmutableDictionary<string, string>.Empty.Add("datumcloud/ubuntu-2204-lts", "shared:import/jammy.qcow2") });
        var (id, seen, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Machine(await bench.Network(driver)));
        Assert.That(seen.State, Is.EqualTo(Lifecycle.Ready));
        Assert.That(bench.Config(Bench.Number(id))["scsi0"]!.ToString(), Does.StartWith("ceph:").And.Contain("size=25G"));
        Assert.That(Encoding.UTF8.GetString(bench.Cloud.GuestFiles(Bench.Number(id))["/var/lib/cloud/seed/user-data"]), Does.Contain("ssh-ed25519").And.Contain("qemu-guest-agent"));
    }

    [Test]
    public async Task An_image_at_an_address_is_downloaded_once_for_all_and_told_meanwhile()
    {
        using var bench = new Bench(new ProxmoxKnobs { DefaultDuration = TimeSpan.FromSeconds(8) });
        var sum = new string('b', 64);
        var driver = await bench.ConnectAsync(new { storage = "ceph", imageStorage = "shared" }, c => c with { Images = ImmutableDictionary<string, string>.Empty.Add("datumcloud/ubuntu-2204-lts", "https://images.test/jammy.img#sha256=" + sum) });
        var spec = Bench.Machine(await bench.Network(driver));
        var ids = new[] { 1, 2, 3 }.Select(n => Bench.Id(ResourceKind.Instance, n)).ToArray();
        for (var n = 0; n < ids.Length; n++)
        {
            for (var step = ((Absent<InstanceFacts>)await bench.Observe(driver.Instances!, ids[n], spec)).Next!; step.Part == "vmid"; step = ((Absent<InstanceFacts>)await bench.Observe(driver.Instances!, ids[n], spec)).Next!)
                ids[n] = Bench.Record(ids[n], await driver.Instances!.CreateAsync(bench.Operation(ids[n], step), ids[n], spec));
        }

        var image = ((Absent<InstanceFacts>)await bench.Observe(driver.Instances!, ids[0], spec)).Next!;
        Assert.That(image.Part, Is.EqualTo("image"));
        var begun = await Task.WhenAll(ids.Select(id => driver.Instances!.CreateAsync(bench.Operation(id, image), id, spec).AsTask()));
        Assert.That(begun, Has.All.InstanceOf<Running<InstanceFacts>>());
        var handle = begun.Cast<Running<InstanceFacts>>().Select(r => r.Progress.Handle).Single(h => h is not null);
        Assert.That((await bench.Observe(driver.Instances!, ids[0], spec, handle)).InProgress!.Message, Is.EqualTo("the platform downloads the image"));
        foreach (var id in ids)
            Assert.That((await bench.Build(driver.Instances!, id, spec)).Seen.State, Is.EqualTo(Lifecycle.Ready));
        Assert.That(bench.Cloud.Calls.Count(c => c.Operation.EndsWith("/download-url", StringComparison.Ordinal)), Is.EqualTo(1));
        Assert.That(bench.At($"volumes/shared:import/datum-sha256-{sum[..32]}.qcow2"), Is.Not.Null);
    }

    [TestCase("http://images.test/a.qcow2#sha256=0000000000000000000000000000000000000000000000000000000000000000")]
    [TestCase("https://images.test/a.qcow2")]
    [TestCase("https://images.test/a.qcow2#md5=00000000000000000000000000000000")]
    [TestCase("https://images.test/a.qcow2#sha256=00")]
    [TestCase("https://ada:secret@images.test/a.qcow2#sha256=0000000000000000000000000000000000000000000000000000000000000000")]
    [TestCase("https://images.test/a.iso#sha256=0000000000000000000000000000000000000000000000000000000000000000")]
    public async Task An_address_without_TLS_checksum_or_a_form_that_can_be_imported_is_refused(string image)
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync(change: c => c with { Images = ImmutableDictionary<string, string>.Empty.Add("datumcloud/ubuntu-2204-lts", image) });
        var finding = (await driver.Instances!.ValidateAsync(bench.Call(), Bench.Machine(await bench.Network(driver)))).Single();
        Assert.That((finding.Path, finding.Capability), Is.EqualTo(("volumes[boot].disk.image", "images")));
    }

    [Test]
    public async Task Secrets_reach_the_guest_by_its_agent_and_stand_nowhere_at_the_platform()
    {
        using var bench = new Bench();
        bench.Payloads["database"] = "canary-5521";
        var driver = await bench.ConnectAsync();
        var (id, seen, steps) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Life.WithSecret(Bench.Sandbox(await bench.Network(driver))));
        Assert.Multiple(() =>
        {
            Assert.That(seen.Facts.Guest, Is.EqualTo(GuestHealth.Ready));
            Assert.That(steps, Is.EqualTo(new[] { "Create vmid", "Create server", "Create config", "Create seed", "Create boot", "Create secrets", "Create eject" }));
            Assert.That(bench.Cloud.Objects.Select(o => o.Body.ToJsonString()), Has.None.Contains("canary-5521"));
            Assert.That(bench.Cloud.Objects.Where(o => o.Path.Contains("datum-inst1", StringComparison.Ordinal)), Is.Empty, "The seed medium is gone.");
            Assert.That(bench.Log, Has.None.Contains("canary-5521"));
        });
        Assert.That(bench.Config(Bench.Number(id))["ide2"]!.ToString(), Is.EqualTo("none,media=cdrom"));
    }

    [TestCase("cores", "8", "size.cpuMillis", Remedy.Replace)]
    [TestCase("memory", "1024", "size.memoryMiB", Remedy.Replace)]
    [TestCase("net0", "virtio=02:00:00:00:00:01,bridge=vmbr0,firewall=1", "interfaces[eth0].network", Remedy.Replace)]
    public async Task What_was_changed_in_the_configuration_is_drift(string key, string value, string path, Remedy remedy)
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var spec = Bench.Sandbox(await bench.Network(driver));
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        bench.Cloud.Edit(string.Create(CultureInfo.InvariantCulture, $"qemu/{Bench.Number(id)}"), b => b["config"]![key] = value);
        var drift = ((Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, spec)).Drift.Single();
        Assert.That((drift.Path, drift.Remedy), Is.EqualTo((path, remedy)));
    }
}
