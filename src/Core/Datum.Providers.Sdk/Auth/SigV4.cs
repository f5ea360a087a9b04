using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Sdk;

/// <summary>Keys of an AWS account; session credentials carry a token and an end.</summary>
public sealed class AwsCredentials : AccessToken
{
    /// <summary>Long-lived keys, or with <paramref name="sessionToken"/> those of a session.</summary>
    public AwsCredentials(string accessKeyId, string secretAccessKey, string? sessionToken = null, DateTimeOffset? expiresAt = null)
        : base(secretAccessKey, expiresAt)
    {
        AccessKeyId = accessKeyId;
        SessionToken = sessionToken;
    }

    /// <summary>The key's id, which isn't secret.</summary>
    public string AccessKeyId { get; }

    /// <summary>The session's token; null for long-lived keys. A secret.</summary>
    public string? SessionToken { get; }
}

/// <summary>What a signature is for.</summary>
public sealed record SigV4Options
{
    /// <summary>E.g. <c>us-east-1</c>.</summary>
    public required string Region { get; init; }

    /// <summary>E.g. <c>ec2</c>.</summary>
    public required string Service { get; init; }

    /// <summary>Whether the escaped path is escaped once more, as every service but S3 wants it. Default true.</summary>
    public bool DoubleEncodePath { get; init; } = true;

    /// <summary>Whether the body's hash goes into a header too, as S3 wants it. Default false.</summary>
    public bool ContentHashHeader { get; init; }

    /// <summary>Headers that are signed on top of host, content-type and <c>x-amz-*</c>; lower case.</summary>
    public ImmutableArray<string> SignedHeaders { get => field.IsDefault ? [] : field; init; }
}

/// <summary>AWS Signature Version 4: the pure computation.</summary>
public static class SigV4
{
    private const string Algorithm = "AWS4-HMAC-SHA256";
    private const string EmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// <summary>Signs a message by setting <c>X-Amz-Date</c>, <c>X-Amz-Security-Token</c> where there is one, and <c>Authorization</c>.</summary>
    /// <param name="message">Method, absolute address and headers.</param>
    /// <param name="bodySha256">SHA-256 of the body.</param>
    /// <param name="credentials">The keys.</param>
    /// <param name="options">Region, service and variants.</param>
    /// <param name="now">The platform's time.</param>
    public static void Sign(HttpRequestMessage message, ReadOnlySpan<byte> bodySha256, AwsCredentials credentials, SigV4Options options, DateTimeOffset now)
    {
        var stamp = Stamp(now);
        var hash = Convert.ToHexStringLower(bodySha256);
        Set(message, "X-Amz-Date", stamp);
        if (credentials.SessionToken is { } token)
            Set(message, "X-Amz-Security-Token", token);
        if (options.ContentHashHeader)
            Set(message, "X-Amz-Content-Sha256", hash);
        var headers = Headers(message, options);
        var names = string.Join(';', headers.Keys);
        var signature = Signature(message.Method, message.RequestUri!, CanonicalQuery(message.RequestUri!.Query), headers, names, hash, credentials, options, stamp);
        Set(message, "Authorization", $"{Algorithm} Credential={credentials.AccessKeyId}/{Scope(stamp, options)}, SignedHeaders={names}, Signature={signature}");
    }

    /// <summary>An address that whoever has it may use with <paramref name="method"/> until <paramref name="life"/> has passed. It is a secret.</summary>
    public static Uri Presign(HttpMethod method, Uri address, TimeSpan life, AwsCredentials credentials, SigV4Options options, DateTimeOffset now)
    {
        if (life < TimeSpan.FromSeconds(1) || life > TimeSpan.FromDays(7))
            throw new ArgumentOutOfRangeException(nameof(life), life, "1 second to 7 days.");
        var stamp = Stamp(now);
        var query = RestRequest.WithQuery(address.Query.Length > 1 ? address.Query : "",
            new("X-Amz-Algorithm", Algorithm),
            new("X-Amz-Credential", $"{credentials.AccessKeyId}/{Scope(stamp, options)}"),
            new("X-Amz-Date", stamp),
            new("X-Amz-Expires", ((long)life.TotalSeconds).ToString(CultureInfo.InvariantCulture)),
            new("X-Amz-Security-Token", credentials.SessionToken),
            new("X-Amz-SignedHeaders", "host"));
        var headers = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["host"] = Host(address) };
        var canonical = CanonicalQuery(query);
        var signature = Signature(method, address, canonical, headers, "host", options.Service == "s3" ? "UNSIGNED-PAYLOAD" : EmptyHash, credentials, options, stamp);
        return new Uri($"{address.GetLeftPart(UriPartial.Path)}?{canonical}&X-Amz-Signature={signature}");
    }

    private static string Signature(HttpMethod method, Uri address, string query, SortedDictionary<string, string> headers, string names,
        string bodyHash, AwsCredentials credentials, SigV4Options options, string stamp)
    {
        var request = new StringBuilder()
            .Append(method.Method).Append('\n')
            .Append(CanonicalPath(address, options.DoubleEncodePath)).Append('\n')
            .Append(query).Append('\n');
        foreach (var (name, value) in headers)
            request.Append(name).Append(':').Append(value).Append('\n');
        request.Append('\n').Append(names).Append('\n').Append(bodyHash);

        var toSign = $"{Algorithm}\n{stamp}\n{Scope(stamp, options)}\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(request.ToString())))}";
        Span<byte> key = stackalloc byte[32];
        HMACSHA256.HashData(Encoding.UTF8.GetBytes("AWS4" + credentials.Value), Encoding.UTF8.GetBytes(stamp[..8]), key);
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(options.Region), key);
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(options.Service), key);
        HMACSHA256.HashData(key, "aws4_request"u8, key);
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(toSign), key);
        return Convert.ToHexStringLower(key);
    }

    private static string CanonicalPath(Uri address, bool twice)
    {
        var segments = address.AbsolutePath.Split('/');
        for (var i = 0; i < segments.Length; i++)
            // What stands on the wire is escaped already: once more for most services, in AWS's own spelling for S3.
            segments[i] = Uri.EscapeDataString(twice ? segments[i] : Uri.UnescapeDataString(segments[i]));
        return string.Join('/', segments);
    }

    private static string CanonicalQuery(string query)
    {
        var pairs = new List<(string Name, string Value)>();
        foreach (var pair in query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            pairs.Add((Escape(equals < 0 ? pair : pair[..equals]), equals < 0 ? "" : Escape(pair[(equals + 1)..])));
        }

        pairs.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name) is var byName and not 0 ? byName : string.CompareOrdinal(a.Value, b.Value));
        return string.Join('&', pairs.Select(p => $"{p.Name}={p.Value}"));

        static string Escape(string text) => Uri.EscapeDataString(Uri.UnescapeDataString(text));
    }

    private static SortedDictionary<string, string> Headers(HttpRequestMessage message, SigV4Options options)
    {
        var headers = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["host"] = message.Headers.Host ?? Host(message.RequestUri!) };
        foreach (var (name, values) in message.Headers.NonValidated)
            if (name.StartsWith("x-amz-", StringComparison.OrdinalIgnoreCase) || options.SignedHeaders.Contains(name, StringComparer.OrdinalIgnoreCase))
                headers[Lower(name)] = string.Join(',', values.Select(Trim));
        if (message.Content?.Headers.ContentType is { } type)
            headers["content-type"] = Trim(type.ToString());
        return headers;
    }

    private static string Host(Uri address) => address.IsDefaultPort ? address.Host : $"{address.Host}:{address.Port.ToString(CultureInfo.InvariantCulture)}";

    private static string Lower(string name) => string.Create(name.Length, name, static (span, n) => n.AsSpan().ToLowerInvariant(span));

    private static string Trim(string value) => string.Join(' ', value.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

    private static string Stamp(DateTimeOffset now) => now.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);

    private static string Scope(string stamp, SigV4Options options) => $"{stamp[..8]}/{options.Region}/{options.Service}/aws4_request";

    private static void Set(HttpRequestMessage message, string name, string value)
    {
        message.Headers.Remove(name);
        message.Headers.TryAddWithoutValidation(name, value);
    }
}

/// <summary>
/// Signs requests for AWS. A refusal for the time in the signature corrects the clock, one for the keys gets new ones; either way the request
/// goes out once more.
/// </summary>
public sealed class SigV4Authorizer : IRequestAuthorizer
{
    private static readonly ImmutableArray<string> Skewed = ["RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"];
    private static readonly ImmutableArray<string> Expired =
        ["ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "TokenRefreshRequired"];
    private static readonly ImmutableArray<string> Mismatch = ["SignatureDoesNotMatch", "InvalidSignatureException"];

    private readonly TokenCache _credentials;
    private readonly SigV4Options _options;
    private readonly ServerClock _clock;

    /// <summary>Makes an authorizer.</summary>
    /// <param name="credentials">A cache whose tokens are <see cref="AwsCredentials"/>; the session owns it.</param>
    /// <param name="options">Region, service and variants.</param>
    /// <param name="clock">The session's clock.</param>
    public SigV4Authorizer(TokenCache credentials, SigV4Options options, ServerClock clock)
    {
        _credentials = credentials;
        _options = options;
        _clock = clock;
    }

    /// <inheritdoc/>
    public async ValueTask<long> AuthorizeAsync(OutgoingRequest request)
    {
        var (token, generation) = await _credentials.GetAsync(request.Call);
        var credentials = (AwsCredentials)token;
        SigV4.Sign(request.Message, request.BodySha256, credentials, _options, _clock.Now);
        request.AddSecret(credentials.Value);
        if (credentials.SessionToken is { } session)
            request.AddSecret(session);
        return generation;
    }

    /// <summary>Whether an answer (XML or JSON) refuses the signature's time or the keys.</summary>
    public bool IsRefusal(RestResult answer) => answer.Status is 400 or 401 or 403 && Kind(answer) != Refusal.None;

    /// <inheritdoc/>
    public async ValueTask<bool> RenewAsync(long used, RestResult refusal, Call call)
    {
        if (Kind(refusal) == Refusal.Time)
            return _clock.Learn(refusal);
        _credentials.Refuse(used);
        return (await _credentials.GetAsync(call)).Generation != used;
    }

    private static Refusal Kind(RestResult answer)
    {
        var detail = answer.Body.Span.TrimStart(" \t\r\n"u8) is [(byte)'<', ..] ? ErrorDetail.ReadXml(answer) : ErrorDetail.Read(answer);
        foreach (var code in detail.Codes.Select(c => c[(c.LastIndexOf('#') + 1)..]))
        {
            if (Skewed.Contains(code))
                return Refusal.Time;
            if (Mismatch.Contains(code) && detail.Message is { } m
                && (m.Contains("expired", StringComparison.OrdinalIgnoreCase) || m.Contains("not yet current", StringComparison.OrdinalIgnoreCase)))
                return Refusal.Time;
            if (Expired.Contains(code))
                return Refusal.Keys;
        }

        return answer.Status == 401 ? Refusal.Keys : Refusal.None;
    }

    private enum Refusal
    {
        None,
        Time,
        Keys,
    }
}
