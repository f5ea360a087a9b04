using System.Text.Json.Nodes;
using Datum.Providers.Clouds.Proxmox;

namespace Datum.Providers.Drivers.Proxmox.Tests.Double;

public sealed class SdnTests
{
    [Test]
    public async Task What_is_written_down_runs_only_after_an_apply()
    {
        using var cluster = new Cluster(new ProxmoxKnobs { Durations = Slow("reloadnetworkall") });
        await cluster.Get("POST", "/cluster/sdn/vnets", ("vnet", "dnet1"), ("zone", "lab"), ("alias", "datum:inst1:net:x"));
        await cluster.Get("POST", "/cluster/sdn/vnets/dnet1/subnets", ("subnet", "10.7.0.0/24"), ("type", "subnet"), ("gateway", "10.7.0.1"), ("snat", "1"));
        Assert.That((await Pending(cluster, "dnet1"))!["state"]!.ToString(), Is.EqualTo("new"));
        Assert.That((await cluster.Get("GET", "/cluster/sdn/vnets/dnet1/subnets"))!.AsArray().Single()!["subnet"]!.ToString(), Is.EqualTo("lab-10.7.0.0-24"));
        Assert.That((await cluster.Get("GET", "/cluster/sdn/vnets", ("running", "1")))!.AsArray(), Is.Empty);

        await cluster.Machine(more: ("net1", "virtio,bridge=dnet1,firewall=1"));
        Assert.That(await cluster.Task("POST", "/nodes/pve1/qemu/100/status/start"), Is.EqualTo("bridge 'dnet1' does not exist"));
        Assert.That(await cluster.Task("PUT", "/cluster/sdn"), Is.EqualTo("OK"));
        Assert.That((await Pending(cluster, "dnet1"))!.AsObject().ContainsKey("state"), Is.False);
        Assert.That(await cluster.Task("POST", "/nodes/pve1/qemu/100/status/start"), Is.EqualTo("OK"));

        await cluster.Get("PUT", "/cluster/sdn/vnets/dnet1", ("alias", "other"));
        var changed = (await Pending(cluster, "dnet1"))!;
        Assert.That((changed["state"]!.ToString(), changed["alias"]!.ToString(), changed["pending"]!["alias"]!.ToString()), Is.EqualTo(("changed", "datum:inst1:net:x", "other")));
    }

    [Test]
    public async Task A_vnet_with_subnets_stays_and_a_removed_one_runs_on_until_the_apply()
    {
        using var cluster = new Cluster();
        await cluster.Get("POST", "/cluster/sdn/vnets", ("vnet", "dnet1"), ("zone", "lab"));
        await cluster.Get("POST", "/cluster/sdn/vnets/dnet1/subnets", ("subnet", "10.7.0.0/24"), ("type", "subnet"));
        await cluster.Task("PUT", "/cluster/sdn");
        var answer = await cluster.Send("DELETE", "/cluster/sdn/vnets/dnet1");
        Assert.That(((int)answer.Status, answer.Reason), Is.EqualTo((500, "delete sdn vnet object failed: 400 Parameter verification failed.")));
        await cluster.Get("DELETE", "/cluster/sdn/vnets/dnet1/subnets/lab-10.7.0.0-24");
        await cluster.Get("DELETE", "/cluster/sdn/vnets/dnet1");
        Assert.That((await Pending(cluster, "dnet1"))!["state"]!.ToString(), Is.EqualTo("deleted"));
        Assert.That(cluster.Cloud.RunningNetworks.Select(n => n.Path), Does.Contain("vnets/dnet1"));
        await cluster.Task("PUT", "/cluster/sdn");
        Assert.That(cluster.Cloud.RunningNetworks.Select(n => n.Path), Does.Not.Contain("vnets/dnet1"));
        Assert.That((await cluster.Send("GET", "/cluster/sdn/vnets/dnet1")).Reason, Is.EqualTo("sdn 'dnet1' does not exist"));
    }

    [Test]
    public async Task Names_and_tags_are_taken_once_and_zones_in_use_stay()
    {
        using var cluster = new Cluster();
        await cluster.Get("POST", "/cluster/sdn/vnets", ("vnet", "dnet1"), ("zone", "vxlan1"), ("tag", "1000"));
        Assert.That((await cluster.Send("POST", "/cluster/sdn/vnets", ("vnet", "dnet1"), ("zone", "vxlan1"), ("tag", "1001"))).Reason,
            Is.EqualTo("create sdn vnet object failed: sdn vnet object ID 'dnet1' already defined"));
        Assert.That((int)(await cluster.Send("POST", "/cluster/sdn/vnets", ("vnet", "dnet2"), ("zone", "vxlan1"), ("tag", "1000"))).Status, Is.EqualTo(500));
        Assert.That((int)(await cluster.Send("POST", "/cluster/sdn/vnets", ("vnet", "dnet2"), ("zone", "vxlan1"))).Status, Is.EqualTo(500));
        Assert.That((await cluster.Send("DELETE", "/cluster/sdn/zones/vxlan1")).Reason, Is.EqualTo("delete sdn zone object failed: zone vxlan1 is used by vnet dnet1"));
        await cluster.Get("POST", "/cluster/sdn/zones", ("zone", "other"), ("type", "vlan"), ("bridge", "vmbr0"));
        await cluster.Get("PUT", "/cluster/sdn/zones/other", ("mtu", "1450"));
        Assert.That((await cluster.Get("GET", "/cluster/sdn/zones/other"))!["mtu"]!.GetValue<long>(), Is.EqualTo(1450));
        await cluster.Get("DELETE", "/cluster/sdn/zones/other");
        Assert.That((await cluster.Get("GET", "/cluster/sdn/ipams/pve/status"))!.AsArray(), Is.Empty);
    }

    [Test]
    public async Task An_apply_takes_what_was_written_before_it_and_nothing_later()
    {
        using var cluster = new Cluster(new ProxmoxKnobs { Durations = Slow("reloadnetworkall") });
        await cluster.Get("POST", "/cluster/sdn/vnets", ("vnet", "one"), ("zone", "lab"));
        await cluster.Get("PUT", "/cluster/sdn");
        await cluster.Get("POST", "/cluster/sdn/vnets", ("vnet", "two"), ("zone", "lab"));
        cluster.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.That((await cluster.Get("GET", "/cluster/sdn/vnets", ("running", "1")))!.AsArray().Select(v => v!["vnet"]!.ToString()), Is.EqualTo((string[])["one"]));
    }

    [Test]
    public async Task Release_9_has_a_lock_and_release_8_doesn_t_know_it()
    {
        using (var cluster = new Cluster())
        {
            var token = (await cluster.Get("POST", "/cluster/sdn/lock"))!.ToString();
            Assert.That((await cluster.Send("POST", "/cluster/sdn/vnets", ("vnet", "one"), ("zone", "lab"))).Reason, Does.Contain("invalid lock token"));
            await cluster.Get("POST", "/cluster/sdn/vnets", ("vnet", "one"), ("zone", "lab"), ("lock-token", token));
            Assert.That(await cluster.Task("PUT", "/cluster/sdn", ("lock-token", token)), Is.EqualTo("OK"));
            Assert.That((int)(await cluster.Send("PUT", "/cluster/sdn")).Status, Is.EqualTo(500), "the lock is still held");
            Assert.That(await cluster.Task("PUT", "/cluster/sdn", ("lock-token", token), ("release-lock", "1")), Is.EqualTo("OK"));
            await cluster.Get("POST", "/cluster/sdn/vnets", ("vnet", "two"), ("zone", "lab"));
            await cluster.Get("POST", "/cluster/sdn/rollback");
            Assert.That((await cluster.Get("GET", "/cluster/sdn/vnets"))!.AsArray(), Has.Count.EqualTo(1));
        }

        using var older = new Cluster(release: "8.4");
        var answer = await older.Send("POST", "/cluster/sdn/lock");
        Assert.That(((int)answer.Status, answer.Reason), Is.EqualTo((501, "Method 'POST /cluster/sdn/lock' not implemented")));
        await older.Get("POST", "/cluster/sdn/vnets", ("vnet", "one"), ("zone", "lab"));
        Assert.That(await older.Task("PUT", "/cluster/sdn"), Is.EqualTo("OK"));
    }

    [Test]
    public async Task A_node_that_is_down_makes_the_apply_a_warning()
    {
        using var cluster = new Cluster(new ProxmoxKnobs { OfflineNodes = ["pve3"] });
        Assert.That(await cluster.Task("PUT", "/cluster/sdn"), Is.EqualTo("WARNINGS: 1"));
    }

    private static async Task<JsonNode?> Pending(Cluster cluster, string vnet) =>
        (await cluster.Get("GET", "/cluster/sdn/vnets", ("pending", "1")))!.AsArray().FirstOrDefault(v => v!["vnet"]?.ToString() == vnet);

    private static System.Collections.Immutable.ImmutableDictionary<string, TimeSpan> Slow(string type) => System.Collections.Immutable.ImmutableDictionary<string, TimeSpan>.Empty.Add(type, TimeSpan.FromSeconds(5));
}
