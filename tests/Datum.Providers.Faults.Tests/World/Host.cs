using System.Diagnostics.Metrics;
using Datum.Providers.ControlPlane;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Host.Composition;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Faults.Tests.World;

/// <summary>One process of the host: caches with their reflectors, core controllers, engine, lease. Composed as the host program composes it.</summary>
internal sealed class Host : IDriverConnector, ICredentialSource, IMutationGate, ICacheFactory, ILoggerFactory, ILogger, IDisposable
{
    private readonly FaultWorld _world;
    private readonly IKubernetesClient _client;
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, (object Cache, Func<Task> Run)> _caches = new(StringComparer.Ordinal);
    private readonly ProviderEngine _engine;
    private readonly CoreControllers? _core;
    private readonly LeaseElector? _elector;
    private readonly IMutationGate? _leaseGate;
    private ((SimulatorProfile, Func<DriverDescriptor, DriverDescriptor>, string) Asked, DriverDescriptor Descriptor)? _described;

    public Host(FaultWorld world, string name, bool useLease, FakeSnapshot? stale)
    {
        (_world, Name, UsesLease) = (world, name, useLease);
        Life = new Life(name);
        Clock = new LifeClock(world.Time, Life);
        Client = new FaultyClient(world, Life, stale);
        _client = world.Bug?.Client?.Invoke(world, Client) ?? Client;
        var home = new HomePlane
        {
            Client = _client, Installation = FaultWorld.Installation, Namespace = "datum-providers",
            Entries = Cache(ResourceTypes.ManagedResources), Configs = Cache(ResourceTypes.ProviderConfigs),
        };
        var plane = new ProjectPlane
        {
            Id = FaultWorld.PlaneId, Client = _client,
            Locations = Cache(ResourceTypes.Locations), ComputeLocations = Cache(ResourceTypes.ComputeLocations),
            Networks = Cache(ResourceTypes.Networks), NetworkContexts = Cache(ResourceTypes.NetworkContexts), Subnets = Cache(ResourceTypes.Subnets),
            WorkloadDeployments = Cache(ResourceTypes.WorkloadDeployments), Instances = Cache(ResourceTypes.Instances),
        };
        if (useLease)
        {
            _elector = new LeaseElector(Client, Clock, new LeaseElectorOptions { Lease = new ObjectKey("datum-providers", "datum-providers"), Identity = name }, this);
            _leaseGate = new LeaseGate(_elector, name, world.ObserveOnly, Clock, TimeSpan.FromSeconds(60));
        }
        _engine = ProviderEngine.Create(new EngineParts
        {
            Home = home, Plane = plane, Drivers = this, Credentials = this, Gate = world.Bug?.Gate?.Invoke(world, this) ?? this, Scheduler = Clock, Logging = this,
            Seams = world.Bug?.Seams?.Invoke(world) ?? new EngineSeams(),
        });
        if (world.Options.HasCore)
            _core = CoreControllers.Create(new CoreControllersOptions { Client = _client, Scheduler = Clock, LoggerFactory = this, Caches = new PlaneCaches(this) });
    }

    public string Name { get; }
    public bool UsesLease { get; }
    public Life Life { get; }
    public LifeClock Clock { get; }
    public FaultyClient Client { get; }

    /// <summary>False once its successor is on its way, and for one that is not to come back.</summary>
    public bool StartsAgain { get; set; } = true;

    public string Holder => Name;

    public bool ObserveOnly => _world.ObserveOnly;

    public bool MayMutate(TimeSpan timeout) => _leaseGate?.MayMutate(timeout) ?? true;

    public void Run() => _ = Clock.Run(RunAsync);

    IObjectCache<T>? ICacheFactory.Cache<T>(ResourceType<T> type) => Cache(type);

    DriverDescriptor? IDriverConnector.Find(string driverId) => driverId == "simulator" ? Descriptor : null;

    DriverDescriptor? IDriverConnector.FindByLocationKey(string key) => key == "simulator" ? Descriptor : null;

    string IDriverConnector.WhyMissing(string driverIdOrKey) => $"Driver {driverIdOrKey} isn't in the driver volume.";

    async ValueTask<IInfrastructureDriver> IDriverConnector.ConnectAsync(SessionRequest request, CancellationToken cancellation)
    {
        var host = new DriverHost(this, _world.WireOf(Life), request.Credentials);
        var driver = await new SimulatorDriverFactory(_world.Profile!).ConnectAsync(host, request.Connection, cancellation);
        return _world.Bug?.Driver?.Invoke(_world, driver) ?? driver;
    }

    ValueTask<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>> ICredentialSource.ReadAsync(ProviderConfig config, CancellationToken cancellation) =>
        new(ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty.Add("token", System.Text.Encoding.UTF8.GetBytes(_world.Credential)));

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information && !Life.Dead;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
            _world.Note($"{Name} {logLevel}: {formatter(state, exception)} {exception}");
    }

    public void Dispose()
    {
        Life.Kill();
        _stop.Cancel();
        _core?.Dispose();
        _engine.Dispose();
        _stop.Dispose();
    }

    /// <summary>What the driver says of itself; asked once for each form that it has, as the host's loader does.</summary>
    private DriverDescriptor? Descriptor
    {
        get
        {
            if (_world.Profile is not { } profile)
                return null;
            var asked = (profile, _world.DescribeAs, _world.DriverVersion);
            if (_described is not { } known || known.Asked != asked)
                _described = known = (asked, _world.Describe(new SimulatorDriverFactory(profile).Describe()) with { Version = _world.DriverVersion });
            return known.Descriptor;
        }
    }

    private ObjectCache<T> Cache<T>(ResourceType<T> type) where T : KubeObject
    {
        var key = type.ToString();
        if (_caches.TryGetValue(key, out var known))
            return (ObjectCache<T>)known.Cache;
        var cache = new ObjectCache<T>(this);
        var reflector = new Reflector<T>(_client ?? throw new InvalidOperationException("No client yet."), type, cache, Clock, new ReflectorOptions { WatchTimeout = TimeSpan.FromMinutes(30) }, this);
        _caches[key] = (cache, () => reflector.RunAsync(_stop.Token));
        return cache;
    }

    private async Task RunAsync()
    {
        foreach (var cache in _caches.Values)
            _ = Clock.Run(cache.Run);
        if (_elector is { } elector)
        {
            _ = Clock.Run(() => elector.RunAsync(_stop.Token));
            var leadership = await elector.WaitForLeadershipAsync(_stop.Token);
            // Who lost the lease must not linger: the process ends, and its successor begins with fresh caches.
            if (_world.Bug?.LingersWithoutLease != true)
                leadership.Register(Life.Kill);
        }
        await Task.WhenAll(_engine.RunAsync(_stop.Token), _core?.RunAsync(_stop.Token) ?? Task.CompletedTask);
    }

    private sealed class DriverHost(Host host, HttpMessageHandler handler, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> credentials) : IDriverHost
    {
        public ILogger Logger => host;

        public Meter Meter { get; } = new("faults");

        public TimeProvider Time => host.Clock;

        public HttpMessageHandler HttpHandler => handler;

        public ValueTask<ReadOnlyMemory<byte>> ReadCredentialAsync(string key, CancellationToken cancellation) => new(credentials.GetValueOrDefault(key));
    }
}
