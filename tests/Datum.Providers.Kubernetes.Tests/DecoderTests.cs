using System.Text;
using static Datum.Providers.Kubernetes.Tests.ScriptedServer;

namespace Datum.Providers.Kubernetes.Tests;

/// <summary>What reading costs.</summary>
internal sealed class DecoderTests
{
    [Test]
    public async Task A_list_is_never_read_synchronously()
    {
        var items = string.Join(',', Enumerable.Range(1, 200).Select(i => Item($"w{i}", i)));
        var body = Encoding.UTF8.GetBytes($$$"""{"metadata":{"resourceVersion":"300"},"items":[{{{items}}}]}""");
        await using var stream = new AsyncOnlyStream(body);
        var page = await new ListDecoder<Widget>("widgets", item => ObjectDecoder.Decode(Widget.Type, item), new KubernetesClientOptions()).ReadAsync(stream, CancellationToken.None);
        Assert.That(page.Items, Has.Count.EqualTo(200));
        Assert.That(stream.Reads, Is.GreaterThan(1));
    }

    [Test]
    public async Task Events_are_read_from_their_bytes_without_a_string_for_each_line()
    {
        var spec = $$"""{"replicas":1,"note":"{{new string('x', 4000)}}"}""";
        var body = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(1, 500).Select(i => $$"""{"type":"ADDED","object":{{Item($"w{i}", i, spec)}}}""" + "\n")));
        async Task<int> ReadAsync()
        {
            var count = 0;
            await foreach (var change in WatchDecoder.ReadAsync("widgets", new MemoryStream(body), 1 << 20, RawEvent.Decode, CancellationToken.None))
                count += change.Object!.Utf8.Length > 4000 ? 1 : 0;
            return count;
        }
        await ReadAsync();
        var before = GC.GetAllocatedBytesForCurrentThread();
        var read = await ReadAsync();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.That(read, Is.EqualTo(500));
        // The kept bytes are the input once; a string of each line alone would be twice as much.
        Assert.That((double)allocated / body.Length, Is.InRange(0.9, 1.5));
    }

    /// <summary>Gives its bytes in small pieces, and only to those who wait for them.</summary>
    private sealed class AsyncOnlyStream(byte[] body) : MemoryStream
    {
        private int _at;

        public int Reads { get; private set; }

        public override int Read(byte[] buffer, int offset, int count) => throw new InvalidOperationException("a synchronous read");

        public override int Read(Span<byte> buffer) => throw new InvalidOperationException("a synchronous read");

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Reads++;
            await Task.Yield();
            var length = Math.Min(Math.Min(buffer.Length, 1000), body.Length - _at);
            body.AsMemory(_at, length).CopyTo(buffer);
            _at += length;
            return length;
        }
    }
}
