using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Datum.Providers.DevPlane;

internal sealed partial class ApiHandler
{
    private async Task ScaleAsync(HttpContext context, ApiRequest request, string verb, string optionsKind)
    {
        var paths = request.Version.Scale!;
        if (verb == "get")
        {
            var found = store.Get(request.Kind.Resource, StoredObject.KeyOf(request.Namespace, request.Name))
                ?? throw ApiError.NotFound(request.Kind.Group, request.Kind.Plural, request.Name);
            await ApiServer.WriteAsync(context, 200, JsonText.Write(paths.OfComplete(found.Parse())));
            return;
        }

        var write = context.Write(optionsKind);
        List<string> findings = [];
        Func<JsonObject, JsonObject> apply;
        if (verb == "update")
        {
            var (body, duplicates) = await ReadObjectAsync(context, request.Kind);
            findings.AddRange(duplicates.Select(d => $"duplicate field \"{d}\""));
            apply = _ => (JsonObject)body.DeepClone();
        }
        else
        {
            apply = Patches.Read(Negotiation.MediaType(context.Request.ContentType), await ReadBodyAsync(context), request.Kind);
        }

        List<string> unknown = [];
        var changed = await objects.PatchAsync(request.Kind, request.Version, request.Namespace, request.Name, status: false, target =>
        {
            unknown = [.. findings, .. paths.Apply(apply(paths.Of(target)), target).Select(u => $"unknown field \"{u}\"")];
            if (write.FieldValidation == "Strict" && unknown.Count > 0) throw ApiError.BadRequest($"Scale in version \"v1\" cannot be handled as a Scale: strict decoding error: {string.Join(", ", unknown)}");
            return target;
        }, write);
        if (write.FieldValidation != "Ignore") Warn(context, unknown);
        await ApiServer.WriteAsync(context, 200, JsonText.Write(paths.Of(changed)));
    }
}
