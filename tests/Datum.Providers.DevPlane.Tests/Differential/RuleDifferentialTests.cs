using System.Text.Json.Nodes;
using Datum.Providers.Testing;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>How rules are checked in a definition and how their failures are worded, on both servers.</summary>
[TestFixture]
public sealed class RuleDifferentialTests
{
    private const string Crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

    /// <summary>A schema of spec.value; the definition must be accepted or refused alike.</summary>
    private static readonly string[] Schemas =
    [
        """{"type":"array","maxItems":3,"items":{"type":"string","maxLength":5,"x-kubernetes-validations":[{"rule":"self == oldSelf"}]}}""",
        """{"type":"array","maxItems":3,"x-kubernetes-list-type":"set","items":{"type":"string","maxLength":5,"x-kubernetes-validations":[{"rule":"self == oldSelf","message":"m"}]}}""",
        """{"type":"array","maxItems":3,"items":{"type":"object","properties":{"x":{"type":"string","maxLength":5,"x-kubernetes-validations":[{"rule":"self == oldSelf"}]}}}}""",
        """{"type":"array","maxItems":3,"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"],"items":{"type":"object","required":["k"],"properties":{"k":{"type":"string","maxLength":5},"x":{"type":"string","maxLength":5,"x-kubernetes-validations":[{"rule":"self == oldSelf"}]}}}}""",
        """{"type":"string","maxLength":5,"x-kubernetes-validations":[{"rule":"self == 'a'","fieldPath":".x"}]}""",
        """{"type":"object","properties":{"x":{"type":"string","maxLength":5}},"x-kubernetes-validations":[{"rule":"has(self.x)","fieldPath":"x"}]}""",
        """{"type":"object","properties":{"x":{"type":"string","maxLength":5}},"x-kubernetes-validations":[{"rule":"has(self.x)","fieldPath":".y"}]}""",
        """{"type":"object","properties":{"x":{"type":"string","maxLength":5}},"x-kubernetes-validations":[{"rule":"has(self.x)","reason":"Foo"}]}""",
        """{"type":"object","properties":{"x":{"type":"string","maxLength":5}},"x-kubernetes-validations":[{"rule":""}]}""",
        """{"type":"object","properties":{"x":{"type":"string","maxLength":5}},"x-kubernetes-validations":[{"rule":"  "}]}""",
        """{"type":"object","properties":{"x":{"type":"string","maxLength":5}},"x-kubernetes-validations":[{"rule":"has(self.x)","message":" "}]}""",
        """{"type":"object","properties":{"x":{"type":"string","maxLength":5}},"x-kubernetes-validations":[{"rule":"has(self.x)","message":"a\nb"}]}""",
        """{"type":"object","properties":{"x":{"type":"string","maxLength":5}},"x-kubernetes-validations":[{"rule":"has(self.x)","messageExpression":" "}]}""",
        """{"type":"object","properties":{"x":{"type":"string","maxLength":5}},"x-kubernetes-validations":[{"rule":"has(self.x)\n","message":"a"}]}""",
        """{"type":"object","properties":{"x":{"type":"string","maxLength":5}},"x-kubernetes-validations":[{"rule":"has(self.x) ||\nhas(self.x)"}]}""",
        """{"type":"object","properties":{"x":{"type":"string","maxLength":5}},"x-kubernetes-validations":[{"rule":"has(self.x)","optionalOldSelf":true}]}""",
    ];

    private const string Value = """
        {"type":"object","x-kubernetes-validations":[
          {"rule":"!has(self.a) || self.a == 'x'","message":"a must be x","fieldPath":".a","reason":"FieldValueForbidden"},
          {"rule":"!has(self.b) || self.b == 'x'","message":"b must be x","fieldPath":".b","reason":"FieldValueRequired"},
          {"rule":"!has(self.c) || self.c == 'x'","message":"c must be x","fieldPath":".c","reason":"FieldValueDuplicate"},
          {"rule":"!has(self.d) || self.d == 'x'","message":"d must be x","fieldPath":".d"},
          {"rule":"!has(self.e) || self.e == 'x'","message":"fallback","messageExpression":"'e is ' + self.e"},
          {"rule":"!has(self.f) || self.f == 'x'","messageExpression":"'f is ' + self.map['k']"},
          {"rule":" !has(self.g) || self.g == 'x'  "},
          {"rule":"!has(self.map) || self.map['h'] != ''","message":"h is needed","fieldPath":".map['h']","reason":"FieldValueRequired"}],
         "properties":{"a":{"type":"string","maxLength":9},"b":{"type":"string","maxLength":9},"c":{"type":"string","maxLength":9},"d":{"type":"string","maxLength":9},
          "e":{"type":"string","maxLength":9},"f":{"type":"string","maxLength":9},"g":{"type":"string","maxLength":9},
          "map":{"type":"object","maxProperties":3,"additionalProperties":{"type":"string","maxLength":9}},
          "number":{"type":"integer","x-kubernetes-validations":[{"rule":"self < 5","reason":"FieldValueForbidden"},{"rule":"self < 6","reason":"FieldValueRequired"},{"rule":"self < 7","reason":"FieldValueDuplicate"}]},
          "either":{"x-kubernetes-int-or-string":true,"x-kubernetes-validations":[{"rule":"self == 4"}]},
          "optional":{"type":"string","maxLength":9,"x-kubernetes-validations":[{"rule":"!oldSelf.hasValue() || self == oldSelf.value()","message":"optional is fixed","optionalOldSelf":true}]},
          "list":{"type":"array","maxItems":3,"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"],"items":{"type":"object","required":["k"],"properties":{"k":{"type":"string","maxLength":9},"v":{"type":"string","maxLength":9,"x-kubernetes-validations":[{"rule":"self == oldSelf","message":"v is fixed"}]}}}},
          "pattern":{"type":"string","pattern":"^[[:lower:]\\d]+$"}}}
        """;

    /// <summary>One value to create, or two: what is stored and what replaces it.</summary>
    private static readonly string[][] Values =
    [
        ["""{"a":"y"}"""], ["""{"b":"y"}"""], ["""{"c":"y"}"""], ["""{"d":"y"}"""], ["""{"e":"y"}"""], ["""{"f":"y"}"""], ["""{"g":"y"}"""],
        ["""{"map":{}}"""], ["""{"map":{"h":""}}"""], ["""{"map":{"h":"1"}}"""],
        ["""{"number":9}"""], ["""{"either":"y"}"""], ["""{"either":5}"""], ["""{"either":4}"""],
        ["""{"a":"y","number":9,"d":"way too long"}"""], ["""{"optional":"p"}"""], ["""{"optional":"p"}""", """{"optional":"q"}"""], ["{}", """{"optional":"q"}"""],
        ["""{"list":[{"k":"1","v":"a"}]}""", """{"list":[{"k":"2","v":"a"},{"k":"1","v":"b"}]}"""],
        ["""{"list":[{"k":"1","v":"a"}]}""", """{"list":[{"k":"1"}]}"""],
        ["""{"pattern":"a1"}"""], ["""{"pattern":"a\n"}"""], ["""{"pattern":"٣"}"""], ["""{"pattern":"A"}"""],
    ];

    [Test]
    public async Task Definitions_and_values_get_the_same_answers()
    {
        var server = await RealApiServer.SharedAsync();
        using var real = PlaneClient.For(Path.GetDirectoryName(server.KubeConfigPath)!, server.Port);
        await using var embedded = await DevPlaneServer.StartAsync(new DevPlaneOptions { Tokens = [new PlaneToken { Token = "t" }], CelRules = Rules() });
        using var ours = PlaneClient.For(embedded, "t");
        foreach (var schema in Schemas)
        {
            var body = Definition("Probe", schema);
            var wanted = Show(await real.SendAsync("POST", Crds + "?dryRun=All", body));
            Assert.That(Show(await ours.SendAsync("POST", Crds + "?dryRun=All", body)), Is.EqualTo(wanted), schema);
        }

        await DefineAsync([real, ours], Definition("Wording", Value), "wordings");
        foreach (var steps in Values)
        {
            var wanted = await PlayAsync(real, steps);
            Assert.That(await PlayAsync(ours, steps), Is.EqualTo(wanted), string.Join(" -> ", steps));
        }
    }

    [Test]
    public async Task A_value_that_an_update_leaves_alone_passes_a_rule_that_came_later_with_a_warning()
    {
        var server = await RealApiServer.SharedAsync();
        using var real = PlaneClient.For(Path.GetDirectoryName(server.KubeConfigPath)!, server.Port);
        await using var embedded = await DevPlaneServer.StartAsync(new DevPlaneOptions { Tokens = [new PlaneToken { Token = "t" }], CelRules = Rules() });
        using var ours = PlaneClient.For(embedded, "t");
        const string Before = """{"type":"object","properties":{"s":{"type":"string","maxLength":9},"t":{"type":"integer"},"l":{"type":"array","maxItems":3,"items":{"type":"string","maxLength":9}}}}""";
        var after = JsonNode.Parse(Before)!;
        after["properties"]!["s"]!["x-kubernetes-validations"] = JsonNode.Parse("""[{"rule":"self == 'good'","message":"s must be good"}]""");
        after["properties"]!["l"]!["items"]!["x-kubernetes-validations"] = JsonNode.Parse("""[{"rule":"self == 'good'","message":"item must be good"}]""");
        await DefineAsync([real, ours], Definition("Ratchet", Before), "ratchets");
        var answers = new List<List<string>>();
        foreach (var client in (PlaneClient[])[real, ours])
        {
            await client.ExpectAsync(201, "POST", "/apis/rules.test.example.com/v1/ratchets", """{"apiVersion":"rules.test.example.com/v1","kind":"Ratchet","metadata":{"name":"x"},"spec":{"value":{"s":"bad","t":1,"l":["bad"]}}}""");
            var definition = (await client.ExpectAsync(200, "GET", Crds + "/ratchets.rules.test.example.com")).Json!;
            definition["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!["properties"]!["spec"]!["properties"]!["value"] = after.DeepClone();
            await client.ExpectAsync(200, "PUT", Crds + "/ratchets.rules.test.example.com", definition.ToJsonString());
            await Eventually.HoldsAsync(
                async () => (await client.SendAsync("POST", "/apis/rules.test.example.com/v1/ratchets?dryRun=All", """{"apiVersion":"rules.test.example.com/v1","kind":"Ratchet","metadata":{"name":"y"},"spec":{"value":{"s":"bad"}}}""")).Code == 422,
                "the rule is in force");
            var lines = new List<string>();
            foreach (var patch in (string[])["""{"spec":{"value":{"t":2}}}""", """{"spec":{"value":{"s":"worse","l":["good"]}}}""", """{"spec":{"value":{"s":"good","l":["good"]}}}"""])
            {
                lines.Add(Show(await client.SendAsync("PATCH", "/apis/rules.test.example.com/v1/ratchets/x", patch, "application/merge-patch+json")));
            }

            answers.Add(lines);
        }

        Assert.That(answers[0][0], Does.Contain("s must be good").And.Contain("item must be good").And.StartsWith("200"), "the real server warns");
        Assert.That(answers[1], Is.EqualTo(answers[0]));
    }

    [Test]
    public async Task A_message_expression_that_nobody_registered_is_refused_by_name()
    {
        await using var embedded = await DevPlaneServer.StartAsync(new DevPlaneOptions { Tokens = [new PlaneToken { Token = "t" }], CelRules = Rules() });
        using var ours = PlaneClient.For(embedded, "t");
        var answer = await ours.SendAsync("POST", Crds, Definition("Probe", """{"type":"integer","x-kubernetes-validations":[{"rule":"self < 5","messageExpression":"'no ' + string(self)"}]}"""));
        Assert.That(answer.Code, Is.EqualTo(422));
        Assert.That(answer.Message, Does.Contain("x-kubernetes-validations[0].messageExpression").And.Contain("give a message instead"));
    }

    private static async Task DefineAsync(PlaneClient[] clients, string definition, string plural)
    {
        foreach (var client in clients)
        {
            await client.ExpectAsync(201, "POST", Crds, definition);
            await Eventually.HoldsAsync(async () => (await client.SendAsync("GET", "/apis/rules.test.example.com/v1/" + plural)).Code == 200, plural + " are served");
        }
    }

    private static async Task<string> PlayAsync(PlaneClient client, string[] steps)
    {
        const string Path = "/apis/rules.test.example.com/v1/wordings";
        var answer = await client.SendAsync("POST", Path, $$"""{"apiVersion":"rules.test.example.com/v1","kind":"Wording","metadata":{"name":"x"},"spec":{"value":{{steps[0]}} } }""");
        if (steps.Length > 1)
        {
            var next = answer.Json!;
            next["spec"]!["value"] = JsonNode.Parse(steps[1]);
            answer = await client.SendAsync("PUT", Path + "/x", next.ToJsonString());
        }

        await client.SendAsync("DELETE", Path + "/x");
        return Show(answer);
    }

    private static string Show(Answer answer)
    {
        var causes = answer.Json?["details"]?["causes"] as JsonArray ?? [];
        var lines = causes.Select(c => $"{c!["field"]}: {c["reason"]}: {c["message"]}").Order(StringComparer.Ordinal);
        return $"{answer.Code} {(answer.Code < 300 || causes.Count > 1 ? "" : answer.Message)}\n{string.Join('\n', lines)}\n{string.Join('\n', answer.Warnings.Order(StringComparer.Ordinal))}";
    }

    private static string Definition(string kind, string schema) => $$"""
        {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"{{kind.ToLowerInvariant()}}s.rules.test.example.com" },"spec":{"group":"rules.test.example.com","scope":"Cluster",
         "names":{"plural":"{{kind.ToLowerInvariant()}}s","singular":"{{kind.ToLowerInvariant()}}","kind":"{{kind}}","listKind":"{{kind}}List" },
         "versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":{"value":{{schema}} } } } } } } ] } }
        """;

    private static CelRules Rules()
    {
        var rules = Definitions.Rules();
        foreach (var name in (string[])["a", "b", "c", "d", "e", "f", "g"])
        {
            rules.RegisterRule($"!has(self.{name}) || self.{name} == 'x'", (self, _) => self![name] is null || (string?)self[name] == "x");
        }

        rules.RegisterMessage("'e is ' + self.e", (self, _) => "e is " + (string?)self!["e"]);
        rules.RegisterMessage("'f is ' + self.map['k']", (self, _) => self!["map"]?["k"] is { } k ? "f is " + k : null);
        rules.RegisterRule("!has(self.map) || self.map['h'] != ''", (self, _) =>
            self!["map"] is not JsonObject map ? CelResult.Of(true) : map["h"] is { } h ? CelResult.Of((string?)h != "") : CelResult.Failed("no such key: h"));
        foreach (var limit in (long[])[5, 6, 7]) rules.RegisterRule($"self < {limit}", (self, _) => (long)self! < limit);
        rules.RegisterRule("self == 4", (self, _) => self!.GetValueKind() == System.Text.Json.JsonValueKind.Number && (long)self == 4);
        rules.RegisterRule("!oldSelf.hasValue() || self == oldSelf.value()", (self, old) => old is null || JsonNode.DeepEquals(self, old));
        rules.RegisterRule("self == 'good'", (self, _) => (string?)self == "good");
        rules.RegisterRule("self == 'a'", (self, _) => (string?)self == "a");
        rules.RegisterRule("has(self.x)", (self, _) => self!["x"] is not null);
        rules.RegisterRule("has(self.x) ||\nhas(self.x)", (self, _) => self!["x"] is not null);
        return rules;
    }
}
