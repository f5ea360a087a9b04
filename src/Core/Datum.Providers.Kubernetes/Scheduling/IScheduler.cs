namespace Datum.Providers.Kubernetes;

/// <summary>Where time and concurrency come from, so that a test can own both.</summary>
public interface IScheduler
{
    TimeProvider Time { get; }

    /// <summary>Completes after <paramref name="delay"/>; throws <see cref="OperationCanceledException"/> when cancelled.</summary>
    Task Delay(TimeSpan delay, CancellationToken cancellation);

    /// <summary>Starts <paramref name="work"/> concurrently and returns its task.</summary>
    Task Run(Func<Task> work);

    /// <summary>A number in [0,1) for jitter; thread-safe.</summary>
    double NextRandom();
}
