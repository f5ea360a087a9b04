using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Datum.Providers.Sdk.Tests.Support;

namespace Datum.Providers.Sdk.Tests;

internal sealed class JwtTests
{
    private static readonly RSA Key = RSA.Create(2048);
    private static readonly string Pem = Key.ExportPkcs8PrivateKeyPem();
    private readonly StandingClock _time = new();

    [OneTimeTearDown]
    public void DisposeKey() => Key.Dispose();

    [Test]
    public void A_token_verifies_and_says_who_for_whom_and_how_long()
    {
        using var signer = new JwtSigner(Pem, "key-1");
        var token = signer.Sign(new JwtClaims { Issuer = "me@x", Subject = "you", Audience = "https://oauth.test/token", Scope = "a b", Lifetime = TimeSpan.FromMinutes(10), More = [new("k", "v\"")] }, _time.Now);
        var (header, claims) = Read(token.Value);
        Assert.Multiple(() =>
        {
            Assert.That(header, Is.EqualTo("""{"alg":"RS256","typ":"JWT","kid":"key-1"}"""));
            Assert.That(claims.GetProperty("iss").GetString(), Is.EqualTo("me@x"));
            Assert.That(claims.GetProperty("sub").GetString(), Is.EqualTo("you"));
            Assert.That(claims.GetProperty("aud").GetString(), Is.EqualTo("https://oauth.test/token"));
            Assert.That(claims.GetProperty("scope").GetString(), Is.EqualTo("a b"));
            Assert.That(claims.GetProperty("k").GetString(), Is.EqualTo("v\""));
            Assert.That(claims.GetProperty("exp").GetInt64() - claims.GetProperty("iat").GetInt64(), Is.EqualTo(600));
            Assert.That(claims.GetProperty("iat").GetInt64(), Is.EqualTo(_time.Now.ToUnixTimeSeconds()));
            Assert.That(token.ExpiresAt, Is.EqualTo(_time.Now.AddMinutes(10)));
        });
    }

    [Test]
    public void A_key_that_is_none_is_said_without_showing_it()
    {
        foreach (var pem in (string[])["canary", Key.ExportRSAPublicKeyPem(), "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----"])
        {
            var failure = Assert.Throws<DriverException>(() => _ = new JwtSigner(pem));
            Assert.That((failure!.Error.Code, failure.Message.Contains("canary", StringComparison.Ordinal)), Is.EqualTo((ErrorCode.Unauthenticated, false)));
        }

        Assert.DoesNotThrow(() => new JwtSigner(Key.ExportRSAPrivateKeyPem()).Dispose());
    }

    [Test]
    public async Task An_assertion_is_traded_for_a_token_and_signed_again_by_the_endpoints_clock()
    {
        var theirs = _time.Now.AddMinutes(-20);
        using var handler = new StubHandler(async (m, cancellation) =>
        {
            var form = await m.Content!.ReadAsStringAsync(cancellation);
            var (_, claims) = Read(form[(form.IndexOf("assertion=", StringComparison.Ordinal) + 10)..]);
            var answer = Math.Abs(claims.GetProperty("iat").GetInt64() - theirs.ToUnixTimeSeconds()) > 300
                ? StubHandler.Answer(400, """{"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token"}""")
                : StubHandler.Answer(200, """{"access_token":"ya29","expires_in":3599}""");
            answer.Headers.Date = theirs;
            return answer;
        });
        using var endpoint = Make.Client(handler, _time, o => o with { Errors = OAuth2.Errors });
        using var signer = new JwtSigner(Pem);
        using var cache = OAuth2.JwtBearer(endpoint, "token", signer, new JwtClaims { Issuer = "me", Audience = "x" });
        var (token, _) = await cache.GetAsync(Make.Call(_time));
        Assert.Multiple(() =>
        {
            Assert.That(token.Value, Is.EqualTo("ya29"));
            Assert.That(handler.Sent, Has.Count.EqualTo(2));
            Assert.That(handler.Bodies[0], Does.StartWith("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=eyJ"));
        });

        theirs = _time.Now.AddYears(-3);
        using var broken = OAuth2.JwtBearer(endpoint, "token", signer, new JwtClaims { Issuer = "me", Audience = "x" });
        var failure = await Assert.ThrowsAsync<DriverException>(async () => await broken.GetAsync(Make.Call(_time)));
        Assert.That((failure!.Error.Code, handler.Sent.Count), Is.EqualTo((ErrorCode.Unauthenticated, 3)), "a clock that is years off isn't believed");
        Assert.That(failure.Message, Does.Contain("invalid_grant").And.Not.Contain("eyJ"));
    }

    [Test]
    public async Task A_self_signed_token_follows_the_platforms_clock()
    {
        var theirs = _time.Now.AddHours(2);
        using var handler = new StubHandler(m =>
        {
            var (_, claims) = Read(m.Headers.GetValues("Authorization").Single()["Bearer ".Length..]);
            var answer = StubHandler.Answer(claims.GetProperty("exp").GetInt64() > theirs.ToUnixTimeSeconds() ? 200 : 401);
            answer.Headers.Date = theirs;
            return answer;
        });
        var clock = new ServerClock(_time);
        using var signer = new JwtSigner(Pem);
        using var cache = OAuth2.SelfSigned(clock, signer, new JwtClaims { Issuer = "me", Audience = "https://compute.test/" });
        using var client = Make.Client(handler, _time, o => o with { Authorizer = new TokenAuthorizer(cache) { Clock = clock } });
        var first = await client.SendAsync(Make.Call(_time), RestRequest.Get("a"));
        var second = await client.SendAsync(Make.Call(_time), RestRequest.Get("a"));
        Assert.That((first.Ok, second.Ok, handler.Sent.Count, clock.Offset), Is.EqualTo((true, true, 3, TimeSpan.FromHours(2))));
        Assert.That(cache.Current!.ExpiresAt, Is.EqualTo(_time.Now.AddHours(1)), "kept by the session's clock");
    }

    [TestCase("""{"client_email":"a@b","private_key_id":"1","private_key":"pem","token_uri":"https://oauth.test/token"}""", null)]
    [TestCase("""{"private_key":"canary","token_uri":"https://oauth.test/token"}""", "client_email is missing")]
    [TestCase("""{"client_email":"a@b","token_uri":"https://oauth.test/token"}""", "private_key is missing")]
    [TestCase("""{"client_email":"a@b","private_key":"canary","token_uri":"file:///etc/passwd"}""", "token_uri is no http address")]
    [TestCase("canary", "it is no JSON")]
    [TestCase("[]", "it is no JSON object")]
    public void A_service_account_key_is_read_or_said_to_lack_something(string json, string? problem)
    {
        if (problem is null)
        {
            var key = ServiceAccountKey.Parse(Encoding.UTF8.GetBytes(json));
            Assert.That((key.Email, key.KeyId, key.PrivateKey, key.TokenAddress.Host, key.ToString()), Is.EqualTo(("a@b", "1", "pem", "oauth.test", "a@b")));
            return;
        }

        var failure = Assert.Throws<DriverException>(() => ServiceAccountKey.Parse(Encoding.UTF8.GetBytes(json)));
        Assert.That(failure!.Message, Does.Contain(problem).And.Not.Contain("canary"));
    }

    private static (string Header, JsonElement Claims) Read(string token)
    {
        var parts = token.Split('.');
        Assert.That(Key.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), "the signature verifies");
        using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));
        return (Encoding.UTF8.GetString(Base64Url.DecodeFromChars(parts[0])), claims.RootElement.Clone());
    }
}
