using System.Diagnostics;
using System.Globalization;
using Datum.Providers.Testing;

namespace Datum.Providers.Integration.Tests;

/// <summary>
/// Law L1 with the real program: SIGKILL at moments drawn from a seed (environment variable DATUM_SEED replays one) during create, scale,
/// image change and delete, and a new start over the same state, while a census of Podman's own counts every 100 ms.
/// </summary>
[TestFixture, Category("Slow")]
public sealed class KillTests
{
    private const int KillsAPhase = 5;

    // Around what each phase takes without a kill, from the figures that the test prints.
    private static readonly (string Name, int LongestMillis)[] Phases = [("create", 1500), ("scale", 3000), ("image", 12_000), ("delete", 11_000)];

    [Test]
    public async Task A_host_that_is_killed_at_any_moment_makes_nothing_twice_and_leaves_nothing()
    {
        var seed = Environment.GetEnvironmentVariable("DATUM_SEED") is { Length: > 0 } named ? int.Parse(named, CultureInfo.InvariantCulture) : Random.Shared.Next();
        await Say($"kill test: DATUM_SEED={seed}");
        var random = new Random(seed);
        var moments = Phases.Select(p => Enumerable.Range(0, KillsAPhase).Select(_ => random.Next(p.LongestMillis)).ToArray()).ToArray();

        await using var stage = await Stage.EmbeddedAsync();
        await using var census = new PodmanCensus(stage.Podman, stage.Installation);
        var kills = 0;
        for (var round = 0; round < KillsAPhase; round++)
        {
            var space = await stage.SpaceAsync();
            await space.ConfigAsync();
            await space.LocationAsync();
            for (var phase = 0; phase < Phases.Length; phase++)
            {
                var since = Stopwatch.StartNew();
                var converged = await BeginAsync(space, Phases[phase].Name, round);
                var moment = TimeSpan.FromMilliseconds(moments[phase][round]);
                // The moment is what is drawn; nothing is waited for.
                if (moment > since.Elapsed)
                    await Task.Delay(moment - since.Elapsed);
                stage.Host.Kill();
                kills++;
                var dead = since.Elapsed;
                await stage.Host.StartAsync();
                await converged();
                await Say($"kill {kills}: {Phases[phase].Name} at {dead.TotalMilliseconds:0} ms (drawn {moment.TotalMilliseconds:0}), ready again after {stage.Host.StartUp.TotalSeconds:0.0} s, converged after {since.Elapsed.TotalSeconds:0.0} s");
                Assert.That(census.Violations, Is.Empty, $"seed {seed}, kill {kills}\n{stage.Picture()}");
            }
        }

        await Say($"kill test: {kills} kills, {census.Samples} counts, longest gap {census.LongestGap.TotalMilliseconds:0} ms, most containers for one Instance {census.MostForOne}");
        Assert.That(kills, Is.EqualTo(20));
        Assert.That(census.MostForOne, Is.EqualTo(1), "the census saw containers, and never two");
        Assert.That(await stage.ObjectsAsync(), Is.Empty);
    }

    /// <summary>Starts a phase; the result waits until it is done.</summary>
    private static async Task<Func<Task>> BeginAsync(Space space, string phase, int round)
    {
        switch (phase)
        {
            case "create":
                await space.SeedsAsync();
                return () => space.ConvergedAsync(1, "variant latest");
            case "scale":
                // Up in each round, in every other one after it down as well.
                await space.ScaleAsync(round % 2 == 0 ? 3 : 2);
                return () => space.ConvergedAsync(round % 2 == 0 ? 3 : 2, "variant latest");
            case "image":
                await space.ImageAsync(PodmanHost.OtherWebImage);
                return () => space.ConvergedAsync(round % 2 == 0 ? 3 : 2, "variant alt");
            default:
                await space.BeginDeletionAsync();
                return space.DeleteAsync;
        }
    }

    private static Task Say(string line) => TestContext.Progress.WriteLineAsync(line);
}
