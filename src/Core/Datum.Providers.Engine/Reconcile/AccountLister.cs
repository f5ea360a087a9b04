using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>
/// Steady state for one account: one paged listing a kind and period, compared with the last one in memory. What changed or
/// vanished is looked at; what the ledger doesn't know is reported. Nothing is written (law L8) and nothing is deleted (L13: report is the default).
/// </summary>
public sealed partial class AccountLister(
    HomePlane home, LedgerStore ledger, SessionManager sessions, EntryController entries, IScheduler scheduler, ILogger<AccountLister> logger) : IController
{
    /// <summary>When the ProviderConfig says nothing.</summary>
    public static readonly TimeSpan DefaultPeriod = TimeSpan.FromSeconds(15);

    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Name => "listings";

    public async Task RunAsync(CancellationToken cancellation)
    {
        void Start(Session session)
        {
            _ = scheduler.Run(() => ListForeverAsync(session, cancellation));
            if (session.Changes is { } feed)
                _ = scheduler.Run(() => FollowAsync(session, feed, cancellation));
        }

        sessions.Opened += Start;
        foreach (var session in sessions.Open)
            Start(session);
        using var registration = cancellation.Register(() => _stopped.TrySetResult());
        await _stopped.Task.ConfigureAwait(false);
        sessions.Opened -= Start;
    }

    private async Task ListForeverAsync(Session session, CancellationToken cancellation)
    {
        var known = session.Kinds.ToDictionary(k => k.Kind, _ => (Dictionary<string, string>?)null);
        var reported = new HashSet<string>(StringComparer.Ordinal);
        var failures = 0;
        while (!cancellation.IsCancellationRequested && session.TryUse() is { } use)
        {
            var ok = true;
            TimeSpan? retryAfter = null;
            using (use)
                // Kinds that were never listed come first: nothing of theirs is mutated before.
                foreach (var verbs in session.Kinds.OrderBy(k => session.IsListed(k.Kind)).ToList())
                    try
                    {
                        if (await ListKindAsync(session, verbs, known, reported, cancellation).ConfigureAwait(false) is not { } error)
                            continue;
                        ok = false;
                        retryAfter = error.RetryAfter;
                        // Who limits the rate or is away isn't asked for the other kinds in the same breath.
                        if (error.Code is ErrorCode.Throttled or ErrorCode.Unavailable)
                            break;
                    }
                    catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
                    {
                        return;
                    }
                    catch (Exception e)
                    {
                        // The guard turns what a driver throws into errors; what comes here is ours. The next round tries again (L9).
                        ok = false;
                        LogListingFailed(logger, verbs.Kind, session.ConfigName, e.Message);
                    }
            failures = ok ? 0 : failures + 1;
            var wait = retryAfter is { } after && after > TimeSpan.FromSeconds(1) ? after : ok ? Period(session) : TimeSpan.FromSeconds(Math.Min(60, Math.Pow(2, Math.Min(failures, 6))));
            try
            {
                await scheduler.Delay(wait * (0.9 + 0.2 * scheduler.NextRandom()), cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>Lists one kind; the error when nothing may be concluded.</summary>
    private async Task<DriverError?> ListKindAsync(
        Session session, KindVerbs verbs, Dictionary<ResourceKind, Dictionary<string, string>?> known, HashSet<string> reported, CancellationToken cancellation)
    {
        var descriptor = session.Describe(verbs.Kind)!;
        if (descriptor.ListQuality is ListQuality.None or ListQuality.Unknown)
            return null;
        var items = new Dictionary<string, List<ListedObject>>(StringComparer.Ordinal);
        string? cursor = null;
        do
        {
            if (await session.Meter.TurnToListAsync(scheduler, cancellation).ConfigureAwait(false) is { } notNow)
                return notNow;
            using var scope = Calls.New(scheduler, descriptor.CallTimeout, cancellation);
            var answer = await verbs.ListAsync(scope.Call, new ListQuery { Installation = home.Installation, PageSize = 500 }, cursor).ConfigureAwait(false);
            if (answer.Error is { } error)
            {
                LogListingFailed(logger, verbs.Kind, session.ConfigName, error.Message);
                return error;
            }
            var page = answer.Value!;
            if (!page.Complete)
            {
                LogListingFailed(logger, verbs.Kind, session.ConfigName, "the platform left something out");
                return new DriverError { Code = ErrorCode.NotReadyYet, Effect = Effect.NotApplied, Message = "The listing is not complete." };
            }
            foreach (var item in page.Items)
                if (items.TryGetValue(item.Name, out var same))
                    same.Add(item);
                else
                    items[item.Name] = [item];
            cursor = page.Next;
        }
        while (cursor is not null);

        // Several items of one name are its parts (a port beside its server); a copy is one part with two ids.
        var seen = items.ToDictionary(i => i.Key, i => string.Join('|', i.Value.Select(v => v.Fingerprint).Order(StringComparer.Ordinal)), StringComparer.Ordinal);
        var copies = items.Where(i => i.Value.SelectMany(v => v.Parts).GroupBy(p => p.Name).Any(g => g.Select(p => p.Id).Distinct().Count() > 1)).Select(i => i.Key);
        var first = known[verbs.Kind] is null;
        var before = known[verbs.Kind] ?? [];
        known[verbs.Kind] = seen;
        session.MarkListed(verbs.Kind);
        if (first)
            entries.PokeAll(session.ConfigName);

        foreach (var (name, fingerprint) in seen)
            if (!first && (!before.TryGetValue(name, out var old) || old != fingerprint))
                entries.Poke(name, WorkPriority.Change);
        foreach (var name in before.Keys.Where(n => !seen.ContainsKey(n)))
            entries.Poke(name, WorkPriority.Change);

        // What vanished before any listing had shown it is missed only by the ledger.
        foreach (var entry in home.Entries.ByIndex(HomePlane.ByConfig, session.ConfigName))
            if (entry.Spec.Kind == verbs.Kind.ToString() && entry.Spec.Record.Parts is { Count: > 0 } && !seen.ContainsKey(entry.Metadata.Name!)
                && CanonicalJson.Same(SessionManager.ScopeOf(session.Descriptor, entry.Spec.LocationBlock), session.Connection.Location))
                entries.Poke(entry.Metadata.Name!);

        foreach (var name in seen.Keys.Where(n => ledger.Find(n) is null).Concat(copies).Where(reported.Add))
            LogUnknown(logger, verbs.Kind, name, session.ConfigName);
        return null;
    }

    private async Task FollowAsync(Session session, IChangeFeed feed, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested && session.TryUse() is { } use)
        {
            using (use)
                try
                {
                    using var scope = Calls.New(scheduler, TimeSpan.FromHours(1), cancellation);
                    await foreach (var change in feed.WatchAsync(scope.Call).ConfigureAwait(false))
                        if (change.Name is { } name)
                            entries.Poke(name, WorkPriority.Change);
                        else
                            entries.PokeAll(session.ConfigName);
                }
                catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
                {
                    return;
                }
                catch (Exception e)
                {
                    LogFeedEnded(logger, session.ConfigName, e.Message);
                }
            try
            {
                await scheduler.Delay(TimeSpan.FromSeconds(1), cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            // Whatever happened while nobody listened is found by looking.
            entries.PokeAll(session.ConfigName);
        }
    }

    private TimeSpan Period(Session session) =>
        home.Configs.Find(new ObjectKey(null, session.ConfigName))?.Spec.Management?.PollInterval is { } text && GoDuration.TryParse(text, out var period, out _) && period > TimeSpan.Zero
            ? period
            : DefaultPeriod;

    [LoggerMessage(EventId = 2201, Level = LogLevel.Warning, Message = "Listing {Kind} of ProviderConfig {Config} failed, nothing is concluded from it: {Error}")]
    private static partial void LogListingFailed(ILogger logger, ResourceKind kind, string config, string error);

    [LoggerMessage(EventId = 2202, Level = LogLevel.Warning, Message = "{Kind} {Name} at ProviderConfig {Config} carries our mark, but the ledger has no entry (or it is a copy). It is reported only")]
    private static partial void LogUnknown(ILogger logger, ResourceKind kind, string name, string config);

    [LoggerMessage(EventId = 2203, Level = LogLevel.Information, Message = "The change feed of ProviderConfig {Config} ended: {Error}")]
    private static partial void LogFeedEnded(ILogger logger, string config, string error);
}
