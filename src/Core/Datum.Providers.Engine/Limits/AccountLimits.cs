using System.Collections.Concurrent;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Limits;

/// <summary>
/// The limits of all accounts. An account is one of a driver's, whichever ProviderConfigs reach it; it is known once a session has proved it.
/// It is the gate of the entries' queue too: a key is handed out only when its account may be asked.
/// </summary>
public sealed partial class AccountLimits : ILaneGate<string>, IDisposable
{
    private readonly ConcurrentDictionary<(string Driver, string Account), AccountLimit> _accounts = [];
    private readonly ConcurrentDictionary<string, AccountLimit> _lanes = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Known> _configs = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _unknown = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (AccountLimit Account, int Kept)> _admitted = new(StringComparer.Ordinal);
    private readonly IScheduler _scheduler;
    private readonly ILogger _logger;
    private readonly IDisposable? _subscription;

    public AccountLimits(HomePlane home, IScheduler scheduler, ILogger<AccountLimits> logger)
    {
        ArgumentNullException.ThrowIfNull(home);
        _scheduler = scheduler;
        _logger = logger;
        _subscription = home.Configs.Subscribe(OnConfig);
    }

    /// <summary>Called with a session whose circuit breaker has opened or closed.</summary>
    public event Action<Session>? BreakerChanged;

    /// <summary>Called with a lane whose limits have changed.</summary>
    public event Action<string>? Changed;

    /// <summary>The lane of an entry: its account, or its ProviderConfig as long as no account is known.</summary>
    public string LaneOf(ManagedResource entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (entry.Spec.Record.AccountId is { } account)
            return Of(entry.Spec.Driver, account).Lane;
        return _configs.TryGetValue(entry.Spec.ProviderConfig, out var known) && known.Last is { } last
            ? last.Lane
            : _unknown.GetOrAdd(entry.Spec.ProviderConfig, static (config, driver) => $"{driver}/?{config}", entry.Spec.Driver);
    }

    TimeSpan? ILaneGate<string>.Enter(string lane, string key, WorkPriority priority)
    {
        if (!_lanes.TryGetValue(lane, out var account))
            return null;
        if (account.Enter(out var kept) is { } wait)
        {
            LimitMetrics.Waits.Add(1, new("driver", account.Driver), new KeyValuePair<string, object?>("account", account.Account));
            return wait;
        }
        if (kept > 0)
            _admitted[key] = (account, kept);
        return null;
    }

    int ILaneGate<string>.MostAtOnce(string lane) => _lanes.TryGetValue(lane, out var account) ? account.Concurrency : AccountLimit.DefaultConcurrency;

    void ILaneGate<string>.Leave(string lane, string key)
    {
        if (!_admitted.IsEmpty && _admitted.TryRemove(key, out var left))
            left.Account.Release(left.Kept);
    }

    /// <summary>What the queue took for a pass of this key, for a session of the account; null when nothing limits it.</summary>
    internal Allowance? Admitted(string key, SessionMeter meter)
    {
        if (_admitted.IsEmpty || !_admitted.TryRemove(key, out var taken))
            return null;
        if (ReferenceEquals(taken.Account, meter.Account))
            return new Allowance(taken.Account, taken.Kept);
        // The queue knew another account of the ProviderConfig.
        taken.Account.Release(taken.Kept);
        return null;
    }

    /// <summary>The meter of a new session.</summary>
    internal SessionMeter Meter(DriverDescriptor driver, ProviderConfig config, string accountId)
    {
        var account = Of(driver.Id, accountId);
        var known = _configs.GetOrAdd(config.Metadata.Name!, static _ => new Known());
        SessionMeter meter;
        lock (known)
        {
            known.Driver = driver;
            var settings = LimitSettings.Read(config, driver);
            account.Configure(config.Metadata.Name!, settings);
            known.Last = account;
            known.Accounts.Add(account);
            meter = new SessionMeter(account, settings, OnBreaker, OnThrottled);
            known.Meters.RemoveAll(static m => !m.TryGetTarget(out _));
            known.Meters.Add(new WeakReference<SessionMeter>(meter));
        }
        Changed?.Invoke(account.Lane);
        return meter;
    }

    public void Dispose() => _subscription?.Dispose();

    private AccountLimit Of(string driver, string account) =>
        _accounts.TryGetValue((driver, account), out var known) ? known : _accounts.GetOrAdd((driver, account), Make);

    private AccountLimit Make((string Driver, string Account) key)
    {
        // Two makers at once: the one that the dictionary keeps must be the one of the lane.
        var made = new AccountLimit(key.Driver, key.Account, _scheduler.Time);
        return _lanes.GetOrAdd(made.Lane, made);
    }

    private void OnConfig(ObjectChange<ProviderConfig> change)
    {
        if (change.Before?.Metadata.Generation == change.After?.Metadata.Generation || !_configs.TryGetValue(change.Key.Name, out var known))
            return;
        List<AccountLimit> accounts;
        lock (known)
        {
            var settings = change.After is { } config ? LimitSettings.Read(config, known.Driver) : null;
            foreach (var account in known.Accounts)
                account.Configure(change.Key.Name, settings);
            foreach (var reference in known.Meters)
                if (reference.TryGetTarget(out var meter))
                    meter.Settings = settings ?? LimitSettings.None;
            accounts = [.. known.Accounts];
            if (settings is null)
                known.Accounts.Clear();
        }
        foreach (var account in accounts)
            Changed?.Invoke(account.Lane);
    }

    private void OnBreaker(SessionMeter meter)
    {
        if (meter.Session is not { } session)
            return;
        if (meter.Breaker.IsOpen)
            LogOpened(_logger, session.ConfigName, meter.Account.Driver, meter.Account.Account, meter.Breaker.Why);
        else
            LogClosed(_logger, session.ConfigName, meter.Account.Driver, meter.Account.Account);
        BreakerChanged?.Invoke(session);
    }

    private void OnThrottled(SessionMeter meter, TimeSpan? retryAfter) =>
        LogThrottled(_logger, meter.Account.Account, meter.Account.Driver, meter.Account.Rate, retryAfter);

    [LoggerMessage(EventId = 2401, Level = LogLevel.Warning, Message = "Circuit breaker of ProviderConfig {Config} (driver {Driver}, account {Account}) opened: {Why} It is probed until it answers")]
    private static partial void LogOpened(ILogger logger, string config, string driver, string account, string why);

    [LoggerMessage(EventId = 2402, Level = LogLevel.Information, Message = "Circuit breaker of ProviderConfig {Config} (driver {Driver}, account {Account}) closed: the platform answers")]
    private static partial void LogClosed(ILogger logger, string config, string driver, string account);

    [LoggerMessage(EventId = 2403, Level = LogLevel.Warning, Message = "Account {Account} of driver {Driver} is asked too often: {Rate} requests a second from now on (it asked for a pause of {RetryAfter})")]
    private static partial void LogThrottled(ILogger logger, string account, string driver, double rate, TimeSpan? retryAfter);

    /// <summary>What is known of a ProviderConfig; guarded by its own lock.</summary>
    private sealed class Known
    {
        public DriverDescriptor? Driver { get; set; }
        public AccountLimit? Last { get; set; }
        public HashSet<AccountLimit> Accounts { get; } = [];
        public List<WeakReference<SessionMeter>> Meters { get; } = [];
    }
}

/// <summary>What is left of the requests that were taken for one pass.</summary>
internal sealed class Allowance(AccountLimit account, int kept) : IDisposable
{
    private int _kept = kept;

    public TimeSpan? TryUse() => account.TryUse(ref _kept);

    public void Dispose()
    {
        account.Release(_kept);
        _kept = 0;
    }
}
