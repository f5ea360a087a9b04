namespace Datum.Providers.Drivers.Simulator.Tests.Abilities;

/// <summary>One call of the ability as the host makes it.</summary>
internal static class Power
{
    public static async Task<Outcome<InstanceFacts>> Do(World world, Identity id, PowerAction action, char token = 'a') =>
        await ((IPowerControl)world.Driver).PowerAsync(new Operation
        {
            Call = world.Call(),
            Step = new Step { Part = "power", Verb = StepVerb.Update, Class = CreateClass.Repeatable },
            Token = new string(token, 32),
        }, id, action);
}

/// <summary>DC-101 and DC-102.</summary>
internal sealed class PowerTests
{
    private static readonly SimulatorKnobs SlowGuest = new() { GuestStopTime = TimeSpan.FromSeconds(10) };

    [Test]
    public async Task DC_101_power_changes_neither_mark_nor_wish_and_is_no_drift()
    {
        using var world = new World();
        var (id, spec) = await Built(world);
        var before = Server(world);
        Assert.That(await Power.Do(world, id, PowerAction.PowerOff), Is.InstanceOf<Done<InstanceFacts>>());
        var off = await See(world, id, spec);
        Assert.Multiple(() =>
        {
            Assert.That((off.Facts.Power, off.State, off.Mark), Is.EqualTo((PowerState.Stopped, Lifecycle.Degraded, MarkState.Ours)));
            Assert.That((off.Drift.Length, off.Next), Is.EqualTo((0, (Step?)null)), "DC-78: power is a fact");
            Assert.That(Server(world).Labels, Is.EqualTo(before.Labels));
            Assert.That((Server(world).PowerOn, Server(world).RestartedAt), Is.EqualTo((before.PowerOn, before.RestartedAt)));
        });
        await Power.Do(world, id, PowerAction.Start);
        Assert.That((await See(world, id, spec)).Facts.Power, Is.EqualTo(PowerState.Running));
    }

    [Test]
    public async Task DC_101_what_is_so_already_is_done_without_a_request([Values(PowerAction.Start, PowerAction.Stop, PowerAction.PowerOff)] PowerAction action)
    {
        using var world = new World();
        var (id, _) = await Built(world);
        if (action != PowerAction.Start)
            await Power.Do(world, id, PowerAction.PowerOff);
        var (mutations, revision) = (world.Cloud.Statistics.Mutations, Server(world).Revision);
        Assert.That(await Power.Do(world, id, action), Is.InstanceOf<Done<InstanceFacts>>());
        Assert.That((world.Cloud.Statistics.Mutations, Server(world).Revision), Is.EqualTo((mutations, revision)));
    }

    [TestCase("another", "ins", ErrorCode.Conflict)]
    [TestCase(null, null, ErrorCode.Conflict)]
    public async Task DC_101_an_object_without_our_mark_is_left_alone(string? installation, string? kind, ErrorCode code)
    {
        using var world = new World();
        var (id, _) = await Built(world);
        world.Cloud.Change(Server(world).Id, s => s with { Labels = installation is null ? null : s.Labels!.SetItem("datum-install", installation).SetItem("datum-kind", kind!) });
        foreach (var action in (PowerAction[])[PowerAction.Start, PowerAction.Stop, PowerAction.PowerOff, PowerAction.Restart])
        {
            var failed = (Failed<InstanceFacts>)await Power.Do(world, id, action);
            Assert.That((failed.Error.Code, failed.Error.Effect), Is.EqualTo((code, Effect.NotApplied)));
        }

        Assert.That(Server(world).State, Is.EqualTo(CloudStates.Ready));
    }

    [Test]
    public async Task DC_101_only_the_recorded_server_is_switched()
    {
        using var world = new World();
        var (id, _) = await Built(world);
        var copy = world.Cloud.Clone(Server(world).Id);
        var unrecorded = (Failed<InstanceFacts>)await Power.Do(world, id with { Parts = [] }, PowerAction.PowerOff);
        Assert.That(unrecorded.Error.Code, Is.EqualTo(ErrorCode.PreconditionFailed));
        await Power.Do(world, id, PowerAction.PowerOff);
        Assert.That(world.Cloud.In(Collections.Servers).Select(s => (s.Id == copy, s.State)), Is.EquivalentTo(new[] { (false, CloudStates.Stopped), (true, CloudStates.Ready) }));
        world.Cloud.Vanish(id.PartId("server")!);
        var gone = (Failed<InstanceFacts>)await Power.Do(world, id, PowerAction.Stop);
        Assert.That((gone.Error.Code, gone.Error.Effect), Is.EqualTo((ErrorCode.PreconditionFailed, Effect.NotApplied)));
    }

    [Test]
    public async Task DC_102_a_stop_asks_the_guest_and_the_waiting_is_progress()
    {
        using var world = new World(SlowGuest);
        var (id, spec) = await Built(world);
        var asked = (Running<InstanceFacts>)await Power.Do(world, id, PowerAction.Stop);
        Assert.That((asked.Progress.WaitingFor, asked.Progress.LookAgainAfter), Is.EqualTo((WaitingFor.Platform, TimeSpan.FromSeconds(2))));
        var stopping = await See(world, id, spec);
        Assert.That((stopping.Facts.Power, stopping.State, stopping.InProgress is null, stopping.Drift.Length), Is.EqualTo((PowerState.Stopping, Lifecycle.Updating, false, 0)));
        Assert.That(await Power.Do(world, id, PowerAction.Stop), Is.InstanceOf<Running<InstanceFacts>>(), "asked once, however often it is called");
        world.Clock.Advance(TimeSpan.FromSeconds(10));
        Assert.That(await Power.Do(world, id, PowerAction.Stop), Is.InstanceOf<Done<InstanceFacts>>());
        Assert.That((await See(world, id, spec)).Facts.Power, Is.EqualTo(PowerState.Stopped));
        Assert.That(world.Clock.PendingTimers, Is.Zero, "nothing waits");
    }

    [TestCase(null, 30)]
    [TestCase(4, 4)]
    public async Task DC_102_a_guest_that_doesnt_stop_is_off_after_its_grace(int? grace, int seconds)
    {
        using var world = new World(new SimulatorKnobs { GuestStopTime = TimeSpan.FromHours(1) });
        var (id, spec) = await Built(world, s => s with { TerminationGraceSeconds = grace });
        await Power.Do(world, id, PowerAction.Stop);
        world.Clock.Advance(TimeSpan.FromSeconds(seconds - 1));
        Assert.That((await See(world, id, spec)).Facts.Power, Is.EqualTo(PowerState.Stopping));
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That((await See(world, id, spec)).Facts.Power, Is.EqualTo(PowerState.Stopped));
    }

    [Test]
    public async Task DC_102_a_restart_asks_the_guest_and_is_done_once()
    {
        using var world = new World(SlowGuest);
        var (id, spec) = await Built(world);
        Assert.That(await Power.Do(world, id, PowerAction.Restart), Is.InstanceOf<Running<InstanceFacts>>());
        Assert.That((await See(world, id, spec)).Facts.Power, Is.EqualTo(PowerState.Stopping));
        world.Clock.Advance(TimeSpan.FromSeconds(10));
        Assert.That(await Power.Do(world, id, PowerAction.Restart), Is.InstanceOf<Done<InstanceFacts>>(), "the same operation");
        var after = await See(world, id, spec);
        Assert.That((after.Facts.Power, after.State, after.Drift.Length, after.Parts.Single(p => p.Name == "server").Id), Is.EqualTo((PowerState.Running, Lifecycle.Ready, 0, id.PartId("server"))));
        Assert.That(await Power.Do(world, id, PowerAction.Restart, 'b'), Is.InstanceOf<Running<InstanceFacts>>(), "another operation");
    }

    [Test]
    public async Task DC_102_a_restart_whose_answer_was_lost_isnt_done_twice()
    {
        using var world = new World();
        var (id, _) = await Built(world);
        world.Cloud.Add(new FaultRule { Path = "/v1/servers/*/restart", Kind = FaultKind.ResetAfter });
        Assert.That(((Failed<InstanceFacts>)await Power.Do(world, id, PowerAction.Restart)).Error.Effect, Is.EqualTo(Effect.Unknown));
        Assert.That(await Power.Do(world, id, PowerAction.Restart), Is.InstanceOf<Done<InstanceFacts>>());
        var text = (await ((IConsoleLog)world.Driver).ReadConsoleAsync(world.Call(), id, new ConsoleQuery())).Value!.Text;
        Assert.That(text.Split('\n').Count(l => l.EndsWith("started", StringComparison.Ordinal)), Is.EqualTo(2), "at its creation, and once more");
    }

    [Test]
    public async Task DC_102_power_off_doesnt_ask_and_cuts_a_stop_short()
    {
        using var world = new World(SlowGuest);
        var (id, spec) = await Built(world);
        await Power.Do(world, id, PowerAction.Stop);
        Assert.That(await Power.Do(world, id, PowerAction.PowerOff), Is.InstanceOf<Done<InstanceFacts>>());
        Assert.That((await See(world, id, spec)).Facts.Power, Is.EqualTo(PowerState.Stopped));
    }

    [Test]
    public async Task DC_78_power_that_went_by_itself_is_no_drift_and_a_suspension_still_is_one()
    {
        using var world = new World();
        var (id, spec) = await Built(world);
        world.Cloud.SetPower(Server(world).Id, false);
        var off = await See(world, id, spec);
        Assert.That((off.Facts.Power, off.Drift.Length, off.Next), Is.EqualTo((PowerState.Stopped, 0, (Step?)null)));
        var (_, suspended) = await World.Build(world, world.Driver.Instances!, id, spec with { Suspended = true });
        Assert.That((suspended.Facts.Power, suspended.Drift.Length), Is.EqualTo((PowerState.Stopped, 0)));
        world.Cloud.SetPower(Server(world).Id, true);
        var awake = await See(world, id, spec with { Suspended = true });
        Assert.That((awake.Drift.Single().Path, awake.Next!.Part), Is.EqualTo(("suspended", "power")), "suspended asks for a change");
        await World.Build(world, world.Driver.Instances!, id, spec with { Suspended = true });
        var (_, resumed) = await World.Build(world, world.Driver.Instances!, id, spec);
        Assert.That(resumed.Facts.Power, Is.EqualTo(PowerState.Running));
    }

    private static CloudObject Server(World world) => world.Cloud.In(Collections.Servers)[0];

    private static async Task<(Identity Id, InstanceSpec Spec)> Built(World world, Func<InstanceSpec, InstanceSpec>? change = null)
    {
        var (_, _, spec) = await world.Landscape();
        spec = change?.Invoke(spec) ?? spec;
        var (id, _) = await World.Build(world, world.Driver.Instances!, World.Id(ResourceKind.Instance), spec);
        return (id, spec);
    }

    private static async Task<Present<InstanceFacts>> See(World world, Identity id, InstanceSpec spec) =>
        (Present<InstanceFacts>)await World.Observe(world, world.Driver.Instances!, id, spec);
}
