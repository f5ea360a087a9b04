using System.Text.Json;
using Datum.Providers.Engine.Locations;

namespace Datum.Providers.Engine.Tests.Locations;

internal sealed class SchemaCheckTests
{
    private const string Schema = """
        {"type":"object","required":["zone"],"properties":{
          "zone":{"type":"string","minLength":2,"maxLength":5,"pattern":"^[a-z]+$"},
          "size":{"type":"integer","minimum":1,"maximum":8},
          "share":{"type":"number"},"on":{"type":"boolean"},
          "mode":{"type":"string","enum":["a","b"]},
          "list":{"type":"array","minItems":1,"maxItems":2,"items":{"type":"string","minLength":1}},
          "tags":{"type":"object","additionalProperties":{"type":"integer"}},
          "deep":{"type":"object","properties":{"er":{"type":"object","required":["x"],"properties":{"x":{"type":"string"}}}}}}}
        """;

    [TestCase("""{"zone":"ab"}""")]
    [TestCase("""{"zone":"abcde","size":8,"share":0.5,"on":false,"mode":"b","list":["x","y"],"tags":{"p":1},"deep":{"er":{"x":""}}}""")]
    public void Takes(string block) => Assert.That(SchemaCheck.Validate(Schema, JsonElement.Parse(block), "p"), Is.Null);

    [TestCase("""{}""", "p.zone is missing")]
    [TestCase("""{"zone":null}""", "p.zone")]
    [TestCase("""{"zone":1}""", "p.zone")]
    [TestCase("""{"zone":"a"}""", "p.zone")]
    [TestCase("""{"zone":"abcdef"}""", "p.zone")]
    [TestCase("""{"zone":"A1"}""", "p.zone")]
    [TestCase("""{"zone":"ab","size":0}""", "p.size")]
    [TestCase("""{"zone":"ab","size":9}""", "p.size")]
    [TestCase("""{"zone":"ab","size":1.5}""", "p.size")]
    [TestCase("""{"zone":"ab","size":"1"}""", "p.size")]
    [TestCase("""{"zone":"ab","on":"true"}""", "p.on")]
    [TestCase("""{"zone":"ab","mode":"c"}""", "p.mode")]
    [TestCase("""{"zone":"ab","list":[]}""", "p.list")]
    [TestCase("""{"zone":"ab","list":["a","b","c"]}""", "p.list")]
    [TestCase("""{"zone":"ab","list":["a",""]}""", "p.list[1]")]
    [TestCase("""{"zone":"ab","tags":{"q":"x"}}""", "p.tags.q")]
    [TestCase("""{"zone":"ab","deep":{"er":{}}}""", "p.deep.er.x is missing")]
    [TestCase("""{"zone":"ab","zoen":"ab"}""", "p.zoen isn't known")]
    [TestCase("""[]""", "p must be of type object")]
    public void Refuses_by_path(string block, string says) => Assert.That(SchemaCheck.Validate(Schema, JsonElement.Parse(block), "p"), Does.StartWith(says));

    [TestCase("""{"type":"object","oneOf":[]}""", "oneOf")]
    [TestCase("""{"type":"object","properties":{"a":{"$ref":"#/x"}}}""", "$ref")]
    public void A_keyword_outside_the_subset_is_the_drivers_fault(string schema, string keyword) =>
        Assert.That(SchemaCheck.Validate(schema, JsonElement.Parse("""{"a":1}"""), "p"), Does.Contain(keyword));
}
