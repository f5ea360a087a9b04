using System.Collections.Concurrent;
using System.Text.Json;
using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Instances;

/// <summary>
/// Pulls of one session. Podman ends a pull when its connection ends, and a pull may take longer than a call, so the session owns the
/// open answer: a call waits a moment, later calls look, and disposing the session ends it. Between two lines nothing runs.
/// </summary>
internal sealed class ImagePulls(LibpodClient podman) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Pull> _pulls = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _ended = new();
    // Each pull holds a connection; the others are for everything else.
    private readonly SemaphoreSlim _slots = new(4);
    private int _disposed;

    /// <summary>The pull of a reference that was started and neither failed nor forgotten; its result is null on success.</summary>
    public Task<DriverError?>? Running(string reference) =>
        _pulls.TryGetValue(reference, out var pull) && !pull.Result.IsCompleted ? pull.Result : null;

    /// <summary>Why the last pull of a reference failed; null when it didn't.</summary>
    public DriverError? LastFailure(string reference) =>
        _pulls.TryGetValue(reference, out var pull) && pull.Result is { IsCompletedSuccessfully: true, Result: { } error } ? error : null;

    /// <summary>Joins the pull that runs, or starts one.</summary>
    public Task<DriverError?> Start(string reference, string? registryAuth, string callId)
    {
        while (true)
        {
            if (_pulls.TryGetValue(reference, out var known))
            {
                if (!known.Result.IsCompleted)
                    return known.Result;
                _pulls.TryRemove(new KeyValuePair<string, Pull>(reference, known));
            }

            var pull = new Pull();
            if (!_pulls.TryAdd(reference, pull))
                continue;
            _ = RunAsync(pull, reference, registryAuth, callId);
            return pull.Result;
        }
    }

    /// <summary>Forgets a pull that ended, once its image was seen.</summary>
    public void Forget(string reference)
    {
        if (_pulls.TryGetValue(reference, out var pull) && pull.Result.IsCompleted)
            _pulls.TryRemove(new KeyValuePair<string, Pull>(reference, pull));
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await _ended.CancelAsync();
        foreach (var pull in _pulls.Values)
            await pull.Result;
        _ended.Dispose();
        _slots.Dispose();
    }

    private async Task RunAsync(Pull pull, string reference, string? registryAuth, string callId)
    {
        DriverError? error = null;
        var (ended, held) = (false, false);
        var call = new Call { Cancellation = _ended.Token, Deadline = DateTimeOffset.MaxValue, Id = callId };
        try
        {
            await _slots.WaitAsync(_ended.Token);
            held = true;
            await foreach (var line in podman.PullAsync(call, reference, registryAuth))
            {
                if (Text(line, "error") is { Length: > 0 } message)
                    error = LibpodErrors.Pull.Classify(0, new ErrorDetail { Message = message }, mutation: true) with { Effect = Effect.NotApplied };
                ended |= line.ValueKind == JsonValueKind.Object && line.TryGetProperty("id", out _);
            }

            if (!ended && error is null)
                error = Broken("The pull's answer ended before the image was there.");
        }
        catch (DriverException e)
        {
            // What a pull left behind is layers in the image store, never something of ours.
            error = e.Error with { Effect = Effect.NotApplied };
        }
        catch (OperationCanceledException)
        {
            error = Broken("The session ended before the pull did.");
        }
        catch (Exception e)
        {
            error = new DriverError { Code = ErrorCode.Bug, Effect = Effect.NotApplied, Message = $"The pull failed: {e.GetType().Name}." };
        }

        if (held)
            _slots.Release();
        pull.Source.SetResult(error);
    }

    private static DriverError Broken(string message) => new() { Code = ErrorCode.Unavailable, Effect = Effect.NotApplied, Message = message };

    private static string? Text(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private sealed class Pull
    {
        public TaskCompletionSource<DriverError?> Source { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<DriverError?> Result => Source.Task;
    }
}
