using System.Buffers;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Datum.Providers.DevPlane;

/// <summary>Answers requests to resources.</summary>
internal sealed partial class ApiHandler(ObjectStore store, ObjectService objects, WatchHandler watches, PlaneCounters counters, DevPlaneOptions options)
{
    private const int MaxBody = 3 << 20;

    public async Task HandleAsync(HttpContext context, ApiRequest request)
    {
        var method = context.Request.Method;
        var one = request.Name.Length > 0;
        var (verb, options) = (method, one) switch
        {
            ("GET" or "HEAD", true) => ("get", ""),
            ("GET" or "HEAD", false) => (context.Flag("watch") ? "watch" : "list", ""),
            ("POST", false) => ("create", "CreateOptions"),
            ("PUT", true) => ("update", "UpdateOptions"),
            ("PATCH", true) => ("patch", "PatchOptions"),
            ("DELETE", true) => ("delete", "DeleteOptions"),
            ("DELETE", false) => ("deletecollection", "DeleteOptions"),
            ("PUT" or "PATCH", false) => throw ApiError.BadRequest("name must be provided"),
            _ => throw NoMethod(),
        };
        counters.Increment(verb, request.Kind.Group, request.Kind.Plural);
        if (!request.Scoped && verb is not ("list" or "watch"))
        {
            await ApiServer.NotServedAsync(context);
            return;
        }

        CheckSubresource(request, verb);
        var form = Negotiation.Choose(context.Request.Headers.Accept.ToString());
        if (request.Version.DeprecationWarning is { } old) Warn(context, [old]);
        if (request.Subresource == "scale")
        {
            await ScaleAsync(context, request, verb, options);
            return;
        }

        switch (verb)
        {
            case "get":
                await GetAsync(context, request, form);
                break;
            case "list":
                await ListAsync(context, request, form);
                break;
            case "watch":
                await watches.HandleAsync(context, request, form);
                break;
            case "create":
                await CreateAsync(context, request, form, options);
                break;
            case "update":
                await UpdateAsync(context, request, form, options);
                break;
            case "patch":
                await PatchAsync(context, request, form, options);
                break;
            case "delete":
                await DeleteAsync(context, request, form);
                break;
            default:
                await DeleteCollectionAsync(context, request, form);
                break;
        }
    }

    private static void CheckSubresource(ApiRequest request, string verb)
    {
        if (request.Subresource.Length == 0) return;
        var known = (request.Subresource == "status" && request.Version.HasStatus)
            || (request.Subresource == "scale" && request.Version.Scale is not null)
            || (request.Subresource == "finalize" && request.Kind.Resource == BuiltInKinds.Namespaces);
        if (!known) throw ApiError.NotFound(request.Kind.Group, request.Kind.Plural, request.Name);
        if (request.Subresource == "finalize") throw ApiError.MethodNotAllowed("this plane finalizes namespaces itself");
        if (verb is not ("get" or "update" or "patch")) throw request.Kind.BuiltIn ? NoMethod() : ApiError.NotSupported(verb, request.Kind.Group, request.Kind.Plural);
    }

    private async Task GetAsync(HttpContext context, ApiRequest request, AnswerForm form)
    {
        if (context.Version(watch: false) is { } asked && asked > store.Version) throw ApiError.TooLargeVersion(asked, store.Version);
        var found = store.Get(request.Kind.Resource, StoredObject.KeyOf(request.Namespace, request.Name))
            ?? throw ApiError.NotFound(request.Kind.Group, request.Kind.Plural, request.Name);
        if (form == AnswerForm.Object && request.Version.Storage)
        {
            await ApiServer.WriteAsync(context, 200, found.Json);
            return;
        }

        await AnswerAsync(context, request, form, 200, Parse(request, found));
    }

    private async Task CreateAsync(HttpContext context, ApiRequest request, AnswerForm form, string optionsKind)
    {
        var write = context.Write(optionsKind);
        var (body, duplicates) = await ReadObjectAsync(context, request.Kind);
        var created = await WarnedAsync(context, write, objects.CreateAsync(request.Kind, request.Version, request.Namespace, body, duplicates, write));
        await AnswerAsync(context, request, form, 201, created);
    }

    private async Task UpdateAsync(HttpContext context, ApiRequest request, AnswerForm form, string optionsKind)
    {
        var write = context.Write(optionsKind);
        var (body, duplicates) = await ReadObjectAsync(context, request.Kind);
        var updated = await WarnedAsync(context, write, objects.UpdateAsync(request.Kind, request.Version, request.Namespace, request.Name, request.Subresource == "status", body, duplicates, write));
        await AnswerAsync(context, request, form, 200, updated);
    }

    private async Task PatchAsync(HttpContext context, ApiRequest request, AnswerForm form, string optionsKind)
    {
        var write = context.Write(optionsKind);
        var apply = Patches.Read(Negotiation.MediaType(context.Request.ContentType), await ReadBodyAsync(context), request.Kind);
        var patched = await WarnedAsync(context, write, objects.PatchAsync(request.Kind, request.Version, request.Namespace, request.Name, request.Subresource == "status", apply, write));
        await AnswerAsync(context, request, form, 200, patched);
    }

    private async Task DeleteAsync(HttpContext context, ApiRequest request, AnswerForm form)
    {
        var (remaining, uid) = await objects.DeleteAsync(request.Kind, request.Namespace, request.Name, await ReadDeleteOptionsAsync(context));
        if (remaining is not null)
        {
            await AnswerAsync(context, request, form, 200, remaining);
            return;
        }

        var details = new JsonObject { ["name"] = request.Name };
        if (request.Kind.Group.Length > 0) details["group"] = request.Kind.Group;
        details["kind"] = request.Kind.Plural;
        details["uid"] = uid;
        var status = new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success", ["details"] = details };
        await ApiServer.WriteAsync(context, 200, JsonText.Write(status));
    }

    private async Task DeleteCollectionAsync(HttpContext context, ApiRequest request, AnswerForm form)
    {
        var how = await ReadDeleteOptionsAsync(context);
        var selection = Selection.Parse(request.Kind, request.Version, request.Namespace, context.Text("labelSelector"), context.Text("fieldSelector"));
        var (items, version) = store.Snapshot(request.Kind.Resource);
        var chosen = items.Values.Where(selection.Matches).ToList();
        foreach (var value in chosen)
        {
            try
            {
                await objects.DeleteAsync(request.Kind, value.Namespace, value.Name, how);
            }
            catch (ApiError e) when (e.Code == 404)
            {
                // Someone else deleted it meanwhile: that is what was asked for.
                continue;
            }
        }

        var text = version.ToString(CultureInfo.InvariantCulture);
        await ApiServer.WriteAsync(context, 200, ListBody(request, chosen, text, "", null, form == AnswerForm.Partial));
    }

    private async Task AnswerAsync(HttpContext context, ApiRequest request, AnswerForm form, int code, JsonObject value)
    {
        ObjectService.FromStorage(request.Kind, request.Version, value);
        JsonObject body = form switch
        {
            AnswerForm.Table => Tables.Render(request.Version, [value], IncludeObject(context), options.TimeProvider.GetUtcNow(), JsonText.String(value["metadata"]?["resourceVersion"]) ?? ""),
            AnswerForm.Partial => Tables.Partial(value),
            _ => value,
        };
        await ApiServer.WriteAsync(context, code, JsonText.Write(body));
    }

    private static JsonObject Parse(ApiRequest request, StoredObject stored)
    {
        var value = stored.Parse();
        ObjectService.FromStorage(request.Kind, request.Version, value);
        return value;
    }

    internal static string? IncludeObject(HttpContext context) => context.Text("includeObject") switch
    {
        "" => null,
        "None" or "Object" or "Metadata" => context.Text("includeObject"),
        var other => throw ApiError.BadRequest($"unrecognized includeObject value: {JsonText.Quote(other)}"),
    };

    private static ApiError NoMethod() => ApiError.MethodNotAllowed("the server does not allow this method on the requested resource");

    /// <summary>What was noticed while reading the body is told with a refusal too.</summary>
    private static async Task<JsonObject> WarnedAsync(HttpContext context, WriteContext write, Task<JsonObject> work)
    {
        try
        {
            return await work;
        }
        finally
        {
            Warn(context, write.Warnings);
        }
    }

    private static void Warn(HttpContext context, IEnumerable<string> warnings)
    {
        foreach (var text in warnings) context.Response.Headers.Append("Warning", "299 - " + JsonText.Quote(text));
    }

    private static async Task<DeleteOptions> ReadDeleteOptionsAsync(HttpContext context)
    {
        var body = await ReadBodyAsync(context);
        JsonObject given = [];
        if (body.Length > 0)
        {
            Bodies.CheckType(context.Request.ContentType);
            given = Bodies.Parse(context.Request.ContentType, body, null) as JsonObject ?? throw ApiError.BadRequest("the delete options must be an object");
        }

        var propagation = JsonText.String(given["propagationPolicy"]) ?? context.Text("propagationPolicy");
        if (propagation.Length > 0 && propagation is not ("Foreground" or "Background" or "Orphan"))
        {
            throw ApiError.Invalid("meta.k8s.io", "DeleteOptions", "", [FieldError.NotSupported("propagationPolicy", JsonText.Quote(propagation), ["\"Foreground\"", "\"Background\"", "\"Orphan\"", "\"nil\""])]);
        }

        if (JsonText.Bool(given["orphanDependents"]) == true) propagation = "Orphan";
        var dry = given["dryRun"] is JsonArray { Count: > 0 } many ? many.All(d => JsonText.String(d) == "All") : context.DryRun("DeleteOptions");
        return new DeleteOptions(JsonText.String(given["preconditions"]?["uid"]), JsonText.String(given["preconditions"]?["resourceVersion"]), propagation, dry);
    }

    private static async Task<(JsonObject Body, IReadOnlyList<string> Duplicates)> ReadObjectAsync(HttpContext context, ResourceKind kind)
    {
        Bodies.CheckType(context.Request.ContentType);
        var bytes = await ReadBodyAsync(context);
        return Bodies.ReadObject(context.Request.ContentType, bytes, kind);
    }

    private static async Task<byte[]> ReadBodyAsync(HttpContext context)
    {
        var length = context.Request.ContentLength;
        if (length > MaxBody) throw TooLarge();
        using var stream = new MemoryStream(length is { } known ? (int)known : 1024);
        var buffer = ArrayPool<byte>.Shared.Rent(16384);
        try
        {
            int read;
            while ((read = await context.Request.Body.ReadAsync(buffer, context.RequestAborted)) > 0)
            {
                if (stream.Length + read > MaxBody) throw TooLarge();
                stream.Write(buffer, 0, read);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }

        return stream.ToArray();
    }

    private static ApiError TooLarge() => ApiError.TooLarge($"Request entity too large: limit is {MaxBody}");
}
