namespace Datum.Providers.Kubernetes.Controllers;

/// <content>Stopping for a while, or for good.</content>
public sealed partial class WorkQueue<TKey>
{
    /// <summary>Hands out nothing until <see cref="Resume"/>. What is added meanwhile is kept.</summary>
    public void Suspend()
    {
        lock (_gate)
            _suspended = true;
    }

    public void Resume()
    {
        lock (_gate)
        {
            _suspended = false;
            HandOut();
        }
    }

    /// <summary>Suspends, and completes once nothing is being processed.</summary>
    public Task DrainAsync()
    {
        lock (_gate)
        {
            _suspended = true;
            if (_processing == 0)
                return Task.CompletedTask;
            var drain = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _drains.Add(drain);
            return drain.Task;
        }
    }
}
