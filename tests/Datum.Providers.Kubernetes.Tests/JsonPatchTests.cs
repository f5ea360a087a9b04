using System.Text.Json;
using System.Text.Json.Nodes;

namespace Datum.Providers.Kubernetes.Tests;

internal sealed class JsonPatchTests
{
    [Test]
    public void Names_are_escaped_in_pointers_and_need_no_care()
    {
        Assert.That(JsonPointer.Of("metadata", "annotations", "example.com/a~b").ToString(), Is.EqualTo("/metadata/annotations/example.com~1a~0b"));
        Assert.That(JsonPointer.Of("spec").Member("").Item(3).AfterLast.ToString(), Is.EqualTo("/spec//3/-"));
        Assert.That(JsonPointer.Root.ToString(), Is.Empty);
        Assert.That(JsonPointer.Of("~1"), Is.EqualTo(JsonPointer.Root.Member("~1")).And.Not.EqualTo(JsonPointer.Of("/")));
    }

    [Test]
    public void Operations_stand_in_the_order_in_which_they_were_said()
    {
        var value = new JsonObject { ["x"] = 1 };
        var build = new JsonPatch()
            .Test(JsonPointer.Of("a"), value).Add(JsonPointer.Of("b").AfterLast, value).Replace(JsonPointer.Of("c"), null)
            .Remove(JsonPointer.Of("d")).Move(JsonPointer.Of("e"), JsonPointer.Of("f")).Copy(JsonPointer.Of("g"), JsonPointer.Of("h"));
        var patch = build.ToPatch();
        Assert.That(patch.MediaType, Is.EqualTo("application/json-patch+json"));
        Assert.That(patch.Body.ToJsonString(), Is.EqualTo(
            """[{"op":"test","path":"/a","value":{"x":1}},{"op":"add","path":"/b/-","value":{"x":1}},{"op":"replace","path":"/c","value":null},{"op":"remove","path":"/d"},{"op":"move","from":"/e","path":"/f"},{"op":"copy","from":"/g","path":"/h"}]"""));
        build.Remove(JsonPointer.Root);
        Assert.That(patch.Body.AsArray(), Has.Count.EqualTo(6), "what was built doesn't change afterwards");
    }

    [Test]
    public void Options_are_added_to_a_patch_and_an_apply_patch_keeps_its_manager()
    {
        var apply = Patch.Apply([], "me", force: true).With(new WriteOptions { DryRun = true });
        Assert.That(apply.Options, Is.EqualTo(new WriteOptions { FieldManager = "me", Force = true, DryRun = true }));
        Assert.That(() => Patch.Apply([], ""), Throws.ArgumentException);
    }

    [Test]
    public void Members_named_like_our_own_properties_survive_a_round_trip()
    {
        const string text = """{"apiVersion":"v1","kind":"X","metadata":{"name":"n","resourceVersion":"1","controllerOwner":{"a":1},"key":2},"key":"k","isDeleting":false,"spec":{"key":3}}""";
        var read = JsonSerializer.Deserialize(text, Core.Untyped("", "v1", "X", "xs", false).Json)!;
        Assert.That((read.Key, read.IsDeleting, read.Metadata.ControllerOwner), Is.EqualTo((new ObjectKey(null, "n"), false, (OwnerReference?)null)));
        var written = JsonNode.Parse(JsonSerializer.Serialize(read, Core.Untyped("", "v1", "X", "xs", false).Json));
        Assert.That(JsonNode.DeepEquals(written, JsonNode.Parse(text)), written!.ToJsonString());
    }
}
