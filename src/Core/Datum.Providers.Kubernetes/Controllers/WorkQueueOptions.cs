namespace Datum.Providers.Kubernetes.Controllers;

/// <summary>What goes first when several keys wait.</summary>
public enum WorkPriority
{
    /// <summary>A periodic second look.</summary>
    Resync = 0,
    /// <summary>A retry, or a look that a reconcile asked for.</summary>
    Retry = 1,
    /// <summary>Something changed.</summary>
    Change = 2,
}

/// <summary>Exponential delays with jitter: attempt n waits between half of and the whole of min(Max, First * 2^n).</summary>
public sealed record Backoff
{
    public TimeSpan First { get; init; } = TimeSpan.FromMilliseconds(250);
    public TimeSpan Max { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The delay before attempt <paramref name="attempt"/> (from 0); <paramref name="random"/> is in [0,1).</summary>
    public TimeSpan Delay(int attempt, double random)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(attempt);
        var whole = Math.Min(Max.TotalMilliseconds, First.TotalMilliseconds * Math.Pow(2, Math.Min(attempt, 40)));
        return TimeSpan.FromMilliseconds(whole * (0.5 + (random / 2)));
    }
}

/// <summary>How a <see cref="WorkQueue{TKey}"/> behaves.</summary>
public sealed record WorkQueueOptions<TKey> where TKey : notnull
{
    /// <summary>The name in metrics.</summary>
    public required string Name { get; init; }

    public IEqualityComparer<TKey>? Comparer { get; init; }

    /// <summary>Keys of one lane share one turn: a lane with a thousand keys delays another lane's key by one key. Null: one lane.</summary>
    public Func<TKey, string>? Lane { get; init; }

    /// <summary>Keys of one lane that are worked on at once, at most. Default: no bound.</summary>
    public int LaneWorkers { get; init; } = int.MaxValue;

    /// <summary>Workers that only a lane may take that holds none, so that lanes which hang can't hold them all. Default 0.</summary>
    public int WorkersForIdleLanes { get; init; }

    /// <summary>Asked before a key is handed out; null lets every lane in.</summary>
    public ILaneGate<TKey>? Gate { get; init; }

    public Backoff Backoff { get; init; } = new();

    /// <summary>Every this many hand-outs the lowest waiting priority goes first, so that a constant stream of changes doesn't starve it; half way between, retries.</summary>
    public int LowPriorityShare { get; init; } = 16;
}
