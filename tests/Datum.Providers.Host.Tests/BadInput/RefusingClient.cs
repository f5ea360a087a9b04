using System.Runtime.CompilerServices;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Tests.BadInput;

/// <summary>An API server that refuses one verb on one resource, as a role without it does.</summary>
internal sealed class RefusingClient(IKubernetesClient inner, string verb, string resource) : IKubernetesClient
{
    private volatile bool _granted;

    public void Grant() => _granted = true;

    public async Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject
    {
        Ask("get", type.ToString());
        return await inner.FindAsync(type, key, cancellation);
    }

    public Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject
    {
        Ask("list", type.ToString());
        return inner.ListAsync(type, options, cancellation);
    }

    public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject
    {
        Ask("create", type.ToString());
        return inner.CreateAsync(type, value, cancellation);
    }

    public Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject
    {
        Ask("patch", subresource is null ? type.ToString() : $"{type}/{subresource}");
        return inner.PatchAsync(type, key, patch, subresource, cancellation);
    }

    public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject
    {
        Ask("delete", type.ToString());
        return inner.DeleteAsync(type, key, preconditions, cancellation);
    }

    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, [EnumeratorCancellation] CancellationToken cancellation) where T : KubeObject
    {
        Ask("watch", type.ToString());
        await foreach (var change in inner.WatchAsync(type, options, cancellation))
            yield return change;
    }

    private void Ask(string asked, string about)
    {
        if (!_granted && asked == verb && about == resource)
            throw new KubernetesException(403, "Forbidden", $"{about} is forbidden: User \"host\" cannot {asked} resource \"{about}\"");
    }
}
