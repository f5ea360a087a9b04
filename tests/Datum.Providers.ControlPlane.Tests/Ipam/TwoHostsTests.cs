using Datum.Providers.ControlPlane.Networking;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.ControlPlane.Tests.Ipam;

/// <summary>
/// Two hosts allocate at once, each with caches that see nothing but its own writes and reads. Every call waits at a gate, so that all orders in
/// which the server can see the calls are gone through; whatever the order, no two Subnets are ever allocated one range.
/// </summary>
public sealed class TwoHostsTests
{
    private const int Bits = 10;

    private static IEnumerable<TestCaseData<Scene>> Scenes()
    {
        yield return new(new Scene([], [("a", "", 0), ("b", "", 0)])) { TestName = "{m}(both choose from the default range)" };
        yield return new(new Scene(["192.168.4.0/22"], [("a", "", 0), ("b", "", 0)], Full: true)) { TestName = "{m}(one range for two)" };
        yield return new(new Scene(["192.168.4.0/22"], [("a", "192.168.4.0", 23), ("b", "", 23)])) { TestName = "{m}(one asks, one chooses)" };
        yield return new(new Scene(["192.168.4.0/22"], [("a", "192.168.4.0", 23), ("b", "192.168.4.0", 24)], Full: true)) { TestName = "{m}(both ask for what overlaps)" };
        yield return new(new Scene([], [("a", "", 0), ("b", "", 0), ("c", "10.128.0.0", 20)])) { TestName = "{m}(three Subnets)" };
    }

    [TestCaseSource(nameof(Scenes))]
    public void No_two_subnets_are_allocated_one_range(Scene scene)
    {
        // Every order of the first calls, then a random one that the number decides.
        for (var order = 0; order < 1 << Bits; order++)
        {
            using var run = new Run(scene, order);
            run.Go();
            var allocated = run.Allocated().Count;
            Assert.That(run.Clash, Is.Null, $"order {order}");
            Assert.That(allocated, Is.EqualTo(scene.Full ? 1 : scene.Subnets.Length), $"order {order}: {run.Describe()}");
        }
    }

    public sealed record Scene(string[] Ranges, (string Name, string Start, int Length)[] Subnets, bool Full = false);

    private sealed class Run : IDisposable
    {
        private readonly ManualScheduler _time;
        private readonly FakePlane _plane;
        private readonly Host[] _hosts;
        private readonly Random _random;
        private readonly CancellationTokenSource _stop = new();
        private readonly Scene _scene;
        private readonly int _order;

        public Run(Scene scene, int order)
        {
            (_scene, _order, _random) = (scene, order, new Random(order));
            _time = new ManualScheduler(order, pumped: true);
            _plane = new FakePlane(_time);
            Insert(ResourceTypes.Networks, "default", new Network { Spec = { Ipam = { Mode = "Auto", IPv4Ranges = [.. scene.Ranges] } } });
            foreach (var (name, start, length) in scene.Subnets)
            {
                var location = new LocationReference { Name = name, Namespace = "default" };
                Insert(ResourceTypes.NetworkContexts, name, new NetworkContext { Spec = { Network = { Name = "default" }, Location = location } });
                Insert(ResourceTypes.Subnets, name, new Subnet
                {
                    Spec = { SubnetClass = "private", IpFamily = "IPv4", NetworkContext = { Name = name }, Location = location, StartAddress = start, PrefixLength = length },
                });
            }

            _plane.Changed = (_, _, _) => Look();
            _hosts = [new Host(_plane, _time, "b", _stop.Token), new Host(_plane, _time, "a", _stop.Token)];
        }

        /// <summary>Two Subnets that were allocated overlapping ranges at one moment.</summary>
        public string? Clash { get; private set; }

        public void Go()
        {
            for (var step = 0; step < 400; step++)
            {
                _time.RunUntilIdle();
                var waiting = _hosts.Where(h => h.Waits).ToList();
                if (waiting.Count == 0)
                {
                    if (_time.NextTimer is null)
                        return;
                    _time.Advance(TimeSpan.FromMilliseconds(500));
                    continue;
                }

                var pick = step < Bits ? _order >> step & 1 : _random.Next(2);
                waiting[Math.Min(pick, waiting.Count - 1)].Pass();
            }
        }

        public List<Subnet> Allocated() => [.. _plane.Live(ResourceTypes.Subnets).Where(s => SubnetRanges.Allocated(s) is not null)];

        public string Describe() => string.Join("; ", _plane.Live(ResourceTypes.Subnets).Select(s =>
            $"{s.Metadata.Name} {s.Spec.StartAddress}/{s.Spec.PrefixLength} {Conditions.Find(s.Status?.Conditions, ConditionTypes.Allocated)?.Message}")) + " after " + string.Join(", ", _plane.Writes.TakeLast(12));

        public void Dispose()
        {
            _stop.Cancel();
            foreach (var host in _hosts)
                host.Dispose();
            _stop.Dispose();
        }

        private void Look()
        {
            var allocated = Allocated();
            foreach (var a in allocated)
            {
                foreach (var b in allocated.Where(b => string.CompareOrdinal(b.Metadata.Name, a.Metadata.Name) > 0 && SubnetRanges.Allocated(b)!.Value.Overlaps(SubnetRanges.Allocated(a)!.Value)))
                    Clash ??= $"{a.Metadata.Name} and {b.Metadata.Name} have {SubnetRanges.Allocated(a)} and {SubnetRanges.Allocated(b)}";
            }
        }

        private void Insert<T>(ResourceType<T> type, string name, T value) where T : KubeObject
        {
            (value.Metadata.Name, value.Metadata.Namespace) = (name, "default");
            _plane.Insert(type, type.Stamp(value));
        }
    }

    /// <summary>One host's allocator over caches of its own, which nobody but itself fills.</summary>
    private sealed class Host : IKubernetesClient, ICacheFactory, IDisposable
    {
        private readonly FakePlane _plane;
        private readonly CoreControllers _controllers;
        private readonly List<Action> _fill = [];
        private readonly Queue<TaskCompletionSource> _gate = new();
        private readonly string _unseen;

        /// <param name="unseen">The Subnet that its first list was too early for.</param>
        public Host(FakePlane plane, ManualScheduler time, string unseen, CancellationToken stop)
        {
            (_plane, _unseen) = (plane, unseen);
            var caches = new PlaneCaches(this);
            foreach (var fill in _fill)
                fill();
            _controllers = CoreControllers.Create(new CoreControllersOptions { Client = this, Scheduler = time, LoggerFactory = NullLoggerFactory.Instance, Caches = caches });
            var subnets = _controllers.All.Single(c => c.Name == "subnet");
            _ = time.Run(() => subnets.RunAsync(stop));
        }

        public bool Waits => _gate.Count > 0;

        public void Pass() => _gate.Dequeue().SetResult();

        public IObjectCache<T> Cache<T>(ResourceType<T> type) where T : KubeObject
        {
            var cache = new ObjectCache<T>();
            _fill.Add(() => cache.Replace([.. _plane.Live(type).Where(o => o is not Subnet || o.Metadata.Name != _unseen)], "1100", []));
            return cache;
        }

        public async Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject
        {
            await GateAsync();
            return await _plane.FindAsync(type, key, cancellation);
        }

        public async Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject
        {
            await GateAsync();
            return await _plane.ListAsync(type, options, cancellation);
        }

        public async Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject
        {
            await GateAsync();
            return await _plane.PatchAsync(type, key, patch, subresource, cancellation);
        }

        public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();

        public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();

        public IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();

        public void Dispose() => _controllers.Dispose();

        private Task GateAsync()
        {
            var turn = new TaskCompletionSource();
            _gate.Enqueue(turn);
            return turn.Task;
        }
    }
}
