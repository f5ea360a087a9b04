using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Datum.Providers.Kubernetes;

/// <summary>
/// A service account's key file: a JWT of one minute, signed with it (RS256; iss and sub the client id, aud the endpoint's scheme and authority),
/// is exchanged for a bearer token by the grant <c>urn:ietf:params:oauth:grant-type:jwt-bearer</c> (RFC 7523).
/// </summary>
public sealed class ServiceAccountKey : TokenIssuer
{
    private const string GrantType = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    private const int MinKeyBits = 2048;
    private const int AssertionSeconds = 60;

    private readonly string _path;
    private readonly string? _endpoint;
    private readonly X509Certificate2Collection? _authorities;

    /// <param name="path">The key file (JSON of type <c>datum_service_account</c>).</param>
    /// <param name="endpoint">The token endpoint instead of the file's <c>token_uri</c>.</param>
    /// <param name="authorities">Who signs its certificate; null trusts the machine's own.</param>
    /// <exception cref="KubeConfigException">The file can't be used; the sentence names the field.</exception>
    public ServiceAccountKey(string path, string? endpoint = null, X509Certificate2Collection? authorities = null)
    {
        (_path, _endpoint, _authorities) = (path, endpoint, authorities);
        var (file, _) = Read();
        using var key = Key(file);
    }

    public override string Origin => _path;

    public override async Task<AccessToken> IssueAsync(TimeProvider time, CancellationToken cancellation)
    {
        var (file, endpoint) = Read();
        var form = new Dictionary<string, string> { ["grant_type"] = GrantType, ["assertion"] = Assertion(file, endpoint, time) };
        if (!string.IsNullOrEmpty(file.Scope))
            form["scope"] = file.Scope;
        using var request = new HttpRequestMessage(HttpMethod.Post, endpoint) { Content = new FormUrlEncodedContent(form) };
        return await TokenEndpoint.AskAsync(request, _authorities, _path, time, cancellation);
    }

    private string Assertion(ServiceAccountFile file, Uri endpoint, TimeProvider time)
    {
        using var key = Key(file);
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        var header = new JsonObject { ["alg"] = "RS256", ["typ"] = "JWT", ["kid"] = file.PrivateKeyId };
        var claims = new JsonObject
        {
            ["iss"] = file.ClientId, ["sub"] = file.ClientId, ["aud"] = endpoint.GetLeftPart(UriPartial.Authority),
            ["iat"] = now, ["exp"] = now + AssertionSeconds, ["jti"] = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)),
        };
        var signed = $"{Encode(header)}.{Encode(claims)}";
        return $"{signed}.{Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
    }

    private static string Encode(JsonObject part) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part.ToJsonString()));

    private (ServiceAccountFile File, Uri Endpoint) Read()
    {
        ServiceAccountFile? file;
        try
        {
            file = JsonSerializer.Deserialize(SecretFile.Read(_path), TokenAnswerJson.Default.ServiceAccountFile);
        }
        catch (JsonException)
        {
            // The parser's text may quote the key.
            throw Error("", "is no JSON; name the key file that was downloaded for the service account");
        }
        if (file is null || file.Type is not (null or "datum_service_account"))
            throw Error("type", "must be datum_service_account");
        if (string.IsNullOrEmpty(file.ClientId))
            throw Error("client_id", "is missing");
        if (string.IsNullOrEmpty(file.PrivateKeyId))
            throw Error("private_key_id", "is missing");
        if (string.IsNullOrEmpty(file.PrivateKey))
            throw Error("private_key", "is missing");
        return (file, TokenEndpoint.Check(_endpoint ?? file.TokenUri, _endpoint is null ? $"{_path}: token_uri" : "tokenEndpoint"));
    }

    private RSA Key(ServiceAccountFile file)
    {
        var key = RSA.Create();
        try
        {
            key.ImportFromPem(file.PrivateKey);
            _ = key.ExportParameters(includePrivateParameters: true);
        }
        catch (Exception error) when (error is ArgumentException or CryptographicException)
        {
            key.Dispose();
            throw Error("private_key", "must be an RSA private key in PEM");
        }
        if (key.KeySize >= MinKeyBits)
            return key;
        key.Dispose();
        throw Error("private_key", $"must have at least {MinKeyBits} bits");
    }

    private KubeConfigException Error(string field, string problem) => new($"{_path}: {field}{(field.Length > 0 ? " " : "")}{problem}.");
}
