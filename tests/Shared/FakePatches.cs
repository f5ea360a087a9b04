using System.Globalization;
using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Testing;

/// <summary>Merge patches (RFC 7386) and JSON patches (RFC 6902: add, replace, remove, test).</summary>
internal static class FakePatches
{
    public static JsonObject Apply(JsonObject target, Patch patch)
    {
        var copy = target.DeepClone().AsObject();
        if (patch.Body is JsonObject merge)
            return Merge(copy, merge);
        foreach (var operation in patch.Body.AsArray())
            Operate(copy, operation!.AsObject());
        return copy;
    }

    private static JsonObject Merge(JsonObject target, JsonObject patch)
    {
        foreach (var (name, value) in patch)
        {
            if (value is null)
                target.Remove(name);
            else if (value is JsonObject inner)
                target[name] = Merge(target[name] is JsonObject old ? old.DeepClone().AsObject() : [], inner);
            else
                target[name] = value.DeepClone();
        }

        return target;
    }

    private static void Operate(JsonObject root, JsonObject operation)
    {
        var verb = operation["op"]!.GetValue<string>();
        var path = operation["path"]!.GetValue<string>();
        var parts = path.Split('/').Skip(1).Select(p => p.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)).ToList();
        JsonNode? parent = root;
        foreach (var part in parts.SkipLast(1))
            parent = Child(parent, part);
        var last = parts[^1];
        var value = operation["value"];
        switch (verb)
        {
            case "test":
                if (!JsonNode.DeepEquals(parent is null ? null : Child(parent, last), value))
                    throw new KubernetesException(422, "Invalid", $"the test of {path} failed");
                return;
            case "add" or "replace" or "remove" when parent is null:
                throw new KubernetesException(422, "Invalid", $"there is no {path}");
            case "replace" or "remove" when parent is JsonObject o && !o.ContainsKey(last):
                throw new KubernetesException(422, "Invalid", $"there is no {path}");
            case "remove" when parent is JsonObject o:
                o.Remove(last);
                return;
            case "add" or "replace" when parent is JsonObject o:
                o[last] = value?.DeepClone();
                return;
            case "add" when parent is JsonArray a:
                a.Insert(last == "-" ? a.Count : Index(last), value?.DeepClone());
                return;
            case "replace" when parent is JsonArray a:
                a[Index(last)] = value?.DeepClone();
                return;
            case "remove" when parent is JsonArray a:
                a.RemoveAt(Index(last));
                return;
            default:
                throw new NotSupportedException($"FakePlane has no JSON patch operation {verb} at {path}.");
        }
    }

    private static JsonNode? Child(JsonNode? node, string part) => node switch
    {
        JsonObject o => o[part],
        JsonArray a when Index(part) < a.Count => a[Index(part)],
        _ => null,
    };

    private static int Index(string part) => int.Parse(part, CultureInfo.InvariantCulture);
}
