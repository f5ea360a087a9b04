using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Datum.Providers.Kubernetes;

/// <summary>Reads a watch: one JSON document a line.</summary>
internal static class WatchDecoder
{
    public static async IAsyncEnumerable<WatchEvent<T>> ReadAsync<T>(
        ResourceType<T> type, Stream stream, int maxBytes, [EnumeratorCancellation] CancellationToken cancellation) where T : KubeObject
    {
        var pipe = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 32 << 10, leaveOpen: true));
        try
        {
            while (true)
            {
                var result = await pipe.ReadAsync(cancellation);
                var rest = result.Buffer;
                while (rest.PositionOf((byte)'\n') is { } end)
                {
                    var line = rest.Slice(0, end);
                    rest = rest.Slice(rest.GetPosition(1, end));
                    if (!line.IsEmpty)
                        yield return Decode(type, line);
                }
                if (rest.Length > maxBytes)
                    throw new InvalidDataException($"An event of {type} is larger than {maxBytes} bytes.");
                pipe.AdvanceTo(rest.Start, rest.End);
                // A line that was cut off is not an event: the caller resumes from the one before it.
                if (result.IsCompleted)
                    yield break;
            }
        }
        finally
        {
            await pipe.CompleteAsync();
        }
    }

    private static WatchEvent<T> Decode<T>(ResourceType<T> type, ReadOnlySequence<byte> line) where T : KubeObject
    {
        var (kind, body) = Split(line);
        switch (kind)
        {
            case WatchEventType.Bookmark:
                return new WatchEvent<T> { Type = kind, ResourceVersion = ObjectDecoder.Probe(body).ResourceVersion };

            case WatchEventType.Added or WatchEventType.Modified or WatchEventType.Deleted:
                var (value, unreadable) = ObjectDecoder.Decode(type, body);
                return value is not null
                    ? new WatchEvent<T> { Type = kind, Object = value, ResourceVersion = value.Metadata.ResourceVersion }
                    : new WatchEvent<T>
                    {
                        Type = WatchEventType.Unreadable,
                        Unreadable = unreadable! with { Deleted = kind == WatchEventType.Deleted },
                        ResourceVersion = unreadable.ResourceVersion,
                    };

            default:
                var reader = new Utf8JsonReader(body);
                var status = body.IsEmpty ? null : JsonSerializer.Deserialize(ref reader, KubernetesJsonContext.Default.StatusBody);
                throw new KubernetesException(status?.Code ?? 500, status?.Reason ?? "", $"The watch of {type} ended with an error: {status?.Message ?? "no reason given"}",
                    status?.Details?.RetryAfterSeconds is { } seconds and > 0 ? TimeSpan.FromSeconds(seconds) : null);
        }
    }

    private static (WatchEventType Kind, ReadOnlySequence<byte> Body) Split(ReadOnlySequence<byte> line)
    {
        var kind = WatchEventType.Unknown;
        ReadOnlySequence<byte> body = default;
        var reader = new Utf8JsonReader(line);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException("A watch event must be a JSON object.");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isType = reader.ValueTextEquals("type"u8);
            var isObject = reader.ValueTextEquals("object"u8);
            reader.Read();
            var start = reader.TokenStartIndex;
            if (isType && reader.TokenType == JsonTokenType.String)
                kind = KindOf(ref reader);
            reader.Skip();
            if (isObject)
                body = line.Slice(start, reader.BytesConsumed - start);
        }
        return (kind, body);
    }

    private static WatchEventType KindOf(ref Utf8JsonReader reader) =>
        reader.ValueTextEquals("ADDED"u8) ? WatchEventType.Added
        : reader.ValueTextEquals("MODIFIED"u8) ? WatchEventType.Modified
        : reader.ValueTextEquals("DELETED"u8) ? WatchEventType.Deleted
        : reader.ValueTextEquals("BOOKMARK"u8) ? WatchEventType.Bookmark
        : WatchEventType.Unknown;
}
