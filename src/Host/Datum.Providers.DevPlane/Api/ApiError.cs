using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>A refusal, carried to the client as a Kubernetes Status object.</summary>
internal sealed class ApiError : Exception
{
    private ApiError(int code, string reason, string message, JsonObject? details = null, int? retryAfter = null)
        : base(message)
    {
        (Code, Reason, Details, RetryAfter) = (code, reason, details, retryAfter);
    }

    public int Code { get; }
    public string Reason { get; }
    public JsonObject? Details { get; }
    public int? RetryAfter { get; }
    public string? Continue { get; private init; }

    public JsonObject ToStatus()
    {
        var status = new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = Continue is null ? new JsonObject() : new JsonObject { ["continue"] = Continue },
            ["status"] = "Failure",
            ["message"] = Message,
        };
        if (Reason.Length > 0) status["reason"] = Reason;
        if (Details is not null) status["details"] = Details.DeepClone();
        status["code"] = Code;
        return status;
    }

    public static ApiError NotFound(string group, string resource, string name) =>
        new(404, "NotFound", $"{Qualified(resource, group)} {Quote(name)} not found", About(name, group, resource));

    /// <summary>The path of a built-in group names nothing that is served.</summary>
    public static ApiError NoResource() => new(404, "NotFound", "the server could not find the requested resource", new JsonObject());

    public static ApiError AlreadyExists(string group, string resource, string name) =>
        new(409, "AlreadyExists", $"{Qualified(resource, group)} {Quote(name)} already exists", About(name, group, resource));

    public static ApiError Conflict(string group, string resource, string name, string why) =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {Qualified(resource, group)} {Quote(name)}: {why}", About(name, group, resource));

    public static ApiError Stale(string group, string resource, string name) =>
        Conflict(group, resource, name, "the object has been modified; please apply your changes to the latest version and try again");

    public static ApiError Forbidden(string group, string resource, string name, string why, JsonArray? causes = null)
    {
        var details = About(name, group, resource);
        if (causes is not null) details["causes"] = causes;
        return new(403, "Forbidden", $"{Qualified(resource, group)} {Quote(name)} is forbidden: {why}", details);
    }

    public static ApiError Denied(string message, string group, string resource)
    {
        var details = new JsonObject();
        if (group.Length > 0) details["group"] = group;
        if (resource.Length > 0) details["kind"] = resource;
        return new(403, "Forbidden", message, details);
    }

    public static ApiError Unauthorized() => new(401, "Unauthorized", "Unauthorized");

    public static ApiError BadRequest(string message) => new(400, "BadRequest", message);

    public static ApiError MethodNotAllowed(string message) => new(405, "MethodNotAllowed", message);

    /// <summary>A verb that a custom resource or its subresource doesn't have.</summary>
    public static ApiError NotSupported(string verb, string group, string resource) =>
        new(405, "MethodNotAllowed", $"{verb} is not supported on resources of kind {Quote(Qualified(resource, group))}", About("", group, resource));

    public static ApiError Unsupported(string message) => new(415, "UnsupportedMediaType", message);

    public static ApiError NotAcceptable(string message) => new(406, "NotAcceptable", message);

    public static ApiError TooLarge(string message) => new(413, "RequestEntityTooLarge", message);

    public static ApiError Gone(string message) => new(410, "Expired", message);

    /// <summary>An expired continue token; the new one goes on from the same key in the present state.</summary>
    public static ApiError GoneWithContinue(string token) => new(
        410,
        "Expired",
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.")
    {
        Continue = token,
    };

    public static ApiError NotReady(string message) => new(503, "ServiceUnavailable", message, retryAfter: 1);

    public static ApiError Internal(string message) =>
        new(500, "InternalError", "Internal error occurred: " + message, new JsonObject { ["causes"] = new JsonArray(new JsonObject { ["message"] = message }) });

    /// <summary>An error without a reason: the real server answers so where a plain Go error reaches its writer.</summary>
    public static ApiError Plain(string message) => new(500, "", message);

    public static ApiError TooLargeVersion(ulong asked, ulong current) => new(
        504,
        "Timeout",
        $"Timeout: Too large resource version: {asked}, current: {current}",
        new JsonObject
        {
            ["causes"] = new JsonArray(new JsonObject { ["reason"] = "ResourceVersionTooLarge", ["message"] = "Too large resource version" }),
            ["retryAfterSeconds"] = 1,
        },
        retryAfter: 1);

    /// <summary>A JSON patch that doesn't fit the object: the real server hides what went wrong.</summary>
    public static ApiError RejectedPatch() =>
        new(422, "Invalid", "the server rejected our request due to an error in our request", new JsonObject());

    public static ApiError Invalid(string group, string kind, string name, IReadOnlyList<FieldError> errors)
    {
        var details = new JsonObject();
        if (name.Length > 0) details["name"] = name;
        if (group.Length > 0) details["group"] = group;
        if (kind.Length > 0) details["kind"] = kind;
        var causes = new JsonArray();
        foreach (var error in errors)
        {
            causes.Add(new JsonObject { ["reason"] = error.Reason, ["message"] = error.Message, ["field"] = error.Field });
        }

        details["causes"] = causes;
        // The aggregate drops repeated sentences, the causes keep them.
        var texts = errors.Select(e => e.ToString()).Distinct(StringComparer.Ordinal).ToArray();
        var text = texts.Length == 1 ? texts[0] : "[" + string.Join(", ", texts) + "]";
        return new(422, "Invalid", $"{Qualified(kind, group)} {Quote(name)} is invalid: {text}", details);
    }

    private static string Qualified(string resource, string group) => group.Length == 0 ? resource : resource + "." + group;

    private static string Quote(string name) => JsonText.Quote(name);

    private static JsonObject About(string name, string group, string kind)
    {
        var details = new JsonObject();
        if (name.Length > 0) details["name"] = name;
        if (group.Length > 0) details["group"] = group;
        if (kind.Length > 0) details["kind"] = kind;
        return details;
    }
}
