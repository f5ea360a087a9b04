namespace Datum.Providers.Drivers.Vsphere.Tests.Unit;

/// <summary>A life that uses everything the driver can do, once.</summary>
internal static class Life
{
    public static async Task<Identity> LiveAsync(Bench bench)
    {
        var driver = await bench.ConnectAsync();
        Assert.That((await driver.ProbeAsync(bench.Call())).Error?.Message, Is.Null);
        var (network, _, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), Bench.Network());
        await bench.Build(driver.Networks!, network, Bench.Network() with { Mtu = 1500 });
        var (disk, _, _) = await bench.Build(driver.Disks!, Bench.Id(ResourceKind.Disk), new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location, Filesystem = "ext4" });
        await bench.Build(driver.Disks!, disk, new DiskSpec { SizeGiB = 20, LocationJson = Bench.Location, Filesystem = "ext4" });
        var spec = Bench.WithDisk(Bench.Machine(network), disk);
        Assert.That(await driver.Instances!.ValidateAsync(bench.Call(), spec), Is.Empty);
        var (instance, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        (instance, _, _) = await bench.Build(driver.Instances!, instance, spec with { Size = spec.Size with { CpuMillis = 4000, MemoryMiB = 16384 } });
        spec = spec with { Size = spec.Size with { CpuMillis = 4000, MemoryMiB = 16384 }, RestartedAt = "2030-06-01T00:00:00Z" };
        (instance, _, _) = await bench.Build(driver.Instances!, instance, spec);
        await ListAsync(bench, driver);
        await bench.TakeDown(driver.Instances!, instance);
        await SecretsLife.LiveAsync(bench, driver.Instances!, network);
        await bench.TakeDown(driver.Disks!, disk);
        await bench.TakeDown(driver.Networks!, network);
        return instance;
    }

    /// <summary>Every kind's list, to its end; the calls that each took.</summary>
    public static async Task<Dictionary<ResourceKind, int>> ListAsync(Bench bench, IInfrastructureDriver driver)
    {
        var counts = new Dictionary<ResourceKind, int>();
        await One(ResourceKind.Network, driver.Networks!);
        await One(ResourceKind.Disk, driver.Disks!);
        await One(ResourceKind.Instance, driver.Instances!);
        return counts;

        async Task One<TSpec, TFacts>(ResourceKind kind, IResourceDriver<TSpec, TFacts> verbs) where TSpec : ResourceSpec where TFacts : ResourceFacts
        {
            var before = bench.Cloud.Calls.Count;
            string? cursor = null;
            do
            {
                var page = (await verbs.ListAsync(bench.Call(), new ListQuery { Installation = Bench.Installation }, cursor)).Value!;
                Assert.That(page.Complete, Is.True);
                cursor = page.Next;
            }
            while (cursor is not null);
            counts[kind] = bench.Cloud.Calls.Count - before;
        }
    }
}
