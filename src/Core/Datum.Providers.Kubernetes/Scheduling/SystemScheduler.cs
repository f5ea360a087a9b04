namespace Datum.Providers.Kubernetes;

/// <summary>The real clock and the thread pool.</summary>
public sealed class SystemScheduler : IScheduler
{
    public static SystemScheduler Instance { get; } = new();

    private SystemScheduler()
    {
    }

#pragma warning disable RS0030 // This is the one place that the banned symbols point to.
    public TimeProvider Time => TimeProvider.System;

    public Task Delay(TimeSpan delay, CancellationToken cancellation) => Task.Delay(delay, cancellation);

    public Task Run(Func<Task> work) => Task.Run(work);

    public double NextRandom() => Random.Shared.NextDouble();
#pragma warning restore RS0030
}
