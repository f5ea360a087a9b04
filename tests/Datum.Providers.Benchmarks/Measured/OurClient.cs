using System.Diagnostics;
using System.Globalization;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.Benchmarks.Measured;

/// <summary>Our client, as the host uses it.</summary>
internal sealed class OurClient(KubernetesClient client, string ns, int count)
{
    private static ResourceType<Instance> Type => ResourceTypes.Instances;

    /// <summary>A reflector fills a cache: a list in pages, then a watch.</summary>
    public async Task<TakenSet> CacheAsync()
    {
        var cache = new ObjectCache<Instance>();
        var stop = new CancellationTokenSource();
        var reflector = new Reflector<Instance>(client, Type, cache, SystemScheduler.Instance, new ReflectorOptions { Namespace = ns });
        var running = reflector.RunAsync(stop.Token);
        await cache.WaitForSyncAsync(stop.Token);
        return new(cache, cache.Count, async () =>
        {
            await stop.CancelAsync();
            await running;
            stop.Dispose();
        });
    }

    /// <summary>One typed list in one request.</summary>
    public async Task<TakenSet> ListAsync()
    {
        var page = await client.ListAsync(Type, new ListOptions { Namespace = ns }, CancellationToken.None);
        return new(page.Items, page.Items.Count);
    }

    /// <summary>The list in the reflector's pages as bytes: transport and server without decoding.</summary>
    public async Task<TakenSet> PagesAsync()
    {
        long bytes = 0;
        var next = "";
        do
        {
            var page = await client.RawAsync(HttpMethod.Get, $"{Estate.PathOf(ns)}?limit={new ReflectorOptions().PageSize}{next}", null, null, CancellationToken.None);
            bytes += page.Length;
            next = ContinueOf(page);
        }
        while (next.Length > 0);
        return new(null, bytes);
    }

    /// <summary>From version 0 the server first sends every object that there is as an event.</summary>
    public async Task<TakenSet> WatchAsync()
    {
        var cache = new ObjectCache<Instance>();
        var seen = 0;
        await foreach (var change in client.WatchAsync(Type, new WatchOptions { Namespace = ns, ResourceVersion = "0" }, CancellationToken.None))
        {
            if (change.Type == WatchEventType.Bookmark)
                continue;
            cache.Apply(change.Object!);
            if (++seen == count)
                break;
        }
        return new(cache, cache.Count);
    }

    /// <summary>Follows updates until the last one has come; each carries the time at which it was sent.</summary>
    public async Task<double[]> FollowAsync(Action ready)
    {
        var cache = new ObjectCache<Instance>();
        var latencies = new List<double>();
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var subscription = cache.Subscribe(change =>
        {
            var now = Stopwatch.GetTimestamp();
            if (change.Before is null || change.After?.Metadata.Annotation(Estate.SentAnnotation) is not { } stamp)
                return;
            if (stamp == Estate.End)
                end.SetResult();
            else
                latencies.Add(Stopwatch.GetElapsedTime(long.Parse(stamp, CultureInfo.InvariantCulture), now).TotalMicroseconds);
        });
        using var stop = new CancellationTokenSource();
        var running = new Reflector<Instance>(client, Type, cache, SystemScheduler.Instance, new ReflectorOptions { Namespace = ns }).RunAsync(stop.Token);
        await cache.WaitForSyncAsync(stop.Token);
        ready();
        await end.Task;
        await stop.CancelAsync();
        await running;
        return [.. latencies];
    }

    private static string ContinueOf(byte[] page)
    {
        var name = "\"continue\":\""u8;
        var at = page.AsSpan().LastIndexOf(name);
        if (at < 0)
            return "";
        var rest = page.AsSpan(at + name.Length);
        // The last page may have an empty one.
        return rest.IndexOf((byte)'"') is var end and > 0 ? "&continue=" + Uri.EscapeDataString(System.Text.Encoding.UTF8.GetString(rest[..end])) : "";
    }
}
