using System.Text.Json;
using System.Threading.Channels;

namespace Datum.Providers.Drivers.Simulator;

public sealed partial class SimulatedCloud
{
    private readonly List<CloudEventStream> _watchers = [];

    /// <summary>Event streams that are open.</summary>
    public int Watchers { get { lock (_gate) return _watchers.Count; } }

    /// <summary>Ends every event stream, as a platform that restarts does.</summary>
    public void EndEventStreams()
    {
        lock (_gate)
        {
            foreach (var watcher in _watchers)
                watcher.End();
            _watchers.Clear();
        }
    }

    /// <summary>Opens an event stream: <c>labels=key:value</c> chooses the objects. The body is the stream; null when the request is refused.</summary>
    internal (CloudEventStream? Stream, CloudResponse Response) Watch(CloudRequest request)
    {
        lock (_gate)
        {
            var call = $"{request.Method} {ResourceKind.Unknown}";
            _calls[call] = _calls.GetValueOrDefault(call) + 1;
            if (Throttled())
                return (null, CloudResponse.Error(429, "RATE_LIMITED", "Too many requests.") with { RetryAfter = _knobs.RetryAfter });
            string? key = null, value = null;
            if (request.Query.TryGetValue("labels", out var label))
            {
                var colon = label.IndexOf(':', StringComparison.Ordinal);
                if (colon <= 0)
                    return (null, CloudResponse.Error(400, "INVALID", "labels is key:value."));
                (key, value) = (label[..colon], label[(colon + 1)..]);
            }

            var stream = new CloudEventStream(key, value, Forget);
            _watchers.Add(stream);
            return (stream, new CloudResponse { Status = 200 });
        }
    }

    private void Forget(CloudEventStream stream)
    {
        lock (_gate)
            _watchers.Remove(stream);
    }

    private void Publish(CloudObject item)
    {
        if (_watchers.Count == 0)
            return;
        var line = JsonSerializer.SerializeToUtf8Bytes(new CloudEvent { Collection = item.Collection, Id = item.Id, Labels = item.Labels }, CloudJson.Default.CloudEvent);
        // One that doesn't read is cut off: it lists and comes again.
        _watchers.RemoveAll(w => !w.TryWrite(item.Labels, line));
    }
}

/// <summary>The body of one event stream: a line of JSON for each change, until somebody ends it.</summary>
internal sealed class CloudEventStream(string? key, string? value, Action<CloudEventStream> ended) : Stream
{
    private readonly Channel<byte[]> _lines = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(4096) { SingleReader = true });
    private ReadOnlyMemory<byte> _rest;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>False when the reader is too far behind; the stream then ends.</summary>
    public bool TryWrite(ImmutableSortedDictionary<string, string>? labels, byte[] line)
    {
        if (key is not null && (labels is null || !labels.TryGetValue(key, out var has) || has != value))
            return true;
        if (_lines.Writer.TryWrite([.. line, (byte)'\n']))
            return true;
        End();
        return false;
    }

    public void End() => _lines.Writer.TryComplete();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_rest.IsEmpty)
        {
            if (!await _lines.Reader.WaitToReadAsync(cancellationToken))
                return 0;
            if (_lines.Reader.TryRead(out var line))
                _rest = line;
        }

        var count = Math.Min(buffer.Length, _rest.Length);
        _rest[..count].CopyTo(buffer);
        _rest = _rest[count..];
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Read it with ReadAsync.");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            End();
            ended(this);
        }

        base.Dispose(disposing);
    }
}
