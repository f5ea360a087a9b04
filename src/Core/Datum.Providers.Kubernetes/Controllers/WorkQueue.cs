namespace Datum.Providers.Kubernetes.Controllers;

/// <summary>
/// Keys that want to be processed. Its one promise: a key is never processed twice at once, and an
/// <see cref="Add"/> during processing isn't lost but processed once more afterwards.
/// </summary>
/// <remarks>
/// A key is handed out by <see cref="TakeAsync"/> and given back by <see cref="Done"/>. A delay that waits when its key is taken
/// is dropped: whoever processes the key now decides anew when to look again. Thread-safe.
/// </remarks>
public sealed partial class WorkQueue<TKey> : IDisposable where TKey : notnull
{
    private static readonly WorkPriority[] s_changesFirst = [WorkPriority.Change, WorkPriority.Retry, WorkPriority.Resync];
    private static readonly WorkPriority[] s_retriesFirst = [WorkPriority.Retry, WorkPriority.Change, WorkPriority.Resync];
    private static readonly WorkPriority[] s_resyncsFirst = [WorkPriority.Resync, WorkPriority.Retry, WorkPriority.Change];

    private readonly Lock _gate = new();
    private readonly IScheduler _scheduler;
    private readonly WorkQueueOptions<TKey> _options;
    private readonly KeyValuePair<string, object?> _tag;
    private readonly Dictionary<TKey, Entry> _entries;
    private readonly FairLanes<Entry>[] _ready = [.. Enum.GetValues<WorkPriority>().Select(_ => new FairLanes<Entry>())];
    private readonly PriorityQueue<(Entry Entry, long Ticket), (DateTimeOffset Due, long Order)> _delays = new();
    private readonly LinkedList<TaskCompletionSource<TKey>> _waiters = new();
    private readonly List<TaskCompletionSource> _drains = [];
    private readonly ITimer _timer;
    private DateTimeOffset? _timerDue;
    private long _order;
    private int _depth;
    private int _delayed;
    private int _processing;
    private int _handedOut;
    private bool _suspended;
    private bool _disposed;

    public WorkQueue(IScheduler scheduler, WorkQueueOptions<TKey> options)
    {
        ArgumentNullException.ThrowIfNull(scheduler);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.LowPriorityShare, 2);
        _scheduler = scheduler;
        _options = options;
        _tag = new("queue", options.Name);
        _entries = new(options.Comparer);
        _timer = scheduler.Time.CreateTimer(static state => ((WorkQueue<TKey>)state!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Keys that wait, without those that wait for a time.</summary>
    public int Depth { get { lock (_gate) return _depth; } }

    /// <summary>Keys that wait for a time.</summary>
    public int Delayed { get { lock (_gate) return _delayed; } }

    /// <summary>Keys that were taken and not given back.</summary>
    public int Processing { get { lock (_gate) return _processing; } }

    /// <summary>The keys that the queue knows anything of; an idle queue without failures has none.</summary>
    public int Known { get { lock (_gate) return _entries.Count; } }

    public bool IsSuspended { get { lock (_gate) return _suspended; } }

    /// <summary>Wants a key processed as soon as its turn comes. A key that waits already keeps its place, or gets the better one.</summary>
    public void Add(TKey key, WorkPriority priority = WorkPriority.Change)
    {
        lock (_gate)
        {
            if (!_disposed)
                AddCore(EntryOf(key), priority);
        }
    }

    /// <summary>Wants a key processed after a delay; of several delays the shortest counts.</summary>
    public void AddAfter(TKey key, TimeSpan delay, WorkPriority priority = WorkPriority.Retry)
    {
        lock (_gate)
        {
            if (_disposed)
                return;
            var entry = EntryOf(key);
            if (delay <= TimeSpan.Zero)
                AddCore(entry, priority);
            else
                DelayCore(entry, _scheduler.Time.GetUtcNow() + delay, priority);
        }
    }

    /// <summary>Wants a key processed after a delay that grows with every call until <see cref="Forget"/>; returns the delay.</summary>
    /// <param name="backoff">Null uses the queue's own.</param>
    /// <param name="atLeast">What a server asked for.</param>
    public TimeSpan AddBackoff(TKey key, Backoff? backoff = null, TimeSpan? atLeast = null)
    {
        var random = _scheduler.NextRandom();
        lock (_gate)
        {
            if (_disposed)
                return TimeSpan.Zero;
            var entry = EntryOf(key);
            var delay = (backoff ?? _options.Backoff).Delay(entry.Failures, random);
            if (atLeast > delay)
                delay = atLeast.Value;
            entry.Failures++;
            ControllerMetrics.Retries.Add(1, _tag);
            DelayCore(entry, _scheduler.Time.GetUtcNow() + delay, WorkPriority.Retry);
            return delay;
        }
    }

    /// <summary>How often <see cref="AddBackoff"/> was called since the last <see cref="Forget"/>.</summary>
    public int Failures(TKey key)
    {
        lock (_gate)
            return _entries.TryGetValue(key, out var entry) ? entry.Failures : 0;
    }

    /// <summary>Starts the key's delays from the beginning. It stays in the queue if it is there.</summary>
    public void Forget(TKey key)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(key, out var entry))
                return;
            entry.Failures = 0;
            DropIfIdle(entry);
        }
    }

    /// <summary>Waits for a key. Whoever gets one must call <see cref="Done"/>.</summary>
    public Task<TKey> TakeAsync(CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
            return Task.FromCanceled<TKey>(cancellation);

        TaskCompletionSource<TKey> waiter;
        LinkedListNode<TaskCompletionSource<TKey>> node;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            waiter = new(TaskCreationOptions.RunContinuationsAsynchronously);
            node = _waiters.AddLast(waiter);
            HandOut();
        }

        if (!waiter.Task.IsCompleted && cancellation.CanBeCanceled)
        {
            var registration = cancellation.Register(() =>
            {
                lock (_gate)
                {
                    // A waiter leaves the list when it gets its key: then it's too late to cancel and the key isn't lost.
                    if (node.List is null)
                        return;
                    _waiters.Remove(node);
                }
                waiter.TrySetCanceled(cancellation);
            });
            waiter.Task.ContinueWith(static (_, state) => ((CancellationTokenRegistration)state!).Dispose(), registration,
                CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        return waiter.Task;
    }

    /// <summary>Gives a key back. If it was added meanwhile it waits again.</summary>
    public void Done(TKey key)
    {
        TaskCompletionSource[] drained = [];
        lock (_gate)
        {
            if (!_entries.TryGetValue(key, out var entry) || !entry.Processing)
                throw new InvalidOperationException($"The key {key} was given back without having been taken.");
            entry.Processing = false;
            _processing--;
            Left(entry);
            if (entry.Again is { } priority)
            {
                entry.Again = null;
                AddCore(entry, priority);
            }
            else
            {
                DropIfIdle(entry);
            }

            HandOut();
            if (_processing == 0 && _drains.Count > 0)
            {
                drained = [.. _drains];
                _drains.Clear();
            }
        }

        foreach (var drain in drained)
            drain.TrySetResult();
    }

    /// <summary>Forgets everything and cancels who waits. Adds are ignored from now on.</summary>
    public void Dispose()
    {
        List<TaskCompletionSource<TKey>> waiters;
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            waiters = [.. _waiters];
            _waiters.Clear();
            ControllerMetrics.Depth.Add(-_depth, _tag);
            ControllerMetrics.Delayed.Add(-_delayed, _tag);
            _depth = _delayed = 0;
            _delays.Clear();
            _closed.Clear();
        }

        _timer.Dispose();
        foreach (var waiter in waiters)
            waiter.TrySetCanceled(CancellationToken.None);
    }

    private Entry EntryOf(TKey key)
    {
        if (!_entries.TryGetValue(key, out var entry))
            _entries[key] = entry = new Entry(key, LaneOf(_options.Lane?.Invoke(key) ?? ""));
        return entry;
    }

    private void AddCore(Entry entry, WorkPriority priority)
    {
        if (entry.Processing)
        {
            if (entry.Again is null || entry.Again < priority)
                entry.Again = priority;
            return;
        }

        if (entry.Queued is { } current)
        {
            if (priority <= current)
                return;
        }
        else
        {
            entry.Since = _scheduler.Time.GetTimestamp();
            if (_options.Lane is { } lane)
                entry.Lane = LaneOf(lane(entry.Key));
            _depth++;
            ControllerMetrics.Depth.Add(1, _tag);
        }

        entry.Queued = priority;
        // The place at a lower priority becomes stale; FairLanes skips it by its ticket.
        entry.Ticket = ++_order;
        _ready[(int)priority].Add(entry.Lane.Name, entry, entry.Ticket);
        HandOut();
    }

    private void DelayCore(Entry entry, DateTimeOffset due, WorkPriority priority)
    {
        if (entry.Due is { } known)
        {
            if (priority > entry.DuePriority)
                entry.DuePriority = priority;
            if (known <= due)
                return;
        }
        else
        {
            entry.DuePriority = priority;
            _delayed++;
            ControllerMetrics.Delayed.Add(1, _tag);
        }

        entry.Due = due;
        entry.DueTicket = ++_order;
        _delays.Enqueue((entry, entry.DueTicket), (due, entry.DueTicket));
        Arm();
    }

    private void CancelDelay(Entry entry)
    {
        if (entry.Due is null)
            return;
        entry.Due = null;
        entry.DueTicket = 0;
        _delayed--;
        ControllerMetrics.Delayed.Add(-1, _tag);

        // Cancelled places stay in the heap until their time; more of them than twice the live ones are cleared away.
        if (_delays.Count > 64 && _delays.Count > 2 * _delayed)
        {
            var live = _delays.UnorderedItems.Where(i => i.Element.Entry.DueTicket == i.Element.Ticket).ToList();
            _delays.Clear();
            _delays.EnqueueRange(live);
        }
    }

    private void OnTimer()
    {
        lock (_gate)
        {
            if (_disposed)
                return;
            _timerDue = null;
            var now = _scheduler.Time.GetUtcNow();
            while (_delays.TryPeek(out var next, out var at))
            {
                var stale = next.Entry.DueTicket != next.Ticket;
                if (!stale && at.Due > now)
                    break;
                _delays.Dequeue();
                if (stale)
                    continue;
                var priority = next.Entry.DuePriority;
                CancelDelay(next.Entry);
                AddCore(next.Entry, priority);
            }

            if (OpenLanes(now))
                HandOut();
            Arm();
        }
    }

    private void Arm()
    {
        while (_delays.TryPeek(out var first, out _) && first.Entry.DueTicket != first.Ticket)
            _delays.Dequeue();
        while (_closed.TryPeek(out var lane, out var opens) && lane.OpenAt != opens)
            _closed.Dequeue();
        DateTimeOffset? due = _delays.TryPeek(out _, out var at) ? at.Due : null;
        if (_closed.TryPeek(out _, out var open) && (due is null || open < due))
            due = open;
        if (due is not { } next || next == _timerDue)
            return;
        _timerDue = next;
        var wait = next - _scheduler.Time.GetUtcNow();
        // Timers take at most about 49 days, and a real timer may fire a little early: it is armed again then.
        wait = wait < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : wait > TimeSpan.FromDays(1) ? TimeSpan.FromDays(1) : wait;
        _timer.Change(wait, Timeout.InfiniteTimeSpan);
    }

    private void HandOut()
    {
        while (!_suspended && !_disposed && _depth > 0 && _waiters.First is { } waiter && Next() is { } entry)
        {
            entry.Queued = null;
            entry.Processing = true;
            entry.Lane.Processing++;
            _depth--;
            _processing++;
            CancelDelay(entry);
            ControllerMetrics.Depth.Add(-1, _tag);
            ControllerMetrics.Age.Record(_scheduler.Time.GetElapsedTime(entry.Since).TotalSeconds, _tag);
            _waiters.Remove(waiter);
            waiter.Value.SetResult(entry.Key);
        }
    }

    /// <summary>The key whose turn it is; null when no lane that has one may enter.</summary>
    private Entry? Next()
    {
        foreach (var priority in Order())
        {
            if (!_ready[(int)priority].TryTake((Queue: this, Priority: priority), static (state, entry, ticket) => entry.Queued == state.Priority && entry.Ticket == ticket,
                static (state, entry) => state.Queue.MayEnter(entry), out var found))
                continue;
            _handedOut++;
            return found;
        }

        return null;
    }

    private WorkPriority[] Order()
    {
        // Half a share after the lowest it's the turn of those in between, which would otherwise wait for both.
        var place = (_handedOut + 1) % _options.LowPriorityShare;
        return place == 0 ? s_resyncsFirst : place == _options.LowPriorityShare / 2 && place > 1 ? s_retriesFirst : s_changesFirst;
    }

    private void DropIfIdle(Entry entry)
    {
        if (entry is { Processing: false, Queued: null, Due: null, Failures: 0 })
            _entries.Remove(entry.Key);
    }
}
