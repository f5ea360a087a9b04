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

    /// <summary>Product name and version, sent as User-Agent.</summary>
    public string UserAgent { get; init; } = "datum-providers";

    /// <summary>The header that carries <see cref="Call.Id"/>; null for none.</summary>
    public string? RequestIdHeader { get; init; } = "X-Request-Id";

    /// <summary>Bytes of an answer at most. Default 16 MiB.</summary>
    public int MaxResponseBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>How answers other than 2xx and 304 become errors.</summary>
    public ErrorTable Errors { get; init; } = new();
}
