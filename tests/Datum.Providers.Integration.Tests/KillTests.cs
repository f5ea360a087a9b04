namespace Datum.Providers.Integration.Tests;

/// <summary>Law L1 with the real program, the embedded plane and real Podman. The environment variable DATUM_SEED replays a run's moments.</summary>
[TestFixture]
public sealed class KillTests
{
    // One kill in each phase twice: what CI has time for.
    private const int FewRounds = 2;

    // Four kills in each of five phases, ten times.
    private const int ManyRounds = 10;
    private const int ManyKillsAPhase = 4;

    [Test, Category("Slow")]
    public Task A_host_that_is_killed_at_any_moment_makes_nothing_twice_and_leaves_nothing() => RunAsync(FewRounds, 1, "./test");

    [Test, Category("Faults")]
    public async Task Two_hundred_kills_make_nothing_twice_lose_nothing_and_leave_nothing()
    {
        Assert.That(ManyRounds * ManyKillsAPhase * KillMatrix.PhasesARound, Is.GreaterThanOrEqualTo(200));
        await RunAsync(ManyRounds, ManyKillsAPhase, "./test --faults");
    }

    private static async Task RunAsync(int rounds, int killsAPhase, string tier)
    {
        var seed = KillMatrix.SeedOfRun();
        await TestContext.Progress.WriteLineAsync($"kill test: replay with DATUM_SEED={seed} {tier}");
        await using var stage = await Stage.EmbeddedAsync();
        await new KillMatrix(stage, seed).RunAsync(rounds, killsAPhase);
    }
}
