using System.Globalization;
using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>What an error answer says, in the platform's own words.</summary>
public sealed record ErrorDetail
{
    /// <summary>The machine code; null when there is none.</summary>
    public string? Code { get; init; }

    /// <summary>The sentence; null when there is none.</summary>
    public string? Message { get; init; }

    /// <summary>What blocks the request, when the answer names it.</summary>
    public ImmutableArray<string> BlockedBy { get => field.IsDefault ? [] : field; init; }

    /// <summary>
    /// Reads the common JSON shapes: <c>{"error":{"code","message"}}</c>, <c>{"error":"…","message":"…"}</c>, <c>{"code","message"}</c>,
    /// <c>{"errors":[{…}]}</c>. Anything else gives the first line of the text.
    /// </summary>
    public static ErrorDetail Read(RestResult result)
    {
        if (result.Body.IsEmpty)
            return new ErrorDetail();
        try
        {
            using var document = JsonDocument.Parse(result.Body);
            return FromJson(document.RootElement);
        }
        catch (JsonException)
        {
            var text = result.Text();
            var end = text.IndexOfAny(['\r', '\n']);
            return new ErrorDetail { Message = (end < 0 ? text : text[..end]).Trim() };
        }
    }

    private static ErrorDetail FromJson(JsonElement json)
    {
        if (json.ValueKind == JsonValueKind.String)
            return new ErrorDetail { Message = json.GetString() };
        if (json.ValueKind == JsonValueKind.Array)
            return json.GetArrayLength() > 0 ? FromJson(json[0]) : new ErrorDetail();
        if (json.ValueKind != JsonValueKind.Object)
            return new ErrorDetail();
        foreach (var wrapper in (ReadOnlySpan<string>)["error", "errors", "fault"])
            if (json.TryGetProperty(wrapper, out var inner) && inner.ValueKind is JsonValueKind.Object or JsonValueKind.Array)
                return FromJson(inner);
        return new ErrorDetail
        {
            Code = Text(json, "code") ?? Text(json, "reason") ?? Text(json, "status") ?? Text(json, "error"),
            Message = Text(json, "message") ?? Text(json, "detail") ?? Text(json, "error_description") ?? Text(json, "error"),
        };
    }

    private static string? Text(JsonElement json, string name) => !json.TryGetProperty(name, out var value) ? null : value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetRawText(),
        _ => null,
    };
}

/// <summary>One row: what an answer must look like, and what it then means. Members that are null match everything or keep the default.</summary>
public sealed record ErrorRow
{
    /// <summary>The HTTP status.</summary>
    public int? Status { get; init; }

    /// <summary>The platform's machine code, exactly.</summary>
    public string? PlatformCode { get; init; }

    /// <summary>Part of the message, in any case.</summary>
    public string? MessageContains { get; init; }

    /// <summary>What it means.</summary>
    public required ErrorCode Code { get; init; }

    /// <summary>Whether it took effect; null for the default of the status.</summary>
    public Effect? Effect { get; init; }

    /// <summary>How far it reaches; null for the default of the code.</summary>
    public ErrorScope? Scope { get; init; }
}

/// <summary>
/// A platform's errors in one place: the first row that matches (status, machine code, part of the message) decides, then the defaults
/// of <see cref="DefaultCode"/> and <see cref="DefaultEffect"/>.
/// </summary>
public sealed class ErrorTable
{
    /// <summary>Rows in order; the first match wins.</summary>
    public ImmutableArray<ErrorRow> Rows { get => field.IsDefault ? [] : field; init; }

    /// <summary>Reads the platform's words from an answer.</summary>
    public Func<RestResult, ErrorDetail> Detail { get; init; } = ErrorDetail.Read;

    /// <summary>Headers that may hold the platform's request id, best first.</summary>
    public ImmutableArray<string> RequestIdHeaders { get => field.IsDefault ? ["x-request-id", "request-id", "x-amzn-requestid", "x-ms-request-id", "x-openstack-request-id", "x-goog-request-id"] : field; init; }

    /// <summary>Takes secrets out of messages.</summary>
    public Redactor Redactor { get; init; } = new();

    /// <summary>The error of an answer that isn't 2xx or 304.</summary>
    public DriverError Classify(RestResult result, bool mutation, TimeProvider time)
    {
        var detail = Detail(result);
        return Classify(result.Status, detail, mutation) with
        {
            RetryAfter = RetryAfter(result, time),
            RequestId = RequestIdHeaders.Select(result.Header).FirstOrDefault(id => id is { Length: > 0 and <= 256 }),
        };
    }

    /// <summary>The error of a status and words that came another way (inside an operation or a stream). Status 0 matches rows without status and means Failed by default.</summary>
    public DriverError Classify(int status, ErrorDetail detail, bool mutation)
    {
        var row = Rows.FirstOrDefault(r => Matches(r, status, detail));
        var code = row?.Code ?? DefaultCode(status);
        return new DriverError
        {
            Code = code,
            Effect = row?.Effect ?? DefaultEffect(status, mutation),
            Scope = row?.Scope ?? DefaultScope(code),
            Message = Redactor.Redact(Sentence(status, detail)),
            PlatformCode = detail.Code is { Length: > 0 } c ? Redactor.Redact(c) : null,
            BlockedBy = detail.BlockedBy,
        };
    }

    /// <summary>What a status means when no row says otherwise.</summary>
    public static ErrorCode DefaultCode(int status) => status switch
    {
        401 => ErrorCode.Unauthenticated,
        402 or 403 => ErrorCode.Forbidden,
        // A driver that treats "not there" as an answer reads the status; as an error it is a dependency that is gone.
        404 or 410 => ErrorCode.Failed,
        405 or 406 or 415 or 431 => ErrorCode.Bug,
        408 or 504 => ErrorCode.Timeout,
        409 or 423 => ErrorCode.Conflict,
        412 or 428 => ErrorCode.PreconditionFailed,
        425 => ErrorCode.NotReadyYet,
        429 => ErrorCode.Throttled,
        501 => ErrorCode.Unsupported,
        507 => ErrorCode.CapacityUnavailable,
        >= 500 => ErrorCode.Unavailable,
        >= 400 => ErrorCode.Invalid,
        _ => ErrorCode.Failed,
    };

    /// <summary>Reads change nothing; a mutation that was refused (4xx but 408, 501, 507) took no effect; anything else may have.</summary>
    public static Effect DefaultEffect(int status, bool mutation) =>
        !mutation || status is (>= 400 and < 500 and not 408) or 501 or 507 ? Effect.NotApplied : Effect.Unknown;

    /// <summary>How far an error of a code usually reaches.</summary>
    public static ErrorScope DefaultScope(ErrorCode code) => code switch
    {
        ErrorCode.Unauthenticated or ErrorCode.Throttled or ErrorCode.QuotaExceeded => ErrorScope.Account,
        ErrorCode.CapacityUnavailable => ErrorScope.Zone,
        _ => ErrorScope.Resource,
    };

    /// <summary>Retry-After as seconds or as a date, never negative; null when absent or unreadable.</summary>
    public static TimeSpan? RetryAfter(RestResult result, TimeProvider time)
    {
        if (result.Header("retry-after") is not { } text)
            return null;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
            return TimeSpan.FromSeconds(Math.Min(seconds, 86400 * 30));
        if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date))
            return null;
        var wait = date - time.GetUtcNow();
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }

    private static bool Matches(ErrorRow row, int status, ErrorDetail detail) =>
        (row.Status is null || row.Status == status)
        && (row.PlatformCode is null || string.Equals(row.PlatformCode, detail.Code, StringComparison.Ordinal))
        && (row.MessageContains is null || (detail.Message ?? "").Contains(row.MessageContains, StringComparison.OrdinalIgnoreCase));

    private static string Sentence(int status, ErrorDetail detail)
    {
        var words = detail.Message is { Length: > 0 } message ? message : detail.Code is { Length: > 0 } code ? code : "no reason given";
        return status == 0 ? $"The platform reports: {words}" : $"The platform answered {status}: {words}";
    }
}
