using System.Globalization;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Testing;

/// <summary>The cache that a <see cref="FakePlane"/> fills. It keeps the promises of <see cref="IObjectCache{T}"/>; thread-safe.</summary>
internal sealed class FakeCache<T> : IObjectCache<T> where T : KubeObject
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<ObjectKey, T> _objects = new(Comparer<ObjectKey>.Create((a, b) =>
        string.CompareOrdinal(a.Namespace, b.Namespace) is not 0 and var byNamespace ? byNamespace : string.CompareOrdinal(a.Name, b.Name)));
    private readonly Dictionary<string, Func<T, IEnumerable<string>>> _indexes = new(StringComparer.Ordinal);
    private readonly HashSet<string> _gone = new(StringComparer.Ordinal);
    private readonly List<Action<ObjectChange<T>>> _subscribers = [];

    public bool HasSynced => true;

    public Task WaitForSyncAsync(CancellationToken cancellation) => Task.CompletedTask;

    public T? Find(ObjectKey key)
    {
        lock (_gate)
            return _objects.GetValueOrDefault(key);
    }

    public IReadOnlyList<T> All()
    {
        lock (_gate)
            return [.. _objects.Values];
    }

    public IReadOnlyList<T> ByIndex(string index, string value)
    {
        lock (_gate)
        {
            var values = _indexes.GetValueOrDefault(index) ?? throw new InvalidOperationException($"There is no index {index}.");
            return [.. _objects.Values.Where(o => values(o).Contains(value, StringComparer.Ordinal))];
        }
    }

    public void AddIndex(string name, Func<T, IEnumerable<string>> values)
    {
        lock (_gate)
            _indexes.Add(name, values);
    }

    public void Observe(T written)
    {
        // The answer of the patch that took the last finalizer away is the object's last version, not a living one.
        if (written.IsDeleting && written.Metadata.Finalizers is not { Count: > 0 })
            ObserveGone(written.Key, written.Metadata.Uid);
        else
            OnEvent(WatchEventType.Modified, written);
    }

    public void ObserveGone(ObjectKey key, string? uid)
    {
        T? before;
        lock (_gate)
        {
            if (uid is not null)
                _gone.Add(uid);
            if (!_objects.TryGetValue(key, out before) || (uid is not null && before.Metadata.Uid != uid))
                return;
            _objects.Remove(key);
        }

        Notify(new ObjectChange<T>(before, null));
    }

    public IDisposable Subscribe(Action<ObjectChange<T>> changed)
    {
        lock (_gate)
            _subscribers.Add(changed);
        return new Subscription(this, changed);
    }

    internal void OnEvent(WatchEventType kind, T value)
    {
        if (kind == WatchEventType.Deleted)
        {
            ObserveGone(value.Key, value.Metadata.Uid);
            return;
        }

        T? before;
        lock (_gate)
        {
            if (_gone.Contains(value.Metadata.Uid!))
                return;
            if (_objects.TryGetValue(value.Key, out before) && VersionOf(before) >= VersionOf(value))
                return;
            _objects[value.Key] = value;
        }

        Notify(new ObjectChange<T>(before, value));
    }

    private void Notify(ObjectChange<T> change)
    {
        List<Action<ObjectChange<T>>> subscribers;
        lock (_gate)
            subscribers = [.. _subscribers];
        foreach (var subscriber in subscribers)
            subscriber(change);
    }

    private static long VersionOf(T value) => long.Parse(value.Metadata.ResourceVersion!, CultureInfo.InvariantCulture);

    private sealed class Subscription(FakeCache<T> cache, Action<ObjectChange<T>> changed) : IDisposable
    {
        public void Dispose()
        {
            lock (cache._gate)
                cache._subscribers.Remove(changed);
        }
    }
}
