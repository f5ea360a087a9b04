using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>Both sides starting again: lists, pages and watches go on where they can, and say 410 where they can't.</summary>
[TestFixture]
public sealed class RestartTests
{
    private const string Maps = "/api/v1/namespaces/default/configmaps";

    [Test]
    public async Task Pages_and_lists_of_an_earlier_version_survive_a_restart_with_the_file_store()
    {
        using var folder = new TempFolder();
        string token, version;
        await using (var server = await DevPlaneServer.StartAsync(Options(folder.Path)))
        {
            using var client = PlaneClient.For(server, "t");
            foreach (var name in (string[])["a", "b", "c"]) await client.ExpectAsync(201, "POST", Maps, Map(name));
            var page = (await client.ExpectAsync(200, "GET", Maps + "?limit=1")).Json!;
            (token, version) = ((string)page["metadata"]!["continue"]!, (string)page["metadata"]!["resourceVersion"]!);
            await client.ExpectAsync(200, "DELETE", Maps + "/b");
            await client.ExpectAsync(200, "PATCH", Maps + "/c", """{"data":{"a":"changed"}}""", "application/merge-patch+json");
        }

        await using (var server = await DevPlaneServer.StartAsync(Options(folder.Path)))
        {
            using var client = PlaneClient.For(server, "t");
            await client.ExpectAsync(201, "POST", Maps, Map("d"));
            var rest = (await client.ExpectAsync(200, "GET", $"{Maps}?limit=5&continue={token}")).Json!;
            var exact = (await client.ExpectAsync(200, "GET", $"{Maps}?resourceVersion={version}&resourceVersionMatch=Exact")).Json!;
            var newer = (await client.ExpectAsync(200, "GET", $"{Maps}?resourceVersion={version}&resourceVersionMatch=NotOlderThan")).Json!;
            Assert.Multiple(() =>
            {
                Assert.That(Names(rest), Is.EqualTo(new[] { "b", "c" }));
                Assert.That((string?)rest["items"]![1]!["data"]!["a"], Is.EqualTo("b"));
                Assert.That(Names(exact), Is.EqualTo(new[] { "a", "b", "c" }));
                Assert.That((string?)exact["metadata"]!["resourceVersion"], Is.EqualTo(version));
                Assert.That(Names(newer), Is.EqualTo(new[] { "a", "c", "d" }));
            });
        }
    }

    [Test]
    public async Task A_page_token_older_than_the_history_answers_410_with_a_token_that_goes_on()
    {
        await using var server = await DevPlaneServer.StartAsync(Options(null) with { HistoryLimit = 2 });
        using var client = PlaneClient.For(server, "t");
        foreach (var name in (string[])["a", "b", "c"]) await client.ExpectAsync(201, "POST", Maps, Map(name));
        var page = (await client.ExpectAsync(200, "GET", Maps + "?limit=1")).Json!;
        var (token, version) = ((string)page["metadata"]!["continue"]!, (string)page["metadata"]!["resourceVersion"]!);
        foreach (var name in (string[])["d", "e", "f"]) await client.ExpectAsync(201, "POST", Maps, Map(name));
        var gone = (await client.ExpectAsync(410, "GET", $"{Maps}?limit=1&continue={token}")).Json!;
        var old = (await client.ExpectAsync(410, "GET", $"{Maps}?resourceVersion={version}&resourceVersionMatch=Exact")).Json!;
        var next = (string)gone["metadata"]!["continue"]!;
        var rest = (await client.ExpectAsync(200, "GET", $"{Maps}?continue={next}")).Json!;
        Assert.Multiple(() =>
        {
            Assert.That((string?)gone["reason"], Is.EqualTo("Expired"));
            Assert.That((string?)gone["message"], Does.StartWith("The provided continue parameter is too old to display a consistent list result."));
            Assert.That(Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(next)), Is.EqualTo("{\"v\":\"meta.k8s.io/v1\",\"rv\":-1,\"start\":\"a\\u0000\"}"));
            Assert.That(Names(rest), Is.EqualTo(new[] { "b", "c", "d", "e", "f" }));
            Assert.That((string?)old["message"], Is.EqualTo("The resourceVersion for the provided list is too old."));
        });
    }

    [Test]
    public async Task Our_reflector_follows_the_plane_over_restarts_and_a_new_reflector_starts_where_the_state_is()
    {
        using var folder = new TempFolder();
        var port = FreePort();
        var options = Options(folder.File("state")) with { Port = port };
        using var stop = new CancellationTokenSource();
        var server = await DevPlaneServer.StartAsync(options);
        var kubeconfig = server.WriteKubeconfig(folder.File("kubeconfig"));
        await using var client = new KubernetesClient(KubeConfig.Load(kubeconfig));
        var cache = new ObjectCache<ConfigMap>();
        var reflector = new Reflector<ConfigMap>(client, Core.ConfigMaps, cache, SystemScheduler.Instance, new ReflectorOptions { FirstBackoff = TimeSpan.FromMilliseconds(20), LongestBackoff = TimeSpan.FromMilliseconds(100) });
        var running = reflector.RunAsync(stop.Token);
        try
        {
            for (var round = 0; round < 3; round++)
            {
                using (var plain = PlaneClient.For(server, "t"))
                {
                    await plain.ExpectAsync(201, "POST", Maps, Map("r" + round));
                    if (round > 0) await plain.ExpectAsync(200, "DELETE", $"{Maps}/r{round - 1}");
                }

                // The reflector may still be behind when the plane ends: it must catch up from the next one.
                await server.DisposeAsync();
                server = await DevPlaneServer.StartAsync(options);
                var expected = "r" + round;
                await Eventually.HoldsAsync(() => Task.FromResult(cache.All().Select(m => m.Metadata.Name).SequenceEqual([expected])), $"the cache holds {expected} alone");
            }

            var second = new ObjectCache<ConfigMap>();
            var other = new Reflector<ConfigMap>(client, Core.ConfigMaps, second, SystemScheduler.Instance);
            var also = other.RunAsync(stop.Token);
            await Eventually.HoldsAsync(() => Task.FromResult(second.HasSynced && second.All().Count == 1), "a new reflector sees the state");
            await stop.CancelAsync();
            await EndsAsync(also);
        }
        finally
        {
            await stop.CancelAsync();
            await EndsAsync(running);
            await server.DisposeAsync();
        }
    }

    [Test]
    public async Task A_watch_from_before_the_kept_history_of_a_restarted_plane_answers_410()
    {
        using var folder = new TempFolder();
        string version;
        await using (var server = await DevPlaneServer.StartAsync(Options(folder.Path)))
        {
            using var client = PlaneClient.For(server, "t");
            version = (string)(await client.ExpectAsync(201, "POST", Maps, Map("a"))).Json!["metadata"]!["resourceVersion"]!;
            for (var i = 0; i < 5; i++) await client.ExpectAsync(201, "POST", Maps, Map("b" + i));
        }

        await using (var server = await DevPlaneServer.StartAsync(Options(folder.Path) with { HistoryLimit = 2 }))
        {
            using var client = PlaneClient.For(server, "t");
            var answer = await client.ExpectAsync(200, "GET", $"{Maps}?watch=1&resourceVersion={version}");
            Assert.That((int)answer.Json!["object"]!["code"]!, Is.EqualTo(410));
        }
    }

    [Test]
    public async Task Generated_names_never_collide_and_are_made_of_letters_that_spell_nothing()
    {
        await using var server = await DevPlaneServer.StartAsync(Options(null));
        using var client = PlaneClient.For(server, "t");
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < 200; i++)
        {
            var made = await client.ExpectAsync(201, "POST", Maps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"g-"}}""");
            Assert.That(names.Add((string)made.Json!["metadata"]!["name"]!), "a name was given twice");
        }

        Assert.That(names, Has.All.Match("^g-[bcdfghjklmnpqrstvwxz2456789]{5}$"));
    }

    private static async Task EndsAsync(Task running)
    {
        try
        {
            await running.WaitAsync(TimeSpan.FromSeconds(20));
        }
        catch (OperationCanceledException)
        {
            // Asked for.
            return;
        }
    }

    private static DevPlaneOptions Options(string? state) => new() { StatePath = state, Tokens = [new PlaneToken { Token = "t" }] };

    private static string[] Names(JsonNode list) => [.. list["items"]!.AsArray().Select(i => (string)i!["metadata"]!["name"]!)];

    private static string Map(string name) => $$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{name}}"},"data":{"a":"b"} }""";

    private static int FreePort()
    {
        while (true)
        {
            // Below the range of outgoing connections, so that nobody takes it while the plane is down.
            var port = Random.Shared.Next(12_000, 32_000);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // In use: another one.
                continue;
            }
        }
    }
}
