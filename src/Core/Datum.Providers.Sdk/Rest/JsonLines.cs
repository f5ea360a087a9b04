using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>Answers that are one JSON value a line, in which a failure may hide behind status 200 (image pulls).</summary>
public static class JsonLines
{
    /// <summary>All values; blank lines are skipped. Throws <see cref="JsonException"/> on a line that isn't JSON.</summary>
    public static ImmutableArray<JsonElement> Parse(ReadOnlyMemory<byte> body)
    {
        var values = ImmutableArray.CreateBuilder<JsonElement>();
        while (!body.IsEmpty)
        {
            var end = body.Span.IndexOf((byte)'\n');
            var line = end < 0 ? body : body[..end];
            body = end < 0 ? default : body[(end + 1)..];
            if (ParseLine(line) is { } value)
                values.Add(value);
        }

        return values.ToImmutable();
    }

    /// <summary>The first text under <paramref name="property"/> that isn't empty, or null: the error that a stream reports.</summary>
    public static string? FirstText(ImmutableArray<JsonElement> values, string property = "error")
    {
        foreach (var value in values)
            if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty(property, out var text)
                && text.ValueKind == JsonValueKind.String && text.GetString() is { Length: > 0 } found)
                return found;
        return null;
    }

    internal static JsonElement? ParseLine(ReadOnlyMemory<byte> line)
    {
        if (line.Span.Trim(" \t\r"u8).IsEmpty)
            return null;
        using var document = JsonDocument.Parse(line);
        return document.RootElement.Clone();
    }
}

/// <summary>Cuts a stream into lines.</summary>
internal sealed class LineBuffer(Stream stream, int maxLine)
{
    private byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;

    public async ValueTask<JsonElement?> NextAsync(CancellationToken cancellation)
    {
        var scanned = 0;
        while (true)
        {
            var feed = _buffer.AsSpan(_start + scanned, _end - _start - scanned).IndexOf((byte)'\n');
            if (feed >= 0)
            {
                var line = _buffer.AsMemory(_start, scanned + feed);
                _start += scanned + feed + 1;
                scanned = 0;
                if (JsonLines.ParseLine(line) is { } value)
                    return value;
                continue;
            }

            scanned = _end - _start;
            if (scanned > maxLine)
                throw new InvalidDataException($"a line is longer than {maxLine} bytes");
            MakeRoom();
            var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellation);
            if (read == 0)
            {
                var rest = _buffer.AsMemory(_start, _end - _start);
                _start = _end;
                return JsonLines.ParseLine(rest);
            }

            _end += read;
        }
    }

    private void MakeRoom()
    {
        if (_start > 0)
        {
            Buffer.BlockCopy(_buffer, _start, _buffer, 0, _end - _start);
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
            Array.Resize(ref _buffer, _buffer.Length * 2);
    }
}
