namespace Datum.Providers.Host.Drivers;

/// <summary>Told when a call of a driver begins and when it has really ended, which for one that was given up is later than its answer.</summary>
public interface IDriverCallMarks
{
    void Began();

    void Ended();
}

/// <summary>One call: <c>using var mark = CallMark.Of(marks);</c> around the driver's code. Costs nothing where nobody wants to know.</summary>
internal readonly struct CallMark : IDisposable
{
    private readonly IDriverCallMarks? _marks;

    private CallMark(IDriverCallMarks? marks) => _marks = marks;

    public static CallMark Of(IDriverCallMarks? marks)
    {
        marks?.Began();
        return new CallMark(marks);
    }

    public void Dispose() => _marks?.Ended();
}

/// <summary>Counts the calls that run, so that the lease isn't given back while one that was given up may still change something (law L10).</summary>
internal sealed class RunningCalls : IDriverCallMarks
{
    private readonly Lock _lock = new();
    private TaskCompletionSource _idle = Completed();
    private int _running;

    public void Began()
    {
        lock (_lock)
            if (_running++ == 0)
                _idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    public void Ended()
    {
        lock (_lock)
            if (--_running == 0)
                _idle.SetResult();
    }

    /// <summary>Completes when none runs.</summary>
    public Task IdleAsync()
    {
        lock (_lock)
            return _idle.Task;
    }

    private static TaskCompletionSource Completed()
    {
        var source = new TaskCompletionSource();
        source.SetResult();
        return source;
    }
}
