using System.Buffers;
using System.Text.Json;

namespace Datum.Providers.Kubernetes;

/// <summary>Reads one object from the bytes that hold it.</summary>
internal static class ObjectDecoder
{
    /// <summary>The object, or why it can't be read. Never both, never neither. Only what a dry run would create has no version.</summary>
    public static (T? Value, UnreadableObject? Unreadable) Decode<T>(ResourceType<T> type, ReadOnlySequence<byte> json, bool stored = true) where T : KubeObject
    {
        if (json.IsSingleSegment)
            return Decode(type, json.FirstSpan, stored);
        // Two passes over one piece cost less than one over many; most items lie across two blocks of the network's buffer.
        var length = checked((int)json.Length);
        var copy = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            json.CopyTo(copy);
            return Decode(type, copy.AsSpan(0, length), stored);
        }
        finally
        {
            // Secrets pass through here.
            ArrayPool<byte>.Shared.Return(copy, clearArray: typeof(T) == typeof(Secret));
        }
    }

    private static (T? Value, UnreadableObject? Unreadable) Decode<T>(ResourceType<T> type, ReadOnlySpan<byte> json, bool stored) where T : KubeObject
    {
        string reason;
        try
        {
            var value = JsonSerializer.Deserialize(json, SharedStrings.In(type.Json));
            if (value is not null && (!type.Kept || (value.Metadata is { Name.Length: > 0 } metadata && (!stored || metadata.ResourceVersion is { Length: > 0 }))))
            {
                // Items of a typed list come without them.
                value.ApiVersion ??= type.ApiVersion;
                value.Kind ??= type.Kind;
                return (value, null);
            }
            reason = "metadata.name or metadata.resourceVersion is missing";
        }
        catch (Exception error) when (error is JsonException or NotSupportedException or FormatException or InvalidOperationException or ArgumentException)
        {
            reason = error.Message;
        }
        return (null, Probe(json) with { Reason = reason });
    }

    /// <summary>Key, uid and version, found without a type; what isn't there stays empty.</summary>
    public static UnreadableObject Probe(ReadOnlySequence<byte> json) => Probe(new Utf8JsonReader(json));

    private static UnreadableObject Probe(ReadOnlySpan<byte> json) => Probe(new Utf8JsonReader(json));

    private static UnreadableObject Probe(Utf8JsonReader reader)
    {
        string? name = null, ns = null, version = null, uid = null;
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName)
                    continue;
                var isMetadata = reader.CurrentDepth == 1 && reader.ValueTextEquals("metadata"u8);
                reader.Read();
                if (!isMetadata || reader.TokenType != JsonTokenType.StartObject)
                {
                    reader.Skip();
                    continue;
                }
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    if (reader.ValueTextEquals("name"u8))
                        name = Text(ref reader);
                    else if (reader.ValueTextEquals("namespace"u8))
                        ns = Text(ref reader);
                    else if (reader.ValueTextEquals("resourceVersion"u8))
                        version = Text(ref reader);
                    else if (reader.ValueTextEquals("uid"u8))
                        uid = Text(ref reader);
                    else
                    {
                        reader.Read();
                        reader.Skip();
                    }
                }
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return new UnreadableObject(new ObjectKey(ns, name ?? ""), version, error.Message) { Uid = uid };
        }
        return new UnreadableObject(new ObjectKey(ns, name ?? ""), version, "") { Uid = uid };
    }

    private static string? Text(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String)
            return reader.GetString();
        reader.Skip();
        return null;
    }
}
