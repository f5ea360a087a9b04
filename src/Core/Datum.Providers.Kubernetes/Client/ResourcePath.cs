using System.Globalization;
using System.Text;

namespace Datum.Providers.Kubernetes;

/// <summary>Paths and queries of the API.</summary>
internal static class ResourcePath
{
    public static string OfGroup(string group, string version) =>
        group.Length == 0 ? $"/api/{Uri.EscapeDataString(version)}" : $"/apis/{Uri.EscapeDataString(group)}/{Uri.EscapeDataString(version)}";

    public static string OfObject<T>(ResourceType<T> type, ObjectKey key, string? subresource = null) where T : KubeObject
    {
        if (type.Namespaced == (key.Namespace is null))
            throw new ArgumentException($"{type} is {(type.Namespaced ? "namespaced" : "cluster-scoped")}, the key is {key}.", nameof(key));
        if (key.Name.Length == 0)
            throw new ArgumentException($"The key of a {type.Kind} has no name.", nameof(key));
        var path = $"{OfCollection(type, key.Namespace)}/{Uri.EscapeDataString(key.Name)}";
        return subresource is null ? path : $"{path}/{Uri.EscapeDataString(subresource)}";
    }

    /// <summary>The collection; of every namespace when <paramref name="ns"/> is null.</summary>
    public static string OfCollection<T>(ResourceType<T> type, string? ns) where T : KubeObject
    {
        if (ns is not null && !type.Namespaced)
            throw new ArgumentException($"{type} is cluster-scoped and has no namespace {ns}.", nameof(ns));
        var within = ns is null ? "" : $"/namespaces/{Uri.EscapeDataString(ns)}";
        return $"{OfGroup(type.Group, type.Version)}{within}/{type.Plural}";
    }

    public static string OfList<T>(ResourceType<T> type, ListOptions options) where T : KubeObject => OfCollection(type, options.Namespace) + Query(
        ("labelSelector", options.LabelSelector),
        ("fieldSelector", options.FieldSelector),
        ("limit", options.Limit?.ToString(CultureInfo.InvariantCulture)),
        ("continue", options.Continue),
        ("resourceVersion", options.ResourceVersion),
        ("resourceVersionMatch", options.ResourceVersionMatch));

    public static string OfWatch<T>(ResourceType<T> type, WatchOptions options) where T : KubeObject => OfCollection(type, options.Namespace) + Query(
        ("watch", "true"),
        ("allowWatchBookmarks", "true"),
        ("labelSelector", options.LabelSelector),
        ("fieldSelector", options.FieldSelector),
        ("resourceVersion", options.ResourceVersion),
        ("sendInitialEvents", options.SendInitialEvents ? "true" : null),
        ("resourceVersionMatch", options.SendInitialEvents ? "NotOlderThan" : null),
        ("timeoutSeconds", ((long)Math.Max(1, options.Timeout.TotalSeconds)).ToString(CultureInfo.InvariantCulture)));

    /// <summary>The query of a write; empty when it asks for nothing.</summary>
    public static string OfWrite(WriteOptions? options) => options is null ? "" : Query(
        ("fieldManager", options.FieldManager),
        ("force", options.Force ? "true" : null),
        ("dryRun", options.DryRun ? "All" : null),
        ("fieldValidation", options.Validation?.ToString()));

    private static string Query(params ReadOnlySpan<(string Name, string? Value)> parameters)
    {
        var query = new StringBuilder();
        foreach (var (name, value) in parameters)
        {
            if (!string.IsNullOrEmpty(value))
                query.Append(query.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
        }
        return query.ToString();
    }
}
