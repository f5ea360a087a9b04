using FsCheck;
using FsCheck.Fluent;

namespace Datum.Providers.Sdk.Tests;

internal sealed class LabelTests
{
    private static readonly LabelRules[] Platforms = [LabelRules.Gcp, LabelRules.Aws, LabelRules.Azure, LabelRules.OpenStack, LabelRules.Kubernetes];

    private static readonly Gen<Mark> AnyMark =
        from install in Gen.Elements("abz019".ToCharArray()).ArrayOf().Where(a => a.Length is > 0 and <= 16)
        from name in Gen.Elements("0123456789abcdef".ToCharArray()).ArrayOf(32)
        from kind in Gen.Elements(Enum.GetValues<ResourceKind>().Where(k => k != ResourceKind.Unknown).ToArray())
        from incarnation in Gen.Choose(0, int.MaxValue)
        from part in Gen.Elements<string?>(null, "nic-0", "server", new string('p', 40))
        select new Mark { Installation = new string(install), Kind = kind, Name = new string(name), Incarnation = incarnation, Part = part };

    [Test]
    public void A_mark_keeps_to_every_platforms_rules_and_reads_back() => Prop.ForAll(AnyMark.ToArbitrary(), mark =>
    {
        Assert.Multiple(() =>
        {
            foreach (var rules in Platforms)
            {
                var pairs = new PairMarks(rules).Write(mark);
                Assert.That(pairs.All(p => rules.Allows(p.Key, p.Value)));
                Assert.That(PairMarks.Read(pairs.Add("other", "x")), Is.EqualTo(mark));
            }

            var text = TagMarks.Proxmox.WriteText(mark);
            Assert.That(text, Does.Match("^[a-z0-9_][a-z0-9_+.-]*(;[a-z0-9_][a-z0-9_+.-]*)*$"));
            Assert.That(TagMarks.Proxmox.ReadText("web;" + text + ";zone-1"), Is.EqualTo(mark));
            Assert.That(TagMarks.Read(TagMarks.Proxmox.Write(mark)), Is.EqualTo(mark));

            var description = new TextMarks(128).Write(mark, "default/web-us-dfw-0 datum:evil:ins:x:1 and many more words that don't fit into what is left");
            Assert.That(description, Has.Length.LessThanOrEqualTo(128));
            Assert.That(TextMarks.Read(description), Is.EqualTo(mark));
            Assert.That(TextMarks.Read($"made by hand\n{new TextMarks(200).Write(mark)}\tend"), Is.EqualTo(mark));
        });
    }).QuickCheckThrowOnFailure();

    [Test]
    public void Two_marks_on_one_object_are_nobodys()
    {
        var one = new Mark { Installation = "a", Kind = ResourceKind.Disk, Name = "1", Incarnation = 1 };
        var other = one with { Name = "2" };
        Assert.Multiple(() =>
        {
            Assert.That(TagMarks.Read([.. Marks.ToTags(one), .. Marks.ToTags(other)]), Is.Null);
            Assert.That(TagMarks.Read([.. Marks.ToTags(one), .. Marks.ToTags(one)]), Is.EqualTo(one));
            Assert.That(TextMarks.Read($"{Marks.ToText(one)} {Marks.ToText(other)}"), Is.Null);
            Assert.That(TextMarks.Read(null), Is.Null);
        });
    }

    [Test]
    public void A_platform_that_cannot_hold_a_mark_is_refused_when_the_driver_starts()
    {
        Assert.Multiple(() =>
        {
            Assert.That(() => new PairMarks(LabelRules.Gcp with { MaxValueLength = 31 }), Throws.ArgumentException);
            Assert.That(() => new PairMarks(LabelRules.Gcp with { MaxCount = 4 }), Throws.ArgumentException);
            Assert.That(() => new PairMarks(LabelRules.Aws with { Key = new LabelCharacters { Punctuation = "" } }), Throws.ArgumentException);
            Assert.That(() => new TagMarks(new LabelCharacters(), 50, 10), Throws.ArgumentException);
            Assert.That(() => new TagMarks(new LabelCharacters(), 100, 4), Throws.ArgumentException);
            Assert.That(() => new TagMarks(new LabelCharacters(), 100, 10, '-'), Throws.ArgumentException);
            Assert.That(() => new TextMarks(127), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => new PairMarks(LabelRules.Gcp).Write(new Mark { Installation = "UPPER", Kind = ResourceKind.Disk, Name = "n" }), Throws.ArgumentException);
        });
    }

    [Test]
    public void Labels_of_users_are_made_to_fit_and_stay_apart() => Prop.ForAll(
        (from labels in (from key in Gen.Elements("app.kubernetes.io/name", "app.kubernetes.io_name", "App.Kubernetes.io/Name", "goog-x", "aws:x", "datum-install", "1st", "ä", "Ä", "", "ok", new string('k', 600), new string('k', 601))
                         from value in Gen.Elements("v", "V", "a b", "x/y", "", "\u0001", "😀", new string('v', 300))
                         select (key, value)).ListOf()
         from rules in Gen.Elements(Platforms)
         select (labels: labels.DistinctBy(l => l.key).ToDictionary(l => l.key, l => l.value), rules)).ToArbitrary(), t =>
        {
            var fit = t.rules.Fit(t.labels);
            var wanted = t.labels.Where(l => l.Key.Length > 0).ToList();
            Assert.Multiple(() =>
            {
                Assert.That(fit, Has.Count.EqualTo(wanted.Count), "no two become one");
                Assert.That(fit.All(l => t.rules.Allows(l.Key, l.Value)), string.Join(' ', fit.Where(l => !t.rules.Allows(l.Key, l.Value))));
                Assert.That(fit.Keys, Has.None.StartsWith("datum-"), "no label of a user looks like a mark");
                foreach (var (key, value) in wanted.Where(l => l.Key == "ok" && t.rules.Value.Allows(l.Value, t.rules.MaxValueLength)))
                    Assert.That(fit[key], Is.EqualTo(value), "what fits stays as it is");
                foreach (var label in wanted)
                    Assert.That(t.rules.Fit([label]).Single(), Is.EqualTo(fit.Single(f => f.Key == t.rules.Fit([label]).Keys.Single())), "whatever else there is");
            });
        }).QuickCheckThrowOnFailure();

    [Test]
    public void More_labels_than_there_is_room_for_are_left_out_and_the_marks_room_is_kept()
    {
        var labels = Enumerable.Range(0, 60).ToDictionary(i => $"k{i:d2}", _ => "v");
        Assert.That(LabelRules.Aws.Fit(labels), Has.Count.EqualTo(45));
        Assert.That(LabelRules.Aws.Fit(labels, 2).Keys.Order(), Is.EqualTo(new[] { "k00", "k01" }));
    }
}
