using System.Net;
using System.Numerics;
using FsCheck;
using FsCheck.Fluent;

namespace Datum.Providers.Sdk.Tests;

/// <summary>Arithmetic over sets, against a bit mask over spaces of 32 addresses at both ends and in the middle of both families.</summary>
internal sealed class CidrSetTests
{
    private static readonly ImmutableArray<Cidr> Spaces =
    [
        Cidr.Parse("0.0.0.0/27"), Cidr.Parse("10.0.0.96/27"), Cidr.Parse("255.255.255.224/27"),
        Cidr.Parse("::/123"), Cidr.Parse("fd00::7fff:ffff:ffff:ffe0/123"), Cidr.Parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffe0/123"),
    ];

    private static readonly Gen<Cidr> Space = Gen.Elements(Spaces.ToArray());

    private static Gen<ImmutableArray<Cidr>> Sets(Cidr space) =>
        Gen.Choose(0, 5).Zip(Gen.Choose(0, 31))
            .Select(p => Cidr.Around(space.Nth((uint)p.Item2), space.AddressBits - p.Item1))
            .ListOf().Select(l => l.ToImmutableArray());

    [Test]
    public void Merging_keeps_the_addresses_and_is_minimal_and_in_order() => Check((space, a, _) =>
    {
        var merged = CidrSets.Merge(a);
        Assert.Multiple(() =>
        {
            Assert.That(Mask(space, merged), Is.EqualTo(Mask(space, a)));
            Assert.That(merged, Has.Length.EqualTo(FewestPrefixes(Mask(space, a), 0, 32)));
            Assert.That(merged, Is.Ordered.And.Unique);
            Assert.That(CidrSets.Merge(a.Reverse()), Is.EqualTo(merged));
        });
    });

    [Test]
    public void Difference_and_intersection_are_those_of_the_addresses() => Check((space, a, b) =>
    {
        var (ma, mb) = (Mask(space, a), Mask(space, b));
        Assert.Multiple(() =>
        {
            Assert.That(Mask(space, CidrSets.Except(a, b)), Is.EqualTo(ma & ~mb));
            Assert.That(CidrSets.Except(a, b), Has.Length.EqualTo(FewestPrefixes(ma & ~mb, 0, 32)));
            Assert.That(Mask(space, CidrSets.Intersect(a, b)), Is.EqualTo(ma & mb));
            Assert.That(CidrSets.Covers(a, b), Is.EqualTo((mb & ~ma) == 0));
        });
    });

    [Test]
    public void A_range_is_summarized_by_the_fewest_prefixes() => Prop.ForAll(Space.Zip(Gen.Choose(0, 31)).Zip(Gen.Choose(0, 31)).ToArbitrary(), t =>
    {
        var ((space, x), y) = t;
        var (first, last) = (Math.Min(x, y), Math.Max(x, y));
        var mask = (uint)((1UL << (last + 1)) - (1UL << first));
        var prefixes = CidrSets.Summarize(space.Nth((uint)first), space.Nth((uint)last));
        Assert.That(Mask(space, prefixes), Is.EqualTo(mask));
        Assert.That(prefixes, Has.Length.EqualTo(FewestPrefixes(mask, 0, 32)));
    }).QuickCheckThrowOnFailure();

    [Test]
    public void The_next_free_prefix_is_the_first_that_overlaps_nothing() => Prop.ForAll(
        (from space in Space
         from taken in Sets(space)
         from length in Gen.Choose(0, 5)
         select (space, taken, length)).ToArbitrary(), t =>
        {
            var length = t.space.AddressBits - t.length;
            var expected = t.space.Split(length).Cast<Cidr?>().FirstOrDefault(c => !t.taken.Any(x => x.Overlaps(c!.Value)));
            Assert.That(CidrSets.NextFree(t.space, length, t.taken), Is.EqualTo(expected));
        }).QuickCheckThrowOnFailure();

    [Test]
    public void The_families_never_mix()
    {
        ImmutableArray<Cidr> both = [Cidr.Parse("::/0"), Cidr.Parse("0.0.0.0/0")];
        Assert.Multiple(() =>
        {
            Assert.That(CidrSets.Merge(both), Is.EqualTo(new[] { both[1], both[0] }));
            Assert.That(CidrSets.Except(both, [both[0]]), Is.EqualTo(new[] { both[1] }));
            Assert.That(CidrSets.Intersect(both, [both[0]]), Is.EqualTo(new[] { both[0] }));
            Assert.That(CidrSets.Intersect([both[1]], [both[0]]), Is.Empty);
            Assert.That(CidrSets.Except([both[0]], [Cidr.Parse("8000::/1")]), Is.EqualTo(new[] { Cidr.Parse("::/1") }));
            Assert.That(CidrSets.NextFree(Cidr.Parse("10.0.0.0/8"), 8, [Cidr.Parse("::/0")]), Is.EqualTo(Cidr.Parse("10.0.0.0/8")));
            Assert.That(() => CidrSets.Summarize(IPAddress.Any, IPAddress.IPv6Any), Throws.ArgumentException);
            Assert.That(() => CidrSets.Summarize(IPAddress.Parse("10.0.0.2"), IPAddress.Parse("10.0.0.1")), Throws.ArgumentException);
            Assert.That(CidrSets.Summarize(IPAddress.IPv6Any, IPAddress.Parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), Is.EqualTo(new[] { Cidr.Parse("::/0") }));
            Assert.That(CidrSets.Merge(), Is.Empty);
        });
    }

    [TestCase("10.0.0.0/24", "10.0.0.1", "10.0.0.254")]
    [TestCase("10.0.0.0/30", "10.0.0.1", "10.0.0.2")]
    [TestCase("10.0.0.0/31", "10.0.0.0", "10.0.0.1")]
    [TestCase("10.0.0.7/32", "10.0.0.7", "10.0.0.7")]
    [TestCase("fd20::/64", "fd20::1", "fd20::ffff:ffff:ffff:ffff")]
    [TestCase("fd20::/127", "fd20::", "fd20::1")]
    [TestCase("fd20::5/128", "fd20::5", "fd20::5")]
    public void The_first_and_last_host_leave_out_what_no_host_may_have(string prefix, string first, string last)
    {
        var cidr = Cidr.Parse(prefix);
        Assert.That((cidr.FirstHost.ToString(), cidr.LastHost.ToString()), Is.EqualTo((first, last)));
        if (cidr.PrefixLength == cidr.AddressBits)
            Assert.That(() => cidr.Gateway, Throws.InvalidOperationException);
        else
            Assert.That(cidr.Gateway.ToString(), Is.EqualTo(first));
    }

    private static void Check(Action<Cidr, ImmutableArray<Cidr>, ImmutableArray<Cidr>> property) => Prop.ForAll(
        (from space in Space
         from a in Sets(space)
         from b in Sets(space)
         select (space, a, b)).ToArbitrary(), t => property(t.space, t.a, t.b)).QuickCheckThrowOnFailure();

    private static uint Mask(Cidr space, IEnumerable<Cidr> prefixes)
    {
        uint mask = 0;
        foreach (var prefix in prefixes)
        {
            Assert.That(space.Contains(prefix), $"{prefix} is in {space}");
            for (var i = 0; i < 32; i++)
                if (prefix.Contains(space.Nth((uint)i)))
                    mask |= 1u << i;
        }

        return mask;
    }

    /// <summary>The naive way: a block is one prefix when it is full, none when it is empty, else those of its halves.</summary>
    private static int FewestPrefixes(uint mask, int from, int size)
    {
        var part = size == 32 ? mask : (mask >> from) & ((1u << size) - 1);
        return BitOperations.PopCount(part) == size ? 1 : part == 0 ? 0 : FewestPrefixes(mask, from, size / 2) + FewestPrefixes(mask, from + size / 2, size / 2);
    }
}
