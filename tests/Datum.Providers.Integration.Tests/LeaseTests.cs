namespace Datum.Providers.Integration.Tests;

/// <summary>Law L10 with two real programs over one real API server.</summary>
[TestFixture, Category("Slow")]
public sealed class LeaseTests
{
    [Test]
    public async Task A_second_host_stands_by_and_takes_over_when_the_first_is_killed()
    {
        await using var stage = await Stage.RealAsync();
        await using var second = stage.SecondHost();
        await using var census = new PodmanCensus(stage.Podman, stage.Installation);
        var space = await stage.SpaceAsync();
        Assert.That(await HolderAsync(stage), Does.EndWith($"_{stage.Host.Pid}"));
        second.Launch();
        await space.RunSeedsAsync();
        Assert.That((second.IsRunning, second.SaysReady), Is.EqualTo((true, false)), second.Log());
        Assert.That(second.Log(), Does.Not.Contain("EntryReconciler"), "the second host did nothing at the platform");
        Assert.That(await HolderAsync(stage), Does.EndWith($"_{stage.Host.Pid}"));

        stage.Host.Kill();
        await space.ScaleAsync(2);
        await second.ReadyAsync(TimeSpan.FromSeconds(60));
        Assert.That(await HolderAsync(stage), Does.EndWith($"_{second.Pid}"));
        // The lease's duration and then the longest request of the one that was killed.
        await space.ConvergedAsync(2, deadline: TimeSpan.FromSeconds(150));

        // A host that is stopped gives its lease back: the next one needs no waiting.
        Assert.That(await second.StopAsync(), Is.Zero, second.Log());
        await stage.Host.StartAsync();
        await space.ScaleAsync(1);
        await space.ConvergedAsync(1);
        Assert.That(census.Violations, Is.Empty);
        await space.DeleteAsync();
    }

    private static async Task<string> HolderAsync(Stage stage) =>
        (string?)(await stage.Kubectl.FindAsync("leases.coordination.k8s.io", "datum-providers", "default"))?["spec"]?["holderIdentity"] ?? "";
}
