using System.Reflection;
using Datum.Providers.Engine.Collect;
using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Limits;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Provisioning;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Engine.Translate;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine;

/// <summary>What an engine is made of.</summary>
public sealed record EngineParts
{
    public required HomePlane Home { get; init; }
    public required ProjectPlane Plane { get; init; }
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

/// <summary>The whole provider side for one plane: every controller in one list, in the order of the data's way.</summary>
public sealed class ProviderEngine : IDisposable
{
    private readonly EngineParts _parts;
    private readonly IDisposable[] _owned;

    private ProviderEngine(EngineParts parts, LocationResolver locations, SessionManager sessions, EntryController entries, IDisposable[] owned, IReadOnlyList<IController> controllers)
    {
        _owned = owned;
        _parts = parts;
        Locations = locations;
        Sessions = sessions;
        Entries = entries;
        Controllers = controllers;
    }

    /// <summary>Who serves which Location, for whoever has to know it early.</summary>
    public LocationResolver Locations { get; }

    public SessionManager Sessions { get; }
    public EntryController Entries { get; }
    public IReadOnlyList<IController> Controllers { get; }

    /// <summary>Composes the engine. The caches' indexes are added here, so call it before the caches are filled.</summary>
    public static ProviderEngine Create(EngineParts parts)
    {
        var (home, plane, scheduler, logging) = (parts.Home, parts.Plane, parts.Scheduler, parts.Logging);
        home.Prepare();
        NetworkPlaces.Prepare(plane);
        plane.Contest = new Contest(scheduler.Time, logging.CreateLogger<Contest>());

        IKubernetesClient? PlaneById(string id) => id == plane.Id ? plane.Client : null;
        var ledger = new LedgerStore(home);
        var limits = new AccountLimits(home, scheduler, logging.CreateLogger<AccountLimits>());
        var credentials = new CredentialWatch(home, scheduler, logging, parts.CredentialFiles);
        var sessions = new SessionManager(home, parts.Drivers, parts.Credentials, scheduler, logging.CreateLogger<SessionManager>(), credentials, limits);
        var resolver = new LocationResolver(home, plane, parts.Drivers, parts.Development);
        var causes = new ChangeCauses(parts.HostVersion);
        var writer = new EntryWriter(home, plane, ledger, causes);
        var places = new NetworkPlaces(plane, writer);
        var events = new EventRecorder(PlaneById, scheduler, logging.CreateLogger<EventRecorder>());
        var troubles = new Troubles(events);
        var accounts = new AccountGuard(home, scheduler, parts.HostVersion) { Seams = parts.Seams };
        var reconciler = new EntryReconciler(home, ledger, sessions, parts.Gate, parts.Seams.Owners(new OwnerReader(plane, PlaneById)), new PayloadSource(PlaneById, parts.Development ? null : home.Namespace),
            events, limits, accounts, scheduler, logging.CreateLogger<EntryReconciler>())
        { Seams = parts.Seams };
        var entries = new EntryController(home, ledger, sessions, reconciler, limits, scheduler, logging.CreateLogger<EntryController>());

        var findings = new FindingBook();
        var report = new AccountReport(home, accounts, findings, entries, events, scheduler, logging.CreateLogger<AccountReport>());
        var collector = new Collector(home, parts.Gate, accounts, findings, report, scheduler, logging.CreateLogger<Collector>()) { Seams = parts.Seams };

        // An owner that goes without our finalizer having been released is noticed on its entries (OwnerLost).
        void Poke<T>(ObjectChange<T> change) where T : KubeObject
        {
            if (change.After is null && change.Before?.Metadata.Uid is { } uid)
                foreach (var entry in ledger.OwnedBy(uid))
                    entries.Poke(entry.Metadata.Name!);
        }

        void Forget(ObjectChange<ManagedResource> change)
        {
            if (change.After is null)
                causes.Forget(change.Key.Name);
        }

        IDisposable[] owned = [limits, home.Entries.Subscribe(Forget), plane.Instances.Subscribe(Poke), plane.Networks.Subscribe(Poke), plane.NetworkContexts.Subscribe(Poke), plane.Subnets.Subscribe(Poke), resolver];
        return new ProviderEngine(parts, resolver, sessions, entries, owned,
        [
            credentials,
            new LocationController(home, plane, resolver, sessions, troubles, scheduler, logging.CreateLogger<LocationController>()),
            new ProviderConfigController(home, plane, resolver, sessions, limits, parts.Drivers, troubles, scheduler, logging.CreateLogger<ProviderConfigController>()),
            new NetworkController(home, plane, resolver, writer, ledger, places, scheduler, logging.CreateLogger<NetworkController>()),
            new InstanceController(home, plane, resolver, writer, ledger, places, troubles, scheduler, logging.CreateLogger<InstanceController>()),
            entries,
            report,
            new AccountLister(home, sessions, entries, accounts, collector, LocationBlocks(plane), scheduler, logging.CreateLogger<AccountLister>()),
            new BreakerProbes(limits, sessions, entries, scheduler, logging.CreateLogger<BreakerProbes>()),
            new ObserveRounds(home, sessions, entries, scheduler),
        ]);
    }

    /// <summary>The blocks of one driver's Locations: where a partition may be that no entry names.</summary>
    private static Func<string, IEnumerable<JsonElement>> LocationBlocks(ProjectPlane plane) => key =>
        plane.Locations.All().Concat(plane.ComputeLocations.All()).Select(l => l.Spec.Provider?.GetValueOrDefault(key)).OfType<JsonElement>();

    /// <summary>Runs until cancelled. Nothing is decided before every cache has its first complete list.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var plane = _parts.Plane;
        await Task.WhenAll(
            _parts.Home.Entries.WaitForSyncAsync(cancellation), _parts.Home.Configs.WaitForSyncAsync(cancellation),
            plane.Locations.WaitForSyncAsync(cancellation), plane.ComputeLocations.WaitForSyncAsync(cancellation),
            plane.Networks.WaitForSyncAsync(cancellation), plane.NetworkContexts.WaitForSyncAsync(cancellation),
            plane.Subnets.WaitForSyncAsync(cancellation), plane.WorkloadDeployments.WaitForSyncAsync(cancellation),
            plane.Instances.WaitForSyncAsync(cancellation)).ConfigureAwait(false);
        await Task.WhenAll(Controllers.Where(c => !_parts.LedgerOnly || c is not (NetworkController or InstanceController)).Select(c => c.RunAsync(cancellation))).ConfigureAwait(false);
    }

    public void Dispose()
    {
        foreach (var subscription in _owned)
            subscription.Dispose();
        foreach (var controller in Controllers.OfType<IDisposable>())
            controller.Dispose();
        Sessions.Close();
    }
}
