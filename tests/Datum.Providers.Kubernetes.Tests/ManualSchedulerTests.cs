using Datum.Providers.Testing;

namespace Datum.Providers.Kubernetes.Tests;

public sealed class ManualSchedulerTests
{
    [Test]
    public void Timers_fire_in_order_of_time_and_each_at_its_own_time()
    {
        var scheduler = new ManualScheduler(pumped: true);
        var start = scheduler.Now;
        var seen = new List<(string, TimeSpan)>();
        foreach (var (name, seconds) in new[] { ("late", 5), ("early", 1), ("early too", 1) })
        {
            _ = scheduler.Run(async () =>
            {
                await scheduler.Delay(TimeSpan.FromSeconds(seconds), CancellationToken.None);
                seen.Add((name, scheduler.Now - start));
            });
        }
        scheduler.Advance(TimeSpan.FromSeconds(4));
        Assert.That(seen, Is.EqualTo(new[] { ("early", TimeSpan.FromSeconds(1)), ("early too", TimeSpan.FromSeconds(1)) }));
        scheduler.Advance(TimeSpan.FromSeconds(1));
        Assert.That(seen[^1], Is.EqualTo(("late", TimeSpan.FromSeconds(5))));
        Assert.That(scheduler.PendingTimers, Is.Zero);
    }

    [Test]
    public void A_cancelled_delay_leaves_no_timer()
    {
        var scheduler = new ManualScheduler();
        using var cancel = new CancellationTokenSource();
        var delay = scheduler.Delay(TimeSpan.FromSeconds(1), cancel.Token);
        cancel.Cancel();
        Assert.That(async () => await delay, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(scheduler.PendingTimers, Is.Zero);
    }
}
