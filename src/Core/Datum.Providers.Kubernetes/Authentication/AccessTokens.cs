using System.Net.Http.Headers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Kubernetes;

/// <summary>
/// The current token of an issuer, shared by every connection that uses it. One request to the issuer at a time; while a token is good nobody
/// waits for the next one, so an issuer that is slow or down is noticed only once the token has expired.
/// </summary>
public sealed partial class AccessTokens(TokenIssuer issuer)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    /// <summary>A token that is younger isn't exchanged because a server refused it: the server means us, not the token.</summary>
    private static readonly TimeSpan YoungestRefused = TimeSpan.FromSeconds(10);

    /// <summary>How long an old token is used while the next one is being fetched, before one looks again.</summary>
    private static readonly TimeSpan Meanwhile = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private AccessToken? _current;
    private Task<KubeConfigException?>? _running;
    private KubeConfigException? _failure;
    private DateTimeOffset _notBefore;
    private TimeSpan _pause = FirstPause;

    public TokenIssuer Issuer => issuer;

    /// <returns>The token, and when to look again.</returns>
    /// <exception cref="KubeConfigException">There is none that is good.</exception>
    internal async ValueTask<(AccessToken Token, DateTimeOffset LookAgainAt)> GetAsync(TimeProvider time, ILogger logger, CancellationToken cancellation)
    {
        Task<KubeConfigException?> running;
        lock (_lock)
        {
            var now = time.GetUtcNow();
            if (_current is { } known && now < known.ExpiresAt)
            {
                if (now < known.RefreshAt)
                    return (known, known.RefreshAt);
                if (now < _notBefore)
                    return (known, _notBefore);
                _running ??= FetchAsync(time, logger);
                return (known, now + Meanwhile);
            }
            if (now < _notBefore && _failure is { } failed)
                throw failed;
            running = _running ??= FetchAsync(time, logger);
        }
        if (await running.WaitAsync(cancellation) is { } error)
            throw error;
        lock (_lock)
            return (_current!, _current!.RefreshAt);
    }

    /// <summary>A server refused this token, which may have expired or been revoked: another one is asked for, and the others use this one until it is there.</summary>
    internal void Suspect(string? refused, TimeProvider time, ILogger logger)
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            if (_current is { } known && known.Value == refused && now - known.IssuedAt >= YoungestRefused && now >= _notBefore)
                _running ??= FetchAsync(time, logger);
        }
    }

    /// <summary>Waits for a request to the issuer that is under way; what came of it says the next look.</summary>
    internal async Task SettledAsync(CancellationToken cancellation)
    {
        Task? running;
        lock (_lock)
            running = _running;
        if (running is not null)
            await running.WaitAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Whether there is another token than this one.</summary>
    internal bool HasOther(string? token)
    {
        lock (_lock)
            return _current is { } known && known.Value != token;
    }

    private async Task<KubeConfigException?> FetchAsync(TimeProvider time, ILogger logger)
    {
        // Never inside the lock of the one who asked first.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        KubeConfigException? failure = null;
        AccessToken? token = null;
        try
        {
            token = await issuer.IssueAsync(time, CancellationToken.None).ConfigureAwait(false);
        }
        catch (KubeConfigException error)
        {
            failure = error;
        }
        TimeSpan? left;
        bool again;
        lock (_lock)
        {
            _running = null;
            again = _failure is not null;
            _failure = failure;
            var now = time.GetUtcNow();
            if (token is not null)
            {
                _current = token;
                _pause = FirstPause;
                _notBefore = default;
            }
            else
            {
                _notBefore = now + _pause;
                _pause = _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
            }
            left = _current is { } old && now < old.ExpiresAt ? old.ExpiresAt - now : null;
        }
        if (failure is not null)
            LogFailed(logger, failure.Message, left is { } l ? $"the token that there is is good for {l.TotalMinutes:0} more minutes" : "there is no token that is good");
        else if (again)
            LogBack(logger, issuer.Origin);
        return failure;
    }

    /// <summary>As the header of a request.</summary>
    internal static AuthenticationHeaderValue Header(AccessToken token) => new("Bearer", token.Value);

    public override string ToString() => issuer.Origin;

    [LoggerMessage(EventId = 2601, Level = LogLevel.Warning, Message = "A new access token can't be had: {Reason} It is tried again by itself; {Left}")]
    private static partial void LogFailed(ILogger logger, string reason, string left);

    [LoggerMessage(EventId = 2602, Level = LogLevel.Information, Message = "Access tokens can be had again ({Origin})")]
    private static partial void LogBack(ILogger logger, string origin);
}
