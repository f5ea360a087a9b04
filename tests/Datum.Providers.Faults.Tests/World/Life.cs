using Datum.Providers.Kubernetes;

namespace Datum.Providers.Faults.Tests.World;

/// <summary>
/// One process of the host, from its start to its end. It ends as SIGKILL ends it: from that moment on nothing that it calls returns any
/// more and none of its timers fires, so nothing of it runs on, no finally and no Dispose either.
/// </summary>
internal sealed class Life(string name)
{
    private readonly TaskCompletionSource _never = new();

    public string Name => name;

    public bool Dead { get; private set; }

    public void Kill() => Dead = true;

    /// <summary>Goes on while the process lives; else never.</summary>
    public Task Alive() => Dead ? _never.Task : Task.CompletedTask;

    /// <summary>Never goes on.</summary>
    public async Task<T> EndAsync<T>()
    {
        Kill();
        await _never.Task;
        throw new InvalidOperationException("A process that has ended went on.");
    }
}

/// <summary>The world's clock as one process has it.</summary>
internal sealed class LifeClock(ManualScheduler time, Life life) : TimeProvider, IScheduler
{
    public TimeProvider Time => this;

    public override long TimestampFrequency => time.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => time.GetUtcNow();

    public override long GetTimestamp() => time.GetTimestamp();

    public double NextRandom() => time.NextRandom();

    public Task Run(Func<Task> work) => time.Run(work);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        time.CreateTimer(s =>
        {
            if (!life.Dead)
                callback(s);
        }, state, dueTime, period);

    public async Task Delay(TimeSpan delay, CancellationToken cancellation)
    {
        await time.Delay(delay, cancellation);
        await life.Alive();
    }
}
