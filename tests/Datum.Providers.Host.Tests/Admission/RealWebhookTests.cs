using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Datum.Providers.Engine;
using Datum.Providers.Host.Admission;
using Datum.Providers.Host.Tests.BadInput;
using Datum.Providers.Host.Tests.Cli;
using Datum.Providers.Host.Tests.Documentation;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Manifests;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Validation;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging;
using Instance = Datum.Providers.Resources.Compute.Instance;
using Subnet = Datum.Providers.Resources.Networking.Subnet;

namespace Datum.Providers.Host.Tests.Admission;

/// <summary>The webhook behind a real API server, over https with its authority in caBundle, asked by kubectl; beside it the embedded plane and <c>validate</c>.</summary>
[TestFixture, NonParallelizable]
public sealed partial class RealWebhookTests
{
    private static readonly string[] s_samples =
    [
        "seeds/manifests", "datum-upstream/compute/samples", "datum-upstream/workload-operator/samples", "datum-upstream/network-services-operator/main-v0.26.1/samples",
        "datum-upstream/unikraft-provider/samples", "datum-upstream/telemetry-services-operator/samples", "datum-upstream/datum-cloud-milo/samples", "datum-upstream/milo-os-milo/samples",
    ];

    private readonly ScratchFolder _scratch = new();
    private readonly TestCertificate _certificate = new();
    private readonly LogLines _log = new();
    private readonly ObjectCache<Location> _locations = new();
    private RealApiServer _real = null!;
    private KubernetesClient _client = null!;
    private AdmissionServer _webhook = null!;
    private Kubectl _kubectl = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _real = await RealApiServer.StartAsync();
        _client = new KubernetesClient(KubeConfig.Load(_real.KubeConfigPath));
        await PlaneInstaller.ApplyCrdsAsync(_client, Crds.All().Select(c => c.Yaml), CancellationToken.None);
        _kubectl = new Kubectl(_real.KubeConfigPath, _scratch.Path);

        // The cities of the samples; Networks are there or not, that is a warning only.
        _locations.Replace([.. new[] { "DFW", "DLS", "LHR" }.Select(c => new Location { Metadata = { Name = c.ToLowerInvariant(), Namespace = "default", ResourceVersion = "1" }, Spec = { Topology = new() { [Labels.CityCode] = c } } })], "1", []);
        var plane = new ProjectPlane
        {
            Id = "plane", Client = _client, Locations = _locations, ComputeLocations = new ObjectCache<Location>(), Networks = new ObjectCache<Network>(),
            NetworkContexts = new ObjectCache<NetworkContext>(), Subnets = new ObjectCache<Subnet>(), WorkloadDeployments = new ObjectCache<Resources.Compute.WorkloadDeployment>(), Instances = new ObjectCache<Instance>(),
        };
        var rules = new PlaneRules(plane, null, null);
        var settings = new WebhookSettings { Listen = new IPEndPoint(IPAddress.Loopback, 0), CertificateFile = _certificate.CertificateFile, KeyFile = _certificate.KeyFile };
        _webhook = await AdmissionServer.StartAsync(settings, new AdmissionDesk(_client, () => rules, new Logger<AdmissionDesk>(_log)), () => true, _log, TimeProvider.System, CancellationToken.None);
        await _kubectl.RunAsync("create", "-f", _scratch.File("webhook.json", Configuration().ToJsonString()));
        await UntilAnsweredAsync();
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_webhook is not null)
            await _webhook.DisposeAsync();
        if (_client is not null)
            await _client.DisposeAsync();
        if (_real is not null)
            await _real.DisposeAsync();
        _certificate.Dispose();
        _scratch.Dispose();
    }

    [Test]
    public async Task A_bad_manifest_gets_one_answer_of_server_webhook_embedded_plane_and_validate()
    {
        var differ = new List<string>();
        var (byServer, byWebhook) = (0, 0);
        foreach (var (bad, i) in BadManifests.All.Select((b, i) => (b, i)))
        {
            var file = _scratch.File($"bad-{i}.json", bad.Json);
            var refusal = await ApplyAsync(file);
            var rule = Rules.All.Single(r => r.Id == bad.Rule);
            var findings = await ValidateAsync(file);
            // kubectl prints the causes of a refusal, whoever it is by; ours end with the rule.
            var atServer = refusal is not null && !refusal.Contains($"({bad.Rule})", StringComparison.Ordinal);
            _ = atServer ? byServer++ : byWebhook++;
            if (refusal?.Contains(bad.Field, StringComparison.Ordinal) != true)
                differ.Add($"{bad}: the server says {refusal ?? "nothing"}");
            // What a definition says is told by any server, and by our offline one in the same place.
            if (atServer != findings.Any(f => (string?)f["source"] == "Server") || (atServer && (rule.Asked & (Asked.Schema | Asked.Cel)) == 0))
                differ.Add($"{bad}: {(atServer ? "the definition" : "the webhook")} refuses it, and validate says {string.Join("; ", findings.Select(f => $"{f["source"]} {f["field"]} {f["rule"]}"))}");
            if (!findings.Any(f => (string?)f["severity"] == "Error" && ((string?)f["field"])?.StartsWith(bad.Field, StringComparison.Ordinal) == true && (atServer || (string?)f["rule"] == bad.Rule)))
                differ.Add($"{bad}: validate says {string.Join("; ", findings.Select(f => $"{f["source"]} {f["severity"]} {f["field"]} {f["rule"]}"))}");
        }
        TestContext.Progress.WriteLine($"{BadManifests.All.Count} bad manifests: {byServer} refused by the definition, {byWebhook} by the webhook, {differ.Count} differences");
        Assert.Multiple(() =>
        {
            Assert.That(differ, Is.Empty);
            Assert.That(byServer, Is.GreaterThanOrEqualTo(15));
            Assert.That(byWebhook, Is.GreaterThanOrEqualTo(30));
        });
    }

    [Test]
    public async Task A_good_manifest_is_taken_by_all()
    {
        foreach (var (good, i) in BadManifests.Good.Select((g, i) => (g, i)))
        {
            var file = _scratch.File($"good-{i}.json", good);
            Assert.That(await ApplyAsync(file), Is.Null, good);
            Assert.That(await ValidateAsync(file), Is.Empty, good);
        }
    }

    [Test]
    public async Task A_city_that_there_isnt_is_refused_and_a_Network_that_isnt_there_is_told()
    {
        var refusal = await ApplyAsync(_scratch.File("city.json", BadManifests.Spoil(BadManifests.Good[0], "spec.placements.0.cityCodes.0", "\"XYZ\"")));

        Assert.That(refusal, Does.Contain("(placement.city)").And.Contain("Warning: spec.template.spec.networkInterfaces[0].network: There is no Network default/default yet").And.Contain("spec.placements[0].cityCodes[0]: No Location of this namespace or of cluster scope is in 'XYZ'; there are DFW, DLS, LHR."));
    }

    [Test]
    public async Task A_webhook_that_doesnt_answer_stops_nobody()
    {
        // Another one beside it, that nobody serves.
        var silent = Configuration();
        silent["metadata"]!["name"] = "silent";
        silent["webhooks"]![0]!["name"] = "silent.providers.datumapis.com";
        silent["webhooks"]![0]!["clientConfig"]!["url"] = "https://127.0.0.1:9/validate";
        await _kubectl.RunAsync("create", "-f", _scratch.File("silent.json", silent.ToJsonString()));
        try
        {
            Assert.That(await ApplyAsync(_scratch.File("good.json", BadManifests.Good[2])), Is.Null);
        }
        finally
        {
            await _kubectl.RunAsync("delete", "validatingwebhookconfiguration", "silent");
        }
    }

    /// <summary>The table of docs/reference/validation.md: on a difference the wanted rows are printed.</summary>
    [Test]
    public async Task Every_manifest_of_seeds_and_samples_ends_as_the_page_says()
    {
        var wanted = new List<string>();
        foreach (var folder in s_samples)
            foreach (var path in Directory.GetFiles(SharedFolder.Require("seeds", folder), "*.yaml").Order(StringComparer.Ordinal))
            {
                var read = ManifestReader.Read(path, await File.ReadAllBytesAsync(path));
                var name = folder.StartsWith("seeds", StringComparison.Ordinal) ? $"seeds/{Path.GetFileName(path)}" : $"{folder["datum-upstream/".Length..]}/{Path.GetFileName(path)}";
                wanted.AddRange(read.Errors.Select(_ => $"| {name} | | refused: no apiVersion |").Distinct());
                // ConfigMaps and Secrets that the samples bring along aren't Datum's.
                foreach (var manifest in read.Objects.Where(o => o.ApiVersion != "v1"))
                {
                    var refusal = await ApplyAsync(_scratch.File("sample.json", manifest.Json.ToJsonString()), "--validate=warn");
                    var answer = refusal is null ? "accepted"
                        : NoKind().IsMatch(refusal) ? "not a kind of ours"
                        : $"refused: {string.Join(", ", Fields().Matches(refusal).Select(m => $"`{m.Value}`").Distinct())}";
                    wanted.Add($"| {name} | {manifest.Kind} {manifest.Name} | {answer} |");
                }
            }
        TestContext.Progress.WriteLine(string.Join('\n', wanted));
        var page = Page.Of("docs/reference/validation.md").Section("## Seeds and samples").Text.Split('\n').Where(l => l.StartsWith('|')).Skip(2);
        Assert.That(page, Is.EqualTo(wanted));
    }

    /// <summary>What deploy/webhook says, with this server's address in place of the service.</summary>
    private JsonObject Configuration()
    {
        var configuration = YamlJson.Parse(Encoding.UTF8.GetBytes(Repository.Read("deploy/webhook/webhook.yaml"))).Single(d => (string?)d["kind"] == "ValidatingWebhookConfiguration").DeepClone().AsObject();
        configuration["webhooks"]![0]!["clientConfig"] = new JsonObject
        {
            ["url"] = new Uri(_webhook.Address, "/validate").ToString(), ["caBundle"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(_certificate.AuthorityPem)),
        };
        return configuration;
    }

    // A server takes a moment to notice a configuration.
    private async Task UntilAnsweredAsync()
    {
        var file = _scratch.File("first.json", BadManifests.All.First(m => m.Rule == "network.range").Json);
        await Eventually.TrueAsync(async () => await ApplyAsync(file) is not null, TimeSpan.FromSeconds(30), "the server asks the webhook");
    }

    private async Task<string?> ApplyAsync(string file, string mode = "--validate=strict")
    {
        try
        {
            await _kubectl.RunAsync("apply", mode, "--dry-run=server", "-n", "default", "-f", file);
            return null;
        }
        catch (KubectlException e)
        {
            return e.Message;
        }
    }

    private static async Task<IReadOnlyList<JsonNode>> ValidateAsync(string file) =>
        [.. JsonNode.Parse((await CliRun.Async("validate", "-f", file, "-o", "json")).Out)!["findings"]!.AsArray().Select(f => f!)];

    [GeneratedRegex(@"no matches for kind|the server could not find the requested resource|unable to recognize|resource mapping not found")]
    private static partial Regex NoKind();

    [GeneratedRegex(@"(?:spec|metadata)(?:\.[A-Za-z0-9]+|\[[^\]]*\])*(?=: )")]
    private static partial Regex Fields();
}
