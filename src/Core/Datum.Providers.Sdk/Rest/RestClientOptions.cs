namespace Datum.Providers.Sdk;

/// <summary>How a <see cref="RestClient"/> behaves.</summary>
public sealed record RestClientOptions
{
    /// <summary>Base address; a path in it is kept. <c>unix:///path</c> is sent as <c>http://localhost/</c>: the host's handler connects to the socket.</summary>
    public required Uri BaseAddress { get; init; }

    /// <summary>The session's clock, for deadlines and Retry-After dates.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Headers of every request.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Headers { get => field.IsDefault ? [] : field; init; }

    /// <summary>Called before each request is sent, to sign it or add a token; null for none. A <see cref="DriverException"/> from it is the result, not applied.</summary>
    public Func<HttpRequestMessage, CancellationToken, ValueTask>? Authorize { get; init; }

    /// <summary>Adds credentials to each request and renews them when the platform refuses them (DC-6); runs after <see cref="Authorize"/>. Null for none. The session owns it.</summary>
    public IRequestAuthorizer? Authorizer { get; init; }

    /// <summary>Product name and version, sent as User-Agent.</summary>
    public string UserAgent { get; init; } = "datum-providers";

    /// <summary>The header that carries <see cref="Call.Id"/>; null for none.</summary>
    public string? RequestIdHeader { get; init; } = "X-Request-Id";

    /// <summary>Bytes of an answer at most. Default 16 MiB.</summary>
    public int MaxResponseBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Bytes of a request's body at most; a longer one isn't sent. Default 16 MiB.</summary>
    public int MaxRequestBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>
    /// How many redirects to the same scheme, host and port a GET or HEAD follows. Default 0. Redirects of anything else, and to another server,
    /// are never followed: they are an error that names the server.
    /// </summary>
    public int MaxRedirects { get; init; }

    /// <summary>The HTTP version. Default 1.1, over which the platform's reason phrase arrives.</summary>
    public Version HttpVersion { get; init; } = System.Net.HttpVersion.Version11;

    /// <summary>Whether another version will do. Default: a lower one.</summary>
    public HttpVersionPolicy HttpVersionPolicy { get; init; } = HttpVersionPolicy.RequestVersionOrLower;

    /// <summary>
    /// Finds the error that a 2xx answer holds (<c>errors[]</c> under status 200); null from it when there is none. Such an error is classified by
    /// <see cref="Errors"/>: without a row it is Failed, with effect Unknown after a mutation.
    /// </summary>
    public Func<RestResult, ErrorDetail?>? ErrorInSuccess { get; init; }

    /// <summary>How answers other than 2xx and 304 become errors.</summary>
    public ErrorTable Errors { get; init; } = new();
}
