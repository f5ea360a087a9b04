using System.Text;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Vsphere;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Vsphere.Tests.Backend;

/// <summary>The checker itself: what isn't as VMware's description says is refused. A checker that lets everything through proves nothing.</summary>
public sealed class DescriptionTests
{
    private const string Vm = """<_this type="VirtualMachine">vm-1</_this>""";

    private static readonly object[][] Broken =
    [
        ["""<PowerOnVM_Task/>""", "_this is missing"],
        ["""<PowerOnVM_Task><_this>vm-1</_this></PowerOnVM_Task>""", "with a type and an id"],
        ["""<PowerOnVM_Task><host type="HostSystem">host-1</host>""" + Vm + "</PowerOnVM_Task>", "_this comes first"],
        ["<PowerOnVM_Task>" + Vm + "<hosts/></PowerOnVM_Task>", "no member hosts"],
        ["<PowerOnVM_Task>" + Vm + "<host>host-1</host></PowerOnVM_Task>", "is a reference"],
        ["<ReconfigVM_Task>" + Vm + "</ReconfigVM_Task>", "needs the member spec"],
        [Spec("<memoryMB>much</memoryMB>"), "no int64"],
        [Spec("<numCPUs>2.5</numCPUs>"), "no int32"],
        [Spec("<numCPUs>99999999999</numCPUs>"), "no int32"],
        [Spec("<memoryMB>1</memoryMB><numCPUs>2</numCPUs>"), "the order of the description"],
        [Spec("<name>a</name><name>b</name>"), "stands there 2 times"],
        [Spec("<cpuHotAddEnabled>yes</cpuHotAddEnabled>"), "no boolean"],
        [Spec("<numCpus>2</numCpus>"), "no member numCpus"],
        [Spec("<extraConfig><value xsi:type=\"xsd:string\">v</value></extraConfig>"), "needs the member key"],
        [Spec("<extraConfig><key>k</key><value>v</value></extraConfig>"), "needs an xsi:type"],
        [Spec("<extraConfig><value xsi:type=\"xsd:string\">v</value><key>k</key></extraConfig>"), "the order of the description"],
        [Spec("<deviceChange><operation>change</operation><device xsi:type=\"VirtualDisk\"><key>1</key><capacityInKB>1</capacityInKB></device></deviceChange>"), "none of VirtualDeviceConfigSpecOperation"],
        [Spec("<deviceChange><operation>add</operation></deviceChange>"), "needs the member device"],
        [Spec("<deviceChange><operation>add</operation><device xsi:type=\"VirtualDisk\"><key>1</key></device></deviceChange>"), "needs the member capacityInKB"],
        [Spec("<deviceChange><operation>add</operation><device xsi:type=\"VirtualMachineCloneSpec\"><location/><template>false</template><powerOn>false</powerOn></device></deviceChange>"), "is no VirtualDevice"],
        [Spec("<deviceChange><operation>add</operation><device xsi:type=\"VirtualDisk\"><capacityInKB>1</capacityInKB><key>1</key></device></deviceChange>"), "the order of the description"],
        [Spec("<extraConfig><key>a</key></extraConfig><changeTrackingEnabled>true</changeTrackingEnabled><extraConfig><key>b</key></extraConfig>"), "don't stand together"],
        [Spec("<annotation><b>bold</b></annotation>"), "has no members"],
        ["""<CloneVM_Task>""" + Vm + """<folder type="Folder">f</folder><name>n</name><spec><location/><template>false</template></spec></CloneVM_Task>""", "needs the member powerOn"],
        ["""<CloneVM_Task>""" + Vm + """<folder type="Folder">f</folder><spec><location/><template>false</template><powerOn>false</powerOn></spec></CloneVM_Task>""", "needs the member name"],
        ["""<Login><_this type="SessionManager">S</_this><userName>u</userName></Login>""", "needs the member password"],
    ];

    [TestCaseSource(nameof(Broken))]
    public void A_broken_request_is_refused(string xml, string word) => Assert.That(string.Join('\n', Description().CheckRequest(Parse(xml))), Does.Contain(word));

    [TestCase("""<CloneVM_TaskResponse><returnval>task-1</returnval></CloneVM_TaskResponse>""", "CloneVM_Task", "is a reference")]
    [TestCase("""<LogoutResponse><returnval>done</returnval></LogoutResponse>""", "Logout", "answers with nothing")]
    [TestCase("""<LoginResponse><returnval><key>k</key><user>u</user></returnval></LoginResponse>""", "Login", "no member user")]
    [TestCase("""<LoginResponse><returnval><loginTime>yesterday</loginTime></returnval></LoginResponse>""", "Login", "no time")]
    [TestCase("""<LogoutResponse/>""", "Login", "the answer is LogoutResponse")]
    [TestCase("""<RetrievePropertiesExResponse><returnval><objects><obj type="Task">t</obj><propSet><name>info</name><val xsi:type="TaskInfo"><state>finished</state></val></propSet></objects></returnval></RetrievePropertiesExResponse>""", "RetrievePropertiesEx", "none of TaskInfoState")]
    public void A_broken_answer_is_refused(string xml, string operation, string word) => Assert.That(string.Join('\n', Description().CheckAnswer(operation, Parse(xml))), Does.Contain(word));

    [TestCase("GET", "/rest/com/vmware/cis/tagging/tags", "", "no method")]
    [TestCase("PUT", "/rest/com/vmware/cis/tagging/tag", "{}", "no method")]
    [TestCase("POST", "/rest/com/vmware/cis/tagging/tag", "", "needs a body")]
    [TestCase("POST", "/rest/com/vmware/cis/tagging/tag", "{", "no JSON")]
    [TestCase("POST", "/rest/com/vmware/cis/tagging/tag", "{}", "needs the member create_spec")]
    [TestCase("POST", "/rest/com/vmware/cis/tagging/tag", """{"create_spec":{"name":"n","description":"d"}}""", "needs the member category_id")]
    [TestCase("POST", "/rest/com/vmware/cis/tagging/tag", """{"create_spec":{"name":7,"description":"d","category_id":"c"}}""", "a string is right")]
    [TestCase("POST", "/rest/com/vmware/cis/tagging/category", """{"create_spec":{"name":"n","description":"d","cardinality":"SOME","associable_types":[]}}""", "none of")]
    [TestCase("POST", "/rest/com/vmware/cis/tagging/tag-association/id:t?~action=attach", """{"object_id":{"id":"vm-1","type":"VirtualMachine","name":"n"}}""", "no member name")]
    [TestCase("POST", "/rest/com/vmware/cis/tagging/tag-association/id:t?~action=fasten", """{}""", "no method")]
    [TestCase("GET", "/rest/com/vmware/cis/tagging/tag?name=n", "", "no query parameter name")]
    public void A_broken_REST_request_is_refused(string method, string target, string body, string word)
    {
        var question = target.IndexOf('?', StringComparison.Ordinal);
        var request = new CloudRequest
        {
            Method = method,
            Path = question < 0 ? target : target[..question],
            Query = CloudRequest.ParseQuery(question < 0 ? "" : target[question..]),
            Body = Encoding.UTF8.GetBytes(body),
        };
        Assert.That(string.Join('\n', Description().CheckRest(request)), Does.Contain(word));
    }

    [Test]
    public void What_is_right_passes()
    {
        var right = Spec("<numCPUs>2</numCPUs><memoryMB>8192</memoryMB><extraConfig><key>k</key><value xsi:type=\"xsd:string\">v</value></extraConfig>");
        Assert.That(Description().CheckRequest(Parse(right)), Is.Empty);
        Assert.That(Description().UsedMembers, Does.Contain("VirtualMachineConfigSpec.memoryMB"));
        Assert.That(Description().CheckRequest(Soap.Read(Encoding.UTF8.GetBytes("""<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><Logout/></e:Body></e:Envelope>"""))).Single(), Does.Contain("urn:vim25 is right"));
    }

    private static VimDescription Description() => SharedVcsim.Description ?? throw SharedFolder.Missing("seeds", "the reference folder has no description of vim25");

    private static string Spec(string members) => $"<ReconfigVM_Task>{Vm}<spec>{members}</spec></ReconfigVM_Task>";

    private static System.Xml.Linq.XElement Parse(string xml) => Soap.Read(Encoding.UTF8.GetBytes(
        $"""<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><e:Body xmlns="urn:vim25">{xml}</e:Body></e:Envelope>"""));
}
