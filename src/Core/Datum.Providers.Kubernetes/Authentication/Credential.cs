using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;

namespace Datum.Providers.Kubernetes;

/// <summary>Who we are and whom we trust at one moment.</summary>
internal sealed record Credential
{
    public AuthenticationHeaderValue? Authorization { get; init; }

    public TlsIdentity Tls { get; init; } = TlsIdentity.None;

    /// <summary>The timestamp at which files are looked at again.</summary>
    public long LookAgainAt { get; init; } = long.MaxValue;

    /// <summary>The wall-clock time from which a plugin is run again; null: not before a refusal.</summary>
    public DateTimeOffset? RunAgainAt { get; init; }

    /// <summary>The wall-clock time until which it is good; null: until a refusal.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    public bool IsFresh(TimeProvider time) => time.GetTimestamp() < LookAgainAt && (RunAgainAt is not { } at || time.GetUtcNow() < at);

    /// <summary>A server that refused the one will refuse the other.</summary>
    public bool IsSameAs(Credential other) => Equals(Authorization, other.Authorization) && Tls.Key == other.Tls.Key;

    /// <summary>Says nothing: what it holds is secret.</summary>
    public override string ToString() => nameof(Credential);
}

/// <summary>What a TLS connection is made with. Connections of another <see cref="Key"/> are not used for it.</summary>
internal sealed class TlsIdentity(X509Certificate2? certificate, X509Certificate2Collection? chain, X509Certificate2Collection? authorities)
{
    public static TlsIdentity None { get; } = new(null, null, null);

    public X509Certificate2? Certificate => certificate;

    public X509Certificate2Collection? Chain => chain;

    public X509Certificate2Collection? Authorities => authorities;

    public string Key { get; } = $"{certificate?.Thumbprint}|{string.Join(',', authorities?.Select(a => a.Thumbprint) ?? [])}";
}
