using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;

namespace Datum.Providers.ControlPlane.Runtime;

/// <summary>A controller over one kind of one plane. It starts when every cache of the plane is synced.</summary>
internal abstract class CoreController : IController, IDisposable
{
    private readonly Controller<ObjectKey> _controller;
    private readonly List<IDisposable> _subscriptions = [];
    private Func<IEnumerable<ObjectKey>> _all = () => [];

    protected CoreController(string name, CorePlane plane, int workers = 1)
    {
        Plane = plane;
        // One namespace with a thousand objects doesn't keep another one's from its turn.
        Queue = new WorkQueue<ObjectKey>(plane.Scheduler, new() { Name = name, Lane = key => key.Namespace ?? "" });
        _controller = new(name, Queue, ReconcileAsync, plane.Scheduler, plane.Loggers.CreateLogger($"Datum.Providers.ControlPlane.{name}"),
            new ControllerOptions { Workers = workers });
    }

    public string Name => _controller.Name;

    public WorkQueue<ObjectKey> Queue { get; }

    protected CorePlane Plane { get; }

    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            await Plane.Caches.WaitForSyncAsync(cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return;
        }

        // The caches may have been full before we subscribed.
        foreach (var key in _all())
            Queue.Add(key, WorkPriority.Resync);
        await _controller.RunAsync(cancellation);
    }

    public void Dispose()
    {
        foreach (var subscription in _subscriptions)
            subscription.Dispose();
        Queue.Dispose();
    }

    protected abstract Task<Result> ReconcileAsync(ObjectKey key, CancellationToken cancellation);

    /// <summary>The kind whose keys this controller reconciles.</summary>
    protected void Own<T>(IObjectCache<T> cache) where T : KubeObject
    {
        _all = () => cache.All().Select(o => o.Key);
        Watch(cache, o => [o.Key]);
    }

    /// <summary>Reconciles the keys that <paramref name="keys"/> names for an object before and after its change.</summary>
    protected void Watch<T>(IObjectCache<T>? cache, Func<T, IEnumerable<ObjectKey>> keys) where T : KubeObject
    {
        if (cache is null)
            return;
        _subscriptions.Add(cache.Subscribe(change =>
        {
            var affected = new HashSet<ObjectKey>();
            if (change.Before is not null)
                affected.UnionWith(keys(change.Before));
            if (change.After is not null)
                affected.UnionWith(keys(change.After));
            foreach (var key in affected)
                Queue.Add(key);
        }));
    }

    /// <summary>The key of an object's owner of a kind, in the object's namespace.</summary>
    protected static IEnumerable<ObjectKey> OwnerKey(KubeObject value, string kind) =>
        value.Metadata.ControllerOwner is { } owner && owner.Kind == kind ? [new ObjectKey(value.Metadata.Namespace, owner.Name)] : [];

    /// <summary>At most ten names, for messages.</summary>
    protected static string NamesOf(IEnumerable<KubeObject> objects)
    {
        var names = objects.Select(o => o.Metadata.Name).ToList();
        return string.Join(", ", names.Take(10)) + (names.Count > 10 ? $" and {names.Count - 10} more" : "");
    }
}
