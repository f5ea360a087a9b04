using System.Globalization;
using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Testing;

/// <summary>What a test itself sees and does: whoever else works on the plane, and a person who looks at everything.</summary>
internal sealed partial class FakePlane
{
    /// <summary>Every object of a kind as the server has it now, ordered by namespace and name.</summary>
    public List<T> Live<T>(ResourceType<T> type) where T : KubeObject
    {
        lock (_gate)
            return [.. KindOf(type.ToString()).Values.Select(v => ReadShared(type, v))];
    }

    /// <summary>Every object as JSON text, but those of one plural.</summary>
    public IEnumerable<string> Texts(string butPlural)
    {
        lock (_gate)
            return [.. _kinds.Where(k => !k.Key.Contains(butPlural, StringComparison.Ordinal)).SelectMany(k => k.Value.Values).Select(v => v.ToJsonString())];
    }

    /// <summary>The object as the server has it now; null when there is none. Not counted as a read.</summary>
    public T? Peek<T>(ResourceType<T> type, string? ns, string name) where T : KubeObject
    {
        lock (_gate)
            return KindOf(type.ToString()).TryGetValue(Path(new(ns, name)), out var value) ? ReadShared(type, value) : null;
    }

    /// <summary>Changes what a user or another controller would: the whole object but its status, without a version check.</summary>
    public T Edit<T>(ResourceType<T> type, string? ns, string name, Action<T> change) where T : KubeObject => Edit(type, ns, name, change, null);

    /// <summary>As <see cref="Edit{T}(ResourceType{T},string,string,Action{T})"/>, for the status.</summary>
    public T EditStatus<T>(ResourceType<T> type, string? ns, string name, Action<T> change) where T : KubeObject => Edit(type, ns, name, change, "status");

    /// <summary>Everything as it is now, for <see cref="ListAt"/>.</summary>
    public FakeSnapshot Snapshot()
    {
        lock (_gate)
            return new(_version, _kinds.ToDictionary(k => k.Key, k => (IReadOnlyDictionary<string, JsonObject>)new Dictionary<string, JsonObject>(k.Value, StringComparer.Ordinal), StringComparer.Ordinal));
    }

    /// <summary>The list of a kind as it was, as a server gives it that lags behind.</summary>
    public static Kubernetes.ListPage<T> ListAt<T>(FakeSnapshot snapshot, ResourceType<T> type, ListOptions options) where T : KubeObject => new()
    {
        Items = [.. snapshot.Kinds.GetValueOrDefault(type.ToString())?.OrderBy(o => o.Key, StringComparer.Ordinal).Select(o => Read(type, o.Value)).Where(v => Matches(v, options.Namespace, options.LabelSelector)) ?? []],
        ResourceVersion = snapshot.Version.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>Removes an object without looking at its finalizers, as a person with etcd access would.</summary>
    public void Vanish<T>(ResourceType<T> type, string? ns, string name) where T : KubeObject
    {
        lock (_gate)
        {
            var key = new ObjectKey(ns, name);
            var kind = KindOf(type.ToString());
            var value = kind.GetValueOrDefault(Path(key)) ?? throw NotFound(type, key);
            kind.Remove(Path(key));
            Publish(type.ToString(), WatchEventType.Deleted, Bump(value));
        }
    }

    private T Edit<T>(ResourceType<T> type, string? ns, string name, Action<T> change, string? subresource) where T : KubeObject
    {
        lock (_gate)
        {
            var key = new ObjectKey(ns, name);
            var old = KindOf(type.ToString()).GetValueOrDefault(Path(key)) ?? throw NotFound(type, key);
            var value = Read(type, old);
            change(value);
            return Read(type, Store(type.ToString(), key, old, Node(type, value), subresource));
        }
    }
}
