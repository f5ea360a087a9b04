using System.Text;
using System.Xml;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Tests.Unit;

/// <summary>What is written and read on the wire, good and hostile.</summary>
public sealed class SoapTests
{
    private static readonly MoRef Machine = new("VirtualMachine", "vm-1");

    [Test]
    public void A_request_is_an_envelope_with_the_target_first_and_types_where_they_differ()
    {
        var text = Encoding.UTF8.GetString(VimWriter.Request("ReconfigVM_Task", Machine, w => w.Open("spec").Number("numCPUs", 2).Number("memoryMB", null).Option("extraConfig", "a", "x<&>\"").Close()));
        var body = VimNode.Parse(Encoding.UTF8.GetBytes(text)).Find("Body", "ReconfigVM_Task")!;
        Assert.Multiple(() =>
        {
            Assert.That(body.Children[0].AsRef(), Is.EqualTo(Machine));
            Assert.That(body.Find("spec")!.Children.Select(c => c.Name), Is.EqualTo(new[] { "numCPUs", "extraConfig" }), "What is null is left out.");
            Assert.That(body.Find("spec", "extraConfig")!.Type, Is.EqualTo("OptionValue"));
            Assert.That(body.String("spec", "extraConfig", "value"), Is.EqualTo("x<&>\""));
            Assert.That(text, Does.Contain("xsi:type=\"xsd:string\"").And.Contain("xmlns=\"urn:vim25\""));
        });
    }

    [Test]
    public void A_device_goes_back_as_it_was_read()
    {
        const string device = """<VirtualDevice xmlns="urn:vim25" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xsi:type="VirtualDisk"><key>2000</key><backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>[ds] a &amp; b.vmdk</fileName><datastore type="Datastore">datastore-1</datastore></backing></VirtualDevice>""";
        var read = VimNode.Parse(Encoding.UTF8.GetBytes(device));
        var again = VimNode.Parse(VimWriter.Request("X", Machine, w => w.Copy(read, "device"))).Find("Body", "X", "device")!;
        Assert.Multiple(() =>
        {
            Assert.That((again.Type, again.String("key"), again.Find("backing")!.Type), Is.EqualTo(("VirtualDisk", "2000", "VirtualDiskFlatVer2BackingInfo")));
            Assert.That(again.String("backing", "fileName"), Is.EqualTo("[ds] a & b.vmdk"));
            Assert.That(again.Ref("backing", "datastore"), Is.EqualTo(new MoRef("Datastore", "datastore-1")));
        });
    }

    [Test]
    public void What_XML_can_t_hold_is_refused_before_anything_is_sent() =>
        Assert.Throws<ArgumentException>(() => VimWriter.Request("X", Machine, w => w.Text("name", "a\u0001b")));

    [TestCase("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>")]
    [TestCase("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>")]
    [TestCase("<a><b></a>")]
    [TestCase("no XML")]
    [TestCase("")]
    public void A_document_type_and_what_is_no_document_are_refused(string text) =>
        Assert.Throws<XmlException>(() => VimNode.Parse(Encoding.UTF8.GetBytes(text)));

    [Test]
    public void A_document_that_is_too_deep_is_refused() =>
        Assert.Throws<XmlException>(() => VimNode.Parse(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("<a>", 100)) + string.Concat(Enumerable.Repeat("</a>", 100)))));

    [Test]
    public void Control_characters_of_a_guest_are_read_as_they_are() =>
        Assert.That(VimNode.Parse("<a>x&#x1;y</a>"u8.ToArray()).Text, Is.EqualTo("x\u0001y"));

    [TestCase("vs1:task:100:task-7", true)]
    [TestCase("vs1:task:100:a b", false)]
    [TestCase("vs2:task:100:task-7", false)]
    [TestCase("vs1:else:100:task-7", false)]
    [TestCase("vs1:task:now:task-7", false)]
    [TestCase("op1:vitask:100:task-7", false)]
    public void A_handle_of_another_version_or_driver_counts_as_none(string data, bool ours) =>
        Assert.That(VimHandle.Read(new Handle { Data = data }, DateTimeOffset.UnixEpoch) is not null, Is.EqualTo(ours));
}
