namespace Datum.Providers.Kubernetes;

/// <summary>
/// The latest known version of every object of a kind. Promises: a version never goes back; what
/// <see cref="Observe"/> was given is visible to every later read (read your own writes).
/// </summary>
public interface IObjectCache<T> where T : KubeObject
{
    /// <summary>True once the first complete list is in.</summary>
    bool HasSynced { get; }

    /// <summary>Completes when <see cref="HasSynced"/> becomes true.</summary>
    Task WaitForSyncAsync(CancellationToken cancellation);

    T? Find(ObjectKey key);

    /// <summary>A snapshot; its order is by namespace and name.</summary>
    IReadOnlyList<T> All();

    /// <summary>The objects that the named index files under <paramref name="value"/>, ordered by namespace and name.</summary>
    IReadOnlyList<T> ByIndex(string index, string value);

    /// <summary>Adds an index. Call it before the cache is filled; a second index of the same name throws.</summary>
    void AddIndex(string name, Func<T, IEnumerable<string>> values);

    /// <summary>Takes the answer of our own write in. An older version than the known one is ignored.</summary>
    void Observe(T written);

    /// <summary>Takes in that our own write removed the object (the last finalizer went, or a delete was final).</summary>
    void ObserveGone(ObjectKey key, string? uid);

    /// <summary>Calls back after every change, in order for one object, on the thread that brought it: enqueue a key and return.</summary>
    IDisposable Subscribe(Action<ObjectChange<T>> changed);
}

/// <summary>A change: <see cref="Before"/> is null for a new object, <see cref="After"/> for a removed one.</summary>
public readonly record struct ObjectChange<T>(T? Before, T? After) where T : KubeObject
{
    public ObjectKey Key => (After ?? Before)!.Key;
}
