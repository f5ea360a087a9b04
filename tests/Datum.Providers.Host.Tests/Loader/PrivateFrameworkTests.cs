using System.Reflection;
using System.Runtime.CompilerServices;
using Datum.Providers.Host.Loader;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Tests.Loader;

/// <summary>What pins a load context through the framework's caches, with and without copies of those assemblies of the driver's own.</summary>
[NonParallelizable]
public sealed class PrivateFrameworkTests
{
    private TestVolume _volume = null!;

    [SetUp]
    public void SetUp() => _volume = new TestVolume();

    [TearDown]
    public void TearDown() => _volume.Dispose();

    private static readonly TestCaseData[] Pinning =
    [
        new TestCaseData("special", "TypeConverterFactory", "3 sides, Red").SetArgDisplayNames("TypeDescriptor"),
        new TestCaseData("special", "ValidatorFactory", "Name Size").SetArgDisplayNames("DataAnnotations"),
        new TestCaseData("special", "DynamicFactory", "36").SetArgDisplayNames("dynamic"),
        new TestCaseData("newtonsoft-new", "NewtonsoftFactory", "typed").SetArgDisplayNames("Newtonsoft.Json"),
        new TestCaseData("polly", "PollyFactory", "3").SetArgDisplayNames("Polly"),
    ];

    [TestCaseSource(nameof(Pinning))]
    public async Task A_driver_unloads_that_uses(string id, string entryType, string answer)
    {
        var dead = await UseAndUnloadAsync(id, entryType, answer, privateFramework: true);
        await Task.Yield();
        Assert.That(Dies(dead, TimeSpan.FromSeconds(20)), Is.True, "something of the driver is still alive");
    }

    [TestCaseSource(nameof(Pinning))]
    public async Task Without_the_copies_a_driver_stays_that_uses(string id, string entryType, string answer)
    {
        var alive = await UseAndUnloadAsync(id, entryType, answer, privateFramework: false);
        await Task.Yield();
        Assert.That(Dies(alive, TimeSpan.FromSeconds(3)), Is.False, "the framework lets go of it by now: the copies aren't needed any more");
    }

    [Test]
    public void No_type_that_crosses_the_contract_comes_from_an_assembly_that_is_copied()
    {
        foreach (var shared in new[] { typeof(Contract).Assembly, typeof(ILogger).Assembly })
            Assert.That(shared.GetReferencedAssemblies().Select(a => a.Name).Intersect(PrivateFramework.Names), Is.Empty, shared.GetName().Name);
        Assert.That(PrivateFramework.Names.Where(SharedAssemblies.IsOnSurface), Is.Empty);
        Assert.That(PrivateFramework.PathOf("System.Text.Json"), Is.Null, "JsonElement crosses the contract");
    }

    [Test]
    public async Task A_copy_is_of_the_version_that_runs_and_is_reported()
    {
        _volume.Add("special", "special", m => m["entryType"] = "TestDrivers.ValidatorFactory");
        var driver = _volume.Load().Drivers.Single();
        using var host = new TestHost();
        await using var session = await driver.Factory.ConnectAsync(host, new Connection { Installation = "test" }, default);
        await session.ProbeAsync(TestHost.Call());

        var copies = driver.Assemblies.Where(a => a.Origin == AssemblyOrigin.Framework).ToDictionary(a => a.Name, a => a);
        Assert.That(copies.Keys, Is.SupersetOf(new[] { "System.ComponentModel.Annotations" }).And.SubsetOf(PrivateFramework.Names));
        Assert.That(copies.Values.Select(a => a.Context), Is.All.EqualTo("driver/special"));
        foreach (var copy in copies.Values)
            Assert.That(copy.Version, Is.EqualTo(Assembly.Load(copy.Name).GetName().Version));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private async Task<WeakReference> UseAndUnloadAsync(string id, string entryType, string answer, bool privateFramework)
    {
        _volume.Add(id, id, m => m["entryType"] = "TestDrivers." + entryType);
        var driver = TestVolume.Load(_volume.Options with { Collectible = true, PrivateFramework = privateFramework }).Drivers.Single();
        await UseAsync(driver, answer);
        return driver.Unload();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task UseAsync(LoadedDriver driver, string answer)
    {
        using var host = new TestHost();
        await using var session = await driver.Factory.ConnectAsync(host, new Connection { Installation = "test" }, default);
        var probed = await session.ProbeAsync(TestHost.Call(id: "typed"));
        Assert.That(probed.Value?.PlatformVersion, Is.EqualTo(answer), probed.Error?.Message);
    }

    private static bool Dies(WeakReference reference, TimeSpan within) => SpinWait.SpinUntil(() =>
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return !reference.IsAlive;
    }, within);
}
