using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Drivers;

/// <summary>One call under way, as its <see cref="CallLane"/> sees it.</summary>
internal abstract class GuardedWork(GuardedCall guard) : IThreadPoolWorkItem
{
    private const int Queued = 0;
    private const int Running = 1;
    private const int Over = 2;
    private const int GivenUp = 3;

    private int _state;
    private DateTimeOffset _giveUpAt;

    /// <summary>Links of the lane's list; under the lane's lock.</summary>
    internal GuardedWork? Next { get; set; }

    internal GuardedWork? Previous { get; set; }

    internal bool IsLinked { get; set; }

    /// <summary>The lane's look at which the driver was called.</summary>
    internal long BegunAt { get; private set; }

    /// <summary>True while the driver's part before its first await runs.</summary>
    internal bool InDriver { get => Volatile.Read(ref field); private protected set => Volatile.Write(ref field, value); }

    internal bool IsUnderWay => Volatile.Read(ref _state) is Queued or Running;

    internal bool WasGivenUp => Volatile.Read(ref _state) == GivenUp;

    internal ILogger Logger => Guard.Logger;

    internal string DriverId => Guard.DriverId;

    internal abstract string VerbName { get; }

    protected GuardedCall Guard { get; } = guard;

    protected CallLimit Limit { get; private set; }

    /// <summary>Set when the call was given up: whether the driver had been called.</summary>
    protected bool HadBegun { get; private set; }

    public abstract void Execute();

    /// <summary>Tells the caller that the call was given up.</summary>
    internal abstract void EndGivenUp();

    /// <summary>Gives the call up if its time is over: deadline or cancellation, then the grace, since its own answer says more than ours.</summary>
    internal bool TryGiveUp(DateTimeOffset now)
    {
        if (_giveUpAt == default)
        {
            if (now >= Limit.Deadline)
                _giveUpAt = Limit.Deadline + Guard.Grace;
            else if (Limit.Cancellation.IsCancellationRequested)
                _giveUpAt = now + Guard.Grace;
            else
                return false;
        }

        if (now < _giveUpAt)
            return false;
        if (Interlocked.CompareExchange(ref _state, GivenUp, Queued) == Queued)
            return true;
        if (Interlocked.CompareExchange(ref _state, GivenUp, Running) != Running)
            return false;
        HadBegun = true;
        Guard.Abandon();
        return true;
    }

    protected void Prepare(CallLimit limit)
    {
        Limit = limit;
        _giveUpAt = default;
        Volatile.Write(ref _state, Queued);
    }

    /// <summary>False when the call was given up before the driver was called.</summary>
    protected bool TryBegin()
    {
        BegunAt = Guard.Lane.Looks;
        return Interlocked.CompareExchange(ref _state, Running, Queued) == Queued;
    }

    /// <summary>False when the call was given up meanwhile.</summary>
    protected bool TryEnd() => Interlocked.CompareExchange(ref _state, Over, Running) == Running;
}

/// <summary>
/// One call: what the pool runs and what the caller waits for. It goes back to its <see cref="GuardedPort{TArguments,TAnswer,TResult}"/> when
/// the caller has taken the result, unless it was given up: then the driver may still hold it.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The registration is let go when the call ends.")]
internal sealed class GuardedWork<TArguments, TAnswer, TResult> : GuardedWork, IValueTaskSource<TResult>
{
    private static readonly ContextCallback s_start = static work => ((GuardedWork<TArguments, TAnswer, TResult>)work!).Start();

    private readonly GuardedPort<TArguments, TAnswer, TResult> _port;
    private readonly Action _moved;
    private ManualResetValueTaskSourceCore<TResult> _result;
    private ConfiguredValueTaskAwaitable<TAnswer>.ConfiguredValueTaskAwaiter _awaiter;
    private CancellationTokenRegistration _cancelled;
    private TArguments _arguments = default!;
    private Guarded<TAnswer> _answer;
    private ExecutionContext? _context;
    private int _follows;
    private bool _deliver;

    internal GuardedWork(GuardedPort<TArguments, TAnswer, TResult> port, GuardedCall guard) : base(guard)
    {
        _port = port;
        _moved = Moved;
    }

    internal override string VerbName => _port.Verb.Name;

    internal ValueTask<TResult> Begin(in TArguments arguments, CallLimit limit)
    {
        Prepare(limit);
        (_arguments, _answer, _deliver) = (arguments, default, false);
        // Traces and scopes go with the call, as they would without the guard.
        _context = ExecutionContext.Capture();
        // Before the call begins, since it may be over at once.
        var version = _result.Version;
        var endless = limit.Deadline == DateTimeOffset.MaxValue;
        if (endless)
            _cancelled = limit.Cancellation.UnsafeRegister(static work => Cancelled((GuardedWork)work!), this);
        Guard.Lane.Begin(this, endless);
        return new ValueTask<TResult>(this, version);
    }

    public override void Execute()
    {
        if (_deliver)
        {
            Settle(_answer);
            return;
        }

        // Before the call may count as begun: one that is given up in between would otherwise reach the platform unseen (law L10).
        Guard.Marks?.Began();
        if (!TryBegin())
        {
            Guard.Marks?.Ended();
            Guard.Lane.Returned(this, ended: false);
        }
        else if (_context is null)
            Start();
        else
            ExecutionContext.Run(_context, s_start, this);
    }

    internal override void EndGivenUp()
    {
        _cancelled.Unregister();
        Settle(HadBegun
            ? new Guarded<TAnswer>(default, GuardFault.Abandoned, "didn't return by its deadline and was given up", null)
            : new Guarded<TAnswer>(default, GuardFault.NotBegun, "wasn't begun by its deadline, since the driver blocks its calls", null));
    }

    // Nothing of this object is touched after the last call in here: by then it may serve another call.
    private void Start()
    {
        bool over;
        InDriver = true;
        try
        {
#pragma warning disable CA2012 // Consumed once: here, or by Moved.
            _awaiter = _port.Verb.Start(_arguments).ConfigureAwait(false).GetAwaiter();
#pragma warning restore CA2012
            over = _awaiter.IsCompleted;
            if (over)
                _answer = new Guarded<TAnswer>(_awaiter.GetResult(), GuardFault.Unknown, null, null);
        }
        catch (Exception e)
        {
            over = true;
            _answer = Guard.Caught<TAnswer>(e, Limit);
        }

        InDriver = false;
        Guard.Lane.Returned(this, over);
        if (over)
            End(deliver: Thread.CurrentThread.IsThreadPoolThread);
        else
            Follow();
    }

    private void Follow()
    {
        // Copied, since the call may be over, and another one in here, before this returns.
        var (awaiter, life) = (_awaiter, _result.Version);
        Volatile.Write(ref _follows, 1);
        try
        {
            awaiter.UnsafeOnCompleted(_moved);
        }
        catch (Exception e) when (life == _result.Version)
        {
            Take(new Guarded<TAnswer>(default, GuardFault.Exception, Guard.Caught<TAnswer>(e, Limit).Text, null));
        }
    }

    // Runs wherever the driver ended its work: on its stack, maybe inside a lock of its own.
    private void Moved()
    {
        Guarded<TAnswer> answer;
        try
        {
            // A source that calls back too often, or for a call before, ends nothing.
            if (Volatile.Read(ref _follows) == 0 || !_awaiter.IsCompleted)
                return;
            answer = new Guarded<TAnswer>(_awaiter.GetResult(), GuardFault.Unknown, null, null);
        }
        catch (Exception e)
        {
            answer = Guard.Caught<TAnswer>(e, Limit);
        }

        Take(answer);
    }

    private void Take(in Guarded<TAnswer> answer)
    {
        if (Interlocked.Exchange(ref _follows, 0) == 0)
            return;
        _answer = answer;
        End(deliver: false);
    }

    private void End(bool deliver)
    {
        Guard.Marks?.Ended();
        _cancelled.Unregister();
        if (!TryEnd())
        {
            EndLate();
            return;
        }

        if (deliver)
        {
            Settle(_answer);
            return;
        }

        Guard.Lane.Ended(this);
        // The caller never goes on from the driver's stack, nor on a thread that is the driver's.
        _deliver = true;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: true);
    }

    private void Settle(Guarded<TAnswer> answer)
    {
        TResult result;
        try
        {
            if (answer.Fault is GuardFault.Abandoned or GuardFault.NotBegun)
                Guard.ReportGivenUp(VerbName, answer.Fault == GuardFault.Abandoned);
            else if (answer.Fault != GuardFault.Unknown)
                Guard.Report(VerbName, answer.Fault, answer.Text!);
            result = Finish(answer);
        }
        catch (Exception e)
        {
            _result.SetException(e);
            return;
        }

        _result.SetResult(result);
    }

    private TResult Finish(in Guarded<TAnswer> answer)
    {
        try
        {
            return _port.Verb.Finish(Guard, _arguments, answer);
        }
        catch (Exception e) when (e is not DriverException)
        {
            var unreadable = Guard.Caught<TAnswer>(e, Limit) with { Fault = GuardFault.Invalid };
            Guard.Report(VerbName, GuardFault.Invalid, unreadable.Text!);
            return _port.Verb.Finish(Guard, _arguments, unreadable);
        }
    }

    private void EndLate()
    {
        Guard.Return();
        Guard.ReportLate(VerbName, _answer.Text ?? "an answer, which is dropped");
        if (_answer.Fault == GuardFault.Unknown && _port.Verb.Late is { } late)
            _ = Guard.LateAsync(VerbName, _answer.Value!, late);
    }

    private static void Cancelled(GuardedWork work) => ((GuardedWork<TArguments, TAnswer, TResult>)work).Guard.Lane.Watch(work);

    TResult IValueTaskSource<TResult>.GetResult(short token)
    {
        if (_result.GetStatus(token) == ValueTaskSourceStatus.Pending || WasGivenUp)
            return _result.GetResult(token);
        try
        {
            return _result.GetResult(token);
        }
        finally
        {
            _result.Reset();
            (_arguments, _answer, _awaiter, _context, _cancelled) = (default!, default, default, null, default);
            _port.TakeBack(this);
        }
    }

    ValueTaskSourceStatus IValueTaskSource<TResult>.GetStatus(short token) => _result.GetStatus(token);

    void IValueTaskSource<TResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _result.OnCompleted(continuation, state, token, flags);
}
