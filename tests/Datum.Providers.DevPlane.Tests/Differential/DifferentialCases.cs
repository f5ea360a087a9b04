namespace Datum.Providers.DevPlane.Tests;

/// <summary>One request of a script; {ns} stands for the case's own namespace, {rv} for the resourceVersion of the last answer, {uid} for its uid.</summary>
public sealed record Step(string Method, string Path, string? Body = null, string? Type = null, string? Accept = null)
{
    /// <summary>Only code, reason and the number of items are compared: Go's own wording of parse errors isn't copied.</summary>
    public bool Loose { get; init; }

    /// <summary>Played on both sides but not compared.</summary>
    public bool Silent { get; init; }
}

/// <summary>Scripts that both servers have to answer alike.</summary>
internal static class DifferentialCases
{
    private const string All = "/apis/test.example.com/v1/namespaces/{ns}/widgets";
    private const string Merge = "application/merge-patch+json";
    private const string Patch = "application/json-patch+json";
    private const string Table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    private const string Maps = "/api/v1/namespaces/{ns}/configmaps";
    private const string RulesPath = "/apis/test.example.com/v1/rules";

    public static IEnumerable<TestCaseData> Scripts()
    {
        foreach (var (name, steps) in Schema().Concat(Writes()).Concat(Patches()).Concat(Deletes()).Concat(Reads()).Concat(BuiltIn()).Concat(Rules()))
        {
            yield return new TestCaseData((object)steps) { TestName = "Real_and_embedded_server_answer_alike: " + name };
        }
    }

    private static string Widget(string name, string spec, string meta = "", string extra = "") =>
        $$"""{"apiVersion":"test.example.com/v1","kind":"Widget","metadata":{"name":"{{name}}"{{meta}}},"spec":{{spec}}{{extra}}}""";

    private static Step Create(string name, string spec = """{"size":1}""", string meta = "", string query = "") => new("POST", All + query, Widget(name, spec, meta));

    private static IEnumerable<(string Name, Step[] Steps)> Schema()
    {
        (string Name, string Spec)[] specs =
        [
            ("defaults fill in", """{"size":1}"""), ("nested defaults", """{"size":1,"sub":{}}"""), ("required field", "{}"), ("minimum", """{"size":0}"""),
            ("maximum", """{"size":11}"""), ("wrong type", """{"size":"x"}"""), ("fraction for an integer", """{"size":1.5}"""), ("whole number written as fraction", """{"size":1.0}"""),
            ("enum", """{"size":1,"mode":"c"}"""), ("too short", """{"size":1,"name":"a"}"""), ("too long", """{"size":1,"name":"abcdefg"}"""), ("pattern", """{"size":1,"name":"ABC"}"""),
            ("multiple of", """{"size":1,"ratio":0.3}"""), ("boolean", """{"size":1,"active":"x"}"""), ("format ipv4", """{"size":1,"ip":"x"}"""), ("valid ipv4", """{"size":1,"ip":"10.0.0.1"}"""),
            ("format cidr", """{"size":1,"cidr":"10.0.0.0/33"}"""), ("format date-time", """{"size":1,"when":"yesterday"}"""), ("format duration", """{"size":1,"dur":"x"}"""),
            ("format uuid", """{"size":1,"id":"x"}"""), ("format int32", """{"size":1,"i32":3000000000}"""), ("number for a formatted string", """{"size":1,"ip":5}"""),
            ("int-or-string refuses a boolean", """{"size":1,"port":true}"""), ("int-or-string takes both", """{"size":1,"port":"http"}"""), ("too few items", """{"size":1,"tags":[]}"""),
            ("too many items", """{"size":1,"tags":["a","b","c"]}"""), ("duplicate in a set", """{"size":1,"tags":["a","a"]}"""), ("duplicate key in a map list", """{"size":1,"items":[{"name":"a"},{"name":"a"}]}"""),
            ("defaults in list items", """{"size":1,"items":[{"name":"a"}]}"""), ("required in list items", """{"size":1,"items":[{}]}"""), ("additional properties", """{"size":1,"map":{"a":"x"}}"""),
            ("too many properties", """{"size":1,"map":{"a":1,"b":2,"c":3}}"""), ("oneOf with none", """{"size":1,"one":{}}"""), ("oneOf with two", """{"size":1,"one":{"a":"1","b":"2"}}"""),
            ("anyOf with none", """{"size":1,"any":{}}"""), ("not", """{"size":1,"never":{"a":"1"}}"""), ("embedded resource without kind", """{"size":1,"tmpl":{"a":"1"}}"""),
            ("embedded resource prunes metadata", """{"size":1,"tmpl":{"apiVersion":"v1","kind":"Pod","metadata":{"foo":"x","name":"q"},"spec":{"x":1}}}"""),
            ("nulls", """{"size":null,"mode":null,"nul":null,"name":null}"""), ("null where allowed", """{"size":1,"nul":null,"mode":null}"""), ("several errors", """{"size":0,"mode":"z"}"""),
            ("spec is text", "\"x\""), ("spec is a list", "[]"), ("unknown fields are warned about", """{"size":1,"zz":1,"items":[{"name":"x","y":1}]}"""),
            ("preserved unknown fields", """{"size":1,"free":{"a":{"b":[1,2.5,null,"x"]}}}"""), ("text with signs", """{"size":1,"free":{"a":"<ä&\u2028\ud83d\ude00>"}}"""),
        ];
        foreach (var (name, spec) in specs) yield return ("schema, " + name, [Create("a", spec)]);
        yield return ("schema, name of the object", [Create("B"), Create("a_b"), Create("-a")]);
        yield return ("schema, labels", [Create("a", meta: ""","labels":{"a b":"c"}"""), Create("a", meta: ""","labels":{"a":"c d"}"""), Create("a", meta: ""","annotations":{"b c":"1"}""")]);
        yield return ("schema, owner references", [Create("a", meta: ""","ownerReferences":[{"name":"x"}]""")]);
        yield return ("schema, metadata types", [Create("a", meta: ""","labels":5""") with { Loose = true }, new("POST", All, """{"apiVersion":"test.example.com/v1","kind":"Widget","metadata":{"name":5},"spec":{"size":1}}""")]);
        yield return ("schema, unknown field at the root and in metadata", [new("POST", All, Widget("a", """{"size":1}""", ""","bogus":1""", ""","top":1"""))]);
    }

    private static IEnumerable<(string Name, Step[] Steps)> Writes()
    {
        yield return ("create twice", [Create("a"), Create("a")]);
        yield return ("create drops status", [new("POST", All, Widget("a", """{"size":1}""", "", ""","status":{"phase":"Old"}"""))]);
        yield return ("create with resourceVersion", [Create("a", meta: ""","resourceVersion":"5" """)]);
        yield return ("create without a name", [new("POST", All, """{"apiVersion":"test.example.com/v1","kind":"Widget","metadata":{},"spec":{"size":1}}""")]);
        yield return ("create in another namespace", [Create("a", meta: ""","namespace":"other" """)]);
        yield return ("create of the cluster scope with a namespace", [new("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All", """{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"as.n.example.com","namespace":"other"},"spec":{"group":"n.example.com","scope":"Foo","names":{"plural":"as","kind":"A"},"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object"}}}]}}""")]);
        yield return ("create in a missing namespace", [new("POST", "/apis/test.example.com/v1/namespaces/nowhere/widgets", Widget("a", """{"size":1}"""))]);
        yield return ("create at the cluster scope", [new("POST", "/apis/test.example.com/v1/widgets", Widget("a", """{"size":1}"""))]);
        yield return ("create with a wrong version", [new("POST", All, """{"apiVersion":"test.example.com/v2","kind":"Widget","metadata":{"name":"q"}}""")]);
        yield return ("create with a wrong kind", [new("POST", All, """{"apiVersion":"test.example.com/v1","kind":"Gadget","metadata":{"name":"q"},"spec":{"size":1}}""")]);
        yield return ("create without a kind", [new("POST", All, """{"metadata":{"name":"q"},"spec":{"size":1}}""") { Loose = true }]);
        yield return ("create with broken JSON", [new("POST", All, "{bad") { Loose = true }, new("POST", All, "[]") { Loose = true }, new("POST", All, "") { Loose = true }]);
        yield return ("create with a foreign media type", [new("POST", All, "x", "text/plain") { Loose = true }]);
        yield return ("create from YAML", [new("POST", All, "apiVersion: test.example.com/v1\nkind: Widget\nmetadata:\n  name: a\nspec:\n  size: 3\n  name: 'abc'\n", "application/yaml")]);
        yield return ("strict validation", [Create("a", """{"size":1,"zz":1,"items":[{"name":"x","y":1}]}""", query: "?fieldValidation=Strict"), Create("a", """{"size":1,"size":2}""", query: "?fieldValidation=Strict")]);
        yield return ("warn and ignore", [Create("a", """{"size":1,"size":2,"zz":1}""", query: "?fieldValidation=Warn"), Create("b", """{"size":1,"size":2,"zz":1}""", query: "?fieldValidation=Ignore")]);
        yield return ("unknown options", [Create("a", query: "?fieldValidation=Foo"), Create("a", query: "?dryRun=Foo")]);
        yield return ("dry run changes nothing", [Create("a", query: "?dryRun=All"), new("GET", All + "/a"), Create("b"), new("PATCH", All + "/b?dryRun=All", """{"spec":{"size":5}}""", Merge), new("GET", All + "/b"), new("DELETE", All + "/b?dryRun=All"), new("GET", All + "/b")]);
        yield return ("put without resourceVersion", [Create("a"), new("PUT", All + "/a", Widget("a", """{"size":2}"""))]);
        yield return ("put with a stale resourceVersion", [Create("a"), new("PUT", All + "/a", Widget("a", """{"size":2}""", ""","resourceVersion":"1" """))]);
        yield return ("put with the present resourceVersion", [Create("a"), new("PUT", All + "/a", Widget("a", """{"size":2}""", ""","resourceVersion":"{rv}" """))]);
        yield return ("put of another name", [Create("a"), new("PUT", All + "/a", Widget("b", """{"size":2}"""))]);
        yield return ("put of a missing object", [new("PUT", All + "/a", Widget("a", """{"size":2}""", ""","resourceVersion":"5" """))]);
        yield return ("put ignores status, generation follows the spec", [Create("a"), new("PUT", All + "/a", Widget("a", """{"size":1}""", ""","resourceVersion":"{rv}","labels":{"a":"b"}""", ""","status":{"phase":"X"}""")), new("PUT", All + "/a", Widget("a", """{"size":9}""", ""","resourceVersion":"{rv}" """))]);
        yield return ("put to status", [Create("a"), new("PUT", All + "/a/status", Widget("a", """{"size":7}""", ""","resourceVersion":"{rv}","labels":{"a":"b"}""", ""","status":{"phase":"X"}""")), new("GET", All + "/a"), new("GET", All + "/a/status")]);
        yield return ("unknown subresources", [Create("a"), new("GET", All + "/a/scale"), new("GET", All + "/a/bogus")]);
        yield return ("methods that don't exist", [new("PUT", All, "{}"), new("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x", "{}") { Loose = true }]);
    }

    private static IEnumerable<(string Name, Step[] Steps)> Patches()
    {
        Step Do(string body, string type = Merge, string path = "/a") => new("PATCH", All + path, body, type);
        yield return ("merge patch", [Create("a", """{"size":1,"name":"abc"}"""), Do("""{"spec":{"size":3,"name":null}}"""), Do("""{"spec":{"size":3}}""")]);
        yield return ("merge patch with a stale lock", [Create("a"), Do("""{"metadata":{"resourceVersion":"1"},"spec":{"size":4}}""")]);
        yield return ("merge patch with the present lock", [Create("a"), Do("""{"metadata":{"resourceVersion":"{rv}"},"spec":{"size":4}}""")]);
        yield return ("merge patch that is invalid", [Create("a"), Do("""{"spec":{"size":"x"}}"""), Do("""{"spec":null}""")]);
        yield return ("merge patch of status at the main endpoint", [Create("a"), Do("""{"status":{"phase":"X"}}""")]);
        yield return ("merge patch of the name", [Create("a"), Do("""{"metadata":{"name":"b"}}""")]);
        yield return ("merge patch of system fields", [Create("a"), Do("""{"metadata":{"creationTimestamp":null,"generation":7,"deletionTimestamp":"2020-01-01T00:00:00Z"}}""")]);
        yield return ("patches that aren't", [Create("a"), Do("[]"), Do("\"x\""), Do("{bad") with { Loose = true }, Do("{}", Patch), Do("""[{"op":"bogus","path":"/x"}]""", Patch) with { Loose = true }]);
        yield return ("patch of status", [Create("a"), Do("""{"status":{"phase":"Y"},"spec":{"size":9}}""", path: "/a/status"), Do("""{"status":{"phase":5}}""", path: "/a/status"), Do("""{"metadata":{"labels":{"a":"b"},"finalizers":["x.y/z"]},"status":{"phase":"Z"}}""", path: "/a/status")]);
        yield return ("JSON patch", [Create("a", """{"size":3,"tags":["a"]}"""), Do("""[{"op":"test","path":"/spec/size","value":3},{"op":"replace","path":"/spec/size","value":5},{"op":"add","path":"/spec/tags/-","value":"b"}]""", Patch), Do("""[{"op":"move","from":"/spec/tags/0","path":"/spec/name"},{"op":"remove","path":"/spec/tags"}]""", Patch) with { Loose = true }]);
        yield return ("JSON patch that doesn't fit", [Create("a"), Do("""[{"op":"test","path":"/spec/size","value":3}]""", Patch), Do("""[{"op":"remove","path":"/spec/nope"}]""", Patch), Do("""[{"op":"replace","path":"/spec/nope","value":1}]""", Patch), Do("""[{"op":"add","path":"/spec/nope/x","value":1}]""", Patch)]);
        yield return ("JSON patch with escapes", [Create("a", meta: ""","annotations":{"x.y/z":"1"}"""), Do("""[{"op":"test","path":"/metadata/annotations/x.y~1z","value":"1"},{"op":"remove","path":"/metadata/annotations/x.y~1z"}]""", Patch)]);
        yield return ("patch types that custom resources don't take", [Create("a"), Do("{}", "application/strategic-merge-patch+json") with { Loose = true }, Do("{}", "application/json") with { Loose = true }]);
        yield return ("patch of a missing object", [Do("{}")]);
        yield return ("unknown fields in a patch", [Create("a"), Do("""{"spec":{"zz":1}}"""), Do("""{"spec":{"zz":1}}""", path: "/a?fieldValidation=Strict") with { Loose = true }]);
        yield return ("unchanged invalid fields don't block", [Create("a", """{"size":1,"nul":null}"""), Do("""{"spec":{"nul":"x"}}""")]);
    }

    private static IEnumerable<(string Name, Step[] Steps)> Deletes()
    {
        Step Do(string body, string path = "/a") => new("DELETE", All + path, body);
        yield return ("delete", [Create("a"), new("DELETE", All + "/a"), new("GET", All + "/a"), new("DELETE", All + "/a")]);
        yield return ("delete with preconditions", [Create("a"), Do("""{"preconditions":{"uid":"x"}}"""), Do("""{"preconditions":{"resourceVersion":"1"}}"""), Do("""{"preconditions":{"uid":"{uid}"}}""") with { Silent = true }]);
        yield return ("delete with a wrong propagation", [Create("a"), Do("""{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Bogus"}""")]);
        yield return ("finalizers hold", [
            Create("a", meta: ""","finalizers":["x.y/z"]"""), new("DELETE", All + "/a"), new("DELETE", All + "/a"), new("GET", All + "/a"),
            new("PATCH", All + "/a", """{"metadata":{"finalizers":["x.y/z","x.y/w"]}}""", Merge), new("PATCH", All + "/a", """{"spec":{"size":4}}""", Merge),
            new("PATCH", All + "/a/status", """{"status":{"phase":"Ending"}}""", Merge), new("PATCH", All + "/a", """{"metadata":{"finalizers":null}}""", Merge), new("GET", All + "/a")]);
        yield return ("delete a collection", [Create("a", meta: ""","labels":{"x":"1"}"""), Create("b"), new("DELETE", All + "?labelSelector=x=1"), new("GET", All), new("DELETE", All), new("GET", All)]);
        yield return ("protected namespaces", [new("DELETE", "/api/v1/namespaces/default")]);
    }

    private static IEnumerable<(string Name, Step[] Steps)> Reads()
    {
        Step[] three = [Create("a", """{"size":1,"mode":"b"}""", ""","labels":{"n":"1","app":"x"}"""), Create("b", """{"size":2}""", ""","labels":{"n":"2","app":"x"}"""), Create("c", """{"size":3}""")];
        Step[] With(params Step[] reads) => [.. three.Select(s => s with { Silent = true }), .. reads];
        yield return ("list", With(new Step("GET", All)));
        yield return ("label selectors", With([.. new[] { "app=x", "app==x,n!=1", "n in (1,3)", "n notin (1)", "!app", "app", "n>1", "app=y" }.Select(s => new Step("GET", All + "?labelSelector=" + Uri.EscapeDataString(s)))]));
        yield return ("broken label selectors", [new("GET", All + "?labelSelector=a%20b") { Loose = true }, new("GET", All + "?labelSelector=a,") { Loose = true }, new("GET", All + "?labelSelector=a%20in%201") { Loose = true }]);
        yield return ("field selectors", With(new Step("GET", All + "?fieldSelector=metadata.name=a"), new Step("GET", All + "?fieldSelector=metadata.name!=a"), new Step("GET", All + "?fieldSelector=spec.mode=b"), new Step("GET", All + "?fieldSelector=spec.size=1"), new Step("GET", All + "?fieldSelector=bogus")));
        yield return ("pages", With(new Step("GET", All + "?limit=2"), new Step("GET", All + "?limit=2&continue={continue}"), new Step("GET", All + "?limit=5")));
        yield return ("broken paging", [new("GET", All + "?limit=x"), new("GET", All + "?continue=abc") { Loose = true }]);
        yield return ("versions of lists", [new("GET", All + "?resourceVersion=abc"), new("GET", All + "?resourceVersionMatch=Exact"), new("GET", All + "?resourceVersion=0"), new("GET", All + "?resourceVersion=99999999")]);
        yield return ("versions of objects", [Create("a"), new("GET", All + "/a?resourceVersion=0"), new("GET", All + "/a?resourceVersion=99999999")]);
        yield return ("tables", With(new Step("GET", All, Accept: Table), new Step("GET", All + "/a?includeObject=None", Accept: Table), new Step("GET", All + "/a?includeObject=Object", Accept: Table)));
        yield return ("table cells", [Create("a") with { Silent = true }, new("PATCH", All + "/a/status", """{"status":{"conditions":[{"type":"Other","status":"False"},{"type":"Ready","status":"True"}]}}""", Merge) { Silent = true }, new("GET", All, Accept: Table)]);
        yield return ("metadata only", With(new Step("GET", All + "/a", Accept: "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")));
        yield return ("media types", [new("GET", All, Accept: "text/plain") { Loose = true }, new("GET", All, Accept: "*/*")]);
        yield return ("what isn't there", [new("GET", All + "/a"), new("GET", "/apis/test.example.com/v1/namespaces/{ns}/bogus"), new("GET", "/apis/bogus.example.com/v1"), new("GET", "/apis/test.example.com/v9/namespaces/{ns}/widgets")]);
        yield return ("watches end", With(
            new Step("GET", All + "?watch=1&timeoutSeconds=1"), new Step("GET", All + "?watch=true&timeoutSeconds=1&resourceVersion=0&labelSelector=n=1"), new Step("GET", All + "?watch=1&resourceVersion=abc"),
            new Step("GET", All + "?watch=1&sendInitialEvents=true") { Loose = true }));
        yield return ("discovery of a group", [new("GET", "/apis/test.example.com/v1"), new("GET", "/apis/test.example.com")]);
        yield return ("health", [new("GET", "/healthz"), new("GET", "/readyz"), new("GET", "/livez")]);
    }

    private static IEnumerable<(string Name, Step[] Steps)> BuiltIn()
    {
        const string secrets = "/api/v1/namespaces/{ns}/secrets";
        const string leases = "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases";
        yield return ("secret", [new("POST", secrets, """{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"a":"b"}}"""), new("PATCH", secrets + "/s", """{"stringData":{"c":"d"}}""", Merge), new("GET", secrets)]);
        yield return ("config map", [new("POST", Maps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"b"},"bogus":1}"""), new("POST", Maps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"t"},"data":{"a":5}}""")]);
        yield return ("config map without resourceVersion", [new("POST", Maps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"b"}}"""), new("PUT", Maps + "/m", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"c"}}"""), new("PATCH", Maps + "/m", """{"data":{"x":"y","a":null}}""", "application/strategic-merge-patch+json")]);
        yield return ("lease", [new("POST", leases, """{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"l"},"spec":{"holderIdentity":"a","leaseDurationSeconds":15,"renewTime":"2026-01-01T00:00:00.000000Z"}}"""), new("PUT", leases + "/l", """{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"l","resourceVersion":"1"},"spec":{"holderIdentity":"b"}}"""), new("PATCH", leases + "/l", """{"spec":{"holderIdentity":"b"}}""", Merge)]);
        yield return ("namespaces", [new("POST", "/api/v1/namespaces", """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"x-{ns}"}}"""), new("GET", "/api/v1/namespaces/x-{ns}"), new("POST", "/api/v1/namespaces", """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"x-{ns}"}}""")]);
        yield return ("ending namespace", [
            new("POST", "/api/v1/namespaces", """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"y-{ns}"}}""") { Silent = true },
            new("POST", "/apis/test.example.com/v1/namespaces/y-{ns}/widgets", Widget("a", """{"size":1}""", ""","finalizers":["x.y/z"]""")) { Silent = true },
            new("DELETE", "/api/v1/namespaces/y-{ns}"),
            new("POST", "/apis/test.example.com/v1/namespaces/y-{ns}/widgets", Widget("b", """{"size":1}"""))]);
        const string crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        static string Definition(string name, string spec) => $$"""{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"{{name}}"},"spec":{{spec}}}""";
        const string head = """{"group":"g.example.com","scope":"Namespaced","names":{"plural":"bars","kind":"Bar"},"versions":[{"name":"v1","served":true,"storage":true""";
        yield return ("definitions that are refused", [
            new("POST", crds, Definition("foo", head + ""","schema":{"openAPIV3Schema":{"type":"object"}}}]}""")),
            new("POST", crds, Definition("bars.g.example.com", head + "}]}")),
            new("POST", crds, Definition("bars.g.example.com", head.Replace("Namespaced", "X", StringComparison.Ordinal) + ""","schema":{"openAPIV3Schema":{"type":"object"}}}]}""")),
            new("POST", crds, Definition("bars.g.example.com", head + ""","schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{}}}}}]}""")),
            new("POST", crds, Definition("bars.g.example.com", head + ""","schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"integer","default":"x"}}}}}]}"""))]);
    }

    private static IEnumerable<(string Name, Step[] Steps)> Rules()
    {
        static string Rule(string name, string spec) => $$"""{"apiVersion":"test.example.com/v1","kind":"Rule","metadata":{"name":"{{name}}"},"spec":{{spec}}}""";
        yield return ("rule with a message", [new("POST", RulesPath, Rule("{ns}", """{"low":3,"high":2}"""))]);
        yield return ("rule without a message", [new("POST", RulesPath, Rule("{ns}", """{"low":-3,"high":2}"""))]);
        yield return ("rules wait for the schema", [new("POST", RulesPath, Rule("{ns}", """{"low":"s","high":2}"""))]);
        yield return ("transition rule", [new("POST", RulesPath, Rule("{ns}", """{"low":1,"high":2,"fixed":"a"}""")), new("PATCH", RulesPath + "/{ns}", """{"spec":{"fixed":"b"}}""", Merge), new("PATCH", RulesPath + "/{ns}", """{"spec":{"high":5}}""", Merge)]);
        yield return ("table without columns of its own", [new("POST", RulesPath, Rule("{ns}", """{"low":1,"high":2}""")) { Silent = true }, new("GET", RulesPath + "/{ns}", Accept: Table)]);
    }
}
