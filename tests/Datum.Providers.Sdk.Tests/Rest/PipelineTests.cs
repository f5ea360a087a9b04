using System.Text;
using Datum.Providers.Sdk.Tests.Support;

namespace Datum.Providers.Sdk.Tests;

internal sealed class PipelineTests
{
    private readonly StandingClock _time = new();

    [Test]
    public async Task A_redirect_to_another_server_is_an_error_that_names_it_and_nothing_more([Values("GET", "POST")] string method)
    {
        using var handler = new StubHandler(_ => StubHandler.Answer(302, "", ("Location", "https://evil.test:8443/steal?token=canary")));
        using var client = Make.Client(handler, _time, o => o with { MaxRedirects = 5 });
        var result = await client.SendAsync(Make.Call(_time), new RestRequest { Method = new HttpMethod(method), Path = "x" });
        Assert.Multiple(() =>
        {
            Assert.That(result.Error!.Message, Does.Contain("https://evil.test:8443.").And.Not.Contain("canary").And.Not.Contain("steal"));
            Assert.That(result.Error!.Effect, Is.EqualTo(method == "GET" ? Effect.NotApplied : Effect.Unknown));
            Assert.That(handler.Sent, Has.Count.EqualTo(1));
        });
    }

    [Test]
    public async Task A_redirect_within_the_server_is_followed_for_reads_where_that_is_wished()
    {
        using var handler = new StubHandler(m => m.RequestUri!.AbsolutePath switch
        {
            "/base/a" => StubHandler.Answer(301, "", ("Location", "/base/b?x=1")),
            "/base/b" => StubHandler.Answer(307, "", ("Location", "c")),
            "/base/loop" => StubHandler.Answer(308, "", ("Location", "/base/loop")),
            _ => StubHandler.Answer(200, "there"),
        });
        using var off = Make.Client(handler, _time);
        using var on = Make.Client(handler, _time, o => o with { MaxRedirects = 2 });
        var refused = await off.SendAsync(Make.Call(_time), RestRequest.Get("a"));
        var followed = await on.SendAsync(Make.Call(_time), RestRequest.Get("a"));
        var before = handler.Sent.Count;
        var loop = await on.SendAsync(Make.Call(_time), RestRequest.Get("loop"));
        var loops = handler.Sent.Count - before;
        before = handler.Sent.Count;
        var mutation = await on.SendAsync(Make.Call(_time), RestRequest.Delete("a"));
        Assert.Multiple(() =>
        {
            Assert.That((refused.Ok, refused.Status), Is.EqualTo((false, 301)));
            Assert.That(followed.Text(), Is.EqualTo("there"));
            Assert.That((loop.Ok, loops), Is.EqualTo((false, 3)), "two redirects at most");
            Assert.That((mutation.Ok, handler.Sent.Count - before), Is.EqualTo((false, 1)), "a mutation is never sent to another address");
        });
    }

    [Test]
    public async Task A_body_above_the_cap_is_not_sent()
    {
        using var handler = new StubHandler(_ => StubHandler.Answer(200));
        using var client = Make.Client(handler, _time, o => o with { MaxRequestBytes = 10 });
        var fits = await client.SendAsync(Make.Call(_time), new RestRequest { Method = HttpMethod.Put, Path = "x", Body = new byte[10] });
        var tooLong = await client.SendAsync(Make.Call(_time), new RestRequest { Method = HttpMethod.Put, Path = "x", Body = new byte[11] });
        Assert.That((fits.Ok, tooLong.Error!.Code, tooLong.Error.Effect, handler.Sent.Count), Is.EqualTo((true, ErrorCode.Invalid, Effect.NotApplied, 1)));
        Assert.That(tooLong.Error!.Message, Does.Contain("11 bytes").And.Contain("10"));
    }

    [Test]
    public async Task An_error_inside_a_success_is_found_by_the_hook()
    {
        using var handler = new StubHandler(m => StubHandler.Answer(200, m.RequestUri!.AbsolutePath.EndsWith("bad", StringComparison.Ordinal)
            ? """{"errors":[{"error_number":2050,"error":"QOSMaxSubmit"}]}"""
            : """{"errors":[],"job_id":7}"""));
        using var client = Make.Client(handler, _time, o => o with
        {
            ErrorInSuccess = r => JsonText.Find(r.Body, "errors", "0", "error") is { } code ? new ErrorDetail { Code = code } : null,
            Errors = new ErrorTable { Rows = [new() { PlatformCode = "QOSMaxSubmit", Code = ErrorCode.QuotaExceeded, Effect = Effect.NotApplied }] },
        });
        var good = await client.SendAsync(Make.Call(_time), RestRequest.Post("good"));
        var bad = await client.SendAsync(Make.Call(_time), RestRequest.Post("bad"));
        Assert.That((good.Ok, bad.Status, bad.Error!.Code, bad.Error.Effect), Is.EqualTo((true, 200, ErrorCode.QuotaExceeded, Effect.NotApplied)));
    }

    [Test]
    public async Task An_error_page_above_the_cap_is_classified_by_its_status()
    {
        using var handler = new StubHandler(_ => StubHandler.Answer(404, new string('x', 5000)));
        using var client = Make.Client(handler, _time, o => o with { MaxResponseBytes = 100 });
        var result = await client.SendAsync(Make.Call(_time), RestRequest.Delete("x"));
        Assert.That((result.Status, result.NotFound, result.Error!.Effect), Is.EqualTo((404, true, Effect.NotApplied)));
    }

    [Test]
    public async Task User_info_of_the_endpoint_goes_nowhere()
    {
        using var handler = new StubHandler(_ => StubHandler.Answer(200));
        using var client = Make.Client(handler, _time, o => o with { BaseAddress = new Uri("http://user:canary@cloud.test/base?x=1") });
        await client.SendAsync(Make.Call(_time), RestRequest.Get("v1"));
        Assert.That(handler.Sent[0].RequestUri!.AbsoluteUri, Is.EqualTo("http://cloud.test/base/v1"));
        Assert.That(client.BaseAddress.AbsoluteUri, Is.EqualTo("http://cloud.test/base/"));
    }

    [Test]
    public async Task The_reason_phrase_is_the_message_when_there_is_no_body()
    {
        await using var server = new LoopbackServer(_ => "HTTP/1.1 500 can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout\r\nContent-Length: 0\r\n\r\n");
        using var handler = new SocketsHttpHandler();
        using var client = Make.Client(handler, TimeProvider.System, o => o with
        {
            BaseAddress = server.Address,
            Errors = new ErrorTable { Rows = [new() { MessageContains = "got timeout", Code = ErrorCode.Conflict, Effect = Effect.NotApplied }] },
        });
        var result = await client.SendAsync(Make.Call(TimeProvider.System), RestRequest.Post("clone"));
        Assert.That((result.Error!.Code, result.Error.Message), Is.EqualTo((ErrorCode.Conflict, "The platform answered 500: can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout")));
    }

    [TestCase("""{"error":{"code":403,"message":"slow down","status":"PERMISSION_DENIED","errors":[{"reason":"userRateLimitExceeded"}]}}""", ErrorCode.Throttled, "userRateLimitExceeded")]
    [TestCase("""{"error":{"code":503,"message":"none","errors":[{"code":"ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS"}]}}""", ErrorCode.CapacityUnavailable, "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS")]
    [TestCase("""{"error":{"code":"InvalidSubnetID.NotFound","message":"no"}}""", ErrorCode.NotReadyYet, "InvalidSubnetID.NotFound")]
    [TestCase("""{"badRequest":{"code":400,"message":"Quota exceeded for cores"}}""", ErrorCode.QuotaExceeded, "400")]
    [TestCase("""{"error_type":"UNABLE_TO_ALLOCATE_RESOURCE","messages":[]}""", ErrorCode.CapacityUnavailable, "UNABLE_TO_ALLOCATE_RESOURCE")]
    [TestCase("""{"error":{"code":"InvalidSubnetID.NotFoundAnywhere","message":"no"}}""", ErrorCode.Forbidden, "InvalidSubnetID.NotFoundAnywhere")]
    public void One_row_may_name_several_codes_and_parts_of_codes(string body, ErrorCode code, string platformCode)
    {
        var table = new ErrorTable
        {
            Rows =
            [
                new() { PlatformCodes = ["rateLimitExceeded", "userRateLimitExceeded"], Code = ErrorCode.Throttled },
                new() { PlatformCodes = ["STOCKOUT", "ZONE_RESOURCE_POOL_EXHAUSTED*", "UNABLE_TO_ALLOCATE_RESOURCE"], Code = ErrorCode.CapacityUnavailable },
                new() { PlatformCodes = ["Invalid*.NotFound"], Code = ErrorCode.NotReadyYet },
                new() { PlatformCodes = ["400"], MessageContains = "quota", Code = ErrorCode.QuotaExceeded },
            ],
        };
        var error = table.Classify(new RestResult { Status = 403, Body = Encoding.UTF8.GetBytes(body) }, mutation: true, _time);
        Assert.That((error.Code, error.PlatformCode), Is.EqualTo((code, platformCode)));
    }

    [TestCase("*", "anything", true)]
    [TestCase("a*c*e", "abcde", true)]
    [TestCase("a*c*e", "ace", true)]
    [TestCase("a*c*e", "acee", true)]
    [TestCase("a*c*e", "aec", false)]
    [TestCase("ab*ba", "aba", false)]
    [TestCase("abc", "abcd", false)]
    public void A_star_stands_for_any_characters(string pattern, string text, bool matches) =>
        Assert.That(new ErrorTable { Rows = [new() { PlatformCodes = [pattern], Code = ErrorCode.Conflict }] }
            .Classify(500, new ErrorDetail { Codes = [text], Code = text }, mutation: false).Code == ErrorCode.Conflict, Is.EqualTo(matches));

    [Test]
    public void An_error_in_XML_is_read_with_its_request_id()
    {
        const string Body = """
            <?xml version="1.0" encoding="UTF-8"?>
            <Response><Errors><Error><Code>InsufficientInstanceCapacity</Code><Message>We currently do not have &lt;enough&gt;.</Message></Error></Errors><RequestID>ea966190-f9aa</RequestID></Response>
            """;
        var table = new ErrorTable { Detail = ErrorDetail.ReadXml, Rows = [new() { PlatformCodes = ["Insufficient*Capacity"], Code = ErrorCode.CapacityUnavailable }] };
        var error = table.Classify(new RestResult { Status = 500, Body = Encoding.UTF8.GetBytes(Body) }, mutation: true, _time);
        Assert.That((error.Code, error.PlatformCode, error.RequestId, error.Message),
            Is.EqualTo((ErrorCode.CapacityUnavailable, "InsufficientInstanceCapacity", "ea966190-f9aa", "The platform answered 500: We currently do not have <enough>.")));
        var bomb = ErrorDetail.ReadXml(new RestResult { Status = 500, Body = "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"u8.ToArray() });
        Assert.That((bomb.Code, bomb.Message), Is.EqualTo(((string?)null, "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>")), "entities are never expanded");
    }

    [TestCase("POST https://user:canary@cloud.test/x failed")]
    [TestCase("redirected to https://s3.test/b?X-Amz-Credential=canary&X-Amz-Signature=canary")]
    [TestCase("blob https://a.test/c?sv=1&sig=canary%2F&se=2")]
    [TestCase("GET https://maps.test/?key=canary")]
    [TestCase("{\"password\":\"canary with, several & words\",\"x\":1}")]
    [TestCase("{\"body\":\"{\\\"client_secret\\\":\\\"canary and more canary\\\",\\\"x\\\":1}\"}")]
    [TestCase("{\"adminPass\": \"ca\\\"nary canary\"}")]
    [TestCase("Set-Cookie: PVEAuthCookie=canary")]
    [TestCase("Authorization: PVEAPIToken=root@pam!x=canary")]
    [TestCase("{\"access_token\":\"canary\",\"expires_in\":3600}")]
    [TestCase("got eyJhbGciOiJSUzI1NiJ9.eyJjYW5hcnkiOjF9.canary-sig")]
    [TestCase("-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----")]
    [TestCase("known secret \"hun\\\"ter2-canary\" in JSON")]
    [TestCase("base 64 of it: aHVuInRlcjItY2FuYXJ5")]
    public void Redaction_covers_bodies_and_addresses(string text)
    {
        var redacted = new Redactor("hun\"ter2-canary").Redact(text);
        Assert.That(redacted, Does.Contain("***").And.Not.Contain("canary").And.Not.Contain("nary").And.Not.Contain("aHVuInRl"));
    }

    [TestCase("""{"code":"x","message":"keep this","password_policy":"strong enough"}""")]
    [TestCase("https://cloud.test/v1/servers?name=x&codec=1#frag@x")]
    [TestCase("user@example.test asked for https://cloud.test/")]
    public void What_is_no_secret_stays_readable(string text) => Assert.That(new Redactor().Redact(text), Is.EqualTo(text));
}
