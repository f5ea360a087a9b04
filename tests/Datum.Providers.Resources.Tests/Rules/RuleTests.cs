using System.Text.Json.Nodes;
using Datum.Providers.Resources.Rules;

namespace Datum.Providers.Resources.Tests;

/// <summary>The twins of validation rules: there is one for each rule, and it answers as the real server's CEL does.</summary>
public sealed class RuleTests
{
    /// <summary>Values by end of the rule's place (file and path); where two are given the first is stored and the second replaces it.</summary>
    private static readonly (string Place, string Rule, string[] Steps)[] Cases =
    [
        ("networkbindings.yaml.spec.location", "self == oldSelf", ["""{"name":"a"}"""]),
        ("networkbindings.yaml.spec.location", "self == oldSelf", ["""{"name":"a"}""", """{"name":"a"}"""]),
        ("networkbindings.yaml.spec.location", "self == oldSelf", ["""{"name":"a"}""", """{"name":"b"}"""]),
        ("networkinterfaceclaims.yaml.spec.ipFamilies", "self == oldSelf", ["""["IPv4","IPv6"]""", """["IPv4","IPv6"]"""]),
        ("networkinterfaceclaims.yaml.spec.ipFamilies", "self == oldSelf", ["""["IPv4","IPv6"]""", """["IPv6"]"""]),
        ("networkinterfaceclaims.yaml.spec.ipFamilies", "self.all(f, self.exists_one(g, g == f))", ["""["IPv4"]"""]),
        ("networkinterfaceclaims.yaml.spec.ipFamilies", "self.all(f, self.exists_one(g, g == f))", ["""["IPv4","IPv4"]"""]),
        ("providerconfigs.yaml.spec.driver", "self == oldSelf", ["\"a\"", "\"a\""]),
        ("providerconfigs.yaml.spec.driver", "self == oldSelf", ["\"a\"", "\"b\""]),
        ("managedresources.yaml.spec.kind", "self == oldSelf", ["\"Network\"", "\"Subnet\""]),
        ("organizations.yaml.spec.type", "type(oldSelf)", ["\"Personal\""]),
        ("organizations.yaml.spec.type", "type(oldSelf)", ["\"Personal\"", "\"Personal\""]),
        ("organizations.yaml.spec.type", "type(oldSelf)", ["\"Personal\"", "\"Standard\""]),
        ("addresses[]", "self.type == 'Hostname'", ["""{"value":"10.0.0.1"}"""]),
        ("addresses[]", "self.type == 'Hostname'", ["""{"type":"Hostname","value":"*.a.example"}"""]),
        ("addresses[]", "self.type == 'Hostname'", ["""{"type":"Hostname","value":"A.example"}"""]),
        ("addresses[]", "self.type == 'Hostname'", ["""{"type":"Hostname","value":"a.example\n"}"""]),
        ("addresses[]", "self.type == 'Hostname'", ["""{"type":"Hostname"}"""]),
        ("resourceclaims.yaml.status.conditions", "'Granted'", [Granted("Granted", "QuotaExceeded")]),
        ("resourceclaims.yaml.status.conditions", "'Granted'", [Granted("Other", "Whatever")]),
        ("resourceclaims.yaml.status.conditions", "'Granted'", [Granted("Granted", "Whatever")]),
        ("latitude", "double(self) >= -90.0", ["\"52.52\""]),
        ("latitude", "double(self) >= -90.0", ["\"-90\""]),
        ("latitude", "double(self) >= -90.0", ["\"90.0001\""]),
        ("longitude", "double(self) >= -180.0", ["\"-180.0\""]),
        ("longitude", "double(self) >= -180.0", ["\"181\""]),
        ("networkinterfaceclaims.yaml.spec", "has(self.networkInterfaceName)", [Claim("\"networkInterfaceName\":\"n\""), Claim("\"networkInterfaceName\":\"n\"")]),
        ("networkinterfaceclaims.yaml.spec", "has(self.networkInterfaceName)", [Claim("\"networkInterfaceName\":\"n\""), Claim("\"networkInterfaceName\":\"m\"")]),
        ("networkinterfaceclaims.yaml.spec", "has(self.networkInterfaceName)", [Claim("\"networkInterfaceName\":\"n\""), Claim(null)]),
        ("networkinterfaceclaims.yaml.spec", "has(self.addresses)", [Claim("\"addresses\":[{\"class\":\"c\",\"lifecycle\":\"Claim\"}]"), Claim(null)]),
        ("networkinterfaceclaims.yaml.spec", "has(self.addresses)", [Claim(null), Claim(null)]),
        ("networkinterfaceclaims.yaml.spec.addresses", "b.class == a.class", ["""[{"class":"a"},{"class":"b"}]"""]),
        ("networkinterfaceclaims.yaml.spec.addresses", "b.class == a.class", ["""[{"class":"a"},{"class":"a"}]"""]),
        ("networkinterfaces.yaml.spec.addresses", "primary", [Address(("IPv4", true), ("IPv6", false))]),
        ("networkinterfaces.yaml.spec.addresses", "primary", [Address(("IPv4", false), ("IPv6", false))]),
        ("networkinterfaces.yaml.spec.addresses", "primary", [Address(("IPv4", true), ("IPv6", true))]),
        ("networkinterfaces.yaml.spec.addresses", "b.family == a.family", [Address(("IPv4", true))]),
        ("networkinterfaces.yaml.spec.addresses", "b.family == a.family", [Address(("IPv4", true), ("IPv4", false))]),
        ("networkinterfaces.yaml.spec.externalAddresses", "b.address == a.address", [External(("a", "192.0.2.1"), ("b", "192.0.2.2"))]),
        ("networkinterfaces.yaml.spec.externalAddresses", "b.address == a.address", [External(("a", "192.0.2.1"), ("b", "192.0.2.1"))]),
        ("servinglocations.yaml.spec.topology", "city-code", ["""{"topology.datum.net/city-code":"DFW"}"""]),
        ("servinglocations.yaml.spec.topology", "city-code", ["""{"topology.datum.net/city-code":""}"""]),
        ("servinglocations.yaml.spec.topology", "city-code", ["""{"other":"x"}"""]),
        ("managedresources.yaml.spec.owner", "self.uid", [Owner("u", "n"), Owner("u", "m")]),
        ("managedresources.yaml.spec.owner", "self.uid", [Owner("u", "n"), Owner("v", "n")]),
        ("managedresources.yaml.spec.wanted", "oldSelf || !self", ["true", "false"]),
        ("managedresources.yaml.spec.wanted", "oldSelf || !self", ["true", "true"]),
        ("managedresources.yaml.spec.wanted", "oldSelf || !self", ["false", "true"]),
        ("managedresources.yaml.spec.record.incarnation", "self >= oldSelf", ["1", "2"]),
        ("managedresources.yaml.spec.record.incarnation", "self >= oldSelf", ["2", "1"]),
        ("managedresources.yaml.spec", "has(self.scope)", [Entry("\"scope\":{\"a\":\"1\"}"), Entry("\"scope\":{\"a\":\"1\"}")]),
        ("managedresources.yaml.spec", "has(self.scope)", [Entry("\"scope\":{\"a\":\"1\"}"), Entry("\"scope\":{\"a\":\"2\"}")]),
        ("managedresources.yaml.spec", "has(self.scope)", [Entry(null), Entry("\"scope\":{\"a\":\"2\"}")]),
        ("providerconfigs.yaml.spec.credentials", "self.source != 'Secret'", ["""{"source":"Secret","secretRef":{"name":"s"}}"""]),
        ("providerconfigs.yaml.spec.credentials", "self.source != 'Secret'", ["""{"source":"Secret"}"""]),
        ("providerconfigs.yaml.spec.credentials", "self.source != 'File'", ["""{"source":"File","file":{"path":"/a"}}"""]),
        ("providerconfigs.yaml.spec.credentials", "self.source != 'File'", ["""{"source":"File"}"""]),
        ("providerconfigs.yaml.spec.credentials", "self.source != 'Environment'", ["""{"source":"Environment","environment":{"prefix":"A_"}}"""]),
        ("providerconfigs.yaml.spec.credentials", "self.source != 'Environment'", ["""{"source":"Environment"}"""]),
        ("providerconfigs.yaml.spec.credentials", "(!has(self.secretRef)", ["""{"source":"None"}"""]),
        ("providerconfigs.yaml.spec.credentials", "(!has(self.secretRef)", ["""{"source":"None","file":{"path":"/a"}}"""]),
        ("providerconfigs.yaml.spec.credentials", "(!has(self.secretRef)", ["""{"source":"File","secretRef":{"name":"s"}}"""]),
        ("workloads.yaml.spec.template.spec.runtime", "has(self.sandbox)", ["""{"resources":{"instanceType":"t"},"sandbox":{"containers":[{"name":"a","image":"i"}]}}"""]),
        ("workloads.yaml.spec.template.spec.runtime", "has(self.sandbox)", ["""{"resources":{"instanceType":"t"}}"""]),
        ("workloads.yaml.spec.template.spec.runtime", "has(self.sandbox)", ["""{"resources":{"instanceType":"t"},"sandbox":{"containers":[{"name":"a","image":"i"}]},"virtualMachine":{"volumeAttachments":[{"name":"boot"}]}}"""]),
        ("workloads.yaml.spec.template.spec.runtime.resources", "self.requests", ["""{"instanceType":"t"}"""]),
        ("workloads.yaml.spec.template.spec.runtime.resources", "self.requests", ["""{"instanceType":"t","requests":{}}"""]),
        ("workloads.yaml.spec.template.spec.runtime.resources", "self.requests", ["""{"instanceType":"t","requests":{"cpu":1}}"""]),
        ("workloads.yaml.spec.template.spec.runtime.sandbox.containers[].resources", "self.requests", ["""{"limits":{"cpu":1}}"""]),
        ("workloads.yaml.spec.template.spec.runtime.sandbox.containers[].resources", "self.requests", ["""{"requests":{"cpu":1}}"""]),
        ("workloads.yaml.spec.template.spec.runtime.sandbox.containers[].envFrom[]", "configMapRef", ["""{"configMapRef":{"name":"a"}}"""]),
        ("workloads.yaml.spec.template.spec.runtime.sandbox.containers[].envFrom[]", "configMapRef", ["""{"prefix":"A_"}"""]),
        ("workloads.yaml.spec.template.spec.runtime.sandbox.containers[].envFrom[]", "configMapRef", ["""{"configMapRef":{"name":"a"},"secretRef":{"name":"a"}}"""]),
        ("workloads.yaml.spec.template.spec.volumes[]", "self.disk", ["""{"name":"a","configMap":{"name":"m"}}"""]),
        ("workloads.yaml.spec.template.spec.volumes[]", "self.disk", ["""{"name":"a"}"""]),
        ("workloads.yaml.spec.template.spec.volumes[]", "self.disk", ["""{"name":"a","configMap":{"name":"m"},"secret":{"secretName":"s"}}"""]),
        ("workloads.yaml.spec.template.spec.volumes[].disk.template.spec.populator", "self.image", ["""{"image":{"name":"i"}}"""]),
        ("workloads.yaml.spec.template.spec.volumes[].disk.template.spec.populator", "self.image", ["""{}"""]),
        ("workloads.yaml.spec.template.spec.volumes[].disk.template.spec.populator", "self.image", ["""{"image":{"name":"i"},"filesystem":{"type":"ext4"}}"""]),
        ("workloads.yaml.spec.placements[].scaleSettings", "self.maxReplicas >=", ["""{"minReplicas":1,"maxReplicas":1,"metrics":[{"resource":{"name":"cpu","target":{"averageUtilization":50}}}]}"""]),
        ("workloads.yaml.spec.placements[].scaleSettings", "self.maxReplicas >=", ["""{"minReplicas":2,"maxReplicas":1,"metrics":[{"resource":{"name":"cpu","target":{"averageUtilization":50}}}]}"""]),
        ("workloads.yaml.spec.placements[].scaleSettings", "size(self.metrics)", ["""{"minReplicas":1}"""]),
        ("workloads.yaml.spec.placements[].scaleSettings", "size(self.metrics)", ["""{"minReplicas":1,"maxReplicas":2}"""]),
        ("workloads.yaml.spec.placements[].scaleSettings", "size(self.metrics)", ["""{"minReplicas":1,"maxReplicas":2,"metrics":[]}"""]),
        ("workloads.yaml.spec.placements[].scaleSettings.metrics[]", "self.resource.name", ["""{"resource":{"name":"cpu","target":{"averageUtilization":50}}}"""]),
        ("workloads.yaml.spec.placements[].scaleSettings.metrics[]", "self.resource.name", ["""{}"""]),
        ("workloads.yaml.spec.placements[].scaleSettings.metrics[]", "self.resource.name", ["""{"resource":{"name":"memory","target":{"averageUtilization":50}}}"""]),
        ("workloads.yaml.spec.placements[].scaleSettings.metrics[].resource.target", "self.averageValue", ["""{"value":"1"}"""]),
        ("workloads.yaml.spec.placements[].scaleSettings.metrics[].resource.target", "self.averageValue", ["""{}"""]),
        ("workloads.yaml.spec.placements[].scaleSettings.metrics[].resource.target", "self.averageValue", ["""{"value":"1","averageUtilization":5}"""]),
    ];

    [Test]
    public void Every_rule_of_our_definitions_and_of_upstreams_has_a_twin_and_no_twin_is_idle()
    {
        var rules = AllPlaces().Select(p => p.Rule.Trim()).ToHashSet(StringComparer.Ordinal);
        Assert.Multiple(() =>
        {
            Assert.That(rules, Has.Count.GreaterThanOrEqualTo(20));
            Assert.That(rules.Where(r => !RuleTwins.TryFind(r, out _)), Is.Empty);
            Assert.That(RuleTwins.All.Select(t => t.Rule).Except(rules), Is.Empty);
        });
    }

    [Test]
    public async Task A_rule_accepts_and_refuses_on_the_embedded_plane_what_the_real_server_accepts_and_refuses()
    {
        var places = AllPlaces();
        var used = Cases.Select(c => c.Place).Distinct().ToList();
        var found = used.ToDictionary(u => u, u => places.First(p => (p.File + p.Path).EndsWith(u, StringComparison.Ordinal)));
        var definitions = used.Select((u, i) => Definition($"place{i}", found[u].Schema)).ToList();
        await using var embedded = await Server.EmbeddedAsync();
        await using var real = await Server.RealAsync();
        foreach (var server in (Server[])[real, embedded]) await server.DefineAsync(definitions);

        var tally = places.Select(p => p.Rule.Trim()).Distinct().ToDictionary(r => r, _ => (Accepted: 0, Refused: 0));
        foreach (var (place, part, steps) in Cases)
        {
            var rule = places.Where(p => (p.File + p.Path).EndsWith(place, StringComparison.Ordinal)).Select(p => p.Rule.Trim()).Distinct()
                .Single(r => r.Contains(part, StringComparison.Ordinal));
            var plural = $"place{used.IndexOf(place)}s";
            var wanted = await PlayAsync(real, plural, steps);
            var got = await PlayAsync(embedded, plural, steps);
            var what = $"{place}: {rule}: {string.Join(" -> ", steps)}";
            Assert.That(got.Refusal(), Is.EqualTo(wanted.Refusal()), what);
            var (accepted, refused) = tally[rule];
            tally[rule] = wanted.Code < 300 ? (accepted + 1, refused) : (accepted, refused + 1);
        }

        TestContext.Out.WriteLine($"{Cases.Length} cases, {tally.Count} rules");
        Assert.That(tally.Where(t => t.Value.Accepted == 0 || t.Value.Refused == 0).Select(t => $"{t.Key}: {t.Value}"), Is.Empty);
    }

    [Test]
    public async Task Every_definition_of_upstream_and_of_ours_is_accepted_by_the_embedded_plane()
    {
        var folders = RulePlaces.Upstream().GroupBy(d => Path.GetDirectoryName(d.File)!).Select(g => (g.Key, g.Select(d => d.Definition).ToList()))
            .Append(("ours", RulePlaces.Ours().Select(d => d.Definition).ToList())).ToList();
        Assert.That(folders.Sum(f => f.Item2.Count), Is.GreaterThanOrEqualTo(43 + 18));
        foreach (var (folder, definitions) in folders)
        {
            await using var embedded = await Server.EmbeddedAsync();
            await embedded.DefineAsync(definitions);
            TestContext.Out.WriteLine($"{folder}: {definitions.Count}");
        }
    }

    [Test]
    public async Task A_definition_with_an_unknown_rule_is_refused_with_the_rule_and_the_ways_out()
    {
        await using var embedded = await Server.EmbeddedAsync();
        var schema = (JsonObject)JsonNode.Parse("""{"type":"string","x-kubernetes-validations":[{"rule":"self.startsWith('x')"}]}""")!;
        var answer = await embedded.SendAsync("POST", Server.Definitions, Definition("stranger", schema));
        Assert.That(answer.Code, Is.EqualTo(422));
        Assert.That((string?)answer.Json!["message"], Does.Contain("x-kubernetes-validations[0].rule").And.Contain("self.startsWith('x')").And.Contain("CelRules.RegisterRule").And.Contain("say the same by schema"));
        var (code, _, errors) = await embedded.KubectlAsync("create", "-f", await FileAsync(Definition("stranger", schema)));
        Assert.That(code, Is.Not.Zero);
        Assert.That(errors, Does.Contain("self.startsWith('x')"));
    }

    private static List<RulePlace> AllPlaces() => [.. RulePlaces.In(RulePlaces.Upstream()), .. RulePlaces.In(RulePlaces.Ours())];

    private static async Task<string> FileAsync(JsonNode json)
    {
        var path = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"{Guid.NewGuid():N}.json");
        await File.WriteAllTextAsync(path, json.ToJsonString());
        return path;
    }

    /// <summary>Creates the first value and replaces it by the second, if there is one; returns the last answer.</summary>
    private static async Task<Answer> PlayAsync(Server server, string plural, string[] steps)
    {
        var path = $"/apis/rules.example.com/v1/{plural}";
        var kind = char.ToUpperInvariant(plural[0]) + plural[1..^1];
        var body = JsonNode.Parse($$"""{"apiVersion":"rules.example.com/v1","kind":"{{kind}}","metadata":{"name":"x"},"spec":{"value":{{steps[0]}} } }""")!;
        var answer = await server.SendAsync("POST", path, body);
        if (steps.Length > 1)
        {
            Assert.That(answer.Code, Is.EqualTo(201), $"{server.Name}: {steps[0]}: {answer.Json?["message"]}");
            var next = answer.Json!.DeepClone();
            next["spec"]!["value"] = JsonNode.Parse(steps[1]);
            answer = await server.SendAsync("PUT", $"{path}/x", next);
        }

        await server.SendAsync("DELETE", $"{path}/x");
        return answer;
    }

    /// <summary>A kind whose spec.value has the schema of the rule's place.</summary>
    internal static JsonObject Definition(string name, JsonObject schema) => new()
    {
        ["apiVersion"] = "apiextensions.k8s.io/v1",
        ["kind"] = "CustomResourceDefinition",
        ["metadata"] = new JsonObject { ["name"] = $"{name}s.rules.example.com" },
        ["spec"] = new JsonObject
        {
            ["group"] = "rules.example.com",
            ["scope"] = "Cluster",
            ["names"] = new JsonObject { ["plural"] = $"{name}s", ["singular"] = name, ["kind"] = char.ToUpperInvariant(name[0]) + name[1..], ["listKind"] = char.ToUpperInvariant(name[0]) + name[1..] + "List" },
            ["versions"] = new JsonArray(new JsonObject
            {
                ["name"] = "v1",
                ["served"] = true,
                ["storage"] = true,
                ["schema"] = new JsonObject
                {
                    ["openAPIV3Schema"] = new JsonObject
                    {
                        ["type"] = "object",
                        ["properties"] = new JsonObject { ["spec"] = new JsonObject { ["type"] = "object", ["properties"] = new JsonObject { ["value"] = schema.DeepClone() } } },
                    },
                },
            }),
        },
    };

    private static string Granted(string type, string reason) =>
        $$"""[{"type":"{{type}}","status":"True","reason":"{{reason}}","message":"m","lastTransitionTime":"2030-01-01T00:00:00Z"}]""";

    private static string Claim(string? member) => $$"""{ {{(member is null ? "" : member + ",")}}"interfaceName":"eth0","network":{"name":"n"} }""";

    private static string Address(params (string Family, bool Primary)[] all) =>
        $"[{string.Join(',', all.Select((a, i) => $$"""{"primary":{{(a.Primary ? "true" : "false")}},"family":"{{a.Family}}","address":"10.0.0.{{i}}" }"""))}]";

    private static string External(params (string Class, string Address)[] all) =>
        $"[{string.Join(',', all.Select(a => $$"""{"class":"{{a.Class}}","family":"IPv4","address":"{{a.Address}}" }"""))}]";

    private static string Owner(string uid, string name) => $$"""{"plane":"p","apiVersion":"v1","kind":"Network","name":"{{name}}","uid":"{{uid}}"}""";

    private static string Entry(string? member) =>
        $$"""{ {{(member is null ? "" : member + ",")}}"format":1,"installation":"i","kind":"Network","slot":"s","owner":{{Owner("u", "n")}},"driver":"d","providerConfig":"c","wanted":true,"record":{"incarnation":1,"failures":0} }""";
}
