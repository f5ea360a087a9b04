using Datum.Providers.Clouds.Vsphere;

namespace Datum.Providers.Drivers.Vsphere.Tests.Backend;

/// <summary>Clients that others wrote work with the proxy: what it mends isn't just a mirror of our driver. Its answers are held to VMware's description meanwhile.</summary>
[Category("Slow")]
public sealed class WitnessTests
{
    private VsphereCloud _cloud = null!;
    private Witnesses _witnesses = null!;

    [SetUp]
    public async Task SetUpAsync()
    {
        _cloud = new VsphereCloud(SharedVcsim.Process, TimeProvider.System, new VsphereKnobs { DefaultDuration = TimeSpan.FromMilliseconds(30) }) { Description = SharedVcsim.Description, HoldsRequests = false };
        _witnesses = await Witnesses.OfAsync(_cloud);
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _witnesses.DisposeAsync();
        Assert.That(_cloud.Violations, Is.Empty, "An answer isn't as VMware's description says.");
        _cloud.Dispose();
    }

    [Test]
    public async Task Pyvmomi_creates_lists_changes_and_deletes()
    {
        Assert.That(await _witnesses.PyvmomiAsync("all"), Is.EqualTo("ok"));
        var seen = await _witnesses.InventoryByPyvmomiAsync();
        Assert.That(seen["machines"]!.AsArray().Select(m => m!["name"]!.ToString()), Is.EquivalentTo(Inventory.Templates));
        Assert.That(_cloud.Sessions, Is.Zero);
    }

    [Test]
    public async Task Govc_creates_lists_changes_and_deletes()
    {
        await _witnesses.GovcAsync("vm.clone", "-vm", $"/{Inventory.Datacenter}/vm/{Inventory.TemplateFolder}/{Inventory.Templates[0]}", "-on=false", "-c", "2", "-m", "2048", "go-1");
        await _witnesses.GovcAsync("vm.change", "-vm", "go-1", "-e", "datum.uid=u1", "-annotation", "words");
        await _witnesses.GovcAsync("vm.disk.change", "-vm", "go-1", "-disk.key", "2000", "-size", "20G");
        await _witnesses.GovcAsync("vm.power", "-on", "go-1");
        var seen = await _witnesses.MachinesByGovcAsync();
        Assert.That(seen.Keys, Does.Contain("go-1"));
        var machine = seen["go-1"];
        Assert.That((machine["Config"]!["Hardware"]!["NumCPU"]!.GetValue<int>(), machine["Runtime"]!["PowerState"]!.ToString()), Is.EqualTo((2, "poweredOn")));
        Assert.That(Witnesses.OptionsOf(machine).GetValueOrDefault("datum.uid"), Is.EqualTo("u1"));
        Assert.That(Witnesses.DisksOf(machine), Is.EqualTo(new[] { ($"[{Inventory.Datastore}] go-1/go-1.vmdk", 20L << 30) }));
        Assert.That(await _witnesses.GovcAsync("vm.ip", "go-1"), Does.StartWith("10.99."));

        await _witnesses.GovcAsync("tags.category.create", "-t", "VirtualMachine", "datum");
        await _witnesses.GovcAsync("tags.create", "-c", "datum", "conf1");
        await _witnesses.GovcAsync("tags.attach", "conf1", $"/{Inventory.Datacenter}/vm/go-1");
        Assert.That(await _witnesses.TaggedByGovcAsync("conf1"), Is.EqualTo(new[] { $"{_cloud.Machines.Single(m => m.Name == "go-1").Reference}" }));

        await _witnesses.GovcAsync("dvs.portgroup.add", "-dvs", Inventory.Switch, "-type", "earlyBinding", "-nports", "8", "-vlan", "12", "go-net");
        Assert.That(await _witnesses.PortgroupsByGovcAsync(), Does.Contain($"/{Inventory.Datacenter}/network/go-net"));
        Assert.That(_cloud.Portgroups.Single(p => p.Name == "go-net").Config.Get("defaultPortConfig")!.Get("vlan")!.Text("vlanId"), Is.EqualTo("12"));

        await _witnesses.GovcAsync("vm.destroy", "go-1");
        await _witnesses.GovcAsync("object.destroy", $"/{Inventory.Datacenter}/network/go-net");
        Assert.That(await _witnesses.TaggedByGovcAsync("conf1"), Is.Empty);
        await _witnesses.GovcAsync("tags.rm", "-f", "conf1");
        Assert.That((await _witnesses.MachinesByGovcAsync()).Keys, Is.EquivalentTo(Inventory.Templates));
        Assert.That(_cloud.Sessions, Is.Zero);
    }

    [Test]
    public async Task Govc_brings_files_to_a_datastore_and_keeps_a_content_library()
    {
        var file = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"seed-{Guid.NewGuid():N}.iso");
        await File.WriteAllTextAsync(file, "a seed");
        try
        {
            await _witnesses.GovcAsync("datastore.mkdir", "-p", "datum");
            await _witnesses.GovcAsync("datastore.upload", file, "datum/seed.iso");
            Assert.That(await _witnesses.GovcAsync("datastore.ls", "datum"), Is.EqualTo("seed.iso"));
            await _witnesses.GovcAsync("datastore.rm", "datum/seed.iso");
            Assert.That(await _witnesses.GovcAsync("datastore.ls", "datum"), Is.Empty);
            await _witnesses.GovcAsync("library.create", "images");
            await _witnesses.GovcAsync("library.import", "images", file);
            Assert.That(await _witnesses.GovcAsync("library.ls", "/images/*"), Is.EqualTo("/images/" + Path.GetFileNameWithoutExtension(file)));
            await _witnesses.GovcAsync("library.rm", "images");
            Assert.That(await _witnesses.GovcAsync("library.ls"), Is.Empty);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
