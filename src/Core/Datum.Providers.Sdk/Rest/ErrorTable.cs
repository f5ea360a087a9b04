using System.Globalization;

namespace Datum.Providers.Sdk;

/// <summary>One row: what an answer must look like, and what it then means. Members that are null match everything or keep the default.</summary>
public sealed record ErrorRow
{
    /// <summary>The HTTP status.</summary>
    public int? Status { get; init; }

    /// <summary>The platform's machine code, exactly.</summary>
    public string? PlatformCode { get; init; }

    /// <summary>
    /// Several machine codes, any of which matches; <c>*</c> stands for any characters (<c>ZONE_RESOURCE_POOL_EXHAUSTED*</c>, <c>Invalid*.NotFound</c>).
    /// Empty matches everything.
    /// </summary>
    public ImmutableArray<string> PlatformCodes { get => field.IsDefault ? [] : field; init; }

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
    public DriverError Classify(RestResult result, bool mutation, TimeProvider time) => Classify(result, Detail(result), mutation, time, Redactor);

    internal DriverError Classify(RestResult result, ErrorDetail detail, bool mutation, TimeProvider time, Redactor redactor) =>
        Classify(result.Status, detail, mutation, redactor) with
        {
            RetryAfter = RetryAfter(result, time),
            RequestId = RequestIdHeaders.Select(result.Header).Append(detail.RequestId).FirstOrDefault(id => id is { Length: > 0 and <= 256 }),
        };

    /// <summary>The error of a status and words that came another way (inside an operation or a stream). Status 0 matches rows without status and means Failed by default.</summary>
    public DriverError Classify(int status, ErrorDetail detail, bool mutation) => Classify(status, detail, mutation, Redactor);

    /// <summary>
    /// The error of work that the platform had taken on: whatever status it names, part of it may be there, unless a row says otherwise.
    /// </summary>
    public DriverError ClassifyLate(int status, ErrorDetail detail) =>
        Classify(status, detail, mutation: true) with { Effect = Rows.FirstOrDefault(r => Matches(r, status, detail))?.Effect ?? Effect.Unknown };

    private DriverError Classify(int status, ErrorDetail detail, bool mutation, Redactor redactor)
    {
        var row = Rows.FirstOrDefault(r => Matches(r, status, detail));
        var code = row?.Code ?? DefaultCode(status);
        return new DriverError
        {
            Code = code,
            Effect = row?.Effect ?? DefaultEffect(status, mutation),
            Scope = row?.Scope ?? DefaultScope(code),
            Message = redactor.Redact(Sentence(status, detail)),
            PlatformCode = MatchedCode(row, detail) is { Length: > 0 } c ? redactor.Redact(c) : null,
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
        && (row.PlatformCode is null || detail.Codes.Contains(row.PlatformCode))
        && (row.PlatformCodes.IsEmpty || detail.Codes.Any(code => row.PlatformCodes.Any(p => Glob(p, code))))
        && (row.MessageContains is null || (detail.Message ?? "").Contains(row.MessageContains, StringComparison.OrdinalIgnoreCase));

    // The code that decided says more to an operator than the first of several.
    private static string? MatchedCode(ErrorRow? row, ErrorDetail detail) =>
        row is null ? detail.Code
        : row.PlatformCode ?? (row.PlatformCodes.IsEmpty ? detail.Code : detail.Codes.First(code => row.PlatformCodes.Any(p => Glob(p, code))));

    internal static bool Glob(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        var star = pattern.IndexOf('*');
        if (star < 0)
            return pattern.SequenceEqual(text);
        if (!text.StartsWith(pattern[..star], StringComparison.Ordinal))
            return false;
        pattern = pattern[(star + 1)..];
        text = text[star..];
        while ((star = pattern.IndexOf('*')) >= 0)
        {
            var at = text.IndexOf(pattern[..star], StringComparison.Ordinal);
            if (at < 0)
                return false;
            text = text[(at + star)..];
            pattern = pattern[(star + 1)..];
        }

        return text.EndsWith(pattern, StringComparison.Ordinal);
    }

    private static string Sentence(int status, ErrorDetail detail)
    {
        var words = detail.Message is { Length: > 0 } message ? message : detail.Code is { Length: > 0 } code ? code : "no reason given";
        return status == 0 ? $"The platform reports: {words}" : $"The platform answered {status}: {words}";
    }
}
