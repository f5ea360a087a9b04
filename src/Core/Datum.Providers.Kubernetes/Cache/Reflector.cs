using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Kubernetes;

/// <summary>
/// Keeps a cache like the server: one list, then watches that resume from the last version seen. The end of a watch is a resume,
/// 410 is a new list, silence drops the connection. At rest it sends one watch request per watch timeout and no list (L8).
/// A server that was restored from a backup has versions below those that were seen, and a watch from its future stays silent: after a connection
/// that failed or brought nothing, not even a bookmark, its version is asked for before the next one.
/// </summary>
public sealed partial class Reflector<T> where T : KubeObject
{
    private static readonly TimeSpan LongestInitialSilence = TimeSpan.FromMinutes(1);

    /// <summary>A server sends bookmarks about each minute: one that said nothing for so long may have nothing to say below the version that was asked for.</summary>
    private static readonly TimeSpan LongSilence = TimeSpan.FromMinutes(2);


    private readonly IKubernetesClient _client;
    private readonly ResourceType<T> _type;
    private readonly ObjectCache<T> _cache;
    private readonly IScheduler _scheduler;
    private readonly ReflectorOptions _options;
    private readonly ILogger _logger;
    private readonly string _resource;
    private int _running;
    private int _failures;
    private bool _wholeList;
    private string? _told;
    private bool _streamRefused;
    private bool _doubted;
    private long _startedAt;

    public Reflector(IKubernetesClient client, ResourceType<T> type, ObjectCache<T> cache, IScheduler scheduler, ReflectorOptions? options = null, ILogger? logger = null)
    {
        _client = client;
        _type = type;
        _resource = type.ToString();
        _cache = cache;
        _scheduler = scheduler;
        _options = options ?? new ReflectorOptions();
        _logger = logger ?? NullLogger.Instance;
    }

    public ReflectorState State { get; private set; } = ReflectorState.Empty;

    /// <summary>The version that the next watch starts from; null when a list is needed first.</summary>
    public string? ResourceVersion { get; private set; }

    /// <summary>The last failure; null once the server was heard again.</summary>
    public Exception? LastError { get; private set; }

    /// <summary>Runs until cancelled, then ends without an exception. Only one run at a time.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        if (Interlocked.Exchange(ref _running, 1) == 1)
            throw new InvalidOperationException("This reflector runs already.");
        _startedAt = _scheduler.Time.GetTimestamp();
        try
        {
            while (!cancellation.IsCancellationRequested)
            {
                var wait = await StepAsync(cancellation);
                if (wait > TimeSpan.Zero && !cancellation.IsCancellationRequested)
                {
                    Enter(ReflectorState.BackingOff);
                    await _scheduler.Delay(wait, cancellation);
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            LogStopped(_logger, _resource);
        }
        finally
        {
            Enter(ReflectorState.Stopped);
            Volatile.Write(ref _running, 0);
        }
    }

    /// <summary>One list or one watch connection; returns how long to wait before the next.</summary>
    private async Task<TimeSpan> StepAsync(CancellationToken cancellation)
    {
        try
        {
            if (ResourceVersion is null)
            {
                Enter(ReflectorState.Listing);
                if (_options.StreamList && !_streamRefused && _client.CanStreamLists)
                    return await StreamAsync(cancellation) ? TimeSpan.Zero : NextBackoff(null);
                await ListAsync(cancellation);
                _doubted = false;
                LastError = null;
                _told = null;
                return TimeSpan.Zero;
            }
            if (_doubted && await WasSetBackAsync(cancellation))
                return TimeSpan.Zero;
            Enter(ReflectorState.Watching);
            // An empty answer that ended at once tells nothing; asking again at once could go on forever.
            return await WatchAsync(cancellation) ? TimeSpan.Zero : NextBackoff(null);
        }
        catch (KubernetesException error) when (error.IsExpired)
        {
            LogExpired(_logger, _resource, ResourceVersion);
            // Also a continue token expires; then pages are too slow for this list.
            _wholeList = ResourceVersion is null;
            ResourceVersion = null;
            LastError = error;
            return NextBackoff(error.RetryAfter);
        }
        catch (Exception error) when (!cancellation.IsCancellationRequested)
        {
            LastError = error;
            // Who refuses is there; who isn't there may come back from a backup.
            _doubted |= error is HttpRequestException;
            // The same trouble at each attempt is said once.
            if (IsExpectedAtStart(error) || _told == error.Message)
                LogNotReady(_logger, _resource, error.Message);
            else
                LogFailed(_logger, _resource, State, _told = error.Message);
            // An event that can't be read as one: nobody knows what it said, so the cache may lack it.
            if (State == ReflectorState.Watching && error is HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse })
                ResourceVersion = null;
            return NextBackoff((error as KubernetesException)?.RetryAfter);
        }
    }

    /// <summary>A server that has just learnt of a kind, or just started, opens its storage first.</summary>
    private bool IsExpectedAtStart(Exception error) =>
        error is KubernetesException { Code: 429 or 503 } refusal && refusal.Message.Contains("storage is (re)initializing", StringComparison.Ordinal)
        && _scheduler.Time.GetElapsedTime(_startedAt) < _options.StartGrace;

    private async Task ListAsync(CancellationToken cancellation)
    {
        var items = new List<T>();
        var unreadable = new List<ObjectKey>();
        string? next = null;
        var seenBefore = _cache.Highest;
        ListPage<T> page;
        do
        {
            page = await _client.ListAsync(_type, new ListOptions
            {
                Namespace = _options.Namespace,
                LabelSelector = _options.LabelSelector,
                FieldSelector = _options.FieldSelector,
                Limit = _wholeList ? null : _options.PageSize,
                Continue = next,
            }, cancellation);
            items.AddRange(page.Items);
            foreach (var bad in page.Unreadable)
            {
                unreadable.Add(bad.Key);
                Report(bad);
            }
            next = page.Continue;
        }
        while (next is not null);
        _wholeList = false;
        _cache.Replace(items, page.ResourceVersion, unreadable, seenBefore);
        ResourceVersion = page.ResourceVersion;
    }

    /// <summary>Whether the server's version is below the one that the next watch would start from; then a list says what holds.</summary>
    private async Task<bool> WasSetBackAsync(CancellationToken cancellation)
    {
        var page = await _client.ListAsync(_type, new ListOptions
        {
            Namespace = _options.Namespace, LabelSelector = _options.LabelSelector, FieldSelector = _options.FieldSelector, Limit = 1,
        }, cancellation);
        _doubted = false;
        if (ResourceVersions.Compare(page.ResourceVersion, ResourceVersion) >= 0)
            return false;
        LogWentBack(_logger, _resource, page.ResourceVersion, ResourceVersion);
        ResourceVersion = null;
        return true;
    }

    /// <summary>The list as the beginning of a watch, which then goes on. False when it ended before the list was whole.</summary>
    private async Task<bool> StreamAsync(CancellationToken cancellation)
    {
        var initial = new InitialEvents<T>(_cache.Highest);
        try
        {
            var heard = await FollowAsync("", initial, cancellation);
            // A server that doesn't know the parameter watches, but never says that the list is whole.
            _streamRefused = ResourceVersion is null;
            return heard && ResourceVersion is not null;
        }
        catch (KubernetesException error) when (error.Code is 400 or 422 && ResourceVersion is null)
        {
            LogStreamRefused(_logger, _resource, error.Message);
            _streamRefused = true;
            return true;
        }
    }

    private Task<bool> WatchAsync(CancellationToken cancellation) => FollowAsync(ResourceVersion!, null, cancellation);

    /// <summary>Follows one connection to its end; false when it ended at once and brought nothing.</summary>
    private async Task<bool> FollowAsync(string from, InitialEvents<T>? initial, CancellationToken cancellation)
    {
        var timeout = _options.WatchTimeout * (1 + _scheduler.NextRandom());
        var silence = _options.Silence ?? timeout + TimeSpan.FromSeconds(30);
        using var watchdog = new CancellationTokenSource(initial is null || silence < LongestInitialSilence ? silence : LongestInitialSilence, _scheduler.Time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellation, watchdog.Token);
        var started = _scheduler.Time.GetTimestamp();
        var heard = false;
        try
        {
            var options = new WatchOptions
            {
                Namespace = _options.Namespace,
                LabelSelector = _options.LabelSelector,
                FieldSelector = _options.FieldSelector,
                ResourceVersion = from,
                SendInitialEvents = initial is not null,
                Timeout = timeout,
                RetryStart = false,
            };
            await foreach (var change in _client.WatchAsync(_type, options, linked.Token))
            {
                watchdog.CancelAfter(initial is null || silence < LongestInitialSilence ? silence : LongestInitialSilence);
                heard = true;
                _failures = 0;
                LastError = null;
                _told = null;
                if (initial is null)
                {
                    if (!Take(change))
                        return false;
                }
                else if (TakeInitial(initial, change))
                {
                    initial = null;
                    watchdog.CancelAfter(silence);
                }
            }
        }
        catch (Exception error) when (error is OperationCanceledException or HttpRequestException && watchdog.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            LogSilent(_logger, _resource, silence);
            _doubted = !heard;
            return true;
        }
        _doubted = !heard && _scheduler.Time.GetElapsedTime(started) >= LongSilence;
        if (heard || _scheduler.Time.GetElapsedTime(started) >= TimeSpan.FromSeconds(1))
        {
            _failures = 0;
            LastError = null;
            _told = null;
            return true;
        }
        return false;
    }

    /// <summary>Takes an event in; false when only a new list can say what holds.</summary>
    private bool Take(WatchEvent<T> change)
    {
        if (!string.IsNullOrEmpty(change.ResourceVersion) && ResourceVersions.Compare(change.ResourceVersion, ResourceVersion) < 0)
        {
            LogWentBack(_logger, _resource, change.ResourceVersion, ResourceVersion);
            ResourceVersion = null;
            return false;
        }
        switch (change.Type)
        {
            case WatchEventType.Added or WatchEventType.Modified:
                _cache.Apply(change.Object!);
                break;
            case WatchEventType.Deleted:
                _cache.ApplyDeleted(change.Object!.Key, change.Object.Metadata.Uid, change.ResourceVersion);
                break;
            case WatchEventType.Unreadable:
                Report(change.Unreadable!);
                // Whose event was it?
                if (change.Unreadable!.Key.Name.Length == 0)
                {
                    ResourceVersion = null;
                    return false;
                }
                if (change.Unreadable.Deleted)
                    _cache.ApplyDeleted(change.Unreadable.Key, change.Unreadable.Uid, change.ResourceVersion);
                break;
            default:
                break;
        }
        if (!string.IsNullOrEmpty(change.ResourceVersion))
            ResourceVersion = change.ResourceVersion;
        return true;
    }

    /// <summary>Takes an event before the list is whole in; true when it is.</summary>
    private bool TakeInitial(InitialEvents<T> initial, WatchEvent<T> change)
    {
        if (change.Type == WatchEventType.Unreadable)
            Report(change.Unreadable!);
        if (!initial.Take(change))
            return false;
        _cache.Replace(initial.Items, change.ResourceVersion!, initial.Unreadable, initial.SeenBefore);
        ResourceVersion = change.ResourceVersion;
        Enter(ReflectorState.Watching);
        return true;
    }

    private void Report(UnreadableObject bad)
    {
        LogUnreadable(_logger, _resource, bad.Key, bad.Reason);
        _options.OnUnreadable?.Invoke(bad);
    }

    private TimeSpan NextBackoff(TimeSpan? atLeast)
    {
        var doubled = _options.FirstBackoff * Math.Pow(2, Math.Min(_failures++, 16));
        var capped = doubled < _options.LongestBackoff ? doubled : _options.LongestBackoff;
        var jittered = capped * (0.5 + 0.5 * _scheduler.NextRandom());
        return atLeast is { } asked && asked > jittered ? (asked < _options.LongestBackoff ? asked : _options.LongestBackoff) : jittered;
    }

    private void Enter(ReflectorState state)
    {
        if (State == state)
            return;
        State = state;
        _options.OnState?.Invoke(state);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The reflector of {Resource} stopped")]
    private static partial void LogStopped(ILogger logger, string resource);

    [LoggerMessage(Level = LogLevel.Information, Message = "Version {Version} of {Resource} has expired; listing again")]
    private static partial void LogExpired(ILogger logger, string resource, string? version);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{State} {Resource} failed, it is tried again: {Reason}")]
    private static partial void LogFailed(ILogger logger, string resource, ReflectorState state, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Resource} isn't ready yet: {Reason}")]
    private static partial void LogNotReady(ILogger logger, string resource, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Resource} can't be streamed as a list ({Reason}); it is listed in pages")]
    private static partial void LogStreamRefused(ILogger logger, string resource, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The server says version {Version} of {Resource} after {Seen}: it was set back; listing again")]
    private static partial void LogWentBack(ILogger logger, string resource, string? version, string? seen);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The watch of {Resource} was silent for {Silence}; it is dropped and resumed")]
    private static partial void LogSilent(ILogger logger, string resource, TimeSpan silence);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Resource} {Key} can't be read: {Reason}")]
    private static partial void LogUnreadable(ILogger logger, string resource, ObjectKey key, string reason);
}
