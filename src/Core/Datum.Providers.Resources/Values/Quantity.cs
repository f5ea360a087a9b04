using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Datum.Providers.Resources;

/// <summary>A Kubernetes quantity: <c>10Gi</c>, <c>500m</c>, <c>1e3</c>, <c>2</c>.</summary>
/// <param name="Value">In the base unit: bytes, CPUs.</param>
public readonly record struct Quantity(decimal Value)
{
    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("+-.0123456789");

    /// <summary>Bytes in a GiB.</summary>
    public const long GiB = 1L << 30;

    /// <summary>Bytes in a MiB.</summary>
    public const long MiB = 1L << 20;

    /// <summary>Rounded up to a whole base unit, e.g. bytes.</summary>
    /// <exception cref="OverflowException">The value doesn't fit.</exception>
    public long ToInt64() => checked((long)decimal.Ceiling(Value));

    /// <summary>Rounded up to thousandths, e.g. millicores.</summary>
    /// <exception cref="OverflowException">The value doesn't fit.</exception>
    public long ToMilli() => checked((long)decimal.Ceiling(Value * 1000m));

    /// <summary>Reads the value of a resource list.</summary>
    public static bool TryParse(IntOrString value, out Quantity quantity, [NotNullWhen(false)] out string? error) =>
        TryParse(value.ToString(), out quantity, out error);

    public static bool TryParse(string? text, out Quantity quantity, [NotNullWhen(false)] out string? error)
    {
        quantity = default;
        if (string.IsNullOrEmpty(text))
        {
            error = "A quantity is empty; write a number with an optional suffix, e.g. 10Gi or 500m.";
            return false;
        }

        var length = text.AsSpan().IndexOfAnyExcept(NumberCharacters);
        length = length < 0 ? text.Length : length;
        if (!decimal.TryParse(text.AsSpan(0, length), NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            error = $"The quantity '{text}' doesn't start with a number.";
            return false;
        }

        var suffix = text.AsSpan(length);
        if (!TryFactor(suffix, out var factor))
        {
            error = $"The quantity '{text}' has the unknown suffix '{suffix}'; suffixes are Ki, Mi, Gi, Ti, Pi, Ei, n, u, m, k, M, G, T, P, E or an exponent.";
            return false;
        }

        try
        {
            quantity = new Quantity(number * factor);
        }
        catch (OverflowException)
        {
            error = $"The quantity '{text}' is too large.";
            return false;
        }

        error = null;
        return true;
    }

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    private static bool TryFactor(ReadOnlySpan<char> suffix, out decimal factor)
    {
        factor = suffix switch
        {
            "" => 1m,
            "n" => 0.000000001m,
            "u" => 0.000001m,
            "m" => 0.001m,
            "k" => 1_000m,
            "M" => 1_000_000m,
            "G" => 1_000_000_000m,
            "T" => 1_000_000_000_000m,
            "P" => 1_000_000_000_000_000m,
            "E" => 1_000_000_000_000_000_000m,
            "Ki" => 1L << 10,
            "Mi" => 1L << 20,
            "Gi" => 1L << 30,
            "Ti" => 1L << 40,
            "Pi" => 1L << 50,
            "Ei" => 1L << 60,
            _ => 0m,
        };
        if (factor != 0m)
        {
            return true;
        }

        return suffix.Length > 1 && suffix[0] is 'e' or 'E'
            && int.TryParse(suffix[1..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var exponent)
            && TryPower(exponent, out factor);
    }

    // decimal holds 10^-28 to 10^28; a quantity beyond that has no meaning here.
    private static bool TryPower(int exponent, out decimal factor)
    {
        factor = 1m;
        if (exponent is < -28 or > 28)
        {
            return false;
        }

        for (var i = 0; i < Math.Abs(exponent); i++)
        {
            factor = exponent > 0 ? factor * 10m : factor / 10m;
        }

        return true;
    }
}
