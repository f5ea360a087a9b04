using System.Globalization;
using System.Text;
using System.Text.Json;
using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>The platform's API, typed.</summary>
internal sealed class SimulatorApi : IAsyncDisposable
{
    private const string HandlePrefix = "sim1:";

    private readonly SignedClient _client;
    private readonly ErrorTable _errors = new()
    {
        Detail = ReadDetail,
        Rows =
        [
            new() { PlatformCode = "NO_ADDRESS", Code = ErrorCode.CapacityUnavailable, Effect = Effect.NotApplied, Scope = ErrorScope.Resource },
            new() { PlatformCode = "ADDRESS_OUTSIDE", Code = ErrorCode.Invalid, Effect = Effect.NotApplied },
            new() { PlatformCode = "NO_SUCH_CONTAINER", Code = ErrorCode.Invalid, Effect = Effect.NotApplied },
            new() { PlatformCode = "INVALID_CURSOR", Code = ErrorCode.PreconditionFailed, Effect = Effect.NotApplied },
            new() { PlatformCode = "QUOTA_EXCEEDED", Code = ErrorCode.QuotaExceeded, Effect = Effect.NotApplied, Scope = ErrorScope.Account },
            new() { PlatformCode = "STOCKOUT", Code = ErrorCode.CapacityUnavailable, Effect = Effect.NotApplied, Scope = ErrorScope.Zone },
            new() { PlatformCode = "NOT_READY", Code = ErrorCode.NotReadyYet, Effect = Effect.NotApplied },
            new() { PlatformCode = "NO_SUCH_REFERENCE", Code = ErrorCode.NotReadyYet, Effect = Effect.NotApplied },
            new() { PlatformCode = "BUSY", Code = ErrorCode.Throttled, Effect = Effect.NotApplied, Scope = ErrorScope.Account },
            new() { PlatformCode = "APPROVAL_REJECTED", Code = ErrorCode.Forbidden, Effect = Effect.Applied },
            new() { PlatformCode = "TOKEN_REUSED", Code = ErrorCode.Conflict, Effect = Effect.Unknown },
            new() { Status = 410, PlatformCode = "GONE", Code = ErrorCode.Failed, Effect = Effect.NotApplied },
        ],
    };

    public SimulatorApi(HttpMessageHandler handler, Uri address, TimeProvider time, string? credential)
    {
        Time = time;
        _client = new SignedClient(new RestClient(handler, new RestClientOptions { BaseAddress = address, Time = time, Errors = _errors, UserAgent = "datum-providers-simulator/" + SimulatorDescriptor.Version }), time, credential);
    }

    public TimeProvider Time { get; }

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    public async ValueTask<Answer<CloudAccount>> AccountAsync(Call call) =>
        (await _client.SendAsync(call, RestRequest.Get("v1/account"))).Read(CloudJson.Default.CloudAccount);

    /// <summary>The object, or why there is none: NotFound and Gone are answers, not errors.</summary>
    public async ValueTask<(CloudObject? Item, bool Gone, DriverError? Error)> GetAsync(Call call, string collection, string id)
    {
        var result = await _client.SendAsync(call, RestRequest.Get($"v1/{collection}/{Uri.EscapeDataString(id)}"));
        if (result.NotFound)
            return (null, result.Status == 410, null);
        var answer = result.Read(CloudJson.Default.CloudObject);
        return (answer.Value, false, answer.Error);
    }

    public async ValueTask<Answer<CloudPage>> ListAsync(Call call, string collection, int pageSize, string? after,
        IEnumerable<KeyValuePair<string, string>>? labels = null, string? name = null, bool unattached = false)
    {
        var path = RestRequest.WithQuery($"v1/{collection}",
            new("limit", pageSize > 0 ? pageSize.ToString(CultureInfo.InvariantCulture) : null),
            new("after", after),
            new("name", name),
            // An object that has our name, or one that has our mark.
            new("match", name is not null && labels is not null ? "any" : null),
            new("unattached", unattached ? "true" : null),
            new("labels", labels is null ? null : string.Join(',', labels.Select(l => $"{l.Key}:{l.Value}"))));
        return (await _client.SendAsync(call, RestRequest.Get(path))).Read(CloudJson.Default.CloudPage);
    }

    /// <summary>All pages; an error when a zone didn't answer, since then nothing follows from absence.</summary>
    public async ValueTask<(List<CloudObject> Items, DriverError? Error)> ListAllAsync(Call call, string collection,
        IEnumerable<KeyValuePair<string, string>>? labels = null, string? name = null)
    {
        var items = new List<CloudObject>();
        string? after = null;
        do
        {
            var answer = await ListAsync(call, collection, 0, after, labels, name);
            if (answer.Value is not { } page)
                return (items, answer.Error);
            if (page.Unreachable.Length > 0)
                return (items, new DriverError { Code = ErrorCode.Unavailable, Effect = Effect.NotApplied, Scope = ErrorScope.Zone, Message = $"Zones didn't answer: {string.Join(", ", page.Unreachable)}." });
            items.AddRange(page.Items);
            after = page.Next;
        }
        while (after is not null);
        return (items, null);
    }

    public async ValueTask<Answer<CloudAccepted>> CreateAsync(Call call, string collection, CloudObject wish, string? token)
    {
        var request = RestRequest.Post($"v1/{collection}", wish, CloudJson.Default.CloudObject);
        if (token is not null)
            request = request.WithHeader("Idempotency-Key", token);
        return Scrubbed((await _client.SendAsync(call, request)).Read(CloudJson.Default.CloudAccepted), wish);
    }

    public async ValueTask<Answer<CloudObject>> PatchAsync(Call call, string collection, string id, CloudObject change) =>
        Scrubbed((await _client.SendAsync(call, RestRequest.Patch($"v1/{collection}/{Uri.EscapeDataString(id)}", change, CloudJson.Default.CloudObject))).Read(CloudJson.Default.CloudObject), change);

    /// <summary>Other labels, if the object is still as it was read; neither item nor error when it is gone.</summary>
    public async ValueTask<(CloudObject? Item, DriverError? Error)> RelabelAsync(Call call, CloudObject item, ImmutableSortedDictionary<string, string> labels)
    {
        var request = RestRequest.Patch($"v1/{item.Collection}/{Uri.EscapeDataString(item.Id)}", new CloudObject { Labels = labels }, CloudJson.Default.CloudObject);
        var result = await _client.SendAsync(call, request.WithHeader("If-Match", $"\"{item.Revision}\""));
        if (result.NotFound)
            return (null, null);
        var answer = result.Read(CloudJson.Default.CloudObject);
        return (answer.Value, answer.Error);
    }

    /// <summary>Power; with a token the platform does it once, however often it is sent.</summary>
    public async ValueTask<Answer<CloudObject>> ActAsync(Call call, string serverId, string action, CloudObject? body = null, string? token = null)
    {
        var path = $"v1/{Collections.Servers}/{Uri.EscapeDataString(serverId)}/{action}";
        var request = body is null ? RestRequest.Post(path) : RestRequest.Post(path, body, CloudJson.Default.CloudObject);
        return (await _client.SendAsync(call, token is null ? request : request.WithHeader("Idempotency-Key", token))).Read(CloudJson.Default.CloudObject);
    }

    /// <summary>Neither console nor error: the server isn't there.</summary>
    public async ValueTask<(CloudConsole? Console, DriverError? Error)> ConsoleAsync(Call call, string serverId, string? container, long? after, int limit)
    {
        var path = RestRequest.WithQuery($"v1/{Collections.Servers}/{Uri.EscapeDataString(serverId)}/console",
            new("container", container),
            new("after", after?.ToString(CultureInfo.InvariantCulture)),
            new("limit", limit.ToString(CultureInfo.InvariantCulture)));
        var answer = (await _client.SendAsync(call, RestRequest.Get(path))).Read(CloudJson.Default.CloudConsole);
        return answer.Error is { PlatformCode: "NOT_FOUND" } ? (null, null) : (answer.Value, answer.Error);
    }

    public async ValueTask<Answer<CloudImagePage>> ImagesAsync(Call call, CatalogQuery query, string? after) =>
        (await _client.SendAsync(call, RestRequest.Get(Catalog("v1/images", query, after, zone: null)))).Read(CloudJson.Default.CloudImagePage);

    public async ValueTask<Answer<CloudSizePage>> SizesAsync(Call call, CatalogQuery query, string? after, string? zone) =>
        (await _client.SendAsync(call, RestRequest.Get(Catalog("v1/sizes", query, after, zone)))).Read(CloudJson.Default.CloudSizePage);

    public async ValueTask<Answer<CloudQuotas>> QuotasAsync(Call call) =>
        (await _client.SendAsync(call, RestRequest.Get("v1/quotas"))).Read(CloudJson.Default.CloudQuotas);

    public async ValueTask<Answer<CloudUsagePage>> UsageAsync(Call call, int pageSize, string? after, IEnumerable<KeyValuePair<string, string>> labels) =>
        (await _client.SendAsync(call, RestRequest.Get(RestRequest.WithQuery("v1/usage",
            new("limit", pageSize > 0 ? pageSize.ToString(CultureInfo.InvariantCulture) : null),
            new("after", after),
            new("labels", string.Join(',', labels.Select(l => $"{l.Key}:{l.Value}"))))))).Read(CloudJson.Default.CloudUsagePage);

    /// <summary>The lines of the event stream, of objects that carry a label.</summary>
    public IAsyncEnumerable<JsonElement> EventsAsync(Call call, string key, string value) =>
        _client.LinesAsync(call, RestRequest.Get(RestRequest.WithQuery("v1/events", new KeyValuePair<string, string?>("labels", $"{key}:{value}"))));

    /// <summary>Null operation: it is gone already or was at once.</summary>
    public async ValueTask<(CloudAccepted? Accepted, bool Terminal, DriverError? Error)> DeleteAsync(Call call, string collection, string id)
    {
        var result = await _client.SendAsync(call, RestRequest.Delete($"v1/{collection}/{Uri.EscapeDataString(id)}"));
        if (result.NotFound)
            return (null, result.Status == 410, null);
        if (result.Status == 204)
            return (null, false, null);
        var answer = result.Read(CloudJson.Default.CloudAccepted);
        return (answer.Value, false, answer.Error);
    }

    /// <summary>The operation behind a handle; null when the handle is another version's, expired or unknown.</summary>
    public async ValueTask<(CloudOperation? Operation, DriverError? Error)> OperationAsync(Call call, Handle? handle)
    {
        if (handle is null || !handle.Data.StartsWith(HandlePrefix, StringComparison.Ordinal))
            return (null, null);
        var result = await _client.SendAsync(call, RestRequest.Get($"v1/operations/{Uri.EscapeDataString(handle.Data[HandlePrefix.Length..])}"));
        if (result.NotFound)
            return (null, null);
        var answer = result.Read(CloudJson.Default.CloudOperation);
        return (answer.Value, answer.Error);
    }

    public static Handle ToHandle(string operationId, DateTimeOffset? expiresAt) => new() { Data = HandlePrefix + operationId, ExpiresAt = expiresAt };

    /// <summary>The error inside an operation or object.</summary>
    public DriverError ToError(CloudError error, Effect effect) =>
        _errors.Classify(0, new ErrorDetail { Code = error.Code, Message = error.Message }, mutation: true) with { Effect = effect };

    /// <summary>One line of the stream; null when it is none that this version knows.</summary>
    public static CloudEvent? ToEvent(JsonElement line)
    {
        try
        {
            return line.Deserialize(CloudJson.Default.CloudEvent);
        }
        catch (JsonException)
        {
            // A hint that can't be read is none: the listing finds the same.
            return null;
        }
    }

    private static string Catalog(string path, CatalogQuery query, string? after, string? zone) => RestRequest.WithQuery(path,
        new("limit", query.PageSize > 0 ? query.PageSize.ToString(CultureInfo.InvariantCulture) : null),
        new("search", query.Search),
        new("zone", zone),
        new("after", after));

    /// <summary>A platform may repeat in an error what it was sent: contents of payloads don't go on from here.</summary>
    private static Answer<T> Scrubbed<T>(Answer<T> answer, CloudObject sent) where T : class =>
        answer.Error is { } error && sent.Content is { } content ? SignedClient.Scrub(error, content.Values.Select(v => Encoding.UTF8.GetString(v.Span))) : answer;

    private static ErrorDetail ReadDetail(RestResult result)
    {
        var detail = ErrorDetail.Read(result);
        try
        {
            var error = JsonSerializer.Deserialize(result.Body.Span, CloudJson.Default.CloudError);
            return detail with { BlockedBy = error?.BlockedBy ?? [] };
        }
        catch (JsonException)
        {
            // An answer that isn't the platform's own (a proxy's page) blocks nothing by name.
            return detail;
        }
    }
}
