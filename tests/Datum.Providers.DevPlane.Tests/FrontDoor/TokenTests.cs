using System.Text;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>What the token file says holds, from when it says it until it doesn't.</summary>
[TestFixture]
public sealed class TokenTests
{
    private const string Token = "token-under-test-0123456789";
    private const string Other = "another-token-0123456789";
    private const string Projects = $"/apis/{Door.Group}/projects";

    private TempFolder folder = null!;

    [SetUp]
    public void MakeFolder() => folder = new TempFolder();

    [TearDown]
    public void RemoveFolder() => folder.Dispose();

    [Test]
    public async Task A_reader_reads_and_is_refused_as_the_real_server_refuses()
    {
        await using var door = await OpenAsync("subject: reader, projects: [a], core: true, access: read");
        using var reader = door.Client(Token);
        await reader.ExpectAsync(200, "GET", Door.At("a", Door.Widgets));
        await reader.ExpectAsync(200, "GET", Projects);
        var refused = await reader.ExpectAsync(403, "POST", Door.At("a", Door.Widgets), Door.Widget("w"));
        Assert.That(JsonNode.DeepEquals(refused.Json, JsonNode.Parse("""
            {"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
             "message":"widgets.test.example.com is forbidden: User \"reader\" cannot create resource \"widgets\" in API group \"test.example.com\" in the namespace \"default\"",
             "reason":"Forbidden","details":{"group":"test.example.com","kind":"widgets"},"code":403}
            """)), refused.Text);
        Assert.That((await reader.ExpectAsync(403, "DELETE", Door.At("a", Door.Widgets + "/w"))).Message, Does.Contain("User \"reader\" cannot delete resource"));
        Assert.That((await reader.ExpectAsync(403, "POST", Projects, "{}")).Message, Does.Contain("User \"reader\" cannot create resource \"projects\""));
    }

    [TestCase("projects: ['*']", true, true, false)]
    [TestCase("projects: [a]", true, false, false)]
    [TestCase("projects: {selector: 'tier in (gold), !closed'}", true, false, false)]
    [TestCase("organizations: ['*']", false, false, false)]
    [TestCase("organizations: [a]", false, false, false)]
    [TestCase("core: true", false, false, true)]
    [TestCase("projects: []", false, false, false)]
    public async Task A_token_reaches_what_its_entry_names(string rights, bool a, bool b, bool core)
    {
        await using var door = await OpenAsync($"subject: s, access: write, {rights}", ""","labels":{"tier":"gold"}""");
        await door.ProjectAsync("b", ""","labels":{"tier":"gold","closed":"yes"}""");
        using var client = door.Client(Token);
        Assert.That((await CodeAsync(Door.At("a", "/api")), await CodeAsync(Door.At("b", "/api")), await CodeAsync("/api")), Is.EqualTo((a ? 200 : 403, b ? 200 : 403, core ? 200 : 403)));

        async Task<int> CodeAsync(string path) => (await client.SendAsync("GET", path)).Code;
    }

    [Test]
    public async Task A_selector_follows_the_projects_labels()
    {
        await using var door = await OpenAsync("subject: s, access: write, projects: {selector: tier=gold}");
        using var client = door.Client(Token);
        await client.ExpectAsync(403, "GET", Door.At("a", "/api"));
        await door.Admin.ExpectAsync(200, "PATCH", Projects + "/a", """{"metadata":{"labels":{"tier":"gold"}}}""", "application/merge-patch+json");
        await client.ExpectAsync(200, "GET", Door.At("a", "/api"));
    }

    [Test]
    public async Task A_token_may_stand_as_its_hash()
    {
        var hash = Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(Token)));
        await using var door = await Door.OpenAsync(folder, $"tokens: [{{sha256: {hash}, subject: s, access: write, core: true}}]");
        using var client = door.Client(Token);
        await client.ExpectAsync(200, "GET", "/api");
        using var thief = door.Client(hash);
        await thief.ExpectAsync(401, "GET", "/api");
    }

    [Test]
    public async Task An_expired_token_is_401_on_the_core_plane_and_403_for_nobody_behind_the_front_door()
    {
        await using var door = await OpenAsync($"subject: s, access: write, core: true, projects: [a], expires: '{DateTimeOffset.UtcNow.AddMinutes(10):yyyy-MM-ddTHH:mm:ssZ}'");
        using var client = door.Client(Token);
        await client.ExpectAsync(200, "GET", Door.At("a", "/api"));
        await client.ExpectAsync(200, "GET", "/api");
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var core = await client.Http.GetStreamAsync(Door.Maps + "?watch=1", deadline.Token);
        var behind = await client.Http.GetStreamAsync(Door.At("a", Door.Maps + "?watch=1"), deadline.Token);
        // A watch ends by itself after half an hour at the earliest.
        door.Time.Advance(TimeSpan.FromMinutes(10));
        foreach (var stream in (Stream[])[core, behind])
        {
            using var reader = new StreamReader(stream);
            Assert.That(await reader.ReadToEndAsync(deadline.Token), Is.Empty, "a watch ends with its token");
        }

        Assert.That((await client.ExpectAsync(401, "GET", "/api")).Message, Is.EqualTo("Unauthorized"));
        Assert.That((await client.ExpectAsync(403, "GET", Door.At("a", "/api"))).Message, Is.EqualTo("forbidden: User \"system:anonymous\" cannot get path \"/api\""));
        await door.Admin.ExpectAsync(200, "GET", Door.At("a", "/api"));
    }

    [Test]
    public async Task A_changed_file_is_read_again_and_what_it_no_longer_says_ends()
    {
        await using var door = await OpenAsync("subject: s, access: write, projects: [a]");
        using var client = door.Client(Token);
        using var other = door.Client(Other);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await using var kept = await client.Http.GetStreamAsync(Door.At("a", Door.Maps + "?watch=1"), deadline.Token);
        Door.WriteTokens(folder, $"tokens:\n- {Entry("subject: s, access: write, projects: [a]")}\n- {{token: {Other}, subject: o, access: read, projects: [a]}}\n");
        await HoldsAsync(door, other, 200);
        await using var ended = await other.Http.GetStreamAsync(Door.At("a", Door.Maps + "?watch=1"), deadline.Token);
        // The same entry with other rights is another grant: what was opened under the old one ends.
        Door.WriteTokens(folder, $"tokens:\n- {Entry("subject: s, access: write, projects: [a]")}\n- {{token: {Other}, subject: o, access: read, projects: [b]}}\n");
        await HoldsAsync(door, other, 403);
        using (var reader = new StreamReader(ended)) Assert.That(await reader.ReadToEndAsync(deadline.Token), Is.Empty);
        await client.ExpectAsync(201, "POST", Door.At("a", Door.Maps), Door.Map("seen"));
        using (var reader = new StreamReader(kept)) Assert.That(await reader.ReadLineAsync(deadline.Token), Does.Contain("seen"), "an entry that stands unchanged keeps its watches");
    }

    [TestCase("tokens: [{token: x")]
    [TestCase("tokens: []\nnonsense: 1")]
    [TestCase(null)]
    public async Task A_file_that_can_not_be_read_leaves_what_was_read_last_in_force(string? text)
    {
        await using var door = await OpenAsync("subject: s, access: write, projects: [a]");
        using var client = door.Client(Token);
        if (text is null) File.Delete(folder.File("tokens"));
        else Door.WriteTokens(folder, text);
        await Eventually.HoldsAsync(() =>
        {
            door.Time.Advance(TimeSpan.FromSeconds(2));
            return Task.FromResult(door.Log.Text.Contains("Warning 41", StringComparison.Ordinal));
        }, "the refusal is logged");
        await client.ExpectAsync(200, "GET", Door.At("a", "/api"));
        Door.WriteTokens(folder, "tokens: []");
        await HoldsAsync(door, client, 403);
        Assert.That(door.Log.Text.Split("Warning 41").Length - 1, Is.EqualTo(1), "said once, however often it is looked at");
    }

    [TestCase("tokens: [{token: short, subject: s, access: read}]", "tokens[0].token")]
    [TestCase("tokens: [{token: 12345678901234567, subject: s, access: read}]", "tokens[0].token")]
    [TestCase("tokens: [{token: secret-canary-0123456789, access: read}]", "tokens[0].subject")]
    [TestCase("tokens: [{token: secret-canary-0123456789, subject: s}]", "tokens[0].access")]
    [TestCase("tokens: [{token: secret-canary-0123456789, subject: s, access: secret-canary}]", "tokens[0].access")]
    [TestCase("tokens: [{token: secret-canary-0123456789, sha256: aa, subject: s, access: read}]", "tokens[0]")]
    [TestCase("tokens: [{sha256: secret-canary, subject: s, access: read}]", "tokens[0].sha256")]
    [TestCase("tokens: [{token: secret-canary-0123456789, subject: s, access: read, project: [a]}]", "tokens[0].project")]
    [TestCase("tokens: [{token: secret-canary-0123456789, subject: s, access: read, projects: secret-canary}]", "tokens[0].projects")]
    [TestCase("tokens: [{token: secret-canary-0123456789, subject: s, access: read, projects: {selector: ''}}]", "tokens[0].projects.selector")]
    [TestCase("tokens: [{token: secret-canary-0123456789, subject: s, access: read, expires: tomorrow}]", "tokens[0].expires")]
    [TestCase("tokens: [{token: secret-canary-0123456789, subject: 'system:anonymous', access: read}]", "tokens[0].subject")]
    [TestCase("tokens: [{token: secret-canary-0123456789, subject: s, access: read}, {token: secret-canary-0123456789, subject: t, access: write}]", "tokens[1]")]
    [TestCase("serviceAccounts: [{clientId: c, access: read, keys: []}]", "serviceAccounts[0].keys")]
    [TestCase("serviceAccounts: [{clientId: c, access: read, keys: [{id: k, publicKey: secret-canary}]}]", "serviceAccounts[0].keys[0].publicKey")]
    [TestCase("serviceAccounts: [{clientId: c, access: read, keys: [{id: k, publicKey: '-----BEGIN PRIVATE KEY----- secret-canary'}]}]", "only the public half")]
    [TestCase("tokens: [{token: secret-canary-0123456789, subject: s, access: read}", "YAML near line")]
    [TestCase("tokens: {secret-canary: {secret-canary: 1, secret-canary: 2}}", "YAML near line")]
    [TestCase("[]", "must be a mapping")]
    public void A_wrong_file_stops_the_start_and_the_error_names_the_field_but_no_value(string text, string named) =>
        Assert.That(async () => await Door.OpenAsync(folder, text), Throws.TypeOf<FormatException>().With.Message.Contains(named).And.Message.Not.Contains("secret-canary"));

    [Test]
    public void A_file_that_others_may_read_is_refused()
    {
        if (OperatingSystem.IsWindows()) Assert.Ignore("Windows has no such modes.");
        Door.WriteTokens(folder, "tokens: []");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(folder.File("tokens"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        var options = new DevPlaneOptions { FrontDoor = new FrontDoorOptions { Kinds = Door.Kinds, TokenFile = folder.File("tokens") } };
        Assert.That(async () => await DevPlaneServer.StartAsync(options), Throws.InstanceOf<IOException>().With.Message.Contains("mode 640").And.Message.Contains("chmod 600"));
    }

    [Test]
    public async Task No_token_is_ever_logged_or_answered()
    {
        await using var door = await OpenAsync("subject: s, access: read, projects: [a], core: true");
        using var client = door.Client(Token);
        using var wrong = door.Client("wrong-token-canary-0123456789");
        var answers = new StringBuilder();
        foreach (var one in (PlaneClient[])[client, wrong])
        {
            foreach (var path in (string[])["/api", Door.At("a", "/api"), Door.At("b", "/api"), Door.At("a", Door.Maps), "/datum/counters", "/nothing"])
            {
                answers.Append((await one.SendAsync("GET", path)).Text).Append((await one.SendAsync("POST", path, "{}")).Text);
            }
        }

        foreach (var secret in (string[])[Token, "wrong-token-canary", Door.AdminToken])
        {
            Assert.That(answers.ToString(), Does.Not.Contain(secret));
            Assert.That(door.Log.Text, Is.Not.Empty.And.Not.Contain(secret));
        }
    }

    [Test]
    public async Task Without_a_front_door_its_paths_are_no_more_than_any_other()
    {
        await using var server = await DevPlaneServer.StartAsync(new DevPlaneOptions { Tokens = [new PlaneToken { Token = "t" }] });
        using var client = PlaneClient.For(server, "t");
        await client.ExpectAsync(404, "GET", Door.At("a", "/api"));
        await client.ExpectAsync(404, "POST", "/oauth/v2/token", "");
        using var nobody = PlaneClient.For(server, null);
        await nobody.ExpectAsync(403, "GET", "/datum-os/oauth/token/exchange");
    }

    private async Task<Door> OpenAsync(string entry, string labels = "")
    {
        var door = await Door.OpenAsync(folder, $"tokens: [{Entry(entry)}]");
        await door.ProjectAsync("a", labels);
        return door;
    }

    private static string Entry(string fields) => $"{{token: {Token}, {fields}}}";

    private static Task HoldsAsync(Door door, PlaneClient client, int code) => Eventually.HoldsAsync(async () =>
    {
        door.Time.Advance(TimeSpan.FromSeconds(2));
        return (await client.SendAsync("GET", Door.At("a", "/api"))).Code == code;
    }, $"the file is read again: {code}");
}
