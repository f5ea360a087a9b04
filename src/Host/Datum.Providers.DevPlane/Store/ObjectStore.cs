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
    private bool full;
    private long compactAfter = CompactAfter;

    public ObjectStore(string? folder, ILogger logger, int historyLimit = 8192, LogDisk? disk = null)
    {
        (this.logger, this.historyLimit) = (logger, historyLimit);
        if (folder is null) return;
        log = LogFile.Open(folder, logger, Replay, disk);
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
            if (full) RoomAgain(logger, log.Folder);
            full = false;
            MaybeCompact();
        }
        catch (DiskFullException e)
        {
            Refuse(batch, e);
        }
        catch (CompactionException e)
        {
            compactAfter = log!.Length + CompactAfter;
            NotCompacted(logger, log.Length, e.Message);
        }
        catch (Exception e)
        {
            // After a failed flush nobody knows what is on the disk: no later write may be accepted on top of it.
            fault ??= e;
            StoreFailed(logger, e);
            foreach (var waiting in batch) waiting.Done.TrySetException(ApiError.Internal("the write couldn't be made durable: " + e.Message));
        }
    }

    /// <summary>Tells everybody whose write isn't on the disk, and forgets those writes: the state is the committed one again.</summary>
    private void Refuse(List<Waiting> batch, DiskFullException error)
    {
        lock (gate)
        {
            // What arrived meanwhile may be based on what is refused now.
            batch.AddRange(queue);
            queue = [];
            foreach (var table in tables.Values) table.Pending.Clear();
        }

        if (!full) DiskFull(logger, log!.Folder);
        full = true;
        foreach (var waiting in batch) waiting.Done.TrySetException(ApiError.Internal(error.Message));
    }

    private void MaybeCompact()
    {
        if (log!.Length < compactAfter) return;
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
        compactAfter = CompactAfter;
        Compacted(logger, before, log.Length);
    }

    private sealed record Waiting(ResourceTable Table, Change Change, byte[] Record)
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    [LoggerMessage(2, LogLevel.Critical, "The embedded plane's store can't write any more; it refuses all writes until it is restarted.")]
    private static partial void StoreFailed(ILogger logger, Exception exception);

    [LoggerMessage(4, LogLevel.Error, "The disk under {Folder} is full: nothing is stored, reads and watches go on. Make room; the next write is tried.")]
    private static partial void DiskFull(ILogger logger, string folder);

    [LoggerMessage(5, LogLevel.Information, "There is room under {Folder} again: writes are stored.")]
    private static partial void RoomAgain(ILogger logger, string folder);

    [LoggerMessage(6, LogLevel.Warning, "The state file of {Size} bytes couldn't be compacted and is used as it is: {Error}. It is tried again once it has grown; make room beside it.")]
    private static partial void NotCompacted(ILogger logger, long size, string error);

    [LoggerMessage(3, LogLevel.Information, "Compacted the state file from {Before} to {After} bytes.")]
    private static partial void Compacted(ILogger logger, long before, long after);
}
