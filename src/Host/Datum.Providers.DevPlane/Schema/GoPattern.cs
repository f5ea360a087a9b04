using System.Text;

namespace Datum.Providers.DevPlane;

/// <summary>Go's regular expressions (RE2) in .NET's words: the two read some of the same signs differently.</summary>
internal static class GoPattern
{
    /// <exception cref="ArgumentException">It uses a sign of RE2 that has no counterpart here.</exception>
    public static string ToDotNet(string pattern)
    {
        var text = new StringBuilder(pattern.Length + 8);
        var inClass = false;
        for (var i = 0; i < pattern.Length; i++)
        {
            var c = pattern[i];
            if (c == '\\' && i + 1 < pattern.Length)
            {
                text.Append(Escape(pattern[++i], inClass));
            }
            else if (inClass)
            {
                i = InClass(pattern, i, text, ref inClass);
            }
            else if (c == '[')
            {
                inClass = true;
                text.Append(c);
                if (i + 1 < pattern.Length && pattern[i + 1] == '^') text.Append(pattern[++i]);
                // A bracket right behind the opening one is a plain sign.
                if (i + 1 < pattern.Length && pattern[i + 1] == ']')
                {
                    text.Append("\\]");
                    i++;
                }
            }
            else if (c == '$')
            {
                // .NET's lets a line break follow.
                text.Append("\\z");
            }
            else if (string.CompareOrdinal(pattern, i, "(?P<", 0, 4) == 0)
            {
                text.Append("(?<");
                i += 3;
            }
            else
            {
                text.Append(c);
            }
        }

        return text.ToString();
    }

    private static int InClass(string pattern, int i, StringBuilder text, ref bool inClass)
    {
        var c = pattern[i];
        if (c == '[' && i + 1 < pattern.Length && pattern[i + 1] == ':' && pattern.IndexOf(":]", i, StringComparison.Ordinal) is var end and > 0)
        {
            text.Append(Named(pattern[(i + 2)..end]));
            return end + 1;
        }

        // An opening bracket within a class would be a subtraction for .NET.
        if (c == '[') text.Append('\\');
        text.Append(c);
        if (c == ']') inClass = false;
        return i;
    }

    private static string Escape(char c, bool inClass) => c switch
    {
        'd' => inClass ? "0-9" : "[0-9]",
        // In a class each ends with a range: a hyphen after one is then itself.
        'w' => inClass ? "0-9_A-Za-z" : "[0-9A-Za-z_]",
        's' => inClass ? "\\t\\n\\x20\\f-\\r" : "[\\t\\n\\f\\r\\x20]",
        'D' when !inClass => "[^0-9]",
        'W' when !inClass => "[^0-9A-Za-z_]",
        'S' when !inClass => "[^\\t\\n\\f\\r\\x20]",
        'C' or 'Q' or 'E' or 'D' or 'W' or 'S' => throw new ArgumentException($"this plane can't honour \\{c} here"),
        _ => "\\" + c,
    };

    private static string Named(string name) => name switch
    {
        "alpha" => "A-Za-z",
        "digit" => "0-9",
        "alnum" => "0-9A-Za-z",
        "lower" => "a-z",
        "upper" => "A-Z",
        "word" => "0-9_A-Za-z",
        "xdigit" => "0-9A-Fa-f",
        "space" => "\\x20\\t-\\r",
        "blank" => "\\x20\\t-\\t",
        _ => throw new ArgumentException($"this plane can't honour [:{name}:]"),
    };
}
