namespace Datum.Providers.Host.Drivers;

/// <summary>
/// A feed of hints, guarded. Whatever is wrong with it ends the stream, which the host answers by listing; a feed has no deadline, only cancellation.
/// </summary>
internal sealed class GuardedChangeFeed : IChangeFeed
{
    private readonly IChangeFeed _inner;
    private readonly GuardedCall _guard;

    internal GuardedChangeFeed(IChangeFeed inner, GuardedCall guard)
    {
        _inner = inner;
        _guard = guard;
    }

    public async IAsyncEnumerable<Change> WatchAsync(Call call)
    {
        var opened = await _guard.RunAsync(nameof(WatchAsync), Endless(call),
            () => Task.FromResult(_inner.WatchAsync(call).GetAsyncEnumerator(call.Cancellation)));
        if (opened.Fault != GuardFault.Unknown || opened.Value is not { } feed)
            yield break;

        // A step that was given up still runs: disposing then would break the rule of one call at a time.
        var running = false;
        try
        {
            while (true)
            {
                running = true;
                var moved = await _guard.RunAsync(nameof(WatchAsync), Endless(call), () => feed.MoveNextAsync().AsTask());
                running = moved.Fault == GuardFault.Abandoned;
                if (moved.Fault != GuardFault.Unknown || !moved.Value)
                    yield break;
                var current = await _guard.RunAsync(nameof(WatchAsync), Endless(call), () => Task.FromResult(feed.Current));
                if (current.Fault != GuardFault.Unknown)
                    yield break;
                if (ResultRules.Fault(current.Value) is { } fault)
                {
                    _guard.Report(nameof(WatchAsync), GuardFault.Invalid, "broke the contract: " + fault);
                    yield break;
                }

                yield return current.Value!;
            }
        }
        finally
        {
            if (!running)
                await _guard.RunAsync(nameof(WatchAsync), new CallLimit(_guard.Scheduler.Time.GetUtcNow(), CancellationToken.None), async () =>
                {
                    await feed.DisposeAsync();
                    return true;
                });
        }
    }
    private static CallLimit Endless(Call call) => new(DateTimeOffset.MaxValue, call.Cancellation);
}
