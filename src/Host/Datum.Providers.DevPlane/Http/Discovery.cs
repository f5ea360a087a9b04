using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>The unaggregated discovery documents; clients that ask for the aggregated form fall back to them.</summary>
internal sealed class Discovery(KindRegistry registry)
{
    // Each half of the real server lists them in its own order, and kubectl prints them as they come.
    private static readonly string[] CustomVerbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
    private static readonly string[] BuiltInVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    private static readonly string[] StatusVerbs = ["get", "patch", "update"];

    public static JsonObject Core(string address) => new()
    {
        ["kind"] = "APIVersions",
        ["versions"] = new JsonArray("v1"),
        ["serverAddressByClientCIDRs"] = new JsonArray(new JsonObject { ["clientCIDR"] = "0.0.0.0/0", ["serverAddress"] = address }),
    };

    public JsonObject Groups()
    {
        var groups = new JsonArray();
        foreach (var name in registry.All.Select(k => k.Group).Where(g => g.Length > 0).Distinct(StringComparer.Ordinal)) groups.Add(Describe(name));
        return new JsonObject { ["kind"] = "APIGroupList", ["apiVersion"] = "v1", ["groups"] = groups };
    }

    public JsonObject? Group(string name)
    {
        if (registry.All.All(k => k.Group != name)) return null;
        var group = new JsonObject { ["kind"] = "APIGroup", ["apiVersion"] = "v1" };
        foreach (var (key, value) in Describe(name)) group[key] = value?.DeepClone();
        return group;
    }

    public JsonObject? Resources(string group, string version)
    {
        var resources = new JsonArray();
        foreach (var kind in registry.All.Where(k => k.Group == group))
        {
            if (kind.Served(version) is not { } served) continue;
            var entry = new JsonObject
            {
                ["name"] = kind.Plural,
                ["singularName"] = kind.Singular,
                ["namespaced"] = kind.Namespaced,
                ["kind"] = kind.Kind,
                ["verbs"] = Texts(kind.BuiltIn ? BuiltInVerbs : CustomVerbs),
            };
            if (kind.ShortNames.Count > 0) entry["shortNames"] = Texts(kind.ShortNames);
            if (kind.Categories.Count > 0) entry["categories"] = Texts(kind.Categories);
            entry["storageVersionHash"] = StorageHash(kind);
            resources.Add(entry);
            if (served.HasStatus) resources.Add(Subresource(kind, "status", kind.Kind));
            if (served.Scale is null) continue;
            resources.Add(Subresource(kind, "scale", "Scale", "autoscaling"));
        }

        if (resources.Count == 0) return null;
        return new JsonObject
        {
            ["kind"] = "APIResourceList",
            ["apiVersion"] = "v1",
            ["groupVersion"] = group.Length == 0 ? version : $"{group}/{version}",
            ["resources"] = resources,
        };
    }

    private static JsonObject Subresource(ResourceKind kind, string name, string type, string? group = null)
    {
        var entry = new JsonObject { ["name"] = $"{kind.Plural}/{name}", ["singularName"] = "", ["namespaced"] = kind.Namespaced };
        if (group is not null) (entry["group"], entry["version"]) = (group, "v1");
        entry["kind"] = type;
        entry["verbs"] = Texts(StatusVerbs);
        return entry;
    }

    private JsonObject Describe(string name)
    {
        var versions = registry.All.Where(k => k.Group == name).SelectMany(k => k.Versions).Where(v => v.Served).Select(v => v.Name)
            .Distinct(StringComparer.Ordinal).OrderBy(v => v, KubeVersionOrder.Instance).ToArray();
        var list = versions.Select(v => (JsonNode)new JsonObject { ["groupVersion"] = $"{name}/{v}", ["version"] = v }).ToArray();
        var group = new JsonObject { ["name"] = name, ["versions"] = new JsonArray(list) };
        if (list.Length > 0) group["preferredVersion"] = list[0].DeepClone();
        return group;
    }

    /// <summary>Tells clients when objects are stored under another version than before.</summary>
    private static string StorageHash(ResourceKind kind) =>
        Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes($"{kind.Group}/{kind.Storage.Name}/{kind.Kind}")).AsSpan(0, 8));

    private static JsonArray Texts(IEnumerable<string> texts) => [.. texts.Select(t => (JsonNode)t)];
}

/// <summary>Newest stable first: v2, v1, v1beta2, v1beta1, v1alpha1, then others by name.</summary>
internal sealed class KubeVersionOrder : IComparer<string>
{
    public static readonly KubeVersionOrder Instance = new();

    public int Compare(string? x, string? y)
    {
        var (a, b) = (Rank(x ?? ""), Rank(y ?? ""));
        var order = b.Stage.CompareTo(a.Stage);
        if (order == 0) order = b.Major.CompareTo(a.Major);
        if (order == 0) order = b.Minor.CompareTo(a.Minor);
        return order == 0 ? string.CompareOrdinal(x, y) : order;
    }

    private static (int Stage, int Major, int Minor) Rank(string version)
    {
        var match = System.Text.RegularExpressions.Regex.Match(version, "^v([0-9]+)(?:(alpha|beta)([0-9]*))?$");
        if (!match.Success || !int.TryParse(match.Groups[1].Value, out var major)) return (0, 0, 0);
        _ = int.TryParse(match.Groups[3].Value, out var minor);
        return (match.Groups[2].Value switch { "" => 3, "beta" => 2, _ => 1 }, major, minor);
    }
}
