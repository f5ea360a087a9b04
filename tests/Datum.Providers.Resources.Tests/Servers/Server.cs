using System.Diagnostics;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.DevPlane;
using Datum.Providers.Host.Composition;
using Datum.Providers.Kubernetes;
using Datum.Providers.Testing;

namespace Datum.Providers.Resources.Tests;

/// <summary>What a server answered.</summary>
internal sealed record Answer(int Code, JsonNode? Json, IReadOnlyList<string> Warnings)
{
    /// <summary>Code, sentences and warnings in a form that two servers can be compared by; several causes come in no defined order.</summary>
    public string Refusal()
    {
        var causes = Json?["details"]?["causes"] as JsonArray ?? [];
        string[] lines = [.. causes.Select(c => $"{c!["field"]}: {c["reason"]}: {c["message"]}").Order(StringComparer.Ordinal)];
        var message = causes.Count > 1 ? "" : (string?)Json?["message"];
        return $"{Code} {(Code < 300 ? "" : $"{Json?["reason"]} {message}\n{string.Join('\n', lines)}")}\n{string.Join('\n', Warnings.Order(StringComparer.Ordinal))}";
    }
}

/// <summary>An API server under test, by HTTP and by kubectl.</summary>
internal sealed class Server : IAsyncDisposable
{
    public const string Definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

    private readonly IAsyncDisposable server;
    private readonly HttpClient http;
    private readonly string folder;

    private Server(string name, IAsyncDisposable server, string kubeConfig, string folder)
    {
        (Name, this.server, KubeConfigPath, this.folder) = (name, server, kubeConfig, folder);
        var connection = KubeConfig.Load(kubeConfig);
        var handler = new SocketsHttpHandler { UseProxy = false };
        if (connection.ClientCertificate is { } own) handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => own;
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(connection.Authorities!);
        http = new HttpClient(handler) { BaseAddress = connection.Server };
        if (connection.Token is { } token) http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public string Name { get; }

    public string KubeConfigPath { get; }

    /// <summary>The embedded plane in memory, with the rules that the host gives it.</summary>
    public static async Task<Server> EmbeddedAsync()
    {
        var plane = await DevPlaneServer.StartAsync(new DevPlaneOptions { CelRules = RuleRegistration.Create() });
        var folder = Directory.CreateTempSubdirectory("datum-embedded-").FullName;
        var path = Path.Combine(folder, "kubeconfig");
        plane.WriteKubeconfig(path);
        return new Server("embedded", plane, path, folder);
    }

    public static async Task<Server> RealAsync()
    {
        var real = await RealApiServer.StartAsync();
        return new Server("real", real, real.KubeConfigPath, Directory.CreateTempSubdirectory("datum-real-").FullName);
    }

    public async Task<Answer> SendAsync(string method, string path, JsonNode? body = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null) request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        JsonNode? json = null;
        if (text.StartsWith('{')) json = JsonNode.Parse(text);
        return new Answer((int)response.StatusCode, json, response.Headers.TryGetValues("Warning", out var values) ? [.. values] : []);
    }

    /// <summary>Creates definitions and waits until each is served.</summary>
    public async Task DefineAsync(IReadOnlyCollection<JsonObject> definitions)
    {
        foreach (var definition in definitions)
        {
            var answer = await SendAsync("POST", Definitions, definition);
            Assert.That(answer.Code, Is.EqualTo(201), $"{Name}: {definition["metadata"]!["name"]}: {answer.Json?["message"]}");
        }

        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        foreach (var definition in definitions)
        {
            var spec = definition["spec"]!;
            foreach (var version in spec["versions"]!.AsArray())
            {
                var path = $"/apis/{spec["group"]}/{version!["name"]}/{spec["names"]!["plural"]}";
                while ((await SendAsync("GET", path + "?limit=1")).Code != 200) await Task.Delay(50, deadline.Token);
            }
        }
    }

    /// <summary>Runs kubectl with a file or standard input; never throws for what kubectl refuses.</summary>
    public async Task<(int Code, string Output, string Errors)> KubectlAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("kubectl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["KUBECONFIG"] = KubeConfigPath;
        start.Environment["HOME"] = folder;
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
            using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(2));
            var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            var errors = process.StandardError.ReadToEndAsync(deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
            return (process.ExitCode, await output, await errors);
        }
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await server.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }
}
