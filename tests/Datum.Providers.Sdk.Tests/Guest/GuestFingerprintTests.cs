using FsCheck;
using FsCheck.Fluent;

namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>What drivers keep beside an instance, and the differences that it shows (laws L11 and L12).</summary>
internal sealed class GuestFingerprintTests
{
    private static readonly GuestOptions Options = Guests.Options;

    [TestCase("sandbox.containers[web].image", "nginx:2", "registry.example.org/web:1")]
    [TestCase("hostname", "web-1", "web-0")]
    public void A_plain_field_is_shown_on_both_sides(string field, string wish, string fact)
    {
        var changed = field == "hostname" ? Guests.Sandbox with { Hostname = wish } : Guests.With(c => c with { Image = wish });
        var drift = Compare(changed, Guests.Sandbox).Single();
        Assert.That((drift.Path, drift.Remedy, drift.Desired, drift.Actual), Is.EqualTo((field, Remedy.Replace, wish, fact)));
    }

    [Test]
    public void A_changed_secret_names_each_place_that_uses_it_and_shows_nothing()
    {
        var drift = Compare(Guests.Sandbox, WithHash(Guests.Sandbox, "0ther"));
        Assert.That(drift.Select(d => d.Path), Is.EquivalentTo(new[] { "sandbox.containers[web].environment[SECRET_].payload", "sandbox.containers[web].environment[PASSWORD].payload", "volumes[keys].files.payload" }));
        Assert.That(drift.Select(d => d.Desired ?? d.Actual), Is.All.Null);
    }

    [Test]
    public void Neither_words_nor_keyed_hashes_are_written_as_they_are()
    {
        var text = GuestFingerprint.Write(GuestFingerprint.Of(Guests.With(c => c with { Args = ["--token=" + Guests.Canary] }), Options));
        foreach (var hidden in new[] { Guests.Canary, Guests.Secret.Hash!, Guests.Config.Hash!, Guests.Pull.Hash! })
            Assert.That(text, Does.Not.Contain(hidden));
    }

    [Test]
    public void A_hash_that_wasnt_read_yet_is_no_difference()
    {
        Assert.That(Compare(WithHash(Guests.Sandbox, null), Guests.Sandbox), Is.Empty);
        Assert.That(Compare(Guests.Sandbox, WithHash(Guests.Sandbox, null)).Select(d => d.Path), Is.EqualTo(new[] { "sandbox" }), "the platform's side is complete: somebody made it without");
    }

    [Test]
    public void A_field_that_an_older_driver_didnt_write_is_no_difference()
    {
        var old = GuestFingerprint.Of(Guests.Sandbox, Options);
        old.Remove("sandbox.containers[web].image");
        old.Remove("guest");
        Assert.That(Compare(Guests.With(c => c with { Image = "nginx:2" }), old), Is.Empty);
    }

    [Test]
    public void What_has_no_field_of_its_own_is_told_as_the_whole_guest()
    {
        var machine = Guests.Machine;
        var drift = Compare(machine with { Machine = machine.Machine! with { SshKeys = machine.Machine.SshKeys.RemoveAt(1) } }, machine).Single();
        Assert.That((drift.Path, drift.Remedy), Is.EqualTo(("machine", Remedy.Replace)));
        var unknown = GuestFingerprint.Of(machine, Options);
        unknown["guest"] = "#0123456789abcdef";
        Assert.That(Compare(machine, unknown).Single().Path, Is.EqualTo("machine"));
    }

    [Test]
    public void Another_grace_replaces_nothing()
    {
        var drift = Compare(Guests.Sandbox with { TerminationGraceSeconds = 21 }, Guests.Sandbox).Single();
        Assert.That((drift.Path, drift.Remedy, drift.Desired, drift.Actual), Is.EqualTo(("terminationGraceSeconds", Remedy.Unknown, "21", "20")));
    }

    [TestCase(Remedy.Replace)]
    [TestCase(Remedy.InPlace)]
    public void Another_size_is_brought_as_the_platform_can(Remedy remedy)
    {
        var diff = new SpecDiff();
        var larger = Guests.Sandbox with { Size = Guests.Sandbox.Size with { CpuMillis = 4000 } };
        GuestFingerprint.Compare(diff, GuestFingerprint.Of(larger, Options), GuestFingerprint.Of(Guests.Sandbox, Options), larger, remedy);
        var drift = diff.ToDrift().Single();
        Assert.That((drift.Path, drift.Remedy, drift.Desired, drift.Actual), Is.EqualTo(("size", remedy, "4000m/4096Mi", "2000m/4096Mi")));
    }

    [Test]
    public void Rules_count_where_the_guest_enforces_them_in_any_order()
    {
        IngressRule[] rules = [new() { Protocol = "TCP", Port = 80, Source = "0.0.0.0/0" }, new() { Protocol = "UDP", Port = 53, Source = "::/0" }];
        InstanceSpec With(params IngressRule[] ingress) => Guests.Sandbox with { Interfaces = Guests.Sandbox.Interfaces.SetItem(0, Guests.Sandbox.Interfaces[0] with { Ingress = [.. ingress] }) };
        Assert.That(Compare(With(rules[1], rules[0]), With(rules)), Is.Empty);
        Assert.That(Compare(With(rules[0]), With(rules)).Single().Path, Is.EqualTo("interfaces[eth0].ingress"));
        var elsewhere = Options with { Firewall = FirewallScope.Instance };
        var diff = new SpecDiff();
        GuestFingerprint.Compare(diff, GuestFingerprint.Of(With(rules[0]), elsewhere), GuestFingerprint.Of(With(rules), elsewhere), With(rules[0]));
        Assert.That(diff.ToDrift(), Is.Empty);
    }

    [Test]
    public void No_rules_and_none_allowed_are_different()
    {
        var open = Guests.Sandbox with { Interfaces = Guests.Sandbox.Interfaces.SetItem(1, Guests.Sandbox.Interfaces[1] with { Ingress = null }) };
        Assert.That(Compare(open, Guests.Sandbox).Single().Path, Is.EqualTo("interfaces[eth1].ingress"));
    }

    [Test]
    public void Fields_survive_the_platform() => Prop.ForAll<NonNull<string>[], NonNull<string>[]>((names, values) =>
    {
        var fields = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in names.Zip(values))
            if (GuestTextIs(name.Get) && GuestTextIs(value.Get))
                fields[name.Get] = value.Get;
        return GuestFingerprint.Read(GuestFingerprint.Write(fields)).SequenceEqual(fields);
    }).QuickCheckThrowOnFailure();

    [TestCase(null), TestCase(""), TestCase("{"), TestCase("[]"), TestCase("null"), TestCase("""{"size":1}"""), TestCase("""{"size":null}"""), TestCase("""{"size":"\ud800"}"""), TestCase("""{"a":{"b":"c"}}""")]
    public void What_people_left_there_instead_is_no_fingerprint(string? text) => Assert.That(GuestFingerprint.Read(text), Is.Empty);

    [Test]
    public void The_few_fields_that_stay_where_room_is_short_still_tell_of_every_change()
    {
        var few = new SortedDictionary<string, string>(GuestFingerprint.Of(Guests.Sandbox, Options).Where(f => GuestFingerprint.IsCoarse(f.Key)).ToDictionary(), StringComparer.Ordinal);
        Assert.That(few, Has.Count.EqualTo(6));
        Assert.That(Compare(Guests.With(c => c with { Image = "nginx:2" }), few).Select(d => (d.Path, d.Remedy)), Is.EqualTo(new[] { ("sandbox", Remedy.Replace) }));
    }

    private static bool GuestTextIs(string text) => text.All(c => !char.IsSurrogate(c));

    private static InstanceSpec WithHash(InstanceSpec spec, string? hash)
    {
        PayloadReference Other(PayloadReference p) => p.Name == Guests.Secret.Name ? p with { Hash = hash } : p;
        var container = spec.Sandbox!.Containers[0];
        return spec with
        {
            Volumes = [.. spec.Volumes.Select(v => v.Files is { } files ? v with { Files = files with { Payload = Other(files.Payload) } } : v)],
            Sandbox = spec.Sandbox with
            {
                Containers = [container with { Environment = [.. container.Environment.Select(e => e with { AllOf = e.AllOf is { } all ? Other(all) : null, From = e.From is { } key ? key with { Payload = Other(key.Payload) } : null })] }],
            },
        };
    }

    private static ImmutableArray<Drift> Compare(InstanceSpec wish, InstanceSpec there) => Compare(wish, GuestFingerprint.Of(there, Options));

    private static ImmutableArray<Drift> Compare(InstanceSpec wish, SortedDictionary<string, string> there)
    {
        var diff = new SpecDiff();
        GuestFingerprint.Compare(diff, GuestFingerprint.Of(wish, Options), there, wish);
        return diff.ToDrift();
    }
}
