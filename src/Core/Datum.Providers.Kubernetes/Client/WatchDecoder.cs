using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Datum.Providers.Kubernetes;

/// <summary>Reads a watch: one JSON document a line.</summary>
internal static class WatchDecoder
{
    public static async IAsyncEnumerable<TEvent> ReadAsync<TEvent>(
        string resource, Stream stream, int maxBytes, Func<WatchEventType, ReadOnlySequence<byte>, TEvent> decode, [EnumeratorCancellation] CancellationToken cancellation)
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
                        yield return Decode(resource, line, decode);
                }
                if (rest.Length > maxBytes)
                    throw new InvalidDataException($"An event of {resource} is larger than {maxBytes} bytes.");
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

    /// <summary>An event whose object has a type.</summary>
    public static WatchEvent<T> Typed<T>(ResourceType<T> type, WatchEventType kind, ReadOnlySequence<byte> body) where T : KubeObject
    {
        if (kind == WatchEventType.Bookmark)
            return new WatchEvent<T> { Type = kind, ResourceVersion = ObjectDecoder.Probe(body).ResourceVersion, InitialEventsEnd = EndsInitialEvents(body) };
        var (value, unreadable) = ObjectDecoder.Decode(type, body);
        return value is not null
            ? new WatchEvent<T> { Type = kind, Object = value, ResourceVersion = value.Metadata.ResourceVersion }
            : new WatchEvent<T>
            {
                Type = WatchEventType.Unreadable,
                Unreadable = unreadable! with { Deleted = kind == WatchEventType.Deleted },
                ResourceVersion = unreadable.ResourceVersion,
            };
    }

    /// <summary>Whether a bookmark carries the annotation that ends the initial events of a WatchList.</summary>
    public static bool EndsInitialEvents(ReadOnlySequence<byte> bookmark)
    {
        var reader = new Utf8JsonReader(bookmark);
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("k8s.io/initial-events-end"u8))
                return reader.Read() && reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("true"u8);
        }
        return false;
    }

    private static TEvent Decode<TEvent>(string resource, ReadOnlySequence<byte> line, Func<WatchEventType, ReadOnlySequence<byte>, TEvent> decode)
    {
        var (kind, body) = Split(line);
        if (kind is WatchEventType.Added or WatchEventType.Modified or WatchEventType.Deleted or WatchEventType.Bookmark)
            return decode(kind, body);
        var reader = new Utf8JsonReader(body);
        var status = body.IsEmpty ? null : JsonSerializer.Deserialize(ref reader, KubernetesJsonContext.Default.StatusBody);
        throw new KubernetesException(status?.Code ?? 500, status?.Reason ?? "", $"The watch of {resource} ended with an error: {status?.Message ?? "no reason given"}",
            status?.Details?.RetryAfterSeconds is { } seconds and > 0 ? TimeSpan.FromSeconds(seconds) : null);
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
