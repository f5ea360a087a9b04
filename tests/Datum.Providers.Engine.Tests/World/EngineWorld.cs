using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Datum.Providers.ControlPlane;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Providers;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Tests.World;

/// <summary>An API server, a platform and a clock that outlive any number of engines, all in memory.</summary>
internal sealed partial class EngineWorld : IDriverConnector, ICredentialSource, IMutationGate, IDisposable
{
    public const string Installation = "test";
    public const string PlaneId = "00000000-0000-4000-8000-0000000000aa";

    private readonly SimulatorDriverFactory _factory;
    private readonly ImmutableDictionary<ResourceKind, CreateClass> _classes;
    private readonly Fork _wire;
    private readonly bool _withCore;
    private readonly bool _development;
    private readonly List<(ProviderEngine Engine, CancellationTokenSource Stop)> _lives = [];

    /// <param name="furnish">Makes what stands there before the first engine; null: a Location and its ProviderConfig, open to everybody.</param>
    /// <param name="withCore">True: Datum's own controllers run as well.</param>
    /// <param name="development">False: a ProviderConfig without lists allows nobody.</param>
    public EngineWorld(
        SimulatorKnobs? knobs = null, SimulatorProfile? profile = null, int killAt = 0, int seed = 1, Action<EngineWorld>? furnish = null, bool withCore = false, bool development = true)
    {
        _withCore = withCore;
        _development = development;
        Time = new ManualScheduler(seed);
        Plane = new FakePlane(Time);
        var effective = knobs ?? new SimulatorKnobs();
        _classes = effective.CreateClasses;
        _factory = new SimulatorDriverFactory(profile ?? new SimulatorProfile());
        Cloud = new SimulatedCloud(Time, seed, effective);
        OtherCloud = new SimulatedCloud(Time, seed, effective, "another-account");
        _wire = new Fork(this, new SimulatedCloudHandler(Cloud, Time), new SimulatedCloudHandler(OtherCloud, Time));
        Switch = new KillSwitch { KillAt = killAt };
        Descriptor = _factory.Describe();
        (furnish ?? (w => w.Furnish()))(this);
        Start();
    }

    public ManualScheduler Time { get; }
    public FakePlane Plane { get; }
    public SimulatedCloud Cloud { get; }

    /// <summary>Another account at the platform, empty at first.</summary>
    public SimulatedCloud OtherCloud { get; }

    /// <summary>True: the wire leads to the other account.</summary>
    public bool Elsewhere { get; set; }

    public TestLog Log { get; } = new();

    /// <summary>The life of the engine that runs now.</summary>
    public KillSwitch Switch { get; private set; }

    /// <summary>Null: the driver isn't in the driver volume.</summary>
    public DriverDescriptor? Descriptor { get; set; }

    /// <summary>The lease.</summary>
    public bool Leads { get; set; } = true;

    public bool ObserveOnly { get; set; }

    /// <summary>Of the engine that starts next.</summary>
    public string HostVersion { get; set; } = "1";

    /// <summary>Called before a single ledger entry is read at the API server; what it returns is the answer.</summary>
    public Func<ObjectKey, KubernetesException?>? BeforeLedgerRead { get; set; }

    /// <summary>What a read of one object of a kind fails with; null lets it through.</summary>
    public Func<string, ObjectKey, Exception?>? BeforeRead { get; set; }

    /// <summary>Requests that reached the platform.</summary>
    public ConcurrentQueue<(HttpMethod Method, string Path)> Requests { get; } = [];

    public string Holder => "host-1";

    public bool MayMutate(TimeSpan timeout) => Leads;

    /// <summary>Ends the engine without a goodbye and starts another one over the same state.</summary>
    public void Restart(int killAt = 0)
    {
        Switch.Kill();
        PoolIdle.Wait();
        Plane.DropCaches();
        Switch = new KillSwitch { KillAt = killAt };
        Start();
    }

    /// <summary>The engine that runs now.</summary>
    public ProviderEngine Engine => _lives[^1].Engine;

    public void Advance(TimeSpan by)
    {
        var target = Time.Now + by;
        PoolIdle.Wait();
        while (Time.NextTimer is { } due && due <= target)
            Step();
        Time.Advance(target - Time.Now);
        PoolIdle.Wait();
    }

    /// <summary>Lets time pass until something is so; a killed engine is replaced by another one at once.</summary>
    public void Until(string what, Func<bool> isSo, TimeSpan? limit = null)
    {
        var deadline = Time.Now + (limit ?? TimeSpan.FromMinutes(10));
        PoolIdle.Wait();
        while (!isSo())
        {
            if (Switch.Dead)
                Restart();
            else if (Time.NextTimer is { } due && due <= deadline)
                Step();
            else
                Assert.Fail($"Not within {limit ?? TimeSpan.FromMinutes(10)}: {what}.\n{Describe()}");
        }
        if (Switch.Dead)
            Restart();
    }

    /// <summary>Everything of the ledger and the log's end, for people who read a failed test.</summary>
    public string Describe() => string.Join('\n',
        Plane.Live(ResourceTypes.ManagedResources).Select(e =>
            $"{e.Spec.Kind} {e.Metadata.Name![..6]} wanted={e.Spec.Wanted} retiring={e.Spec.Record.Retiring} inc={e.Spec.Record.Incarnation} intent={e.Spec.Record.Intent?.Part} parts=[{string.Join(',', e.Spec.Record.Parts?.Select(p => $"{p.Name}={p.Id}") ?? [])}] "
            + $"{e.Status?.State}: {Conditions.Find(e.Status?.Conditions, ConditionTypes.Ready)?.Reason} {Conditions.Find(e.Status?.Conditions, ConditionTypes.Ready)?.Message}")
        .Concat(Plane.Live(ResourceTypes.Instances).Select(i => $"Instance {i.Metadata.Name}: {string.Join("; ", (i.Status?.Conditions ?? []).Select(c => $"{c.Type}={c.Status} {c.Reason} {c.Message}"))}"))
        .Concat(Plane.Live(ResourceTypes.Locations).Select(l => $"Location {l.Key}: {string.Join("; ", (l.Status?.Conditions ?? []).Select(c => $"{c.Type}={c.Status} {c.Reason} {c.Message}"))}"))
        .Concat(Plane.Live(ResourceTypes.ProviderConfigs).Select(l => $"ProviderConfig {l.Key}: {string.Join("; ", (l.Status?.Conditions ?? []).Select(c => $"{c.Type}={c.Status} {c.Reason} {c.Message}"))}"))
        .Concat(Cloud.Objects.Select(o => $"cloud {o.Collection} {o.Id} {o.State}"))
        .Concat(Log.Lines.TakeLast(15).Select(l => $"{l.Level}: {(l.Text.Length > 600 ? l.Text[..600] : l.Text)}")));

    public void Dispose()
    {
        Switch.Kill();
        foreach (var (engine, stop) in _lives)
        {
            stop.Cancel();
            engine.Dispose();
        }
        PoolIdle.Wait();
        foreach (var (_, stop) in _lives)
            stop.Dispose();
        _wire.Dispose();
    }

    DriverDescriptor? IDriverConnector.Find(string driverId) => driverId == Descriptor?.Id ? Descriptor : null;

    DriverDescriptor? IDriverConnector.FindByLocationKey(string key) => key == Descriptor?.LocationKey ? Descriptor : null;

    string IDriverConnector.WhyMissing(string driverIdOrKey) => $"Driver {driverIdOrKey} isn't in the driver volume.";

    ValueTask<IInfrastructureDriver> IDriverConnector.ConnectAsync(SessionRequest request, CancellationToken cancellation) =>
        _factory.ConnectAsync(
            new DriverHost(this, new MortalHandler(Door is { } door ? door.Before(_wire) : _wire, Switch, (method, path) => Requests.Enqueue((method, path))), request.Credentials),
            request.Connection, cancellation);

    ValueTask<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>> ICredentialSource.ReadAsync(ProviderConfig config, CancellationToken cancellation) =>
        new(ReadCredentials(config));

    private void Step()
    {
        Time.AdvanceToNextTimer();
        PoolIdle.Wait();
    }

    private void Start()
    {
        var client = new MortalClient(Plane, Switch, (kind, key) => BeforeRead?.Invoke(kind, key) ?? (kind == "ManagedResource" ? BeforeLedgerRead?.Invoke(key) : null));
        var home = new HomePlane
        {
            Client = client, Installation = Installation, Namespace = "datum-providers",
            Entries = Plane.Cache(ResourceTypes.ManagedResources), Configs = Plane.Cache(ResourceTypes.ProviderConfigs),
        };
        var project = new ProjectPlane
        {
            Id = PlaneId, Client = client,
            Locations = Plane.Cache(ResourceTypes.Locations), ComputeLocations = Plane.Cache(ResourceTypes.ComputeLocations),
            Networks = Plane.Cache(ResourceTypes.Networks), NetworkContexts = Plane.Cache(ResourceTypes.NetworkContexts), Subnets = Plane.Cache(ResourceTypes.Subnets),
            WorkloadDeployments = Plane.Cache(ResourceTypes.WorkloadDeployments), Instances = Plane.Cache(ResourceTypes.Instances),
        };
        var engine = ProviderEngine.Create(new EngineParts
        {
            Home = home, Plane = project, Drivers = this, Credentials = this, CredentialFiles = CredentialFiles, Gate = this, Scheduler = Time, Logging = Log, Development = _development,
            HostVersion = HostVersion,
        });
        var core = _withCore ? CoreControllers.Create(new CoreControllersOptions { Client = client, Scheduler = Time, LoggerFactory = Log, Caches = new PlaneCaches(new Caches(Plane)), Usage = new Usage(engine.Usage) }) : null;
        var stop = new CancellationTokenSource();
        _lives.Add((engine, stop));
        Plane.Sync();
        _ = Time.Run(() => engine.RunAsync(stop.Token));
        if (core is not null)
            _ = Time.Run(() => core.RunAsync(stop.Token));
        PoolIdle.Wait();
    }

    private sealed class Fork(EngineWorld world, HttpMessageHandler here, HttpMessageHandler there) : HttpMessageHandler
    {
        private readonly HttpMessageInvoker _here = new(here);
        private readonly HttpMessageInvoker _there = new(there);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            (world.Elsewhere ? _there : _here).SendAsync(request, cancellationToken);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _here.Dispose();
                _there.Dispose();
            }
            base.Dispose(disposing);
        }
    }

    private sealed class Usage(Engine.Usage.UsageReadings readings) : ControlPlane.Compute.IInstanceUsage
    {
        public ControlPlane.Compute.UsageAnswer Find(string instanceUid)
        {
            var look = readings.Find(PlaneId, instanceUid);
            return new(look.Newest is { } newest ? new ControlPlane.Compute.InstanceUsage { CpuMillis = newest.CpuMillis!.Value, CpuCapacityMillis = newest.CpuCapacityMillis, At = newest.At } : null, look.Why, look.Unsupported);
        }
    }

    private sealed class Caches(FakePlane plane) : ICacheFactory
    {
        IObjectCache<T>? ICacheFactory.Cache<T>(ResourceType<T> type) => plane.Cache(type);
    }

    private sealed class DriverHost(EngineWorld world, HttpMessageHandler handler, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> credentials) : IDriverHost
    {
        public ILogger Logger => world.Log;

        public Meter Meter { get; } = new("engine-tests");

        public TimeProvider Time => world.Time;

        public HttpMessageHandler HttpHandler => handler;

        public ValueTask<ReadOnlyMemory<byte>> ReadCredentialAsync(string key, CancellationToken cancellation) => new(credentials.GetValueOrDefault(key));
    }
}
