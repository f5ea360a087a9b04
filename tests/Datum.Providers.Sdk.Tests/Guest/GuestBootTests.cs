using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>
/// Debian 12 under QEMU, given nothing but what the renderer made: reaches its beacon with container, environment, files, secrets, disk and
/// firewall as the specification says, and again after a reboot without the medium of the secrets.
/// </summary>
[Category("Guests")]
internal sealed class GuestBootTests
{
    private const string Multiline = "first line\n  second 'line' \"with\" $quotes\\ and \u00e4\u20ac\U0001F680\n";
    private const string SecretMultiline = "-----BEGIN KEY-----\n" + Guests.Canary + "\n-----END KEY-----\n";
    private static readonly byte[] Binary = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
    private static readonly string[] Awkward = ["--greeting", "it's $HOME `id` %n \"quoted\" \\ \n next", ""];

    private static InstanceSpec Spec => Guests.Sandbox with
    {
        Sandbox = new SandboxSpec
        {
            PullSecrets = [Guests.Pull],
            Containers =
            [
                Guests.Sandbox.Sandbox!.Containers[0] with
                {
                    Image = "10.0.2.100:5000/web:1",
                    Command = ["/bin/busybox", "sh", "/bin/start"],
                    Args = [.. Awkward],
                    Environment =
                    [
                        new EnvironmentVariable { Name = "APP_", AllOf = Guests.Config },
                        new EnvironmentVariable { Name = "LITERAL", Value = " a 'b' \"c\" $HOME %n \\ # " },
                        new EnvironmentVariable { Name = "LINES", Value = Multiline },
                        new EnvironmentVariable { Name = "COLOR", From = new PayloadKey { Payload = Guests.Config, Key = "color" } },
                        new EnvironmentVariable { Name = "PASSWORD", From = new PayloadKey { Payload = Guests.Secret, Key = "password" } },
                        new EnvironmentVariable { Name = "KEY", From = new PayloadKey { Payload = Guests.Secret, Key = "tls.key" } },
                        new EnvironmentVariable { Name = "ABSENT", From = new PayloadKey { Payload = Guests.Config, Key = "no", Optional = true } },
                    ],
                },
            ],
        },
        Interfaces = [new InterfaceSpec { Name = "eth0", Ingress = [new IngressRule { Protocol = "TCP", Port = 8080, Source = "10.0.2.0/24" }] }],
    };

    private static GuestPayloads Payloads => GuestPayloads.Empty
        .With(Guests.Config, Guests.Map(("color", "blue"), ("app.conf", "listen = 8080\n")))
        .With(Guests.Secret, Guests.Map(("password", Guests.Canary), ("tls.key", SecretMultiline)).Add("raw.bin", Binary))
        .With(Guests.Pull, Guests.Map((".dockerconfigjson",
            new JsonObject { ["auths"] = new JsonObject { ["10.0.2.100:5000"] = new JsonObject { ["username"] = GuestServer.User, ["password"] = GuestServer.Password } } }.ToJsonString())));

    [Test, CancelAfter(600_000)]
    public async Task A_rendered_sandbox_boots_and_is_what_its_specification_says(CancellationToken cancellation)
    {
        var image = GuestTools.Require("guests", "DATUM_GUEST_IMAGE");
        await using var server = new GuestServer("/bin/busybox");
        var folder = Directory.CreateTempSubdirectory("datum-guest-").FullName;
        var watch = Stopwatch.StartNew();
        try
        {
            var rendered = GuestBootstrap.Render(Spec, Payloads, new GuestOptions
            {
                Form = UserDataForm.CloudInit,
                MaxUserDataBytes = 16384,
                Gzip = true,
                Secrets = SecretRoute.SeedMedium,
                Firewall = FirewallScope.Guest,
                Beacon = new GuestBeacon { Route = BeaconRoute.Http, Target = "http://10.0.2.100/beacon", Token = GuestServer.Token, IntervalSeconds = 3 },
            });
            Assert.That(rendered.Findings, Is.Empty);
            Assert.That(Encoding.UTF8.GetString(rendered.UserData.Span), Does.Not.Contain("canary"));
            GuestMedia.Report(watch, $"user data has {rendered.Size} bytes, the secrets document {rendered.Secrets!.Value.Length}");
            var seed = await GuestMedia.IsoAsync(folder, "cidata", ("user-data", rendered.UserData.ToArray()), ("meta-data", "instance-id: boot-test-1\n"u8.ToArray()));
            var secrets = await GuestMedia.IsoAsync(folder, "DATUMSECRET", ("secrets.tar", rendered.Secrets.Value.ToArray()));
            var root = await GuestMedia.OverlayAsync(folder, image);
            var data = GuestMedia.EmptyDisk(folder, "data", 512);
            (string, string, string?, bool)[] disks = [(root, "qcow2", null, false), (seed, "raw", null, true), (data, "raw", "data", false)];

            string firstBoot;
            await using (var guest = await QemuGuest.StartAsync(image, folder, "first", [.. disks, (secrets, "raw", null, true)], server.Port, cancellation))
            {
                var beacon = await ReadyAsync(guest, server, null, watch, cancellation);
                firstBoot = beacon["boot"]!.GetValue<string>();
                GuestMedia.Report(watch, $"first boot is ready: {beacon.ToJsonString()}");
                await CheckContainerAsync(guest, cancellation);
                await CheckFirewallAsync(guest, cancellation);
                Assert.That(Starts(await GetAsync(guest, "cgi-bin/disk", cancellation)), Is.EqualTo(new[] { "start" }));
                GuestMedia.Report(watch, "container, files, secrets, environment, disk, limits and firewall are as specified");
                await guest.PowerDownAsync(cancellation);
            }
            var uuid = await GuestMedia.RunAsync("blkid", "-p", "-s", "UUID", "-o", "value", data);
            GuestMedia.Report(watch, $"powered down; the data disk's filesystem is {uuid.Trim()}");

            await using (var guest = await QemuGuest.StartAsync(image, folder, "second", disks, server.Port, cancellation))
            {
                var beacon = await ReadyAsync(guest, server, firstBoot, watch, cancellation);
                GuestMedia.Report(watch, $"second boot, without the medium of the secrets, is ready: {beacon.ToJsonString()}");
                await CheckContainerAsync(guest, cancellation);
                await CheckFirewallAsync(guest, cancellation);
                // The container was asked to stop, and what it wrote is there.
                Assert.That(Starts(await GetAsync(guest, "cgi-bin/disk", cancellation)), Is.EqualTo(new[] { "start", "stop", "start" }));
                await guest.PowerDownAsync(cancellation);
            }
            Assert.That(await GuestMedia.RunAsync("blkid", "-p", "-s", "UUID", "-o", "value", data), Is.EqualTo(uuid), "the filesystem of the data disk");
            Assert.That(await File.ReadAllTextAsync(Path.Combine(folder, "first.console"), cancellation), Does.Not.Contain("canary"));
            GuestMedia.Report(watch, "second boot kept the filesystem");
        }
        catch (Exception)
        {
            await TestContext.Progress.WriteLineAsync($"requests: {string.Join(", ", server.Log.TakeLast(30))}");
            await GuestMedia.ShowConsolesAsync(folder);
            throw;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task CheckContainerAsync(QemuGuest guest, CancellationToken cancellation)
    {
        Assert.That(await GetAsync(guest, "index.html", cancellation), Is.EqualTo("It works\n"));

        var environment = Split(await GetAsync(guest, "cgi-bin/environ", cancellation))
            .Select(v => v.Split('=', 2)).ToDictionary(v => v[0], v => v[1], StringComparer.Ordinal);
        Assert.Multiple(() =>
        {
            Assert.That(environment["APP_color"], Is.EqualTo("blue"));
            Assert.That(environment["APP_app.conf"], Is.EqualTo("listen = 8080\n"));
            Assert.That(environment["LITERAL"], Is.EqualTo(" a 'b' \"c\" $HOME %n \\ # "));
            Assert.That(environment["LINES"], Is.EqualTo(Multiline));
            Assert.That(environment["COLOR"], Is.EqualTo("blue"));
            Assert.That(environment["PASSWORD"] == Guests.Canary, "PASSWORD");
            Assert.That(environment["KEY"] == SecretMultiline, "KEY");
            Assert.That(environment["FROM_IMAGE"], Is.EqualTo("yes"));
            Assert.That(environment, Does.Not.ContainKey("ABSENT"));
        });

        string[] command = ["/bin/busybox", "sh", "/bin/start", .. Awkward];
        Assert.That(Split(await GetAsync(guest, "cgi-bin/cmdline", cancellation)), Is.EqualTo(command));

        var files = (await GetAsync(guest, "cgi-bin/files", cancellation)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Split(' ')).ToDictionary(l => l[1], l => (Mode: l[0], Content: Convert.FromBase64String(l[2])), StringComparer.Ordinal);
        Assert.Multiple(() =>
        {
            Assert.That(files.Keys, Is.EquivalentTo(new[] { "/etc/app/conf.d/app.conf", "/etc/keys/password", "/etc/keys/tls.key", "/etc/keys/raw.bin" }));
            Assert.That(files["/etc/app/conf.d/app.conf"].Mode, Is.EqualTo("600"));
            Assert.That(files["/etc/app/conf.d/app.conf"].Content, Is.EqualTo("listen = 8080\n"u8.ToArray()));
            Assert.That(files["/etc/keys/password"].Mode, Is.EqualTo("644"));
            Assert.That(files["/etc/keys/password"].Content.AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(Guests.Canary)), "/etc/keys/password");
            Assert.That(files["/etc/keys/raw.bin"].Content, Is.EqualTo(Binary));
        });

        var disk = await GetAsync(guest, "cgi-bin/disk", cancellation);
        Assert.Multiple(() =>
        {
            Assert.That(disk, Does.Match(@"(?m)^/dev/vd[a-z] /data ext4 rw"));
            Assert.That(disk, Does.Match(@"(?m) /etc/app ext4 ro"));
        });
        Assert.That(await GetAsync(guest, "cgi-bin/limits", cancellation), Is.EqualTo("268435456\n50000 100000\n"));
    }

    private static async Task CheckFirewallAsync(QemuGuest guest, CancellationToken cancellation)
    {
        // Somebody listens there, and only from outside nobody answers.
        Assert.That(await GetAsync(guest, "cgi-bin/closed", cancellation), Is.EqualTo("It works\n"));
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(8) };
        Assert.That(async () => await client.GetStringAsync(new Uri($"http://127.0.0.1:{guest.Ports[9090]}/index.html"), cancellation),
            Throws.InstanceOf<HttpRequestException>().Or.InstanceOf<TaskCanceledException>());
    }

    private static async Task<JsonNode> ReadyAsync(QemuGuest guest, GuestServer server, string? notBoot, Stopwatch watch, CancellationToken cancellation)
    {
        var seen = "";
        while (true)
        {
            Assert.That(guest.Exited, Is.False, "QEMU has ended");
            var beacon = await server.Beacons.ReadAsync(cancellation);
            if (beacon["boot"]!.GetValue<string>() == notBoot)
                continue;
            var state = $"{beacon["containers"]?.ToJsonString()} {beacon["disks"]?.ToJsonString()} firewall {beacon["firewall"]}";
            if (state != seen)
                GuestMedia.Report(watch, $"beacon after {beacon["uptimeSeconds"]} s of uptime: {seen = state}");
            if (!beacon["ready"]!.GetValue<bool>())
                continue;
            Assert.That(beacon["hostname"]!.GetValue<string>(), Is.EqualTo("web-0"));
            return beacon;
        }
    }

    private static async Task<string> GetAsync(QemuGuest guest, string path, CancellationToken cancellation)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };
        return await client.GetStringAsync(new Uri($"http://127.0.0.1:{guest.Ports[8080]}/{path}"), cancellation);
    }

    /// <summary>The words of a NUL-terminated list, empty ones too.</summary>
    private static string[] Split(string base64)
    {
        var text = Encoding.UTF8.GetString(Convert.FromBase64String(base64));
        return text[..^1].Split('\0');
    }

    private static string[] Starts(string disk) => [.. disk.Split('\n').Where(l => l is "start" or "stop")];
}
