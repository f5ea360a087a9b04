using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Datum.Providers.Testing;

namespace Datum.Providers.Integration.Tests;

/// <summary>
/// SIGKILL of the embedded plane's process in the middle of a burst of writes, at moments drawn from a seed (DATUM_SEED replays one): what
/// was acknowledged is there afterwards, whole, and versions and watches go on from it.
/// </summary>
[TestFixture, Category("Slow")]
public sealed partial class EmbeddedPlaneKillTests
{
    private const string Maps = "/api/v1/namespaces/default/configmaps";
    private const int Kills = 5;
    private const int Writers = 6;

    /// <summary>What the server acknowledged last for one object.</summary>
    private sealed record Acknowledged(int Round, ulong Version, bool Exists);

    [Test]
    public async Task Acknowledged_writes_survive_a_kill_whole_and_versions_and_watches_go_on()
    {
        var seed = Environment.GetEnvironmentVariable("DATUM_SEED") is { Length: > 0 } named ? int.Parse(named, CultureInfo.InvariantCulture) : Random.Shared.Next();
        await TestContext.Progress.WriteLineAsync($"embedded plane kill test: DATUM_SEED={seed}");
        var random = new Random(seed);
        var folder = Directory.CreateTempSubdirectory("datum-plane-kill-").FullName;
        await using var host = HostProcess.Dev(folder);
        try
        {
            var known = new ConcurrentDictionary<string, Acknowledged>();
            var highest = 0UL;
            var total = 0;
            for (var kill = 0; kill < Kills; kill++)
            {
                await host.StartAsync();
                using var client = Connect(host.Kubeconfig);
                var before = await CheckAsync(client, known, highest, $"seed {seed}, before kill {kill + 1}");
                highest = Math.Max(highest, before);
                var started = before;
                using var burst = new CancellationTokenSource();
                var writers = Enumerable.Range(0, Writers).Select(w => WriteAsync(client, known, $"w{w}", kill, burst.Token)).ToArray();
                // The moment is what is drawn; nothing is waited for.
                await Task.Delay(random.Next(50, 900));
                host.Kill();
                await burst.CancelAsync();
                total += (await Task.WhenAll(writers)).Sum();
                await host.StartAsync();
                using var again = Connect(host.Kubeconfig);
                highest = await CheckAsync(again, known, Math.Max(highest, known.Values.Select(a => a.Version).DefaultIfEmpty().Max()), $"seed {seed}, after kill {kill + 1}");
                await ResumesAsync(again, started, highest, known);
                await host.StopAsync();
            }

            await TestContext.Progress.WriteLineAsync($"embedded plane kill test: {Kills} kills, {total} acknowledged writes");
            Assert.That(total, Is.GreaterThan(Kills * 10), "the bursts wrote");
        }
        catch (Exception e) when (e is not AssertionException)
        {
            throw new AssertionException($"seed {seed}: {e}\n{host.Tail()}");
        }
        finally
        {
            host.Kill();
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Creates, changes and deletes objects of its own until the server is gone; returns how many writes were acknowledged.</summary>
    private static async Task<int> WriteAsync(HttpClient client, ConcurrentDictionary<string, Acknowledged> known, string writer, int kill, CancellationToken cancellation)
    {
        var count = 0;
        try
        {
            for (var i = 0; !cancellation.IsCancellationRequested; i++)
            {
                var name = $"{writer}-k{kill}-{i}";
                count += await StepAsync(HttpMethod.Post, Maps, name, 1, exists: true);
                count += await StepAsync(HttpMethod.Patch, $"{Maps}/{name}", name, 2, exists: true);
                if (i % 3 == 0) count += await StepAsync(HttpMethod.Delete, $"{Maps}/{name}", name, 3, exists: false);
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            // The server was killed: what it hadn't answered may or may not have happened.
            return count;
        }

        return count;

        async Task<int> StepAsync(HttpMethod method, string path, string name, int round, bool exists)
        {
            // Until the answer nobody knows which of the two states it is.
            known.AddOrUpdate(name, new Acknowledged(-round, 0, false), (_, a) => a with { Round = -round });
            using var request = new HttpRequestMessage(method, path);
            if (exists)
            {
                var body = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["name"] = name }, ["data"] = Data(round) };
                request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, method == HttpMethod.Patch ? "application/merge-patch+json" : "application/json");
            }

            using var response = await client.SendAsync(request, cancellation);
            var text = await response.Content.ReadAsStringAsync(cancellation);
            Assert.That(response.IsSuccessStatusCode, $"{method} {path}: {text}");
            var version = exists ? Version(JsonNode.Parse(text)) : known[name].Version + 1;
            known[name] = new Acknowledged(round, version, exists);
            return 1;
        }
    }

    /// <summary>Compares the whole list with what is known; returns the list's version.</summary>
    private static async Task<ulong> CheckAsync(HttpClient client, ConcurrentDictionary<string, Acknowledged> known, ulong highest, string when)
    {
        var list = JsonNode.Parse(await client.GetStringAsync(Maps))!;
        var version = Version(list);
        Assert.That(version, Is.GreaterThanOrEqualTo(highest), when + ": the version went back");
        var items = list["items"]!.AsArray().Where(i => (string?)i!["metadata"]!["name"] != "datum-providers-installation") // the host's own
            .ToDictionary(i => (string)i!["metadata"]!["name"]!, i => i!);
        foreach (var (name, item) in items)
        {
            Assert.That(Version(item), Is.LessThanOrEqualTo(version), $"{when}: {name} is newer than its list");
            var round = (string?)item["data"]?["round"];
            Assert.That(JsonNode.DeepEquals(item["data"], Data(int.Parse(round!, CultureInfo.InvariantCulture))), $"{when}: {name} is half-written: {item["data"]}");
        }

        foreach (var (name, last) in known)
        {
            var there = items.TryGetValue(name, out var item);
            // A negative round was sent and never answered: both the state before it and the one after it are right.
            var sure = last.Round > 0;
            if (sure) Assert.That(there, Is.EqualTo(last.Exists), $"{when}: {name}, acknowledged in round {last.Round}");
            else if (last.Exists && last.Round == -2) Assert.That(there, $"{when}: {name} was acknowledged once");
            if (there && sure) Assert.That((Version(item), (string?)item!["data"]!["round"]), Is.EqualTo((last.Version, last.Round.ToString(CultureInfo.InvariantCulture))), $"{when}: {name}");
            if (sure) continue;
            // From now on the state that was found is the known one.
            known[name] = new Acknowledged(there ? int.Parse((string)item!["data"]!["round"]!, CultureInfo.InvariantCulture) : 3, there ? Version(item) : last.Version, there);
        }

        return version;
    }

    /// <summary>A watch from before the burst shows every change since in order, or 410.</summary>
    private static async Task ResumesAsync(HttpClient client, ulong from, ulong to, ConcurrentDictionary<string, Acknowledged> known)
    {
        var text = await client.GetStringAsync($"{Maps}?watch=1&timeoutSeconds=1&resourceVersion={from}");
        var events = text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonNode.Parse(l)!).ToArray();
        if (events is [var first] && (string?)first["type"] == "ERROR")
        {
            Assert.That((int)first["object"]!["code"]!, Is.EqualTo(410));
            return;
        }

        var versions = events.Select(e => Version(e["object"])).ToArray();
        Assert.That(versions, Is.Ordered.Ascending.And.Unique);
        Assert.That(versions, Has.All.GreaterThan(from).And.All.LessThanOrEqualTo(to));
        var last = events.GroupBy(e => (string)e["object"]!["metadata"]!["name"]!).ToDictionary(g => g.Key, g => (Version: Version(g.Last()["object"]), Gone: (string?)g.Last()["type"] == "DELETED"));
        foreach (var (name, state) in known.Where(k => k.Value.Exists && k.Value.Version > from))
        {
            Assert.That(last.TryGetValue(name, out var seen) && seen == (state.Version, false), $"the watch's last word about {name}");
        }
    }

    /// <summary>Big enough to span several disk sectors, so that half of it would show.</summary>
    private static JsonObject Data(int round) => new() { ["round"] = round.ToString(CultureInfo.InvariantCulture), ["text"] = new string((char)('a' + round), 1500) };

    private static ulong Version(JsonNode? value) => ulong.Parse((string)value!["metadata"]!["resourceVersion"]!, CultureInfo.InvariantCulture);

    private static HttpClient Connect(string kubeconfig)
    {
        var text = File.ReadAllText(kubeconfig);
        var authority = X509Certificate2.CreateFromPem(Encoding.UTF8.GetString(Convert.FromBase64String(Field(Authority(), text))));
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.GetCertHashString() == authority.GetCertHashString();
        return new HttpClient(handler)
        {
            BaseAddress = new Uri(Field(Server(), text)),
            DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", Field(Token(), text)) },
        };
    }

    private static string Field(Regex field, string text) => field.Match(text).Groups[1].Value;

    [GeneratedRegex(@"certificate-authority-data: (\S+)")]
    private static partial Regex Authority();

    [GeneratedRegex(@"server: (\S+)")]
    private static partial Regex Server();

    [GeneratedRegex("token: \"([^\"]+)\"")]
    private static partial Regex Token();
}
