using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Datum.Providers.Drivers.Podman.Instances;

/// <summary>
/// Where a reader of a container's log is: the time of the last line, and how many lines of that very second were read. Podman shows whole seconds.
/// </summary>
internal sealed record LogCursor
{
    private const string Prefix = "podc1:";

    public required string Container { get; init; }

    /// <summary>As Podman writes it, e.g. <c>2026-01-02T03:04:05Z</c>; empty before the first line.</summary>
    public string Time { get; init; } = "";

    public int Lines { get; init; }

    /// <summary>What Podman is asked for, in seconds since 1970: it leaves out the very second that it is given, so one earlier.</summary>
    public long? Since => DateTimeOffset.TryParse(Time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at.ToUnixTimeSeconds() - 1 : null;

    public static LogCursor? Parse(string text) =>
        text.Split('|') is [var container, var time, var lines] && container.StartsWith(Prefix, StringComparison.Ordinal)
            && int.TryParse(lines, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && (time.Length == 0 || DateTimeOffset.TryParse(time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out _))
            ? new LogCursor { Container = container[Prefix.Length..], Time = time, Lines = count }
            : null;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Container}|{Time}|{Lines}");
}

/// <summary>Reads the answer of the logs request: frames of 8 bytes of head (stream, three zeros, length) and a line with its time in front.</summary>
internal static class ContainerLog
{
    /// <param name="body">The answer.</param>
    /// <param name="asked">Lines that were asked for: as many mean that there may be older ones.</param>
    /// <param name="before">What was read before.</param>
    /// <param name="maxBytes">Bytes of text at most.</param>
    public static ConsoleText Read(ReadOnlyMemory<byte> body, int asked, LogCursor before, int maxBytes)
    {
        var lines = Frames(body);
        var fresh = lines.SkipWhile(l => string.CompareOrdinal(l.Time, before.Time) < 0).ToList();
        // Of the second in which the last answer ended, what was told then isn't told again; when older lines were cut, that many can't be counted.
        var cut = lines.Count >= asked && fresh.Count == lines.Count;
        if (!cut)
            fresh = [.. fresh.Skip(Math.Min(before.Lines, fresh.TakeWhile(l => l.Time == before.Time).Count()))];
        var last = fresh.Count > 0 ? fresh[^1].Time : before.Time;
        using var text = new MemoryStream();
        foreach (var line in fresh)
            text.Write(line.Text.Span);
        var (newest, shortened) = ConsoleTail.Newest(text.GetBuffer().AsSpan(0, (int)text.Length), maxBytes);
        return new ConsoleText
        {
            Text = newest,
            Truncated = shortened || cut,
            Next = (before with { Time = last, Lines = lines.Count(l => l.Time == last) }).ToString(),
        };
    }

    private static List<(string Time, ReadOnlyMemory<byte> Text)> Frames(ReadOnlyMemory<byte> body)
    {
        var lines = new List<(string, ReadOnlyMemory<byte>)>();
        while (body.Length >= 8 && body.Span[0] <= 2)
        {
            var length = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(body.Span[4..]), body.Length - 8);
            var line = body.Slice(8, length);
            body = body[(8 + length)..];
            var space = line.Span.IndexOf((byte)' ');
            var time = space > 0 ? Encoding.ASCII.GetString(line.Span[..space]).TrimStart() : "";
            lines.Add((time, line[(space + 1)..]));
        }

        return lines;
    }
}
