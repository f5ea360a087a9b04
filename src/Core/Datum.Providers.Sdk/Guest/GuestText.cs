using System.Globalization;
using System.Text;

namespace Datum.Providers.Sdk;

/// <summary>Alphabets and quoting of what goes into scripts, units and paths.</summary>
internal static class GuestText
{
    /// <summary>Unicode that is text: throws on other bytes.</summary>
    public static UTF8Encoding Strict { get; } = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    public static bool IsLabel(string text) =>
        text.Length is >= 1 and <= 63 && text[0] != '-' && text[^1] != '-' && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    /// <summary>What udev and systemd take in a device's name without escaping.</summary>
    public static bool IsDeviceName(string text) =>
        text.Length is >= 1 and <= 63 && char.IsAsciiLetterOrDigit(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    /// <summary>An absolute path below the root, of characters that mean nothing to systemd, podman and the shell.</summary>
    public static bool IsMountPath(string text) =>
        text.Length is >= 2 and <= 1024 && text[0] == '/' && text.TrimEnd('/').Length > 0
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '-' or '_' or '.' or '@' or '+' or '=')
        && !text.Split('/').Any(s => s is ".." or ".");

    /// <summary>A relative path that stays inside its folder and can stand in a tar archive and a JSON text.</summary>
    public static bool IsRelativePath(string text)
    {
        if (text.Length == 0 || text[0] == '/' || text[^1] == '/' || text.Any(c => char.IsControl(c) || c is '\u2028' or '\u2029' or '\uFEFF' or '\uFFFE' or '\uFFFF'))
            return false;
        foreach (var segment in text.Split('/'))
            if (segment is "" or "." or ".." || !IsText(segment) || Encoding.UTF8.GetByteCount(segment) > 255)
                return false;
        return true;
    }

    /// <summary>True when the text has no lone surrogate.</summary>
    public static bool IsText(string text)
    {
        try
        {
            return Strict.GetByteCount(text) >= 0;
        }
        catch (EncoderFallbackException)
        {
            return false;
        }
    }

    /// <summary>One word of a POSIX shell, whatever it holds (but NUL).</summary>
    public static string Quote(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    /// <summary>The name of the mount unit of a path that <see cref="IsMountPath"/>: systemd's escaping of paths.</summary>
    public static string MountUnit(string path)
    {
        var name = new StringBuilder();
        foreach (var c in string.Join('/', path.Split('/', StringSplitOptions.RemoveEmptyEntries)))
        {
            if (c == '/')
                name.Append('-');
            else if (char.IsAsciiLetterOrDigit(c) || c is '_' || (c == '.' && name.Length > 0))
                name.Append(c);
            else
                name.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}");
        }
        return name.Append(".mount").ToString();
    }
}
