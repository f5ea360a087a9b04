using System.Globalization;
using System.Text;
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

/// <summary>A configuration of workload identity federation, as <c>gcloud iam workload-identity-pools create-cred-config</c> writes it.</summary>
internal sealed record ExternalAccount
{
    public required string Audience { get; init; }

    public required string SubjectTokenType { get; init; }

    public required Uri TokenAddress { get; init; }

    public Uri? ImpersonationAddress { get; init; }

    /// <summary>Where the token is read from when the credentials don't hold it.</summary>
    public string? SourceFile { get; init; }

    public Uri? SourceAddress { get; init; }

    public ImmutableArray<KeyValuePair<string, string>> SourceHeaders { get; init; } = [];

    /// <summary>The member that holds the token where the source is JSON.</summary>
    public string? SourceField { get; init; }

    public static ExternalAccount Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            if (JsonText.Find(root, "type") != "external_account")
                throw Unreadable("its type isn't external_account");
            if (JsonText.Find(root, "credential_source", "executable", "command") is not null || JsonText.Find(root, "credential_source", "environment_id") is not null)
                throw Unreadable("its credential_source is a program or AWS; use a file or a URL, or the credential 'subjectToken'");
            var source = root.TryGetProperty("credential_source", out var found) ? found : default;
            return new ExternalAccount
            {
                Audience = JsonText.Find(root, "audience") ?? throw Unreadable("audience is missing"),
                SubjectTokenType = JsonText.Find(root, "subject_token_type") ?? throw Unreadable("subject_token_type is missing"),
                TokenAddress = AddressOf(JsonText.Find(root, "token_url") ?? "https://sts.googleapis.com/v1/token", "token_url"),
                ImpersonationAddress = JsonText.Find(root, "service_account_impersonation_url") is { } address ? AddressOf(address, "service_account_impersonation_url") : null,
                SourceFile = source.ValueKind == JsonValueKind.Object ? JsonText.Find(source, "file") : null,
                SourceAddress = source.ValueKind == JsonValueKind.Object && JsonText.Find(source, "url") is { } url ? AddressOf(url, "credential_source.url") : null,
                SourceHeaders = source.ValueKind == JsonValueKind.Object && source.TryGetProperty("headers", out var headers)
                    ? [.. headers.EnumerateObject().Select(h => new KeyValuePair<string, string>(h.Name, h.Value.ToString()))] : [],
                SourceField = source.ValueKind == JsonValueKind.Object && JsonText.Find(source, "format", "type") == "json" ? JsonText.Find(source, "format", "subject_token_field_name") ?? "access_token" : null,
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Unreadable("it is no JSON of that form");
        }
    }

    /// <summary>The token to exchange, read anew each time: whoever writes it renews it.</summary>
    public async ValueTask<string> SubjectAsync(IDriverHost host, RestClient? source, Call call)
    {
        var given = await host.ReadCredentialAsync(GcpDescriptor.SubjectCredential, call.Cancellation);
        string text;
        if (!given.IsEmpty)
            return Encoding.UTF8.GetString(given.Span).Trim();
        if (SourceFile is { } file)
        {
            try
            {
                text = await File.ReadAllTextAsync(file, call.Cancellation);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Unreadable($"credential_source.file can't be read: {e.Message}");
            }
        }
        else if (source is not null)
        {
            var answer = await source.SendAsync(call, new RestRequest { Method = HttpMethod.Get, Path = SourceAddress!.PathAndQuery.TrimStart('/'), Headers = SourceHeaders });
            text = answer.Error is { } error ? throw new DriverException(error with { Scope = ErrorScope.Account }) : answer.Text();
        }
        else
        {
            throw Unreadable($"it names no credential_source, and the credential '{GcpDescriptor.SubjectCredential}' isn't there");
        }

        if (SourceField is not { } field)
            return text.Trim();
        try
        {
            return JsonText.Find(Encoding.UTF8.GetBytes(text), field) ?? throw Unreadable($"the source's JSON has no {field}");
        }
        catch (JsonException)
        {
            throw Unreadable("the source is no JSON");
        }
    }

    private static Uri AddressOf(string text, string field) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" ? address : throw Unreadable($"{field} is no http address");

    private static DriverException Unreadable(string why) => new(new DriverError
    {
        Code = ErrorCode.Unauthenticated,
        Effect = Effect.NotApplied,
        Scope = ErrorScope.Account,
        Message = $"The federation's configuration (credential '{GcpDescriptor.FederationCredential}') can't be used: {why}.",
    });
}
