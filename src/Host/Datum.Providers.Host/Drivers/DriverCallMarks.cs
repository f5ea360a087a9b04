namespace Datum.Providers.Host.Drivers;

/// <summary>Told when a call of a driver begins and when it has really ended, which for one that was given up is later than its answer.</summary>
public interface IDriverCallMarks
{
    void Began();

    void Ended();
}

/// <summary>Counts the calls that run, so that the lease isn't given back while one that was given up may still change something (law L10).</summary>
internal sealed class RunningCalls : IDriverCallMarks
{
    private TaskCompletionSource? _idle;
    private int _running;

    public void Began() => Interlocked.Increment(ref _running);

    public void Ended()
    {
        if (Interlocked.Decrement(ref _running) == 0)
            Interlocked.Exchange(ref _idle, null)?.TrySetResult();
    }

    /// <summary>Completes when none runs.</summary>
    public Task IdleAsync()
    {
        var idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        idle = Interlocked.CompareExchange(ref _idle, idle, null) ?? idle;
        // The last one may have ended before it could see who waits.
        if (Volatile.Read(ref _running) == 0)
        {
            Interlocked.CompareExchange(ref _idle, null, idle);
            idle.TrySetResult();
        }

        return idle.Task;
    }
}
