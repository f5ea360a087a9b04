using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Datum.Providers.Kubernetes;

/// <summary>One request to an OAuth 2 token endpoint.</summary>
internal static class TokenEndpoint
{
    private const int MaxAnswer = 64 << 10;

    /// <summary>What a token lives when the answer doesn't say: Datum's documents ask for a new one every hour.</summary>
    private static readonly TimeSpan DefaultLife = TimeSpan.FromHours(1);

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>The address, if a secret may be sent there: https, or http on loopback.</summary>
    /// <exception cref="KubeConfigException">It may not.</exception>
    public static Uri Check(string? text, string field) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback)) && uri.UserInfo.Length == 0
            ? uri : throw new KubeConfigException($"{field}: must be an https URL without a user name (http only to loopback), since a secret is sent there.");

    /// <param name="origin">Begins every error.</param>
    /// <exception cref="KubeConfigException">No token came.</exception>
    public static async Task<AccessToken> AskAsync(HttpRequestMessage request, X509Certificate2Collection? authorities, string origin, TimeProvider time, CancellationToken cancellation)
    {
        var endpoint = request.RequestUri!;
        KubeConfigException Error(string problem, Exception? inner = null) => new($"{origin}: {endpoint.GetLeftPart(UriPartial.Path)} {problem}", inner!);
        using var limit = new CancellationTokenSource(Limit, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        using var client = new HttpMessageInvoker(KubernetesHandler.Create(new KubernetesConnection { Server = endpoint }, new TlsIdentity(null, null, authorities)), disposeHandler: true);
        try
        {
            // Counted from before the request: who answers late gives a token that is older than it looks.
            var asked = time.GetUtcNow();
            request.Headers.TryAddWithoutValidation("Accept", "application/json");
            using var response = await client.SendAsync(request, linked.Token);
            var body = new byte[MaxAnswer];
            await using var stream = await response.Content.ReadAsStreamAsync(linked.Token);
            var length = await stream.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, linked.Token);
            var answer = Parse(body.AsSpan(0, length));
            if (response.StatusCode is not HttpStatusCode.OK)
                throw Error($"answers {(int)response.StatusCode}{(Word(answer?.Error) is { } word ? $" {word}" : "")}. {Advice(response.StatusCode)}");
            if (answer is not { AccessToken: { Length: > 0 } token } || token.Any(c => c is <= ' ' or > '~'))
                throw Error("gave no access_token. Check that the address is that of the token endpoint.");
            if (answer.TokenType is { } type && !string.Equals(type, "Bearer", StringComparison.OrdinalIgnoreCase))
                throw Error("gave a token of another type than Bearer. Check that the address is that of the token endpoint.");
            var life = answer.ExpiresIn is > 0 and <= 86_400 * 365d and var seconds ? TimeSpan.FromSeconds(seconds) : DefaultLife;
            return new AccessToken(token, asked, life);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw Error($"didn't answer within {Limit.TotalSeconds:0} s. Check the address and the way there.");
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            throw Error($"can't be reached ({error.Message}). Check the address, its certificate and the way there.", error);
        }
    }

    private static string Advice(HttpStatusCode code) => code is HttpStatusCode.BadRequest or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden
        ? "Renew the key or token, and check this machine's clock." : "Check that the address is that of the token endpoint.";

    private static TokenAnswer? Parse(ReadOnlySpan<byte> body)
    {
        try
        {
            return JsonSerializer.Deserialize(body, TokenAnswerJson.Default.TokenAnswer);
        }
        catch (JsonException)
        {
            // A page of somebody between; what it says is not for a log.
            return null;
        }
    }

    /// <summary>An error code of RFC 6749. Anything else could be an echo of what was sent.</summary>
    private static string? Word(string? error) => error is { Length: > 0 and <= 40 } && error.All(c => char.IsAsciiLetterLower(c) || c == '_') ? error : null;
}

internal sealed class TokenAnswer
{
    [JsonPropertyName("access_token")]
    public string? AccessToken { get; set; }

    [JsonPropertyName("token_type")]
    public string? TokenType { get; set; }

    /// <summary>Seconds.</summary>
    [JsonPropertyName("expires_in"), JsonNumberHandling(JsonNumberHandling.AllowReadingFromString)]
    public double? ExpiresIn { get; set; }

    [JsonPropertyName("error")]
    public string? Error { get; set; }
}

/// <summary>A service account's key file as Datum writes it.</summary>
internal sealed class ServiceAccountFile
{
    [JsonPropertyName("type")]
    public string? Type { get; set; }

    [JsonPropertyName("token_uri")]
    public string? TokenUri { get; set; }

    [JsonPropertyName("scope")]
    public string? Scope { get; set; }

    [JsonPropertyName("client_id")]
    public string? ClientId { get; set; }

    [JsonPropertyName("private_key_id")]
    public string? PrivateKeyId { get; set; }

    [JsonPropertyName("private_key")]
    public string? PrivateKey { get; set; }
}

[JsonSerializable(typeof(TokenAnswer))]
[JsonSerializable(typeof(ServiceAccountFile))]
internal sealed partial class TokenAnswerJson : JsonSerializerContext
{
}
