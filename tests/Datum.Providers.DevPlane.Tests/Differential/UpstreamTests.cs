using System.Text.RegularExpressions;
using Datum.Providers.Testing;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>The public Datum definitions (era 2) and samples: both servers take and refuse the same, with the same result.</summary>
[TestFixture]
public sealed partial class UpstreamTests
{
    private const string Crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

    [Test]
    public async Task Definitions_and_samples_give_the_same_answers()
    {
        var root = SharedFolder.Require("seeds", "datum-upstream");
        var server = await RealApiServer.SharedAsync();
        using var real = PlaneClient.For(Path.GetDirectoryName(server.KubeConfigPath)!, server.Port);
        var rules = new CelRules();
        rules.RegisterRule(HostnameRule(root), (self, _) => (string?)self!["type"] != "Hostname" || Hostname().IsMatch((string?)self["value"] ?? ""));
        await using var embedded = await DevPlaneServer.StartAsync(new DevPlaneOptions { Tokens = [new PlaneToken { Token = "t" }], CelRules = rules });
        using var ours = PlaneClient.For(embedded, "t");

        string[] folders = [Path.Combine(root, "compute", "crd"), Path.Combine(root, "network-services-operator", "v0.21.9", "crd")];
        var definitions = folders.SelectMany(f => Directory.EnumerateFiles(f, "*.yaml")).Order(StringComparer.Ordinal).ToArray();
        Assert.That(definitions, Has.Length.GreaterThanOrEqualTo(10));
        foreach (var definition in definitions)
        {
            var text = await File.ReadAllTextAsync(definition);
            foreach (var client in (PlaneClient[])[real, ours]) await client.ExpectAsync(201, "POST", Crds, text, "application/yaml");
        }

        foreach (var client in (PlaneClient[])[real, ours])
        {
            foreach (var path in (string[])["compute.datumapis.com/v1alpha/workloads", "compute.datumapis.com/v1alpha/instances", "networking.datumapis.com/v1alpha/networks", "networking.datumapis.com/v1alpha/locations", "networking.datumapis.com/v1alpha/subnets"])
            {
                await Eventually.HoldsAsync(async () => (await client.SendAsync("GET", "/apis/" + path)).Code == 200, path + " is served");
            }

            await client.ExpectAsync(201, "POST", "/api/v1/namespaces", """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"upstream"}}""");
        }

        var compared = 0;
        foreach (var sample in Directory.EnumerateFiles(Path.Combine(root, "compute", "samples"), "*.yaml").Concat(Directory.EnumerateFiles(Path.Combine(root, "network-services-operator"), "*.yaml", SearchOption.AllDirectories).Where(f => f.Contains("samples", StringComparison.Ordinal))).Order(StringComparer.Ordinal))
        {
            foreach (var document in Document().Split(await File.ReadAllTextAsync(sample)))
            {
                if (Collection(document) is not { } path) continue;
                var body = Namespace().Replace(document, "$1upstream");
                var wanted = Normal.Show(await real.SendAsync("POST", path, body, "application/yaml"), loose: false);
                var got = Normal.Show(await ours.SendAsync("POST", path, body, "application/yaml"), loose: false);
                Assert.That(got, Is.EqualTo(wanted), sample);
                compared++;
            }
        }

        Assert.That(compared, Is.GreaterThanOrEqualTo(10));
    }

    private static string HostnameRule(string root)
    {
        var text = File.ReadAllText(Path.Combine(root, "compute", "crd", "compute.datumapis.com_workloads.yaml"));
        var match = Regex.Match(text, @"rule: '((?:[^']|'')*)'");
        Assert.That(match.Success, "the Workload definition has a rule");
        return Regex.Replace(match.Groups[1].Value.Replace("''", "'", StringComparison.Ordinal), @"\s*\n\s*", " ");
    }

    private static string? Collection(string document)
    {
        var version = Regex.Match(document, @"(?m)^apiVersion:\s*(\S+)").Groups[1].Value;
        var kind = Regex.Match(document, @"(?m)^kind:\s*(\S+)").Groups[1].Value;
        if (version.Length == 0 || kind.Length == 0) return null;
        var plural = kind.ToLowerInvariant() switch { var k when k.EndsWith('y') => k[..^1] + "ies", var k => k + "s" };
        return version switch
        {
            "v1" => $"/api/v1/namespaces/upstream/{plural}",
            "compute.datumapis.com/v1alpha" or "networking.datumapis.com/v1alpha" => $"/apis/{version}/namespaces/upstream/{plural}",
            _ => null,
        };
    }

    [GeneratedRegex(@"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")]
    private static partial Regex Hostname();

    [GeneratedRegex(@"(?m)^---\s*$")]
    private static partial Regex Document();

    [GeneratedRegex(@"(?m)^(  namespace:\s*).*$")]
    private static partial Regex Namespace();
}
