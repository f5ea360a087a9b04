namespace Datum.Providers.Drivers.Simulator.Tests;

/// <summary>Laws L1 and L5: after a lost answer nothing is made twice, and what was made is found by the means of its class.</summary>
internal sealed class CreateClassTests
{
    private static readonly NetworkSpec Spec = new() { Mtu = 1460 };
    private static readonly Identity Id = World.Id(ResourceKind.Network);

    [Test]
    public async Task After_an_answer_that_was_lost_the_object_is_found_and_no_second_is_made(
        [Values(CreateClass.Token, CreateClass.Named, CreateClass.Marked)] CreateClass createClass,
        [Values(FaultKind.ResetAfter, FaultKind.ErrorAfter, FaultKind.TimeoutAfter)] FaultKind fault)
    {
        using var world = Of(createClass);
        var networks = world.Driver.Networks!;
        world.Cloud.Add(new FaultRule { Method = "POST", Path = "/v1/networks", Kind = fault });
        var before = (Absent<NetworkFacts>)await World.Observe(world, networks, Id, Spec);
        Assert.That(before.Next!.Class, Is.EqualTo(createClass));

        var lost = await Create(world, before.Next);
        Assert.That(((Failed<NetworkFacts>)lost).Error.Effect, Is.EqualTo(Effect.Unknown));
        var after = (Present<NetworkFacts>)await World.Observe(world, networks, Id, Spec);
        Assert.Multiple(() =>
        {
            Assert.That((after.Mark, after.Incarnation, after.State), Is.EqualTo((MarkState.Ours, 1L, Lifecycle.Ready)));
            Assert.That(after.Next, Is.Null);
            Assert.That(after.Parts.Single().Id, Is.EqualTo(world.Cloud.In(Collections.Networks).Single().Id));
        });

        if (createClass == CreateClass.Marked)
            return;
        // A repeats its token and B its name: both end at the first object.
        var again = (Done<NetworkFacts>)await Create(world, before.Next);
        Assert.That(again.Parts.Single().Id, Is.EqualTo(after.Parts.Single().Id));
        Assert.That(world.Cloud.Audit.MaxAlive, Is.EqualTo(1));
    }

    [Test]
    public async Task A_request_that_never_arrived_took_no_effect_and_leaves_nothing([Values(FaultKind.Refuse, FaultKind.ResetBefore, FaultKind.ErrorBefore, FaultKind.TimeoutBefore)] FaultKind fault)
    {
        using var world = Of(CreateClass.Marked);
        world.Cloud.Add(new FaultRule { Method = "POST", Path = "/v1/*", Kind = fault });
        var absent = (Absent<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, Id, Spec);
        var failed = (Failed<NetworkFacts>)await Create(world, absent.Next!);
        Assert.Multiple(() =>
        {
            Assert.That(failed.Error.Effect, Is.EqualTo(fault == FaultKind.Refuse ? Effect.NotApplied : Effect.Unknown));
            Assert.That(failed.Error.Code, Is.EqualTo(fault is FaultKind.TimeoutBefore ? ErrorCode.Timeout : ErrorCode.Unavailable));
            Assert.That(world.Cloud.Objects, Is.Empty);
        });
        Assert.That(await World.Observe(world, world.Driver.Networks!, Id, Spec), Is.InstanceOf<Absent<NetworkFacts>>());
    }

    [Test]
    public async Task The_audit_sees_a_second_object_when_a_marked_create_is_blindly_repeated()
    {
        using var world = Of(CreateClass.Marked);
        var absent = (Absent<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, Id, Spec);
        await Create(world, absent.Next!);
        await Create(world, absent.Next!);
        Assert.Multiple(() =>
        {
            Assert.That(world.Cloud.Audit.MaxAlive, Is.EqualTo(2));
            Assert.That(world.Cloud.Audit.Violations.Single(), Does.Contain(Id.Name));
            Assert.That(world.Cloud.Audit.AliveOf(Id.Name), Is.EqualTo(2));
        });
        var seen = (Ambiguous<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, Id, Spec);
        Assert.That(seen.Candidates, Has.Length.EqualTo(2), "none is recorded, so a person decides");
    }

    [Test]
    public async Task A_manual_create_cannot_be_found_again_but_is_known_by_its_id()
    {
        using var world = Of(CreateClass.Manual);
        world.Cloud.Add(new FaultRule { Method = "POST", Kind = FaultKind.ResetAfter });
        var absent = (Absent<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, Id, Spec);
        Assert.That(absent.Next!.Class, Is.EqualTo(CreateClass.Manual));
        await Create(world, absent.Next);
        Assert.That(await World.Observe(world, world.Driver.Networks!, Id, Spec), Is.InstanceOf<Absent<NetworkFacts>>());
        var known = Id with { Parts = [new Part { Name = "net", Id = world.Cloud.Objects.Single().Id }] };
        var seen = (Present<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, known, Spec);
        Assert.That(seen.Mark, Is.EqualTo(MarkState.Ours));
    }

    [Test]
    public async Task A_token_proves_nothing_after_its_life()
    {
        using var world = new World(new SimulatorKnobs { CreateClasses = All(CreateClass.Token), TokenLife = TimeSpan.FromMinutes(1) });
        var absent = (Absent<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, Id, Spec);
        await Create(world, absent.Next!);
        world.Clock.Advance(TimeSpan.FromSeconds(59));
        await Create(world, absent.Next!);
        Assert.That(world.Cloud.Objects, Has.Length.EqualTo(1));
        var other = (Failed<NetworkFacts>)await world.Driver.Networks!.CreateAsync(world.Operation(Id, absent.Next!), Id, new NetworkSpec { Mtu = 1500 });
        Assert.That(other.Error.PlatformCode, Is.EqualTo("TOKEN_REUSED"));
        world.Clock.Advance(TimeSpan.FromSeconds(2));
        await Create(world, absent.Next!);
        Assert.That(world.Cloud.Objects, Has.Length.EqualTo(2));
    }

    [Test]
    public async Task A_name_that_somebody_else_holds_is_a_conflict_and_stays_untouched()
    {
        using var world = Of(CreateClass.Named);
        var (_, seen) = await World.Build(world, world.Driver.Networks!, Id, Spec);
        world.Cloud.Change(seen.Parts[0].Id, o => o with { Labels = o.Labels!.SetItem("datum-install", "other") });
        var found = (Present<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, Id, Spec);
        Assert.That((found.Mark, found.Next), Is.EqualTo((MarkState.Foreign, (Step?)null)));
        var create = (Failed<NetworkFacts>)await Create(world, new Step { Part = "net", Verb = StepVerb.Create, Class = CreateClass.Named });
        var delete = (Failed<NetworkFacts>)await world.Driver.Networks!.DeleteAsync(world.Operation(Id, new Step { Part = "net", Verb = StepVerb.Delete, Class = CreateClass.Repeatable }), Id);
        Assert.Multiple(() =>
        {
            Assert.That((create.Error.Code, create.Error.Effect), Is.EqualTo((ErrorCode.Conflict, Effect.NotApplied)));
            Assert.That((delete.Error.Code, delete.Error.Effect), Is.EqualTo((ErrorCode.Conflict, Effect.NotApplied)));
            Assert.That(world.Cloud.Objects, Has.Length.EqualTo(1));
        });
    }

    [Test]
    public async Task Inside_the_consistency_window_a_repeated_name_is_not_ready_and_then_found()
    {
        using var world = new World(new SimulatorKnobs { ConsistencyWindow = TimeSpan.FromSeconds(5) });
        var absent = (Absent<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, Id, Spec);
        world.Cloud.Add(new FaultRule { Method = "POST", Kind = FaultKind.ResetAfter });
        await Create(world, absent.Next!);
        Assert.That(await World.Observe(world, world.Driver.Networks!, Id, Spec), Is.InstanceOf<Absent<NetworkFacts>>(), "still hidden");
        var hidden = (Failed<NetworkFacts>)await Create(world, absent.Next!);
        Assert.That((hidden.Error.Code, hidden.Error.Effect), Is.EqualTo((ErrorCode.NotReadyYet, Effect.NotApplied)));
        world.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.That(await World.Observe(world, world.Driver.Networks!, Id, Spec), Is.InstanceOf<Present<NetworkFacts>>());
        Assert.That(world.Cloud.Audit.MaxAlive, Is.EqualTo(1));
    }

    private static async Task<Outcome<NetworkFacts>> Create(World world, Step step)
    {
        // A call that hangs ends as the host ends it: at its deadline.
        using var deadline = new CancellationTokenSource();
        var call = world.Call(deadline.Token);
        var token = world.Operation(Id, step).Token;
        var running = world.Driver.Networks!.CreateAsync(new Operation { Call = call, Step = step, Token = token }, Id, Spec);
        if (!running.IsCompleted)
        {
            world.Clock.Advance(call.Deadline - world.Clock.Now);
            await deadline.CancelAsync();
        }

        return await running;
    }

    private static World Of(CreateClass createClass) => new(new SimulatorKnobs { CreateClasses = All(createClass) });

    private static ImmutableDictionary<ResourceKind, CreateClass> All(CreateClass createClass) =>
        Enum.GetValues<ResourceKind>().ToImmutableDictionary(k => k, _ => createClass);
}
