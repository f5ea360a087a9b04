namespace Datum.Providers.Drivers.Podman.Tests.Real;

[TestFixture]
public sealed class InstanceLifecycleTests : PodmanFixture
{
    [Test]
    public async Task An_instance_is_made_answers_on_both_families_and_goes()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        var spec = Web(network);

        var ready = await instance.DriveToReadyAsync(spec);

        Assert.That(instance.Steps, Is.EqualTo(new[] { "Create pod", "Create sandbox", "Create image-web", "Create container-web", "Create start" })
            .Or.EqualTo(new[] { "Create pod", "Create sandbox", "Create container-web", "Create start" }));
        Assert.That(ready.Drift, Is.Empty);
        Assert.That(ready.Facts.Power, Is.EqualTo(PowerState.Running));
        Assert.That(ready.Facts.Guest, Is.EqualTo(GuestHealth.Ready));
        Assert.That(ready.Facts.PolicyEnforced, Is.Null);
        Assert.That(ready.Facts.Containers.Single(), Is.EqualTo(new ContainerFacts { Name = "web", Running = true }));
        Assert.That(ready.Resolved["image.web"], Has.Length.EqualTo(64));
        Assert.That(await FetchEventuallyAsync(Address(ready.Facts), 8080), Does.Contain("variant latest"));
        Assert.That(await FetchEventuallyAsync(Address(ready.Facts, v6: true), 8080), Does.Contain("variant latest"));

        await instance.DriveToAbsentAsync();

        Assert.That(await PodsAsync(), Is.Zero);
    }
}
