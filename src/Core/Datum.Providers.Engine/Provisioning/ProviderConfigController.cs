using Datum.Providers.Engine.Limits;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Provisioning;

/// <summary>Tells the platform operator on the ProviderConfig itself whether it works, which account it reaches and which Locations it serves.</summary>
public sealed class ProviderConfigController : ProvisioningController<string>
{
    private readonly HomePlane _home;
    private readonly Func<IEnumerable<(ProjectPlane Plane, LocationResolver Resolver)>> _planes;
    private readonly SessionManager _sessions;
    private readonly IDriverConnector _drivers;
    private readonly Troubles _troubles;

    public ProviderConfigController(HomePlane home, Func<IEnumerable<(ProjectPlane Plane, LocationResolver Resolver)>> planes, SessionManager sessions, AccountLimits limits, IDriverConnector drivers, Troubles troubles, IScheduler scheduler, ILogger<ProviderConfigController> logger)
        : base("providerconfigs", 2, scheduler, logger)
    {
        _home = home;
        _planes = planes;
        _sessions = sessions;
        _drivers = drivers;
        _troubles = troubles;
        On(home.Configs, c => { if (c.Before?.Metadata.Generation != c.After?.Metadata.Generation) Queue.Add(c.Key.Name); });
        sessions.Attempted += config => Queue.Add(config);
        limits.BreakerChanged += session => Queue.Add(session.ConfigName);
    }

    /// <summary>Hears of a plane's Locations until disposed.</summary>
    internal IDisposable Follow(ProjectPlane plane) => new Following(plane.Locations.Subscribe(OnLocation), plane.ComputeLocations.Subscribe(OnLocation));

    private sealed class Following(IDisposable one, IDisposable other) : IDisposable
    {
        public void Dispose()
        {
            one.Dispose();
            other.Dispose();
        }
    }

    private void OnLocation(ObjectChange<Location> change)
    {
        if (change.Before?.Metadata.Generation != change.After?.Metadata.Generation
            || (change is { Before: { } before, After: { } after } && (!LocationController.SameLabels(before, after)
                || before.Metadata.Annotation(Annotations.Provider) != after.Metadata.Annotation(Annotations.Provider))))
            All();
    }

    /// <summary>What the configs serve may have changed.</summary>
    internal void All()
    {
        foreach (var config in _home.Configs.All())
            Queue.Add(config.Metadata.Name!);
    }

    private const string InForce = "SettingsInForce";
    private const string CredentialsCurrent = "CredentialsCurrent";

    /// <summary>Members that are accepted for later versions and change nothing in this one: said, not dropped in silence (law L11).</summary>
    private protected override async Task<Result> ReconcileAsync(string name, CancellationToken cancellation)
    {
        if (_home.Configs.Find(new ObjectKey(null, name)) is not { IsDeleting: false } config)
            return Result.Settled;
        var served = _planes().SelectMany(p => p.Plane.Locations.All().Concat(p.Plane.ComputeLocations.All())
            .Select(l => p.Resolver.Resolve(l).Resolved).OfType<ResolvedLocation>().Where(r => r.Config.Metadata.Name == name).Select(r => (p.Plane.Project, Place: r))).ToList();
        var answer = await _sessions.ForAsync(config, config.Spec.Driver, served.Count == 0 ? null : served[0].Place.Block.Block, cancellation).ConfigureAwait(false);

        var after = ResourceTypes.ProviderConfigs.Clone(config);
        var status = after.Status ??= new ProviderConfigStatus();
        status.ObservedGeneration = config.Metadata.Generation;
        status.AccountId = answer.Session?.Account.AccountId ?? status.AccountId;
        status.Locations = [.. served.Select(s => s.Project is null ? s.Place.Location.Key.ToString() : $"{s.Project}/{s.Place.Location.Key}").Order(StringComparer.Ordinal)];
        var limitations = string.Join(" ", answer.Session?.Account.Limitations.Select(l => $"{l.Path}: {l.Message}") ?? []);
        Conditions.Set(status.Conditions ??= [], ConditionTypes.Ready,
            ConditionStatus.Of(answer.Session is not null), answer.Session is null ? answer.Reason : Reasons.ProbeSucceeded,
            answer.Session is null ? answer.Message : limitations, config.Metadata.Generation, Now);
        var (reachable, reason, why) = Reachability.Of(_sessions.Open, name, answer);
        Conditions.Set(status.Conditions, Reachability.Condition, reachable, reason, why, config.Metadata.Generation, Now);
        // Newer credentials that can't be used are told beside a Ready that stays True: the old session works.
        var current = answer is { Session: not null, Reason.Length: 0 };
        if (answer.Session is not null)
            Conditions.Set(status.Conditions, CredentialsCurrent, ConditionStatus.Of(current), current ? Reasons.ProbeSucceeded : answer.Reason, answer.Message, config.Metadata.Generation, Now);
        var faults = LimitSettings.Read(config, _drivers.Find(config.Spec.Driver)).Faults;
        Conditions.Set(status.Conditions, InForce, ConditionStatus.Of(faults.IsEmpty), faults.IsEmpty ? Reasons.Accepted : Reasons.InvalidConfig,
            string.Join(" ", faults), config.Metadata.Generation, Now);
        if (Patches.Status(ResourceTypes.ProviderConfigs, config, after) is { } patch)
            _home.Configs.Observe(await _home.Client.PatchAsync(ResourceTypes.ProviderConfigs, config.Key, patch, "status", cancellation).ConfigureAwait(false));
        await _troubles.TellAsync(_home.Client, ResourceTypes.ProviderConfigs, config, config.Status?.Conditions, status.Conditions, cancellation).ConfigureAwait(false);
        return answer.RetryAt is { } at ? Result.After(at - Now) : Result.Settled;
    }
}
