using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Testing;
using FsCheck;
using FsCheck.Fluent;

namespace Datum.Providers.Kubernetes.Tests.Controllers;

public sealed class WorkQueuePropertyTests
{
    private enum Act
    {
        Add, AddResync, Delay, Backoff, Forget, Take, Done, Advance, Suspend, Resume,
    }

    [Test]
    public void A_key_is_never_processed_twice_at_once_and_no_wish_is_lost()
    {
        var step = Gen.Choose(0, 9).SelectMany(act => Gen.Choose(0, 3).Select(key => ((Act)act, key)));
        var plan = step.ListOf();
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000).WithEndSize(120), Prop.ForAll(plan.ToArbitrary(), steps => Holds(steps)));
    }

    [Test]
    public void Parallel_workers_never_hold_the_same_key_and_see_every_change()
    {
        using var queue = new WorkQueue<int>(SystemScheduler.Instance, new() { Name = "parallel", Lane = k => (k % 3).ToString() });
        const int Keys = 5, Changes = 20_000;
        var wanted = new int[Keys];
        var seen = new int[Keys];
        var holders = new int[Keys];
        var overlaps = 0;
        using var stop = new CancellationTokenSource();

        async Task Work()
        {
            try
            {
                while (true)
                {
                    var key = await queue.TakeAsync(stop.Token);
                    if (Interlocked.Increment(ref holders[key]) != 1)
                        Interlocked.Increment(ref overlaps);
                    Volatile.Write(ref seen[key], Volatile.Read(ref wanted[key]));
                    Interlocked.Decrement(ref holders[key]);
                    queue.Done(key);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
        }

        var workers = Enumerable.Range(0, 4).Select(_ => Task.Run(Work)).ToArray();
        Parallel.For(0, Changes, i =>
        {
            Interlocked.Increment(ref wanted[i % Keys]);
            queue.Add(i % Keys);
        });
        Assert.That(() => queue.Depth + queue.Processing, Is.Zero.After(20_000, 5));
        stop.Cancel();
        Task.WaitAll(workers, TimeSpan.FromSeconds(20));
        Assert.That(overlaps, Is.Zero);
        Assert.That(seen, Is.EqualTo(wanted));
        Assert.That(queue.Known, Is.Zero);
    }

    private static bool Holds(IEnumerable<(Act Act, int Key)> steps)
    {
        var time = new ManualScheduler();
        using var queue = new WorkQueue<int>(time, new() { Name = "property", Lane = key => (key % 2).ToString(), LowPriorityShare = 3 });
        var held = new List<int>();
        var unserved = new HashSet<int>();
        var waiting = new List<Task<int>>();

        void Collect()
        {
            foreach (var taken in waiting.Where(t => t.IsCompleted).ToList())
            {
                waiting.Remove(taken);
                if (held.Contains(taken.Result))
                    throw new InvalidOperationException($"{taken.Result} is processed twice at once");
                held.Add(taken.Result);
                unserved.Remove(taken.Result);
            }
        }

        foreach (var (act, key) in steps)
        {
            switch (act)
            {
                case Act.Add:
                case Act.AddResync:
                    unserved.Add(key);
                    queue.Add(key, act == Act.Add ? WorkPriority.Change : WorkPriority.Resync);
                    break;
                case Act.Delay:
                    unserved.Add(key);
                    queue.AddAfter(key, TimeSpan.FromSeconds(1 + key));
                    break;
                case Act.Backoff:
                    unserved.Add(key);
                    queue.AddBackoff(key);
                    break;
                case Act.Forget:
                    queue.Forget(key);
                    break;
                case Act.Take when waiting.Count < 3:
                    waiting.Add(queue.TakeAsync(CancellationToken.None));
                    break;
                case Act.Done when held.Count > 0:
                    var back = held[key % held.Count];
                    held.Remove(back);
                    queue.Done(back);
                    break;
                case Act.Advance:
                    time.Advance(TimeSpan.FromSeconds(key));
                    break;
                case Act.Suspend:
                    queue.Suspend();
                    break;
                case Act.Resume:
                    queue.Resume();
                    break;
                default:
                    break;
            }

            Collect();
        }

        queue.Resume();
        Collect();
        for (var round = 0; round < 400 && (held.Count > 0 || queue.Depth + queue.Delayed > 0); round++)
        {
            foreach (var back in held.ToList())
            {
                held.Remove(back);
                queue.Done(back);
                Collect();
            }

            time.Advance(TimeSpan.FromMinutes(10));
            if (waiting.Count == 0)
                waiting.Add(queue.TakeAsync(CancellationToken.None));
            Collect();
        }

        foreach (var key in Enumerable.Range(0, 4))
            queue.Forget(key);
        if (unserved.Count > 0)
            throw new InvalidOperationException($"{string.Join(", ", unserved)} wanted to be processed and never was");
        return held.Count == 0 && queue is { Depth: 0, Delayed: 0, Processing: 0, Known: 0 } && time.PendingTimers <= 1;
    }
}
