using System.Text;
using Datum.Providers.Clouds.Vsphere;
using static Datum.Providers.Clouds.Vsphere.Soap;

namespace Datum.Providers.Drivers.Vsphere.Tests.Backend;

/// <summary>Power and guests. A bare vcsim's guests never report anything.</summary>
public sealed class GuestTests : BackendTest
{
    [TestCase("instance-id: i\nlocal-hostname: web-0\nnetwork:\n  version: 2\n  ethernets:\n    id0:\n      match:\n        macaddress: \"{mac}\"\n      addresses:\n      - 10.128.0.5/24\n      - fd20::5/64\n")]
    [TestCase("""{"instance-id":"i","local-hostname":"web-0","network":{"version":2,"ethernets":{"id0":{"match":{"macaddress":"{mac}"},"addresses":["10.128.0.5/24","fd20::5/64"]}}}}""")]
    [TestCase("""{"local-hostname":"web-0","network":{"ethernets":{"id0":{"match":{"name":"e*"},"addresses":["10.128.0.5/24","fd20::5/64"]}}}}""")]
    public void Tools_run_some_time_after_power_on_and_report_the_addresses_of_the_metadata(string metadata)
    {
        Cloud.Knobs = new VsphereKnobs { GuestBoot = TimeSpan.FromSeconds(40) };
        var machine = Clone();
        var mac = Visitor.Read(machine, "config.hardware.device")["config.hardware.device"].Elements().Single(d => d.Get("macAddress") is not null).Text("macAddress")!;
        Visitor.Run("ReconfigVM_Task", machine, Element("spec", Option("guestinfo.metadata", Convert.ToBase64String(Encoding.UTF8.GetBytes(metadata.Replace("{mac}", mac, StringComparison.Ordinal)))), Option("guestinfo.metadata.encoding", "base64")));
        Visitor.Run("PowerOnVM_Task", machine);
        Clock.Advance(TimeSpan.FromSeconds(39));
        Assert.That(Tools(machine), Is.EqualTo("guestToolsNotRunning"));
        Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That(Tools(machine), Is.EqualTo("guestToolsRunning"));
        var guest = Visitor.Read(machine, "guest")["guest"];
        Assert.That(guest.Get("net")!.All("ipAddress").Select(a => a.Value), Is.EqualTo(new[] { "10.128.0.5", "fd20::5" }));
        Assert.That(guest.Get("net")!.Get("ipConfig")!.All("ipAddress").Select(a => $"{a.Text("prefixLength")} {a.Text("state")}"), Is.EqualTo(new[] { "24 preferred", "64 preferred" }));
        Assert.That((guest.Text("ipAddress"), guest.Text("hostName"), guest.Text("guestState"), guest.Get("net")!.Text("deviceConfigId"), guest.Get("net")!.Text("macAddress")), Is.EqualTo(("10.128.0.5", "web-0", "running", "4000", mac)));
    }

    [Test]
    public void A_guest_without_an_address_has_a_lease_and_loses_it_with_power()
    {
        var machine = Clone();
        Visitor.Run("PowerOnVM_Task", machine);
        Assert.That(Visitor.Read(machine, "guest.ipAddress")["guest.ipAddress"].Value, Does.StartWith("10.99."));
        Assert.That(DateTimeOffset.Parse(Visitor.Read(machine, "runtime.bootTime")["runtime.bootTime"].Value, System.Globalization.CultureInfo.InvariantCulture), Is.EqualTo(Clock.Now));
        Visitor.Run("PowerOffVM_Task", machine);
        Assert.That(Visitor.Read(machine, "guest")["guest"].Text("ipAddress"), Is.Null.Or.Empty);
        Assert.That(Tools(machine), Is.EqualTo("guestToolsNotRunning"));
        var unheard = Bare.Run("CloneVM_Task", Bare.Template, Bare.CloneOf("bare"))!;
        Bare.Run("PowerOnVM_Task", unheard);
        Assert.That(Bare.Read(unheard, "guest")["guest"].Text("ipAddress"), Is.Null);
    }

    [Test]
    public void A_guest_with_a_beacon_reports_by_itself_where_that_is_wished()
    {
        Cloud.Knobs = new VsphereKnobs { GuestReports = true };
        var (with, without) = (Clone("with", Option("guestinfo.userdata", "#cloud-config: guestinfo.datum.beacon")), Clone("without"));
        Cloud.SetPower(with, true);
        Cloud.SetPower(without, true);
        Assert.That(Cloud.Machines.Where(m => m.Options.GetValueOrDefault("guestinfo.datum.beacon", "").Contains("\"ready\":true", StringComparison.Ordinal)).Select(m => m.Name), Is.EqualTo(new[] { "with" }));
    }

    [Test]
    public void A_shutdown_needs_running_tools_and_takes_its_time()
    {
        Cloud.Knobs = new VsphereKnobs { GuestBoot = TimeSpan.FromSeconds(10), GuestShutdown = TimeSpan.FromSeconds(20) };
        var machine = Clone();
        Assert.That(FaultOf(() => Visitor.Call("ShutdownGuest", machine)), Is.EqualTo("InvalidPowerState"));
        Visitor.Run("PowerOnVM_Task", machine);
        Assert.That(FaultOf(() => Visitor.Call("ShutdownGuest", machine)), Is.EqualTo("ToolsUnavailable"));
        Clock.Advance(TimeSpan.FromSeconds(10));
        Visitor.Call("ShutdownGuest", machine);
        Assert.That(Power(machine), Is.EqualTo("poweredOn"));
        Clock.Advance(TimeSpan.FromSeconds(20));
        Assert.That(Power(machine), Is.EqualTo("poweredOff"));
        // vcsim asks no guest.
        Bare.Run("PowerOnVM_Task", machine);
        Bare.Call("ShutdownGuest", machine);
        Assert.That(Power(machine), Is.EqualTo("poweredOff"));
    }

    [Test]
    public void A_reboot_and_a_reset_start_the_guest_anew()
    {
        var machine = Clone();
        Visitor.Run("PowerOnVM_Task", machine);
        Assert.That(FaultOf(() => Bare.Call("RebootGuest", machine)), Is.EqualTo("MethodNotFound"));
        Cloud.Knobs = new VsphereKnobs { GuestBoot = TimeSpan.FromSeconds(10) };
        Visitor.Call("RebootGuest", machine);
        Assert.That((Tools(machine), Power(machine)), Is.EqualTo(("guestToolsNotRunning", "poweredOn")));
        Clock.Advance(TimeSpan.FromSeconds(10));
        Assert.That(Tools(machine), Is.EqualTo("guestToolsRunning"));
        Visitor.Run("ResetVM_Task", machine);
        Assert.That((Tools(machine), Power(machine)), Is.EqualTo(("guestToolsNotRunning", "poweredOn")));
        Visitor.Run("SuspendVM_Task", machine);
        Clock.Advance(TimeSpan.FromSeconds(10));
        Assert.That((Tools(machine), Power(machine)), Is.EqualTo(("guestToolsNotRunning", "suspended")));
        Assert.That(FaultOf(() => Visitor.Run("SuspendVM_Task", machine)), Is.EqualTo("InvalidPowerState"));
    }

    [Test]
    public void A_question_holds_the_power_on_up_until_it_is_answered()
    {
        Cloud.Knobs = new VsphereKnobs { AsksAtPowerOn = true };
        var machine = Clone();
        var task = Visitor.Begin("PowerOnVM_Task", machine);
        Clock.Advance(TimeSpan.FromHours(1));
        Visitor.LogIn();
        Assert.That(Visitor.Info(task).Text("state"), Is.EqualTo("running"));
        var question = Visitor.Read(machine, "runtime.question")["runtime.question"];
        Assert.That(FaultOf(() => Visitor.Call("AnswerVM", machine, Element("questionId", "other"), Element("answerChoice", "2"))), Is.EqualTo("InvalidArgument"));
        Visitor.Call("AnswerVM", machine, Element("questionId", question.Text("id")), Element("answerChoice", "2"));
        Assert.That((Visitor.Info(task).Text("state"), Power(machine)), Is.EqualTo(("success", "poweredOn")));
        Assert.That(Visitor.Read(machine, "runtime")["runtime"].Get("question"), Is.Null);
    }

    private string Tools(MoRef machine) => Visitor.Read(machine, "guest.toolsRunningStatus")["guest.toolsRunningStatus"].Value;

    private string Power(MoRef machine) => Visitor.Read(machine, "runtime.powerState")["runtime.powerState"].Value;
}
