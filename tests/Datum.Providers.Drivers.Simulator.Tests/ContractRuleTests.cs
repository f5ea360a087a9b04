using System.Text;
using System.Text.Json.Nodes;

namespace Datum.Providers.Drivers.Simulator.Tests;

/// <summary>Rules of docs/driver-contract.md that no other fixture is about, by their numbers.</summary>
internal sealed class ContractRuleTests
{
    private static readonly NetworkSpec Spec = new() { Mtu = 1460 };
    private static readonly Identity Id = World.Id(ResourceKind.Instance);

    [Test]
    public async Task DC_15_a_step_that_there_isnt_is_refused_and_changes_nothing()
    {
        using var world = new World();
        var (id, _) = await World.Build(world, world.Driver.Networks!, World.Id(ResourceKind.Network), Spec);
        var mutations = world.Cloud.Statistics.Mutations;
        var update = (Failed<NetworkFacts>)await world.Driver.Networks!.UpdateAsync(world.Operation(id, new Step { Part = "other", Verb = StepVerb.Update, Class = CreateClass.Repeatable }), id, Spec with { Mtu = 1500 });
        var delete = (Failed<NetworkFacts>)await world.Driver.Networks!.DeleteAsync(world.Operation(id, new Step { Part = "other", Verb = StepVerb.Delete, Class = CreateClass.Repeatable }), id);
        Assert.That(new[] { update, delete }.Select(f => (f.Error.Code, f.Error.Effect)), Is.All.EqualTo((ErrorCode.PreconditionFailed, Effect.NotApplied)));
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
    }

    [TestCase("restart")]
    [TestCase("power")]
    public async Task DC_15_a_step_that_is_no_longer_needed_is_done_and_not_done_again(string part)
    {
        using var world = new World();
        var (_, _, spec) = await world.Landscape();
        spec = spec with { RestartedAt = "2030-01-01" };
        var (id, _) = await World.Build(world, world.Driver.Instances!, Id, spec);
        var mutations = world.Cloud.Statistics.Mutations;
        Assert.That(await world.Driver.Instances!.UpdateAsync(world.Operation(id, new Step { Part = part, Verb = StepVerb.Update, Class = CreateClass.Repeatable }), id, spec), Is.InstanceOf<Done<InstanceFacts>>());
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
    }

    [TestCase("boot", false, "nic-0", true, MarkState.Foreign)]
    [TestCase("boot", true, "nic-0", false, MarkState.Foreign)]
    [TestCase("boot", false, "nic-0", false, MarkState.Missing)]
    public async Task DC_25_the_mark_of_an_instance_is_the_worst_of_its_parts(string first, bool firstForeign, string second, bool secondForeign, MarkState expected)
    {
        using var world = new World();
        var (_, _, spec) = await world.Landscape();
        var (id, _) = await World.Build(world, world.Driver.Instances!, Id, spec);
        foreach (var (part, foreign) in ((string, bool)[])[(first, firstForeign), (second, secondForeign)])
            world.Cloud.Change(id.PartId(part)!, o => o with { Labels = foreign ? o.Labels!.SetItem("datum-install", "other") : null });
        Assert.That(((Present<InstanceFacts>)await World.Observe(world, world.Driver.Instances!, id, spec)).Mark, Is.EqualTo(expected));
    }

    [Test]
    public async Task DC_27_what_is_still_being_built_or_waits_for_approval_can_be_deleted_at_once([Values] bool approval)
    {
        using var world = new World(new SimulatorKnobs
        {
            OperationDurations = ImmutableDictionary<ResourceKind, TimeSpan>.Empty.Add(ResourceKind.Network, TimeSpan.FromMinutes(10)),
            NeedsApproval = approval ? [ResourceKind.Network] : [],
        });
        var networkId = World.Id(ResourceKind.Network);
        var outcome = await world.Driver.Networks!.CreateAsync(world.Operation(networkId, new Step { Part = "net", Verb = StepVerb.Create, Class = CreateClass.Named }), networkId, Spec);
        var id = World.Record(networkId, outcome);
        var building = (Present<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, id, Spec);
        var leaving = (Present<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, id, null);
        Assert.That((building.InProgress is null, leaving.InProgress, leaving.Next!.Verb), Is.EqualTo((false, (Progress?)null, StepVerb.Delete)));
        var deleting = await world.Driver.Networks!.DeleteAsync(world.Operation(id, leaving.Next), id);
        Assert.That(deleting, Is.InstanceOf<Running<NetworkFacts>>());
        world.Clock.Advance(TimeSpan.FromMinutes(9));
        var gone = (Present<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, id, null);
        Assert.That((gone.State, gone.Next, gone.InProgress is null), Is.EqualTo((Lifecycle.Deleting, (Step?)null, false)));
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.That(await World.Observe(world, world.Driver.Networks!, id, null), Is.InstanceOf<Absent<NetworkFacts>>(), "the end of its building doesn't bring it back");
    }

    [Test]
    public async Task DC_27_parts_wait_for_the_server_that_holds_them()
    {
        using var world = new World(new SimulatorKnobs { OperationDurations = ImmutableDictionary<ResourceKind, TimeSpan>.Empty.Add(ResourceKind.Instance, TimeSpan.FromSeconds(9)) });
        var (_, _, spec) = await world.Landscape();
        var (id, _) = await World.Build(world, world.Driver.Instances!, Id, spec);
        await world.Driver.Instances!.DeleteAsync(world.Operation(id, new Step { Part = "server", Verb = StepVerb.Delete, Class = CreateClass.Repeatable }), id);
        var seen = (Present<InstanceFacts>)await World.Observe(world, world.Driver.Instances!, id, null);
        Assert.That((seen.Next, seen.InProgress is null), Is.EqualTo(((Step?)null, false)));
    }

    // A platform that loses the mark of what it makes: nothing is made again (L1).
    [Test]
    public async Task DC_35_an_object_that_was_made_without_its_mark_is_a_failure_that_names_it()
    {
        using var world = new World(wire: new DropsLabels());
        var id = World.Id(ResourceKind.Network);
        var failed = (Failed<NetworkFacts>)await world.Driver.Networks!.CreateAsync(world.Operation(id, new Step { Part = "net", Verb = StepVerb.Create, Class = CreateClass.Named }), id, Spec);
        Assert.That((failed.Error.Code, failed.Error.Effect), Is.EqualTo((ErrorCode.Failed, Effect.Applied)));
        Assert.That(failed.Parts.Single().Id, Is.EqualTo(world.Cloud.Objects.Single().Id), "DC-36");
    }

    [Test]
    public async Task DC_40_a_token_that_was_used_for_another_wish_is_a_conflict_of_unknown_effect()
    {
        using var world = new World();
        var id = World.Id(ResourceKind.Disk);
        var disk = new DiskSpec { SizeGiB = 10, LocationJson = """{"zone":"z1"}""" };
        var operation = world.Operation(id, new Step { Part = "dsk", Verb = StepVerb.Create, Class = CreateClass.Token });
        await world.Driver.Disks!.CreateAsync(operation, id, disk);
        var failed = (Failed<DiskFacts>)await world.Driver.Disks!.CreateAsync(operation, id, disk with { SizeGiB = 20 });
        Assert.That((failed.Error.Code, failed.Error.Effect), Is.EqualTo((ErrorCode.Conflict, Effect.Unknown)));
    }

    [Test]
    public async Task DC_51_a_subnet_without_a_free_address_is_missing_capacity()
    {
        using var world = new World();
        var (network, _, spec) = await world.Landscape();
        var (tiny, _) = await World.Build(world, world.Driver.Subnets!, World.Id(ResourceKind.Subnet, 2), new SubnetSpec { Network = World.Refer(network), Range = "10.129.0.0/30" });
        spec = spec with { Interfaces = [spec.Interfaces[0] with { Subnets = [World.Refer(tiny)] }] };
        var step = new Step { Part = "nic-0", Verb = StepVerb.Create, Class = CreateClass.Marked };
        Assert.That(await world.Driver.Instances!.CreateAsync(world.Operation(Id, step), Id, spec), Is.InstanceOf<Done<InstanceFacts>>());
        var second = World.Id(ResourceKind.Instance, 2);
        var full = (Failed<InstanceFacts>)await world.Driver.Instances!.CreateAsync(world.Operation(second, step), second, spec);
        Assert.That((full.Error.Code, full.Error.Effect), Is.EqualTo((ErrorCode.CapacityUnavailable, Effect.NotApplied)));
        var outside = (Failed<InstanceFacts>)await world.Driver.Instances!.CreateAsync(world.Operation(second, step), second,
            spec with { Interfaces = [spec.Interfaces[0] with { Subnets = [World.Refer(World.Record(World.Id(ResourceKind.Subnet), new Done<SubnetFacts> { Parts = [.. world.Cloud.In(Collections.Subnets).Take(1).Select(s => new Part { Name = "sub", Id = s.Id })] }))], Addresses = ["192.0.2.1"] }] });
        Assert.That(outside.Error.Code, Is.EqualTo(ErrorCode.Invalid));
    }

    [Test]
    public async Task DC_59_a_cursor_that_isnt_ours_begins_again_and_is_never_taken_for_the_end()
    {
        using var world = new World();
        await World.Build(world, world.Driver.Networks!, World.Id(ResourceKind.Network), Spec);
        var query = new ListQuery { Installation = World.Installation };
        var network = (await world.Driver.Networks!.ListAsync(world.Call(), query, "zzz")).Error!;
        var instance = (await world.Driver.Instances!.ListAsync(world.Call(), query, "zzz:1")).Error!;
        var inner = (await world.Driver.Instances!.ListAsync(world.Call(), query, "servers:zzz")).Error!;
        Assert.That(new[] { network, instance, inner }.Select(e => (e.Code, e.Effect)), Is.All.EqualTo((ErrorCode.PreconditionFailed, Effect.NotApplied)));
    }

    [TestCase(7, 7)]
    [TestCase(null, 30)]
    public async Task DC_69_a_guest_is_asked_to_stop_before_its_server_goes(int? grace, int seconds)
    {
        using var world = new World(new SimulatorKnobs { GuestStopTime = TimeSpan.FromHours(1) });
        var (_, _, spec) = await world.Landscape();
        var (id, _) = await World.Build(world, world.Driver.Instances!, Id, spec with { TerminationGraceSeconds = grace });
        var step = ((Present<InstanceFacts>)await World.Observe(world, world.Driver.Instances!, id, null)).Next!;
        Assert.That(await world.Driver.Instances!.DeleteAsync(world.Operation(id, step), id), Is.InstanceOf<Running<InstanceFacts>>());
        world.Clock.Advance(TimeSpan.FromSeconds(seconds - 1));
        Assert.That(world.Cloud.In(Collections.Servers), Has.Length.EqualTo(1));
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That(world.Cloud.In(Collections.Servers), Is.Empty);
    }

    [Test]
    public async Task DC_76_a_grace_that_changed_is_mended_in_place()
    {
        using var world = new World();
        var (_, _, spec) = await world.Landscape();
        var (id, _) = await World.Build(world, world.Driver.Instances!, Id, spec with { TerminationGraceSeconds = 5 });
        var (_, seen) = await World.Build(world, world.Driver.Instances!, id, spec with { TerminationGraceSeconds = 9 });
        Assert.That((seen.Drift.Length, world.Cloud.In(Collections.Servers).Single().StopGraceSeconds), Is.EqualTo((0, (int?)9)));
        Assert.That(new SimulatorDriverFactory().Describe().Kinds.Single(k => k.Kind == ResourceKind.Instance).UpdatablePaths, Does.Contain("terminationGraceSeconds"));
    }

    [Test]
    public async Task DC_75_an_interface_more_or_less_is_a_replacement_and_no_loose_nic_is_made([Values(0, 2)] int count)
    {
        using var world = new World();
        var (_, _, spec) = await world.Landscape();
        var two = spec with { Interfaces = [spec.Interfaces[0], spec.Interfaces[0] with { Name = "eth1" }] };
        var (id, _) = await World.Build(world, world.Driver.Instances!, Id, count == 2 ? spec : two);
        var seen = (Present<InstanceFacts>)await World.Observe(world, world.Driver.Instances!, id, count == 2 ? two : spec);
        Assert.That((seen.Drift.Single().Path, seen.Drift.Single().Remedy, seen.Next), Is.EqualTo(("interfaces", Remedy.Replace, (Step?)null)));
    }

    [Test]
    public async Task DC_14_what_the_platform_would_drop_is_named()
    {
        using var world = new World();
        var (_, _, spec) = await world.Landscape();
        spec = spec with
        {
            Sandbox = null,
            TerminationGraceSeconds = -1,
            Machine = new MachineSpec { BootVolume = "boot" },
            Interfaces = [spec.Interfaces[0] with { Network = null }],
            Volumes = [new VolumeSpec { Name = "boot", Disk = new DiskVolume { Image = "datumcloud/ubuntu", Type = "golden", DeviceName = "boot" } }],
        };
        Assert.That((await world.Driver.Instances!.ValidateAsync(world.Call(), spec)).Select(f => f.Path),
            Is.EquivalentTo(new[] { "interfaces[eth0].network", "volumes[boot].disk.type", "terminationGraceSeconds" }));
    }

    /// <summary>Creates lose their labels on the way.</summary>
    private sealed class DropsLabels : DelegatingHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Method == HttpMethod.Post)
            {
                var body = JsonNode.Parse(await request.Content!.ReadAsByteArrayAsync(cancellationToken))!.AsObject();
                body.Remove("labels");
                request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
            }

            return await base.SendAsync(request, cancellationToken);
        }
    }
}
