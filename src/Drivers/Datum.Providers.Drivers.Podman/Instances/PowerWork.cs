using System.Collections.Concurrent;
using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Instances;

/// <summary>
/// Stops and restarts of one session. Podman asks the guest, waits its grace and kills it while the request stays open, which may take longer than
/// a call: so the session owns the open requests, later calls and looks see how far they are, and disposing the session ends them (DC-10).
/// </summary>
internal sealed class PowerWork(LibpodClient podman) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Work> _works = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _ended = new();
    private int _disposed;

    /// <summary>The last work on a pod; null when there was none in this session.</summary>
    public Work? Of(string podId) => _works.GetValueOrDefault(podId);

    /// <summary>True while the containers of a pod are asked to stop.</summary>
    public bool IsRunning(string podId) => Of(podId) is { Result.IsCompleted: false };

    /// <summary>Begins work, unless other work goes on there: then it is that which is returned.</summary>
    public Work Start(string podId, string token, PowerAction action, IReadOnlyList<ContainerInspect> containers, string callId)
    {
        while (true)
        {
            var known = Of(podId);
            if (known is { Result.IsCompleted: false })
                return known;
            var work = new Work(token, action);
            if (known is null ? !_works.TryAdd(podId, work) : !_works.TryUpdate(podId, work, known))
                continue;
            _ = RunAsync(work, containers, callId);
            return work;
        }
    }

    /// <summary>Forgets a pod that is gone.</summary>
    public void Forget(string podId) => _works.TryRemove(podId, out _);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await _ended.CancelAsync();
        foreach (var work in _works.Values)
            await work.Result;
        _ended.Dispose();
    }

    private async Task RunAsync(Work work, IReadOnlyList<ContainerInspect> containers, string callId)
    {
        DriverError? error = null;
        var call = new Call { Cancellation = _ended.Token, Deadline = DateTimeOffset.MaxValue, Id = callId };
        try
        {
            // All at once: each has its grace, not the sum of them.
            var requests = containers.Select(c => work.Action == PowerAction.Restart
                ? podman.RestartContainerAsync(call, c.Id, c.Config?.StopTimeout ?? 0).AsTask()
                : podman.StopContainerAsync(call, c.Id, c.Config?.StopTimeout ?? 0).AsTask()).ToList();
            foreach (var result in await Task.WhenAll(requests))
                // 409 and 404: it ended, or was removed, since it was read.
                if (result is { Error: { } failed, NotFound: false } && (result.Status != 409 || work.Action == PowerAction.Restart))
                    error ??= failed;
        }
        catch (OperationCanceledException)
        {
            error = new DriverError { Code = ErrorCode.Unavailable, Effect = Effect.Unknown, Message = "The session ended before the containers did." };
        }
        catch (Exception e)
        {
            error = new DriverError { Code = ErrorCode.Bug, Effect = Effect.Unknown, Message = $"Power failed: {e.GetType().Name}." };
        }

        work.Source.SetResult(error);
    }

    /// <summary>One stop or restart; its result is null on success.</summary>
    public sealed class Work(string token, PowerAction action)
    {
        public string Token { get; } = token;

        public PowerAction Action { get; } = action;

        public TaskCompletionSource<DriverError?> Source { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<DriverError?> Result => Source.Task;
    }
}
