using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Composition;

/// <summary>Members of a write that the server answered well and dropped, as its definition doesn't have them.</summary>
internal static class PrunedWrite
{
    /// <summary>The path of the first one; null when all is there. Only merge patches are compared, and of them what is in spec and status.</summary>
    public static string? Of<T>(Patch patch, ResourceType<T> type, T stored) where T : KubeObject
    {
        if (patch.Body is not JsonObject body || (body["spec"] is null && body["status"] is null))
            return null;
        var has = JsonSerializer.SerializeToNode(stored, type.Json) as JsonObject;
        return Missing(body["spec"], has?["spec"], "spec") ?? Missing(body["status"], has?["status"], "status");
    }

    private static string? Missing(JsonNode? wanted, JsonNode? has, string path)
    {
        switch (wanted)
        {
            // What is empty may be left out, and null takes away.
            case null or JsonObject { Count: 0 } or JsonArray { Count: 0 }:
                return null;
            case JsonObject members:
                // A patch that only takes members away leaves nothing to be compared.
                return members.All(m => m.Value is null) ? null
                    : has is not JsonObject found ? path
                    : members.Select(m => Missing(m.Value, found[m.Key], $"{path}.{m.Key}")).FirstOrDefault(p => p is not null);
            case JsonArray list:
                return has is not JsonArray items ? path
                    : items.Count != list.Count ? null
                    : list.Select((w, i) => Missing(w, items[i], $"{path}[]")).FirstOrDefault(p => p is not null);
            default:
                // The serializer leaves out what is a type's default.
                return has is null && wanted.GetValueKind() is not (JsonValueKind.False or JsonValueKind.Null) && wanted.ToJsonString() is not ("0" or "\"\"") ? path : null;
        }
    }
}
