using System.Net;
using System.Numerics;
using FsCheck;
using FsCheck.Fluent;

namespace Datum.Providers.Sdk.Tests;

internal sealed class CidrTests
{
    private static readonly Arbitrary<Cidr> Any = Arb.From(
        from v6 in Gen.Elements(true, false)
        from bytes in Gen.Choose(0, 255).ArrayOf(v6 ? 16 : 4)
        from length in Gen.Choose(0, v6 ? 128 : 32)
        select Cidr.Around(new IPAddress([.. bytes.Select(b => (byte)b)]), length));

    [Test]
    public void Text_reads_back_as_the_same_prefix() =>
        Prop.ForAll(Any, c => Cidr.Parse(c.ToString()) == c).QuickCheckThrowOnFailure();

    [Test]
    public void Arithmetic_agrees_with_big_integers() =>
        Prop.ForAll(Any, c =>
        {
            var first = Number(c.Network);
            var last = Number(c.Last);
            var count = BigInteger.One << (c.AddressBits - c.PrefixLength);
            return last - first + 1 == count
                && (first % count).IsZero
                && (BigInteger)c.Count == BigInteger.Min(count, (BigInteger)UInt128.MaxValue)
                && c.Contains(c.Network) && c.Contains(c.Last)
                && c.IndexOf(c.Last) == (UInt128)(count - 1)
                && c.Nth((UInt128)(count - 1)).Equals(c.Last);
        }).QuickCheckThrowOnFailure();

    [Test]
    public void Overlap_is_symmetric_and_is_what_the_numbers_say() =>
        Prop.ForAll(Any, Any, (a, b) =>
        {
            var expected = a.IsIPv6 == b.IsIPv6 && Number(a.Network) <= Number(b.Last) && Number(b.Network) <= Number(a.Last);
            return a.Overlaps(b) == expected && b.Overlaps(a) == expected && (!a.Contains(b) || expected);
        }).QuickCheckThrowOnFailure();

    [Test]
    public void A_split_covers_everything_once_and_in_order() =>
        Prop.ForAll(Any, Arb.From(Gen.Choose(0, 6)), (c, more) =>
        {
            var parts = c.Split(Math.Min(c.PrefixLength + more, c.AddressBits)).ToList();
            return parts.Count == 1 << Math.Min(more, c.AddressBits - c.PrefixLength)
                && parts[0].Network.Equals(c.Network) && parts[^1].Last.Equals(c.Last)
                && parts.Zip(parts.Skip(1)).All(p => Number(p.First.Last) + 1 == Number(p.Second.Network))
                && parts.Aggregate((First: parts[0], Ok: true), (s, p) => (p, s.Ok && s.First <= p)).Ok;
        }).QuickCheckThrowOnFailure();

    [Test]
    public void What_remains_without_a_hole_is_exact() =>
        Prop.ForAll(Any, Arb.From(Gen.Choose(0, 12)), Arb.From(Gen.Choose(0, int.MaxValue)), (c, deeper, at) =>
        {
            var length = Math.Min(c.PrefixLength + deeper, c.AddressBits);
            var hole = Cidr.Around(c.Nth((UInt128)at & (c.Count - 1)), length);
            var rest = c.Except(hole);
            var sum = rest.Aggregate(BigInteger.Zero, (s, p) => s + (BigInteger.One << (p.AddressBits - p.PrefixLength)));
            return rest.All(p => c.Contains(p) && !p.Overlaps(hole))
                && rest.Length == length - c.PrefixLength
                && sum + (BigInteger.One << (hole.AddressBits - hole.PrefixLength)) == BigInteger.One << (c.AddressBits - c.PrefixLength);
        }).QuickCheckThrowOnFailure();

    [TestCase("10.0.0.0")]
    [TestCase("10.0.0.0/")]
    [TestCase("10.0.0.0/33")]
    [TestCase("10.0.0.1/8")]
    [TestCase("10/8")]
    [TestCase("010.0.0.0/8")]
    [TestCase("0x0a000000/8")]
    [TestCase("10.0.0.0/08")]
    [TestCase("10.0.0.0/-1")]
    [TestCase("10.0.0.0/8 ")]
    [TestCase("fd00::1/8")]
    [TestCase("fe80::%1/64")]
    [TestCase("fd00::/129")]
    [TestCase("[fd00::]/8")]
    [TestCase("")]
    [TestCase(null)]
    public void Text_that_is_no_canonical_prefix_is_refused(string? text) => Assert.That(Cidr.TryParse(text, out _), Is.False);

    [Test]
    public void The_edges_hold()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Cidr.Parse("::/0").Last.ToString(), Is.EqualTo("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
            Assert.That(Cidr.Parse("255.255.255.255/32").Split(32).Single().ToString(), Is.EqualTo("255.255.255.255/32"));
            Assert.That(Cidr.Parse("ffff::/16").Split(17).Count(), Is.EqualTo(2));
            Assert.That(() => Cidr.Parse("10.0.0.0/30").Nth(4), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(Cidr.Parse("10.0.0.0/8").Contains(IPAddress.Parse("::ffff:10.0.0.1")), Is.False);
            Assert.That(Cidr.Parse("10.0.0.0/8") < Cidr.Parse("fd00::/8"));
        });
    }

    private static BigInteger Number(IPAddress address) => new(address.GetAddressBytes(), isUnsigned: true, isBigEndian: true);
}
