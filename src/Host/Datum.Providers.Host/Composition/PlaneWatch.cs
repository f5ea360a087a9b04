using Datum.Providers.ControlPlane;
using Datum.Providers.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Composition;

/// <summary>One cache and one reflector for each kind of one plane, shared by everybody who reads the kind.</summary>
internal sealed class PlaneWatch(IKubernetesClient client, IScheduler scheduler, ILoggerFactory logging, UnreadableObjects unreadable) : ICacheFactory
{
    private readonly Dictionary<string, (object Cache, Func<CancellationToken, Task> Run, Func<CancellationToken, Task> Synced)> _kinds = [];
    private readonly Dictionary<string, object> _served = [];

    /// <summary>Where the plane has a kind, for everybody who asks for it by the type that we know. Call it before the first <see cref="Of"/>.</summary>
    public void Serves<T>(ResourceType<T> known, ResourceType<T> served) where T : KubeObject => _served[known.ToString()] = served;

    /// <summary>The cache of a kind; a new one the first time. Call it before <see cref="RunAsync"/>.</summary>
    public ObjectCache<T> Of<T>(ResourceType<T> type) where T : KubeObject
    {
        if (_kinds.TryGetValue(type.ToString(), out var known))
            return (ObjectCache<T>)known.Cache;
        var cache = new ObjectCache<T>(logging.CreateLogger("Datum.Providers.Kubernetes.ObjectCache"));
        var served = _served.GetValueOrDefault(type.ToString()) as ResourceType<T> ?? type;
        var reflector = new Reflector<T>(client, served, cache, scheduler,
            new ReflectorOptions { OnUnreadable = bad => unreadable.Report(served, bad) }, logging.CreateLogger("Datum.Providers.Kubernetes.Reflector"));
        _kinds[type.ToString()] = (cache, reflector.RunAsync, cache.WaitForSyncAsync);
        return cache;
    }

    /// <summary>The cache of a kind that this plane doesn't serve: empty, and known to be.</summary>
    public ObjectCache<T> Without<T>(ResourceType<T> type) where T : KubeObject
    {
        var cache = new ObjectCache<T>(logging.CreateLogger("Datum.Providers.Kubernetes.ObjectCache"));
        _kinds[type.ToString()] = (cache, _ =>
        {
            cache.Replace([], "0", []);
            return Task.CompletedTask;
        }, cache.WaitForSyncAsync);
        return cache;
    }

    /// <summary>Waits until every cache has its first complete list, but not longer than told: a kind that may not be listed yet keeps the others from nothing.</summary>
    public async Task FilledAsync(TimeSpan atMost, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var all = Task.WhenAll(_kinds.Values.Select(k => k.Synced(stop.Token)));
        await Task.WhenAny(all, scheduler.Delay(atMost, stop.Token));
        await stop.CancelAsync();
        cancellation.ThrowIfCancellationRequested();
    }

    IObjectCache<T>? ICacheFactory.Cache<T>(ResourceType<T> type) => Of(type);

    /// <summary>Lists and watches every kind that was asked for, until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation) =>
        Task.WhenAll(_kinds.Values.Select(k => scheduler.Run(() => k.Run(cancellation))));
}
