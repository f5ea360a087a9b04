using System.Text;

namespace Datum.Providers.Drivers.Proxmox.Tests.Double;

/// <summary>A whole life of a machine, its network and its rules on both releases: every request and answer is held to that release's schema.</summary>
public sealed class LifeTests
{
    [TestCase("9.1")]
    [TestCase("8.4")]
    public async Task A_machine_lives_in_its_network_behind_its_rules(string release)
    {
        using var cluster = new Cluster(release: release);
        var before = cluster.Cloud.Objects.Select(o => o.Path).ToList();
        Assert.That((await cluster.Get("GET", "/version"))!["release"]!.ToString(), Is.EqualTo(release));
        foreach (var path in (string[])["/nodes", "/cluster/status", "/cluster/resources", "/cluster/tasks", "/cluster/options", "/pools", "/access/permissions", "/nodes/pve1/status", "/nodes/pve1/storage",
            "/nodes/pve1/tasks", "/cluster/firewall/options", "/cluster/sdn/zones", "/cluster/sdn/zones/lab", "/cluster/sdn/ipams"])
            Assert.That(await cluster.Get("GET", path), Is.Not.Null, path);

        await cluster.Get("POST", "/pools", ("poolid", "datum"));
        await cluster.Get("POST", "/cluster/sdn/vnets", ("vnet", "dnet1"), ("zone", "lab"), ("alias", "datum:inst1:net:x"));
        await cluster.Get("POST", "/cluster/sdn/vnets/dnet1/subnets", ("subnet", "10.9.0.0/24"), ("type", "subnet"), ("gateway", "10.9.0.1"));
        Assert.That(await cluster.Task("PUT", "/cluster/sdn"), Is.EqualTo("OK"));
        foreach (var how in (string[])["pending", "running"])
            Assert.That((await cluster.Get("GET", "/cluster/sdn/vnets", (how, "1")))!.AsArray(), Has.Count.EqualTo(1), how);
        Assert.That((await cluster.Get("GET", "/cluster/sdn/ipams/pve/status"))!.AsArray(), Has.Count.EqualTo(1));

        await cluster.Get("POST", "/cluster/firewall/groups", ("group", "datum-web"), ("comment", "datum:inst1:fw:x"));
        await cluster.Get("POST", "/cluster/firewall/groups/datum-web", ("type", "in"), ("action", "ACCEPT"), ("enable", "1"), ("proto", "tcp"), ("dport", "80,443"), ("source", "10.0.0.0/8"));

        Assert.That((await cluster.Get("GET", "/cluster/nextid", ("vmid", "1000")))!.GetValue<long>(), Is.EqualTo(1000));
        Assert.That(await cluster.Task("POST", "/nodes/pve1/qemu/9000/clone", ("newid", "1000"), ("name", "web"), ("full", "1"), ("target", "pve2"), ("storage", "ceph"), ("pool", "datum")), Is.EqualTo("OK"));
        const string machine = "/nodes/pve2/qemu/1000";
        Assert.That(await cluster.Task("POST", machine + "/config", ("cores", "2"), ("memory", "8192"), ("net0", "virtio,bridge=dnet1,firewall=1"), ("tags", "datum-inst1"), ("description", "datum:inst1:ins:x"),
            ("ipconfig0", "ip=10.9.0.5/24,gw=10.9.0.1"), ("scsi1", "ceph:1,serial=dsk1")), Is.EqualTo("OK"));
        await cluster.Task("PUT", machine + "/resize", ("disk", "scsi0"), ("size", "25G"));
        await cluster.Get("PUT", machine + "/firewall/options", ("enable", "1"), ("policy_in", "DROP"));
        await cluster.Get("POST", machine + "/firewall/rules", ("type", "group"), ("action", "datum-web"), ("enable", "1"));
        Assert.That((await cluster.Get("GET", machine + "/firewall/rules"))!.AsArray(), Has.Count.EqualTo(1));
        Assert.That(await cluster.Task("POST", machine + "/status/start"), Is.EqualTo("OK"));
        await cluster.Get("POST", machine + "/agent/ping");
        await cluster.Get("POST", machine + "/agent/file-write", ("file", "/run/x"), ("content", Convert.ToBase64String(Encoding.UTF8.GetBytes("x"))), ("encode", "0"));
        Assert.That((await cluster.Get("GET", machine + "/agent/network-get-interfaces"))!.ToJsonString(), Does.Contain("10.9.0.5"));
        Assert.That((await cluster.Get("GET", machine + "/status/current"))!["status"]!.ToString(), Is.EqualTo("running"));
        Assert.That((await cluster.Get("GET", "/nodes/pve2/qemu", ("full", "1")))!.AsArray(), Has.Count.EqualTo(1));
        Assert.That((await cluster.Get("GET", machine + "/pending"))!.AsArray(), Is.Not.Empty);

        Assert.That(await cluster.Task("POST", machine + "/status/shutdown"), Is.EqualTo("OK"));
        Assert.That(await cluster.Task("DELETE", machine, ("purge", "1"), ("destroy-unreferenced-disks", "1")), Is.EqualTo("OK"));
        await cluster.Get("DELETE", "/cluster/firewall/groups/datum-web/0");
        await cluster.Get("DELETE", "/cluster/firewall/groups/datum-web");
        await cluster.Get("DELETE", "/cluster/sdn/vnets/dnet1/subnets/lab-10.9.0.0-24");
        await cluster.Get("DELETE", "/cluster/sdn/vnets/dnet1");
        Assert.That(await cluster.Task("PUT", "/cluster/sdn"), Is.EqualTo("OK"));
        await cluster.Get("DELETE", "/pools/datum");
        Assert.That(cluster.Cloud.Objects.Select(o => o.Path), Is.EqualTo(before));
        Assert.That(cluster.Cloud.RunningNetworks.Select(n => n.Path), Does.Not.Contain("vnets/dnet1"));
    }
}
