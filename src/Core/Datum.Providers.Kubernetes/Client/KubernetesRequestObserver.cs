using System.Collections.Concurrent;

namespace Datum.Providers.Kubernetes;

/// <summary>One HTTP request that the client sends. A retry is a request of its own.</summary>
/// <param name="Verb">get, list, watch, create, update, patch, delete, deletecollection or raw.</param>
/// <param name="Resource"><c>plural.group</c>, or the plural alone in the core group; the path for raw requests.</param>
public readonly record struct KubernetesRequest(HttpMethod Method, string Verb, string Resource);

/// <summary>Is told of every request; called on the requesting thread, so it must be fast and must not throw.</summary>
public interface IKubernetesRequestObserver
{
    void RequestSent(KubernetesRequest request);

    /// <summary>The headers of an answer are in.</summary>
    void ResponseReceived(KubernetesRequest request, int status, TimeSpan elapsed)
    {
    }
}

/// <summary>Counts requests by verb and resource.</summary>
public sealed class KubernetesRequestCounter : IKubernetesRequestObserver
{
    private readonly ConcurrentDictionary<(string Verb, string Resource), long> _counts = new();

    public void RequestSent(KubernetesRequest request) => _counts.AddOrUpdate((request.Verb, request.Resource), 1, (_, n) => n + 1);

    /// <summary>Requests of a verb, of one resource or (null) of all.</summary>
    public long Count(string verb, string? resource = null) =>
        _counts.Where(e => e.Key.Verb == verb && (resource is null || e.Key.Resource == resource)).Sum(e => e.Value);

    /// <summary>Creates, replacements, patches and deletes.</summary>
    public long Writes => Count("create") + Count("update") + Count("patch") + Count("delete") + Count("deletecollection");

    public IReadOnlyDictionary<(string Verb, string Resource), long> Snapshot() => new Dictionary<(string, string), long>(_counts);
}
