using System.Text;
using Datum.Providers.Testing;

namespace Datum.Providers.Integration.Tests;

/// <summary>The real program, kubectl and VictoriaMetrics: a seed's policy and one about instances reach a receiver that others wrote.</summary>
[TestFixture, Category("Slow")]
public sealed class ExportTests
{
    private const string Policies = "exportpolicies.telemetry.miloapis.com";
    private const string OlderPolicies = "exportpolicies.telemetry.datumapis.com";
    private const string Password = "canary-of-the-export-test";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(90);

    [Test]
    public async Task The_seeds_policy_and_one_about_instances_reach_VictoriaMetrics()
    {
        var seed = SharedFolder.Require("seeds", "seeds/manifests/01-list-list.yaml");
        await using var victoria = await VictoriaMetrics.StartAsync(Password);
        var folder = Directory.CreateTempSubdirectory("datum-export-").FullName;
        try
        {
            await using var host = HostProcess.Dev(folder, "--export-allow", "127.0.0.1/32", "--export-http", "--export-period", "1s");
            await host.StartAsync();
            var kubectl = new Kubectl(host.Kubeconfig, folder);

            // As it stands: accepted but for its Secret, which the seed names and doesn't bring.
            await kubectl.ApplyFileAsync(seed, "default");
            await ReasonAsync(kubectl, OlderPolicies, "exportpolicy", "InvalidAuthentication", "Ready", host);
            // Its endpoint is a service of the internet: the receiver of this test takes its place, and nothing else of it changes.
            await kubectl.RunAsync("patch", OlderPolicies, "exportpolicy", "-n", "default", "--type=json", "-p",
                $$"""[{"op":"replace","path":"/spec/sinks/0/target/prometheusRemoteWrite/endpoint","value":"{{victoria.Endpoint}}"}]""");
            await kubectl.ApplyAsync($$"""
                apiVersion: v1
                kind: Secret
                metadata: {name: grafana-cloud-credentials}
                type: kubernetes.io/basic-auth
                data: {username: {{Base64(VictoriaMetrics.User)}}, password: {{Base64(Password)}} }
                """, "default");
            await kubectl.ApplyAsync(Place(folder, victoria.Endpoint), "default");
            await kubectl.ApplyFileAsync(Stage.Sample("11-network-default.yaml"), "default");
            await kubectl.ApplyFileAsync(Stage.Sample("12-workload-nginx-workload.yaml"), "default");

            await ReasonAsync(kubectl, OlderPolicies, "exportpolicy", "Delivered", "Delivering", host);
            await ReasonAsync(kubectl, Policies, "instances", "Delivered", "Delivering", host);
            await Eventually.NothingWrongAsync(async () => (await victoria.SamplesAsync("datum_instance_ready")) is { Count: > 0 } seen && seen.Any(s => s.Values[^1] == 1) ? null : "no instance that is ready", Deadline, "the instance is seen there", () => host.Tail());

            var instance = (await victoria.SamplesAsync("datum_instance_ready")).Single(s => s.Values[^1] == 1).Labels;
            var telemetry = await victoria.SamplesAsync("""{service_name="telemetry.datumapis.com",resource_name="exportpolicy"}""");
            Assert.Multiple(() =>
            {
                Assert.That(instance, Is.SupersetOf(new Dictionary<string, string>
                {
                    ["service_name"] = "compute.datumapis.com", ["resource_kind"] = "Instance", ["namespace"] = "default", ["instance"] = "nginx-workload-us-dfw-0",
                    ["deployment"] = "nginx-workload-us-dfw", ["workload"] = "nginx-workload", ["location"] = "dfw", ["driver"] = "simulator",
                }));
                Assert.That(telemetry.Select(t => t.Labels["__name__"]).Distinct(), Is.EquivalentTo(["datum_export_samples_total", "datum_export_requests_total", "datum_export_queue_samples"]));
                Assert.That(telemetry.Select(t => t.Labels["sink"]).Distinct(), Is.EqualTo(["grafana-cloud-metrics"]));
            });

            // A password that the receiver doesn't know is told; with the right one it goes on.
            await kubectl.RunAsync("patch", "secret", "grafana-cloud-credentials", "-n", "default", "--type=merge", "-p", $$"""{"data":{"password":"{{Base64("wrong")}}"} }""");
            await ReasonAsync(kubectl, Policies, "instances", "CredentialsRefused", "Delivering", host);
            await kubectl.RunAsync("patch", "secret", "grafana-cloud-credentials", "-n", "default", "--type=merge", "-p", $$"""{"data":{"password":"{{Base64(Password)}}"} }""");
            await ReasonAsync(kubectl, Policies, "instances", "Delivered", "Delivering", host);

            Assert.That(host.Log(), Does.Not.Contain(Password).And.Not.Contain(Base64(Password)));
            Assert.That(await kubectl.RunAsync("get", $"{Policies},{OlderPolicies},events", "-A", "-o", "yaml"), Does.Not.Contain(Password).And.Not.Contain(Base64(Password)));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Task ReasonAsync(Kubectl kubectl, string kind, string name, string reason, string condition, HostProcess host) => Eventually.NothingWrongAsync(async () =>
    {
        var status = (await kubectl.FindAsync(kind, name, "default"))?["status"];
        var found = status?["sinks"]?[0]?["conditions"]?.AsArray().FirstOrDefault(c => (string?)c!["type"] == condition);
        return (string?)found?["reason"] == reason ? null : status?.ToJsonString() ?? "no status";
    }, Deadline, $"{kind} {name}: {condition} is {reason}", () => host.Tail());

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static string Place(string folder, string endpoint) => $$"""
        apiVersion: providers.datumapis.com/v1alpha1
        kind: ProviderConfig
        metadata: {name: simulator}
        spec:
          driver: simulator
          settings: {statePath: {{folder}}/platform}
        ---
        apiVersion: networking.datumapis.com/v1alpha
        kind: Location
        metadata: {name: dfw}
        spec:
          locationClassName: datum-managed
          topology: {topology.datum.net/city-code: DFW}
          provider: {simulator: {zone: local} }
        ---
        apiVersion: telemetry.miloapis.com/v1alpha1
        kind: ExportPolicy
        metadata: {name: instances}
        spec:
          sources:
          - name: instances
            metrics: {metricsql: '{service_name="compute.datumapis.com",driver="simulator"}'}
          sinks:
          - name: own
            sources: [instances]
            target:
              prometheusRemoteWrite:
                endpoint: {{endpoint}}
                authentication: {basicAuth: {secretRef: {name: grafana-cloud-credentials} } }
                batch: {maxSize: 500, timeout: 1s}
                retry: {maxAttempts: 2, backoffDuration: 1s}
        """;
}
