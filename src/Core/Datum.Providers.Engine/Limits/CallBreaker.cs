namespace Datum.Providers.Engine.Limits;

/// <summary>What a breaker did with an answer.</summary>
internal enum BreakerMove
{
    None = 0,
    Opened = 1,
    Closed = 2,
}

/// <summary>
/// The circuit breaker of one session. It opens after calls in a row that got no answer from the platform; while it is open nobody calls, and one
/// probe after a delay that grows tells whether it closes. An answer that refuses something is an answer. Thread-safe.
/// </summary>
internal sealed class CallBreaker
{
    /// <summary>Calls in a row without an answer.</summary>
    public const int Threshold = 5;

    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(5);

    private readonly Lock _lock = new();
    private int _failures;
    private int _probes;
    private volatile bool _open;

    public bool IsOpen => _open;

    /// <summary>How often it has opened.</summary>
    public int Opened { get; private set; }

    /// <summary>Why it opened: the code of the last call's error, in a sentence that stays the same while it is open.</summary>
    public string Why { get; private set; } = "";

    /// <summary>Takes the outcome of a call; null is success.</summary>
    public BreakerMove Saw(DriverError? error)
    {
        if (error is null && Volatile.Read(ref _failures) == 0 && _probes == 0)
            return BreakerMove.None;
        lock (_lock)
        {
            // A call that was under way when it opened decides nothing: the probe does.
            if (_open)
                return BreakerMove.None;
            if (!NoAnswer(error))
            {
                _failures = 0;
                _probes = 0;
                return BreakerMove.None;
            }
            if (++_failures < Threshold)
                return BreakerMove.None;
            _open = true;
            Opened++;
            Why = $"{Threshold} calls in a row got no answer ({error!.Code}).";
            return BreakerMove.Opened;
        }
    }

    /// <summary>How long to wait before the next probe; <paramref name="random"/> is in [0,1). Grows until a call is answered.</summary>
    public TimeSpan NextProbe(double random)
    {
        lock (_lock)
        {
            var whole = Math.Min(LongestDelay.TotalSeconds, FirstDelay.TotalSeconds * Math.Pow(2, Math.Min(_probes++, 10)));
            return TimeSpan.FromSeconds(whole * (0.8 + 0.2 * random));
        }
    }

    /// <summary>Takes the outcome of the probe: true when the breaker closed.</summary>
    public bool Probed(DriverError? error)
    {
        lock (_lock)
        {
            if (!_open || NoAnswer(error))
                return false;
            // Not forgotten before a real call succeeds: a platform that only answers probes is asked ever more seldom.
            _failures = 0;
            _open = false;
            return true;
        }
    }

    /// <summary>Whether an error says that the platform itself wasn't reached.</summary>
    public static bool NoAnswer(DriverError? error) => error is { Code: ErrorCode.Unavailable or ErrorCode.Timeout };
}
