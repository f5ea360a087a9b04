namespace Datum.Providers.Drivers.Simulator.Tests.Abilities;

/// <summary>DC-108 to DC-112 for an instance of several parts.</summary>
internal sealed class InstanceAdoptionTests
{
    private static readonly Identity Id = World.Id(ResourceKind.Instance, 5, incarnation: 2);
    private static readonly string[] PartNames = ["server", "boot", "nic-0", "nic-1"];

    [Test]
    public async Task DC_110_all_parts_are_marked_and_a_wish_that_fits_is_no_drift([Values(CreateClass.Marked, CreateClass.Named)] CreateClass createClass)
    {
        using var world = Of(createClass);
        var (server, spec) = await Loose(world);
        var candidate = await Taking.Inspect(world, world.Driver.Instances!, Id, "vm-1");
        Assert.That((candidate.Mark, candidate.State, candidate.Facts.Power), Is.EqualTo((MarkState.Missing, Lifecycle.Ready, PowerState.Running)));
        Assert.That((string.Join(",", candidate.Parts.Select(p => p.Name)), candidate.Parts[0].Id), Is.EqualTo((string.Join(",", PartNames), server)));

        var adopted = (Done<InstanceFacts>)await Taking.Adopt(world, world.Driver.Instances!, Id, server);
        Assert.That(adopted.Parts, Is.EqualTo(candidate.Parts));
        foreach (var known in (Identity[])[Id, World.Record(Id, adopted)])
        {
            var seen = (Present<InstanceFacts>)await World.Observe(world, world.Driver.Instances!, known, spec);
            Assert.That((seen.Mark, seen.Incarnation, seen.State, seen.Next, seen.InProgress), Is.EqualTo((MarkState.Ours, 2L, Lifecycle.Ready, (Step?)null, (Progress?)null)));
            Assert.That(seen.Drift, Is.Empty, "what can't be known of it is no difference");
            Assert.That(seen.Parts.Select(p => p.Id), Is.EquivalentTo(adopted.Parts.Select(p => p.Id)));
        }

        var bigger = (Present<InstanceFacts>)await World.Observe(world, world.Driver.Instances!, World.Record(Id, adopted), spec with { Size = spec.Size with { MemoryMiB = 99999 } });
        Assert.That((bigger.Drift.Single().Path, bigger.Drift.Single().Remedy), Is.EqualTo(("size.memoryMiB", Remedy.Replace)), "ordinary drift");
        Assert.That(await World.TakeDown(world, world.Driver.Instances!, Id), Is.EqualTo(new[] { "server", "boot", "nic-1", "nic-0" }));
        Assert.That(world.Cloud.Audit.AliveOf(Id.Name), Is.Zero);
    }

    [Test]
    public async Task DC_109_a_part_that_belongs_to_another_refuses_the_whole_and_nothing_is_marked([Values("boot", "nic-1")] string part)
    {
        using var world = new World();
        var (server, _) = await Loose(world);
        var parts = (await Taking.Inspect(world, world.Driver.Instances!, Id, server)).Parts;
        var owner = World.Id(ResourceKind.Instance, 77) with { Installation = "inst2" };
        world.Cloud.Change(parts.Single(p => p.Name == part).Id, o => o with { Labels = Sdk.Marks.ToPairs(Sdk.Marks.For(owner, part)).ToImmutableSortedDictionary() });
        var mutations = world.Cloud.Statistics.Mutations;
        Assert.That((await Taking.Inspect(world, world.Driver.Instances!, Id, server)).Owner, Is.EqualTo($"inst2/ins-{owner.Name}"));
        var error = ((Failed<InstanceFacts>)await Taking.Adopt(world, world.Driver.Instances!, Id, server)).Error;
        Assert.That((error.Code, error.Effect, error.BlockedBy.Single()), Is.EqualTo((ErrorCode.Conflict, Effect.NotApplied, $"inst2/ins-{owner.Name}")));
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
    }

    // Killed after any of the requests, the host looks or calls again: nothing is built or deleted beside it.
    [Test]
    public async Task DC_112_an_adoption_that_broke_off_is_observed_only_and_goes_on([Range(1, 4)] int at, [Values(FaultKind.ErrorBefore, FaultKind.ResetAfter)] FaultKind fault, [Values] bool recorded)
    {
        using var world = new World();
        var (server, spec) = await Loose(world);
        world.Cloud.Add(new FaultRule { Method = "PATCH", Nth = at, Kind = fault, Status = 503 });
        var broken = (Failed<InstanceFacts>)await Taking.Adopt(world, world.Driver.Instances!, Id, server);
        Assert.That(broken.Error.Effect, Is.EqualTo(Effect.Unknown));
        var id = recorded ? World.Record(Id, broken) : Id;
        var half = await World.Observe(world, world.Driver.Instances!, id, spec);
        if (half is Present<InstanceFacts> seen)
            Assert.That((seen.Mark, seen.Next), Is.EqualTo((at == 4 && fault == FaultKind.ResetAfter ? MarkState.Ours : MarkState.Missing, (Step?)null)), "law L3");
        else
            Assert.That((at, fault), Is.EqualTo((1, FaultKind.ErrorBefore)), "nothing was marked yet");
        Assert.That(((await World.Observe(world, world.Driver.Instances!, id, null)) as Present<InstanceFacts>)?.Next is null, Is.EqualTo(at != 4 || fault != FaultKind.ResetAfter));

        var done = (Done<InstanceFacts>)await Taking.Adopt(world, world.Driver.Instances!, id, server);
        Assert.That(done.Parts.Select(p => p.Name), Is.EqualTo(PartNames));
        var whole = (Present<InstanceFacts>)await World.Observe(world, world.Driver.Instances!, id, spec);
        Assert.That((whole.Mark, whole.Drift.Length, world.Cloud.Audit.MaxAlive), Is.EqualTo((MarkState.Ours, 0, 1)));
    }

    [Test]
    public async Task DC_111_a_release_lets_go_of_every_part_and_stops_nothing([Values] bool made)
    {
        using var world = new World();
        Identity id;
        InstanceSpec spec;
        if (made)
        {
            (_, _, spec) = await world.Landscape();
            (id, _) = await World.Build(world, world.Driver.Instances!, Id, spec);
        }
        else
        {
            (var server, spec) = await Loose(world);
            id = World.Record(Id, await Taking.Adopt(world, world.Driver.Instances!, Id, server));
        }

        var before = world.Cloud.Objects;
        Assert.That(await Taking.Release(world, world.Driver.Instances!, id), Is.InstanceOf<Done<InstanceFacts>>());
        var after = world.Cloud.Objects;
        Assert.That(await World.Observe(world, world.Driver.Instances!, Id, spec), Is.InstanceOf<Absent<InstanceFacts>>());
        var server2 = after.Single(o => o.Collection == Collections.Servers);
        Assert.Multiple(() =>
        {
            Assert.That(after.Where(o => id.Parts.Any(p => p.Id == o.Id)).SelectMany(o => o.Labels!).Where(l => l.Key.StartsWith("datum-", StringComparison.Ordinal)), Is.Empty);
            Assert.That(server2.State, Is.EqualTo(CloudStates.Ready), "it runs on");
            Assert.That(after.Select(o => (o.Id, o.AttachedTo, o.State)), Is.EqualTo(before.Select(o => (o.Id, o.AttachedTo, o.State))), "nothing is detached");
        });
        string? cursor = null;
        do
        {
            var page = (await world.Driver.Instances!.ListAsync(world.Call(), new ListQuery { Installation = World.Installation }, cursor)).Value!;
            Assert.That(page.Items, Is.Empty);
            cursor = page.Next;
        }
        while (cursor is not null);
    }

    [Test]
    public async Task DC_112_a_release_that_broke_off_goes_on([Range(1, 4)] int at, [Values(FaultKind.ErrorBefore, FaultKind.ResetAfter)] FaultKind fault)
    {
        using var world = new World();
        var (server, spec) = await Loose(world);
        var id = World.Record(Id, await Taking.Adopt(world, world.Driver.Instances!, Id, server));
        world.Cloud.Add(new FaultRule { Method = "PATCH", Nth = at, Kind = fault, Status = 503 });
        Assert.That(await Taking.Release(world, world.Driver.Instances!, id), Is.InstanceOf<Failed<InstanceFacts>>());
        Assert.That(await Taking.Release(world, world.Driver.Instances!, id), Is.InstanceOf<Done<InstanceFacts>>());
        Assert.That(await World.Observe(world, world.Driver.Instances!, Id, spec), Is.InstanceOf<Absent<InstanceFacts>>());
        Assert.That(world.Cloud.Objects.Where(o => o.Collection is Collections.Servers or Collections.Nics or Collections.BootDisks).SelectMany(o => o.Labels!), Is.Empty);
    }

    private static World Of(CreateClass createClass) =>
        new(new SimulatorKnobs { CreateClasses = ImmutableDictionary<ResourceKind, CreateClass>.Empty.Add(ResourceKind.Instance, createClass) });

    /// <summary>A server with two nics that somebody made by hand, and a wish that describes it.</summary>
    private static async Task<(string Server, InstanceSpec Spec)> Loose(World world)
    {
        var (network, subnet, spec) = await world.Landscape();
        spec = spec with { Interfaces = [spec.Interfaces[0], spec.Interfaces[0] with { Name = "eth1" }] };
        using var client = new HttpClient(new SimulatedCloudHandler(world.Cloud, world.Clock)) { BaseAddress = new Uri("http://cloud.test") };
        var nic = $$"""{"name":"NAME","interfaceName":"eth","networkId":"{{network.Parts[0].Id}}","subnetIds":["{{subnet.Parts[0].Id}}"],"firewallIds":[]}""";
        var (one, two) = (await Post("nics", nic.Replace("NAME", "vm-1-a", StringComparison.Ordinal)), await Post("nics", nic.Replace("NAME", "vm-1-b", StringComparison.Ordinal)));
        var boot = await Post("boot-disks", """{"name":"vm-1-boot","zone":"z1","image":"sim-debian-12","sizeGiB":20}""");
        var server = await Post("servers", $$"""
            {"name":"vm-1","zone":"z1","hostname":"web-0","size":"sim-2","cpuMillis":2000,"memoryMiB":8192,"bootDiskId":"{{boot}}","nicIds":["{{one}}","{{two}}"],
             "containers":[{"name":"web","image":"nginx:1","configHash":""}]}
            """);
        return (server, spec);

        async Task<string> Post(string collection, string json)
        {
            using var body = new StringContent(json);
            using var answer = await client.PostAsync(new Uri($"/v1/{collection}", UriKind.Relative), body);
            Assert.That(answer.IsSuccessStatusCode, Is.True, await answer.Content.ReadAsStringAsync());
            return world.Cloud.In(collection)[^1].Id;
        }
    }
}
