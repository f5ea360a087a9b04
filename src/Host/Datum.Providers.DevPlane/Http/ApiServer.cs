using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.DevPlane;

/// <summary>Authentication, routing and the documents that aren't resources.</summary>
internal sealed partial class ApiServer(ApiHandler handler, KindRegistry registry, PlaneCounters counters, IPlaneAuthority authority, ILogger logger)
{
    private readonly Discovery discovery = new(registry);
    private readonly OpenApi openApi = new(registry);

    /// <summary>Asked before a permitted request to a resource is answered; true where it has answered it itself.</summary>
    public Func<HttpContext, ApiRequest, Task<bool>>? Intercept { get; init; }

    public Task HandleAsync(HttpContext context) => GuardAsync(context, RouteAsync);

    /// <summary>Runs a route and turns whatever it throws into an answer.</summary>
    public async Task GuardAsync(HttpContext context, Func<HttpContext, Task> route)
    {
        try
        {
            await route(context);
        }
        catch (ApiError e)
        {
            if (context.Response.HasStarted) context.Abort();
            else await RefuseAsync(context, e);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is left to read an answer.
            return;
        }
        catch (Exception e)
        {
            RequestFailed(logger, context.Request.Method, context.Request.Path.Value ?? "", e);
            if (context.Response.HasStarted) context.Abort();
            else await RefuseAsync(context, ApiError.Internal(e.GetType().Name));
        }
    }

    private static readonly byte[] LineEnd = [(byte)'\n'];

    /// <summary>Answers with JSON, ended by a line end as Go's encoder ends it.</summary>
    public static async Task WriteAsync(HttpContext context, int code, byte[] json, string caching = "no-cache, private")
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = Negotiation.Json;
        context.Response.ContentLength = json.Length + 1;
        context.Response.Headers.CacheControl = caching;
        if (HttpMethods.IsHead(context.Request.Method)) return;
        await context.Response.Body.WriteAsync(json, context.RequestAborted);
        await context.Response.Body.WriteAsync(LineEnd, context.RequestAborted);
    }

    public static Task NotServedAsync(HttpContext context)
    {
        context.Response.StatusCode = 404;
        return TextAsync(context, "404 page not found\n");
    }

    public async Task RouteAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "/";
        if (path is "/healthz" or "/livez" or "/readyz" || path.StartsWith("/readyz/", StringComparison.Ordinal) || path.StartsWith("/livez/", StringComparison.Ordinal))
        {
            await TextAsync(context, "ok");
            return;
        }

        var request = ApiRequest.Parse(path, registry);
        Authorize(context, request, path);
        if (request is not null)
        {
            if (context.WebSockets.IsWebSocketRequest || context.Request.Headers.ContainsKey("Upgrade")) throw ApiError.BadRequest("this plane upgrades no connections");
            if (Intercept is null || !await Intercept(context, request)) await handler.HandleAsync(context, request);
            return;
        }

        if (Document(context, path) is not { } document)
        {
            await UnknownAsync(context, path);
            return;
        }

        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            throw ApiError.MethodNotAllowed("the server does not allow this method on the requested resource");
        }

        if (OpenApiProtobuf.IsWanted(path, context.Request.Headers.Accept.ToString()))
        {
            context.Response.ContentType = OpenApiProtobuf.MediaType;
            await context.Response.Body.WriteAsync(OpenApiProtobuf.Document, context.RequestAborted);
            return;
        }

        Negotiation.Choose(context.Request.Headers.Accept.ToString());
        await WriteAsync(context, 200, JsonText.Write(document));
    }

    /// <summary>Below a group of definitions the real server's answer is plain text, below its own groups a Status, elsewhere the list of paths.</summary>
    private async Task UnknownAsync(HttpContext context, string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var own = parts is ["api", ..] or ["version", ..] || (parts is ["apis", var group, _, _, ..] && registry.All.Any(k => k.BuiltIn && k.Group == group));
        if (own) throw ApiError.NoResource();
        if (parts is ["apis", ..]) await NotServedAsync(context);
        else await WriteAsync(context, 404, JsonText.Write(Paths()));
    }

    private JsonObject? Document(HttpContext context, string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts switch
        {
            [] => Paths(),
            ["version"] when !path.EndsWith('/') => Version(),
            ["api"] => Discovery.Core(context.Request.Host.Value ?? ""),
            ["api", var version] => discovery.Resources("", version),
            ["apis"] => discovery.Groups(),
            ["apis", var group] => discovery.Group(group),
            ["apis", var group, var version] => discovery.Resources(group, version),
            ["openapi", "v2"] => openApi.DocumentV2(),
            ["openapi", "v3"] => openApi.Index(context.Request.PathBase.Value ?? ""),
            ["openapi", "v3", "api", var version] => openApi.Document("", version),
            ["openapi", "v3", "apis", var group, var version] => openApi.Document(group, version),
            ["datum", "counters"] => counters.ToJson(),
            _ => null,
        };
    }

    private JsonObject Paths()
    {
        var paths = new List<string> { "/api", "/api/v1", "/apis", "/datum/counters", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version" };
        foreach (var kind in registry.All.Where(k => k.Group.Length > 0))
        {
            paths.Add("/apis/" + kind.Group);
            paths.AddRange(kind.Versions.Where(v => v.Served).Select(v => $"/apis/{kind.Group}/{v.Name}"));
        }

        return new JsonObject { ["paths"] = new JsonArray([.. paths.Distinct().Order(StringComparer.Ordinal).Select(p => (JsonNode)p)]) };
    }

    private static JsonObject Version() => new()
    {
        ["major"] = "1",
        ["minor"] = "32",
        ["gitVersion"] = "v1.32.0+datum-dev",
        ["gitCommit"] = "",
        ["gitTreeState"] = "clean",
        ["buildDate"] = "1970-01-01T00:00:00Z",
        ["goVersion"] = "",
        ["compiler"] = "dotnet",
        ["platform"] = "linux/amd64",
    };

    private void Authorize(HttpContext context, ApiRequest? request, string path)
    {
        var caller = authority.Identify(context) ?? throw ApiError.Unauthorized();
        var reads = HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);
        if (caller.Access == PlaneAccess.Write || (caller.Access == PlaneAccess.Read && reads)) return;
        throw Denied(caller.User, context.Request.Method, request, path);
    }

    public static ApiError Denied(string user, string method, ApiRequest? request, string path)
    {
        var one = request?.Name.Length > 0;
        var verb = method switch
        {
            "GET" or "HEAD" => request is null || one ? "get" : "list",
            "POST" => request is null ? "post" : "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => one || request is null ? "delete" : "deletecollection",
            _ => method.ToLowerInvariant(),
        };
        if (request is null) return ApiError.Denied($"forbidden: User \"{user}\" cannot {verb} path \"{path}\"", "", "");
        var (group, plural) = (request.Kind.Group, request.Kind.Plural);
        var about = group.Length == 0 ? plural : plural + "." + group;
        var name = one ? $" {JsonText.Quote(request.Name)}" : "";
        var where = request.Namespace.Length > 0 ? $"in the namespace \"{request.Namespace}\"" : "at the cluster scope";
        return ApiError.Denied($"{about}{name} is forbidden: User \"{user}\" cannot {verb} resource \"{plural}\" in API group \"{group}\" {where}", group, plural);
    }

    private static async Task TextAsync(HttpContext context, string text)
    {
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        await context.Response.WriteAsync(text, context.RequestAborted);
    }

    private static async Task RefuseAsync(HttpContext context, ApiError error)
    {
        if (error.RetryAfter is { } seconds) context.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        await WriteAsync(context, error.Code, JsonText.Write(error.ToStatus()));
    }

    [LoggerMessage(10, LogLevel.Error, "The request {Method} {Path} failed inside the plane.")]
    private static partial void RequestFailed(ILogger logger, string method, string path, Exception exception);
}
