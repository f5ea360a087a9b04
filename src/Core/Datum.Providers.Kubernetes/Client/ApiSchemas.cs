using System.Text.Json.Nodes;

namespace Datum.Providers.Kubernetes;

/// <summary>What the kinds of some groups have in them, from the server's OpenAPI v3 documents.</summary>
public sealed class ApiSchemas
{
    private const string Preserves = "x-kubernetes-preserve-unknown-fields";
    private const string KindOf = "x-kubernetes-group-version-kind";

    private readonly Dictionary<(string Group, string Version, string Kind), (JsonObject Schema, JsonObject All)> _kinds = [];

    private ApiSchemas()
    {
    }

    /// <summary>
    /// One request for the index and one for each version that is asked for and described. Empty where the server describes nothing, doesn't
    /// let its description be read, or the client can't ask.
    /// </summary>
    public static async Task<ApiSchemas> ReadAsync(IKubernetesClient client, IEnumerable<(string Group, string Version)> versions, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(versions);
        var schemas = new ApiSchemas();
        try
        {
            if ((await client.DiscoverAsync("/openapi/v3", cancellation))?["paths"] is not JsonObject paths)
                return schemas;
            foreach (var (group, version) in versions.Distinct())
                if (paths.ContainsKey($"apis/{group}/{version}") && await client.DiscoverAsync($"/openapi/v3/apis/{group}/{version}", cancellation) is { } document)
                    schemas.Add(document);
        }
        catch (KubernetesException e) when (e.Code is 403 or 406)
        {
            // What isn't known is noticed when it is written.
        }
        return schemas;
    }

    /// <summary>Whether a kind keeps a member, by its path (<c>status.conditions[].reason</c>); null when the kind isn't described.</summary>
    public bool? Keeps(string group, string version, string kind, string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Find(group, version, kind, path) is { } found ? found.Keeps : null;
    }

    /// <summary>The members that an object at a path may have; null when any is kept, or the kind isn't described.</summary>
    public IReadOnlyList<string>? Members(string group, string version, string kind, string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Find(group, version, kind, path) is { Keeps: true, Node: { } node } && !IsOpen(node)
            ? [.. (node["properties"] as JsonObject ?? []).Select(p => p.Key).Order(StringComparer.Ordinal)]
            : null;
    }

    private void Add(JsonObject document)
    {
        if (document["components"]?["schemas"] is not JsonObject all)
            return;
        foreach (var (_, schema) in all)
            foreach (var kind in schema?[KindOf] as JsonArray ?? [])
                if (schema is JsonObject described && ((string?)kind?["group"], (string?)kind?["version"], (string?)kind?["kind"]) is ({ } g, { } v, { } k))
                    _kinds.TryAdd((g, v, k), (described, all));
    }

    /// <summary>Where a path ends; no node where the schema is open above it.</summary>
    private (bool Keeps, JsonObject? Node)? Find(string group, string version, string kind, string path)
    {
        if (!_kinds.TryGetValue((group, version, kind), out var described))
            return null;
        var node = described.Schema;
        foreach (var segment in path.Split('.'))
        {
            var list = segment.EndsWith("[]", StringComparison.Ordinal);
            var name = list ? segment[..^2] : segment;
            if ((node["properties"] as JsonObject)?[name] is JsonObject property)
                node = Resolve(property, described.All);
            else if (IsOpen(node))
                return (true, node["additionalProperties"] is JsonObject ? Resolve((JsonObject)node["additionalProperties"]!, described.All) : null);
            else
                return (false, null);
            if (list && node["items"] is JsonObject items)
                node = Resolve(items, described.All);
        }
        return (true, node);
    }

    private static bool IsOpen(JsonObject node) => node[Preserves]?.GetValueKind() is System.Text.Json.JsonValueKind.True || node["additionalProperties"] is JsonObject or JsonValue;

    /// <summary>A reference in place of a schema, by itself or as the only part of <c>allOf</c>.</summary>
    private static JsonObject Resolve(JsonObject node, JsonObject all) =>
        ((string?)node["$ref"] ?? (node["allOf"] is JsonArray { Count: 1 } parts ? (string?)parts[0]?["$ref"] : null)) is { } reference
        && all[reference[(reference.LastIndexOf('/') + 1)..]] is JsonObject target ? target : node;
}
