using System.Text.Json;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;

namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>Whatever stands in a specification, rendering answers with user data that parses or with findings; it never throws.</summary>
internal sealed class GuestFuzzTests
{
    private static readonly string[] Texts =
    [
        "", " ", "..", "/", "//", "a/../b", "-rf", "--privileged", "$(id)", "`id`", "'", "\"", "\\", "\n", "\r\nExecStart=/bin/id", "\0", "a\0b", "%n", "\u2028", "\U0001F680", "{{x}}", "!!python/object", "&a", "*a",
        "[]", "null", "10.0.0.0/8", "::/0", "10.0.0.0/8; accept", "eth0\" accept", "TCP", "tcp", "ext4", "datumcloud", new string('x', 5000), "a:b", "a=b", "ana:ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA", "é",
    ];

    private static readonly int[] Numbers = [int.MinValue, -1, 0, 1, 511, 512, 65535, 65536, int.MaxValue];

    private static readonly Arbitrary<(bool Machine, int[] Choices)> Cases = Arb.From(
        from machine in Gen.Elements(true, false)
        from choices in Gen.Choose(0, 1_000_000).ArrayOf(6)
        select (machine, choices));

    [Test]
    public void Any_text_and_number_in_any_field_is_rendered_or_refused() => Prop.ForAll(Cases, c =>
    {
        var json = JsonNode.Parse(ContractJson.Write(c.Machine ? Guests.Machine : Guests.Sandbox).GetRawText())!;
        for (var i = 0; i < c.Choices.Length; i += 2)
            Spoil(json, c.Choices[i], c.Choices[i + 1]);
        using var document = JsonDocument.Parse(json.ToJsonString());
        var spec = ContractJson.Read<InstanceSpec>(document.RootElement);
        foreach (var form in new[] { UserDataForm.CloudInit, UserDataForm.Ignition })
        {
            var rendered = GuestBootstrap.Render(spec, Guests.Payloads, Guests.Options with { Form = form, MaxUserDataBytes = int.MaxValue });
            if (rendered.Usable)
            {
                var files = form == UserDataForm.Ignition ? Rendered.IgnitionFiles(rendered) : Rendered.CloudFiles(rendered);
                foreach (var (path, unit) in files.Where(f => f.Key.StartsWith("/etc/systemd/system/", StringComparison.Ordinal)))
                    Assert.That(unit.Text.Split('\n').Where(l => l.Contains("/bin/id", StringComparison.Ordinal) || l.Any(char.IsControl)), Is.Empty, path);
            }
            else
            {
                Assert.That(rendered.UserData.IsEmpty && rendered.Secrets is null);
                Assert.That(rendered.Findings.Select(f => f.Message), Has.All.Not.Empty.And.None.Contains("canary"));
            }
        }
        return true;
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(400));

    /// <summary>Puts something else into one text or number of the document.</summary>
    private static void Spoil(JsonNode json, int which, int value)
    {
        var leaves = new List<(JsonNode Parent, string? Name, int Index, JsonValue Leaf)>();
        void Walk(JsonNode parent)
        {
            if (parent is JsonObject o)
                foreach (var (name, child) in o)
                    Visit(parent, name, 0, child);
            else if (parent is JsonArray a)
                for (var i = 0; i < a.Count; i++)
                    Visit(parent, null, i, a[i]);
        }
        void Visit(JsonNode parent, string? name, int index, JsonNode? child)
        {
            if (child is JsonValue leaf && leaf.GetValueKind() is JsonValueKind.String or JsonValueKind.Number)
                leaves.Add((parent, name, index, (JsonValue)child));
            else if (child is not null and not JsonValue)
                Walk(child);
        }
        Walk(json);
        var (at, key, position, old) = leaves[which % leaves.Count];
        JsonNode changed = old.GetValueKind() == JsonValueKind.Number ? Numbers[value % Numbers.Length] : Texts[value % Texts.Length];
        if (key is null)
            at[position] = changed;
        else
            at[key] = changed;
    }

    [Test]
    public void Half_a_surrogate_pair_is_refused_and_has_a_hash()
    {
        var half = "a\ud800";
        foreach (var spec in new[]
        {
            Guests.Sandbox with { Hostname = half }, Guests.With(c => c with { Args = [half] }), Guests.With(c => c with { Image = half }), Guests.With(c => c with { Command = [half] }),
            Guests.With(c => c with { Environment = [new EnvironmentVariable { Name = "A", Value = half }] }), Guests.With(c => c with { Name = half }),
            Guests.Machine with { Machine = Guests.Machine.Machine! with { SshKeys = [$"ana:ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA {half}"] } },
        })
        {
            var rendered = GuestBootstrap.Render(spec, Guests.Payloads, Guests.Options);
            Assert.That(rendered.Usable, Is.False);
            Assert.That(rendered.ReplacementHash, Has.Length.EqualTo(64));
        }
    }
}
