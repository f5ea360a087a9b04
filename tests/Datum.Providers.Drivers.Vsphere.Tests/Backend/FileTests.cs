using System.Xml.Linq;
using Datum.Providers.Clouds.Vsphere;
using static Datum.Providers.Clouds.Vsphere.Soap;

namespace Datum.Providers.Drivers.Vsphere.Tests.Backend;

/// <summary>Files of datastores and media in drives: what bare vcsim does, and what the proxy makes of it.</summary>
public sealed class FileTests : BackendTest
{
    private static readonly MoRef FileManager = new("FileManager", "FileManager");

    [Test]
    public void Files_need_a_session_and_a_folder_where_vcsim_asks_for_neither()
    {
        Clone();
        Assert.That((Bare.File("PUT", "m/bare.iso", "x", session: false), Bare.File("PUT", "nowhere/bare.iso", "x", session: false)), Is.EqualTo((200, 200)));
        Assert.That((Visitor.File("HEAD", "m/a.iso", session: false), Visitor.File("PUT", "m/a.iso", "x", session: false)), Is.EqualTo((401, 401)));
        Assert.That((Visitor.File("HEAD", "m/a.iso"), Visitor.File("PUT", "m/a.iso", "x"), Visitor.File("PUT", "m/a.iso", "y"), Visitor.File("HEAD", "m/a.iso"), Visitor.File("PUT", "none/a.iso", "x")), Is.EqualTo((404, 201, 200, 200, 404)));
        Cloud.Knobs = new VsphereKnobs { Denied = ["Datastore.FileManagement"] };
        Assert.That((Visitor.File("PUT", "m/a.iso", "x"), Visitor.File("GET", "m/a.iso")), Is.EqualTo((403, 200)));
        Bare.Run("DeleteDatastoreFile_Task", FileManager, Element("name", "[LocalDS_0] nowhere"), Datacenter);
    }

    [Test]
    public void A_machine_s_end_leaves_the_files_of_others_that_vcsim_deletes()
    {
        var (ours, theirs) = (Clone("ours"), Clone("theirs"));
        Visitor.File("PUT", "ours/a.iso", "x");
        Bare.File("PUT", "theirs/a.iso", "x");
        Visitor.Run("Destroy_Task", ours);
        Bare.Run("Destroy_Task", theirs);
        Assert.That((Bare.File("HEAD", "ours/a.iso"), Bare.File("HEAD", "theirs/a.iso")), Is.EqualTo((200, 404)));
        Assert.That(Cloud.Uploads, Is.EqualTo(new[] { "[LocalDS_0] ours/a.iso" }));
    }

    [Test]
    public void A_medium_in_the_drive_of_a_machine_that_runs_can_t_be_deleted()
    {
        var machine = Clone();
        Visitor.File("PUT", "m/a.iso", "x");
        Visitor.Run("ReconfigVM_Task", machine, Add("[LocalDS_0] m/a.iso"));
        Visitor.Run("PowerOnVM_Task", machine);
        Assert.That(FaultOf(() => Delete(Visitor)), Is.EqualTo("FileLocked"));
        var drive = new XElement(Drive(machine)) { Name = Soap.Vim + "device" };
        Visitor.Run("ReconfigVM_Task", machine, Element("spec", Element("deviceChange", Element("operation", "edit"), Element("device", Type("VirtualCdrom"), Element("key", drive.Text("key")),
            Element("backing", Type("VirtualCdromRemotePassthroughBackingInfo"), Element("deviceName", ""), Element("exclusive", "false")),
            Element("connectable", Element("startConnected", "false"), Element("allowGuestControl", "true"), Element("connected", "false"))))));
        Assert.That((Drive(machine).Text("key"), Drive(machine).Text("controllerKey"), Drive(machine).Get("backing")!.Text("fileName")), Is.EqualTo((drive.Text("key"), drive.Text("controllerKey"), (string?)null)));
        Delete(Visitor);
        Assert.That(FaultOf(() => Delete(Visitor)), Is.EqualTo("FileNotFound"));
        // vcsim deletes what is in use.
        Visitor.File("PUT", "m/a.iso", "x");
        Visitor.Run("PowerOffVM_Task", machine);
        Visitor.Run("ReconfigVM_Task", machine, Add("[LocalDS_0] m/a.iso", 1));
        Visitor.Run("PowerOnVM_Task", machine);
        Assert.DoesNotThrow(() => Delete(Bare));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void A_drive_without_its_medium_is_not_connected_at_the_start(bool there)
    {
        var machine = Clone();
        Visitor.File("PUT", "m/a.iso", "x");
        Visitor.Run("ReconfigVM_Task", machine, Add("[LocalDS_0] m/a.iso"));
        if (!there)
            Delete(Visitor);
        Visitor.Run("PowerOnVM_Task", machine);
        Assert.That(Drive(machine).Get("connectable")!.Text("connected"), Is.EqualTo(there ? "true" : "false"));
    }

    private XElement Datacenter => Visitor.Find(Inventory.Datacenter)!.As("datacenter");

    private void Delete(Visitor visitor) => visitor.Run("DeleteDatastoreFile_Task", FileManager, Element("name", "[LocalDS_0] m/a.iso"), Datacenter);

    private XElement Drive(MoRef machine) => Visitor.Read(machine, "config.hardware.device")["config.hardware.device"].Elements().First(d => TypeOf(d) == "VirtualCdrom");

    private static XElement Add(string file, int unit = 0) => Element("spec", Element("deviceChange", Element("operation", "add"), Element("device", Type("VirtualCdrom"), Element("key", "-1"),
        Element("backing", Type("VirtualCdromIsoBackingInfo"), Element("fileName", file)),
        Element("connectable", Element("startConnected", "true"), Element("allowGuestControl", "true"), Element("connected", "true")),
        Element("controllerKey", "200"), Element("unitNumber", $"{unit}"))));
}
