namespace Datum.Providers.Engine.Sessions;

/// <summary>Frames of calls to drivers.</summary>
public static class Calls
{
    /// <summary>A call with a deadline. Dispose the result when the call is over.</summary>
    public static CallScope New(IScheduler scheduler, TimeSpan timeout, CancellationToken cancellation, IPayloadReader? payloads = null)
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var timer = scheduler.Time.CreateTimer(static s => ((CancellationTokenSource)s!).Cancel(), source, timeout, Timeout.InfiniteTimeSpan);
        return new CallScope(new Call
        {
            Cancellation = source.Token,
            Deadline = scheduler.Time.GetUtcNow() + timeout,
            Id = Guid.CreateVersion7(scheduler.Time.GetUtcNow()).ToString("N"),
            Payloads = payloads,
        }, source, timer);
    }
}

/// <summary>A call and what ends it.</summary>
public sealed class CallScope(Call call, CancellationTokenSource source, ITimer timer) : IDisposable
{
    public Call Call { get; } = call;

    public void Dispose()
    {
        timer.Dispose();
        source.Dispose();
    }
}
