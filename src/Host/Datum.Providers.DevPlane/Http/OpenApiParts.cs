using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>The parts that all schemas of the OpenAPI documents share. The sentences of Kubernetes' own documentation aren't repeated.</summary>
internal static class OpenApiParts
{
    private const string Meta = "io.k8s.apimachinery.pkg.apis.meta.v1.";

    /// <summary>Parts of the built-in kinds that have a name of their own.</summary>
    private static readonly Dictionary<(string Kind, string Property), string> Named = new()
    {
        [("Lease", "spec")] = "LeaseSpec",
        [("Namespace", "spec")] = "NamespaceSpec",
        [("Namespace", "status")] = "NamespaceStatus",
        [("Event", "involvedObject")] = "ObjectReference",
        [("Event", "related")] = "ObjectReference",
        [("Event", "source")] = "EventSource",
        [("Event", "series")] = "EventSeries",
    };

    public static void AddMeta(JsonObject schemas, string prefix)
    {
        schemas[Meta + "ObjectMeta"] = Parse("""
            {"type":"object","description":"ObjectMeta is metadata that all persisted resources must have.","properties":{
            "name":{"type":"string"},"generateName":{"type":"string"},"namespace":{"type":"string"},"selfLink":{"type":"string"},"uid":{"type":"string"},"resourceVersion":{"type":"string"},
            "generation":{"type":"integer","format":"int64"},"creationTimestamp":{"type":"string","format":"date-time"},"deletionTimestamp":{"type":"string","format":"date-time"},
            "deletionGracePeriodSeconds":{"type":"integer","format":"int64"},"labels":{"type":"object","additionalProperties":{"type":"string"}},
            "annotations":{"type":"object","additionalProperties":{"type":"string"}},"finalizers":{"type":"array","items":{"type":"string"}}}}
            """);
        var properties = schemas[Meta + "ObjectMeta"]!["properties"]!;
        properties["ownerReferences"] = new JsonObject { ["type"] = "array", ["items"] = Reference(prefix, Meta + "OwnerReference") };
        properties["managedFields"] = new JsonObject { ["type"] = "array", ["items"] = Reference(prefix, Meta + "ManagedFieldsEntry") };
        schemas[Meta + "OwnerReference"] = Parse("""
            {"type":"object","required":["apiVersion","kind","name","uid"],"properties":{"apiVersion":{"type":"string"},"kind":{"type":"string"},"name":{"type":"string"},
            "uid":{"type":"string"},"controller":{"type":"boolean"},"blockOwnerDeletion":{"type":"boolean"}}}
            """);
        schemas[Meta + "FieldsV1"] = Parse("""{"type":"object"}""");
        schemas[Meta + "ManagedFieldsEntry"] = Parse("""
            {"type":"object","properties":{"apiVersion":{"type":"string"},"fieldsType":{"type":"string"},"manager":{"type":"string"},"operation":{"type":"string"},
            "subresource":{"type":"string"},"time":{"type":"string","format":"date-time"}}}
            """);
        schemas[Meta + "ManagedFieldsEntry"]!["properties"]!["fieldsV1"] = Reference(prefix, Meta + "FieldsV1");
    }

    public static void AddTypeMeta(JsonObject schema, string prefix)
    {
        if (schema["properties"] is not JsonObject properties) schema["properties"] = properties = [];
        properties["apiVersion"] = new JsonObject { ["type"] = "string", ["description"] = "APIVersion defines the versioned schema of this representation of an object." };
        properties["kind"] = new JsonObject { ["type"] = "string", ["description"] = "Kind is a string value representing the REST resource this object represents." };
        properties["metadata"] = Reference(prefix, Meta + "ObjectMeta");
        properties["metadata"]!["description"] = "Standard object's metadata.";
    }

    /// <summary>An embedded resource has a type and metadata like any other.</summary>
    public static void OpenEmbedded(JsonObject schema, string prefix)
    {
        foreach (var (_, child) in (schema["properties"] as JsonObject)?.ToArray() ?? []) OpenEmbedded((JsonObject)child!, prefix);
        if (schema["items"] is JsonObject items) OpenEmbedded(items, prefix);
        if (schema["additionalProperties"] is JsonObject values) OpenEmbedded(values, prefix);
        if (JsonText.Bool(schema["x-kubernetes-embedded-resource"]) != true) return;
        AddTypeMeta(schema, prefix);
        var required = (schema["required"] as JsonArray ?? []).Select(JsonText.String).OfType<string>().Union(["apiVersion", "kind"]).ToArray();
        schema["required"] = new JsonArray([.. required.Select(r => (JsonNode)r)]);
    }

    public static void NameParts(ResourceKind kind, JsonObject schema, string prefix, string package, JsonObject schemas)
    {
        if (schema["properties"] is not JsonObject properties) return;
        foreach (var name in properties.Select(p => p.Key).ToArray())
        {
            if (!Named.TryGetValue((kind.Kind, name), out var type)) continue;
            schemas[package + type] = properties[name]!.DeepClone();
            properties[name] = Reference(prefix, package + type);
        }
    }

    private static JsonObject Reference(string prefix, string name) => new() { ["allOf"] = new JsonArray(new JsonObject { ["$ref"] = prefix + name }) };

    private static JsonObject Parse(string text) => (JsonObject)JsonNode.Parse(text)!;
}
