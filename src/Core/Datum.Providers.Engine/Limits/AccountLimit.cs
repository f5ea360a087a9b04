namespace Datum.Providers.Engine.Limits;

/// <summary>
/// What all sessions with one account of one driver share: its rate and how many changes may be in flight. Whoever may not send now is told
/// how long to wait and lets its worker go. Passes and listings take turns, so that neither starves the other. Thread-safe.
/// </summary>
internal sealed class AccountLimit(string driver, string account, TimeProvider time)
{
    /// <summary>Keys of one account that are worked on at once, when its ProviderConfigs say nothing.</summary>
    public const int DefaultConcurrency = 8;

    private readonly Lock _lock = new();
    private readonly long _origin = time.GetTimestamp();
    private readonly TokenBucket _bucket = new();
    private readonly Dictionary<string, LimitSettings> _configs = new(StringComparer.Ordinal);
    private readonly LinkedList<(object Who, TimeSpan Until)> _line = new();
    private readonly object _passes = new();
    private int _mutations;

    public string Driver => driver;

    public string Account => account;

    /// <summary>Names the account in queues.</summary>
    public string Lane { get; } = $"{driver}/{account}";

    /// <summary>Passes at once, and so changes in flight.</summary>
    public int Concurrency { get; private set; } = DefaultConcurrency;

    /// <summary>Requests a second; infinite when nothing limits.</summary>
    public double Rate
    {
        get
        {
            lock (_lock)
            {
                // Recovers by looking at the clock.
                _bucket.Available(Now);
                return _bucket.Rate;
            }
        }
    }

    private TimeSpan Now => time.GetElapsedTime(_origin);

    /// <summary>What a ProviderConfig that reaches the account says; of several the strictest counts. Null: it doesn't reach it any more.</summary>
    public void Configure(string config, LimitSettings? settings)
    {
        lock (_lock)
        {
            if (settings is null)
                _configs.Remove(config);
            else
                _configs[config] = settings;
            _bucket.Configure(Now, _configs.Values.Min(s => s.RequestsPerSecond));
            Concurrency = _configs.Values.Min(s => s.Concurrency) ?? DefaultConcurrency;
        }
    }

    /// <summary>Lets a pass begin and takes a look, a question and a step for it, to be used by <see cref="TryUse"/> or given back by <see cref="Release"/>.</summary>
    /// <param name="kept">0 when nothing limits the account.</param>
    /// <returns>Null, or how long to wait.</returns>
    public TimeSpan? Enter(out int kept)
    {
        kept = 0;
        lock (_lock)
        {
            if (InLine(_passes, TokenBucket.Pass) is { } wait)
                return wait;
            if (_bucket.IsLimited && _bucket.TryTake(Now, TokenBucket.Pass))
                kept = TokenBucket.Pass;
            return null;
        }
    }

    /// <summary>Takes one request of a pass, from what was kept for it or from what is there.</summary>
    /// <returns>Null, or how long to wait.</returns>
    public TimeSpan? TryUse(ref int kept)
    {
        lock (_lock)
        {
            var now = Now;
            // What was kept before the platform throttled waits as long as everything else.
            if (kept > 0 && now >= _bucket.PausedUntil)
            {
                kept--;
                return null;
            }
            return kept == 0 && _bucket.TryTake(now) ? null : _bucket.WaitFor(now, TokenBucket.Pass);
        }
    }

    public void Release(int kept)
    {
        if (kept == 0)
            return;
        lock (_lock)
            _bucket.GiveBack(kept);
    }

    /// <summary>Takes one request of a listing.</summary>
    /// <returns>Null, or how long to wait.</returns>
    public TimeSpan? TryList(object who)
    {
        lock (_lock)
            return InLine(who, 1) is { } wait ? wait : _bucket.TryTake(Now) ? null : _bucket.WaitFor(Now, 1);
    }

    /// <summary>False when as many changes are in flight as may be. After true, <see cref="EndMutation"/> is due.</summary>
    public bool TryBeginMutation()
    {
        lock (_lock)
        {
            if (_mutations >= Concurrency)
                return false;
            _mutations++;
            return true;
        }
    }

    public void EndMutation()
    {
        lock (_lock)
            _mutations--;
    }

    /// <summary>The platform said that it was too much; true when the rate was lowered.</summary>
    public bool Throttled(TimeSpan? retryAfter)
    {
        lock (_lock)
            return _bucket.Throttled(Now, retryAfter);
    }

    /// <summary>First come, first served, between all passes as one and each listing; who doesn't come back in time loses the place.</summary>
    private TimeSpan? InLine(object who, int need)
    {
        var now = Now;
        if (!_bucket.IsLimited)
            return null;
        while (_line.First is { } gone && gone.Value.Until < now && !ReferenceEquals(gone.Value.Who, who))
            _line.RemoveFirst();
        var first = _line.First is null || ReferenceEquals(_line.First.Value.Who, who);
        if (first && _bucket.Available(now) >= need)
        {
            if (_line.First is not null)
                _line.RemoveFirst();
            return null;
        }

        var wait = _bucket.WaitFor(now, need + (first ? 0 : TokenBucket.Pass));
        if (wait < Shortest)
            wait = Shortest;
        var place = _line.First;
        while (place is not null && !ReferenceEquals(place.Value.Who, who))
            place = place.Next;
        if (place is null)
            _line.AddLast((who, now + wait + Grace));
        else
            place.Value = (who, now + wait + Grace);
        return wait;
    }

    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);
}
