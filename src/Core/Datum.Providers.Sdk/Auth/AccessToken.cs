namespace Datum.Providers.Sdk;

/// <summary>A token that a platform gave out. Its text never shows it.</summary>
public class AccessToken
{
    /// <summary>A token; <paramref name="expiresAt"/> is null when it lives until it is refused.</summary>
    public AccessToken(string value, DateTimeOffset? expiresAt = null)
    {
        Value = value;
        ExpiresAt = expiresAt;
    }

    /// <summary>The secret.</summary>
    public string Value { get; }

    /// <summary>When it ends, by the session's clock; null when it lives until it is refused.</summary>
    public DateTimeOffset? ExpiresAt { get; }

    /// <inheritdoc/>
    public sealed override string ToString() => "***";
}

/// <summary>
/// One session's token: got when it is first needed, renewed before it ends, by one call at a time while the others wait for it. A renewal
/// that fails while the old token still lives keeps the old one.
/// </summary>
public sealed class TokenCache : IDisposable
{
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly TimeProvider _time;
    private readonly Func<Call, ValueTask<AccessToken>> _fetch;
    private readonly TimeSpan _margin;
    private volatile Held? _held;
    private volatile Failure _failure = new(0, null);
    private long _refused;

    /// <summary>Makes an empty cache.</summary>
    /// <param name="time">The session's clock.</param>
    /// <param name="fetch">Gets a new token within the call; throws <see cref="DriverException"/> when there is none.</param>
    /// <param name="margin">How long before its end a token is renewed; at most a fifth of its life. Default 5 minutes.</param>
    public TokenCache(TimeProvider time, Func<Call, ValueTask<AccessToken>> fetch, TimeSpan? margin = null)
    {
        _time = time;
        _fetch = fetch;
        _margin = margin ?? TimeSpan.FromMinutes(5);
    }

    /// <summary>The token that is held now, also an old one; null for none.</summary>
    public AccessToken? Current => _held?.Token;

    /// <summary>The token, and the number that names it.</summary>
    public async ValueTask<(AccessToken Token, long Generation)> GetAsync(Call call)
    {
        if (_held is { } fresh && IsFresh(fresh))
            return (fresh.Token, fresh.Generation);
        var seen = _failure;
        await _one.WaitAsync(call.Cancellation);
        try
        {
            if (_held is { } other && IsFresh(other))
                return (other.Token, other.Generation);
            // Whoever waited while somebody else's attempt failed gets that failure instead of asking again.
            if (_failure is { Error: { } error } failed && failed.Count != seen.Count && !IsUsable(_held))
                throw new DriverException(error);
            return await FetchAsync(call);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Drops the token of this number, so that the next call gets another; does nothing when it was replaced already.</summary>
    public void Refuse(long generation)
    {
        // Numbers only grow: an older one that is refused late says nothing about the token of today.
        var seen = Interlocked.Read(ref _refused);
        while (generation > seen)
        {
            var before = Interlocked.CompareExchange(ref _refused, generation, seen);
            if (before == seen)
                return;
            seen = before;
        }
    }

    /// <summary>Forgets the token, so that the next call gets another.</summary>
    public AccessToken? Take()
    {
        var held = _held;
        if (held is null)
            return null;
        Refuse(held.Generation);
        return held.Token;
    }

    /// <inheritdoc/>
    public void Dispose() => _one.Dispose();

    private async ValueTask<(AccessToken Token, long Generation)> FetchAsync(Call call)
    {
        var old = _held;
        try
        {
            var token = await _fetch(call);
            var now = _time.GetUtcNow();
            var margin = token.ExpiresAt is { } end ? TimeSpan.FromTicks(Math.Min(_margin.Ticks, Math.Max(0, (end - now).Ticks / 5))) : TimeSpan.Zero;
            var held = new Held(token, (old?.Generation ?? 0) + 1, token.ExpiresAt - margin);
            _held = held;
            return (held.Token, held.Generation);
        }
        catch (DriverException e) when (IsUsable(old))
        {
            _failure = new Failure(_failure.Count + 1, e.Error);
            _held = old! with { RenewAt = _time.GetUtcNow() + PauseAfterFailure };
            return (old.Token, old.Generation);
        }
        catch (DriverException e)
        {
            _failure = new Failure(_failure.Count + 1, e.Error);
            throw;
        }
    }

    private bool IsFresh(Held held) => IsUsable(held) && (held.RenewAt is not { } at || _time.GetUtcNow() < at);

    private bool IsUsable(Held? held) =>
        held is not null && held.Generation > Interlocked.Read(ref _refused) && (held.Token.ExpiresAt is not { } end || _time.GetUtcNow() < end);

    private sealed record Held(AccessToken Token, long Generation, DateTimeOffset? RenewAt);

    private sealed record Failure(long Count, DriverError? Error);
}

/// <summary>Sends the token of a <see cref="TokenCache"/> in a header; a refused one is replaced once within the call.</summary>
public sealed class TokenAuthorizer : IRequestAuthorizer
{
    private readonly TokenCache _cache;

    /// <summary>Makes an authorizer over a cache that the session owns.</summary>
    public TokenAuthorizer(TokenCache cache) => _cache = cache;

    /// <summary>The header. Default <c>Authorization</c>.</summary>
    public string Header { get; init; } = "Authorization";

    /// <summary>What stands before the token in the header. Default <c>Bearer</c> and a space; empty for the bare token.</summary>
    public string Prefix { get; init; } = "Bearer ";

    /// <summary>Which answers refuse the token. Default: status 401.</summary>
    public Func<RestResult, bool> Refused { get; init; } = static answer => answer.Status == 401;

    /// <summary>The clock by which the cache signs its tokens; a refusal sets it. Null when the platform makes the tokens.</summary>
    public ServerClock? Clock { get; init; }

    /// <inheritdoc/>
    public async ValueTask<long> AuthorizeAsync(OutgoingRequest request)
    {
        var (token, generation) = await _cache.GetAsync(request.Call);
        request.SetHeader(Header, Prefix + token.Value);
        request.AddSecret(token.Value);
        return generation;
    }

    /// <inheritdoc/>
    public bool IsRefusal(RestResult answer) => Refused(answer);

    /// <inheritdoc/>
    public async ValueTask<bool> RenewAsync(long used, RestResult refusal, Call call)
    {
        Clock?.Learn(refusal);
        _cache.Refuse(used);
        return (await _cache.GetAsync(call)).Generation != used;
    }
}
