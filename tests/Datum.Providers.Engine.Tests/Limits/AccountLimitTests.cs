using Datum.Providers.Engine.Limits;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Providers;
using Datum.Providers.Testing;

namespace Datum.Providers.Engine.Tests.Limits;

/// <summary>What passes and listings of one account share.</summary>
public sealed class AccountLimitTests
{
    [Test]
    public void A_pass_that_begins_has_its_look_its_question_and_its_step()
    {
        var (time, account) = Make(2);
        Assert.That(account.Enter(out var kept), Is.Null);
        Assert.That(account.Enter(out _), Is.Not.Null);
        Assert.That(account.TryUse(ref kept), Is.Null);
        Assert.That(account.TryUse(ref kept), Is.Null);
        Assert.That(account.TryUse(ref kept), Is.Null);
        Assert.That(account.TryUse(ref kept), Is.Not.Null, "one more has to wait");
        time.Advance(TimeSpan.FromSeconds(1.6));
        Assert.That(account.Enter(out _), Is.Null);
    }

    [Test]
    public void What_a_pass_leaves_is_there_for_the_next()
    {
        var (_, account) = Make(2);
        Assert.That(account.Enter(out var kept), Is.Null);
        account.Release(kept);
        Assert.That(account.Enter(out _), Is.Null);
    }

    [Test]
    public void What_was_kept_waits_too_when_the_platform_throttles()
    {
        var (time, account) = Make(2);
        Assert.That(account.Enter(out var kept), Is.Null);
        account.Throttled(TimeSpan.FromSeconds(5));
        Assert.That(account.TryUse(ref kept), Is.GreaterThanOrEqualTo(TimeSpan.FromSeconds(5)));
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.That(account.TryUse(ref kept), Is.Null);
    }

    [Test]
    public void Passes_and_a_listing_take_turns_under_a_rate_that_both_exceed()
    {
        var (time, account) = Make(3);
        var listing = new object();
        var (passes, pages) = (0, 0);
        for (var i = 0; i < 6000; i++, time.Advance(TimeSpan.FromMilliseconds(20)))
        {
            if (account.Enter(out _) is null)
                passes++;
            if (account.TryList(listing) is null)
                pages++;
        }
        Assert.That(passes, Is.InRange(80, 95));
        Assert.That(pages, Is.InRange(80, 95));
        Assert.That(TokenBucket.Pass * passes + pages, Is.InRange(335, 365), "two minutes of three requests a second");
    }

    [Test]
    public void Who_leaves_the_line_holds_nobody_up()
    {
        var (time, account) = Make(2);
        Assert.That(account.Enter(out _), Is.Null);
        Assert.That(account.TryList(new object()), Is.Not.Null);
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.That(account.Enter(out _), Is.Null);
    }

    [Test]
    public void Of_several_configs_of_one_account_the_strictest_counts()
    {
        var (_, account) = Make(10);
        account.Configure("b", Settings(c => (c.RequestsPerSecond, c.Concurrency) = (4, 3)));
        Assert.That((account.Rate, account.Concurrency), Is.EqualTo((4d, 3)));
        account.Configure("b", null);
        Assert.That((account.Rate, account.Concurrency), Is.EqualTo((10d, AccountLimit.DefaultConcurrency)));
    }

    [Test]
    public void No_more_changes_are_in_flight_than_may_be()
    {
        var (_, account) = Make(null, c => c.Concurrency = 2);
        Assert.That(account.TryBeginMutation() && account.TryBeginMutation(), Is.True);
        Assert.That(account.TryBeginMutation(), Is.False);
        account.EndMutation();
        Assert.That(account.TryBeginMutation(), Is.True);
    }

    [Test]
    public void An_account_without_a_limit_allocates_nothing_for_a_request()
    {
        var (_, account) = Make(null);
        var kept = 0;
        account.TryUse(ref kept);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            account.Enter(out kept);
            account.TryUse(ref kept);
            account.TryBeginMutation();
            account.EndMutation();
            account.Release(kept);
        }
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    private static (ManualScheduler Time, AccountLimit Account) Make(double? rate, Action<ProviderLimits>? change = null)
    {
        var time = new ManualScheduler();
        var account = new AccountLimit("d", "a", time.Time);
        account.Configure("a", Settings(c =>
        {
            c.RequestsPerSecond = rate;
            change?.Invoke(c);
        }));
        return (time, account);
    }

    private static LimitSettings Settings(Action<ProviderLimits> change)
    {
        var limits = new ProviderLimits();
        change(limits);
        return LimitSettings.Read(new ProviderConfig { Metadata = new ObjectMeta { Name = "c" }, Spec = { Limits = limits } }, null);
    }
}
