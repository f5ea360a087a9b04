using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Datum.Providers.Resources;

/// <summary>Durations as Go programs write them: <c>300ms</c>, <c>10s</c>, <c>1h30m</c>. Precision is 100 ns; what is finer is cut.</summary>
public static class GoDuration
{
    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.");

    // Longest first, so that "ms" isn't read as "m" followed by "s". Both code points of µ are in use.
    private static readonly (string Name, decimal Ticks)[] Units =
    [
        ("ns", 0.01m), ("us", 10m), ("µs", 10m), ("μs", 10m), ("ms", TimeSpan.TicksPerMillisecond),
        ("s", TimeSpan.TicksPerSecond), ("m", TimeSpan.TicksPerMinute), ("h", TimeSpan.TicksPerHour),
    ];

    /// <summary>Reads a duration that isn't negative.</summary>
    public static bool TryParse(string? text, out TimeSpan duration, [NotNullWhen(false)] out string? error)
    {
        duration = TimeSpan.Zero;
        if (string.IsNullOrEmpty(text))
        {
            error = "A duration is empty; write a number and a unit, e.g. 10s or 1h30m.";
            return false;
        }

        var rest = text.AsSpan();
        if (rest[0] == '+')
        {
            rest = rest[1..];
        }
        else if (rest[0] == '-')
        {
            error = $"The duration '{text}' is negative.";
            return false;
        }

        if (rest is "0")
        {
            error = null;
            return true;
        }

        var ticks = 0m;
        do
        {
            var length = NumberLength(rest);
            if (!decimal.TryParse(rest[..length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                error = $"The duration '{text}' isn't a sequence of numbers with units, e.g. 10s or 1h30m.";
                return false;
            }

            rest = rest[length..];
            if (!TryTakeUnit(ref rest, out var unit))
            {
                error = rest.IsEmpty
                    ? $"The duration '{text}' has a number without a unit; units are ns, us, ms, s, m and h."
                    : $"The duration '{text}' has an unknown unit; units are ns, us, ms, s, m and h.";
                return false;
            }

            if (number > long.MaxValue / unit || (ticks += number * unit) > long.MaxValue)
            {
                error = $"The duration '{text}' is too long.";
                return false;
            }
        }
        while (!rest.IsEmpty);

        duration = TimeSpan.FromTicks((long)ticks);
        error = null;
        return true;
    }

    /// <summary>Writes a duration that isn't negative, e.g. <c>1h30m</c>, <c>2.5s</c>, <c>0s</c>.</summary>
    public static string Format(TimeSpan duration)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(duration, TimeSpan.Zero);
        if (duration == TimeSpan.Zero)
        {
            return "0s";
        }

        var text = new StringBuilder();
        var hours = duration.Ticks / TimeSpan.TicksPerHour;
        if (hours > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"{hours}h");
        }

        if (duration.Minutes > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"{duration.Minutes}m");
        }

        var seconds = (decimal)(duration.Ticks % TimeSpan.TicksPerMinute) / TimeSpan.TicksPerSecond;
        if (seconds > 0)
        {
            text.Append(seconds.ToString("0.#######", CultureInfo.InvariantCulture)).Append('s');
        }

        return text.ToString();
    }

    private static int NumberLength(ReadOnlySpan<char> text)
    {
        var length = text.IndexOfAnyExcept(NumberCharacters);
        return length < 0 ? text.Length : length;
    }

    private static bool TryTakeUnit(ref ReadOnlySpan<char> text, out decimal ticks)
    {
        foreach (var (name, value) in Units)
        {
            if (text.StartsWith(name, StringComparison.Ordinal))
            {
                text = text[name.Length..];
                ticks = value;
                return true;
            }
        }

        ticks = 0;
        return false;
    }
}
