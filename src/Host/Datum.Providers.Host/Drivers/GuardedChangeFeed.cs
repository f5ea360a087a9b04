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
        var limit = CallLimit.Endless(call);
        var opened = await _guard.RunAsync(nameof(WatchAsync), limit, () => ValueTask.FromResult(_inner.WatchAsync(call).GetAsyncEnumerator(call.Cancellation)));
        if (opened.Fault != GuardFault.Unknown || opened.Value is not { } feed)
            yield break;

        // A step that was given up still runs: disposing then would break the rule of one call at a time.
        var running = false;
        try
        {
            while (true)
            {
                running = true;
                var step = await _guard.RunAsync(nameof(WatchAsync), limit, () => NextAsync(feed));
                running = step.Fault == GuardFault.Abandoned;
                if (step.Fault != GuardFault.Unknown || !step.Value.Moved)
                    yield break;
                if (ResultRules.Fault(step.Value.Change) is { } fault)
                {
                    _guard.Report(nameof(WatchAsync), GuardFault.Invalid, "broke the contract: " + fault);
                    yield break;
                }

                yield return step.Value.Change!;
            }
        }
        finally
        {
            if (!running)
                await _guard.RunAsync(nameof(WatchAsync), new CallLimit(_guard.Now, CancellationToken.None), async () =>
                {
                    await feed.DisposeAsync();
                    return true;
                });
        }
    }

    private static async ValueTask<(bool Moved, Change? Change)> NextAsync(IAsyncEnumerator<Change> feed) =>
        await feed.MoveNextAsync() ? (true, feed.Current) : (false, null);
}
