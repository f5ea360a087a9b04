namespace Datum.Providers.Resources.Tests;

public sealed class ValueTests
{
    [TestCase("10Gi", 10737418240)]
    [TestCase("1Ki", 1024)]
    [TestCase("3Mi", 3145728)]
    [TestCase("1Ei", 1152921504606846976)]
    [TestCase("2k", 2000)]
    [TestCase("1.5G", 1500000000)]
    [TestCase("1E", 1000000000000000000)]
    [TestCase("1e3", 1000)]
    [TestCase("1E3", 1000)]
    [TestCase("5e-1", 1)]
    [TestCase("100m", 1)]
    [TestCase("0", 0)]
    [TestCase("-2", -2)]
    [TestCase("+2", 2)]
    [TestCase(".5", 1)]
    [TestCase("2.", 2)]
    [TestCase("1n", 1)]
    public void A_quantity_is_read_and_rounded_up_to_whole_units(string text, long expected)
    {
        Assert.That(Quantity.TryParse(text, out var quantity, out var error), Is.True, error);
        Assert.That(quantity.ToInt64(), Is.EqualTo(expected));
    }

    [TestCase("500m", 500)]
    [TestCase("2", 2000)]
    [TestCase("0.1", 100)]
    [TestCase("1u", 1)]
    public void Millicores_are_rounded_up(string text, long expected)
    {
        Assert.That(Quantity.TryParse(text, out var quantity, out var error), Is.True, error);
        Assert.That(quantity.ToMilli(), Is.EqualTo(expected));
    }

    [Test]
    public void A_number_in_a_resource_list_is_a_quantity()
    {
        Assert.That(Quantity.TryParse(new IntOrString(4), out var quantity, out _), Is.True);
        Assert.That(quantity.Value, Is.EqualTo(4m));
    }

    [TestCase("", "empty")]
    [TestCase(null, "empty")]
    [TestCase("Gi", "doesn't start with a number")]
    [TestCase("10GB", "unknown suffix 'GB'")]
    [TestCase("10gi", "unknown suffix 'gi'")]
    [TestCase("10 Gi", "unknown suffix ' Gi'")]
    [TestCase("1e", "unknown suffix 'e'")]
    [TestCase("1e99", "unknown suffix 'e99'")]
    [TestCase("1-2", "doesn't start with a number")]
    [TestCase("1..2", "doesn't start with a number")]
    [TestCase("79228162514264337593543950335Ei", "too large")]
    public void A_bad_quantity_is_refused_with_a_reason(string? text, string reason)
    {
        Assert.That(Quantity.TryParse(text, out _, out var error), Is.False);
        Assert.That(error, Does.Contain(reason));
    }

    [TestCase("10s", 10_000)]
    [TestCase("300ms", 300)]
    [TestCase("1h30m", 5_400_000)]
    [TestCase("1.5h", 5_400_000)]
    [TestCase("2m0.5s", 120_500)]
    [TestCase("0", 0)]
    [TestCase("0s", 0)]
    [TestCase("+1s", 1000)]
    [TestCase("1000us", 1)]
    [TestCase("1000µs", 1)]
    [TestCase("1000000ns", 1)]
    public void A_duration_is_read(string text, double milliseconds)
    {
        Assert.That(GoDuration.TryParse(text, out var duration, out var error), Is.True, error);
        Assert.That(duration, Is.EqualTo(TimeSpan.FromMilliseconds(milliseconds)));
    }

    [TestCase(null, "empty")]
    [TestCase("", "empty")]
    [TestCase("10", "without a unit")]
    [TestCase("1h30", "without a unit")]
    [TestCase("10d", "unknown unit")]
    [TestCase("s", "isn't a sequence")]
    [TestCase("-1s", "negative")]
    [TestCase("1.2.3s", "isn't a sequence")]
    [TestCase("10 s", "unknown unit")]
    [TestCase("99999999999h", "too long")]
    public void A_bad_duration_is_refused_with_a_reason(string? text, string reason)
    {
        Assert.That(GoDuration.TryParse(text, out _, out var error), Is.False);
        Assert.That(error, Does.Contain(reason));
    }

    [TestCase("0s")]
    [TestCase("0.3s")]
    [TestCase("10s")]
    [TestCase("1h30m")]
    [TestCase("25h0.0000001s")]
    public void A_duration_is_written_as_it_is_read(string text)
    {
        Assert.That(GoDuration.TryParse(text, out var duration, out _), Is.True);
        Assert.That(GoDuration.Format(duration), Is.EqualTo(text));
    }
}
