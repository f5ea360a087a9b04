using Datum.Providers.Drivers.Vsphere.Tests.Backend;

namespace Datum.Providers.Drivers.Vsphere.Tests.Unit;

/// <summary>Clients that others wrote see what the driver left in the inventory.</summary>
[Category("Slow")]
public sealed class WitnessTests
{
    [Test]
    public async Task Govc_and_pyvmomi_see_the_machine_its_disks_marks_and_network_as_the_driver_made_them()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, _, _) = await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), Bench.Network());
        var (disk, _, _) = await bench.Build(driver.Disks!, Bench.Id(ResourceKind.Disk), new DiskSpec { SizeGiB = 10, LocationJson = Bench.Location, Filesystem = "ext4" });
        var (id, facts, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.WithDisk(Bench.Machine(network), disk));
        var name = "ins-" + id.Name;
        await using (var witnesses = await Witnesses.OfAsync(bench.Cloud))
        {
            var machine = (await witnesses.MachinesByGovcAsync())[name];
            Assert.Multiple(() =>
            {
                Assert.That((machine["Config"]!["Hardware"]!["NumCPU"]!.GetValue<int>(), machine["Config"]!["Hardware"]!["MemoryMB"]!.GetValue<int>(), machine["Runtime"]!["PowerState"]!.ToString()), Is.EqualTo((2, 8192, "poweredOn")));
                Assert.That(machine["Config"]!["InstanceUuid"]!.ToString(), Is.EqualTo(id.PartId("server")));
                Assert.That(machine["Config"]!["Annotation"]!.ToString(), Does.StartWith($"datum:{Bench.Installation}:ins:{id.Name}:1"));
                Assert.That(Witnesses.OptionsOf(machine), Does.ContainKey("guestinfo.userdata").And.ContainKey("guestinfo.metadata"));
                Assert.That(Witnesses.DisksOf(machine).Select(d => d.Bytes), Is.EqualTo(new[] { 25L << 30, 10L << 30 }));
            });
            Assert.That(await witnesses.PortgroupsByGovcAsync(), Has.Some.EndsWith("/net-" + network.Name));
            Assert.That(await witnesses.GovcAsync("disk.ls"), Does.Contain($"datum:{Bench.Installation}:dsk:{disk.Name}:1"));
            var seen = (await witnesses.InventoryByPyvmomiAsync())["machines"]!.AsArray().Single(m => m!["name"]!.ToString() == name)!;
            Assert.That((seen["cpus"]!.GetValue<int>(), seen["addresses"]!.AsArray().Select(a => a!.ToString())), Is.EqualTo((2, (IEnumerable<string>)facts.Facts.Interfaces[0].NetworkAddresses)).Using<(int, IEnumerable<string>)>((a, b) => a.Item1 == b.Item1 && a.Item2.Order().SequenceEqual(b.Item2.Order())));
        }

        await bench.TakeDown(driver.Instances!, id);
        await bench.TakeDown(driver.Disks!, disk);
        await bench.TakeDown(driver.Networks!, network);
        await using var after = await Witnesses.OfAsync(bench.Cloud);
        Assert.That((await after.MachinesByGovcAsync()).Keys, Has.None.StartsWith("ins-"));
        Assert.That(await after.PortgroupsByGovcAsync(), Has.None.Contains("/net-"));
        Assert.That(await after.GovcAsync("disk.ls"), Is.Empty);
    }
}
