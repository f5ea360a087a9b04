using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Datum.Providers.Resources.Manifests;
using Datum.Providers.Testing;

namespace Datum.Providers.Resources.Tests;

/// <summary>The seeds' and upstream's manifests through kubectl, on the embedded plane and on a real API server, with our definitions in both.</summary>
public sealed partial class ManifestsOnBothServersTests
{
    private Server[] servers = [];

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        var definitions = RulePlaces.Ours().Select(d => d.Definition).ToList();
        servers = [await Server.RealAsync(), await Server.EmbeddedAsync()];
        foreach (var server in servers) await server.DefineAsync([.. definitions.Select(d => (JsonObject)d.DeepClone())]);
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        foreach (var server in servers) await server.DisposeAsync();
    }

    [Test]
    public async Task Every_manifest_of_the_seeds_is_applied_verbatim_and_read_back_whole()
    {
        var files = Directory.GetFiles(SharedFolder.Require("seeds", "seeds/manifests"), "*.yaml")
            .Where(f => !Path.GetFileName(f).StartsWith("06-", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
        Assert.That(files, Has.Count.EqualTo(11));
        foreach (var file in files)
        {
            var manifests = ManifestReader.Read(Path.GetFileName(file), await File.ReadAllBytesAsync(file)).Objects;
            Assert.That(manifests, Is.Not.Empty, file);
            foreach (var (mode, number) in ((string, int)[])[("--validate=strict", 0), ("--validate=warn", 1)])
            {
                var printed = new List<string>();
                foreach (var server in servers)
                {
                    var space = $"seed-{Path.GetFileName(file)[..2]}-{number}";
                    await server.SendAsync("POST", "/api/v1/namespaces", JsonNode.Parse($$"""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"{{space}}"} }"""));
                    var (code, output, errors) = await server.KubectlAsync("apply", mode, "-n", space, "-f", file);
                    Assert.That(code, Is.Zero, $"{server.Name}: {file}: {errors}");
                    // kubectl can't ask a server to warn about a List, and says so.
                    Assert.That(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => !l.EndsWith("skipping validation", StringComparison.Ordinal)), Is.Empty, $"{server.Name}: {file}");
                    printed.Add(output);
                    foreach (var manifest in manifests) await AssertWholeAsync(server, space, manifest);
                }

                Assert.That(printed[1], Is.EqualTo(printed[0]), file);
            }
        }
    }

    [Test]
    public async Task The_project_fragment_is_refused_by_kubectl_and_accepted_with_the_line_that_our_reader_asks_for()
    {
        var file = SharedFolder.Require("seeds", "seeds/manifests/06-project-sample-project.yaml");
        var refusals = new List<string>();
        foreach (var server in servers)
        {
            var (code, _, errors) = await server.KubectlAsync("create", "-f", file);
            Assert.That(code, Is.Not.Zero);
            refusals.Add(errors);
        }

        Assert.That(refusals[0], Does.Contain("apiVersion not set"));
        Assert.That(refusals[1], Is.EqualTo(refusals[0]));

        var error = ManifestReader.Read("06.yaml", await File.ReadAllBytesAsync(file)).Errors.Single().ToString();
        var lines = Line().Matches(error).Select(m => m.Groups[1].Value).ToList();
        Assert.That(lines, Is.EquivalentTo((string[])["apiVersion: resourcemanager.miloapis.com/v1alpha1", "apiVersion: resourcemanager.datumapis.com/v1alpha"]), error);
        var path = Path.Combine(TestContext.CurrentContext.WorkDirectory, "06-with-apiversion.yaml");
        await File.WriteAllTextAsync(path, lines.Single(l => l.Contains("datumapis", StringComparison.Ordinal)) + "\n" + await File.ReadAllTextAsync(file));
        foreach (var server in servers)
        {
            var (code, output, errors) = await server.KubectlAsync("create", "--validate=strict", "-o", "json", "-f", path);
            Assert.That(code, Is.Zero, $"{server.Name}: {errors}");
            Assert.That((string?)JsonNode.Parse(output)!["metadata"]!["name"], Does.StartWith("sample-project-"));
        }
    }

    [Test]
    public async Task Upstreams_samples_get_the_same_answer_of_kubectl_on_both_servers()
    {
        var (accepted, refused) = (0, 0);
        foreach (var sample in RoundTripTests.SampleFiles)
        {
            var path = SharedFolder.Require("seeds", $"datum-upstream/{sample}");
            foreach (var manifest in ManifestReader.Read(sample, await File.ReadAllBytesAsync(path)).Objects.Where(m => Kind.Find(m.Json) is not null))
            {
                var file = Path.Combine(TestContext.CurrentContext.WorkDirectory, "sample.json");
                manifest.Json["metadata"]!.AsObject().Remove("namespace");
                await File.WriteAllTextAsync(file, manifest.Json.ToJsonString());
                var answers = new List<(int Code, string Text)>();
                foreach (var server in servers)
                {
                    var (code, output, errors) = await server.KubectlAsync("apply", "--validate=warn", "-n", "default", "-f", file);
                    answers.Add((code, Causes(output + errors)));
                    if (code == 0) await AssertWholeAsync(server, "default", manifest, pruned: sample.Contains("kong", StringComparison.Ordinal));
                    await server.KubectlAsync("delete", "--ignore-not-found", "-n", "default", "-f", file);
                }

                Assert.That(answers[1], Is.EqualTo(answers[0]), sample);
                _ = answers[0].Code == 0 ? accepted++ : refused++;
            }
        }

        TestContext.Out.WriteLine($"{accepted} samples accepted, {refused} refused, alike on both servers");
        Assert.That(accepted, Is.GreaterThanOrEqualTo(15));
        Assert.That(refused, Is.GreaterThanOrEqualTo(1));
    }

    /// <summary>Scalars that readers of YAML take differently: our reader must see what kubectl sends.</summary>
    [Test]
    public async Task Our_reader_reads_scalars_as_kubectl_does()
    {
        var text = new StringBuilder("apiVersion: providers.datumapis.com/v1alpha1\nkind: ProviderConfig\nmetadata: {name: scalars}\nspec:\n  driver: d\n  settings:\n");
        string[] scalars =
        [
            "y", "Y", "n", "N", "yes", "no", "on", "off", "true", "TRUE", "False", "~", "null", "''", "1", "-1", "+1", "0", "007", "0o7", "0x1F", "0b11", "1_000", "1.0", "1e3", "1.5e-3", ".5", "5.",
            "2030-01-02", "2030-01-02T03:04:05Z", "12:30", "1.2.3.4", "1.2.3", "0.1.2", "a b", "\"1\"", "'yes'", "!!str 1", "08", "1e400", "9223372036854775808", "-9223372036854775808",
        ];
        for (var i = 0; i < scalars.Length; i++) text.Append("    s").Append(i).Append(": ").Append(scalars[i]).Append('\n');
        text.Append("    keys: {1: a, yes: b, 1.5: c, 007: d, ~x: e, n: f, 'y': g}\n    folded: >-\n      a\n      b\n    literal: |\n      a\n       b\n    merged: &m {a: 1}\n    into: {<<: *m, b: 2}\n");
        var path = Path.Combine(TestContext.CurrentContext.WorkDirectory, "scalars.yaml");
        await File.WriteAllTextAsync(path, text.ToString());
        var (code, output, errors) = await servers[0].KubectlAsync("create", "--dry-run=client", "-o", "json", "-f", path);
        Assert.That(code, Is.Zero, errors);
        var wanted = (JsonObject)JsonNode.Parse(output)!["spec"]!["settings"]!;
        var result = ManifestReader.Read("scalars.yaml", Encoding.UTF8.GetBytes(text.ToString()));
        Assert.That(result.Errors, Is.Empty);
        var got = (JsonObject)result.Objects.Single().Json["spec"]!["settings"]!;
        Assert.Multiple(() =>
        {
            Assert.That(got.Select(m => m.Key), Is.EquivalentTo(wanted.Select(m => m.Key)));
            foreach (var (name, value) in wanted)
            {
                var index = name[0] == 's' && int.TryParse(name.AsSpan(1), out var i) ? scalars[i] : name;
                Assert.That(JsonNode.DeepEquals(got[name], value), Is.True, $"{index}: kubectl {value?.ToJsonString()}, ours {got[name]?.ToJsonString()}");
            }
        });
    }

    private static async Task AssertWholeAsync(Server server, string space, Manifest manifest, bool pruned = false)
    {
        var kind = Kind.Find(manifest.Json)!;
        var (code, output, errors) = await server.KubectlAsync("get", $"{kind.Plural}.{kind.Group}", manifest.Name!, "-n", space, "-o", "json");
        Assert.That(code, Is.Zero, errors);
        var lost = Lost("", manifest.Json, JsonNode.Parse(output)).ToList();
        // One sample has a member that upstream's definition doesn't have either.
        Assert.That(lost, pruned ? Is.EqualTo((string[])[".spec.gateway"]).Or.Empty : Is.Empty, $"{server.Name}: {manifest.File}");
    }

    /// <summary>Leaves of the manifest that the stored object doesn't have as they were.</summary>
    private static IEnumerable<string> Lost(string path, JsonNode? sent, JsonNode? stored)
    {
        switch (sent, stored)
        {
            case (null, null):
                return [];
            case (JsonObject a, JsonObject b):
                return a.SelectMany(m => Lost($"{path}.{m.Key}", m.Value, b[m.Key]));
            case (JsonArray a, JsonArray b) when a.Count == b.Count:
                return a.SelectMany((v, i) => Lost($"{path}[{i}]", v, b[i]));
            default:
                return JsonNode.DeepEquals(sent, stored) ? [] : [path];
        }
    }

    /// <summary>What kubectl printed; several causes come in no defined order.</summary>
    private static string Causes(string text) => string.Join('\n', text.Split(["\n", ", "], StringSplitOptions.TrimEntries).Select(l => l.Trim('[', ']')).Order(StringComparer.Ordinal));

    [GeneratedRegex("`(apiVersion: [^`]+)`")]
    private static partial Regex Line();
}
