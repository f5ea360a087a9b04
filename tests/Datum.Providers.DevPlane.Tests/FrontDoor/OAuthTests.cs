using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>Bearer tokens for personal access tokens and for service accounts' signed assertions, and every way to get one that must fail.</summary>
[TestFixture]
public sealed class OAuthTests
{
    private const string Personal = "personal-access-token-0123456789";
    private const string Exchange = "/datum-os/oauth/token/exchange";
    private const string TokenPath = "/oauth/v2/token";
    private const string GrantType = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
    private const string Form = "application/x-www-form-urlencoded";

    private static readonly RSA Key = RSA.Create(2048);
    private static readonly RSA OtherKey = RSA.Create(2048);

    private TempFolder folder = null!;
    private Door door = null!;

    private static string Accounts => $$"""
        serviceAccounts:
        - {clientId: robot, subject: robot@a, access: write, projects: [a], keys: [{id: k1, publicKey: "{{Pem(Key)}}"}]}
        - {clientId: other, access: read, projects: [b], keys: [{id: k2, publicKey: "{{Pem(OtherKey)}}"}]}
        """;

    private static string Tokens => $$"""
        personalAccessTokens: [{token: {{Personal}}, subject: alice, access: write, projects: [a]}]
        {{Accounts}}
        """;

    [OneTimeTearDown]
    public void DropKeys()
    {
        Key.Dispose();
        OtherKey.Dispose();
    }

    [SetUp]
    public async Task OpenAsync()
    {
        folder = new TempFolder();
        door = await Door.OpenAsync(folder, Tokens);
        await door.ProjectAsync("a");
    }

    [TearDown]
    public async Task CloseAsync()
    {
        if (door is not null) await door.DisposeAsync();
        folder.Dispose();
    }

    [Test]
    public async Task A_personal_access_token_gives_a_bearer_token_for_an_hour()
    {
        using var personal = door.Client(Personal);
        await personal.ExpectAsync(403, "GET", Door.At("a", "/api"));
        var answer = (await personal.ExpectAsync(200, "GET", Exchange)).Json!;
        Assert.That(((string?)answer["token_type"], (int)answer["expires_in"]!), Is.EqualTo(("Bearer", 3600)));
        using var client = door.Client((string)answer["access_token"]!);
        await client.ExpectAsync(201, "POST", Door.At("a", Door.Maps), Door.Map("m"));
        await client.ExpectAsync(403, "GET", Door.At("b", "/api"));
        await client.ExpectAsync(403, "GET", "/api");
        Assert.That((await client.ExpectAsync(401, "POST", Exchange)).Json!["error"]!.ToString(), Is.EqualTo("invalid_token"), "a bearer token makes no other");
        door.Time.Advance(TimeSpan.FromMinutes(59));
        await client.ExpectAsync(200, "GET", Door.At("a", "/api"));
        door.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.That((await client.ExpectAsync(403, "GET", Door.At("a", "/api"))).Message, Does.Contain("system:anonymous"));
        await client.ExpectAsync(401, "GET", "/api");
    }

    [Test]
    public async Task A_bearer_token_ends_when_what_it_was_given_for_leaves_the_file()
    {
        using var personal = door.Client(Personal);
        using var client = door.Client((string)(await personal.ExpectAsync(200, "POST", Exchange)).Json!["access_token"]!);
        await client.ExpectAsync(200, "GET", Door.At("a", "/api"));
        Door.WriteTokens(folder, Accounts);
        await Eventually.HoldsAsync(async () =>
        {
            door.Time.Advance(TimeSpan.FromSeconds(2));
            return (await client.SendAsync("GET", Door.At("a", "/api"))).Code == 403;
        }, "the bearer token ends");
        await personal.ExpectAsync(401, "POST", Exchange);
    }

    [Test]
    public async Task An_unknown_personal_access_token_is_refused_in_the_form_of_OAuth()
    {
        using var wrong = door.Client("no-such-token-0123456789");
        using var nobody = door.Client(null);
        foreach (var client in (PlaneClient[])[wrong, nobody])
        {
            var answer = await client.ExpectAsync(401, "GET", Exchange);
            Assert.That((string?)answer.Json!["error"], Is.EqualTo("invalid_token"));
            Assert.That(answer.Text, Does.Not.Contain("no-such-token"));
        }

        await wrong.ExpectAsync(405, "DELETE", Exchange);
    }

    [Test]
    public async Task A_service_accounts_assertion_gives_a_bearer_token_with_its_rights()
    {
        var answer = (await SendAsync(Assertion())).Json!;
        using var client = door.Client((string)answer["access_token"]!);
        await client.ExpectAsync(201, "POST", Door.At("a", Door.Maps), Door.Map("m"));
        await client.ExpectAsync(403, "GET", Door.At("b", "/api"));
        await client.ExpectAsync(403, "GET", "/api");
        Assert.That((int)answer["expires_in"]!, Is.EqualTo(3600));
        door.Time.Advance(TimeSpan.FromHours(1));
        await client.ExpectAsync(403, "GET", Door.At("a", "/api"));
    }

    private static IEnumerable<TestCaseData> Accepted()
    {
        yield return Case("iat ten seconds ahead", (_, c) => c.Shift(10));
        yield return Case("exp nine seconds ago", (_, c) => c.Shift(-69));
        yield return Case("a shorter life", (_, c) => c["exp"] = (long)c["iat"]! + 1);
        yield return Case("aud as a list of one", (_, c) => c["aud"] = new JsonArray(c["aud"]!.DeepClone()));
        yield return Case("localhost", (_, c) => c["aud"] = ((string)c["aud"]!).Replace("127.0.0.1", "localhost", StringComparison.Ordinal));
        yield return Case("no typ", (h, _) => h.Remove("typ"));
        yield return Case("nbf now", (_, c) => c["nbf"] = c["iat"]!.DeepClone());
    }

    [TestCaseSource(nameof(Accepted))]
    public async Task An_assertion_within_the_bounds_is_accepted(Action<JsonObject, JsonObject> change) =>
        Assert.That((await SendAsync(Assertion(change))).Code, Is.EqualTo(200));

    private static IEnumerable<TestCaseData> Refused()
    {
        yield return Case("another audience", (_, c) => c["aud"] = "https://auth.example.com");
        yield return Case("the whole token address as audience", (_, c) => c["aud"] = c["aud"] + TokenPath);
        yield return Case("plain http", (_, c) => c["aud"] = ((string)c["aud"]!).Replace("https", "http", StringComparison.Ordinal));
        yield return Case("another port", (_, c) => c["aud"] = "https://127.0.0.1:1");
        yield return Case("two audiences", (_, c) => c["aud"] = new JsonArray(c["aud"]!.DeepClone(), "https://auth.example.com"));
        yield return Case("no audience", (_, c) => c.Remove("aud"));
        yield return Case("alg none, still signed", (h, _) => h["alg"] = "none");
        yield return Case("alg RS512", (h, _) => h["alg"] = "RS512");
        yield return Case("alg in lower case", (h, _) => h["alg"] = "rs256");
        yield return Case("no alg", (h, _) => h.Remove("alg"));
        yield return Case("another account's key id", (h, _) => h["kid"] = "k2");
        yield return Case("an unknown key id", (h, _) => h["kid"] = "k9");
        yield return Case("no key id", (h, _) => h.Remove("kid"));
        yield return Case("a key id that is no text", (h, _) => h["kid"] = 1);
        yield return Case("critical fields", (h, _) => h["crit"] = new JsonArray("exp"));
        yield return Case("another type", (h, _) => h["typ"] = "at+jwt");
        yield return Case("an unknown issuer", (_, c) => (c["iss"], c["sub"]) = ("nobody", "nobody"));
        yield return Case("another account as issuer", (_, c) => (c["iss"], c["sub"]) = ("other", "other"));
        yield return Case("another subject", (_, c) => c["sub"] = "other");
        yield return Case("no subject", (_, c) => c.Remove("sub"));
        yield return Case("iat eleven seconds ahead", (_, c) => c.Shift(11));
        yield return Case("exp ten seconds ago", (_, c) => c.Shift(-70));
        yield return Case("a longer life", (_, c) => c["exp"] = (long)c["iat"]! + 61);
        yield return Case("no life", (_, c) => c["exp"] = c["iat"]!.DeepClone());
        yield return Case("no exp", (_, c) => c.Remove("exp"));
        yield return Case("no iat", (_, c) => c.Remove("iat"));
        yield return Case("exp as text", (_, c) => c["exp"] = c["exp"]!.ToString());
        yield return Case("exp with a fraction", (_, c) => c["exp"] = (long)c["exp"]! - 0.5);
        yield return Case("exp beyond all numbers", (_, c) => c["exp"] = long.MaxValue);
        yield return Case("nbf to come", (_, c) => c["nbf"] = (long)c["iat"]! + 30);
        yield return Case("no jti", (_, c) => c.Remove("jti"));
        yield return Case("an empty jti", (_, c) => c["jti"] = "");
        yield return Case("an endless jti", (_, c) => c["jti"] = new string('x', 257));
    }

    [TestCaseSource(nameof(Refused))]
    public async Task An_assertion_outside_of_the_bounds_is_an_invalid_grant(Action<JsonObject, JsonObject> change) => await RefusesAsync(Assertion(change));

    [Test]
    public async Task An_assertion_serves_once()
    {
        var assertion = Assertion();
        Assert.That((await SendAsync(assertion)).Code, Is.EqualTo(200));
        Assert.That((string?)(await RefusesAsync(assertion))["error_description"], Does.Contain("used before"));
        var id = Guid.NewGuid().ToString();
        Assert.That((await SendAsync(Assertion((_, c) => c["jti"] = id))).Code, Is.EqualTo(200));
        await RefusesAsync(Assertion((_, c) => (c["jti"], c["exp"]) = (id, (long)c["exp"]! - 1)));
        // The last moment at which it would still be in time.
        door.Time.Advance(TimeSpan.FromSeconds(68));
        await RefusesAsync(assertion);
    }

    [Test]
    public async Task Of_many_at_once_one_wins()
    {
        var assertion = Assertion();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => SendAsync(assertion)));
        Assert.That(answers.Select(a => a.Code).Order(), Is.EqualTo(new[] { 200, 400, 400, 400, 400, 400, 400, 400 }));
    }

    [Test]
    public async Task An_unsigned_or_otherwise_signed_assertion_is_refused()
    {
        var parts = Assertion().Split('.');
        await RefusesAsync($"{Encode("""{"alg":"none","kid":"k1"}""")}.{parts[1]}.");
        await RefusesAsync($"{parts[0]}.{parts[1]}.");
        await RefusesAsync($"{parts[0]}.{parts[1]}.{Base64Url.EncodeToString(OtherKey.SignData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}");
        await RefusesAsync($"{parts[0]}.{parts[1]}.{Base64Url.EncodeToString(Key.SignData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), HashAlgorithmName.SHA256, RSASignaturePadding.Pss))}");
        // The public key is public: as the secret of an HMAC it proves nothing.
        foreach (var secret in (byte[][])[Key.ExportSubjectPublicKeyInfo(), Encoding.UTF8.GetBytes(Key.ExportSubjectPublicKeyInfoPem())])
        {
            var text = $"{Encode("""{"alg":"HS256","typ":"JWT","kid":"k1"}""")}.{parts[1]}";
            await RefusesAsync($"{text}.{Base64Url.EncodeToString(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(text)))}");
        }

        // A key that the assertion brings along is nobody's.
        var own = OtherKey.ExportParameters(false);
        await RefusesAsync(Sign(OtherKey, (h, _) => h["jwk"] = new JsonObject { ["kty"] = "RSA", ["n"] = Base64Url.EncodeToString(own.Modulus), ["e"] = Base64Url.EncodeToString(own.Exponent) }));
    }

    [Test]
    public async Task A_changed_assertion_is_refused_and_the_true_one_still_serves()
    {
        var assertion = Assertion();
        var parts = assertion.Split('.');
        var claims = JsonNode.Parse(Base64Url.DecodeFromChars(parts[1]))!;
        (claims["iss"], claims["sub"]) = ("other", "other");
        await RefusesAsync($"{parts[0]}.{Encode(claims.ToJsonString())}.{parts[2]}");
        foreach (var broken in (string[])["", "x", "a.b", "a.b.c", "....", parts[0] + "=." + parts[1] + "." + parts[2], Encode("[]") + "." + parts[1] + "." + parts[2], new string('a', 9000), $"{parts[0]}.{Encode("{\"iss\":\"robot\",\"iss\":\"other\"}")}.{parts[2]}"])
        {
            Assert.That((await SendAsync(broken)).Code, Is.EqualTo(400));
        }

        Assert.That((await SendAsync(assertion)).Code, Is.EqualTo(200), "nothing of that used it up");
    }

    [TestCase("GET", "", Form, 405, "invalid_request")]
    [TestCase("POST", "{}", "application/json", 400, "invalid_request")]
    [TestCase("POST", "", Form, 400, "invalid_request")]
    [TestCase("POST", "grant_type=password&username=a&password=b", Form, 400, "unsupported_grant_type")]
    [TestCase("POST", "grant_type=" + GrantType, Form, 400, "invalid_request")]
    [TestCase("POST", "grant_type=" + GrantType + "&grant_type=password&assertion=x", Form, 400, "invalid_request")]
    [TestCase("POST", "grant_type=" + GrantType + "&assertion=x&assertion=y", Form, 400, "invalid_request")]
    [TestCase("POST", "a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9&j=10&k=11&l=12&m=13&n=14&o=15&p=16&q=17", Form, 400, "invalid_request")]
    public async Task A_request_that_is_none_is_refused_in_the_form_of_OAuth(string method, string body, string type, int code, string error)
    {
        using var nobody = door.Client(null);
        var answer = await nobody.ExpectAsync(code, method, TokenPath, method == "GET" ? null : body, type);
        Assert.That((string?)answer.Json!["error"], Is.EqualTo(error));
    }

    [Test]
    public async Task Neither_assertions_nor_what_they_give_are_logged()
    {
        var assertion = Assertion();
        var token = (string)(await SendAsync(assertion)).Json!["access_token"]!;
        await SendAsync(assertion);
        await SendAsync(assertion[..^4]);
        Assert.That(door.Log.Text, Is.Not.Empty.And.Not.Contain(token).And.Not.Contain(assertion.Split('.')[2][..20]).And.Not.Contain(Personal));
    }

    private static TestCaseData Case(string name, Action<JsonObject, JsonObject> change) => new TestCaseData(change).SetArgDisplayNames(name);

    private async Task<JsonNode> RefusesAsync(string assertion)
    {
        var answer = await SendAsync(assertion);
        Assert.That((answer.Code, (string?)answer.Json!["error"]), Is.EqualTo((400, "invalid_grant")), answer.Text);
        return answer.Json!;
    }

    private async Task<Answer> SendAsync(string assertion)
    {
        using var nobody = PlaneClient.For(door.Server, null);
        return await nobody.SendAsync("POST", TokenPath, $"grant_type={GrantType}&assertion={Uri.EscapeDataString(assertion)}", Form);
    }

    private string Assertion(Action<JsonObject, JsonObject>? change = null) => Sign(Key, change);

    private string Sign(RSA key, Action<JsonObject, JsonObject>? change)
    {
        var now = door.Time.GetUtcNow().ToUnixTimeSeconds();
        var header = new JsonObject { ["alg"] = "RS256", ["typ"] = "JWT", ["kid"] = "k1" };
        var claims = new JsonObject
        {
            ["iss"] = "robot", ["sub"] = "robot", ["aud"] = door.Server.Address.GetLeftPart(UriPartial.Authority),
            ["iat"] = now, ["exp"] = now + 60, ["jti"] = Guid.NewGuid().ToString(),
        };
        change?.Invoke(header, claims);
        var text = $"{Encode(header.ToJsonString())}.{Encode(claims.ToJsonString())}";
        return $"{text}.{Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
    }

    private static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    private static string Pem(RSA key) => key.ExportSubjectPublicKeyInfoPem().Replace("\n", "\\n", StringComparison.Ordinal);
}

internal static class Claims
{
    /// <summary>Moves iat and exp by some seconds.</summary>
    public static void Shift(this JsonObject claims, long seconds)
    {
        claims["iat"] = (long)claims["iat"]! + seconds;
        claims["exp"] = (long)claims["exp"]! + seconds;
    }
}
