using System.Collections.Concurrent;
using Datum.Providers.Testing;
using Microsoft.AspNetCore.Http;
using static Datum.Providers.Kubernetes.Tests.ScriptedServer;

namespace Datum.Providers.Kubernetes.Tests;

internal sealed partial class ScriptedReflectorTests
{
    [Test]
    public async Task A_watch_that_ends_in_the_middle_of_a_burst_is_resumed_from_the_last_event()
    {
        await using var server = await StartAsync(async (c, _, ended) =>
        {
            if (!IsWatch(c))
            {
                await ListAsync(c, 100);
                return;
            }
            // Every connection brings 50 events, then a torn line, and ends with 200.
            var from = int.Parse(c.Request.Query["resourceVersion"]!, System.Globalization.CultureInfo.InvariantCulture);
            for (var v = from + 1; v <= Math.Min(from + 50, 400); v++)
                await EventAsync(c, "ADDED", Item($"w{v}", v));
            if (from < 400)
                await c.Response.WriteAsync("""{"type":"ADDED","object":{"kind":"Widg""", ended);
            else
                await HoldAsync(ended);
        });
        await using var run = await RunAsync(server, SystemScheduler.Instance);
        await Eventually.HoldsAsync(() => run.Cache.Count == 300, "all 300 objects are in the cache");
        Assert.That(server.Lists, Is.EqualTo(1));
        Assert.That(run.Reflector.ResourceVersion, Is.EqualTo("400"));
        Assert.That(run.States, Does.Not.Contain(ReflectorState.BackingOff));
    }

    [Test]
    public async Task Expired_means_a_wait_with_jitter_and_one_new_list()
    {
        var scheduler = new ManualScheduler();
        var lists = 0;
        await using var server = await StartAsync(async (c, _, ended) =>
        {
            if (!IsWatch(c))
            {
                if (Interlocked.Increment(ref lists) == 1)
                    await ListAsync(c, 10, Item("stays", 1), Item("goes", 2), Item("changes", 3));
                else
                    await ListAsync(c, 20, Item("stays", 1), Item("changes", 15), Item("comes", 16));
            }
            else if (c.Request.Query["resourceVersion"] == "10")
                await EventAsync(c, "ERROR", """{"kind":"Status","reason":"Expired","message":"too old resource version","code":410}""");
            else
                await HoldAsync(ended);
        });
        await using var run = await RunAsync(server, scheduler);
        await Eventually.HoldsAsync(() => run.Reflector.State == ReflectorState.BackingOff && scheduler.PendingTimers == 1, "the reflector waits after 410");
        Assert.That(lists, Is.EqualTo(1));
        Assert.That((scheduler.NextTimer - scheduler.Now)!.Value.TotalMilliseconds, Is.InRange(250, 500));
        run.Changes.Clear();
        scheduler.Advance(TimeSpan.FromMilliseconds(500));
        await Eventually.HoldsAsync(() => server.Watches == 2, "it watches again");
        Assert.That(run.Changes, Is.EquivalentTo(new[] { "changes 3>15", "comes >16", "goes 2>" }));
        Assert.That(server.Requests.Last(), Does.Contain("resourceVersion=20"));
    }

    [Test]
    public async Task A_silent_watch_is_dropped_and_resumed_without_a_list()
    {
        var speak = new TaskCompletionSource();
        var scheduler = new ManualScheduler();
        await using var server = await StartAsync(async (c, n, ended) =>
        {
            if (!IsWatch(c))
            {
                await ListAsync(c, 10);
                return;
            }
            if (c.Request.Query["resourceVersion"] == "10")
            {
                await EventAsync(c, "BOOKMARK", Bookmark(25));
                await speak.Task.WaitAsync(ended);
                await EventAsync(c, "BOOKMARK", Bookmark(30));
            }
            await HoldAsync(ended);
        });
        await using var run = await RunAsync(server, scheduler, new ReflectorOptions { Silence = TimeSpan.FromMinutes(7) });
        await Eventually.HoldsAsync(() => run.Reflector.ResourceVersion == "25", "the bookmark is in");
        scheduler.Advance(TimeSpan.FromMinutes(7) - TimeSpan.FromSeconds(1));
        speak.SetResult();
        await Eventually.HoldsAsync(() => run.Reflector.ResourceVersion == "30", "a sign of life is in");
        scheduler.Advance(TimeSpan.FromMinutes(7) - TimeSpan.FromSeconds(1));
        Assert.That(scheduler.NextTimer - scheduler.Now, Is.EqualTo(TimeSpan.FromSeconds(1)));
        Assert.That(server.Watches, Is.EqualTo(1));
        scheduler.Advance(TimeSpan.FromSeconds(1));
        await Eventually.HoldsAsync(() => server.Watches == 2, "a second connection was opened");
        Assert.That(server.Requests.Last(), Does.Contain("resourceVersion=30"));
        Assert.That(server.Lists, Is.EqualTo(1));
    }

    [Test]
    public async Task Unreadable_objects_are_reported_and_everything_else_goes_on()
    {
        await using var server = await StartAsync(async (c, _, ended) =>
        {
            if (!IsWatch(c))
            {
                await ListAsync(c, 10, Item("good", 1), Item("bad", 2, """{"replicas":"x"}"""), Item("worse", 3));
                return;
            }
            await EventAsync(c, "MODIFIED", Item("worse", 11, """{"replicas":null}"""));
            await EventAsync(c, "DELETED", Item("good", 12, """{"replicas":[]}"""));
            await EventAsync(c, "ADDED", Item("late", 13));
            await HoldAsync(ended);
        });
        var reported = new ConcurrentQueue<string>();
        await using var run = await RunAsync(server, SystemScheduler.Instance, new ReflectorOptions { OnUnreadable = u => reported.Enqueue(u.Key.Name) });
        await Eventually.HoldsAsync(() => run.Cache.Find(new("ns", "late")) is not null, "the last event is in");
        Assert.That(reported, Is.EqualTo(new[] { "bad", "worse", "good" }));
        // What can't be read keeps its last readable version; what was deleted is gone, readable or not.
        Assert.That(run.Cache.All().Select(w => $"{w.Metadata.Name}@{w.Metadata.ResourceVersion}"), Is.EqualTo(new[] { "late@13", "worse@3" }));
        Assert.That(run.Reflector.ResourceVersion, Is.EqualTo("13"));
    }

    [Test]
    public async Task Failures_back_off_up_to_the_longest_wait_and_the_watch_resumes()
    {
        var scheduler = new ManualScheduler();
        var failing = true;
        await using var server = await StartAsync(async (c, _, ended) =>
        {
            if (!IsWatch(c))
                await ListAsync(c, 10, Item("a", 1));
            else if (Volatile.Read(ref failing))
                await StatusAsync(c, 500, "InternalError");
            else
                await HoldAsync(ended);
        });
        await using var run = await RunAsync(server, scheduler);
        var waits = new List<double>();
        for (var i = 1; i <= 9; i++)
        {
            await Eventually.HoldsAsync(() => server.Watches == i && run.Reflector.State == ReflectorState.BackingOff && scheduler.PendingTimers == 1, $"wait {i}");
            waits.Add((scheduler.NextTimer - scheduler.Now)!.Value.TotalSeconds);
            if (i == 9)
                Volatile.Write(ref failing, false);
            scheduler.AdvanceToNextTimer();
        }
        await Eventually.HoldsAsync(() => run.Reflector.State == ReflectorState.Watching && server.Watches == 10, "it watches");
        Assert.That(waits[0], Is.InRange(0.25, 0.5));
        Assert.That(waits[^1], Is.InRange(15, 30));
        Assert.That(waits, Has.All.LessThanOrEqualTo(30));
        Assert.That(server.Lists, Is.EqualTo(1));
        Assert.That(run.Cache.All(), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task An_expired_continue_token_leads_to_a_list_in_one_piece()
    {
        await using var server = await StartAsync(async (c, n, ended) =>
        {
            if (IsWatch(c))
                await HoldAsync(ended);
            else if (n == 1)
                await JsonAsync(c, 200, $$$"""{"metadata":{"resourceVersion":"5","continue":"c1"},"items":[{{{Item("a", 1)}}}]}""");
            else if (n == 2)
                await StatusAsync(c, 410, "Expired");
            else
                await ListAsync(c, 9, Item("a", 1), Item("b", 2));
        });
        await using var run = await RunAsync(server, SystemScheduler.Instance);
        await run.Cache.WaitForSyncAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(20));
        Assert.That(run.Cache.All(), Has.Count.EqualTo(2));
        Assert.That(server.Requests.Take(3).Select(r => r.Split('?').ElementAtOrDefault(1)), Is.EqualTo(new[] { "limit=500", "limit=500&continue=c1", null }));
    }

    [Test]
    public async Task A_server_that_opens_its_storage_is_no_trouble_at_the_start_but_is_later()
    {
        var scheduler = new ManualScheduler();
        var opening = true;
        await using var server = await StartAsync(async (c, _, ended) =>
        {
            if (Volatile.Read(ref opening))
                await JsonAsync(c, 429, """{"kind":"Status","status":"Failure","message":"storage is (re)initializing","reason":"TooManyRequests","details":{"retryAfterSeconds":1},"code":429}""");
            else if (!IsWatch(c))
                await ListAsync(c, 10, Item("a", 1));
            else
                await HoldAsync(ended);
        });
        var logged = new ListLogger();
        await using var run = new Running(server, scheduler, new ReflectorOptions(), logged, retries: 0);
        await Eventually.HoldsAsync(() => run.Reflector.State == ReflectorState.BackingOff && scheduler.PendingTimers == 1, "it waits");
        Assert.That(logged.Lines.Where(l => l.StartsWith("Warning", StringComparison.Ordinal)), Is.Empty);
        Assert.That(logged.Lines, Has.One.StartsWith("Debug").And.One.Contains("isn't ready yet"));
        scheduler.Advance(TimeSpan.FromSeconds(31));
        await Eventually.HoldsAsync(() => logged.Lines.Any(l => l.StartsWith("Warning", StringComparison.Ordinal)), "half a minute later it is told");
        Volatile.Write(ref opening, false);
        await scheduler.WaitForTimersAsync();
        scheduler.Advance(TimeSpan.FromSeconds(30));
        await Eventually.HoldsAsync(() => run.Cache.Count == 1, "it listed");
    }

    [TestCase("no json at all")]
    [TestCase("""{"type":"ADDED","object":{"metadata":{"resourceVersion":"11"}}}""")]
    public async Task An_event_that_names_no_object_leads_to_a_list_and_never_to_a_cache_that_lacks_it(string line)
    {
        var lists = 0;
        await using var server = await StartAsync(async (c, _, ended) =>
        {
            if (!IsWatch(c))
                await (Interlocked.Increment(ref lists) == 1 ? ListAsync(c, 10, Item("a", 1)) : ListAsync(c, 20, Item("a", 1), Item("missed", 11)));
            else if (c.Request.Query["resourceVersion"] == "10")
            {
                await c.Response.WriteAsync(line + "\n", ended);
                await HoldAsync(ended);
            }
            else
                await HoldAsync(ended);
        });
        await using var run = await RunAsync(server, SystemScheduler.Instance);
        await Eventually.HoldsAsync(() => run.Cache.Count == 2, "the list brought what the event would have");
        Assert.That(run.States, Does.Contain(ReflectorState.BackingOff));
        Assert.That(server.Lists, Is.EqualTo(2));
    }

    [Test]
    public async Task A_list_can_be_the_beginning_of_a_watch()
    {
        await using var server = await StartAsync(async (c, _, ended) =>
        {
            await EventAsync(c, "ADDED", Item("a", 7));
            await EventAsync(c, "ADDED", Item("b", 3, """{"replicas":"x"}"""));
            await EventAsync(c, "ADDED", Item("c", 5));
            await EventAsync(c, "BOOKMARK", """{"kind":"Widget","apiVersion":"tests.example.com/v1","metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}""");
            await EventAsync(c, "DELETED", Item("c", 12));
            await HoldAsync(ended);
        });
        await using var run = await RunAsync(server, SystemScheduler.Instance, new ReflectorOptions { StreamList = true });
        await run.Cache.WaitForSyncAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(20));
        await Eventually.HoldsAsync(() => run.Reflector.ResourceVersion == "12", "the same connection goes on");
        Assert.That(run.Cache.All().Select(w => w.Metadata.Name), Is.EqualTo(new[] { "a" }));
        Assert.That(server.Requests.Single(), Does.Contain("sendInitialEvents=true&resourceVersionMatch=NotOlderThan").And.Not.Contain("resourceVersion="));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_server_that_refuses_or_does_not_know_streamed_lists_is_listed(bool refuses)
    {
        await using var server = await StartAsync(async (c, _, ended) =>
        {
            if (!IsWatch(c))
                await ListAsync(c, 10, Item("a", 1));
            else if (!c.Request.Query.ContainsKey("sendInitialEvents"))
                await HoldAsync(ended);
            else if (refuses)
                await StatusAsync(c, 422, "Invalid");
            else
                await EventAsync(c, "ADDED", Item("a", 1));
        });
        await using var run = await RunAsync(server, SystemScheduler.Instance, new ReflectorOptions { StreamList = true });
        await run.Cache.WaitForSyncAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(20));
        await Eventually.HoldsAsync(() => server.Watches == 2, "it watches");
        Assert.That((server.Lists, run.Cache.Count), Is.EqualTo((1, 1)));
    }

    private static async Task<Running> RunAsync(ScriptedServer server, IScheduler scheduler, ReflectorOptions? options = null)
    {
        await Task.Yield();
        return new Running(server, scheduler, options ?? new ReflectorOptions());
    }

    private sealed class Running : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly KubernetesClient _client;
        private readonly Task _run;

        public Running(ScriptedServer server, IScheduler scheduler, ReflectorOptions options, Microsoft.Extensions.Logging.ILogger? logger = null, int retries = 3)
        {
            _client = server.Client(new KubernetesClientOptions { Scheduler = scheduler, RequestTimeout = Timeout.InfiniteTimeSpan, MaxRetries = retries });
            Cache.Subscribe(c => Changes.Enqueue($"{c.Key.Name} {c.Before?.Metadata.ResourceVersion}>{c.After?.Metadata.ResourceVersion}"));
            Reflector = new Reflector<Widget>(_client, Widget.Type, Cache, scheduler, options with { OnState = States.Enqueue }, logger);
            _run = Task.Run(() => Reflector.RunAsync(_stop.Token));
        }

        public ObjectCache<Widget> Cache { get; } = new();
        public Reflector<Widget> Reflector { get; }
        public ConcurrentQueue<ReflectorState> States { get; } = new();
        public ConcurrentQueue<string> Changes { get; } = new();

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _run.WaitAsync(TimeSpan.FromSeconds(20));
            Assert.That(Reflector.State, Is.EqualTo(ReflectorState.Stopped));
            await _client.DisposeAsync();
            _stop.Dispose();
        }
    }
}
