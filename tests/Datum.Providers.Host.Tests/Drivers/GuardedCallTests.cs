using System.Diagnostics;
using System.Threading.Tasks.Sources;
using Datum.Providers.Host.Drivers;
using Datum.Providers.Host.Tests.Loader;
using Datum.Providers.Kubernetes;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Host.Tests.Drivers;

/// <summary>Objects of calls are used again: no call may see anything of another one.</summary>
public sealed class GuardedCallTests
{
    private static readonly AsyncLocal<string?> s_scope = new();

    private static readonly Answer<Observation<NetworkFacts>> s_absent = new Absent<NetworkFacts>();

    [Test]
    public async Task Calls_at_the_same_time_get_their_own_answers()
    {
        var guarded = Guard(new Scripted(async id =>
        {
            if (id.Incarnation % 3 == 0)
                await Task.Yield();
            return id.Incarnation % 5 == 0 ? throw new InvalidOperationException($"call {id.Incarnation}") : Message($"call {id.Incarnation}");
        }));
        await Parallel.ForAsync(0, 20_000, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, stop) =>
        {
            var answer = await guarded.ObserveAsync(TestHost.Call(cancellation: stop), TestHost.Identity with { Incarnation = i }, null, null);
            Assert.That(answer.Error!.Message, i % 5 == 0 ? (NUnit.Framework.Constraints.Constraint)Does.EndWith($"InvalidOperationException: call {i}.") : Is.EqualTo($"call {i}"));
        });
    }

    [Test]
    public async Task An_answer_after_its_call_was_given_up_reaches_no_other_call()
    {
        var late = new TaskCompletionSource<Answer<Observation<NetworkFacts>>>();
        var guarded = Guard(new Scripted(id => new(id.Incarnation == 1 ? late.Task : Task.FromResult(Message($"call {id.Incarnation}")))));
        var given = await guarded.ObserveAsync(TestHost.Call(TimeSpan.Zero), TestHost.Identity, null, null);
        Assert.That(given.Error?.Code, Is.EqualTo(ErrorCode.Timeout));
        for (var i = 2; i < 100; i++)
        {
            if (i == 50)
                late.SetResult(Message("late"));
            Assert.That((await guarded.ObserveAsync(TestHost.Call(), TestHost.Identity with { Incarnation = i }, null, null)).Error!.Message, Is.EqualTo($"call {i}"));
        }
    }

    [Test]
    public async Task A_source_that_calls_back_twice_ends_its_own_call_and_no_other()
    {
        var twice = new CallsBackTwice();
        var pending = new TaskCompletionSource<Answer<Observation<NetworkFacts>>>();
        var guarded = Guard(new Scripted(id => id.Incarnation == 1 ? new ValueTask<Answer<Observation<NetworkFacts>>>(twice, 0) : new(pending.Task)));
        var first = guarded.ObserveAsync(TestHost.Call(), TestHost.Identity, null, null).AsTask();
        await Eventually.TrueAsync(() => Task.FromResult(twice.IsAwaited), TimeSpan.FromSeconds(30), "the call waits for its source");
        twice.CallBack();
        Assert.That((await first).Error!.Message, Is.EqualTo("mine"));
        // The same object serves this one now.
        var second = guarded.ObserveAsync(TestHost.Call(), TestHost.Identity with { Incarnation = 2 }, null, null).AsTask();
        twice.CallBack();
        await Task.Yield();
        Assert.That(second.IsCompleted, Is.False);
        pending.SetResult(Message("second"));
        Assert.That((await second).Error!.Message, Is.EqualTo("second"));
    }

    [Test]
    public async Task The_caller_never_goes_on_inside_the_driver()
    {
        var gate = new Lock();
        var answer = new TaskCompletionSource<Answer<Observation<NetworkFacts>>>();
        var guarded = Guard(new Scripted(_ => new(answer.Task)));
        var heldInCaller = CallAsync();
        // As a driver does that answers under a lock of its own.
        lock (gate)
            answer.SetResult(Message("done"));
        Assert.That(await heldInCaller, Is.False);

        async Task<bool> CallAsync()
        {
            await guarded.ObserveAsync(TestHost.Call(), TestHost.Identity, null, null);
            return gate.IsHeldByCurrentThread;
        }
    }

    [Test]
    public async Task Traces_and_scopes_of_the_caller_are_the_drivers_and_not_the_other_way_round()
    {
        string? seen = null;
        var guarded = Guard(new Scripted(_ =>
        {
            seen = s_scope.Value;
            s_scope.Value = "the driver's";
            return ValueTask.FromResult(s_absent);
        }));
        s_scope.Value = "the caller's";
        await guarded.ObserveAsync(TestHost.Call(), TestHost.Identity, null, null);
        Assert.That((seen, s_scope.Value), Is.EqualTo(("the caller's", "the caller's")));
    }

    [Test]
    public async Task A_cancelled_call_is_given_up_after_its_grace_long_before_its_deadline()
    {
        using var cancelled = new CancellationTokenSource();
        var guarded = Guard(new Scripted(_ => new(new TaskCompletionSource<Answer<Observation<NetworkFacts>>>().Task)));
        var call = guarded.ObserveAsync(TestHost.Call(TimeSpan.FromHours(1), cancellation: cancelled.Token), TestHost.Identity, null, null).AsTask();
        await cancelled.CancelAsync();
        Assert.That((await call.WaitAsync(TimeSpan.FromSeconds(30))).Error!.Code, Is.EqualTo(ErrorCode.Timeout));
    }

    [Test]
    public async Task A_feed_that_ignores_its_cancellation_is_given_up_after_its_grace()
    {
        using var cancelled = new CancellationTokenSource();
        var feed = (IChangeFeed)(object)GuardedDriver.Wrap(new OneKind(new RecordingResource(), new Deaf()), Options(), [Ability.ChangeFeed]);
        var seen = 0;
        var following = Task.Run(async () =>
        {
            await foreach (var change in feed.WatchAsync(TestHost.Call(TimeSpan.FromHours(1), cancellation: cancelled.Token)))
            {
                seen++;
                await cancelled.CancelAsync();
            }
        });
        await following.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That(seen, Is.EqualTo(1));
    }

    [Test]
    public async Task An_answer_that_cant_be_read_is_a_bug_of_its_own_call()
    {
        var page = new ListPage<NetworkFacts> { Items = [new Listed<NetworkFacts> { Name = "n", Incarnation = 1, Parts = [null!], State = Lifecycle.Ready }], Complete = true };
        var guarded = GuardedDriver.Wrap(new OneKind(new RecordingResource { Read = () => (Answer<ListPage<NetworkFacts>>)page }), Options()).Networks!;
        var answer = await guarded.ListAsync(TestHost.Call(), new ListQuery { Installation = "test" }, null);
        Assert.That(answer.Error?.Code, Is.EqualTo(ErrorCode.Bug));
    }

    [Test]
    public async Task A_call_that_completes_at_once_allocates_nothing_beyond_its_answer()
    {
        var guarded = Guard(new Scripted(_ => new ValueTask<Answer<Observation<NetworkFacts>>>(s_absent)));
        var call = TestHost.Call();
        // Apart from the test's own context, which the runner hangs things on.
        var flow = ExecutionContext.SuppressFlow();
        var measured = Task.Run(async () =>
        {
            const int Calls = 2000;
            var least = long.MaxValue;
            // Others allocate too, and so does code that isn't compiled for good yet: the least of many rounds is ours.
            for (var since = Stopwatch.StartNew(); least >= Calls && since.Elapsed < TimeSpan.FromSeconds(10);)
            {
                var before = GC.GetTotalAllocatedBytes(precise: true);
                for (var i = 0; i < Calls; i++)
                    await guarded.ObserveAsync(call, TestHost.Identity, null, null).ConfigureAwait(false);
                least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
            }

            return least / (double)Calls;
        });
        flow.Undo();
        Assert.That(await measured, Is.LessThan(1), "bytes a call");
    }

    private static Answer<Observation<NetworkFacts>> Message(string text) => new DriverError { Code = ErrorCode.Failed, Effect = Effect.NotApplied, Message = text };

    private static GuardOptions Options() => new()
    {
        DriverId = "test", Scheduler = SystemScheduler.Instance, Logger = NullLogger.Instance, Grace = TimeSpan.FromMilliseconds(50),
    };

    private static IResourceDriver<NetworkSpec, NetworkFacts> Guard(Scripted networks) => GuardedDriver.Wrap(new ScriptedSession(networks), Options()).Networks!;

    /// <summary>Is completed from the start on and calls back as often as the test says.</summary>
    private sealed class CallsBackTwice : IValueTaskSource<Answer<Observation<NetworkFacts>>>
    {
        private Action? _continuation;
        private bool _over;

        public bool IsAwaited => Volatile.Read(ref _continuation) is not null;

        public void CallBack()
        {
            _over = true;
            _continuation!();
        }

        public Answer<Observation<NetworkFacts>> GetResult(short token) => Message("mine");

        public ValueTaskSourceStatus GetStatus(short token) => _over ? ValueTaskSourceStatus.Succeeded : ValueTaskSourceStatus.Pending;

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => Volatile.Write(ref _continuation, () => continuation(state));
    }

    /// <summary>Yields once, then never again.</summary>
    private sealed class Deaf : IChangeFeed
    {
        public async IAsyncEnumerable<Change> WatchAsync(Call call)
        {
            yield return new Change { Kind = ResourceKind.Network };
            await new TaskCompletionSource().Task;
        }
    }
}
