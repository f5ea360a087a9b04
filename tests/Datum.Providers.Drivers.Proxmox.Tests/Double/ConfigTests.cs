namespace Datum.Providers.Drivers.Proxmox.Tests.Double;

public sealed class ConfigTests
{
    private const string Config = "/nodes/pve1/qemu/100/config";

    [Test]
    public async Task A_digest_that_is_old_is_refused()
    {
        using var cluster = new Cluster();
        await cluster.Machine();
        var digest = (await cluster.Config(100))["digest"]!.ToString();
        await cluster.Get("PUT", Config, ("cores", "4"), ("digest", digest));
        var answer = await cluster.Send("POST", Config, ("cores", "8"), ("digest", digest));
        Assert.That(((int)answer.Status, answer.Reason), Is.EqualTo((500, "detected modified configuration - file changed by other user? Try again.")));
    }

    [Test]
    public async Task What_a_running_machine_can_t_change_waits_for_its_next_start()
    {
        using var cluster = new Cluster();
        await cluster.Machine();
        await cluster.Task("POST", "/nodes/pve1/qemu/100/status/start");
        await cluster.Get("PUT", Config, ("cores", "8"), ("tags", "B;a"), ("description", "words"));
        Assert.That((await cluster.Config(100))["cores"]!.GetValue<long>(), Is.EqualTo(8));
        Assert.That((await cluster.Get("GET", Config, ("current", "1")))!["cores"]!.GetValue<long>(), Is.EqualTo(2));
        Assert.That((await cluster.Config(100))["tags"]!.ToString(), Is.EqualTo("a;b"));
        var pending = (await cluster.Get("GET", "/nodes/pve1/qemu/100/pending"))!.AsArray().Single(p => p!["key"]!.ToString() == "cores")!;
        Assert.That((pending["value"]!.ToString(), pending["pending"]!.ToString()), Is.EqualTo(("2", "8")));
        await cluster.Task("POST", "/nodes/pve1/qemu/100/status/reset");
        Assert.That((await cluster.Get("GET", Config, ("current", "1")))!["cores"]!.GetValue<long>(), Is.EqualTo(2));
        await cluster.Task("POST", "/nodes/pve1/qemu/100/status/reboot");
        Assert.That((await cluster.Get("GET", Config, ("current", "1")))!["cores"]!.GetValue<long>(), Is.EqualTo(8));

        await cluster.Get("PUT", Config, ("cores", "16"));
        await cluster.Get("PUT", Config, ("revert", "cores"));
        Assert.That((await cluster.Config(100))["cores"]!.GetValue<long>(), Is.EqualTo(8));
    }

    [Test]
    public async Task Disks_are_made_detached_taken_back_and_removed()
    {
        using var cluster = new Cluster();
        await cluster.Machine();
        Assert.That(await cluster.Task("POST", Config, ("scsi1", "ceph:10,serial=dsk1,discard=on")), Is.EqualTo("OK"));
        Assert.That((await cluster.Config(100))["scsi1"]!.ToString(), Is.EqualTo("ceph:vm-100-disk-1,serial=dsk1,discard=on,size=10G"));
        await cluster.Get("PUT", Config, ("delete", "scsi1"));
        Assert.That((await cluster.Config(100))["unused0"]!.ToString(), Is.EqualTo("ceph:vm-100-disk-1"));
        await cluster.Get("PUT", Config, ("scsi2", "ceph:vm-100-disk-1,serial=dsk1"));
        var config = await cluster.Config(100);
        Assert.That((config.ContainsKey("unused0"), config["scsi2"]!.ToString()), Is.EqualTo((false, "ceph:vm-100-disk-1,serial=dsk1,size=10G")));
        await cluster.Get("PUT", "/nodes/pve1/qemu/100/unlink", ("idlist", "scsi2"), ("force", "1"));
        Assert.That(cluster.Cloud.Objects.Select(o => o.Path), Does.Not.Contain("volumes/ceph:vm-100-disk-1"));
    }

    [Test]
    public async Task Disks_only_grow()
    {
        using var cluster = new Cluster();
        await cluster.Machine();
        Assert.That(await cluster.Task("PUT", "/nodes/pve1/qemu/100/resize", ("disk", "scsi0"), ("size", "25G")), Is.EqualTo("OK"));
        Assert.That((await cluster.Config(100))["scsi0"]!.ToString(), Does.EndWith("size=25G"));
        Assert.That(await cluster.Task("PUT", "/nodes/pve1/qemu/100/resize", ("disk", "scsi0"), ("size", "+5G")), Is.EqualTo("OK"));
        Assert.That((await cluster.Send("PUT", "/nodes/pve1/qemu/100/resize", ("disk", "scsi0"), ("size", "10G"))).Reason, Is.EqualTo("shrinking disks is not supported"));
        Assert.That((await cluster.Send("PUT", "/nodes/pve1/qemu/100/resize", ("disk", "scsi5"), ("size", "10G"))).Reason, Is.EqualTo("disk 'scsi5' does not exist"));
    }

    [Test]
    public async Task A_disk_goes_over_to_another_machine_or_storage()
    {
        using var cluster = new Cluster();
        await cluster.Machine();
        await cluster.Machine(101);
        await cluster.Task("POST", Config, ("scsi1", "ceph:10,serial=dsk1"));
        Assert.That(await cluster.Task("POST", "/nodes/pve1/qemu/100/move_disk", ("disk", "scsi1"), ("target-vmid", "101"), ("target-disk", "scsi3")), Is.EqualTo("OK"));
        Assert.That((await cluster.Config(100)).ContainsKey("scsi1"), Is.False);
        Assert.That((await cluster.Config(101))["scsi3"]!.ToString(), Is.EqualTo("ceph:vm-101-disk-1,serial=dsk1,size=10G"));
        Assert.That(await cluster.Task("POST", "/nodes/pve1/qemu/101/move_disk", ("disk", "scsi3"), ("storage", "local-lvm"), ("delete", "1")), Is.EqualTo("OK"));
        Assert.That((await cluster.Config(101))["scsi3"]!.ToString(), Does.StartWith("local-lvm:vm-101-disk-0"));
        Assert.That(cluster.Cloud.Objects.Select(o => o.Path), Does.Not.Contain("volumes/ceph:vm-101-disk-1"));
    }

    [Test]
    public async Task Cards_get_an_address_and_media_are_exchanged_while_it_runs()
    {
        using var cluster = new Cluster();
        cluster.Cloud.Do("POST", "/nodes/pve1/storage/shared/download-url", ("content", "iso"), ("filename", "a.iso"), ("url", "http://x.test/a.iso"));
        await cluster.Machine(more: ("ide2", "shared:iso/a.iso,media=cdrom"));
        var config = await cluster.Config(100);
        Assert.That(config["net0"]!.ToString(), Does.Match("^virtio=BC:24:11:[0-9A-F:]{8},bridge=vmbr0$"));
        Assert.That(config["ide2"]!.ToString(), Is.EqualTo("shared:iso/a.iso,media=cdrom,size=1G"));
        await cluster.Task("POST", "/nodes/pve1/qemu/100/status/start");
        await cluster.Get("PUT", Config, ("ide2", "none,media=cdrom"));
        Assert.That((await cluster.Get("GET", Config, ("current", "1")))!["ide2"]!.ToString(), Is.EqualTo("none,media=cdrom"));
        Assert.That((await cluster.Send("PUT", Config, ("ide2", "shared:iso/b.iso,media=cdrom"))).Reason, Is.EqualTo("volume 'shared:iso/b.iso' does not exist"));
    }

    [Test]
    public async Task A_cloud_init_drive_comes_and_goes_with_its_setting_and_passwords_aren_t_shown()
    {
        using var cluster = new Cluster();
        await cluster.Machine(more: [("ide0", "ceph:cloudinit"), ("ipconfig0", "ip=10.0.0.5/24,gw=10.0.0.1"), ("cipassword", "canary")]);
        var config = await cluster.Config(100);
        Assert.That((config["ide0"]!.ToString(), config["cipassword"]!.ToString()), Is.EqualTo(("ceph:vm-100-cloudinit,media=cdrom", "**********")));
        await cluster.Get("PUT", Config, ("delete", "ide0"));
        Assert.That((await cluster.Config(100)).ContainsKey("unused0"), Is.False);
        Assert.That(cluster.Cloud.Objects.Select(o => o.Path), Does.Not.Contain("volumes/ceph:vm-100-cloudinit"));
    }

    [Test]
    public async Task An_import_takes_the_images_size()
    {
        using var cluster = new Cluster();
        Assert.That(await cluster.Task("POST", "/nodes/pve1/storage/shared/download-url", ("content", "import"), ("filename", "noble.qcow2"), ("url", "https://x.test/noble.qcow2")), Is.EqualTo("OK"));
        await cluster.Machine(more: ("scsi1", "ceph:0,import-from=shared:import/noble.qcow2"));
        Assert.That((await cluster.Config(100))["scsi1"]!.ToString(), Is.EqualTo("ceph:vm-100-disk-1,size=1G"));
    }

    [Test]
    public async Task A_setting_is_shown_as_number_flag_or_text()
    {
        using var cluster = new Cluster();
        await cluster.Machine(more: [("onboot", "yes"), ("cpu", "host")]);
        var config = await cluster.Config(100);
        Assert.That((config["cores"]!.GetValueKind(), config["onboot"]!.ToJsonString(), config["memory"]!.ToJsonString()), Is.EqualTo((System.Text.Json.JsonValueKind.Number, "1", "\"2048\"")));
    }
}
