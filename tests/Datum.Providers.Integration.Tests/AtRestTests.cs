using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Datum.Providers.Testing;

namespace Datum.Providers.Integration.Tests;

/// <summary>Law L8 at the server: once nothing changes, nothing is listed and nothing is written (leases excepted).</summary>
[TestFixture, Category("Slow")]
public sealed partial class AtRestTests
{
    private const int Rounds = 3;

    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(60);
    private static readonly string[] Reading = ["get", "watch"];

    [Test]
    public Task Nothing_is_listed_or_written_on_the_embedded_plane() => RestAsync(Stage.EmbeddedAsync, EmbeddedAsync);

    [Test]
    public Task Nothing_is_listed_or_written_on_a_real_API_server() => RestAsync(Stage.RealAsync, RealAsync);

    private static async Task RestAsync(Func<Task<Stage>> build, Func<Stage, Task<Dictionary<string, long>>> count)
    {
        await using var stage = await build();
        var space = await stage.SpaceAsync();
        await space.RunSeedsAsync();
        Assert.That((await count(stage)).Values.Sum(), Is.GreaterThan(50), "the counters count");

        // A machine that others keep busy may make a look late and a condition turn: of three minutes one is at rest. What is written each minute never is.
        var moving = new List<string>();
        for (var round = 1; round <= Rounds; round++)
        {
            var before = await SettledAsync(stage, count);
            // The minute is what is measured.
            await Task.Delay(Rest);
            moving = Difference(before, await count(stage));
            await TestContext.Progress.WriteLineAsync($"at rest: {stage.Host.ResidentMiB()} MiB resident, start-up {stage.Host.StartUp.TotalSeconds:0.0} s; in {Rest.TotalSeconds:0} s: {(moving.Count == 0 ? "no list, no write" : string.Join(", ", moving))}");
            if (moving.Count == 0)
                break;
        }

        Assert.That(moving, Is.Empty, stage.Picture());
        await space.DeleteAsync();
    }

    /// <summary>The counts once two looks 5 s apart see no difference.</summary>
    private static async Task<Dictionary<string, long>> SettledAsync(Stage stage, Func<Stage, Task<Dictionary<string, long>>> count)
    {
        var now = await count(stage);
        await Eventually.NothingWrongAsync(async () =>
        {
            var last = now;
            await Task.Delay(TimeSpan.FromSeconds(5));
            now = await count(stage);
            return Difference(last, now) is { Count: > 0 } moving ? string.Join(", ", moving) : null;
        }, TimeSpan.FromSeconds(120), "the plane comes to rest", stage.Picture);
        return now;
    }

    private static List<string> Difference(Dictionary<string, long> before, Dictionary<string, long> after) =>
        [.. after.Where(a => a.Value != before.GetValueOrDefault(a.Key)).Select(a => $"{a.Key}: {a.Value - before.GetValueOrDefault(a.Key)}").Order(StringComparer.Ordinal)];

    /// <summary>Lists and writes by verb and resource, of the embedded plane's own counters.</summary>
    private static async Task<Dictionary<string, long>> EmbeddedAsync(Stage stage)
    {
        var counts = JsonNode.Parse(await stage.Kubectl.RunAsync("get", "--raw", "/datum/counters"))!.AsObject();
        return counts.Where(verb => !Reading.Contains(verb.Key))
            .SelectMany(verb => verb.Value!.AsObject().Select(r => (Key: $"{verb.Key} {r.Key}", Count: (long)r.Value!)))
            .Where(c => !c.Key.Contains("leases", StringComparison.Ordinal)).ToDictionary(c => c.Key, c => c.Count);
    }

    /// <summary>The same of the real server's metrics. Without any client it writes flow control and lists namespaces twice a second: those are left out.</summary>
    private static async Task<Dictionary<string, long>> RealAsync(Stage stage)
    {
        var counts = new Dictionary<string, long>();
        foreach (var line in (await stage.Kubectl.RunAsync("get", "--raw", "/metrics")).Split('\n').Where(l => l.StartsWith("apiserver_request_total{", StringComparison.Ordinal)))
        {
            var labels = Label().Matches(line).ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value);
            var (verb, group, resource) = (labels["verb"], labels.GetValueOrDefault("group", ""), labels.GetValueOrDefault("resource", ""));
            if (verb is "GET" or "WATCH" or "CONNECT" || resource is "leases" or "namespaces" || !(group.EndsWith("datumapis.com", StringComparison.Ordinal) || group.Length == 0 || group == "apiextensions.k8s.io"))
                continue;
            var key = $"{verb} {resource}.{group}";
            counts[key] = counts.GetValueOrDefault(key) + (long)double.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture);
        }
        return counts;
    }

    [GeneratedRegex("([a-z_]+)=\"([^\"]*)\"")]
    private static partial Regex Label();
}
