namespace Datum.Providers.Kubernetes;

public sealed record LeaseElectorOptions
{
    /// <summary>Namespace and name of the Lease.</summary>
    public required ObjectKey Lease { get; init; }

    /// <summary>Unique to this process: two processes of one identity would both lead.</summary>
    public required string Identity { get; init; }

    /// <summary>How long the others leave a lease alone that isn't renewed. Whole seconds.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How much earlier than <see cref="Duration"/> we stop, for clocks that run at different speeds.</summary>
    public TimeSpan Margin { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Between two renewals.</summary>
    public TimeSpan RenewEvery { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Between two attempts, of acquiring or after a failed renewal.</summary>
    public TimeSpan RetryEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Asked when there is no Lease: whether anybody may ever have led. True: the Lease was deleted, and its holder may not know it yet
    /// (cut off, it leads until its own deadline), so a new one is only claimed, and led by after it stood for a whole duration; then
    /// <see cref="LeaseElector.PreviousReleased"/> is false. False, and when this is null: the first start, nobody is waited for.
    /// </summary>
    public Func<CancellationToken, Task<bool>>? MayHaveLedAsync { get; init; }

    /// <summary>
    /// Awaited when stopping, after <see cref="LeaseElector.LeadershipToken"/> was cancelled: ends when no work of ours runs any more.
    /// The lease is released only then; if that takes beyond the deadline it isn't released and runs out by itself.
    /// </summary>
    public Func<CancellationToken, Task>? DrainAsync { get; init; }
}
