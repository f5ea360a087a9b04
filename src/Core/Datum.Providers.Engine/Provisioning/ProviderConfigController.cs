using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Provisioning;

/// <summary>Tells the platform operator on the ProviderConfig itself whether it works, which account it reaches and which Locations it serves.</summary>
public sealed class ProviderConfigController : IController, IDisposable
{
    private readonly HomePlane _home;
    private readonly ProjectPlane _plane;
    private readonly LocationResolver _resolver;
    private readonly SessionManager _sessions;
    private readonly IScheduler _scheduler;
    private readonly WorkQueue<string> _queue;
    private readonly Controller<string> _controller;
    private readonly List<IDisposable> _subscriptions = [];

    public ProviderConfigController(HomePlane home, ProjectPlane plane, LocationResolver resolver, SessionManager sessions, IScheduler scheduler, ILogger<ProviderConfigController> logger)
    {
        _home = home;
        _plane = plane;
        _resolver = resolver;
        _sessions = sessions;
        _scheduler = scheduler;
        _queue = new(scheduler, new() { Name = "providerconfigs" });
        _controller = new("providerconfigs", _queue, ReconcileAsync, scheduler, logger);
        _subscriptions.Add(home.Configs.Subscribe(c => { if (c.Before?.Metadata.Generation != c.After?.Metadata.Generation) _queue.Add(c.Key.Name); }));
        _subscriptions.Add(plane.Locations.Subscribe(OnLocation));
        _subscriptions.Add(plane.ComputeLocations.Subscribe(OnLocation));
        sessions.Opened += session => _queue.Add(session.ConfigName);
    }

    public string Name => "providerconfigs";

    public Task RunAsync(CancellationToken cancellation) => _controller.RunAsync(cancellation);

    public void Dispose()
    {
        foreach (var subscription in _subscriptions)
            subscription.Dispose();
        _queue.Dispose();
    }

    private void OnLocation(ObjectChange<Location> change)
    {
        if (change.Before?.Metadata.Generation != change.After?.Metadata.Generation)
            foreach (var config in _home.Configs.All())
                _queue.Add(config.Metadata.Name!);
    }

    private async Task<Result> ReconcileAsync(string name, CancellationToken cancellation)
    {
        if (_home.Configs.Find(new ObjectKey(null, name)) is not { IsDeleting: false } config)
            return Result.Settled;
        var served = _plane.Locations.All().Concat(_plane.ComputeLocations.All())
            .Select(l => _resolver.Resolve(l).Resolved).OfType<ResolvedLocation>().Where(r => r.Config.Metadata.Name == name).ToList();
        var answer = await _sessions.ForAsync(config, config.Spec.Driver, served.FirstOrDefault()?.Block.Block, cancellation).ConfigureAwait(false);

        var after = ResourceTypes.ProviderConfigs.Clone(config);
        var status = after.Status ??= new ProviderConfigStatus();
        status.ObservedGeneration = config.Metadata.Generation;
        status.AccountId = answer.Session?.Account.AccountId ?? status.AccountId;
        status.Locations = [.. served.Select(s => s.Location.Key.ToString()).Order(StringComparer.Ordinal)];
        var limitations = string.Join(" ", answer.Session?.Account.Limitations.Select(l => $"{l.Path}: {l.Message}") ?? []);
        Conditions.Set(status.Conditions ??= [], ConditionTypes.Ready,
            ConditionStatus.Of(answer.Session is not null), answer.Session is null ? answer.Reason : Reasons.ProbeSucceeded,
            answer.Session is null ? answer.Message : limitations, config.Metadata.Generation, _scheduler.Time.GetUtcNow());
        if (Patches.Status(ResourceTypes.ProviderConfigs, config, after) is { } patch)
            _home.Configs.Observe(await _home.Client.PatchAsync(ResourceTypes.ProviderConfigs, config.Key, patch, "status", cancellation).ConfigureAwait(false));
        return answer.RetryAt is { } at ? Result.After(at - _scheduler.Time.GetUtcNow()) : Result.Settled;
    }
}
