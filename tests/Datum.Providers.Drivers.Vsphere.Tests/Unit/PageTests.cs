using System.Text.Json;
using System.Text.RegularExpressions;
using Datum.Providers.Clouds.Vsphere;
using Datum.Providers.Testing;
using YamlDotNet.RepresentationModel;

namespace Datum.Providers.Drivers.Vsphere.Tests.Unit;

/// <summary>The operator's page says what is: its role, its examples, the tests that it names.</summary>
public sealed partial class PageTests
{
    private static readonly string Text = File.ReadAllText(Path.Combine(SharedFolder.RepositoryRoot, "docs", "providers", "vsphere.md"));

    [Test]
    public async Task The_role_of_this_page_has_every_privilege_that_a_whole_life_needs()
    {
        using var bench = new Bench();
        await Life.LiveAsync(bench);
        var role = Shell().Match(Text).Groups[1].Value.Split([' ', '\\', '\n'], StringSplitOptions.RemoveEmptyEntries).Where(w => w.Contains('.', StringComparison.Ordinal) && char.IsUpper(w[0])).ToList();
        Assert.That(bench.Cloud.Privileges.Where(p => !role.Contains(p)), Is.Empty, "The role lacks what is used.");
        Assert.That(role, Is.Unique);
        Assert.That(role.Where(r => r.StartsWith("Global.", StringComparison.Ordinal) || r.StartsWith("Host.", StringComparison.Ordinal) || r.StartsWith("Authorization.", StringComparison.Ordinal) || r.Contains("GuestOperations", StringComparison.Ordinal)), Is.Empty, "Nothing of it reaches beyond machines, disks and portgroups.");
    }

    [TestCase("VirtualMachine.Provisioning.DeployTemplate", "CloneVM_Task")]
    [TestCase("DVPortgroup.Create", "CreateDVPortgroup_Task")]
    public async Task A_right_that_is_missing_is_Forbidden_and_named(string privilege, string method)
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var network = Bench.Id(ResourceKind.Network);
        if (method == "CloneVM_Task")
            (network, _, _) = await bench.Build(driver.Networks!, network, Bench.Network());
        bench.Cloud.Knobs = new VsphereKnobs { Denied = [privilege] };
        var instance = Bench.Id(ResourceKind.Instance);
        var error = method == "CloneVM_Task"
            ? (await driver.Instances!.CreateAsync(bench.Operation(instance, Create("server")), instance, Bench.Machine(network)) as Failed<InstanceFacts>)?.Error
            : (await driver.Networks!.CreateAsync(bench.Operation(network, Create("net")), network, Bench.Network()) as Failed<NetworkFacts>)?.Error;
        Assert.That(error is { Code: ErrorCode.Forbidden, Effect: Effect.NotApplied } && error.Message.Contains(privilege, StringComparison.Ordinal), Is.True);
    }

    private static Step Create(string part) => new() { Part = part, Verb = StepVerb.Create, Class = CreateClass.Named };

    [Test]
    public async Task The_ProviderConfig_of_this_page_connects()
    {
        using var bench = new Bench();
        var secret = Documents().Single(d => Holds(d, "stringData"));
        var config = Documents().Single(d => IsKind(d, "ProviderConfig"));
        var descriptor = new VsphereDriverFactory().Describe();
        Assert.That(((YamlMappingNode)secret["stringData"]).Children.Keys.Select(k => k.ToString()), Is.SubsetOf(descriptor.CredentialKeys.Select(k => k.Key)));
        var spec = (YamlMappingNode)config["spec"];
        using var schema = JsonDocument.Parse(descriptor.SettingsSchema);
        var settings = Json(spec["settings"]);
        Check(settings, schema.RootElement, "settings");
        Assert.That(new Uri(spec["endpoint"].ToString()).Scheme, Is.EqualTo("https"));
        var driver = await bench.ConnectAsync(change: c => c with { Settings = settings });
        Assert.That((await driver.ProbeAsync(bench.Call())).Error?.Message, Is.Null);
        Assert.That(spec["driver"].ToString(), Is.EqualTo(descriptor.Id));
    }

    [Test]
    public void The_Location_of_this_page_fits_the_schema()
    {
        var location = Documents().Single(d => IsKind(d, "Location"));
        var descriptor = new VsphereDriverFactory().Describe();
        using var schema = JsonDocument.Parse(descriptor.LocationSchema);
        Check(Json(location["spec"]["provider"][descriptor.LocationKey]), schema.RootElement, "vsphere");
    }

    [Test]
    public void Every_setting_has_a_row()
    {
        using var schema = JsonDocument.Parse(new VsphereDriverFactory().Describe().SettingsSchema);
        var missing = schema.RootElement.GetProperty("properties").EnumerateObject().Select(p => p.Name).Where(n => !Text.Contains("`" + n, StringComparison.Ordinal));
        Assert.That(missing, Is.Empty);
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
        _ => int.TryParse(node.ToString(), System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : node.ToString(),
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

    [GeneratedRegex(@"^```sh\n(govc role\.create.*?)^govc permissions", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Shell();
}
