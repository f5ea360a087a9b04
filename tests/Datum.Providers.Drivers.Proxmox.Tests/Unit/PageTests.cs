using System.Text.Json;
using System.Text.RegularExpressions;
using Datum.Providers.Testing;
using YamlDotNet.RepresentationModel;

namespace Datum.Providers.Drivers.Proxmox.Tests.Unit;

/// <summary>The operator's page says what is: its roles, its examples, its settings.</summary>
public sealed partial class PageTests
{
    private static readonly string Text = File.ReadAllText(Path.Combine(SharedFolder.RepositoryRoot, "docs", "providers", "proxmox.md"));

    [Test]
    public async Task The_roles_of_this_page_suffice_for_a_whole_life()
    {
        using var bench = With(Grants());
        await Life.LiveAsync(bench);
    }

    /// <summary>Each privilege, taken away from the role: something of a life then fails.</summary>
    [Test]
    public async Task No_privilege_of_this_page_is_too_much()
    {
        var needless = new List<string>();
        foreach (var (path, privileges) in Grants())
            foreach (var privilege in privileges)
            {
                // What fails in there is what is looked for.
                using var apart = new NUnit.Framework.Internal.TestExecutionContext.IsolatedContext();
                var bench = With([.. Grants().Select(g => g.Path == path ? (path, g.Privileges.Remove(privilege)) : g)]);
                try
                {
                    await Life.LiveAsync(bench);
                    needless.Add($"{path} {privilege}");
                }
                catch (Exception e) when (e is AssertionException or InvalidOperationException or NullReferenceException)
                {
                    // It is needed.
                }
            }

        // Reads that one of the others allows too at the double; the platform wants them apart.
        Assert.That(needless.Except(["/sdn SDN.Audit", "/storage Datastore.Audit"]), Is.Empty);
    }

    [Test]
    public async Task The_ProviderConfig_of_this_page_connects()
    {
        using var bench = new Bench();
        var secret = Documents().Single(d => Holds(d, "stringData"));
        var config = Documents().Single(d => IsKind(d, "ProviderConfig"));
        var descriptor = new ProxmoxDriverFactory().Describe();
        Assert.That(((YamlMappingNode)secret["stringData"]).Children.Keys.Select(k => k.ToString()), Is.SubsetOf(descriptor.CredentialKeys.Select(k => k.Key)));
        var spec = (YamlMappingNode)config["spec"];
        using var schema = JsonDocument.Parse(descriptor.SettingsSchema);
        Check(Json(spec["settings"]), schema.RootElement, "settings");
        Assert.That(spec["driver"].ToString(), Is.EqualTo(descriptor.Id));
        await bench.ConnectAsync(change: c => c with { Settings = Json(spec["settings"]) });
    }

    [Test]
    public void The_Location_of_this_page_fits_the_schema()
    {
        var location = Documents().Single(d => IsKind(d, "Location"));
        var descriptor = new ProxmoxDriverFactory().Describe();
        using var schema = JsonDocument.Parse(descriptor.LocationSchema);
        Check(Json(location["spec"]["provider"][descriptor.LocationKey]), schema.RootElement, "proxmox");
    }

    [Test]
    public void Every_setting_and_every_field_of_a_Location_has_a_row()
    {
        var descriptor = new ProxmoxDriverFactory().Describe();
        foreach (var text in (string[])[descriptor.SettingsSchema, descriptor.LocationSchema])
        {
            using var schema = JsonDocument.Parse(text);
            Assert.That(schema.RootElement.GetProperty("properties").EnumerateObject().Select(p => p.Name).Where(n => !Text.Contains("`" + n, StringComparison.Ordinal)), Is.Empty);
        }
    }

    private static Bench With(IEnumerable<(string Path, ImmutableHashSet<string> Privileges)> grants)
    {
        var bench = new Bench();
        bench.Cloud.AddToken("datum@pve!least", "5ec4e7-least", administrator: false);
        foreach (var (path, privileges) in grants)
            bench.Cloud.Grant("datum@pve!least", path, [.. privileges, "Realm.Allocate"]);
        bench.Credentials["apiToken"] = System.Text.Encoding.UTF8.GetBytes("datum@pve!least=5ec4e7-least");
        return bench;
    }

    private static List<(string Path, ImmutableHashSet<string> Privileges)> Grants()
    {
        var roles = Role().Matches(Text).ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToImmutableHashSet(), StringComparer.Ordinal);
        var grants = Acl().Matches(Text).Select(m => (m.Groups[1].Value, roles[m.Groups[2].Value])).ToList();
        Assert.That(grants, Has.Count.GreaterThanOrEqualTo(3));
        return grants;
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
        YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain, Value: "true" or "false" } flag => flag.Value == "true",
        YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain } number when long.TryParse(number.Value, out var n) => n,
        _ => node.ToString(),
    };

    // Members that the schema has, and the shape of each text.
    private static void Check(JsonElement value, JsonElement schema, string path)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            if (value.ValueKind == JsonValueKind.String && schema.TryGetProperty("pattern", out var pattern))
                Assert.That(value.GetString(), Does.Match(pattern.GetString()!), path);
            return;
        }

        var known = schema.GetProperty("properties");
        foreach (var member in value.EnumerateObject())
        {
            Assert.That(known.TryGetProperty(member.Name, out var inner), Is.True, $"{path}.{member.Name} isn't in the schema.");
            Check(member.Value, inner, $"{path}.{member.Name}");
        }
    }

    [GeneratedRegex(@"^```yaml\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Fence();

    [GeneratedRegex("""^pveum role add (\w+) --privs "([^"]+)""", RegexOptions.Multiline)]
    private static partial Regex Role();

    [GeneratedRegex(@"^pveum acl modify (\S+) .*--roles (\w+)", RegexOptions.Multiline)]
    private static partial Regex Acl();
}
