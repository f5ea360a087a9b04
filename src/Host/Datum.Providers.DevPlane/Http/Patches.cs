using System.Text.Json;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>Reads a patch body by its media type.</summary>
internal static class Patches
{
    public static Func<JsonObject, JsonObject> Read(string mediaType, byte[] body, ResourceKind kind)
    {
        switch (mediaType)
        {
            case Negotiation.MergePatchType:
                var merge = Object(body);
                return target => MergePatch.Apply(target, merge);
            case Negotiation.JsonPatchType:
                var operations = Parse(body);
                return target => JsonPatch.Apply(target, operations);
            case Negotiation.StrategicType when kind.BuiltIn && kind.Resource != BuiltInKinds.Definitions:
                var strategic = Object(body);
                CheckPlain(strategic);
                return target => MergePatch.Apply(target, strategic);
            case "application/apply-patch+yaml" or "application/apply-patch+cbor":
                throw ApiError.Unsupported("server-side apply is not supported by this plane - accepted media types include: application/json-patch+json, application/merge-patch+json");
            default:
                throw ApiError.Unsupported("the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json");
        }
    }

    /// <summary>For maps and plain values a strategic merge is a merge; lists and directives need the strategies, which aren't built.</summary>
    private static void CheckPlain(JsonObject patch)
    {
        foreach (var (key, value) in patch)
        {
            if (key.StartsWith('$') || value is JsonArray)
            {
                throw ApiError.Unsupported(
                    $"strategic merge patch with a list or a directive ({key}) is not supported by this plane - accepted media types include: application/json-patch+json, application/merge-patch+json");
            }

            if (value is JsonObject child) CheckPlain(child);
        }
    }

    private static JsonNode? Parse(byte[] body)
    {
        try
        {
            return JsonText.Parse(body);
        }
        catch (JsonException e)
        {
            throw ApiError.BadRequest("error decoding patch: " + e.Message);
        }
    }

    private static JsonObject Object(byte[] body)
    {
        var parsed = Parse(body);
        return parsed as JsonObject
            ?? throw ApiError.BadRequest($"error decoding patch: json: cannot unmarshal {JsonText.TypeName(parsed) switch { "integer" => "number", var t => t }} into Go value of type map[string]interface {{}}");
    }
}
