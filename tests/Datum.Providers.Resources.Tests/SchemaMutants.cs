using System.Text.Json.Nodes;

namespace Datum.Providers.Resources.Tests;

/// <summary>Definitions in which one facet of one schema node is taken away or changed.</summary>
internal static class SchemaMutants
{
    private static readonly string[] Removable =
    [
        "format", "x-kubernetes-int-or-string", "default", "minItems", "maxItems", "minimum", "maximum", "minLength", "maxLength", "pattern", "enum",
        "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type", "x-kubernetes-preserve-unknown-fields", "minProperties",
        "maxProperties", "x-kubernetes-validations", "additionalProperties", "items",
    ];

    public static IEnumerable<(string What, JsonObject Mutant)> Of(JsonObject definition)
    {
        foreach (var path in Nodes((JsonObject)definition["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!, []).ToList())
        {
            foreach (var (what, change) in Changes(At(definition, path)))
            {
                var copy = (JsonObject)definition.DeepClone();
                change(At(copy, path));
                yield return ($"{string.Join('.', path)}: {what}", copy);
            }
        }
    }

    private static IEnumerable<(string What, Action<JsonObject> Change)> Changes(JsonObject schema)
    {
        foreach (var facet in Removable.Where(schema.ContainsKey)) yield return ($"without {facet}", s => s.Remove(facet));
        foreach (var (facet, _) in schema.Where(f => f.Value is JsonValue v && v.TryGetValue<long>(out _)).ToList())
        {
            yield return ($"another {facet}", s => s[facet] = s[facet]!.GetValue<long>() + 1);
        }

        if (schema.ContainsKey("type")) yield return ("another type", s => s["type"] = (string)s["type"]! == "string" ? "integer" : "string");
        foreach (var word in (string[])["required", "enum"])
        {
            if (schema[word] is JsonArray { Count: > 0 }) yield return ($"less {word}", s => ((JsonArray)s[word]!).RemoveAt(0));
        }

        foreach (var (name, _) in (schema["properties"] as JsonObject ?? []).ToList())
        {
            yield return ($"without the member {name}", s => ((JsonObject)s["properties"]!).Remove(name));
            if (!(schema["required"] as JsonArray ?? []).Any(r => (string)r! == name))
            {
                yield return ($"{name} required", s =>
                {
                    if (s["required"] is not JsonArray) s["required"] = new JsonArray();
                    ((JsonArray)s["required"]!).Add(name);
                }
                );
            }
        }
    }

    private static IEnumerable<string[]> Nodes(JsonObject schema, string[] path)
    {
        yield return path;
        var children = (schema["properties"] as JsonObject ?? []).Select(p => (Path: (string[])[.. path, "properties", p.Key], p.Value))
            .Append((Path: [.. path, "items"], schema["items"])).Append((Path: [.. path, "additionalProperties"], schema["additionalProperties"]));
        foreach (var (at, child) in children)
        {
            if (child is not JsonObject node) continue;
            foreach (var below in Nodes(node, at)) yield return below;
        }
    }

    private static JsonObject At(JsonObject definition, string[] path) =>
        path.Aggregate((JsonObject)definition["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!, (node, step) => (JsonObject)node[step]!);
}
