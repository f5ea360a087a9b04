using System.Globalization;

namespace Datum.Providers.DevPlane;

/// <summary>Floating numbers as Go writes them: in JSON, and in sentences.</summary>
internal static class GoNumbers
{
    /// <summary>In JSON an exponent stands only below 1e-6 and from 1e21 on, without padding.</summary>
    public static string Json(double number) => Write(number, -6, 21, padded: false);

    /// <summary>In sentences (%v) an exponent stands below 1e-4 and from 1e6 on, with two digits at least.</summary>
    public static string Plain(double number) => Write(number, -4, 6, padded: true);

    /// <summary>Whether a number in floating form passes for a whole one: it is so within one part in 10^9, and below 2^53.</summary>
    public static bool IsWhole(double number)
    {
        if (!(Math.Abs(number) <= (1L << 53) - 1)) return false;
        var whole = Math.Truncate(number);
        return whole == number || (whole != 0 && Math.Abs(number - whole) / (Math.Abs(number) + Math.Abs(whole)) < 1e-9);
    }

    private static string Write(double number, int least, int most, bool padded)
    {
        // The shortest text that reads back as the same number, as digits and an exponent.
        var shortest = number.ToString("R", CultureInfo.InvariantCulture);
        var sign = shortest[0] == '-' ? "-" : "";
        var mark = shortest.IndexOf('E', StringComparison.Ordinal);
        var mantissa = (mark < 0 ? shortest : shortest[..mark]).TrimStart('-');
        var shift = mark < 0 ? 0 : int.Parse(shortest.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        var digits = mantissa.Replace(".", "", StringComparison.Ordinal);
        var exponent = (point < 0 ? mantissa.Length : point) - 1 + shift;
        var zeros = digits.Length - digits.TrimStart('0').Length;
        digits = digits.Trim('0');
        if (digits.Length == 0) return sign + "0";
        exponent -= zeros;
        if (exponent < least || exponent >= most)
        {
            var tail = Math.Abs(exponent).ToString(padded ? "00" : "0", CultureInfo.InvariantCulture);
            return $"{sign}{digits[0]}{(digits.Length > 1 ? "." + digits[1..] : "")}e{(exponent < 0 ? "-" : "+")}{tail}";
        }

        if (exponent < 0) return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        return digits.Length <= exponent + 1 ? sign + digits.PadRight(exponent + 1, '0') : $"{sign}{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
    }
}
