using System.Globalization;

namespace Datum.Providers.Clouds.Gcp;

/// <summary>
/// A double of Google Compute Engine (REST v1), Secret Manager and the token services, all at one address: one project, state in memory,
/// operations that take time by the clock that it is given. With <see cref="Description"/> every request and answer is held to Google's own
/// discovery documents.
/// </summary>
public sealed partial class GcpCloud : ICloud
{
    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly SortedDictionary<string, Item> _items = new(StringComparer.Ordinal);
    private readonly List<(Item Item, DateTimeOffset Until)> _ghosts = [];
    private readonly List<GcpCall> _calls = [];
    private readonly List<string> _violations = [];
    private readonly HashSet<string> _permissions = [];
    private long _ids = 4_000_000_000_000;

    /// <summary>An empty project.</summary>
    public GcpCloud(TimeProvider time, GcpKnobs? knobs = null)
    {
        _time = time;
        Knobs = knobs ?? new GcpKnobs();
    }

    /// <summary>What sort of day it has; may be exchanged at any time.</summary>
    public GcpKnobs Knobs { get; set; }

    /// <summary>The project's id.</summary>
    public string ProjectId { get; init; } = "demo-project";

    /// <summary>The project's number; another one is another account.</summary>
    public long ProjectNumber { get; set; } = 100_200_300_400;

    /// <summary>Holds requests and answers to the platform's description; null for not at all.</summary>
    public DescriptionChecker? Description { get; init; }

    /// <summary>Whether requests are held to the description too. Default true; others' clients send what Google doesn't look at.</summary>
    public bool HoldsRequests { get; init; } = true;

    /// <summary>Requests and answers that the description doesn't allow.</summary>
    public IReadOnlyList<string> Violations { get { lock (_gate) return [.. _violations]; } }

    /// <summary>Every request so far.</summary>
    public IReadOnlyList<GcpCall> Calls { get { lock (_gate) return [.. _calls]; } }

    private DateTimeOffset Now => _time.GetUtcNow() + Knobs.Skew;

    /// <inheritdoc/>
    public CloudResponse Handle(CloudRequest request)
    {
        lock (_gate)
        {
            Settle();
            CloudResponse answer;
            try
            {
                // What the platform would refuse as unknown is refused here too, so that a client can't send what only the double takes.
                var wrong = Description?.CheckRequest(request) ?? [];
                if (wrong.Length > 0 && HoldsRequests)
                {
                    _violations.AddRange(wrong);
                    throw new GcpError(400, "invalid", "Invalid JSON payload or parameter: " + string.Join("; ", wrong));
                }

                answer = Route(request);
            }
            catch (GcpError e)
            {
                answer = Refusal(request, e);
            }
            catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or KeyNotFoundException)
            {
                answer = Refusal(request, new GcpError(400, "parseError", "The request can't be read: " + e.Message));
            }

            if (!answer.Headers.Any(h => h.Key == "Date"))
                answer = answer with { Headers = [.. answer.Headers, new("Date", Now.ToString("R", CultureInfo.InvariantCulture))] };
            if (answer.Status < 300 && Description?.CheckAnswer(request, answer) is { Length: > 0 } faults)
                _violations.AddRange(faults);
            _calls.Add(new GcpCall(_time.GetUtcNow(), request.Method, request.Path, Description?.MethodOf(request) ?? "", answer.Status));
            return answer;
        }
    }

    private CloudResponse Route(CloudRequest request)
    {
        var path = request.Path;
        if (TokenRoute(request) is { } token)
            return token;
        if (Knobs.Throttled is not null)
            throw new GcpError(403, "rateLimitExceeded", "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service 'compute.googleapis.com'.");
        CheckToken(request);
        const string compute = "/compute/v1/projects/";
        const string secrets = "/v1/projects/";
        if (path.StartsWith(compute, StringComparison.Ordinal))
        {
            var segments = Segments(path[compute.Length..]);
            if (segments[0] != ProjectId && segments[0] != ProjectNumber.ToString(CultureInfo.InvariantCulture))
                return PublicRoute(request, segments);
            return ComputeRoute(request, segments[1..]);
        }

        if (path.StartsWith(secrets, StringComparison.Ordinal) && Segments(path[secrets.Length..]) is [var project, .. var rest])
        {
            if (project != ProjectId && project != ProjectNumber.ToString(CultureInfo.InvariantCulture))
                throw new GcpError(403, "PERMISSION_DENIED", $"Permission denied on resource project {project}.");
            return SecretRoute(request, rest);
        }

        throw new GcpError(404, "notFound", $"Nothing is at {path}.");
    }

    private static string[] Segments(string path) => [.. path.Trim('/').Split('/').Select(Uri.UnescapeDataString)];

    private CloudResponse Refusal(CloudRequest request, GcpError e)
    {
        var error = new JsonObject { ["code"] = e.Status, ["message"] = e.Message };
        if (!request.Path.StartsWith("/compute/", StringComparison.Ordinal))
            error["status"] = e.Reason;
        else
            error["errors"] = new JsonArray(new JsonObject { ["message"] = e.Message, ["domain"] = "global", ["reason"] = e.Reason });
        ImmutableArray<KeyValuePair<string, string>> headers = Knobs.Throttled is { } wait && e.Reason == "rateLimitExceeded"
            ? [new("Retry-After", wait.TotalSeconds.ToString("0", CultureInfo.InvariantCulture))] : [];
        // The token endpoints speak OAuth's own form.
        JsonObject body = e.OAuth ? new JsonObject { ["error"] = e.Reason, ["error_description"] = e.Message } : new JsonObject { ["error"] = error };
        return Json(body, e.Status) with { Headers = [.. headers, new("Date", Now.ToString("R", CultureInfo.InvariantCulture))] };
    }

    private static CloudResponse Json(JsonNode body, int status = 200) => new() { Status = status, Body = JsonSerializer.SerializeToUtf8Bytes(body) };

    private static JsonObject ReadBody(CloudRequest request) =>
        request.Body.IsEmpty ? [] : WithoutNulls(JsonNode.Parse(request.Body.Span)?.AsObject() ?? throw new GcpError(400, "required", "A body is needed."));

    // To Google null is what isn't there.
    private static JsonObject WithoutNulls(JsonObject body)
    {
        foreach (var (name, value) in body.ToList())
        {
            if (value is null)
                body.Remove(name);
            else if (value is JsonObject inner)
                WithoutNulls(inner);
            else if (value is JsonArray list)
                foreach (var item in list.OfType<JsonObject>())
                    WithoutNulls(item);
        }

        return body;
    }

    /// <summary>The permissions that requests needed so far.</summary>
    public ImmutableSortedSet<string> Permissions { get { lock (_gate) return [.. _permissions]; } }

    private void Allow(string permission, string? resource = null)
    {
        _permissions.Add(permission);
        if (Knobs.Denied.Any(d => d == permission || (d.EndsWith('*') && permission.StartsWith(d[..^1], StringComparison.Ordinal))))
            throw new GcpError(403, permission.StartsWith("secretmanager", StringComparison.Ordinal) ? "PERMISSION_DENIED" : "forbidden",
                $"Required '{permission}' permission for '{resource ?? "projects/" + ProjectId}'");
    }

    private string NextId() => (++_ids).ToString(CultureInfo.InvariantCulture);

    private string Stamp() => Now.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'-00:00'", CultureInfo.InvariantCulture);
}

/// <summary>A request that was made.</summary>
/// <param name="At">When.</param>
/// <param name="Method">HTTP method.</param>
/// <param name="Path">Path.</param>
/// <param name="Id">The description's name of the method; empty where none is known.</param>
/// <param name="Status">What was answered.</param>
public sealed record GcpCall(DateTimeOffset At, string Method, string Path, string Id, int Status);

/// <summary>An object of the project.</summary>
internal sealed class Item
{
    /// <summary>Path below the project: <c>zones/z/instances/name</c>.</summary>
    public required string Path { get; init; }

    /// <summary><c>instances</c>.</summary>
    public required string Collection { get; init; }

    /// <summary><c>global</c>, <c>regions/r</c>, <c>zones/z</c>.</summary>
    public required string Scope { get; init; }

    public required JsonObject Body { get; set; }

    public required DateTimeOffset Created { get; init; }

    /// <summary>Lists show it from then on.</summary>
    public DateTimeOffset ListedFrom { get; set; }

    /// <summary>Its insert is under way: it can be neither used nor deleted.</summary>
    public bool Inserting { get; set; }

    /// <summary>Reads don't show it yet.</summary>
    public bool Hidden { get; set; }

    public bool Deleting { get; set; }

    /// <summary>Counts changes.</summary>
    public int Revision { get; set; }

    /// <summary>What an instance's serial port holds.</summary>
    public string Serial { get; set; } = "";

    public DateTimeOffset? BootedAt { get; set; }

    public string Name => Path[(Path.LastIndexOf('/') + 1)..];

    public string? this[string field]
    {
        get => Body[field]?.ToString();
        set => Body[field] = value;
    }
}

/// <summary>A refusal in the platform's words.</summary>
internal sealed class GcpError(int status, string reason, string message) : Exception(message)
{
    public int Status => status;

    public string Reason => reason;

    public bool OAuth { get; init; }
}
