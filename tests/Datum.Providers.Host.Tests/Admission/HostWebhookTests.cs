using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Datum.Providers.Host.Admission;
using Datum.Providers.Host.Composition;
using Datum.Providers.Host.Tests.BadInput;
using Datum.Providers.Host.Tests.Cli;

namespace Datum.Providers.Host.Tests.Admission;

/// <summary>The webhook of a whole host, and <c>validate --against</c> beside it: the same answers from the same plane.</summary>
[TestFixture, NonParallelizable]
public sealed partial class HostWebhookTests
{
    [Test]
    public async Task L11_a_hosts_webhook_and_validate_refuse_what_the_Locations_driver_cant_do_in_the_hosts_own_words()
    {
        using var certificate = new TestCertificate();
        await using var stage = await Stage.PlaneOnlyAsync(development: true);
        await stage.StartHostAsync(webhook: new WebhookSettings { Listen = new IPEndPoint(IPAddress.Loopback, 0), CertificateFile = certificate.CertificateFile, KeyFile = certificate.KeyFile });
        await stage.ApplyAsync(Stage.GoodConfig(stage.Folder));
        var space = await stage.SpaceAsync();
        await space.LocationAsync("here", "{simulator: {zone: z1}}", city: "DFW");
        await space.LocationIsAsync("here", "Ready", "ProbeSucceeded");
        await space.NetworkAsync();
        var address = Address().Match(stage.Log.Of(1403).Single()).Value;
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, SslOptions = new() { RemoteCertificateValidationCallback = (_, found, _, _) => found?.Issuer == certificate.Authority.Subject } });
        await stage.UntilAsync(async () => (await http.GetAsync(new Uri(address + "readyz"))).IsSuccessStatusCode ? null : "the webhook isn't ready");

        var good = Workload(space.Name);
        var bad = good.Replace("datumcloud/d1-standard-2", "own/huge", StringComparison.Ordinal);
        var refused = await AskAsync(http, address, space.Name, bad);
        var taken = await AskAsync(http, address, space.Name, good);
        var validate = await CliRun.Async(new CliSeat { Input = bad }, "validate", "-f", "-", "--against", stage.Kubeconfig, "--drivers", stage.Volume.Path, "--development", "-o", "json");
        await stage.ApplyAsync(bad);
        var condition = await stage.ConditionAsync(Space.Compute, "instances", space.Name, "web-p-dfw-0", "Programmed", "ConfigurationError");

        var cause = refused["status"]!["details"]!["causes"]![0]!;
        var finding = JsonNode.Parse(validate.Out)!["findings"]!.AsArray().Single()!;
        var words = ((string)finding["message"]!).Split(" (Location")[0];
        Assert.Multiple(() =>
        {
            Assert.That((bool)refused["allowed"]!, Is.False);
            Assert.That((bool)taken["allowed"]!, Is.True);
            Assert.That((string?)cause["field"], Is.EqualTo("spec.template.spec.runtime.resources.instanceType"));
            Assert.That((string?)cause["message"], Does.Contain("capability instanceTypes").And.EndWith("(capability)"));
            Assert.That(((string?)finding["field"], (string?)finding["rule"], (string?)finding["severity"]), Is.EqualTo(((string?)cause["field"], "capability", "Error")));
            Assert.That((string?)cause["message"], Is.EqualTo($"{finding["message"]} (capability)"));
            Assert.That((string?)condition["message"], Does.Contain(words), "the host's own refusal says the same");
        });
    }

    [Test]
    public async Task A_webhook_without_its_certificate_ends_the_start_with_what_to_do()
    {
        await using var stage = await Stage.PlaneOnlyAsync(development: true);

        await stage.StartHostAsync(waitStarted: false, webhook: new WebhookSettings { Listen = new IPEndPoint(IPAddress.Loopback, 0), CertificateFile = "/nowhere/tls.crt", KeyFile = "/nowhere/tls.key" });

        var end = await Assert.ThrowsAsync<HostStartException>(() => stage.Run);
        Assert.That(end!.Message, Does.Contain("/nowhere/tls.crt").And.Contain("PEM"));
    }

    [TestCase("--webhook", "127.0.0.1:9443")]
    [TestCase("--webhook", "9443", "--webhook-cert", "a", "--webhook-key", "b")]
    [TestCase("--webhook-cert", "a")]
    public async Task Options_of_the_webhook_belong_together(params string[] options)
    {
        var run = await CliRun.Async(["run", "--drivers", CliRun.DriverVolume, .. options]);

        Assert.That(run.Exit, Is.EqualTo(2));
        Assert.That(run.Error, Does.Contain("--webhook"));
    }

    private static async Task<JsonNode> AskAsync(HttpClient http, string address, string ns, string yaml)
    {
        var value = Kubernetes.YamlJson.Parse(Encoding.UTF8.GetBytes(yaml))[0]!.DeepClone();
        var review = new JsonObject
        {
            ["apiVersion"] = "admission.k8s.io/v1", ["kind"] = "AdmissionReview",
            ["request"] = new JsonObject { ["uid"] = "u", ["operation"] = "CREATE", ["namespace"] = ns, ["name"] = "web", ["userInfo"] = new JsonObject { ["username"] = "ana" }, ["object"] = value },
        };
        using var response = await http.PostAsync(new Uri(address + "validate"), new StringContent(review.ToJsonString(), Encoding.UTF8, "application/json"));
        return JsonNode.Parse(await response.Content.ReadAsStringAsync())!["response"]!;
    }

    private static string Workload(string ns) => $$"""
        apiVersion: compute.datumapis.com/v1alpha
        kind: Workload
        metadata: { name: web, namespace: {{ns}} }
        spec:
          template:
            spec:
              runtime:
                resources: { instanceType: datumcloud/d1-standard-2 }
                sandbox:
                  containers: [{name: web, image: "web:1"}]
              networkInterfaces:
              - network: {name: default}
          placements:
          - name: p
            cityCodes: [DFW]
            scaleSettings: {minReplicas: 1}
        """;

    [GeneratedRegex(@"https://\S+")]
    private static partial Regex Address();
}
