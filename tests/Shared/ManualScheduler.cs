using Datum.Providers.Kubernetes;

namespace Datum.Providers.Testing;

/// <summary>
/// A clock and scheduler that move only when the test says so. Timers fire in order of time, then of creation.
/// <para>
/// Threaded (default): work runs on the thread pool, so it may do real I/O; use <see cref="WaitForTimersAsync"/>
/// to know that the code under test waits. Pumped: work and its continuations run only inside
/// <see cref="RunUntilIdle"/> and <see cref="Advance"/>, on the test's thread, in an order that the seed alone decides;
/// code under test then must not do real I/O and must not use ConfigureAwait(false).
/// </para>
/// </summary>
internal sealed class ManualScheduler : TimeProvider, IScheduler
{
    private readonly Lock _gate = new();
    private readonly SortedSet<ManualTimer> _timers = new(Comparer<ManualTimer>.Create(
        (a, b) => a.Due != b.Due ? a.Due.CompareTo(b.Due) : a.Order.CompareTo(b.Order)));
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _queue = new();
    private readonly PumpContext? _context;
    private readonly Random _random;
    private DateTimeOffset _now;
    private long _order;

    public ManualScheduler(int seed = 1, bool pumped = false, DateTimeOffset? start = null)
    {
        _random = new Random(seed);
        _now = start ?? new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
        _context = pumped ? new PumpContext(this) : null;
    }

    public TimeProvider Time => this;

    /// <summary>The virtual time.</summary>
    public DateTimeOffset Now { get { lock (_gate) return _now; } }

    /// <summary>Timers and delays that wait for time to move.</summary>
    public int PendingTimers { get { lock (_gate) return _timers.Count; } }

    /// <summary>The time of the next timer, or null.</summary>
    public DateTimeOffset? NextTimer { get { lock (_gate) return _timers.Min?.Due; } }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => Now;

    public override long GetTimestamp() => Now.UtcTicks;

    public double NextRandom()
    {
        lock (_gate)
            return _random.NextDouble();
    }

    public Task Delay(TimeSpan delay, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
            return Task.FromCanceled(cancellation);
        if (delay <= TimeSpan.Zero && delay != Timeout.InfiniteTimeSpan)
            return Task.CompletedTask;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var timer = new ManualTimer(this, _ => done.TrySetResult(), null);
        timer.Change(delay, Timeout.InfiniteTimeSpan);
        if (cancellation.CanBeCanceled)
        {
            var registration = cancellation.Register(() =>
            {
                timer.Dispose();
                done.TrySetCanceled(cancellation);
            });
            done.Task.ContinueWith(_ => registration.Dispose(), CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
        return done.Task;
    }

    public Task Run(Func<Task> work)
    {
        if (_context is null)
            return Task.Run(work);
        var done = new TaskCompletionSource();
        _context.Post(async _ =>
        {
            try
            {
                await work();
                done.TrySetResult();
            }
            catch (OperationCanceledException canceled)
            {
                done.TrySetCanceled(canceled.CancellationToken);
            }
            catch (Exception error)
            {
                done.TrySetException(error);
            }
        }, null);
        return done.Task;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Moves the clock, firing each timer on the way at its own time.</summary>
    public void Advance(TimeSpan by)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        RunUntilIdle();
        var target = Now + by;
        while (FireNext(target))
            RunUntilIdle();
        lock (_gate)
            _now = target;
        RunUntilIdle();
    }

    /// <summary>Moves the clock to the next timer and fires it; false when none waits.</summary>
    public bool AdvanceToNextTimer()
    {
        RunUntilIdle();
        var fired = FireNext(DateTimeOffset.MaxValue);
        RunUntilIdle();
        return fired;
    }

    /// <summary>Pumped only: runs what is queued, and what that queues, until nothing is left.</summary>
    public void RunUntilIdle()
    {
        if (_context is null)
            return;
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(_context);
        try
        {
            while (true)
            {
                (SendOrPostCallback Callback, object? State) next;
                lock (_gate)
                {
                    if (!_queue.TryDequeue(out next))
                        return;
                }
                next.Callback(next.State);
            }
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    /// <summary>Waits in real time until at least <paramref name="count"/> timers wait; fails after <paramref name="limit"/> (default 10 s).</summary>
    public async Task WaitForTimersAsync(int count = 1, TimeSpan? limit = null)
    {
        var started = System.GetTimestamp();
        while (PendingTimers < count)
        {
            if (System.GetElapsedTime(started) > (limit ?? TimeSpan.FromSeconds(10)))
                throw new TimeoutException($"{count} timers were expected, {PendingTimers} wait.");
            await Task.Delay(2);
        }
    }

    private bool FireNext(DateTimeOffset until)
    {
        ManualTimer timer;
        lock (_gate)
        {
            if (_timers.Min is not { } next || next.Due > until)
                return false;
            timer = next;
            _timers.Remove(timer);
            if (timer.Due > _now)
                _now = timer.Due;
            if (timer.Period > TimeSpan.Zero)
            {
                timer.Due = _now + timer.Period;
                timer.Order = _order++;
                _timers.Add(timer);
            }
        }
        timer.Fire();
        return true;
    }

    private sealed class ManualTimer(ManualScheduler owner, TimerCallback callback, object? state) : ITimer
    {
        public DateTimeOffset Due { get; set; }
        public long Order { get; set; }
        public TimeSpan Period { get; private set; }

        public void Fire()
        {
            if (owner._context is { } context)
                context.Post(_ => callback(state), null);
            else
                callback(state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (owner._gate)
            {
                owner._timers.Remove(this);
                Period = period;
                if (dueTime == Timeout.InfiniteTimeSpan)
                    return true;
                Due = owner._now + dueTime;
                Order = owner._order++;
                owner._timers.Add(this);
                return true;
            }
        }

        public void Dispose()
        {
            lock (owner._gate)
                owner._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }

    private sealed class PumpContext(ManualScheduler owner) : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state)
        {
            lock (owner._gate)
                owner._queue.Enqueue((d, state));
        }

        public override void Send(SendOrPostCallback d, object? state) => d(state);

        public override SynchronizationContext CreateCopy() => this;
    }
}
