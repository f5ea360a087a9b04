using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Provisioning;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Engine.Translate;
using Datum.Providers.Kubernetes.Controllers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine;

/// <summary>What an engine is made of.</summary>
public sealed record EngineParts
{
    public required HomePlane Home { get; init; }
    public required ProjectPlane Plane { get; init; }
    public required IDriverConnector Drivers { get; init; }
    public required ICredentialSource Credentials { get; init; }
    public required IMutationGate Gate { get; init; }
    public required IScheduler Scheduler { get; init; }
    public required ILoggerFactory Logging { get; init; }

    /// <summary>True in the development plane: a ProviderConfig without <c>allowed</c> allows everybody. Default false.</summary>
    public bool Development { get; init; }

    internal EngineSeams Seams { get; init; } = new();
}

/// <summary>The whole provider side for one plane: every controller in one list, in the order of the data's way.</summary>
public sealed class ProviderEngine : IDisposable
{
    private readonly EngineParts _parts;
    private readonly IDisposable[] _owned;

    private ProviderEngine(EngineParts parts, SessionManager sessions, EntryController entries, IDisposable[] owned, IReadOnlyList<IController> controllers)
    {
        _owned = owned;
        _parts = parts;
        Sessions = sessions;
        Entries = entries;
        Controllers = controllers;
    }

    public SessionManager Sessions { get; }
    public EntryController Entries { get; }
    public IReadOnlyList<IController> Controllers { get; }

    /// <summary>Composes the engine. The caches' indexes are added here, so call it before the caches are filled.</summary>
    public static ProviderEngine Create(EngineParts parts)
    {
        var (home, plane, scheduler, logging) = (parts.Home, parts.Plane, parts.Scheduler, parts.Logging);
        home.Prepare();
        NetworkPlaces.Prepare(plane);

        IKubernetesClient? PlaneById(string id) => id == plane.Id ? plane.Client : null;
        var ledger = new LedgerStore(home);
        var sessions = new SessionManager(home, parts.Drivers, parts.Credentials, scheduler, logging.CreateLogger<SessionManager>());
        var resolver = new LocationResolver(home, plane, parts.Drivers, parts.Development);
        var writer = new EntryWriter(home, plane, ledger);
        var places = new NetworkPlaces(plane, writer);
        var events = new EventRecorder(PlaneById, scheduler, logging.CreateLogger<EventRecorder>());
        var troubles = new Troubles(events);
        var reconciler = new EntryReconciler(home, ledger, sessions, parts.Gate, parts.Seams.Owners(new OwnerReader(plane, PlaneById)), new PayloadSource(PlaneById), events, scheduler, logging.CreateLogger<EntryReconciler>()) { Seams = parts.Seams };
        var entries = new EntryController(home, ledger, sessions, reconciler, scheduler, logging.CreateLogger<EntryController>());

        // An owner that goes without our finalizer having been released is noticed on its entries (OwnerLost).
        void Poke<T>(ObjectChange<T> change) where T : KubeObject
        {
            if (change.After is null && change.Before?.Metadata.Uid is { } uid)
                foreach (var entry in ledger.OwnedBy(uid))
                    entries.Poke(entry.Metadata.Name!);
        }

        IDisposable[] owned = [plane.Instances.Subscribe(Poke), plane.Networks.Subscribe(Poke), plane.NetworkContexts.Subscribe(Poke), plane.Subnets.Subscribe(Poke)];
        return new ProviderEngine(parts, sessions, entries, owned,
        [
            new LocationController(home, plane, resolver, sessions, troubles, scheduler, logging.CreateLogger<LocationController>()),
            new ProviderConfigController(home, plane, resolver, sessions, troubles, scheduler, logging.CreateLogger<ProviderConfigController>()),
            new NetworkController(home, plane, resolver, writer, ledger, places, scheduler, logging.CreateLogger<NetworkController>()),
            new InstanceController(home, plane, resolver, writer, ledger, places, troubles, scheduler, logging.CreateLogger<InstanceController>()),
            entries,
            new AccountLister(home, ledger, sessions, entries, scheduler, logging.CreateLogger<AccountLister>()),
        ]);
    }

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
        await Task.WhenAll(Controllers.Select(c => c.RunAsync(cancellation))).ConfigureAwait(false);
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
