using Datum.Providers.ControlPlane.Ipam;

namespace Datum.Providers.ControlPlane.Tests.Ipam;

public sealed class IpPrefixTests
{
    [TestCase("10.128.0.0/9", "10.128.0.0", "10.255.255.255/32")]
    [TestCase("0.0.0.0/0", "0.0.0.0", "255.255.255.255/32")]
    [TestCase("fd20::/20", "fd20::", "fd20:fff:ffff:ffff:ffff:ffff:ffff:ffff/128")]
    [TestCase("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128")]
    public void A_prefix_reads_and_writes_and_ends_where_it_should(string text, string start, string last)
    {
        Assert.That(IpPrefix.TryParse(text, out var prefix, out _));
        Assert.That(prefix.ToString(), Is.EqualTo(text));
        Assert.That(prefix.StartAddress, Is.EqualTo(start));
        Assert.That(IpPrefix.TryParse(last, out var end, out _));
        Assert.That(prefix.Last, Is.EqualTo(end.Start));
        Assert.That(prefix.Contains(end));
    }

    [TestCase("10.0.0.1/8", "did you mean 10.0.0.0/8")]
    [TestCase("10.0.0.0", "prefix length")]
    [TestCase("10.0.0.0/33", "between 0 and 32")]
    [TestCase("10.0.0.0/-1", "prefix length")]
    [TestCase("10.1/16", "not an IP address")]
    [TestCase("fd20::%eth0/64", "not an IP address")]
    [TestCase("fd20::1/64", "did you mean fd20::/64")]
    [TestCase("fd20::/129", "between 0 and 128")]
    [TestCase("", "prefix length")]
    public void What_is_no_prefix_is_refused_with_a_reason(string text, string reason)
    {
        Assert.That(IpPrefix.TryParse(text, out _, out var error), Is.False);
        Assert.That(error, Does.Contain(reason));
    }

    [Test]
    public void Families_never_overlap()
    {
        var four = IpPrefix.Of(IpFamily.IPv4, 0, 0);
        var six = IpPrefix.Of(IpFamily.IPv6, 0, 0);
        Assert.That(four.Overlaps(six), Is.False);
        Assert.That(six.Contains(four), Is.False);
    }
}
