using System.Text.Json.Nodes;

namespace Datum.Providers.Kubernetes.Tests;

/// <summary>What a server's OpenAPI says of a kind's members.</summary>
public sealed class ApiSchemasTests
{
    private const string Index = """{"paths":{"api/v1":{},"apis/a.example/v1":{"serverRelativeURL":"/openapi/v3/apis/a.example/v1?hash=1"}}}""";

    private const string Document = """
        {"components":{"schemas":{
          "example.a.v1.Thing":{
            "type":"object",
            "properties":{
              "metadata":{"allOf":[{"$ref":"#/components/schemas/io.k8s.ObjectMeta"}],"default":{}},
              "spec":{"type":"object","properties":{
                "closed":{"type":"object","properties":{"one":{"type":"string"},"two":{"type":"string"}}},
                "empty":{"type":"object"},
                "open":{"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{"known":{"type":"string"}}},
                "map":{"type":"object","additionalProperties":{"type":"object","properties":{"inside":{"type":"string"}}}},
                "list":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"}}}}}}},
            "x-kubernetes-group-version-kind":[{"group":"a.example","version":"v1","kind":"Thing"}]},
          "io.k8s.ObjectMeta":{"type":"object","properties":{"name":{"type":"string"}}},
          "example.a.v1.Anything":{"type":"object","x-kubernetes-preserve-unknown-fields":true,"x-kubernetes-group-version-kind":[{"group":"a.example","version":"v1","kind":"Anything"}]}}}}
        """;

    [TestCase("spec", true)]
    [TestCase("spec.closed.one", true)]
    [TestCase("spec.closed.three", false)]
    [TestCase("spec.empty.one", false, Description = "an object without members keeps none")]
    [TestCase("spec.open.known", true)]
    [TestCase("spec.open.other.deep", true)]
    [TestCase("spec.map.any", true)]
    [TestCase("spec.map.any.inside", true)]
    [TestCase("spec.list[].name", true)]
    [TestCase("spec.list[].other", false)]
    [TestCase("spec.missing.deep", false)]
    [TestCase("metadata.name", true)]
    [TestCase("metadata.other", false)]
    public async Task A_member_is_kept_where_the_schema_has_it_or_is_open(string path, bool kept) =>
        Assert.That((await ReadAsync(Index, Document)).Keeps("a.example", "v1", "Thing", path), Is.EqualTo(kept));

    [Test]
    public async Task Members_are_those_of_a_closed_object()
    {
        var schemas = await ReadAsync(Index, Document);
        Assert.That(schemas.Members("a.example", "v1", "Thing", "spec.closed"), Is.EqualTo(new[] { "one", "two" }));
        Assert.That(schemas.Members("a.example", "v1", "Thing", "spec.empty"), Is.Empty);
        Assert.That(schemas.Members("a.example", "v1", "Thing", "spec.open"), Is.Null);
        Assert.That(schemas.Members("a.example", "v1", "Thing", "spec.map"), Is.Null);
        Assert.That(schemas.Members("a.example", "v1", "Thing", "spec.missing"), Is.Null);
        Assert.That(schemas.Members("a.example", "v1", "Anything", "spec.provider"), Is.Null);
        Assert.That(schemas.Keeps("a.example", "v1", "Anything", "spec.provider.x"), Is.True);
    }

    [TestCase(null, Document, Description = "no index")]
    [TestCase("""{"paths":{}}""", Document, Description = "the group isn't described")]
    [TestCase(Index, null, Description = "it vanished since")]
    [TestCase(Index, "{}")]
    public async Task Of_what_is_not_described_nothing_is_said(string? index, string? document)
    {
        var schemas = await ReadAsync(index, document);
        Assert.That(schemas.Keeps("a.example", "v1", "Thing", "spec"), Is.Null);
        Assert.That(schemas.Members("a.example", "v1", "Thing", "spec"), Is.Null);
    }

    [TestCase(403, false)]
    [TestCase(406, false)]
    [TestCase(503, true, Description = "a server that is ill is another matter")]
    public async Task A_description_that_may_not_be_read_is_none(int code, bool thrown)
    {
        var client = new Described(_ => throw new KubernetesException(code, "Refused", "refused"));
        async Task<bool?> Ask() => (await ApiSchemas.ReadAsync(client, [("a.example", "v1")], CancellationToken.None)).Keeps("a.example", "v1", "Thing", "spec");
        if (thrown)
            await Assert.ThrowsAsync<KubernetesException>(Ask);
        else
            Assert.That(await Ask(), Is.Null);
    }

    private static Task<ApiSchemas> ReadAsync(string? index, string? document) =>
        ApiSchemas.ReadAsync(new Described(path => path switch
        {
            "/openapi/v3" => index,
            "/openapi/v3/apis/a.example/v1" => document,
            _ => throw new AssertionException(path),
        }), [("a.example", "v1"), ("b.example", "v1")], CancellationToken.None);

    private sealed class Described(Func<string, string?> answer) : IKubernetesClient
    {
        public Task<JsonObject?> DiscoverAsync(string path, CancellationToken cancellation) => Task.FromResult(answer(path) is { } text ? (JsonObject?)JsonNode.Parse(text) : null);

        public Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();

        public Task<ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();

        public Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();

        public Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();

        public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();

        public IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();
    }
}
