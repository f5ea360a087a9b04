using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Testing;

namespace Datum.Providers.Kubernetes.Tests.Controllers;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class WorkQueueTests
{
    private readonly ManualScheduler _time = new();

    private WorkQueue<string> NewQueue(Func<string, string>? lane = null, int lowPriorityShare = 16) =>
        new(_time, new WorkQueueOptions<string> { Name = "test", Lane = lane, LowPriorityShare = lowPriorityShare });

    private static async Task<string> Take(WorkQueue<string> queue)
    {
        var take = queue.TakeAsync(CancellationToken.None);
        Assert.That(take.IsCompleted, "a key should be there");
        return await take;
    }

    private static async Task<List<string>> TakeAll(WorkQueue<string> queue)
    {
        var keys = new List<string>();
        while (queue.Depth > 0)
        {
            keys.Add(await Take(queue));
            queue.Done(keys[^1]);
        }

        return keys;
    }

    [Test]
    public async Task A_key_that_is_added_twice_is_handed_out_once()
    {
        using var queue = NewQueue();
        queue.Add("a");
        queue.Add("a");
        Assert.That(await TakeAll(queue), Is.EqualTo(new[] { "a" }));
        Assert.That(queue.Known, Is.Zero);
    }

    [Test]
    public async Task A_change_during_processing_is_processed_afterwards_and_not_at_once()
    {
        using var queue = NewQueue();
        queue.Add("a");
        await Take(queue);
        queue.Add("a");
        var second = queue.TakeAsync(CancellationToken.None);
        Assert.That(second.IsCompleted, Is.False);
        queue.Done("a");
        Assert.That(await second, Is.EqualTo("a"));
    }

    [Test]
    public async Task Changes_go_before_retries_and_resyncs()
    {
        using var queue = NewQueue();
        queue.Add("resync", WorkPriority.Resync);
        queue.Add("retry", WorkPriority.Retry);
        queue.Add("change");
        queue.Add("raised", WorkPriority.Resync);
        queue.Add("raised");
        Assert.That(await TakeAll(queue), Is.EqualTo(new[] { "change", "raised", "retry", "resync" }));
    }

    [Test]
    public async Task A_stream_of_changes_does_not_starve_a_resync()
    {
        using var queue = NewQueue(lowPriorityShare: 4);
        queue.Add("resync", WorkPriority.Resync);
        for (var i = 0; i < 8; i++)
            queue.Add($"change-{i}");
        Assert.That((await TakeAll(queue)).IndexOf("resync"), Is.EqualTo(3));
    }

    [Test]
    public async Task Lanes_take_turns_so_that_a_noisy_one_delays_another_by_one_key()
    {
        using var queue = NewQueue(lane: key => key[..1]);
        for (var i = 0; i < 5; i++)
            queue.Add($"n{i}");
        queue.Add("q0");
        queue.Add("q1");
        Assert.That(await TakeAll(queue), Is.EqualTo(new[] { "n0", "q0", "n1", "q1", "n2", "n3", "n4" }));
    }

    [Test]
    public async Task Of_two_delays_the_shorter_counts_and_one_timer_serves_all_keys()
    {
        using var queue = NewQueue();
        for (var i = 0; i < 100; i++)
            queue.AddAfter($"k{i}", TimeSpan.FromSeconds(10 + i));
        queue.AddAfter("k50", TimeSpan.FromSeconds(5));
        Assert.That(_time.PendingTimers, Is.EqualTo(1));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.That(await TakeAll(queue), Is.EqualTo(new[] { "k50" }));
        _time.Advance(TimeSpan.FromSeconds(200));
        Assert.That(await TakeAll(queue), Has.Count.EqualTo(99));
    }

    [Test]
    public async Task A_delay_that_waits_is_dropped_when_the_key_is_taken()
    {
        using var queue = NewQueue();
        queue.AddAfter("a", TimeSpan.FromSeconds(10));
        queue.Add("a");
        await Take(queue);
        queue.Done("a");
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.That(queue.Depth, Is.Zero);
        Assert.That(queue.Known, Is.Zero);
    }

    [Test]
    public void A_delay_of_months_survives_the_limit_of_a_timer()
    {
        using var queue = NewQueue();
        queue.AddAfter("a", TimeSpan.FromDays(100));
        _time.Advance(TimeSpan.FromDays(99));
        Assert.That(queue.Depth, Is.Zero);
        _time.Advance(TimeSpan.FromDays(1));
        Assert.That(queue.Depth, Is.EqualTo(1));
    }

    [Test]
    public void Backoff_doubles_with_jitter_up_to_its_maximum_until_forgotten()
    {
        using var queue = NewQueue();
        var backoff = new Backoff { First = TimeSpan.FromSeconds(1), Max = TimeSpan.FromSeconds(60) };
        double[] wholes = [1, 2, 4, 8, 16, 32, 60, 60];
        foreach (var whole in wholes)
        {
            var delay = queue.AddBackoff("a", backoff).TotalSeconds;
            Assert.That(delay, Is.InRange(whole / 2, whole));
        }

        queue.Forget("a");
        Assert.That(queue.AddBackoff("a", backoff), Is.LessThanOrEqualTo(TimeSpan.FromSeconds(1)));
        Assert.That(queue.AddBackoff("b", backoff, TimeSpan.FromSeconds(30)), Is.EqualTo(TimeSpan.FromSeconds(30)));
        Assert.That(new Backoff().Delay(int.MaxValue, 0.999), Is.LessThanOrEqualTo(new Backoff().Max));
    }

    [Test]
    public async Task While_suspended_nothing_is_handed_out_and_nothing_is_lost()
    {
        using var queue = NewQueue();
        queue.Suspend();
        var take = queue.TakeAsync(CancellationToken.None);
        queue.Add("a");
        queue.AddAfter("b", TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.That(take.IsCompleted, Is.False);
        queue.Resume();
        Assert.That(await take, Is.EqualTo("a"));
        Assert.That(await Take(queue), Is.EqualTo("b"));
    }

    [Test]
    public async Task Drain_completes_when_the_last_key_is_given_back()
    {
        using var queue = NewQueue();
        queue.Add("a");
        queue.Add("b");
        await Take(queue);
        var drain = queue.DrainAsync();
        Assert.That(drain.IsCompleted, Is.False);
        queue.Done("a");
        Assert.That(drain.IsCompleted);
        Assert.That(queue.Depth, Is.EqualTo(1), "b is kept");
        Assert.That(queue.DrainAsync().IsCompleted);
    }

    [Test]
    public async Task A_cancelled_wait_takes_no_key_with_it()
    {
        using var queue = NewQueue();
        using var cancel = new CancellationTokenSource();
        var first = queue.TakeAsync(cancel.Token);
        var second = queue.TakeAsync(CancellationToken.None);
        await cancel.CancelAsync();
        Assert.That(first.IsCanceled);
        queue.Add("a");
        Assert.That(await second, Is.EqualTo("a"));
    }

    [Test]
    public void Giving_back_what_was_not_taken_is_an_error()
    {
        using var queue = NewQueue();
        queue.Add("a");
        Assert.Throws<InvalidOperationException>(() => queue.Done("a"));
        Assert.Throws<InvalidOperationException>(() => queue.Done("never-added"));
    }

    [Test]
    public void A_disposed_queue_cancels_who_waits_and_holds_no_timer()
    {
        var queue = NewQueue();
        var take = queue.TakeAsync(CancellationToken.None);
        queue.AddAfter("a", TimeSpan.FromSeconds(1));
        queue.Dispose();
        queue.Add("b");
        Assert.That(take.IsCanceled);
        Assert.That(_time.PendingTimers, Is.Zero);
        Assert.Throws<ObjectDisposedException>(() => queue.TakeAsync(CancellationToken.None));
    }
}
