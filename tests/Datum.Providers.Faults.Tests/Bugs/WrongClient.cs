using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Faults.Tests.Bugs;

/// <summary>A client through which a wrong engine's writes and reads look as if it had made them so.</summary>
internal sealed class WrongClient(IKubernetesClient inner) : IKubernetesClient
{
    /// <summary>Changes a patch before it is sent; false drops it.</summary>
    public Func<string, JsonObject, bool>? Patching { get; init; }

    /// <summary>Changes an object before it is made.</summary>
    public Action<KubeObject>? Creating { get; init; }

    /// <summary>Objects are read from the first answer that there ever was.</summary>
    public bool StaleReads { get; init; }

    /// <summary>Lists with a selector find nothing, as a cache says that doesn't know yet.</summary>
    public bool EmptyLists { get; init; }

    private readonly Dictionary<string, KubeObject?> _first = new(StringComparer.Ordinal);

    public async Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject
    {
        var found = await inner.FindAsync(type, key, cancellation);
        if (!StaleReads || type.Plural == "leases")
            return found;
        return _first.TryAdd($"{type}/{key}", found) ? found : (T?)_first[$"{type}/{key}"];
    }

    public async Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject
    {
        var page = await inner.ListAsync(type, options, cancellation);
        return EmptyLists && options.LabelSelector is not null ? new Kubernetes.ListPage<T> { Items = [], ResourceVersion = page.ResourceVersion } : page;
    }

    public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject
    {
        Creating?.Invoke(value);
        return inner.CreateAsync(type, value, cancellation);
    }

    public async Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject
    {
        if (Patching is not null && patch.Body is JsonObject body)
        {
            var changed = body.DeepClone().AsObject();
            if (!Patching($"{type.Plural}{(subresource is null ? "" : "/" + subresource)}", changed))
                return await inner.FindAsync(type, key, cancellation) ?? throw new KubernetesException(404, "NotFound", $"{key}");
            patch = Patch.Merge(changed);
        }
        return await inner.PatchAsync(type, key, patch, subresource, cancellation);
    }

    public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject =>
        inner.DeleteAsync(type, key, preconditions, cancellation);

    public IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, CancellationToken cancellation) where T : KubeObject =>
        inner.WatchAsync(type, options, cancellation);
}
