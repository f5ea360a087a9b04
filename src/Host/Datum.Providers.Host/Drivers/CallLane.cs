using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Drivers;

/// <summary>
/// Begins the calls of one driver and watches their deadlines (law L9). A call begins on the thread pool, one at a time, so that a driver that
/// blocks before its first await holds one pool thread and no more; once one was seen blocking, calls begin on threads of their own.
/// One timer serves all calls, and only while there are any.
/// </summary>
#pragma warning disable CA1001 // The timer is armed only while calls are under way; unarmed it holds nothing.
internal sealed partial class CallLane
#pragma warning restore CA1001
{
    /// <summary>How often calls under way are looked at: what a call may be given up too late.</summary>
    internal static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    /// <summary>A driver that blocked comes back to the pool after this many calls in a row that didn't.</summary>
    internal const int CallsToTrust = 1000;

    // A first part that saw this many looks is blocking: between one and two periods.
    private const int LooksOfBlocking = 2;

    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly Lock _lock = new();
    private readonly Queue<GuardedWork> _waiting = [];
    private GuardedWork? _first;
    private GuardedWork? _onPool;
    private long _looks;
    private int _calm;
    private bool _armed;
    private volatile bool _blocks;

    public CallLane(TimeProvider time)
    {
        _time = time;
        _timer = time.CreateTimer(static lane => ((CallLane)lane!).Look(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>How often calls have been looked at.</summary>
    internal long Looks => Volatile.Read(ref _looks);

    /// <summary>True while calls begin on threads of their own.</summary>
    internal bool Blocks => _blocks;

    /// <summary>Begins a call; one without end (a feed) is watched only from its cancellation on.</summary>
    public void Begin(GuardedWork work, bool endless)
    {
        var own = false;
        lock (_lock)
        {
            if (!endless)
                Link(work);
            if (_blocks)
                own = true;
            else if (_onPool is null)
                _onPool = work;
            else
            {
                _waiting.Enqueue(work);
                return;
            }
        }

        if (own)
            BeginOnOwnThread(work);
        else
            ThreadPool.UnsafeQueueUserWorkItem(work, preferLocal: true);
    }

    /// <summary>The part of a call before its first await is over (or is never begun); the next one may begin.</summary>
    public void Returned(GuardedWork work, bool ended)
    {
        GuardedWork? next = null;
        lock (_lock)
        {
            if (ended)
                Unlink(work);
            if (ReferenceEquals(_onPool, work))
            {
                _onPool = null;
                if (!_blocks && _waiting.TryDequeue(out next))
                    _onPool = next;
            }
            else if (_blocks)
            {
                _calm = _looks - work.BegunAt < LooksOfBlocking ? _calm + 1 : 0;
                if (_calm >= CallsToTrust && _onPool is null)
                    _blocks = false;
            }
        }

        if (next is not null)
            ThreadPool.UnsafeQueueUserWorkItem(next, preferLocal: true);
    }

    /// <summary>A call that went on after its first await is over.</summary>
    public void Ended(GuardedWork work)
    {
        lock (_lock)
            Unlink(work);
    }

    /// <summary>A call without end was cancelled.</summary>
    public void Watch(GuardedWork work)
    {
        lock (_lock)
            if (work.IsUnderWay)
                Link(work);
    }

    private void Look()
    {
        List<GuardedWork>? givenUp = null;
        GuardedWork[] rescued = [];
        GuardedWork? blocking = null;
        var now = _time.GetUtcNow();
        lock (_lock)
        {
            _looks++;
            if (!_blocks && _onPool is { InDriver: true } first && _looks - first.BegunAt >= LooksOfBlocking)
            {
                (_blocks, _calm, blocking) = (true, 0, first);
                rescued = [.. _waiting];
                _waiting.Clear();
            }

            for (var work = _first; work is not null;)
            {
                var next = work.Next;
                if (work.TryGiveUp(now))
                {
                    Unlink(work);
                    (givenUp ??= []).Add(work);
                }

                work = next;
            }

            // A blocking first part is looked at on, also after its call was given up: the calls behind it wait for that.
            _armed = _first is not null || !_blocks && _onPool is not null;
            if (_armed)
                _timer.Change(Period, Timeout.InfiniteTimeSpan);
        }

        if (blocking is not null)
            LogBlocks(blocking.Logger, blocking.DriverId, blocking.VerbName);
        foreach (var work in rescued)
            BeginOnOwnThread(work);
        if (givenUp is not null)
            foreach (var work in givenUp)
                // Apart, since the caller goes on in there.
                ThreadPool.UnsafeQueueUserWorkItem(static w => w.EndGivenUp(), work, preferLocal: false);
    }

    private static void BeginOnOwnThread(GuardedWork work) =>
        new Thread(static w => ((GuardedWork)w!).Execute()) { IsBackground = true, Name = $"driver/{work.DriverId} call" }.UnsafeStart(work);

    private void Link(GuardedWork work)
    {
        if (work.IsLinked)
            return;
        work.IsLinked = true;
        work.Previous = null;
        work.Next = _first;
        _first?.Previous = work;
        _first = work;
        if (_armed)
            return;
        _armed = true;
        _timer.Change(Period, Timeout.InfiniteTimeSpan);
    }

    private void Unlink(GuardedWork work)
    {
        if (!work.IsLinked)
            return;
        work.IsLinked = false;
        if (work.Previous is { } previous)
            previous.Next = work.Next;
        else
            _first = work.Next;
        work.Next?.Previous = work.Previous;
        (work.Next, work.Previous) = (null, null);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Verb} of driver {Driver} blocks its thread before its first await; the driver's calls begin on threads of their own until they do so no more")]
    private static partial void LogBlocks(ILogger logger, string driver, string verb);
}
