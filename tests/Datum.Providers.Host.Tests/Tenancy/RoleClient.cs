using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Tests.Tenancy;

/// <summary>One verb on one resource that a role allows: in one namespace or (null) in all, of some objects or (empty) of all.</summary>
internal sealed record Grant(string Group, string Resource, string Verb, string? Namespace, IReadOnlyList<string> Names)
{
    public override string ToString() => $"{Verb} {Resource}{(Group.Length == 0 ? "" : $".{Group}")}{(Namespace is null ? "" : $" in {Namespace}")}{(Names.Count == 0 ? "" : $" {string.Join("|", Names)}")}";
}

/// <summary>Holds every request of a host against roles, as an API server with RBAC does, and remembers which rules were needed.</summary>
internal sealed class RoleClient(IKubernetesClient inner, IReadOnlyList<Grant> grants) : IKubernetesClient
{
    private readonly ConcurrentDictionary<Grant, int> _used = [];
    private readonly ConcurrentDictionary<string, int> _denied = [];

    public IEnumerable<string> Denied => _denied.Keys.Order(StringComparer.Ordinal);

    public IEnumerable<Grant> Unused => grants.Where(g => !_used.ContainsKey(g));

    /// <summary>The rules of a role in a file of deploy/rbac, as bound in a namespace or (null) in all.</summary>
    public static IEnumerable<Grant> Read(string yaml, string role, string? ns)
    {
        var found = YamlJson.Parse(Encoding.UTF8.GetBytes(yaml)).Single(d => (string?)d["kind"] == "ClusterRole" && (string?)d["metadata"]!["name"] == role);
        return RulesOf(found, ns);
    }

    public static IEnumerable<Grant> RulesOf(JsonNode role, string? ns) =>
        from rule in role["rules"]!.AsArray()
        from @group in Texts(rule!["apiGroups"])
        from resource in Texts(rule["resources"])
        from verb in Texts(rule["verbs"])
        select new Grant(@group, resource, verb, ns, [.. Texts(rule["resourceNames"])]);

    public Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject
    {
        Ask("get", type, null, key.Namespace, key.Name);
        return inner.FindAsync(type, key, cancellation);
    }

    public Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject
    {
        Ask("list", type, null, options.Namespace, NameOf(options.FieldSelector));
        return inner.ListAsync(type, options, cancellation);
    }

    public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject
    {
        Ask("create", type, null, value.Metadata.Namespace, null);
        return inner.CreateAsync(type, value, cancellation);
    }

    public Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject
    {
        Ask("patch", type, subresource, key.Namespace, key.Name);
        return inner.PatchAsync(type, key, patch, subresource, cancellation);
    }

    public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject
    {
        Ask("delete", type, null, key.Namespace, key.Name);
        return inner.DeleteAsync(type, key, preconditions, cancellation);
    }

    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, [EnumeratorCancellation] CancellationToken cancellation) where T : KubeObject
    {
        Ask("watch", type, null, options.Namespace, NameOf(options.FieldSelector));
        await foreach (var change in inner.WatchAsync(type, options, cancellation))
            yield return change;
    }

    private void Ask<T>(string verb, ResourceType<T> type, string? subresource, string? ns, string? name) where T : KubeObject
    {
        var resource = subresource is null ? type.Plural : $"{type.Plural}/{subresource}";
        var allowing = grants.Where(g => g.Verb == verb && g.Group == type.Group && g.Resource == resource && (g.Namespace is null || g.Namespace == ns)
            && (g.Names.Count == 0 || (name is not null && g.Names.Contains(name)))).ToList();
        foreach (var grant in allowing)
            _used[grant] = 1;
        if (allowing.Count > 0)
            return;
        _denied[$"{verb} {resource}.{type.Group} {ns}/{name}"] = 1;
        throw new KubernetesException(403, "Forbidden", $"{resource} is forbidden: User \"host\" cannot {verb} resource \"{resource}\" in API group \"{type.Group}\"");
    }

    private static string? NameOf(string? fieldSelector) => fieldSelector?.Split('=', 2) is ["metadata.name", var name] ? name : null;

    private static IEnumerable<string> Texts(JsonNode? list) => list?.AsArray().Select(n => (string)n!) ?? [];
}
