using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Faults.Tests.Plans;

namespace Datum.Providers.Faults.Tests.World;

/// <summary>The wire to the platform as one process sees it, with the plan's fault at its call.</summary>
internal sealed class FaultyWire(FaultWorld world, Life life, HttpMessageHandler cloud, HttpMessageHandler otherCloud) : HttpMessageHandler
{
    private static readonly TimeSpan Normal = TimeSpan.FromMilliseconds(200);
    private readonly HttpMessageInvoker _cloud = new(cloud, disposeHandler: false);
    private readonly HttpMessageInvoker _other = new(otherCloud, disposeHandler: false);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        var began = world.Time.Now;
        var answer = await AnswerAsync(request, cancellation);
        if (request.Method == HttpMethod.Get && answer.IsSuccessStatusCode && LabelOf(request.Method, request.RequestUri!.AbsolutePath).Item1 == Boundary.CloudList)
            world.Oracle.Listed(life, request.RequestUri, began, await answer.Content.ReadAsByteArrayAsync(cancellation));
        return answer;
    }

    private async Task<HttpResponseMessage> AnswerAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        await life.Alive();
        cancellation.ThrowIfCancellationRequested();
        var path = request.RequestUri!.AbsolutePath;
        if (path == "/v1/events")
            return await PassAsync(request, cancellation);
        var (boundary, label) = LabelOf(request.Method, path);
        var fault = world.Arrive(boundary, label, life);
        world.Started(fault);
        switch (fault)
        {
            case Fault.KillBefore:
                return await life.EndAsync<HttpResponseMessage>();
            case Fault.ResetBefore:
                throw Reset();
            case Fault.TimeoutBefore:
                await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
                break;
            case Fault.Throttled:
                return Answer(HttpStatusCode.TooManyRequests, "RATE_LIMITED", retryAfter: 3);
            case Fault.Unavailable:
                return Answer(HttpStatusCode.ServiceUnavailable, "UNAVAILABLE");
            default:
                break;
        }
        if (world.IsForbidden)
            return Answer(HttpStatusCode.Forbidden, "FORBIDDEN");

        HttpResponseMessage response;
        try
        {
            response = await PassAsync(request, cancellation);
            if (fault == Fault.Slow)
                await world.Time.Delay(Normal * 100, cancellation);
        }
        finally
        {
            if (fault == Fault.KillAfter)
                life.Kill();
            await life.Alive();
        }
        switch (fault)
        {
            case Fault.ResetAfter:
                throw Reset();
            case Fault.TimeoutAfter:
                await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
                break;
            case Fault.ErrorAfter:
                return Answer(HttpStatusCode.InternalServerError, "INTERNAL");
            case Fault.ListIncomplete:
                return await RewriteAsync(response, page => page["unreachable"] = new JsonArray("z1"));
            case Fault.ListLies:
                return await RewriteAsync(response, page =>
                {
                    if (page["items"] is JsonArray { Count: > 0 } items)
                        items.RemoveAt(items.Count - 1);
                });
            case Fault.PagesMove:
                return await RewriteAsync(response, page =>
                {
                    if (page["items"] is JsonArray { Count: > 0 } items)
                        items.Add(items[0]!.DeepClone());
                });
            default:
                break;
        }
        return response;
    }

    private async Task<HttpResponseMessage> PassAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        var other = world.IsOtherAccount;
        var body = request.Content is null || request.Method == HttpMethod.Get ? "" : await request.Content.ReadAsStringAsync(cancellation);
        if (request.Method != HttpMethod.Get && request.RequestUri!.AbsolutePath != "/v1/session")
            world.Oracle.Mutation(life, request.Method, request.RequestUri.AbsolutePath, body, other);
        world.Oracle.Said(request.RequestUri!.PathAndQuery);
        var answer = await (other ? _other : _cloud).SendAsync(request, cancellation);
        if (request.Method == HttpMethod.Delete && (int)answer.StatusCode == 409)
            world.Oracle.Answered(request.Method, request.RequestUri.AbsolutePath, 409, await answer.Content.ReadAsStringAsync(cancellation));
        return answer;
    }

    private static (Boundary, string) LabelOf(HttpMethod method, string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var what = parts.Length > 1 ? parts[1] : path;
        var rest = parts.Length > 3 ? ":" + parts[3] : "";
        // A sign-in makes nothing.
        return method == HttpMethod.Get || what == "session"
            ? parts.Length == 2 && Collections.All.Contains(what) ? (Boundary.CloudList, $"cloud:LIST:{what}") : (Boundary.CloudRead, $"cloud:{method}:{what}{rest}")
            : (Boundary.CloudMutation, $"cloud:{method}:{what}{rest}");
    }

    private static async Task<HttpResponseMessage> RewriteAsync(HttpResponseMessage response, Action<JsonObject> change)
    {
        if (!response.IsSuccessStatusCode)
            return response;
        var page = JsonNode.Parse(await response.Content.ReadAsByteArrayAsync())!.AsObject();
        change(page);
        response.Content = new StringContent(page.ToJsonString(), Encoding.UTF8, "application/json");
        return response;
    }

    private static HttpResponseMessage Answer(HttpStatusCode status, string code, int? retryAfter = null)
    {
        var answer = new HttpResponseMessage(status) { Content = new StringContent($$"""{"code":"{{code}}","message":"Injected."}""", Encoding.UTF8, "application/json") };
        if (retryAfter is { } seconds)
            answer.Headers.TryAddWithoutValidation("Retry-After", seconds.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return answer;
    }

    private static HttpRequestException Reset() =>
        new(HttpRequestError.ResponseEnded, "The connection ended without an answer (injected).", new IOException("Connection reset by peer"));
}
