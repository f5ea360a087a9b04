using System.Globalization;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>JSON patch, RFC 6902, with the real server's refusals.</summary>
internal static class JsonPatch
{
    private const int MaxOperations = 10000;

    /// <summary>Bytes that all copies of one patch may make: each could double the object.</summary>
    private const long MaxCopied = 3 << 20;

    public static JsonObject Apply(JsonObject target, JsonNode? patch)
    {
        if (patch is not JsonArray operations)
        {
            throw ApiError.BadRequest($"error decoding patch: json: cannot unmarshal {JsonText.TypeName(patch)} into Go value of type []handlers.jsonPatchOp");
        }

        if (operations.Count > MaxOperations) throw ApiError.TooLarge($"The allowed maximum operations in a JSON patch is {MaxOperations}, got {operations.Count}");
        foreach (var operation in operations)
        {
            if (operation is not JsonObject one || JsonText.String(one["op"]) is not ("add" or "remove" or "replace" or "move" or "copy" or "test"))
            {
                throw ApiError.BadRequest($"invalid operation {JsonText.Show(operation)}: unsupported operation");
            }
        }

        JsonNode? root = target;
        var copied = 0L;
        foreach (var operation in operations) root = Run(root, (JsonObject)operation!, ref copied);
        return root is JsonObject patched && !JsonText.IsTooDeep(patched) ? patched : throw ApiError.RejectedPatch();
    }

    private static JsonNode? Run(JsonNode? root, JsonObject operation, ref long copied)
    {
        var path = Pointer(operation["path"]);
        switch (JsonText.String(operation["op"]))
        {
            case "add":
                return Put(root, path, Value(operation), insert: true);
            case "replace":
                if (!Exists(root, path)) throw ApiError.RejectedPatch();
                return Put(root, path, Value(operation), insert: false);
            case "remove":
                return Take(root, path, out _);
            case "test":
                var actual = Exists(root, path) ? Get(root, path) : null;
                return JsonNode.DeepEquals(actual, operation["value"]) ? root : throw ApiError.RejectedPatch();
            case "copy":
                var from = Get(root, Pointer(operation["from"]));
                if (from is not null && (JsonText.IsTooDeep(from) || (copied += JsonText.Write(from).Length) > MaxCopied)) throw ApiError.RejectedPatch();
                return Put(root, path, from?.DeepClone(), insert: true);
            default:
                root = Take(root, Pointer(operation["from"]), out var moved);
                return Put(root, path, moved, insert: true);
        }
    }

    private static JsonNode? Value(JsonObject operation) =>
        operation.ContainsKey("value") ? operation["value"]?.DeepClone() : throw ApiError.RejectedPatch();

    private static string[] Pointer(JsonNode? node)
    {
        var text = JsonText.String(node) ?? throw ApiError.RejectedPatch();
        if (text.Length == 0) return [];
        if (text[0] != '/') throw ApiError.RejectedPatch();
        return [.. text[1..].Split('/').Select(p => p.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))];
    }

    private static bool Exists(JsonNode? root, string[] path)
    {
        var parent = Walk(root, path);
        return path.Length == 0 || parent switch
        {
            JsonObject o => o.ContainsKey(path[^1]),
            JsonArray a => Index(a, path[^1], insert: false) >= 0,
            _ => false,
        };
    }

    private static JsonNode? Get(JsonNode? root, string[] path)
    {
        if (path.Length == 0) return root;
        return Walk(root, path) switch
        {
            JsonObject o when o.ContainsKey(path[^1]) => o[path[^1]],
            JsonArray a when Index(a, path[^1], insert: false) is >= 0 and var i => a[i],
            _ => throw ApiError.RejectedPatch(),
        };
    }

    private static JsonNode? Put(JsonNode? root, string[] path, JsonNode? value, bool insert)
    {
        if (path.Length == 0) return value;
        switch (Walk(root, path))
        {
            case JsonObject o:
                o[path[^1]] = value;
                return root;
            case JsonArray a:
                var index = Index(a, path[^1], insert);
                if (index < 0) throw ApiError.RejectedPatch();
                if (insert) a.Insert(index, value);
                else a[index] = value;
                return root;
            default:
                throw ApiError.RejectedPatch();
        }
    }

    private static JsonNode? Take(JsonNode? root, string[] path, out JsonNode? taken)
    {
        if (path.Length == 0) throw ApiError.RejectedPatch();
        taken = Get(root, path);
        if (Walk(root, path) is JsonObject o)
        {
            o.Remove(path[^1]);
        }
        else if (Walk(root, path) is JsonArray a)
        {
            a.RemoveAt(Index(a, path[^1], insert: false));
        }

        return root;
    }

    /// <summary>The container of the last step; null where a step before it doesn't exist.</summary>
    private static JsonNode? Walk(JsonNode? root, string[] path)
    {
        var at = root;
        foreach (var step in path.AsSpan(0, Math.Max(0, path.Length - 1)))
        {
            at = at switch
            {
                JsonObject o => o[step],
                JsonArray a when Index(a, step, insert: false) is >= 0 and var i => a[i],
                _ => null,
            };
        }

        return at;
    }

    private static int Index(JsonArray array, string step, bool insert)
    {
        if (step == "-") return insert ? array.Count : -1;
        if (!int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var index)) return -1;
        return index < array.Count || (insert && index == array.Count) ? index : -1;
    }
}
