using System.Xml.Linq;
using Datum.Providers.Clouds.Vsphere;
using Datum.Providers.Testing;
using static Datum.Providers.Clouds.Vsphere.Soap;

namespace Datum.Providers.Drivers.Vsphere.Tests.Backend;

/// <summary>Cloning: what bare vcsim does, and what the proxy makes of it.</summary>
public sealed class CloneTests
{
    private readonly ManualScheduler _clock = new();
    private VsphereCloud _cloud = null!;
    private Visitor _visitor = null!;
    private Visitor _bare = null!;

    [SetUp]
    public void SetUp()
    {
        _cloud = new VsphereCloud(SharedVcsim.Process, _clock) { Description = SharedVcsim.Description };
        _visitor = Visitor.At(_cloud).LogIn();
        _bare = Visitor.AtBare(SharedVcsim.Process).LogIn();
    }

    [TearDown]
    public void TearDown()
    {
        Assert.That(_cloud.Violations, Is.Empty);
        _visitor.Dispose();
        _bare.Dispose();
        _cloud.Dispose();
    }

    [Test]
    public void A_clone_has_all_of_its_wish_where_vcsim_forgets_half()
    {
        object[] wish = [Element("annotation", "words"), Element("numCPUs", "2"), Element("memoryMB", "8192"), Option("datum.uid", "u1")];
        var forgetful = _bare.Run("CloneVM_Task", _bare.Template, _bare.CloneOf("bare", wish))!;
        var config = _bare.Read(forgetful, "config")["config"];
        Assert.That((config.Text("annotation"), config.Get("hardware")!.Text("numCPU")), Is.EqualTo(((string?)null, "1")));

        var made = _visitor.Run("CloneVM_Task", _visitor.Template, _visitor.CloneOf("whole", [.. wish.Select(w => (object)new XElement((XElement)w))]))!;
        config = _visitor.Read(made, "config")["config"];
        Assert.That((config.Text("annotation"), config.Get("hardware")!.Text("numCPU"), config.Get("hardware")!.Text("memoryMB")), Is.EqualTo(("words", "2", "8192")));
        Assert.That(_cloud.Machines.Single(m => m.Name == "whole").Options["datum.uid"], Is.EqualTo("u1"));
    }

    [Test]
    public void A_clone_has_devices_of_its_own_where_vcsim_shares_the_template_s()
    {
        var before = _bare.Read(_bare.Template, "config.hardware.device")["config.hardware.device"];
        Assert.That(File(before), Is.EqualTo($"[{Inventory.Datastore}] {Inventory.Templates[0]}/{Inventory.Templates[0]}.vmdk"));
        var made = _visitor.Run("CloneVM_Task", _visitor.Template, _visitor.CloneOf("own"))!;
        Assert.That(File(_visitor.Read(made, "config.hardware.device")["config.hardware.device"]), Does.Contain("own/own.vmdk"));
        Assert.That(File(_visitor.Read(_visitor.Template, "config.hardware.device")["config.hardware.device"]), Is.EqualTo(File(before)));

        // The other template is spoilt here; whoever comes next gets a new one.
        var second = _bare.Find($"{Inventory.Datacenter}/vm/{Inventory.TemplateFolder}/{Inventory.Templates[1]}")!;
        _bare.Run("CloneVM_Task", second, _bare.CloneOf("shared"));
        Assert.That(File(_bare.Read(second, "config.hardware.device")["config.hardware.device"]), Does.Contain("shared/shared.vmdk"));
    }

    [Test]
    public void A_name_that_is_taken_is_refused_with_its_holder_where_vcsim_makes_a_second()
    {
        var first = _visitor.Run("CloneVM_Task", _visitor.Template, _visitor.CloneOf("one"))!;
        var fault = Assert.Throws<VimFault>(() => _visitor.Run("CloneVM_Task", _visitor.Template, _visitor.CloneOf("one")))!;
        Assert.That(fault.Type, Is.EqualTo("DuplicateName"));
        Assert.That(fault.Members.OfType<XElement>().Single(m => m.Name.LocalName == "object").Value, Is.EqualTo(first.Value));
        _bare.Run("CloneVM_Task", _bare.Template, _bare.CloneOf("one"));
        Assert.That(_cloud.Machines.Count(m => m.Name == "one"), Is.EqualTo(2));
    }

    [Test]
    public void A_clone_in_progress_holds_its_name_and_nothing_finds_it()
    {
        _cloud.Knobs = new VsphereKnobs { DefaultDuration = TimeSpan.FromSeconds(60) };
        var task = _visitor.Begin("CloneVM_Task", _visitor.Template, _visitor.CloneOf("slow", Element("instanceUuid", "11111111-2222-3333-4444-555555555555")));
        _clock.Advance(TimeSpan.FromSeconds(30));
        Assert.That((_visitor.Info(task).Text("state"), _visitor.Info(task).Text("progress")), Is.EqualTo(("running", "50")));
        Assert.That(_visitor.Find($"{Inventory.Datacenter}/vm/slow"), Is.Null);
        Assert.That(ByUuid(_visitor, "11111111-2222-3333-4444-555555555555"), Is.Null);
        var second = _visitor.Begin("CloneVM_Task", _visitor.Template, _visitor.CloneOf("slow"));
        Assert.That(TypeOf(_visitor.Info(second).Get("error")!.Get("fault")!), Is.EqualTo("DuplicateName"));
        _clock.Advance(TimeSpan.FromSeconds(30));
        var made = MoRef.Of(_visitor.Info(task).Get("result")!);
        Assert.That(_visitor.Find($"{Inventory.Datacenter}/vm/slow"), Is.EqualTo(made));
        Assert.That(ByUuid(_visitor, "11111111-2222-3333-4444-555555555555"), Is.EqualTo(made));
    }

    [Test]
    public void An_instance_uuid_that_another_machine_has_is_exchanged()
    {
        const string id = "11111111-2222-3333-4444-555555555555";
        _bare.Run("CloneVM_Task", _bare.Template, _bare.CloneOf("a", Element("instanceUuid", id)));
        var twin = _bare.Run("CloneVM_Task", _bare.Template, _bare.CloneOf("b", Element("instanceUuid", id)))!;
        Assert.That(_bare.Read(twin, "config.instanceUuid")["config.instanceUuid"].Value, Is.EqualTo(id));
        var other = _visitor.Run("CloneVM_Task", _visitor.Template, _visitor.CloneOf("c", Element("instanceUuid", id)))!;
        Assert.That(_visitor.Read(other, "config.instanceUuid")["config.instanceUuid"].Value, Is.Not.EqualTo(id).And.Length.EqualTo(36));
    }

    [Test]
    public void A_clone_whose_devices_can_t_be_changed_leaves_nothing()
    {
        var change = Element("deviceChange", Element("operation", "edit"), Element("device", Type("VirtualDisk"), Element("key", "2000"), Element("capacityInKB", "1024")));
        Assert.That(Assert.Throws<VimFault>(() => _visitor.Run("CloneVM_Task", _visitor.Template, _visitor.CloneOf("small", change)))!.Type, Is.EqualTo("InvalidDeviceSpec"));
        Assert.That(_cloud.Machines.Select(m => m.Name), Has.None.EqualTo("small"));
    }

    [Test]
    public void A_clone_s_disk_grows_and_its_interface_moves_to_another_portgroup()
    {
        var portgroup = _cloud.MakePortgroup("net-1", vlan: 7);
        var uuid = _visitor.Read(_visitor.Find($"{Inventory.Datacenter}/network/{Inventory.Switch}")!, "uuid")["uuid"].Value;
        var made = _visitor.Run("CloneVM_Task", _visitor.Template, _visitor.CloneOf("grown",
            Element("deviceChange", Element("operation", "edit"), Element("device", Type("VirtualDisk"), Element("key", "2000"), Element("capacityInKB", $"{25L << 20}"))),
            Element("deviceChange", Element("operation", "edit"), Element("device", Type("VirtualVmxnet3"), Element("key", "4000"),
                Element("backing", Type("VirtualEthernetCardDistributedVirtualPortBackingInfo"), Element("port", Element("switchUuid", uuid), Element("portgroupKey", portgroup.Value)))))))!;
        var devices = _visitor.Read(made, "config.hardware.device")["config.hardware.device"].Elements().ToList();
        Assert.That(devices.Single(d => TypeOf(d) == "VirtualDisk").Text("capacityInBytes"), Is.EqualTo($"{25L << 30}"));
        Assert.That(devices.Single(d => TypeOf(d) == "VirtualVmxnet3").Get("backing")!.Get("port")!.Text("portgroupKey"), Is.EqualTo(portgroup.Value));
        Assert.That(Assert.Throws<VimFault>(() => _visitor.Run("Destroy_Task", portgroup))!.Type, Is.EqualTo("ResourceInUse"));
        Assert.That(_visitor.Read(portgroup, "vm")["vm"].Elements().Single().Value, Is.EqualTo(made.Value));
    }

    private static string? File(XElement devices) => devices.Elements().Single(d => TypeOf(d) == "VirtualDisk").Get("backing")!.Text("fileName");

    private static MoRef? ByUuid(Visitor visitor, string id) =>
        visitor.Call("FindByUuid", new MoRef("SearchIndex", "SearchIndex"), Element("uuid", id), Element("vmSearch", "true"), Element("instanceUuid", "true")).Get("returnval") is { } found ? MoRef.Of(found) : null;
}
