using System.Text.Json.Nodes;

namespace Datum.Providers.Host.Tests.Admission;

/// <summary>A manifest that breaks one rule at one field.</summary>
internal sealed record BadManifest(string Rule, string Field, string Json)
{
    public override string ToString() => $"{Rule} at {Field}";
}

/// <summary>Good manifests, and each spoiled for one rule.</summary>
internal static class BadManifests
{
    private const string Key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAqyjfr0gTk1lxqA/eEac0djYWuw+ZLFphPHmfWwxbO5";

    private const string Sandbox = """
        {"apiVersion":"compute.datumapis.com/v1alpha","kind":"Workload","metadata":{"name":"sandbox","namespace":"default"},"spec":{
          "template":{"metadata":{"annotations":{"note":"x"}},"spec":{
            "runtime":{"resources":{"instanceType":"datumcloud/d1-standard-2"},"sandbox":{"containers":[{"name":"web","image":"web:1",
              "env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}],"envFrom":[{"prefix":"P_","configMapRef":{"name":"c"}}],
              "resources":{"limits":{"cpu":"500m","memory":"64Mi"}},"ports":[{"name":"http","port":8080}],
              "volumeAttachments":[{"name":"data","mountPath":"/data"},{"name":"files","mountPath":"/etc/web"},{"name":"keys","mountPath":"/keys"}]}],"imagePullSecrets":[{"name":"registry"}]}},
            "networkInterfaces":[{"network":{"name":"default"},"networkPolicy":{"ingress":[{"ports":[{"port":"http"}],"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.1.0.0/16"]}}]}]}}],
            "volumes":[{"name":"data","disk":{"template":{"spec":{"resources":{"requests":{"storage":"10Gi"}},"populator":{"filesystem":{"type":"ext4"}}}}}},
              {"name":"files","configMap":{"name":"files","defaultMode":420,"items":[{"key":"a","path":"conf/a","mode":256}]}},{"name":"keys","secret":{"secretName":"keys"}}]}},
          "placements":[{"name":"us","cityCodes":["DFW"],"scaleSettings":{"minReplicas":1,"maxReplicas":3,"metrics":[{"resource":{"name":"cpu","target":{"averageUtilization":60}}}]}}]}}
        """;

    private static readonly string Machine = """
        {"apiVersion":"compute.datumapis.com/v1alpha","kind":"Workload","metadata":{"name":"machine","namespace":"default"},"spec":{
          "template":{"metadata":{"annotations":{"compute.datumapis.com/ssh-keys":"ana:KEY ana@example.org\nbo_b:KEY\n"}},"spec":{
            "runtime":{"resources":{"instanceType":"datumcloud/d1-standard-2"},"virtualMachine":{"volumeAttachments":[{"name":"boot"},{"name":"data","mountPath":"/data"}],"ports":[{"name":"ssh","port":22}]}},
            "networkInterfaces":[{"network":{"name":"default"}}],
            "volumes":[{"name":"boot","disk":{"template":{"spec":{"populator":{"image":{"name":"datumcloud/ubuntu-2204-lts"}}}}}},
              {"name":"data","disk":{"deviceName":"data","template":{"spec":{"resources":{"requests":{"storage":"10Gi"}},"populator":{"filesystem":{"type":"ext4"}}}}}}]}},
          "placements":[{"name":"us","cityCodes":["DFW"],"scaleSettings":{"minReplicas":1}}]}}
        """.Replace("KEY", Key, StringComparison.Ordinal);

    private const string Network = """{"apiVersion":"networking.datumapis.com/v1alpha","kind":"Network","metadata":{"name":"good","namespace":"default"},"spec":{"ipam":{"mode":"Auto","ipv4Ranges":["172.17.0.0/16"],"ipv6Range":"fd20:1234:5678::/48"}}}""";
    private const string Claim = """{"apiVersion":"networking.datumapis.com/v1alpha","kind":"SubnetClaim","metadata":{"name":"good","namespace":"default"},"spec":{"subnetClass":"private","networkContext":{"name":"n"},"location":{"name":"l","namespace":"default"},"ipFamily":"IPv4","startAddress":"10.0.16.0","prefixLength":20}}""";
    private const string Subnet = """{"apiVersion":"networking.datumapis.com/v1alpha","kind":"Subnet","metadata":{"name":"good","namespace":"default"},"spec":{"subnetClass":"private","networkContext":{"name":"n"},"location":{"name":"l","namespace":"default"},"ipFamily":"IPv6","startAddress":"","prefixLength":0}}""";
    private const string Location = """{"apiVersion":"networking.datumapis.com/v1alpha","kind":"Location","metadata":{"name":"good","namespace":"default","annotations":{"note":"x"}},"spec":{"locationClassName":"c","topology":{"topology.datum.net/city-code":"DFW"},"provider":{"gcp":{"projectId":"p","region":"r","zone":"z"}}}}""";
    private const string Policy = """{"apiVersion":"telemetry.miloapis.com/v1alpha1","kind":"ExportPolicy","metadata":{"name":"good","namespace":"default"},"spec":{"sources":[{"name":"a","metrics":{"metricsql":"{a=\"b\"}"}}],"sinks":[{"name":"s","sources":["a"],"target":{"prometheusRemoteWrite":{"endpoint":"https://metrics.example.com/push"}}}]}}""";

    private const string T = "spec.template.spec.";
    private const string Web = T + "runtime.sandbox.containers.0.";
    private const string Vm = T + "runtime.virtualMachine.";
    private const string Scale = "spec.placements.0.scaleSettings.";
    private const string Keys = "spec.template.metadata.annotations[compute.datumapis.com/ssh-keys]";

    // Rule, base, path and what is put there (null removes), and the field where that isn't the path.
    private static readonly (string Rule, string Base, string Path, string? Value, string? Field)[] s_edits =
    [
        ("runtime.one", Sandbox, T + "runtime.sandbox", null, T + "runtime"),
        ("runtime.one", Sandbox, T + "runtime.virtualMachine", """{"volumeAttachments":[{"name":"data"}]}""", T + "runtime"),
        ("runtime.requests", Sandbox, T + "runtime.resources.requests", """{"cpu":"1"}""", T + "runtime.resources"),
        ("container.name", Sandbox, Web + "name", "\"Web_1\"", null),
        ("container.name", Sandbox, Web + "name", $"\"{new string('a', 64)}\"", null),
        ("container.image", Sandbox, Web + "image", "\"\"", null),
        ("container.requests", Sandbox, Web + "resources.requests", """{"cpu":"1"}""", Web + "resources"),
        ("container.limits", Sandbox, Web + "resources.limits", """{"gpu":1}""", Web + "resources.limits[gpu]"),
        ("container.limits", Sandbox, Web + "resources.limits", """{"cpu":0}""", Web + "resources.limits[cpu]"),
        ("env.value-from", Sandbox, Web + "env.0.valueFrom", """{"fieldRef":{"fieldPath":"metadata.name"}}""", null),
        ("env.value-from", Sandbox, Web + "env.0.valueFrom.configMapKeyRef", """{"name":"a","key":"b"}""", Web + "env.0.valueFrom"),
        ("env.value-from", Sandbox, Web + "env.0.valueFrom.secretKeyRef.name", null, Web + "env.0.valueFrom"),
        ("env.from", Sandbox, Web + "envFrom.0.secretRef", """{"name":"a"}""", Web + "envFrom.0"),
        ("env.from-name", Sandbox, Web + "envFrom.0.configMapRef", "{}", Web + "envFrom.0.configMapRef.name"),
        ("env.from-name", Sandbox, Web + "envFrom.0.prefix", "\"1-\"", null),
        ("pull-secret.name", Sandbox, T + "runtime.sandbox.imagePullSecrets.0.name", "\"\"", null),
        ("port.name", Sandbox, Web + "ports.0.name", "\"http--alt\"", null),
        ("port.name", Machine, Vm + "ports.0.name", "\"22\"", null),
        ("port.number", Sandbox, Web + "ports.0.port", "70000", null),
        ("port.protocol", Sandbox, Web + "ports.0.protocol", "\"ICMP\"", null),
        ("attachment.volume", Sandbox, Web + "volumeAttachments.0.name", "\"nowhere\"", null),
        ("attachment.volume", Machine, Vm + "volumeAttachments.0.name", "\"nowhere\"", null),
        ("attachment.path", Sandbox, Web + "volumeAttachments.1.mountPath", "\"/data/\"", null),
        ("attachment.path", Sandbox, Web + "volumeAttachments.1.mountPath", "\"etc\"", null),
        ("attachment.filesystem", Sandbox, T + "volumes.0.disk.template.spec.populator", null, Web + "volumeAttachments.0.mountPath"),
        ("machine.boot", Machine, T + "volumes.0.disk.template.spec", """{"resources":{"requests":{"storage":"10Gi"}}}""", Vm + "volumeAttachments.0.name"),
        ("machine.ssh-keys", Machine, "spec.template.metadata.annotations", null, Keys),
        ("machine.ssh-keys", Machine, "spec.template.metadata.annotations", Annotation("ana " + Key), Keys + "[0]"),
        ("machine.ssh-keys", Machine, "spec.template.metadata.annotations", Annotation($"ana:{Key}\\nbob:ssh-ed25519 AAAA"), Keys + "[1]"),
        ("machine.ssh-keys", Machine, "spec.template.metadata.annotations", Annotation($":{Key}"), Keys + "[0]"),
        ("volume.name", Sandbox, T + "volumes.0.name", "\"Data\"", null),
        ("volume.one", Sandbox, T + "volumes.1.secret", """{"secretName":"s"}""", T + "volumes.1"),
        ("volume.attached", Sandbox, Web + "volumeAttachments.1", null, T + "volumes.1.name"),
        ("volume.device", Machine, T + "volumes.1.disk.deviceName", "\"persistent-disk-0\"", null),
        ("disk.size", Sandbox, T + "volumes.0.disk.template.spec.resources", null, T + "volumes.0.disk.template.spec.resources.requests[storage]"),
        ("disk.size", Sandbox, T + "volumes.0.disk.template.spec.resources.requests", """{"storage":"512Mi"}""", T + "volumes.0.disk.template.spec.resources.requests[storage]"),
        ("disk.size", Sandbox, T + "volumes.0.disk.template.spec.resources.requests", """{"storage":"-1Gi"}""", T + "volumes.0.disk.template.spec.resources.requests[storage]"),
        ("disk.requests", Sandbox, T + "volumes.0.disk.template.spec.resources.requests", """{"storage":"1Gi","iops":100}""", T + "volumes.0.disk.template.spec.resources.requests[iops]"),
        ("disk.populator", Sandbox, T + "volumes.0.disk.template.spec.populator.image", """{"name":"i"}""", T + "volumes.0.disk.template.spec.populator"),
        ("files.name", Sandbox, T + "volumes.1.configMap.name", null, null),
        ("files.name", Sandbox, T + "volumes.2.secret", "{}", T + "volumes.2.secret.secretName"),
        ("files.mode", Sandbox, T + "volumes.1.configMap.defaultMode", "512", null),
        ("files.mode", Sandbox, T + "volumes.1.configMap.items.0.mode", "-1", null),
        ("files.item", Sandbox, T + "volumes.1.configMap.items.0.path", "\"../a\"", null),
        ("files.item", Sandbox, T + "volumes.1.configMap.items.0.key", "\"\"", null),
        ("interface.count", Sandbox, T + "networkInterfaces", "[]", null),
        ("interface.network", Sandbox, T + "networkInterfaces.0.network.name", "\"a.b\"", null),
        ("interface.namespace", Sandbox, T + "networkInterfaces.0.network.namespace", "\"other\"", null),
        ("interface.ingress", Sandbox, T + "networkInterfaces.0.networkPolicy.ingress.0.ports.0.port", "\"metrics\"", null),
        ("interface.ingress", Sandbox, T + "networkInterfaces.0.networkPolicy.ingress.0.ports.0", """{"port":90,"endPort":80}""", T + "networkInterfaces.0.networkPolicy.ingress.0.ports.0.endPort"),
        ("interface.ingress", Sandbox, T + "networkInterfaces.0.networkPolicy.ingress.0.from.0.ipBlock.cidr", "\"10.0.0.0\"", null),
        ("interface.ingress", Sandbox, T + "networkInterfaces.0.networkPolicy.ingress.0.from.0.ipBlock.except.0", "\"192.168.0.0/16\"", T + "networkInterfaces.0.networkPolicy.ingress.0.from.0.ipBlock.except"),
        ("annotation.suspended", Sandbox, "spec.template.metadata.annotations", """{"compute.datumapis.com/suspended":"yes"}""", "spec.template.metadata.annotations[compute.datumapis.com/suspended]"),
        ("annotation.termination-grace", Sandbox, "spec.template.metadata.annotations", """{"providers.datumapis.com/termination-grace":"soon"}""", "spec.template.metadata.annotations[providers.datumapis.com/termination-grace]"),
        ("placement.name", Sandbox, "spec.placements.0.name", "\"US\"", null),
        ("placement.cities", Sandbox, "spec.placements.0.cityCodes", "[]", null),
        ("placement.replicas", Sandbox, Scale + "minReplicas", "1001", null),
        ("placement.replicas", Machine, Scale + "minReplicas", "-1", null),
        ("placement.maximum", Sandbox, Scale + "minReplicas", "9", "spec.placements.0.scaleSettings"),
        ("placement.metrics", Sandbox, Scale + "metrics", null, "spec.placements.0.scaleSettings"),
        ("metric.resource", Sandbox, Scale + "metrics.0.resource.name", "\"memory\"", Scale + "metrics.0"),
        ("metric.target", Sandbox, Scale + "metrics.0.resource.target", "{}", null),
        ("metric.positive", Sandbox, Scale + "metrics.0.resource.target.averageUtilization", "0", null),
        ("metric.positive", Sandbox, Scale + "metrics.0.resource.target", """{"value":"-1"}""", Scale + "metrics.0.resource.target.value"),
        ("workload.deployments", Machine, "spec.placements.1", """{"name":"us","cityCodes":["dfw"],"scaleSettings":{"minReplicas":1}}""", null),
        ("network.range", Network, "spec.ipam.ipv4Ranges.0", "\"172.17.0.1/16\"", null),
        ("network.range", Network, "spec.ipam.ipv4Range", "\"fd00::/48\"", null),
        ("network.range", Network, "spec.ipam.ipv6Range", "\"fd20::\"", null),
        ("subnet.range", Claim, "spec.startAddress", "\"10.0.16.1\"", null),
        ("subnet.range", Claim, "spec.prefixLength", "33", null),
        ("subnet.range", Subnet, "spec.startAddress", "\"10.0.0.0\"", null),
        ("location.block", Location, "spec.provider", "{}", null),
        ("location.block", Location, "spec.provider.aws", "{}", "spec.provider"),
        ("export.selector", Policy, "spec.sources.0.metrics.metricsql", "\"rate({a='b'}[5m])\"", null),
        ("export.selector", Policy, "spec.sources.0.metrics.metricsql", "\"{project_name='p'}\"", null),
        ("export.selector", Policy, "spec.sources.0.metrics", "{}", "spec.sources.0.metrics.metricsql"),
        ("export.target", Policy, "spec.sinks.0.target", "{}", null),
        ("export.batch", Policy, "spec.sinks.0.target.prometheusRemoteWrite.batch", """{"maxSize":500,"timeout":"6m"}""", "spec.sinks.0.target.prometheusRemoteWrite.batch.timeout"),
        ("export.retry", Policy, "spec.sinks.0.target.prometheusRemoteWrite.retry", """{"maxAttempts":3,"backoffDuration":"5"}""", "spec.sinks.0.target.prometheusRemoteWrite.retry.backoffDuration"),
        ("export.endpoint", Policy, "spec.sinks.0.target.prometheusRemoteWrite.endpoint", "\"https://user:secret@metrics.example.com/\"", null),
        ("export.endpoint", Policy, "spec.sinks.0.target.prometheusRemoteWrite.endpoint", "\"metrics\"", null),
        ("export.sources", Policy, "spec.sinks.0.sources.0", "\"b\"", null),
    ];

    public static IReadOnlyList<string> Good { get; } = [Sandbox, Machine, Network, Claim, Subnet, Location, Policy];

    public static IReadOnlyList<BadManifest> All { get; } = [.. s_edits.Select(e => new BadManifest(e.Rule, Indexed(e.Field ?? e.Path), Spoil(e.Base, e.Path, e.Value)))];

    public static string Spoil(string manifest, string path, string? value)
    {
        var root = JsonNode.Parse(manifest)!;
        var parts = path.Split('.');
        var at = root;
        foreach (var part in parts[..^1])
            at = at is JsonArray items ? items[int.Parse(part, null)]! : at[part] ?? (at[part] = new JsonObject());
        if (at is JsonArray list)
        {
            var index = int.Parse(parts[^1], null);
            if (index < list.Count)
                list.RemoveAt(index);
            if (value is not null)
                list.Insert(index, JsonNode.Parse(value));
        }
        else if (value is null)
            ((JsonObject)at).Remove(parts[^1]);
        else
            at[parts[^1]] = JsonNode.Parse(value);
        return root.ToJsonString();
    }

    private static string Annotation(string keys) => $$"""{"compute.datumapis.com/ssh-keys":"{{keys}}"}""";

    // Whole segments alone: what stands in brackets already is a key.
    private static string Indexed(string path) => System.Text.RegularExpressions.Regex.Replace(path, @"\.(\d+)(?=\.|$)", "[$1]");
}
