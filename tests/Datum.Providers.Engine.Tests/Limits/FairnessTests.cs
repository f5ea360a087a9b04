using Datum.Providers.Engine.Limits;

namespace Datum.Providers.Engine.Tests.Limits;

/// <summary>Accounts that are slow, strict or silent, beside one that isn't.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class FairnessTests
{
    [Test]
    public void L9_accounts_that_hang_delay_no_other()
    {
        using var world = new LimitsWorld(w =>
        {
            for (var i = 0; i < 6; i++)
                w.Config($"slow{i}");
            w.Config("good");
            w.Entry("good", "good-0");
            for (var i = 0; i < 6; i++)
                w.Entry($"slow{i}", $"slow{i}-0");
        });
        world.Until("all are ready", () => AllReady(world));
        for (var i = 0; i < 6; i++)
            world.Accounts[$"slow{i}"].Hangs = true;
        for (var i = 0; i < 6; i++)
            for (var n = 1; n <= 20; n++)
                world.Entry($"slow{i}", $"slow{i}-{n}");
        world.Advance(TimeSpan.FromSeconds(1));
        for (var n = 1; n <= 20; n++)
            world.Entry("good", $"good-{n}");
        world.Until("the good account is served", () => Enumerable.Range(1, 20).All(n => world.Ready($"good-{n}")?.Status == ConditionStatus.True), TimeSpan.FromSeconds(3));

        // Beside the entries an account has one listing at a time.
        Assert.That(world.Accounts.Values.Select(a => a.MostInFlight), Is.All.LessThanOrEqualTo(AccountLimit.DefaultConcurrency + 1));
        Assert.That(world.Accounts.Values.Count(a => a.InFlight > 0), Is.EqualTo(6));
    }

    [Test]
    public void Two_configs_of_one_account_share_its_rate()
    {
        const double rate = 4;
        using var world = new LimitsWorld(w =>
        {
            w.Config("a", "shared", l => l.RequestsPerSecond = rate);
            w.Config("b", "shared");
        });
        world.Until("both have sessions", () => world.Accounts["shared"].Count("list") > 1);
        for (var i = 0; i < 20; i++)
        {
            world.Entry("a", $"a{i}");
            world.Entry("b", $"b{i}");
        }
        var start = world.Time.Now;
        world.Until("all are ready", () => AllReady(world), TimeSpan.FromSeconds(120));

        var calls = world.Accounts["shared"].Calls.Where(c => c.Verb != "probe" && c.At >= start).Select(c => (c.At - start).TotalSeconds).Order().ToList();
        Assert.That(calls, Has.Count.GreaterThanOrEqualTo(80));
        for (var from = 0; from < calls.Count; from++)
            for (var to = from; to < calls.Count; to++)
                // One burst, the rate, and what each pass under way has kept.
                if (to - from + 1 > rate + rate * (calls[to] - calls[from]) + AccountLimit.DefaultConcurrency)
                    Assert.Fail($"{to - from + 1} calls in {calls[to] - calls[from]} s");
        // The rate is used, too: 80 calls of entries and a few pages at 4/s.
        Assert.That(calls[^1], Is.InRange(18, 60));
    }

    [Test]
    public void A_throttle_pauses_the_whole_account_for_as_long_as_it_asked_and_no_other()
    {
        using var world = new LimitsWorld(w =>
        {
            w.Config("strict");
            w.Config("other");
            for (var i = 0; i < 30; i++)
            {
                w.Entry("strict", $"strict-{i}");
                w.Entry("other", $"other-{i}");
            }
        });
        world.Until("all are ready", () => AllReady(world));
        var (strict, other) = (world.Accounts["strict"], world.Accounts["other"]);
        strict.Fails = (_, _) => new DriverError { Code = ErrorCode.Throttled, Effect = Effect.NotApplied, Message = "slow down", RetryAfter = TimeSpan.FromSeconds(40) };
        world.Entries.Poke("strict-0");
        world.Advance(TimeSpan.Zero);
        var at = world.Time.Now;
        strict.Fails = null;
        world.Entries.PokeAll("strict");
        world.Entries.PokeAll("other");
        world.Entry("strict", "strict-new");
        world.Entry("other", "other-new");
        world.Until("the other account is served at once", () => world.Ready("other-new")?.Status == ConditionStatus.True, TimeSpan.FromSeconds(2));
        world.Until("the strict one is served too", () => AllReady(world));

        var after = strict.Calls.Where(c => c.At > at).ToList();
        Assert.That(after.Min(c => c.At) - at, Is.GreaterThanOrEqualTo(TimeSpan.FromSeconds(40)), "listings and looks wait as well");
        Assert.That(other.Calls.Count(c => c.At > at && c.At < at + TimeSpan.FromSeconds(40)), Is.GreaterThan(1));
    }

    [Test]
    public void A_users_change_goes_before_resyncs_when_the_rate_is_used_up()
    {
        using var world = Busy(40, 1);
        world.Entries.PokeAll("a");
        world.Advance(TimeSpan.FromSeconds(5));
        world.Entry("a", "new");
        world.Until("it is made", () => world.Accounts["a"].Objects.ContainsKey("new"), TimeSpan.FromSeconds(12));
        Assert.That(world.Accounts["a"].Count("observe") - Observed, Is.LessThan(20), "most resyncs still wait");
        world.Until("the resyncs come too", () => world.Accounts["a"].Count("observe") - Observed >= 41, TimeSpan.FromMinutes(3));
    }

    [Test]
    public void A_stream_of_creates_starves_neither_a_delete_nor_a_listing()
    {
        using var world = Busy(5, 2);
        var account = world.Accounts["a"];
        var lists = account.Count("list");
        world.Plane.Edit(ResourceTypes.ManagedResources, null, "e0", e => e.Spec.Wanted = false);
        for (var i = 0; i < 60; i++)
        {
            world.Entry("a", $"stream-{i}");
            world.Entry("a", $"stream2-{i}");
            world.Advance(TimeSpan.FromSeconds(1));
            if (i == 20)
                Assert.That(account.Count("delete"), Is.EqualTo(1));
        }
        Assert.That(account.Count("list") - lists, Is.GreaterThanOrEqualTo(2));
        Assert.That(account.Objects.Keys.Count(k => k.StartsWith("stream", StringComparison.Ordinal)), Is.LessThan(120), "the rate was used up all the time");
    }

    [Test]
    public void Concurrency_bounds_what_is_in_flight()
    {
        using var world = new LimitsWorld(w => w.Config("a", limits: l => l.Concurrency = 2));
        world.Until("it has a session", () => world.Accounts["a"].Count("list") > 0);
        world.Accounts["a"].Hangs = true;
        for (var i = 0; i < 20; i++)
            world.Entry("a", $"e{i}");
        world.Advance(TimeSpan.FromSeconds(20));
        Assert.That(world.Accounts["a"].MostInFlight, Is.InRange(2, 3), "two entries and a listing");
    }

    [Test]
    public void L10_a_lease_that_ends_while_work_waits_for_its_rate_starts_no_change()
    {
        using var world = Busy(1, 1);
        var account = world.Accounts["a"];
        var asked = world.Time.Now;
        var ends = world.Time.Now + TimeSpan.FromSeconds(15);
        world.MayMutateNow = () =>
        {
            asked = world.Time.Now;
            return asked < ends;
        };
        account.Fails = (verb, _) =>
        {
            if (verb == "create")
                Assert.That(asked, Is.EqualTo(world.Time.Now), "the lease is looked at right before the call");
            return null;
        };
        for (var i = 0; i < 30; i++)
            world.Entry("a", $"new{i}");
        world.Advance(TimeSpan.FromMinutes(2));
        var creates = account.Calls.Where(c => c.Verb == "create").ToList();
        Assert.That(creates.Count(c => c.At >= ends), Is.Zero);
        Assert.That(account.Objects, Has.Count.InRange(4, 12), "some were made before");
        Assert.That(world.Log.Errors, Is.Empty);
        ends = DateTimeOffset.MaxValue;
        world.Until("all are made", () => account.Objects.Count == 31, TimeSpan.FromMinutes(10));
    }

    private int Observed { get; set; }

    /// <summary>One account with entries that are ready, and a rate since then.</summary>
    private LimitsWorld Busy(int entries, double rate)
    {
        var world = new LimitsWorld(w =>
        {
            w.Config("a");
            for (var i = 0; i < entries; i++)
                w.Entry("a", $"e{i}");
        });
        world.Until("all are ready", () => AllReady(world));
        world.Change("a", s => s.Limits = new() { RequestsPerSecond = rate });
        world.Advance(TimeSpan.FromSeconds(2));
        Observed = world.Accounts["a"].Count("observe");
        return world;
    }

    private static bool AllReady(LimitsWorld world) => world.Plane.Live(ResourceTypes.ManagedResources).All(e => World.EngineWorld.Ready(e)?.Status == ConditionStatus.True);
}
