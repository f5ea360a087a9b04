using Datum.Providers.Kubernetes.Controllers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Provisioning;

/// <summary>What the controllers of Datum objects have in common: a queue of keys, workers, and subscriptions that fill the queue.</summary>
/// <typeparam name="TKey">What one reconcile is about.</typeparam>
public abstract class ProvisioningController<TKey> : IController, IDisposable where TKey : notnull
{
    private readonly Controller<TKey> _controller;
    private readonly List<IDisposable> _subscriptions = [];

    private protected ProvisioningController(string name, int workers, IScheduler scheduler, ILogger logger)
    {
        Name = name;
        Scheduler = scheduler;
        Queue = new WorkQueue<TKey>(scheduler, new WorkQueueOptions<TKey> { Name = name });
        _controller = new Controller<TKey>(name, Queue, ReconcileAsync, scheduler, logger, new ControllerOptions { Workers = workers });
    }

    public string Name { get; }

    private protected IScheduler Scheduler { get; }

    private protected WorkQueue<TKey> Queue { get; }

    private protected DateTimeOffset Now => Scheduler.Time.GetUtcNow();

    public Task RunAsync(CancellationToken cancellation) => _controller.RunAsync(cancellation);

    public void Dispose()
    {
        foreach (var subscription in _subscriptions)
            subscription.Dispose();
        Queue.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Calls back after every change of a kind, until disposed.</summary>
    private protected void On<T>(IObjectCache<T> cache, Action<ObjectChange<T>> changed) where T : KubeObject => _subscriptions.Add(cache.Subscribe(changed));

    /// <summary>Done when disposed: a plane goes while what it listened to stays.</summary>
    private protected void OnEnd(Action end) => _subscriptions.Add(new Ending(end));

    private sealed class Ending(Action end) : IDisposable
    {
        public void Dispose() => end();
    }

    private protected abstract Task<Result> ReconcileAsync(TKey key, CancellationToken cancellation);
}
