using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Testing;

/// <summary>
/// An API server in memory, with what controllers depend on: versions that rise and conflict, generations, the status
/// subresource, finalizers and deletion, preconditions, merge and JSON patches, writes without effect that change no version,
/// watches. It knows no schema and never collects by owner. Deterministic on a pumped <see cref="ManualScheduler"/>.
/// </summary>
internal sealed partial class FakePlane(ManualScheduler time) : IKubernetesClient
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, SortedDictionary<string, JsonObject>> _kinds = new(StringComparer.Ordinal);
    private readonly Dictionary<string, EventLog> _logs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (object Cache, Action Fill, Action<WatchEventType, JsonObject> Take)> _caches = new(StringComparer.Ordinal);
    private long _version = 1000;
    private long _uids;

    public ManualScheduler Time => time;

    /// <summary>Every write that reached the server, also the ones without effect; failed ones aren't in it.</summary>
    public List<FakeWrite> Writes { get; } = [];

    /// <summary>Live reads: finds and lists.</summary>
    public int Reads { get; private set; }

    /// <summary>How long events take until they reach the caches of <see cref="Cache"/>. Zero: before the write is answered.</summary>
    public TimeSpan WatchDelay { get; set; }

    /// <summary>Asked before each write: an exception that it returns is thrown instead.</summary>
    public Func<FakeWrite, Exception?>? Fault { get; set; }

    /// <summary>Told each change at the moment in which it is stored.</summary>
    public Action<string, WatchEventType, JsonObject>? Changed { get; set; }

    /// <summary>Called with plural and object before a create is stored, to apply what a schema would.</summary>
    public Action<string, JsonObject>? Defaults { get; set; }

    /// <summary>The cache of a kind, always the same one. It is empty until <see cref="Sync"/>, so that indexes can be added.</summary>
    public ObjectCache<T> Cache<T>(ResourceType<T> type) where T : KubeObject
    {
        lock (_gate)
        {
            var name = type.ToString();
            if (_caches.TryGetValue(name, out var known))
                return (ObjectCache<T>)known.Cache;
            var cache = new ObjectCache<T>();
            _caches[name] = (cache, () => cache.Replace(Live(type), _version.ToString(CultureInfo.InvariantCulture), []), (kind, value) =>
            {
                var copy = Read(type, value);
                if (kind == WatchEventType.Deleted)
                    cache.ApplyDeleted(copy.Key, copy.Metadata.Uid, copy.Metadata.ResourceVersion);
                else
                    cache.Apply(copy);
            }
            );
            return cache;
        }
    }

    /// <summary>Fills every cache that was made so far, as the first list does; from then on events keep it up to date.</summary>
    public void Sync()
    {
        lock (_gate)
        {
            foreach (var cache in _caches.Values)
                cache.Fill();
        }
    }

    /// <summary>Leaves the caches alone from now on, as a process that ends does; <see cref="Cache"/> makes new ones.</summary>
    public void DropCaches()
    {
        lock (_gate)
            _caches.Clear();
    }

    public async Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject
    {
        await Task.Yield();
        cancellation.ThrowIfCancellationRequested();
        lock (_gate)
        {
            Reads++;
            return KindOf(type.ToString()).TryGetValue(Path(key), out var value) ? Read(type, value) : null;
        }
    }

    public async Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject
    {
        await Task.Yield();
        cancellation.ThrowIfCancellationRequested();
        RefuseFields(options.FieldSelector);
        lock (_gate)
        {
            Reads++;
            var all = KindOf(type.ToString()).Values.Select(v => Read(type, v))
                .Where(v => Matches(v, options.Namespace, options.LabelSelector) && IsNamed(v, options.FieldSelector)).ToList();
            var from = options.Continue is null ? 0 : int.Parse(options.Continue, CultureInfo.InvariantCulture);
            var to = Math.Min(all.Count, options.Limit is { } limit ? from + limit : all.Count);
            return new Kubernetes.ListPage<T>
            {
                Items = all[from..to],
                ResourceVersion = _version.ToString(CultureInfo.InvariantCulture),
                Continue = to < all.Count ? to.ToString(CultureInfo.InvariantCulture) : null,
            };
        }
    }

    public async Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject
    {
        await Task.Yield();
        cancellation.ThrowIfCancellationRequested();
        return Insert(type, value);
    }

    /// <summary>Creates as <see cref="CreateAsync"/> does, at once.</summary>
    public T Insert<T>(ResourceType<T> type, T value) where T : KubeObject
    {
        lock (_gate)
        {
            var write = new FakeWrite("create", type.Plural, value.Key, null);
            ThrowFault(write);
            if (value.ApiVersion != type.ApiVersion || value.Kind != type.Kind)
                throw new KubernetesException(400, "BadRequest", $"apiVersion and kind are '{value.ApiVersion}', '{value.Kind}' in the body of a create of {type}");
            if (string.IsNullOrEmpty(value.Metadata.Name) || type.Namespaced == (value.Metadata.Namespace is null))
                throw new KubernetesException(422, "Invalid", $"name or namespace of {value.Key} is wrong for {type}");
            var kind = KindOf(type.ToString());
            if (kind.ContainsKey(Path(value.Key)))
                throw new KubernetesException(409, "AlreadyExists", $"{type} {value.Key} already exists");

            var stored = Node(type, value);
            stored.Remove("status");
            var metadata = stored["metadata"]!.AsObject();
            metadata["uid"] = $"00000000-0000-4000-8000-{++_uids:d12}";
            metadata["generation"] = 1L;
            metadata["creationTimestamp"] = JsonValue.Create(time.Now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
            metadata.Remove("deletionTimestamp");
            Defaults?.Invoke(type.Plural, stored);
            stored["metadata"]!["resourceVersion"] = (++_version).ToString(CultureInfo.InvariantCulture);
            kind[Path(value.Key)] = stored;
            Writes.Add(write);
            Publish(type.ToString(), WatchEventType.Added, stored);
            return Read(type, stored);
        }
    }

    public async Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject
    {
        await Task.Yield();
        cancellation.ThrowIfCancellationRequested();
        if (subresource is not (null or "status"))
            throw new KubernetesException(404, "NotFound", $"{type} has no subresource {subresource}");
        lock (_gate)
        {
            var write = new FakeWrite("patch", type.Plural, key, subresource);
            ThrowFault(write);
            var old = KindOf(type.ToString()).GetValueOrDefault(Path(key)) ?? throw NotFound(type, key);
            var wanted = FakePatches.Apply(old, patch);
            var version = wanted["metadata"]?["resourceVersion"]?.GetValue<string>();
            if (version is not null && version != old["metadata"]!["resourceVersion"]!.GetValue<string>())
                throw new KubernetesException(409, "Conflict", $"{type} {key} has changed: version {version} was sent");
            Writes.Add(write);
            return Read(type, Store(type.ToString(), key, old, wanted, subresource));
        }
    }

    public async Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject
    {
        await Task.Yield();
        cancellation.ThrowIfCancellationRequested();
        Delete(type, key, preconditions);
    }

    /// <summary>Deletes as <see cref="DeleteAsync"/> does, at once.</summary>
    public void Delete<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions = null) where T : KubeObject
    {
        lock (_gate)
        {
            var write = new FakeWrite("delete", type.Plural, key, null);
            ThrowFault(write);
            var kind = KindOf(type.ToString());
            if (!kind.TryGetValue(Path(key), out var old))
                return;
            var metadata = old["metadata"]!;
            if ((preconditions?.Uid is { } uid && uid != metadata["uid"]!.GetValue<string>())
                || (preconditions?.ResourceVersion is { } version && version != metadata["resourceVersion"]!.GetValue<string>()))
                throw new KubernetesException(409, "Conflict", $"the preconditions for {type} {key} don't hold");
            Writes.Add(write);
            if (metadata["finalizers"] is JsonArray { Count: > 0 })
            {
                if (metadata["deletionTimestamp"] is not null)
                    return;
                var marked = old.DeepClone().AsObject();
                marked["metadata"]!["deletionTimestamp"] = time.Now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
                marked["metadata"]!["generation"] = marked["metadata"]!["generation"]!.GetValue<long>() + 1;
                marked = Bump(marked);
                kind[Path(key)] = marked;
                Publish(type.ToString(), WatchEventType.Modified, marked);
                return;
            }

            kind.Remove(Path(key));
            Publish(type.ToString(), WatchEventType.Deleted, Bump(old));
        }
    }

    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, [EnumeratorCancellation] CancellationToken cancellation)
        where T : KubeObject
    {
        RefuseFields(options.FieldSelector);
        var from = long.Parse(options.ResourceVersion, CultureInfo.InvariantCulture);
        var next = 0;
        var name = type.ToString();
        while (true)
        {
            List<(WatchEventType Event, JsonObject Object)> events;
            Task changed;
            lock (_gate)
            {
                if (!_logs.TryGetValue(name, out var log))
                    _logs[name] = log = new([], new(TaskCreationOptions.RunContinuationsAsynchronously));
                events = [.. log.Events.Skip(next).Where(e => e.Version > from).Select(e => (e.Event, e.Object))];
                next = log.Events.Count;
                changed = log.Changed.Task;
            }

            foreach (var (kind, value) in events)
            {
                var read = ReadShared(type, value);
                if (Matches(read, options.Namespace, options.LabelSelector) && IsNamed(read, options.FieldSelector))
                    yield return new WatchEvent<T> { Type = kind, Object = read, ResourceVersion = read.Metadata.ResourceVersion };
            }

            await changed.WaitAsync(cancellation);
        }
    }

    private JsonObject Store(string type, ObjectKey key, JsonObject old, JsonObject wanted, string? subresource)
    {
        JsonObject result;
        if (subresource == "status")
        {
            result = old.DeepClone().AsObject();
            result.Remove("status");
            if (wanted["status"] is { } status)
                result["status"] = status.DeepClone();
        }
        else
        {
            // Made for this write alone: it may be changed.
            result = wanted;
            result.Remove("status");
            if (old["status"] is { } status)
                result["status"] = status.DeepClone();
            var metadata = result["metadata"]!.AsObject();
            foreach (var field in new[] { "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp" })
            {
                metadata.Remove(field);
                if (old["metadata"]![field] is { } kept)
                    metadata[field] = kept.DeepClone();
            }

            var deleting = metadata["deletionTimestamp"] is not null;
            var before = FinalizersOf(old);
            if (deleting && FinalizersOf(result).Except(before, StringComparer.Ordinal).Any())
                throw new KubernetesException(422, "Invalid", $"metadata.finalizers of {key}: no new finalizers can be added if the object is being deleted");
            if (!JsonNode.DeepEquals(old["spec"], result["spec"]))
                metadata["generation"] = old["metadata"]!["generation"]!.GetValue<long>() + 1;
        }

        if (JsonNode.DeepEquals(old, result))
            return old;
        result["metadata"]!["resourceVersion"] = (++_version).ToString(CultureInfo.InvariantCulture);
        var kind = KindOf(type);
        if (result["metadata"]!["deletionTimestamp"] is not null && FinalizersOf(result).Count == 0)
        {
            kind.Remove(Path(key));
            Publish(type, WatchEventType.Deleted, result);
        }
        else
        {
            kind[Path(key)] = result;
            Publish(type, WatchEventType.Modified, result);
        }

        return result;
    }

    private void Publish(string type, WatchEventType kind, JsonObject value)
    {
        if (!_logs.TryGetValue(type, out var log))
            _logs[type] = log = new([], new(TaskCreationOptions.RunContinuationsAsynchronously));
        log.Events.Add((_version, kind, value));
        Changed?.Invoke(type, kind, value);
        if (_caches.TryGetValue(type, out var cache))
            Deliver(cache.Take, kind, value);
        _logs[type] = log with { Changed = new(TaskCreationOptions.RunContinuationsAsynchronously) };
        log.Changed.TrySetResult();
    }

    private void Deliver(Action<WatchEventType, JsonObject> take, WatchEventType kind, JsonObject value)
    {
        if (WatchDelay == TimeSpan.Zero)
        {
            take(kind, value);
            return;
        }

        _ = time.Run(async () =>
        {
            await time.Delay(WatchDelay, CancellationToken.None);
            take(kind, value);
        });
    }

    private JsonObject Bump(JsonObject value)
    {
        var copy = value.DeepClone().AsObject();
        copy["metadata"]!["resourceVersion"] = (++_version).ToString(CultureInfo.InvariantCulture);
        return copy;
    }

    private void ThrowFault(FakeWrite write)
    {
        if (Fault?.Invoke(write) is { } error)
            throw error;
    }

    private SortedDictionary<string, JsonObject> KindOf(string type)
    {
        if (!_kinds.TryGetValue(type, out var kind))
            _kinds[type] = kind = new(StringComparer.Ordinal);
        return kind;
    }

    private static List<string> FinalizersOf(JsonObject value) =>
        value["metadata"]?["finalizers"] is JsonArray list ? [.. list.Select(f => f!.GetValue<string>())] : [];

    /// <summary>What happened to a kind, and what is set with its next event.</summary>
    private sealed record EventLog(List<(long Version, WatchEventType Event, JsonObject Object)> Events, TaskCompletionSource Changed);

    private static string Path(ObjectKey key) => $"{key.Namespace}\0{key.Name}";

    private static JsonObject Node<T>(ResourceType<T> type, T value) where T : KubeObject => JsonSerializer.SerializeToNode(value, type.Json)!.AsObject();

    private static T Read<T>(ResourceType<T> type, JsonObject value) where T : KubeObject =>
        JsonSerializer.Deserialize(Utf8.GetValue(value, static v => JsonSerializer.SerializeToUtf8Bytes<JsonNode>(v)), type.Json)!;

    /// <summary>True: readers that change nothing, such as caches, get one object for all of them, which is faster. Default false.</summary>
    public bool SharesReads { get; init; }

    private T ReadShared<T>(ResourceType<T> type, JsonObject value) where T : KubeObject =>
        !SharesReads ? Read(type, value)
        : Shared.TryGetValue(value, out var known) ? known as T ?? Read(type, value)
        : Shared.GetValue(value, v => Read(type, v)) as T ?? Read(type, value);

    // What is stored is never changed in place, so that what was made of it stays right.
    private static readonly ConditionalWeakTable<JsonObject, byte[]> Utf8 = [];
    private static readonly ConditionalWeakTable<JsonObject, object> Shared = [];

    private static KubernetesException NotFound<T>(ResourceType<T> type, ObjectKey key) where T : KubeObject => new(404, "NotFound", $"{type} {key} not found");

    private static void RefuseFields(string? selector)
    {
        if (!string.IsNullOrEmpty(selector) && !selector.StartsWith(NameField, StringComparison.Ordinal))
            throw new NotSupportedException("FakePlane has field selectors of the form metadata.name=value only.");
    }

    private const string NameField = "metadata.name=";

    private static bool IsNamed(KubeObject value, string? fieldSelector) => string.IsNullOrEmpty(fieldSelector) || value.Metadata.Name == fieldSelector[NameField.Length..];

    private static bool Matches(KubeObject value, string? ns, string? selector)
    {
        if (ns is not null && value.Metadata.Namespace != ns)
            return false;
        foreach (var term in (selector ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = term.Split('=', 2);
            if (parts.Length != 2 || parts[0].EndsWith('!'))
                throw new NotSupportedException("FakePlane has label selectors of the form key=value only.");
            if (value.Metadata.Label(parts[0]) != parts[1])
                return false;
        }

        return true;
    }
}
