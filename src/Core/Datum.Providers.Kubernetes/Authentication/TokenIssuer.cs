namespace Datum.Providers.Kubernetes;

/// <summary>Where short-lived bearer tokens come from: a service account's key or a personal access token.</summary>
public abstract class TokenIssuer
{
    /// <summary>What it is made from, for errors: a path, never a value.</summary>
    public abstract string Origin { get; }

    /// <summary>Gets one. What it is made from is read anew, because key files rotate.</summary>
    /// <exception cref="KubeConfigException">It can't be had; the sentence says what to do and quotes no secret.</exception>
    public abstract Task<AccessToken> IssueAsync(TimeProvider time, CancellationToken cancellation);

    public override string ToString() => Origin;
}

/// <summary>A bearer token and how long it is good.</summary>
public sealed class AccessToken(string value, DateTimeOffset issuedAt, TimeSpan life)
{
    /// <summary>A token is fetched anew before it expires, by as much as this or a fifth of its life.</summary>
    private static readonly TimeSpan LongestLead = TimeSpan.FromMinutes(10);

    public string Value => value;

    public DateTimeOffset IssuedAt => issuedAt;

    public DateTimeOffset ExpiresAt { get; } = issuedAt + life;

    public DateTimeOffset RefreshAt { get; } = issuedAt + life - (life / 5 < LongestLead ? life / 5 : LongestLead);

    /// <summary>Says nothing: what it holds is secret.</summary>
    public override string ToString() => nameof(AccessToken);
}
