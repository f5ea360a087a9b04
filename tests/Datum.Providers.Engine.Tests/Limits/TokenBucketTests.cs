using Datum.Providers.Engine.Limits;

namespace Datum.Providers.Engine.Tests.Limits;

/// <summary>The rate of one account: what goes out in any window, how a throttle lowers it, how it comes back.</summary>
public sealed class TokenBucketTests
{
    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    [Test]
    public void No_window_has_more_than_its_rate_and_one_burst([Values(0.3, 1, 4, 25)] double rate, [Range(1, 25)] int seed)
    {
        var random = new Random(seed);
        var bucket = new TokenBucket();
        bucket.Configure(At(0), rate);
        var taken = new List<double>();
        var now = 0d;
        for (var i = 0; i < 600; i++)
        {
            now += random.Next(4) == 0 ? random.NextDouble() * 10 / rate : random.NextDouble() * 0.3 / rate;
            var count = random.Next(1, 3);
            if (random.Next(60) == 0)
                bucket.Throttled(At(now), random.Next(2) == 0 ? null : At(random.NextDouble() * 5));
            if (bucket.TryTake(At(now), count))
                for (var t = 0; t < count; t++)
                    taken.Add(now);
        }

        Assert.That(taken, Has.Count.GreaterThan(20));
        for (var from = 0; from < taken.Count; from++)
            for (var to = from; to < taken.Count; to++)
                if (to - from + 1 > Math.Max(TokenBucket.Pass, rate) + rate * (taken[to] - taken[from]) + 1e-6)
                    Assert.Fail($"{to - from + 1} in {taken[to] - taken[from]} s at {rate}/s (seed {seed})");
    }

    [Test]
    public void The_whole_rate_can_be_used()
    {
        var bucket = new TokenBucket();
        bucket.Configure(At(0), 5);
        var taken = 0;
        for (var now = 0d; now <= 60; now += 0.02)
            taken += bucket.TryTake(At(now)) ? 1 : 0;
        Assert.That(taken, Is.InRange(300, 306));
    }

    [Test]
    public void Who_waits_as_long_as_it_is_told_gets_what_it_wanted([Values(0.7, 3, 40)] double rate, [Values(1, 3)] int count)
    {
        var bucket = new TokenBucket();
        bucket.Configure(At(0), rate);
        while (bucket.TryTake(At(0)))
        {
            // Until it is empty.
        }
        var wait = bucket.WaitFor(At(0), count);
        Assert.That(wait, Is.GreaterThan(TimeSpan.Zero).And.LessThan(At(count / rate + 0.01)));
        Assert.That(bucket.TryTake(wait, count), Is.True);
    }

    [Test]
    public void Without_a_rate_nothing_is_limited()
    {
        var bucket = new TokenBucket();
        for (var i = 0; i < 100_000; i++)
            Assert.That(bucket.TryTake(At(0)), Is.True);
    }

    [Test]
    public void A_throttle_stops_everything_for_as_long_as_the_platform_asked_and_halves_the_rate()
    {
        var bucket = new TokenBucket();
        bucket.Configure(At(0), 10);
        Assert.That(bucket.Throttled(At(1), At(7)), Is.True);
        Assert.That(bucket.Rate, Is.EqualTo(5));
        Assert.That(bucket.TryTake(At(7.9)), Is.False);
        Assert.That(bucket.WaitFor(At(1), 1), Is.GreaterThanOrEqualTo(At(7)));
        Assert.That(bucket.TryTake(At(8.3)), Is.True);
    }

    [Test]
    public void Answers_to_one_burst_lower_the_rate_once_and_the_longest_pause_counts()
    {
        var bucket = new TokenBucket();
        bucket.Configure(At(0), 10);
        bucket.Throttled(At(1), At(2));
        Assert.That(bucket.Throttled(At(1.1), At(9)), Is.False);
        Assert.That(bucket.Throttled(At(1.2), At(1)), Is.False);
        Assert.That(bucket.Rate, Is.EqualTo(5));
        Assert.That(bucket.TryTake(At(10)), Is.False);
    }

    [Test]
    public void The_rate_comes_back_by_equal_parts_and_no_further_than_it_was()
    {
        var bucket = new TokenBucket();
        bucket.Configure(At(0), 12);
        bucket.Throttled(At(0), At(1));
        var rates = new List<double>();
        for (var now = 1; now <= 120; now++)
        {
            bucket.Available(At(now));
            rates.Add(bucket.Rate);
        }
        Assert.That(rates, Is.Ordered);
        Assert.That(rates[11] - rates[10], Is.EqualTo(rates[21] - rates[20]).Within(1e-9).And.GreaterThan(0));
        Assert.That(rates[10], Is.LessThan(9));
        Assert.That(rates[^1], Is.EqualTo(12));
    }

    [Test]
    public void Throttles_without_a_pause_wait_longer_each_time_and_never_stop_it_for_good()
    {
        var bucket = new TokenBucket();
        bucket.Configure(At(0), 8);
        var pauses = new List<double>();
        var now = At(0);
        for (var i = 0; i < 12; i++)
        {
            bucket.Throttled(now, null);
            pauses.Add((bucket.PausedUntil - now).TotalSeconds);
            now = bucket.PausedUntil + At(1);
        }
        Assert.That(pauses, Is.Ordered);
        Assert.That(pauses[0], Is.EqualTo(1));
        Assert.That(pauses[^1], Is.EqualTo(60));
        Assert.That(bucket.Rate, Is.GreaterThanOrEqualTo(0.5));
    }

    [Test]
    public void An_account_without_a_limit_learns_one_from_what_it_sent_and_forgets_it_again()
    {
        var bucket = new TokenBucket();
        var now = 0d;
        for (; now < 20; now += 0.05)
            Assert.That(bucket.TryTake(At(now)), Is.True);
        bucket.Throttled(At(now), null);
        Assert.That(bucket.Rate, Is.InRange(8, 12));
        for (; now < 400; now += 0.5)
            bucket.TryTake(At(now));
        Assert.That(bucket.IsLimited, Is.False);
    }

    [Test]
    public void A_new_rate_counts_at_once_and_less_of_it_than_was_learned_does_too()
    {
        var bucket = new TokenBucket();
        bucket.Configure(At(0), 10);
        bucket.Throttled(At(0), At(1));
        bucket.Configure(At(1), 2);
        Assert.That(bucket.Rate, Is.EqualTo(2));
        bucket.Configure(At(2), null);
        bucket.Available(At(2));
        Assert.That(bucket.IsLimited, Is.False);
    }
}
