using System.Text.Json.Nodes;

namespace Datum.Providers.Resources.Tests;

/// <summary>
/// Our definitions against every version that upstream published: what upstream accepts is accepted, what it requires is required,
/// nothing is renamed. Every facet of every schema node is compared; what differs stands in a table with its reason.
/// </summary>
public sealed class UpstreamSchemaTests
{
    private const string OneBlock = "The block of any one driver takes the place of the member gcp.";
    private const string Runs = "A container has more to say than upstream's; without it pods of the seeds' kind can't be described (law L11).";
    private const string SeedRanges = "A seed document has the plural; upstream refuses it.";
    private const string Answered = "Whoever writes one is told that nothing is made from it (law L11).";
    private const string Webhook = "Upstream's webhook says it of Workloads; our definition says it too, so that it holds without one.";
    private const string EraThree = "Of the third era, in which a plane serves its own definitions; the host reads them as unknown members.";

    /// <summary>Of the compute kinds, in both repositories that have them.</summary>
    private static readonly Dictionary<string, string> ComputeKinds = new()
    {
        ["containers.[].command: only ours"] = Runs,
        ["containers.[].args: only ours"] = Runs,
        ["containers.[].envFrom: only ours"] = Runs,
        ["Workload.spec.template.spec.runtime.sandbox.containers.[].name: maxLength"] = Webhook,
        ["Workload.spec.template.spec.runtime.sandbox.containers.[].name: pattern"] = Webhook,
        ["Workload.spec.template.spec.runtime.sandbox.containers.[].image: minLength"] = Webhook,
        ["Workload.spec.template.spec.runtime.sandbox.containers.[].resources: rules"] = Webhook,
        ["Workload.spec.template.spec.runtime.resources: rules"] = Webhook,
        ["Workload.spec.template.spec.runtime: rules"] = Webhook,
        ["Workload.spec.template.spec.volumes.[].name: maxLength"] = Webhook,
        ["Workload.spec.template.spec.volumes.[].name: pattern"] = Webhook,
        ["Workload.spec.template.spec.volumes.[]: rules"] = Webhook,
        ["Workload.spec.template.spec.volumes.[].disk.template.spec.populator: rules"] = Webhook,
        ["Workload.spec.template.spec.networkInterfaces.[].network.name: maxLength"] = Webhook,
        ["Workload.spec.template.spec.networkInterfaces.[].network.name: pattern"] = Webhook,
        ["Workload.spec.placements.[].name: maxLength"] = Webhook,
        ["Workload.spec.placements.[].name: pattern"] = Webhook,
        ["Workload.spec.placements.[].cityCodes: minItems"] = Webhook,
        ["Workload.spec.placements.[].scaleSettings.minReplicas: minimum"] = Webhook,
        ["Workload.spec.placements.[].scaleSettings.minReplicas: maximum"] = Webhook,
        ["Workload.spec.placements.[].scaleSettings: rules"] = Webhook,
        ["Workload.spec.placements.[].scaleSettings.metrics.[]: rules"] = Webhook,
        ["Workload.spec.placements.[].scaleSettings.metrics.[].resource.target: rules"] = Webhook,
    };

    /// <summary>By folder: ends of differences and their reasons. Version 0.21.9 and the folders beside it are the baseline.</summary>
    private static readonly Dictionary<string, Dictionary<string, string>> Deliberate = new()
    {
        ["compute/crd"] = ComputeKinds,
        ["workload-operator/crd"] = ComputeKinds,
        ["network-services-operator/v0.21.9/crd"] = new()
        {
            ["Location.spec.provider: minProperties"] = OneBlock,
            ["Location.spec.provider: maxProperties"] = OneBlock,
            ["Location.spec.provider.gcp: missing"] = OneBlock,
            ["Location.spec.provider: additionalProperties"] = OneBlock,
            ["Network.spec.ipam.ipv4Ranges: only ours"] = SeedRanges,
            ["Network.spec.ipam.ipv6Ranges: only ours"] = SeedRanges,
            ["NetworkPolicy.status.conditions: only ours"] = Answered,
            ["Network: column Name"] = "kubectl prints the name in the first column already.",
        },
        ["network-services-operator/v0.1.0/crd"] = new()
        {
            ["Location.spec.provider: minProperties"] = OneBlock,
            ["Location.spec.provider: maxProperties"] = OneBlock,
            ["Location.spec.provider.gcp: missing"] = OneBlock,
            ["Location.spec.provider: additionalProperties"] = OneBlock,
            ["Network.spec.ipam.ipv4Ranges: only ours"] = SeedRanges,
            ["Network.spec.ipam.ipv6Ranges: only ours"] = SeedRanges,
            ["NetworkPolicy.status.conditions: only ours"] = Answered,
            ["status: default"] = "The first era had no conditions at the start.",
        },
        ["network-services-operator/main-v0.26.1/crd"] = new()
        {
            ["Location.spec.provider: minProperties"] = OneBlock,
            ["Location.spec.provider: maxProperties"] = OneBlock,
            ["Location.spec.provider.gcp: missing"] = OneBlock,
            ["Location.spec.provider: additionalProperties"] = OneBlock,
            ["Network.spec.ipam.ipv4Ranges: only ours"] = SeedRanges,
            ["Network.spec.ipam.ipv6Ranges: only ours"] = SeedRanges,
            ["NetworkPolicy.status.conditions: only ours"] = Answered,
            ["Location: scope"] = "Cluster-scoped in the third era; the host reads either.",
            ["spec.location: required only by ours: namespace"] = "The third era's Locations have no namespace; the host reads references with and without.",
            ["spec.location.namespace: only ours"] = "The third era's Locations have no namespace; the host reads references with and without.",
            ["Network.spec.ipFamilies: default"] = "IPv4 in the second era, IPv6 in the third.",
            ["Network.status: default"] = "Conditions that only the third era's controllers keep.",
            ["NetworkContext.status: default"] = "Programmed is the second era's contract with providers; the third dropped it.",
            ["NetworkBinding.spec.location: rules"] = "Immutable in the third era; upstream's second accepts a change, and so do we.",
            ["NetworkBinding.spec.network: rules"] = "Immutable in the third era; upstream's second accepts a change, and so do we.",
            ["Location.spec.coordinates: missing"] = EraThree,
            ["NetworkBinding.spec.consumer: missing"] = EraThree,
            ["NetworkContext.spec.ipFamilies: missing"] = EraThree,
            ["NetworkContext.spec.mtu: missing"] = EraThree,
            ["NetworkContext.spec.networkGeneration: missing"] = EraThree,
            ["NetworkContext.status.ipam: missing"] = EraThree,
            ["NetworkContext: column IPv6Subnet"] = EraThree,
            ["Network.status.ipam: missing"] = EraThree,
            ["Network: column IPv6Prefix"] = EraThree,
        },
        ["milo-os-milo/crd"] = [],
        ["datum-cloud-milo/crd"] = new() { ["Project.status.suspensions: only ours"] = "Of the newer milo-os/milo." },
        ["telemetry-services-operator/crd"] = [],
    };

    /// <summary>Upstream's kinds that we neither serve nor read.</summary>
    private static readonly string[] NotOurs =
    [
        "Organization", "ProjectControlPlane", "ResourceClaim", "LocationBinding", "ServingLocation", "NetworkInterface", "NetworkInterfaceClaim",
        "ClusterDownstreamInstance", "ClusterDownstreamWorkload", "ClusterDownstreamWorkloadDeployment",
    ];

    private static readonly string[] Facets =
    [
        "type", "format", "x-kubernetes-int-or-string", "default", "minItems", "maxItems", "minimum", "maximum", "exclusiveMinimum",
        "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "nullable", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
        "x-kubernetes-map-type", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "minProperties", "maxProperties",
        "allOf", "anyOf", "oneOf", "not", "uniqueItems",
    ];

    public static IEnumerable<string> Folders() => Deliberate.Keys;

    [TestCaseSource(nameof(Folders))]
    public void Every_facet_of_upstreams_definitions_is_ours_but_for_the_table(string folder)
    {
        var ours = RulePlaces.Ours().ToDictionary(d => (string)d.Definition["metadata"]!["name"]!, d => d.Definition);
        var differences = new List<string>();
        var (kinds, nodes) = (0, 0);
        foreach (var (file, upstream) in RulePlaces.Upstream().Where(d => Path.GetDirectoryName(d.File) == folder))
        {
            var kind = (string)upstream["spec"]!["names"]!["kind"]!;
            if (NotOurs.Contains(kind)) continue;
            Assert.That(ours, Contains.Key((string)upstream["metadata"]!["name"]!), file);
            nodes += CompareDefinitions(kind, upstream, ours[(string)upstream["metadata"]!["name"]!], differences);
            kinds++;
        }

        var table = Deliberate[folder];
        TestContext.Out.WriteLine($"{folder}: {kinds} kinds, {nodes} schema nodes, {differences.Count} differences by {table.Count} rows");
        Assert.Multiple(() =>
        {
            Assert.That(kinds, Is.GreaterThan(0));
            Assert.That(differences.Where(d => !table.Keys.Any(k => d.EndsWith(k, StringComparison.Ordinal))), Is.Empty, "not in the table");
            Assert.That(table.Keys.Where(k => !differences.Any(d => d.EndsWith(k, StringComparison.Ordinal))), Is.Empty, "rows without a difference");
        });
    }

    [Test]
    public void Every_definition_of_upstream_is_compared_or_named_as_not_ours()
    {
        var compared = RulePlaces.Upstream().Where(d => Deliberate.ContainsKey(Path.GetDirectoryName(d.File)!)).Select(d => d.File).ToList();
        var left = RulePlaces.Upstream().Where(d => !compared.Contains(d.File)).Select(d => (string)d.Definition["spec"]!["names"]!["kind"]!);
        Assert.That(left.Except(NotOurs), Is.Empty);
        Assert.That(NotOurs.Except(RulePlaces.Upstream().Select(d => (string)d.Definition["spec"]!["names"]!["kind"]!)), Is.Empty);
    }

    /// <summary>A definition in which one facet is changed is told from the original: every word that the comparison looks at, in both directions.</summary>
    [Test]
    public void The_comparison_finds_every_change_of_a_facet()
    {
        var mutants = 0;
        var blind = new List<string>();
        foreach (var (file, definition) in RulePlaces.Ours())
        {
            var kind = (string)definition["spec"]!["names"]!["kind"]!;
            foreach (var (what, mutant) in SchemaMutants.Of(definition))
            {
                mutants++;
                foreach (var (a, b) in ((JsonObject, JsonObject)[])[(definition, mutant), (mutant, definition)])
                {
                    var differences = new List<string>();
                    CompareDefinitions(kind, a, b, differences);
                    if (differences.Count == 0) blind.Add($"{file}: {what}");
                }
            }
        }

        TestContext.Out.WriteLine($"{mutants} mutants of {Crds.All().Count} definitions, each in both directions");
        Assert.That(blind, Is.Empty);
        Assert.That(mutants, Is.GreaterThan(1000));
    }

    private static int CompareDefinitions(string kind, JsonObject upstream, JsonObject ours, List<string> differences)
    {
        var (theirs, our) = (upstream["spec"]!, ours["spec"]!);
        if ((string)theirs["scope"]! != (string)our["scope"]!) differences.Add($"{kind}: scope");
        foreach (var name in (string[])["kind", "plural", "singular", "listKind"])
        {
            if ((string?)theirs["names"]![name] != (string?)our["names"]![name]) differences.Add($"{kind}: {name}");
        }

        var columns = Columns(our).ToHashSet();
        differences.AddRange(Columns(theirs).Where(c => !columns.Contains(c)).Select(c => $"{kind}: column {c.Name}"));
        var nodes = 0;
        foreach (var version in theirs["versions"]!.AsArray())
        {
            var same = our["versions"]!.AsArray().SingleOrDefault(v => (string)v!["name"]! == (string)version!["name"]!);
            if (same is null)
            {
                differences.Add($"{kind}: version {version!["name"]} missing");
                continue;
            }

            if ((version!["subresources"]?["status"] is null) != (same["subresources"]?["status"] is null)) differences.Add($"{kind}: status subresource");
            nodes += Compare(kind, (JsonObject)version["schema"]!["openAPIV3Schema"]!, (JsonObject)same["schema"]!["openAPIV3Schema"]!, differences);
        }

        return nodes;
    }

    /// <summary>Upstream escapes the quotes in some paths twice, so that the column stays empty; the path that was meant is compared.</summary>
    private static IEnumerable<(string Name, string Type, string Path)> Columns(JsonNode spec) =>
        spec["versions"]!.AsArray().SelectMany(v => v!["additionalPrinterColumns"] as JsonArray ?? []).Select(c =>
            ((string)c!["name"]!, (string)c["type"]!, ((string)c["jsonPath"]!).Replace("\\\"", "\"", StringComparison.Ordinal).Replace('\'', '"')));

    private static int Compare(string path, JsonObject upstream, JsonObject ours, List<string> differences)
    {
        foreach (var facet in Facets)
        {
            if (!JsonNode.DeepEquals(Facet(upstream, facet), Facet(ours, facet))) differences.Add($"{path}: {facet}");
        }

        if (!Words(upstream["enum"]).SetEquals(Words(ours["enum"]))) differences.Add($"{path}: enum");
        if (!Rules(upstream).SetEquals(Rules(ours))) differences.Add($"{path}: rules");
        differences.AddRange(Words(upstream["required"]).Except(Words(ours["required"])).Select(m => $"{path}: not required by ours: {m}"));
        differences.AddRange(Words(ours["required"]).Except(Words(upstream["required"])).Select(m => $"{path}: required only by ours: {m}"));
        var seen = 1;
        var (theirs, our) = (upstream["properties"] as JsonObject ?? [], ours["properties"] as JsonObject ?? []);
        foreach (var (name, child) in theirs)
        {
            if (our[name] is JsonObject same) seen += Compare($"{path}.{name}", (JsonObject)child!, same, differences);
            else differences.Add($"{path}.{name}: missing");
        }

        differences.AddRange(our.Where(m => !theirs.ContainsKey(m.Key)).Select(m => $"{path}.{m.Key}: only ours"));
        foreach (var (word, step) in ((string, string)[])[("items", "[]"), ("additionalProperties", "{}")])
        {
            if (upstream[word] is JsonObject a && ours[word] is JsonObject b) seen += Compare($"{path}.{step}", a, b, differences);
            else if (!JsonNode.DeepEquals(upstream[word], ours[word])) differences.Add($"{path}: {word}");
        }

        return seen;
    }

    /// <summary>x-kubernetes-int-or-string says by itself what the generated anyOf beside it says.</summary>
    private static JsonNode? Facet(JsonObject schema, string facet) =>
        facet == "anyOf" && schema["x-kubernetes-int-or-string"] is not null && schema["anyOf"]?.ToJsonString() == """[{"type":"integer"},{"type":"string"}]""" ? null : schema[facet];

    private static HashSet<string> Words(JsonNode? array) => [.. (array as JsonArray ?? []).Select(w => w!.ToString())];

    private static HashSet<string> Rules(JsonObject schema) =>
        [.. (schema["x-kubernetes-validations"] as JsonArray ?? []).Select(r => $"{r!["rule"]}|{r["message"]}|{r["reason"]}|{r["fieldPath"]}")];
}
