using System.Net.Http.Headers;
using System.Security.Cryptography;
using Datum.Providers.Clouds.Proxmox;

namespace Datum.Providers.Drivers.Proxmox.Tests.Double;

public sealed class StorageTests
{
    private static readonly byte[] Iso = [.. Enumerable.Range(0, 5000).Select(i => (byte)i)];

    [Test]
    public async Task An_upload_is_a_task_keeps_its_bytes_and_replaces_what_was_there()
    {
        using var cluster = new Cluster();
        Assert.That(await Upload(cluster, "shared", "seed.iso", Iso), Is.EqualTo("OK"));
        Assert.That(cluster.Cloud.VolumeData("shared:iso/seed.iso"), Is.EqualTo(Iso));
        Assert.That(await Upload(cluster, "shared", "seed.iso", [1, 2, 3], SHA256.HashData([1, 2, 3])), Is.EqualTo("OK"));
        var row = (await cluster.Get("GET", "/nodes/pve3/storage/shared/content", ("content", "iso")))!.AsArray().Single()!;
        Assert.That((row["volid"]!.ToString(), row["size"]!.GetValue<long>()), Is.EqualTo(("shared:iso/seed.iso", 3L)));
        Assert.That(await Upload(cluster, "shared", "seed.iso", Iso, new byte[32]), Does.StartWith("checksum mismatch"));
        Assert.That(await cluster.Task("DELETE", "/nodes/pve1/storage/shared/content/shared:iso%2Fseed.iso"), Is.EqualTo("OK"));
        Assert.That((await cluster.Send("DELETE", "/nodes/pve1/storage/shared/content/shared:iso/seed.iso")).Reason, Is.EqualTo("volume 'shared:iso/seed.iso' does not exist"));
    }

    [Test]
    public async Task A_storage_takes_only_its_contents_and_only_right_names()
    {
        using var cluster = new Cluster();
        Assert.That((await Send(cluster, "local-lvm", "seed.iso", Iso)).Reason, Is.EqualTo("storage 'local-lvm' is not configured for content-type 'iso'"));
        Assert.That((await Send(cluster, "shared", "seed.txt", Iso)).Errors!.ContainsKey("filename"), Is.True);
        Assert.That((await cluster.Send("GET", "/nodes/pve1/storage/nothing/status")).Reason, Is.EqualTo("storage 'nothing' does not exist"));
    }

    [Test]
    public async Task What_lies_on_one_node_isn_t_on_another()
    {
        using var cluster = new Cluster();
        Assert.That(await Upload(cluster, "local", "seed.iso", Iso), Is.EqualTo("OK"));
        Assert.That((await cluster.Get("GET", "/nodes/pve1/storage/local/content"))!.AsArray(), Has.Count.EqualTo(1));
        Assert.That((await cluster.Get("GET", "/nodes/pve2/storage/local/content"))!.AsArray(), Is.Empty);
        Assert.That((await cluster.Send("POST", "/nodes/pve1/qemu/9002/clone", ("newid", "100"), ("target", "pve2"), ("full", "1"))).Reason, Does.Contain("non-shared storage"));
    }

    [Test]
    public async Task A_disk_of_its_own_is_allocated_once_listed_and_kept_from_deletion_while_a_machine_holds_it()
    {
        using var cluster = new Cluster();
        await cluster.Machine();
        const string content = "/nodes/pve1/storage/ceph/content";
        var volume = (await cluster.Get("POST", content, ("vmid", "100"), ("filename", "vm-100-data"), ("size", "10G")))!.ToString();
        Assert.That(volume, Is.EqualTo("ceph:vm-100-data"));
        Assert.That((await cluster.Send("POST", content, ("vmid", "100"), ("filename", "vm-100-data"), ("size", "10G"))).Reason, Does.Contain("already exists"));
        Assert.That((await cluster.Send("POST", content, ("vmid", "100"), ("filename", "other"), ("size", "10G"))).Reason, Does.StartWith("illegal name"));
        await cluster.Get("PUT", "/nodes/pve1/qemu/100/config", ("scsi1", volume + ",serial=abc"));
        Assert.That((await cluster.Send("DELETE", content + "/" + volume)).Reason, Does.StartWith("Cannot remove image"));
        await cluster.Get("PUT", "/nodes/pve1/qemu/100/config", ("delete", "scsi1"));
        await cluster.Get("PUT", "/nodes/pve1/qemu/100/config", ("delete", "unused0"));
        Assert.That((await cluster.Get("GET", content, ("vmid", "100")))!.AsArray(), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_storage_without_room_fails_in_the_task_and_leaves_nothing()
    {
        using var cluster = new Cluster(new ProxmoxKnobs { FullStorages = ["ceph", "local-lvm"] });
        Assert.That(await cluster.Task("POST", "/nodes/pve1/qemu/9000/clone", ("newid", "100"), ("full", "1")), Is.EqualTo("clone failed: rbd create 'vm-100-disk-0' error: (28) No space left on device"));
        Assert.That(await cluster.Task("POST", "/nodes/pve1/qemu", ("vmid", "100"), ("scsi0", "local-lvm:8")), Does.Contain("free space in thin pool"));
        Assert.That(cluster.Cloud.Objects.Select(o => o.Path), Does.Not.Contain("qemu/100"));
        var status = (await cluster.Get("GET", "/nodes/pve1/storage/ceph/status"))!;
        Assert.That(status["avail"]!.GetValue<long>(), Is.Zero);
    }

    private static async Task<Answer> Send(Cluster cluster, string storage, string name, byte[] data, byte[]? checksum = null)
    {
        using var form = new MultipartFormDataContent { { new StringContent("iso"), "\"content\"" } };
        if (checksum is not null)
        {
            form.Add(new StringContent(Convert.ToHexStringLower(checksum)), "\"checksum\"");
            form.Add(new StringContent("sha256"), "\"checksum-algorithm\"");
        }

        using var file = new ByteArrayContent(data);
        file.Headers.ContentType = MediaTypeHeaderValue.Parse("application/octet-stream");
        form.Add(file, "\"filename\"", $"\"{name}\"");
        using var request = new HttpRequestMessage(HttpMethod.Post, $"nodes/pve1/storage/{storage}/upload") { Content = form };
        return await cluster.Send(request);
    }

    private static async Task<string> Upload(Cluster cluster, string storage, string name, byte[] data, byte[]? checksum = null)
    {
        var upid = (await Send(cluster, storage, name, data, checksum)).Data!.ToString();
        return (await cluster.Get("GET", $"/nodes/pve1/tasks/{upid}/status"))!["exitstatus"]!.ToString();
    }
}
