using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Testing;

namespace Datum.Providers.Integration.Tests;

/// <summary>The front door of the real program: two projects are written to while it is killed, and each keeps every write that was answered.</summary>
[TestFixture, Category("Slow")]
public sealed class FrontDoorTests
{
    private const string Group = "resourcemanager.miloapis.com";
    private const string Personal = "personal-token-of-the-kill-test";
    private const string Maps = "/api/v1/namespaces/default/configmaps";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Test]
    public async Task Answered_writes_to_projects_survive_kills_and_a_killed_deletion_is_finished()
    {
        var folder = Directory.CreateTempSubdirectory("datum-door-").FullName;
        try
        {
            var tokens = Path.Combine(folder, "tokens");
            await File.WriteAllTextAsync(tokens, $"personalAccessTokens: [{{token: {Personal}, subject: tester, access: write, projects: [a, b]}}]");
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(tokens, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            await using var host = HostProcess.Dev(folder, "--tokens", tokens);
            await host.StartAsync();
            var kubectl = new Kubectl(host.Kubeconfig, folder);
            await MakeProjectsAsync(kubectl);
            using var http = await ClientAsync(kubectl);
            var answered = new ConcurrentDictionary<string, ConcurrentBag<string>> { ["a"] = [], ["b"] = [] };
            for (var round = 0; round < 3; round++)
            {
                await LogInAsync(http);
                var enough = answered.Values.Sum(v => v.Count) + 30;
                var writers = answered.Keys.Select(p => WriteAsync(http, p, round, answered[p])).ToArray();
                await Eventually.TrueAsync(() => Task.FromResult(answered.Values.Sum(v => v.Count) >= enough), Deadline, "writes are answered", () => host.Tail());
                host.Kill();
                await Task.WhenAll(writers);
                await host.StartAsync();
                using (var before = await http.GetAsync(At("a", Maps))) Assert.That((int)before.StatusCode, Is.EqualTo(403), "issued tokens live in memory");
                await LogInAsync(http);
                foreach (var (project, names) in answered) Assert.That(names, Is.SubsetOf(await NamesAsync(http, project)), project);
            }

            await kubectl.RunAsync("delete", $"projects.{Group}", "a", "--wait=false");
            host.Kill();
            await host.StartAsync();
            await Eventually.TrueAsync(async () => await kubectl.FindAsync($"projects.{Group}", "a", "default") is null, Deadline, "the deletion is finished", () => host.Tail());
            await LogInAsync(http);
            Assert.That(answered["b"], Is.SubsetOf(await NamesAsync(http, "b")));
            Assert.That(Directory.GetDirectories(Path.Combine(folder, "plane", "planes")), Has.Length.EqualTo(1));
            Assert.That(Directory.GetFiles(folder, "host-*.log").Select(File.ReadAllText), Has.None.Contain(Personal));
            Assert.That(await host.StopAsync(), Is.Zero, host.Log());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string At(string project, string path) => $"/apis/{Group}/v1alpha1/projects/{project}/control-plane{path}";

    private static async Task MakeProjectsAsync(Kubectl kubectl)
    {
        if (await kubectl.FindAsync("crd", $"projects.{Group}", "default") is null)
        {
            await kubectl.ApplyAsync($$"""
                apiVersion: apiextensions.k8s.io/v1
                kind: CustomResourceDefinition
                metadata: {name: projects.{{Group}}}
                spec:
                  group: {{Group}}
                  scope: Cluster
                  names: {plural: projects, singular: project, kind: Project}
                  versions:
                  - {name: v1alpha1, served: true, storage: true, subresources: {status: {} }, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true} } }
                """, "default");
        }

        foreach (var name in (string[])["a", "b"])
        {
            await kubectl.ApplyAsync($$"""{"apiVersion":"{{Group}}/v1alpha1","kind":"Project","metadata":{"name":"{{name}}"},"spec":{"ownerRef":{"kind":"Organization","name":"o"} } }""", "default");
            await kubectl.RunAsync("wait", "--for=condition=Ready", $"projects.{Group}/{name}", "--timeout=60s");
        }
    }

    private static async Task<HttpClient> ClientAsync(Kubectl kubectl)
    {
        var cluster = JsonNode.Parse(await kubectl.RunAsync("config", "view", "--raw", "-o", "json"))!["clusters"]![0]!["cluster"]!;
        var authority = X509Certificate2.CreateFromPem(Encoding.UTF8.GetString(Convert.FromBase64String((string)cluster["certificate-authority-data"]!)));
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, served, _, _) => served is not null && served.GetRawCertData().SequenceEqual(authority.RawData);
        return new HttpClient(handler) { BaseAddress = new Uri((string)cluster["server"]!) };
    }

    private static async Task LogInAsync(HttpClient http)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/datum-os/oauth/token/exchange") { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", Personal) } };
        using var response = await http.SendAsync(request);
        var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (string?)answer["access_token"] ?? throw new AssertionException(answer.ToJsonString()));
    }

    /// <summary>Writes until the host is gone.</summary>
    private static async Task WriteAsync(HttpClient http, string project, int round, ConcurrentBag<string> answered)
    {
        for (var i = 0; ; i++)
        {
            var name = $"m-{round}-{i}";
            try
            {
                using var body = new StringContent($$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{name}}"} }""", Encoding.UTF8, "application/json");
                using var response = await http.PostAsync(At(project, Maps), body);
                Assert.That((int)response.StatusCode, Is.EqualTo(201));
                answered.Add(name);
            }
            catch (HttpRequestException)
            {
                // It was killed: what was not answered may or may not be there.
                return;
            }
        }
    }

    private static async Task<List<string>> NamesAsync(HttpClient http, string project) =>
        [.. JsonNode.Parse(await http.GetStringAsync(At(project, Maps)))!["items"]!.AsArray().Select(i => (string)i!["metadata"]!["name"]!)];
}
