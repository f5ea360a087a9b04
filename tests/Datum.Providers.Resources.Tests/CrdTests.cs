using System.Collections;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Datum.Providers.Resources.Tests;

public sealed class CrdTests
{
    private const string Networking = "network-services-operator/v0.21.9/crd";

    internal static readonly string[] UpstreamCrds =
    [
        "compute/crd/compute.datumapis.com_workloads.yaml", "compute/crd/compute.datumapis.com_workloaddeployments.yaml",
        "compute/crd/compute.datumapis.com_instances.yaml",
        $"{Networking}/networking.datumapis.com_locations.yaml", $"{Networking}/networking.datumapis.com_networks.yaml",
        $"{Networking}/networking.datumapis.com_networkbindings.yaml", $"{Networking}/networking.datumapis.com_networkcontexts.yaml",
        $"{Networking}/networking.datumapis.com_networkpolicies.yaml", $"{Networking}/networking.datumapis.com_subnets.yaml",
        $"{Networking}/networking.datumapis.com_subnetclaims.yaml",
        "milo-os-milo/crd/resourcemanager.miloapis.com_projects.yaml",
        "telemetry-services-operator/crd/telemetry.miloapis.com_exportpolicies.yaml",
    ];

    /// <summary>Members that only one of schema and C# type has.</summary>
    private static readonly HashSet<string> OnlyOnOneSide =
    [
        "Workload.status.gateway", // nothing of ours reads it; it is kept as an unknown member
        "Workload.spec.template.spec.runtime.class", "WorkloadDeployment.spec.template.spec.runtime.class", "Instance.spec.runtime.class", // read from newer planes
    ];

    /// <summary>Ends of paths that a schema requires and that our types may leave out, and why.</summary>
    private static readonly Dictionary<string, string> MayBeAbsent = new()
    {
        ["location.namespace"] = "Absent where Locations are cluster-scoped.",
        ["instanceManagementPolicy"] = "The schema has a default.",
        ["conditions.[].lastTransitionTime"] = "Set by Conditions.Set.",
        ["spec.provider"] = "Dropped by planes that prune it.",
        ["spec.ownerRef"] = "The older group of Project has none.",
        ["prometheusRemoteWrite.batch"] = "The schema has a default.",
        ["prometheusRemoteWrite.retry"] = "The schema has a default.",
    };

    [Test]
    public void Every_kind_has_one_definition_that_agrees_with_its_resource_type()
    {
        var crds = Crds.All().Select(f => (f.Name, Crd: Yaml.Single(Encoding.UTF8.GetString(f.Yaml.Span)))).ToList();
        Assert.That(crds.Select(c => c.Name), Is.EquivalentTo(Kind.All.Select(k => $"{k.Group}_{k.Plural}.yaml")));
        Assert.Multiple(() =>
        {
            foreach (var (name, crd) in crds)
            {
                var kind = Kind.All.Single(k => name == $"{k.Group}_{k.Plural}.yaml");
                var version = crd["spec"]!["versions"]!.AsArray().Single()!;
                Assert.That(crd["metadata"]!["name"]!.GetValue<string>(), Is.EqualTo(kind.ToString()));
                Assert.That(crd["metadata"]!["labels"]![Labels.Installed]!.GetValue<string>(), Is.EqualTo("true"), name);
                Assert.That(crd["spec"]!["scope"]!.GetValue<string>(), Is.EqualTo(kind.Namespaced ? "Namespaced" : "Cluster"), name);
                Assert.That($"{crd["spec"]!["group"]}/{version["name"]}", Is.EqualTo(kind.ApiVersion), name);
                Assert.That(crd["spec"]!["names"]!["kind"]!.GetValue<string>(), Is.EqualTo(kind.Name));
                Assert.That(version["subresources"]!["status"], Is.Not.Null, name);
            }
        });
    }

    [Test]
    public void Short_names_are_unique()
    {
        var all = Crds.All().SelectMany(f => Yaml.Single(Encoding.UTF8.GetString(f.Yaml.Span))["spec"]!["names"]!["shortNames"] as JsonArray ?? []);
        Assert.That(all.Select(n => n!.GetValue<string>()), Is.Unique.And.SupersetOf((string[])["dmr", "dpc", "dpd"]));
    }

    /// <summary>What people write is checked in more detail: what controllers have stored must stay writable when a rule is added.</summary>
    [Test]
    public void The_three_copies_of_the_instance_spec_are_alike_but_for_the_rules_of_a_workload()
    {
        var instance = Schema("Instance")["properties"]!["spec"]!;
        JsonNode Template(string kind) => Schema(kind)["properties"]!["spec"]!["properties"]!["template"]!["properties"]!["spec"]!;
        Assert.That(JsonNode.DeepEquals(Template("WorkloadDeployment"), instance), Is.True);
        var workload = Template("Workload").DeepClone();
        RemoveRules(workload, instance);
        Assert.That(JsonNode.DeepEquals(workload, instance), Is.True);
    }

    private static void RemoveRules(JsonNode? from, JsonNode? other)
    {
        if (from is JsonArray list)
            for (var i = 0; i < list.Count; i++)
                RemoveRules(list[i], (other as JsonArray)?.ElementAtOrDefault(i));
        if (from is not JsonObject value)
            return;
        foreach (var rule in (string[])["x-kubernetes-validations", "pattern", "minLength", "maxLength"])
            if (other is JsonObject schema && schema[rule] is null)
                value.Remove(rule);
        foreach (var (name, member) in value)
            RemoveRules(member, (other as JsonObject)?[name]);
    }

    [Test]
    public void Schemas_and_types_have_the_same_members_and_required_ones_are_always_written()
    {
        var differences = new List<string>();
        foreach (var kind in Kind.All)
        {
            var schema = SchemaOf(Yaml.Single(Encoding.UTF8.GetString(Crds.All().Single(f => f.Name == $"{kind.Group}_{kind.Plural}.yaml").Yaml.Span)));
            Match(kind.Name, schema, kind.Json, kind.Json.Options, differences);
        }

        Assert.That(differences, Is.Empty);
    }

    private static JsonObject Schema(string kind)
    {
        var group = Kind.All.First(k => k.Name == kind);
        return SchemaOf(Yaml.Single(Encoding.UTF8.GetString(Crds.All().Single(f => f.Name == $"{group.Group}_{group.Plural}.yaml").Yaml.Span)));
    }

    private static JsonObject SchemaOf(JsonObject crd) => (JsonObject)crd["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!;

    private static void Match(string path, JsonObject schema, JsonTypeInfo type, System.Text.Json.JsonSerializerOptions options, List<string> differences)
    {
        if (schema["items"] is JsonObject items)
        {
            MatchElement($"{path}.[]", items, type, 0, options, differences);
            return;
        }

        if (schema["additionalProperties"] is JsonObject values)
        {
            MatchElement($"{path}.{{}}", values, type, 1, options, differences);
            return;
        }

        if (schema["properties"] is not JsonObject members)
        {
            return;
        }

        var properties = type.Properties.Where(p => !p.IsExtensionData && p.Get is not null).ToDictionary(p => p.Name);
        differences.AddRange(members.Select(m => m.Key).Except(properties.Keys).Where(n => !OnlyOnOneSide.Contains($"{path}.{n}")).Select(n => $"{path}.{n}: only in the schema"));
        differences.AddRange(properties.Keys.Except(members.Select(m => m.Key)).Where(n => !OnlyOnOneSide.Contains($"{path}.{n}")).Select(n => $"{path}.{n}: only in the type"));
        var required = Words(schema["required"]);
        foreach (var (name, property) in properties)
        {
            if (members[name] is not JsonObject member || (name == "metadata" && !path.Contains('.', StringComparison.Ordinal)))
            {
                continue;
            }

            var memberPath = $"{path}.{name}";
            var nullable = Nullable.GetUnderlyingType(property.PropertyType) is not null || (!property.PropertyType.IsValueType && property.IsGetNullable);
            if (required.Contains(name) && nullable && !MayBeAbsent.Keys.Any(end => memberPath.EndsWith(end, StringComparison.OrdinalIgnoreCase)))
            {
                differences.Add($"{memberPath}: required by the schema, but left out when null");
            }

            var plain = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            Match(memberPath, member, options.GetTypeInfo(plain), options, differences);
        }
    }

    private static void MatchElement(
        string path, JsonObject schema, JsonTypeInfo collection, int argument, System.Text.Json.JsonSerializerOptions options, List<string> differences)
    {
        if (!typeof(IEnumerable).IsAssignableFrom(collection.Type) || !collection.Type.IsGenericType)
        {
            differences.Add($"{path}: a collection in the schema, {collection.Type.Name} in C#");
            return;
        }

        Match(path, schema, options.GetTypeInfo(collection.Type.GetGenericArguments()[argument]), options, differences);
    }

    private static HashSet<string> Words(JsonNode? array) => [.. (array as JsonArray ?? []).Select(w => w!.GetValue<string>())];
}
