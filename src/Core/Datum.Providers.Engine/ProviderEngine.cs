using System.Reflection;
using Datum.Providers.Engine.Collect;
using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Limits;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Provisioning;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Engine.Usage;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine;

/// <summary>What an engine is made of.</summary>
public sealed record EngineParts
{
    public required HomePlane Home { get; init; }

    /// <summary>The only plane. Null: planes are engaged and drained while the engine runs (<see cref="ProviderEngine.Engage"/>).</summary>
    public ProjectPlane? Plane { get; init; }

    public required IDriverConnector Drivers { get; init; }
    public required ICredentialSource Credentials { get; init; }
    /// <summary>What a file or folder of credentials says of its version; null: files aren't watched. Values never go through here.</summary>
    public Func<string, string>? CredentialFiles { get; init; }

    public required IMutationGate Gate { get; init; }
    public required IScheduler Scheduler { get; init; }
    public required ILoggerFactory Logging { get; init; }

    /// <summary>True in the development plane: a ProviderConfig without <c>allowed</c> allows everybody. Default false.</summary>
    public bool Development { get; init; }

    /// <summary>The host's version: a new one may translate the same wish into something else (L15). Default: this assembly's, with its commit.</summary>
    public string HostVersion { get; init; } = typeof(EngineParts).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

    /// <summary>True: entries, accounts and configs are looked at and told, and no Datum object is acted on, so that no entry is made or given up. Default false.</summary>
    public bool LedgerOnly { get; init; }

    internal EngineSeams Seams { get; init; } = new();
}

/// <summary>The whole provider side: what belongs to the ledger and the accounts here, what belongs to a project plane in a <see cref="PlaneEngine"/> for each.</summary>
public sealed class ProviderEngine : IDisposable
{
    private readonly EngineParts _parts;
    private readonly IDisposable[] _owned;
    private readonly EngagedPlanes _planes;
    private readonly PlaneEngine.Shared _shared;
    private readonly ProviderConfigController _configs;
    private readonly PlaneEngine? _only;

    private ProviderEngine(
        EngineParts parts, EngagedPlanes planes, PlaneEngine.Shared shared, ProviderConfigController configs, SessionManager sessions, EntryController entries, UsageReadings usage, IDisposable[] owned, IReadOnlyList<IController> controllers)
    {
        (_parts, _planes, _shared, _configs, _owned) = (parts, planes, shared, configs, owned);
        Sessions = sessions;
        Entries = entries;
        Usage = usage;
        if (parts.Plane is { } plane)
            _planes.Add(_only = Engage(plane));
        Controllers = _only is null ? controllers : [controllers[0], _only.Controllers[0], .. controllers.Skip(1).Take(1), .. _only.Controllers.Skip(1), .. controllers.Skip(2)];
    }

    /// <summary>Who serves which Location of the only plane, for whoever has to know it early.</summary>
    public LocationResolver Locations => _only?.Locations ?? throw new InvalidOperationException("This engine has no plane of its own: each has a resolver.");

    public SessionManager Sessions { get; }
    public EntryController Entries { get; }

    /// <summary>What instances use, for whoever scales by it.</summary>
    public UsageReadings Usage { get; }
    public IReadOnlyList<IController> Controllers { get; }

    /// <summary>
    /// Composes the part for another project plane; its caches' indexes are added here, so call it before they are filled. It counts as engaged
    /// while <see cref="PlaneEngine.RunAsync"/> runs with full caches, until it is disposed.
    /// </summary>
    public PlaneEngine Engage(ProjectPlane plane)
    {
        var following = _configs.Follow(plane);
        return _shared.Create(plane, engine =>
        {
            if (!_planes.Add(engine))
                return;
            Poke(plane.Id);
            _configs.All();
        }, engine =>
        {
            following.Dispose();
            if (_planes.Remove(engine))
                _configs.All();
        });
    }

    /// <summary>Why a plane isn't engaged, for people, on its entries; empty while it is about to be, null when nothing is known of it any more.</summary>
    public void Tell(string planeId, string? why)
    {
        if (_planes.Tell(planeId, why))
            Poke(planeId);
    }

    /// <summary>What is said on entries of planes that nobody knows. Before it was called nothing is said of them.</summary>
    public void TellOthers(string why)
    {
        _planes.TellOthers(why);
        foreach (var entry in _parts.Home.Entries.All())
            if (!_planes.IsEngaged(entry.Spec.Owner.Plane, out _))
                Entries.Poke(entry.Metadata.Name!);
    }

    private void Poke(string planeId)
    {
        foreach (var entry in _parts.Home.Entries.All())
            if (entry.Spec.Owner.Plane == planeId)
                Entries.Poke(entry.Metadata.Name!);
    }

    /// <summary>Composes the engine. The caches' indexes are added here, so call it before the caches are filled.</summary>
    public static ProviderEngine Create(EngineParts parts)
    {
        var (home, scheduler, logging) = (parts.Home, parts.Scheduler, parts.Logging);
        home.Prepare();
        var planes = new EngagedPlanes { Many = parts.Plane is null };
        var ledger = new LedgerStore(home);
        var limits = new AccountLimits(home, scheduler, logging.CreateLogger<AccountLimits>());
        var credentials = new CredentialWatch(home, scheduler, logging, parts.CredentialFiles);
        var sessions = new SessionManager(home, parts.Drivers, parts.Credentials, scheduler, logging.CreateLogger<SessionManager>(), credentials, limits);
        var causes = new ChangeCauses(parts.HostVersion);
        var events = new EventRecorder(planes.ClientOf, scheduler, logging.CreateLogger<EventRecorder>());
        var troubles = new Troubles(events);
        var accounts = new AccountGuard(home, scheduler, parts.HostVersion) { Seams = parts.Seams };
        var reconciler = new EntryReconciler(home, ledger, sessions, parts.Gate, parts.Seams.Owners(new OwnerReader(planes)), new PayloadSource(planes.ClientOf, parts.Development ? null : home.Namespace),
            events, limits, accounts, scheduler, logging.CreateLogger<EntryReconciler>())
        { Seams = parts.Seams };
        var entries = new EntryController(home, ledger, sessions, reconciler, limits, scheduler, logging.CreateLogger<EntryController>());

        var findings = new FindingBook();
        var report = new AccountReport(home, accounts, findings, entries, events, scheduler, logging.CreateLogger<AccountReport>());
        var collector = new Collector(home, parts.Gate, accounts, findings, report, scheduler, logging.CreateLogger<Collector>()) { Seams = parts.Seams };

        void Forget(ObjectChange<ManagedResource> change)
        {
            if (change.After is null)
                causes.Forget(change.Key.Name);
        }

        var shared = new PlaneEngine.Shared(parts, planes, ledger, sessions, causes, troubles, entries);
        var configs = new ProviderConfigController(home, () => planes.All.Select(p => (p.Plane, p.Locations)), sessions, limits, parts.Drivers, troubles, scheduler, logging.CreateLogger<ProviderConfigController>());
        var usage = new UsageReadings(home, sessions, parts.Drivers, scheduler, logging.CreateLogger<UsageReadings>());
        IDisposable[] owned = [limits, home.Entries.Subscribe(Forget), shared];
        return new ProviderEngine(parts, planes, shared, configs, sessions, entries, usage, owned,
        [
            credentials,
            configs,
            entries,
            report,
            new AccountLister(home, sessions, entries, accounts, collector, shared.LocationBlocks, scheduler, logging.CreateLogger<AccountLister>()),
            new BreakerProbes(limits, sessions, entries, scheduler, logging.CreateLogger<BreakerProbes>()),
            new ObserveRounds(home, sessions, entries, scheduler),
            usage,
        ]);
    }

    /// <summary>Runs until cancelled. Nothing is decided before every cache has its first complete list; other planes are run by who engages them.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        await Task.WhenAll(
            _parts.Home.Entries.WaitForSyncAsync(cancellation), _parts.Home.Configs.WaitForSyncAsync(cancellation),
            _only?.WaitForSyncAsync(cancellation) ?? Task.CompletedTask).ConfigureAwait(false);
        await Task.WhenAll(Controllers.Where(c => !_parts.LedgerOnly || c is not (NetworkController or InstanceController)).Select(c => c.RunAsync(cancellation))).ConfigureAwait(false);
    }

    public void Dispose()
    {
        foreach (var subscription in _owned)
            subscription.Dispose();
        _only?.Dispose();
        foreach (var controller in Controllers.Except(_only?.Controllers ?? []).OfType<IDisposable>())
            controller.Dispose();
        Sessions.Close();
    }
}
