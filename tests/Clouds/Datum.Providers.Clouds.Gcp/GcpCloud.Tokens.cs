using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Clouds.Gcp;

/// <summary>Who may come in: OAuth's token endpoint for service-account keys, the Security Token Service, impersonation, and the metadata server.</summary>
public sealed partial class GcpCloud
{
    private readonly Dictionary<string, (string Who, DateTimeOffset Until)> _tokens = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _keys = new(StringComparer.Ordinal);
    private int _tokenCount;

    /// <summary>How long a token lives.</summary>
    public TimeSpan TokenLife { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Subject tokens that workload identity federation takes, with the audience that they are for.</summary>
    public ImmutableDictionary<string, string> SubjectTokens { get; set; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Who may speak as whom: the caller, and the service account.</summary>
    public ImmutableHashSet<(string Caller, string Account)> Impersonations { get; set; } = [];

    /// <summary>The account of the machine that the double believes to run beside; null: there is no metadata server.</summary>
    public string? MetadataAccount { get; set; }

    /// <summary>Tokens that are accepted now.</summary>
    public int LiveTokens { get { lock (_gate) return _tokens.Values.Count(t => t.Until > Now); } }

    /// <summary>Whom each accepted request came from, newest last.</summary>
    public string? LastCaller { get; private set; }

    /// <summary>Lets a service account in by its public key (PEM); several keys may be valid at once.</summary>
    public void AddKey(string email, string keyId, string publicKeyPem)
    {
        lock (_gate)
            _keys[$"{email}/{keyId}"] = publicKeyPem;
    }

    /// <summary>No key of the account is taken any more; tokens that were given out end too.</summary>
    public void RemoveKeys()
    {
        lock (_gate)
        {
            _keys.Clear();
            _tokens.Clear();
        }
    }

    /// <summary>Tokens that were given out end; keys stay.</summary>
    public void ExpireTokens()
    {
        lock (_gate)
            _tokens.Clear();
    }

    private void CheckToken(CloudRequest request)
    {
        var header = request.Header("Authorization") ?? "";
        var token = header.StartsWith("Bearer ", StringComparison.Ordinal) ? header[7..] : "";
        if (_tokens.TryGetValue(token, out var known) && known.Until > Now)
            LastCaller = known.Who;
        else if (Knobs.NeedsToken)
            throw new GcpError(401, request.Path.StartsWith("/compute/", StringComparison.Ordinal) ? "authError" : "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token.");
    }

    private CloudResponse? TokenRoute(CloudRequest request)
    {
        var path = request.Path;
        if (path == "/token" && request.Method == "POST")
            return Token(Form(request));
        if (path == "/v1/token" && request.Method == "POST")
            return Exchange(Form(request));
        if (path.StartsWith("/v1/projects/-/serviceAccounts/", StringComparison.Ordinal) && path.EndsWith(":generateAccessToken", StringComparison.Ordinal))
            return Impersonate(request, Uri.UnescapeDataString(path[31..^20]));
        if (path.StartsWith("/computeMetadata/v1/", StringComparison.Ordinal))
            return Metadata(request, path[20..]);
        return null;
    }

    private static Dictionary<string, string> Form(CloudRequest request)
    {
        var form = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in CloudRequest.ParseQuery(Encoding.UTF8.GetString(request.Body.Span)))
            form[name] = value;
        return form;
    }

    private static GcpError NotLetIn(string error, string why) => new(400, error, why) { OAuth = true };

    private CloudResponse Token(Dictionary<string, string> form)
    {
        if (form.GetValueOrDefault("grant_type") == "refresh_token")
            return Give("refresher", "access_token", "expires_in");
        if (form.GetValueOrDefault("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer")
            throw NotLetIn("unsupported_grant_type", "Invalid grant_type: " + form.GetValueOrDefault("grant_type"));
        var parts = form.GetValueOrDefault("assertion", "").Split('.');
        if (parts.Length != 3)
            throw NotLetIn("invalid_grant", "Invalid JWT.");
        JsonNode header, claims;
        byte[] signature;
        try
        {
            header = JsonNode.Parse(FromBase64(parts[0]))!;
            claims = JsonNode.Parse(FromBase64(parts[1]))!;
            signature = FromBase64(parts[2]);
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            throw NotLetIn("invalid_grant", "Invalid JWT.");
        }

        var email = claims["iss"]?.ToString() ?? "";
        if (!_keys.TryGetValue($"{email}/{header["kid"]}", out var pem))
            throw NotLetIn("invalid_grant", "Invalid grant: account not found");
        using var key = RSA.Create();
        key.ImportFromPem(pem);
        if (!key.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))
            throw NotLetIn("invalid_grant", "Invalid JWT Signature.");
        var (issued, expires, now) = ((long)claims["iat"]!, (long)claims["exp"]!, Now.ToUnixTimeSeconds());
        if (issued > now + 300 || expires < now - 300 || expires - issued > 3600)
            throw NotLetIn("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.");
        if (claims["scope"] is null)
            throw NotLetIn("invalid_scope", "Empty or missing scope not allowed.");
        return Give(email, "access_token", "expires_in");
    }

    private CloudResponse Exchange(Dictionary<string, string> form)
    {
        if (form.GetValueOrDefault("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange" || !form.ContainsKey("subject_token_type"))
            throw NotLetIn("invalid_request", "Invalid grant type or subject token type.");
        if (!SubjectTokens.TryGetValue(form.GetValueOrDefault("subject_token", ""), out var audience) || audience != form.GetValueOrDefault("audience"))
            throw NotLetIn("invalid_grant", "The given credential is rejected by the attribute condition.");
        var answer = Give("federated:" + audience, "access_token", "expires_in", more: new JsonObject { ["issued_token_type"] = "urn:ietf:params:oauth:token-type:access_token" });
        return answer;
    }

    private CloudResponse Impersonate(CloudRequest request, string account)
    {
        var header = request.Header("Authorization") ?? "";
        if (!header.StartsWith("Bearer ", StringComparison.Ordinal) || !_tokens.TryGetValue(header[7..], out var known) || known.Until <= Now)
            throw new GcpError(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.");
        var who = known.Who;
        foreach (var hop in (ReadBody(request)["delegates"] as JsonArray ?? []).Select(d => d!.ToString().Split('/')[^1]).Append(account))
            who = Impersonations.Contains((who, hop)) ? hop : throw new GcpError(403, "PERMISSION_DENIED", $"Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist) for {hop}.");
        var token = NewToken(account);
        return Json(new JsonObject { ["accessToken"] = token, ["expireTime"] = (Now + TokenLife).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) });
    }

    private CloudResponse Metadata(CloudRequest request, string path)
    {
        if (MetadataAccount is not { } account)
            throw new GcpError(404, "notFound", "There is no metadata server.");
        if (request.Header("Metadata-Flavor") != "Google")
            return CloudResponse.Text(403, "Missing Metadata-Flavor:Google header.");
        ImmutableArray<KeyValuePair<string, string>> flavor = [new("Metadata-Flavor", "Google")];
        return path switch
        {
            "instance/service-accounts/default/token" => Give(account, "access_token", "expires_in") with { Headers = flavor },
            "instance/service-accounts/default/email" => CloudResponse.Text(200, account, "application/text") with { Headers = flavor },
            "project/project-id" => CloudResponse.Text(200, ProjectId, "application/text") with { Headers = flavor },
            _ => CloudResponse.Text(404, "Not Found"),
        };
    }

    private CloudResponse Give(string who, string tokenField, string lifeField, JsonObject? more = null)
    {
        var body = more ?? new JsonObject();
        body[tokenField] = NewToken(who);
        body[lifeField] = (int)TokenLife.TotalSeconds;
        body["token_type"] = "Bearer";
        return Json(body);
    }

    private string NewToken(string who)
    {
        var token = string.Create(CultureInfo.InvariantCulture, $"ya29.double-{++_tokenCount:d6}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}");
        _tokens[token] = (who, Now + TokenLife);
        return token;
    }

    private static byte[] FromBase64(string text) => System.Buffers.Text.Base64Url.DecodeFromChars(text);
}
