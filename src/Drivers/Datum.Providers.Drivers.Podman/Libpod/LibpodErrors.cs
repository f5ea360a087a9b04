using System.Text.Json;

namespace Datum.Providers.Drivers.Podman.Libpod;

/// <summary>
/// What Podman's answers mean: one row for each text, first match wins. Podman says most things with 500, so the text decides.
/// Seen with Podman 4.3.1; the texts are those of libpod/define/errors.go and its libraries.
/// </summary>
internal static class LibpodErrors
{
    public const string NetworkInUse = "network is being used";

    public static ErrorTable Table { get; } = new()
    {
        RequestIdHeaders = ["x-reference-id"],
        Detail = Read,
        Rows =
        [
            Row("network already exists", ErrorCode.Conflict),
            Row("pod already exists", ErrorCode.Conflict),
            Row("volume already exists", ErrorCode.Conflict),
            Row("that name is already in use", ErrorCode.Conflict),
            Row("secret name in use", ErrorCode.Conflict),
            Row(NetworkInUse, ErrorCode.Conflict),
            Row("volume is being used", ErrorCode.Conflict),
            Row("already used on the host or by another config", ErrorCode.Conflict),
            Row("bridge name", ErrorCode.Conflict),
            Row("is already allocated to container", ErrorCode.Conflict),
            Row("address already in use", ErrorCode.Conflict),
            Row("network not found", ErrorCode.NotReadyYet),
            Row("image not known", ErrorCode.NotReadyYet),
            Row("no such secret", ErrorCode.NotReadyYet),
            Row("no such volume", ErrorCode.NotReadyYet),
            Row("no such pod", ErrorCode.PreconditionFailed),
            Row("no such container", ErrorCode.PreconditionFailed),
            Row("attempted to invoke a command that was not found", ErrorCode.Invalid),
            Row("OCI permission denied", ErrorCode.Invalid),
            // A container that is just ending can be neither stopped nor removed for a moment; other parts may be gone already.
            Row("container state improper", ErrorCode.NotReadyYet) with { Effect = Effect.Unknown },
            Row("no space left on device", ErrorCode.CapacityUnavailable) with { Effect = Effect.Unknown },
            Row("cannot allocate memory", ErrorCode.CapacityUnavailable) with { Effect = Effect.Unknown },
        ],
    };

    /// <summary>Rows for the text inside a pull's stream, which says nothing by status.</summary>
    public static ErrorTable Pull { get; } = new()
    {
        Rows =
        [
            Row("toomanyrequests", ErrorCode.Throttled),
            Row("manifest unknown", ErrorCode.Failed),
            Row("name unknown", ErrorCode.Failed),
            Row("repository does not exist", ErrorCode.Failed),
            Row("invalid reference format", ErrorCode.Invalid),
            Row("no image found in", ErrorCode.Failed),
            Row("unauthorized", ErrorCode.Forbidden),
            Row("denied", ErrorCode.Forbidden),
            Row("no space left on device", ErrorCode.CapacityUnavailable),
            Row("connection refused", ErrorCode.Unavailable),
            Row("no such host", ErrorCode.Unavailable),
            Row("i/o timeout", ErrorCode.Unavailable),
            Row("server misbehaving", ErrorCode.Unavailable),
            Row("deadline exceeded", ErrorCode.Unavailable),
        ],
    };

    /// <summary>Whether an answer 404 has Podman's own words: it names cause and message.</summary>
    public static bool SaysNotThere(RestResult result)
    {
        try
        {
            using var document = JsonDocument.Parse(result.Body);
            return document.RootElement.ValueKind == JsonValueKind.Object && Text(document.RootElement, "cause") is not null && Text(document.RootElement, "message") is not null;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Reads <c>{cause, message, response}</c>, and <c>{Errs: […]}</c> of pod verbs.</summary>
    public static ErrorDetail Read(RestResult result)
    {
        try
        {
            using var document = JsonDocument.Parse(result.Body);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                return new ErrorDetail { Message = Cut(result.Text()) };
            if (root.TryGetProperty("Errs", out var errors) && errors.ValueKind == JsonValueKind.Array)
                return new ErrorDetail { Message = Cut(string.Join("; ", errors.EnumerateArray().Select(e => e.ToString()))) };
            return new ErrorDetail
            {
                Code = Text(root, "cause") is { } cause ? Cut(cause) : null,
                Message = Text(root, "message") is { } message ? Cut(message) : null,
            };
        }
        catch (JsonException)
        {
            return new ErrorDetail { Message = Cut(result.Text()) };
        }
    }

    // A refusal that Podman decides on before it changes anything of the object in question.
    private static ErrorRow Row(string text, ErrorCode code) => new() { MessageContains = text, Code = code, Effect = Effect.NotApplied, Scope = ErrorScope.Resource };

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static string Cut(string text) => text.Length <= 600 ? text.Trim() : text[..600];
}
