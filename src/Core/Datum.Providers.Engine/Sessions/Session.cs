using Datum.Providers.Engine.Limits;
using Datum.Providers.Engine.Platform;

namespace Datum.Providers.Engine.Sessions;

/// <summary>What a probe said: the session's own account, another one, or nothing.</summary>
/// <param name="Other">The account that the session speaks for now; null while it is its own.</param>
/// <param name="Error">Why the platform couldn't be asked; null when it answered.</param>
internal sealed record AccountProof(string? Other, DriverError? Error)
{
    public static AccountProof Same { get; } = new(null, null);
}

/// <summary>An open, proved session with one account.</summary>
#pragma warning disable CA1001 // The source has no timer, and whoever still uses the session may look at its token after it was replaced.
public sealed class Session
#pragma warning restore CA1001
{
    private readonly Dictionary<ResourceKind, KindVerbs> _verbs = [];
    private readonly HashSet<ResourceKind> _listed = [];
    private readonly Lock _lock = new();
    private readonly IScheduler _scheduler;
    private readonly CancellationTokenSource _retiring = new();
    private long _moment;
    private (long Moment, DateTimeOffset At) _proved;
    private string? _former;
    private Probe? _probe;
    private int _users;
    private bool _retired;

    internal Session(string key, string configName, Connection connection, DriverDescriptor descriptor, IInfrastructureDriver driver, AccountFacts account, IScheduler scheduler, SessionMeter? meter = null)
    {
        Key = key;
        ConfigName = configName;
        Connection = connection;
        Descriptor = descriptor;
        Driver = driver;
        Account = account;
        Meter = meter ?? SessionMeter.Unlimited(descriptor.Id, account.AccountId, scheduler.Time);
        Meter.Session = this;
        _scheduler = scheduler;
        _proved = (Moment(), scheduler.Time.GetUtcNow());
        foreach (var kind in descriptor.Kinds)
            if (KindVerbs.Of(driver, kind.Kind) is { } verbs)
                _verbs[kind.Kind] = new RetryingVerbs(verbs, scheduler, Meter);
    }

    /// <summary>Equal connections have equal keys.</summary>
    public string Key { get; }

    public string ConfigName { get; }
    public Connection Connection { get; }
    public DriverDescriptor Descriptor { get; }
    public AccountFacts Account { get; }
    internal IInfrastructureDriver Driver { get; }

    /// <summary>Another account that entries of this config and scope were made in, as the ledger had it when it was first asked for; empty when there is none.</summary>
    internal string FormerAccount(Func<string> read)
    {
        lock (_lock)
            return _former ??= read();
    }

    /// <summary>What the account allows, and whether it answers.</summary>
    internal SessionMeter Meter { get; }

    public IReadOnlyCollection<KindVerbs> Kinds => _verbs.Values;

    /// <summary>Null where the driver announces none. A feed ends when the session is replaced: it would hold the old one open for as long as it lasts.</summary>
    public IChangeFeed? Changes => Descriptor.Abilities.Contains(Ability.ChangeFeed) && Driver is IChangeFeed feed ? new UntilRetired(feed, _retiring.Token) : null;

    /// <summary>Null where the driver announces none.</summary>
    internal IUsageReader? Usage => Descriptor.Abilities.Contains(Ability.Usage) ? Driver as IUsageReader : null;

    public KindVerbs? Verbs(ResourceKind kind) => _verbs.GetValueOrDefault(kind);

    /// <summary>As the ProviderConfig has it: its timeouts stand in the driver's place.</summary>
    public KindDescriptor? Describe(ResourceKind kind) => Descriptor.Kinds.FirstOrDefault(k => k.Kind == kind) is { } described ? Meter.Settings.Of(described) : null;

    /// <summary>True once a complete listing of the kind is in: before it nothing is mutated.</summary>
    public bool IsListed(ResourceKind kind)
    {
        lock (_lock)
            return _listed.Contains(kind);
    }

    public void MarkListed(ResourceKind kind)
    {
        lock (_lock)
            _listed.Add(kind);
    }

    /// <summary>Takes the place of a session of the same account: what that one has listed needs no second listing before it may be changed.</summary>
    internal void Follow(Session old)
    {
        ResourceKind[] listed;
        lock (old._lock)
            listed = [.. old._listed];
        lock (_lock)
            _listed.UnionWith(listed);
    }

    /// <summary>A number that rises: what began when, where a clock would call two things the same.</summary>
    internal long Moment() => Interlocked.Increment(ref _moment);

    /// <summary>
    /// Whether the session still speaks for its account: asks the platform, unless a probe that began after <paramref name="since"/>, a <see cref="Moment"/>,
    /// has told it already. Who asks at the same time shares one probe (law L6: absence is believed only from a session that proved the account in that round).
    /// </summary>
    internal async Task<AccountProof> ProveAsync(long since, CancellationToken cancellation)
    {
        Probe probe;
        lock (_lock)
        {
            if (_proved.Moment > since)
                return AccountProof.Same;
            if (_probe is not { } running || running.Began.Moment < since || running.Answer.IsCompleted)
                _probe = running = new Probe((Moment(), _scheduler.Time.GetUtcNow()), ProbeAsync());
            probe = running;
        }
        var answer = await probe.Answer.WaitAsync(cancellation).ConfigureAwait(false);
        if (answer.Error is { } error)
            return new AccountProof(null, error);
        if (answer.Value!.AccountId != Account.AccountId)
            return new AccountProof(answer.Value.AccountId, null);
        lock (_lock)
            _proved = probe.Began.Moment > _proved.Moment ? probe.Began : _proved;
        return AccountProof.Same;
    }

    /// <summary>As <see cref="ProveAsync"/>, content with a proof that began at a time or later.</summary>
    internal Task<AccountProof> ProveSinceAsync(DateTimeOffset since, CancellationToken cancellation)
    {
        bool recent;
        lock (_lock)
            recent = _proved.At >= since;
        return recent ? Task.FromResult(AccountProof.Same) : ProveAsync(Moment(), cancellation);
    }

    private async Task<Answer<AccountFacts>> ProbeAsync()
    {
        // The call must not begin inside of the lock.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        using var frame = Calls.New(_scheduler, ProbeTimeout, _retiring.Token);
        return await Driver.ProbeAsync(frame.Call).ConfigureAwait(false);
    }

    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Keeps the session open until the result is disposed; null when it is already closing.</summary>
    internal IDisposable? TryUse()
    {
        lock (_lock)
        {
            if (_retired)
                return null;
            _users++;
            return new Use(this);
        }
    }

    /// <summary>Closes the session once nobody uses it any more.</summary>
    internal void Retire()
    {
        bool close;
        lock (_lock)
        {
            close = !_retired && _users == 0;
            _retired = true;
        }
        if (close)
            _ = Driver.DisposeAsync().AsTask();
        else
            // Feeds end; calls in flight end by themselves.
            _retiring.Cancel();
    }

    private void Release()
    {
        bool close;
        lock (_lock)
            close = --_users == 0 && _retired;
        if (close)
            _ = Driver.DisposeAsync().AsTask();
    }

    private sealed record Probe((long Moment, DateTimeOffset At) Began, Task<Answer<AccountFacts>> Answer);

    private sealed class UntilRetired(IChangeFeed feed, CancellationToken retired) : IChangeFeed
    {
        public async IAsyncEnumerable<Change> WatchAsync(Call call)
        {
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(call.Cancellation, retired);
            await using var changes = feed.WatchAsync(new Call { Cancellation = ended.Token, Deadline = call.Deadline, Id = call.Id, Payloads = call.Payloads }).GetAsyncEnumerator(CancellationToken.None);
            while (true)
            {
                try
                {
                    if (!await changes.MoveNextAsync().ConfigureAwait(false))
                        yield break;
                }
                catch (Exception) when (retired.IsCancellationRequested && !call.Cancellation.IsCancellationRequested)
                {
                    // The session was replaced: the new one has a feed of its own.
                    yield break;
                }
                yield return changes.Current;
            }
        }
    }

    private sealed class Use(Session session) : IDisposable
    {
        private Session? _session = session;

        public void Dispose() => Interlocked.Exchange(ref _session, null)?.Release();
    }
}
