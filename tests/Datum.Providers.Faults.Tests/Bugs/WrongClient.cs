using System.Runtime.CompilerServices;
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

    /// <summary>Live reads of entries are answered from what lists, watches and own writes have told.</summary>
    public bool EntriesFromCache { get; init; }

    /// <summary>Changes a copy of each object that is read, listed, watched or given back.</summary>
    public Action<KubeObject>? Reading { get; init; }

    /// <summary>A kind whose events never come.</summary>
    public string? Deaf { get; init; }

    private readonly Dictionary<string, KubeObject?> _first = new(StringComparer.Ordinal);
    private readonly Dictionary<ObjectKey, KubeObject> _entries = [];

    public async Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject
    {
        var found = await inner.FindAsync(type, key, cancellation);
        if (EntriesFromCache && type.Plural == Entries)
            return (T?)_entries.GetValueOrDefault(key);
        if (!StaleReads || type.Plural == "leases")
            return found is null ? null : Read(type, found);
        return _first.TryAdd($"{type}/{key}", found) ? found : (T?)_first[$"{type}/{key}"];
    }

    public async Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject
    {
        var page = await inner.ListAsync(type, options, cancellation);
        return new Kubernetes.ListPage<T> { Items = [.. page.Items.Select(i => Read(type, i))], ResourceVersion = page.ResourceVersion, Continue = page.Continue, Unreadable = page.Unreadable };
    }

    public async Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject
    {
        Creating?.Invoke(value);
        return Read(type, await inner.CreateAsync(type, value, cancellation));
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
        return Read(type, await inner.PatchAsync(type, key, patch, subresource, cancellation));
    }

    public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject =>
        inner.DeleteAsync(type, key, preconditions, cancellation);

    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, [EnumeratorCancellation] CancellationToken cancellation) where T : KubeObject
    {
        await foreach (var item in inner.WatchAsync(type, options, cancellation))
        {
            if (item.Object is not { } value || item.Type == WatchEventType.Bookmark)
            {
                yield return item;
                continue;
            }
            if (Deaf == type.Plural)
                continue;
            var read = Read(type, value);
            if (item.Type == WatchEventType.Deleted)
                _entries.Remove(value.Key);
            yield return new WatchEvent<T> { Type = item.Type, Object = read, ResourceVersion = item.ResourceVersion };
        }
    }

    private const string Entries = "managedresources";

    private T Read<T>(ResourceType<T> type, T value) where T : KubeObject
    {
        if (type.Plural == Entries)
            _entries[value.Key] = value;
        if (Reading is null)
            return value;
        var copy = type.Clone(value);
        Reading(copy);
        return copy;
    }
}
