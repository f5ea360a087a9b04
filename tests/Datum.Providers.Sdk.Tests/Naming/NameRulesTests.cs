using FsCheck;
using FsCheck.Fluent;

namespace Datum.Providers.Sdk.Tests;

internal sealed class NameRulesTests
{
    private static readonly Gen<Identity> Identities =
        from name in Gen.Elements("0123456789abcdef".ToCharArray()).ArrayOf(32)
        from install in Gen.Elements("abcxyz019".ToCharArray()).ArrayOf().Where(a => a.Length is > 0 and <= 16)
        from kind in Gen.Elements(Enum.GetValues<ResourceKind>().Where(k => k != ResourceKind.Unknown).ToArray())
        from incarnation in Gen.Choose(0, int.MaxValue)
        select new Identity { Installation = new string(install), Kind = kind, Name = new string(name), Incarnation = incarnation };

    private static readonly Gen<string?> Parts = Gen.Elements<string?>(null, "nic-0", "nic0", "n-i-c-0", "disk", new string('p', 40));

    private static readonly Gen<NameRules> Rules =
        from length in Gen.Choose(30, 130)
        from separator in Gen.Elements("-", "_", ".", "")
        from alphabet in Gen.Elements("abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuvwxyz", "0123456789abcdef", "abcdefghijklmnopqrstuvwxyz234567")
        from upper in Gen.Elements(true, false)
        select new NameRules { MaxLength = length, Separator = separator, Alphabet = alphabet, UpperCase = upper };

    [Test]
    public void A_name_keeps_to_the_rules_and_comes_from_the_identity_alone() => Prop.ForAll(
        (from id in Identities
         from part in Parts
         from rules in Rules
         select (id, part, rules)).ToArbitrary(), t =>
        {
            var name = ResourceNames.For(t.id, t.rules, t.part);
            Assert.That(t.rules.Allows(name), $"{name} by {t.rules}");
            Assert.That(ResourceNames.For(t.id with { Incarnation = 7, Hint = "x", Parts = [] }, t.rules, t.part), Is.EqualTo(name));
        }).QuickCheckThrowOnFailure();

    [Test]
    public void Names_stay_apart() => Prop.ForAll(
        (from id in Identities
         from other in Identities
         from rules in Rules
         select (id, other, rules)).ToArbitrary(), t =>
        {
            string?[] parts = [null, "nic-0", "nic0", "n-i-c-0"];
            var names = new[] { t.id, t.other }.DistinctBy(i => (i.Kind, i.Name)).SelectMany(i => parts.Select(p => ResourceNames.For(i, t.rules, p))).ToList();
            Assert.That(names, Is.Unique, t.rules.ToString());
        }).QuickCheckThrowOnFailure();

    [TestCase(23, "abcdefghijklmnopqrstuvwxyz0123456789")]
    [TestCase(23, "0123456789abcdef")]
    [TestCase(20, "abcdefghijklmnopqrstuvwxyz")]
    [TestCase(60, "ab")]
    public void Rules_that_would_lose_too_many_bits_are_refused(int length, string alphabet) =>
        Assert.That(() => ResourceNames.For(new Identity { Installation = "i", Kind = ResourceKind.Instance, Name = new string('f', 32), Incarnation = 1 },
            new NameRules { MaxLength = length, Alphabet = alphabet }), Throws.InstanceOf<ArgumentOutOfRangeException>());

    [TestCase("")]
    [TestCase("0123456789")]
    [TestCase("abca")]
    [TestCase("ab-")]
    public void An_alphabet_that_is_none_is_refused(string alphabet) =>
        Assert.That(() => ResourceNames.Candidate(new Identity { Installation = "i", Kind = ResourceKind.Network, Name = "f", Incarnation = 1 }, new NameRules { MaxLength = 8, Alphabet = alphabet }, 0), Throws.ArgumentException);

    [TestCase("web-1", true)]
    [TestCase("1web", false)]
    [TestCase("web-", false)]
    [TestCase("Web", false)]
    [TestCase("w_b", false)]
    [TestCase("", false)]
    [TestCase("w234567890", true)]
    [TestCase("w2345678901", false)]
    public void A_name_written_by_hand_is_checked_alike(string name, bool allowed) => Assert.That(new NameRules { MaxLength = 10 }.Allows(name), Is.EqualTo(allowed));

    [Test]
    public void Short_candidates_begin_with_a_letter_differ_by_attempt_and_repeat_for_nobody() => Prop.ForAll(Identities.ToArbitrary(), id =>
    {
        var rules = new NameRules { MaxLength = 8, Separator = "" };
        var names = Enumerable.Range(0, 50).Select(i => ResourceNames.Candidate(id, rules, i)).ToList();
        Assert.That(names, Is.Unique.And.All.Match("^[a-z][a-z0-9]{7}$"));
        Assert.That(ResourceNames.Candidate(id with { Incarnation = 9 }, rules, 3), Is.EqualTo(names[3]));
    }).QuickCheckThrowOnFailure();

    [Test]
    public void Number_candidates_are_every_number_of_the_range_once() => Prop.ForAll(
        (from id in Identities
         from first in Gen.Choose(0, 1_000_000)
         from count in Gen.Choose(1, 300)
         select (id, first, count)).ToArbitrary(), t =>
        {
            var numbers = ResourceNames.NumberCandidates(t.id, t.first, t.first + t.count - 1).ToList();
            Assert.That(numbers.Order(), Is.EqualTo(Enumerable.Range(t.first, t.count)));
            Assert.That(ResourceNames.NumberCandidates(t.id with { Incarnation = 5 }, t.first, t.first + t.count - 1), Is.EqualTo(numbers));
        }).QuickCheckThrowOnFailure();

    [Test]
    public void Identities_begin_at_different_numbers()
    {
        var firsts = Enumerable.Range(0, 1000).Select(i => ResourceNames.NumberCandidates(
            new Identity { Installation = "i", Kind = ResourceKind.Instance, Name = i.ToString("x32", null), Incarnation = 1 }, 100, 999_999_999).First()).ToList();
        Assert.That(firsts, Is.All.InRange(100, 999_999_999));
        Assert.That(firsts.Distinct().Count(), Is.GreaterThan(995));
        Assert.That(() => ResourceNames.NumberCandidates(new Identity { Installation = "i", Kind = ResourceKind.Instance, Name = "f", Incarnation = 1 }, 2, 1), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void A_UUID_is_of_version_8_and_of_the_identity() => Prop.ForAll(Identities.ToArbitrary(), id =>
    {
        var uuid = ResourceNames.Uuid(id);
        Assert.Multiple(() =>
        {
            Assert.That(uuid.ToString(), Does.Match("^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"));
            Assert.That(ResourceNames.Uuid(id with { Incarnation = 8 }), Is.EqualTo(uuid));
            Assert.That(new[] { uuid, ResourceNames.Uuid(id, "nic-0"), ResourceNames.Uuid(id with { Installation = id.Installation + "0" }), ResourceNames.Uuid(id with { Name = new string('0', 31) + "1" }) }, Is.Unique);
        });
    }).QuickCheckThrowOnFailure();

    [Test]
    public void A_token_is_a_UUID_of_the_same_digits()
    {
        Assert.That(ResourceNames.TokenUuid("0123456789abcdef0123456789abcdef").ToString(), Is.EqualTo("01234567-89ab-cdef-0123-456789abcdef"));
        Assert.That(() => ResourceNames.TokenUuid("nope"), Throws.InstanceOf<FormatException>());
    }
}
