using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Podman.Tests.Real;

[TestFixture]
public sealed class NetworkAndDiskTests : PodmanFixture
{
    [Test]
    public async Task A_network_carries_both_ranges_its_mtu_and_its_mark()
    {
        var network = new Driven<NetworkSpec, NetworkFacts>(Driver.Networks!, NewIdentity(ResourceKind.Network));
        var spec = DualStack();

        var ready = await network.DriveToReadyAsync(spec);

        Assert.That(network.Steps, Is.EqualTo(new[] { "Create network" }));
        Assert.That(ready.Facts.Ranges, Is.EquivalentTo(spec.Ranges));
        Assert.That(ready.Facts.Mtu, Is.EqualTo(1460));
        Assert.That((ready.Mark, ready.Incarnation, ready.Drift.Length), Is.EqualTo((MarkState.Ours, 1L, 0)));
        Assert.That(ready.Parts.Single().Id, Is.EqualTo($"net-{network.Id.Name}"));
        var bridge = (await GetAsync($"networks/net-{network.Id.Name}/json")).GetProperty("network_interface").GetString();
        Assert.That(bridge, Is.EqualTo(PodmanNames.Bridge(network.Id)).And.Length.LessThanOrEqualTo(15));

        var other = await network.PresentAsync(spec with { Mtu = 1500 });
        Assert.That(other.Drift.Single(), Is.EqualTo(new Drift { Path = "mtu", Remedy = Remedy.Replace, Desired = "1500", Actual = "1460" }));
        await network.DriveToAbsentAsync();
        Assert.That(await network.DoAsync(new Step { Part = "network", Verb = StepVerb.Delete, Class = CreateClass.Repeatable }, null),
            Is.InstanceOf<Done<NetworkFacts>>().With.Property("Observation").InstanceOf<Absent<NetworkFacts>>());
    }

    [Test]
    public async Task A_lost_answer_of_a_network_create_leaves_one_network()
    {
        var driver = await ConnectAsync(wire: new LosesAnswer("POST", "networks/create"));
        var network = new Driven<NetworkSpec, NetworkFacts>(driver.Networks!, NewIdentity(ResourceKind.Network));
        var spec = DualStack();
        var step = ((Absent<NetworkFacts>)await network.ObserveAsync(spec)).Next!;

        var first = await network.DoAsync(step, spec);
        var again = await network.DoAsync(step, spec);

        Assert.That(((Failed<NetworkFacts>)first).Error.Effect, Is.EqualTo(Effect.Unknown));
        Assert.That(again, Is.InstanceOf<Done<NetworkFacts>>());
        Assert.That(await Podman.ObjectsAsync($"{Marks.InstallKey}={Installation}"), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_range_that_is_taken_is_a_conflict_without_effect()
    {
        var spec = DualStack();
        await NetworkAsync(spec);
        var second = new Driven<NetworkSpec, NetworkFacts>(Driver.Networks!, NewIdentity(ResourceKind.Network));

        var outcome = await second.DoAsync(new Step { Part = "network", Verb = StepVerb.Create, Class = CreateClass.Named }, spec);

        var error = ((Failed<NetworkFacts>)outcome).Error;
        Assert.That((error.Code, error.Effect), Is.EqualTo((ErrorCode.Conflict, Effect.NotApplied)));
    }

    [Test]
    public async Task Somebody_elses_network_of_the_same_name_is_left_alone()
    {
        var mine = new Driven<NetworkSpec, NetworkFacts>(Driver.Networks!, NewIdentity(ResourceKind.Network));
        await mine.DriveToReadyAsync(DualStack());
        var other = new Driven<NetworkSpec, NetworkFacts>(Driver.Networks!, mine.Id with { Installation = "other", Parts = [] });

        var seen = await other.PresentAsync(DualStack());
        var create = await other.DoAsync(new Step { Part = "network", Verb = StepVerb.Create, Class = CreateClass.Named }, DualStack());
        var delete = await other.DoAsync(new Step { Part = "network", Verb = StepVerb.Delete, Class = CreateClass.Repeatable }, null);

        Assert.That(seen.Mark, Is.EqualTo(MarkState.Foreign));
        Assert.That(((Failed<NetworkFacts>)create).Error.Code, Is.EqualTo(ErrorCode.Conflict));
        Assert.That(((Failed<NetworkFacts>)delete).Error.Code, Is.EqualTo(ErrorCode.Conflict));
        Assert.That((await mine.PresentAsync(null)).Mark, Is.EqualTo(MarkState.Ours));
    }

    // Law L7.
    [Test]
    public async Task A_network_and_a_disk_in_use_name_what_blocks_their_deletion()
    {
        var network = new Driven<NetworkSpec, NetworkFacts>(Driver.Networks!, NewIdentity(ResourceKind.Network));
        await network.DriveToReadyAsync(DualStack());
        var disk = new Driven<DiskSpec, DiskFacts>(Driver.Disks!, NewIdentity(ResourceKind.Disk));
        await disk.DriveToReadyAsync(new DiskSpec { SizeGiB = 10 });
        var instance = NewInstance();
        await instance.DriveToReadyAsync(WithDisk(new Reference { Name = network.Id.Name, Parts = network.Id.Parts }, new Reference { Name = disk.Id.Name, Parts = disk.Id.Parts }));

        var networkError = ((Failed<NetworkFacts>)await network.DoAsync(new Step { Part = "network", Verb = StepVerb.Delete, Class = CreateClass.Repeatable }, null)).Error;
        var diskError = ((Failed<DiskFacts>)await disk.DoAsync(new Step { Part = "volume", Verb = StepVerb.Delete, Class = CreateClass.Repeatable }, null)).Error;

        foreach (var error in new[] { networkError, diskError })
        {
            Assert.That((error.Code, error.Effect), Is.EqualTo((ErrorCode.Conflict, Effect.NotApplied)));
            Assert.That(error.BlockedBy, Is.EqualTo(new[] { $"ins-{instance.Id.Name}" }));
        }

        Assert.That((await disk.PresentAsync(null)).Facts.UsedBy, Is.EqualTo(new[] { $"ins-{instance.Id.Name}" }));
        await instance.DriveToAbsentAsync();
        await network.DriveToAbsentAsync();
        await disk.DriveToAbsentAsync();
        Assert.That(await Podman.ObjectsAsync($"{Marks.InstallKey}={Installation}"), Is.Empty);
    }

    [Test]
    public async Task What_is_on_a_disk_survives_the_replacement_of_the_instance()
    {
        var network = await NetworkAsync();
        var disk = await DiskAsync();
        var instance = NewInstance();
        await instance.DriveToReadyAsync(WithDisk(network, disk, "echo kept > /data/file"));
        await instance.DriveToAbsentAsync();
        instance.Id = instance.Id with { Incarnation = 2, Parts = [], Resolved = ImmutableDictionary<string, string>.Empty };

        var spec = WithDisk(network, disk, "test \"$(cat /data/file)\" = kept || exit 9");
        var again = await instance.DriveToReadyAsync(spec);

        Assert.That(again.Facts.Containers.Single().Running, Is.True);
    }

    [Test]
    public async Task A_disks_size_is_refused_unless_the_config_accepts_that()
    {
        var strict = await ConnectAsync(c => c with { AllowUnenforcedDiskSize = false });
        var disk = new DiskSpec { SizeGiB = 10, Filesystem = "ext4" };

        var refused = await strict.Disks!.ValidateAsync(Calls.New(), disk);
        var accepted = await Driver.Disks!.ValidateAsync(Calls.New(), disk);
        var outcome = await new Driven<DiskSpec, DiskFacts>(strict.Disks, NewIdentity(ResourceKind.Disk))
            .DoAsync(new Step { Part = "volume", Verb = StepVerb.Create, Class = CreateClass.Named }, disk);

        Assert.That(refused.Where(f => !f.Tolerated).Select(f => f.Path), Is.EqualTo(new[] { "sizeGiB", "filesystem" }));
        Assert.That(accepted.Select(f => (f.Path, f.Tolerated)), Is.EqualTo(new[] { ("sizeGiB", true), ("filesystem", true) }));
        Assert.That(((Failed<DiskFacts>)outcome).Error.Code, Is.EqualTo(ErrorCode.Unsupported));
    }

    [Test]
    public async Task Listings_show_what_is_ours_and_nothing_else()
    {
        var network = await NetworkAsync();
        var disk = await DiskAsync();
        var query = new ListQuery { Installation = Installation };

        var networks = (await Driver.Networks!.ListAsync(Calls.New(), query, null)).Value!;
        var disks = (await Driver.Disks!.ListAsync(Calls.New(), query, null)).Value!;
        var none = (await Driver.Networks.ListAsync(Calls.New(), query with { Installation = "nobody" }, null)).Value!;

        Assert.That(networks.Items.Single().Name, Is.EqualTo(network.Name));
        Assert.That(networks.Items.Single().Facts!.Mtu, Is.EqualTo(1460));
        Assert.That(disks.Items.Single().Name, Is.EqualTo(disk.Name));
        Assert.That((networks.Complete, networks.Next, none.Items.Length), Is.EqualTo((true, (string?)null, 0)));
    }

    private static InstanceSpec WithDisk(Reference network, Reference disk, string script = "true") => Web(network, c => c with
    {
        Image = PodmanHost.BusyboxImage,
        Command = ["sh", "-c", $"{script}; trap 'exit 0' TERM; while true; do sleep 1; done"],
        Mounts = [new MountSpec { Volume = "data", Path = "/data" }],
    }) with
    {
        Volumes = [new VolumeSpec { Name = "data", Disk = new DiskVolume { Disk = disk, DeviceName = "data" } }],
    };
}
