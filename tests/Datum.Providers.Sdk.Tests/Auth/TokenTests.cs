using System.Text;
using Datum.Providers.Sdk.Tests.Support;

namespace Datum.Providers.Sdk.Tests;

internal sealed class TokenTests
{
    private readonly StandingClock _time = new();

    [Test]
    public async Task A_refused_token_is_replaced_once_and_only_that_request_goes_out_again()
    {
        var valid = "t1";
        var fetched = 0;
        using var cache = new TokenCache(_time, _ => ValueTask.FromResult(new AccessToken($"t{++fetched}")));
        using var handler = new StubHandler(m => m.Headers.GetValues("Authorization").Single() == "Bearer " + valid ? StubHandler.Answer(201, "{}") : StubHandler.Answer(401));
        using var client = Make.Client(handler, _time, o => o with { Authorizer = new TokenAuthorizer(cache) });
        var first = await client.SendAsync(Make.Call(_time), RestRequest.Post("a"));
        valid = "t2";
        var second = await client.SendAsync(Make.Call(_time), new RestRequest { Method = HttpMethod.Post, Path = "b", Body = "same"u8.ToArray() });
        Assert.Multiple(() =>
        {
            Assert.That((first.Ok, second.Ok, fetched), Is.EqualTo((true, true, 2)));
            Assert.That(handler.Sent.Select(m => m.RequestUri!.AbsolutePath), Is.EqualTo(new[] { "/base/a", "/base/b", "/base/b" }));
            Assert.That(handler.Bodies, Is.EqualTo(new[] { "", "same", "same" }));
        });
    }

    [Test]
    public async Task A_second_refusal_is_Unauthenticated_and_ends_it()
    {
        var fetched = 0;
        using var cache = new TokenCache(_time, _ => ValueTask.FromResult(new AccessToken($"canary-token-{++fetched}")));
        using var handler = new StubHandler(m => StubHandler.Answer(401, $$"""{"message":"no such thing as {{m.Headers.GetValues("Authorization").Single()["Bearer ".Length..]}}"}"""));
        using var client = Make.Client(handler, _time, o => o with { Authorizer = new TokenAuthorizer(cache), Errors = new ErrorTable { Rows = [new() { Status = 401, Code = ErrorCode.Forbidden }] } });
        var result = await client.SendAsync(Make.Call(_time), RestRequest.Post("a"));
        Assert.That((result.Error!.Code, result.Error.Effect, result.Error.Scope, handler.Sent.Count, fetched),
            Is.EqualTo((ErrorCode.Unauthenticated, Effect.NotApplied, ErrorScope.Account, 2, 2)));
        Assert.That(result.Error!.Message, Does.Contain("***").And.Not.Contain("canary"), "a token that was got at run time is hidden too");
    }

    [Test]
    public async Task A_refusal_that_does_not_prove_that_nothing_happened_is_not_repeated()
    {
        using var cache = new TokenCache(_time, _ => ValueTask.FromResult(new AccessToken("t")));
        using var handler = new StubHandler(_ => StubHandler.Answer(500, """{"code":"NotAuthenticated"}"""));
        RestClient Client(params ImmutableArray<ErrorRow> rows) => Make.Client(handler, _time, o => o with
        {
            Authorizer = new TokenAuthorizer(cache) { Refused = r => r.Text().Contains("NotAuthenticated", StringComparison.Ordinal) },
            Errors = new ErrorTable { Rows = rows },
        });
        using var unsure = Client();
        using var sure = Client(new ErrorRow { PlatformCode = "NotAuthenticated", Code = ErrorCode.Unauthenticated, Effect = Effect.NotApplied });
        var unknown = await unsure.SendAsync(Make.Call(_time), RestRequest.Post("a"));
        var once = handler.Sent.Count;
        var known = await sure.SendAsync(Make.Call(_time), RestRequest.Post("a"));
        Assert.That((unknown.Error!.Effect, once, known.Error!.Code, handler.Sent.Count), Is.EqualTo((Effect.Unknown, 1, ErrorCode.Unauthenticated, 3)));
    }

    [Test]
    public async Task Calls_at_the_same_time_share_one_sign_in()
    {
        var fetched = 0;
        var gate = new TaskCompletionSource();
        using var cache = new TokenCache(_time, async _ => { Interlocked.Increment(ref fetched); await gate.Task; return new AccessToken("t", _time.Now.AddHours(1)); });
        using var handler = new StubHandler(_ => StubHandler.Answer(200));
        using var client = Make.Client(handler, _time, o => o with { Authorizer = new TokenAuthorizer(cache) });
        var calls = Enumerable.Range(0, 20).Select(i => client.SendAsync(Make.Call(_time), RestRequest.Get($"{i}")).AsTask()).ToList();
        gate.SetResult();
        var results = await Task.WhenAll(calls);
        Assert.That((results.All(r => r.Ok), fetched), Is.EqualTo((true, 1)));
    }

    [Test]
    public async Task Refusals_of_one_token_at_the_same_time_lead_to_one_renewal()
    {
        var fetched = 0;
        var refused = 0;
        var all = new TaskCompletionSource();
        using var cache = new TokenCache(_time, _ => ValueTask.FromResult(new AccessToken($"t{Interlocked.Increment(ref fetched)}")));
        using var handler = new StubHandler(async (m, _) =>
        {
            if (m.Headers.GetValues("Authorization").Single() != "Bearer t1")
                return StubHandler.Answer(200);
            if (Interlocked.Increment(ref refused) == 10)
                all.SetResult();
            await all.Task;
            return StubHandler.Answer(401);
        });
        using var client = Make.Client(handler, _time, o => o with { Authorizer = new TokenAuthorizer(cache) });
        var results = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => client.SendAsync(Make.Call(_time), RestRequest.Get($"{i}")).AsTask()));
        Assert.That((results.All(r => r.Ok), fetched), Is.EqualTo((true, 2)));
    }

    [Test]
    public async Task Waiters_share_a_failed_sign_in_and_a_cancelled_one_is_tried_by_the_next()
    {
        var fetched = 0;
        var gate = new TaskCompletionSource();
        using var cache = new TokenCache(_time, async call =>
        {
            fetched++;
            await gate.Task.WaitAsync(call.Cancellation);
            throw new DriverException(new DriverError { Code = ErrorCode.Unavailable, Effect = Effect.Unknown, Message = "down" });
        });
        var waiting = Enumerable.Range(0, 5).Select(_ => cache.GetAsync(Make.Call(_time)).AsTask()).ToList();
        gate.SetResult();
        foreach (var one in waiting)
            await Assert.ThrowsAsync<DriverException>(async () => await one);
        Assert.That(fetched, Is.EqualTo(1));

        gate = new TaskCompletionSource();
        using var source = new CancellationTokenSource();
        var cancelled = cache.GetAsync(Make.Call(_time, cancellation: source.Token)).AsTask();
        var next = cache.GetAsync(Make.Call(_time)).AsTask();
        await source.CancelAsync();
        Assert.That(async () => await cancelled, Throws.InstanceOf<OperationCanceledException>());
        gate.SetResult();
        await Assert.ThrowsAsync<DriverException>(async () => await next);
        Assert.That(fetched, Is.EqualTo(3));
    }

    [Test]
    public async Task A_token_is_renewed_before_its_end_and_kept_while_the_renewal_fails()
    {
        var fetched = 0;
        var down = false;
        using var cache = new TokenCache(_time, _ => down
            ? throw new DriverException(new DriverError { Code = ErrorCode.Unavailable, Effect = Effect.NotApplied, Message = "down" })
            : ValueTask.FromResult(new AccessToken($"t{++fetched}", _time.Now.AddHours(1))));
        Assert.That((await cache.GetAsync(Make.Call(_time))).Token.Value, Is.EqualTo("t1"));
        _time.Now += TimeSpan.FromMinutes(54);
        Assert.That((await cache.GetAsync(Make.Call(_time))).Token.Value, Is.EqualTo("t1"));
        _time.Now += TimeSpan.FromMinutes(2);
        down = true;
        Assert.That((await cache.GetAsync(Make.Call(_time))).Token.Value, Is.EqualTo("t1"), "it lives for four more minutes");
        _time.Now += TimeSpan.FromMinutes(4);
        await Assert.ThrowsAsync<DriverException>(async () => await cache.GetAsync(Make.Call(_time)));
        down = false;
        Assert.That((await cache.GetAsync(Make.Call(_time))).Token.Value, Is.EqualTo("t2"));
        Assert.That(cache.Current!.ToString(), Is.EqualTo("***"));
    }

    [Test]
    public async Task A_short_lived_token_is_not_renewed_at_every_call()
    {
        var fetched = 0;
        using var cache = new TokenCache(_time, _ => ValueTask.FromResult(new AccessToken($"t{++fetched}", _time.Now.AddSeconds(60))));
        for (var second = 0; second < 48; second++)
        {
            await cache.GetAsync(Make.Call(_time));
            _time.Now += TimeSpan.FromSeconds(1);
        }

        Assert.That(fetched, Is.EqualTo(1));
        await cache.GetAsync(Make.Call(_time));
        Assert.That(fetched, Is.EqualTo(2));
    }

    [TestCase(OAuth2ClientStyle.Basic)]
    [TestCase(OAuth2ClientStyle.Body)]
    public async Task Client_credentials_go_as_the_endpoint_wants_them(OAuth2ClientStyle style)
    {
        await using var server = new LoopbackServer(r => LoopbackServer.Answer(200, r.Method == "POST"
            ? """{"access_token":"tok","token_type":"Bearer","expires_in":"3600"}"""
            : $$"""{"auth":"{{r.Headers["Authorization"]}}"}"""));
        WireRequest? seen = null;
        await using var endpoint = new LoopbackServer(r => { seen = r; return LoopbackServer.Answer(200, """{"access_token":"tok","expires_in":3600}"""); });
        using var handler = new SocketsHttpHandler();
        using var sign = Make.Client(handler, TimeProvider.System, o => o with { BaseAddress = endpoint.Address, Errors = OAuth2.Errors });
        using var cache = OAuth2.ClientCredentials(sign, new OAuth2ClientOptions
        {
            TokenPath = "tenant/oauth2/v2.0/token",
            ClientId = "me:1",
            ClientSecret = _ => ValueTask.FromResult("s&cret+"),
            Style = style,
            Scope = "https://management.azure.com/.default",
            Audience = "api",
        });
        using var client = Make.Client(handler, TimeProvider.System, o => o with { BaseAddress = server.Address, Authorizer = new TokenAuthorizer(cache) });
        var result = await client.SendAsync(Make.Call(TimeProvider.System), RestRequest.Get("x"));
        Assert.Multiple(() =>
        {
            Assert.That(result.Text(), Does.Contain("Bearer tok"));
            Assert.That(seen!.Target, Is.EqualTo("/tenant/oauth2/v2.0/token"));
            Assert.That(seen.Headers["Content-Type"], Is.EqualTo("application/x-www-form-urlencoded"));
            Assert.That(seen.Text, Is.EqualTo("grant_type=client_credentials&scope=https%3A%2F%2Fmanagement.azure.com%2F.default&audience=api"
                + (style == OAuth2ClientStyle.Body ? "&client_id=me%3A1&client_secret=s%26cret%2B" : "")));
            Assert.That(seen.Headers.GetValueOrDefault("Authorization"), Is.EqualTo(style == OAuth2ClientStyle.Basic
                ? "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("me%3A1:s%26cret%2B"))
                : null));
            Assert.That(cache.Current!.ExpiresAt, Is.EqualTo(DateTimeOffset.UtcNow.AddHours(1)).Within(TimeSpan.FromMinutes(1)));
        });
    }

    [TestCase(400, """{"error":"invalid_client","error_description":"AADSTS7000215: canary-secret is wrong"}""", ErrorCode.Unauthenticated)]
    [TestCase(401, """{"error":"invalid_client"}""", ErrorCode.Unauthenticated)]
    [TestCase(400, """{"error":"temporarily_unavailable"}""", ErrorCode.Unavailable)]
    [TestCase(429, "", ErrorCode.Throttled)]
    [TestCase(503, "", ErrorCode.Unavailable)]
    [TestCase(200, """{"token":"canary-secret"}""", ErrorCode.Failed)]
    [TestCase(200, "<html>canary-secret", ErrorCode.Failed)]
    public async Task A_failed_sign_in_says_why_took_no_effect_and_shows_no_secret(int status, string body, ErrorCode code)
    {
        var sent = 0;
        using var handler = new StubHandler(_ => { sent++; return StubHandler.Answer(status, body); });
        using var sign = Make.Client(handler, _time, o => o with { Errors = OAuth2.Errors });
        using var cache = OAuth2.ClientCredentials(sign, new OAuth2ClientOptions { TokenPath = "t", ClientId = "me", ClientSecret = _ => ValueTask.FromResult("canary-secret") });
        using var client = Make.Client(handler, _time, o => o with { Authorizer = new TokenAuthorizer(cache) });
        var result = await client.SendAsync(Make.Call(_time), RestRequest.Post("create"));
        Assert.That((result.Error!.Code, result.Error.Effect, result.Error.Scope, sent), Is.EqualTo((code, Effect.NotApplied, ErrorScope.Account, 1)));
        Assert.That(result.Error!.Message, Does.Not.Contain("canary"));
    }

    [Test]
    public async Task Keys_and_passwords_go_into_their_headers_and_are_refused_as_they_are()
    {
        using var handler = new StubHandler(_ => StubHandler.Answer(401));
        async Task<RestResult> SendAsync(IRequestAuthorizer authorizer)
        {
            using var client = Make.Client(handler, _time, o => o with { Authorizer = authorizer });
            return await client.SendAsync(Make.Call(_time), RestRequest.Get("x"));
        }

        var key = await SendAsync(new ApiKeyAuthorizer("Authorization", "root@pam!t=uuid", "PVEAPIToken="));
        var bearer = await SendAsync(ApiKeyAuthorizer.Bearer("k"));
        var basic = await SendAsync(new BasicAuthorizer("Aladdin", "open sesame"));
        Assert.That(handler.Sent.Select(m => m.Headers.NonValidated["Authorization"].ToString()),
            Is.EqualTo(new[] { "PVEAPIToken=root@pam!t=uuid", "Bearer k", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" }));
        Assert.That(new[] { key, bearer, basic }.Select(r => r.Error!.Code), Is.All.EqualTo(ErrorCode.Unauthenticated));
        Assert.That(() => new BasicAuthorizer("a:b", "c"), Throws.ArgumentException);
    }
}
