using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Limits;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>Decides when an entry is reconciled: its own changes, those of its dependencies, the account's listings and events. Never on a timer alone.</summary>
public sealed class EntryController : IController, IDisposable
{
    /// <summary>Workers that only an account may take which has none, so that accounts that hang can't hold them all (law L9).</summary>
    private const int WorkersForIdleAccounts = 8;

    private readonly HomePlane _home;
    private readonly LedgerStore _ledger;
    private readonly WorkQueue<string> _queue;
    private readonly Controller<string> _controller;
    private readonly List<IDisposable> _subscriptions = [];

    public EntryController(HomePlane home, LedgerStore ledger, SessionManager sessions, EntryReconciler reconciler, AccountLimits limits, IScheduler scheduler, ILogger<EntryController> logger, int workers = 32)
    {
        _home = home;
        _ledger = ledger;
        _queue = new WorkQueue<string>(scheduler, new WorkQueueOptions<string>
        {
            Name = "entries",
            // One account that is slow or down must not starve the others.
            Lane = name => ledger.Find(name) is { } e ? limits.LaneOf(e) : "",
            Gate = limits,
            WorkersForIdleLanes = Math.Min(WorkersForIdleAccounts, workers / 2),
        });
        _controller = new Controller<string>("entries", _queue,
            async (name, cancellation) => await reconciler.ReconcileAsync(name, cancellation).ConfigureAwait(false) is { } delay ? Result.After(delay) : Result.Settled,
            scheduler, logger, new ControllerOptions { Workers = workers });
        _subscriptions.Add(home.Entries.Subscribe(OnEntry));
        _subscriptions.Add(home.Configs.Subscribe(OnConfig));
        sessions.Opened += session => PokeAll(session.ConfigName);
        limits.Changed += _queue.Reopen;
    }

    public string Name => "entries";

    /// <summary>Looks at an entry soon, whatever its state. Unknown names are ignored.</summary>
    public void Poke(string name, WorkPriority priority = WorkPriority.Resync)
    {
        if (_ledger.Find(name) is not null)
            _queue.Add(name, priority);
    }

    /// <summary>Looks at every entry of a ProviderConfig.</summary>
    public void PokeAll(string config)
    {
        foreach (var entry in _home.Entries.ByIndex(HomePlane.ByConfig, config))
            // What is still to be made or to go comes before what is only looked at.
            _queue.Add(entry.Metadata.Name!, entry.Spec.Wanted && entry.Spec.Record.Parts is { Count: > 0 } ? WorkPriority.Resync : WorkPriority.Retry);
    }

    public Task RunAsync(CancellationToken cancellation) => _controller.RunAsync(cancellation);

    public void Dispose()
    {
        foreach (var subscription in _subscriptions)
            subscription.Dispose();
        _queue.Dispose();
    }

    private void OnEntry(ObjectChange<ManagedResource> change)
    {
        var name = change.Key.Name;
        // Our own status writes come back here too; they wake the others, never the entry itself, or nothing would ever rest (L8).
        if (change.Before is null || change.After is null || change.Before.Metadata.Generation != change.After.Metadata.Generation
            || change.Before.IsDeleting != change.After.IsDeleting)
            _queue.Add(name);

        if (Ready(change.Before) != Ready(change.After) || change.Before is null || change.After is null)
            foreach (var dependent in _ledger.DependentsOf(name))
                _queue.Add(dependent.Metadata.Name!);

        // A dependency that waits to be taken down learns that nobody needs it any more.
        if (change.After is null || DependenciesOf(change.Before) != DependenciesOf(change.After))
            foreach (var dependency in change.Before?.Spec.DependsOn ?? [])
                Poke(dependency.Name, WorkPriority.Change);
    }

    private void OnConfig(ObjectChange<ProviderConfig> change)
    {
        if (change.Before?.Metadata.Generation != change.After?.Metadata.Generation)
            PokeAll(change.Key.Name);
    }

    private static bool Ready(ManagedResource? entry) => Conditions.IsTrue(entry?.Status?.Conditions, ConditionTypes.Ready);

    private static string DependenciesOf(ManagedResource? entry) => string.Join(',', entry?.Spec.DependsOn?.Select(d => d.Name) ?? []);
}
