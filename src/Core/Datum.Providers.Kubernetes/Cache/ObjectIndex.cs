namespace Datum.Providers.Kubernetes;

/// <summary>Keys filed under the values that a function finds in an object. Not safe for concurrent use.</summary>
internal sealed class ObjectIndex<T>(Func<T, IEnumerable<string>> values) where T : KubeObject
{
    private readonly Dictionary<string, SortedSet<ObjectKey>> _keys = new(StringComparer.Ordinal);
    // What an object was filed under is kept: the function need not answer the same for it again.
    private readonly Dictionary<ObjectKey, string[]> _filed = [];

    public IEnumerable<ObjectKey> Find(string value) => _keys.TryGetValue(value, out var keys) ? keys : [];

    public void Set(ObjectKey key, T value)
    {
        var found = values(value).Distinct(StringComparer.Ordinal).ToArray();
        Remove(key);
        if (found.Length == 0)
            return;
        _filed[key] = found;
        foreach (var under in found)
        {
            if (!_keys.TryGetValue(under, out var keys))
                _keys[under] = keys = new(ObjectKeyComparer.Instance);
            keys.Add(key);
        }
    }

    public void Remove(ObjectKey key)
    {
        if (!_filed.Remove(key, out var found))
            return;
        foreach (var under in found)
        {
            var keys = _keys[under];
            keys.Remove(key);
            if (keys.Count == 0)
                _keys.Remove(under);
        }
    }
}
