using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Datum.Providers.Testing;

namespace Datum.Providers.Kubernetes.Tests;

internal sealed class RealApiReflectorTests : RealApiTestBase
{
    [Test]
    public async Task A_cache_follows_creates_changes_and_deletes_with_one_list()
    {
        var type = await InstallAsync("followers");
        await Client.CreateAsync(type, Widget.Named(Namespace, "before", 1), Limit);
        await using var run = new Running(Client, type, new ReflectorOptions { Namespace = Namespace });
        await run.Cache.WaitForSyncAsync(Limit);
        Assert.That(run.Cache.All().Single().Metadata.Name, Is.EqualTo("before"));

        var created = await Client.CreateAsync(type, Widget.Named(Namespace, "during", 1), Limit);
        await Client.PatchAsync(type, created.Key, Patch.Merge(new JsonObject { ["spec"] = new JsonObject { ["replicas"] = 5 } }), null, Limit);
        await Client.DeleteAsync(type, new ObjectKey(Namespace, "before"), null, Limit);
        await Eventually.HoldsAsync(() => run.Cache.All() is [{ Spec.Replicas: 5 }], "only the changed object is there");
        Assert.That(Requests.Count("list", type.ToString()), Is.EqualTo(1));
        Assert.That(Requests.Count("watch", type.ToString()), Is.EqualTo(1));
    }

    [Test]
    public async Task A_watch_that_the_server_closes_is_resumed_without_a_list()
    {
        var type = await InstallAsync("closers");
        await using var run = new Running(Client, type, new ReflectorOptions { Namespace = Namespace, WatchTimeout = TimeSpan.FromSeconds(1) });
        await run.Cache.WaitForSyncAsync(Limit);
        for (var i = 0; i < 4; i++)
        {
            var watches = Requests.Count("watch", type.ToString());
            await Client.CreateAsync(type, Widget.Named(Namespace, $"w{i}", i), Limit);
            await Eventually.HoldsAsync(() => Requests.Count("watch", type.ToString()) > watches, "the server closed a watch and another was opened");
        }
        await Eventually.HoldsAsync(() => run.Cache.Count == 4, "all four objects are there");
        Assert.That(Requests.Count("list", type.ToString()), Is.EqualTo(1));
        Assert.That(run.States, Does.Not.Contain(ReflectorState.BackingOff));
    }

    [Test]
    public async Task A_streamed_list_needs_one_request_and_no_list()
    {
        var type = await InstallAsync("streamers");
        for (var i = 0; i < 5; i++)
            await Client.CreateAsync(type, Widget.Named(Namespace, $"w{i}", i), Limit);
        await using var run = new Running(Client, type, new ReflectorOptions { Namespace = Namespace, StreamList = true });
        await run.Cache.WaitForSyncAsync(Limit);
        Assert.That(run.Cache.All().Select(w => w.Metadata.Name), Is.EqualTo(new[] { "w0", "w1", "w2", "w3", "w4" }));
        await Client.DeleteAsync(type, new ObjectKey(Namespace, "w3"), null, Limit);
        await Eventually.HoldsAsync(() => run.Cache.Count == 4, "the same watch goes on");
        Assert.That((Requests.Count("list", type.ToString()), Requests.Count("watch", type.ToString())), Is.EqualTo((0, 1)));
    }

    [Test]
    public async Task A_slow_reader_gets_every_object_of_a_burst_of_two_thousand()
    {
        var type = await InstallAsync("bursts");
        await using var run = new Running(Client, type, new ReflectorOptions { Namespace = Namespace });
        await run.Cache.WaitForSyncAsync(Limit);
        var resume = new ManualResetEventSlim();
        var held = 0;
        // The reader stands still while the burst goes on, so that the server has to buffer, then to give up.
        run.Cache.Subscribe(_ =>
        {
            if (Interlocked.Exchange(ref held, 1) == 0)
                resume.Wait(TimeSpan.FromSeconds(60));
        });
        var note = new string('x', 2000);
        await Parallel.ForAsync(0, 2000, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Limit }, async (i, c) =>
        {
            var widget = Widget.Named(Namespace, $"w{i:0000}", i);
            widget.Spec.Note = note;
            await Client.CreateAsync(type, widget, c);
        });
        resume.Set();
        await Eventually.HoldsAsync(() => run.Cache.Count == 2000, $"2000 objects are there", 40);
        Assert.That(run.Cache.All().Select(w => w.Spec.Replicas), Is.EqualTo(Enumerable.Range(0, 2000)));
        TestContext.Out.WriteLine($"watches {Requests.Count("watch", type.ToString())}, lists {Requests.Count("list", type.ToString())}");
        Assert.That(Requests.Count("list", type.ToString()), Is.EqualTo(1));
    }

    [Test]
    public async Task A_version_that_the_server_forgot_leads_to_a_new_list()
    {
        // A server of its own: after a start over compacted data no earlier version is known.
        await using var server = await RealApiServer.StartAsync();
        var counter = new KubernetesRequestCounter();
        await using var client = new KubernetesClient(KubeConfig.Load(server.KubeConfigPath), new KubernetesClientOptions { Observer = counter });
        await client.CreateAsync(Core.Namespaces, new Namespace { Metadata = new() { Name = "n" } }, Limit);
        var map = await client.CreateAsync(Core.ConfigMaps, new ConfigMap { Metadata = new() { Namespace = "n", Name = "m" } }, Limit);
        var gate = new GatedClient(client);
        await using var run = new Running<ConfigMap>(gate, Core.ConfigMaps, new ReflectorOptions { Namespace = "n", WatchTimeout = TimeSpan.FromSeconds(1), FirstBackoff = TimeSpan.FromMilliseconds(50) });
        await run.Cache.WaitForSyncAsync(Limit);

        gate.Close();
        await Eventually.HoldsAsync(() => gate.Waiting, "the next watch is held back");
        for (var i = 0; i < 5; i++)
            map = await client.PatchAsync(Core.ConfigMaps, map.Key, Patch.Merge(new JsonObject { ["data"] = new JsonObject { ["i"] = $"{i}" } }), null, Limit);
        await server.EtcdctlAsync("compact", map.Metadata.ResourceVersion!);
        await server.RestartAsync();
        gate.Open();

        await Eventually.HoldsAsync(() => run.Cache.Find(map.Key)?.Data?["i"] == "4", "the change made in between is there");
        Assert.That(counter.Count("list", "configmaps"), Is.EqualTo(2));
        Assert.That(run.States, Does.Contain(ReflectorState.BackingOff));
    }

    [Test]
    public async Task Bookmarks_move_the_version_although_nothing_that_is_watched_changes()
    {
        var type = await InstallAsync("quiets");
        var list = await Client.ListAsync(type, new ListOptions { Namespace = Namespace }, Limit);
        var bookmarks = new List<string>();
        var watching = Task.Run(async () =>
        {
            // A server sends a bookmark shortly before it closes a watch.
            await foreach (var change in Client.WatchAsync(type, new WatchOptions { Namespace = Namespace, ResourceVersion = list.ResourceVersion, Timeout = TimeSpan.FromSeconds(5) }, Limit))
            {
                Assert.That(change.Type, Is.EqualTo(WatchEventType.Bookmark));
                bookmarks.Add(change.ResourceVersion!);
            }
        });
        // The server moves its version on only while something of the kind happens, here in another namespace.
        for (var i = 0; !watching.IsCompleted; i++)
        {
            await Client.CreateAsync(type, Widget.Named("default", $"{Namespace}-{i}"), Limit);
            await Task.WhenAny(watching, Task.Delay(200));
        }
        await watching;
        Assert.That(bookmarks, Is.Not.Empty);
        Assert.That(ResourceVersions.IsNewer(bookmarks[^1], list.ResourceVersion));
    }

    private sealed class Running(IKubernetesClient client, ResourceType<Widget> type, ReflectorOptions options) : Running<Widget>(client, type, options);

    private class Running<T> : IAsyncDisposable where T : KubeObject
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _run;

        public Running(IKubernetesClient client, ResourceType<T> type, ReflectorOptions options)
        {
            var reflector = new Reflector<T>(client, type, Cache, SystemScheduler.Instance, options with { OnState = States.Enqueue });
            _run = Task.Run(() => reflector.RunAsync(_stop.Token));
        }

        public ObjectCache<T> Cache { get; } = new();
        public ConcurrentQueue<ReflectorState> States { get; } = new();

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _run.WaitAsync(TimeSpan.FromSeconds(20));
            _stop.Dispose();
        }
    }

    /// <summary>Holds watches back while it is closed.</summary>
    private sealed class GatedClient(IKubernetesClient inner) : IKubernetesClient
    {
        private TaskCompletionSource? _closed;
        private int _waiting;

        public bool Waiting => Volatile.Read(ref _waiting) > 0;

        public void Close() => _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Open() => Interlocked.Exchange(ref _closed, null)!.SetResult();

        public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(
            ResourceType<T> type, WatchOptions options, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation) where T : KubeObject
        {
            if (Volatile.Read(ref _closed) is { } closed)
            {
                Interlocked.Increment(ref _waiting);
                await closed.Task.WaitAsync(cancellation);
            }
            await foreach (var change in inner.WatchAsync(type, options, cancellation))
                yield return change;
        }

        public Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject => inner.FindAsync(type, key, cancellation);
        public Task<ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject => inner.ListAsync(type, options, cancellation);
        public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject => inner.CreateAsync(type, value, cancellation);
        public Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject => inner.PatchAsync(type, key, patch, subresource, cancellation);
        public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject => inner.DeleteAsync(type, key, preconditions, cancellation);
    }
}
