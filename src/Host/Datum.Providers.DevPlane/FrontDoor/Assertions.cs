using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>
/// Checks a service account's assertion (RFC 7523): a JWT signed RS256 by a key of the account that it names, for this server alone, at
/// most a minute long, used once.
/// </summary>
/// <param name="audiences">What the server is called: scheme and authority of its token address.</param>
internal sealed class Assertions(TokenBook book, Func<IReadOnlySet<string>> audiences, TimeProvider time)
{
    private const int MaxLength = 8192;
    private const int MaxId = 256;
    private const long MaxLife = 60;

    /// <summary>Clocks of one machine may differ by this many seconds, in either direction.</summary>
    private const long Skew = 10;

    private readonly ConcurrentDictionary<(string Client, string Id), DateTimeOffset> used = new();

    /// <exception cref="OAuthError">It isn't accepted.</exception>
    public ServiceAccount Check(string assertion)
    {
        var parts = assertion.Split('.');
        if (assertion.Length > MaxLength || parts.Length != 3) throw OAuthError.InvalidGrant("the assertion isn't a signed JWT");
        var (header, claims) = (Part(parts[0]), Part(parts[1]));
        CheckHeader(header);
        var account = CheckSignature(header, claims, parts);
        // Only the holder of the key is told more.
        CheckClaims(claims, account.ClientId);
        return account;
    }

    private static void CheckHeader(JsonObject header)
    {
        // The algorithm is ours to choose, not the sender's: a public key must never serve as an HMAC secret, and "none" proves nothing.
        if (JsonText.String(header["alg"]) != "RS256") throw OAuthError.InvalidGrant("the assertion must be signed with RS256");
        if (header.ContainsKey("crit")) throw OAuthError.InvalidGrant("the assertion has critical header fields that aren't known here");
        if (header.ContainsKey("typ") && !"JWT".Equals(JsonText.String(header["typ"]), StringComparison.OrdinalIgnoreCase)) throw OAuthError.InvalidGrant("the assertion isn't a signed JWT");
    }

    private ServiceAccount CheckSignature(JsonObject header, JsonObject claims, string[] parts)
    {
        var account = JsonText.String(claims["iss"]) is { } issuer ? book.FindAccount(issuer) : null;
        // A key serves the account that it is listed for and no other; keys that the header carries or points to are never looked at.
        var key = account is not null && JsonText.String(header["kid"]) is { } id ? account.Keys.GetValueOrDefault(id) : null;
        if (account is null || key is null || !IsSigned(key, parts)) throw OAuthError.InvalidGrant("the assertion isn't signed by a known key of its issuer");
        return account;
    }

    private static bool IsSigned(byte[] key, string[] parts)
    {
        var signature = Decode(parts[2]);
        using var rsa = RSA.Create();
        rsa.ImportSubjectPublicKeyInfo(key, out _);
        return rsa.VerifyData(Encoding.ASCII.GetBytes(parts[0] + "." + parts[1]), signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
    }

    private void CheckClaims(JsonObject claims, string client)
    {
        if (JsonText.String(claims["sub"]) != client) throw OAuthError.InvalidGrant("the assertion's sub must be its iss");
        // One audience only: an assertion that somebody else was meant to accept too could be passed on by him.
        var audience = claims["aud"] is JsonArray { Count: 1 } one ? JsonText.String(one[0]) : JsonText.String(claims["aud"]);
        if (audience is null || !audiences().Contains(audience)) throw OAuthError.InvalidGrant("the assertion's aud must be scheme and host of this token address, alone");
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        if (Seconds(claims["iat"]) is not { } issued || Seconds(claims["exp"]) is not { } expires) throw OAuthError.InvalidGrant("the assertion must have iat and exp");
        if (expires <= issued || expires - issued > MaxLife) throw OAuthError.InvalidGrant($"the assertion must live for at most {MaxLife} seconds");
        if (issued > now + Skew) throw OAuthError.InvalidGrant("the assertion's iat is in the future");
        if (claims.ContainsKey("nbf") && !(Seconds(claims["nbf"]) <= now + Skew)) throw OAuthError.InvalidGrant("the assertion isn't valid yet");
        if (expires + Skew <= now) throw OAuthError.InvalidGrant("the assertion has expired");
        if (JsonText.String(claims["jti"]) is not { Length: > 0 and <= MaxId } id) throw OAuthError.InvalidGrant($"the assertion must have a jti of at most {MaxId} characters");
        foreach (var (old, until) in used)
        {
            if (until <= time.GetUtcNow()) used.TryRemove(old, out _);
        }

        if (!used.TryAdd((client, id), DateTimeOffset.FromUnixTimeSeconds(expires + Skew))) throw OAuthError.InvalidGrant("the assertion was used before");
    }

    private static JsonObject Part(string text)
    {
        try
        {
            var repeated = new List<string>();
            // Two readers may take different ones of a repeated claim.
            if (JsonText.Parse(Decode(text), repeated) is JsonObject map && repeated.Count == 0) return map;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw OAuthError.InvalidGrant("the assertion isn't a signed JWT");
        }

        throw OAuthError.InvalidGrant("the assertion isn't a signed JWT");
    }

    private static byte[] Decode(string text)
    {
        try
        {
            // The padding is no part of a JWT.
            if (!text.Contains('=', StringComparison.Ordinal)) return Base64Url.DecodeFromChars(text);
        }
        catch (FormatException)
        {
            throw OAuthError.InvalidGrant("the assertion isn't a signed JWT");
        }

        throw OAuthError.InvalidGrant("the assertion isn't a signed JWT");
    }

    private static long? Seconds(JsonNode? value) => JsonText.Int(value) is { } seconds and >= 0 and < 253402300800 - MaxLife ? seconds : null;
}
