using System.Xml.Linq;
using Datum.Providers.Clouds.Vsphere;
using static Datum.Providers.Clouds.Vsphere.Soap;

namespace Datum.Providers.Drivers.Vsphere.Tests.Backend;

/// <summary>Cloning: what bare vcsim does, and what the proxy makes of it.</summary>
public sealed class CloneTests : BackendTest
{
    [Test]
    public void A_clone_has_all_of_its_wish_where_vcsim_forgets_half()
    {
        object[] wish = [Element("annotation", "words"), Element("numCPUs", "2"), Element("memoryMB", "8192"), Option("datum.uid", "u1")];
        var forgetful = Bare.Run("CloneVM_Task", Bare.Template, Bare.CloneOf("bare", wish))!;
        var config = Bare.Read(forgetful, "config")["config"];
        Assert.That((config.Text("annotation"), config.Get("hardware")!.Text("numCPU")), Is.EqualTo(((string?)null, "1")));

        var made = Visitor.Run("CloneVM_Task", Visitor.Template, Visitor.CloneOf("whole", [.. wish.Select(w => (object)new XElement((XElement)w))]))!;
        config = Visitor.Read(made, "config")["config"];
        Assert.That((config.Text("annotation"), config.Get("hardware")!.Text("numCPU"), config.Get("hardware")!.Text("memoryMB")), Is.EqualTo(("words", "2", "8192")));
        Assert.That(Cloud.Machines.Single(m => m.Name == "whole").Options["datum.uid"], Is.EqualTo("u1"));
    }

    [Test]
    public void A_clone_has_devices_of_its_own_where_vcsim_shares_the_template_s()
    {
        var before = Bare.Read(Bare.Template, "config.hardware.device")["config.hardware.device"];
        Assert.That(File(before), Is.EqualTo($"[{Inventory.Datastore}] {Inventory.Templates[0]}/{Inventory.Templates[0]}.vmdk"));
        var made = Visitor.Run("CloneVM_Task", Visitor.Template, Visitor.CloneOf("own"))!;
        Assert.That(File(Visitor.Read(made, "config.hardware.device")["config.hardware.device"]), Does.Contain("own/own.vmdk"));
        Assert.That(File(Visitor.Read(Visitor.Template, "config.hardware.device")["config.hardware.device"]), Is.EqualTo(File(before)));

        // The other template is spoilt here; whoever comes next gets a new one.
        var second = Bare.Find($"{Inventory.Datacenter}/vm/{Inventory.TemplateFolder}/{Inventory.Templates[1]}")!;
        Bare.Run("CloneVM_Task", second, Bare.CloneOf("shared"));
        Assert.That(File(Bare.Read(second, "config.hardware.device")["config.hardware.device"]), Does.Contain("shared/shared.vmdk"));
    }

    [Test]
    public void A_name_that_is_taken_is_refused_with_its_holder_where_vcsim_makes_a_second()
    {
        var first = Visitor.Run("CloneVM_Task", Visitor.Template, Visitor.CloneOf("one"))!;
        var fault = Assert.Throws<VimFault>(() => Visitor.Run("CloneVM_Task", Visitor.Template, Visitor.CloneOf("one")))!;
        Assert.That(fault.Type, Is.EqualTo("DuplicateName"));
        Assert.That(fault.Members.OfType<XElement>().Single(m => m.Name.LocalName == "object").Value, Is.EqualTo(first.Value));
        Bare.Run("CloneVM_Task", Bare.Template, Bare.CloneOf("one"));
        Assert.That(Cloud.Machines.Count(m => m.Name == "one"), Is.EqualTo(2));
    }

    [Test]
    public void A_clone_in_progress_holds_its_name_and_nothing_finds_it()
    {
        Cloud.Knobs = new VsphereKnobs { DefaultDuration = TimeSpan.FromSeconds(60) };
        var task = Visitor.Begin("CloneVM_Task", Visitor.Template, Visitor.CloneOf("slow", Element("instanceUuid", "11111111-2222-3333-4444-555555555555")));
        Clock.Advance(TimeSpan.FromSeconds(30));
        Assert.That((Visitor.Info(task).Text("state"), Visitor.Info(task).Text("progress")), Is.EqualTo(("running", "50")));
        Assert.That(Visitor.Find($"{Inventory.Datacenter}/vm/slow"), Is.Null);
        Assert.That(ByUuid(Visitor, "11111111-2222-3333-4444-555555555555"), Is.Null);
        var second = Visitor.Begin("CloneVM_Task", Visitor.Template, Visitor.CloneOf("slow"));
        Assert.That(TypeOf(Visitor.Info(second).Get("error")!.Get("fault")!), Is.EqualTo("DuplicateName"));
        Clock.Advance(TimeSpan.FromSeconds(30));
        var made = MoRef.Of(Visitor.Info(task).Get("result")!);
        Assert.That(Visitor.Find($"{Inventory.Datacenter}/vm/slow"), Is.EqualTo(made));
        Assert.That(ByUuid(Visitor, "11111111-2222-3333-4444-555555555555"), Is.EqualTo(made));
    }

    [Test]
    public void An_instance_uuid_that_another_machine_has_is_exchanged()
    {
        const string id = "11111111-2222-3333-4444-555555555555";
        Bare.Run("CloneVM_Task", Bare.Template, Bare.CloneOf("a", Element("instanceUuid", id)));
        var twin = Bare.Run("CloneVM_Task", Bare.Template, Bare.CloneOf("b", Element("instanceUuid", id)))!;
        Assert.That(Bare.Read(twin, "config.instanceUuid")["config.instanceUuid"].Value, Is.EqualTo(id));
        var other = Visitor.Run("CloneVM_Task", Visitor.Template, Visitor.CloneOf("c", Element("instanceUuid", id)))!;
        Assert.That(Visitor.Read(other, "config.instanceUuid")["config.instanceUuid"].Value, Is.Not.EqualTo(id).And.Length.EqualTo(36));
    }

    [Test]
    public void A_clone_whose_devices_can_t_be_changed_leaves_nothing()
    {
        var change = Element("deviceChange", Element("operation", "edit"), Element("device", Type("VirtualDisk"), Element("key", "2000"), Element("capacityInKB", "1024")));
        Assert.That(Assert.Throws<VimFault>(() => Visitor.Run("CloneVM_Task", Visitor.Template, Visitor.CloneOf("small", change)))!.Type, Is.EqualTo("InvalidDeviceSpec"));
        Assert.That(Cloud.Machines.Select(m => m.Name), Has.None.EqualTo("small"));
    }

    [Test]
    public void A_clone_s_disk_grows_and_its_interface_moves_to_another_portgroup()
    {
        var portgroup = Cloud.MakePortgroup("net-1", vlan: 7);
        var uuid = Visitor.Read(Visitor.Find($"{Inventory.Datacenter}/network/{Inventory.Switch}")!, "uuid")["uuid"].Value;
        var made = Visitor.Run("CloneVM_Task", Visitor.Template, Visitor.CloneOf("grown",
            Element("deviceChange", Element("operation", "edit"), Element("device", Type("VirtualDisk"), Element("key", "2000"), Element("capacityInKB", $"{25L << 20}"))),
            Element("deviceChange", Element("operation", "edit"), Element("device", Type("VirtualVmxnet3"), Element("key", "4000"),
                Element("backing", Type("VirtualEthernetCardDistributedVirtualPortBackingInfo"), Element("port", Element("switchUuid", uuid), Element("portgroupKey", portgroup.Value)))))))!;
        var devices = Visitor.Read(made, "config.hardware.device")["config.hardware.device"].Elements().ToList();
        Assert.That(devices.Single(d => TypeOf(d) == "VirtualDisk").Text("capacityInBytes"), Is.EqualTo($"{25L << 30}"));
        Assert.That(devices.Single(d => TypeOf(d) == "VirtualVmxnet3").Get("backing")!.Get("port")!.Text("portgroupKey"), Is.EqualTo(portgroup.Value));
        Assert.That(Assert.Throws<VimFault>(() => Visitor.Run("Destroy_Task", portgroup))!.Type, Is.EqualTo("ResourceInUse"));
        Assert.That(Visitor.Read(portgroup, "vm")["vm"].Elements().Single().Value, Is.EqualTo(made.Value));
    }

    private static string? File(XElement devices) => devices.Elements().Single(d => TypeOf(d) == "VirtualDisk").Get("backing")!.Text("fileName");

    private static MoRef? ByUuid(Visitor visitor, string id) =>
        visitor.Call("FindByUuid", new MoRef("SearchIndex", "SearchIndex"), Element("uuid", id), Element("vmSearch", "true"), Element("instanceUuid", "true")).Get("returnval") is { } found ? MoRef.Of(found) : null;
}
