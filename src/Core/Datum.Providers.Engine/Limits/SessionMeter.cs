using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Sessions;

namespace Datum.Providers.Engine.Limits;

/// <summary>
/// What one session may do: the limits of its account, which it shares, and a circuit breaker of its own. It sees the outcome of every call.
/// </summary>
internal sealed class SessionMeter(AccountLimit account, LimitSettings settings, Action<SessionMeter>? changed = null, Action<SessionMeter, TimeSpan?>? throttled = null) : ICallMeter
{
    private readonly KeyValuePair<string, object?> _driver = new("driver", account.Driver);
    private readonly KeyValuePair<string, object?> _account = new("account", account.Account);
    private volatile LimitSettings _settings = settings;

    /// <summary>A meter that limits nothing; its breaker works.</summary>
    public static SessionMeter Unlimited(string driver, string account, TimeProvider time) => new(new AccountLimit(driver, account, time), LimitSettings.None);

    public AccountLimit Account => account;

    /// <summary>Of the session's ProviderConfig.</summary>
    public LimitSettings Settings { get => _settings; set => _settings = value; }

    public CallBreaker Breaker { get; } = new();

    /// <summary>Set once the session is made.</summary>
    public Session? Session { get; set; }

    public void Saw(DriverError? error)
    {
        if (error is { Code: ErrorCode.Throttled })
        {
            LimitMetrics.Throttled.Add(1, _driver, _account);
            if (account.Throttled(error.RetryAfter))
            {
                LimitMetrics.Rate.Record(account.Rate, _driver, _account);
                throttled?.Invoke(this, error.RetryAfter);
            }
        }
        if (Breaker.Saw(error) is BreakerMove.Opened)
        {
            LimitMetrics.Open.Add(1, _driver, _account);
            changed?.Invoke(this);
        }
    }

    public bool MayRepeat()
    {
        var kept = 0;
        return !Breaker.IsOpen && account.TryUse(ref kept) is null;
    }

    /// <summary>Takes the outcome of a probe; true when the breaker closed.</summary>
    public bool Probed(DriverError? error)
    {
        var closed = Breaker.Probed(error);
        LimitMetrics.Probes.Add(1, _driver, _account, new("result", closed ? "closed" : "open"));
        if (!closed)
            return false;
        Closed();
        changed?.Invoke(this);
        return true;
    }

    /// <summary>The session ended while its breaker was open.</summary>
    public void Ended() => Closed();

    public void Waited() => LimitMetrics.Waits.Add(1, _driver, _account);

    /// <summary>Waits for a listing's turn, a few seconds at most. Null: list the page now. Otherwise why not; nobody was called.</summary>
    public async ValueTask<DriverError?> TurnToListAsync(IScheduler scheduler, CancellationToken cancellation)
    {
        for (var waited = TimeSpan.Zero; ;)
        {
            if (Breaker.IsOpen)
                return new DriverError { Code = ErrorCode.Unavailable, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Message = $"{Breaker.Why} Nothing is listed before a probe is answered." };
            if (account.TryList(this) is not { } wait)
                return null;
            Waited();
            waited += wait;
            if (waited > LongestTurn)
                return new DriverError { Code = ErrorCode.Throttled, Effect = Effect.NotApplied, Scope = ErrorScope.Account, RetryAfter = wait, Message = "The account's rate is used up; it is listed later." };
            await scheduler.Delay(wait, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>A listing holds its session open while it waits, so it doesn't wait long.</summary>
    private static readonly TimeSpan LongestTurn = TimeSpan.FromSeconds(30);

    private void Closed() => LimitMetrics.Open.Add(-1, _driver, _account);
}
