namespace Datum.Providers.Engine.Policies;

/// <summary>An API server that is only read: every write is a defect of who asks for it.</summary>
public sealed class ReadOnlyClient(IKubernetesClient inner) : IKubernetesClient
{
    public Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject => inner.FindAsync(type, key, cancellation);

    public Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject => inner.ListAsync(type, options, cancellation);

    public IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, CancellationToken cancellation) where T : KubeObject => inner.WatchAsync(type, options, cancellation);

    public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject => throw Refused("create", type.ToString());

    public Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject => throw Refused("patch", type.ToString());

    public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject => throw Refused("delete", type.ToString());

    private static InvalidOperationException Refused(string verb, string resource) => new($"A plan only reads, and was to {verb} {resource}.");
}
