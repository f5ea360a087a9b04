using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>JSON merge patch, RFC 7386.</summary>
internal static class MergePatch
{
    public static JsonObject Apply(JsonObject target, JsonObject patch)
    {
        foreach (var (key, value) in patch)
        {
            if (value is null) target.Remove(key);
            else if (value is JsonObject child) target[key] = Apply(Detach(target, key), child);
            else target[key] = value.DeepClone();
        }

        return target;
    }

    private static JsonObject Detach(JsonObject target, string key)
    {
        if (target[key] is not JsonObject present) return [];
        target.Remove(key);
        return present;
    }
}
