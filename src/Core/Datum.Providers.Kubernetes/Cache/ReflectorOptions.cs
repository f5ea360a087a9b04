namespace Datum.Providers.Kubernetes;

/// <summary>What a reflector is doing.</summary>
public enum ReflectorState
{
    Unknown = 0,
    /// <summary>Not started; the cache is empty.</summary>
    Empty = 1,
    Listing = 2,
    Watching = 3,
    /// <summary>Waits after a failure; <see cref="Reflector{T}.LastError"/> says which.</summary>
    BackingOff = 4,
    Stopped = 5,
}

public sealed record ReflectorOptions
{
    /// <summary>Null watches every namespace.</summary>
    public string? Namespace { get; init; }
    public string? LabelSelector { get; init; }
    public string? FieldSelector { get; init; }

    /// <summary>Objects a page of a list.</summary>
    public int PageSize { get; init; } = 500;

    /// <summary>
    /// Take the first list as a watch (WatchList), which costs the server no copy of the whole list; a server that refuses it is listed as usual.
    /// Off by default: servers below 1.34 refuse it, and each refusal is a request.
    /// </summary>
    public bool StreamList { get; init; }

    /// <summary>The shortest time that the server is asked to keep a watch open; jitter adds up to as much again.</summary>
    public TimeSpan WatchTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>A watch without an event or bookmark for this long is dropped and resumed; null: the watch's own timeout + 30 s.</summary>
    public TimeSpan? Silence { get; init; }

    /// <summary>The first wait after a failure; doubled each time, with jitter.</summary>
    public TimeSpan FirstBackoff { get; init; } = TimeSpan.FromMilliseconds(500);

    public TimeSpan LongestBackoff { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>For this long after the start, "storage is (re)initializing" is no trouble but what a server says that has just learnt of a kind.</summary>
    public TimeSpan StartGrace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Called for each object that our type can't read; the others go on.</summary>
    public Action<UnreadableObject>? OnUnreadable { get; init; }

    /// <summary>Called on every change of state.</summary>
    public Action<ReflectorState>? OnState { get; init; }
}
