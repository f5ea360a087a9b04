using System.Runtime.CompilerServices;
using Datum.Providers.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Composition;

/// <summary>
/// Everything that the host asks of its API server goes through here, so that a missing right, a kind that isn't served and a server that
/// is down are each told once, with what to do, and once more when they are over. Who asked gets the exception all the same.
/// </summary>
internal sealed partial class PlaneClient(IKubernetesClient inner, ILogger<PlaneClient> logger) : IKubernetesClient
{
    private readonly Lock _lock = new();
    private readonly HashSet<string> _refused = new(StringComparer.Ordinal);
    private bool _down;

    public Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject =>
        AskAsync("get", type.ToString(), key.Namespace, () => inner.FindAsync(type, key, cancellation));

    public Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject =>
        AskAsync("list", type.ToString(), options.Namespace, () => inner.ListAsync(type, options, cancellation));

    public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject =>
        AskAsync("create", type.ToString(), value.Metadata.Namespace, () => inner.CreateAsync(type, value, cancellation));

    public Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject =>
        AskAsync("patch", Resource(type, subresource), key.Namespace, () => inner.PatchAsync(type, key, patch, subresource, cancellation));

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
                if (!await events.MoveNextAsync())
                    yield break;
            }
            // A connection that ends is the ordinary end of a watch; one that can't be made says that the server is down.
            catch (Exception e) when (Note(e, "watch", resource, options.Namespace, isWatch: true))
            {
                throw;
            }
            Well("watch", resource);
            yield return events.Current;
        }
    }

    private async Task<T> AskAsync<T>(string verb, string resource, string? ns, Func<Task<T>> ask)
    {
        try
        {
            var answer = await ask();
            Well(verb, resource);
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
        switch (error)
        {
            case KubernetesException { Code: 403 } e when Mark(verb, resource):
                LogForbidden(logger, verb, resource, ns is null ? "" : $" in namespace {ns}", e.Message);
                break;
            case KubernetesException { Code: 404 } when verb is "list" or "watch" && Mark(verb, resource):
                LogNotServed(logger, resource);
                break;
            case KubernetesException { Code: 401 } e:
                Down($"it doesn't accept the host's credentials ({e.Message}); renew those of the kubeconfig");
                break;
            case HttpRequestException e when !isWatch || e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError:
                Down(e.Message);
                break;
        }
        return false;
    }

    private bool Mark(string verb, string resource)
    {
        lock (_lock)
            return _refused.Add($"{verb} {resource}");
    }

    private void Down(string why)
    {
        lock (_lock)
        {
            if (_down)
                return;
            _down = true;
        }
        LogDown(logger, why);
    }

    private void Well(string verb, string resource)
    {
        bool up, allowed;
        lock (_lock)
        {
            (up, _down) = (_down, false);
            allowed = _refused.Remove($"{verb} {resource}");
        }
        if (up)
            LogUp(logger);
        if (allowed)
            LogAllowed(logger, verb, resource);
    }

    private static string Resource<T>(ResourceType<T> type, string? subresource) where T : KubeObject =>
        subresource is null ? type.ToString() : type.Group.Length == 0 ? $"{type.Plural}/{subresource}" : $"{type.Plural}.{type.Group}/{subresource}";

    [LoggerMessage(EventId = 1301, Level = LogLevel.Error, Message = "The API server doesn't serve the host: {Why}. What runs at the platforms goes on, nothing new is begun; it is tried again by itself")]
    private static partial void LogDown(ILogger logger, string why);

    [LoggerMessage(EventId = 1302, Level = LogLevel.Information, Message = "The API server answers again")]
    private static partial void LogUp(ILogger logger);

    [LoggerMessage(EventId = 1303, Level = LogLevel.Error, Message = "The host's user may not {Verb} {Resource}{Where}: grant it. What needs it waits and is tried again by itself; everything else goes on ({Error})")]
    private static partial void LogForbidden(ILogger logger, string verb, string resource, string where, string error);

    [LoggerMessage(EventId = 1304, Level = LogLevel.Information, Message = "The host can {Verb} {Resource} now")]
    private static partial void LogAllowed(ILogger logger, string verb, string resource);

    [LoggerMessage(EventId = 1305, Level = LogLevel.Error, Message = "The API server doesn't serve {Resource}: install the kinds (start with --install-crds, or datum-providers crds | kubectl apply -f -). It is tried again by itself")]
    private static partial void LogNotServed(ILogger logger, string resource);
}
