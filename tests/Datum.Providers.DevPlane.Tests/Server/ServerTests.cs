using System.Text;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane.Tests;

[TestFixture]
public sealed class ServerTests
{
    private const string Maps = "/api/v1/namespaces/default/configmaps";
    private const string Crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    private const string Widgets = "/apis/test.example.com/v1/namespaces/default/widgets";

    [TestCase("0.0.0.0")]
    [TestCase("192.0.2.1")]
    [TestCase("::")]
    [TestCase("example.com")]
    public void An_address_that_is_not_loopback_is_refused(string host) =>
        Assert.That(async () => await DevPlaneServer.StartAsync(new DevPlaneOptions { Host = host }), Throws.ArgumentException.With.Message.Contains("loopback"));

    [Test]
    public async Task Requests_without_a_known_token_are_refused_and_a_reader_may_only_read()
    {
        await using var server = await DevPlaneServer.StartAsync(new DevPlaneOptions
        {
            Tokens = [new PlaneToken { Token = "w" }, new PlaneToken { Token = "r", User = "reader", Access = PlaneAccess.Read }],
        });
        using var none = PlaneClient.For(server, null);
        using var wrong = PlaneClient.For(server, "x");
        using var reader = PlaneClient.For(server, "r");
        const string map = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"}}""";
        var anonymous = await none.ExpectAsync(403, "GET", "/api/v1/namespaces");
        Assert.That(anonymous.Message, Is.EqualTo("namespaces is forbidden: User \"system:anonymous\" cannot list resource \"namespaces\" in API group \"\" at the cluster scope"));
        Assert.That((await wrong.ExpectAsync(401, "GET", "/api/v1/namespaces")).Message, Is.EqualTo("Unauthorized"));
        await wrong.ExpectAsync(401, "GET", "/datum/counters");
        await none.ExpectAsync(200, "GET", "/healthz");
        await reader.ExpectAsync(200, "GET", Maps);
        Assert.That((await reader.ExpectAsync(403, "POST", Maps, map)).Message, Does.Contain("User \"reader\" cannot create resource \"configmaps\""));
    }

    [Test]
    public async Task State_uid_and_definitions_survive_a_restart_and_a_watch_resumes()
    {
        using var folder = new TempFolder();
        var options = new DevPlaneOptions { StatePath = folder.Path, Tokens = [new PlaneToken { Token = "t" }], CelRules = Definitions.Rules() };
        string uid, version, pem;
        await using (var server = await DevPlaneServer.StartAsync(options))
        {
            using var client = PlaneClient.For(server, "t");
            uid = await UidAsync(client);
            pem = server.CertificatePem;
            await client.ExpectAsync(201, "POST", Crds, Definitions.Read("widgets.yaml"), "application/yaml");
            version = Version(await client.ExpectAsync(201, "POST", Widgets, Widget("a")));
            await client.ExpectAsync(201, "POST", Widgets, Widget("b"));
        }

        await using (var server = await DevPlaneServer.StartAsync(options))
        {
            using var client = PlaneClient.For(server, "t");
            Assert.That(await UidAsync(client), Is.EqualTo(uid));
            Assert.That(server.CertificatePem, Is.EqualTo(pem));
            var answer = await client.ExpectAsync(200, "GET", $"{Widgets}?watch=1&timeoutSeconds=1&resourceVersion={version}");
            Assert.That(answer.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => (string?)JsonNode.Parse(l)!["object"]!["metadata"]!["name"]), Is.EqualTo(new[] { "b" }));
        }
    }

    [Test]
    public async Task A_watch_sees_changes_in_order_with_selectors_turning_them_and_bookmarks_at_the_end()
    {
        await using var server = await StartAsync();
        using var client = PlaneClient.For(server, "t");
        await client.ExpectAsync(201, "POST", Crds, Definitions.Read("widgets.yaml"), "application/yaml");
        var start = Version(await client.ExpectAsync(201, "POST", Widgets, Widget("a")));
        foreach (var label in (string[])["\"1\"", "\"2\"", "null"])
        {
            await client.ExpectAsync(200, "PATCH", Widgets + "/a", $$"""{"metadata":{"labels":{"x":{{label}} } } }""", "application/merge-patch+json");
        }

        await client.ExpectAsync(200, "DELETE", Widgets + "/a");
        Assert.That(await TypesAsync(client, $"?watch=1&timeoutSeconds=1&resourceVersion={start}"), Is.EqualTo(new[] { "MODIFIED", "MODIFIED", "MODIFIED", "DELETED" }));
        Assert.That(await TypesAsync(client, $"?watch=1&timeoutSeconds=1&resourceVersion={start}&labelSelector=x&allowWatchBookmarks=true"), Is.EqualTo(new[] { "ADDED", "MODIFIED", "DELETED", "BOOKMARK" }));
    }

    [Test]
    public async Task A_watch_from_a_forgotten_version_answers_410()
    {
        await using var server = await DevPlaneServer.StartAsync(new DevPlaneOptions { Tokens = [new PlaneToken { Token = "t" }], HistoryLimit = 2 });
        using var client = PlaneClient.For(server, "t");
        var first = Version(await client.ExpectAsync(201, "POST", Maps, Map("m0")));
        for (var i = 1; i < 5; i++) await client.ExpectAsync(201, "POST", Maps, Map("m" + i));
        var answer = await client.ExpectAsync(200, "GET", $"{Maps}?watch=1&resourceVersion={first}");
        Assert.Multiple(() =>
        {
            Assert.That((string?)answer.Json!["type"], Is.EqualTo("ERROR"));
            Assert.That((int)answer.Json["object"]!["code"]!, Is.EqualTo(410));
            Assert.That((string?)answer.Json["object"]!["reason"], Is.EqualTo("Expired"));
        });
    }

    [Test]
    public async Task Bookmarks_come_on_a_silent_watch()
    {
        await using var server = await DevPlaneServer.StartAsync(new DevPlaneOptions { Tokens = [new PlaneToken { Token = "t" }], BookmarkInterval = TimeSpan.FromMilliseconds(50) });
        using var client = PlaneClient.For(server, "t");
        var made = Version(await client.ExpectAsync(201, "POST", Maps, Map("m")));
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await using var stream = await client.Http.GetStreamAsync($"{Maps}?watch=1&allowWatchBookmarks=true&resourceVersion={made}", deadline.Token);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var line = JsonNode.Parse((await reader.ReadLineAsync(deadline.Token))!)!;
        Assert.That(((string?)line["type"], (string?)line["object"]!["metadata"]!["resourceVersion"]), Is.EqualTo(("BOOKMARK", made)));
    }

    [Test]
    public async Task A_page_token_keeps_its_list_while_objects_change()
    {
        await using var server = await StartAsync();
        using var client = PlaneClient.For(server, "t");
        foreach (var name in (string[])["a", "b", "c"]) await client.ExpectAsync(201, "POST", Maps, Map(name));
        var first = await client.ExpectAsync(200, "GET", Maps + "?limit=1");
        await client.ExpectAsync(200, "DELETE", Maps + "/b");
        await client.ExpectAsync(201, "POST", Maps, Map("bb"));
        var rest = await client.ExpectAsync(200, "GET", $"{Maps}?limit=5&continue={(string?)first.Json!["metadata"]!["continue"]}");
        Assert.That(rest.Json!["items"]!.AsArray().Select(i => (string?)i!["metadata"]!["name"]), Is.EqualTo(new[] { "b", "c" }));
    }

    [Test]
    public async Task Dependents_of_a_deleted_owner_are_collected_and_others_stay()
    {
        await using var server = await StartAsync();
        using var client = PlaneClient.For(server, "t");
        var uid = (string?)(await client.ExpectAsync(201, "POST", Maps, Map("owner"))).Json!["metadata"]!["uid"];
        await client.ExpectAsync(201, "POST", Maps, Map("child", Owner("owner", uid!)));
        await client.ExpectAsync(201, "POST", Maps, Map("other"));
        await client.ExpectAsync(200, "DELETE", Maps + "/owner");
        await Eventually.HoldsAsync(async () => (await client.SendAsync("GET", Maps + "/child")).Code == 404, "the child is collected");
        await client.ExpectAsync(200, "GET", Maps + "/other");
        // An owner of the same name with another uid is another owner.
        await client.ExpectAsync(201, "POST", Maps, Map("owner"));
        await client.ExpectAsync(201, "POST", Maps, Map("late", Owner("owner", uid!)));
        await Eventually.HoldsAsync(async () => (await client.SendAsync("GET", Maps + "/late")).Code == 404, "the late child is collected");
    }

    [Test]
    public async Task Foreground_deletion_waits_for_blocking_dependents_and_orphaning_frees_them()
    {
        await using var server = await StartAsync();
        using var client = PlaneClient.For(server, "t");
        var uid = (string?)(await client.ExpectAsync(201, "POST", Maps, Map("owner"))).Json!["metadata"]!["uid"];
        await client.ExpectAsync(201, "POST", Maps, Map("child", Owner("owner", uid!, block: true) + ""","finalizers":["x.y/z"]"""));
        await client.ExpectAsync(200, "DELETE", Maps + "/owner?propagationPolicy=Foreground");
        await Eventually.HoldsAsync(async () => (await client.SendAsync("GET", Maps + "/child")).Json!["metadata"]!["deletionTimestamp"] is not null, "the child is being deleted");
        await client.ExpectAsync(200, "GET", Maps + "/owner");
        await client.ExpectAsync(200, "PATCH", Maps + "/child", """{"metadata":{"finalizers":null}}""", "application/merge-patch+json");
        await Eventually.HoldsAsync(async () => (await client.SendAsync("GET", Maps + "/owner")).Code == 404, "the owner is gone");

        uid = (string?)(await client.ExpectAsync(201, "POST", Maps, Map("owner"))).Json!["metadata"]!["uid"];
        await client.ExpectAsync(201, "POST", Maps, Map("kept", Owner("owner", uid!)));
        await client.ExpectAsync(200, "DELETE", Maps + "/owner?propagationPolicy=Orphan");
        await Eventually.HoldsAsync(async () => (await client.SendAsync("GET", Maps + "/owner")).Code == 404, "the owner is gone");
        Assert.That((await client.ExpectAsync(200, "GET", Maps + "/kept")).Json!["metadata"]!["ownerReferences"], Is.Null);
    }

    [Test]
    public async Task A_dependent_with_another_owner_stays_and_only_loses_the_one_that_is_gone()
    {
        await using var server = await StartAsync();
        using var client = PlaneClient.For(server, "t");
        foreach (var propagation in (string[])["Background", "Foreground"])
        {
            var first = (string?)(await client.ExpectAsync(201, "POST", Maps, Map("first"))).Json!["metadata"]!["uid"];
            var second = (string?)(await client.ExpectAsync(201, "POST", Maps, Map("second"))).Json!["metadata"]!["uid"];
            var both = Owner("first", first!, block: true).TrimEnd(']') + "," + Owner("second", second!).Split('[')[1];
            await client.ExpectAsync(201, "POST", Maps, Map("child", both));
            await client.ExpectAsync(200, "DELETE", $"{Maps}/first?propagationPolicy={propagation}");
            await Eventually.HoldsAsync(async () => (await client.SendAsync("GET", Maps + "/first")).Code == 404, "the owner is gone");
            await Eventually.HoldsAsync(async () => (await client.ExpectAsync(200, "GET", Maps + "/child")).Json!["metadata"]!["ownerReferences"]!.AsArray().Count == 1, "the child has one owner left");
            Assert.That((await client.ExpectAsync(200, "GET", Maps + "/child")).Json!["metadata"]!["deletionTimestamp"], Is.Null);
            await client.ExpectAsync(200, "DELETE", Maps + "/second");
            await Eventually.HoldsAsync(async () => (await client.SendAsync("GET", Maps + "/child")).Code == 404, "the last owner takes the child");
        }
    }

    [Test]
    public async Task A_cluster_scoped_object_is_never_collected_for_an_owner_in_a_namespace()
    {
        await using var server = await StartAsync();
        using var client = PlaneClient.For(server, "t");
        await client.ExpectAsync(201, "POST", "/api/v1/namespaces", """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kept","ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"nobody","uid":"1"}]}}""");
        // The collector works in order: once this one is gone it has looked at the other.
        await client.ExpectAsync(201, "POST", Maps, Map("late", Owner("nobody", "1")));
        await Eventually.HoldsAsync(async () => (await client.SendAsync("GET", Maps + "/late")).Code == 404, "the other is collected");
        Assert.That((string?)(await client.ExpectAsync(200, "GET", "/api/v1/namespaces/kept")).Json!["status"]!["phase"], Is.EqualTo("Active"));
    }

    [Test]
    public async Task A_deleted_namespace_takes_its_content_and_waits_for_finalizers()
    {
        await using var server = await StartAsync();
        using var client = PlaneClient.For(server, "t");
        await client.ExpectAsync(201, "POST", "/api/v1/namespaces", """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n"}}""");
        await client.ExpectAsync(201, "POST", "/api/v1/namespaces/n/configmaps", Map("a"));
        await client.ExpectAsync(201, "POST", "/api/v1/namespaces/n/configmaps", Map("b", ""","finalizers":["x.y/z"]"""));
        await client.ExpectAsync(200, "DELETE", "/api/v1/namespaces/n");
        await Eventually.HoldsAsync(async () => (await client.SendAsync("GET", "/api/v1/namespaces/n/configmaps/a")).Code == 404, "the content is deleted");
        Assert.That((string?)(await client.ExpectAsync(200, "GET", "/api/v1/namespaces/n")).Json!["status"]!["phase"], Is.EqualTo("Terminating"));
        await client.ExpectAsync(200, "PATCH", "/api/v1/namespaces/n/configmaps/b", """{"metadata":{"finalizers":null}}""", "application/merge-patch+json");
        await Eventually.HoldsAsync(async () => (await client.SendAsync("GET", "/api/v1/namespaces/n")).Code == 404, "the namespace is gone");
    }

    [Test]
    public async Task A_deleted_definition_takes_its_objects_and_its_kind()
    {
        await using var server = await StartAsync();
        using var client = PlaneClient.For(server, "t");
        await client.ExpectAsync(201, "POST", Crds, Definitions.Read("widgets.yaml"), "application/yaml");
        await client.ExpectAsync(201, "POST", Widgets, Widget("a"));
        await client.ExpectAsync(200, "DELETE", Crds + "/widgets.test.example.com");
        await Eventually.HoldsAsync(async () => (await client.SendAsync("GET", Crds + "/widgets.test.example.com")).Code == 404, "the definition is gone");
        await client.ExpectAsync(404, "GET", Widgets);
        await client.ExpectAsync(201, "POST", Crds, Definitions.Read("widgets.yaml"), "application/yaml");
        Assert.That((await client.ExpectAsync(200, "GET", Widgets)).Json!["items"]!.AsArray(), Is.Empty);
    }

    [Test]
    public async Task A_definition_with_an_unknown_rule_is_refused_and_the_rule_is_named()
    {
        await using var server = await DevPlaneServer.StartAsync(new DevPlaneOptions { Tokens = [new PlaneToken { Token = "t" }] });
        using var client = PlaneClient.For(server, "t");
        var answer = await client.ExpectAsync(422, "POST", Crds, Definitions.Read("rules.yaml"), "application/yaml");
        Assert.That(answer.Message, Does.Contain("self.low <= self.high").And.Contain("x-kubernetes-validations[0].rule"));
    }

    [Test]
    public async Task What_is_not_built_is_refused_clearly()
    {
        await using var server = await StartAsync();
        using var client = PlaneClient.For(server, "t");
        await client.ExpectAsync(201, "POST", Maps, Map("m"));
        Assert.That((await client.ExpectAsync(415, "PATCH", Maps + "/m?fieldManager=x", "data: {}", "application/apply-patch+yaml")).Message, Does.Contain("server-side apply is not supported"));
        Assert.That((await client.ExpectAsync(415, "PATCH", Maps + "/m", """{"metadata":{"finalizers":["a/b"]}}""", "application/strategic-merge-patch+json")).Message, Does.Contain("strategic merge patch"));
        Assert.That((await client.ExpectAsync(415, "POST", Maps, "k8s", "application/vnd.kubernetes.protobuf")).Message, Does.Contain("protobuf"));
        Assert.That((await client.SendAsync("GET", Maps, accept: "application/vnd.kubernetes.protobuf")).Code, Is.EqualTo(406));
        await client.ExpectAsync(422, "GET", Maps + "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
    }

    [Test]
    public async Task Requests_are_counted_by_verb_and_resource()
    {
        await using var server = await StartAsync();
        using var client = PlaneClient.For(server, "t");
        await client.ExpectAsync(201, "POST", Maps, Map("m"));
        await client.ExpectAsync(200, "GET", Maps + "/m");
        await client.ExpectAsync(200, "GET", Maps);
        await client.ExpectAsync(200, "GET", Maps + "?watch=1&timeoutSeconds=1");
        var served = (await client.ExpectAsync(200, "GET", "/datum/counters")).Json!;
        Assert.Multiple(() =>
        {
            Assert.That(server.Counters.Count(), Is.EqualTo(4));
            Assert.That(server.Counters.Count("list", "configmaps"), Is.EqualTo(1));
            Assert.That((int)served["watch"]!["configmaps"]!, Is.EqualTo(1));
            Assert.That((int)served["create"]!["configmaps"]!, Is.EqualTo(1));
        });
    }

    [Test]
    public async Task The_kubeconfig_is_private_and_carries_what_a_client_needs()
    {
        using var folder = new TempFolder();
        await using var server = await StartAsync();
        var path = server.WriteKubeconfig(folder.File("kubeconfig"));
        var text = await File.ReadAllTextAsync(path);
        Assert.Multiple(() =>
        {
            Assert.That(text, Does.Contain($"https://127.0.0.1:{server.Port}").And.Contain("certificate-authority-data").And.Contain("token: \"t\""));
            if (!OperatingSystem.IsWindows()) Assert.That(File.GetUnixFileMode(path), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        });
    }

    private static Task<DevPlaneServer> StartAsync() =>
        DevPlaneServer.StartAsync(new DevPlaneOptions { Tokens = [new PlaneToken { Token = "t" }], CelRules = Definitions.Rules() });

    private static async Task<string[]> TypesAsync(PlaneClient client, string query) =>
        [.. (await client.ExpectAsync(200, "GET", Widgets + query)).Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => (string)JsonNode.Parse(l)!["type"]!)];

    private static async Task<string> UidAsync(PlaneClient client) =>
        (string)(await client.ExpectAsync(200, "GET", "/api/v1/namespaces/kube-system")).Json!["metadata"]!["uid"]!;

    private static string Version(Answer answer) => (string)answer.Json!["metadata"]!["resourceVersion"]!;

    private static string Map(string name, string meta = "") => $$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{name}}"{{meta}} },"data":{"a":"b"} }""";

    private static string Owner(string name, string uid, bool block = false) =>
        $$""","ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"{{name}}","uid":"{{uid}}","blockOwnerDeletion":{{(block ? "true" : "false")}}}]""";

    private static string Widget(string name) => $$"""{"apiVersion":"test.example.com/v1","kind":"Widget","metadata":{"name":"{{name}}" },"spec":{"size":1} }""";
}
