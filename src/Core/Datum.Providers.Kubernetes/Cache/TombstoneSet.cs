namespace Datum.Providers.Kubernetes;

/// <summary>
/// Remembers removed objects, so that an older event or answer that comes late can't bring one back.
/// Bounded: the oldest are forgotten; lateness is a matter of requests in flight, not of history. Not safe for concurrent use.
/// </summary>
internal sealed class TombstoneSet(int capacity = 8192)
{
    private readonly Dictionary<ObjectKey, (string? Uid, string? Version, long Order)> _tombs = [];
    private readonly Queue<(ObjectKey Key, long Order)> _byAge = new();
    private long _order;

    /// <summary>Everything of this uid, and everything up to this version, is gone.</summary>
    public void Bury(ObjectKey key, string? uid, string? version)
    {
        if (_tombs.TryGetValue(key, out var known))
        {
            if (ResourceVersions.Compare(known.Version, version) > 0)
                version = known.Version;
            uid ??= known.Uid;
        }
        _tombs[key] = (uid, version, ++_order);
        _byAge.Enqueue((key, _order));
        while (_byAge.Count > capacity)
        {
            var (oldest, order) = _byAge.Dequeue();
            if (_tombs.TryGetValue(oldest, out var tomb) && tomb.Order == order)
                _tombs.Remove(oldest);
        }
    }

    public void Clear()
    {
        _tombs.Clear();
        _byAge.Clear();
    }

    public bool Holds(KubeObject candidate) =>
        _tombs.TryGetValue(candidate.Key, out var tomb)
        && ((tomb.Uid is not null && tomb.Uid == candidate.Metadata.Uid) || !ResourceVersions.IsNewer(candidate.Metadata.ResourceVersion, tomb.Version));
}
