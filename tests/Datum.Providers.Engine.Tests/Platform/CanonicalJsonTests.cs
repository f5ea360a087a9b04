using System.Text.Json;
using Datum.Providers.Engine.Platform;

namespace Datum.Providers.Engine.Tests.Platform;

internal sealed class CanonicalJsonTests
{
    [TestCase("""{"a":1,"b":2}""", """{"b":2,"a":1}""")]
    [TestCase("""{"a":1,"b":null}""", """{"a":1}""")]
    [TestCase("""{"a":1,"b":{}}""", """{"a":1}""")]
    [TestCase("""{"a":1,"b":{"c":{"d":null}}}""", """{"a":1}""")]
    [TestCase("""{"a":[{"y":1,"x":2}]}""", """ { "a" : [ { "x" : 2 , "y" : 1 } ] } """)]
    [TestCase("\"\\u0041\"", "\"A\"")]
    public void Same(string a, string b)
    {
        Assert.That(CanonicalJson.Same(JsonElement.Parse(a), JsonElement.Parse(b)));
        Assert.That(CanonicalJson.Digest(JsonElement.Parse(a)), Is.EqualTo(CanonicalJson.Digest(JsonElement.Parse(b))));
    }

    // An empty list of ingress rules denies everything, no list doesn't.
    [TestCase("""{"a":[]}""", """{}""")]
    [TestCase("""{"a":[1,2]}""", """{"a":[2,1]}""")]
    [TestCase("""{"a":1}""", """{"a":"1"}""")]
    [TestCase("""{"a":false}""", """{}""")]
    [TestCase("""{"a":0}""", """{}""")]
    [TestCase("""{"a":""}""", """{}""")]
    [TestCase("""{"a":[null]}""", """{"a":[]}""")]
    [TestCase("""{"a":{"b":1}}""", """{"b":1}""")]
    public void Different(string a, string b)
    {
        Assert.That(CanonicalJson.Same(JsonElement.Parse(a), JsonElement.Parse(b)), Is.False);
        Assert.That(CanonicalJson.Digest(JsonElement.Parse(a)), Is.Not.EqualTo(CanonicalJson.Digest(JsonElement.Parse(b))));
    }

    [Test]
    public void Nothing_is_the_same_as_nothing_only()
    {
        Assert.That(CanonicalJson.Same(null, null));
        Assert.That(CanonicalJson.Same(null, JsonElement.Parse("{}")), Is.False);
    }

    [Test]
    public void The_canonical_form_is_a_fixed_point()
    {
        var once = CanonicalJson.Of(JsonElement.Parse("""{"z":{"b":[{"q":1,"p":{"x":null}}],"a":null},"m":[],"a":1.50}"""));
        Assert.That(once.GetRawText(), Is.EqualTo("""{"a":1.50,"m":[],"z":{"b":[{"q":1}]}}"""));
        Assert.That(CanonicalJson.Of(once).GetRawText(), Is.EqualTo(once.GetRawText()));
    }

    // It stands in ledgers: a later version must come to the same.
    [TestCase("""{"b":1,"a":[true,null,"x"]}""", "54a65415ad370228")]
    public void The_digest_is_stable(string json, string digest) => Assert.That(CanonicalJson.Digest(JsonElement.Parse(json)), Is.EqualTo(digest));
}
