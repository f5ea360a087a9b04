using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Testing;
using Microsoft.AspNetCore.Http;
using static Datum.Providers.Kubernetes.Tests.ScriptedServer;

namespace Datum.Providers.Kubernetes.Tests;

/// <summary>Bearer tokens that are exchanged for a personal access token or a service account's key: one server is endpoint and API server at once.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class AccessTokenTests
{
    private const string Personal = "canary-personal-5ecret";
    private static readonly ObjectKey Key = new("ns", "w");
    private readonly ManualScheduler _time = new();
    private readonly ConcurrentQueue<string> _issued = new();
    private readonly ListLogger _log = new();
    private string _folder = "";
    private int _endpointCode = 200;
    private Func<HttpContext, CancellationToken, Task>? _endpoint;
    private Func<string, bool> _accepts = _ => true;
    private int _refusal = 401;

    private static int Exchanges(ScriptedServer server) => server.Requests.Count(r => r.EndsWith("/exchange", StringComparison.Ordinal) || r.EndsWith("/oauth/v2/token", StringComparison.Ordinal));

    /// <summary>What the last request that was no exchange carried.</summary>
    private static string? LastOf(ScriptedServer server) => server.Headers.Select(h => (string?)h.Authorization).Last(a => a != $"Bearer {Personal}");

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("datum-token-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task A_personal_access_token_is_exchanged_once_and_shared_by_all_paths_of_the_server()
    {
        await using var server = await ServeAsync();
        var connection = Connection(server);
        await using var one = Client(connection.At("/a"));
        await using var other = Client(connection.At("/b"));
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => (i % 2 == 0 ? one : other).FindAsync(Widget.Type, Key, CancellationToken.None)));
        Assert.That(Exchanges(server), Is.EqualTo(1));
        Assert.That(server.Requests.Count(r => r.StartsWith("GET /a/", StringComparison.Ordinal)), Is.EqualTo(4));
        Assert.That(server.Requests.Count(r => r.StartsWith("GET /b/", StringComparison.Ordinal)), Is.EqualTo(4));
    }

    [Test]
    public async Task A_token_is_refreshed_before_the_hour_and_nobody_waits_for_it()
    {
        await using var server = await ServeAsync();
        await using var client = Client(Connection(server));
        await client.FindAsync(Widget.Type, Key, CancellationToken.None);
        _time.Advance(TimeSpan.FromMinutes(50) - TimeSpan.FromSeconds(1));
        await client.FindAsync(Widget.Type, Key, CancellationToken.None);
        Assert.That(Exchanges(server), Is.EqualTo(1));

        var gate = new TaskCompletionSource();
        _endpoint = async (c, _) => { await gate.Task; await IssueAsync(c); };
        _time.Advance(TimeSpan.FromSeconds(1));
        await client.FindAsync(Widget.Type, Key, CancellationToken.None);
        Assert.That(LastOf(server), Is.EqualTo("Bearer token-1"), "the exchange hangs, and the old token is good");
        gate.SetResult();
        await Eventually.HoldsAsync(() => _issued.Count == 2, "the next token is there");
        await Eventually.HoldsAsync(() => client.FindAsync(Widget.Type, Key, CancellationToken.None).Wait(TimeSpan.FromSeconds(10)) && LastOf(server) == "Bearer token-2", "it is used");
    }

    [Test]
    public async Task An_exchange_that_fails_is_told_and_the_old_token_serves_until_it_expires()
    {
        await using var server = await ServeAsync();
        await using var client = Client(Connection(server));
        await client.FindAsync(Widget.Type, Key, CancellationToken.None);
        _endpointCode = 500;
        _time.Advance(TimeSpan.FromMinutes(55));
        await client.FindAsync(Widget.Type, Key, CancellationToken.None);
        await Eventually.HoldsAsync(() => _log.Lines.Any(l => l.Contains("5 more minutes", StringComparison.Ordinal)), "the failure is told");
        await client.FindAsync(Widget.Type, Key, CancellationToken.None);
        Assert.That(Exchanges(server), Is.EqualTo(2), "it isn't asked again for each request");

        _time.Advance(TimeSpan.FromMinutes(5));
        var error = (await Assert.ThrowsAsync<HttpRequestException>(() => client.FindAsync(Widget.Type, Key, CancellationToken.None)))!;
        Assert.That(error.HttpRequestError, Is.EqualTo(HttpRequestError.UserAuthenticationError));
        Assert.That(error.Message, Does.Contain("answers 500").And.Contain(At("pat")));
        Assert.That(error + string.Join('\n', _log.Lines), Does.Not.Contain("canary").And.Not.Contain("token-1"));

        _endpointCode = 200;
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.That(await client.FindAsync(Widget.Type, Key, CancellationToken.None), Is.Not.Null);
    }

    [TestCase(401)]
    [TestCase(403)]
    public async Task A_token_that_the_server_does_not_know_any_more_is_replaced_and_the_read_sent_again(int refusal)
    {
        await using var server = await ServeAsync();
        await using var client = Client(Connection(server));
        await client.FindAsync(Widget.Type, Key, CancellationToken.None);
        _time.Advance(TimeSpan.FromMinutes(1));
        (_accepts, _refusal) = (token => token == "token-2", refusal);
        Assert.That(await client.FindAsync(Widget.Type, Key, CancellationToken.None), Is.Not.Null);
        Assert.That(Exchanges(server), Is.EqualTo(2));
    }

    [Test]
    public async Task A_server_that_refuses_every_token_causes_few_exchanges_and_disturbs_no_other()
    {
        await using var server = await ServeAsync();
        var connection = Connection(server);
        await using var refused = Client(connection.At("/closed"));
        await using var other = Client(connection.At("/open"));
        _refusal = 403;
        for (var minute = 0; minute < 60; minute++)
        {
            for (var i = 0; i < 20; i++)
                await Assert.ThrowsAsync<KubernetesException>(() => refused.FindAsync(Widget.Type, Key, CancellationToken.None));
            Assert.That(await other.FindAsync(Widget.Type, Key, CancellationToken.None), Is.Not.Null);
            _time.Advance(TimeSpan.FromMinutes(1));
        }
        Assert.That(Exchanges(server), Is.InRange(2, 12), "1,200 refusals in an hour");
    }

    [Test]
    public async Task A_refusal_that_names_the_user_is_the_truth_and_fetches_nothing()
    {
        await using var server = await StartAsync((c, _, _) => c.Request.Path == "/exchange" ? IssueAsync(c)
            : JsonAsync(c, 403, """{"kind":"Status","message":"widgets is forbidden: User \"robot\" cannot get resource","reason":"Forbidden","code":403}"""));
        await using var client = Client(Connection(server));
        for (var i = 0; i < 3; i++)
        {
            var error = (await Assert.ThrowsAsync<KubernetesException>(() => client.FindAsync(Widget.Type, Key, CancellationToken.None)))!;
            Assert.That((error.Code, error.IsUnauthenticated), Is.EqualTo((403, false)));
            _time.Advance(TimeSpan.FromMinutes(1));
        }
        Assert.That(Exchanges(server), Is.EqualTo(1));
    }

    [Test]
    public async Task A_service_accounts_key_signs_an_assertion_that_the_public_half_verifies()
    {
        using var key = RSA.Create(2048);
        string? form = null;
        await using var server = await StartAsync(async (c, _, _) =>
        {
            using var reader = new StreamReader(c.Request.Body);
            form = await reader.ReadToEndAsync(CancellationToken.None);
            await IssueAsync(c);
        });
        Write("key.json", KeyFile(server, key).ToJsonString());
        var token = await new ServiceAccountKey(At("key.json")).IssueAsync(_time, CancellationToken.None);
        Assert.That((token.Value, token.RefreshAt - _time.Now), Is.EqualTo(("token-1", TimeSpan.FromMinutes(50))));

        var fields = form!.Split('&').Select(f => f.Split('=')).ToDictionary(f => f[0], f => Uri.UnescapeDataString(f[1]));
        Assert.That(fields["grant_type"], Is.EqualTo("urn:ietf:params:oauth:grant-type:jwt-bearer"));
        var parts = fields["assertion"].Split('.');
        Assert.That(key.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), Is.True);
        var header = JsonNode.Parse(Base64Url.DecodeFromChars(parts[0]))!;
        var claims = JsonNode.Parse(Base64Url.DecodeFromChars(parts[1]))!;
        Assert.That(((string?)header["alg"], (string?)header["kid"]), Is.EqualTo(("RS256", "k1")));
        Assert.That(((string?)claims["iss"], (string?)claims["sub"], (string?)claims["aud"]), Is.EqualTo(("robot", "robot", server.Address.GetLeftPart(UriPartial.Authority))));
        Assert.That((long)claims["exp"]! - (long)claims["iat"]!, Is.EqualTo(60));
    }

    [TestCase("client_id", null, "client_id is missing")]
    [TestCase("private_key", "canary", "private_key must be an RSA private key")]
    [TestCase("token_uri", "http://auth.example.com/token", "must be an https URL")]
    [TestCase("type", "authorized_user", "type must be datum_service_account")]
    public async Task A_key_file_that_can_not_be_used_is_refused_with_its_field(string field, string? value, string told)
    {
        using var key = RSA.Create(2048);
        await using var server = await ServeAsync();
        var file = KeyFile(server, key);
        file[field] = value;
        Write("key.json", file.ToJsonString());
        Assert.That(() => new ServiceAccountKey(At("key.json")), Throws.InstanceOf<KubeConfigException>().With.Message.Contains(told).And.Message.Not.Contains("canary"));
    }

    [Test]
    public async Task A_secret_that_everybody_may_read_is_refused()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("Windows has no such modes.");
            return;
        }
        await using var server = await ServeAsync();
        Write("pat", Personal);
        File.SetUnixFileMode(At("pat"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        Assert.That(() => new PersonalAccessToken(At("pat"), $"{server.Address}exchange"), Throws.InstanceOf<KubeConfigException>().With.Message.Contains("chmod 600").And.Message.Not.Contains("canary"));
        File.SetUnixFileMode(At("pat"), UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Assert.That(() => new PersonalAccessToken(At("pat"), $"{server.Address}exchange"), Throws.Nothing, "a pod's fsGroup reads by group");
        Assert.That(() => new PersonalAccessToken(At("pat"), "http://api.example.com/exchange"), Throws.InstanceOf<KubeConfigException>().With.Message.Contains("https"));
    }

    private static JsonObject KeyFile(ScriptedServer server, RSA key) => new()
    {
        ["type"] = "datum_service_account", ["token_uri"] = $"{server.Address}oauth/v2/token", ["scope"] = "openid", ["client_id"] = "robot", ["client_email"] = "robot@x",
        ["private_key_id"] = "k1", ["private_key"] = key.ExportPkcs8PrivateKeyPem(),
    };

    private Task<ScriptedServer> ServeAsync() => StartAsync(async (c, _, ended) =>
    {
        if (c.Request.Path == "/exchange")
        {
            if (_endpoint is { } special)
                await special(c, ended);
            else if (_endpointCode != 200)
                await JsonAsync(c, _endpointCode, $$"""{"error":"server_error","error_description":"{{Personal}}"}""");
            else if (c.Request.Headers.Authorization == $"Bearer {Personal}")
                await IssueAsync(c);
            return;
        }
        var token = c.Request.Headers.Authorization.ToString().Replace("Bearer ", "", StringComparison.Ordinal);
        if (!c.Request.Path.StartsWithSegments("/closed", StringComparison.Ordinal) && _accepts(token))
            await JsonAsync(c, 200, Item("w", 4));
        else if (_refusal == 401)
            await StatusAsync(c, 401, "Unauthorized");
        else
            await JsonAsync(c, 403, """{"kind":"Status","message":"forbidden: User \"system:anonymous\" cannot get path","reason":"Forbidden","code":403}""");
    });

    private Task IssueAsync(HttpContext context)
    {
        _issued.Enqueue($"token-{_issued.Count + 1}");
        return JsonAsync(context, 200, JsonSerializer.Serialize(new Dictionary<string, string> { ["access_token"] = _issued.Last(), ["token_type"] = "Bearer" }));
    }

    private KubernetesConnection Connection(ScriptedServer server)
    {
        Write("pat", Personal + "\n");
        return new KubernetesConnection { Server = server.Address, Tokens = new AccessTokens(new PersonalAccessToken(At("pat"), $"{server.Address}exchange")) };
    }

    private KubernetesClient Client(KubernetesConnection connection) =>
        new(connection, new KubernetesClientOptions { Scheduler = _time, RequestTimeout = Timeout.InfiniteTimeSpan, Logger = _log });

    private void Write(string name, string text)
    {
        File.WriteAllText(At(name), text);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(At(name), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private string At(string name) => Path.Combine(_folder, name);
}
