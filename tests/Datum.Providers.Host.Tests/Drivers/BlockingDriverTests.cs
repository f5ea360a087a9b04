using System.Diagnostics;
using Datum.Providers.Host.Drivers;
using Datum.Providers.Host.Tests.Loader;
using Datum.Providers.Kubernetes;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Host.Tests.Drivers;

/// <summary>Law L9 for drivers that block their thread: what the decision on the cost of the boundary promises.</summary>
public sealed class BlockingDriverTests
{
    /// <summary>The runtime replaces a blocked pool thread within about half a second; the rest is for a busy machine.</summary>
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Test]
    public async Task L9_a_driver_that_suddenly_blocks_holds_one_pool_thread_and_holds_no_other_driver_up()
    {
        using var bad = new Blocking();
        var (blocking, good) = (Guard(bad), Guard(new RecordingResource()));
        for (var i = 0; i < 100; i++)
            Assert.That(await CreateAsync(blocking, s_patience), Is.InstanceOf<Done<NetworkFacts>>());

        bad.Close();
        var stuck = Enumerable.Range(0, 40).Select(_ => CreateAsync(blocking, TimeSpan.FromSeconds(2)).AsTask()).ToList();
        var slowest = TimeSpan.Zero;
        for (var since = Stopwatch.StartNew(); since.Elapsed < TimeSpan.FromSeconds(1) || !stuck.All(s => s.IsCompleted);)
        {
            var begun = Stopwatch.GetTimestamp();
            Assert.That(await CreateAsync(good, s_patience), Is.InstanceOf<Done<NetworkFacts>>());
            slowest = TimeSpan.FromTicks(Math.Max(slowest.Ticks, Stopwatch.GetElapsedTime(begun).Ticks));
            Assert.That(since.Elapsed, Is.LessThan(s_patience), "the blocked calls weren't given up");
        }

        Assert.That(slowest, Is.LessThan(s_bound));
        Assert.That(bad.MostOnPool, Is.EqualTo(1), "pool threads that were in the blocking driver at once");
        foreach (var outcome in await Task.WhenAll(stuck))
            Assert.That((outcome as Failed<NetworkFacts>)?.Error.Code, Is.EqualTo(ErrorCode.Timeout));
    }

    [Test]
    public async Task A_session_with_too_many_calls_that_never_end_gets_no_other_until_some_do_and_another_session_does()
    {
        using var bad = new Blocking();
        var options = Options();
        var (blocking, account) = (GuardedDriver.Wrap(new OneKind(new RecordingResource { Mutate = bad.EnterAsync }), options).Networks!, GuardedDriver.Wrap(new OneKind(new RecordingResource()), options).Networks!);
        bad.Close();
        DriverError? refused = null;
        await Eventually.TrueAsync(async () =>
        {
            var outcomes = await Task.WhenAll(Enumerable.Range(0, GuardedCall.MostAbandoned).Select(_ => CreateAsync(blocking, TimeSpan.FromSeconds(1)).AsTask()));
            refused = outcomes.Select(o => ((Failed<NetworkFacts>)o).Error).FirstOrDefault(e => e.Message.Contains("too many calls", StringComparison.Ordinal));
            return refused is not null;
        }, s_patience, "a call is refused");
        Assert.That((refused!.Code, refused.Effect), Is.EqualTo((ErrorCode.Timeout, Effect.NotApplied)), refused.Message);
        var begun = bad.Begun;
        Assert.That(begun, Is.GreaterThanOrEqualTo(GuardedCall.MostAbandoned));
        await CreateAsync(blocking, s_patience);
        Assert.That(bad.Begun, Is.EqualTo(begun), "the driver wasn't called");
        Assert.That(refused.Message, Does.Contain("too many calls of this session were given up"));
        var thrown = (await Assert.ThrowsAsync<DriverException>(async () => await blocking.ValidateAsync(TestHost.Call(), new NetworkSpec())))!;
        Assert.That(thrown.Error.Code, Is.EqualTo(ErrorCode.Timeout));
        Assert.That(await CreateAsync(account, s_patience), Is.InstanceOf<Done<NetworkFacts>>(), "another account of the same driver");

        bad.Open();
        await Eventually.TrueAsync(async () => await CreateAsync(blocking, s_patience) is Done<NetworkFacts>, s_patience, "the session takes calls again");
    }

    [Test]
    public async Task A_call_that_waited_behind_a_blocked_one_and_was_never_begun_says_that_nothing_was_applied()
    {
        using var bad = new Blocking();
        var blocking = Guard(bad, grace: TimeSpan.Zero);
        bad.Close();
        var first = CreateAsync(blocking, s_patience).AsTask();
        await Eventually.TrueAsync(() => Task.FromResult(bad.Begun == 1), s_patience, "the first call is in the driver");
        // Over before the driver is known to block: it is given up while it waits.
        var behind = await CreateAsync(blocking, TimeSpan.Zero);
        var error = ((Failed<NetworkFacts>)behind).Error;
        // On a slow machine the driver is known to block by then, and the call has begun on a thread of its own: then, and only then, it may have had an effect.
        var begun = bad.Begun > 1;
        Assert.That((error.Code, error.Effect), Is.EqualTo((ErrorCode.Timeout, begun ? Effect.Unknown : Effect.NotApplied)), error.Message);
        Assert.That(error.Message, begun ? Does.Contain("given up") : Does.Contain("CreateAsync of driver test wasn't begun by its deadline, since the driver blocks its calls."));
        bad.Open();
        Assert.That(await first, Is.InstanceOf<Done<NetworkFacts>>(), "late but before its deadline");
    }

    [Test]
    public async Task A_driver_that_blocks_no_more_comes_back_to_the_pool()
    {
        using var bad = new Blocking();
        var options = Options();
        var blocking = GuardedDriver.Wrap(new OneKind(new RecordingResource { Mutate = bad.EnterAsync }), options).Networks!;
        bad.Close();
        var first = CreateAsync(blocking, s_patience).AsTask();
        await Eventually.TrueAsync(() => Task.FromResult(options.Lane.Blocks), s_patience, "the driver is seen blocking");
        bad.Open();
        await first;
        var calls = 0;
        for (; options.Lane.Blocks && calls < 20 * CallLane.CallsToTrust; calls++)
            await CreateAsync(blocking, s_patience);
        Assert.That(options.Lane.Blocks, Is.False);
        Assert.That(calls, Is.GreaterThanOrEqualTo(CallLane.CallsToTrust));
        Assert.That(await CreateAsync(blocking, s_patience), Is.InstanceOf<Done<NetworkFacts>>());
    }

    private static GuardOptions Options(TimeSpan? grace = null) => new()
    {
        DriverId = "test", Scheduler = SystemScheduler.Instance, Logger = NullLogger.Instance, Grace = grace ?? TimeSpan.FromMilliseconds(50),
    };

    private static IResourceDriver<NetworkSpec, NetworkFacts> Guard(Blocking driver, TimeSpan? grace = null) =>
        GuardedDriver.Wrap(new OneKind(new RecordingResource { Mutate = driver.EnterAsync }), Options(grace)).Networks!;

    private static IResourceDriver<NetworkSpec, NetworkFacts> Guard(RecordingResource driver) => GuardedDriver.Wrap(new OneKind(driver), Options()).Networks!;

    private static ValueTask<Outcome<NetworkFacts>> CreateAsync(IResourceDriver<NetworkSpec, NetworkFacts> networks, TimeSpan deadline) =>
        networks.CreateAsync(TestHost.Operation(StepVerb.Create, deadline), TestHost.Identity, new NetworkSpec());

    /// <summary>Blocks its callers while it is closed, as a driver over a library without asynchronous calls does.</summary>
    private sealed class Blocking : IDisposable
    {
        private readonly ManualResetEventSlim _gate = new(true);
        private int _onPool;
        private int _mostOnPool;
        private int _begun;

        public int MostOnPool => Volatile.Read(ref _mostOnPool);

        public int Begun => Volatile.Read(ref _begun);

        public void Close() => _gate.Reset();

        public void Open() => _gate.Set();

        public Task<Outcome<NetworkFacts>> EnterAsync()
        {
            Interlocked.Increment(ref _begun);
            var onPool = Thread.CurrentThread.IsThreadPoolThread;
            if (onPool)
                _mostOnPool = Math.Max(_mostOnPool, Interlocked.Increment(ref _onPool));
            _gate.Wait();
            if (onPool)
                Interlocked.Decrement(ref _onPool);
            return Task.FromResult<Outcome<NetworkFacts>>(new Done<NetworkFacts>());
        }

        // Opened and left to the collector: threads may still be in it.
        public void Dispose() => Open();
    }
}
