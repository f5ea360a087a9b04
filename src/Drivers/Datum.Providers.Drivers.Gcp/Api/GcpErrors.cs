namespace Datum.Providers.Drivers.Gcp.Api;

/// <summary>
/// What Google's answers mean. Codes come in two spellings: reasons of a refusal (<c>quotaExceeded</c>) and codes inside an operation
/// (<c>QUOTA_EXCEEDED</c>); other services than Compute have statuses (<c>RESOURCE_EXHAUSTED</c>).
/// </summary>
internal static class GcpErrors
{
    /// <summary>Every row; each has a test.</summary>
    public static ImmutableArray<ErrorRow> Rows { get; } =
    [
        // Before quota: a quota message can hide a stockout.
        new() { PlatformCodes = ["ZONE_RESOURCE_POOL_EXHAUSTED*", "RESOURCE_POOL_EXHAUSTED*", "STOCKOUT*", "resource_availability*"], Code = ErrorCode.CapacityUnavailable, Effect = Effect.NotApplied, Scope = ErrorScope.Zone },
        new() { MessageContains = "does not have enough resources available", Code = ErrorCode.CapacityUnavailable, Effect = Effect.NotApplied, Scope = ErrorScope.Zone },
        new() { MessageContains = "does not exist in zone", Code = ErrorCode.CapacityUnavailable, Effect = Effect.NotApplied, Scope = ErrorScope.Zone },
        new() { PlatformCodes = ["IP_SPACE_EXHAUSTED*"], Code = ErrorCode.CapacityUnavailable, Effect = Effect.NotApplied, Scope = ErrorScope.Zone },
        new() { PlatformCodes = ["rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED", "RESOURCE_OPERATION_RATE_EXCEEDED", "CONCURRENT_OPERATIONS_QUOTA_EXCEEDED"], Code = ErrorCode.Throttled, Effect = Effect.NotApplied },
        new() { PlatformCode = "RESOURCE_EXHAUSTED", MessageContains = "per minute", Code = ErrorCode.Throttled, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["quotaExceeded", "*QUOTA*", "limitExceeded", "LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"], Code = ErrorCode.QuotaExceeded, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["alreadyExists", "RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"], Code = ErrorCode.Conflict, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["resourceInUseByAnotherResource", "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", "resourceInUse", "RESOURCE_IN_USE"], Code = ErrorCode.Conflict, Effect = Effect.NotApplied },
        new() { MessageContains = "protected against deletion", Code = ErrorCode.Conflict, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["conditionNotMet", "CONDITION_NOT_MET", "FAILED_PRECONDITION", "ABORTED"], Code = ErrorCode.PreconditionFailed, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["resourceNotReady", "RESOURCE_NOT_READY"], Code = ErrorCode.NotReadyYet, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["notFound", "RESOURCE_NOT_FOUND", "NOT_FOUND", "SERVICE_ACCOUNT_NOT_FOUND"], Code = ErrorCode.NotReadyYet, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["forbidden", "insufficientPermissions", "accessNotConfigured", "PERMISSION_DENIED", "PERMISSIONS_ERROR", "SERVICE_DISABLED", "SERVICE_ACCOUNT_ACCESS_DENIED", "IAM_PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"], Code = ErrorCode.Forbidden, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["authError", "UNAUTHENTICATED"], Code = ErrorCode.Unauthenticated, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["UNSUPPORTED_OPERATION", "notImplemented"], Code = ErrorCode.Unsupported, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["backendError", "internalError", "INTERNAL_ERROR", "INTERNAL", "SERVICE_UNAVAILABLE", "UNAVAILABLE"], Code = ErrorCode.Unavailable },
        new() { PlatformCodes = ["invalid*", "required", "badRequest", "parseError", "fieldValue*", "INVALID_*"], Code = ErrorCode.Invalid, Effect = Effect.NotApplied },
    ];

    /// <summary>The table of one session.</summary>
    public static ErrorTable Table(Redactor redactor, bool requestIds = true) => new()
    {
        Rows = Rows,
        Redactor = redactor,
        Detail = Detail,
        RequestIdHeaders = requestIds ? ["x-goog-request-id", "x-request-id"] : [],
    };

    /// <summary>Google's error bodies, and what holds a resource: it stands in the message alone.</summary>
    public static ErrorDetail Detail(RestResult result)
    {
        var detail = ErrorDetail.Read(result);
        return detail with { BlockedBy = Holders(detail.Message) };
    }

    /// <summary>The second path of "The network resource 'X' is already being used by 'Y'", or the protection that a person has put on.</summary>
    public static ImmutableArray<string> Holders(string? message)
    {
        if (message?.Contains("protected against deletion", StringComparison.Ordinal) == true)
            return ["deletion protection"];
        const string marker = "already being used by '";
        var at = message?.IndexOf(marker, StringComparison.Ordinal) ?? -1;
        if (at < 0)
            return [];
        var rest = message![(at + marker.Length)..];
        var end = rest.IndexOf('\'', StringComparison.Ordinal);
        return end > 0 ? [rest[..end]] : [];
    }

    public static DriverError Refused(ErrorCode code, string message, Effect effect = Effect.NotApplied) =>
        new() { Code = code, Effect = effect, Scope = ErrorScope.Resource, Message = message };

    public static DriverError NotOurs(string path) => Refused(ErrorCode.Conflict, $"{path} doesn't carry this resource's mark; it is left alone.") with { BlockedBy = [path] };

    public static DriverError NoSuchStep(Step step) => Refused(ErrorCode.PreconditionFailed, $"This resource has no step {step.Verb} {step.Part}; look again.");

    public static DriverError NotOurCursor() => Refused(ErrorCode.PreconditionFailed, "The cursor isn't one of this listing; begin again.");
}
