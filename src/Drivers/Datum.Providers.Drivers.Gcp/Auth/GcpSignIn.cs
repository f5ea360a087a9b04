using System.Globalization;
using System.Text.Json;

namespace Datum.Providers.Drivers.Gcp.Auth;

/// <summary>The ways in: a service account's key, workload identity federation, the metadata server; on top of each, impersonation.</summary>
internal sealed class GcpSignIn : IDisposable
{
    private const string Scope = "https://www.googleapis.com/auth/cloud-platform";

    private readonly List<IDisposable> _owned = [];
    private TokenCache? _tokens;

    private GcpSignIn()
    {
    }

    /// <summary>Null with mode None.</summary>
    public IRequestAuthorizer? Authorizer => _tokens is null ? null : new TokenAuthorizer(_tokens);

    /// <summary>Hides what must not get into errors.</summary>
    public Redactor Redactor { get; private set; } = new();

    /// <summary>Prepares the way in; the first request goes it. Throws <see cref="DriverException"/> on credentials that can't be read.</summary>
    public static async ValueTask<GcpSignIn> OpenAsync(IDriverHost host, GcpSettings settings, Uri? endpoint, CancellationToken cancellation)
    {
        var signIn = new GcpSignIn();
        try
        {
            var key = await host.ReadCredentialAsync(GcpDescriptor.KeyCredential, cancellation);
            var federation = await host.ReadCredentialAsync(GcpDescriptor.FederationCredential, cancellation);
            var mode = settings.Authentication.Mode ?? (!key.IsEmpty ? "Key" : !federation.IsEmpty ? "Federation" : "Metadata");
            signIn._tokens = mode switch
            {
                "Key" when key.IsEmpty => throw NoCredential(mode, GcpDescriptor.KeyCredential),
                "Federation" when federation.IsEmpty => throw NoCredential(mode, GcpDescriptor.FederationCredential),
                "Key" => signIn.ByKey(host, key),
                "Federation" => signIn.ByFederation(host, federation, settings, endpoint),
                "Metadata" => signIn.ByMetadata(host, settings),
                "None" => null,
                _ => throw new DriverException(new DriverError { Code = ErrorCode.Invalid, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Field = "settings.authentication.mode", Message = $"'{mode}' is none of Key, Federation, Metadata, None." }),
            };
            if (settings.Authentication.Impersonate is { } account)
                signIn._tokens = signIn.As(host, settings, endpoint, $"v1/projects/-/serviceAccounts/{Uri.EscapeDataString(account)}:generateAccessToken");
            return signIn;
        }
        catch
        {
            signIn.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        for (var i = _owned.Count - 1; i >= 0; i--)
            _owned[i].Dispose();
        _owned.Clear();
    }

    private TokenCache ByKey(IDriverHost host, ReadOnlyMemory<byte> json)
    {
        var key = ServiceAccountKey.Parse(json);
        var signer = Own(new JwtSigner(key.PrivateKey, key.KeyId));
        Redactor = Redactor.With(key.PrivateKey);
        var client = Client(host, key.TokenAddress, OAuth2.Errors);
        var claims = new JwtClaims { Issuer = key.Email, Audience = key.TokenAddress.AbsoluteUri, Scope = Scope };
        // However wrong the host's clock is, what is signed must fit Google's.
        var clock = new ServerClock(host.Time, TimeSpan.FromDays(36_500));
        return Own(new TokenCache(host.Time, async call =>
        {
            var (token, refusal) = await TradeAsync(call);
            if (token is null && refusal is { Error.Code: ErrorCode.Unauthenticated } && clock.Learn(refusal))
                (token, refusal) = await TradeAsync(call);
            return token ?? throw new DriverException(refusal!.Error! with { Scope = ErrorScope.Account });
        }));

        async ValueTask<(AccessToken? Token, RestResult? Refusal)> TradeAsync(Call call)
        {
            var assertion = signer.Sign(claims, clock.Now).Value;
            var request = OAuth2.Form(key.TokenAddress.AbsolutePath.TrimStart('/'), new("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), new("assertion", assertion));
            var answer = await client.SendAsync(call, request);
            if (answer.Error is not null)
                return (null, answer);
            try
            {
                if (JsonText.Find(answer.Body, "access_token") is { Length: > 0 } value)
                    return (new AccessToken(value, host.Time.GetUtcNow().AddSeconds(double.TryParse(JsonText.Find(answer.Body, "expires_in"), NumberStyles.Float, CultureInfo.InvariantCulture, out var life) ? Math.Clamp(life, 0, 86_400) : 3600)), null);
            }
            catch (JsonException)
            {
                // Said below, without the body: it may hold a token.
            }

            throw new DriverException(new DriverError { Code = ErrorCode.Failed, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Message = $"The token endpoint {key.TokenAddress.Authority} answered {answer.Status} without an access_token." });
        }
    }

    private TokenCache ByFederation(IDriverHost host, ReadOnlyMemory<byte> json, GcpSettings settings, Uri? endpoint)
    {
        var config = ExternalAccount.Parse(json);
        var sts = Client(host, config.TokenAddress, OAuth2.Errors);
        var source = config.SourceAddress is { } address ? Client(host, address, OAuth2.Errors) : null;
        var federated = Own(new TokenCache(host.Time, async call =>
        {
            var subject = await config.SubjectAsync(host, source, call);
            var hiding = new RestClient(host.HttpHandler, new RestClientOptions { BaseAddress = sts.BaseAddress, Time = host.Time, Errors = new ErrorTable { Rows = OAuth2.Errors.Rows, Detail = OAuth2.Errors.Detail, Redactor = new Redactor(subject) }, RequestIdHeader = null });
            using (hiding)
                return await OAuth2.TokenAsync(hiding, call, OAuth2.Form(config.TokenAddress.AbsolutePath.TrimStart('/'),
                    new("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                    new("audience", config.Audience),
                    new("scope", Scope),
                    new("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                    new("subject_token_type", config.SubjectTokenType),
                    new("subject_token", subject)));
        }));
        if (config.ImpersonationAddress is not { } impersonate)
            return federated;
        _tokens = federated;
        return As(host, settings, new Uri(impersonate.GetLeftPart(UriPartial.Authority)), impersonate.AbsolutePath.TrimStart('/'), delegates: false);
    }

    private TokenCache ByMetadata(IDriverHost host, GcpSettings settings)
    {
        var client = Client(host, Address(settings.Endpoints.Metadata, "settings.endpoints.metadata") ?? new Uri("http://metadata.google.internal/"), MetadataErrors);
        return Own(new TokenCache(host.Time, call => OAuth2.TokenAsync(client, call,
            RestRequest.Get("computeMetadata/v1/instance/service-accounts/default/token").WithHeader("Metadata-Flavor", "Google"))));
    }

    /// <summary>Tokens of another account, by those that are there.</summary>
    private TokenCache As(IDriverHost host, GcpSettings settings, Uri? endpoint, string path, bool delegates = true)
    {
        var from = _tokens ?? throw new DriverException(new DriverError { Code = ErrorCode.Invalid, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Field = "settings.authentication.impersonate", Message = "Nobody can be impersonated without signing in first; choose another authentication.mode than None." });
        var address = Address(settings.Endpoints.IamCredentials, "settings.endpoints.iamCredentials") ?? endpoint ?? new Uri("https://iamcredentials.googleapis.com/");
        var client = Own(new RestClient(host.HttpHandler, new RestClientOptions
        {
            BaseAddress = new Uri(address.GetLeftPart(UriPartial.Authority)),
            Time = host.Time,
            Authorizer = new TokenAuthorizer(from),
            Errors = ImpersonationErrors,
            RequestIdHeader = null,
        }));
        var body = Body(delegates ? settings.Authentication.Delegates : []);
        return Own(new TokenCache(host.Time, async call =>
        {
            var answer = await client.SendAsync(call, RestRequest.Post(path) with { Body = body, Mutates = false });
            if (answer.Error is { } error)
                throw new DriverException(error with { Scope = ErrorScope.Account, Effect = Effect.NotApplied });
            try
            {
                if (JsonText.Find(answer.Body, "accessToken") is { Length: > 0 } token)
                    return new AccessToken(token, DateTimeOffset.TryParse(JsonText.Find(answer.Body, "expireTime"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out _) ? host.Time.GetUtcNow().AddMinutes(55) : null);
            }
            catch (JsonException)
            {
                // Said below, without the body: it may hold a token.
            }

            throw new DriverException(new DriverError { Code = ErrorCode.Failed, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Message = $"{address.Authority} answered {answer.Status} without an accessToken." });
        }));
    }

    private static byte[] Body(ImmutableArray<string> delegates)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            if (delegates.Length > 0)
            {
                json.WriteStartArray("delegates");
                foreach (var account in delegates)
                    json.WriteStringValue("projects/-/serviceAccounts/" + account);
                json.WriteEndArray();
            }

            json.WriteStartArray("scope");
            json.WriteStringValue(Scope);
            json.WriteEndArray();
            json.WriteString("lifetime", "3600s");
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    private RestClient Client(IDriverHost host, Uri address, ErrorTable errors) =>
        Own(new RestClient(host.HttpHandler, new RestClientOptions { BaseAddress = new Uri(address.GetLeftPart(UriPartial.Authority)), Time = host.Time, Errors = errors, RequestIdHeader = null }));

    private T Own<T>(T owned) where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }

    public static Uri? Address(string? text, string field) => text is null ? null
        : Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" && address.UserInfo.Length == 0 ? address
        : throw new DriverException(new DriverError { Code = ErrorCode.Invalid, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Field = field, Message = $"{field} is no http or https address without user information." });

    private static DriverException NoCredential(string mode, string key) => new(new DriverError
    {
        Code = ErrorCode.Unauthenticated,
        Effect = Effect.NotApplied,
        Scope = ErrorScope.Account,
        Message = $"authentication.mode {mode} needs the credential '{key}', and it isn't there.",
    });

    /// <summary>Where no metadata server answers as one, there is no identity.</summary>
    private static ErrorTable MetadataErrors { get; } = new()
    {
        Rows = [new() { Status = 403, Code = ErrorCode.Unauthenticated, Effect = Effect.NotApplied }, new() { Status = 404, Code = ErrorCode.Unauthenticated, Effect = Effect.NotApplied }],
    };

    private static ErrorTable ImpersonationErrors { get; } = new()
    {
        Rows = [new() { Status = 400, Code = ErrorCode.Unauthenticated, Effect = Effect.NotApplied }, new() { Status = 404, Code = ErrorCode.Forbidden, Effect = Effect.NotApplied }],
    };
}
