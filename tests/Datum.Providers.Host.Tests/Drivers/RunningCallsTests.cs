using Datum.Providers.Host.Drivers;
using Datum.Providers.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Host.Tests.Drivers;

public sealed class RunningCallsTests
{
    [Test]
    public async Task L10_a_call_that_was_given_up_counts_until_it_really_ends()
    {
        var calls = new RunningCalls();
        var guard = new GuardedCall(new GuardOptions { DriverId = "slow", Scheduler = SystemScheduler.Instance, Logger = NullLogger.Instance, Grace = TimeSpan.Zero, Marks = calls });
        var platform = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        Assert.That(calls.IdleAsync().IsCompleted, Is.True);

        var answer = await guard.RunAsync("Create", new CallLimit(DateTimeOffset.UtcNow.AddMilliseconds(50), default), () => new ValueTask<int>(platform.Task));
        Assert.That(answer.Fault, Is.EqualTo(GuardFault.Abandoned));
        Assert.That(calls.IdleAsync().IsCompleted, Is.False, "its request may still have an effect");
        platform.SetResult(1);
        await calls.IdleAsync().WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Test]
    public async Task L10_a_call_counts_before_it_begins_so_that_none_reaches_the_driver_unseen()
    {
        using var marks = new HeldMarks();
        var guard = new GuardedCall(new GuardOptions { DriverId = "late", Scheduler = SystemScheduler.Instance, Logger = NullLogger.Instance, Grace = TimeSpan.Zero, Marks = marks });
        var reached = 0;

        // Its thread is held up right before the driver, for longer than the call may take.
        var answer = await guard.RunAsync("Create", new CallLimit(DateTimeOffset.UtcNow.AddMilliseconds(50), default), () => new ValueTask<int>(Interlocked.Increment(ref reached)));
        Assert.That(answer.Fault, Is.EqualTo(GuardFault.NotBegun));
        marks.Go.Set();
        await marks.Over.Task.WaitAsync(TimeSpan.FromSeconds(20));

        Assert.That(reached, Is.Zero, "the caller was told that nothing was applied");
    }

    private sealed class HeldMarks : IDriverCallMarks, IDisposable
    {
        public ManualResetEventSlim Go { get; } = new();

        public TaskCompletionSource Over { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Began() => Go.Wait(TimeSpan.FromSeconds(20));

        public void Ended() => Over.TrySetResult();

        public void Dispose() => Go.Dispose();
    }
}
