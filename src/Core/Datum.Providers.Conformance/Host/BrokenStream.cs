namespace Datum.Providers.Conformance;

/// <summary>A body that gives what it has and then breaks, or never goes on.</summary>
internal sealed class BrokenStream(ReadOnlyMemory<byte> bytes, Action? atEnd, Func<CancellationToken, Task<Exception>>? hang = null) : ReadOnlyStream
{
    private int _position;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = Math.Min(buffer.Length, bytes.Length - _position);
        if (count > 0)
        {
            bytes.Slice(_position, count).CopyTo(buffer);
            _position += count;
            return count;
        }

        atEnd?.Invoke();
        if (hang is not null)
            throw await hang(cancellationToken);
        return 0;
    }
}

/// <summary>A body that goes on until a limit at which nobody should still be reading.</summary>
internal sealed class EndlessStream(long limit, Action tooMuch) : ReadOnlyStream
{
    private long _given;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_given > limit)
        {
            tooMuch();
            return new(0);
        }

        buffer.Span.Fill((byte)' ');
        _given += buffer.Length;
        return new(buffer.Length);
    }
}

/// <summary>What read-only bodies have in common.</summary>
internal abstract class ReadOnlyStream : Stream
{
    public abstract override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
