using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Clouds.Proxmox;

namespace Datum.Providers.Drivers.Proxmox.Tests.Double;

public sealed class PowerTests
{
    private const string Status = "/nodes/pve1/qemu/100/status/";
    private const string Agent = "/nodes/pve1/qemu/100/agent/";

    [Test]
    public async Task It_starts_runs_and_stops_and_says_so()
    {
        using var cluster = new Cluster();
        await cluster.Machine();
        Assert.That((await cluster.Send("POST", Status + "reboot")).Reason, Is.EqualTo("VM 100 not running"));
        Assert.That(await cluster.Task("POST", Status + "stop"), Is.EqualTo("OK"));
        Assert.That(await cluster.Task("POST", Status + "start"), Is.EqualTo("OK"));
        Assert.That(await cluster.Task("POST", Status + "start"), Is.EqualTo("VM 100 already running"));
        cluster.Cloud.SetLock(100, "backup");
        Assert.That(await cluster.Task("POST", Status + "stop"), Is.EqualTo("VM is locked (backup)"));
        cluster.Cloud.SetLock(100, null);
        Assert.That((await cluster.Send("DELETE", "/nodes/pve1/qemu/100")).Reason, Is.EqualTo("VM 100 is running - destroy failed"));
        cluster.Clock.Advance(TimeSpan.FromSeconds(30));
        var status = (await cluster.Get("GET", Status + "current"))!;
        Assert.That((status["status"]!.ToString(), status["qmpstatus"]!.ToString(), status["uptime"]!.GetValue<long>(), status["agent"]!.GetValue<int>()), Is.EqualTo(("running", "running", 30L, 1)));
        Assert.That(await cluster.Task("POST", Status + "shutdown"), Is.EqualTo("OK"));
        Assert.That((await cluster.Get("GET", Status + "current"))!["status"]!.ToString(), Is.EqualTo("stopped"));
    }

    [Test]
    public async Task A_start_may_fail_while_the_machine_runs_and_a_full_node_starts_nothing()
    {
        using var cluster = new Cluster(new ProxmoxKnobs { StartFailsButRuns = true });
        await cluster.Machine();
        Assert.That(await cluster.Task("POST", Status + "start"), Does.StartWith("start failed"));
        Assert.That((await cluster.Get("GET", Status + "current"))!["status"]!.ToString(), Is.EqualTo("running"));
        cluster.Cloud.SetPower(100, running: false);
        cluster.Cloud.Knobs = new ProxmoxKnobs { FullNodes = ["pve1"] };
        Assert.That(await cluster.Task("POST", Status + "start"), Does.Contain("Cannot allocate memory"));
        Assert.That((await cluster.Get("GET", Status + "current"))!["status"]!.ToString(), Is.EqualTo("stopped"));
    }

    [Test]
    public async Task Who_comes_second_waits_for_the_machines_lock_but_not_for_ever()
    {
        using var cluster = new Cluster(new ProxmoxKnobs { Durations = System.Collections.Immutable.ImmutableDictionary<string, TimeSpan>.Empty.Add("qmstart", TimeSpan.FromSeconds(5)).Add("qmstop", TimeSpan.FromSeconds(30)) });
        await cluster.Machine();
        await cluster.Get("POST", Status + "start");
        Assert.That((await cluster.Send("PUT", "/nodes/pve1/qemu/100/config", ("cores", "4"))).Reason, Is.EqualTo("can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout"));
        await cluster.Get("POST", Status + "stop");
        cluster.Clock.Advance(TimeSpan.FromSeconds(6));
        Assert.That((await cluster.Get("GET", Status + "current"))!["status"]!.ToString(), Is.EqualTo("running"));
        Assert.That(await cluster.Task("POST", Status + "reset"), Does.StartWith("can't lock file"));
        cluster.Clock.Advance(TimeSpan.FromSeconds(30));
        Assert.That((await cluster.Get("GET", Status + "current"))!["status"]!.ToString(), Is.EqualTo("stopped"));
    }

    [Test]
    public async Task A_guest_that_boots_not_answers_neither_agent_nor_power_button()
    {
        using var cluster = new Cluster(new ProxmoxKnobs { GuestBoot = TimeSpan.FromSeconds(20) });
        await cluster.Machine();
        Assert.That((await cluster.Send("POST", Agent + "ping")).Reason, Is.EqualTo("VM 100 is not running"));
        await cluster.Task("POST", Status + "start");
        Assert.That((await cluster.Send("POST", Agent + "ping")).Reason, Is.EqualTo("QEMU guest agent is not running"));
        // It comes up too late for a short patience, and in time for a long one.
        Assert.That(await cluster.Task("POST", Status + "shutdown", ("timeout", "10")), Does.Contain("got timeout"));
        cluster.Clock.Advance(TimeSpan.FromSeconds(10));
        await cluster.Get("POST", Agent + "ping");
        cluster.Cloud.SetAgent(100, answers: false);
        Assert.That((await cluster.Send("POST", Agent + "ping")).Reason, Is.EqualTo("QEMU guest agent is not running"));
        Assert.That(await cluster.Task("POST", Status + "shutdown", ("forceStop", "1")), Is.EqualTo("OK"));
        await cluster.Get("PUT", "/nodes/pve1/qemu/100/config", ("delete", "agent"));
        Assert.That((await cluster.Send("POST", Agent + "ping")).Reason, Is.EqualTo("No QEMU guest agent configured"));
    }

    [Test]
    public async Task The_agent_shows_addresses_runs_commands_and_holds_files()
    {
        using var cluster = new Cluster(holdsRequests: false);
        await cluster.Machine(more: ("ipconfig0", "ip=10.0.0.5/24,ip6=fd20::5/64"));
        cluster.Cloud.OnCommand = (id, command, input) => new GuestAnswer(3, string.Join(' ', command) + "|" + input, "oops");
        await cluster.Task("POST", Status + "start");
        var card = (await cluster.Get("GET", Agent + "network-get-interfaces"))!["result"]!.AsArray().Single(i => i!["name"]!.ToString() != "lo")!;
        Assert.That(card["ip-addresses"]!.AsArray().Take(2).Select(a => a!["ip-address"]!.ToString()), Is.EqualTo((string[])["10.0.0.5", "fd20::5"]));

        var pid = (await cluster.Get("POST", Agent + "exec", ("command", "cat"), ("command", "/etc/hostname"), ("input-data", "in")))!["pid"]!.ToString();
        var ended = (await cluster.Get("GET", Agent + "exec-status", ("pid", pid)))!;
        Assert.That((ended["exitcode"]!.GetValue<int>(), ended["out-data"]!.ToString(), ended["err-data"]!.ToString()), Is.EqualTo((3, "cat /etc/hostname|in", "oops")));
        Assert.That((await cluster.Send("GET", Agent + "exec-status", ("pid", pid))).Reason, Does.Contain("does not exist"));

        await cluster.Get("POST", Agent + "file-write", ("file", "/run/a"), ("content", Convert.ToBase64String(Encoding.UTF8.GetBytes("hello"))), ("encode", "0"));
        Assert.That(Encoding.UTF8.GetString(cluster.Cloud.GuestFiles(100)["/run/a"]), Is.EqualTo("hello"));
        Assert.That((await cluster.Get("GET", Agent + "file-read", ("file", "/run/a")))!["content"]!.ToString(), Is.EqualTo("hello"));
        Assert.That((await cluster.Send("GET", Agent + "file-read", ("file", "/run/b"))).Reason, Does.Contain("No such file or directory"));
        Assert.That((await cluster.Send("POST", Agent + "file-write", ("file", "/run/a"), ("content", new string('x', 61441)))).Errors!["content"]!.ToString(), Does.Contain("61440"));
    }

    [Test]
    public async Task Each_release_asks_for_its_own_privilege_of_the_agent()
    {
        foreach (var (release, privilege) in ((string, string)[])[("9.1", "VM.GuestAgent.Audit|VM.GuestAgent.Unrestricted"), ("8.4", "VM.Monitor")])
        {
            using var cluster = new Cluster(release: release);
            await cluster.Machine();
            cluster.Cloud.AddToken("datum@pve!host", "s", administrator: false);
            cluster.Cloud.Grant("datum@pve!host", "/", "VM.Audit");
            cluster.Token = "datum@pve!host=s";
            Assert.That((await cluster.Send("POST", Agent + "ping")).Reason, Is.EqualTo($"Permission check failed (/vms/100, {privilege})"));
        }
    }
}
