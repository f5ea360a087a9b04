using System.Text.Json;

namespace Datum.Providers.Drivers.Proxmox.Api;

/// <summary>
/// What the platform's answers mean. There are no machine codes: nearly everything is 500 with its text in the reason phrase, a failed task
/// has the same text as its exit status, and parameters that don't verify have theirs in <c>errors</c>. So rows go by text; the order matters.
/// </summary>
internal static class PveErrors
{
    /// <summary>Every row; each has a test.</summary>
    public static ImmutableArray<ErrorRow> Rows { get; } =
    [
        // pveproxy couldn't reach the node that the request is for: nothing was asked. 596 and 599 may have broken later.
        new() { Status = 595, Code = ErrorCode.Unavailable, Effect = Effect.NotApplied, Scope = ErrorScope.Zone },
        new() { Status = 596, Code = ErrorCode.Unavailable, Scope = ErrorScope.Zone },
        new() { Status = 401, Code = ErrorCode.Unauthenticated, Effect = Effect.NotApplied, Scope = ErrorScope.Account },
        new() { Status = 403, Code = ErrorCode.Forbidden, Effect = Effect.NotApplied },
        Text("can't lock file", ErrorCode.NotReadyYet),
        Text("is locked (", ErrorCode.NotReadyYet),
        Text("no quorum", ErrorCode.Unavailable, ErrorScope.Account),
        // A node that was taken out of the cluster.
        Text("hostname lookup", ErrorCode.Unavailable, ErrorScope.Zone),
        Text("Permission check failed", ErrorCode.Forbidden),
        Text("user name and password", ErrorCode.Unauthenticated, ErrorScope.Account),
        Text("authentication failure", ErrorCode.Unauthenticated, ErrorScope.Account),
        Text("Disk quota exceeded", ErrorCode.QuotaExceeded),
        Text("not enough space", ErrorCode.CapacityUnavailable, ErrorScope.Zone),
        Text("no space left", ErrorCode.CapacityUnavailable, ErrorScope.Zone),
        Text("insufficient free space", ErrorCode.CapacityUnavailable, ErrorScope.Zone),
        Text("out of space", ErrorCode.CapacityUnavailable, ErrorScope.Zone),
        Text("Cannot allocate memory", ErrorCode.CapacityUnavailable, ErrorScope.Zone),
        Text("not enough memory", ErrorCode.CapacityUnavailable, ErrorScope.Zone),
        Text("no online node", ErrorCode.CapacityUnavailable, ErrorScope.Zone),
        Text("detected modified configuration", ErrorCode.PreconditionFailed),
        // Release 9: somebody has locked all networks, or took the lock away from us.
        Text("invalid lock token", ErrorCode.Conflict),
        Text("already exist", ErrorCode.Conflict),
        Text("refusing to override", ErrorCode.Conflict),
        Text("already defined", ErrorCode.Conflict),
        Text("already running", ErrorCode.PreconditionFailed),
        Text("overlap", ErrorCode.Conflict),
        Text("protection mode", ErrorCode.Conflict),
        Text("not empty", ErrorCode.Conflict),
        Text("still in use", ErrorCode.Conflict),
        Text("guest agent", ErrorCode.NotReadyYet),
        Text("is running - destroy failed", ErrorCode.PreconditionFailed),
        Text("not running", ErrorCode.PreconditionFailed),
        Text("shrinking disks", ErrorCode.Unsupported),
        Text("Method not implemented", ErrorCode.Unsupported),
        Text("Method '", ErrorCode.Unsupported),
        Text("does not exist", ErrorCode.NotReadyYet),
        Text("no such", ErrorCode.NotReadyYet),
        Text("Parameter verification failed", ErrorCode.Invalid),
        Text("invalid format", ErrorCode.Invalid),
        // What may have begun before it was said.
        new() { MessageContains = "got no worker upid", Code = ErrorCode.Unavailable },
        new() { MessageContains = "got timeout", Code = ErrorCode.Unavailable },
        new() { MessageContains = "connection timed out", Code = ErrorCode.Unavailable },
    ];

    public static ErrorTable Table(Redactor redactor) => new() { Rows = Rows, Redactor = redactor, Detail = Detail, RequestIdHeaders = [] };

    /// <summary>Reason phrase and, where parameters don't verify, what is wrong with each.</summary>
    public static ErrorDetail Detail(RestResult result)
    {
        string? words = null;
        var wrong = new List<string>();
        try
        {
            using var json = JsonDocument.Parse(result.Body.IsEmpty ? "{}"u8.ToArray() : result.Body);
            if (json.RootElement.ValueKind == JsonValueKind.Object)
            {
                words = JsonText.Find(json.RootElement, "message")?.Trim();
                if (json.RootElement.TryGetProperty("errors", out var errors) && errors.ValueKind == JsonValueKind.Object)
                    wrong.AddRange(errors.EnumerateObject().Select(e => $"{e.Name}: {PveObject.Text(e.Value)?.Trim()}"));
            }
        }
        catch (JsonException)
        {
            // The phrase says it.
        }

        // Newer releases repeat the phrase in the body, without what HTTP can't carry in it.
        var phrase = result.ReasonPhrase is { Length: > 0 } reason ? reason.Trim() : words;
        return new ErrorDetail { Message = wrong.Count == 0 ? phrase : $"{phrase} ({string.Join("; ", wrong)})" };
    }

    public static DriverError Refused(ErrorCode code, string message, Effect effect = Effect.NotApplied) =>
        new() { Code = code, Effect = effect, Scope = ErrorScope.Resource, Message = message };

    public static DriverError NotOurs(string id) => Refused(ErrorCode.Conflict, $"{id} doesn't carry this resource's mark; it is left alone.") with { BlockedBy = [id] };

    public static DriverError NoSuchStep(Step step) => Refused(ErrorCode.PreconditionFailed, $"This resource has no step {step.Verb} {step.Part}; look again.");

    public static DriverError NotOurCursor() => Refused(ErrorCode.PreconditionFailed, "The cursor isn't one of this listing; begin again.");

    public static DriverError Several(IEnumerable<string> ids) =>
        Refused(ErrorCode.Conflict, $"Several objects answer to this resource: {string.Join(", ", ids)}; none is changed.") with { BlockedBy = [.. ids] };

    private static ErrorRow Text(string text, ErrorCode code, ErrorScope? scope = null) => new() { MessageContains = text, Code = code, Effect = Effect.NotApplied, Scope = scope };
}
