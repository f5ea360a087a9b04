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
}
