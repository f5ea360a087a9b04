using System.Runtime.CompilerServices;
using Datum.Providers.Host.Loader;

namespace Datum.Providers.Host.Tests.Loader;

public sealed class DriverUnloadTests
{
    private TestVolume _volume = null!;

    [SetUp]
    public void SetUp() => _volume = new TestVolume();

    [TearDown]
    public void TearDown() => _volume.Dispose();

    [Test]
    public async Task A_collectible_driver_is_gone_after_work_and_a_thrown_exception()
    {
        _volume.Add("plain");
        var dead = await UseAndUnloadAsync(TestVolume.Load(_volume.Options with { Collectible = true }));
        // Without this the code below may run inside the frames of the last driver call, whose locals are roots.
        await Task.Yield();
        Assert.That(Dies(dead), Is.True, "something of the driver is still alive");
    }

    [Test]
    public void A_collectible_driver_that_was_rejected_is_gone_too()
    {
        _volume.Add("plain", "plain", m => m["entryType"] = "TestDrivers.ThrowingDescribe");
        var before = Contexts();
        var catalog = TestVolume.Load(_volume.Options with { Collectible = true });
        Assert.That(catalog.Rejections.Single().Reason, Is.EqualTo(DriverRejectionReason.DescribeFailed));
        Assert.That(SpinWait.SpinUntil(() => { GC.Collect(); GC.WaitForPendingFinalizers(); return Contexts() <= before; }, TimeSpan.FromSeconds(20)), Is.True);
    }

    [Test]
    public void A_driver_that_is_not_collectible_refuses_to_unload()
    {
        _volume.Add("plain");
        var driver = _volume.Load().Drivers.Single();
        Assert.That(() => driver.Unload(), Throws.InvalidOperationException.With.Message.Contain("restart the host"));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<WeakReference> UseAndUnloadAsync(DriverCatalog catalog)
    {
        var driver = catalog.Drivers.Single();
        await UseAsync(driver);
        var dead = driver.Unload();
        Assert.That(driver.Assemblies, Is.Empty);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await driver.Factory.ConnectAsync(new TestHost(), new Connection { Installation = "test" }, default));
        return dead;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task UseAsync(LoadedDriver driver)
    {
        using var host = new TestHost();
        using var settings = System.Text.Json.JsonDocument.Parse("""{"throws":"create"}""");
        await using var session = await driver.Factory.ConnectAsync(host, new Connection { Installation = "test", Settings = settings.RootElement }, default);
        Assert.That((await session.ProbeAsync(TestHost.Call())).Value?.AccountId, Is.EqualTo("plain"));
        Assert.That(await session.Networks!.CreateAsync(TestHost.Operation(StepVerb.Create), TestHost.Identity, new NetworkSpec()), Is.InstanceOf<Failed<NetworkFacts>>());
        Assert.That((await session.Networks.ListAsync(TestHost.Call(), new ListQuery { Installation = "test" }, null)).Value?.Complete, Is.True);
    }

    private static bool Dies(WeakReference reference) => SpinWait.SpinUntil(() =>
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return !reference.IsAlive;
    }, TimeSpan.FromSeconds(20));

    private static int Contexts() => System.Runtime.Loader.AssemblyLoadContext.All.Count(c => c.IsCollectible && c.Name == "driver/plain");
}
