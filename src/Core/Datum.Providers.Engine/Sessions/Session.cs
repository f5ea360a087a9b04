using Datum.Providers.Engine.Limits;
using Datum.Providers.Engine.Platform;

namespace Datum.Providers.Engine.Sessions;

/// <summary>An open, proved session with one account.</summary>
public sealed class Session
{
    private readonly Dictionary<ResourceKind, KindVerbs> _verbs = [];
    private readonly HashSet<ResourceKind> _listed = [];
    private readonly Lock _lock = new();
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

    /// <summary>What the account allows, and whether it answers.</summary>
    internal SessionMeter Meter { get; }

    public IReadOnlyCollection<KindVerbs> Kinds => _verbs.Values;

    /// <summary>Null where the driver announces none.</summary>
    public IChangeFeed? Changes => Descriptor.Abilities.Contains(Ability.ChangeFeed) ? Driver as IChangeFeed : null;

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
    }

    private void Release()
    {
        bool close;
        lock (_lock)
            close = --_users == 0 && _retired;
        if (close)
            _ = Driver.DisposeAsync().AsTask();
    }

    private sealed class Use(Session session) : IDisposable
    {
        private Session? _session = session;

        public void Dispose() => Interlocked.Exchange(ref _session, null)?.Release();
    }
}
