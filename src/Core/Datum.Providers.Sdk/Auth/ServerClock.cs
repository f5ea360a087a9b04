using System.Globalization;

namespace Datum.Providers.Sdk;

/// <summary>
/// The session's clock, corrected to the platform's: signatures and assertions carry a time, and a platform refuses one that is off. The
/// correction is learnt from the Date header of a refusal.
/// </summary>
public sealed class ServerClock
{
    private readonly TimeSpan _bound;
    private long _offset;

    /// <summary>Starts without correction.</summary>
    /// <param name="time">The session's clock.</param>
    /// <param name="bound">The largest correction that is believed. Default one day: what is further off is a broken clock, not skew.</param>
    public ServerClock(TimeProvider time, TimeSpan? bound = null)
    {
        Time = time;
        _bound = bound ?? TimeSpan.FromDays(1);
    }

    /// <summary>The session's clock.</summary>
    public TimeProvider Time { get; }

    /// <summary>What the platform's clock shows.</summary>
    public DateTimeOffset Now => Time.GetUtcNow() + Offset;

    /// <summary>Platform minus session.</summary>
    public TimeSpan Offset => new(Interlocked.Read(ref _offset));

    /// <summary>
    /// Takes over the time of an answer's Date header. True when that moved the clock by more than 5 seconds, so that signing again makes a
    /// difference; false without the header, and for a time beyond the bound.
    /// </summary>
    public bool Learn(RestResult answer)
    {
        if (!DateTimeOffset.TryParse(answer.Header("date"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date))
            return false;
        var offset = date - Time.GetUtcNow();
        if (offset.Duration() > _bound || (offset - Offset).Duration() <= TimeSpan.FromSeconds(5))
            return false;
        Interlocked.Exchange(ref _offset, offset.Ticks);
        return true;
    }
}
