using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Sdk;

/// <summary>
/// A listing's position as the contract's cursor (DC-59): <c>p1.STYLE.SCOPE.PAGE.POSITION</c>, plain text from which any host goes on. The
/// scope is a hash of what the listing is of, so that a cursor of another account, kind or query is refused instead of misread.
/// </summary>
internal static class PageCursor
{
    public const int MaxLength = 4096;

    public static string Write(PageStyle style, string scope, int page, string position) =>
        string.Create(CultureInfo.InvariantCulture, $"p1.{style.Tag}.{scope}.{page}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(position))}");

    public static bool TryRead(PageStyle style, string scope, string cursor, out int page, out string position)
    {
        page = 0;
        position = "";
        if (cursor.Length > MaxLength || cursor.Split('.') is not ["p1", var tag, var of, var number, var text]
            || tag != style.Tag || of != scope
            || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out page) || page < 1)
            return false;
        try
        {
            position = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Base64Url.DecodeFromChars(text));
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            return false;
        }

        return style.IsPosition(position);
    }

    public static string Scope(IEnumerable<string> names)
    {
        // Lengths keep ("a","bc") apart from ("ab","c").
        var text = string.Concat(names.Select(n => string.Create(CultureInfo.InvariantCulture, $"{n.Length}:{n}")));
        return Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 9));
    }
}
