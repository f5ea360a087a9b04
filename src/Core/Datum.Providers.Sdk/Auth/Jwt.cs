using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>What an assertion claims.</summary>
public sealed record JwtClaims
{
    /// <summary><c>iss</c>: who signs, e.g. the service account's address.</summary>
    public required string Issuer { get; init; }

    /// <summary><c>sub</c>; null for none.</summary>
    public string? Subject { get; init; }

    /// <summary><c>aud</c>: the token endpoint, or the API for a self-signed token; null for none.</summary>
    public string? Audience { get; init; }

    /// <summary><c>scope</c>, separated by spaces; null for none.</summary>
    public string? Scope { get; init; }

    /// <summary>From <c>iat</c> to <c>exp</c>. Default one hour, which is also what most platforms allow at most.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Further claims, as text.</summary>
    public ImmutableArray<KeyValuePair<string, string>> More { get => field.IsDefault ? [] : field; init; }
}

/// <summary>Signs JSON web tokens with RS256 (RFC 7519, RFC 7518 3.3). One instance signs one at a time for any number of callers.</summary>
public sealed class JwtSigner : IDisposable
{
    private readonly RSA _key;
    private readonly string? _keyId;
    private readonly Lock _one = new();

    /// <summary>Reads a private key in PEM (PKCS#8 or PKCS#1). Throws <see cref="DriverException"/> (Unauthenticated) when it is none; the message doesn't show it.</summary>
    /// <param name="pem">The key.</param>
    /// <param name="keyId"><c>kid</c> of the header; null for none.</param>
    public JwtSigner(string pem, string? keyId = null)
    {
        _keyId = keyId;
        _key = RSA.Create();
        try
        {
            _key.ImportFromPem(pem);
            // A public key imports too, and would fail at the first signature.
            _key.SignData([0], HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            _key.Dispose();
            throw new DriverException(new DriverError
            {
                Code = ErrorCode.Unauthenticated,
                Effect = Effect.NotApplied,
                Scope = ErrorScope.Account,
                Message = "The private key can't be read: a PEM of an RSA private key (PKCS#8 or PKCS#1) without pass phrase is needed.",
            });
        }
    }

    /// <summary>A token that is valid from <paramref name="now"/> for the claims' lifetime. Its expiry is by the clock that <paramref name="now"/> is of.</summary>
    public AccessToken Sign(JwtClaims claims, DateTimeOffset now)
    {
        var issued = now.ToUnixTimeSeconds();
        var expires = issued + (long)claims.Lifetime.TotalSeconds;
        var text = new StringBuilder()
            .Append(Encode(WriteHeader)).Append('.')
            .Append(Encode(json => WriteClaims(json, claims, issued, expires)));
        byte[] signature;
        lock (_one)
            signature = _key.SignData(Encoding.ASCII.GetBytes(text.ToString()), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return new AccessToken(text.Append('.').Append(Base64Url(signature)).ToString(), DateTimeOffset.FromUnixTimeSeconds(expires));
    }

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();

    private void WriteHeader(Utf8JsonWriter json)
    {
        json.WriteString("alg", "RS256");
        json.WriteString("typ", "JWT");
        if (_keyId is not null)
            json.WriteString("kid", _keyId);
    }

    private static void WriteClaims(Utf8JsonWriter json, JwtClaims claims, long issued, long expires)
    {
        json.WriteString("iss", claims.Issuer);
        if (claims.Subject is not null)
            json.WriteString("sub", claims.Subject);
        if (claims.Audience is not null)
            json.WriteString("aud", claims.Audience);
        if (claims.Scope is not null)
            json.WriteString("scope", claims.Scope);
        json.WriteNumber("iat", issued);
        json.WriteNumber("exp", expires);
        foreach (var (name, value) in claims.More)
            json.WriteString(name, value);
    }

    private static string Encode(Action<Utf8JsonWriter> members)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        return Base64Url(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    private static string Base64Url(ReadOnlySpan<byte> bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
}

/// <summary>A service account's key file as Google's tools write it.</summary>
public sealed class ServiceAccountKey
{
    private ServiceAccountKey(string email, string? keyId, string privateKey, Uri tokenAddress)
    {
        Email = email;
        KeyId = keyId;
        PrivateKey = privateKey;
        TokenAddress = tokenAddress;
    }

    /// <summary><c>client_email</c>.</summary>
    public string Email { get; }

    /// <summary><c>private_key_id</c>; null when absent.</summary>
    public string? KeyId { get; }

    /// <summary><c>private_key</c>: PEM. A secret.</summary>
    public string PrivateKey { get; }

    /// <summary><c>token_uri</c>.</summary>
    public Uri TokenAddress { get; }

    /// <summary>Reads the file's bytes. Throws <see cref="DriverException"/> (Unauthenticated) that names what is missing.</summary>
    public static ServiceAccountKey Parse(ReadOnlyMemory<byte> json)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(json);
        }
        catch (JsonException)
        {
            throw Unreadable("it is no JSON");
        }

        using (document)
        {
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                throw Unreadable("it is no JSON object");
            var uri = Text(root, "token_uri") ?? throw Unreadable("token_uri is missing");
            if (!Uri.TryCreate(uri, UriKind.Absolute, out var address) || address.Scheme is not ("https" or "http"))
                throw Unreadable("token_uri is no http address");
            return new ServiceAccountKey(
                Text(root, "client_email") ?? throw Unreadable("client_email is missing"),
                Text(root, "private_key_id"),
                Text(root, "private_key") ?? throw Unreadable("private_key is missing"),
                address);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Email;

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;

    private static DriverException Unreadable(string why) => new(new DriverError
    {
        Code = ErrorCode.Unauthenticated,
        Effect = Effect.NotApplied,
        Scope = ErrorScope.Account,
        Message = $"The service account key can't be read: {why}.",
    });
}
