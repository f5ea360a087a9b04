using System.Diagnostics;
using System.Globalization;
using Datum.Providers.Testing;

namespace Datum.Providers.Integration.Tests;

/// <summary>
/// Law L1 with the real program: SIGKILL at moments drawn from a seed in each phase of a Workload's life, several times in a phase where asked
/// for, and a new start over the same state. A census of Podman's own counts every 100 ms, and Podman's events say afterwards what was made.
/// </summary>
internal sealed class KillMatrix(Stage stage, int seed)
{
    private const int Replicas = 3;

    // About what a phase takes without a kill.
    private static readonly Phase[] Phases =
    [
        new("create", 1500, Made: 1, Removed: 0, s => s.SeedsAsync(), s => s.ConvergedAsync(1, "variant latest")),
        new("scale up", 3000, Made: Replicas - 1, Removed: 0, s => s.ScaleAsync(Replicas), s => s.ConvergedAsync(Replicas, "variant latest")),
        new("replace", 8000, Made: Replicas, Removed: Replicas, s => s.ImageAsync(PodmanHost.OtherWebImage), s => s.ConvergedAsync(Replicas, "variant alt")),
        new("scale down", 3000, Made: 0, Removed: Replicas - 1, s => s.ScaleAsync(1), s => s.ConvergedAsync(1, "variant alt")),
        new("delete", 5000, Made: 0, Removed: 1, s => s.BeginDeletionAsync(), s => s.DeleteAsync()),
    ];

    private readonly Random _random = new(seed);
    private int _kills;
    private int _starting;

    public static int PhasesARound => Phases.Length;

    /// <summary>The seed of DATUM_SEED, or one by chance.</summary>
    public static int SeedOfRun() => Environment.GetEnvironmentVariable("DATUM_SEED") is { Length: > 0 } named ? int.Parse(named, CultureInfo.InvariantCulture) : Random.Shared.Next();

    public async Task RunAsync(int rounds, int killsAPhase)
    {
        var all = Stopwatch.StartNew();
        await using var census = new PodmanCensus(stage.Podman, stage.Installation);
        for (var round = 0; round < rounds; round++)
        {
            var space = await stage.SpaceAsync();
            await space.ConfigAsync();
            await space.LocationAsync();
            foreach (var phase in Phases)
                await RunAsync(space, phase, killsAPhase, census);
        }

        await Say($"kill test: {_kills} kills ({_starting} of them before the host was ready again), {census.Samples} counts, longest gap {census.LongestGap.TotalMilliseconds:0} ms, "
            + $"most containers for one Instance {census.MostForOne}, {census.Violations.Count} violations, {all.Elapsed.TotalMinutes:0.0} minutes, DATUM_SEED={seed}");
        Assert.That(_kills, Is.EqualTo(rounds * Phases.Length * killsAPhase));
        Assert.That(census.MostForOne, Is.EqualTo(1), "the census saw containers, and never two");
        Assert.That(await stage.ObjectsAsync(), Is.Empty);
    }

    private async Task RunAsync(Space space, Phase phase, int kills, PodmanCensus census)
    {
        var begun = DateTimeOffset.UtcNow;
        await phase.Begin(space);
        var since = Stopwatch.StartNew();
        for (var i = 0; i < kills; i++)
        {
            if (i > 0)
            {
                stage.Host.Launch();
                since.Restart();
            }

            // The moment is what is drawn, as a part of the time that is left; nothing is waited for. A later kill can hit the start too.
            var moment = _random.NextDouble() * (TimeSpan.FromMilliseconds(phase.Millis) + (i == 0 ? TimeSpan.Zero : stage.Host.StartUp));
            if (moment > since.Elapsed)
                await Task.Delay(moment - since.Elapsed);
            Assert.That(stage.Host.IsRunning, Is.True, $"seed {seed}: the host ended by itself\n{stage.Host.Tail()}");
            var ready = stage.Host.SaysReady;
            stage.Host.Kill();
            _kills++;
            _starting += ready ? 0 : 1;
            await Say($"kill {_kills}: {phase.Name} at {since.Elapsed.TotalMilliseconds:0} ms{(i > 0 ? " of a new start" : "")}{(ready ? "" : ", not ready yet")}; containers there {census.Last}");
        }

        await stage.Host.StartAsync();
        since.Restart();
        await phase.Converged(space);
        var (made, removed) = await PodmanEvents.SinceAsync(stage.Podman, stage.Installation, begun);
        await Say($"{space.Name} {phase.Name}: ready after {stage.Host.StartUp.TotalSeconds:0.0} s, converged {since.Elapsed.TotalSeconds:0.0} s later; {made.Count} made, {removed.Count} removed");
        var where = $"seed {seed}, kill {_kills}, {space.Name} {phase.Name}";
        Assert.That(census.Violations, Is.Empty, $"{where}\n{stage.Picture()}");
        Assert.That(made, Is.Unique.And.Count.EqualTo(phase.Made), $"{where}: what Podman made\n{stage.Picture()}");
        Assert.That(removed, Is.Unique.And.Count.EqualTo(phase.Removed), $"{where}: what Podman removed\n{stage.Picture()}");
    }

    private static Task Say(string line) => TestContext.Progress.WriteLineAsync(line);

    /// <summary>One phase: how long after its request a kill comes at most, and how many containers it makes and removes.</summary>
    private sealed record Phase(string Name, int Millis, int Made, int Removed, Func<Space, Task> Begin, Func<Space, Task> Converged);
}
