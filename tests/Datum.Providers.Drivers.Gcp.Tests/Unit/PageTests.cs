using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Datum.Providers.Clouds.Gcp;
using Datum.Providers.Conformance;
using Datum.Providers.Drivers.Gcp.Tests.Conformance;
using Datum.Providers.Testing;
using YamlDotNet.RepresentationModel;

namespace Datum.Providers.Drivers.Gcp.Tests.Unit;

/// <summary>The operator's page says what is: its role, its examples, the tests that it names.</summary>
public sealed partial class PageTests
{
    private static readonly string Text = File.ReadAllText(Path.Combine(SharedFolder.RepositoryRoot, "docs", "providers", "gcp.md"));

    [Test]
    public async Task The_role_of_this_page_is_what_a_whole_life_uses()
    {
        using var bench = new Bench(new GcpKnobs { DefaultDuration = TimeSpan.FromSeconds(8) });
        await Life.LiveAsync(bench);
        var role = ((YamlSequenceNode)Documents().Single(d => Holds(d, "includedPermissions"))["includedPermissions"]).Select(n => n.ToString()).ToList();
        // Needed for images of one's own; the double's are everybody's. And for images that are named outright, not by family.
        string[] unseen = ["compute.images.get", "compute.images.useReadOnly"];
        Assert.Multiple(() =>
        {
            Assert.That(bench.Cloud.Permissions.Where(p => !role.Contains(p)), Is.Empty, "The role lacks what is used.");
            Assert.That(role.Where(p => !bench.Cloud.Permissions.Contains(p)), Is.EqualTo(unseen), "The role has what isn't used.");
        });
    }

    [Test]
    public async Task The_ProviderConfig_of_this_page_connects()
    {
        using var bench = new Bench();
        var secret = Documents().Single(d => Holds(d, "stringData"));
        var config = Documents().Single(d => IsKind(d, "ProviderConfig"));
        var descriptor = new GcpDriverFactory().Describe();
        Assert.That(((YamlMappingNode)secret["stringData"]).Children.Keys.Select(k => k.ToString()), Is.SubsetOf(descriptor.CredentialKeys.Select(k => k.Key)));
        bench.Credentials["serviceAccountKey"] = Keys.File(1);
        Keys.Admit(bench.Cloud, 1);
        var spec = (YamlMappingNode)config["spec"];
        using var schema = JsonDocument.Parse(descriptor.SettingsSchema);
        var settings = Json(spec["settings"]);
        Check(settings, schema.RootElement, "settings");
        var driver = await bench.ConnectAsync(change: c => c with { Settings = settings });
        Assert.That((await driver.ProbeAsync(bench.Call())).Error?.Message, Is.Null);
        Assert.That(spec["driver"].ToString(), Is.EqualTo(descriptor.Id));
    }

    [Test]
    public void The_Location_of_this_page_fits_the_schema()
    {
        var location = Documents().Single(d => IsKind(d, "Location"));
        var descriptor = new GcpDriverFactory().Describe();
        using var schema = JsonDocument.Parse(descriptor.LocationSchema);
        Check(Json(location["spec"]["provider"][descriptor.LocationKey]), schema.RootElement, "gcp");
    }

    [Test]
    public void Every_setting_has_a_row()
    {
        using var schema = JsonDocument.Parse(new GcpDriverFactory().Describe().SettingsSchema);
        var missing = schema.RootElement.GetProperty("properties").EnumerateObject().Select(p => p.Name).Where(n => !Text.Contains("`" + n, StringComparison.Ordinal));
        Assert.That(missing, Is.Empty);
    }

    [Test]
    public void Every_gap_has_a_row_and_each_row_names_tests_that_exist()
    {
        var rows = Text.Split('\n').Where(l => GapRow().IsMatch(l)).ToList();
        Assert.That(rows.Select(r => r.Split('|')[1].Trim()), Is.EqualTo(Enumerable.Range(1, 18).Select(n => $"G{n}")));
        var tests = Assembly.GetExecutingAssembly().GetTypes().SelectMany(t => t.GetMethods()).Select(m => m.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var row in rows)
        {
            var shown = row.Split('|')[^2];
            var named = Quoted().Matches(shown).Select(m => m.Groups[1].Value).ToList();
            var cases = Case().Matches(shown).Select(m => m.Value).ToList();
            Assert.That(named.Count + cases.Count, Is.Positive, row);
            Assert.That(named.Where(n => !tests.Contains(n)), Is.Empty, row);
            Assert.That(cases.Where(c => CaseCatalog.All.All(k => k.Id != c)), Is.Empty, row);
        }
    }

    [Test]
    public async Task Each_project_has_a_session_of_its_own()
    {
        Assert.That(new GcpDriverFactory().Describe().SessionScope, Is.EqualTo(new[] { "projectId" }), "The host opens a session for each.");
        using var bench = new Bench();
        var ours = await bench.ConnectAsync();
        var others = await bench.ConnectAsync(change: c => c with { Location = JsonSerializer.SerializeToElement(new { projectId = "other-project" }) });
        Assert.That((await ours.ProbeAsync(bench.Call())).Error, Is.Null);
        Assert.That((await others.ProbeAsync(bench.Call())).Error?.Code, Is.EqualTo(ErrorCode.Forbidden));
        var id = Bench.Id(ResourceKind.Network);
        var step = new Step { Part = "net", Verb = StepVerb.Create, Class = CreateClass.Named };
        Assert.That((await others.Networks!.CreateAsync(bench.Operation(id, step), id, new NetworkSpec()) as Failed<NetworkFacts>)?.Error.Code, Is.EqualTo(ErrorCode.Forbidden));
        Assert.That(bench.Cloud.Calls[^1].Path, Is.EqualTo("/compute/v1/projects/other-project/global/networks"));
        Assert.That(bench.Cloud.Objects, Is.Empty);
    }

    private static IEnumerable<YamlMappingNode> Documents() => Fence().Matches(Text).SelectMany(m =>
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(m.Groups[1].Value));
        return stream.Documents.Select(d => (YamlMappingNode)d.RootNode);
    });

    private static bool Holds(YamlMappingNode node, string key) => node.Children.ContainsKey(new YamlScalarNode(key));

    private static bool IsKind(YamlMappingNode node, string kind) => Holds(node, "kind") && node["kind"].ToString() == kind;

    private static JsonElement Json(YamlNode node) => JsonSerializer.SerializeToElement(Value(node));

    private static object Value(YamlNode node) => node switch
    {
        YamlMappingNode map => map.Children.ToDictionary(p => p.Key.ToString(), p => Value(p.Value)),
        YamlSequenceNode list => list.Select(Value).ToList(),
        _ => node.ToString(),
    };

    // Members that the schema has, all that it requires, and the shape of each text.
    private static void Check(JsonElement value, JsonElement schema, string path)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            if (schema.TryGetProperty("pattern", out var pattern))
                Assert.That(value.GetString(), Does.Match(pattern.GetString()!), path);
            if (schema.TryGetProperty("enum", out var allowed))
                Assert.That(allowed.EnumerateArray().Select(e => e.GetString()), Has.Member(value.GetString()), path);
            return;
        }

        var known = schema.GetProperty("properties");
        if (schema.TryGetProperty("required", out var required))
            Assert.That(value.EnumerateObject().Select(p => p.Name), Is.SupersetOf(required.EnumerateArray().Select(r => r.GetString()!)), path);
        foreach (var member in value.EnumerateObject())
        {
            Assert.That(known.TryGetProperty(member.Name, out var inner), Is.True, $"{path}.{member.Name} isn't in the schema.");
            Check(member.Value, inner, $"{path}.{member.Name}");
        }
    }

    [GeneratedRegex(@"^```yaml\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"^\| G\d+ \|")]
    private static partial Regex GapRow();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"CK-\d{3}")]
    private static partial Regex Case();
}
