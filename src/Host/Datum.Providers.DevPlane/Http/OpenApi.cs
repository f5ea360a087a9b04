using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>OpenAPI v3 (and a v2 of the same content) as far as kubectl apply and explain read it.</summary>
internal sealed class OpenApi(KindRegistry registry)
{
    /// <param name="root">The path that the plane is served under: clients resolve the addresses against the server's own root.</param>
    public JsonObject Index(string root)
    {
        var paths = new JsonObject();
        foreach (var (group, version) in GroupVersions())
        {
            var path = PathOf(group, version);
            var hash = Convert.ToHexString(SHA256.HashData(JsonText.Write(Document(group, version)!)));
            paths[path] = new JsonObject { ["serverRelativeURL"] = $"{root}/openapi/v3/{path}?hash={hash}" };
        }

        return new JsonObject { ["paths"] = paths };
    }

    public JsonObject? Document(string group, string version)
    {
        var paths = new JsonObject();
        var schemas = new JsonObject();
        foreach (var (kind, served) in Served(group, version))
        {
            var name = SchemaName(kind, version);
            schemas[name] = Schema(kind, served, "#/components/schemas/", schemas);
            AddPaths(paths, kind, served, (operation, verb) => Operation3(operation, verb, kind, served, "#/components/schemas/" + name));
        }

        if (schemas.Count == 0) return null;
        OpenApiParts.AddMeta(schemas, "#/components/schemas/");
        return new JsonObject
        {
            ["openapi"] = "3.0.0",
            ["info"] = Info(),
            ["paths"] = paths,
            ["components"] = new JsonObject { ["schemas"] = schemas },
        };
    }

    public JsonObject DocumentV2()
    {
        var paths = new JsonObject();
        var definitions = new JsonObject();
        OpenApiParts.AddMeta(definitions, "#/definitions/");
        foreach (var (group, version) in GroupVersions())
        {
            foreach (var (kind, served) in Served(group, version))
            {
                definitions[SchemaName(kind, version)] = Schema(kind, served, "#/definitions/", definitions);
                AddPaths(paths, kind, served, (operation, verb) => Operation2(operation, verb, kind, served));
            }
        }

        return new JsonObject { ["swagger"] = "2.0", ["info"] = Info(), ["paths"] = paths, ["definitions"] = definitions };
    }

    private IEnumerable<(string Group, string Version)> GroupVersions() =>
        registry.All.SelectMany(k => k.Versions.Where(v => v.Served).Select(v => (k.Group, v.Name))).Distinct();

    private IEnumerable<(ResourceKind Kind, KindVersion Version)> Served(string group, string version) =>
        registry.All.Where(k => k.Group == group && k.Served(version) is not null).Select(k => (k, k.Served(version)!));

    private static string PathOf(string group, string version) => group.Length == 0 ? "api/" + version : $"apis/{group}/{version}";

    private static JsonObject Info() => new() { ["title"] = "Kubernetes", ["version"] = "v1.32.0" };

    private static string SchemaName(ResourceKind kind, string version)
    {
        var group = kind.Group.Length == 0 ? "io.k8s.api.core" : string.Join('.', kind.Group.Split('.').Reverse());
        return $"{group}.{version}.{kind.Kind}";
    }

    private static JsonObject GroupVersionKind(ResourceKind kind, KindVersion version) =>
        new() { ["group"] = kind.Group, ["kind"] = kind.Kind, ["version"] = version.Name };

    private static JsonObject Schema(ResourceKind kind, KindVersion version, string prefix, JsonObject schemas)
    {
        var schema = (JsonObject)version.SchemaJson.DeepClone();
        OpenApiParts.OpenEmbedded(schema, prefix);
        if (kind.BuiltIn) OpenApiParts.NameParts(kind, schema, prefix, SchemaName(kind, version.Name)[..^kind.Kind.Length], schemas);
        OpenApiParts.AddTypeMeta(schema, prefix);
        schema["x-kubernetes-group-version-kind"] = new JsonArray(GroupVersionKind(kind, version));
        return schema;
    }

    private static void AddPaths(JsonObject paths, ResourceKind kind, KindVersion version, Func<string, string, JsonObject> operation)
    {
        var root = "/" + PathOf(kind.Group, version.Name);
        var collection = kind.Namespaced ? $"{root}/namespaces/{{namespace}}/{kind.Plural}" : $"{root}/{kind.Plural}";
        paths[collection] = new JsonObject { ["get"] = operation("list", "get"), ["post"] = operation("post", "post") };
        paths[collection + "/{name}"] = new JsonObject
        {
            ["get"] = operation("get", "get"),
            ["put"] = operation("put", "put"),
            ["patch"] = operation("patch", "patch"),
            ["delete"] = operation("delete", "delete"),
        };
        if (kind.Namespaced) paths[$"{root}/{kind.Plural}"] = new JsonObject { ["get"] = operation("list", "get") };
    }

    private static JsonObject Operation3(string action, string verb, ResourceKind kind, KindVersion version, string reference)
    {
        var parameters = new JsonArray();
        foreach (var name in Parameters(verb)) parameters.Add(new JsonObject { ["name"] = name, ["in"] = "query", ["schema"] = new JsonObject { ["type"] = "string", ["uniqueItems"] = true } });
        var content = new JsonObject { ["application/json"] = new JsonObject { ["schema"] = new JsonObject { ["$ref"] = reference } } };
        var result = new JsonObject
        {
            ["operationId"] = $"{action}{version.Name}{kind.Kind}",
            ["parameters"] = parameters,
            ["responses"] = new JsonObject { ["200"] = new JsonObject { ["description"] = "OK", ["content"] = content } },
            ["x-kubernetes-action"] = action,
            ["x-kubernetes-group-version-kind"] = GroupVersionKind(kind, version),
        };
        if (verb == "patch")
        {
            var any = new JsonObject { ["schema"] = new JsonObject { ["type"] = "object" } };
            result["requestBody"] = new JsonObject { ["content"] = new JsonObject { [Negotiation.JsonPatchType] = any, [Negotiation.MergePatchType] = any.DeepClone() }, ["required"] = true };
        }

        return result;
    }

    private static JsonObject Operation2(string action, string verb, ResourceKind kind, KindVersion version)
    {
        var parameters = new JsonArray();
        foreach (var name in Parameters(verb)) parameters.Add(new JsonObject { ["name"] = name, ["in"] = "query", ["type"] = "string", ["uniqueItems"] = true });
        return new JsonObject
        {
            ["operationId"] = $"{action}{version.Name}{kind.Kind}",
            ["parameters"] = parameters,
            ["responses"] = new JsonObject { ["200"] = new JsonObject { ["description"] = "OK" } },
            ["x-kubernetes-action"] = action,
            ["x-kubernetes-group-version-kind"] = GroupVersionKind(kind, version),
        };
    }

    private static string[] Parameters(string verb) => verb switch
    {
        "post" or "put" or "patch" => ["dryRun", "fieldManager", "fieldValidation"],
        "delete" => ["dryRun", "propagationPolicy"],
        _ => ["labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "watch"],
    };
}
