using System.Net;
using System.Text;

namespace Datum.Providers.Drivers.Simulator.Tests;

/// <summary>Every knob has an effect that a driver or host can see.</summary>
internal sealed class KnobTests
{
    private static readonly NetworkSpec Spec = new() { Mtu = 1460 };
    private static readonly Identity Id = World.Id(ResourceKind.Network);
    private static readonly Step CreateStep = new() { Part = "net", Verb = StepVerb.Create, Class = CreateClass.Named };
    private static readonly Step DeleteStep = new() { Part = "net", Verb = StepVerb.Delete, Class = CreateClass.Repeatable };

    [Test]
    public async Task Work_takes_its_time_and_is_asked_for_by_its_handle([Values] bool idsOnlyInOperation)
    {
        using var world = new World(new SimulatorKnobs { OperationDurations = Of(ResourceKind.Network, TimeSpan.FromSeconds(30)), IdsOnlyInOperation = idsOnlyInOperation });
        var running = (Running<NetworkFacts>)await Create(world);
        Assert.That(running.Parts, Has.Length.EqualTo(idsOnlyInOperation ? 0 : 1));
        var id = World.Record(Id, running);
        var seen = (Present<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, id, Spec, running.Progress.Handle);
        Assert.That((seen.State, seen.InProgress?.WaitingFor), Is.EqualTo((Lifecycle.Creating, (WaitingFor?)WaitingFor.Platform)));
        world.Clock.Advance(TimeSpan.FromSeconds(30));
        seen = (Present<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, id, Spec, running.Progress.Handle);
        Assert.That((seen.State, seen.InProgress), Is.EqualTo((Lifecycle.Ready, (Progress?)null)));

        var going = (Running<NetworkFacts>)await world.Driver.Networks!.DeleteAsync(world.Operation(id, DeleteStep), id);
        seen = (Present<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, id, null, going.Progress.Handle);
        Assert.That((seen.State, seen.Next), Is.EqualTo((Lifecycle.Deleting, (Step?)null)));
        world.Clock.Advance(TimeSpan.FromSeconds(30));
        Assert.That(await World.Observe(world, world.Driver.Networks!, id, null, going.Progress.Handle), Is.InstanceOf<Absent<NetworkFacts>>());
    }

    [Test]
    public async Task A_failure_that_only_the_operation_knows_is_reported_with_the_absence()
    {
        using var world = new World(new SimulatorKnobs { OperationDurations = Of(ResourceKind.Network, TimeSpan.FromSeconds(10)) });
        world.Cloud.Add(new OperationFault { Collection = Collections.Networks, Code = "STOCKOUT", Message = "none left" });
        var running = (Running<NetworkFacts>)await Create(world);
        var id = World.Record(Id, running);
        world.Clock.Advance(TimeSpan.FromSeconds(10));
        var absent = (Absent<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, id, Spec, running.Progress.Handle);
        Assert.That((absent.Failure?.Code, absent.Failure?.Effect, absent.Failure?.PlatformCode), Is.EqualTo(((ErrorCode?)ErrorCode.CapacityUnavailable, (Effect?)Effect.NotApplied, "STOCKOUT")));
        var unknowing = (Absent<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, id, Spec);
        Assert.That(unknowing.Failure, Is.Null);
    }

    [Test]
    public async Task A_failed_create_may_leave_a_failed_object()
    {
        using var world = new World();
        world.Cloud.Add(new OperationFault { Collection = Collections.Networks, Code = "BROKEN", KeepsObject = true });
        var running = (Running<NetworkFacts>)await Create(world);
        var seen = (Present<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, World.Record(Id, running), Spec);
        Assert.That((seen.State, seen.Failure?.PlatformCode, seen.Failure?.Effect), Is.EqualTo((Lifecycle.Failed, "BROKEN", (Effect?)Effect.Applied)));
    }

    [Test]
    public async Task A_handle_that_is_expired_forgotten_or_strange_counts_as_none([Values("expired", "forgotten", "strange")] string how)
    {
        using var world = new World(new SimulatorKnobs { OperationDurations = Of(ResourceKind.Network, TimeSpan.FromSeconds(10)), OperationLife = TimeSpan.FromMinutes(1) });
        world.Cloud.Add(new OperationFault { Collection = Collections.Networks, Code = "STOCKOUT" });
        var running = (Running<NetworkFacts>)await Create(world);
        var handle = running.Progress.Handle!;
        Assert.That(handle.ExpiresAt, Is.EqualTo(world.Clock.Now.AddSeconds(70)));
        world.Clock.Advance(TimeSpan.FromSeconds(how == "expired" ? 71 : 10));
        if (how == "forgotten")
            world.Cloud.ForgetOperations();
        if (how == "strange")
            handle = new Handle { Data = "other-driver:7" };
        var absent = (Absent<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, Id, Spec, handle);
        Assert.That((absent.Failure, absent.InProgress), Is.EqualTo(((DriverError?)null, (Progress?)null)));
    }

    [Test]
    public async Task An_approval_is_waited_for_and_can_be_refused([Values] bool approved)
    {
        using var world = new World(new SimulatorKnobs { NeedsApproval = [ResourceKind.Network] });
        var running = (Running<NetworkFacts>)await Create(world);
        Assert.That(running.Progress.WaitingFor, Is.EqualTo(WaitingFor.Approval));
        var id = World.Record(Id, running);
        world.Clock.Advance(TimeSpan.FromDays(3));
        var waiting = (Present<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, id, Spec);
        Assert.That(waiting.InProgress?.WaitingFor, Is.EqualTo(WaitingFor.Approval));
        Assert.That(approved ? world.Cloud.Approve(id.Parts[0].Id) : world.Cloud.Reject(id.Parts[0].Id, "too costly"));
        var seen = (Present<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, id, Spec);
        Assert.That((seen.State, seen.Failure?.Code), Is.EqualTo(approved ? (Lifecycle.Ready, null) : (Lifecycle.Failed, (ErrorCode?)ErrorCode.Forbidden)));
    }

    [Test]
    public async Task Quota_and_capacity_are_refused_without_effect()
    {
        using var world = new World(new SimulatorKnobs { Quota = ImmutableDictionary<ResourceKind, int>.Empty.Add(ResourceKind.Disk, 1) });
        var disk = new DiskSpec { SizeGiB = 10, LocationJson = """{"zone":"z1"}""" };
        await World.Build(world, world.Driver.Disks!, World.Id(ResourceKind.Disk), disk);
        var second = World.Id(ResourceKind.Disk, 2);
        var failed = (Failed<DiskFacts>)await world.Driver.Disks!.CreateAsync(world.Operation(second, new Step { Part = "dsk", Verb = StepVerb.Create, Class = CreateClass.Token }), second, disk);
        Assert.That((failed.Error.Code, failed.Error.Effect, failed.Error.Scope), Is.EqualTo((ErrorCode.QuotaExceeded, Effect.NotApplied, ErrorScope.Account)));

        world.Cloud.Knobs = new SimulatorKnobs { ZoneCapacity = ImmutableDictionary<string, int>.Empty.Add("z1", 0) };
        var (_, _, spec) = await world.Landscape();
        var instance = World.Id(ResourceKind.Instance);
        Failed<InstanceFacts>? full = null;
        for (var i = 0; i < 5 && full is null; i++)
        {
            var next = (await World.Observe(world, world.Driver.Instances!, instance, spec)) switch { Absent<InstanceFacts> a => a.Next!, Present<InstanceFacts> p => p.Next!, _ => throw new AssertionException("?") };
            var outcome = await world.Driver.Instances!.CreateAsync(world.Operation(instance, next), instance, spec);
            full = outcome as Failed<InstanceFacts>;
            instance = World.Record(instance, outcome);
        }

        Assert.That((full!.Error.Code, full.Error.Scope, full.Error.Effect), Is.EqualTo((ErrorCode.CapacityUnavailable, ErrorScope.Zone, Effect.NotApplied)));
        Assert.That(instance.Parts.Select(p => p.Name), Is.EquivalentTo(new[] { "nic-0", "boot" }), "parts made before are known");
    }

    [Test]
    public async Task Too_many_requests_are_told_when_to_come_back()
    {
        using var world = new World(new SimulatorKnobs { RequestsPerSecond = 2, RetryAfter = TimeSpan.FromSeconds(7) });
        await world.Driver.ProbeAsync(world.Call());
        await world.Driver.ProbeAsync(world.Call());
        var error = (await world.Driver.ProbeAsync(world.Call())).Error!;
        Assert.That((error.Code, error.RetryAfter, error.Scope), Is.EqualTo((ErrorCode.Throttled, (TimeSpan?)TimeSpan.FromSeconds(7), ErrorScope.Account)));
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That((await world.Driver.ProbeAsync(world.Call())).Error, Is.Null);
    }

    [Test]
    public async Task Latency_holds_an_answer_back_until_time_moves()
    {
        using var world = new World(new SimulatorKnobs { Latency = TimeSpan.FromSeconds(3) });
        var probe = world.Driver.ProbeAsync(world.Call()).AsTask();
        Assert.That(probe.IsCompleted, Is.False);
        world.Clock.Advance(TimeSpan.FromSeconds(3));
        Assert.That((await probe).Value!.AccountId, Is.EqualTo("sim-account"));
        Assert.That(world.Clock.PendingTimers, Is.Zero);
    }

    [Test]
    public async Task Random_faults_come_from_the_seed()
    {
        var runs = new List<string>();
        for (var run = 0; run < 2; run++)
        {
            using var world = new World(new SimulatorKnobs { FailureRate = 0.3, LostAnswerRate = 0.3 });
            var text = new StringBuilder();
            for (var i = 0; i < 60; i++)
                text.Append((await world.Driver.ProbeAsync(world.Call())).Error?.Code.ToString()[0] ?? '.').Append(world.Cloud.Statistics.Total).Append(' ');
            runs.Add(text.ToString());
        }

        Assert.That(runs[1], Is.EqualTo(runs[0]));
        Assert.That(runs[0], Does.Contain(".").And.Contain("U"));
    }

    [Test]
    public async Task A_fault_hits_the_planned_request_and_no_other()
    {
        using var world = new World();
        world.Cloud.Add(new FaultRule { Method = "GET", Path = "/v1/account", Nth = 2, Times = 2, Kind = FaultKind.ErrorBefore, Status = 403, Code = "NO" });
        var codes = new List<ErrorCode?>();
        for (var i = 0; i < 4; i++)
            codes.Add((await world.Driver.ProbeAsync(world.Call())).Error?.Code);
        Assert.That(codes, Is.EqualTo(new ErrorCode?[] { null, ErrorCode.Forbidden, ErrorCode.Forbidden, null }));
    }

    [Test]
    public async Task Listings_come_in_pages_and_only_of_this_installation()
    {
        using var world = new World(new SimulatorKnobs { PageSize = 3 });
        for (var i = 0; i < 8; i++)
            await World.Build(world, world.Driver.Networks!, World.Id(ResourceKind.Network, i), Spec);
        world.Cloud.Change(world.Cloud.Objects[4].Id, o => o with { Labels = o.Labels!.SetItem("datum-install", "other") });
        var names = new List<string>();
        var sizes = new List<int>();
        string? cursor = null;
        do
        {
            var page = (await world.Driver.Networks!.ListAsync(world.Call(), new ListQuery { Installation = World.Installation, PageSize = 50 }, cursor)).Value!;
            Assert.That(page.Complete);
            sizes.Add(page.Items.Length);
            names.AddRange(page.Items.Select(i => i.Name));
            Assert.That(page.Items, Is.All.Matches<Listed<NetworkFacts>>(i => i is { Facts.Mtu: 1460, Revision: not null, Incarnation: 1, State: Lifecycle.Ready }));
            cursor = page.Next;
        }
        while (cursor is not null);
        Assert.That(sizes, Is.EqualTo(new[] { 3, 3, 1 }));
        Assert.That(names, Is.EquivalentTo(Enumerable.Range(0, 8).Where(i => i != 4).Select(i => World.Id(ResourceKind.Network, i).Name)));
    }

    [Test]
    public async Task Lists_lag_behind_reads_and_an_absent_zone_makes_them_incomplete()
    {
        using var world = new World(new SimulatorKnobs { ListLag = TimeSpan.FromSeconds(10), CreateClasses = ImmutableDictionary<ResourceKind, CreateClass>.Empty.Add(ResourceKind.Network, CreateClass.Marked) });
        var (id, _) = (World.Record(Id, await Create(world)), 0);
        Assert.That(await World.Observe(world, world.Driver.Networks!, id, Spec), Is.InstanceOf<Present<NetworkFacts>>(), "a read by id doesn't lag");
        Assert.That((await List(world)).Items, Is.Empty);
        world.Clock.Advance(TimeSpan.FromSeconds(10));
        Assert.That((await List(world)).Items, Has.Length.EqualTo(1));
        await World.TakeDown(world, world.Driver.Networks!, id);
        Assert.That((await List(world)).Items, Has.Length.EqualTo(1), "a deleted object is still listed");
        Assert.That(await World.Observe(world, world.Driver.Networks!, Id, Spec), Is.InstanceOf<Absent<NetworkFacts>>(), "a listed object that a read denies is none");
        world.Clock.Advance(TimeSpan.FromSeconds(10));
        Assert.That((await List(world)).Items, Is.Empty);
        world.Cloud.Knobs = world.Cloud.Knobs with { UnreachableZones = ["z9"] };
        Assert.That((await List(world)).Complete, Is.False);
        var answer = await world.Driver.Networks!.ObserveAsync(world.Call(), Id, Spec, null);
        Assert.That(answer.Error?.Code, Is.EqualTo(ErrorCode.Unavailable), "nothing follows from an incomplete search");
    }

    [Test]
    public async Task A_tombstone_is_proof_of_absence_and_a_plain_404_is_not()
    {
        using var world = new World(new SimulatorKnobs { TombstoneLife = TimeSpan.FromMinutes(1) });
        var (id, _) = await World.Build(world, world.Driver.Networks!, Id, Spec);
        world.Cloud.Vanish(id.Parts[0].Id);
        Assert.That(((Absent<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, id, null)).Terminal);
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        var absent = (Absent<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, id, null);
        Assert.That((absent.Terminal, absent.Next), Is.EqualTo((false, (Step?)null)));
        Assert.That(world.Cloud.Audit.Log.Select(e => e.Event), Is.EqualTo(new[] { AuditEvent.Created, AuditEvent.Vanished }));
    }

    [Test]
    public async Task The_account_can_be_swapped_and_every_call_is_counted()
    {
        using var world = new World();
        await World.Build(world, world.Driver.Networks!, Id, Spec);
        world.Cloud.AccountId = "another";
        Assert.That((await world.Driver.ProbeAsync(world.Call())).Value!.AccountId, Is.EqualTo("another"));
        var counts = world.Cloud.Statistics;
        Assert.Multiple(() =>
        {
            Assert.That(counts.Of(HttpMethod.Post, ResourceKind.Network), Is.EqualTo(1));
            Assert.That(counts.Of(HttpMethod.Get, ResourceKind.Unknown), Is.EqualTo(1));
            Assert.That(counts.Mutations, Is.EqualTo(1));
            Assert.That(counts.Creates[Collections.Networks], Is.EqualTo(1));
        });
    }

    [Test]
    public async Task Callers_at_once_are_served_one_after_the_other([Values(CreateClass.Token, CreateClass.Named)] CreateClass createClass)
    {
        using var world = new World(new SimulatorKnobs { CreateClasses = ImmutableDictionary<ResourceKind, CreateClass>.Empty.Add(ResourceKind.Network, createClass) });
        var operation = world.Operation(Id, CreateStep);
        using var start = new ManualResetEventSlim();
        var callers = Enumerable.Range(0, 40).Select(_ => Task.Run(async () =>
        {
            start.Wait();
            return await world.Driver.Networks!.CreateAsync(operation, Id, Spec);
        })).ToList();
        start.Set();
        var outcomes = await Task.WhenAll(callers);
        Assert.That(outcomes.SelectMany(o => o.Parts).Select(p => p.Id).Distinct().Count(), Is.EqualTo(1));
        Assert.That((world.Cloud.Audit.MaxAlive, world.Cloud.Statistics.Of(HttpMethod.Post, ResourceKind.Network)), Is.EqualTo((1, 40L)));
    }

    [Test]
    public async Task A_range_first_platform_wants_ranges_and_hands_out_addresses_of_the_network()
    {
        using var world = new World(profile: new SimulatorProfile { RangeOrder = RangeOrder.RangeFirst, WeakestCreateClass = CreateClass.Manual });
        var finding = (await world.Driver.Networks!.ValidateAsync(world.Call(), Spec)).Single();
        Assert.That((finding.Path, finding.Capability), Is.EqualTo(("ranges", "rangeOrder")));
        var ranged = Spec with { Ranges = ["10.1.0.0/24", "fd20::/64"] };
        Assert.That(await world.Driver.Networks!.ValidateAsync(world.Call(), ranged), Is.Empty);
        var (network, _) = await World.Build(world, world.Driver.Networks!, Id, ranged);
        var spec = World.Instance(network, network);
        var (_, seen) = await World.Build(world, world.Driver.Instances!, World.Id(ResourceKind.Instance), spec with { Interfaces = [spec.Interfaces[0] with { Subnets = [], Addresses = ["10.1.0.77"] }] });
        Assert.That(seen.Facts.Interfaces.Single().NetworkAddresses, Is.EqualTo(new[] { "10.1.0.77", "fd20::2" }));
    }

    [Test]
    public async Task A_change_that_mends_drift_is_made_in_place_and_a_shrinking_disk_is_only_reported()
    {
        using var world = new World();
        var (id, _) = await World.Build(world, world.Driver.Networks!, Id, Spec);
        world.Cloud.Change(id.Parts[0].Id, o => o with { Mtu = 9 });
        var (_, mended) = await World.Build(world, world.Driver.Networks!, id, Spec);
        Assert.That((mended.Facts.Mtu, world.Cloud.Statistics.Of(HttpMethod.Patch, ResourceKind.Network)), Is.EqualTo(((int?)1460, 1L)));
        var disk = new DiskSpec { SizeGiB = 10, LocationJson = """{"zone":"z1"}""" };
        var (diskId, _) = await World.Build(world, world.Driver.Disks!, World.Id(ResourceKind.Disk), disk);
        var (_, grown) = await World.Build(world, world.Driver.Disks!, diskId, disk with { SizeGiB = 20 });
        Assert.That(grown.Facts.SizeGiB, Is.EqualTo(20));
        var shrunk = (Present<DiskFacts>)await World.Observe(world, world.Driver.Disks!, diskId, disk);
        Assert.That((shrunk.Drift.Single().Remedy, shrunk.Next), Is.EqualTo((Remedy.Unknown, (Step?)null)));
        var moved = (Present<DiskFacts>)await World.Observe(world, world.Driver.Disks!, diskId, disk with { SizeGiB = 20, LocationJson = """{"zone":"z2"}""" });
        Assert.That(moved.Drift, Is.Empty, "the zone of the first create is the desired one from then on");
    }

    [Test]
    public async Task Knobs_and_counts_are_reachable_over_the_wire()
    {
        using var world = new World();
        using var client = new HttpClient(world.HttpHandler, disposeHandler: false);
        using var body = new StringContent("""{"quota":{"Network":0}}""");
        Assert.That((await client.PutAsync("http://cloud.test/admin/knobs", body)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(((Failed<NetworkFacts>)await Create(world)).Error.Code, Is.EqualTo(ErrorCode.QuotaExceeded));
        Assert.That(await client.GetStringAsync("http://cloud.test/admin/statistics"), Does.Contain("POST Network"));
        using var wrong = new StringContent("""{"qota":{}}""");
        Assert.That((await client.PutAsync("http://cloud.test/admin/knobs", wrong)).StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    private static async Task<Outcome<NetworkFacts>> Create(World world) => await world.Driver.Networks!.CreateAsync(world.Operation(Id, CreateStep), Id, Spec);

    private static async Task<ListPage<NetworkFacts>> List(World world) =>
        (await world.Driver.Networks!.ListAsync(world.Call(), new ListQuery { Installation = World.Installation }, null)).Value!;

    private static ImmutableDictionary<ResourceKind, TimeSpan> Of(ResourceKind kind, TimeSpan time) => ImmutableDictionary<ResourceKind, TimeSpan>.Empty.Add(kind, time);
}
