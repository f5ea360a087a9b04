using System.Buffers;
using System.Globalization;
using Datum.Providers.ControlPlane.Export;
using FsCheck;
using FsCheck.Fluent;

namespace Datum.Providers.ControlPlane.Tests.Export;

/// <summary>What is written can be read by the specification: any labels, values and times.</summary>
public sealed class RemoteWriteTests
{
    [Test]
    public void Any_batch_is_read_as_it_was_written()
    {
        var text = ArbMap.Default.ArbFor<string>().Generator.Where(t => !string.IsNullOrEmpty(t) && IsText(t));
        var labels = from names in text.ListOf() from value in text select names.Distinct(StringComparer.Ordinal).Select(n => KeyValuePair.Create("l" + n, (string?)value)).ToList();
        var sample = from l in labels
                     from value in ArbMap.Default.ArbFor<double>().Generator
                     from time in Gen.Choose(0, int.MaxValue)
                     select new Sample(Series.Of("metric", l), value, time * 1_000_000L);
        Prop.ForAll(sample.ListOf().ToArbitrary(), batch =>
        {
            var written = new ArrayBufferWriter<byte>();
            RemoteWriteMessage.Write(written, [.. batch]);

            var read = Receiver.Read(written.WrittenSpan);

            Assert.That(read.Select(Text), Is.EqualTo(batch.Select(s => Text(new ReceivedSample(s.Series.Labels.ToDictionary(), s.Value, s.Timestamp)))));
        }).QuickCheckThrowOnFailure();
    }

    [Test]
    public void A_known_message_has_the_bytes_that_protobuf_gives_it()
    {
        var written = new ArrayBufferWriter<byte>();

        RemoteWriteMessage.Write(written, [new Sample(Series.Of("up", KeyValuePair.Create("job", (string?)"a")), 1, 300)]);

        Assert.That(Convert.ToHexString(written.WrittenSpan), Is.EqualTo(
            "0A28" // timeseries, 40 bytes
            + "0A0E" + "0A08" + "5F5F6E616D655F5F" + "1202" + "7570" // __name__ = up
            + "0A08" + "0A03" + "6A6F62" + "1201" + "61" // job = a
            + "120C" + "09" + "000000000000F03F" + "10AC02")); // 1.0 at 300
    }

    [Test]
    public void Labels_without_a_value_are_left_out_and_the_first_of_a_name_counts()
    {
        var series = Series.Of("m", [new("b", "1"), new("empty", ""), new("none", null), new("a", "2"), new("b", "3")]);

        Assert.That(series.ToString(), Is.EqualTo("""{__name__="m",a="2",b="1"}"""));
    }

    private static string Text(ReceivedSample sample) =>
        string.Join(',', sample.Labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => $"{l.Key}={l.Value}")) + sample.Value.ToString("R", CultureInfo.InvariantCulture) + sample.Timestamp;

    // A lone surrogate is no text.
    private static bool IsText(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                i++;
            else if (char.IsSurrogate(text[i]))
                return false;
        }

        return true;
    }
}
