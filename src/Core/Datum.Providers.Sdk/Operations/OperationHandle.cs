using System.Globalization;

namespace Datum.Providers.Sdk;

/// <summary>
/// Handles as plain text (DC-80): <c>op1:STYLE:BEGUN:DATA</c>, where BEGUN is the Unix time at which the work began. Anything else, also of
/// another style or version, expired or too long, counts as none.
/// </summary>
internal static class OperationHandle
{
    private const int MaxLength = 1024;
    private const string Version = "op1";

    /// <summary>Null when the data doesn't fit: then the resource's own state must tell.</summary>
    public static Handle? Write(string style, DateTimeOffset begun, string data, TimeSpan? life)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{Version}:{style}:{begun.ToUnixTimeSeconds()}:{data}");
        return text.Length <= MaxLength ? new Handle { Data = text, ExpiresAt = begun + life } : null;
    }

    public static bool TryRead(Handle? handle, string style, DateTimeOffset now, out DateTimeOffset begun, out string data)
    {
        begun = default;
        data = "";
        if (handle is null || handle.Data.Length > MaxLength || now >= handle.ExpiresAt
            || handle.Data.Split(':', 4) is not [Version, var of, var seconds, { Length: > 0 } text] || of != style
            || !long.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out var unix) || unix > 253_402_300_799)
            return false;
        begun = DateTimeOffset.FromUnixTimeSeconds(unix);
        data = text;
        return true;
    }
}
