using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Kubernetes.Controllers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Limits;

/// <summary>
/// Probes the sessions whose circuit breaker is open: one call after a delay that grows, nobody else calls meanwhile. What answers again is
/// looked at; what stays away is told on every entry.
/// </summary>
public sealed partial class BreakerProbes(AccountLimits limits, SessionManager sessions, EntryController entries, IScheduler scheduler, ILogger<BreakerProbes> logger) : IController
{
    /// <summary>Probes in vain until every entry says so. An outage of seconds isn't worth a write for each.</summary>
    private const int UntilAllAreTold = 3;

    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(30);

    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Name => "breakers";

    public async Task RunAsync(CancellationToken cancellation)
    {
        void Start(Session session)
        {
            if (session.Meter.Breaker.IsOpen)
                _ = scheduler.Run(() => ProbeAsync(session, cancellation));
        }

        limits.BreakerChanged += Start;
        using var registration = cancellation.Register(() => _stopped.TrySetResult());
        await _stopped.Task.ConfigureAwait(false);
        limits.BreakerChanged -= Start;
    }

    private async Task ProbeAsync(Session session, CancellationToken cancellation)
    {
        var breaker = session.Meter.Breaker;
        for (var failures = 0; breaker.IsOpen;)
        {
            try
            {
                await scheduler.Delay(breaker.NextProbe(scheduler.NextRandom()), cancellation).ConfigureAwait(false);
                if (session.TryUse() is not { } use)
                {
                    // Its successor was probed when it was opened.
                    session.Meter.Ended();
                    return;
                }
                using (use)
                    if (await AnswersAsync(session, cancellation).ConfigureAwait(false))
                    {
                        entries.PokeAll(session.ConfigName);
                        return;
                    }
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // The guard turns what a driver throws into errors; what comes here is ours, and the next probe tries again (L9).
                LogProbeFailed(logger, session.ConfigName, e.Message);
            }
            if (++failures == UntilAllAreTold)
                entries.PokeAll(session.ConfigName);
        }
    }

    private async Task<bool> AnswersAsync(Session session, CancellationToken cancellation)
    {
        using var scope = Calls.New(scheduler, ProbeTimeout, cancellation);
        var probe = await session.Driver.ProbeAsync(scope.Call).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        if (!session.Meter.Probed(probe.Error))
            return false;
        // Who doesn't accept us any more, or answers for another account, is asked by a new session (L15).
        if (probe.Error is { Code: ErrorCode.Unauthenticated } || (probe.Error is null && probe.Value!.AccountId != session.Account.AccountId))
            sessions.Invalidate(session);
        return true;
    }

    [LoggerMessage(EventId = 2404, Level = LogLevel.Error, Message = "The probe of ProviderConfig {Config} failed in the host itself: {Error}")]
    private static partial void LogProbeFailed(ILogger logger, string config, string error);
}
