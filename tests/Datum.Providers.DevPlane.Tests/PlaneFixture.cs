using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>An answer with what the tests compare.</summary>
internal sealed record Answer(int Code, string Text, IReadOnlyList<string> Warnings)
{
    public JsonNode? Json
    {
        get
        {
            try
            {
                return JsonNode.Parse(Text);
            }
            catch (System.Text.Json.JsonException)
            {
                return null;
            }
        }
    }

    public string? Message => (string?)Json?["message"];
}

/// <summary>A plain HTTP client for either server.</summary>
internal sealed class PlaneClient(HttpClient http) : IDisposable
{
    public HttpClient Http { get; } = http;

    public static PlaneClient For(DevPlaneServer server, string? token)
    {
        var authority = X509Certificate2.CreateFromPem(server.CertificatePem);
        var http = new HttpClient(Handler(authority, null)) { BaseAddress = server.Address };
        if (token is not null) http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return new PlaneClient(http);
    }

    public static PlaneClient For(string folder, int port)
    {
        var pki = Path.Combine(folder, "pki");
        var authority = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(pki, "ca.crt"));
        using var pem = X509Certificate2.CreateFromPemFile(Path.Combine(pki, "admin.crt"), Path.Combine(pki, "admin.key"));
        var own = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        return new PlaneClient(new HttpClient(Handler(authority, own)) { BaseAddress = new Uri($"https://127.0.0.1:{port}") });
    }

    public async Task<Answer> SendAsync(string method, string path, string? body = null, string? type = null, string? accept = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type ?? "application/json");
        }

        request.Headers.TryAddWithoutValidation("Accept", accept ?? "application/json");
        using var response = await Http.SendAsync(request);
        var warnings = response.Headers.TryGetValues("Warning", out var values) ? values.ToArray() : [];
        return new Answer((int)response.StatusCode, await response.Content.ReadAsStringAsync(), warnings);
    }

    public async Task<Answer> ExpectAsync(int code, string method, string path, string? body = null, string? type = null)
    {
        var answer = await SendAsync(method, path, body, type);
        Assert.That(answer.Code, Is.EqualTo(code), $"{method} {path}: {answer.Text}");
        return answer;
    }

    public void Dispose() => Http.Dispose();

    private static SocketsHttpHandler Handler(X509Certificate2 authority, X509Certificate2? own)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
        {
            if (certificate is not X509Certificate2 served || errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch)) return false;
            using var trust = new X509Chain();
            trust.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            trust.ChainPolicy.CustomTrustStore.Add(authority);
            trust.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            return trust.Build(served);
        };
        if (own is not null) handler.SslOptions.ClientCertificates = [own];
        return handler;
    }
}

internal static class Definitions
{
    public static string Read(string name)
    {
        using var stream = typeof(Definitions).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    public static CelRules Rules()
    {
        var rules = new CelRules();
        rules.RegisterRule("self.low <= self.high", (self, _) => (long)self!["low"]! <= (long)self["high"]!);
        rules.RegisterRule("self.low >= 0", (self, _) => (long)self!["low"]! >= 0);
        rules.RegisterRule("self == oldSelf", (self, old) => JsonNode.DeepEquals(self, old));
        return rules;
    }
}

/// <summary>A folder that is removed with the test.</summary>
internal sealed class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("datum-devplane-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

internal static class Eventually
{
    /// <summary>Waits until the condition holds; fails after the deadline with what it is about.</summary>
    public static async Task HoldsAsync(Func<Task<bool>> condition, string about, int seconds = 20)
    {
        var deadline = DateTime.UtcNow.AddSeconds(seconds);
        while (!await condition())
        {
            if (DateTime.UtcNow > deadline) Assert.Fail($"Not within {seconds} s: {about}");
            await Task.Delay(20);
        }
    }
}
