namespace Datum.Providers.Engine.Tests.Limits;

/// <summary>Platforms that don't answer, answer late, or show too little in listings; settings that can't be honoured.</summary>
public sealed class OutageTests
{
    private static readonly DriverError Away = new() { Code = ErrorCode.Unavailable, Effect = Effect.NotApplied, Message = "connection refused" };

    [Test]
    public void An_account_that_is_away_is_only_probed_and_comes_back_by_itself()
    {
        using var world = new LimitsWorld(w =>
        {
            w.Config("a");
            w.Config("b");
            for (var i = 0; i < 10; i++)
                w.Entry("a", $"a{i}");
            w.Entry("b", "b0");
        });
        world.Until("all are ready", () => AllReady(world));
        var account = world.Accounts["a"];
        account.Fails = (_, _) => Away;
        world.Entries.PokeAll("a");
        world.Until("the breaker is told", () => world.Told("a", "Reachable") is { Status: ConditionStatus.False, Reason: Reasons.BreakerOpen }, TimeSpan.FromMinutes(2));
        Assert.That(world.Told("b", "Reachable")!.Status, Is.EqualTo(ConditionStatus.True));
        Assert.That(world.Events, Has.Member("a BreakerOpen"));

        world.Until("every entry says so", () => Enumerable.Range(0, 10).All(i => world.Ready($"a{i}") is { Status: ConditionStatus.Unknown, Reason: Reasons.BreakerOpen }), TimeSpan.FromMinutes(2));
        var (calls, writes) = (account.Calls.Count, world.Plane.Writes.Count);
        world.Advance(TimeSpan.FromMinutes(60));
        Assert.That(account.Calls.Skip(calls).Select(c => c.Verb), Is.All.EqualTo("probe"));
        Assert.That(account.Calls.Count - calls, Is.InRange(10, 25));
        Assert.That(world.Plane.Writes.Skip(writes), Is.Empty, "L8");

        account.Fails = null;
        world.Until("all is well", () => AllReady(world) && world.Told("a", "Reachable")!.Status == ConditionStatus.True, TimeSpan.FromMinutes(6));
        world.Advance(TimeSpan.FromMinutes(3));
        Assert.That(account.Count("create"), Is.EqualTo(10), "nothing was made twice");
        Assert.That(account.Calls.Count(c => c.Verb == "list" && c.At > world.Time.Now - TimeSpan.FromMinutes(1)), Is.GreaterThan(1), "it is listed again");
        Assert.That(world.Log.Errors, Is.Empty);
    }

    [Test]
    public void Errors_about_objects_open_no_breaker()
    {
        using var world = new LimitsWorld(w =>
        {
            w.Config("a");
            for (var i = 0; i < 10; i++)
                w.Entry("a", $"a{i}");
        });
        world.Until("all are ready", () => AllReady(world));
        world.Accounts["a"].Fails = (verb, _) => verb == "observe" ? new DriverError { Code = ErrorCode.Forbidden, Effect = Effect.NotApplied, Message = "no" } : null;
        world.Entries.PokeAll("a");
        world.Advance(TimeSpan.FromMinutes(5));
        Assert.That(world.Told("a", "Reachable")!.Status, Is.EqualTo(ConditionStatus.True));
        Assert.That(world.Ready("a0")!.Reason, Is.EqualTo(Reasons.Forbidden));
    }

    [Test]
    public void An_account_that_is_another_one_after_an_outage_is_never_taken_for_the_old()
    {
        using var world = new LimitsWorld(w =>
        {
            w.Config("a");
            w.Entry("a", "a0");
        });
        world.Until("all are ready", () => AllReady(world));
        var account = world.Accounts["a"];
        account.Fails = (_, _) => Away;
        world.Until("the breaker is open", () => world.Told("a", "Reachable")!.Reason == Reasons.BreakerOpen);
        account.Id = "another";
        account.Objects.Clear();
        account.Fails = null;
        world.Until("it is told", () => world.Ready("a0")!.Reason == Reasons.AccountChanged);
        Assert.That(account.Count("create"), Is.EqualTo(1));
    }

    [Test]
    public void Work_that_takes_longer_than_expected_is_told_and_no_failure()
    {
        using var world = new LimitsWorld(w =>
        {
            w.Config("a", limits: l => l.Timeouts = new() { ["Network"] = "2m" }).Slow = true;
            w.Entry("a", "a0");
        });
        var account = world.Accounts["a"];
        world.Until("it is under way", () => account.Count("create") == 1);
        world.Advance(TimeSpan.FromSeconds(110));
        Assert.That(world.Ready("a0")!.Reason, Is.EqualTo(Reasons.ProgrammingInProgress));
        world.Advance(TimeSpan.FromSeconds(20));
        Assert.That(world.Ready("a0")!.Reason, Is.EqualTo(Reasons.TakesLong));
        Assert.That(world.Ready("a0")!.Message, Does.Contain("2m"));
        Assert.That(world.Events.Count(e => e == "a0 TakesLong"), Is.EqualTo(1));

        var (looks, writes) = (account.Count("observe"), world.Plane.Writes.Count);
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(account.Count("observe") - looks, Is.GreaterThan(60), "it goes on being looked at");
        Assert.That(world.Plane.Writes.Skip(writes), Is.Empty);
        account.Objects["a0"] = Lifecycle.Ready;
        world.Until("it is ready", () => AllReady(world), TimeSpan.FromSeconds(30));
        Assert.That(account.Count("create"), Is.EqualTo(1));
    }

    [Test]
    public void A_request_has_the_deadline_that_the_config_gives()
    {
        using var world = new LimitsWorld(w =>
        {
            w.Config("a", limits: l => l.Timeouts = new() { ["Network.Call"] = "5s" });
            w.Entry("a", "a0");
        });
        world.Until("all are ready", () => AllReady(world));
        world.Accounts["a"].Hangs = true;
        world.Entries.PokeAll("a");
        world.Advance(TimeSpan.FromSeconds(4.9));
        Assert.That(world.Ready("a0")!.Reason, Is.EqualTo(Reasons.Ready));
        world.Advance(TimeSpan.FromSeconds(0.2));
        Assert.That(world.Ready("a0")!.Reason, Is.EqualTo(Reasons.Timeout));
    }

    [Test]
    public void L8_what_listings_dont_show_is_looked_at_by_a_budget_one_after_the_other()
    {
        using var world = new LimitsWorld(w =>
        {
            w.Descriptor = LimitsWorld.Describe(ListQuality.None);
            w.Config("a", limits: l => l.ObservesPerMinute = 12);
            for (var i = 0; i < 30; i++)
                w.Entry("a", $"a{i:00}");
        });
        world.Until("all are ready", () => AllReady(world));
        var calls = world.Accounts["a"].Calls.Count;
        var writes = world.Plane.Writes.Count;
        world.Advance(TimeSpan.FromMinutes(10));
        var looks = world.Accounts["a"].Calls.Skip(calls).Where(c => c.Verb is "observe").GroupBy(c => c.Name).Select(g => g.Count()).ToList();
        Assert.That(looks.Sum(), Is.InRange(105, 125));
        Assert.That(looks, Has.Count.EqualTo(30));
        Assert.That(looks.Max() - looks.Min(), Is.LessThanOrEqualTo(1), "each has its turn");
        Assert.That(world.Plane.Writes.Skip(writes), Is.Empty);
    }

    [Test]
    public void Settings_that_cant_be_honoured_are_told_with_their_field()
    {
        using var world = new LimitsWorld(w => w.Config("a", limits: l => l.Timeouts = new() { ["Instanze"] = "1m" }));
        world.Until("it is told", () => world.Told("a", "SettingsInForce") is { Status: ConditionStatus.False, Reason: Reasons.InvalidConfig });
        Assert.That(world.Told("a", "SettingsInForce")!.Message, Does.StartWith("spec.limits.timeouts.Instanze "));
        Assert.That(world.Told("a", "Ready")!.Status, Is.EqualTo(ConditionStatus.True), "the account works all the same");
        world.Change("a", s => s.Limits = new() { RequestsPerSecond = 5, Concurrency = 2, Timeouts = new() { ["Network"] = "1m" } });
        world.Until("all is in force", () => world.Told("a", "SettingsInForce")!.Status == ConditionStatus.True);
    }

    private static bool AllReady(LimitsWorld world) => world.Plane.Live(ResourceTypes.ManagedResources).All(e => World.EngineWorld.Ready(e)?.Status == ConditionStatus.True);
}
