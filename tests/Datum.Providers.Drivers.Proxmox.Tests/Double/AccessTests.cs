using System.Net;
using System.Text.Json.Nodes;
using Datum.Providers.Clouds.Proxmox;

namespace Datum.Providers.Drivers.Proxmox.Tests.Double;

public sealed class AccessTests
{
    private static readonly ProxmoxKnobs Closed = new() { NeedsSignIn = true };

    [Test]
    public async Task Who_sends_nothing_a_wrong_token_or_a_wrong_password_is_refused_in_the_platforms_words()
    {
        using var cluster = new Cluster(Closed);
        cluster.Cloud.AddToken("datum@pve!host", "secret");
        Assert.That(await Refusal(cluster), Is.EqualTo((401, "No ticket")));
        cluster.Token = "datum@pve!host=other";
        Assert.That(await Refusal(cluster), Is.EqualTo((401, "invalid token value!")));
        cluster.Token = "datum@pve!other=secret";
        Assert.That(await Refusal(cluster), Is.EqualTo((401, "no such token 'other' for user 'datum@pve'")));
        cluster.Token = null;
        var answer = await cluster.Send("POST", "/access/ticket", ("username", "root@pam"), ("password", "wrong"));
        Assert.That(((int)answer.Status, answer.Reason), Is.EqualTo((401, "authentication failure")));
        cluster.Token = "datum@pve!host=secret";
        Assert.That((await cluster.Send("GET", "/version")).Status, Is.EqualTo(HttpStatusCode.OK));
        cluster.Cloud.RemoveUser("datum@pve!host");
        Assert.That((await Refusal(cluster)).Status, Is.EqualTo(401));
    }

    [Test]
    public async Task A_ticket_needs_its_csrf_token_for_changes_and_ends()
    {
        using var cluster = new Cluster(Closed);
        cluster.Cloud.AddUser("ops@pve", "word");
        var ticket = (await cluster.Get("POST", "/access/ticket", ("username", "ops"), ("realm", "pve"), ("password", "word")))!;
        Assert.That(ticket["username"]!.ToString(), Is.EqualTo("ops@pve"));
        Assert.That(await With(cluster, HttpMethod.Get, "version", ticket, csrf: false), Is.EqualTo((200, "OK")));
        Assert.That(await With(cluster, HttpMethod.Post, "pools", ticket, csrf: false), Is.EqualTo((401, "Permission denied - invalid csrf token")));
        Assert.That(await With(cluster, HttpMethod.Post, "pools", ticket, csrf: true), Is.EqualTo((200, "OK")));

        // It renews itself while it lives.
        Assert.That((await cluster.Send("POST", "/access/ticket", ("username", "ops@pve"), ("password", ticket["ticket"]!.ToString()))).Status, Is.EqualTo(HttpStatusCode.OK));
        cluster.Clock.Advance(TimeSpan.FromHours(2));
        Assert.That(await With(cluster, HttpMethod.Get, "version", ticket, csrf: false), Is.EqualTo((401, "permission denied - invalid PVE ticket")));
        Assert.That((await cluster.Send("POST", "/access/ticket", ("username", "ops@pve"), ("password", ticket["ticket"]!.ToString()))).Status, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task A_separated_token_has_no_more_than_its_grants_and_its_user()
    {
        using var cluster = new Cluster(Closed);
        cluster.Cloud.AddUser("datum@pve", "x", administrator: false);
        cluster.Cloud.AddToken("datum@pve!host", "s", administrator: false);
        cluster.Token = "datum@pve!host=s";
        await Assert.ThatAsync(() => Reason(cluster, "POST", "/pools", ("poolid", "datum")), Is.EqualTo("Permission check failed (/pool/datum, Pool.Allocate)"));
        cluster.Cloud.Grant("datum@pve!host", "/pool", "Pool.Allocate", "Pool.Audit");
        await Assert.ThatAsync(() => Reason(cluster, "POST", "/pools", ("poolid", "datum")), Is.EqualTo("Permission check failed (/pool/datum, Pool.Allocate)"));
        cluster.Cloud.Grant("datum@pve", "/", "Pool.Allocate", "Pool.Audit");
        await Assert.ThatAsync(() => Reason(cluster, "POST", "/pools", ("poolid", "datum")), Is.EqualTo("OK"));

        var permissions = (await cluster.Get("GET", "/access/permissions"))!.AsObject();
        Assert.That(permissions["/pool"]!.AsObject().Select(p => p.Key), Is.EquivalentTo((string[])["Pool.Allocate", "Pool.Audit"]));
        Assert.That(permissions.ContainsKey("/"), Is.False);
    }

    [Test]
    public async Task A_pools_privileges_hold_for_its_machines_and_lists_show_no_others()
    {
        using var cluster = new Cluster(Closed);
        cluster.Cloud.Do("POST", "/pools", ("poolid", "datum"));
        cluster.Cloud.Do("POST", "/nodes/pve1/qemu", ("vmid", "100"), ("pool", "datum"));
        cluster.Cloud.Do("POST", "/nodes/pve1/qemu", ("vmid", "200"));
        cluster.Cloud.AddToken("datum@pve!host", "s", administrator: false);
        cluster.Cloud.Grant("datum@pve!host", "/pool/datum", "VM.Audit", "VM.PowerMgmt");
        cluster.Token = "datum@pve!host=s";
        var seen = (await cluster.Get("GET", "/cluster/resources", ("type", "vm")))!.AsArray().Select(r => r!["vmid"]!.GetValue<int>());
        Assert.That(seen, Is.EquivalentTo((int[])[100]));
        Assert.That(await Reason(cluster, "POST", "/nodes/pve1/qemu/100/status/start"), Is.EqualTo("OK"));
        Assert.That(await Reason(cluster, "POST", "/nodes/pve1/qemu/200/status/start"), Is.EqualTo("Permission check failed (/vms/200, VM.PowerMgmt)"));
        Assert.That(await Reason(cluster, "PUT", "/nodes/pve1/qemu/100/config", ("cores", "4")), Is.EqualTo("Permission check failed (/vms/100, VM.Config.CPU)"));
    }

    [Test]
    public async Task Single_privileges_can_be_taken_from_everybody_and_some_things_only_root_may()
    {
        using var cluster = new Cluster(Closed with { Denied = ["VM.Clone"] });
        cluster.Cloud.AddToken("root@pam!host", "s");
        cluster.Token = "root@pam!host=s";
        Assert.That(await Reason(cluster, "POST", "/nodes/pve1/qemu/9000/clone", ("newid", "101")), Is.EqualTo("Permission check failed (/vms/9000, VM.Clone)"));
        Assert.That(await Reason(cluster, "PUT", "/nodes/pve1/qemu/9000/config", ("args", "-s")), Is.EqualTo("only root can set 'args' config"));
        // A token's tasks name it apart from its user.
        var upid = (await cluster.Get("PUT", "/cluster/sdn"))!.ToString();
        var task = (await cluster.Get("GET", $"/nodes/pve1/tasks/{upid}/status"))!;
        Assert.That((upid.Split(':')[7], task["user"]!.ToString(), task["tokenid"]!.ToString()), Is.EqualTo(("root@pam!host", "root@pam", "host")));
        var answer = await cluster.Send("POST", "/nodes/pve1/qemu/9000/status/start", ("skiplock", "1"));
        Assert.That(answer.Errors!["skiplock"]!.ToString(), Is.EqualTo("Only root may use this option."));
    }

    private static async Task<(int Status, string Reason)> Refusal(Cluster cluster)
    {
        var answer = await cluster.Send("GET", "/version");
        return ((int)answer.Status, answer.Reason);
    }

    private static async Task<string> Reason(Cluster cluster, string method, string path, params (string, string)[] parameters) => (await cluster.Send(method, path, parameters)).Reason;

    private static async Task<(int Status, string Reason)> With(Cluster cluster, HttpMethod method, string path, JsonNode ticket, bool csrf)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Add("Cookie", "PVEAuthCookie=" + Uri.EscapeDataString(ticket["ticket"]!.ToString()));
        if (csrf)
            request.Headers.Add("CSRFPreventionToken", ticket["CSRFPreventionToken"]!.ToString());
        if (method == HttpMethod.Post)
            request.Content = new FormUrlEncodedContent([new("poolid", "p1")]);
        var answer = await cluster.Send(request);
        return ((int)answer.Status, answer.Reason);
    }
}
