using System.Globalization;
using System.Text.Json.Nodes;
using Datum.Providers.Testing;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>
/// Random changes of valid objects and random patches, sent to both servers. DATUM_SEED draws others than the committed ones, DATUM_FUZZ (default 300) sets their number.
/// </summary>
[TestFixture]
public sealed class FuzzTests
{
    [Test]
    public async Task Random_changes_and_patches_get_the_same_answers_from_both_servers()
    {
        SharedFolder.Require("seeds", "datum-upstream");
        var seed = Number("DATUM_SEED", 1337037691);
        var count = Number("DATUM_FUZZ", 300);
        TestContext.Progress.WriteLine($"fuzz: DATUM_SEED={seed} DATUM_FUZZ={count}");
        var random = new Random(seed);
        await using var servers = await BothServers.StartAsync(UpstreamRules.Known);
        var created = new List<CrdFile>();
        var files = CrdFile.All.OrderBy(_ => random.Next()).Take(8).ToArray();
        foreach (var file in files)
        {
            // Another test may have installed the same definition on the shared server.
            await servers.Real.SendAsync("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", file.Definition.ToJsonString());
            await servers.Ours.ExpectAsync(201, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", file.Definition.ToJsonString());
            await servers.ServedAsync(file.Collection);
            var answer = await servers.CompareAsync("POST", file.Collection, file.Object("fuzz", SchemaSamples.Full(file.Schema)).ToJsonString());
            // What fills every field breaks rules such as "one of the two".
            if (answer.Code == 422) answer = await servers.CompareAsync("POST", file.Collection, file.Object("fuzz", SchemaSamples.Least(file.Schema)).ToJsonString());
            if (answer.Code == 201) created.Add(file);
        }

        for (var i = 0; i < count; i++)
        {
            var file = files[random.Next(files.Length)];
            var about = $"seed {seed}, change {i}, {file.Label}";
            var full = file.Object("fuzz", SchemaSamples.Full(file.Schema));
            switch (random.Next(4))
            {
                case 0:
                    full["metadata"]!["name"] = "new";
                    await servers.CompareAsync("POST", file.Collection + "?dryRun=All", Changed(full, random).ToJsonString(), about: about);
                    break;
                case 1:
                    full["metadata"]!["name"] = "new";
                    await servers.CompareAsync("POST", file.Collection + "?dryRun=All&fieldValidation=Strict", Changed(full, random).ToJsonString(), about: about);
                    break;
                case 2:
                    await servers.CompareAsync("PATCH", $"{file.Collection}/fuzz?dryRun=All", Merge(full, random).ToJsonString(), "application/merge-patch+json", about);
                    break;
                default:
                    await servers.CompareAsync("PATCH", $"{file.Collection}/fuzz?dryRun=All", Operations(full, random).ToJsonString(), "application/json-patch+json", about);
                    break;
            }
        }

        Assert.That(created, Has.Count.GreaterThan(files.Length / 2), "too few objects to patch");
        foreach (var file in created) await servers.ExpectAsync(200, "DELETE", file.Collection + "/fuzz");
    }

    private static JsonObject Changed(JsonObject value, Random random)
    {
        for (var changes = 1 + random.Next(3); changes > 0; changes--)
        {
            var place = Place(value, random);
            switch (random.Next(4))
            {
                case 0:
                    if (Mutations.At(value, place.AsSpan(0, place.Length - 1)) is JsonObject map) map.Remove((string)place[^1]);
                    break;
                case 1 when Mutations.At(value, place) is JsonObject inner:
                    inner["bogus" + random.Next(2)] = Value(null, random);
                    break;
                default:
                    Mutations.Set(value, place, Value(Mutations.At(value, place), random));
                    break;
            }
        }

        return value;
    }

    private static JsonObject Merge(JsonObject value, Random random)
    {
        var place = Place(value, random);
        // A merge patch can't reach into lists: it replaces the whole of one.
        var steps = place.TakeWhile(s => s is string).ToArray();
        JsonNode? patch = random.Next(4) == 0 ? null : Value(Mutations.At(value, steps), random);
        foreach (var step in steps.Reverse()) patch = new JsonObject { [(string)step] = patch };
        return (JsonObject)patch!;
    }

    private static JsonArray Operations(JsonObject value, Random random)
    {
        var operations = new JsonArray();
        for (var count = 1 + random.Next(3); count > 0; count--)
        {
            var place = Place(value, random);
            var op = new[] { "add", "replace", "remove", "test", "copy", "move" }[random.Next(6)];
            var operation = new JsonObject { ["op"] = op, ["path"] = Pointer(place) };
            if (op is "copy" or "move") operation["from"] = Pointer(Place(value, random));
            else if (op != "remove") operation["value"] = random.Next(2) == 0 ? Mutations.At(value, place)?.DeepClone() : Value(Mutations.At(value, place), random);
            operations.Add(operation);
        }

        return operations;
    }

    private static object[] Place(JsonObject value, Random random)
    {
        var places = Mutations.Places(value, []).ToArray();
        return places.Length == 0 ? ["spec"] : places[random.Next(places.Length)];
    }

    private static JsonNode? Value(JsonNode? old, Random random)
    {
        JsonNode?[] all = [.. Mutations.Near(old), Mutations.Other(old), null, JsonValue.Create(true), JsonValue.Create("x"), JsonValue.Create(7), new JsonArray(JsonValue.Create(1)), new JsonObject { ["a"] = "b" }];
        var chosen = all[random.Next(all.Length)]?.DeepClone();
        // 1 that becomes 1.0 counts as a change for the real server alone; the reference page says so.
        return chosen?.ToJsonString() == "1.0" ? null : chosen;
    }

    private static string Pointer(object[] place) =>
        string.Concat(place.Select(s => "/" + s.ToString()!.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)));

    private static int Number(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } given ? int.Parse(given, CultureInfo.InvariantCulture) : otherwise;
}
