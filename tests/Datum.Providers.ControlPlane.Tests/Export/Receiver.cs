using System.Buffers.Binary;
using System.Net;
using System.Text;
using Snappier;

namespace Datum.Providers.ControlPlane.Tests.Export;

/// <summary>One series of a request, as a reader that knows nothing of the writer finds it.</summary>
internal sealed record ReceivedSample(IReadOnlyDictionary<string, string> Labels, double Value, long Timestamp)
{
    public string this[string name] => Labels.GetValueOrDefault(name, "");
}

/// <summary>A request that reached the receiver.</summary>
internal sealed record ReceivedRequest(Uri To, string? Authorization, string Headers, IReadOnlyList<ReceivedSample> Samples);

/// <summary>Stands where the network would be: takes what is sent, reads it by the specification and answers as told.</summary>
internal sealed class Receiver : HttpMessageHandler
{
    public List<ReceivedRequest> Requests { get; } = [];

    public IEnumerable<ReceivedSample> Samples => Requests.SelectMany(r => r.Samples);

    /// <summary>What the next requests are answered with; 204 once it is empty.</summary>
    public Queue<Func<HttpResponseMessage>> Answers { get; } = new();

    /// <summary>Awaited before each answer.</summary>
    public Func<Uri, CancellationToken, Task>? Delay { get; set; }

    public void Answer(HttpStatusCode status, int times = 1, TimeSpan? retryAfter = null, string body = "")
    {
        for (var i = 0; i < times; i++)
        {
            Answers.Enqueue(() =>
            {
                var response = new HttpResponseMessage(status) { Content = new StringContent(body) };
                if (retryAfter is { } wait)
                    response.Headers.RetryAfter = new(wait);
                return response;
            });
        }
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = await request.Content!.ReadAsByteArrayAsync(CancellationToken.None);
        Requests.Add(new ReceivedRequest(request.RequestUri!, request.Headers.Authorization?.ToString(), request.Headers.ToString() + request.Content.Headers, Read(Snappy.DecompressToArray(body))));
        if (Delay is { } delay)
            await delay(request.RequestUri!, cancellationToken);
        return Answers.TryDequeue(out var answer) ? answer() : new HttpResponseMessage(HttpStatusCode.NoContent);
    }

    /// <summary>Reads a WriteRequest of remote write 1.0 field by field.</summary>
    public static List<ReceivedSample> Read(ReadOnlySpan<byte> message)
    {
        var samples = new List<ReceivedSample>();
        while (!message.IsEmpty)
        {
            Assert.That(Number(ref message), Is.EqualTo(0x0a), "field 1 of WriteRequest");
            var series = Bytes(ref message);
            var labels = new Dictionary<string, string>(StringComparer.Ordinal);
            var last = "";
            while (!series.IsEmpty && series[0] == 0x0a)
            {
                Number(ref series);
                var label = Bytes(ref series);
                Assert.That(Number(ref label), Is.EqualTo(0x0a));
                var name = Encoding.UTF8.GetString(Bytes(ref label));
                Assert.That(Number(ref label), Is.EqualTo(0x12));
                labels.Add(name, Encoding.UTF8.GetString(Bytes(ref label)));
                Assert.That(label.IsEmpty);
                Assert.That(string.CompareOrdinal(last, name), Is.LessThan(0), "labels are sorted");
                last = name;
            }

            Assert.That(Number(ref series), Is.EqualTo(0x12), "field 2 of TimeSeries");
            var sample = Bytes(ref series);
            Assert.That(series.IsEmpty);
            Assert.That(Number(ref sample), Is.EqualTo(0x09));
            var value = BinaryPrimitives.ReadDoubleLittleEndian(sample);
            sample = sample[8..];
            Assert.That(Number(ref sample), Is.EqualTo(0x10));
            samples.Add(new ReceivedSample(labels, value, (long)Number(ref sample)));
            Assert.That(sample.IsEmpty);
        }

        return samples;
    }

    private static ReadOnlySpan<byte> Bytes(ref ReadOnlySpan<byte> from)
    {
        var length = (int)Number(ref from);
        var bytes = from[..length];
        from = from[length..];
        return bytes;
    }

    private static ulong Number(ref ReadOnlySpan<byte> from)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var next = from[0];
            from = from[1..];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
    }
}
