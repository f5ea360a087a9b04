using Datum.Providers.ControlPlane.Ipam;
using Datum.Providers.Resources;
using FsCheck;
using FsCheck.Fluent;

namespace Datum.Providers.ControlPlane.Tests.Ipam;

public sealed class PrefixAllocatorTests
{
    private static IpPrefix P(string text) => IpPrefix.TryParse(text, out var prefix, out var error) ? prefix : throw new ArgumentException(error);

    private static PrefixAnswer Allocate(string taken, string ranges = "", string? start = null, int? length = null, IpFamily family = IpFamily.IPv4, string others = "") =>
        PrefixAllocator.Allocate(
            new PrefixRequest { Network = "n", Family = family, Ranges = ranges.Split(' ', StringSplitOptions.RemoveEmptyEntries), StartAddress = start, PrefixLength = length },
            [.. Taken("n", taken), .. Taken("other", others)]);

    private static IEnumerable<TakenPrefix> Taken(string network, string list) =>
        list.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(p => new TakenPrefix(network, P(p)));

    [TestCase("", "", "10.128.0.0/20")]
    [TestCase("10.128.0.0/20", "", "10.128.16.0/20")]
    [TestCase("10.128.16.0/20", "", "10.128.0.0/20")]
    [TestCase("10.128.0.0/20 10.128.32.0/20", "", "10.128.16.0/20")]
    [TestCase("10.128.8.0/24", "", "10.128.16.0/20")]
    [TestCase("10.0.0.0/8 ", "172.16.0.0/12", "172.16.0.0/20")]
    [TestCase("", "192.168.7.0/24", "192.168.7.0/24")]
    [TestCase("192.168.7.0/24", "192.168.7.0/24 192.168.8.0/24", "192.168.8.0/24")]
    public void The_first_free_prefix_is_taken(string taken, string ranges, string expected) =>
        Assert.That(Allocate(taken, ranges).Prefix?.ToString(), Is.EqualTo(expected));

    [Test]
    public void Default_ranges_avoid_every_other_network_and_own_ranges_do_while_they_can()
    {
        Assert.That(Allocate("", others: "10.128.0.0/20").Prefix, Is.EqualTo(P("10.128.16.0/20")));
        Assert.That(Allocate("", "172.17.0.0/16", others: "172.17.0.0/20").Prefix, Is.EqualTo(P("172.17.16.0/20")));
        Assert.That(Allocate("", "172.17.0.0/20", others: "172.17.0.0/20").Prefix, Is.EqualTo(P("172.17.0.0/20")));
    }

    [TestCase("192.168.7.0/24", "192.168.7.0/24", null, null, Reasons.RangeUnavailable, "192.168.7.0/24")]
    [TestCase("10.0.0.0/8", "", null, null, Reasons.RangeUnavailable, "10.128.0.0/9")]
    [TestCase("", "10.0.0.9/24", null, null, Reasons.ConfigurationError, "did you mean")]
    [TestCase("", "fd00::/48", null, null, Reasons.ConfigurationError, "not IPv4")]
    [TestCase("", "10.0.0.0/24", null, 16, Reasons.RangeUnavailable, "length 16")]
    [TestCase("", "10.0.0.0/24", null, 31, Reasons.ConfigurationError, "longest is 30")]
    [TestCase("", "10.0.0.0/24", "10.1.0.0", 24, Reasons.RangeUnavailable, "not within 10.0.0.0/24")]
    [TestCase("10.0.0.0/26", "10.0.0.0/24", "10.0.0.0", 24, Reasons.RangeUnavailable, "overlaps 10.0.0.0/26")]
    [TestCase("", "10.0.0.0/24", "10.0.0.1", 24, Reasons.ConfigurationError, "did you mean")]
    public void A_refusal_says_why(string taken, string ranges, string? start, int? length, string reason, string text)
    {
        var answer = Allocate(taken, ranges, start, length);
        Assert.That(answer.Prefix, Is.Null);
        Assert.That(answer.Reason, Is.EqualTo(reason));
        Assert.That(answer.Message, Does.Contain(text));
    }

    [Test]
    public void A_wanted_range_is_given_when_it_is_free() =>
        Assert.That(Allocate("10.130.0.0/20", start: "10.132.0.0", length: 22).Prefix, Is.EqualTo(P("10.132.0.0/22")));

    [Test]
    public void The_ipv6_range_of_a_network_follows_from_its_identity_and_steps_aside_for_others()
    {
        var first = Allocate("", family: IpFamily.IPv6).Prefix!.Value;
        Assert.That(NetworkRanges.IPv6Pool.Contains(first));
        Assert.That(Allocate("", family: IpFamily.IPv6).Prefix, Is.EqualTo(first));
        var own = NetworkRanges.IPv6("n", 0);
        Assert.That(own.Contains(first));
        var moved = Allocate("", family: IpFamily.IPv6, others: first.ToString()).Prefix!.Value;
        Assert.That(own.Overlaps(moved), Is.False, "another Network holds a part of the /48");
        Assert.That(NetworkRanges.IPv6("n", 1).Contains(moved));
        // What it has decides for ever, also when the other one went away.
        Assert.That(NetworkRanges.IPv6("n", 1).Contains(Allocate(moved.ToString(), family: IpFamily.IPv6).Prefix!.Value));
    }

    [Test]
    public void The_end_of_the_address_space_is_no_overflow()
    {
        Assert.That(PrefixAllocator.FirstFree(P("255.255.255.0/24"), 24, [P("255.255.255.255/32")]), Is.Null);
        Assert.That(PrefixAllocator.FirstFree(P("ffff:ffff:ffff:ffff::/64"), 65, [P("ffff:ffff:ffff:ffff::/65")])?.ToString(), Is.EqualTo("ffff:ffff:ffff:ffff:8000::/65"));
        Assert.That(PrefixAllocator.FirstFree(P("ffff:ffff:ffff:ffff::/64"), 64, [P("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128")]), Is.Null);
        Assert.That(PrefixAllocator.FirstFree(P("::/0"), 0, [])?.ToString(), Is.EqualTo("::/0"));
    }

    [Test]
    public void Whatever_comes_and_goes_nothing_overlaps_and_what_is_free_is_found()
    {
        // (network 0..3: two by default, two with ranges of their own; allocate or free the n-th)
        var step = from network in Gen.Choose(0, 3)
                   from free in Gen.Choose(0, 2)
                   from pick in Gen.Choose(0, 1000)
                   from length in Gen.Choose(0, 4)
                   from six in Gen.Choose(0, 1)
                   select (network, Free: free == 0, pick, length, Six: six == 1);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300).WithEndSize(150), Prop.ForAll(step.ListOf().ToArbitrary(), Holds));
    }

    private static bool Holds(List<(int Network, bool Free, int Pick, int Length, bool Six)> steps)
    {
        var taken = new List<TakenPrefix>();
        string[][] ranges4 = [[], [], ["172.16.0.0/18"], ["172.16.32.0/19", "192.168.0.0/16"]];
        string[][] ranges6 = [[], [], ["fd00::/60"], ["fd00::/62", "fd01::/48"]];
        foreach (var (network, free, pick, length, six) in steps)
        {
            var name = $"network-{network}";
            if (free)
            {
                if (taken.Count > 0)
                    taken.RemoveAt(pick % taken.Count);
                continue;
            }

            var texts = (six ? ranges6 : ranges4)[network];
            var family = six ? IpFamily.IPv6 : IpFamily.IPv4;
            int? wanted = length == 0 ? null : (six ? 62 : 18) + length;
            var answer = PrefixAllocator.Allocate(new PrefixRequest { Network = name, Family = family, Ranges = texts, PrefixLength = wanted }, taken);
            if (answer.Prefix is not { } prefix)
            {
                // A refusal is true: no aligned place of that length is free in any of the ranges.
                if (texts.Length == 0)
                    throw new InvalidOperationException($"a default range can't be full here: {answer.Message}");
                foreach (var range in texts.Select(P))
                {
                    var size = wanted ?? Math.Max(range.Length, NetworkRanges.DefaultLength(family));
                    if (size < range.Length)
                        continue;
                    for (var start = range.Start; start <= range.Last && size - range.Length < 16; start += UInt128.One << (IpPrefix.Bits(family) - size))
                    {
                        if (!taken.Exists(t => t.Network == name && t.Prefix.Overlaps(IpPrefix.Of(family, start, size))))
                            throw new InvalidOperationException($"{IpPrefix.Of(family, start, size)} is free for {name}");
                    }
                }

                continue;
            }

            var pool = texts.Length == 0 ? [NetworkRanges.DefaultPool(family)] : texts.Select(P).ToArray();
            if (!pool.Any(r => r.Contains(prefix)) || taken.Exists(t => t.Network == name && t.Prefix.Overlaps(prefix)))
                throw new InvalidOperationException($"{prefix} of {name} overlaps its own or is outside of its ranges");
            if (texts.Length == 0 && taken.Exists(t => t.Prefix.Overlaps(prefix)))
                throw new InvalidOperationException($"{prefix} of {name} overlaps another Network");
            taken.Add(new(name, prefix));
        }

        return true;
    }
}
