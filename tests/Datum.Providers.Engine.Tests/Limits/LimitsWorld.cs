using System.Collections.Concurrent;
using Datum.Providers.Engine.Collect;
using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Limits;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Provisioning;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources.Providers;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Tests.Limits;

/// <summary>Any number of accounts of a driver that does what the test says, entries of kind Network in them, and the engine's entry half over a virtual clock.</summary>
internal sealed class LimitsWorld : IDriverConnector, ICredentialSource, IMutationGate, IOwnerReader, IPayloadSource, IEventRecorder, IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<IDisposable> _owned = [];

    public LimitsWorld(Action<LimitsWorld>? furnish = null)
    {
        Plane = new FakePlane(Time);
        // Before the caches: what is there at a start comes with their first list.
        furnish?.Invoke(this);
        Home = new HomePlane
        {
            Client = Plane, Installation = "test", Namespace = "datum-providers",
            Entries = Plane.Cache(ResourceTypes.ManagedResources), Configs = Plane.Cache(ResourceTypes.ProviderConfigs),
        };
        Home.Prepare();
        var project = new ProjectPlane
        {
            Id = "plane", Client = Plane,
            Locations = Plane.Cache(ResourceTypes.Locations), ComputeLocations = Plane.Cache(ResourceTypes.ComputeLocations),
            Networks = Plane.Cache(ResourceTypes.Networks), NetworkContexts = Plane.Cache(ResourceTypes.NetworkContexts), Subnets = Plane.Cache(ResourceTypes.Subnets),
            WorkloadDeployments = Plane.Cache(ResourceTypes.WorkloadDeployments), Instances = Plane.Cache(ResourceTypes.Instances),
        };
        var ledger = new LedgerStore(Home);
        var limits = new AccountLimits(Home, Time, Log.CreateLogger<AccountLimits>());
        var sessions = new SessionManager(Home, this, this, Time, Log.CreateLogger<SessionManager>(), limits: limits);
        var accounts = new AccountGuard(Home, Time, "test");
        var reconciler = new EntryReconciler(Home, ledger, sessions, this, this, this, this, limits, accounts, Time, Log.CreateLogger<EntryReconciler>());
        Entries = new EntryController(Home, ledger, sessions, reconciler, limits, Time, Log.CreateLogger<EntryController>());
        var configs = new ProviderConfigController(Home, () => [(project, new LocationResolver(Home, project, this, true))], sessions, limits, this, new Troubles(this), Time, Log.CreateLogger<ProviderConfigController>());
        Limits = limits;
        _owned.AddRange([limits, Entries, configs.Follow(project), configs]);
        var findings = new FindingBook();
        var report = new AccountReport(Home, accounts, findings, Entries, this, Time, Log.CreateLogger<AccountReport>());
        var collector = new Collector(Home, this, accounts, findings, report, Time, Log.CreateLogger<Collector>());
        _owned.Add(report);
        IController[] controllers =
        [
            Entries, configs, new AccountLister(Home, sessions, Entries, accounts, collector, _ => [], Time, Log.CreateLogger<AccountLister>()),
            new BreakerProbes(limits, sessions, Entries, Time, Log.CreateLogger<BreakerProbes>()), new ObserveRounds(Home, sessions, Entries, Time),
        ];
        Plane.Sync();
        foreach (var controller in controllers)
            _ = Time.Run(() => controller.RunAsync(_stop.Token));
        PoolIdle.Wait();
    }

    public ManualScheduler Time { get; } = new();
    public FakePlane Plane { get; }
    public HomePlane Home { get; }
    public EntryController Entries { get; }
    public AccountLimits Limits { get; }
    public TestLog Log { get; } = new();
    public bool Leads { get; set; } = true;
    public Func<bool>? MayMutateNow { get; set; }
    public ConcurrentDictionary<string, ScriptedAccount> Accounts { get; } = [];
    public ConcurrentQueue<string> Events { get; } = [];

    public DriverDescriptor Descriptor { get; set; } = Describe(ListQuality.ServerSide);

    public string Holder => "host-1";
    public bool ObserveOnly => false;
    public bool MayMutate(TimeSpan timeout) => MayMutateNow?.Invoke() ?? Leads;

    public static DriverDescriptor Describe(ListQuality listing) => new Drivers.Simulator.SimulatorDriverFactory().Describe() with
    {
        Id = "scripted",
        SettingsSchema = """{"type":"object"}""",
        SessionScope = [],
        Kinds = [new KindDescriptor
        {
            Kind = ResourceKind.Network, CreateClass = CreateClass.Named, ConsistencyWindow = TimeSpan.FromSeconds(1), ListQuality = listing,
            ListingCarriesFacts = listing is ListQuality.ServerSide, TypicalCreate = TimeSpan.FromSeconds(1), CreateDeadline = TimeSpan.FromMinutes(5),
        }],
    };

    /// <summary>A ProviderConfig for an account; several may have the same one.</summary>
    public ScriptedAccount Config(string name, string? account = null, Action<ProviderLimits>? limits = null)
    {
        var config = new ProviderConfig { Spec = { Driver = "scripted", Endpoint = $"http://{account ?? name}/" } };
        config.Metadata.Name = name;
        if (limits is not null)
            limits(config.Spec.Limits = new ProviderLimits());
        Create(ResourceTypes.ProviderConfigs, config);
        return Accounts.GetOrAdd(account ?? name, id => new ScriptedAccount(id, Time));
    }

    public void Entry(string config, string name) => Create(ResourceTypes.ManagedResources, new ManagedResource
    {
        Metadata = new ObjectMeta { Name = name },
        Spec =
        {
            Installation = "test", Kind = "Network", Slot = "0", Driver = "scripted", ProviderConfig = config, Wanted = true,
            Owner = new ResourceOwner { Plane = "plane", ApiVersion = "v1", Kind = "Network", Namespace = "default", Name = name, Uid = $"uid-{name}" },
            Desired = ContractJson.Write(new NetworkSpec()), Record = { Incarnation = 1 },
        },
    });

    public Condition? Ready(string name) => EngineWorld.Ready(Plane.Peek(ResourceTypes.ManagedResources, null, name)!);

    public Condition? Told(string config, string condition) => Conditions.Find(Plane.Peek(ResourceTypes.ProviderConfigs, null, config)!.Status?.Conditions, condition);

    public void Change(string config, Action<ProviderConfigSpec> change) => Plane.Edit(ResourceTypes.ProviderConfigs, null, config, c => change(c.Spec));

    public void Advance(TimeSpan by)
    {
        var target = Time.Now + by;
        PoolIdle.Wait();
        while (Time.NextTimer is { } due && due <= target)
        {
            Time.AdvanceToNextTimer();
            PoolIdle.Wait();
        }
        Time.Advance(target - Time.Now);
        PoolIdle.Wait();
    }

    public void Until(string what, Func<bool> isSo, TimeSpan? limit = null)
    {
        var deadline = Time.Now + (limit ?? TimeSpan.FromMinutes(10));
        PoolIdle.Wait();
        while (!isSo())
        {
            if (Time.NextTimer is not { } due || due > deadline)
                Assert.Fail($"Not within {limit ?? TimeSpan.FromMinutes(10)}: {what}.\n" + string.Join('\n', Plane.Live(ResourceTypes.ManagedResources).Take(20).Select(e => $"{e.Metadata.Name} {EngineWorld.Ready(e)?.Reason} {EngineWorld.Ready(e)?.Message}"))
                    + "\n" + string.Join('\n', Log.Lines.TakeLast(20).Select(l => l.Text)));
            Time.AdvanceToNextTimer();
            PoolIdle.Wait();
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        foreach (var account in Accounts.Values)
            account.Hangs = false;
        foreach (var owned in _owned)
            owned.Dispose();
        PoolIdle.Wait();
        _stop.Dispose();
    }

    DriverDescriptor? IDriverConnector.Find(string driverId) => Descriptor;

    DriverDescriptor? IDriverConnector.FindByLocationKey(string key) => Descriptor;

    string IDriverConnector.WhyMissing(string driverIdOrKey) => "";

    ValueTask<IInfrastructureDriver> IDriverConnector.ConnectAsync(SessionRequest request, CancellationToken cancellation) =>
        new(new ScriptedDriver(Accounts[request.Connection.Endpoint!.Host]));

    ValueTask<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>> ICredentialSource.ReadAsync(ProviderConfig config, CancellationToken cancellation) =>
        new(ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty);

    bool IOwnerReader.IsKnown(ResourceOwner owner) => true;

    ValueTask<OwnerState> IOwnerReader.ReadAsync(ResourceOwner owner, CancellationToken cancellation) => new(OwnerState.Exists);

    IPayloadReader? IPayloadSource.For(ManagedResource entry) => null;

    ValueTask IEventRecorder.RecordAsync(ManagedResource entry, bool warning, string reason, string message, CancellationToken cancellation)
    {
        Events.Enqueue($"{entry.Metadata.Name} {reason}");
        return default;
    }

    ValueTask IEventRecorder.WarnAsync(IKubernetesClient client, ObjectReference about, string reason, string message, CancellationToken cancellation)
    {
        Events.Enqueue($"{about.Name} {reason}");
        return default;
    }

    private void Create<T>(ResourceType<T> type, T value) where T : KubeObject => Plane.CreateAsync(type, type.Stamp(value), CancellationToken.None).GetAwaiter().GetResult();
}
