using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Datum.Providers.Testing;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>The same scripts against the real API server and the embedded one: where the two differ, the embedded one is wrong.</summary>
[TestFixture]
public sealed partial class DifferentialTests
{
    private static int s_case;
    private DevPlaneServer embedded = null!;
    private PlaneClient ours = null!;
    private PlaneClient real = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        var server = await RealApiServer.SharedAsync();
        real = PlaneClient.For(Path.GetDirectoryName(server.KubeConfigPath)!, server.Port);
        embedded = await DevPlaneServer.StartAsync(new DevPlaneOptions { Tokens = [new PlaneToken { Token = "t" }], CelRules = Definitions.Rules() });
        ours = PlaneClient.For(embedded, "t");
        foreach (var client in (PlaneClient[])[ours, real])
        {
            foreach (var name in (string[])["widgets", "rules"])
            {
                // Another fixture may have installed it on the shared server.
                var made = await client.SendAsync("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", Definitions.Read(name + ".yaml"), "application/yaml");
                Assert.That(made.Code, Is.EqualTo(201).Or.EqualTo(409), made.Text);
            }

            await Eventually.HoldsAsync(async () => (await client.SendAsync("GET", "/apis/test.example.com/v1")).Text.Contains("rules", StringComparison.Ordinal)
                && (await client.SendAsync("GET", "/apis/test.example.com/v1")).Text.Contains("widgets/status", StringComparison.Ordinal)
                && (await client.SendAsync("GET", "/apis/test.example.com/v1/widgets")).Code == 200
                && (await client.SendAsync("GET", "/apis/test.example.com/v1/rules")).Code == 200, "the kinds are served");
        }
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        real?.Dispose();
        ours?.Dispose();
        if (embedded is not null) await embedded.DisposeAsync();
    }

    [TestCaseSource(typeof(DifferentialCases), nameof(DifferentialCases.Scripts))]
    public async Task Play(Step[] steps)
    {
        var space = "case-" + Interlocked.Increment(ref s_case);
        var wanted = await PlayAsync(real, space, steps);
        var got = await PlayAsync(ours, space, steps);
        for (var i = 0; i < steps.Length; i++)
        {
            if (steps[i].Silent) continue;
            Assert.That(got[i], Is.EqualTo(wanted[i]), $"step {i + 1}: {steps[i].Method} {steps[i].Path} {steps[i].Body}");
        }
    }

    private static async Task<List<string>> PlayAsync(PlaneClient client, string space, Step[] steps)
    {
        await client.ExpectAsync(201, "POST", "/api/v1/namespaces", $$"""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"{{space}}"} }""");
        var results = new List<string>();
        JsonNode? last = null;
        foreach (var step in steps)
        {
            var answer = await client.SendAsync(step.Method, Fill(step.Path, space, last), step.Body is null ? null : Fill(step.Body, space, last), step.Type, step.Accept);
            last = answer.Json?["kind"]?.ToString() == "Status" ? last : answer.Json;
            results.Add(Normal.Show(answer, step.Loose));
        }

        return results;
    }

    private static string Fill(string text, string space, JsonNode? last) => text
        .Replace("{ns}", space, StringComparison.Ordinal)
        .Replace("{rv}", (string?)last?["metadata"]?["resourceVersion"] ?? "", StringComparison.Ordinal)
        .Replace("{continue}", (string?)last?["metadata"]?["continue"] ?? "", StringComparison.Ordinal)
        .Replace("{uid}", (string?)last?["metadata"]?["uid"] ?? "", StringComparison.Ordinal);
}

/// <summary>Brings an answer into a comparable form: keys sorted, what differs by nature masked.</summary>
internal static partial class Normal
{
    private static readonly HashSet<string> Masked = new(StringComparer.Ordinal)
    {
        "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "continue", "serverAddressByClientCIDRs", "remainingItemCount",
    };

    public static string Show(Answer answer, bool loose)
    {
        var head = $"{answer.Code}\n{string.Join('\n', answer.Warnings)}\n";
        if (answer.Text.Contains("\"type\":\"", StringComparison.Ordinal) && answer.Text.Contains("\"object\":", StringComparison.Ordinal) && answer.Text.EndsWith('\n') && !answer.Text.StartsWith("{\"kind\"", StringComparison.Ordinal))
        {
            return head + string.Join('\n', answer.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => Text(JsonNode.Parse(l))));
        }

        if (answer.Json is not { } json) return head + answer.Text;
        if (loose && (string?)json["kind"] == "Status") return head + (string?)json["reason"];
        return head + Text(json);
    }

    private static string Text(JsonNode? node) => Sort(node, "")?.ToJsonString(new System.Text.Json.JsonSerializerOptions { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) ?? "null";

    private static JsonNode? Sort(JsonNode? node, string name)
    {
        switch (node)
        {
            case JsonObject o:
                var sorted = new JsonObject();
                foreach (var (key, value) in o.OrderBy(p => p.Key, StringComparer.Ordinal))
                {
                    if (key is "managedFields" or "storageVersionHash") continue;
                    // The real server writes an empty continue on lists of custom resources and none on others.
                    if (key == "continue" && (string?)value == "") continue;
                    sorted[key] = Masked.Contains(key) ? "*" : key == "description" && IsLong(value) ? "*" : key == "verbs" ? Sorted(value) : Sort(value, key);
                }

                // Items of built-in lists omit what the list says already.
                return sorted;
            case JsonArray a when name is "causes":
                return new JsonArray([.. a.Select(x => Sort(x, "")).OrderBy(x => x!.ToJsonString(), StringComparer.Ordinal)]);
            case JsonArray a when name is "items":
                return new JsonArray([.. a.Select(x => Item(Sort(x, "")))]);
            case JsonArray a when name is "resources":
                return new JsonArray([.. a.Select(x => Sort(x, "")).OrderBy(x => (string?)x!["name"], StringComparer.Ordinal)]);
            case JsonArray a:
                return new JsonArray([.. a.Select(x => Sort(x, ""))]);
            case JsonValue v when v.TryGetValue<string>(out var text):
                return Mask(text, name);
            default:
                return node?.DeepClone();
        }
    }

    /// <summary>Texts of Go's own documentation, which isn't copied.</summary>
    private static bool IsLong(JsonNode? description) =>
        description?.ToString() is { } text && (text.StartsWith("Name must be", StringComparison.Ordinal) || text.StartsWith("CreationTimestamp is", StringComparison.Ordinal));

    private static JsonNode? Item(JsonNode? item)
    {
        if (item is JsonObject o && (string?)o["apiVersion"] is "v1" or "coordination.k8s.io/v1")
        {
            ((JsonObject)item!).Remove("apiVersion");
            ((JsonObject)item).Remove("kind");
        }

        return item;
    }

    private static JsonArray Sorted(JsonNode? verbs) => new([.. ((JsonArray)verbs!).Select(v => (string?)v).Order(StringComparer.Ordinal).Select(v => (JsonNode?)v)]);

    private static string Mask(string text, string name)
    {
        text = Uid().Replace(text, "UID");
        text = Age().Replace(text, "AGE");
        text = Version().Replace(text, "$1*");
        // The order of several field errors isn't defined in the real server; the sorted causes are compared.
        if (name == "message" && text.Contains("is invalid: [", StringComparison.Ordinal)) text = string.Concat(text.Order());
        return text;
    }

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex Uid();

    [GeneratedRegex("^[0-9]+s$")]
    private static partial Regex Age();

    [GeneratedRegex(@"(current: |in record \(|too old resource version: )[0-9]+")]
    private static partial Regex Version();
}
