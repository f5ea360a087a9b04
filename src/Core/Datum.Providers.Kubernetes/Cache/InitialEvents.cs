namespace Datum.Providers.Kubernetes;

/// <summary>Collects the list that a watch begins with.</summary>
internal sealed class InitialEvents<T>(string seenBefore) where T : KubeObject
{
    private readonly Dictionary<ObjectKey, T> _items = [];
    private readonly HashSet<ObjectKey> _unreadable = [];

    public string SeenBefore => seenBefore;

    public IReadOnlyCollection<T> Items => _items.Values;

    public IReadOnlyCollection<ObjectKey> Unreadable => _unreadable;

    /// <summary>True when the list is whole. Changes that come in between are part of it.</summary>
    public bool Take(WatchEvent<T> change)
    {
        switch (change.Type)
        {
            case WatchEventType.Added or WatchEventType.Modified:
                _items[change.Object!.Key] = change.Object;
                _unreadable.Remove(change.Object.Key);
                return false;
            case WatchEventType.Deleted:
                _items.Remove(change.Object!.Key);
                return false;
            case WatchEventType.Unreadable:
                _items.Remove(change.Unreadable!.Key);
                if (change.Unreadable.Deleted)
                    _unreadable.Remove(change.Unreadable.Key);
                else
                    _unreadable.Add(change.Unreadable.Key);
                return false;
            default:
                return change.InitialEventsEnd && !string.IsNullOrEmpty(change.ResourceVersion);
        }
    }
}
