using Datum.Providers.Clouds.Proxmox;

namespace Datum.Providers.Drivers.Proxmox.Tests.Double;

public sealed class MachineTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Test]
    public async Task A_clone_takes_its_id_at_once_and_has_a_lock_and_no_name_until_it_is_done()
    {
        using var cluster = new Cluster(new ProxmoxKnobs { DefaultDuration = Minute, NameLag = TimeSpan.FromSeconds(5) });
        var upid = (await cluster.Get("POST", "/nodes/pve1/qemu/9000/clone", ("newid", "101"), ("name", "web"), ("full", "1"), ("target", "pve2"), ("storage", "ceph")))!.ToString();
        Assert.That(upid, Does.Match("^UPID:pve1:[0-9A-F]{8}:[0-9A-F]{8}:[0-9A-F]{8}:qmclone:9000:root@pam:$"));

        var row = await Row(cluster, 101);
        Assert.That((row!["lock"]?.ToString(), row["name"]), Is.EqualTo(("clone", (object?)null)));
        Assert.That((await cluster.Send("GET", "/cluster/nextid", ("vmid", "101"))).Errors!["vmid"]!.ToString(), Is.EqualTo("VM 101 already exists"));
        Assert.That((await cluster.Send("PUT", "/nodes/pve2/qemu/101/config", ("cores", "4"))).Reason, Is.EqualTo("VM is locked (clone)"));
        Assert.That((await cluster.Send("POST", "/nodes/pve1/qemu/9000/clone", ("newid", "101"))).Reason, Is.EqualTo("unable to create VM 101 - VM 101 already exists on node 'pve2'"));

        cluster.Clock.Advance(Minute);
        Assert.That((await cluster.Get("GET", $"/nodes/pve1/tasks/{upid}/status"))!["exitstatus"]!.ToString(), Is.EqualTo("OK"));
        row = await Row(cluster, 101);
        Assert.That((row!["lock"], row["name"]), Is.EqualTo(((object?)null, (object?)null)));
        cluster.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.That((await Row(cluster, 101))!["name"]!.ToString(), Is.EqualTo("web"));
        var config = await cluster.Config(101, "pve2");
        Assert.That(config["scsi0"]!.ToString(), Is.EqualTo("ceph:vm-101-disk-0,size=3G"));
        Assert.That(config.ContainsKey("template"), Is.False);
    }

    [Test]
    public async Task A_linked_clone_stands_on_its_base_and_holds_it()
    {
        using var cluster = new Cluster();
        Assert.That(await cluster.Task("POST", "/nodes/pve1/qemu/9000/clone", ("newid", "101"), ("name", "web")), Is.EqualTo("OK"));
        Assert.That((await cluster.Config(101))["scsi0"]!.ToString(), Is.EqualTo("ceph:base-9000-disk-0/vm-101-disk-0,size=3G"));
        Assert.That(await cluster.Task("DELETE", "/nodes/pve1/qemu/9000"), Does.Contain("still in use by linked clones"));
        Assert.That(await cluster.Task("DELETE", "/nodes/pve1/qemu/101", ("purge", "1"), ("destroy-unreferenced-disks", "1")), Is.EqualTo("OK"));
        Assert.That(await cluster.Task("DELETE", "/nodes/pve1/qemu/9000"), Is.EqualTo("OK"));
    }

    private static async Task<System.Text.Json.Nodes.JsonNode?> Row(Cluster cluster, int id) =>
        (await cluster.Get("GET", "/cluster/resources", ("type", "vm")))!.AsArray().FirstOrDefault(r => r!["vmid"]!.GetValue<int>() == id);
}
