using System.Net;
using System.Text.Json.Nodes;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Proxmox;

namespace Datum.Providers.Drivers.Proxmox.Tests.Double;

/// <summary>Bad days, and what people do behind the client's back.</summary>
public sealed class DayTests
{
    [Test]
    public async Task Nodes_that_are_down_a_lost_majority_and_a_proxy_in_trouble_have_their_own_words()
    {
        using var cluster = new Cluster(new ProxmoxKnobs { OfflineNodes = ["pve2"] });
        cluster.Cloud.Do("POST", "/nodes/pve2/qemu", ("vmid", "100"));
        await Refused(cluster, "GET", "/nodes/pve2/qemu/100/config", 595, "No route to host");
        await Refused(cluster, "GET", "/nodes/pve9/qemu", 500, "hostname lookup 'pve9' failed - failed to get address info for: pve9: Name or service not known");
        Assert.That((await Row(cluster, "vm", "qemu/100"))!["status"]!.ToString(), Is.EqualTo("unknown"));
        cluster.Cloud.Knobs = cluster.Cloud.Knobs with { Hidden = [100] };
        Assert.That(await Row(cluster, "vm", "qemu/100"), Is.Null);
        Assert.That((await Row(cluster, "node", "node/pve2"))!["status"]!.ToString(), Is.EqualTo("offline"));
        cluster.Cloud.Knobs = new ProxmoxKnobs { NoQuorum = true };
        await Refused(cluster, "POST", "/pools", 500, "cluster not ready - no quorum?", ("poolid", "x"));
        Assert.That((await cluster.Get("GET", "/cluster/status"))![0]!["quorate"]!.GetValue<int>(), Is.Zero);
        cluster.Cloud.Knobs = new ProxmoxKnobs { ProxyError = 596 };
        await Refused(cluster, "GET", "/nodes/pve2/qemu/100/config", 596, "Connection timed out");
        Assert.That((await cluster.Send("GET", "/nodes/pve1/qemu")).Status, Is.EqualTo(HttpStatusCode.OK));
        cluster.Cloud.Knobs = new ProxmoxKnobs { Throttled = TimeSpan.FromSeconds(7) };
        await Refused(cluster, "GET", "/version", 429, "Too Many Requests");
    }

    [Test]
    public async Task Tasks_fail_are_lost_and_are_stopped()
    {
        using var cluster = new Cluster(new ProxmoxKnobs { DefaultDuration = TimeSpan.FromMinutes(1) });
        cluster.Cloud.FailNext("qmclone", "unable to do it");
        Assert.That(await cluster.Task("POST", "/nodes/pve1/qemu/9000/clone", ("newid", "100")), Is.EqualTo("unable to do it"));
        Assert.That(cluster.Cloud.Objects.Select(o => o.Path), Does.Not.Contain("qemu/100"));

        var upid = (await cluster.Get("POST", "/nodes/pve1/qemu/9000/clone", ("newid", "100")))!.ToString();
        await cluster.Get("DELETE", $"/nodes/pve1/tasks/{upid}");
        Assert.That((await cluster.Get("GET", $"/nodes/pve1/tasks/{upid}/status"))!["exitstatus"]!.ToString(), Is.EqualTo("interrupted by signal"));
        Assert.That(cluster.Cloud.Objects.Select(o => o.Path), Does.Not.Contain("qemu/100"));

        upid = (await cluster.Get("POST", "/nodes/pve1/qemu/9000/clone", ("newid", "100")))!.ToString();
        Assert.That((await cluster.Get("GET", "/nodes/pve1/tasks", ("source", "active"), ("vmid", "9000")))!.AsArray(), Has.Count.EqualTo(1));
        Assert.That(cluster.Cloud.LoseTask(upid), Is.True);
        Assert.That((await cluster.Send("GET", $"/nodes/pve1/tasks/{upid}/status")).Errors!["upid"]!.ToString(), Is.EqualTo("no such task"));
        cluster.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.That((await cluster.Config(100))["name"]!.ToString(), Is.EqualTo("Copy-of-VM-ubuntu-2204-lts"));
        Assert.That((await cluster.Get("GET", "/cluster/tasks"))!.AsArray().Select(t => t!["status"]!.ToString()), Does.Contain("unable to do it"));
    }

    [Test]
    public async Task A_task_s_log_ends_with_how_it_ended()
    {
        using var cluster = new Cluster();
        var upid = (await cluster.Get("POST", "/nodes/pve1/qemu/9000/clone", ("newid", "100"), ("full", "1")))!.ToString();
        var log = (await cluster.Get("GET", $"/nodes/pve1/tasks/{upid}/log"))!.AsArray();
        Assert.That((log[0]!["n"]!.GetValue<int>(), log[^1]!["t"]!.ToString()), Is.EqualTo((1, "TASK OK")));
    }

    [Test]
    public async Task Too_many_clones_of_one_machine_wait_for_its_lock_in_vain()
    {
        using var cluster = new Cluster(new ProxmoxKnobs { ClonesAtOnce = 1, DefaultDuration = TimeSpan.FromMinutes(1) });
        await cluster.Get("POST", "/nodes/pve1/qemu/9000/clone", ("newid", "100"));
        await Refused(cluster, "POST", "/nodes/pve1/qemu/9000/clone", 500, "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout", ("newid", "101"));
    }

    [Test]
    public async Task Lists_are_late_when_they_are_told_to_be()
    {
        using var cluster = new Cluster(new ProxmoxKnobs { ListLag = TimeSpan.FromSeconds(8) });
        await cluster.Machine();
        Assert.That(await Row(cluster, "vm", "qemu/100"), Is.Null);
        Assert.That((await cluster.Send("GET", "/nodes/pve1/qemu/100/config")).Status, Is.EqualTo(HttpStatusCode.OK));
        cluster.Clock.Advance(TimeSpan.FromSeconds(8));
        Assert.That(await Row(cluster, "vm", "qemu/100"), Is.Not.Null);
        await cluster.Task("POST", "/nodes/pve1/qemu/100/status/start");
        Assert.That((await Row(cluster, "vm", "qemu/100"))!["status"]!.ToString(), Is.EqualTo("stopped"));
        await cluster.Task("POST", "/nodes/pve1/qemu/100/status/stop");
        cluster.Clock.Advance(TimeSpan.FromSeconds(8));
        await cluster.Task("DELETE", "/nodes/pve1/qemu/100");
        Assert.That(await Row(cluster, "vm", "qemu/100"), Is.Not.Null);
        cluster.Clock.Advance(TimeSpan.FromSeconds(8));
        Assert.That(await Row(cluster, "vm", "qemu/100"), Is.Null);
    }

    [Test]
    public async Task People_migrate_edit_copy_lock_and_delete()
    {
        using var cluster = new Cluster();
        await cluster.Machine(more: [("description", "datum:inst1:ins:x"), ("tags", "datum-inst1")]);
        cluster.Cloud.Migrate(100, "pve3");
        await Refused(cluster, "GET", "/nodes/pve1/qemu/100/config", 500, "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist");
        Assert.That((await cluster.Config(100, "pve3"))["description"]!.ToString(), Is.EqualTo("datum:inst1:ins:x"));

        var copy = cluster.Cloud.Copy("qemu/100", "555");
        Assert.That(copy, Is.EqualTo("qemu/555"));
        Assert.That((await cluster.Config(555, "pve3"))["tags"]!.ToString(), Is.EqualTo("datum-inst1"));
        Assert.That((await cluster.Config(555, "pve3"))["scsi0"]!.ToString(), Does.StartWith("ceph:vm-555-disk-0"));

        var revision = cluster.Cloud.Objects.Single(o => o.Path == copy).Revision;
        Assert.That(cluster.Cloud.Edit(copy, b => b["config"]!["tags"] = "mine"), Is.True);
        Assert.That(cluster.Cloud.Objects.Single(o => o.Path == copy).Revision, Is.GreaterThan(revision));
        Assert.That((await cluster.Config(555, "pve3"))["tags"]!.ToString(), Is.EqualTo("mine"));
        cluster.Cloud.SetLock(555, "backup");
        await Refused(cluster, "DELETE", "/nodes/pve3/qemu/555", 500, "VM is locked (backup)");
        Assert.That(cluster.Cloud.Vanish(copy), Is.True);
        Assert.That(cluster.Cloud.Objects.Select(o => o.Path), Does.Not.Contain("volumes/ceph:vm-555-disk-0"));
    }

    [Test]
    public async Task A_migration_by_the_api_takes_a_machine_along_and_needs_to_know_of_local_disks()
    {
        using var cluster = new Cluster();
        await cluster.Machine(more: ("scsi1", "local-lvm:1"));
        await Refused(cluster, "POST", "/nodes/pve1/qemu/100/migrate", 500, "can't migrate local disk 'local-lvm:vm-100-disk-0': local disk without 'with-local-disks'", ("target", "pve2"));
        Assert.That(await cluster.Task("POST", "/nodes/pve1/qemu/100/migrate", ("target", "pve2"), ("with-local-disks", "1")), Is.EqualTo("OK"));
        Assert.That((await cluster.Get("GET", "/nodes/pve2/storage/local-lvm/content"))!.AsArray(), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_protected_machine_stays_and_pools_with_members_too()
    {
        using var cluster = new Cluster();
        await cluster.Get("POST", "/pools", ("poolid", "datum"), ("comment", "x"));
        await cluster.Machine(more: [("protection", "1"), ("pool", "datum")]);
        await Refused(cluster, "DELETE", "/nodes/pve1/qemu/100", 500, "can't remove VM 100 - protection mode enabled");
        await Refused(cluster, "DELETE", "/pools/datum", 500, "delete pool failed: pool 'datum' is not empty");
        Assert.That((await cluster.Get("GET", "/pools/datum"))!["members"]!.AsArray().Single()!["vmid"]!.GetValue<int>(), Is.EqualTo(100));
        await cluster.Get("PUT", "/pools/datum", ("vms", "100"), ("delete", "1"));
        await cluster.Get("DELETE", "/pools/datum");
    }

    [Test]
    public async Task Another_name_is_another_cluster()
    {
        using var cluster = new Cluster();
        var fingerprint = (await cluster.Get("GET", "/nodes"))![0]!["ssl_fingerprint"]!.ToString();
        cluster.Cloud.ClusterName = "other";
        Assert.That((await cluster.Get("GET", "/cluster/status"))![0]!["name"]!.ToString(), Is.EqualTo("other"));
        Assert.That((await cluster.Get("GET", "/nodes"))![0]!["ssl_fingerprint"]!.ToString(), Is.Not.EqualTo(fingerprint));
    }

    [Test]
    public async Task Nodes_figures_follow_what_runs()
    {
        using var cluster = new Cluster();
        var before = (await Row(cluster, "node", "node/pve1"))!["mem"]!.GetValue<long>();
        await cluster.Machine(more: ("onboot", "1"));
        await cluster.Task("POST", "/nodes/pve1/qemu/100/status/start");
        Assert.That((await Row(cluster, "node", "node/pve1"))!["mem"]!.GetValue<long>() - before, Is.EqualTo(2L << 30));
        Assert.That((await cluster.Get("GET", "/nodes/pve1/status"))!["memory"]!["used"]!.GetValue<long>(), Is.EqualTo(before + (2L << 30)));
        foreach (var (path, count) in ((string, int)[])[("/nodes", 3), ("/storage", 4), ("/nodes/pve1/storage", 4), ("/nodes/pve1/network", 1), ("/nodes/pve1/sdn/zones", 2), ("/cluster/firewall/macros", 2)])
            Assert.That((await cluster.Get("GET", path))!.AsArray(), Has.Count.EqualTo(count), path);
    }

    [Test]
    public async Task The_words_of_a_refusal_go_over_a_socket_and_over_tls()
    {
        foreach (var tls in (bool[])[false, true])
        {
            await using var server = await CloudServer.StartAsync(new ProxmoxCloud(TimeProvider.System), tls: tls);
            using var handler = new HttpClientHandler();
            handler.ServerCertificateCustomValidationCallback = (_, shown, _, _) => shown?.Thumbprint == server.Certificate?.Thumbprint;
            using var http = new HttpClient(handler) { BaseAddress = server.Address };
            using var answer = await http.GetAsync(new Uri("/api2/json/nodes/pve1/qemu/100/config", UriKind.Relative));
            Assert.That((server.Address.Scheme, (int)answer.StatusCode, answer.ReasonPhrase), Is.EqualTo((tls ? "https" : "http", 500, "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist")));
        }
    }

    private static async Task Refused(Cluster cluster, string method, string path, int status, string reason, params (string, string)[] parameters)
    {
        var answer = await cluster.Send(method, path, parameters);
        Assert.That(((int)answer.Status, answer.Reason), Is.EqualTo((status, reason)));
    }

    private static async Task<JsonNode?> Row(Cluster cluster, string type, string id) =>
        (await cluster.Get("GET", "/cluster/resources", ("type", type)))!.AsArray().FirstOrDefault(r => r!["id"]!.ToString() == id);
}
