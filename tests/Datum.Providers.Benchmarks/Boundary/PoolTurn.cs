using System.Threading.Tasks.Sources;

namespace Datum.Providers.Benchmarks.Boundary;

/// <summary>The floor: a turn through the thread pool and back to the caller with nothing done there, one object for all turns.</summary>
internal sealed class PoolTurn : IThreadPoolWorkItem, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _turn;

    public ValueTask TakeAsync()
    {
        _turn.Reset();
        var version = _turn.Version;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: true);
        return new ValueTask(this, version);
    }

    public void Execute() => _turn.SetResult(true);

    public void GetResult(short token) => _turn.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _turn.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _turn.OnCompleted(continuation, state, token, flags);
}
