namespace Datum.Providers.Kubernetes.Controllers;

/// <content>Lanes: what each of them may take of the workers, and when.</content>
public sealed partial class WorkQueue<TKey>
{
    private readonly Dictionary<string, Lane> _lanes = new(StringComparer.Ordinal);
    private readonly PriorityQueue<Lane, DateTimeOffset> _closed = new();

    /// <summary>Asks a lane's gate again now, though it said to wait.</summary>
    public void Reopen(string lane)
    {
        lock (_gate)
        {
            if (!_lanes.TryGetValue(lane, out var state))
                return;
            state.OpenAt = null;
            HandOut();
        }
    }

    private Lane LaneOf(string name)
    {
        if (!_lanes.TryGetValue(name, out var lane))
            _lanes[name] = lane = new Lane(name);
        return lane;
    }

    private bool MayEnter(Entry entry)
    {
        var lane = entry.Lane;
        if (lane.OpenAt is not null || (lane.Processing > 0 && _waiters.Count <= _options.WorkersForIdleLanes) || lane.Processing >= _options.LaneWorkers)
            return false;
        if (_options.Gate is not { } gate)
            return true;
        if (lane.Processing >= gate.MostAtOnce(lane.Name))
            return false;
        if (gate.Enter(lane.Name, entry.Key, entry.Queued!.Value) is not { } wait)
            return true;
        lane.OpenAt = _scheduler.Time.GetUtcNow() + (wait > ShortestWait ? wait : ShortestWait);
        _closed.Enqueue(lane, lane.OpenAt.Value);
        Arm();
        return false;
    }

    // True when at least one lane opened.
    private bool OpenLanes(DateTimeOffset now)
    {
        var opened = false;
        while (_closed.TryPeek(out var lane, out var at) && (lane.OpenAt != at || at <= now))
        {
            _closed.Dequeue();
            if (lane.OpenAt != at)
                continue;
            lane.OpenAt = null;
            opened = true;
        }
        return opened;
    }

    private void Left(Entry entry)
    {
        entry.Lane.Processing--;
        _options.Gate?.Leave(entry.Lane.Name, entry.Key);
    }

    /// <summary>A gate that says "now" and refuses would otherwise be asked without an end.</summary>
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(10);

    /// <summary>One lane. It is kept once it was seen: there are as many as accounts.</summary>
    private sealed class Lane(string name)
    {
        public string Name { get; } = name;
        public int Processing { get; set; }

        /// <summary>When the gate is asked again; null when it may be asked.</summary>
        public DateTimeOffset? OpenAt { get; set; }
    }
}
