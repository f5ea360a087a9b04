using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Provisioning;
using Datum.Providers.Engine.Translate;
using Datum.Providers.Kubernetes.Controllers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine;

/// <summary>The part of an engine that belongs to one project plane: its own queues and workers, so that a plane that is slow holds up nobody else.</summary>
public sealed class PlaneEngine : IDisposable
{
    private readonly IDisposable[] _owned;
    private readonly Action<PlaneEngine> _engaged;
    private readonly bool _ledgerOnly;

    internal PlaneEngine(ProjectPlane plane, LocationResolver locations, IReadOnlyList<IController> controllers, IDisposable[] owned, Action<PlaneEngine> engaged, bool ledgerOnly)
    {
        (Plane, Locations, Controllers, _owned, _engaged, _ledgerOnly) = (plane, locations, controllers, owned, engaged, ledgerOnly);
    }

    public ProjectPlane Plane { get; }

    /// <summary>Who serves which Location.</summary>
    public LocationResolver Locations { get; }

    public IReadOnlyList<IController> Controllers { get; }

    /// <summary>Completes when every cache of the plane has its first complete list.</summary>
    public Task WaitForSyncAsync(CancellationToken cancellation) => Task.WhenAll(
        Plane.Locations.WaitForSyncAsync(cancellation), Plane.ComputeLocations.WaitForSyncAsync(cancellation),
        Plane.Networks.WaitForSyncAsync(cancellation), Plane.NetworkContexts.WaitForSyncAsync(cancellation),
        Plane.Subnets.WaitForSyncAsync(cancellation), Plane.WorkloadDeployments.WaitForSyncAsync(cancellation),
        Plane.Instances.WaitForSyncAsync(cancellation));

    /// <summary>Runs until cancelled. Nothing is decided before every cache has its first complete list; only then the plane counts as engaged.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        await WaitForSyncAsync(cancellation).ConfigureAwait(false);
        _engaged(this);
        await Task.WhenAll(Controllers.Where(c => !_ledgerOnly || c is not (NetworkController or InstanceController)).Select(c => c.RunAsync(cancellation))).ConfigureAwait(false);
    }

    public void Dispose()
    {
        foreach (var owned in _owned)
            owned.Dispose();
        foreach (var controller in Controllers.OfType<IDisposable>())
            controller.Dispose();
    }

    /// <summary>What the planes of an engine have in common.</summary>
    internal sealed class Shared(EngineParts parts, EngagedPlanes planes, Ledger.LedgerStore ledger, Sessions.SessionManager sessions, Collect.ChangeCauses causes, Troubles troubles, Reconcile.EntryController entries)
        : IDisposable
    {
        private readonly Placements _placements = new(parts.Home.Entries);

        public PlaneEngine Create(ProjectPlane plane, Action<PlaneEngine> engaged, Action<PlaneEngine> ended)
        {
            var (home, scheduler, logging) = (parts.Home, parts.Scheduler, parts.Logging);
            NetworkPlaces.Prepare(plane);
            plane.Contest = new Contest(scheduler.Time, logging.CreateLogger<Contest>());
            var resolver = new LocationResolver(home, plane, parts.Drivers, parts.Development, _placements);
            var writer = new EntryWriter(home, plane, ledger, causes);
            var places = new NetworkPlaces(plane, writer);

            // An owner that goes without our finalizer having been released is noticed on its entries (OwnerLost).
            void Poke<T>(ObjectChange<T> change) where T : KubeObject
            {
                if (change.After is null && change.Before?.Metadata.Uid is { } uid)
                    foreach (var entry in ledger.OwnedBy(uid))
                        entries.Poke(entry.Metadata.Name!);
            }

            PlaneEngine? engine = null;
            IDisposable[] owned =
            [
                plane.Instances.Subscribe(Poke), plane.Networks.Subscribe(Poke), plane.NetworkContexts.Subscribe(Poke), plane.Subnets.Subscribe(Poke), resolver,
                new Ending(() => ended(engine!)),
            ];
            return engine = new PlaneEngine(plane, resolver,
            [
                new LocationController(home, plane, resolver, sessions, troubles, scheduler, logging.CreateLogger<LocationController>()),
                new NetworkController(home, plane, resolver, writer, ledger, places, scheduler, logging.CreateLogger<NetworkController>()),
                new InstanceController(home, plane, resolver, writer, ledger, places, troubles, scheduler, logging.CreateLogger<InstanceController>()),
            ], owned, engaged, parts.LedgerOnly);
        }

        /// <summary>The blocks of one driver's Locations: where a partition may be that no entry names.</summary>
        public IEnumerable<JsonElement> LocationBlocks(string key) => planes.All.SelectMany(p => p.Plane.Locations.All().Concat(p.Plane.ComputeLocations.All()))
            .Select(l => l.Spec.Provider?.GetValueOrDefault(key)).OfType<JsonElement>();

        public void Dispose() => _placements.Dispose();
    }

    private sealed class Ending(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
