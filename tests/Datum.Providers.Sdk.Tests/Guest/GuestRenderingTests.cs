using System.IO.Compression;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>Any text survives, in both forms and by each reader; equal input gives equal bytes.</summary>
internal sealed class GuestRenderingTests
{
    /// <summary>Texts with everything that quoting can get wrong, and any other Unicode.</summary>
    private static readonly Gen<string> Text =
        from parts in Gen.OneOf(
            Gen.Elements("\n", "\r\n", "'", "\"", "\\", "$HOME", "`id`", "%n", "#", ": ", "- ", "---", "{{", "}}", "\t", " ", "\u0085", "\u2028", "\uFEFF", "\U0001F680", "ä", "=", "\u0001", "\u007f", "!!int", "&a", "*a", "null", "<&>+"),
            Gen.Choose(1, 0x10FFFF).Where(c => c is < 0xD800 or > 0xDFFF).Select(char.ConvertFromUtf32)).ArrayOf()
        select string.Concat(parts);

    private static readonly Arbitrary<string[]> Texts = Arb.From(Text.ArrayOf().Select(t => t.Take(6).ToArray()));

    private static readonly UserDataForm[] Forms = [UserDataForm.CloudInit, UserDataForm.Ignition];

    [TestCaseSource(nameof(Forms))]
    public void File_contents_and_modes_survive(UserDataForm form) => Prop.ForAll(Texts, Arb.From(Gen.Choose(0, 0x1FF)), (texts, mode) =>
    {
        var map = Guests.Map([.. texts.Select((t, i) => ($"key{i}", t))]);
        var spec = Guests.Sandbox with { Volumes = Guests.Sandbox.Volumes.SetItem(0, new VolumeSpec { Name = "conf", Files = new FilesVolume { Payload = Guests.Config, Mode = mode } }) };
        var files = Read(Render(spec, form, map));
        return texts.Select((t, i) => (t, i)).All(e => files[$"/var/lib/datum/files/conf/key{e.i}"] is var f && f.Text == e.t && f.Mode == mode);
    }).QuickCheckThrowOnFailure();

    [TestCaseSource(nameof(Forms))]
    public void Paths_of_files_survive(UserDataForm form) => Prop.ForAll(Arb.From(Text.Where(t => t.Length is > 0 and < 60)), path =>
    {
        var spec = Guests.Sandbox with
        {
            Volumes = Guests.Sandbox.Volumes.SetItem(0, new VolumeSpec { Name = "conf", Files = new FilesVolume { Payload = Guests.Config, Items = [new FileItem { Key = "key0", Path = path }] } }),
        };
        var rendered = GuestBootstrap.Render(spec, Guests.Payloads.With(Guests.Config, Guests.Map(("key0", "x"), ("color", "y"))), Guests.Options with { Form = form });
        return rendered.Usable ? Read(rendered)[$"/var/lib/datum/files/conf/{path}"].Text == "x" : rendered.Findings.Single().Path == "volumes[conf].files.items[key0].path";
    }).QuickCheckThrowOnFailure();

    [Test]
    public void Values_of_variables_survive_by_file_or_by_secret() => Prop.ForAll(Texts, texts =>
    {
        var spec = Guests.With(c => c with { Environment = [.. texts.Select((t, i) => new EnvironmentVariable { Name = $"V{i}", Value = t })] });
        var files = Read(Render(spec, UserDataForm.CloudInit, Guests.Map(("app.conf", ""))));
        var values = files.TryGetValue("/var/lib/datum/env/web.env", out var file) ? Rendered.Environment(file) : [];
        var script = files["/var/lib/datum/bin/container-web.sh"].Text;
        return texts.Select((t, i) => (t, i)).All(e =>
        {
            var number = texts.Take(e.i).Count(t => t.AsSpan().IndexOfAny('\n', '\r') >= 0);
            return e.t.AsSpan().IndexOfAny('\n', '\r') < 0 ? values[$"V{e.i}"] == e.t
                : files[$"/var/lib/datum/env/web.d/{number}"].Text == e.t && script.Contains($" --secret datum-web-{number},type=env,target=V{e.i} ", StringComparison.Ordinal);
        });
    }).QuickCheckThrowOnFailure();

    [Test]
    public async Task Words_of_a_command_survive_a_real_shell()
    {
        string[] words = ["it's", "$HOME `id` $(id)", "a\nb\n", "", "\\", "\"", "*", "%n", "-rf", "ä\U0001F680"];
        var spec = Guests.With(c => c with { Command = [], Args = [.. words] });
        var script = Read(Guests.Render(spec))["/var/lib/datum/bin/container-web.sh"].Text;
        var run = script[script.IndexOf("exec podman", StringComparison.Ordinal)..];
        var (code, output) = await GuestTools.RunAsync("/bin/sh", ["-c", "podman() { for w; do printf '%s\\0' \"$w\"; done; }\n" + run["exec ".Length..]]);
        Assert.That(code, Is.Zero, output);
        Assert.That(output.Split('\0')[^(words.Length + 1)..^1], Is.EqualTo(words));
    }

    [Test]
    public void Equal_input_gives_equal_bytes()
    {
        foreach (var options in new[] { Guests.Options, Guests.Options with { Gzip = true, Base64 = true }, Guests.Options with { Form = UserDataForm.Ignition } })
        {
            var (one, two) = (Guests.Render(Guests.Sandbox, options), Guests.Render(Guests.Sandbox with { }, options));
            Assert.That(two.UserData.Span.SequenceEqual(one.UserData.Span));
            Assert.That(two.Secrets!.Value.Span.SequenceEqual(one.Secrets!.Value.Span));
        }
    }

    [Test]
    public void Gzip_and_base64_hold_the_plain_form()
    {
        var plain = Guests.Render(Guests.Sandbox);
        var packed = Guests.Render(Guests.Sandbox, Guests.Options with { Gzip = true, Base64 = true });
        using var gzip = new GZipStream(new MemoryStream(Convert.FromBase64String(Encoding.ASCII.GetString(packed.UserData.Span))), CompressionMode.Decompress);
        using var unpacked = new MemoryStream();
        gzip.CopyTo(unpacked);
        Assert.That(unpacked.ToArray(), Is.EqualTo(plain.UserData.ToArray()));
        Assert.That(packed.Size, Is.EqualTo(packed.UserData.Length).And.LessThan(plain.Size));
    }

    [Test]
    public void Too_large_user_data_is_refused_with_its_size_and_largest_payload()
    {
        var payloads = Guests.Payloads.With(Guests.Config, Guests.Map(("color", "blue"), ("app.conf", new string('x', 20000)), ("other", "x")));
        var rendered = GuestBootstrap.Render(Guests.Sandbox, payloads, Guests.Options with { MaxUserDataBytes = 16384 });
        var finding = rendered.Findings.Single();
        Assert.Multiple(() =>
        {
            Assert.That(finding.Capability, Is.EqualTo("maxUserDataBytes"));
            Assert.That(finding.Message, Does.Contain($"{rendered.Size} bytes").And.Contain("16384").And.Match(@"parts in bytes: config map 'app-config' \(40"));
            Assert.That(rendered.UserData.IsEmpty && rendered.Secrets is null && !rendered.Usable);
        });
    }

    [Test]
    public void A_platform_without_user_data_refuses() =>
        Assert.That(GuestBootstrap.Render(Guests.Machine, Guests.Payloads, Guests.Options with { MaxUserDataBytes = 0 }).Findings.Single().Capability, Is.EqualTo("maxUserDataBytes"));

    private static GuestBootstrap Render(InstanceSpec spec, UserDataForm form, ImmutableDictionary<string, ReadOnlyMemory<byte>> config)
    {
        var without = spec with { Sandbox = spec.Sandbox! with { Containers = [spec.Sandbox.Containers[0] with { Environment = [.. spec.Sandbox.Containers[0].Environment.Where(v => v.AllOf is null && v.From is null)] }] } };
        return Guests.Render(without, Guests.Options with { Form = form, MaxUserDataBytes = int.MaxValue }, Guests.Payloads.With(Guests.Config, config));
    }

    private static Dictionary<string, ReadFile> Read(GuestBootstrap rendered) =>
        rendered.Form == UserDataForm.Ignition ? Rendered.IgnitionFiles(rendered) : Rendered.CloudFiles(rendered);
}
