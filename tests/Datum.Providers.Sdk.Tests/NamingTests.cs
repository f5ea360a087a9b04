namespace Datum.Providers.Sdk.Tests;

internal sealed class NamingTests
{
    private static readonly Identity Id = new() { Installation = "inst1", Kind = ResourceKind.Instance, Name = "0123456789abcdef0123456789abcdef", Incarnation = 3 };

    [Test]
    public void A_name_holds_the_whole_identity_where_it_fits()
    {
        var rules = new NameRules { MaxLength = 63 };
        Assert.Multiple(() =>
        {
            Assert.That(ResourceNames.For(Id, rules), Is.EqualTo("ins-0123456789abcdef0123456789abcdef"));
            Assert.That(ResourceNames.For(Id, rules, "nic-0"), Is.EqualTo("ins-0123456789abcdef0123456789abcdef-nic-0"));
            Assert.That(ResourceNames.For(Id with { Incarnation = 9 }, rules), Is.EqualTo(ResourceNames.For(Id, rules)), "a name is stable through incarnations");
            Assert.That(ResourceNames.For(Id, rules with { Separator = "" }, "nic-0"), Does.Match("^[a-z0-9]+$"));
        });
    }

    [Test]
    public void A_shortened_name_keeps_96_bits_and_stays_apart([Values(24, 32, 35)] int length)
    {
        var rules = new NameRules { MaxLength = length };
        var names = new HashSet<string>();
        for (var i = 0; i < 2000; i++)
            foreach (var part in (string?[])[null, "nic-0", "nic-1"])
                Assert.That(names.Add(ResourceNames.For(Id with { Name = i.ToString("x32") }, rules, part)));
        Assert.That(names, Is.All.Match("^ins-[a-z2-7]{20,}$").And.All.Length.LessThanOrEqualTo(length));
    }

    [Test]
    public void A_limit_that_would_lose_too_many_bits_is_refused() =>
        Assert.That(() => ResourceNames.For(Id, new NameRules { MaxLength = 23 }), Throws.InstanceOf<ArgumentOutOfRangeException>());

    [Test]
    public void Every_kind_has_a_prefix_that_reads_back([Values] ResourceKind kind)
    {
        if (kind == ResourceKind.Unknown)
            Assert.That(() => ResourceNames.Prefix(kind), Throws.Exception);
        else
            Assert.That(ResourceNames.KindOf(ResourceNames.Prefix(kind)), Is.EqualTo(kind));
    }

    [Test]
    public void A_mark_survives_every_way_of_writing_it([Values(null, "nic-0")] string? part)
    {
        var mark = Marks.For(Id, part);
        Assert.Multiple(() =>
        {
            Assert.That(Marks.Parse(Marks.ToPairs(mark)), Is.EqualTo(mark));
            Assert.That(Marks.ParseTags(Marks.ToTags(mark).Add("datum-other-x").Add("web")), Is.EqualTo(mark));
            Assert.That(Marks.ParseText(Marks.ToText(mark)), Is.EqualTo(mark));
            Assert.That(Marks.ToTags(mark), Does.Contain(Marks.InstallTag("inst1")).And.All.Length.LessThanOrEqualTo(50));
        });
    }

    [Test]
    public void What_is_no_mark_is_read_as_none()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Marks.Parse(new Dictionary<string, string> { ["datum-install"] = "x", ["datum-kind"] = "ins" }), Is.Null);
            Assert.That(Marks.Parse(new Dictionary<string, string> { ["datum-install"] = "x", ["datum-kind"] = "huh", ["datum-name"] = "n" }), Is.Null);
            Assert.That(Marks.ParseTags(["datum-install-x"]), Is.Null);
            Assert.That(Marks.ParseText("datum:x:ins"), Is.Null);
            Assert.That(Marks.ParseText(null), Is.Null);
            Assert.That(Marks.Parse(Marks.ToPairs(Marks.For(Id)).SetItem(Marks.IncarnationKey, "3x"))!.Incarnation, Is.Zero);
        });
    }

    [Test]
    public void L3_only_this_identitys_mark_is_ours()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Marks.Compare(Id, null), Is.EqualTo(MarkState.Missing));
            Assert.That(Marks.Compare(Id, Marks.For(Id)), Is.EqualTo(MarkState.Ours));
            Assert.That(Marks.Compare(Id, Marks.For(Id with { Incarnation = 2 })), Is.EqualTo(MarkState.Ours));
            Assert.That(Marks.Compare(Id, Marks.For(Id with { Installation = "other" })), Is.EqualTo(MarkState.Foreign));
            Assert.That(Marks.Compare(Id, Marks.For(Id with { Kind = ResourceKind.Disk })), Is.EqualTo(MarkState.Foreign));
            Assert.That(Marks.Compare(Id, Marks.For(Id with { Name = "f" })), Is.EqualTo(MarkState.Foreign));
            Assert.That(Marks.Compare(Id, Marks.For(Id, "nic-0")), Is.EqualTo(MarkState.Foreign));
            Assert.That(Marks.Compare(Id, Marks.For(Id, "nic-0"), "nic-0"), Is.EqualTo(MarkState.Ours));
        });
    }
}
