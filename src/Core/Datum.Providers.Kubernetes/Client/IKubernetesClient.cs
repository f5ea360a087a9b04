using System.Text.Json.Nodes;

namespace Datum.Providers.Kubernetes;

/// <summary>
/// One API server. This is also the seam behind which tests put a store of their own.
/// Every method throws <see cref="KubernetesException"/> when the server refuses, and
/// <see cref="HttpRequestException"/> when it can't be reached; only reads are retried.
/// </summary>
public interface IKubernetesClient
{
    /// <summary>Reads one object live; null when it doesn't exist.</summary>
    Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject;

    /// <summary>Reads one page of a list.</summary>
    Task<ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject;

    /// <summary>Creates an object and returns it as the server stored it.</summary>
    Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject;

    /// <summary>Patches an object, or its <paramref name="subresource"/> (e.g. <c>status</c>), and returns it as stored.</summary>
    Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject;

    /// <summary>Deletes an object; an object that is already gone is no error.</summary>
    Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject;

    /// <summary>
    /// One watch connection from <see cref="WatchOptions.ResourceVersion"/>. It ends without an exception when the server ends it;
    /// the caller resumes from the last version seen. A version that is too old throws with status 410.
    /// </summary>
    IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, CancellationToken cancellation) where T : KubeObject;

    /// <summary>A discovery document by its path, e.g. <c>/apis</c>; null when the server has none there, and always for a store without discovery.</summary>
    Task<JsonObject?> DiscoverAsync(string path, CancellationToken cancellation) => Task.FromResult<JsonObject?>(null);

    /// <summary>Whether <see cref="WatchOptions.SendInitialEvents"/> reaches the server.</summary>
    bool CanStreamLists => false;
}

/// <summary>What a list asks for. An empty value is not sent.</summary>
public sealed record ListOptions
{
    /// <summary>Null lists every namespace.</summary>
    public string? Namespace { get; init; }
    public string? LabelSelector { get; init; }
    public string? FieldSelector { get; init; }
    /// <summary>Objects a page; null leaves it to the server.</summary>
    public int? Limit { get; init; }
    public string? Continue { get; init; }
    public string? ResourceVersion { get; init; }
    public string? ResourceVersionMatch { get; init; }
}

/// <summary>A page of a list.</summary>
public sealed class ListPage<T> where T : KubeObject
{
    public required IReadOnlyList<T> Items { get; init; }
    /// <summary>The version of the list as a whole; a watch starts from it.</summary>
    public required string ResourceVersion { get; init; }
    /// <summary>The token of the next page; null on the last one.</summary>
    public string? Continue { get; init; }
    /// <summary>Objects that could not be read, with the reason; the others are in <see cref="Items"/>.</summary>
    public IReadOnlyList<UnreadableObject> Unreadable { get; init; } = [];
}

/// <summary>An object that the server sent and that our type can't read.</summary>
public sealed record UnreadableObject(ObjectKey Key, string? ResourceVersion, string Reason)
{
    public string? Uid { get; init; }

    /// <summary>The server said that this object was deleted.</summary>
    public bool Deleted { get; init; }
}

public sealed record WatchOptions
{
    public string? Namespace { get; init; }
    public string? LabelSelector { get; init; }
    public string? FieldSelector { get; init; }
    /// <summary>With <see cref="SendInitialEvents"/> it may be empty: the newest.</summary>
    public required string ResourceVersion { get; init; }
    /// <summary>
    /// Begin with an Added event for each object that there is (WatchList); <see cref="WatchEvent{T}.InitialEventsEnd"/> marks their end.
    /// A server that can't refuses with 400 or 422.
    /// </summary>
    public bool SendInitialEvents { get; init; }
    /// <summary>How long the server may keep the connection open.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(5);
    /// <summary>Try the start again as a read is; false for a caller that backs off by itself.</summary>
    public bool RetryStart { get; init; } = true;
}

public enum WatchEventType
{
    Unknown = 0,
    Added = 1,
    Modified = 2,
    Deleted = 3,
    /// <summary>Only <see cref="WatchEvent{T}.ResourceVersion"/> is set.</summary>
    Bookmark = 4,
    /// <summary>The object could not be read; <see cref="WatchEvent{T}.Unreadable"/> says why.</summary>
    Unreadable = 5,
}

public sealed class WatchEvent<T> where T : KubeObject
{
    public required WatchEventType Type { get; init; }
    public T? Object { get; init; }
    public string? ResourceVersion { get; init; }
    public UnreadableObject? Unreadable { get; init; }
    /// <summary>The bookmark after the last initial event.</summary>
    public bool InitialEventsEnd { get; init; }
}

/// <summary>The server deletes only if these still hold; otherwise it answers 409.</summary>
public sealed record DeletePreconditions
{
    public string? Uid { get; init; }
    public string? ResourceVersion { get; init; }
}

/// <summary>A refusal of the API server.</summary>
public sealed class KubernetesException : Exception
{
    public KubernetesException(int code, string reason, string message, TimeSpan? retryAfter = null) : base(message)
    {
        Code = code;
        Reason = reason;
        RetryAfter = retryAfter;
    }

    /// <summary>The HTTP status, or the code inside a watch's error event.</summary>
    public int Code { get; }

    /// <summary>The machine-readable reason of the Status body, e.g. <c>AlreadyExists</c>.</summary>
    public string Reason { get; }

    public TimeSpan? RetryAfter { get; }

    public bool IsNotFound => Code == 404;
    public bool IsConflict => Code == 409 && Reason != "AlreadyExists";
    public bool IsAlreadyExists => Code == 409 && Reason == "AlreadyExists";
    /// <summary>The server doesn't know who we are.</summary>
    public bool IsUnauthenticated { get; internal init; }
    /// <summary>The version asked for is no longer known: list again.</summary>
    public bool IsExpired => Code == 410;
}
