using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>How a platform's sign-in works.</summary>
public sealed record SessionTokenOptions
{
    /// <summary>Makes the sign-in request; asked each time, so that the password isn't kept.</summary>
    public required Func<Call, ValueTask<RestRequest>> SignIn { get; init; }

    /// <summary>Finds the token in the answer; null when there is none. See <see cref="SessionTokens.FromHeader"/> and <see cref="SessionTokens.FromText"/>.</summary>
    public required Func<RestResult, AccessToken?> Token { get; init; }

    /// <summary>The header that carries the token, e.g. <c>X-Auth-Token</c>.</summary>
    public required string Header { get; init; }

    /// <summary>What stands before the token in the header. Default nothing.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Makes the sign-out request, without the token's header; null where the platform has none.</summary>
    public Func<AccessToken, RestRequest>? SignOut { get; init; }

    /// <summary>Which answers refuse the token. Default: status 401.</summary>
    public Func<RestResult, bool> Refused { get; init; } = static answer => answer.Status == 401;

    /// <summary>How long signing out may take when the session ends. Default 5 s.</summary>
    public TimeSpan SignOutTimeout { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>
/// Signs in, sends the token in a header, signs in again before it ends or when it is refused, and signs out at the end: platforms cap sessions (DC-7).
/// </summary>
public sealed class SessionTokens : IRequestAuthorizer, IAsyncDisposable
{
    private readonly RestClient _signIn;
    private readonly SessionTokenOptions _options;
    private readonly TokenCache _cache;
    private readonly TokenAuthorizer _authorizer;

    /// <summary>Makes one that isn't signed in. <paramref name="signIn"/> is a client without this authorizer; the session owns it.</summary>
    public SessionTokens(RestClient signIn, SessionTokenOptions options)
    {
        _signIn = signIn;
        _options = options;
        _cache = new TokenCache(signIn.Time, SignInAsync);
        _authorizer = new TokenAuthorizer(_cache) { Header = options.Header, Prefix = options.Prefix, Refused = options.Refused };
    }

    /// <summary>A token in an answer's header (OpenStack's <c>X-Subject-Token</c>), with a life from now by the session's clock; null for unknown.</summary>
    public static Func<RestResult, AccessToken?> FromHeader(string header, TimeProvider time, TimeSpan? life = null) =>
        answer => answer.Header(header) is { Length: > 0 } value ? new AccessToken(value, life is { } span ? time.GetUtcNow() + span : null) : null;

    /// <summary>A token in the JSON body: at the end of the names, or (without names) the body itself as a JSON string (vCenter).</summary>
    public static Func<RestResult, AccessToken?> FromText(TimeProvider time, TimeSpan? life = null, params ImmutableArray<string> names) =>
        answer => JsonText.Find(answer.Body, names.IsDefault ? [] : names.AsSpan()) is { Length: > 0 } value
            ? new AccessToken(value, life is { } span ? time.GetUtcNow() + span : null)
            : null;

    /// <inheritdoc/>
    public ValueTask<long> AuthorizeAsync(OutgoingRequest request) => _authorizer.AuthorizeAsync(request);

    /// <inheritdoc/>
    public bool IsRefusal(RestResult answer) => _authorizer.IsRefusal(answer);

    /// <inheritdoc/>
    public ValueTask<bool> RenewAsync(long used, RestResult refusal, Call call) => _authorizer.RenewAsync(used, refusal, call);

    /// <summary>Signs out where the platform has that. A failure is nobody's concern any more: the token ends by itself.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_cache.Take() is { } token && _options.SignOut is { } signOut)
        {
            var deadline = _signIn.Time.GetUtcNow() + _options.SignOutTimeout;
            var call = new Call { Cancellation = CancellationToken.None, Deadline = deadline, Id = "sign-out" };
            await _signIn.SendAsync(call, signOut(token).WithHeader(_options.Header, _options.Prefix + token.Value));
        }

        _cache.Dispose();
    }

    private async ValueTask<AccessToken> SignInAsync(Call call)
    {
        var request = await _options.SignIn(call);
        var answer = await _signIn.SendAsync(call, request with { Mutates = false });
        if (answer.Error is { } error)
            throw new DriverException(error with { Scope = ErrorScope.Account });
        return Found(answer) ?? throw new DriverException(new DriverError
        {
            Code = ErrorCode.Failed,
            Effect = Effect.NotApplied,
            Scope = ErrorScope.Account,
            Message = $"The sign-in at {_signIn.BaseAddress.Authority} answered {answer.Status} without a token.",
        });
    }

    private AccessToken? Found(RestResult answer)
    {
        try
        {
            return _options.Token(answer);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
