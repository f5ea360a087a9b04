using System.Text.Json;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Benchmarks.Measured;

/// <summary>The measured side: one process, one measurement, one line of JSON.</summary>
internal static class Child
{
    public static async Task<int> RunAsync(string mode, string kubeconfig, string ns, int count)
    {
        var connection = KubeConfig.Load(kubeconfig);
        await using var client = new KubernetesClient(connection);
        var ours = new OurClient(client, ns, count);
        var floor = new Floor(connection, ns, count);
        switch (mode)
        {
            case "cache": return await TakeAsync(ours.CacheAsync);
            case "list": return await TakeAsync(ours.ListAsync);
            case "pages": return await TakeAsync(ours.PagesAsync);
            case "watch": return await TakeAsync(ours.WatchAsync);
            case "follow": return await FollowAsync(ours.FollowAsync);
            case "floor-list": return await TakeAsync(() => floor.ListAsync(gzip: false));
            case "floor-list-gzip": return await TakeAsync(() => floor.ListAsync(gzip: true));
            case "floor-watch": return await TakeAsync(floor.WatchAsync);
            case "floor-follow": return await FollowAsync(floor.FollowAsync);
            default:
                await Console.Error.WriteLineAsync($"There is no measurement '{mode}'.");
                return 2;
        }
    }

    private static async Task<int> TakeAsync(Func<Task<TakenSet>> take)
    {
        Console.WriteLine(JsonSerializer.Serialize(await Measurement.TakeAsync(take), Measurement.Json));
        return 0;
    }

    private static async Task<int> FollowAsync(Func<Action, Task<double[]>> follow)
    {
        var latencies = await follow(() => Console.WriteLine("""{"ready":true}"""));
        Console.WriteLine(JsonSerializer.Serialize(new Followed { LatenciesUs = latencies }, Measurement.Json));
        return 0;
    }
}

/// <summary>What a process that follows updates prints: first that it is ready, at the end how late each update came (µs).</summary>
internal sealed record Followed
{
    public bool Ready { get; init; }

    public double[]? LatenciesUs { get; init; }
}
