using System.Text;

namespace Datum.Providers.Kubernetes.Tests;

public sealed class YamlJsonTests
{
    [TestCase("a: 1", """{"a":1}""")]
    [TestCase("a: -1.5e3", """{"a":-1500}""")]
    [TestCase("a: '1'", """{"a":"1"}""")]
    [TestCase("a: \"true\"", """{"a":"true"}""")]
    [TestCase("a: on\nb: No\nc: y", """{"a":true,"b":false,"c":true}""")]
    [TestCase("a:\nb: ~\nc: null", """{"a":null,"b":null,"c":null}""")]
    [TestCase("a: 0644\nb: 0x1F\nc: 089", """{"a":420,"b":31,"c":89}""")]
    [TestCase("a: 10.0.0.0/24\nb: 1.2.3\nc: -x\nd: .inf", """{"a":"10.0.0.0/24","b":"1.2.3","c":"-x","d":".inf"}""")]
    [TestCase("x: &s {k: [1, 2]}\nz: *s", """{"x":{"k":[1,2]},"z":{"k":[1,2]}}""")]
    [TestCase("t: |\n  one\n  two\n", """{"t":"one\ntwo\n"}""")]
    [TestCase("""{"json": [true, {"n": 1}]}""", """{"json":[true,{"n":1}]}""")]
    public void Scalars_are_read_as_kubectl_reads_them(string yaml, string json) =>
        Assert.That(YamlJson.Parse(Encoding.UTF8.GetBytes(yaml)).Single().ToJsonString(), Is.EqualTo(json));

    [Test]
    public void Empty_documents_are_left_out() =>
        Assert.That(YamlJson.Parse("---\na: 1\n---\n---\n# only a comment\n---\nb: 2\n"u8.ToArray()).Select(d => d.ToJsonString()), Is.EqualTo(new[] { """{"a":1}""", """{"b":2}""" }));

    [TestCase("a: [")]
    [TestCase("a: 1\na: 2")]
    [TestCase("b: &x {c: 1}\na:\n  <<: *x")]
    [TestCase("? [a]\n: 1")]
    public void What_json_can_not_say_is_refused(string yaml) =>
        Assert.That(() => YamlJson.Parse(Encoding.UTF8.GetBytes(yaml)), Throws.InstanceOf<FormatException>());

    [Test]
    public void A_text_that_stands_for_endless_values_is_refused()
    {
        var bomb = new StringBuilder("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n");
        for (var i = 1; i < 10; i++)
            bomb.Append(System.Globalization.CultureInfo.InvariantCulture, $"a{i}: &a{i} [{string.Join(',', Enumerable.Repeat($"*a{i - 1}", 10))}]\n");
        Assert.That(() => YamlJson.Parse(Encoding.UTF8.GetBytes(bomb.ToString())), Throws.InstanceOf<FormatException>());
    }
}
