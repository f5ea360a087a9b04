using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>Removes what a schema doesn't specify.</summary>
internal static class Pruning
{
    private static readonly HashSet<string> MetaFields = new(StringComparer.Ordinal)
    {
        "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
        "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers", "managedFields",
    };

    private static readonly HashSet<string> OwnerFields = new(StringComparer.Ordinal)
    {
        "apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion",
    };

    private static readonly StructuralSchema Nothing = new();

    /// <summary>Prunes a whole object and returns the removed paths, sorted.</summary>
    public static List<string> PruneObject(JsonObject root, StructuralSchema schema)
    {
        var removed = new List<string>();
        PruneResource(root, schema, "", removed);
        removed.Sort(StringComparer.Ordinal);
        return removed;
    }

    private static void PruneResource(JsonObject value, StructuralSchema schema, string path, List<string> removed)
    {
        if (value["metadata"] is JsonObject meta) PruneMeta(meta, Join(path, "metadata"), removed);
        PruneFields(value, schema, path, removed, isResource: true);
    }

    private static void PruneMeta(JsonObject meta, string path, List<string> removed)
    {
        RemoveOthers(meta, path, removed, MetaFields.Contains);
        if (meta["ownerReferences"] is not JsonArray owners) return;
        for (var i = 0; i < owners.Count; i++)
        {
            if (owners[i] is JsonObject owner) RemoveOthers(owner, $"{path}.ownerReferences[{i}]", removed, OwnerFields.Contains);
        }
    }

    private static void Prune(JsonNode? value, StructuralSchema schema, string path, List<string> removed)
    {
        switch (value)
        {
            case JsonObject o when schema.EmbeddedResource:
                PruneResource(o, schema, path, removed);
                break;
            case JsonObject o:
                PruneFields(o, schema, path, removed, isResource: false);
                break;
            case JsonArray a when schema.Items is not null || !schema.PreserveUnknownFields:
                // A list where the schema has none specifies nothing of what is in it.
                for (var i = 0; i < a.Count; i++) Prune(a[i], schema.Items ?? Nothing, $"{path}[{i}]", removed);
                break;
            default:
                break;
        }
    }

    private static void PruneFields(JsonObject value, StructuralSchema schema, string path, List<string> removed, bool isResource)
    {
        List<string>? unknown = null;
        foreach (var (key, child) in value)
        {
            if (isResource && key is ("apiVersion" or "kind" or "metadata")) continue;
            if (schema.Properties.TryGetValue(key, out var property)) Prune(child, property, Join(path, key), removed);
            else if (schema.AdditionalProperties is not null) Prune(child, schema.AdditionalProperties, Join(path, key), removed);
            else if (!schema.PreserveUnknownFields && !schema.AnyAdditionalProperties) (unknown ??= []).Add(key);
        }

        Remove(value, path, removed, unknown);
    }

    private static void RemoveOthers(JsonObject value, string path, List<string> removed, Func<string, bool> keep) =>
        Remove(value, path, removed, [.. value.Select(p => p.Key).Where(k => !keep(k))]);

    private static void Remove(JsonObject value, string path, List<string> removed, List<string>? keys)
    {
        foreach (var key in keys ?? [])
        {
            value.Remove(key);
            removed.Add(Join(path, key));
        }
    }

    private static string Join(string path, string key) => path.Length == 0 ? key : path + "." + key;
}
