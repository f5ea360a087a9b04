using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Datum.Providers.Conformance;

/// <summary>The handler that the kit lends to sessions: it records every request, breaks the planned ones and sends the others on. It waits for the clock only through the call that hangs.</summary>
internal sealed class FaultHandler(HttpMessageHandler inner, FaultPlan plan, ConformanceWorld world) : HttpMessageHandler
{
    /// <summary>How much of an answer a driver may take in before it has to give up.</summary>
    public const long BodyLimit = 256L << 20;

    private readonly HttpMessageInvoker _inner = new(inner, disposeHandler: false);

    public bool Disposed { get; private set; }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var frame = CallFrame.Current;
        var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken);
        var record = new RequestRecord
        {
            Number = plan.NextNumber(),
            Verb = frame?.Verb ?? "",
            CallId = frame?.Call.Id ?? "",
            Method = request.Method,
            Uri = request.RequestUri ?? throw new HttpRequestException("The request has no address."),
            Headers = [.. request.Headers.NonValidated.SelectMany(h => h.Value.Select(v => new KeyValuePair<string, string>(h.Key, v)))],
            Body = body,
            Mutation = world.IsMutation(request),
        };
        var fault = plan.Record(record);
        if (fault is null)
            return await ForwardAsync(request, record, cancellationToken);
        switch (fault.Kind)
        {
            case FaultKind.Refuse:
                throw new HttpRequestException(HttpRequestError.ConnectionError, $"Connection refused ({record.Uri.Host}:{record.Uri.Port})");
            case FaultKind.ResetBefore:
                throw Reset();
            case FaultKind.TimeoutBefore:
                throw await HangAsync(frame, cancellationToken);
            case FaultKind.StatusBefore:
                return Answer(request, record, fault);
            case FaultKind.CancelBefore:
                throw await CancelAsync(frame, cancellationToken);
            case FaultKind.Redirect:
                var redirect = Answer(request, record, fault with { Status = 307 });
                redirect.Headers.Location = new Uri("http://elsewhere.invalid/");
                return redirect;
            default:
                break;
        }

        var response = await ForwardAsync(request, record, cancellationToken);
        switch (fault.Kind)
        {
            case FaultKind.ResetAfter:
                response.Dispose();
                throw Reset();
            case FaultKind.TimeoutAfter:
                response.Dispose();
                throw await HangAsync(frame, cancellationToken);
            case FaultKind.StatusAfter:
                response.Dispose();
                return Answer(request, record, fault);
            case FaultKind.CancelAfter:
                response.Dispose();
                throw await CancelAsync(frame, cancellationToken);
            case FaultKind.CancelAnswered:
                await (frame?.CancelAsync() ?? Task.CompletedTask);
                return response;
            default:
                await ReplaceBodyAsync(response, fault.Kind, frame, cancellationToken);
                return response;
        }
    }

    protected override void Dispose(bool disposing)
    {
        // The host owns it: a driver that disposes it breaks DC-8.
        Disposed = true;
        base.Dispose(disposing);
    }

    private async Task<HttpResponseMessage> ForwardAsync(HttpRequestMessage request, RequestRecord record, CancellationToken cancellation)
    {
        var response = await _inner.SendAsync(request, cancellation);
        record.Status = (int)response.StatusCode;
        return response;
    }

    private static HttpResponseMessage Answer(HttpRequestMessage request, RequestRecord record, Fault fault)
    {
        record.Status = fault.Status;
        var response = new HttpResponseMessage((HttpStatusCode)fault.Status) { Content = new StringContent(fault.Echo?.Invoke(record) ?? fault.Body), RequestMessage = request };
        response.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(fault.ContentType);
        if (fault.RetryAfter is { } wait)
            response.Headers.TryAddWithoutValidation("Retry-After", Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture));
        foreach (var (name, value) in fault.Headers)
            response.Headers.TryAddWithoutValidation(name, value);
        return response;
    }

    private async Task ReplaceBodyAsync(HttpResponseMessage response, FaultKind kind, CallFrame? frame, CancellationToken cancellation)
    {
        var bytes = await response.Content.ReadAsByteArrayAsync(cancellation);
        Stream stream = kind switch
        {
            FaultKind.TruncatedBody => new BrokenStream(bytes.AsMemory(0, bytes.Length / 2), () => throw new HttpIOException(HttpRequestError.ResponseEnded, "The response ended prematurely.")),
            FaultKind.EndlessBody => new BrokenStream(bytes.AsMemory(0, Math.Min(1, bytes.Length)), null, token => HangAsync(frame, token)),
            FaultKind.OversizedBody => new EndlessStream(BodyLimit, () => plan.Violate($"The driver read more than {BodyLimit >> 20} MiB of one answer; it has to cap what it reads.")),
            FaultKind.GarbageBody => new MemoryStream([0xff, 0xfe, 0x00, .. "<<<no json>>>"u8, 0x80]),
            _ => new MemoryStream([]),
        };
        var old = response.Content;
        response.Content = new StreamContent(stream);
        foreach (var (name, values) in old.Headers.NonValidated)
            if (!name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase))
                response.Content.Headers.TryAddWithoutValidation(name, values);
        old.Dispose();
        if (response.StatusCode == HttpStatusCode.NoContent && kind != FaultKind.EmptyBody)
            response.StatusCode = HttpStatusCode.OK;
    }

    /// <summary>Cancels the call, as a host that stops does, and waits until the driver's request was cancelled by it.</summary>
    private static async Task<Exception> CancelAsync(CallFrame? frame, CancellationToken cancellation)
    {
        if (frame is not null)
            await frame.CancelAsync();
        return await CancelledAsync(cancellation);
    }

    /// <summary>Lets the call's time run out and waits until the driver's request was cancelled.</summary>
    private static async Task<Exception> HangAsync(CallFrame? frame, CancellationToken cancellation)
    {
        if (frame is not null)
            await frame.ExpireAsync();
        return await CancelledAsync(cancellation);
    }

    private static async Task<Exception> CancelledAsync(CancellationToken cancellation)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = cancellation.Register(() => cancelled.TrySetResult());
        await cancelled.Task;
        return new TaskCanceledException("The request was cancelled.", null, cancellation);
    }

    private static HttpRequestException Reset() =>
        new(HttpRequestError.ResponseEnded, "The connection ended without an answer.", new IOException("Connection reset by peer"));
}
