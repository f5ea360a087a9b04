using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Kubernetes;

/// <summary>Sends requests to one server: authorization, time limits, errors as exceptions, retries of reads.</summary>
internal sealed partial class KubernetesTransport : IDisposable
{
    private const int MaxErrorBytes = 64 << 10;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    private readonly KubernetesConnection _connection;
    private readonly KubernetesClientOptions _options;
    private readonly ConnectionPool _pool;
    private readonly string _prefix;
    private int _disposed;

    public KubernetesTransport(KubernetesConnection connection, KubernetesClientOptions options)
    {
        _connection = connection;
        _options = options;
        _prefix = connection.Server.AbsolutePath.TrimEnd('/');
        _pool = connection.Pool;
        _pool.Rent();
    }

    private TimeProvider Time => _options.Scheduler.Time;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            _pool.Return();
    }

    /// <summary>A read: sent again, after a wait, when the connection fails or the server is overloaded or broken.</summary>
    public Task<TResult> ReadAsync<TResult>(KubernetesRequest about, string path, Func<Stream, CancellationToken, Task<TResult>> decode, CancellationToken cancellation) =>
        AgainAsync(_options.MaxRetries, credential => OnceAsync(about, path, null, null, credential, decode, cancellation), cancellation);

    /// <summary>A write, sent once: after a failure nobody here knows whether it had an effect.</summary>
    public async Task<TResult> WriteAsync<TResult>(
        KubernetesRequest about, string path, ReadOnlyMemory<byte>? body, string? mediaType, Func<Stream, CancellationToken, Task<TResult>> decode, CancellationToken cancellation) =>
        await OnceAsync(about, path, body, mediaType, await CredentialAsync(cancellation), decode, cancellation);

    /// <summary>The answer of a watch with its headers in; the caller disposes it. Its body has no time limit. Its start is tried again as a read is.</summary>
    public Task<HttpResponseMessage> OpenAsync(KubernetesRequest about, string path, bool again, CancellationToken cancellation) =>
        AgainAsync(again ? _options.MaxRetries : 0, async credential =>
        {
            using var limit = new CancellationTokenSource(_options.RequestTimeout, Time);
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
            try
            {
                using var request = MakeRequest(about, path, null, null, gzip: false, credential);
                return await SendAsync(about, request, credential, linked.Token);
            }
            catch (Exception error) when (Translate(error, limit.Token, cancellation) is { } translated)
            {
                throw translated;
            }
        }, cancellation);

    private ValueTask<Credential> CredentialAsync(CancellationToken cancellation) => _pool.CredentialAsync(Time, _options.Logger, cancellation);

    private async Task<TResult> AgainAsync<TResult>(int retries, Func<Credential, Task<TResult>> once, CancellationToken cancellation)
    {
        var renewed = false;
        for (var attempt = 0; ; attempt++)
        {
            TimeSpan? wait;
            var credential = await CredentialAsync(cancellation);
            try
            {
                return await once(credential);
            }
            catch (KubernetesException error) when (error.IsUnauthenticated && !renewed)
            {
                // A token that was rotated under us. Who is refused with the newest one is refused.
                renewed = true;
                if ((await _pool.RenewedAsync(Time, _options.Logger, cancellation)).IsSameAs(credential))
                    throw;
                attempt--;
                continue;
            }
            catch (HttpRequestException error) when (attempt < retries && error.InnerException is not KubeConfigException)
            {
                wait = null;
            }
            catch (KubernetesException error) when (attempt < retries && error.Code is 429 or 500 or 502 or 503 or 504)
            {
                wait = error.RetryAfter;
            }
            var backoff = TimeSpan.FromMilliseconds(200 * (1 << attempt) * (0.5 + _options.Scheduler.NextRandom()));
            await _options.Scheduler.Delay(wait is null ? backoff : wait < LongestWait ? wait.Value : LongestWait, cancellation);
        }
    }

    /// <summary>What callers may see of a failed connection; null for what isn't one.</summary>
    public static HttpRequestException? Translate(Exception error, CancellationToken limit, CancellationToken callers) => error switch
    {
        OperationCanceledException when limit.IsCancellationRequested && !callers.IsCancellationRequested =>
            new HttpRequestException(HttpRequestError.Unknown, "The API server didn't answer within the time limit.", new TimeoutException()),
        IOException => new HttpRequestException(HttpRequestError.ResponseEnded, "The connection to the API server broke off.", error),
        InvalidDataException or JsonException => new HttpRequestException(HttpRequestError.InvalidResponse, $"The API server's answer can't be read: {error.Message}", error),
        _ => null,
    };

    private async Task<TResult> OnceAsync<TResult>(
        KubernetesRequest about, string path, ReadOnlyMemory<byte>? body, string? mediaType, Credential credential, Func<Stream, CancellationToken, Task<TResult>> decode, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(_options.RequestTimeout, Time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            using var request = MakeRequest(about, path, body, mediaType, gzip: !_connection.DisableCompression, credential);
            using var response = await SendAsync(about, request, credential, linked.Token);
            await using var stream = await BodyAsync(response, linked.Token);
            return await decode(stream, linked.Token);
        }
        catch (Exception error) when (Translate(error, limit.Token, cancellation) is { } translated)
        {
            throw translated;
        }
    }

    private HttpRequestMessage MakeRequest(KubernetesRequest about, string path, ReadOnlyMemory<byte>? body, string? mediaType, bool gzip, Credential credential)
    {
        var secure = _connection.Server.Scheme == "https";
        var request = new HttpRequestMessage(about.Method, new Uri(_connection.Server, _prefix + path))
        {
            Version = secure ? HttpVersion.Version20 : HttpVersion.Version11,
            VersionPolicy = secure ? HttpVersionPolicy.RequestVersionOrLower : HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.TryAddWithoutValidation("User-Agent", _options.UserAgent);
        request.Headers.TryAddWithoutValidation("Accept", "application/json");
        // A compressor holds events back until its block is full, so a watch never asks for one.
        if (gzip)
            request.Headers.TryAddWithoutValidation("Accept-Encoding", "gzip");
        request.Headers.Authorization = credential.Authorization;
        // The TLS layer asks for the certificate of the Host header's name.
        if (secure && _connection.TlsServerName is { } name)
            request.Headers.Host = name;
        if (_connection.Impersonate is { } other)
            ImpersonationHeaders.Add(request.Headers, other);
        if (body is { } bytes)
        {
            request.Content = new ReadOnlyMemoryContent(bytes);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(mediaType ?? "application/json");
        }
        return request;
    }

    private async Task<HttpResponseMessage> SendAsync(KubernetesRequest about, HttpRequestMessage request, Credential credential, CancellationToken cancellation)
    {
        _options.Observer?.RequestSent(about);
        var started = Time.GetTimestamp();
        var response = await _pool.SendAsync(credential, request, cancellation);
        var failed = true;
        try
        {
            _options.Observer?.ResponseReceived(about, (int)response.StatusCode, Time.GetElapsedTime(started));
            if (!IsOfSecrets(about) && response.Headers.TryGetValues("Warning", out var warnings))
            {
                foreach (var warning in warnings)
                    LogWarning(_options.Logger, about.Verb, about.Resource, warning);
            }
            if (!response.IsSuccessStatusCode)
                throw await RefusalAsync(about, response, credential, cancellation);
            failed = false;
            return response;
        }
        finally
        {
            if (failed)
                response.Dispose();
        }
    }

    private static async Task<Stream> BodyAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var stream = await response.Content.ReadAsStreamAsync(cancellation);
        return response.Content.Headers.ContentEncoding.Contains("gzip") ? new GZipStream(stream, CompressionMode.Decompress) : stream;
    }

    private async Task<KubernetesException> RefusalAsync(KubernetesRequest about, HttpResponseMessage response, Credential credential, CancellationToken cancellation)
    {
        var code = (int)response.StatusCode;
        await using var stream = await BodyAsync(response, cancellation);
        var body = new byte[MaxErrorBytes];
        var length = await stream.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, cancellation);
        StatusBody? status = null;
        try
        {
            status = JsonSerializer.Deserialize(body.AsSpan(0, length), KubernetesJsonContext.Default.StatusBody);
        }
        catch (JsonException)
        {
            // Plain text: a path that isn't served, or a proxy between us and the server.
            status = null;
        }
        if (status is not { Kind: "Status" })
            status = null;
        // Where anonymous requests are let in, a token that nobody knows makes one of us. Datum's front door answers an expired token with 403 as well.
        var nobody = code == 401 || (code == 403 && (status is null ? _connection.Tokens is not null : status.Message?.Contains("\"system:anonymous\"", StringComparison.Ordinal) == true));
        if (nobody)
            _pool.Refused(credential, Time, _options.Logger);
        var wait = status?.Details?.RetryAfterSeconds is { } seconds and > 0 ? TimeSpan.FromSeconds(seconds) : RetryAfter(response);
        // The server quotes what it couldn't read, and in a Secret that is the secret (L12).
        var message = status?.Message is { } text && !IsOfSecrets(about) ? text : $"The API server answered {code} {response.ReasonPhrase}.";
        return new KubernetesException(code, status?.Reason ?? "", $"{about.Verb} {about.Resource}: {message}", wait) { IsUnauthenticated = nobody };
    }

    /// <summary>Also of a request by path.</summary>
    private static bool IsOfSecrets(KubernetesRequest about) => about.Resource.Split('/', '?').Contains(Core.Secrets.Plural);

    private TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        if (response.Headers.RetryAfter is not { } header)
            return null;
        var wait = header.Delta ?? header.Date - Time.GetUtcNow();
        return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The API server warns on {Verb} {Resource}: {Warning}")]
    private static partial void LogWarning(ILogger logger, string verb, string resource, string warning);
}
