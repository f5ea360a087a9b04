using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Datum.Providers.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Composition;

/// <summary>
/// Everything that the host asks of its API server goes through here, so that a missing right, a kind that isn't served and a server that
/// is down are each told once, with what to do, and once more when they are over. Who asked gets the exception all the same.
/// </summary>
/// <param name="project">Whose control plane it is; null for the host's own API server.</param>
internal sealed partial class PlaneClient(IKubernetesClient inner, IScheduler scheduler, ILogger<PlaneClient> logger, string? project = null) : IKubernetesClient
{
    /// <summary>A watch that is open so long without a word wasn't refused.</summary>
    private static readonly TimeSpan Accepted = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan FirstProbe = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestProbe = TimeSpan.FromSeconds(15);

    private readonly string _server = project is null ? "The API server" : $"The control plane of project {project}";
    private readonly Lock _lock = new();
    private readonly Channel<bool> _doubts = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly HashSet<string> _refused = new(StringComparer.Ordinal);
    private bool _down;

    /// <summary>The client behind this one, for a question whose refusal is no trouble.</summary>
    public IKubernetesClient Direct => inner;

    /// <summary>Ends the search for a server that is down.</summary>
    public CancellationToken Stopping { get; set; }

    public Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject =>
        AskAsync("get", type.ToString(), key.Namespace, () => inner.FindAsync(type, key, cancellation));

    public Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject =>
        AskAsync("list", type.ToString(), options.Namespace, () => inner.ListAsync(type, options, cancellation));

    public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject =>
        AskAsync("create", type.ToString(), value.Metadata.Namespace, () => inner.CreateAsync(type, value, cancellation));

    public async Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject
    {
        var resource = Resource(type, subresource);
        var stored = await AskAsync("patch", resource, key.Namespace, () => inner.PatchAsync(type, key, patch, subresource, cancellation));
        if (PrunedWrite.Of(patch, type, stored) is { } dropped)
        {
            Doubt();
            if (Mark("pruned", $"{resource} {dropped}", null))
                LogPruned(logger, _server, resource, dropped);
        }
        return stored;
    }

    public Task<JsonObject?> DiscoverAsync(string path, CancellationToken cancellation) => inner.DiscoverAsync(path, cancellation);

    /// <summary>Completes once the server has given an answer that a plane of the shape that it was engaged with wouldn't give; each such time once.</summary>
    public async Task DoubtedAsync(CancellationToken cancellation) => await _doubts.Reader.ReadAsync(cancellation);

    private void Doubt() => _doubts.Writer.TryWrite(true);

    public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject =>
        AskAsync("delete", type.ToString(), key.Namespace, async () =>
        {
            await inner.DeleteAsync(type, key, preconditions, cancellation);
            return true;
        });

    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, [EnumeratorCancellation] CancellationToken cancellation) where T : KubeObject
    {
        var resource = type.ToString();
        await using var events = inner.WatchAsync(type, options, cancellation).GetAsyncEnumerator(cancellation);
        while (true)
        {
            try
            {
                var next = events.MoveNextAsync().AsTask();
                if (IsRefused("watch", resource, options.Namespace))
                    await AcceptedAsync(next, resource, options.Namespace, cancellation);
                if (!await next)
                    yield break;
            }
            // A connection that ends is the ordinary end of a watch; one that can't be made says that the server is down.
            catch (Exception e) when (Note(e, "watch", resource, options.Namespace, isWatch: true))
            {
                throw;
            }
            Answered();
            Allowed("watch", resource, options.Namespace);
            yield return events.Current;
        }
    }

    private async Task<T> AskAsync<T>(string verb, string resource, string? ns, Func<Task<T>> ask)
    {
        try
        {
            var answer = await ask();
            Answered();
            Allowed(verb, resource, ns);
            return answer;
        }
        catch (Exception e) when (Note(e, verb, resource, ns, isWatch: false))
        {
            throw;
        }
    }

    /// <summary>A filter that only looks: always false, so that the exception goes on as it is.</summary>
    private bool Note(Exception error, string verb, string resource, string? ns, bool isWatch)
    {
        // A list has no object that could be missing; elsewhere the reason tells a kind from an object.
        if (error is KubernetesException { Code: 404 } missing && (verb is "list" or "watch" || missing.Reason != "NotFound"))
            Doubt();
        switch (error)
        {
            case KubernetesException { Code: 401 } or KubernetesException { IsUnauthenticated: true }:
                Down($"it doesn't accept the host's credentials ({error.Message}); renew {(project is null ? "those of the kubeconfig" : "them")}");
                break;
            case KubernetesException { Code: 403 } e when Mark(verb, resource, ns):
                LogForbidden(logger, _server, verb, resource, ns is null ? "" : $" in namespace {ns}", e.Message);
                break;
            case KubernetesException { Code: 404 } when verb is "list" or "watch" && Mark(verb, resource, ns):
                LogNotServed(logger, _server, resource);
                break;
            case HttpRequestException e when !isWatch || e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError:
                Down(e.Message);
                break;
        }
        return false;
    }

    private bool Mark(string verb, string resource, string? ns)
    {
        lock (_lock)
            return _refused.Add($"{verb} {resource} {ns}");
    }

    private void Down(string why)
    {
        lock (_lock)
        {
            if (_down)
                return;
            _down = true;
        }
        LogDown(logger, _server, why);
        _ = scheduler.Run(SeekAsync);
    }

    /// <summary>Asks until the server answers: watches that are open again may be silent for long.</summary>
    private async Task SeekAsync()
    {
        var wait = FirstProbe;
        while (IsDown && !Stopping.IsCancellationRequested)
        {
            try
            {
                await scheduler.Delay(wait, Stopping);
                await inner.FindAsync(Core.Namespaces, new ObjectKey(null, "kube-system"), Stopping);
                Answered();
            }
            catch (KubernetesException e) when (e.Code is not 401 and < 500 && !e.IsUnauthenticated)
            {
                // It refuses this question, so it is there.
                Answered();
            }
            catch (Exception e) when (e is HttpRequestException or KubernetesException)
            {
                wait = wait * 2 < LongestProbe ? wait * 2 : LongestProbe;
            }
            catch (OperationCanceledException) when (Stopping.IsCancellationRequested)
            {
                return;
            }
        }
    }

    /// <summary>It was noticed that the server doesn't answer, and it hasn't answered since.</summary>
    public bool IsDown
    {
        get { lock (_lock) return _down; }
    }

    private bool IsRefused(string verb, string resource, string? ns)
    {
        lock (_lock)
            return _refused.Contains($"{verb} {resource} {ns}");
    }

    private void Answered()
    {
        lock (_lock)
        {
            if (!_down)
                return;
            _down = false;
        }
        LogUp(logger, _server);
    }

    private void Allowed(string verb, string resource, string? ns)
    {
        lock (_lock)
            if (!_refused.Remove($"{verb} {resource} {ns}"))
                return;
        LogAllowed(logger, _server, verb, resource);
    }

    /// <summary>A watch that was refused before: it is told as allowed when it stays open, since its first event may be long in coming.</summary>
    private async Task AcceptedAsync(Task next, string resource, string? ns, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var wait = scheduler.Delay(Accepted, stop.Token);
        var first = await Task.WhenAny(next, wait);
        await stop.CancelAsync();
        if (first == wait && !cancellation.IsCancellationRequested && !IsDown)
            Allowed("watch", resource, ns);
    }

    private static string Resource<T>(ResourceType<T> type, string? subresource) where T : KubeObject =>
        subresource is null ? type.ToString() : type.Group.Length == 0 ? $"{type.Plural}/{subresource}" : $"{type.Plural}.{type.Group}/{subresource}";

    [LoggerMessage(EventId = 1301, Level = LogLevel.Error, Message = "{Server} doesn't serve the host: {Why}. What runs at the platforms goes on, nothing new is begun; it is tried again by itself")]
    private static partial void LogDown(ILogger logger, string server, string why);

    [LoggerMessage(EventId = 1302, Level = LogLevel.Information, Message = "{Server} answers again")]
    private static partial void LogUp(ILogger logger, string server);

    [LoggerMessage(EventId = 1303, Level = LogLevel.Error, Message = "{Server}: the host's user may not {Verb} {Resource}{Where}: grant it. What needs it waits and is tried again by itself; everything else goes on ({Error})")]
    private static partial void LogForbidden(ILogger logger, string server, string verb, string resource, string where, string error);

    [LoggerMessage(EventId = 1304, Level = LogLevel.Information, Message = "{Server}: the host can {Verb} {Resource} now")]
    private static partial void LogAllowed(ILogger logger, string server, string verb, string resource);

    [LoggerMessage(EventId = 1308, Level = LogLevel.Warning, Message = "{Server} dropped {Path} of a write to {Resource}: its definition doesn't have it. The rest was written")]
    private static partial void LogPruned(ILogger logger, string server, string resource, string path);

    [LoggerMessage(EventId = 1305, Level = LogLevel.Error, Message = "{Server} doesn't serve {Resource}: install the kinds (start with --install-crds, or datum-providers crds | kubectl apply -f -). It is tried again by itself")]
    private static partial void LogNotServed(ILogger logger, string server, string resource);
}
