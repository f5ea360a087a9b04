using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Testing;

namespace Datum.Providers.Host.Tests.Cli;

/// <summary><c>validate</c> refuses what <c>kubectl apply --validate=strict</c> on the real server refuses, and nothing else of its kind.</summary>
public sealed class ValidateDifferentialTests
{
    // A server drops the namespace of a cluster-scoped object without a word.
    private const string Odd = """{"apiVersion":"providers.datumapis.com/v1alpha1","kind":"ProviderConfig","metadata":{"name":"a","namespace":"default"},"spec":{"driver":"podman"}}""";

    private static readonly string[] s_samples =
    [
        "seeds/manifests", "datum-upstream/compute/samples", "datum-upstream/datum-cloud-milo/samples", "datum-upstream/milo-os-milo/samples", "datum-upstream/workload-operator/samples",
        "datum-upstream/unikraft-provider/samples", "datum-upstream/telemetry-services-operator/samples", "datum-upstream/network-services-operator/main-v0.26.1/samples",
        "datum-upstream/index-later/compute-samples", "datum-upstream/index-later/locations-samples",
    ];

    [Test]
    public async Task Validate_refuses_what_the_real_server_refuses()
    {
        using var scratch = new ScratchFolder();
        var server = await RealApiServer.SharedAsync();
        await using (var client = new KubernetesClient(KubeConfig.Load(server.KubeConfigPath)))
            await PlaneInstaller.ApplyCrdsAsync(client, Crds.All().Select(c => c.Yaml), CancellationToken.None);
        var kubectl = new Kubectl(server.KubeConfigPath, scratch.Path);
        if (JsonNode.Parse(await kubectl.RunAsync("version", "--client", "-o", "json"))!["clientVersion"]!["minor"]!.GetValue<string>().TrimEnd('+') is var minor && int.Parse(minor, null) < 25)
            throw SharedFolder.Missing("kubectl", $"kubectl 1.{minor} has no --validate=strict");

        var cases = new[] { (Name: "odd", File: scratch.File("odd.yaml", Odd), Broken: false) }.Concat(BrokenManifests.All().Select(b => (b.Name, File: scratch.File($"broken/{b.Name}.yaml", b.Yaml), Broken: true)))
            .Concat(s_samples.SelectMany(folder => Directory.GetFiles(SharedFolder.Require("seeds", folder), "*.yaml").Order(StringComparer.Ordinal).Select(f => (Name: $"{folder}/{Path.GetFileName(f)}", File: f, Broken: false)))).ToList();
        await CreateNamespacesAsync(kubectl, cases.Select(c => c.File));

        var results = new List<(string Name, bool Broken, bool ServerRefuses, string Kubectl, JsonNode Ours)>();
        await Parallel.ForEachAsync(cases, new ParallelOptions { MaxDegreeOfParallelism = 2 }, async (@case, _) =>
        {
            var answer = await ApplyAsync(kubectl, @case.File);
            var run = await CliRun.Async("validate", "-f", @case.File, "-o", "json");
            Assert.That(run.Error, Is.Empty, $"{@case.Name}: {@case.File}");
            var ours = JsonNode.Parse(run.Out)!;
            lock (results)
                results.Add((@case.Name, @case.Broken, answer is not null, answer ?? "", ours));
        });

        var differ = results.Where(r => r.ServerRefuses != RefusedByServer(r.Ours))
            .Select(r => $"{r.Name}: the server {(r.ServerRefuses ? "refuses" : "accepts")} it\n  kubectl: {r.Kubectl}\n  validate: {string.Join("; ", r.Ours["findings"]!.AsArray().Select(f => $"{f!["source"]} {f["field"]} {f["message"]}"))}").ToList();
        // What we name as the field stands in the server's own words too; a server that finds unknown fields looks no further.
        var misplaced = results.Where(r => r.ServerRefuses).SelectMany(r => r.Ours["findings"]!.AsArray().Where(f => (string)f!["source"]! == "Server" && (string)f["severity"]! == "Error" && f["field"] is not null && (string?)f["field"] != "kind")
            .Where(f => !r.Kubectl.Contains("strict decoding error", StringComparison.Ordinal) || ((string)f!["message"]!).StartsWith("unknown field", StringComparison.Ordinal))
            .Where(f => !r.Kubectl.Contains(Last((string)f!["field"]!), StringComparison.Ordinal)).Select(f => $"{r.Name}: {f!["field"]} isn't in: {r.Kubectl}")).ToList();
        TestContext.Progress.WriteLine($"validate against the real server: {results.Count} files, {results.Count(r => r.ServerRefuses)} refused by the server, {results.Count(r => r.Broken)} broken on purpose, {differ.Count} differences");
        Assert.Multiple(() =>
        {
            Assert.That(differ, Is.Empty);
            Assert.That(misplaced, Is.Empty);
            Assert.That(results.Count(r => r.Broken), Is.GreaterThanOrEqualTo(60));
            Assert.That(results.Where(r => r.Broken && !r.ServerRefuses).Select(r => r.Name), Is.Empty, "a manifest that was to be broken isn't");
            Assert.That(results.Where(r => r.Name.StartsWith("seeds/", StringComparison.Ordinal) && r.ServerRefuses).Select(r => Path.GetFileName(r.Name)), Is.EqualTo(new[] { "06-project-sample-project.yaml" }));
        });
    }

    private static bool RefusedByServer(JsonNode ours) => ours["findings"]!.AsArray().Any(f => (string)f!["severity"]! == "Error" && (string)f["source"]! is "Server" or "File");

    private static string Last(string field) => field.Split('.')[^1].Split('[')[0];

    private static async Task<string?> ApplyAsync(Kubectl kubectl, string file)
    {
        try
        {
            await kubectl.RunAsync("apply", "--validate=strict", "--dry-run=server", "-n", "default", "-f", file);
            return null;
        }
        catch (KubectlException e)
        {
            return e.Message;
        }
    }

    // validate takes namespaces to exist; a server wants to see them.
    private static async Task CreateNamespacesAsync(Kubectl kubectl, IEnumerable<string> files)
    {
        var names = files.SelectMany(f => Resources.Manifests.ManifestReader.Read(f, File.ReadAllBytes(f)).Objects).Select(m => m.Namespace)
            .OfType<string>().Where(n => n.Length > 0 && n.All(c => char.IsAsciiLetterLower(c) || c == '-')).ToHashSet(StringComparer.Ordinal);
        foreach (var name in names.Where(n => n != "default" && !n.StartsWith("kube-", StringComparison.Ordinal)))
            await kubectl.RunAsync("create", "namespace", name);
    }

}
