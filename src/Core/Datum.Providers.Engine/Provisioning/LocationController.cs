using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Provisioning;

/// <summary>Writes Accepted (driver, block and config are in order) and Ready (the account answers) on Locations.</summary>
public sealed class LocationController : ProvisioningController<(bool Compute, ObjectKey Key)>
{
    private readonly ProjectPlane _plane;
    private readonly LocationResolver _resolver;
    private readonly SessionManager _sessions;
    private readonly Troubles _troubles;

    public LocationController(HomePlane home, ProjectPlane plane, LocationResolver resolver, SessionManager sessions, Troubles troubles, IScheduler scheduler, ILogger<LocationController> logger)
        : base("locations", 2, scheduler, logger)
    {
        _plane = plane;
        _resolver = resolver;
        _sessions = sessions;
        _troubles = troubles;
        On(plane.Locations, c => Enqueue(false, c));
        On(plane.ComputeLocations, c => Enqueue(true, c));
        On(home.Configs, OnConfig);
        On(home.Entries, OnEntry);
        // A session that another one's question opened, or credentials that came later.
        sessions.Attempted += OnAttempt;
        OnEnd(() => sessions.Attempted -= OnAttempt);
        // Without an entry nobody else would ask for the next one, and the account's listings would end.
        sessions.Invalidated += OnInvalidated;
        OnEnd(() => sessions.Invalidated -= OnInvalidated);
    }

    /// <summary>The last thing that stood somewhere else is gone: a Location that had moved is in order again.</summary>
    private void OnEntry(ObjectChange<ManagedResource> change)
    {
        if (change.After is not null || change.Before?.Spec.Location is not { } place)
            return;
        var key = new ObjectKey(place.Namespace, place.Name);
        if (_plane.Locations.Find(key) is { } location && !Conditions.IsTrue(location.Status?.Conditions, ConditionTypes.Accepted))
            Queue.Add((false, key), WorkPriority.Resync);
        if (_plane.ComputeLocations.Find(key) is { } compute && !Conditions.IsTrue(compute.Status?.Conditions, ConditionTypes.Accepted))
            Queue.Add((true, key), WorkPriority.Resync);
    }

    private void OnInvalidated(string config)
    {
        foreach (var location in _plane.Locations.All())
            Queue.Add((false, location.Key), WorkPriority.Resync);
        foreach (var location in _plane.ComputeLocations.All())
            Queue.Add((true, location.Key), WorkPriority.Resync);
    }

    private void OnAttempt(string config)
    {
        // Which Locations a config serves is known only by resolving them; those that are ready need nothing.
        foreach (var (compute, location) in _plane.Locations.All().Select(l => (false, l)).Concat(_plane.ComputeLocations.All().Select(l => (true, l))))
            if (!Conditions.IsTrue(location.Status?.Conditions, ConditionTypes.Ready))
                Queue.Add((compute, location.Key), WorkPriority.Resync);
    }

    private void Enqueue(bool compute, ObjectChange<Location> change)
    {
        // Our own status writes don't bring the key back.
        if (change.Before is not null && change.After is not null && change.Before.Metadata.Generation == change.After.Metadata.Generation
            && change.Before.IsDeleting == change.After.IsDeleting && SameLabels(change.Before, change.After)
            && change.Before.Metadata.Annotation(Annotations.Provider) == change.After.Metadata.Annotation(Annotations.Provider))
            return;
        Queue.Add((compute, change.Key));
        if (!compute)
            Queue.Add((true, change.Key));
    }

    /// <summary>A ProviderConfig may select by labels, and these change no generation.</summary>
    internal static bool SameLabels(Location a, Location b)
    {
        var (x, y) = (a.Metadata.Labels ?? [], b.Metadata.Labels ?? []);
        return x.Count == y.Count && x.All(l => y.TryGetValue(l.Key, out var value) && value == l.Value);
    }

    private void OnConfig(ObjectChange<ProviderConfig> change)
    {
        if (change.Before?.Metadata.Generation == change.After?.Metadata.Generation && change.Before is not null && change.After is not null)
            return;
        foreach (var location in _plane.Locations.All())
            Queue.Add((false, location.Key));
        foreach (var location in _plane.ComputeLocations.All())
            Queue.Add((true, location.Key));
    }

    private protected override async Task<Result> ReconcileAsync((bool Compute, ObjectKey Key) key, CancellationToken cancellation)
    {
        var cache = key.Compute ? _plane.ComputeLocations : _plane.Locations;
        if (cache.Find(key.Key) is not { IsDeleting: false } location)
            return Result.Settled;
        if (key.Compute && _plane.Locations.Find(key.Key) is not null)
        {
            await WriteAsync(key.Compute, location, (ConditionStatus.False, Reasons.Shadowed, $"A Location of the same name in {_plane.LocationType.Group} is used instead."), null, cancellation).ConfigureAwait(false);
            return Result.Settled;
        }

        var answer = _resolver.Resolve(location);
        if (answer.Resolved is not { } place)
        {
            await WriteAsync(key.Compute, location, (ConditionStatus.False, answer.Reason, answer.Message), null, cancellation).ConfigureAwait(false);
            return Result.Settled;
        }
        var session = await _sessions.ForAsync(place.Config, place.Driver.Id, place.Block.Block, cancellation).ConfigureAwait(false);
        await WriteAsync(key.Compute, location,
            (ConditionStatus.True, Reasons.Accepted, $"Served by driver {place.Driver.Id} with ProviderConfig {place.Config.Metadata.Name}."),
            session.Session is null
                ? (ConditionStatus.False, session.Reason, session.Message)
                : (ConditionStatus.True, Reasons.ProbeSucceeded, $"Account {session.Session.Account.AccountId} answers."), cancellation).ConfigureAwait(false);
        return session.RetryAt is { } at ? Result.After(at - Now) : Result.Settled;
    }

    private async Task WriteAsync(
        bool compute, Location location, (string Status, string Reason, string Message) accepted, (string Status, string Reason, string Message)? ready, CancellationToken cancellation)
    {
        var now = Now;
        var type = compute ? _plane.OtherLocationType : _plane.LocationType;
        var after = await DatumStatus.WriteAsync(_plane, type, compute ? _plane.ComputeLocations : _plane.Locations, location, l =>
        {
            var conditions = (l.Status ??= new LocationStatus()).Conditions ??= [];
            Conditions.Set(conditions, ConditionTypes.Accepted, accepted.Status, accepted.Reason, accepted.Message, location.Metadata.Generation, now);
            var r = ready ?? (ConditionStatus.False, accepted.Reason, accepted.Message);
            Conditions.Set(conditions, ConditionTypes.Ready, r.Status, r.Reason, r.Message, location.Metadata.Generation, now);
        }, cancellation).ConfigureAwait(false);
        await _troubles.TellAsync(_plane.Client, type, location, location.Status?.Conditions, after.Status?.Conditions, cancellation).ConfigureAwait(false);
    }
}
