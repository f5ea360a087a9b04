using System.Globalization;
using System.Text.Json.Nodes;
using Datum.Providers.Testing;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>
/// Every definition of ours and of upstream on both servers, with objects made from its schema: valid, invalid in one place each, and
/// changed by patches. DATUM_SAMPLES (default 25) is the number of objects a case sends; 0 sends all.
/// </summary>
[TestFixture]
public sealed class CrdTests
{
    private static readonly int Samples = int.Parse(Environment.GetEnvironmentVariable("DATUM_SAMPLES") is { Length: > 0 } given ? given : "25", CultureInfo.InvariantCulture);
    private static int s_compared;
    private readonly HashSet<string> installed = [];
    private BothServers servers = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        SharedFolder.Require("seeds", "datum-upstream");
        servers = await BothServers.StartAsync(UpstreamRules.Known);
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (servers is null) return;
        TestContext.Progress.WriteLine($"definitions: {CrdFile.All.Count}, objects compared on both servers: {s_compared}");
        foreach (var file in CrdFile.All.Where(f => f.StrippedRules.Count > 0)) TestContext.Progress.WriteLine($"without its rules: {file.Label}: {string.Join(" | ", file.StrippedRules)}");
        await servers.DisposeAsync();
    }

    private static IEnumerable<TestCaseData> Cases()
    {
        foreach (var file in CrdFile.All)
        {
            foreach (var what in Subjects.Keys) yield return new TestCaseData(file.Label, what) { TestName = $"Real_and_embedded_server_answer_alike: {file.Label}: {what}" };
        }
    }

    private static readonly Dictionary<string, Func<CrdTests, CrdFile, Task>> Subjects = new()
    {
        ["the definition and its discovery"] = (t, f) => t.DefinitionAsync(f),
        ["valid objects, tables, labels, deletion"] = (t, f) => t.ValidAsync(f),
        ["wrong types"] = (t, f) => t.AllAsync(f, Mutations.WrongTypes),
        ["missing fields"] = (t, f) => t.AllAsync(f, Mutations.Missing),
        ["nulls"] = (t, f) => t.AllAsync(f, Mutations.Nulls),
        ["values at the edges"] = (t, f) => t.AllAsync(f, Mutations.Edges),
        ["unknown fields, warned about"] = (t, f) => t.AllAsync(f, Mutations.Unknown),
        ["unknown fields, refused"] = (t, f) => t.AllAsync(f, Mutations.Unknown, "&fieldValidation=Strict"),
        ["status, by patch and by put"] = (t, f) => t.StatusAsync(f),
        ["merge and JSON patches"] = (t, f) => t.PatchesAsync(f),
    };

    [TestCaseSource(nameof(Cases))]
    public Task Play(string file, string what) => Subjects[what](this, CrdFile.All.First(f => f.Label == file));

    private async Task DefinitionAsync(CrdFile file)
    {
        await InstallAsync(file);
        await servers.CompareAsync("GET", $"/apis/{file.Group}/{file.Version}");
        await servers.CompareAsync("GET", $"/apis/{file.Group}");
        await servers.CompareAsync("GET", file.Collection);
    }

    private async Task ValidAsync(CrdFile file)
    {
        await InstallAsync(file);
        foreach (var (name, body) in new[] { ("least", SchemaSamples.Least(file.Schema)), ("full", SchemaSamples.Full(file.Schema)), ("empty", new JsonObject()) })
        {
            var value = file.Object(name, body);
            await CompareAsync(file, "POST", "", value);
            await servers.CompareAsync("GET", $"{file.Collection}/{name}");
            await TableAsync($"{file.Collection}/{name}");
            await CompareAsync(file, "PATCH", $"/{name}", new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["a"] = "b" } } });
        }

        await TableAsync(file.Collection);
        await servers.CompareAsync("GET", file.Collection + "?labelSelector=a%3Db");
        foreach (var name in (string[])["least", "full", "empty"]) await servers.CompareAsync("DELETE", $"{file.Collection}/{name}");
    }

    private async Task StatusAsync(CrdFile file)
    {
        await InstallAsync(file);
        var full = SchemaSamples.Full(file.Schema);
        await CompareAsync(file, "POST", "", file.Object("s", full));
        await CompareAsync(file, "PATCH", "/s/status", new JsonObject { ["status"] = full["status"]?.DeepClone() });
        await servers.CompareAsync("GET", $"{file.Collection}/s/status");
        var put = file.Object("s", full);
        put["metadata"]!["labels"] = new JsonObject { ["dropped"] = "yes" };
        await CompareAsync(file, "PUT", "/s/status", put);
        if (full["status"] is JsonObject status)
        {
            foreach (var changed in Some(Mutations.WrongTypes(status).Concat(Mutations.Edges(status))))
            {
                await CompareAsync(file, "PATCH", "/s/status", new JsonObject { ["status"] = changed }, "?dryRun=All");
            }
        }

        await servers.CompareAsync("DELETE", $"{file.Collection}/s");
    }

    private async Task PatchesAsync(CrdFile file)
    {
        await InstallAsync(file);
        var full = file.Object("p", SchemaSamples.Full(file.Schema));
        await CompareAsync(file, "POST", "", full);
        var places = Mutations.Places(full, []).ToArray();
        foreach (var place in Some(places))
        {
            var old = Mutations.At(full, place);
            foreach (var value in Mutations.Near(old).Append(Mutations.Other(old)).Append(null).Take(3))
            {
                if (place.All(s => s is string))
                {
                    JsonNode? patch = value?.DeepClone();
                    foreach (var step in place.Reverse()) patch = new JsonObject { [(string)step] = patch };
                    await CompareAsync(file, "PATCH", "/p", patch!, "?dryRun=All");
                }

                var pointer = string.Concat(place.Select(s => "/" + s.ToString()!.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)));
                var operation = new JsonObject { ["op"] = value is null ? "remove" : "replace", ["path"] = pointer };
                if (value is not null) operation["value"] = value.DeepClone();
                await CompareAsync(file, "PATCH", "/p", new JsonArray(operation), "?dryRun=All");
            }
        }

        await servers.CompareAsync("DELETE", $"{file.Collection}/p");
    }

    private async Task AllAsync(CrdFile file, Func<JsonObject, IEnumerable<JsonObject>> change, string query = "")
    {
        await InstallAsync(file);
        var full = file.Object("m", SchemaSamples.Full(file.Schema));
        foreach (var value in Some(change(full))) await CompareAsync(file, "POST", "", value, "?dryRun=All" + query);
    }

    /// <summary>Evenly spread over the whole, the same in every run.</summary>
    private static IEnumerable<T> Some<T>(IEnumerable<T> all)
    {
        var list = all.ToList();
        if (Samples == 0 || list.Count <= Samples) return list;
        return Enumerable.Range(0, Samples).Select(i => list[(int)((long)i * list.Count / Samples)]);
    }

    private Task CompareAsync(CrdFile file, string method, string path, JsonNode body, string query = "")
    {
        Interlocked.Increment(ref s_compared);
        var type = method != "PATCH" ? null : body is JsonArray ? "application/json-patch+json" : "application/merge-patch+json";
        return servers.CompareAsync(method, file.Collection + path + query, body.ToJsonString(), type, file.Label);
    }

    private async Task TableAsync(string path)
    {
        const string table = "application/json;as=Table;v=v1;g=meta.k8s.io";
        var wanted = await servers.Real.SendAsync("GET", path, accept: table);
        var got = await servers.Ours.SendAsync("GET", path, accept: table);
        BothServers.Alike(wanted, got, path);
    }

    private async Task InstallAsync(CrdFile file)
    {
        if (!installed.Add(file.Label)) return;
        await servers.ExpectAsync(201, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", file.Definition.ToJsonString());
        await servers.ServedAsync(file.Collection);
        if (file.HasStatus) await servers.ServedAsync($"/apis/{file.Group}/{file.Version}");
    }
}
