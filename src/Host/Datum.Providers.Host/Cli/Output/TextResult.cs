namespace Datum.Providers.Host.Cli;

/// <summary>What a piece of text means; the palette makes a colour of it.</summary>
internal enum Tone
{
    Plain = 0,
    Strong = 1,
    Dim = 2,
    Good = 3,
    Warning = 4,
    Bad = 5,
}

/// <summary>A text and what it means.</summary>
internal readonly record struct Styled(string Text, Tone Tone = Tone.Plain)
{
    public static implicit operator Styled(string? text) => new(text ?? "");
}

/// <summary>Paints with the sixteen colours that every terminal has, or not at all.</summary>
internal sealed class Palette(bool enabled)
{
    public string Paint(Tone tone, string text) => Code(tone) is { } code && enabled && text.Length > 0 ? $"\u001b[{code}m{text}\u001b[0m" : text;

    private static string? Code(Tone tone) => tone switch
    {
        Tone.Strong => "1",
        Tone.Dim => "2",
        Tone.Good => "32",
        Tone.Warning => "33",
        Tone.Bad => "31",
        _ => null,
    };
}

/// <summary>A result as text. Tables are aligned with blanks, so that they can be read and cut.</summary>
internal sealed class TextResult(TextWriter writer, Palette palette)
{
    private const string Gap = "  ";

    public void Line(params ReadOnlySpan<Styled> parts)
    {
        foreach (var part in parts)
            writer.Write(palette.Paint(part.Tone, part.Text));
        writer.WriteLine();
    }

    /// <summary>A head and rows; the last column isn't padded. Nothing for no rows.</summary>
    public void Table(string[] heads, IReadOnlyCollection<Styled[]> rows, string indent = "")
    {
        if (rows.Count == 0)
            return;
        var widths = heads.Select((h, i) => Math.Max(h.Length, rows.Max(r => r[i].Text.Length))).ToArray();
        foreach (var row in rows.Prepend([.. heads.Select(h => new Styled(h, Tone.Dim))]))
        {
            writer.Write(indent);
            for (var i = 0; i < row.Length; i++)
            {
                var last = i == row.Length - 1;
                writer.Write(palette.Paint(row[i].Tone, row[i].Text));
                if (!last)
                    writer.Write(new string(' ', widths[i] - row[i].Text.Length) + Gap);
            }

            writer.WriteLine();
        }
    }
}
