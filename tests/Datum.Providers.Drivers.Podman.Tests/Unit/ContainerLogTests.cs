using System.Buffers.Binary;
using System.Text;
using Datum.Providers.Drivers.Podman.Instances;

namespace Datum.Providers.Drivers.Podman.Tests.Unit;

/// <summary>DC-103 on what Podman's logs request answers.</summary>
[TestFixture]
public sealed class ContainerLogTests
{
    private const string Container = "c1";

    [Test]
    public void DC_103_text_is_cut_from_its_newest_end()
    {
        var body = Frames("01:00Z one\n", "01:01Z two\n");
        var all = ContainerLog.Read(body, 10, new LogCursor { Container = Container }, 100);
        var cut = ContainerLog.Read(body, 10, new LogCursor { Container = Container }, 5);
        var asked = ContainerLog.Read(body, 2, new LogCursor { Container = Container }, 100);
        Assert.That((all.Text, all.Truncated), Is.EqualTo(("one\ntwo\n", false)));
        Assert.That((cut.Text, cut.Truncated), Is.EqualTo(("\ntwo\n", true)));
        Assert.That((asked.Text, asked.Truncated), Is.EqualTo(("one\ntwo\n", true)), "as many lines as were asked for: there may be older ones");
    }

    [Test]
    public void DC_103_lines_of_one_second_are_told_once_each()
    {
        var first = ContainerLog.Read(Frames("01:00Z one\n", "01:01Z two\n"), 10, new LogCursor { Container = Container }, 100);
        var more = Frames("01:00Z one\n", "01:01Z two\n", "01:01Z three\n", "01:02Z four\n");
        var second = ContainerLog.Read(more, 10, LogCursor.Parse(first.Next!)!, 100);
        var third = ContainerLog.Read(more, 10, LogCursor.Parse(second.Next!)!, 100);
        var quiet = ContainerLog.Read(Frames(), 10, LogCursor.Parse(second.Next!)!, 100);
        Assert.That((second.Text, third.Text, quiet.Text), Is.EqualTo(("three\nfour\n", "", "")));
        Assert.That((second.Truncated, third.Next), Is.EqualTo((false, second.Next)));
        Assert.That(LogCursor.Parse(second.Next!)!.Since, Is.EqualTo(DateTimeOffset.Parse("2026-01-02T03:01:02Z", System.Globalization.CultureInfo.InvariantCulture).ToUnixTimeSeconds() - 1));
    }

    [TestCase("")]
    [TestCase("podc1:c1")]
    [TestCase("podc1:c1|yesterday|1")]
    [TestCase("podc1:c1||x")]
    [TestCase("simc1:c1||1")]
    public void A_cursor_that_isnt_one_is_none(string text) => Assert.That(LogCursor.Parse(text), Is.Null);

    [Test]
    public void An_answer_that_breaks_off_is_read_as_far_as_it_goes()
    {
        var body = Frames("01:00Z one\n", "01:01Z two\n");
        Assert.That(ContainerLog.Read(body[..^3], 10, new LogCursor { Container = Container }, 100).Text, Is.EqualTo("one\nt"));
        Assert.That(ContainerLog.Read(body[..4], 10, new LogCursor { Container = Container }, 100).Text, Is.Empty);
    }

    private static ReadOnlyMemory<byte> Frames(params ReadOnlySpan<string> lines)
    {
        var bytes = new List<byte>();
        foreach (var line in lines)
        {
            var text = Encoding.UTF8.GetBytes("2026-01-02T03:" + line);
            var head = new byte[8];
            head[0] = 1;
            BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(4), (uint)text.Length);
            bytes.AddRange([.. head, .. text]);
        }

        return bytes.ToArray();
    }
}
