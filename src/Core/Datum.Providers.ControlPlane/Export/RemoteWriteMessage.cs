using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Datum.Providers.ControlPlane.Export;

/// <summary>
/// The messages of Prometheus remote write 1.0 in protobuf: <c>WriteRequest { repeated TimeSeries timeseries = 1 }</c>,
/// <c>TimeSeries { repeated Label labels = 1; repeated Sample samples = 2 }</c>, <c>Label { string name = 1; string value = 2 }</c>,
/// <c>Sample { double value = 1; int64 timestamp = 2 }</c>.
/// </summary>
internal static class RemoteWriteMessage
{
    // Field number and wire type of protobuf: 2 is "with a length", 1 is eight bytes, 0 is a number.
    private const byte First = (1 << 3) | 2;
    private const byte Second = (2 << 3) | 2;
    private const byte SampleValue = (1 << 3) | 1;
    private const byte SampleTime = 2 << 3;

    /// <summary>A label as field of a TimeSeries.</summary>
    public static void WriteLabel(IBufferWriter<byte> to, string name, string value)
    {
        var (nameBytes, valueBytes) = (Encoding.UTF8.GetByteCount(name), Encoding.UTF8.GetByteCount(value));
        WriteHead(to, First, 2 + LengthOf((ulong)nameBytes) + nameBytes + LengthOf((ulong)valueBytes) + valueBytes);
        WriteHead(to, First, nameBytes);
        Encoding.UTF8.GetBytes(name, to);
        WriteHead(to, Second, valueBytes);
        Encoding.UTF8.GetBytes(value, to);
    }

    /// <summary>A whole WriteRequest, one TimeSeries for each sample.</summary>
    public static void Write(IBufferWriter<byte> to, IReadOnlyList<Sample> samples)
    {
        // By index: a list's enumerator behind an interface is an allocation.
        for (var i = 0; i < samples.Count; i++)
        {
            var sample = samples[i];
            var time = (ulong)sample.Timestamp;
            var sampleLength = 1 + sizeof(double) + 1 + LengthOf(time);
            WriteHead(to, First, sample.Series.Encoded.Length + 1 + LengthOf((ulong)sampleLength) + sampleLength);
            to.Write(sample.Series.Encoded.Span);
            WriteHead(to, Second, sampleLength);
            var span = to.GetSpan(1 + sizeof(double) + 1);
            span[0] = SampleValue;
            BinaryPrimitives.WriteDoubleLittleEndian(span[1..], sample.Value);
            span[1 + sizeof(double)] = SampleTime;
            to.Advance(1 + sizeof(double) + 1);
            WriteNumber(to, time);
        }
    }

    private static void WriteHead(IBufferWriter<byte> to, byte tag, int length)
    {
        to.GetSpan(1)[0] = tag;
        to.Advance(1);
        WriteNumber(to, (ulong)length);
    }

    private static void WriteNumber(IBufferWriter<byte> to, ulong value)
    {
        var span = to.GetSpan(10);
        var used = 0;
        while (value >= 0x80)
        {
            span[used++] = (byte)(value | 0x80);
            value >>= 7;
        }

        span[used++] = (byte)value;
        to.Advance(used);
    }

    private static int LengthOf(ulong value)
    {
        var length = 1;
        while ((value >>= 7) != 0)
            length++;
        return length;
    }
}
