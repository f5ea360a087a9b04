using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>
/// The wire to a <see cref="SimulatedCloud"/>: give it to a session as its HTTP handler, or put it behind a listener. Latency, planned faults and
/// lost answers happen here. Paths: <c>/v1/…</c>, and for whoever runs the platform <c>/admin/statistics</c> (GET) and <c>/admin/knobs</c> (GET, PUT).
/// </summary>
public sealed class SimulatedCloudHandler(SimulatedCloud cloud, TimeProvider time) : HttpMessageHandler
{
    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var uri = request.RequestUri ?? throw new HttpRequestException("The request has no address.");
        var path = uri.AbsolutePath;
        var fault = path.StartsWith("/admin/", StringComparison.Ordinal) ? null : cloud.PlanFault(request.Method, path);
        if (fault?.Kind == FaultKind.Refuse)
            throw new HttpRequestException(HttpRequestError.ConnectionError, $"Connection refused ({uri.Host})");
        var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken);
        await DelayAsync(cloud.NextLatency(), cancellationToken);
        switch (fault?.Kind)
        {
            case FaultKind.ErrorBefore:
                return ToMessage(CloudResponse.Error(fault.Status, fault.Code, fault.Message), request);
            case FaultKind.ResetBefore:
                throw Reset();
            case FaultKind.TimeoutBefore:
                await NeverAsync(cancellationToken);
                break;
            default:
                break;
        }

        if (!path.StartsWith("/admin/", StringComparison.Ordinal) && cloud.Admit(request.Method, path, request.Headers.Authorization?.Parameter) is { } door)
            return ToMessage(door, request);
        if (path == "/v1/events" && request.Method == HttpMethod.Get)
            return Watch(ToRequest(request, uri, body), request, fault?.Kind);
        var response = path.StartsWith("/admin/", StringComparison.Ordinal)
            ? Administer(request.Method, path, body)
            : cloud.Handle(ToRequest(request, uri, body));
        switch (fault?.Kind)
        {
            case FaultKind.ErrorAfter:
                return ToMessage(CloudResponse.Error(fault.Status, fault.Code, fault.Message), request);
            case FaultKind.ResetAfter:
                throw Reset();
            case FaultKind.TimeoutAfter:
                await NeverAsync(cancellationToken);
                break;
            default:
                break;
        }

        return ToMessage(response, request);
    }

    // The answer is there at once, its lines come as things happen.
    private HttpResponseMessage Watch(CloudRequest request, HttpRequestMessage message, FaultKind? fault)
    {
        var (stream, response) = cloud.Watch(request);
        var answer = ToMessage(response, message);
        if (stream is null)
            return answer;
        if (fault is not null)
        {
            stream.Dispose();
            throw Reset();
        }

        answer.Content = new StreamContent(stream);
        answer.Content.Headers.TryAddWithoutValidation("Content-Type", "application/x-ndjson");
        return answer;
    }

    private CloudResponse Administer(HttpMethod method, string path, byte[] body)
    {
        if (path == "/admin/statistics" && method == HttpMethod.Get)
            return CloudResponse.Of(200, cloud.Statistics, CloudJson.Default.CloudStatistics);
        if (path != "/admin/knobs" || (method != HttpMethod.Get && method != HttpMethod.Put))
            return CloudResponse.Error(404, "NO_SUCH_PATH", "There is no such path.");
        if (method == HttpMethod.Put)
        {
            try
            {
                cloud.Knobs = JsonSerializer.Deserialize(body, CloudJson.Default.SimulatorKnobs) ?? new SimulatorKnobs();
            }
            catch (JsonException e)
            {
                return CloudResponse.Error(400, "INVALID", e.Message);
            }
        }

        return CloudResponse.Of(200, cloud.Knobs, CloudJson.Default.SimulatorKnobs);
    }

    private static CloudRequest ToRequest(HttpRequestMessage request, Uri uri, byte[] body)
    {
        var segments = uri.AbsolutePath.Trim('/').Split('/');
        var query = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var pair in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equal = pair.IndexOf('=', StringComparison.Ordinal);
            query[Uri.UnescapeDataString(equal < 0 ? pair : pair[..equal])] = equal < 0 ? "" : Uri.UnescapeDataString(pair[(equal + 1)..]);
        }

        return new CloudRequest
        {
            Method = request.Method,
            Segments = segments is ["v1", .. var rest] ? [.. rest.Select(Uri.UnescapeDataString)] : [],
            Query = query.ToImmutable(),
            Token = request.Headers.TryGetValues("Idempotency-Key", out var tokens) ? tokens.First() : null,
            IfMatch = request.Headers.TryGetValues("If-Match", out var revisions) ? revisions.First().Trim('"') : null,
            Body = body,
        };
    }

    private static HttpResponseMessage ToMessage(CloudResponse response, HttpRequestMessage request)
    {
        var message = new HttpResponseMessage((HttpStatusCode)response.Status)
        {
            Content = new ReadOnlyMemoryContent(response.Body),
            RequestMessage = request,
        };
        message.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        if (response.RetryAfter is { } wait)
            message.Headers.TryAddWithoutValidation("Retry-After", Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture));
        if (request.Headers.TryGetValues("X-Request-Id", out var ids))
            message.Headers.TryAddWithoutValidation("X-Request-Id", ids);
        return message;
    }

    private static HttpRequestException Reset() =>
        new(HttpRequestError.ResponseEnded, "The connection ended without an answer.", new IOException("Connection reset by peer"));

    private async Task DelayAsync(TimeSpan delay, CancellationToken cancellation)
    {
        if (delay <= TimeSpan.Zero)
            return;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var timer = time.CreateTimer(static s => ((TaskCompletionSource)s!).TrySetResult(), done, delay, Timeout.InfiniteTimeSpan);
        await done.Task.WaitAsync(cancellation);
    }

    private static Task NeverAsync(CancellationToken cancellation) =>
        new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously).Task.WaitAsync(cancellation);
}
