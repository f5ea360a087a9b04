using Datum.Providers.Sdk.Tests.Support;

namespace Datum.Providers.Sdk.Tests;

internal sealed class SessionTokenTests
{
    private readonly StandingClock _time = new();
    private readonly List<string> _live = [];
    private int _signIns;

    [Test]
    public async Task It_signs_in_when_needed_again_when_refused_and_out_at_the_end()
    {
        using var handler = Platform();
        using var sign = Make.Client(handler, _time);
        var tokens = Tokens(sign);
        using var client = Make.Client(handler, _time, o => o with { Authorizer = tokens });
        Assert.That(_signIns, Is.Zero);
        Assert.That((await client.SendAsync(Make.Call(_time), RestRequest.Get("vm"))).Ok);
        Assert.That((await client.SendAsync(Make.Call(_time), RestRequest.Get("vm"))).Ok);
        Assert.That(_signIns, Is.EqualTo(1));
        _live.Clear();
        Assert.That((await client.SendAsync(Make.Call(_time), RestRequest.Get("vm"))).Ok, "it idled out");
        _time.Now += TimeSpan.FromMinutes(29);
        Assert.That((await client.SendAsync(Make.Call(_time), RestRequest.Get("vm"))).Ok);
        Assert.That((_signIns, _live.Count), Is.EqualTo((3, 2)), "the third before the second's end");
        await tokens.DisposeAsync();
        Assert.That(_live, Is.EqualTo(new[] { "s2" }), "the last one is signed out");
    }

    [Test]
    public async Task A_session_that_never_signed_in_does_not_sign_out_and_a_failing_sign_out_harms_nobody()
    {
        using var handler = Platform();
        using var sign = Make.Client(handler, _time);
        await Tokens(sign).DisposeAsync();
        Assert.That(handler.Sent, Is.Empty);

        using var down = new StubHandler(m => m.Method == HttpMethod.Post ? StubHandler.Answer(201, "\"s\"") : throw new HttpRequestException("down"));
        using var broken = Make.Client(down, _time);
        var tokens = Tokens(broken);
        await tokens.AuthorizeAsync(new OutgoingRequest(new HttpRequestMessage(), default, Make.Call(_time)));
        await tokens.DisposeAsync();
        Assert.That(down.Sent, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task A_wrong_password_is_the_result_of_the_call()
    {
        using var handler = new StubHandler(_ => StubHandler.Answer(401, """{"error_type":"UNAUTHENTICATED"}"""));
        using var sign = Make.Client(handler, _time);
        await using var tokens = Tokens(sign);
        using var client = Make.Client(handler, _time, o => o with { Authorizer = tokens });
        var result = await client.SendAsync(Make.Call(_time), RestRequest.Post("vm"));
        Assert.That((result.Error!.Code, result.Error.Effect, result.Error.PlatformCode, handler.Sent.Count),
            Is.EqualTo((ErrorCode.Unauthenticated, Effect.NotApplied, "UNAUTHENTICATED", 1)));
    }

    [TestCase("""{"data":{"ticket":"PVE:x"}}""", "PVE:x")]
    [TestCase("""{"data":{}}""", null)]
    [TestCase("not json", null)]
    public async Task The_token_is_found_in_the_body(string body, string? token)
    {
        using var handler = new StubHandler(_ => StubHandler.Answer(200, body));
        using var sign = Make.Client(handler, _time);
        await using var tokens = new SessionTokens(sign, new SessionTokenOptions
        {
            SignIn = _ => ValueTask.FromResult(RestRequest.Post("access/ticket")),
            Token = SessionTokens.FromText(_time, null, "data", "ticket"),
            Header = "Cookie",
            Prefix = "PVEAuthCookie=",
        });
        using var message = new HttpRequestMessage();
        var sending = tokens.AuthorizeAsync(new OutgoingRequest(message, default, Make.Call(_time))).AsTask();
        if (token is null)
        {
            var failure = await Assert.ThrowsAsync<DriverException>(async () => await sending);
            Assert.That(failure!.Message, Is.EqualTo("The sign-in at cloud.test answered 200 without a token."));
        }
        else
        {
            await sending;
            Assert.That(message.Headers.GetValues("Cookie"), Is.EqualTo(new[] { "PVEAuthCookie=PVE:x" }));
        }
    }

    private StubHandler Platform() => new(m =>
    {
        var token = m.Headers.TryGetValues("vmware-api-session-id", out var values) ? values.Single() : null;
        if (m.RequestUri!.AbsolutePath == "/base/api/session" && m.Method == HttpMethod.Post)
        {
            _live.Add($"s{++_signIns}");
            return StubHandler.Answer(201, $"\"s{_signIns}\"");
        }

        if (token is null || !_live.Contains(token))
            return StubHandler.Answer(401);
        if (m.Method == HttpMethod.Delete)
            _live.Remove(token);
        return StubHandler.Answer(200);
    });

    private SessionTokens Tokens(RestClient sign) => new(sign, new SessionTokenOptions
    {
        SignIn = _ => ValueTask.FromResult(RestRequest.Post("api/session")),
        Token = SessionTokens.FromText(_time, TimeSpan.FromMinutes(30)),
        Header = "vmware-api-session-id",
        SignOut = _ => RestRequest.Delete("api/session"),
    });
}
