using System.Diagnostics;
using System.Globalization;
using Datum.Providers.Benchmarks.Measured;
using Datum.Providers.Benchmarks.Running;
using Datum.Providers.Kubernetes;
using Datum.Providers.Testing;

namespace Datum.Providers.Benchmarks;

/// <summary>Our client beside @kubernetes/client-node and kubectl on one API server in one run.</summary>
internal sealed class ClientBenchmark(Options options)
{
    private readonly string _ns = $"bench-{Guid.NewGuid():N}"[..14];

    public async Task RunAsync(CancellationToken cancellation)
    {
        await Tools.ProvideAsync(options.KubeConfig is null ? ["kubectl", "realapi"] : ["kubectl"], cancellation);
        var peer = await Tools.PeerAsync(cancellation);
        var kubectl = Tools.Kubectl();
        var home = Directory.CreateTempSubdirectory("datum-benchmark-").FullName;
        var server = options.KubeConfig is null ? await RealApiServer.StartAsync() : null;
        try
        {
            var kubeconfig = options.KubeConfig ?? server!.KubeConfigPath;
            await using var client = new KubernetesClient(KubeConfig.Load(kubeconfig));
            var estate = new Estate(client, _ns, options.Objects);
            try
            {
                await MeasureAsync(new Subjects(peer, kubectl, kubeconfig, _ns, options.Objects, home), estate, cancellation);
            }
            finally
            {
                if (server is null)
                    await estate.RemoveAsync(CancellationToken.None);
            }
        }
        finally
        {
            if (server is not null)
                await server.DisposeAsync();
            Directory.Delete(home, recursive: true);
        }
    }

    private async Task MeasureAsync(Subjects subjects, Estate estate, CancellationToken cancellation)
    {
        Say($"writing {options.Objects} objects");
        await estate.FillAsync(cancellation);
        var size = await estate.ObjectBytesAsync(cancellation);
        var lists = await RunInTurnAsync(subjects.Lists(), cancellation);
        var watches = await RunInTurnAsync(subjects.Watches(), cancellation);
        var followers = await FollowAsync(subjects.Followers(), estate, cancellation);
        Console.WriteLine(Report.Head(options, size, await subjects.VersionsAsync(cancellation)));
        Console.WriteLine(Report.OfSets("The full set", lists, options.Objects));
        Console.WriteLine(Report.OfSets($"{options.Objects} watch events", watches, options.Objects));
        Console.WriteLine(Report.OfFollowers(followers));
    }

    /// <summary>Round by round, each round starting with another one, so that a slow moment of the machine hits none alone.</summary>
    private async Task<IReadOnlyList<(Subject, IReadOnlyList<Measurement>)>> RunInTurnAsync(IReadOnlyList<Subject> subjects, CancellationToken cancellation)
    {
        var results = subjects.ToDictionary(s => s, _ => new List<Measurement>());
        for (var round = 0; round < options.Runs; round++)
        {
            for (var i = 0; i < subjects.Count; i++)
            {
                var subject = subjects[(i + round) % subjects.Count];
                var result = await subject.RunAsync(cancellation);
                if (subject is { IsFloor: false, ReportsItself: true } && result.Count != options.Objects)
                    throw new InvalidOperationException($"{subject.Name} read {result.Count} objects, there are {options.Objects}.");
                results[subject].Add(result);
                Say(string.Create(CultureInfo.InvariantCulture, $"run {round + 1}/{options.Runs}: {subject.Name}: {result.FirstMs:0} ms, {result.PeakKb / 1024} MB"));
            }
        }
        return [.. subjects.Select(s => (s, (IReadOnlyList<Measurement>)results[s]))];
    }

    /// <summary>All follow the same updates at the same time; one update at a time, the next some while after the answer.</summary>
    private async Task<IReadOnlyList<(string, double[])>> FollowAsync(IReadOnlyList<Subject> subjects, Estate estate, CancellationToken cancellation)
    {
        Say($"{options.Updates} updates");
        var followers = subjects.Select(s => new Follower(s)).ToList();
        try
        {
            await Task.WhenAll(followers.Select(f => f.ReadyAsync(cancellation)));
            for (var i = 0; i < options.Updates; i++)
            {
                await estate.UpdateAsync(Stopwatch.GetTimestamp().ToString(CultureInfo.InvariantCulture), cancellation);
                await Task.Delay(20, cancellation);
            }
            await estate.UpdateAsync(Estate.End, cancellation);
            var results = new List<(string, double[])>();
            foreach (var follower in followers)
            {
                var latencies = await follower.LatenciesAsync(cancellation);
                if (latencies.Length != options.Updates)
                    throw new InvalidOperationException($"{follower.Name} saw {latencies.Length} updates, {options.Updates} were sent.");
                results.Add((follower.Name, latencies));
            }
            return results;
        }
        finally
        {
            followers.ForEach(f => f.Dispose());
        }
    }

    private static void Say(string text) => Console.Error.WriteLine(text);
}
