using System.Xml.Linq;
using Datum.Providers.Clouds.Vsphere;
using static Datum.Providers.Clouds.Vsphere.Soap;

namespace Datum.Providers.Drivers.Vsphere.Tests.Backend;

/// <summary>Changing machines: what bare vcsim does, and what the proxy makes of it.</summary>
public sealed class MachineTests : BackendTest
{
    [Test]
    public void A_key_of_extraConfig_has_one_value_and_an_empty_one_removes_it()
    {
        var machine = Clone("m", Option("a", "1"), Option("b", "1"));
        Visitor.Run("ReconfigVM_Task", machine, Element("spec", Option("a", "2"), Option("b", "")));
        Assert.That(Values(Bare, machine, "a"), Is.EqualTo(new[] { "1", "2" }));
        Assert.That(Values(Visitor, machine, "a"), Is.EqualTo(new[] { "2" }));
        Assert.That(Values(Visitor, machine, "b"), Is.Empty);
    }

    [Test]
    public void A_device_may_be_edited_by_its_key_alone_where_vcsim_ends_the_connection()
    {
        var machine = Clone();
        var nic = Element("deviceChange", Element("operation", "edit"), Element("device", Type("VirtualVmxnet3"), Element("key", "4000"), Element("wakeOnLanEnabled", "true")));
        Assert.Throws<HttpRequestException>(() => Bare.Run("ReconfigVM_Task", machine, Element("spec", new XElement(nic))));
        var before = Device(machine, "4000").Text("macAddress");
        Visitor.Run("ReconfigVM_Task", machine, Element("spec", nic));
        Assert.That((Device(machine, "4000").Text("macAddress"), Device(machine, "4000").Text("wakeOnLanEnabled")), Is.EqualTo((before, "true")));
        Visitor.Run("ReconfigVM_Task", machine, Element("spec", Element("deviceChange", Element("operation", "edit"), Element("device", Type("VirtualDisk"), Element("key", "2000"), Element("capacityInKB", $"{20L << 20}")))));
        Assert.That(Device(machine, "2000").Get("backing")!.Text("fileName"), Is.EqualTo($"[{Inventory.Datastore}] m/m.vmdk"));
        Assert.That(FaultOf(() => Visitor.Run("ReconfigVM_Task", machine, Element("spec", Element("deviceChange", Element("operation", "edit"),
            Element("device", Type("VirtualDisk"), Element("key", "2999"), Element("capacityInKB", "1")))))), Is.EqualTo("InvalidDeviceSpec"));
    }

    [Test]
    public void An_old_changeVersion_is_refused()
    {
        var machine = Clone();
        var seen = Visitor.Read(machine, "config.changeVersion")["config.changeVersion"].Value;
        Visitor.Run("ReconfigVM_Task", machine, Element("spec", Element("changeVersion", seen), Element("annotation", "first")));
        Assert.That(FaultOf(() => Visitor.Run("ReconfigVM_Task", machine, Element("spec", Element("changeVersion", seen), Element("annotation", "second")))), Is.EqualTo("ConcurrentAccess"));
        // vcsim takes any.
        Bare.Run("ReconfigVM_Task", machine, Element("spec", Element("changeVersion", "nonsense"), Element("annotation", "third")));
        Assert.That(Visitor.Read(machine, "config")["config"].Text("annotation"), Is.EqualTo("third"));
    }

    [Test]
    public void A_running_machine_gets_no_processors_unless_that_is_switched_on()
    {
        var machine = Clone();
        Cloud.SetPower(machine, true);
        Bare.Run("ReconfigVM_Task", machine, Element("spec", Element("numCPUs", "3")));
        Assert.That(FaultOf(() => Visitor.Run("ReconfigVM_Task", machine, Element("spec", Element("numCPUs", "4")))), Is.EqualTo("CpuHotPlugNotSupported"));
        Assert.That(FaultOf(() => Visitor.Run("ReconfigVM_Task", machine, Element("spec", Element("memoryMB", "4096")))), Is.EqualTo("MemoryHotPlugNotSupported"));
        var ready = Clone("ready", Element("cpuHotAddEnabled", "true"));
        Cloud.SetPower(ready, true);
        Visitor.Run("ReconfigVM_Task", ready, Element("spec", Element("numCPUs", "4")));
        Assert.That(Visitor.Read(ready, "config.hardware.numCPU")["config.hardware.numCPU"].Value, Is.EqualTo("4"));
    }

    [Test]
    public void A_name_that_is_taken_is_refused_however_it_is_given()
    {
        var (one, two) = (Clone("one"), Clone("two"));
        Assert.That(FaultOf(() => Visitor.Run("Rename_Task", two, Element("newName", "one"))), Is.EqualTo("DuplicateName"));
        Assert.That(FaultOf(() => Bare.Run("Rename_Task", two, Element("newName", "one"))), Is.EqualTo("InvalidArgument"));
        Assert.That(FaultOf(() => Visitor.Run("ReconfigVM_Task", two, Element("spec", Element("name", "one")))), Is.EqualTo("DuplicateName"));
        var folder = MoRef.Of(Visitor.Call("CreateFolder", Visitor.Folder, Element("name", "elsewhere")).Get("returnval")!);
        Visitor.Run("MoveIntoFolder_Task", folder, one.As("list"));
        Visitor.Run("Rename_Task", two, Element("newName", "one"));
        Assert.That(FaultOf(() => Visitor.Run("MoveIntoFolder_Task", folder, two.As("list"))), Is.EqualTo("DuplicateName"));
        Bare.Run("MoveIntoFolder_Task", folder, two.As("list"));
        Assert.That(Cloud.Machines.Count(m => m.Name == "one" && m.Folder == folder), Is.EqualTo(2));
    }

    [Test]
    public void A_disk_that_is_taken_off_stays_and_goes_to_another_machine()
    {
        var (one, two) = (Clone("one"), Clone("two"));
        var file = Element("backing", Type("VirtualDiskFlatVer2BackingInfo"), Element("fileName", $"[{Inventory.Datastore}] one/data.vmdk"), Element("diskMode", "persistent"));
        XElement Change(string operation, string? how, XElement backing) => Element("spec", Element("deviceChange", Element("operation", operation), how is null ? null : Element("fileOperation", how),
            Element("device", Type("VirtualDisk"), Element("key", operation == "add" ? "-1" : Data(one)), new XElement(backing), Element("controllerKey", "1000"), Element("unitNumber", "1"), Element("capacityInKB", $"{5L << 20}"))));
        Visitor.Run("ReconfigVM_Task", one, Change("add", "create", file));
        Visitor.Run("ReconfigVM_Task", one, Change("remove", null, file));
        Visitor.Run("ReconfigVM_Task", two, Change("add", null, file));
        Visitor.Run("Destroy_Task", one);
        Assert.That(Device(two, Data(two)).Get("backing")!.Text("fileName"), Is.EqualTo($"[{Inventory.Datastore}] one/data.vmdk"));

        string Data(MoRef machine) => Visitor.Read(machine, "config.hardware.device")["config.hardware.device"].Elements().Last(d => TypeOf(d) == "VirtualDisk").Text("key")!;
    }

    [Test]
    public void Two_running_machines_can_t_hold_one_disk()
    {
        var (one, two) = (Clone("one"), Clone("two"));
        Visitor.Run("ReconfigVM_Task", two, Element("spec", Element("deviceChange", Element("operation", "add"), Element("device", Type("VirtualDisk"), Element("key", "-1"),
            Element("backing", Type("VirtualDiskFlatVer2BackingInfo"), Element("fileName", $"[{Inventory.Datastore}] one/one.vmdk"), Element("diskMode", "persistent")),
            Element("controllerKey", "1000"), Element("unitNumber", "1"), Element("capacityInKB", $"{10L << 20}")))));
        Visitor.Run("PowerOnVM_Task", one);
        Assert.That(FaultOf(() => Visitor.Run("PowerOnVM_Task", two)), Is.EqualTo("FileLocked"));
        Bare.Run("PowerOnVM_Task", two);
    }

    [Test]
    public void A_machine_s_tags_go_with_it_and_a_folder_s_machines_too()
    {
        var machine = Clone();
        var folder = MoRef.Of(Visitor.Call("CreateFolder", Visitor.Folder, Element("name", "inner")).Get("returnval")!);
        Visitor.Run("MoveIntoFolder_Task", folder, machine.As("list"));
        Visitor.Run("Destroy_Task", folder);
        Assert.That(Cloud.Machines.Select(m => m.Name), Has.None.EqualTo("m"));
        Assert.That(FaultOf(() => Visitor.Read(machine, "name")), Is.EqualTo("ManagedObjectNotFound"));
        Assert.That(FaultOf(() => Visitor.Begin("Destroy_Task", machine)), Is.EqualTo("ManagedObjectNotFound"));
    }

    [Test]
    public void A_first_class_disk_that_is_kept_outlives_its_machine_where_vcsim_deletes_its_file()
    {
        var (manager, store) = (new MoRef("VcenterVStorageObjectManager", "VStorageObjectManager"), Visitor.Find($"{Inventory.Datacenter}/datastore/{Inventory.Datastore}")!);
        Assert.That(DiskAfter("kept", m => Visitor.Run("Destroy_Task", m)), Is.EqualTo("kept"));
        Assert.That(FaultOf(() => DiskAfter("lost", m => Bare.Run("Destroy_Task", m))), Is.EqualTo("NotFound"));

        // Attached to a machine that is destroyed: the disk's name afterwards.
        string? DiskAfter(string name, Action<MoRef> destroy)
        {
            var made = Visitor.Info(Visitor.Begin("CreateDisk_Task", manager, Element("spec", Element("name", name), Element("keepAfterDeleteVm", "true"),
                Element("backingSpec", Type("VslmCreateSpecDiskFileBackingSpec"), store.As("datastore"), Element("provisioningType", "thin")), Element("capacityInMB", "5120")))).Get("result")!.Get("config")!;
            var machine = Clone(name);
            Visitor.Run("ReconfigVM_Task", machine, Element("spec", Element("deviceChange", Element("operation", "add"), Element("device", Type("VirtualDisk"), Element("key", "-1"),
                Element("backing", Type("VirtualDiskFlatVer2BackingInfo"), Element("fileName", made.Get("backing")!.Text("filePath")), Element("diskMode", "persistent")),
                Element("controllerKey", "1000"), Element("unitNumber", "1"), Element("capacityInKB", $"{5L << 20}")))));
            destroy(machine);
            return Visitor.Call("RetrieveVStorageObject", manager, new XElement(made.Get("id")!), store.As("datastore")).Get("returnval")!.Get("config")!.Text("name");
        }
    }

    private XElement Device(MoRef machine, string key) => Visitor.Read(machine, "config.hardware.device")["config.hardware.device"].Elements().Single(d => d.Text("key") == key);

    private static string[] Values(Visitor visitor, MoRef machine, string key) =>
        [.. visitor.Read(machine, "config.extraConfig")["config.extraConfig"].Elements().Where(o => o.Text("key") == key).Select(o => o.Text("value")!)];
}
