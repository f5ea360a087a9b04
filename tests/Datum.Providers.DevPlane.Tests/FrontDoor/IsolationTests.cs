using System.Buffers.Text;
using System.Text;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>A tenant tries everything to see or touch another tenant's plane.</summary>
[TestFixture]
public sealed class IsolationTests
{
    private const string Marker = "only-b-may-read-this";
    private const string TokenA = "token-of-tenant-a-0123456789";
    private const string TokenB = "token-of-tenant-b-0123456789";
    private const string TokenBoth = "token-of-both-tenants-0123456789";
    private const string Tokens = $$"""
        tokens:
        - {token: {{TokenA}}, subject: alice, projects: [a], access: write}
        - {token: {{TokenB}}, subject: bob, projects: [b], access: write}
        - {token: {{TokenBoth}}, subject: both, projects: [a, b], access: write}
        """;

    private TempFolder folder = null!;
    private Door door = null!;
    private PlaneClient alice = null!;
    private PlaneClient bob = null!;

    [OneTimeSetUp]
    public async Task OpenAsync()
    {
        folder = new TempFolder();
        door = await Door.OpenAsync(folder, Tokens);
        await door.ProjectAsync("a");
        await door.ProjectAsync("b");
        (alice, bob) = (door.Client(TokenA), door.Client(TokenB));
        foreach (var name in (string[])["one", "two", "three"])
        {
            await bob.ExpectAsync(201, "POST", Door.At("b", Door.Maps), Door.Map(name, text: Marker));
            await bob.ExpectAsync(201, "POST", Door.At("b", Door.Widgets), Door.Widget(name, $$""","labels":{"l":"{{Marker}}"}"""));
        }
    }

    [OneTimeTearDown]
    public async Task CloseAsync()
    {
        if (door is not null) await door.DisposeAsync();
        folder?.Dispose();
    }

    [Test]
    public async Task Objects_of_one_plane_are_in_no_list_of_another()
    {
        await alice.ExpectAsync(201, "POST", Door.At("a", Door.Maps), Door.Map("one", text: "mine"));
        Assert.That((string?)(await alice.ExpectAsync(200, "GET", Door.At("a", Door.Maps + "/one"))).Json!["data"]!["a"], Is.EqualTo("mine"));
        await alice.ExpectAsync(404, "GET", Door.At("a", Door.Maps + "/two"));
        foreach (var path in (string[])["/api/v1/configmaps", "/api/v1/namespaces", "/apis/test.example.com/v1/widgets", "/api/v1/secrets", "/datum/counters", "/apis", "/openapi/v2"])
        {
            Assert.That((await alice.ExpectAsync(200, "GET", Door.At("a", path))).Text, Does.Not.Contain(Marker), path);
        }

        Assert.That((await door.Admin.ExpectAsync(200, "GET", "/api/v1/configmaps")).Text, Does.Not.Contain(Marker), "the core plane holds none of it either");
        Assert.That(await UidAsync(alice, "a"), Is.Not.EqualTo(await UidAsync(bob, "b")));
    }

    [Test]
    public async Task Versions_of_one_plane_tell_nothing_of_the_work_in_another()
    {
        var before = await VersionAsync();
        for (var i = 0; i < 5; i++) await bob.ExpectAsync(200, "PATCH", Door.At("b", Door.Maps + "/one"), $$"""{"data":{"n":"{{i}}"} }""", "application/merge-patch+json");
        Assert.That(await VersionAsync(), Is.EqualTo(before));

        async Task<string?> VersionAsync() => (string?)(await alice.ExpectAsync(200, "GET", Door.At("a", Door.Widgets))).Json!["metadata"]!["resourceVersion"];
    }

    [TestCase("GET", "/api/v1/namespaces/default/configmaps/one")]
    [TestCase("GET", "/api/v1/configmaps")]
    [TestCase("GET", "/api/v1/configmaps?watch=1")]
    [TestCase("GET", "/apis/test.example.com/v1/widgets?limit=1")]
    [TestCase("GET", "/apis/not.installed/v1/anything")]
    [TestCase("GET", "")]
    [TestCase("GET", "/api")]
    [TestCase("GET", "/apis")]
    [TestCase("GET", "/openapi/v2")]
    [TestCase("GET", "/openapi/v3")]
    [TestCase("GET", "/version")]
    [TestCase("GET", "/healthz")]
    [TestCase("GET", "/datum/counters")]
    [TestCase("DELETE", "/api/v1/namespaces/default/configmaps/one")]
    [TestCase("DELETE", "/api/v1/namespaces/default/configmaps")]
    [TestCase("OPTIONS", "/api/v1/namespaces")]
    public async Task Another_plane_answers_as_one_that_is_not_there_whoever_asks(string method, string path)
    {
        using var nobody = PlaneClient.For(door.Server, null);
        using var stranger = PlaneClient.For(door.Server, "an-unknown-token-0123456789");
        var (expected, _) = await AskAsync(alice, "nothing-here");
        Assert.That((string?)JsonNode.Parse(expected)!["message"], Does.Contain("User \"system:anonymous\" cannot"));
        foreach (var client in (PlaneClient[])[alice, nobody, stranger])
        {
            foreach (var project in (string[])["b", "nothing-here"])
            {
                var (text, code) = await AskAsync(client, project);
                Assert.That((code, text), Is.EqualTo((403, expected)));
            }
        }

        async Task<(string Text, int Code)> AskAsync(PlaneClient client, string project)
        {
            var answer = await client.SendAsync(method, Door.At(project, path));
            return (answer.Text, answer.Code);
        }
    }

    [Test]
    public async Task The_refusal_is_the_one_that_Datum_Cloud_gives()
    {
        using var nobody = PlaneClient.For(door.Server, null);
        var answer = await nobody.ExpectAsync(403, "GET", Door.At("b", "/openapi/v3"));
        Assert.That(JsonNode.DeepEquals(answer.Json, JsonNode.Parse("""
            {"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
             "message":"forbidden: User \"system:anonymous\" cannot get path \"/openapi/v3\"","reason":"Forbidden","details":{},"code":403}
            """)), answer.Text);
    }

    [Test]
    public async Task A_projects_token_opens_neither_the_core_plane_nor_the_list_of_projects()
    {
        foreach (var path in (string[])["/api/v1/namespaces", "/apis", "/version", "/datum/counters", $"/apis/{Door.Group}/projects", $"/apis/{Door.Group}/projects/b", Door.Crds, "/openapi/v3"])
        {
            Assert.That((await alice.ExpectAsync(403, "GET", path)).Message, Does.Contain("User \"alice\" cannot"));
        }

        await alice.ExpectAsync(403, "POST", $"/apis/{Door.Group}/projects", Door.Named("Project", Door.Group, "c"));
        await alice.ExpectAsync(403, "POST", Door.Maps, Door.Map("x"));
        Assert.That((await alice.ExpectAsync(200, "GET", Door.At("a", "/apis"))).Text, Does.Not.Contain("resourcemanager"), "kinds that make planes aren't served in one");
        await alice.ExpectAsync(404, "POST", Door.At("a", $"/apis/{Door.Group}/projects"), Door.Named("Project", Door.Group, "c"));
    }

    private static IEnumerable<string> Tricks()
    {
        const string prefix = $"/apis/{Door.Group}/projects";
        const string rest = "/api/v1/namespaces/default/configmaps/one";
        foreach (var up in (string[])["/../../b/control-plane", "/%2e%2e/%2e%2e/b/control-plane", "/%2E%2e/.%2e/b/control-plane", "/..%2f..%2fb%2fcontrol-plane", "/%252e%252e/%252e%252e/b/control-plane", "/..;/..;/b/control-plane", "\\..\\..\\b\\control-plane", "/%5c..%5c..%5cb/control-plane"])
        {
            yield return $"{prefix}/a/control-plane{up}{rest}";
        }

        yield return $"{prefix}/a/control-plane/apis/{Door.Group}/projects/b/control-plane{rest}";
        yield return $"{prefix}//b/control-plane{rest}";
        yield return $"{prefix}/b//control-plane{rest}";
        yield return $"/{prefix}/b/control-plane{rest}";
        yield return $"{prefix}/b/control-plane/{rest}";
        yield return $"{prefix}/B/control-plane{rest}";
        yield return $"{prefix}/b/Control-Plane{rest}";
        yield return $"{prefix.ToUpperInvariant()}/b/control-plane{rest}";
        yield return $"{prefix}/%62/control-plane{rest}";
        yield return $"{prefix}/b%2fcontrol-plane{rest}";
        yield return $"{prefix}/a%2f..%2fb/control-plane{rest}";
        yield return $"{prefix}/a%00b/control-plane{rest}";
        yield return $"{prefix}/b%00/control-plane{rest}";
        yield return $"{prefix}/b./control-plane{rest}";
        yield return $"{prefix}/b%20/control-plane{rest}";
        yield return $"{prefix}/a,b/control-plane{rest}";
        yield return $"{prefix}/*/control-plane{rest}";
        yield return $"{prefix}/./b/control-plane{rest}";
        yield return $"{prefix}/a/../b/control-plane{rest}";
        yield return $"{prefix}/b/control-plane%2f{rest}";
        yield return $"{prefix}/b/control-plane%3f{rest}";
        yield return $"{prefix}/b/control-plane{rest}#/a";
        yield return $"{prefix}/a/control-plane/..{rest}";
        yield return $"/apis/{Door.OlderGroup}/projects/b/control-plane{rest}";
        yield return $"https://127.0.0.1{prefix}/b/control-plane{rest}";
        yield return $"{prefix}/a/control-plane/api/v1/namespaces/..%2f..%2f..%2fb/configmaps/one";
        yield return $"{prefix}/a/control-plane/api/v1/namespaces/default/configmaps/..%2f..%2fb%2fdefault%2fone";
    }

    [TestCaseSource(nameof(Tricks))]
    public async Task No_spelling_of_a_path_leads_into_another_plane(string target)
    {
        var (code, text) = await door.RawAsync(target, TokenA);
        Assert.That(text, Does.Not.Contain(Marker));
        Assert.That(code, Is.EqualTo(400).Or.EqualTo(403).Or.EqualTo(404), text);
    }

    [Test]
    public async Task The_plain_spelling_is_what_the_tricks_are_held_against()
    {
        var (code, text) = await door.RawAsync(Door.At("b", Door.Maps + "/one"), TokenB);
        Assert.That(code, Is.EqualTo(200), text);
        Assert.That(text, Does.Contain(Marker));
    }

    [Test]
    public async Task A_page_token_of_one_plane_shows_nothing_of_it_in_another()
    {
        using var both = PlaneClient.For(door.Server, TokenBoth);
        var page = (await both.ExpectAsync(200, "GET", Door.At("b", Door.Widgets + "?limit=1"))).Json!["metadata"]!;
        var version = (string)page["resourceVersion"]!;
        string[] tokens =
        [
            (string)page["continue"]!,
            Base64Url.EncodeToString(Encoding.UTF8.GetBytes($$"""{"v":"meta.k8s.io/v1","rv":{{version}},"start":"default/a"}""")),
            Base64Url.EncodeToString(Encoding.UTF8.GetBytes("""{"v":"meta.k8s.io/v1","rv":-1,"start":"default/a"}""")),
        ];
        foreach (var token in tokens)
        {
            Assert.That((await alice.SendAsync("GET", Door.At("a", $"{Door.Widgets}?limit=5&continue={token}"))).Text, Does.Not.Contain(Marker));
            await alice.ExpectAsync(403, "GET", Door.At("b", $"{Door.Widgets}?limit=5&continue={token}"));
        }
    }

    [Test]
    public async Task A_watch_sees_its_own_plane_alone()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var from = (string?)(await alice.ExpectAsync(200, "GET", Door.At("a", Door.Maps))).Json!["metadata"]!["resourceVersion"];
        await using var stream = await alice.Http.GetStreamAsync(Door.At("a", $"{Door.Maps}?watch=1&resourceVersion={from}"), deadline.Token);
        using var reader = new StreamReader(stream);
        await bob.ExpectAsync(201, "POST", Door.At("b", Door.Maps), Door.Map("watched", text: Marker));
        await door.Admin.ExpectAsync(201, "POST", Door.Maps, Door.Map("watched-in-core"));
        await alice.ExpectAsync(201, "POST", Door.At("a", Door.Maps), Door.Map("watched-by-alice"));
        var line = JsonNode.Parse((await reader.ReadLineAsync(deadline.Token))!)!;
        Assert.That((string?)line["object"]!["metadata"]!["name"], Is.EqualTo("watched-by-alice"), "the first event is her own");
    }

    [Test]
    public async Task Definitions_are_read_everywhere_and_written_in_the_core_plane_alone()
    {
        Assert.That((string?)(await alice.ExpectAsync(200, "GET", Door.At("a", Door.Crds + "/widgets.test.example.com"))).Json!["spec"]!["names"]!["kind"], Is.EqualTo("Widget"));
        Assert.That((await alice.ExpectAsync(403, "DELETE", Door.At("a", Door.Crds + "/widgets.test.example.com"))).Message, Does.Contain("installed in the core control plane"));
        await alice.ExpectAsync(403, "POST", Door.At("a", Door.Crds), Door.Kind("x.example.com", "v1", "things", "Thing"), "application/yaml");
        await alice.ExpectAsync(403, "PATCH", Door.At("a", Door.Crds + "/widgets.test.example.com"), "{}", "application/merge-patch+json");
    }

    [Test]
    public async Task An_owner_in_another_plane_owns_nothing()
    {
        var made = await bob.ExpectAsync(201, "POST", Door.At("b", Door.Maps), Door.Map("owner"));
        var uid = (string?)made.Json!["metadata"]!["uid"];
        await alice.ExpectAsync(201, "POST", Door.At("a", Door.Maps), Door.Map("owner"));
        await alice.ExpectAsync(201, "POST", Door.At("a", Door.Maps), Door.Map("child", $$""","ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"owner","uid":"{{uid}}"}]"""));
        await Eventually.HoldsAsync(async () => (await alice.SendAsync("GET", Door.At("a", Door.Maps + "/child"))).Code == 404, "the child of a foreign owner is collected: its owner isn't there");
        await bob.ExpectAsync(200, "GET", Door.At("b", Door.Maps + "/owner"));
        await alice.ExpectAsync(200, "GET", Door.At("a", Door.Maps + "/owner"));
    }

    private static async Task<string> UidAsync(PlaneClient client, string project) =>
        (string)(await client.ExpectAsync(200, "GET", Door.At(project, "/api/v1/namespaces/kube-system"))).Json!["metadata"]!["uid"]!;
}
