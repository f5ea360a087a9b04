using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>Changed copies of a value: one change at one place each.</summary>
internal static class Mutations
{
    private static readonly string Long = new('a', 300);

    /// <summary>All places below the given tops, as steps of names and indexes.</summary>
    public static IEnumerable<object[]> Places(JsonNode? node, object[] here)
    {
        if (here.Length > 0) yield return here;
        if (node is JsonObject map)
        {
            foreach (var (name, child) in map)
            {
                if (here.Length == 0 && name is "apiVersion" or "kind" or "metadata") continue;
                foreach (var place in Places(child, [.. here, name])) yield return place;
            }
        }
        else if (node is JsonArray list)
        {
            for (var i = 0; i < list.Count; i++)
            {
                foreach (var place in Places(list[i], [.. here, i])) yield return place;
            }
        }
    }

    public static IEnumerable<JsonObject> WrongTypes(JsonObject value) => Each(value, old => [Other(old)]);

    public static IEnumerable<JsonObject> Nulls(JsonObject value) => Each(value, _ => [null]);

    public static IEnumerable<JsonObject> Missing(JsonObject value)
    {
        foreach (var place in Places(value, []))
        {
            var copy = (JsonObject)value.DeepClone();
            var parent = At(copy, place.AsSpan(0, place.Length - 1));
            if (parent is JsonObject map && map.Remove((string)place[^1])) yield return copy;
        }
    }

    public static IEnumerable<JsonObject> Unknown(JsonObject value)
    {
        foreach (var place in Places(value, []))
        {
            var copy = (JsonObject)value.DeepClone();
            if (At(copy, place) is not JsonObject map) continue;
            map["bogus"] = 1;
            yield return copy;
        }
    }

    public static IEnumerable<JsonObject> Edges(JsonObject value) => Each(value, Near);

    public static JsonNode? At(JsonNode? node, ReadOnlySpan<object> place)
    {
        foreach (var step in place) node = step is int i ? (node as JsonArray)?[i] : (node as JsonObject)?[(string)step];
        return node;
    }

    public static void Set(JsonObject root, object[] place, JsonNode? value)
    {
        var parent = At(root, place.AsSpan(0, place.Length - 1));
        if (parent is JsonArray list) list[(int)place[^1]] = value;
        else ((JsonObject)parent!)[(string)place[^1]] = value;
    }

    /// <summary>Values of the same kind at the edges of what schemas allow.</summary>
    public static IEnumerable<JsonNode?> Near(JsonNode? old)
    {
        switch (old)
        {
            case JsonArray list:
                yield return new JsonArray();
                if (list.Count > 0) yield return new JsonArray([.. list.Select(i => i?.DeepClone()), .. list.Select(i => i?.DeepClone())]);
                break;
            case JsonObject:
                yield return new JsonObject();
                break;
            case JsonValue v when v.GetValueKind() == System.Text.Json.JsonValueKind.String:
                foreach (var text in (string[])["", "UPPER_case!", Long, "ä\u2028<&>", "-1", "0"]) yield return JsonValue.Create(text);
                break;
            case JsonValue v when v.GetValueKind() == System.Text.Json.JsonValueKind.Number:
                foreach (var number in (long[])[-1, 0, 70000, 3000000000]) yield return JsonValue.Create(number);
                yield return JsonValue.Create(1.5);
                yield return JsonNode.Parse("1.0");
                yield return JsonNode.Parse("1e30");
                break;
            default:
                break;
        }
    }

    public static JsonNode? Other(JsonNode? old) => old switch
    {
        JsonObject => JsonValue.Create("x"),
        JsonArray => new JsonObject(),
        JsonValue v when v.GetValueKind() == System.Text.Json.JsonValueKind.String => JsonValue.Create(5),
        JsonValue v when v.GetValueKind() == System.Text.Json.JsonValueKind.Number => JsonValue.Create("x"),
        _ => new JsonArray(),
    };

    private static IEnumerable<JsonObject> Each(JsonObject value, Func<JsonNode?, IEnumerable<JsonNode?>> change)
    {
        foreach (var place in Places(value, []))
        {
            foreach (var replacement in change(At(value, place)))
            {
                var copy = (JsonObject)value.DeepClone();
                Set(copy, place, replacement);
                yield return copy;
            }
        }
    }
}
