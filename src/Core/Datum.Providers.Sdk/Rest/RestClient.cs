using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>
/// Sends single requests over the host's handler. Waits for nothing and repeats nothing, but a request whose credentials were refused, once
/// (DC-6). An error says from where the call broke whether it took effect: before the request went out it is not applied; afterwards a
/// mutation is unknown and a read is not applied.
/// </summary>
public sealed class RestClient : IDisposable
{
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);

    private readonly HttpMessageInvoker _invoker;
    private readonly RestClientOptions _options;

    /// <summary>Makes a client. <paramref name="handler"/> is the host's and isn't disposed.</summary>
    public RestClient(HttpMessageHandler handler, RestClientOptions options)
    {
        _invoker = new HttpMessageInvoker(handler, disposeHandler: false);
        _options = options;
        BaseAddress = Normalize(options.BaseAddress);
    }

    /// <summary>Where requests go: scheme, host, port and path of the options' address, with a slash at the end and without user info.</summary>
    public Uri BaseAddress { get; }

    /// <summary>How errors are classified.</summary>
    public ErrorTable Errors => _options.Errors;

    /// <summary>The session's clock.</summary>
    public TimeProvider Time => _options.Time;

    /// <summary>Sends and reads the whole answer. Throws <see cref="OperationCanceledException"/> only when the host cancelled before the deadline.</summary>
    public async ValueTask<RestResult> SendAsync(Call call, RestRequest request)
    {
        var left = call.Deadline - _options.Time.GetUtcNow();
        // The host cancels at the deadline too; the session's own timer holds when it doesn't.
        using var timer = left > TimeSpan.Zero && left <= LongestTimer ? new CancellationTokenSource(left, _options.Time) : null;
        using var both = timer is null ? null : CancellationTokenSource.CreateLinkedTokenSource(call.Cancellation, timer.Token);
        var frame = new Frame(call, request, both?.Token ?? call.Cancellation);
        var (response, failed) = await ExchangeAsync(frame);
        if (response is null)
            return failed!;
        using (response)
        {
            var (body, error) = await BodyAsync(response, frame);
            var result = new RestResult
            {
                Status = error is null ? (int)response.StatusCode : 0,
                ReasonPhrase = response.ReasonPhrase,
                Headers = Flatten(response),
                Body = body,
                Mutation = frame.Mutation,
                Error = error,
            };
            return error is null && _options.ErrorInSuccess?.Invoke(result) is { } detail
                ? WithError(result, _options.Errors.Classify(result, detail, frame.Mutation, _options.Time, frame.Redactor(_options.Errors)))
                : result;
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
        var frame = new Frame(call, request, both.Token);
        var (response, failed) = await ExchangeAsync(frame);
        if (response is null)
            throw new DriverException(failed!.Error!);
        using (response)
        {
            await using var stream = await response.Content.ReadAsStreamAsync(both.Token);
            var lines = new LineBuffer(stream, MaxAnswer(request));
            while (true)
            {
                JsonElement? line;
                try
                {
                    line = await lines.NextAsync(both.Token);
                }
                catch (Exception e) when (e is IOException or HttpRequestException or JsonException or InvalidDataException)
                {
                    throw new DriverException(Broken(e, frame));
                }

                if (line is null)
                    yield break;
                yield return line.Value;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _invoker.Dispose();

    /// <summary>The open answer of a success, or what came instead.</summary>
    private async ValueTask<(HttpResponseMessage? Response, RestResult? Failed)> ExchangeAsync(Frame frame)
    {
        if (frame.Request.Body is { } body && body.Length > _options.MaxRequestBytes)
            return (null, Failure(frame, RestFailures.RequestTooLarge(frame.Request.Method, body.Length, _options.MaxRequestBytes)));
        if (!TryAddress(frame.Request, out var address))
            return (null, Failure(frame, RestFailures.NotSent(ErrorCode.Failed, "The platform named an address outside its endpoint; it isn't followed.", _options.Errors.Redactor)));
        for (var hop = 0; ; hop++)
        {
            var (response, failed) = await RenewingAsync(frame, address);
            if (failed is null || RestRedirect.Target(failed, address) is not { } target)
                return (response, failed);
            if (hop >= _options.MaxRedirects || !RestRedirect.MayFollow(frame.Request.Method, frame.Mutation) || !SameServer(target))
                return (null, WithError(failed, RestRedirect.Refused(failed, target, frame.Redactor(_options.Errors))));
            address = target;
        }
    }

    private async ValueTask<(HttpResponseMessage? Response, RestResult? Failed)> RenewingAsync(Frame frame, Uri address)
    {
        var (response, failed, used) = await AttemptAsync(frame, address);
        // Only what certainly did nothing is sent again.
        if (failed is not { Status: > 0, Error.Effect: Effect.NotApplied } || _options.Authorizer is not { } authorizer || !authorizer.IsRefusal(failed))
            return (response, failed);
        try
        {
            if (!await authorizer.RenewAsync(used, failed, frame.LimitedCall))
                return (null, failed);
        }
        catch (Exception e) when (SignInFailure(e, frame) is not null)
        {
            return (null, Failure(frame, SignInFailure(e, frame)!));
        }

        (response, failed, _) = await AttemptAsync(frame, address);
        return failed is { Status: > 0, Error: { } error } && authorizer.IsRefusal(failed)
            ? (null, WithError(failed, error with { Code = ErrorCode.Unauthenticated, Scope = ErrorScope.Account }))
            : (response, failed);
    }

    private async ValueTask<(HttpResponseMessage? Response, RestResult? Failed, long Used)> AttemptAsync(Frame frame, Uri address)
    {
        if (IsTimeout(frame.Call))
            return (null, Failure(frame, RestFailures.TimedOut(frame.Mutation, sent: false)), 0);
        frame.Call.Cancellation.ThrowIfCancellationRequested();

        using var message = new HttpRequestMessage(frame.Request.Method, address) { Version = _options.HttpVersion, VersionPolicy = _options.HttpVersionPolicy };
        Fill(message, frame.Call, frame.Request);
        long used = 0;
        try
        {
            if (_options.Authorize is { } authorize)
                await authorize(message, frame.Limit);
            if (_options.Authorizer is { } authorizer)
            {
                var outgoing = new OutgoingRequest(message, frame.Request.Body ?? default, frame.LimitedCall);
                used = await authorizer.AuthorizeAsync(outgoing);
                frame.Secrets = outgoing.Secrets;
            }
        }
        catch (Exception e) when (SignInFailure(e, frame) is not null)
        {
            return (null, Failure(frame, SignInFailure(e, frame)!), 0);
        }

        HttpResponseMessage response;
        try
        {
            response = await _invoker.SendAsync(message, frame.Limit);
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && IsDeadline(frame)))
        {
            return (null, Failure(frame, Broken(e, frame)), used);
        }

        if (response.IsSuccessStatusCode || response.StatusCode == System.Net.HttpStatusCode.NotModified)
            return (response, null, used);
        using (response)
            return (null, await RefusalAsync(response, frame), used);
    }

    private async ValueTask<RestResult> RefusalAsync(HttpResponseMessage response, Frame frame)
    {
        var (body, error) = await BodyAsync(response, frame);
        // An error page that is too long is classified by its status; one that broke off isn't an answer.
        if (error is { Code: not ErrorCode.Failed })
            return Failure(frame, error);
        var result = new RestResult
        {
            Status = (int)response.StatusCode,
            ReasonPhrase = response.ReasonPhrase,
            Headers = Flatten(response),
            Body = body,
            Mutation = frame.Mutation,
        };
        return WithError(result, _options.Errors.Classify(result, _options.Errors.Detail(result), frame.Mutation, _options.Time, frame.Redactor(_options.Errors)));
    }

    private async ValueTask<(ReadOnlyMemory<byte> Body, DriverError? Error)> BodyAsync(HttpResponseMessage response, Frame frame)
    {
        var max = MaxAnswer(frame.Request);
        try
        {
            return await ReadAsync(response.Content, max, frame.Limit) is { } body
                ? (body, null)
                : (default, RestFailures.AnswerTooLarge(frame.Request.Method, max, frame.Mutation));
        }
        catch (Exception e) when (e is not OperationCanceledException || IsDeadline(frame))
        {
            return (default, Broken(e, frame));
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

    private int MaxAnswer(RestRequest request) => request.MaxResponseBytes ?? _options.MaxResponseBytes;

    // The deadline's timer and the clock are two sources: a cancellation shortly before the deadline is the deadline's.
    private bool IsTimeout(Call call) =>
        _options.Time.GetUtcNow() >= call.Deadline - (call.Cancellation.IsCancellationRequested ? TimeSpan.FromMilliseconds(100) : TimeSpan.Zero);

    private bool IsDeadline(Frame frame) => IsTimeout(frame.Call) || !frame.Call.Cancellation.IsCancellationRequested;

    private DriverError Broken(Exception e, Frame frame) => RestFailures.Broken(e, IsTimeout(frame.Call), frame.Mutation, frame.Redactor(_options.Errors));

    private DriverError? SignInFailure(Exception e, Frame frame) => e switch
    {
        DriverException driver => driver.Error with { Effect = Effect.NotApplied, Message = frame.Redactor(_options.Errors).Redact(driver.Error.Message) },
        OperationCanceledException when IsDeadline(frame) => RestFailures.TimedOut(frame.Mutation, sent: false),
        _ => null,
    };

    private static RestResult Failure(Frame frame, DriverError error) => new() { Error = error, Mutation = frame.Mutation };

    private static RestResult WithError(RestResult result, DriverError error) => new()
    {
        Status = result.Status,
        ReasonPhrase = result.ReasonPhrase,
        Headers = result.Headers,
        Body = result.Body,
        Mutation = result.Mutation,
        Error = error,
    };

    private bool TryAddress(RestRequest request, out Uri address)
    {
        var path = request.Path;
        if (request.FromRoot)
        {
            address = new Uri(BaseAddress.GetLeftPart(UriPartial.Authority) + "/" + path.TrimStart('/'));
            return true;
        }

        // On Unix a rooted path parses as a file address, so only a scheme with an authority counts as absolute.
        if (path.Contains("://", StringComparison.Ordinal) && !path.StartsWith('/') && Uri.TryCreate(path, UriKind.Absolute, out var absolute)
            && path.IndexOf("://", StringComparison.Ordinal) < IndexOrEnd(path, '?'))
        {
            address = absolute;
            return SameServer(absolute);
        }

        address = new Uri(BaseAddress.AbsoluteUri + path.TrimStart('/'));
        return true;
    }

    private bool SameServer(Uri address) =>
        Uri.Compare(address, BaseAddress, UriComponents.SchemeAndServer, UriFormat.SafeUnescaped, StringComparison.OrdinalIgnoreCase) == 0;

    private static int IndexOrEnd(string text, char c) => text.IndexOf(c, StringComparison.Ordinal) is var i and >= 0 ? i : text.Length;

    private static Uri Normalize(Uri address)
    {
        if (address.Scheme == "unix")
            return new Uri("http://localhost/");
        var text = address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);
        return new Uri(text.EndsWith('/') ? text : text + "/");
    }

    private static async ValueTask<byte[]?> ReadAsync(HttpContent content, int max, CancellationToken cancellation)
    {
        var declared = content.Headers.ContentLength;
        if (declared > max)
            return null;
        await using var stream = await content.ReadAsStreamAsync(cancellation);
        using var bytes = new MemoryStream((int)Math.Min(declared ?? 0, 64 * 1024));
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(16 * 1024);
        try
        {
            int read;
            while ((read = await stream.ReadAsync(buffer, cancellation)) > 0)
            {
                if (bytes.Length + read > max)
                    return null;
                bytes.Write(buffer, 0, read);
            }

            return bytes.ToArray();
        }
        finally
        {
            // An answer may hold a token, and the pool is the process's.
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
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

    /// <summary>One request within one call; <paramref name="limit"/> ends at the call's deadline.</summary>
    private sealed class Frame(Call call, RestRequest request, CancellationToken limit)
    {
        public Call Call { get; } = call;

        public CancellationToken Limit { get; } = limit;

        public RestRequest Request { get; } = request;

        public bool Mutation { get; } = request.IsMutation;

        public IReadOnlyList<string> Secrets { get; set; } = [];

        public Call LimitedCall { get; } = new() { Cancellation = limit, Deadline = call.Deadline, Id = call.Id, Payloads = call.Payloads };

        public Redactor Redactor(ErrorTable errors) => Secrets.Count == 0 ? errors.Redactor : errors.Redactor.With(Secrets);
    }
}
