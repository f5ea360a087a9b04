using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Projects;

/// <summary>
/// A plane's client for whoever works for all planes: it waits shortly, and not at all while the plane has left another of its questions
/// unanswered, so that one plane that hangs costs the workers of all planes next to nothing.
/// </summary>
internal sealed class HurriedClient(IKubernetesClient inner, Func<bool> isDown, string project, TimeProvider time) : IKubernetesClient
{
    /// <summary>The longest wait for one answer.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);

    /// <summary>Once a question is this old without any answer meanwhile, nobody else asks.</summary>
    private static readonly TimeSpan Suspicious = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private int _open;
    private long _since;

    public Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject =>
        AskAsync(c => inner.FindAsync(type, key, c), cancellation);

    public Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject =>
        AskAsync(c => inner.ListAsync(type, options, c), cancellation);

    public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject =>
        AskAsync(c => inner.CreateAsync(type, value, c), cancellation);

    public Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject =>
        AskAsync(c => inner.PatchAsync(type, key, patch, subresource, c), cancellation);

    public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject =>
        AskAsync(async c =>
        {
            await inner.DeleteAsync(type, key, preconditions, c);
            return true;
        }, cancellation);

    public IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, CancellationToken cancellation) where T : KubeObject =>
        inner.WatchAsync(type, options, cancellation);

    private async Task<T> AskAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellation)
    {
        if (isDown() || !Enter())
            throw Away();
        using var limit = new CancellationTokenSource(Longest, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        var answered = true;
        try
        {
            return await ask(linked.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            answered = false;
            throw Away();
        }
        finally
        {
            Leave(answered);
        }
    }

    private HttpRequestException Away() => new(HttpRequestError.Unknown, $"The control plane of project {project} doesn't answer in time.", new TimeoutException());

    private bool Enter()
    {
        lock (_lock)
        {
            if (_open > 0 && time.GetElapsedTime(_since) > Suspicious)
                return false;
            if (_open++ == 0)
                _since = time.GetTimestamp();
            return true;
        }
    }

    private void Leave(bool answered)
    {
        lock (_lock)
        {
            _open--;
            if (answered)
                _since = time.GetTimestamp();
        }
    }
}
