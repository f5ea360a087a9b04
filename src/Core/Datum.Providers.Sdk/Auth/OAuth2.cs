using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>How a client names itself to a token endpoint (RFC 6749, 2.3.1).</summary>
public enum OAuth2ClientStyle
{
    /// <summary>Id and secret in the Authorization header, form-encoded first.</summary>
    Basic = 0,

    /// <summary>Id and secret in the body.</summary>
    Body = 1,
}

/// <summary>What a client credentials grant asks for.</summary>
public sealed record OAuth2ClientOptions
{
    /// <summary>Path of the token endpoint, relative to its client's base address.</summary>
    public required string TokenPath { get; init; }

    /// <summary>The client's id.</summary>
    public required string ClientId { get; init; }

    /// <summary>Reads the client's secret; asked at each sign-in, so that it isn't kept.</summary>
    public required Func<CancellationToken, ValueTask<string>> ClientSecret { get; init; }

    /// <summary>How both are sent. Default Basic.</summary>
    public OAuth2ClientStyle Style { get; init; }

    /// <summary>Scopes, separated by spaces; null for none.</summary>
    public string? Scope { get; init; }

    /// <summary>The audience or resource, where the platform wants one; null for none.</summary>
    public string? Audience { get; init; }
}

/// <summary>Token endpoints of OAuth 2 (RFC 6749): client credentials, and assertions (RFC 7523).</summary>
public static class OAuth2
{
    /// <summary>
    /// What token endpoints answer: anything but a limit of rate or an outage means that the credentials aren't accepted. Give it to the
    /// client of the token endpoint.
    /// </summary>
    public static ErrorTable Errors { get; } = new()
    {
        Detail = static result => ErrorDetail.Read(result) is var detail && detail.Message is { } message && detail.Code is { } code && message != code
            ? detail with { Message = $"{code}: {message}" }
            : detail,
        Rows =
        [
            new() { PlatformCodes = ["temporarily_unavailable", "server_error"], Code = ErrorCode.Unavailable, Effect = Effect.NotApplied },
            new() { PlatformCode = "slow_down", Code = ErrorCode.Throttled, Effect = Effect.NotApplied },
            new() { Status = 400, Code = ErrorCode.Unauthenticated, Effect = Effect.NotApplied },
            new() { Status = 403, Code = ErrorCode.Unauthenticated, Effect = Effect.NotApplied },
        ],
    };

    /// <summary>A cache that signs in with client credentials over <paramref name="endpoint"/>, whose base address may be another server than the platform's.</summary>
    public static TokenCache ClientCredentials(RestClient endpoint, OAuth2ClientOptions options) =>
        new(endpoint.Time, async call =>
        {
            var secret = await options.ClientSecret(call.Cancellation);
            var request = Form(options.TokenPath,
                new("grant_type", "client_credentials"),
                new("scope", options.Scope),
                new("audience", options.Audience),
                new("client_id", options.Style == OAuth2ClientStyle.Body ? options.ClientId : null),
                new("client_secret", options.Style == OAuth2ClientStyle.Body ? secret : null));
            if (options.Style == OAuth2ClientStyle.Basic)
                request = request.WithHeader("Authorization", "Basic " + Convert.ToBase64String(
                    Encoding.UTF8.GetBytes($"{Uri.EscapeDataString(options.ClientId)}:{Uri.EscapeDataString(secret)}")));
            return Read(await endpoint.SendAsync(call, request), endpoint, secret);
        });

    /// <summary>
    /// A cache that trades a signed assertion for a token (grant type <c>jwt-bearer</c>: service accounts). When the endpoint refuses it for the
    /// time it carries, it is signed once more by the endpoint's clock.
    /// </summary>
    public static TokenCache JwtBearer(RestClient endpoint, string tokenPath, JwtSigner signer, JwtClaims claims)
    {
        var clock = new ServerClock(endpoint.Time);
        return new(endpoint.Time, async call =>
        {
            var assertion = signer.Sign(claims, clock.Now).Value;
            var answer = await TradeAsync(call, assertion);
            // A refused assertion has done nothing, and its answer says what time it is there.
            if (answer.Error is { Code: ErrorCode.Unauthenticated } && clock.Learn(answer))
                answer = await TradeAsync(call, assertion = signer.Sign(claims, clock.Now).Value);
            return Read(answer, endpoint, assertion);
        });

        ValueTask<RestResult> TradeAsync(Call call, string assertion) => endpoint.SendAsync(call, Form(tokenPath,
            new("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            new("assertion", assertion)));
    }

    /// <summary>
    /// A cache of tokens that the client signs itself and sends as they are (self-signed JWT as bearer); no request is made. Give
    /// <paramref name="clock"/> to the authorizer too: it then learns from a refusal what time it is at the platform.
    /// </summary>
    public static TokenCache SelfSigned(ServerClock clock, JwtSigner signer, JwtClaims claims) =>
        new(clock.Time, _ =>
        {
            var token = signer.Sign(claims, clock.Now);
            return ValueTask.FromResult(new AccessToken(token.Value, token.ExpiresAt - clock.Offset));
        });

    /// <summary>A form-encoded POST; pairs whose value is null are left out. It counts as a read: a token that nobody received changes nothing.</summary>
    public static RestRequest Form(string path, params ReadOnlySpan<KeyValuePair<string, string?>> fields) => new()
    {
        Method = HttpMethod.Post,
        Path = path,
        Mutates = false,
        ContentType = "application/x-www-form-urlencoded",
        Body = Encoding.UTF8.GetBytes(RestRequest.WithQuery("", fields).TrimStart('?')),
        Headers = [new("Accept", "application/json")],
    };

    /// <summary>Sends a token request and reads <c>access_token</c> and <c>expires_in</c> (seconds, number or text). Throws <see cref="DriverException"/>.</summary>
    public static async ValueTask<AccessToken> TokenAsync(RestClient endpoint, Call call, RestRequest request) =>
        Read(await endpoint.SendAsync(call, request), endpoint);

    // An endpoint may echo what it was sent.
    private static AccessToken Read(RestResult answer, RestClient endpoint, params IEnumerable<string> secrets)
    {
        if (answer.Error is { } error)
            throw new DriverException(error with { Scope = ErrorScope.Account, Message = endpoint.Errors.Redactor.With(secrets).Redact(error.Message) });
        try
        {
            using var json = JsonDocument.Parse(answer.Body);
            if (json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("access_token", out var token) && token.ValueKind == JsonValueKind.String && token.GetString() is { Length: > 0 } value)
                return new AccessToken(value, Seconds(json.RootElement) is { } seconds ? endpoint.Time.GetUtcNow().AddSeconds(seconds) : null);
        }
        catch (JsonException)
        {
            // Said below, without the body: it may hold a token.
        }

        throw new DriverException(new DriverError
        {
            Code = ErrorCode.Failed,
            Effect = Effect.NotApplied,
            Scope = ErrorScope.Account,
            Message = $"The token endpoint {endpoint.BaseAddress.Authority} answered {answer.Status} without an access_token.",
        });
    }

    private static double? Seconds(JsonElement json)
    {
        if (!json.TryGetProperty("expires_in", out var life))
            return null;
        double? seconds = life.ValueKind switch
        {
            JsonValueKind.Number => life.GetDouble(),
            JsonValueKind.String when double.TryParse(life.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var parsed) => parsed,
            _ => null,
        };
        return seconds is >= 0 and < 1e9 ? seconds : null;
    }
}
