using System.Text;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>One accepted write must never make what is stored unreadable, and one request must never end the process.</summary>
[TestFixture]
public sealed class HostileBodyTests
{
    private const string Maps = "/api/v1/namespaces/default/configmaps";
    private const string JsonPatchType = "application/json-patch+json";

    [TestCase("application/json", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m","ownerReferences":[{"apiVersion":"x/v1","kind":"X","name":"a","uid":"b","blockOwnerDeletion":1e999}]}}""")]
    [TestCase("application/yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m, ownerReferences: [{apiVersion: x/v1, kind: X, name: a, uid: b, blockOwnerDeletion: 1e999}]}\n")]
    public async Task A_number_that_no_double_holds_is_never_stored_as_one(string type, string body)
    {
        var folder = Path.Combine(TestContext.CurrentContext.WorkDirectory, "hostile-" + Guid.NewGuid().ToString("n"));
        try
        {
            await using (var server = await DevPlaneServer.StartAsync(new DevPlaneOptions { StatePath = folder, Tokens = [new PlaneToken { Token = "w" }] }))
            {
                using var client = PlaneClient.For(server, "w");
                await client.SendAsync("POST", Maps, body, type);
                await client.ExpectAsync(200, "GET", Maps);
            }

            await using var again = await DevPlaneServer.StartAsync(new DevPlaneOptions { StatePath = folder, Tokens = [new PlaneToken { Token = "w" }] });
            using var later = PlaneClient.For(again, "w");
            Assert.That((await later.ExpectAsync(200, "GET", Maps)).Json!["items"], Is.Not.Null);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public async Task Copies_that_double_the_object_are_refused()
    {
        await using var server = await StartAsync();
        using var client = PlaneClient.For(server, "w");
        await client.ExpectAsync(201, "POST", Maps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"b"}}""");
        var wide = """{"op":"add","path":"/extra","value":[0]},""" + string.Join(',', Enumerable.Repeat("""{"op":"copy","from":"/extra","path":"/extra/-"}""", 60));
        var deep = string.Join(',', Enumerable.Range(0, 40).Select(i => $$"""{"op":"copy","from":"/data","path":"/data{{string.Concat(Enumerable.Repeat("/x", Math.Min(1 << Math.Min(i, 12), 4096)))}}"}"""));

        await client.ExpectAsync(422, "PATCH", Maps + "/m", $"[{wide}]", JsonPatchType);
        await client.ExpectAsync(422, "PATCH", Maps + "/m", $"[{deep}]", JsonPatchType);
        Assert.That((await client.ExpectAsync(200, "GET", Maps + "/m")).Text, Does.Contain("\"data\":{\"a\":\"b\"}"));
    }

    [Test]
    public async Task A_patch_that_nests_deeper_than_a_body_may_is_refused()
    {
        await using var server = await StartAsync();
        using var client = PlaneClient.For(server, "w");
        await client.ExpectAsync(201, "POST", Maps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"}}""");
        var value = new StringBuilder().Insert(0, "{\"x\":", 240).Append('1').Append('}', 240);

        await client.ExpectAsync(422, "PATCH", Maps + "/m", $$"""[{"op":"add","path":"/extra","value":{{value}}},{"op":"add","path":"/extra{{string.Concat(Enumerable.Repeat("/x", 200))}}","value":{{value}}}]""", JsonPatchType);
        await client.ExpectAsync(200, "GET", Maps + "/m");
    }

    [Test]
    public async Task YAML_that_stands_for_more_than_it_says_is_refused()
    {
        await using var server = await StartAsync();
        using var client = PlaneClient.For(server, "w");
        var bomb = new StringBuilder("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\na0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for (var i = 1; i < 12; i++) bomb.Append(System.Globalization.CultureInfo.InvariantCulture, $"a{i}: &a{i} [{string.Join(',', Enumerable.Repeat($"*a{i - 1}", 9))}]\n");

        Assert.That((await client.ExpectAsync(400, "POST", Maps, bomb.ToString(), "application/yaml")).Message, Does.Contain("too many values"));
        Assert.That((await client.ExpectAsync(400, "POST", Maps, new string('[', 500_000), "application/yaml")).Message, Does.Contain("nested too deeply"));
        await client.ExpectAsync(200, "GET", Maps);
    }

    [Test]
    public async Task A_name_that_ends_with_a_line_break_is_refused()
    {
        await using var server = await StartAsync();
        using var client = PlaneClient.For(server, "w");

        await client.ExpectAsync(422, "POST", Maps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m\n"}}""");
        await client.ExpectAsync(422, "POST", Maps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m","labels":{"a":"b\n"}}}""");
    }

    [TestCase(@"^[\w-.]+$", "a-b.c", true)]
    [TestCase(@"^[\w-~]+$", "{", false)]
    [TestCase(@"^[\s-z]+$", "A", false)]
    [TestCase(@"^[[:word:]-.]+$", "a-b", true)]
    public void A_hyphen_after_a_class_is_itself(string pattern, string text, bool matches) =>
        Assert.That(System.Text.RegularExpressions.Regex.IsMatch(text, GoPattern.ToDotNet(pattern)), Is.EqualTo(matches));

    private static Task<DevPlaneServer> StartAsync() => DevPlaneServer.StartAsync(new DevPlaneOptions { Tokens = [new PlaneToken { Token = "w" }] });
}
