using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.DevPlane;

/// <summary>
/// All objects in memory, in front of the log. A write is answered, and seen by readers and watches, only after it is durable; one
/// flush covers all writes that arrived meanwhile. resourceVersion is one counter for everything and never goes back.
/// </summary>
internal sealed partial class ObjectStore : IDisposable
{
    private const long CompactAfter = 8 << 20;

    private readonly Lock gate = new();
    private readonly Dictionary<string, ResourceTable> tables = new(StringComparer.Ordinal);
    private readonly LogFile? log;
    private readonly ILogger logger;
    private readonly int historyLimit;
    private readonly Thread? committer;
    private readonly SemaphoreSlim arrived = new(0);
    private List<Waiting> queue = [];
    private ulong assigned;
    private ulong committed;
    private ulong floor;
    private volatile Exception? fault;
    private volatile bool closing;

    public ObjectStore(string? folder, ILogger logger, int historyLimit = 8192)
    {
        (this.logger, this.historyLimit) = (logger, historyLimit);
        if (folder is null) return;
        log = LogFile.Open(folder, logger, Replay);
        floor = log.Floor;
        assigned = committed = Math.Max(assigned, floor);
        committer = new Thread(CommitLoop) { IsBackground = true, Name = "plane-commit" };
        committer.Start();
    }

    /// <summary>Called for every committed change, in order, under the store's lock: it must only note and return.</summary>
    public event Action<Change>? Committed;

    public ulong Version
    {
        get
        {
            lock (gate) return committed;
        }
    }

    public StoredObject? Get(string resource, string key)
    {
        lock (gate) return tables.TryGetValue(resource, out var table) ? table.Items.GetValueOrDefault(key) : null;
    }

    /// <summary>The newest accepted state, durable or not: what a write is checked against.</summary>
    public StoredObject? GetLatest(string resource, string key)
    {
        lock (gate) return tables.TryGetValue(resource, out var table) ? table.Latest(key) : null;
    }

    public (ImmutableSortedDictionary<string, StoredObject> Items, ulong Version) Snapshot(string resource)
    {
        lock (gate) return (Table(resource).Items, committed);
    }

    /// <summary>The state of one resource at an earlier version; null where the history doesn't reach back so far.</summary>
    public ImmutableSortedDictionary<string, StoredObject>? SnapshotAt(string resource, ulong version)
    {
        lock (gate) return Table(resource).At(version);
    }

    public IReadOnlyList<(string Resource, ImmutableSortedDictionary<string, StoredObject> Items)> SnapshotAll()
    {
        lock (gate) return [.. tables.Values.Select(t => (t.Resource, t.Items))];
    }

    /// <summary>Creates, replaces or deletes one object. Returns null where <paramref name="expected"/> isn't its newest version any more.</summary>
    /// <param name="expected">The version that the write is based on; 0 where none may exist.</param>
    /// <param name="value">The new state, or for a deletion the last one; its resourceVersion is set here.</param>
    public async Task<StoredObject?> WriteAsync(string resource, string key, ulong expected, JsonObject value, bool delete)
    {
        Task done;
        StoredObject frozen;
        lock (gate)
        {
            if (fault is not null) throw ApiError.Internal("the store failed earlier: " + fault.Message);
            ObjectDisposedException.ThrowIf(closing, this);
            var table = Table(resource);
            var before = table.Latest(key);
            if ((before?.Version ?? 0) != expected) return null;
            frozen = StoredObject.Freeze(value, ++assigned);
            var type = delete ? ChangeType.Deleted : before is null ? ChangeType.Added : ChangeType.Modified;
            var change = new Change(resource, type, frozen, before);
            if (log is null)
            {
                Publish(table, change);
                return frozen;
            }

            table.Pending[key] = (frozen.Version, delete ? null : frozen);
            var waiting = new Waiting(table, change, LogRecord.Encode(type, resource, frozen));
            queue.Add(waiting);
            done = waiting.Done.Task;
        }

        arrived.Release();
        await done;
        return frozen;
    }

    /// <summary>Attaches a watcher after the given version and returns the changes that it has missed; null where they aren't known any more.</summary>
    public IReadOnlyList<Change>? Watch(string resource, ulong version, Watcher watcher)
    {
        lock (gate)
        {
            var table = Table(resource);
            if (version < table.Floor) return null;
            table.Attach(watcher);
            return [.. table.Since(version)];
        }
    }

    /// <summary>Attaches a watcher at the present state and returns that state.</summary>
    public (ImmutableSortedDictionary<string, StoredObject> Items, ulong Version) WatchFromNow(string resource, Watcher watcher)
    {
        lock (gate)
        {
            var table = Table(resource);
            table.Attach(watcher);
            return (table.Items, committed);
        }
    }

    public ulong Floor(string resource)
    {
        lock (gate) return Table(resource).Floor;
    }

    public void Detach(string resource, Watcher watcher)
    {
        lock (gate) Table(resource).Detach(watcher);
    }

    /// <summary>Ends all watches of one resource (its kind is gone) or, with null, of all.</summary>
    public void EndWatches(string? resource)
    {
        lock (gate)
        {
            foreach (var table in tables.Values)
            {
                if (resource is null || table.Resource == resource) table.EndWatches();
            }
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            if (closing) return;
            closing = true;
        }

        EndWatches(null);
        if (committer is not null)
        {
            arrived.Release();
            committer.Join();
        }

        log?.Dispose();
        arrived.Dispose();
    }

    private ResourceTable Table(string resource)
    {
        if (!tables.TryGetValue(resource, out var table))
        {
            // A table that appears later has no changes before the present that it could have missed, except those before the floor.
            tables[resource] = table = new ResourceTable(resource, floor, historyLimit);
        }

        return table;
    }

    private void Replay(ChangeType type, string resource, StoredObject value, ulong logFloor)
    {
        floor = logFloor;
        var table = Table(resource);
        if (value.Version > logFloor) table.Remember(new Change(resource, type, value, table.Items.GetValueOrDefault(value.Key)));
        table.Load(type, value);
        assigned = Math.Max(assigned, value.Version);
    }

    private void Publish(ResourceTable table, Change change)
    {
        committed = change.Version;
        table.Apply(change);
        Committed?.Invoke(change);
    }

    private void CommitLoop()
    {
        while (true)
        {
            arrived.Wait();
            List<Waiting> batch;
            lock (gate)
            {
                batch = queue;
                queue = [];
            }

            if (batch.Count > 0) Commit(batch);
            else if (closing) return;
        }
    }

    private void Commit(List<Waiting> batch)
    {
        try
        {
            if (fault is not null) throw new IOException("the store failed earlier", fault);
            log!.Append([.. batch.Select(w => w.Record)]);
            lock (gate)
            {
                foreach (var waiting in batch) Publish(waiting.Table, waiting.Change);
            }

            foreach (var waiting in batch) waiting.Done.SetResult();
            MaybeCompact();
        }
        catch (Exception e)
        {
            // After a failed flush nobody knows what is on the disk: no later write may be accepted on top of it.
            fault ??= e;
            StoreFailed(logger, e);
            foreach (var waiting in batch) waiting.Done.TrySetException(ApiError.Internal("the write couldn't be made durable: " + e.Message));
        }
    }

    private void MaybeCompact()
    {
        if (log!.Length < CompactAfter) return;
        List<(string Resource, StoredObject Value)> live;
        ulong at;
        lock (gate)
        {
            live = [.. tables.Values.SelectMany(t => t.Items.Values.Select(v => (t.Resource, v)))];
            at = committed;
        }

        if (log.Length < CompactAfter + 4 * live.Sum(l => (long)l.Value.Json.Length)) return;
        var before = log.Length;
        log.Compact(at, live.OrderBy(l => l.Value.Version).Select(l => LogRecord.Encode(ChangeType.Added, l.Resource, l.Value)));
        Compacted(logger, before, log.Length);
    }

    private sealed record Waiting(ResourceTable Table, Change Change, byte[] Record)
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    [LoggerMessage(2, LogLevel.Critical, "The embedded plane's store can't write any more; it refuses all writes until it is restarted.")]
    private static partial void StoreFailed(ILogger logger, Exception exception);

    [LoggerMessage(3, LogLevel.Information, "Compacted the state file from {Before} to {After} bytes.")]
    private static partial void Compacted(ILogger logger, long before, long after);
}
