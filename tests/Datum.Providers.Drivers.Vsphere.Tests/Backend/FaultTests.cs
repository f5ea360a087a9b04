using System.Net;
using Datum.Providers.Clouds.Vsphere;
using static Datum.Providers.Clouds.Vsphere.Soap;

namespace Datum.Providers.Drivers.Vsphere.Tests.Backend;

/// <summary>Sessions, tasks and the faults that tests plan.</summary>
public sealed class FaultTests : BackendTest
{
    private static readonly MoRef Sessions = new("SessionManager", "SessionManager");

    [Test]
    public void Without_a_session_every_property_is_missing_and_all_else_refused()
    {
        var template = Visitor.Template;
        using var stranger = Visitor.At(Cloud);
        Assert.That(Missing(stranger, template), Is.EqualTo("NotAuthenticated"));
        Assert.That(FaultOf(() => stranger.Find("DC0")), Is.EqualTo("NotAuthenticated"));
        Assert.That(FaultOf(() => stranger.LogIn(password: "wrong")), Is.EqualTo("InvalidLogin"));
        // vcsim does the same.
        using var bare = Visitor.AtBare(SharedVcsim.Process);
        Assert.That(Missing(bare, template), Is.EqualTo("NotAuthenticated"));
    }

    private static string? Missing(Visitor visitor, MoRef target) =>
        Visitor.Objects(visitor.Retrieve(target, "name")).Single().Get("missingSet")?.Get("fault")?.Get("fault") is { } fault ? TypeOf(fault) : null;

    [Test]
    public void A_session_ends_when_it_is_idle_or_ended_and_passwords_rotate()
    {
        Assert.That(Cloud.Sessions, Is.EqualTo(1));
        Clock.Advance(TimeSpan.FromMinutes(29));
        var template = Visitor.Template;
        Clock.Advance(TimeSpan.FromMinutes(30));
        Assert.That(Missing(Visitor, template), Is.EqualTo("NotAuthenticated"));
        Visitor.LogIn();
        var key = MoRef.Of(Visitor.Read(Sessions, "currentSession")["currentSession"].Get("key")!).Value;
        Assert.That(Visitor.Call("SessionIsActive", Sessions, Element("sessionID", key), Element("userName", Vcsim.User)).Text("returnval"), Is.EqualTo("true"));
        Cloud.ExpireSessions();
        Assert.That(Missing(Visitor, template), Is.EqualTo("NotAuthenticated"));
        Cloud.SetPassword(Vcsim.User, "new password");
        Assert.That(FaultOf(() => Visitor.LogIn()), Is.EqualTo("InvalidLogin"));
        Visitor.LogIn(password: "new password");
        Visitor.Call("Logout", Sessions);
        Assert.That(Cloud.Sessions, Is.Zero);
        Assert.That(FaultOf(() => Visitor.Call("LoginByToken", Sessions)), Is.EqualTo("InvalidLogin"));
    }

    [Test]
    public void A_task_can_t_be_found_ten_minutes_after_its_end_or_when_it_is_forgotten()
    {
        var task = Visitor.Begin("CloneVM_Task", Visitor.Template, Visitor.CloneOf("m"));
        Clock.Advance(TimeSpan.FromMinutes(9));
        Assert.That(Visitor.Info(task).Text("state"), Is.EqualTo("success"));
        Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.That(FaultOf(() => Visitor.Info(task)), Is.EqualTo("ManagedObjectNotFound"));
        Cloud.Knobs = new VsphereKnobs { DefaultDuration = TimeSpan.FromSeconds(60) };
        task = Visitor.Begin("CloneVM_Task", Visitor.Template, Visitor.CloneOf("n"));
        Cloud.ForgetTasks();
        Assert.That(FaultOf(() => Visitor.Info(task)), Is.EqualTo("ManagedObjectNotFound"));
        Clock.Advance(TimeSpan.FromSeconds(60));
        Assert.That(Cloud.Machines.Select(m => m.Name), Has.One.EqualTo("n"));
    }

    [Test]
    public void A_machine_in_a_task_takes_no_second_one()
    {
        var machine = Clone();
        Cloud.Knobs = new VsphereKnobs { DefaultDuration = TimeSpan.FromSeconds(5) };
        Visitor.Begin("PowerOnVM_Task", machine);
        Assert.That(FaultOf(() => Visitor.Begin("Destroy_Task", machine)), Is.EqualTo("TaskInProgress"));
        Clock.Advance(TimeSpan.FromSeconds(5));
        var task = Visitor.Begin("Destroy_Task", machine);
        Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.That(TypeOf(Visitor.Info(task).Get("error")!.Get("fault")!), Is.EqualTo("InvalidPowerState"));
    }

    [Test]
    public void A_task_is_cancelled_while_it_runs()
    {
        Cloud.Knobs = new VsphereKnobs { DefaultDuration = TimeSpan.FromSeconds(5) };
        var task = Visitor.Begin("CloneVM_Task", Visitor.Template, Visitor.CloneOf("m"));
        Visitor.Call("CancelTask", task);
        Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.That(TypeOf(Visitor.Info(task).Get("error")!.Get("fault")!), Is.EqualTo("RequestCanceled"));
        Assert.That(Cloud.Machines.Select(m => m.Name), Has.None.EqualTo("m"));
    }

    [TestCase(FaultMoment.Before, false)]
    [TestCase(FaultMoment.After, true)]
    public void A_planned_fault_comes_instead_of_the_operation_or_of_its_answer(FaultMoment moment, bool made)
    {
        Cloud.Break(new FaultRule { Operation = "CloneVM_Task", Moment = moment, Nth = 2, Fault = "HostCommunication" });
        Clone("first");
        Assert.That(FaultOf(() => Clone("second")), Is.EqualTo("HostCommunication"));
        Clone("third");
        Assert.That(Cloud.Machines.Any(m => m.Name == "second"), Is.EqualTo(made));
        Assert.That(Cloud.Count("CloneVM_Task"), Is.EqualTo(3));
    }

    [TestCase(FaultMoment.InTask, false)]
    [TestCase(FaultMoment.InTaskAfter, true)]
    public void A_planned_fault_ends_the_task_before_or_after_its_effect(FaultMoment moment, bool made)
    {
        Cloud.Break(new FaultRule { Operation = "CloneVM_Task", Moment = moment, Fault = "NoDiskSpace" });
        var task = Visitor.Begin("CloneVM_Task", Visitor.Template, Visitor.CloneOf("m"));
        Assert.That(TypeOf(Visitor.Info(task).Get("error")!.Get("fault")!), Is.EqualTo("NoDiskSpace"));
        Assert.That(Cloud.Machines.Any(m => m.Name == "m"), Is.EqualTo(made));
    }

    [Test]
    public void A_connection_breaks_after_the_effect_and_a_status_comes_without_a_body()
    {
        Cloud.Break(new FaultRule { Operation = "CloneVM_Task", Moment = FaultMoment.After, Hangs = false });
        Assert.Throws<HttpRequestException>(() => Clone("m"));
        Assert.That(Cloud.Machines.Select(m => m.Name), Has.One.EqualTo("m"));
        Cloud.Heal();
        Cloud.Break(new FaultRule { Operation = "*", Status = 503, Times = 2 });
        Assert.That(Assert.Throws<HttpRequestException>(() => Clone("n"))!.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Cloud.Heal();
        Cloud.Knobs = new VsphereKnobs { Overloaded = TimeSpan.FromSeconds(7) };
        Assert.That(() => Clone("n"), Throws.Exception);
    }

    [Test]
    public void A_privilege_can_be_lost_and_those_that_were_needed_are_known()
    {
        var machine = Clone();
        Assert.That(Cloud.Privileges, Does.Contain("VirtualMachine.Provisioning.DeployTemplate"));
        Cloud.Knobs = new VsphereKnobs { Denied = ["VirtualMachine.Inventory.Delete", "PowerOnVM_Task"] };
        Assert.That(FaultOf(() => Visitor.Begin("Destroy_Task", machine)), Is.EqualTo("NoPermission"));
        Assert.That(FaultOf(() => Visitor.Begin("PowerOnVM_Task", machine)), Is.EqualTo("NoPermission"));
    }

    [Test]
    public void A_full_cluster_and_a_limit_refuse_in_the_task()
    {
        Cloud.Knobs = new VsphereKnobs { Full = true };
        Assert.That(FaultOf(() => Clone("m")), Is.EqualTo("InsufficientMemoryResourcesFault"));
        Cloud.Knobs = new VsphereKnobs { MostMachines = 1 };
        Clone("m");
        Assert.That(FaultOf(() => Clone("n")), Is.EqualTo("LimitExceeded"));
        Cloud.Knobs = new VsphereKnobs { InstanceUuid = "00000000-0000-0000-0000-00000000beef" };
        Assert.That(Visitor.Call("RetrieveServiceContent", new MoRef("ServiceInstance", "ServiceInstance")).Get("returnval")!.Get("about")!.Text("instanceUuid"), Does.EndWith("beef"));
    }
}
