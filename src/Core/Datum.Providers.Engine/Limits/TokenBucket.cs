namespace Datum.Providers.Engine.Limits;

/// <summary>
/// Requests that an account may be sent. It holds one second's worth, at least what one pass needs. A platform that throttles halves
/// the rate and stops everything for as long as it asked; then the rate grows back by equal parts. Without a configured rate there is no
/// limit until the first throttle. Not thread-safe; times count from any origin.
/// </summary>
internal sealed class TokenBucket
{
    /// <summary>What one pass needs to get anywhere: its look, the question whether the driver can do it, its step.</summary>
    public const int Pass = 3;

    /// <summary>No throttle lowers the rate below it, unless less is configured.</summary>
    private const double LowestRate = 0.5;

    /// <summary>How long the whole way back to what was before takes.</summary>
    private const double RecoverySeconds = 60;

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestAsked = TimeSpan.FromHours(1);
    private static readonly TimeSpan Quiet = TimeSpan.FromMinutes(1);

    private double _ceiling = double.PositiveInfinity;
    private double _tokens;
    private double _peak;
    private TimeSpan _at;
    private TimeSpan _shrunkAt = TimeSpan.MinValue;
    private int _shrinks;

    // What was sent lately, counted in windows of ten seconds: what an account without a limit learns its rate from.
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);
    private TimeSpan _windowAt;
    private int _sent;
    private int _sentBefore;

    /// <summary>Requests a second; infinite when nothing limits.</summary>
    public double Rate { get; private set; } = double.PositiveInfinity;

    public bool IsLimited => !double.IsPositiveInfinity(Rate);

    /// <summary>Nothing is sent before it.</summary>
    public TimeSpan PausedUntil { get; private set; } = TimeSpan.MinValue;

    /// <summary>The most that may go out at once.</summary>
    public double Burst => Math.Max(Pass, Rate);

    /// <summary>Sets what the ProviderConfig allows; null is no limit.</summary>
    public void Configure(TimeSpan now, double? requestsPerSecond)
    {
        var ceiling = requestsPerSecond ?? double.PositiveInfinity;
        if (ceiling.Equals(_ceiling))
            return;
        Refill(now);
        var learned = Rate < _ceiling;
        _ceiling = ceiling;
        if (!learned || Rate > ceiling)
        {
            var begins = !IsLimited;
            Rate = ceiling;
            _tokens = begins ? Burst : Math.Min(_tokens, Burst);
        }
    }

    /// <summary>Tokens that are there, less than one counted too.</summary>
    public double Available(TimeSpan now)
    {
        Refill(now);
        return now < PausedUntil ? 0 : _tokens;
    }

    public bool TryTake(TimeSpan now, int count = 1)
    {
        Count(now, count);
        if (!IsLimited)
            return true;
        if (Available(now) < count)
        {
            _sent -= count;
            return false;
        }
        _tokens -= count;
        return true;
    }

    /// <summary>Puts back what was taken and not used.</summary>
    public void GiveBack(int count) => _tokens = Math.Min(Burst, _tokens + count);

    /// <summary>How long until there are <paramref name="count"/> tokens when nobody takes any.</summary>
    public TimeSpan WaitFor(TimeSpan now, double count)
    {
        Refill(now);
        if (!IsLimited)
            return TimeSpan.Zero;
        var pause = now < PausedUntil ? PausedUntil - now : TimeSpan.Zero;
        var missing = Math.Min(count, Burst) - _tokens;
        // Rounded up: who comes back a moment too early would come twice.
        return missing <= 0 ? pause : pause + TimeSpan.FromMilliseconds(Math.Ceiling(missing / Rate * 1000) + 1);
    }

    /// <summary>The platform said that it was too much. True when the rate was lowered: answers to requests of the same burst lower it once.</summary>
    public bool Throttled(TimeSpan now, TimeSpan? retryAfter)
    {
        Refill(now);
        if (_shrinks > 0 && now - PausedUntil > Quiet)
            _shrinks = 0;
        var fresh = now >= PausedUntil && (_shrunkAt == TimeSpan.MinValue || now - _shrunkAt >= FirstPause);
        var asked = retryAfter is { } a ? (a < LongestAsked ? a : LongestAsked) : Min(LongestPause, FirstPause * Math.Pow(2, Math.Min(fresh ? _shrinks : Math.Max(0, _shrinks - 1), 10)));
        if (now + asked > PausedUntil)
            PausedUntil = now + asked;
        _tokens = 0;
        if (!fresh)
            return false;
        var before = IsLimited ? Rate : Math.Max(LowestRate, Measured(now));
        if (!IsLimited || before > _peak)
            _peak = before;
        Rate = Math.Min(_ceiling, Math.Max(LowestRate, before / 2));
        _shrunkAt = now;
        _shrinks++;
        return true;
    }

    private void Refill(TimeSpan now)
    {
        var from = _at > PausedUntil ? _at : PausedUntil;
        if (now > _at)
            _at = now;
        if (!IsLimited || now <= from)
            return;
        var seconds = (now - from).TotalSeconds;
        // By the rate from before: a little too few rather than one too many.
        _tokens = Math.Min(Burst, _tokens + Rate * seconds);
        if (Rate >= _ceiling)
            return;
        var goal = double.IsPositiveInfinity(_ceiling) ? Math.Max(_peak, LowestRate) : _ceiling;
        Rate = Math.Min(_ceiling, Rate + goal / RecoverySeconds * seconds);
        // Twice what was once too much, and nobody complains: there is nothing left to learn.
        if (double.IsPositiveInfinity(_ceiling) && Rate > 2 * goal)
        {
            Rate = double.PositiveInfinity;
            _peak = 0;
        }
    }

    private void Count(TimeSpan now, int count)
    {
        if (now - _windowAt >= Window)
        {
            _sentBefore = now - _windowAt < 2 * Window ? _sent : 0;
            _sent = 0;
            _windowAt = now;
        }
        _sent += count;
    }

    private double Measured(TimeSpan now)
    {
        Count(now, 0);
        var seconds = Math.Max(1, (now - _windowAt).TotalSeconds);
        return Math.Max(_sent / seconds, _sentBefore / Window.TotalSeconds);
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
