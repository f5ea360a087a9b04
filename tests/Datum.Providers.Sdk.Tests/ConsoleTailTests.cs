using System.Text;

namespace Datum.Providers.Sdk.Tests;

/// <summary>DC-103: the newest end, within the limit, whole characters.</summary>
internal sealed class ConsoleTailTests
{
    [TestCase("abcdef", 6, "abcdef", false)]
    [TestCase("abcdef", 4, "cdef", true)]
    [TestCase("", 1, "", false)]
    [TestCase("aäb", 4, "aäb", false)]
    [TestCase("aäb", 3, "äb", true)]
    [TestCase("aäb", 2, "b", true)]
    [TestCase("€€", 5, "€", true)]
    [TestCase("😀", 3, "", true)]
    [TestCase("x😀", 4, "😀", true)]
    public void It_keeps_the_newest_whole_characters(string text, int maxBytes, string expected, bool cut) =>
        Assert.That(ConsoleTail.Newest(Encoding.UTF8.GetBytes(text), maxBytes), Is.EqualTo((expected, cut)));

    [Test]
    public void Whatever_the_bytes_are_the_text_is_within_the_limit_and_valid()
    {
        var random = new Random(1);
        var bytes = new byte[400];
        for (var round = 0; round < 500; round++)
        {
            random.NextBytes(bytes);
            var max = random.Next(1, 500);
            var (text, _) = ConsoleTail.Newest(bytes.AsSpan(0, random.Next(0, 400)), max);
            Assert.That(Encoding.UTF8.GetByteCount(text), Is.LessThanOrEqualTo(max));
            Assert.That(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)), Is.EqualTo(text), "no half of a pair");
        }
    }
}
