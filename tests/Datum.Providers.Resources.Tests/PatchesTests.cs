using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.Resources.Tests;

public sealed class PatchesTests
{
    [TestCase("""{"a":1}""", """{"a":1}""", null)]
    [TestCase("""{"a":1}""", """{"a":2}""", """{"a":2}""")]
    [TestCase("""{"a":1,"b":2}""", """{"a":1}""", """{"b":null}""")]
    [TestCase("""{"a":1}""", """{"a":1,"b":{}}""", """{"b":{}}""")]
    [TestCase("""{"a":{"b":1,"c":2}}""", """{"a":{"b":1,"c":3}}""", """{"a":{"c":3}}""")]
    [TestCase("""{"a":[1,2]}""", """{"a":[1]}""", """{"a":[1]}""")]
    [TestCase("""{"a":{"b":1}}""", """{"a":[1]}""", """{"a":[1]}""")]
    [TestCase("""{"a":[1]}""", """{"a":{"b":1,"c":null}}""", """{"a":{"b":1}}""")]
    [TestCase("""{"a":null}""", """{}""", null)]
    [TestCase("""{}""", """{"a":null}""", null)]
    [TestCase("""{"a":1}""", """{"a":null}""", """{"a":null}""")]
    [TestCase("""{"a":{"b":1}}""", """{"a":{}}""", """{"a":{"b":null}}""")]
    [TestCase("""{"a":1}""", """{"a":"1"}""", """{"a":"1"}""")]
    [TestCase("""{"a":0}""", """{"a":false}""", """{"a":false}""")]
    public void A_diff_holds_only_what_differs(string before, string after, string? expected)
    {
        var patch = Patches.MergeDiff((JsonObject)JsonNode.Parse(before)!, (JsonObject)JsonNode.Parse(after)!);
        Assert.That(patch?.ToJsonString(), Is.EqualTo(expected));
    }

    [Test]
    public void Applying_a_diff_gives_the_target_for_random_documents()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var differing = 0;
        for (var i = 0; i < 3000; i++)
        {
            var before = RandomObject(random, 3);
            var after = random.Next(2) == 0 ? Mutate(random, before) : RandomObject(random, 3);
            var patch = Patches.MergeDiff(before, after);
            var same = JsonNode.DeepEquals(before, after);
            Assert.That(patch is null, Is.EqualTo(same), $"seed {seed}: {before} {after}");
            if (patch is not null)
            {
                differing++;
                Assert.That(JsonNode.DeepEquals(Apply(before, patch), after), Is.True, $"seed {seed}: {before} + {patch} isn't {after}");
            }
        }

        Assert.That(differing, Is.InRange(1000, 2999));
    }

    [Test]
    public void A_status_patch_holds_the_changed_part_and_the_version_that_was_read()
    {
        var before = Workload();
        var after = ResourceTypes.Workloads.Clone(before);
        after.Spec.Placements.Clear();
        after.Status!.ReadyReplicas = 2;
        var patch = Patches.Status(ResourceTypes.Workloads, before, after)!;
        Assert.That(patch.MediaType, Is.EqualTo("application/merge-patch+json"));
        Assert.That(patch.Body.ToJsonString(), Is.EqualTo("""{"status":{"readyReplicas":2},"metadata":{"resourceVersion":"7"}}"""));
        Assert.That(Patches.Status(ResourceTypes.Workloads, before, after, guard: false)!.Body["metadata"], Is.Null);
    }

    [Test]
    public void Law_L8_nothing_changed_is_no_patch()
    {
        var before = Workload();
        var after = ResourceTypes.Workloads.Clone(before);
        Assert.That(Patches.Status(ResourceTypes.Workloads, before, after), Is.Null);
        Assert.That(Patches.Spec(ResourceTypes.Workloads, before, after), Is.Null);
        Assert.That(Patches.MetadataAndSpec(ResourceTypes.Workloads, before, after), Is.Null);
    }

    [Test]
    public void A_first_status_carries_its_zero_counters()
    {
        var before = Workload();
        before.Status = null;
        var after = ResourceTypes.Workloads.Clone(before);
        after.Status = new WorkloadStatus();
        var status = Patches.Status(ResourceTypes.Workloads, before, after)!.Body["status"]!.AsObject();
        Assert.That(status.Select(m => m.Key), Is.EquivalentTo((string[])["deployments", "replicas", "currentReplicas", "desiredReplicas", "readyReplicas"]));
    }

    [Test]
    public void A_metadata_patch_leaves_what_the_server_owns()
    {
        var before = Workload();
        before.Metadata.Finalizers = ["a", Finalizers.Platform];
        before.Metadata.Labels = new() { ["x"] = "1", ["y"] = "2" };
        var after = ResourceTypes.Workloads.Clone(before);
        after.Metadata.Finalizers!.Remove(Finalizers.Platform);
        after.Metadata.Labels!.Remove("x");
        after.Metadata.Generation = 99;
        Assert.That(
            Patches.MetadataAndSpec(ResourceTypes.Workloads, before, after)!.Body.ToJsonString(),
            Is.EqualTo("""{"metadata":{"labels":{"x":null},"finalizers":["a"],"resourceVersion":"7"}}"""));
    }

    [Test]
    public void A_guarded_patch_of_an_object_that_no_server_sent_is_refused()
    {
        var before = Workload();
        before.Metadata.ResourceVersion = null;
        var after = ResourceTypes.Workloads.Clone(before);
        after.Status!.Replicas = 1;
        Assert.That(() => Patches.Status(ResourceTypes.Workloads, before, after), Throws.ArgumentException.With.Message.Contains("resourceVersion"));
    }

    private static Workload Workload() => new()
    {
        Metadata = new ObjectMeta { Name = "w", ResourceVersion = "7", Generation = 1 },
        Spec = new WorkloadSpec { Placements = [new Placement { Name = "p" }] },
        Status = new WorkloadStatus { Replicas = 3 },
    };

    /// <summary>The RFC's own MergePatch, written from its pseudo code.</summary>
    private static JsonNode? Apply(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject members)
        {
            return patch?.DeepClone();
        }

        var result = target is JsonObject ? (JsonObject)target.DeepClone() : [];
        foreach (var (name, value) in members)
        {
            if (value is null)
            {
                result.Remove(name);
            }
            else
            {
                result[name] = Apply(result[name], value);
            }
        }

        return result;
    }

    private static JsonObject Mutate(Random random, JsonObject source)
    {
        var copy = (JsonObject)source.DeepClone();
        foreach (var name in copy.Select(m => m.Key).ToList())
        {
            switch (random.Next(4))
            {
                case 0:
                    copy.Remove(name);
                    break;
                case 1:
                    copy[name] = RandomValue(random, 2);
                    break;
                case 2 when copy[name] is JsonObject inner:
                    copy[name] = Mutate(random, inner);
                    break;
                default:
                    break;
            }
        }

        return copy;
    }

    private static JsonObject RandomObject(Random random, int depth)
    {
        var result = new JsonObject();
        for (var i = random.Next(4); i > 0; i--)
        {
            result[$"m{random.Next(4)}"] = RandomValue(random, depth - 1);
        }

        return result;
    }

    private static JsonNode RandomValue(Random random, int depth) => random.Next(depth > 0 ? 5 : 3) switch
    {
        0 => JsonValue.Create(random.Next(3)),
        1 => JsonValue.Create(random.Next(2) == 0),
        2 => JsonValue.Create($"s{random.Next(3)}"),
        3 => new JsonArray([.. Enumerable.Range(0, random.Next(3)).Select(_ => RandomValue(random, depth - 1))]),
        _ => RandomObject(random, depth),
    };
}
