using Datum.Providers.Kubernetes;

namespace Datum.Providers.Engine.Tests.World;

/// <summary>
/// Ends a process between any two of its writes and platform mutations, as SIGKILL does: from that moment on nothing that it calls
/// returns any more, so nothing of it runs on.
/// </summary>
internal sealed class KillSwitch
{
    private readonly Lock _gate = new();

    /// <summary>Moments before or after a write or mutation, so far.</summary>
    public int Moments { get; private set; }

    /// <summary>The moment at which to end; 0 for never.</summary>
    public int KillAt { get; init; }

    public bool Dead { get; private set; }

    public void Kill()
    {
        lock (_gate)
            Dead = true;
    }

    /// <summary>Counts a moment. The result never ends once the process is dead.</summary>
    public Task PassAsync(bool counts)
    {
        lock (_gate)
        {
            if (counts && !Dead && ++Moments == KillAt)
                Dead = true;
            return Dead ? new TaskCompletionSource().Task : Task.CompletedTask;
        }
    }
}

/// <summary>The API server as one process sees it.</summary>
internal sealed class MortalClient(IKubernetesClient server, KillSwitch life, Func<string, ObjectKey, Exception?>? beforeRead = null) : IKubernetesClient
{
    public Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject =>
        ReadAsync(() => beforeRead?.Invoke(type.Kind, key) is { } e ? throw e : server.FindAsync(type, key, cancellation));

    public Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject =>
        ReadAsync(() => server.ListAsync(type, options, cancellation));

    public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject =>
        WriteAsync(() => server.CreateAsync(type, value, cancellation));

    public Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject =>
        WriteAsync(() => server.PatchAsync(type, key, patch, subresource, cancellation));

    public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject =>
        WriteAsync(async () =>
        {
            await server.DeleteAsync(type, key, preconditions, cancellation);
            return true;
        });

    public IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, CancellationToken cancellation) where T : KubeObject =>
        server.WatchAsync(type, options, cancellation);

    private async Task<TResult> ReadAsync<TResult>(Func<Task<TResult>> read)
    {
        await life.PassAsync(false);
        var result = await read();
        await life.PassAsync(false);
        return result;
    }

    private async Task<TResult> WriteAsync<TResult>(Func<Task<TResult>> write)
    {
        await life.PassAsync(true);
        try
        {
            return await write();
        }
        finally
        {
            await life.PassAsync(true);
        }
    }
}

/// <summary>The wire to the platform as one process sees it.</summary>
internal sealed class MortalHandler(HttpMessageHandler wire, KillSwitch life, Action<HttpMethod, string> record) : DelegatingHandler(wire)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var counts = request.Method != HttpMethod.Get;
        await life.PassAsync(counts);
        record(request.Method, request.RequestUri!.AbsolutePath);
        try
        {
            return await base.SendAsync(request, cancellationToken);
        }
        finally
        {
            await life.PassAsync(counts);
        }
    }
}
