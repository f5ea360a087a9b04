using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Telemetry;

namespace Datum.Providers.ControlPlane.Export;

/// <summary>The export policies of one group: gives the pump what is accepted and tells in the status what isn't, and how sending goes.</summary>
internal sealed class ExportPolicyController : IController, IDisposable
{
    /// <summary>Sinks of a namespace at most; the oldest policies keep theirs.</summary>
    public const int MaxSinks = 50;

    /// <summary>How long a changed Secret may stay unseen where the host may not watch it.</summary>
    private static readonly TimeSpan SecretPeriod = TimeSpan.FromMinutes(1);

    private readonly ExportOptions _options;
    private readonly IObjectCache<ExportPolicy> _cache;
    private readonly Stored<ExportPolicy> _policies;
    private readonly ResourceType<ExportPolicy> _type;
    private readonly ExportPump _pump;
    private readonly NamedSecrets _secrets;
    private readonly Func<string?, IEnumerable<ExportPolicy>> _ofNamespace;
    private readonly Controller<ObjectKey> _controller;
    private readonly IDisposable _subscription;

    /// <param name="ofNamespace">The policies of a namespace in every group.</param>
    public ExportPolicyController(ExportOptions options, ResourceType<ExportPolicy> type, IObjectCache<ExportPolicy> cache, ExportPump pump, NamedSecrets secrets, Func<string?, IEnumerable<ExportPolicy>> ofNamespace)
    {
        (_options, _type, _cache, _pump, _secrets, _ofNamespace) = (options, type, cache, pump, secrets, ofNamespace);
        _policies = new Stored<ExportPolicy>(options.Client, type, cache, options.Scheduler.Time, options.LoggerFactory.CreateLogger("Datum.Providers.ControlPlane.store"));
        var name = $"exportpolicy.{type.Group}";
        Queue = new WorkQueue<ObjectKey>(options.Scheduler, new() { Name = name, Lane = key => key.Namespace ?? "" });
        _controller = new Controller<ObjectKey>(name, Queue, ReconcileAsync, options.Scheduler, options.LoggerFactory.CreateLogger("Datum.Providers.ControlPlane.exportpolicy"), new ControllerOptions { Workers = 2 });
        _subscription = cache.Subscribe(change => Queue.Add(change.Key));
    }

    public string Name => _controller.Name;

    public string Group => _type.Group;

    public WorkQueue<ObjectKey> Queue { get; }

    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            await _cache.WaitForSyncAsync(cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return;
        }

        foreach (var policy in _cache.All())
            Queue.Add(policy.Key, WorkPriority.Resync);
        await _controller.RunAsync(cancellation);
    }

    public void Dispose()
    {
        _subscription.Dispose();
        Queue.Dispose();
    }

    private async Task<Result> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        var id = new PolicyKey(Group, key);
        if (_policies.Find(key) is not { IsDeleting: false } policy)
        {
            _pump.Apply(id, "", []);
            _secrets.Follow(id, []);
            return Result.Settled;
        }

        // Followed before it is read: what changes in between wakes us.
        _secrets.Follow(id, _options.Enabled ? [.. policy.Spec.Sinks.Select(s => SinkVerdict.SecretOf(policy, s)).OfType<ObjectKey>()] : []);
        var before = _ofNamespace(key.Namespace).Where(p => Order(p, policy) < 0).Sum(p => p.Spec.Sinks.Count);
        var verdicts = new List<SinkVerdict>();
        for (var i = 0; i < policy.Spec.Sinks.Count; i++)
            verdicts.Add(await JudgeAsync(policy, i, before, cancellation));
        var uid = policy.Metadata.Uid ?? "";
        _pump.Apply(id, uid, [.. verdicts.Select(v => v.Settings).OfType<SinkSettings>()]);

        var after = _policies.Copy(policy);
        ExportStatus.Write(after, verdicts, sink => _pump.LastOf(id, uid, sink), _options.Scheduler.Time.GetUtcNow());
        await _policies.UpdateStatusAsync(policy, after, cancellation);
        await TellAsync(policy, after, cancellation);
        // Room that another policy gave up, or the right to watch a Secret, wakes nobody.
        return !_secrets.Sees(id) || verdicts.Exists(v => v.Reason == Reasons.TooManySinks) ? Result.After(SecretPeriod) : Result.Settled;
    }

    /// <param name="before">Sinks of the namespace's older policies.</param>
    private async Task<SinkVerdict> JudgeAsync(ExportPolicy policy, int index, int before, CancellationToken cancellation)
    {
        if (!_options.Enabled)
            return new SinkVerdict(Reasons.ExportDisabled, "This installation doesn't export telemetry: nothing is sent.");
        if (SinkVerdict.OfSpec(policy.Spec, index, _options.Guard) is { } refused)
            return refused;
        return before + index >= MaxSinks
            ? new SinkVerdict(Reasons.TooManySinks, $"A namespace can have {MaxSinks} sinks, and older policies have them.")
            : await SinkVerdict.OfCredentialsAsync(_options.Client, policy, index, cancellation);
    }

    private static int Order(ExportPolicy x, ExportPolicy y)
    {
        var byAge = Nullable.Compare(x.Metadata.CreationTimestamp, y.Metadata.CreationTimestamp);
        return byAge != 0 ? byAge : string.CompareOrdinal(x.Metadata.Uid, y.Metadata.Uid);
    }

    /// <summary>Tells once that a sink can't send any more, or a new reason for it; the same after an edit is told again.</summary>
    private async Task TellAsync(ExportPolicy before, ExportPolicy after, CancellationToken cancellation)
    {
        if (_options.Warn is not { } warn)
            return;
        var about = new ObjectReference { ApiVersion = _type.ApiVersion, Kind = _type.Kind, Namespace = after.Metadata.Namespace, Name = after.Metadata.Name, Uid = after.Metadata.Uid };
        foreach (var sink in after.Status?.Sinks ?? [])
        {
            var old = before.Status?.Sinks?.Find(s => s.Name == sink.Name)?.Conditions;
            foreach (var condition in sink.Conditions ?? [])
            {
                var was = Conditions.Find(old, condition.Type);
                if (condition.Status == ConditionStatus.False && !(was is { Status: ConditionStatus.False } && was.Reason == condition.Reason && was.ObservedGeneration == condition.ObservedGeneration))
                    await warn(about, condition.Reason, $"Sink {sink.Name}: {condition.Message}", cancellation);
            }
        }
    }
}
