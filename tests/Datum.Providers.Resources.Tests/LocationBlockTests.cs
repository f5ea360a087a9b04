using System.Text.Json;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.Resources.Tests;

public sealed class LocationBlockTests
{
    [Test]
    public void The_key_is_the_driver_and_the_value_its_block()
    {
        Assert.That(LocationBlock.TryRead(Location("""{"gcp":{"zone":"z"}}"""), out var block, out _), Is.True);
        Assert.That(block!.Driver, Is.EqualTo("gcp"));
        Assert.That(block.Block.GetProperty("zone").GetString(), Is.EqualTo("z"));
        Assert.That(block.Source, Is.EqualTo("spec.provider"));
    }

    [Test]
    public void A_block_without_members_is_a_block()
    {
        Assert.That(LocationBlock.TryRead(Location("""{"podman":{}}"""), out var block, out _), Is.True);
        Assert.That(block!.Driver, Is.EqualTo("podman"));
    }

    [TestCase(null)]
    [TestCase("{}")]
    public void Where_the_plane_pruned_the_block_the_annotation_carries_it(string? provider)
    {
        Assert.That(LocationBlock.TryRead(Location(provider, """{"podman":{"socket":"s"}}"""), out var block, out _), Is.True);
        Assert.That(block!.Driver, Is.EqualTo("podman"));
        Assert.That(block.Source, Does.Contain(Annotations.Provider));
    }

    [Test]
    public void Both_carriers_may_say_the_same()
    {
        Assert.That(LocationBlock.TryRead(Location("""{"gcp":{"a":1,"b":2}}""", """{"gcp": {"b": 2, "a": 1}}"""), out var block, out _), Is.True);
        Assert.That(block!.Driver, Is.EqualTo("gcp"));
    }

    [TestCase(null, null, "spec.provider is missing")]
    [TestCase("{}", null, "spec.provider is empty")]
    [TestCase("""{"gcp":{},"aws":{}}""", null, "spec.provider has 2 blocks (aws, gcp)")]
    [TestCase("""{"gcp":null}""", null, "spec.provider.gcp must be an object")]
    [TestCase("""{"gcp":"x"}""", null, "spec.provider.gcp must be an object")]
    [TestCase("""{"":{}}""", null, "empty key")]
    [TestCase(null, "{", "isn't JSON")]
    [TestCase(null, "[]", "must be a JSON object")]
    [TestCase(null, "{}", "metadata.annotations[providers.datumapis.com/provider] is empty")]
    [TestCase(null, """{"a":{},"b":{}}""", "metadata.annotations[providers.datumapis.com/provider] has 2 blocks (a, b)")]
    [TestCase(null, """{"a":{},"a":{}}""", "isn't JSON")]
    [TestCase("""{"gcp":{"zone":"a"}}""", """{"gcp":{"zone":"b"}}""", "different blocks")]
    [TestCase("""{"gcp":{}}""", """{"aws":{}}""", "different blocks")]
    public void Everything_else_is_refused_with_the_field(string? provider, string? annotation, string reason)
    {
        Assert.That(LocationBlock.TryRead(Location(provider, annotation), out var block, out var error), Is.False);
        Assert.That(block, Is.Null);
        Assert.That(error, Does.Contain(reason));
    }

    private static Location Location(string? provider, string? annotation = null) => new()
    {
        Metadata = new() { Name = "l", Annotations = annotation is null ? null : new() { [Annotations.Provider] = annotation } },
        Spec = new() { Provider = provider is null ? null : JsonDocument.Parse(provider).RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value) },
    };
}
