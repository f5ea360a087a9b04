using Microsoft.Extensions.Logging;

namespace Datum.Providers.Kubernetes.Controllers;

/// <summary>What a reconcile that didn't fail wants next.</summary>
public readonly record struct Result
{
    /// <summary>Look again after this long, also if nothing changes. Null: only when something changes.</summary>
    public TimeSpan? RequeueAfter { get; init; }

    /// <summary>Nothing until something changes.</summary>
    public static Result Settled => default;

    public static Result After(TimeSpan delay) => new() { RequeueAfter = delay };
}

/// <summary>Something that runs until it is cancelled.</summary>
public interface IController
{
    string Name { get; }

    /// <summary>Runs until cancelled and returns, without an exception, when the last reconcile has ended.</summary>
    Task RunAsync(CancellationToken cancellation);
}

public sealed record ControllerOptions
{
    /// <summary>How many keys are processed at once.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Delays after a conflict, which is no error: somebody else was faster.</summary>
    public Backoff Conflict { get; init; } = new() { First = TimeSpan.FromMilliseconds(20), Max = TimeSpan.FromSeconds(2) };
}

/// <summary>
/// Takes keys from a queue and reconciles them. An exception puts the key back with a growing delay and is logged; a conflict
/// is retried soon without a log entry above debug. One key's failure never ends a worker (law L9).
/// </summary>
public sealed partial class Controller<TKey> : IController where TKey : notnull
{
    private readonly Func<TKey, CancellationToken, Task<Result>> _reconcile;
    private readonly IScheduler _scheduler;
    private readonly ILogger _logger;
    private readonly ControllerOptions _options;

    public Controller(
        string name,
        WorkQueue<TKey> queue,
        Func<TKey, CancellationToken, Task<Result>> reconcile,
        IScheduler scheduler,
        ILogger logger,
        ControllerOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(queue);
        ArgumentNullException.ThrowIfNull(reconcile);
        ArgumentNullException.ThrowIfNull(scheduler);
        ArgumentNullException.ThrowIfNull(logger);
        Name = name;
        Queue = queue;
        _reconcile = reconcile;
        _scheduler = scheduler;
        _logger = logger;
        _options = options ?? new();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.Workers, 1);
    }

    public string Name { get; }

    public WorkQueue<TKey> Queue { get; }

    public Task RunAsync(CancellationToken cancellation) =>
        Task.WhenAll(Enumerable.Range(0, _options.Workers).Select(_ => _scheduler.Run(() => WorkAsync(cancellation))));

    private async Task WorkAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            TKey key;
            try
            {
                key = await Queue.TakeAsync(cancellation);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (ObjectDisposedException)
            {
                return;
            }

            try
            {
                await ProcessAsync(key, cancellation);
            }
            finally
            {
                Queue.Done(key);
            }
        }
    }

    private async Task ProcessAsync(TKey key, CancellationToken cancellation)
    {
        var started = _scheduler.Time.GetTimestamp();
        var outcome = "success";
        try
        {
            var result = await _reconcile(key, cancellation);
            Queue.Forget(key);
            if (result.RequeueAfter is { } after)
                Queue.AddAfter(key, after);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Whoever runs the queue next finds the key.
            outcome = "cancelled";
            Queue.Add(key, WorkPriority.Retry);
        }
        catch (KubernetesException error) when (error.IsConflict)
        {
            outcome = "conflict";
            Queue.AddBackoff(key, _options.Conflict, error.RetryAfter);
            LogConflict(Name, key, error.Message);
        }
        catch (Exception error)
        {
            outcome = "error";
            var delay = Queue.AddBackoff(key, atLeast: (error as KubernetesException)?.RetryAfter);
            LogFailed(error, Name, key, Queue.Failures(key), delay);
        }

        ControllerMetrics.Duration.Record(
            _scheduler.Time.GetElapsedTime(started).TotalSeconds, new("controller", Name), new KeyValuePair<string, object?>("result", outcome));
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Controller}: {Key} changed meanwhile, trying again: {Reason}")]
    private partial void LogConflict(string controller, TKey key, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Controller}: {Key} failed {Failures} times in a row, next try after {Delay}")]
    private partial void LogFailed(Exception error, string controller, TKey key, int failures, TimeSpan delay);
}
