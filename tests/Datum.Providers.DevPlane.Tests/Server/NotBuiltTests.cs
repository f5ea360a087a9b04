using System.Text.RegularExpressions;
using Datum.Providers.Testing;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>What the plane deliberately doesn't build answers with a clear error. The reference page lists the same, and a test compares the two.</summary>
[TestFixture]
public sealed partial class NotBuiltTests
{
    private const string Maps = "/api/v1/namespaces/default/configmaps";
    private const string Widgets = "/apis/test.example.com/v1/namespaces/default/widgets";
    private const string Crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    private const string Map = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}""";

    private DevPlaneServer server = null!;
    private PlaneClient client = null!;

    private sealed record Refusal(string Name, int Code, string Message, string Method, string Path, string? Body = null, string? Type = null, string? Accept = null);

    private static readonly Refusal[] Refusals =
    [
        new("Server-side apply", 415, "server-side apply is not supported by this plane", "PATCH", Widgets + "/w?fieldManager=me", "{}", "application/apply-patch+yaml"),
        new("Protobuf bodies", 415, "this plane speaks no protobuf", "POST", Maps, "k8s", "application/vnd.kubernetes.protobuf"),
        new("Protobuf and CBOR answers", 406, "only the following media types are accepted: application/json", "GET", Maps, Accept: "application/vnd.kubernetes.protobuf"),
        new("YAML answers", 406, "only the following media types are accepted: application/json", "GET", Maps, Accept: "application/yaml"),
        new("Tables of v1beta1", 406, "only the following media types are accepted: application/json", "GET", Maps, Accept: "application/json;as=Table;v=v1beta1;g=meta.k8s.io"),
        new("Strategic merge patch of custom resources", 415, "the body of the request was in an unknown format", "PATCH", Widgets + "/w", "{}", "application/strategic-merge-patch+json"),
        new("Strategic merge patch with lists or directives", 415, "strategic merge patch with a list or a directive", "PATCH", Maps + "/m", """{"metadata":{"finalizers":["a.b/c"]}}""", "application/strategic-merge-patch+json"),
        new("Streaming lists", 422, "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled", "GET", Maps + "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"),
        new("Aggregated discovery", 406, "only the following media types are accepted: application/json", "GET", "/apis", Accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"),
        new("Admission webhooks and policies", 404, "404 page not found", "POST", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", "{}"),
        new("Roles", 404, "404 page not found", "POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", "{}"),
        new("Access reviews (`kubectl auth can-i`)", 404, "404 page not found", "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "{}"),
        new("Token reviews and `kubectl auth whoami`", 404, "404 page not found", "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}"),
        new("Service accounts and their tokens", 404, "the server could not find the requested resource", "POST", "/api/v1/namespaces/default/serviceaccounts/x/token", "{}"),
        new("Aggregated API servers", 404, "404 page not found", "POST", "/apis/apiregistration.k8s.io/v1/apiservices", "{}"),
        new("Pods, their logs, exec and port-forward", 404, "the server could not find the requested resource", "GET", "/api/v1/namespaces/default/pods/x/log"),
        new("Services (`kubectl cluster-info`)", 404, "the server could not find the requested resource", "GET", "/api/v1/namespaces/kube-system/services"),
        new("Quota", 404, "the server could not find the requested resource", "POST", "/api/v1/namespaces/default/resourcequotas", "{}"),
        new("Events of events.k8s.io", 404, "404 page not found", "POST", "/apis/events.k8s.io/v1/namespaces/default/events", "{}"),
        new("Conversion webhooks", 422, "spec.conversion.strategy: Unsupported value: \"Webhook\"", "POST", Crds, Definition("conversion: {strategy: Webhook}", "{type: object}"), "application/yaml"),
        new("CEL rules that nobody registered", 422, "this plane evaluates no CEL and has no evaluator registered for this rule", "POST", Crds, Definition("", "{type: object, x-kubernetes-validations: [{rule: 1 == 1}]}"), "application/yaml"),
        new("CEL message expressions", 422, "this plane evaluates no CEL and has no evaluator registered for this expression; give a message instead", "POST", Crds, Definition("", "{type: object, x-kubernetes-validations: [{rule: self == oldSelf, messageExpression: '\"x\"'}]}"), "application/yaml"),
        new("Finalizing a namespace by hand", 405, "this plane finalizes namespaces itself", "PUT", "/api/v1/namespaces/default/finalize", """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default"}}"""),
    ];

    private static IEnumerable<TestCaseData> Cases() => Refusals.Select(r => new TestCaseData(r.Name) { TestName = $"{r.Name.Replace("`", "", StringComparison.Ordinal)} is refused with {r.Code}" });

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        server = await DevPlaneServer.StartAsync(new DevPlaneOptions { Tokens = [new PlaneToken { Token = "t" }], CelRules = Definitions.Rules() });
        client = PlaneClient.For(server, "t");
        await client.ExpectAsync(201, "POST", Crds, Definitions.Read("widgets.yaml"), "application/yaml");
        await client.ExpectAsync(201, "POST", Widgets, """{"apiVersion":"test.example.com/v1","kind":"Widget","metadata":{"name":"w"},"spec":{"size":1}}""");
        await client.ExpectAsync(201, "POST", Maps, Map.Replace("\"x\"", "\"m\"", StringComparison.Ordinal));
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        client?.Dispose();
        if (server is not null) await server.DisposeAsync();
    }

    [TestCaseSource(nameof(Cases))]
    public async Task Refused(string name)
    {
        var refusal = Refusals.Single(r => r.Name == name);
        var answer = await client.SendAsync(refusal.Method, refusal.Path, refusal.Body, refusal.Type, refusal.Accept);
        Assert.Multiple(() =>
        {
            Assert.That(answer.Code, Is.EqualTo(refusal.Code), answer.Text);
            Assert.That(answer.Message ?? answer.Text, Does.Contain(refusal.Message));
        });
    }

    [Test]
    public async Task Clients_that_ask_for_aggregated_discovery_or_protobuf_first_get_what_they_take_second()
    {
        var discovery = await client.SendAsync("GET", "/apis", accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json");
        var list = await client.SendAsync("GET", Maps, accept: "application/vnd.kubernetes.protobuf,application/json");
        Assert.That(((string?)discovery.Json!["kind"], (string?)list.Json!["kind"]), Is.EqualTo(("APIGroupList", "ConfigMapList")));
    }

    [Test]
    public void The_reference_page_lists_the_same_with_the_same_answers()
    {
        var page = File.ReadAllText(Path.Combine(SharedFolder.RepositoryRoot, "docs", "reference", "embedded-plane.md"));
        var section = page[page.IndexOf("## Deliberately not built", StringComparison.Ordinal)..];
        section = section[..section.IndexOf("\n## ", 5, StringComparison.Ordinal)];
        var rows = Row().Matches(section).Select(m => (m.Groups[1].Value, int.Parse(m.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture))).ToArray();
        Assert.That(rows, Is.EquivalentTo(Refusals.Select(r => (r.Name, r.Code))));
    }

    private static string Definition(string spec, string schema) => $$"""
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: refused.no.example.com}
        spec:
          group: no.example.com
          scope: Namespaced
          names: {plural: refused, kind: Refused}
          {{spec}}
          versions:
          - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {{schema}} } }
        """;

    [GeneratedRegex(@"(?m)^\| ([^|]+?) \| (\d{3})\b")]
    private static partial Regex Row();
}
