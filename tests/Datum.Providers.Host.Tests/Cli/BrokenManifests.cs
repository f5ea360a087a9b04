using System.Text.Json.Nodes;

namespace Datum.Providers.Host.Tests.Cli;

/// <summary>A manifest that a server refuses.</summary>
internal sealed record BrokenManifest(string Name, string Yaml);

/// <summary>Good manifests, each spoiled in one way.</summary>
internal static class BrokenManifests
{
    private const string Workload = """
        {"apiVersion":"compute.datumapis.com/v1alpha","kind":"Workload","metadata":{"name":"a"},"spec":{
          "template":{"metadata":{"labels":{"a":"b"}},"spec":{
            "runtime":{"resources":{"instanceType":"datumcloud/d1-standard-2"},"sandbox":{"containers":[{"name":"a","image":"nginx","ports":[{"name":"http","port":80}],"env":[{"name":"A","value":"b"}]}]}},
            "networkInterfaces":[{"network":{"name":"default"},"networkPolicy":{"ingress":[{"ports":[{"port":80}],"from":[{"ipBlock":{"cidr":"0.0.0.0/0"}}]}]}}],
            "volumes":[{"name":"c","configMap":{"name":"c"}}]}},
          "placements":[{"name":"us","cityCodes":["DFW"],"scaleSettings":{"minReplicas":1}}]}}
        """;

    private const string Network = """{"apiVersion":"networking.datumapis.com/v1alpha","kind":"Network","metadata":{"name":"a"},"spec":{"ipam":{"mode":"Auto"}}}""";
    private const string Location = """{"apiVersion":"networking.datumapis.com/v1alpha","kind":"Location","metadata":{"name":"a"},"spec":{"locationClassName":"c","topology":{"topology.datum.net/city-code":"DFW"},"provider":{"gcp":{"projectId":"p","region":"r","zone":"z"}}}}""";
    private const string Claim = """{"apiVersion":"networking.datumapis.com/v1alpha","kind":"SubnetClaim","metadata":{"name":"a"},"spec":{"subnetClass":"private","networkContext":{"name":"n"},"location":{"name":"l","namespace":"default"},"ipFamily":"IPv4"}}""";
    private const string Config = """{"apiVersion":"providers.datumapis.com/v1alpha1","kind":"ProviderConfig","metadata":{"name":"a"},"spec":{"driver":"podman","credentials":{"source":"None"}}}""";
    private const string ConfigMap = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"b"}}""";

    // Base, path and what is put there: null removes.
    private static readonly (string Base, string Path, string? Value)[] s_edits =
    [
        (Workload, "spec", null), (Workload, "spec.template", null), (Workload, "spec.placements", null), (Workload, "spec.template.spec.runtime", null),
        (Workload, "spec.template.spec.runtime.resources", null), (Workload, "spec.template.spec.networkInterfaces", null), (Workload, "spec.placements.0.name", null),
        (Workload, "spec.placements.0.cityCodes", null), (Workload, "spec.placements.0.scaleSettings", null), (Workload, "spec.template.spec.runtime.sandbox.containers.0.image", null),
        (Workload, "spec.template.spec.runtime.sandbox.containers.0.name", null), (Workload, "spec.template.spec.runtime.sandbox.containers", null),
        (Workload, "spec.templte", "{}"), (Workload, "spec.template.spec.runtime.sandbox.containers.0.imgae", "\"a\""), (Workload, "metadata.labelz", "{}"), (Workload, "extra", "1"),
        (Workload, "spec.template.spec.runtime.sandbox.containers.0.ports.0.port", "\"eighty\""), (Workload, "spec.template.spec.runtime.sandbox.containers.0.ports.0.port", "80.5"),
        (Workload, "spec.placements", "{}"), (Workload, "spec.placements.0.cityCodes", "\"DFW\""), (Workload, "spec.placements.0.cityCodes", "[1]"),
        (Workload, "spec.placements.0.scaleSettings.minReplicas", "\"one\""), (Workload, "spec.placements.0.scaleSettings.minReplicas", "1.5"), (Workload, "spec.placements.0.scaleSettings.minReplicas", "99999999999"),
        (Workload, "spec.template.spec.runtime.sandbox.containers.0.env", "{}"), (Workload, "spec.template.spec.runtime.sandbox.containers.0.image", "1"),
        (Workload, "spec.template.spec.volumes", "\"none\""), (Workload, "metadata.name", "\"Not_A_Name\""), (Workload, "metadata.name", "\"\""), (Workload, "metadata.name", null),
        (Workload, "metadata.labels", """{"a b":"c"}"""), (Workload, "metadata.labels", """{"a":"b c"}"""), (Workload, "metadata.labels", """{"a":1}"""), (Workload, "metadata.annotations", """{"_":"x"}"""),
        (Workload, "metadata.finalizers", """["bad one"]"""), (Workload, "metadata.ownerReferences", """[{"apiVersion":"v1","kind":"ConfigMap","name":"a"}]"""), (Workload, "metadata", "[]"),
        (Workload, "kind", "\"Workloads\""), (Workload, "apiVersion", "\"compute.datumapis.com/v9\""), (Workload, "apiVersion", null), (Workload, "kind", null), (Workload, "metadata.namespace", "\"UPPER\""),
        (Network, "spec.ipam", null), (Network, "spec.ipam.mode", null), (Network, "spec.ipam.mode", "\"auto\""), (Network, "spec.mtu", "1299"), (Network, "spec.mtu", "8857"), (Network, "spec.mtu", "\"1400\""),
        (Network, "spec.ipFamilies", "[\"IPv5\"]"), (Network, "spec.ipFamilies", "\"IPv4\""), (Network, "spec.ipam.ipv4Range", "10"), (Network, "spec.ipam.unknown", "true"),
        (Location, "spec.locationClassName", null), (Location, "spec.topology", "[]"), (Location, "spec.provider", "\"gcp\""), (Location, "spec.provider", "[]"), (Location, "spec.providers", "{}"),
        (Claim, "spec.ipFamily", "\"IPX\""), (Claim, "spec.networkContext", "{}"), (Claim, "spec.location.namespace", null), (Claim, "spec.prefixLength", "\"24\""), (Claim, "spec.subnetClass", null),
        (Config, "spec.driver", "\"\""), (Config, "spec.driver", null), (Config, "spec.credentials.source", "\"Vault\""), (Config, "spec.credentials.source", "\"Secret\""), (Config, "spec.limits", """{"concurrency":0}"""), (Config, "spec.limits", """{"timeouts":{"Instance":"soon"}}"""),
        (Config, "spec.management", """{"pollInterval":"10"}"""), (Config, "spec.collector", """{"budget":-1}"""), (Config, "spec.instanceTypes", """{"a":{"memoryMiB":0}}"""), (Config, "spec.instanceTypes", """{"a":{"cpu":"two"}}"""),
        (ConfigMap, "data", "[]"), (ConfigMap, "data", """{"a b":"c"}"""), (ConfigMap, "data", """{"a":1}"""), (ConfigMap, "binaryData", """{"a":"%%%"}"""), (ConfigMap, "daat", "{}"),
    ];

    public static IReadOnlyList<BrokenManifest> All() => [.. s_edits.Select((e, i) => new BrokenManifest($"{i:00}-{e.Path.Replace('.', '-')}-{(e.Value is null ? "gone" : "spoiled")}", Spoil(e.Base, e.Path, e.Value)))];

    private static string Spoil(string manifest, string path, string? value)
    {
        var root = JsonNode.Parse(manifest)!;
        var parts = path.Split('.');
        var at = root;
        foreach (var part in parts[..^1])
            at = at is JsonArray items ? items[int.Parse(part, null)]! : at[part] ?? (at[part] = new JsonObject());
        if (value is null)
            ((JsonObject)at).Remove(parts[^1]);
        else
            at[parts[^1]] = JsonNode.Parse(value);
        return root.ToJsonString();
    }
}
