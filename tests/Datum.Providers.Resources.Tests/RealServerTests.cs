using System.Diagnostics;
using System.Text.Json.Nodes;
using Datum.Providers.Testing;

namespace Datum.Providers.Resources.Tests;

/// <summary>Our definitions in front of a real API server, with kubectl.</summary>
public sealed class RealServerTests
{
    private static readonly SemaphoreSlim Installing = new(1, 1);
    private static Kubectl? s_ours;

    [Test]
    public async Task Every_definition_is_accepted_and_established()
    {
        var kubectl = await OursAsync();
        var crds = JsonNode.Parse((await kubectl.RunAsync("get crd -o json")).Output)!["items"]!.AsArray();
        var bad = crds.Where(c => !Condition(c!, "Established") || !Condition(c!, "NamesAccepted") || Condition(c!, "NonStructuralSchema"))
            .Select(c => c!["metadata"]!["name"]!.GetValue<string>());
        Assert.That(crds, Has.Count.EqualTo(Crds.All().Count));
        Assert.That(bad, Is.Empty);
    }

    [TestCaseSource(typeof(RoundTripTests), nameof(RoundTripTests.SeedsOfOurKinds))]
    public async Task A_seed_manifest_is_accepted_verbatim_and_read_back_without_loss(string file)
    {
        var kubectl = await OursAsync();
        var path = SharedFolder.Require("seeds", $"seeds/manifests/{file}");
        var manifest = Yaml.Single(File.ReadAllText(path));
        await using var space = await kubectl.NamespaceAsync();
        var applied = await kubectl.RunAsync($"apply --validate=strict -n {space.Name} -o json -f {path}");
        Assert.That(applied.Code, Is.Zero, applied.Output);

        var stored = JsonNode.Parse(applied.Output)!;
        Assert.That(Missing("", manifest["spec"], stored["spec"]), Is.Empty);
        Assert.That(JsonNode.DeepEquals(stored, Kind.Find(manifest)!.RoundTrip(stored)), Is.True);
    }

    [Test]
    public async Task Upstream_samples_get_the_same_answer_from_our_definitions_as_from_upstreams()
    {
        var ours = await OursAsync();
        await using var server = await RealApiServer.StartAsync();
        var upstream = new Kubectl(server.KubeConfigPath);
        await upstream.InstallAsync(CrdTests.UpstreamCrds.Select(f => SharedFolder.Require("seeds", $"datum-upstream/{f}")));

        var accepted = 0;
        var refused = 0;
        var folder = Path.GetTempPath();
        foreach (var file in RoundTripTests.SampleFiles)
        {
            foreach (var manifest in Yaml.Documents(File.ReadAllText(SharedFolder.Require("seeds", $"datum-upstream/{file}"))).Where(m => Kind.Find(m) is not null))
            {
                var path = Path.Combine(folder, $"sample-{Guid.NewGuid():N}.json");
                File.WriteAllText(path, manifest.ToJsonString());
                try
                {
                    // Warn, because one sample has spec.gateway, which upstream's schema drops and so does ours.
                    var command = $"create --dry-run=server --validate=warn -n default -o json -f {path}";
                    var theirs = await upstream.RunAsync(command);
                    var our = await ours.RunAsync(command);
                    Assert.That(our.Code == 0, Is.EqualTo(theirs.Code == 0), $"{file}: upstream: {theirs.Output}\nours: {our.Output}");
                    _ = theirs.Code == 0 ? accepted++ : refused++;
                    if (theirs.Code == 0)
                    {
                        Assert.That(
                            JsonNode.DeepEquals(JsonNode.Parse(theirs.StandardOutput)!["spec"], JsonNode.Parse(our.StandardOutput)!["spec"]), Is.True,
                            $"{file}: upstream stores {theirs.StandardOutput}\nours {our.StandardOutput}");
                    }
                }
                finally
                {
                    File.Delete(path);
                }
            }
        }

        TestContext.Out.WriteLine($"{accepted} accepted, {refused} refused by both");
        Assert.That(accepted, Is.GreaterThanOrEqualTo(15));
        Assert.That(refused, Is.GreaterThanOrEqualTo(1));

        foreach (var (file, kind) in MutatedSamples)
        {
            var manifest = Yaml.Documents(File.ReadAllText(SharedFolder.Require("seeds", $"datum-upstream/{file}"))).First(m => m["kind"]!.GetValue<string>() == kind);
            await CompareMutantsAsync(upstream, ours, manifest);
        }

        foreach (var text in MutatedTexts) await CompareMutantsAsync(upstream, ours, (JsonObject)JsonNode.Parse(text)!);
    }

    private static readonly (string File, string Kind)[] MutatedSamples =
    [
        ("compute/samples/compute_v1alpha_workload-vm.yaml", "Workload"), ("compute/samples/compute_v1alpha_workload-sandbox.yaml", "Workload"),
        ("unikraft-provider/samples/instance.yaml", "Instance"), ("compute/samples/gcp-locations.yaml", "Location"),
        ("network-services-operator/main-v0.26.1/samples/networking_v1alpha_network.yaml", "Network"),
        ("milo-os-milo/samples/project.yaml", "Project"), ("telemetry-services-operator/samples/telemetry_v1alpha1_exportpolicy.yaml", "ExportPolicy"),
    ];

    /// <summary>Kinds whose published samples are empty.</summary>
    private static readonly string[] MutatedTexts =
    [
        """{"apiVersion":"networking.datumapis.com/v1alpha","kind":"NetworkBinding","metadata":{},"spec":{"network":{"name":"n","namespace":"d"},"location":{"name":"l","namespace":"d"}}}""",
        """{"apiVersion":"networking.datumapis.com/v1alpha","kind":"NetworkContext","metadata":{},"spec":{"network":{"name":"n"},"location":{"name":"l","namespace":"d"}}}""",
        """{"apiVersion":"networking.datumapis.com/v1alpha","kind":"SubnetClaim","metadata":{},"spec":{"subnetClass":"private","networkContext":{"name":"c"},"ipFamily":"IPv4","location":{"name":"l","namespace":"d"},"startAddress":"10.0.0.0","prefixLength":24}}""",
        """{"apiVersion":"networking.datumapis.com/v1alpha","kind":"Subnet","metadata":{},"spec":{"subnetClass":"private","networkContext":{"name":"c"},"ipFamily":"IPv4","location":{"name":"l","namespace":"d"},"startAddress":"10.0.0.0","prefixLength":24}}""",
    ];

    /// <summary>Each mutant lacks one member, has one of another type or one beyond a bound; both definitions must accept the same ones.</summary>
    private static async Task CompareMutantsAsync(Kubectl upstream, Kubectl ours, JsonObject manifest)
    {
        var mutants = Mutants(manifest).ToList();
        var path = Path.Combine(Path.GetTempPath(), $"mutants-{Guid.NewGuid():N}.json");
        File.WriteAllText(path, new JsonObject { ["apiVersion"] = "v1", ["kind"] = "List", ["items"] = new JsonArray([.. mutants.Select(m => m.Manifest)]) }.ToJsonString());
        var command = $"create --dry-run=server --validate=ignore -n default -o name -f {path}";
        var theirs = Accepted(await upstream.RunAsync(command));
        var our = Accepted(await ours.RunAsync(command));
        File.Delete(path);
        TestContext.Out.WriteLine($"{manifest["kind"]}: {mutants.Count} mutants, {theirs.Count} accepted by both");
        // The block of any driver takes the place of upstream's one; the table of the schemas says so too.
        // What ours refuses beyond upstream's definition is what upstream's webhook refuses: our rules about the object say the same.
        bool ByWebhook((string Name, string What, JsonObject Manifest) m) => theirs.Contains(m.Name) && !our.Contains(m.Name) && BreaksARule(m.Manifest);
        var differing = mutants.Where(m => !m.What.StartsWith("spec.provider", StringComparison.Ordinal) && theirs.Contains(m.Name) != our.Contains(m.Name) && !ByWebhook(m)).Select(m => $"{m.What}: upstream {theirs.Contains(m.Name)}, ours {our.Contains(m.Name)}");
        Assert.That(differing, Is.Empty);
        Assert.That(theirs, Has.Count.LessThan(mutants.Count - 5), "the mutants are too tame");
    }

    /// <summary>Whether a rule of a definition says so, as the host's own check does.</summary>
    private static bool BreaksARule(JsonObject manifest)
    {
        if ((string?)manifest["kind"] != ResourceTypes.Workloads.Kind) return false;
        var spec = System.Text.Json.JsonSerializer.Deserialize(manifest, ResourceTypes.Workloads.Json)!.Spec;
        return Validation.TemplateRules.Check(spec.Template.Spec, spec.Template.Metadata?.Annotations, null, Validation.TemplatePlace.Template).Concat(Validation.WorkloadRules.Check(spec))
            .Any(v => (v.Rule.Asked & (Validation.Asked.Schema | Validation.Asked.Cel)) != 0);
    }

    private static HashSet<string> Accepted(Result result) =>
        [.. result.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l[(l.IndexOf('/', StringComparison.Ordinal) + 1)..].Split(' ')[0])];

    private static IEnumerable<(string Name, string What, JsonObject Manifest)> Mutants(JsonObject manifest)
    {
        var number = 0;
        foreach (var member in Members("spec", manifest["spec"]!).ToList())
        {
            foreach (var (what, value) in ((string, JsonNode?)[])
            [
                ("absent", null), ("a string", "mutant"), ("a number", 1.5), ("an object", new JsonObject()), ("a list", new JsonArray()),
                ("empty", ""), ("long", new string('x', 400)), ("odd", "Not a Label!"), ("negative", -1), ("huge", 9_000_000_000), .. Lists(At(manifest, member.Steps)),
            ])
            {
                var copy = (JsonObject)manifest.DeepClone();
                var name = $"m-{number++}";
                copy["metadata"]!["name"] = name;
                var target = At(copy, [.. member.Steps.SkipLast(1)]);
                if (value is null)
                {
                    ((JsonObject)target).Remove((string)member.Steps[^1]);
                }
                else
                {
                    target[(string)member.Steps[^1]] = value;
                }

                yield return (name, $"{member.Path} is {what}", copy);
            }
        }
    }

    private static JsonNode At(JsonObject manifest, object[] steps) => steps.Aggregate(manifest["spec"]!, (n, step) => step is int i ? n[i]! : n[(string)step]!);

    /// <summary>Items twice, and more of them than any bound allows.</summary>
    private static IEnumerable<(string, JsonNode?)> Lists(JsonNode value)
    {
        if (value is not JsonArray { Count: > 0 } items) yield break;
        yield return ("doubled", new JsonArray([.. items.Concat(items).Select(i => i!.DeepClone())]));
        yield return ("crowded", new JsonArray([.. Enumerable.Range(0, 101).Select(n => Named(items[0]!, n))]));
    }

    private static JsonNode Named(JsonNode item, int number)
    {
        var copy = item.DeepClone();
        if (copy is JsonObject members && members.ContainsKey("name")) members["name"] = $"n-{number}";
        return copy;
    }

    private static IEnumerable<(string Path, object[] Steps)> Members(string path, JsonNode node, params object[] steps) => node switch
    {
        JsonObject members => members.Where(m => m.Value is not null).SelectMany(m =>
            Members($"{path}.{m.Key}", m.Value!, [.. steps, m.Key]).Prepend(($"{path}.{m.Key}", [.. steps, m.Key]))),
        JsonArray items => items.SelectMany((v, i) => Members($"{path}[{i}]", v!, [.. steps, i])),
        _ => [],
    };

    [TestCase("""{"gcp":{"projectId":"p"},"aws":{}}""")]
    [TestCase("{}")]
    [TestCase("\"gcp\"")]
    public async Task A_location_without_exactly_one_block_is_refused(string provider)
    {
        var result = await CreateAsync("networking.datumapis.com/v1alpha", "Location", $$"""{"locationClassName":"c","topology":{},"provider":{{provider}}}""");
        Assert.That(result.Code, Is.Not.Zero);
        Assert.That(result.Output, Does.Contain("spec.provider"));
    }

    [Test]
    public async Task A_block_of_any_driver_is_kept_whole()
    {
        var result = await CreateAsync(
            "networking.datumapis.com/v1alpha", "Location", """{"locationClassName":"c","topology":{},"provider":{"anything":{"a":{"b":[1,{"c":true}]}}}}""");
        Assert.That(result.Code, Is.Zero, result.Output);
        Assert.That(
            JsonNode.Parse(result.StandardOutput)!["spec"]!["provider"]!.ToJsonString(), Is.EqualTo("""{"anything":{"a":{"b":[1,{"c":true}]}}}"""));
    }

    [Test]
    public async Task An_instance_starts_with_the_conditions_that_upstream_starts_it_with()
    {
        var result = await CreateAsync("compute.datumapis.com/v1alpha", "Instance",
            """{"runtime":{"resources":{"instanceType":"t"}},"networkInterfaces":[{"network":{"name":"n"}}]}""");
        var conditions = JsonNode.Parse(result.StandardOutput)!["status"]!["conditions"]!.AsArray();
        Assert.That(
            conditions.Select(c => $"{c!["type"]} {c["status"]} {c["reason"]} {c["lastTransitionTime"]}"),
            Is.EqualTo((string[])["Programmed Unknown Pending 1970-01-01T00:00:00Z", "Running Unknown Pending 1970-01-01T00:00:00Z", "Ready Unknown Pending 1970-01-01T00:00:00Z"]));
    }

    [Test]
    public async Task Zero_and_empty_values_that_our_types_write_satisfy_the_schemas()
    {
        var subnet = new Networking.Subnet { Metadata = new() { Name = "s" } };
        subnet.Spec.IpFamily = "IPv4";
        subnet.Spec.Location = new() { Name = "l", Namespace = "default" };
        var entry = new Providers.ManagedResource { Metadata = new() { Name = "e" } };
        entry.Spec.Kind = Providers.ManagedResourceKind.Network;
        var stamped = (JsonNode[])
        [
            System.Text.Json.JsonSerializer.SerializeToNode(ResourceTypes.Subnets.Stamp(subnet), ResourceTypes.Subnets.Json)!,
            System.Text.Json.JsonSerializer.SerializeToNode(ResourceTypes.ManagedResources.Stamp(entry), ResourceTypes.ManagedResources.Json)!,
        ];
        foreach (var json in stamped)
        {
            var result = await CreateAsync(json);
            Assert.That(result.Code, Is.Zero, result.Output);
        }
    }

    [Test]
    public async Task A_status_patch_with_zero_counters_is_accepted()
    {
        var kubectl = await OursAsync();
        await using var space = await kubectl.NamespaceAsync();
        var seed = SharedFolder.Require("seeds", "seeds/manifests/12-workload-nginx-workload.yaml");
        var read = await kubectl.RunAsync($"apply -n {space.Name} -o json -f {seed}");
        var before = System.Text.Json.JsonSerializer.Deserialize(read.Output, ResourceTypes.Workloads.Json)!;
        var after = ResourceTypes.Workloads.Clone(before);
        after.Status = new() { Conditions = [] };
        Conditions.Set(after.Status.Conditions, ConditionTypes.Available, ConditionStatus.False, Reasons.NetworkNotFound, "", before.Metadata.Generation, DateTimeOffset.UnixEpoch);
        var patch = Patches.Status(ResourceTypes.Workloads, before, after)!;

        // The patch goes through a file: kubectl takes it as one argument, and arguments here are split at blanks.
        var path = Path.Combine(Path.GetTempPath(), $"patch-{Guid.NewGuid():N}.json");
        File.WriteAllText(path, patch.Body.ToJsonString());
        var command = $"patch workload nginx-workload -n {space.Name} --subresource status --type merge -o json --patch-file {path}";
        var first = await kubectl.RunAsync(command);
        var second = await kubectl.RunAsync(command);
        File.Delete(path);
        Assert.That(first.Code, Is.Zero, first.Output);
        Assert.That(JsonNode.Parse(first.StandardOutput)!["status"]!["deployments"]!.GetValue<int>(), Is.Zero);
        Assert.That(second.Code, Is.Not.Zero, "The resourceVersion in the patch is old by now.");
        Assert.That(second.Output, Does.Contain("the object has been modified"));
    }

    [Test]
    public async Task Our_kinds_show_their_columns()
    {
        var kubectl = await OursAsync();
        await CreateAsync("providers.datumapis.com/v1alpha1", "ProviderConfig", """{"driver":"simulator"}""", "columns", dryRun: false);
        var table = (await kubectl.RunAsync("get dpc columns")).StandardOutput.Split('\n');
        await kubectl.RunAsync("delete dpc columns");
        Assert.That(table[0].Split(' ', StringSplitOptions.RemoveEmptyEntries), Is.EqualTo((string[])["NAME", "DRIVER", "READY", "REASON", "ACCOUNT", "AGE"]));
        Assert.That(table[1], Does.Contain("simulator"));
    }

    private static async Task<Result> CreateAsync(string apiVersion, string kind, string spec, string name = "x", bool dryRun = true) =>
        await CreateAsync(JsonNode.Parse($$"""{"apiVersion":"{{apiVersion}}","kind":"{{kind}}","metadata":{"name":"{{name}}"},"spec":{{spec}}}""")!, dryRun);

    private static async Task<Result> CreateAsync(JsonNode manifest, bool dryRun = true)
    {
        var kubectl = await OursAsync();
        var path = Path.Combine(Path.GetTempPath(), $"object-{Guid.NewGuid():N}.json");
        File.WriteAllText(path, manifest.ToJsonString());
        try
        {
            return await kubectl.RunAsync($"create {(dryRun ? "--dry-run=server" : "")} --validate=strict -o json -f {path}");
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task<Kubectl> OursAsync()
    {
        var server = await RealApiServer.SharedAsync();
        await Installing.WaitAsync();
        try
        {
            if (s_ours is null)
            {
                var kubectl = new Kubectl(server.KubeConfigPath);
                var folder = Directory.CreateTempSubdirectory("datum-crds-").FullName;
                foreach (var crd in Crds.All())
                {
                    File.WriteAllBytes(Path.Combine(folder, crd.Name), crd.Yaml.Span);
                }

                await kubectl.InstallAsync([folder]);
                Directory.Delete(folder, recursive: true);
                s_ours = kubectl;
            }

            return s_ours;
        }
        finally
        {
            Installing.Release();
        }
    }

    private static bool Condition(JsonNode crd, string type) =>
        crd["status"]!["conditions"]!.AsArray().Any(c => c!["type"]!.GetValue<string>() == type && c["status"]!.GetValue<string>() == "True");

    /// <summary>What of <paramref name="sent"/> isn't in <paramref name="stored"/>; defaults that the server added are no loss.</summary>
    private static List<string> Missing(string path, JsonNode? sent, JsonNode? stored) => (sent, stored) switch
    {
        (JsonObject a, JsonObject b) => [.. a.SelectMany(m => Missing($"{path}.{m.Key}", m.Value, b[m.Key]))],
        (JsonArray a, JsonArray b) when a.Count == b.Count => [.. a.SelectMany((v, i) => Missing($"{path}[{i}]", v, b[i]))],
        _ => JsonNode.DeepEquals(sent, stored) ? [] : [path],
    };

    private sealed record Result(int Code, string StandardOutput, string Output);

    private sealed class Kubectl(string kubeConfig)
    {
        public async Task InstallAsync(IEnumerable<string> paths)
        {
            foreach (var path in paths)
            {
                var result = await RunAsync($"create -f {path}");
                Assert.That(result.Code, Is.Zero, result.Output);
            }

            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            Result established;
            do
            {
                // A definition that has no conditions yet is an error for kubectl, not something to wait for.
                established = await RunAsync("wait --for=condition=Established --timeout=30s crd --all");
            }
            while (established.Output.Contains("accessor error", StringComparison.Ordinal) && !deadline.IsCancellationRequested);
            Assert.That(established.Code, Is.Zero, established.Output);
        }

        public async Task<Space> NamespaceAsync()
        {
            var name = $"t-{Guid.NewGuid():N}"[..12];
            var result = await RunAsync($"create namespace {name}");
            Assert.That(result.Code, Is.Zero, result.Output);
            return new Space(this, name);
        }

        public async Task<Result> RunAsync(string arguments)
        {
            var start = new ProcessStartInfo("kubectl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
            start.Environment["KUBECONFIG"] = kubeConfig;
            Process process;
            try
            {
                process = Process.Start(start) ?? throw new InvalidOperationException("kubectl doesn't start.");
            }
            catch (System.ComponentModel.Win32Exception e)
            {
                throw SharedFolder.Missing("kubectl", $"kubectl doesn't start: {e.Message}");
            }

            using (process)
            {
                var output = process.StandardOutput.ReadToEndAsync();
                var errors = process.StandardError.ReadToEndAsync();
                await process.WaitForExitAsync();
                var text = await output;
                return new Result(process.ExitCode, text, text + await errors);
            }
        }
    }

    private sealed class Space(Kubectl kubectl, string name) : IAsyncDisposable
    {
        public string Name => name;

        public async ValueTask DisposeAsync() => await kubectl.RunAsync($"delete namespace {name} --wait=false");
    }
}
