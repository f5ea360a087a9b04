namespace Datum.Providers.Drivers.Simulator.Tests;

/// <summary>An instance of several parts, from the first step to the last.</summary>
internal sealed class InstanceTests
{
    private static readonly Identity Id = World.Id(ResourceKind.Instance);

    [Test]
    public async Task It_is_built_part_by_part_and_taken_down_in_reverse()
    {
        using var world = new World(new SimulatorKnobs { OperationDurations = ImmutableDictionary<ResourceKind, TimeSpan>.Empty.Add(ResourceKind.Instance, TimeSpan.FromSeconds(5)) });
        var (network, subnet, spec) = await world.Landscape();
        spec = spec with { Interfaces = [spec.Interfaces[0], spec.Interfaces[0] with { Name = "eth1" }] };
        var (id, seen) = await World.Build(world, world.Driver.Instances!, Id, spec);
        Assert.Multiple(() =>
        {
            Assert.That(id.Parts.Select(p => p.Name), Is.EqualTo(new[] { "nic-0", "nic-1", "boot", "server" }));
            Assert.That(seen.Parts[0].Name, Is.EqualTo("server"), "the main part comes first");
            Assert.That((seen.State, seen.Mark, seen.Drift.Length), Is.EqualTo((Lifecycle.Ready, MarkState.Ours, 0)));
            Assert.That((seen.Facts.Power, seen.Facts.Guest), Is.EqualTo((PowerState.Running, GuestHealth.Ready)));
            Assert.That(seen.Facts.Interfaces.SelectMany(i => i.NetworkAddresses), Is.EqualTo(new[] { "10.128.0.2", "10.128.0.3" }));
            Assert.That(seen.Facts.Interfaces.Select(i => i.ExternalAddresses.Length), Is.All.EqualTo(1));
            Assert.That(id.Resolved, Is.EquivalentTo(new Dictionary<string, string> { ["zone"] = "z1", ["image"] = "sim-container-host", ["bootDiskType"] = "sim-standard", ["size"] = "datumcloud/d1-standard-2" }));
            Assert.That(world.Cloud.Audit.MaxAlive, Is.EqualTo(1));
        });

        var step = new Step { Part = "net", Verb = StepVerb.Delete, Class = CreateClass.Repeatable };
        var blocked = (Failed<NetworkFacts>)await world.Driver.Networks!.DeleteAsync(world.Operation(network, step), network);
        Assert.That((blocked.Error.Code, blocked.Error.Effect), Is.EqualTo((ErrorCode.Conflict, Effect.NotApplied)));
        Assert.That(blocked.Error.BlockedBy, Is.EquivalentTo(new[] { subnet.Parts[0].Id, id.PartId("nic-0"), id.PartId("nic-1") }), "law L7: what blocks is named");

        Assert.That(await World.TakeDown(world, world.Driver.Instances!, id), Is.EqualTo(new[] { "server", "boot", "nic-1", "nic-0" }));
        await World.TakeDown(world, world.Driver.Subnets!, subnet);
        await World.TakeDown(world, world.Driver.Networks!, network);
        Assert.That(world.Cloud.Objects, Is.Empty);
    }

    [Test]
    public async Task A_deletion_finds_every_part_by_the_mark_alone()
    {
        using var world = new World();
        var (_, _, spec) = await world.Landscape();
        await World.Build(world, world.Driver.Instances!, Id, spec);
        Assert.That(await World.TakeDown(world, world.Driver.Instances!, Id), Is.EqualTo(new[] { "server", "boot", "nic-0" }));
        Assert.That(world.Cloud.Audit.AliveOf(Id.Name), Is.Zero);
    }

    [Test]
    public async Task A_lost_answer_at_each_part_makes_no_second_one([Values("nics", "boot-disks", "servers")] string collection, [Values(CreateClass.Token, CreateClass.Named, CreateClass.Marked)] CreateClass createClass)
    {
        using var world = new World(new SimulatorKnobs { CreateClasses = ImmutableDictionary<ResourceKind, CreateClass>.Empty.Add(ResourceKind.Instance, createClass) });
        var (_, _, spec) = await world.Landscape();
        world.Cloud.Add(new FaultRule { Method = "POST", Path = $"/v1/{collection}", Kind = FaultKind.ResetAfter });
        var id = Id;
        var lost = 0;
        for (var round = 0; round < 10; round++)
        {
            var seen = await World.Observe(world, world.Driver.Instances!, id, spec);
            if (seen is Present<InstanceFacts> present)
                id = id with { Parts = present.Parts };
            if ((seen as Present<InstanceFacts>)?.Next is null && seen is not Absent<InstanceFacts>)
                break;
            var next = (seen as Present<InstanceFacts>)?.Next ?? ((Absent<InstanceFacts>)seen).Next!;
            var outcome = await world.Driver.Instances!.CreateAsync(world.Operation(id, next), id, spec);
            lost += outcome is Failed<InstanceFacts> { Error.Effect: Effect.Unknown } ? 1 : 0;
            id = World.Record(id, outcome);
        }

        Assert.That((lost, id.Parts.Length, world.Cloud.Audit.MaxAlive), Is.EqualTo((1, 3, 1)));
    }

    [Test]
    public async Task A_crashed_container_and_a_sick_guest_show_as_degraded()
    {
        using var world = new World();
        var (_, _, spec) = await world.Landscape();
        var (id, _) = await World.Build(world, world.Driver.Instances!, Id, spec);
        var before = await Revision();
        world.Cloud.CrashContainer(id.PartId("server")!, "web", 3);
        var seen = (Present<InstanceFacts>)await World.Observe(world, world.Driver.Instances!, id, spec);
        Assert.Multiple(() =>
        {
            Assert.That((seen.State, seen.Facts.Power, seen.Facts.Guest), Is.EqualTo((Lifecycle.Degraded, PowerState.Running, GuestHealth.NotReady)));
            Assert.That((seen.Facts.Containers[0].Running, seen.Facts.Containers[0].ExitCode, seen.Facts.Containers[0].Reason), Is.EqualTo((false, (int?)3, "InstanceCrashing")));
        });
        Assert.That(await Revision(), Is.Not.EqualTo(before), "a listing tells that an observation would differ");
        world.Cloud.SetGuestHealth(id.PartId("server")!, null);
        seen = (Present<InstanceFacts>)await World.Observe(world, world.Driver.Instances!, id, spec);
        Assert.That(seen.Facts.Guest, Is.EqualTo(GuestHealth.Unknown));

        async Task<string?> Revision() => (await world.Driver.Instances!.ListAsync(world.Call(), new ListQuery { Installation = World.Installation }, null)).Value!.Items.Single().Revision;
    }

    [Test]
    public async Task What_can_change_in_place_is_changed_by_its_step_and_the_rest_is_a_replacement()
    {
        using var world = new World();
        var (network, _, spec) = await world.Landscape();
        var (id, _) = await World.Build(world, world.Driver.Instances!, Id, spec);
        var (firewall, _) = await World.Build(world, world.Driver.Firewalls!, World.Id(ResourceKind.Firewall), new FirewallSpec { Network = World.Refer(network), Ingress = [new IngressRule { Protocol = "TCP", Port = 80, Source = "0.0.0.0/0" }] });
        spec = spec with { Suspended = true, Interfaces = [spec.Interfaces[0] with { Firewalls = [World.Refer(firewall)] }] };
        var (_, stopped) = await World.Build(world, world.Driver.Instances!, id, spec);
        Assert.That((stopped.Facts.Power, stopped.State, stopped.Drift.Length), Is.EqualTo((PowerState.Stopped, Lifecycle.Degraded, 0)));
        var (_, restarted) = await World.Build(world, world.Driver.Instances!, id, spec with { Suspended = false, RestartedAt = "2030-01-01" });
        Assert.That((restarted.Facts.Power, restarted.State), Is.EqualTo((PowerState.Running, Lifecycle.Ready)));
        Assert.That(world.Cloud.In(Collections.Nics).Single().FirewallIds, Is.EqualTo(new[] { firewall.Parts[0].Id }));

        var image = spec with { Suspended = false, RestartedAt = "2030-01-01", Sandbox = new SandboxSpec { Containers = [spec.Sandbox!.Containers[0] with { Image = "nginx:2" }] } };
        var seen = (Present<InstanceFacts>)await World.Observe(world, world.Driver.Instances!, id, image);
        Assert.That(seen.Drift.Select(d => (d.Path, d.Remedy)), Is.EqualTo(new[] { ("sandbox.containers[web].image", Remedy.Replace) }));
        Assert.That(seen.Next, Is.Null);
    }

    [Test]
    public async Task Secrets_reach_the_platform_and_stay_nowhere()
    {
        using var world = new World();
        var (_, _, spec) = await world.Landscape();
        world.Payloads["token"] = "canary-4711";
        var payload = new PayloadReference { Name = "token", Secret = true, Hash = "h1" };
        spec = spec with { Sandbox = new SandboxSpec { Containers = [spec.Sandbox!.Containers[0] with { Environment = [new EnvironmentVariable { Name = "T", From = new PayloadKey { Payload = payload, Key = "key" } }] }] } };
        var (id, _) = await World.Build(world, world.Driver.Instances!, Id, spec);
        Assert.That(world.Cloud.In(Collections.Servers).Single().ContentKeys, Is.EqualTo(new[] { "secret/token/key" }));
        var kept = System.Text.Json.JsonSerializer.Serialize(world.Cloud.Objects);
        Assert.That(kept, Does.Contain("secret/token/key"));
        Assert.That(kept, Does.Not.Contain("canary").And.Not.Contain(Convert.ToBase64String("canary-4711"u8)), "law L12");
        var changed = spec with { Sandbox = new SandboxSpec { Containers = [spec.Sandbox.Containers[0] with { Environment = [new EnvironmentVariable { Name = "T", From = new PayloadKey { Payload = payload with { Hash = "h2" }, Key = "key" } }] }] } };
        var seen = (Present<InstanceFacts>)await World.Observe(world, world.Driver.Instances!, id, changed);
        Assert.That(seen.Drift.Single().Remedy, Is.EqualTo(Remedy.Replace));
        Assert.That(seen.Drift.Single().Desired, Is.Null);

        world.Payloads.Clear();
        var other = World.Id(ResourceKind.Secret);
        var missing = (Failed<SecretFacts>)await world.Driver.Secrets!.CreateAsync(world.Operation(other, new Step { Part = "sec", Verb = StepVerb.Create, Class = CreateClass.Named }), other, new SecretSpec { Payload = payload });
        Assert.That((missing.Error.Code, missing.Error.Effect), Is.EqualTo((ErrorCode.Invalid, Effect.NotApplied)));
    }

    [Test]
    public async Task L3_a_part_without_our_mark_stops_every_step_and_a_copy_is_not_touched()
    {
        using var world = new World();
        var (_, _, spec) = await world.Landscape();
        var (id, _) = await World.Build(world, world.Driver.Instances!, Id, spec);
        var copy = world.Cloud.Clone(id.PartId("nic-0")!);
        var seen = (Present<InstanceFacts>)await World.Observe(world, world.Driver.Instances!, id, null);
        Assert.That(seen.Parts.Select(p => p.Id), Does.Not.Contain(copy), "only the recorded id is ours");
        world.Cloud.Change(id.PartId("boot")!, o => o with { Labels = null });
        seen = (Present<InstanceFacts>)await World.Observe(world, world.Driver.Instances!, id, null);
        Assert.That((seen.Mark, seen.Next), Is.EqualTo((MarkState.Missing, (Step?)null)));
        var refused = (Failed<InstanceFacts>)await world.Driver.Instances!.DeleteAsync(world.Operation(id, new Step { Part = "boot", Verb = StepVerb.Delete, Class = CreateClass.Repeatable }), id);
        Assert.That(refused.Error.Effect, Is.EqualTo(Effect.NotApplied));
        Assert.That(world.Cloud.In(Collections.BootDisks), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task A_part_that_the_platform_hides_at_first_is_waited_for_and_made_once()
    {
        using var world = new World(new SimulatorKnobs { ConsistencyWindow = TimeSpan.FromSeconds(5) });
        var (_, _, spec) = await world.Landscape();
        var (id, seen) = await World.Build(world, world.Driver.Instances!, Id, spec);
        Assert.That((seen.State, id.Parts.Length, world.Cloud.Audit.MaxAlive, world.Cloud.Statistics.Creates.Values.Max()), Is.EqualTo((Lifecycle.Ready, 3, 1, 1L)));
    }

    [Test]
    public async Task A_part_that_vanished_shows_in_the_listing_and_asks_for_a_replacement()
    {
        using var world = new World();
        var (_, _, spec) = await world.Landscape();
        var (id, _) = await World.Build(world, world.Driver.Instances!, Id, spec);
        var before = await Revision();
        world.Cloud.Vanish(id.PartId("nic-0")!);
        Assert.That(await Revision(), Is.Not.EqualTo(before));
        var seen = (Present<InstanceFacts>)await World.Observe(world, world.Driver.Instances!, id, spec);
        Assert.That(seen.Drift.Select(d => (d.Path, d.Remedy)), Is.EqualTo(new[] { ("parts[nic-0]", Remedy.Replace) }));
        Assert.That(seen.Next, Is.Null);

        async Task<string?> Revision() => (await world.Driver.Instances!.ListAsync(world.Call(), new ListQuery { Installation = World.Installation }, null)).Value!.Items.Single().Revision;
    }

    [Test]
    public async Task Parts_without_a_server_are_listed_too()
    {
        using var world = new World(new SimulatorKnobs { PageSize = 1 });
        var (_, _, spec) = await world.Landscape();
        await World.Build(world, world.Driver.Instances!, Id, spec);
        var half = World.Id(ResourceKind.Instance, 2);
        await world.Driver.Instances!.CreateAsync(world.Operation(half, new Step { Part = "nic-0", Verb = StepVerb.Create, Class = CreateClass.Marked }), half, spec);
        var items = new List<Listed<InstanceFacts>>();
        string? cursor = null;
        do
        {
            var page = (await world.Driver.Instances!.ListAsync(world.Call(), new ListQuery { Installation = World.Installation }, cursor)).Value!;
            items.AddRange(page.Items);
            cursor = page.Next;
        }
        while (cursor is not null);
        Assert.That(items.Select(i => (i.Name, string.Join(",", i.Parts.Select(p => p.Name)))), Is.EqualTo(new[] { (Id.Name, "server,boot,nic-0"), (half.Name, "nic-0") }));
    }

    [Test]
    public async Task L11_what_cannot_be_had_is_refused_with_its_path()
    {
        using var world = new World();
        var (_, _, spec) = await world.Landscape();
        var wrong = spec with
        {
            LocationJson = null,
            Machine = new MachineSpec { BootVolume = "boot" },
            Interfaces = [spec.Interfaces[0] with { Ingress = [], Addresses = ["nowhere"] }],
        };
        var findings = await world.Driver.Instances!.ValidateAsync(world.Call(), wrong);
        Assert.That(findings.Select(f => f.Path), Is.EquivalentTo(new[] { "location.zone", "sandbox", "interfaces[eth0].ingress", "interfaces[eth0].addresses", "machine.bootVolume" }));
        Assert.That(findings.Single(f => f.Path.EndsWith("ingress", StringComparison.Ordinal)).Capability, Is.EqualTo("firewall"));
        Assert.That(await world.Driver.Instances!.ValidateAsync(world.Call(), spec), Is.Empty);
        Assert.That((await world.Driver.Disks!.ValidateAsync(world.Call(), new DiskSpec { SizeGiB = 0, Type = "warp", Filesystem = "ntfs", LocationJson = "{\"zone\":\"z\"}" })).Select(f => f.Path), Is.EquivalentTo(new[] { "sizeGiB", "type", "filesystem" }));
        Assert.That((await world.Driver.Networks!.ValidateAsync(world.Call(), new NetworkSpec { Mtu = 9000, Ranges = ["10.0.0.1/8"] })).Length, Is.EqualTo(3));
    }
}
