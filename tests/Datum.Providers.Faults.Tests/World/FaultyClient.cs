using System.Runtime.CompilerServices;
using Datum.Providers.Faults.Tests.Plans;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Faults.Tests.World;

/// <summary>The API server as one process sees it, with the plan's fault at its call.</summary>
internal sealed class FaultyClient(FaultWorld world, Life life, FakeSnapshot? stale) : IKubernetesClient
{
    private static readonly TimeSpan Delayed = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan CatchUp = TimeSpan.FromMinutes(2);

    /// <summary>How long a dropped event stays unnoticed: a server forgets its history, so the next connection must list.</summary>
    private static readonly TimeSpan History = TimeSpan.FromMinutes(10);

    private readonly HashSet<string> _staleLists = [];
    private readonly HashSet<string> _expired = [];
    private readonly DateTimeOffset _start = world.Time.Now;

    /// <summary>Until then this process alone doesn't reach the API server.</summary>
    public DateTimeOffset CutOffUntil { get; set; }

    private bool IsCut => world.ApiIsAway || world.Time.Now < CutOffUntil;

    public Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject =>
        CallAsync(Boundary.ApiRead, $"api:get:{type.Plural}", () => world.Plane.FindAsync(type, key, cancellation));

    public Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject =>
        CallAsync(Boundary.ApiRead, $"api:list:{type.Plural}", () =>
            stale is not null && options.LabelSelector is null && _staleLists.Add(type.ToString())
                ? Task.FromResult(FakePlane.ListAt(stale, type, options))
                : world.Plane.ListAsync(type, options, cancellation));

    public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject =>
        CallAsync(Boundary.ApiWrite, $"api:create:{type.Plural}", () => world.Plane.CreateAsync(type, type.Plural == "leases" ? type.Stamp(value) : value, cancellation));

    public Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject =>
        CallAsync(Boundary.ApiWrite, subresource is null ? $"api:patch:{type.Plural}" : $"api:patch:{type.Plural}:{subresource}",
            () => world.Plane.PatchAsync(type, key, patch, subresource, cancellation));

    public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject =>
        CallAsync(Boundary.ApiWrite, $"api:delete:{type.Plural}", async () =>
        {
            await world.Plane.DeleteAsync(type, key, preconditions, cancellation);
            return true;
        });

    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, [EnumeratorCancellation] CancellationToken cancellation) where T : KubeObject
    {
        await life.Alive();
        if (IsCut)
            throw Away();
        var name = type.ToString();
        if (_expired.Remove(name))
            throw new KubernetesException(410, "Expired", "too old resource version (injected)");
        if (stale is not null && _staleLists.Contains(name) && world.Time.Now < _start + CatchUp)
            await world.Time.Delay(_start + CatchUp - world.Time.Now, cancellation);

        using var ends = new CancellationTokenSource();
        await using var timer = world.Time.CreateTimer(static s => ((CancellationTokenSource)s!).Cancel(), ends, options.Timeout, Timeout.InfiniteTimeSpan);
        using var cut = world.OnAway(ends.Cancel);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellation, ends.Token);
        await using var events = world.Plane.WatchAsync(type, options, linked.Token).GetAsyncEnumerator(linked.Token);
        while (true)
        {
            var more = false;
            try
            {
                more = await events.MoveNextAsync();
            }
            catch (OperationCanceledException) when (ends.IsCancellationRequested && !cancellation.IsCancellationRequested)
            {
                // The server ended the connection.
            }
            await life.Alive();
            if (IsCut)
                throw Away();
            if (!more)
                yield break;
            var item = events.Current;
            switch (world.Arrive(Boundary.ApiWatch, $"watch:{type.Plural}", life))
            {
                case Fault.EventDropped:
                    world.After(History, () =>
                    {
                        _expired.Add(name);
                        try
                        {
                            ends.Cancel();
                        }
                        catch (ObjectDisposedException)
                        {
                            // The watch ended meanwhile.
                        }
                    });
                    continue;
                case Fault.EventDoubled:
                    yield return item;
                    break;
                case Fault.EventDelayed:
                    await world.Time.Delay(Delayed, linked.Token);
                    await life.Alive();
                    break;
                case Fault.WatchEnded:
                    yield break;
                case Fault.WatchExpired:
                    throw new KubernetesException(410, "Expired", "too old resource version (injected)");
                default:
                    break;
            }
            yield return item;
        }
    }

    private async Task<TResult> CallAsync<TResult>(Boundary boundary, string label, Func<Task<TResult>> call)
    {
        await life.Alive();
        if (IsCut)
            throw Away();
        var fault = world.Arrive(boundary, label, life);
        switch (fault)
        {
            case Fault.KillBefore:
                return await life.EndAsync<TResult>();
            case Fault.StaleLists:
                world.NextIsStale = true;
                return await life.EndAsync<TResult>();
            case Fault.Conflict:
                throw new KubernetesException(409, "Conflict", "the object has been modified (injected)");
            case Fault.Refused:
                throw new KubernetesException(503, "ServiceUnavailable", "injected");
            case Fault.Away:
                world.GoAway();
                throw Away();
            default:
                break;
        }
        try
        {
            var result = await call();
            if (fault == Fault.AnswerLost)
                throw new HttpRequestException(HttpRequestError.ResponseEnded, "The connection ended without an answer (injected).");
            return result;
        }
        finally
        {
            if (fault == Fault.KillAfter)
                life.Kill();
            await life.Alive();
        }
    }

    private static HttpRequestException Away() => new(HttpRequestError.ConnectionError, "Connection refused (injected)");
}
