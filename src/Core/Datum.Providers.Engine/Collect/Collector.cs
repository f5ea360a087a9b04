using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Collect;

/// <summary>
/// Law L13 at work: takes complete listings, tells what the ledger doesn't explain, and deletes by policy what <see cref="CollectorRules"/>
/// allows, after the ledger was read live for that very object. One account is worked on by one caller at a time.
/// </summary>
public sealed partial class Collector(
    HomePlane home, IMutationGate gate, AccountGuard accounts, FindingBook findings, AccountReport report, IScheduler scheduler, ILogger<Collector> logger)
{
    private const int MaxSteps = 12;

    /// <summary>Steps that follow one another so closely are paid for with one write.</summary>
    private static readonly TimeSpan PaymentGrain = TimeSpan.FromSeconds(30);

    internal EngineSeams Seams { get; init; } = new();

    private readonly System.Collections.Concurrent.ConcurrentDictionary<AccountKey, AccountState> _states = [];

    /// <summary>A complete listing of one kind.</summary>
    public void Listed(AccountKey account, ResourceKind kind, long round, DateTimeOffset began, IEnumerable<ListedObject> items)
    {
        var state = StateOf(account);
        state.Books[kind] = state.Books.GetValueOrDefault(kind, SightingBook.Empty).After(kind, round, began, items);
    }

    /// <summary>Nothing is concluded from a kind's listing of this round: what it showed before proves nothing until it is whole again.</summary>
    public void NotListed(AccountKey account, ResourceKind kind) => StateOf(account).Books.Remove(kind);

    /// <summary>Every kind was listed in whole by a session that proved the account in this round.</summary>
    public async Task RoundAsync(AccountKey account, IReadOnlyList<string> configs, Session session, CancellationToken cancellation)
    {
        var state = StateOf(account);
        foreach (var config in configs)
            findings.Reaches(config, account);
        Restore(state, account, configs);
        var policy = PolicyOf(configs);
        var retained = configs.Select(c => home.Configs.Find(new ObjectKey(null, c))).OfType<ProviderConfig>().SelectMany(RetainedObjects.Of).ToHashSet(StringComparer.Ordinal);
        var now = scheduler.Time.GetUtcNow();
        findings.Prune(account, now - TimeSpan.FromHours(1));
        foreach (var spent in state.Paid.Where(p => p.Value < now - TimeSpan.FromHours(1)).Select(p => p.Key).ToList())
            state.Paid.Remove(spent);

        var sightings = state.Books.Values.SelectMany(b => b.All).Select(s => (Sighting: s, Type: CollectorRules.Classify(s, CachedEntry(s.Name), home.Installation)))
            .Where(s => s.Type is not null).ToList();
        var verdicts = new Dictionary<Sighting, Verdict>();
        foreach (var (sighting, _) in sightings)
            verdicts[sighting] = Seams.Judge(InputOf(sighting, CachedEntry(sighting.Name), now, policy, account, state, retained, MayMutate(account, configs, session, sighting.Kind)));

        // Dependents first (L7): while one of them is left, also one that is too young yet, nothing that it may stand on goes.
        var first = sightings.Where(s => s.Type is FindingType.Orphan or FindingType.EarlierLife && verdicts[s.Sighting] is not (Verdict.Retained or Verdict.None))
            .Select(s => CollectorRules.Order(s.Sighting.Kind)).DefaultIfEmpty(0).Min();
        foreach (var group in Groups(sightings.Select(s => s.Sighting).Where(s => verdicts[s] is Verdict.Delete)))
        {
            var whole = sightings.TrueForAll(o => !Same(o.Sighting, group[0]) || verdicts[o.Sighting] is Verdict.Delete);
            var verdict = !whole || CollectorRules.Order(group[0].Kind) > first ? Verdict.Waiting
                : await DeleteAsync(account, configs, session, group, policy, state, retained, cancellation).ConfigureAwait(false);
            foreach (var sighting in group)
                verdicts[sighting] = verdict;
        }

        // What one listing alone has shown may have been on its way out: it is told when a second one shows it.
        var found = sightings.Where(s => s.Sighting.FirstRound < s.Sighting.LastRound && verdicts[s.Sighting] is not Verdict.None)
            .Select(s => new FoundItem
            {
                Type = s.Type!.Value, Kind = s.Sighting.Kind, Name = s.Sighting.Name, Incarnation = s.Sighting.Incarnation, Id = s.Sighting.Id,
                CreatedAt = s.Sighting.CreatedAt, Since = s.Sighting.FirstSeen, Verdict = verdicts[s.Sighting],
            })
            .Concat(MarksMissing(account))
            .OrderBy(f => f.Type).ThenBy(f => f.Kind).ThenBy(f => f.Name, StringComparer.Ordinal).ThenBy(f => f.Id, StringComparer.Ordinal).ToImmutableArray();
        await TellAsync(state, account, configs, found, sightings.Select(s => FoundItem.KeyOf(s.Type!.Value.ToString(), s.Sighting.Kind.ToString(), s.Sighting.Name, s.Sighting.Incarnation, s.Sighting.Id)), cancellation).ConfigureAwait(false);
    }

    private async Task TellAsync(AccountState state, AccountKey account, IReadOnlyList<string> configs, ImmutableArray<FoundItem> found, IEnumerable<string> seen, CancellationToken cancellation)
    {
        CollectMetrics.Tell(account, found);
        foreach (var item in found.Where(f => state.Told.Add(f.Key) && f.Verdict is not Verdict.Retained))
        {
            LogFound(logger, item.Type, item.Kind, item.Name, item.Id, account.AccountId, item.Verdict);
            if (home.Configs.Find(new ObjectKey(null, configs[0])) is { } config)
                await report.WarnAsync(config, item.Type.ToString(), $"{item.Kind} {item.Id} of account {account.AccountId} ({item.Name}, incarnation {item.Incarnation}): {Sentence(item.Type)}", cancellation).ConfigureAwait(false);
        }
        // One that went and comes again is told again; one that a single listing of this process has shown so far was told by the last one.
        state.Told.IntersectWith(found.Select(f => f.Key).Concat(seen));
        if (findings.Set(account, found))
            foreach (var config in configs)
                report.Tell(config);
    }

    /// <summary>Deletes one identity's objects, step by step, with the identity alone. Says how it stands afterwards.</summary>
    private async Task<Verdict> DeleteAsync(
        AccountKey account, IReadOnlyList<string> configs, Session session, List<Sighting> group, CollectorPolicyInForce policy, AccountState state, IReadOnlySet<string> retained, CancellationToken cancellation)
    {
        var sample = group[0];
        if (session.Verbs(sample.Kind) is not { } verbs || session.Describe(sample.Kind) is not { } descriptor)
            return Verdict.HeldBack;
        using var claim = accounts.Claim(sample.Name);
        var identity = new Identity
        {
            Installation = home.Installation, Kind = sample.Kind, Name = sample.Name, Incarnation = Math.Max(1, sample.Incarnation),
            Parts = [.. group.SelectMany(s => s.Parts).DistinctBy(p => p.Name)],
        };
        Look? look = null;
        Handle? handle = state.Handles.GetValueOrDefault(sample.Id);
        for (var step = 0; step < MaxSteps; step++)
        {
            if (look is null)
            {
                using var scope = Calls.New(scheduler, descriptor.CallTimeout, cancellation);
                var answer = await verbs.ObserveAsync(scope.Call, identity, null, handle, static _ => []).ConfigureAwait(false);
                if (answer.Error is { } unseen)
                    return Failed(sample, unseen);
                look = answer.Value!;
            }
            // The last thing before the call: the ledger as the server has it now, the budget, the lease, the account's state, and what the look shows.
            var verdict = await FreshVerdictAsync(group, look, policy, account, configs, session, state, retained, cancellation).ConfigureAwait(false);
            if (verdict is Verdict.None && step > 0)
            {
                state.Handles.Remove(sample.Id);
                await CollectedAsync(sample, configs, account, cancellation).ConfigureAwait(false);
                return Verdict.Waiting;
            }
            if (verdict is not Verdict.Delete)
                return verdict;
            var todo = look.Next!;
            var at = scheduler.Time.GetUtcNow();
            var paid = state.Paid.TryGetValue((sample.Name, sample.Incarnation), out var before) ? before : (DateTimeOffset?)null;
            if (paid is null || at - paid > PaymentGrain)
            {
                // Stored before it is begun, so that a restart spends no hour's budget twice; the ledger is asked again after that write. One that takes
                // several steps counts from its last one: what was begun an hour ago and goes on now is a deletion of this hour.
                at = paid is { } earlier ? findings.Continue(account, earlier, at) : findings.Begin(account, at);
                foreach (var config in configs)
                    await report.WriteAsync(config, cancellation).ConfigureAwait(false);
                state.Paid[(sample.Name, sample.Incarnation)] = at;
                if (paid is null)
                    CollectMetrics.Deletions.Add(1, new("driver", account.Driver), new KeyValuePair<string, object?>("account", account.AccountId));
                if (await FreshVerdictAsync(group, look, policy, account, configs, session, state, retained, cancellation).ConfigureAwait(false) is not Verdict.Delete and var changed)
                    return changed;
            }
            LogDeleting(logger, sample.Kind, sample.Name, sample.Incarnation, todo.Part, sample.Id, account.AccountId);
            StepResult result;
            using (var scope = Calls.New(scheduler, descriptor.CallTimeout, cancellation))
                result = await verbs.ApplyAsync(new Operation { Call = scope.Call, Step = todo, Token = EntryIdentity.Token(sample.Name, identity.Incarnation, todo.Part, 0) }, identity, null, static _ => []).ConfigureAwait(false);
            if (result.Error is { } error)
                return Failed(sample, error);
            if (result.Running is { } running)
            {
                if (running.Handle is { } given)
                    state.Handles[sample.Id] = given;
                return Verdict.Waiting;
            }
            (look, handle) = (result.Look, null);
        }
        return Verdict.Waiting;
    }

    private async Task<Verdict> FreshVerdictAsync(
        List<Sighting> group, Look look, CollectorPolicyInForce policy, AccountKey account, IReadOnlyList<string> configs, Session session, AccountState state, IReadOnlySet<string> retained, CancellationToken cancellation)
    {
        ManagedResource? live;
        try
        {
            live = await home.Client.FindAsync(ResourceTypes.ManagedResources, new ObjectKey(null, group[0].Name), cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException)
        {
            return Verdict.HeldBack;
        }
        var now = scheduler.Time.GetUtcNow();
        var entry = live is null ? null : KnownEntry.Of(live);
        foreach (var sighting in group)
            if (Seams.Judge(InputOf(sighting, entry, now, policy, account, state, retained, MayMutate(account, configs, session, sighting.Kind))) is not Verdict.Delete and var verdict)
                return verdict;
        return CollectorRules.Shown(look, group, entry) ?? Verdict.Delete;
    }

    private CollectorInput InputOf(
        Sighting sighting, KnownEntry? entry, DateTimeOffset readAt, CollectorPolicyInForce policy, AccountKey account, AccountState state, IReadOnlySet<string> retained, bool mayMutate) => new()
        {
            Sighting = sighting, Entry = entry, ReadAt = readAt, Installation = home.Installation, Policy = policy, Begun = findings.Begun(account),
            Paid = state.Paid.ContainsKey((sighting.Name, sighting.Incarnation)), Retained = retained.Contains(sighting.Name), MayMutate = mayMutate,
            Now = scheduler.Time.GetUtcNow(),
        };

    private bool MayMutate(AccountKey account, IReadOnlyList<string> configs, Session session, ResourceKind kind) =>
        session.Describe(kind) is { } descriptor && !gate.ObserveOnly && gate.MayMutate(descriptor.CallTimeout) && accounts.HeldBy(account) is null
        && configs.All(c => home.Configs.Find(new ObjectKey(null, c)) is { } config && config.Spec.Management is not ({ Paused: true } or { ObserveOnly: true }));

    /// <summary>The most careful of what the account's configs say.</summary>
    private CollectorPolicyInForce PolicyOf(IReadOnlyList<string> configs)
    {
        var all = configs.Select(c => home.Configs.Find(new ObjectKey(null, c))?.Spec.Collector).ToList();
        return new CollectorPolicyInForce
        {
            Delete = all.Count > 0 && all.TrueForAll(c => c?.Policy == CollectorPolicy.Delete),
            AgeFloor = all.Select(c => GoDuration.TryParse(c?.AgeFloor, out var floor, out _) ? floor : CollectorPolicyInForce.DefaultAgeFloor).DefaultIfEmpty(CollectorPolicyInForce.DefaultAgeFloor).Max(),
            Budget = all.Select(c => c?.Budget ?? CollectorPolicyInForce.DefaultBudget).DefaultIfEmpty(0).Min(),
        };
    }

    private KnownEntry? CachedEntry(string name) => home.Entries.Find(new ObjectKey(null, name)) is { } entry ? KnownEntry.Of(entry) : null;

    private IEnumerable<FoundItem> MarksMissing(AccountKey account) => home.Entries.All()
        .Where(e => e.Spec.Driver == account.Driver && e.Spec.Record.AccountId == account.AccountId && e.Spec.Record.Parts is { Count: > 0 }
            && Conditions.Find(e.Status?.Conditions, ConditionTypes.Synced)?.Reason == Reasons.MarkMissing)
        .Select(e => new FoundItem
        {
            Type = FindingType.MarkMissing, Kind = EntryIdentity.KindOf(e), Name = e.Metadata.Name!, Incarnation = e.Spec.Record.Incarnation, Id = e.Spec.Record.Parts![0].Id,
            CreatedAt = null, Since = null, Verdict = Verdict.NeverDeleted,
        });

    /// <summary>Objects of one identity go together, unless two claim the same part: then each stands for itself.</summary>
    private static IEnumerable<List<Sighting>> Groups(IEnumerable<Sighting> sightings)
    {
        foreach (var identity in sightings.OrderBy(s => CollectorRules.Order(s.Kind)).ThenBy(s => s.FirstSeen).ThenBy(s => s.Id, StringComparer.Ordinal).GroupBy(s => (s.Kind, s.Name, s.Incarnation)))
            if (identity.Select(s => s.Parts[0].Name).Distinct(StringComparer.Ordinal).Count() == identity.Count())
                yield return [.. identity];
            else
                foreach (var sighting in identity)
                    yield return [sighting];
    }

    private static bool Same(Sighting a, Sighting b) => a.Kind == b.Kind && a.Name == b.Name && a.Incarnation == b.Incarnation;

    private async Task CollectedAsync(Sighting sample, IReadOnlyList<string> configs, AccountKey account, CancellationToken cancellation)
    {
        LogCollected(logger, sample.Kind, sample.Name, sample.Id, account.AccountId);
        if (home.Configs.Find(new ObjectKey(null, configs[0])) is { } config)
            await report.WarnAsync(config, Reasons.Collected, $"{sample.Kind} {sample.Id} of account {account.AccountId} ({sample.Name}, incarnation {sample.Incarnation}) had no entry and was deleted.", cancellation).ConfigureAwait(false);
    }

    private Verdict Failed(Sighting sample, DriverError error)
    {
        LogFailed(logger, sample.Kind, sample.Name, sample.Id, error.Code, error.Message);
        return Verdict.Waiting;
    }

    private void Restore(AccountState state, AccountKey account, IReadOnlyList<string> configs)
    {
        if (state.Restored)
            return;
        state.Restored = true;
        foreach (var config in configs)
            if (home.Configs.Find(new ObjectKey(null, config))?.Status?.Findings is { } told)
            {
                findings.Restore(account, told.Deletions ?? []);
                foreach (var item in told.Items ?? [])
                    state.Told.Add(FoundItem.KeyOf(item.Type, item.Kind, item.Name, item.Incarnation, item.Id));
            }
    }

    private AccountState StateOf(AccountKey account) => _states.GetOrAdd(account, static _ => new AccountState());

    private static string Sentence(FindingType type) => type switch
    {
        FindingType.Orphan => "it carries our mark and the ledger has no entry for it.",
        FindingType.EarlierLife => "it carries our mark of an earlier incarnation; the entry has another object.",
        FindingType.Copy => "it carries the mark of an object that is recorded under another id. It is never deleted by the host.",
        _ => "the recorded object carries our mark no more. It is observed only.",
    };

    private sealed class AccountState
    {
        public Dictionary<ResourceKind, SightingBook> Books { get; } = [];
        public HashSet<string> Told { get; } = new(StringComparer.Ordinal);
        /// <summary>Deletions that were begun, by what they delete, with the time of the last payment.</summary>
        public Dictionary<(string Name, long Incarnation), DateTimeOffset> Paid { get; } = [];

        public Dictionary<string, Handle> Handles { get; } = new(StringComparer.Ordinal);
        public bool Restored { get; set; }
    }

    [LoggerMessage(EventId = 2202, Level = LogLevel.Warning, Message = "{Type}: {Kind} {Name} ({Id}) in account {Account} carries our mark and the ledger doesn't explain it: {Verdict}")]
    private static partial void LogFound(ILogger logger, FindingType type, ResourceKind kind, string name, string id, string account, Verdict verdict);

    [LoggerMessage(EventId = 2206, Level = LogLevel.Warning, Message = "Collector: {Kind} {Name} of incarnation {Incarnation} is deleted, step {Part} of {Id} in account {Account}")]
    private static partial void LogDeleting(ILogger logger, ResourceKind kind, string name, long incarnation, string part, string id, string account);

    [LoggerMessage(EventId = 2207, Level = LogLevel.Information, Message = "Collector: {Kind} {Name} ({Id}) in account {Account} is gone")]
    private static partial void LogCollected(ILogger logger, ResourceKind kind, string name, string id, string account);

    [LoggerMessage(EventId = 2208, Level = LogLevel.Warning, Message = "Collector: {Kind} {Name} ({Id}) couldn't be deleted: {Code} {Error}")]
    private static partial void LogFailed(ILogger logger, ResourceKind kind, string name, string id, ErrorCode code, string error);
}
