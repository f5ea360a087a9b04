using System.Text;
using System.Text.Json;

namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>Law L12: a secret goes by its route alone.</summary>
internal sealed class GuestSecretsTests
{
    private static readonly UserDataForm[] Forms = [UserDataForm.CloudInit, UserDataForm.Ignition];

    [TestCaseSource(nameof(Forms))]
    public void User_data_holds_no_secret(UserDataForm form)
    {
        foreach (var route in new[] { SecretRoute.GuestChannel, SecretRoute.SeedMedium, SecretRoute.Store })
        {
            var rendered = Guests.Render(Guests.Sandbox, Guests.Options with { Form = form, Secrets = route, SecretsCommand = ["fetch", "it's"] });
            var files = form == UserDataForm.Ignition ? Rendered.IgnitionFiles(rendered) : Rendered.CloudFiles(rendered);
            var text = Encoding.UTF8.GetString(rendered.UserData.Span) + string.Concat(files.Values.Select(f => f.Text));
            Assert.Multiple(() =>
            {
                Assert.That(!text.Contains("canary", StringComparison.Ordinal), "a secret's value");
                Assert.That(!text.Contains("t0ken", StringComparison.Ordinal), "the beacon's token");
                Assert.That(!text.Contains(Convert.ToBase64String(Encoding.UTF8.GetBytes($"me:{Guests.Canary}")), StringComparison.Ordinal), "the registry's password");
            });
        }
    }

    [Test]
    public void The_document_holds_every_secret_and_ends_with_its_revision()
    {
        var rendered = Guests.Render(Guests.Sandbox);
        var files = Rendered.Secrets(rendered);
        Assert.Multiple(() =>
        {
            Assert.That(files.Keys.Last(), Is.EqualTo(".revision"));
            Assert.That(files[".revision"].Text, Is.EqualTo(rendered.ReplacementHash));
            Assert.That(files["files/keys/tls.key"].Text, Does.Contain(Guests.Canary));
            Assert.That(files["files/keys/tls.key"].Mode, Is.EqualTo(0x1A4));
            Assert.That(Rendered.Environment(files["env/web.env"]), Does.ContainKey("PASSWORD").And.ContainKey("SECRET_password"));
            Assert.That(files["env/web.d/1"].Text, Does.StartWith("-----BEGIN"), "SECRET_tls.key has lines");
            Assert.That(files["beacon.header"].Text, Is.EqualTo("Authorization: Bearer t0ken-of-this-instance\n"));
            foreach (var path in new[] { "env/web.env", "env/web.d/1", "auth.json", "beacon.header" })
                Assert.That(files[path].Mode, Is.EqualTo(0x180), path);
        });
    }

    [Test]
    public void Pull_secrets_are_merged_for_podman()
    {
        var second = new PayloadReference { Name = "second", Secret = true };
        var spec = Guests.Sandbox with { Sandbox = Guests.Sandbox.Sandbox! with { PullSecrets = [Guests.Pull, second] } };
        var payloads = Guests.Payloads.With(second, Guests.Map((".dockerconfigjson",
            """{"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"},"registry.example.org":{"auth":"bm90OnRoaXM="}}}""")));
        using var auth = JsonDocument.Parse(Rendered.Secrets(Guests.Render(spec, payloads: payloads))["auth.json"].Content);
        var auths = auth.RootElement.GetProperty("auths");
        Assert.Multiple(() =>
        {
            Assert.That(auths.GetProperty("docker.io").GetProperty("auth").GetString(), Is.EqualTo("YTpi"));
            Assert.That(Encoding.UTF8.GetString(auths.GetProperty("registry.example.org").GetProperty("auth").GetBytesFromBase64()) == $"me:{Guests.Canary}", "the first secret counts");
        });
    }

    [TestCaseSource(nameof(Forms))]
    public void Where_user_data_is_allowed_it_holds_them_in_private_files(UserDataForm form)
    {
        var rendered = Guests.Render(Guests.Sandbox, Guests.Options with { Form = form, Secrets = SecretRoute.UserData, AllowSecretsInUserData = true });
        var files = form == UserDataForm.Ignition ? Rendered.IgnitionFiles(rendered) : Rendered.CloudFiles(rendered);
        Assert.Multiple(() =>
        {
            Assert.That(rendered.Secrets, Is.Null);
            Assert.That(files["/var/lib/datum/secrets/env/web.env"].Mode, Is.EqualTo(0x180));
            Assert.That(files["/var/lib/datum/secrets/files/keys/password"].Text == Guests.Canary, "the secret's file");
            Assert.That(files["/var/lib/datum/bin/secrets.sh"].Text, Is.EqualTo("#!/bin/sh\nexit 0\n"));
        });
    }

    [Test, System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public async Task The_guests_script_unpacks_the_document_once_and_only_the_right_one()
    {
        var folder = Directory.CreateTempSubdirectory("datum-secrets-").FullName;
        try
        {
            // GuestChannel reads a file: the paths of the guest are moved into a folder.
            var document = Path.Combine(folder, "arrived.tar");
            var rendered = Guests.Render(Guests.Sandbox, Guests.Options with { Secrets = SecretRoute.GuestChannel, SecretsPath = document });
            var script = Rendered.CloudFiles(rendered)["/var/lib/datum/bin/secrets.sh"].Text.Replace("/var/lib/datum", folder, StringComparison.Ordinal);
            await File.WriteAllBytesAsync(document, rendered.Secrets!.Value.ToArray());
            var (code, output) = await GuestTools.RunAsync("/bin/sh", ["-c", script]);
            Assert.That(code, Is.Zero, output);
            Assert.Multiple(() =>
            {
                Assert.That(File.ReadAllText(Path.Combine(folder, "secrets", "files", "keys", "password")) == Guests.Canary, "the secret's file");
                Assert.That(File.GetUnixFileMode(Path.Combine(folder, "secrets", "env", "web.env")), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
                Assert.That(File.GetUnixFileMode(Path.Combine(folder, "secrets")), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute));
                Assert.That(File.Exists(document), Is.False, "what arrived is removed");
            });
            Assert.That((await GuestTools.RunAsync("/bin/sh", ["-c", script])).Code, Is.Zero, "after a reboot nothing is waited for");

            // Half a document, and one of another revision, are waited over.
            var bytes = rendered.Secrets.Value.ToArray();
            foreach (var wrong in new[] { bytes[..(bytes.Length / 2)], Encoding.ASCII.GetBytes(Encoding.Latin1.GetString(bytes).Replace(rendered.ReplacementHash, new string('0', 64), StringComparison.Ordinal)) })
            {
                Directory.Delete(Path.Combine(folder, "secrets"), recursive: true);
                await File.WriteAllBytesAsync(document, wrong);
                var once = script.Replace("sleep 1", "exit 7", StringComparison.Ordinal);
                Assert.That((await GuestTools.RunAsync("/bin/sh", ["-c", once])).Code, Is.EqualTo(7));
                Directory.CreateDirectory(Path.Combine(folder, "secrets"));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void Neither_options_nor_results_show_a_secret_as_text()
    {
        var text = $"{Guests.Options} {Guests.Options.Beacon} {Guests.Render(Guests.Sandbox)} {Guests.Payloads}";
        Assert.That(!text.Contains("t0ken", StringComparison.Ordinal) && !text.Contains("canary", StringComparison.Ordinal));
    }

    [Test]
    public async Task Reading_asks_for_every_payload_once()
    {
        var reader = new Reader();
        var payloads = await GuestPayloads.ReadAsync(new Call { Cancellation = default, Deadline = default, Id = "1", Payloads = reader }, Guests.Sandbox);
        Assert.That(reader.Asked, Is.EquivalentTo(new[] { "app-config", "app-secret", "registry" }));
        Assert.That(payloads.Find(Guests.Config), Is.Not.Null);
    }

    private sealed class Reader : IPayloadReader
    {
        public List<string> Asked { get; } = [];

        public ValueTask<ImmutableDictionary<string, ReadOnlyMemory<byte>>?> ReadAsync(PayloadReference payload, CancellationToken cancellation)
        {
            Asked.Add(payload.Name);
            return new(Guests.Payloads.Find(payload));
        }
    }
}
