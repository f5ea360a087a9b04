using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>
/// Sends single requests over the host's handler. Follows no redirect, repeats nothing, waits for nothing. An error says from where
/// the call broke whether it took effect: before the request went out it is not applied; afterwards a mutation is unknown and a read is not applied.
/// </summary>
public sealed class RestClient : IDisposable
{
    private readonly HttpMessageInvoker _invoker;
    private readonly RestClientOptions _options;
    private readonly Uri _base;

    /// <summary>Makes a client. <paramref name="handler"/> is the host's and isn't disposed.</summary>
    public RestClient(HttpMessageHandler handler, RestClientOptions options)
    {
        _invoker = new HttpMessageInvoker(handler, disposeHandler: false);
        _options = options;
        _base = Normalize(options.BaseAddress);
    }

    /// <summary>Sends and reads the whole answer. Throws <see cref="OperationCanceledException"/> only when the host cancelled before the deadline.</summary>
    public async ValueTask<RestResult> SendAsync(Call call, RestRequest request)
    {
        var mutation = request.IsMutation;
        var (response, failure) = await StartAsync(call, request);
        if (response is null)
            return new RestResult { Error = failure, Mutation = mutation };
        using (response)
        {
            byte[]? body;
            try
            {
                body = await ReadAsync(response.Content, request.MaxResponseBytes ?? _options.MaxResponseBytes, call.Cancellation);
            }
            catch (Exception e) when (e is not OperationCanceledException || IsTimeout(call))
            {
                return new RestResult { Error = Broken(e, call, mutation, sent: true), Mutation = mutation };
            }

            if (body is null)
                return new RestResult { Error = TooLarge(request, mutation), Mutation = mutation };

            var result = new RestResult
            {
                Status = (int)response.StatusCode,
                Headers = Flatten(response),
                Body = body,
                Mutation = mutation,
            };
            if (result.Status is (>= 200 and < 300) or 304)
                return result;
            return new RestResult
            {
                Status = result.Status,
                Headers = result.Headers,
                Body = result.Body,
                Mutation = mutation,
                Error = _options.Errors.Classify(result, mutation, _options.Time),
            };
        }
    }

    /// <summary>
    /// Sends and yields each line of the answer as it arrives, parsed as JSON (event streams). Ends with the answer.
    /// Throws <see cref="DriverException"/> on any failure, also on a line longer than the response limit or one that isn't JSON.
    /// </summary>
    public async IAsyncEnumerable<JsonElement> LinesAsync(
        Call call, RestRequest request, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(call.Cancellation, cancellation);
        var linked = new Call { Cancellation = both.Token, Deadline = call.Deadline, Id = call.Id, Payloads = call.Payloads };
        var mutation = request.IsMutation;
        var max = request.MaxResponseBytes ?? _options.MaxResponseBytes;
        var (response, failure) = await StartAsync(linked, request);
        if (response is null)
            throw new DriverException(failure!);
        using (response)
        {
            if (!response.IsSuccessStatusCode)
            {
                var body = await ReadAsync(response.Content, max, both.Token) ?? [];
                var result = new RestResult { Status = (int)response.StatusCode, Headers = Flatten(response), Body = body, Mutation = mutation };
                throw new DriverException(_options.Errors.Classify(result, mutation, _options.Time));
            }

            await using var stream = await response.Content.ReadAsStreamAsync(both.Token);
            var lines = new LineBuffer(stream, max);
            while (true)
            {
                JsonElement? line;
                try
                {
                    line = await lines.NextAsync(both.Token);
                }
                catch (Exception e) when (e is IOException or HttpRequestException or JsonException or InvalidDataException)
                {
                    throw new DriverException(Broken(e, linked, mutation, sent: true));
                }

                if (line is null)
                    yield break;
                yield return line.Value;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _invoker.Dispose();

    private async ValueTask<(HttpResponseMessage? Response, DriverError? Error)> StartAsync(Call call, RestRequest request)
    {
        var mutation = request.IsMutation;
        if (IsTimeout(call))
            return (null, TimedOut(mutation, sent: false));
        call.Cancellation.ThrowIfCancellationRequested();
        if (!TryAddress(request.Path, out var address))
            return (null, NotSent(ErrorCode.Failed, "The platform named an address outside its endpoint; it isn't followed."));

        using var message = new HttpRequestMessage(request.Method, address);
        Fill(message, call, request);
        if (_options.Authorize is { } authorize)
        {
            try
            {
                await authorize(message, call.Cancellation);
            }
            catch (DriverException e)
            {
                return (null, e.Error with { Effect = Effect.NotApplied, Message = _options.Errors.Redactor.Redact(e.Error.Message) });
            }
            catch (OperationCanceledException) when (IsTimeout(call))
            {
                return (null, TimedOut(mutation, sent: false));
            }
        }

        try
        {
            return (await _invoker.SendAsync(message, call.Cancellation), null);
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && (IsTimeout(call) || !call.Cancellation.IsCancellationRequested)))
        {
            return (null, Broken(e, call, mutation, sent: true));
        }
    }

    private void Fill(HttpRequestMessage message, Call call, RestRequest request)
    {
        if (request.Body is { } body)
        {
            message.Content = new ReadOnlyMemoryContent(body);
            message.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(request.ContentType);
        }
        else if (request.IsMutation && request.Method != HttpMethod.Delete)
        {
            // SocketsHttpHandler sends a request without content again by itself when the connection ends without an answer;
            // with content, even empty, it doesn't, and a create must go out once.
            message.Content = new ByteArrayContent([]);
        }

        message.Headers.TryAddWithoutValidation("User-Agent", _options.UserAgent);
        if (_options.RequestIdHeader is { } header)
            message.Headers.TryAddWithoutValidation(header, call.Id);
        foreach (var (name, value) in _options.Headers)
            message.Headers.TryAddWithoutValidation(name, value);
        foreach (var (name, value) in request.Headers)
        {
            message.Headers.Remove(name);
            message.Headers.TryAddWithoutValidation(name, value);
        }
    }

    // The deadline's timer and the clock are two sources: a cancellation shortly before the deadline is the deadline's.
    private bool IsTimeout(Call call) =>
        _options.Time.GetUtcNow() >= call.Deadline - (call.Cancellation.IsCancellationRequested ? TimeSpan.FromMilliseconds(100) : TimeSpan.Zero);

    private DriverError Broken(Exception e, Call call, bool mutation, bool sent)
    {
        if (e is HttpRequestException http && NeverSent(http))
            return NotSent(http.HttpRequestError == HttpRequestError.SecureConnectionError ? ErrorCode.Failed : ErrorCode.Unavailable,
                $"The platform can't be reached: {http.Message}");
        // A cancellation that isn't the call's own is the handler's time limit.
        if (e is OperationCanceledException || IsTimeout(call))
            return TimedOut(mutation, sent);
        return new DriverError
        {
            Code = e is JsonException or InvalidDataException ? ErrorCode.Failed : ErrorCode.Unavailable,
            Effect = mutation ? Effect.Unknown : Effect.NotApplied,
            Message = _options.Errors.Redactor.Redact($"The connection broke before the whole answer was there: {e.Message}"),
            Scope = ErrorScope.Resource,
        };
    }

    // The handler reports these only while it connects, so nothing of the request has left.
    private static bool NeverSent(HttpRequestException e) =>
        e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
            or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError
        || e.InnerException is AuthenticationException;

    private DriverError NotSent(ErrorCode code, string message) => new()
    {
        Code = code,
        Effect = Effect.NotApplied,
        Message = _options.Errors.Redactor.Redact(message),
        Scope = ErrorScope.Account,
    };

    private static DriverError TimedOut(bool mutation, bool sent) => new()
    {
        Code = ErrorCode.Timeout,
        Effect = mutation && sent ? Effect.Unknown : Effect.NotApplied,
        Message = sent ? "The platform didn't answer within the call's deadline." : "The call's deadline passed before the request was sent.",
        Scope = ErrorScope.Resource,
    };

    private DriverError TooLarge(RestRequest request, bool mutation) => new()
    {
        Code = ErrorCode.Failed,
        Effect = mutation ? Effect.Unknown : Effect.NotApplied,
        Message = $"The answer to {request.Method} is longer than {request.MaxResponseBytes ?? _options.MaxResponseBytes} bytes.",
        Scope = ErrorScope.Resource,
    };

    private bool TryAddress(string path, out Uri address)
    {
        // On Unix a rooted path parses as a file address, so only a scheme with an authority counts as absolute.
        if (path.Contains("://", StringComparison.Ordinal) && !path.StartsWith('/') && Uri.TryCreate(path, UriKind.Absolute, out var absolute)
            && path.IndexOf("://", StringComparison.Ordinal) < IndexOrEnd(path, '?'))
        {
            address = absolute;
            return Uri.Compare(absolute, _base, UriComponents.SchemeAndServer, UriFormat.SafeUnescaped, StringComparison.OrdinalIgnoreCase) == 0;
        }

        address = new Uri(_base.AbsoluteUri + path.TrimStart('/'));
        return true;
    }

    private static int IndexOrEnd(string text, char c) => text.IndexOf(c, StringComparison.Ordinal) is var i and >= 0 ? i : text.Length;

    private static Uri Normalize(Uri address)
    {
        if (address.Scheme == "unix")
            return new Uri("http://localhost/");
        var text = address.GetLeftPart(UriPartial.Path);
        return new Uri(text.EndsWith('/') ? text : text + "/");
    }

    private static async ValueTask<byte[]?> ReadAsync(HttpContent content, int max, CancellationToken cancellation)
    {
        if (content.Headers.ContentLength > max)
            return null;
        await using var stream = await content.ReadAsStreamAsync(cancellation);
        using var bytes = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await stream.ReadAsync(buffer, cancellation)) > 0)
        {
            if (bytes.Length + read > max)
                return null;
            bytes.Write(buffer, 0, read);
        }

        return bytes.ToArray();
    }

    private static ImmutableDictionary<string, string> Flatten(HttpResponseMessage response)
    {
        var headers = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, values) in response.Headers.NonValidated)
            headers[Lower(name)] = string.Join(", ", values);
        foreach (var (name, values) in response.Content.Headers.NonValidated)
            headers[Lower(name)] = string.Join(", ", values);
        return headers.ToImmutable();

        static string Lower(string name) => string.Create(name.Length, name, (span, n) => n.AsSpan().ToLowerInvariant(span));
    }
}
