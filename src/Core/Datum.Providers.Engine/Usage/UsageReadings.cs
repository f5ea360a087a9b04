using System.Collections.Concurrent;
using Datum.Providers.Engine.Collect;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Usage;

/// <summary>
/// What instances use, for whoever scales by it: one paged reading for each account and period, only while somebody asks, shared by all planes.
/// Nothing of it is written anywhere: a number that changes with every look has no place in the ledger (L8).
/// </summary>
public sealed partial class UsageReadings(HomePlane home, SessionManager sessions, IDriverConnector drivers, IScheduler scheduler, ILogger<UsageReadings> logger) : IController
{
    /// <summary>However seldom a ProviderConfig has its account listed: older measurements would be of no use.</summary>
    public static readonly TimeSpan LongestPeriod = TimeSpan.FromMinutes(1);

    /// <summary>For so long a question counts. Who scales asks again within half of it.</summary>
    public static readonly TimeSpan Interest = TimeSpan.FromSeconds(75);

    private const int PageSize = 500;

    private readonly ConcurrentDictionary<AccountKey, AccountUsage> _accounts = [];
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Life? _life;

    public string Name => "usage";

    public async Task RunAsync(CancellationToken cancellation)
    {
        _life = new Life(cancellation);
        using var registration = cancellation.Register(() => _stopped.TrySetResult());
        await _stopped.Task.ConfigureAwait(false);
        _life = null;
    }

    /// <summary>The use of an Instance of a project plane, by its UID. Reads memory only; being asked is what makes its account be read.</summary>
    public UsageLook Find(string planeId, string instanceUid)
    {
        var entry = home.Entries.ByIndex(HomePlane.ByOwner, instanceUid).FirstOrDefault(e => e.Spec.Kind == ManagedResourceKind.Instance && e.Spec.Owner.Plane == planeId);
        if (entry?.Spec.Record.AccountId is not { Length: > 0 } accountId)
            return new(null, "It isn't known at a platform.");
        if (drivers.Find(entry.Spec.Driver) is not { } driver)
            return new(null, $"Driver {entry.Spec.Driver} isn't there.");
        if (!driver.Abilities.Contains(Ability.Usage))
            return new(null, $"Driver {driver.Id} measures nothing: it doesn't announce the ability {Ability.Usage}.", Unsupported: true);
        if (_life is not { } life)
            return new(null);
        var account = _accounts.GetOrAdd(new AccountKey(entry.Spec.Driver, accountId), static k => new AccountUsage(k));
        if (account.Ask(entry.Metadata.Name!, scheduler.Time.GetUtcNow()))
            _ = scheduler.Run(() => ReadWhileAskedAsync(account, life.Cancellation));
        var look = account.Find(entry.Metadata.Name!, entry.Spec.Record.Incarnation);
        if (look.Newest is not { } newest)
            return look;
        return newest.CpuMillis is null
            ? new(null, "The platform doesn't tell how much of its processors it uses.")
            : look with { Newest = newest with { CpuCapacityMillis = RequestedMillis(entry) ?? newest.CpuCapacityMillis } };
    }

    private async Task ReadWhileAskedAsync(AccountUsage account, CancellationToken cancellation)
    {
        var failures = 0;
        try
        {
            while (account.AskedSince(scheduler.Time.GetUtcNow() - Interest) is { Length: > 0 } asked)
            {
                var entries = asked.Select(n => home.Entries.Find(new ObjectKey(null, n))).OfType<ManagedResource>()
                    .Where(e => e.Spec.Driver == account.Key.Driver && e.Spec.Record.AccountId == account.Key.AccountId).ToList();
                var error = entries.Count == 0 ? null : await TryReadAsync(account, entries, cancellation).ConfigureAwait(false);
                if (error is not null && account.Failed($"Usage can't be read now ({error.Code})."))
                    LogFailed(logger, account.Key.ToString(), error.Code.ToString(), error.Message);
                failures = error is null ? 0 : failures + 1;
                var wait = error is null ? PeriodOf(entries) : error.RetryAfter is { } after && after > TimeSpan.FromSeconds(1) ? after : TimeSpan.FromSeconds(Math.Min(60, Math.Pow(2, Math.Min(failures, 6))));
                await scheduler.Delay(wait * (0.9 + 0.2 * scheduler.NextRandom()), cancellation).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            account.Stop();
        }
    }

    private async Task<DriverError?> TryReadAsync(AccountUsage account, List<ManagedResource> entries, CancellationToken cancellation)
    {
        try
        {
            var why = "";
            // Any session of the account sees all of it.
            foreach (var entry in entries.DistinctBy(e => e.Spec.ProviderConfig))
            {
                var opened = await sessions.ForEntryAsync(entry, cancellation).ConfigureAwait(false);
                why = opened.Message;
                if (opened.Session is not { } session || AccountGuard.KeyOf(session) != account.Key || session.TryUse() is not { } use)
                    continue;
                using (use)
                    return await ReadAsync(account, session, entries, cancellation).ConfigureAwait(false);
            }
            return Error(ErrorCode.Unavailable, $"There is no session of the account. {why}".TrimEnd());
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e)
        {
            // The guard turns what a driver throws into errors; what comes here is ours. The next reading tries again (L9).
            return Error(ErrorCode.Failed, e.Message);
        }
    }

    /// <summary>Reads all pages. It counts as a whole: what a reading doesn't show wasn't measured.</summary>
    private async Task<DriverError?> ReadAsync(AccountUsage account, Session session, List<ManagedResource> entries, CancellationToken cancellation)
    {
        if (session.Usage is not { } reader || session.Describe(ResourceKind.Instance) is not { } descriptor)
            return Error(ErrorCode.Unsupported, "The driver measures nothing.");
        var began = scheduler.Time.GetUtcNow();
        var known = new Dictionary<(string, long), UsageMeasurement>();
        var doubled = new HashSet<(string, long)>();
        var complete = true;
        foreach (var partition in PartitionsOf(descriptor, entries))
        {
            var cursors = new HashSet<string>(StringComparer.Ordinal);
            string? cursor = null;
            do
            {
                if (await session.Meter.TurnToListAsync(scheduler, cancellation).ConfigureAwait(false) is { } notNow)
                    return notNow;
                using var scope = Calls.New(scheduler, descriptor.CallTimeout, cancellation);
                var answer = await reader.ListUsageAsync(scope.Call, new ListQuery { Installation = home.Installation, Partition = partition, PageSize = PageSize }, cursor).ConfigureAwait(false);
                session.Meter.Saw(answer.Error);
                if (answer.Error is { } error)
                    return error;
                var page = answer.Value!;
                complete &= page.Complete;
                foreach (var sample in page.Items)
                    // Two measurements of one instance: which one is its own nobody can tell, so it has none.
                    if (!known.TryAdd((sample.Name, sample.Incarnation), Copy(sample, began)))
                        doubled.Add((sample.Name, sample.Incarnation));
                cursor = page.Next;
                if (cursor is not null && !cursors.Add(cursor))
                    return Error(ErrorCode.Bug, "Its cursor leads back to a page that was read already.");
            }
            while (cursor is not null);
        }
        foreach (var one in doubled)
            known.Remove(one);
        account.Read(known, complete);
        return null;
    }

    private static UsageMeasurement Copy(UsageSample sample, DateTimeOffset began) => new()
    {
        CpuMillis = sample.CpuMillis,
        CpuCapacityMillis = sample.CpuCapacityMillis,
        MemoryBytes = sample.MemoryBytes,
        // A platform's clock that is ahead must not keep a measurement young.
        At = sample.ObservedAt < began ? sample.ObservedAt : began,
    };

    private static List<string?> PartitionsOf(KindDescriptor descriptor, List<ManagedResource> entries)
    {
        if (descriptor.ListPartition is not { } field)
            return [null];
        return [.. entries.Select(e => e.Spec.LocationBlock is { ValueKind: JsonValueKind.Object } block && block.TryGetProperty(field, out var value) && value.ToString() is { Length: > 0 } text ? text : null)
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    /// <summary>What the wish asks for: percent are percent of that.</summary>
    private static long? RequestedMillis(ManagedResource entry) =>
        entry.Spec.Desired is { ValueKind: JsonValueKind.Object } desired && desired.TryGetProperty("size", out var size) && size.ValueKind == JsonValueKind.Object
        && size.TryGetProperty("cpuMillis", out var millis) && millis.TryGetInt64(out var value) && value > 0
            ? value
            : null;

    private TimeSpan PeriodOf(List<ManagedResource> entries)
    {
        var period = entries.Select(e => e.Spec.ProviderConfig).Distinct(StringComparer.Ordinal).Select(c => AccountLister.PeriodOf(home, c)).DefaultIfEmpty(AccountLister.DefaultPeriod).Min();
        return period < LongestPeriod ? period : LongestPeriod;
    }

    private static DriverError Error(ErrorCode code, string message) => new() { Code = code, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Message = message };

    [LoggerMessage(EventId = 2211, Level = LogLevel.Warning, Message = "What instances of account {Account} use can't be read, nothing is scaled by it ({Code}): {Error}")]
    private static partial void LogFailed(ILogger logger, string account, string code, string error);

    private sealed record Life(CancellationToken Cancellation);
}
