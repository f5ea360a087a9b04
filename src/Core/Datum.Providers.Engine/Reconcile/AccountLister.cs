using System.Collections.Concurrent;
using Datum.Providers.Engine.Collect;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>
/// Steady state: one paged listing for each account, kind and partition a period, shared by all sessions of the account. It wakes entries whose
/// objects changed or are missing, counts what vanished (L15) and feeds the collector (L13). A listing that isn't whole concludes nothing, and
/// nothing is written when nothing changed (L8).
/// </summary>
public sealed partial class AccountLister(
    HomePlane home, SessionManager sessions, EntryController entries, AccountGuard accounts, Collector collector,
    Func<string, IEnumerable<JsonElement>> locationBlocks, IScheduler scheduler, ILogger<AccountLister> logger) : IController
{
    /// <summary>When the ProviderConfig says nothing.</summary>
    public static readonly TimeSpan DefaultPeriod = TimeSpan.FromSeconds(15);

    /// <summary>A listing that somebody waits for is made at once, but not more often than this.</summary>
    private static readonly TimeSpan Closest = TimeSpan.FromSeconds(2);

    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<AccountKey, Account> _accounts = [];

    public string Name => "listings";

    public async Task RunAsync(CancellationToken cancellation)
    {
        void Start(Session session)
        {
            var account = _accounts.GetOrAdd(AccountGuard.KeyOf(session), static k => new Account(k));
            if (account.Join(session))
                _ = scheduler.Run(() => ListForeverAsync(account, cancellation));
            if (session.Changes is { } feed)
                _ = scheduler.Run(() => FollowAsync(session, feed, cancellation));
        }

        void Wake(AccountKey key)
        {
            if (_accounts.TryGetValue(key, out var account))
                account.Wake(scheduler.Time.GetUtcNow() - Closest);
        }

        sessions.Opened += Start;
        accounts.ListingWanted += Wake;
        foreach (var session in sessions.Open)
            Start(session);
        using var registration = cancellation.Register(() => _stopped.TrySetResult());
        await _stopped.Task.ConfigureAwait(false);
        sessions.Opened -= Start;
        accounts.ListingWanted -= Wake;
    }

    private async Task ListForeverAsync(Account account, CancellationToken cancellation)
    {
        var failures = 0;
        while (!cancellation.IsCancellationRequested && account.Lead() is { } lead)
        {
            DriverError? error;
            var configs = account.Configs;
            using (lead.Use)
                try
                {
                    error = await RoundAsync(account, lead.Session, configs, cancellation).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
                {
                    return;
                }
                catch (Exception e)
                {
                    // The guard turns what a driver throws into errors; what comes here is ours, or the API server's. The next round tries again (L9).
                    LogRoundFailed(logger, account.Key.ToString(), e.Message);
                    error = new DriverError { Code = ErrorCode.Unavailable, Effect = Effect.NotApplied, Message = e.Message };
                }
            failures = error is null ? 0 : failures + 1;
            var wait = error?.RetryAfter is { } after && after > TimeSpan.FromSeconds(1) ? after
                : error is null ? configs.Select(c => PeriodOf(home, c)).DefaultIfEmpty(DefaultPeriod).Min() : TimeSpan.FromSeconds(Math.Min(60, Math.Pow(2, Math.Min(failures, 6))));
            if (!await account.NapAsync(scheduler, wait * (0.9 + 0.2 * scheduler.NextRandom()), mayWake: error is null, Closest, cancellation).ConfigureAwait(false))
                return;
        }
    }

    /// <summary>One round: the account is proved, then every kind is listed. The error when one of them failed.</summary>
    private async Task<DriverError?> RoundAsync(Account account, Session session, ImmutableArray<string> configs, CancellationToken cancellation)
    {
        account.Began = scheduler.Time.GetUtcNow();
        var began = session.Moment();
        account.Round++;
        if (await session.Meter.TurnToListAsync(scheduler, cancellation).ConfigureAwait(false) is { } notNow)
            return Spoil(account, session.Kinds, notNow);
        var proof = await session.ProveAsync(began, cancellation).ConfigureAwait(false);
        session.Meter.Saw(proof.Error);
        if (proof.Error is { } unproved)
        {
            LogListingFailed(logger, "account", account.Key.ToString(), unproved.Message);
            return Spoil(account, session.Kinds, unproved);
        }
        if (proof.Other is { } other)
        {
            // The same credentials lead elsewhere now: nothing is concluded, and a session that says so is opened (L15).
            LogOtherAccount(logger, session.ConfigName, account.Key.AccountId, other);
            account.Leave(session);
            sessions.Invalidate(session);
            entries.PokeAll(session.ConfigName);
            return Spoil(account, session.Kinds, new DriverError { Code = ErrorCode.NotReadyYet, Effect = Effect.NotApplied, Message = "The session proves another account." });
        }

        DriverError? failed = null;
        var missing = new HashSet<string>(StringComparer.Ordinal);
        // Kinds that were never listed come first: nothing of theirs is mutated before.
        foreach (var verbs in session.Kinds.OrderBy(k => session.IsListed(k.Kind)).ToList())
        {
            if (await ListKindAsync(account, session, verbs, configs, missing, cancellation).ConfigureAwait(false) is not { } error)
                continue;
            failed = error;
            collector.NotListed(account.Key, verbs.Kind);
            // Who limits the rate or is away isn't asked for the other kinds in the same breath.
            if (error.Code is ErrorCode.Throttled or ErrorCode.Unavailable)
                break;
        }
        if (failed is not null)
            return failed;
        if (accounts.RoundEnded(account.Key, configs, missing))
            foreach (var config in configs)
                entries.PokeAll(config);
        await collector.RoundAsync(account.Key, configs, session, cancellation).ConfigureAwait(false);
        return null;
    }

    private DriverError Spoil(Account account, IEnumerable<KindVerbs> kinds, DriverError error)
    {
        foreach (var verbs in kinds)
            collector.NotListed(account.Key, verbs.Kind);
        return error;
    }

    /// <summary>Lists one kind in all partitions; the error when nothing may be concluded.</summary>
    private async Task<DriverError?> ListKindAsync(Account account, Session session, KindVerbs verbs, ImmutableArray<string> configs, HashSet<string> allMissing, CancellationToken cancellation)
    {
        var descriptor = session.Describe(verbs.Kind)!;
        if (descriptor.ListQuality is ListQuality.None or ListQuality.Unknown)
            return null;
        // What was recorded before the first page was asked for has to be in it; what comes later need not.
        var expected = ExpectedOf(account.Key, verbs.Kind, configs);
        var listing = await ListingReader.ReadAsync(session.Meter, verbs, descriptor, home.Installation, PartitionsOf(account, session, descriptor), scheduler, cancellation).ConfigureAwait(false);
        if (listing.Error is { } error)
        {
            LogListingFailed(logger, verbs.Kind.ToString(), account.Key.ToString(), error.Message);
            return error;
        }

        // Several items of one name are its parts (a port beside its server).
        var seen = listing.Items.GroupBy(i => i.Name, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => string.Join('|', g.Select(v => v.Fingerprint).Order(StringComparer.Ordinal)), StringComparer.Ordinal);
        account.Known.TryGetValue(verbs.Kind, out var before);
        account.Known[verbs.Kind] = seen;
        var still = ExpectedOf(account.Key, verbs.Kind, configs);
        var shown = listing.Items.SelectMany(i => i.Parts).Select(p => p.Id).ToHashSet(StringComparer.Ordinal);
        var missing = expected.Where(n => still.Contains(n) && (!seen.ContainsKey(n) || !account.ShowsAll(n, home.Entries.Find(new ObjectKey(null, n)), shown))).ToHashSet(StringComparer.Ordinal);
        allMissing.UnionWith(missing);
        accounts.Listed(account.Key, verbs.Kind, listing.Began, missing, seen.Keys.Where(n => !missing.Contains(n)).ToHashSet(StringComparer.Ordinal));
        collector.Listed(account.Key, verbs.Kind, account.Round, listing.Began, listing.Items);
        if (account.MarkListed(verbs.Kind))
            foreach (var config in configs)
                entries.PokeAll(config);

        // What we made ourselves differs from the last listing as well: what a user changed goes first.
        if (before is not null)
        {
            foreach (var (name, fingerprint) in seen)
                if (!before.TryGetValue(name, out var old) || old != fingerprint)
                    entries.Poke(name, WorkPriority.Retry);
            foreach (var name in before.Keys.Where(n => !seen.ContainsKey(n)))
                entries.Poke(name, WorkPriority.Retry);
        }
        // What vanished before any listing had shown it, or while its entry was going, is missed only by the ledger.
        foreach (var entry in configs.SelectMany(c => home.Entries.ByIndex(HomePlane.ByConfig, c)))
            if (entry.Spec.Kind == verbs.Kind.ToString() && entry.Spec.Record.Parts is { Count: > 0 } && entry.Spec.Record.AccountId == account.Key.AccountId
                && (!seen.ContainsKey(entry.Metadata.Name!) || missing.Contains(entry.Metadata.Name!)))
                entries.Poke(entry.Metadata.Name!);
        return null;
    }

    private HashSet<string> ExpectedOf(AccountKey account, ResourceKind kind, ImmutableArray<string> configs) =>
        configs.SelectMany(c => home.Entries.ByIndex(HomePlane.ByConfig, c))
            .Where(e => e.Spec.Kind == kind.ToString() && e.Spec.Driver == account.Driver && e.Spec.Record.AccountId == account.AccountId && e.Spec.Installation == home.Installation && AccountGuard.Counts(e))
            .Select(e => e.Metadata.Name!).ToHashSet(StringComparer.Ordinal);

    /// <summary>Every value of the field that listings are cut by: of sessions, of entries, and of Locations that no entry names any more or yet.</summary>
    private List<string?> PartitionsOf(Account account, Session session, KindDescriptor descriptor)
    {
        if (descriptor.ListPartition is not { } field)
            return [null];
        static string? Value(JsonElement? block, string field) =>
            block is { ValueKind: JsonValueKind.Object } b && b.TryGetProperty(field, out var value) && value.ToString() is { Length: > 0 } text ? text : null;
        var values = account.Sessions.Select(s => Value(s.Connection.Location, field))
            .Concat(account.Configs.SelectMany(c => home.Entries.ByIndex(HomePlane.ByConfig, c)).Where(e => e.Spec.Record.AccountId == account.Key.AccountId).Select(e => Value(e.Spec.LocationBlock, field)))
            // A Location of another account of the driver may have the same field: only those that fit a session of this one count.
            .Concat(locationBlocks(session.Descriptor.LocationKey).Where(b => account.Sessions.Any(s => CanonicalJson.Same(SessionManager.ScopeOf(s.Descriptor, b), s.Connection.Location))).Select(b => Value(b, field)))
            .OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList<string?>();
        return values.Count == 0 ? [null] : values;
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

    /// <summary>How often a ProviderConfig has its account listed.</summary>
    internal static TimeSpan PeriodOf(HomePlane home, string config) =>
        home.Configs.Find(new ObjectKey(null, config))?.Spec.Management?.PollInterval is { } text && GoDuration.TryParse(text, out var period, out _) && period > TimeSpan.Zero
            ? period
            : DefaultPeriod;

    [LoggerMessage(EventId = 2201, Level = LogLevel.Warning, Message = "Listing {Kind} of account {Account} failed, nothing is concluded from it: {Error}")]
    private static partial void LogListingFailed(ILogger logger, string kind, string account, string error);

    [LoggerMessage(EventId = 2203, Level = LogLevel.Information, Message = "The change feed of ProviderConfig {Config} ended: {Error}")]
    private static partial void LogFeedEnded(ILogger logger, string config, string error);

    [LoggerMessage(EventId = 2209, Level = LogLevel.Warning, Message = "The round of account {Account} was broken off and is tried again: {Error}")]
    private static partial void LogRoundFailed(ILogger logger, string account, string error);

    [LoggerMessage(EventId = 2210, Level = LogLevel.Error, Message = "The session of ProviderConfig {Config} was account {Account} and proves {Other} now: nothing of it is changed")]
    private static partial void LogOtherAccount(ILogger logger, string config, string account, string other);

    /// <summary>One account's sessions and what its last listings showed. One loop a time works on it.</summary>
    private sealed class Account(AccountKey key)
    {
        private readonly Lock _lock = new();
        private ImmutableArray<Session> _sessions = [];
        private CancellationTokenSource? _nap;
        private bool _running;
        private bool _wanted;

        public AccountKey Key => key;

        /// <summary>By kind: fingerprints by name, of the last complete listing.</summary>
        public Dictionary<ResourceKind, Dictionary<string, string>> Known { get; } = [];

        /// <summary>By entry: recorded ids that some listing has shown.</summary>
        private readonly Dictionary<string, HashSet<string>> _shown = new(StringComparer.Ordinal);

        /// <summary>False when a part that a listing had shown, and that is still recorded, isn't in this one.</summary>
        public bool ShowsAll(string name, Resources.Providers.ManagedResource? entry, HashSet<string> shown)
        {
            var recorded = (entry?.Spec.Record.Parts ?? []).Select(p => p.Id).ToHashSet(StringComparer.Ordinal);
            var before = _shown.GetValueOrDefault(name) ?? [];
            before.IntersectWith(recorded);
            var all = before.IsSubsetOf(shown);
            before.UnionWith(recorded.Where(shown.Contains));
            _shown[name] = before;
            return all;
        }

        /// <summary>Grows with each round.</summary>
        public long Round { get; set; }

        /// <summary>When the last round began.</summary>
        public DateTimeOffset Began { get; set; }

        public ImmutableArray<Session> Sessions
        {
            get
            {
                lock (_lock)
                    return _sessions;
            }
        }

        /// <summary>The ProviderConfigs that reach the account, ordered.</summary>
        public ImmutableArray<string> Configs => [.. Sessions.Select(s => s.ConfigName).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

        /// <summary>True when a loop has to be started.</summary>
        public bool Join(Session session)
        {
            lock (_lock)
            {
                if (!_sessions.Contains(session))
                    _sessions = _sessions.Add(session);
                // It waits for its first complete listing.
                _wanted = true;
                _nap?.Cancel();
                return !_running && (_running = true);
            }
        }

        public void Leave(Session session)
        {
            lock (_lock)
                _sessions = _sessions.Remove(session);
        }

        /// <summary>A session that is open, held open while it is used; null ends the loop.</summary>
        public (Session Session, IDisposable Use)? Lead()
        {
            lock (_lock)
            {
                // All are asked, so that the closed ones are forgotten.
                (Session, IDisposable)? lead = null;
                foreach (var session in _sessions)
                    if (session.TryUse() is not { } use)
                        _sessions = _sessions.Remove(session);
                    else if (lead is null)
                        lead = (session, use);
                    else
                        use.Dispose();
                _running = lead is not null;
                return lead;
            }
        }

        /// <summary>A complete listing counts for every session of the account. True when one of them waited for it.</summary>
        public bool MarkListed(ResourceKind kind)
        {
            var waited = false;
            foreach (var session in Sessions)
            {
                waited |= !session.IsListed(kind);
                session.MarkListed(kind);
            }
            return waited;
        }

        /// <summary>Ends the nap, unless a round has begun since.</summary>
        public void Wake(DateTimeOffset unlessAfter)
        {
            lock (_lock)
            {
                if (_nap is null)
                    _wanted = true;
                else if (Began <= unlessAfter)
                    _nap.Cancel();
            }
        }

        /// <summary>Waits for the next round. False when all ends.</summary>
        public async Task<bool> NapAsync(IScheduler scheduler, TimeSpan time, bool mayWake, TimeSpan closest, CancellationToken cancellation)
        {
            using var nap = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            lock (_lock)
            {
                if (_wanted && mayWake && time > closest)
                    time = closest;
                _wanted = false;
                _nap = mayWake ? nap : null;
            }
            try
            {
                await scheduler.Delay(time, nap.Token).ConfigureAwait(false);
                return true;
            }
            catch (OperationCanceledException)
            {
                return !cancellation.IsCancellationRequested;
            }
            finally
            {
                lock (_lock)
                    _nap = null;
            }
        }
    }
}
