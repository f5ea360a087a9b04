using System.Text;

namespace Datum.Providers.Sdk;

/// <summary>Cuts console bytes to what <see cref="ConsoleQuery.MaxBytes"/> allows (DC-103).</summary>
public static class ConsoleTail
{
    /// <summary>
    /// The newest part as text of at most <paramref name="maxBytes"/> bytes of UTF-8; true when older bytes were left out. No character is cut in
    /// two, and bytes that aren't UTF-8 are replaced.
    /// </summary>
    public static (string Text, bool Cut) Newest(ReadOnlySpan<byte> bytes, int maxBytes)
    {
        var start = Math.Max(0, bytes.Length - maxBytes);
        // Three bytes of one character may follow its first.
        for (var i = 0; start > 0 && i < 3 && start < bytes.Length && (bytes[start] & 0xc0) == 0x80; i++)
            start++;
        var text = Encoding.UTF8.GetString(bytes[start..]);
        // A replaced byte takes three.
        var over = Encoding.UTF8.GetByteCount(text) - maxBytes;
        if (over <= 0)
            return (text, start > 0);
        var drop = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (over <= 0)
                break;
            over -= rune.Utf8SequenceLength;
            drop += rune.Utf16SequenceLength;
        }

        return (text[drop..], true);
    }
}
