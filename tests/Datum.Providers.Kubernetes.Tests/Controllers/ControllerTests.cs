using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Kubernetes.Tests.Controllers;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ControllerTests
{
    private readonly ManualScheduler _time = new(pumped: true);
    private readonly CapturingLogger _logger = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<(string Key, TimeSpan At)> _calls = [];
    private WorkQueue<string> _queue = null!;
    private DateTimeOffset _start;

    [SetUp]
    public void NewQueue()
    {
        _queue = new(_time, new() { Name = "test" });
        _start = _time.Now;
    }

    [TearDown]
    public void Dispose()
    {
        _queue.Dispose();
        _stop.Dispose();
    }

    private Task Run(Func<string, CancellationToken, Task<Result>> reconcile, int workers = 1)
    {
        var controller = new Controller<string>("test", _queue, async (key, cancellation) =>
        {
            _calls.Add((key, _time.Now - _start));
            return await reconcile(key, cancellation);
        }, _time, _logger, new ControllerOptions { Workers = workers });
        var run = controller.RunAsync(_stop.Token);
        _time.RunUntilIdle();
        return run;
    }

    [Test]
    public void A_result_can_ask_for_another_look()
    {
        Run((_, _) => Task.FromResult(_calls.Count < 3 ? Result.After(TimeSpan.FromSeconds(10)) : Result.Settled));
        _queue.Add("a");
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.That(_calls.Select(c => c.At.TotalSeconds), Is.EqualTo(new[] { 0.0, 10, 20 }));
    }

    [Test]
    public void A_failure_is_logged_and_retried_later_and_later_while_other_keys_go_on()
    {
        Run((key, _) => key == "bad" ? throw new InvalidOperationException("broken") : Task.FromResult(Result.Settled));
        _queue.Add("bad");
        _queue.Add("good");
        _time.Advance(TimeSpan.FromSeconds(10));
        var bad = _calls.Where(c => c.Key == "bad").Select(c => c.At).ToList();
        var gaps = bad.Zip(bad.Skip(1), (a, b) => b - a).ToList();
        Assert.That(bad, Has.Count.GreaterThan(3));
        Assert.That(gaps[^1], Is.GreaterThan(gaps[0] * 2));
        Assert.That(_calls.Count(c => c.Key == "good"), Is.EqualTo(1));
        Assert.That(_logger.Entries.Count(e => e.Level == LogLevel.Error), Is.EqualTo(bad.Count));
    }

    [Test]
    public void A_conflict_is_retried_soon_and_is_no_error()
    {
        Run((_, _) => _calls.Count < 3 ? throw new KubernetesException(409, "Conflict", "changed") : Task.FromResult(Result.Settled));
        _queue.Add("a");
        _time.Advance(TimeSpan.FromMilliseconds(200));
        Assert.That(_calls, Has.Count.EqualTo(3));
        Assert.That(_logger.Entries.Select(e => e.Level), Is.All.LessThan(LogLevel.Information));
        Assert.That(_queue.Known, Is.Zero, "success forgets the failures");
    }

    [Test]
    public void A_server_that_names_a_delay_is_not_asked_earlier()
    {
        Run((_, _) => _calls.Count == 1 ? throw new KubernetesException(429, "TooManyRequests", "slow down", TimeSpan.FromSeconds(40)) : Task.FromResult(Result.Settled));
        _queue.Add("a");
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.That(_calls.Select(c => c.At.TotalSeconds), Is.EqualTo(new[] { 0.0, 40 }));
    }

    [Test]
    public void Stopping_waits_for_the_reconcile_that_runs_and_keeps_its_key()
    {
        var blocked = new TaskCompletionSource<Result>();
        var run = Run((_, cancellation) => blocked.Task.WaitAsync(cancellation), workers: 2);
        _queue.Add("a");
        _time.RunUntilIdle();
        Assert.That(run.IsCompleted, Is.False);
        _stop.Cancel();
        Assert.That(() => { _time.RunUntilIdle(); return run.IsCompletedSuccessfully; }, Is.True.After(5000, 5));
        Assert.That(_queue.Depth, Is.EqualTo(1));
        Assert.That(_logger.Entries, Is.Empty);
    }

    [Test]
    public void Several_workers_process_different_keys_at_once()
    {
        var gate = new TaskCompletionSource<Result>();
        Run((_, _) => gate.Task, workers: 2);
        foreach (var key in new[] { "a", "b", "c" })
            _queue.Add(key);
        _time.RunUntilIdle();
        Assert.That(_calls.Select(c => c.Key), Is.EqualTo(new[] { "a", "b" }));
        gate.SetResult(Result.Settled);
        _time.RunUntilIdle();
        Assert.That(_calls, Has.Count.EqualTo(3));
    }

    private sealed class CapturingLogger : ILogger
    {
        public List<(LogLevel Level, string Text)> Entries { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Entries.Add((logLevel, formatter(state, exception)));
    }
}
