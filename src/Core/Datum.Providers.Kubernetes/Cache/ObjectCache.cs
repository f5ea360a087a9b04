using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Kubernetes;

/// <summary>
/// The cache that a <see cref="Reflector{T}"/> fills. Changes come one after the other and are called back by the thread that brought them,
/// outside the lock that readers take. A callback that throws is logged and stops nobody else.
/// </summary>
public sealed partial class ObjectCache<T> : IObjectCache<T> where T : KubeObject
{
    private readonly Lock _writers = new();
    private readonly Lock _gate = new();
    private readonly SortedDictionary<ObjectKey, T> _objects = new(ObjectKeyComparer.Instance);
    private readonly Dictionary<string, ObjectIndex<T>> _indexes = new(StringComparer.Ordinal);
    private readonly TombstoneSet _tombs = new();
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ILogger _logger;
    private Action<ObjectChange<T>>[] _subscribers = [];
    private T[]? _snapshot;
    private string _highest = "0";

    public ObjectCache(ILogger? logger = null)
    {
        _logger = logger ?? NullLogger.Instance;
    }

    public bool HasSynced => _synced.Task.IsCompleted;

    public int Count { get { lock (_gate) return _objects.Count; } }

    /// <summary>The highest version that was seen in anything; "0" before.</summary>
    public string Highest { get { lock (_gate) return _highest; } }

    public Task WaitForSyncAsync(CancellationToken cancellation) => _synced.Task.WaitAsync(cancellation);

    public T? Find(ObjectKey key)
    {
        lock (_gate)
            return _objects.GetValueOrDefault(key);
    }

    public IReadOnlyList<T> All()
    {
        lock (_gate)
            return _snapshot ??= [.. _objects.Values];
    }

    public IReadOnlyList<T> ByIndex(string index, string value)
    {
        lock (_gate)
        {
            return _indexes.TryGetValue(index, out var found)
                ? [.. found.Find(value).Select(key => _objects[key])]
                : throw new ArgumentException($"There is no index '{index}'.", nameof(index));
        }
    }

    public void AddIndex(string name, Func<T, IEnumerable<string>> values)
    {
        lock (_gate)
        {
            if (_objects.Count > 0)
                throw new InvalidOperationException($"The index '{name}' must be added before the cache is filled.");
            if (!_indexes.TryAdd(name, new ObjectIndex<T>(values)))
                throw new ArgumentException($"There is an index '{name}' already.", nameof(name));
        }
    }

    public void Observe(T written) => Apply(written);

    public void ObserveGone(ObjectKey key, string? uid)
    {
        lock (_writers)
        {
            T? before;
            lock (_gate)
            {
                before = _objects.GetValueOrDefault(key);
                if (before is not null && uid is not null && before.Metadata.Uid != uid)
                    before = null;
                // Without a uid all that is known is that whatever was seen so far is gone.
                _tombs.Bury(key, uid ?? before?.Metadata.Uid, uid is null ? _highest : before?.Metadata.ResourceVersion);
                if (before is not null)
                    Remove(key);
            }
            if (before is not null)
                Notify(new ObjectChange<T>(before, null));
        }
    }

    public IDisposable Subscribe(Action<ObjectChange<T>> changed)
    {
        lock (_writers)
            _subscribers = [.. _subscribers, changed];
        return new Subscription(this, changed);
    }

    /// <summary>Takes in an object that the server sent. Older than what is known, or buried: ignored.</summary>
    public void Apply(T value)
    {
        lock (_writers)
        {
            T? before;
            lock (_gate)
            {
                if (!TryStore(value, out before))
                    return;
            }
            Notify(new ObjectChange<T>(before, value));
        }
    }

    /// <summary>Takes in a DELETED event: its version is that of the deletion.</summary>
    public void ApplyDeleted(ObjectKey key, string? uid, string? version)
    {
        lock (_writers)
        {
            T? before;
            lock (_gate)
            {
                Seen(version);
                // Who leaves a selector is told as deleted: where a version is known, the same uid may come back after it.
                _tombs.Bury(key, string.IsNullOrEmpty(version) ? uid : null, version);
                // A newer object of the same name, known from our own write, stays.
                if (!_objects.TryGetValue(key, out before)
                    || (before.Metadata.Uid != uid && ResourceVersions.IsNewer(before.Metadata.ResourceVersion, version)))
                    return;
                Remove(key);
            }
            Notify(new ObjectChange<T>(before, null));
        }
    }

    /// <summary>
    /// Takes in a complete list. What the list lacks is removed, except what is newer than the list (our own writes since)
    /// and what the list held but could not be read.
    /// </summary>
    /// <param name="items">What the list holds and could be read.</param>
    /// <param name="listVersion">The version of the list.</param>
    /// <param name="unreadable">What the list holds and could not be read.</param>
    /// <param name="seenBefore">
    /// <see cref="Highest"/> from before the list was asked for. A list is never older than what was seen before it; one that is comes from a server
    /// that was restored from a backup, and then only the list counts.
    /// </param>
    public void Replace(IReadOnlyCollection<T> items, string listVersion, IReadOnlyCollection<ObjectKey> unreadable, string? seenBefore = null)
    {
        lock (_writers)
        {
            var changes = new List<ObjectChange<T>>();
            lock (_gate)
            {
                var restored = seenBefore is not null && ResourceVersions.Compare(listVersion, seenBefore) < 0;
                if (restored)
                {
                    LogRestored(_logger, listVersion, seenBefore!);
                    Forget(items, unreadable, changes);
                    _highest = listVersion;
                }
                var listed = new HashSet<ObjectKey>(unreadable);
                foreach (var item in items)
                {
                    listed.Add(item.Key);
                    if (!restored && TryStore(item, out var before))
                        changes.Add(new ObjectChange<T>(before, item));
                }
                Seen(listVersion);
                // An unreadable object without a name may be any of them.
                if (!unreadable.Any(k => k.Name.Length == 0))
                {
                    foreach (var gone in _objects.Values.Where(o => !listed.Contains(o.Key) && !ResourceVersions.IsNewer(o.Metadata.ResourceVersion, listVersion)).ToList())
                    {
                        _tombs.Bury(gone.Key, null, listVersion);
                        Remove(gone.Key);
                        changes.Add(new ObjectChange<T>(gone, null));
                    }
                }
            }
            foreach (var change in changes)
                Notify(change);
            _synced.TrySetResult();
        }
    }

    /// <summary>Begins a new history: the list's objects stand, whatever was known.</summary>
    private void Forget(IReadOnlyCollection<T> items, IReadOnlyCollection<ObjectKey> unreadable, List<ObjectChange<T>> changes)
    {
        var listed = items.Select(i => i.Key).Concat(unreadable).ToHashSet();
        foreach (var gone in _objects.Values.Where(o => !listed.Contains(o.Key)).ToList())
        {
            Remove(gone.Key);
            changes.Add(new ObjectChange<T>(gone, null));
        }
        _tombs.Clear();
        foreach (var item in items)
        {
            // Equal versions of two histories can differ.
            changes.Add(new ObjectChange<T>(_objects.GetValueOrDefault(item.Key), item));
            Store(item);
        }
    }

    private bool TryStore(T value, out T? before)
    {
        before = _objects.GetValueOrDefault(value.Key);
        Seen(value.Metadata.ResourceVersion);
        if (_tombs.Holds(value) || (before is not null && !ResourceVersions.IsNewer(value.Metadata.ResourceVersion, before.Metadata.ResourceVersion)))
            return false;
        Store(value);
        return true;
    }

    private void Store(T value)
    {
        var key = value.Key;
        _objects[key] = value;
        _snapshot = null;
        foreach (var (name, index) in _indexes)
        {
            try
            {
                index.Set(key, value);
            }
            catch (Exception error)
            {
                index.Remove(key);
                LogIndexFailed(_logger, error, name, key);
            }
        }
    }

    private void Remove(ObjectKey key)
    {
        _objects.Remove(key);
        _snapshot = null;
        foreach (var index in _indexes.Values)
            index.Remove(key);
    }

    private void Seen(string? version)
    {
        if (version is not null && ResourceVersions.Compare(version, _highest) > 0)
            _highest = version;
    }

    private void Notify(ObjectChange<T> change)
    {
        foreach (var subscriber in _subscribers)
        {
            try
            {
                subscriber(change);
            }
            catch (Exception error)
            {
                LogSubscriberFailed(_logger, error, change.Key);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A subscriber failed on a change of {Key}")]
    private static partial void LogSubscriberFailed(ILogger logger, Exception error, ObjectKey key);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The list has version {Version}, but {Seen} was seen before it: the server was set back, and what it lists counts")]
    private static partial void LogRestored(ILogger logger, string version, string seen);

    [LoggerMessage(Level = LogLevel.Error, Message = "The index {Index} can't file {Key}; it won't be found there")]
    private static partial void LogIndexFailed(ILogger logger, Exception error, string index, ObjectKey key);

    private sealed class Subscription(ObjectCache<T> cache, Action<ObjectChange<T>> changed) : IDisposable
    {
        private Action<ObjectChange<T>>? _changed = changed;

        public void Dispose()
        {
            lock (cache._writers)
            {
                if (_changed is null)
                    return;
                var index = Array.LastIndexOf(cache._subscribers, _changed);
                cache._subscribers = [.. cache._subscribers.Where((_, i) => i != index)];
                _changed = null;
            }
        }
    }
}
