using System.Collections.Immutable;

namespace Datum.Providers.DevPlane;

/// <summary>The committed objects of one resource, its recent history and its watchers. Guarded by the store's lock, snapshots are free.</summary>
internal sealed class ResourceTable(string resource, ulong floor, int historyLimit)
{
    /// <summary>Large objects shorten the history: it lives in memory.</summary>
    private const long MaxHistoryBytes = 64 << 20;

    private readonly Queue<Change> history = new();
    private readonly List<Watcher> watchers = [];
    private long historyBytes;

    public string Resource { get; } = resource;
    public ImmutableSortedDictionary<string, StoredObject> Items { get; private set; } =
        ImmutableSortedDictionary.Create<string, StoredObject>(StringComparer.Ordinal);

    /// <summary>Changes above this version are all in the history.</summary>
    public ulong Floor { get; private set; } = floor;

    /// <summary>What writers see: accepted changes that aren't durable yet. Null marks a deletion.</summary>
    public Dictionary<string, (ulong Version, StoredObject? Value)> Pending { get; } = new(StringComparer.Ordinal);

    public StoredObject? Latest(string key) =>
        Pending.TryGetValue(key, out var pending) ? pending.Value : Items.GetValueOrDefault(key);

    public void Load(ChangeType type, StoredObject value)
    {
        Items = type == ChangeType.Deleted ? Items.Remove(value.Key) : Items.SetItem(value.Key, value);
    }

    public void Apply(Change change)
    {
        Load(change.Type, change.Value);
        if (Pending.TryGetValue(change.Value.Key, out var pending) && pending.Version == change.Version) Pending.Remove(change.Value.Key);
        Remember(change);
        for (var i = watchers.Count - 1; i >= 0; i--)
        {
            if (!watchers[i].Offer(change)) watchers.RemoveAt(i);
        }
    }

    public void Remember(Change change)
    {
        history.Enqueue(change);
        historyBytes += change.Value.Json.Length;
        while (history.Count > historyLimit || (historyBytes > MaxHistoryBytes && history.Count > 1))
        {
            var old = history.Dequeue();
            historyBytes -= old.Value.Json.Length;
            Floor = old.Version;
        }
    }

    /// <summary>The objects as they were at an earlier version, from the kept history; null where it doesn't reach back so far.</summary>
    public ImmutableSortedDictionary<string, StoredObject>? At(ulong version)
    {
        if (version < Floor) return null;
        var items = Items.ToBuilder();
        foreach (var change in history.Reverse().TakeWhile(c => c.Version > version))
        {
            if (change.Before is null) items.Remove(change.Value.Key);
            else items[change.Value.Key] = change.Before;
        }

        return items.ToImmutable();
    }

    public IEnumerable<Change> Since(ulong version) => history.Where(c => c.Version > version);

    public void Attach(Watcher watcher) => watchers.Add(watcher);

    public void Detach(Watcher watcher) => watchers.Remove(watcher);

    public void EndWatches()
    {
        foreach (var watcher in watchers) watcher.End();
        watchers.Clear();
    }
}
