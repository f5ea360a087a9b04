using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Kubernetes;

/// <summary>
/// Leadership by a coordination.k8s.io Lease. The contract:
/// <list type="bullet">
/// <item>We lead from the moment the server stored our name until the deadline: the start of the last renewal request that succeeded,
/// plus the duration, minus the margin. Each success moves the deadline; nothing else does.</item>
/// <item><see cref="MayMutate"/> is the fence that must be asked before every mutation (L10). It compares with the monotonic clock
/// and with the wall clock, because the first stands still while a machine is suspended and the second can be set.</item>
/// <item>At the deadline <see cref="LeadershipToken"/> is cancelled, whatever the renewal loop does, and a renewal in flight is cancelled too.</item>
/// <item>A renewal that fails, in whatever way, is tried again until the deadline. Another holder's name ends leadership at once.</item>
/// <item>Another holder's lease is taken only after it stood unchanged for its whole duration by our own monotonic clock; clocks of machines are never compared.</item>
/// <item>A Lease that was deleted is no release: who finds none claims it and waits for a whole duration as well, unless nobody can ever have led.</item>
/// <item>When stopped, the lease is released, so that the next one takes over at once; <see cref="PreviousReleased"/> tells that one.</item>
/// <item>What a mutation in flight at a takeover did is not the elector's business: after a takeover that wasn't a release the new leader waits (L10).</item>
/// </list>
/// </summary>
#pragma warning disable CA1001 // A term is disposed by the run that made it.
public sealed partial class LeaseElector
#pragma warning restore CA1001
{
    private readonly IKubernetesClient _client;
    private readonly IScheduler _scheduler;
    private readonly LeaseElectorOptions _options;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private Term? _term;
    private TaskCompletionSource _elected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private (string? Version, long Since) _seen;
    private (string? Version, long Since) _claim;
    private string? _acquireFailure;

    public LeaseElector(IKubernetesClient client, IScheduler scheduler, LeaseElectorOptions options, ILogger? logger = null)
    {
        if (options.Duration.Ticks % TimeSpan.TicksPerSecond != 0 || options.Duration <= TimeSpan.Zero)
            throw new ArgumentException("The duration must be whole seconds.", nameof(options));
        if (options.Margin <= TimeSpan.Zero || options.RenewEvery + options.Margin >= options.Duration || options.RetryEvery <= TimeSpan.Zero)
            throw new ArgumentException("Margin and renewal interval together must be shorter than the duration.", nameof(options));
        _client = client;
        _scheduler = scheduler;
        _options = options;
        _logger = logger ?? NullLogger.Instance;
    }

    private TimeProvider Time => _scheduler.Time;

    public bool IsLeader => MayMutate();

    /// <summary>Counts our terms from 1; 0 before the first.</summary>
    public int Terms { get; private set; }

    /// <summary>The holder before this term had released the lease, or there was none: nothing of it can be in flight.</summary>
    public bool PreviousReleased { get; private set; }

    /// <summary>Cancelled when the present term ends; already cancelled while we don't lead.</summary>
    public CancellationToken LeadershipToken
    {
        get { lock (_gate) return _term?.Token ?? new CancellationToken(canceled: true); }
    }

    /// <summary>The wall-clock time at which this term ends unless it is renewed; null while we don't lead.</summary>
    public DateTimeOffset? Deadline
    {
        get { lock (_gate) return _term?.WallDeadline; }
    }

    /// <summary>The deadline as a timestamp of the scheduler's TimeProvider; 0 while we don't lead.</summary>
    public long DeadlineTimestamp
    {
        get { lock (_gate) return _term?.Deadline ?? 0; }
    }

    /// <summary>Whether a mutation may start now.</summary>
    public bool MayMutate()
    {
        lock (_gate)
            return _term is { } term && !term.Token.IsCancellationRequested && Time.GetTimestamp() < term.Deadline && Time.GetUtcNow() < term.WallDeadline;
    }

    /// <summary>Completes when we lead, with the token of that term.</summary>
    public async Task<CancellationToken> WaitForLeadershipAsync(CancellationToken cancellation)
    {
        while (true)
        {
            Task elected;
            lock (_gate)
            {
                if (_term is { } term && !term.Token.IsCancellationRequested)
                    return term.Token;
                elected = _elected.Task;
            }
            await elected.WaitAsync(cancellation);
        }
    }

    /// <summary>Acquires and renews, term after term, until cancelled; then releases and ends without an exception.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                if (await TryAcquireAsync(cancellation) is { } term)
                    await LeadAsync(term, cancellation);
                else
                    await _scheduler.Delay(_options.RetryEvery * (0.9 + 0.2 * _scheduler.NextRandom()), cancellation);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                break;
            }
        }
    }

    /// <summary>A new term, or null when somebody else leads or the server can't be asked.</summary>
    private async Task<Term?> TryAcquireAsync(CancellationToken cancellation)
    {
        try
        {
            var found = await _client.FindAsync(Core.Leases, _options.Lease, cancellation);
            var free = found is null || string.IsNullOrEmpty(found.Spec?.HolderIdentity) || found.Spec.HolderIdentity == _options.Identity;
            if (!free && !HasRunOut(found!))
                return null;
            if (found is null && _options.MayHaveLedAsync is { } ask && await ask(cancellation))
            {
                // Claimed, not led: who led by the Lease that was deleted has ended when this one stood for a whole duration.
                LogMissing(_logger, _options.Lease, _options.Duration);
                _claim = ("", 0);
                await CreateAsync(Time.GetUtcNow(), cancellation);
                return null;
            }
            if (found is not null && !IsClaimOld(found))
                return null;
            var started = Time.GetTimestamp();
            var wall = Time.GetUtcNow();
            var written = found is null ? await CreateAsync(wall, cancellation) : await TakeAsync(found, wall, cancellation);
            _seen = default;
            _acquireFailure = null;
            Term term;
            lock (_gate)
            {
                PreviousReleased = found is null || string.IsNullOrEmpty(found.Spec?.HolderIdentity);
                Terms++;
                _claim = default;
                _term = term = new Term(this, written.Metadata.ResourceVersion!, started, wall);
                _elected.TrySetResult();
            }
            term.Token.UnsafeRegister(_ => Forget(term), null);
            LogElected(_logger, _options.Identity, _options.Lease);
            return term;
        }
        catch (KubernetesException error) when (error.Code == 409)
        {
            LogOutrun(_logger, _options.Identity, _options.Lease);
            return null;
        }
        catch (Exception error) when (!cancellation.IsCancellationRequested)
        {
            if (_acquireFailure != error.Message)
                LogAcquireFailed(_logger, _options.Lease, error.Message);
            // The same trouble at each attempt is said once.
            _acquireFailure = error.Message;
            return null;
        }
    }

    private bool HasRunOut(Lease lease)
    {
        if (_seen.Version != lease.Metadata.ResourceVersion)
        {
            _seen = (lease.Metadata.ResourceVersion, Time.GetTimestamp());
            return false;
        }
        return Time.GetElapsedTime(_seen.Since) >= TimeSpan.FromSeconds(lease.Spec!.LeaseDurationSeconds ?? (int)_options.Duration.TotalSeconds);
    }

    /// <summary>Whether a claim of ours (also one whose answer was lost) has stood for a whole duration since we saw it; true where there is none.</summary>
    private bool IsClaimOld(Lease found)
    {
        if (_claim.Version is null || found.Spec?.HolderIdentity != _options.Identity)
            return true;
        if (_claim.Version != found.Metadata.ResourceVersion)
            _claim = (found.Metadata.ResourceVersion, Time.GetTimestamp());
        return Time.GetElapsedTime(_claim.Since) >= _options.Duration;
    }

    private Task<Lease> CreateAsync(DateTimeOffset now, CancellationToken cancellation) => _client.CreateAsync(Core.Leases, new Lease
    {
        Metadata = new ObjectMeta { Namespace = _options.Lease.Namespace, Name = _options.Lease.Name },
        Spec = new LeaseSpec
        {
            HolderIdentity = _options.Identity,
            LeaseDurationSeconds = (int)_options.Duration.TotalSeconds,
            AcquireTime = now,
            RenewTime = now,
            LeaseTransitions = 0,
        },
    }, cancellation);

    private Task<Lease> TakeAsync(Lease found, DateTimeOffset now, CancellationToken cancellation) => PatchAsync(found.Metadata.ResourceVersion!, new JsonObject
    {
        ["holderIdentity"] = _options.Identity,
        ["leaseDurationSeconds"] = (int)_options.Duration.TotalSeconds,
        ["acquireTime"] = MicroTime(now),
        ["renewTime"] = MicroTime(now),
        ["leaseTransitions"] = (found.Spec?.LeaseTransitions ?? 0) + 1,
    }, cancellation);

    private Task<Lease> PatchAsync(string version, JsonObject spec, CancellationToken cancellation) => _client.PatchAsync(Core.Leases, _options.Lease,
        Patch.Merge(new JsonObject { ["metadata"] = new JsonObject { ["resourceVersion"] = version }, ["spec"] = spec }), null, cancellation);

    private static string MicroTime(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Renews until the term is lost or the caller stops.</summary>
    private async Task LeadAsync(Term term, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, term.Token);
        var wait = _options.RenewEvery;
        try
        {
            while (true)
            {
                await _scheduler.Delay(wait, stop.Token);
                wait = await RenewAsync(term, stop.Token);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            LogEnded(_logger, _options.Identity, _options.Lease);
        }
        finally
        {
            term.End();
            if (cancellation.IsCancellationRequested)
                await ReleaseAsync(term);
            term.Dispose();
        }
    }

    private void Forget(Term term)
    {
        lock (_gate)
        {
            if (_term != term)
                return;
            _term = null;
            _elected = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>One renewal; returns how long to wait before the next. Cancelled at the deadline by the term's token.</summary>
    private async Task<TimeSpan> RenewAsync(Term term, CancellationToken stop)
    {
        try
        {
            var started = Time.GetTimestamp();
            var wall = Time.GetUtcNow();
            using var limit = AttemptLimit();
            using var attempt = CancellationTokenSource.CreateLinkedTokenSource(stop, limit.Token);
            var written = await PatchAsync(term.Version, new JsonObject { ["renewTime"] = MicroTime(wall) }, attempt.Token);
            lock (_gate)
                term.Renewed(written.Metadata.ResourceVersion!, started, wall);
            return _options.RenewEvery;
        }
        catch (KubernetesException error) when (error.IsNotFound)
        {
            LogLost(_logger, _options.Identity, _options.Lease, "the lease was deleted");
            term.End();
        }
        catch (KubernetesException error) when (error.Code == 409)
        {
            // Somebody else wrote, or an earlier renewal of ours arrived although its answer didn't.
            await LookAsync(term, stop);
        }
        catch (Exception error) when (!stop.IsCancellationRequested)
        {
            LogRenewFailed(_logger, _options.Lease, error.Message);
        }
        return _options.RetryEvery;
    }

    /// <summary>A request that hangs on a dead connection leaves time for another one before the deadline.</summary>
    private CancellationTokenSource AttemptLimit()
    {
        var left = _options.Duration - _options.Margin - _options.RenewEvery;
        return left > TimeSpan.Zero ? new CancellationTokenSource(left / 2, Time) : new CancellationTokenSource();
    }

    private async Task LookAsync(Term term, CancellationToken stop)
    {
        try
        {
            using var limit = AttemptLimit();
            using var attempt = CancellationTokenSource.CreateLinkedTokenSource(stop, limit.Token);
            var found = await _client.FindAsync(Core.Leases, _options.Lease, attempt.Token);
            if (found?.Spec?.HolderIdentity == _options.Identity)
            {
                term.Version = found.Metadata.ResourceVersion!;
                return;
            }
            LogLost(_logger, _options.Identity, _options.Lease, $"the holder is '{found?.Spec?.HolderIdentity}'");
            term.End();
        }
        catch (Exception error) when (!stop.IsCancellationRequested)
        {
            LogRenewFailed(_logger, _options.Lease, error.Message);
        }
    }

    private async Task ReleaseAsync(Term term)
    {
        var left = term.Left;
        if (left <= TimeSpan.Zero)
            return;
        using var limit = new CancellationTokenSource(left, Time);
        try
        {
            if (_options.DrainAsync is { } drain)
                await drain(limit.Token).WaitAsync(limit.Token);
            // The holder is removed, not emptied: the server refuses an empty name and a duration of zero.
            await PatchAsync(term.Version, new JsonObject { ["holderIdentity"] = null, ["leaseDurationSeconds"] = 1, ["renewTime"] = MicroTime(Time.GetUtcNow()) }, limit.Token);
            LogReleased(_logger, _options.Identity, _options.Lease);
        }
        catch (Exception error)
        {
            // Unreleased is safe: the others wait for the whole duration.
            LogReleaseFailed(_logger, _options.Lease, error.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Identity} leads {Lease}")]
    private static partial void LogElected(ILogger logger, string identity, ObjectKey lease);

    [LoggerMessage(Level = LogLevel.Warning, Message = "There is no {Lease} although somebody may have led: it is claimed, and led by after {Duration}")]
    private static partial void LogMissing(ILogger logger, ObjectKey lease, TimeSpan duration);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Identity} no longer leads {Lease}")]
    private static partial void LogEnded(ILogger logger, string identity, ObjectKey lease);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Identity} lost {Lease}: {Reason}")]
    private static partial void LogLost(ILogger logger, string identity, ObjectKey lease, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Another was faster than {Identity} to take {Lease}")]
    private static partial void LogOutrun(ILogger logger, string identity, ObjectKey lease);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Identity} released {Lease}")]
    private static partial void LogReleased(ILogger logger, string identity, ObjectKey lease);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Lease} was not released and runs out by itself: {Reason}")]
    private static partial void LogReleaseFailed(ILogger logger, ObjectKey lease, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Lease} can't be acquired: {Reason}")]
    private static partial void LogAcquireFailed(ILogger logger, ObjectKey lease, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A renewal of {Lease} failed, it is tried again until the deadline: {Reason}")]
    private static partial void LogRenewFailed(ILogger logger, ObjectKey lease, string reason);

    /// <summary>One continuous leadership. Its source ends by itself at the deadline.</summary>
    private sealed class Term : IDisposable
    {
        private readonly LeaseElector _elector;
        private readonly CancellationTokenSource _source;

        public Term(LeaseElector elector, string version, long started, DateTimeOffset wall)
        {
            _elector = elector;
            _source = new CancellationTokenSource(Timeout.InfiniteTimeSpan, elector.Time);
            Token = _source.Token;
            Version = version;
            Renewed(version, started, wall);
        }

        public CancellationToken Token { get; }
        public string Version { get; set; }
        public long Deadline { get; private set; }
        public DateTimeOffset WallDeadline { get; private set; }

        public TimeSpan Left => _elector.Time.GetElapsedTime(_elector.Time.GetTimestamp(), Deadline);

        public void Renewed(string version, long started, DateTimeOffset wall)
        {
            var usable = _elector._options.Duration - _elector._options.Margin;
            Version = version;
            // A renewal that came back after the deadline doesn't revive the term.
            if (_source.IsCancellationRequested)
                return;
            Deadline = started + (long)(usable.TotalSeconds * _elector.Time.TimestampFrequency);
            WallDeadline = wall + usable;
            _source.CancelAfter(Left > TimeSpan.Zero ? Left : TimeSpan.Zero);
        }

        public void End() => _source.Cancel();

        public void Dispose() => _source.Dispose();
    }
}
