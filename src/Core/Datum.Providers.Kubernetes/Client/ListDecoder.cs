using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;

namespace Datum.Providers.Kubernetes;

/// <summary>
/// Reads a list while it arrives: each item is sliced out as UTF-8 and read by itself, so that the whole page is never in memory
/// as text and one bad item costs only itself. One decoder reads one page.
/// </summary>
internal sealed class ListDecoder<T>(string resource, Func<ReadOnlySequence<byte>, (T? Value, UnreadableObject? Unreadable)> decode, KubernetesClientOptions limits) where T : class
{
    private enum Phase
    {
        Start,
        Members,
        Items,
        Done,
    }

    private readonly List<T> _items = [];
    private readonly List<UnreadableObject> _unreadable = [];
    private ListMeta? _meta;
    private Phase _phase = Phase.Start;
    private JsonReaderState _state;

    public async Task<DecodedPage<T>> ReadAsync(Stream stream, CancellationToken cancellation)
    {
        var pipe = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 64 << 10, minimumReadSize: 16 << 10, leaveOpen: true));
        long total = 0;
        try
        {
            while (true)
            {
                var result = await pipe.ReadAsync(cancellation);
                var consumed = Decode(result.Buffer);
                var taken = result.Buffer.Slice(0, consumed).Length;
                total += taken;
                if (_phase == Phase.Done)
                    break;
                if (total > limits.MaxListPageBytes)
                    throw new InvalidDataException($"A page of {resource} is larger than {limits.MaxListPageBytes} bytes.");
                if (result.Buffer.Length - taken > limits.MaxObjectBytes)
                    throw new InvalidDataException($"An item in a list of {resource} is larger than {limits.MaxObjectBytes} bytes.");
                pipe.AdvanceTo(consumed, result.Buffer.End);
                if (result.IsCompleted)
                    throw new EndOfStreamException($"The list of {resource} ended before it was complete.");
            }
        }
        finally
        {
            await pipe.CompleteAsync();
        }
        if (_meta?.ResourceVersion is not { Length: > 0 } version)
            throw new InvalidDataException($"The answer is no list of {resource}: it has no metadata.resourceVersion.");
        return new DecodedPage<T>(_items, version, string.IsNullOrEmpty(_meta.Continue) ? null : _meta.Continue, _unreadable);
    }

    /// <summary>Decodes as far as the buffer holds whole values and returns how far that is.</summary>
    private SequencePosition Decode(ReadOnlySequence<byte> buffer)
    {
        var reader = new Utf8JsonReader(buffer, isFinalBlock: false, _state);
        while (true)
        {
            // A value that isn't complete yet is read again from here when more has come.
            var state = reader.CurrentState;
            var position = reader.Position;
            if (!TryStep(ref reader, buffer))
            {
                _state = state;
                return position;
            }
            if (_phase == Phase.Done)
                return reader.Position;
        }
    }

    private bool TryStep(ref Utf8JsonReader reader, ReadOnlySequence<byte> buffer)
    {
        if (!reader.Read())
            return false;
        switch (_phase)
        {
            case Phase.Start:
                if (reader.TokenType != JsonTokenType.StartObject)
                    throw new JsonException("A list must be a JSON object.");
                _phase = Phase.Members;
                return true;

            case Phase.Members:
                if (reader.TokenType == JsonTokenType.EndObject)
                {
                    _phase = Phase.Done;
                    return true;
                }
                var isItems = reader.ValueTextEquals("items"u8);
                var isMetadata = !isItems && reader.ValueTextEquals("metadata"u8);
                if (!reader.Read())
                    return false;
                if (isItems && reader.TokenType == JsonTokenType.StartArray)
                {
                    _phase = Phase.Items;
                    return true;
                }
                if (!TrySlice(ref reader, buffer, out var member))
                    return false;
                if (isMetadata)
                {
                    var meta = new Utf8JsonReader(member);
                    _meta = JsonSerializer.Deserialize(ref meta, KubernetesJsonContext.Default.ListMeta);
                }
                return true;

            default:
                if (reader.TokenType == JsonTokenType.EndArray)
                {
                    _phase = Phase.Members;
                    return true;
                }
                if (!TrySlice(ref reader, buffer, out var item))
                    return false;
                var (value, unreadable) = decode(item);
                if (value is not null)
                    _items.Add(value);
                else
                    _unreadable.Add(unreadable!);
                return true;
        }
    }

    /// <summary>The bytes of the value that the reader stands at; false when they are not all there.</summary>
    private static bool TrySlice(ref Utf8JsonReader reader, ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> slice)
    {
        var start = reader.TokenStartIndex;
        slice = default;
        if (!reader.TrySkip())
            return false;
        slice = buffer.Slice(start, reader.BytesConsumed - start);
        return true;
    }
}

/// <summary>A page of a list of typed or raw objects.</summary>
internal sealed record DecodedPage<T>(List<T> Items, string ResourceVersion, string? Continue, List<UnreadableObject> Unreadable);
