using System.Text;

namespace Datum.Providers.Sdk.Tests;

internal sealed class ErrorTableTests
{
    private static readonly DateTimeOffset Now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [TestCase(400, ErrorCode.Invalid, Effect.NotApplied, ErrorScope.Resource)]
    [TestCase(401, ErrorCode.Unauthenticated, Effect.NotApplied, ErrorScope.Account)]
    [TestCase(403, ErrorCode.Forbidden, Effect.NotApplied, ErrorScope.Resource)]
    [TestCase(404, ErrorCode.Failed, Effect.NotApplied, ErrorScope.Resource)]
    [TestCase(408, ErrorCode.Timeout, Effect.Unknown, ErrorScope.Resource)]
    [TestCase(409, ErrorCode.Conflict, Effect.NotApplied, ErrorScope.Resource)]
    [TestCase(412, ErrorCode.PreconditionFailed, Effect.NotApplied, ErrorScope.Resource)]
    [TestCase(425, ErrorCode.NotReadyYet, Effect.NotApplied, ErrorScope.Resource)]
    [TestCase(429, ErrorCode.Throttled, Effect.NotApplied, ErrorScope.Account)]
    [TestCase(500, ErrorCode.Unavailable, Effect.Unknown, ErrorScope.Resource)]
    [TestCase(501, ErrorCode.Unsupported, Effect.NotApplied, ErrorScope.Resource)]
    [TestCase(503, ErrorCode.Unavailable, Effect.Unknown, ErrorScope.Resource)]
    [TestCase(504, ErrorCode.Timeout, Effect.Unknown, ErrorScope.Resource)]
    [TestCase(507, ErrorCode.CapacityUnavailable, Effect.NotApplied, ErrorScope.Zone)]
    public void A_status_without_a_row_has_the_default_meaning(int status, ErrorCode code, Effect effect, ErrorScope scope)
    {
        var error = new ErrorTable().Classify(new RestResult { Status = status }, mutation: true, new Clock());
        var read = new ErrorTable().Classify(new RestResult { Status = status }, mutation: false, new Clock());
        Assert.That((error.Code, error.Effect, error.Scope, read.Effect), Is.EqualTo((code, effect, scope, Effect.NotApplied)));
    }

    [Test]
    public void Rows_match_by_status_then_code_then_message_and_the_first_wins()
    {
        var table = new ErrorTable
        {
            Rows =
            [
                new() { Status = 403, PlatformCode = "rateLimitExceeded", Code = ErrorCode.Throttled },
                new() { Status = 403, MessageContains = "Quota", Code = ErrorCode.QuotaExceeded },
                new() { PlatformCode = "STOCKOUT", Code = ErrorCode.CapacityUnavailable, Effect = Effect.Applied, Scope = ErrorScope.Account },
                new() { Status = 403, Code = ErrorCode.Invalid },
            ],
        };
        Assert.Multiple(() =>
        {
            Assert.That(Of(403, """{"error":{"code":"rateLimitExceeded","message":"quota"}}""").Code, Is.EqualTo(ErrorCode.Throttled));
            Assert.That(Of(403, """{"code":"x","message":"over QUOTA for cores"}""").Code, Is.EqualTo(ErrorCode.QuotaExceeded));
            Assert.That(Of(403, """{"errors":[{"reason":"other","detail":"?"}]}""").Code, Is.EqualTo(ErrorCode.Invalid));
            Assert.That(Of(404, """{"code":"rateLimitExceeded"}""").Code, Is.EqualTo(ErrorCode.Failed));
            var stockout = Of(500, """{"error":"STOCKOUT","message":"none left"}""");
            Assert.That((stockout.Code, stockout.Effect, stockout.Scope, stockout.PlatformCode), Is.EqualTo((ErrorCode.CapacityUnavailable, Effect.Applied, ErrorScope.Account, "STOCKOUT")));
            Assert.That(stockout.Message, Does.Contain("none left"));
            Assert.That(table.Classify(0, new ErrorDetail { Code = "STOCKOUT" }, mutation: false).Code, Is.EqualTo(ErrorCode.CapacityUnavailable));
        });

        DriverError Of(int status, string body) => table.Classify(new RestResult { Status = status, Body = Encoding.UTF8.GetBytes(body) }, mutation: true, new Clock());
    }

    [TestCase("120", 120)]
    [TestCase("0", 0)]
    [TestCase("Tue, 01 Jan 2030 00:01:30 GMT", 90)]
    [TestCase("Mon, 31 Dec 2029 23:00:00 GMT", 0)]
    [TestCase("soon", null)]
    [TestCase("-5", null)]
    [TestCase("99999999999", 86400 * 30)]
    public void Retry_after_is_read_as_seconds_and_as_a_date(string text, int? seconds)
    {
        var result = new RestResult { Status = 429, Headers = ImmutableDictionary<string, string>.Empty.Add("Retry-After", text).Add("x-request-id", "r-7") };
        var error = new ErrorTable().Classify(result, mutation: true, new Clock());
        Assert.That((error.RetryAfter?.TotalSeconds, error.RequestId), Is.EqualTo(((double?)seconds, "r-7")));
    }

    [TestCase("sent Authorization: Bearer abc.def-ghi123456 to host")]
    [TestCase("header \"authorization\":\"Basic dXNlcjpjYW5hcnktdmFsdWU=\" refused for canary-value")]
    [TestCase("Bearer canary-value-0123456789 expired")]
    [TestCase("https://u/?api_key=canary-value&x=1")]
    [TestCase("X-Auth-Token: canary-value")]
    [TestCase("{\"password\": \"canary-value\"}")]
    [TestCase("unknown token canary-value")]
    [TestCase("redirected to /x?y=canary%2Fvalue")]
    public void Secrets_never_reach_a_message(string text)
    {
        var redacted = new Redactor("canary-value", "canary/value").Redact(text);
        Assert.Multiple(() =>
        {
            Assert.That(redacted, Does.Contain("***"));
            Assert.That(redacted, Does.Not.Contain("canary"));
            Assert.That(redacted, Does.Not.Contain("abc.def"));
            Assert.That(redacted, Does.Not.Contain("dXNlcj"));
        });
    }

    [TestCase("The token isn't known.")]
    [TestCase("basic networking is unavailable")]
    [TestCase("subnet 10.0.0.0/8 is in use")]
    public void Text_without_secrets_stays_as_it_is(string text) => Assert.That(new Redactor("s3cret").Redact(text), Is.EqualTo(text));

    private sealed class Clock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => Now;
    }
}
