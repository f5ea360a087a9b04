using Datum.Providers.Resources.Telemetry;

namespace Datum.Providers.Resources.Tests;

/// <summary>Selectors of export policies: what is read, what it selects, and what is refused with a position.</summary>
public sealed class MetricsSelectorTests
{
    [TestCase("""{service_name="telemetry.datumapis.com"}          """ + "\n", true)]
    [TestCase("""{service_name="gateway.networking.k8s.io"}""", false)]
    [TestCase("datum_instance_ready", true)]
    [TestCase("datum_instance", false)]
    [TestCase("""datum_instance_ready{location="dfw"}""", true)]
    [TestCase("""datum_instance_ready{location!="dfw"}""", false)]
    [TestCase("""{location=~"d.w|ord"}""", true)]
    [TestCase("""{location=~"f"}""", false, Description = "a regular expression matches the whole value")]
    [TestCase("""{workload="web", location!~"f", driver=""}""", true, Description = "a label that isn't there is empty")]
    [TestCase("""{location="dfw",driver!=""}""", false)]
    [TestCase("""{location="ord" or workload='web',}""", true)]
    [TestCase("""datum_network_ready{location="dfw" or workload="web"}""", false, Description = "the name holds for each alternative")]
    [TestCase("""{text="a\"b\\c\n\u00e9"}""", true)]
    [TestCase("""{text=~`a"b\\c.é`}""", true, Description = "no escapes between backquotes, and a dot is a line break too")]
    [TestCase("""{order="1"}""", true, Description = "a label that begins with a keyword")]
    public void A_selector_selects(string text, bool selected)
    {
        Assert.That(MetricsSelector.TryParse(text, out var selector, out var error), Is.True, error);

        Assert.That(selector!.Matches(new Labels()), Is.EqualTo(selected));
    }

    [TestCase("", "empty")]
    [TestCase("{}", "Position 1: at least one matcher must need a value")]
    [TestCase("""{a=~".*"}""", "Position 1: at least one matcher")]
    [TestCase("""{a="b" or c!="d"}""", "Position 1: at least one matcher")]
    [TestCase("""rate({a="b"}[5m])""", "Position 1: 'rate' is a function")]
    [TestCase("""{a="b"}[5m]""", "Position 8: nothing may follow")]
    [TestCase("""{a="b"} offset 5m""", "Position 9: nothing may follow")]
    [TestCase("""{a="b"} + {c="d"}""", "Position 9: nothing may follow")]
    [TestCase("1 + 1", "Position 1: a metric name or '{' is expected")]
    [TestCase("""{a="b" c="d"}""", "Position 8: ',', 'or' or '}' is expected")]
    [TestCase("""{a="b" or }""", "Position 11: a label name is expected")]
    [TestCase("""{a="b" or or c="d"}""", "Position 14: one of = != =~ !~")]
    [TestCase("""{="b"}""", "Position 2: a label name is expected")]
    [TestCase("""{a:b="c"}""", "Position 3: one of = != =~ !~ is expected")]
    [TestCase("""{a>"b"}""", "Position 3: one of = != =~ !~ is expected")]
    [TestCase("{a=b}", "Position 4: a value in quotes is expected")]
    [TestCase("""{a="b}""", "Position 4: the quote isn't closed")]
    [TestCase("{a=\"b\nc\"}", "Position 6: a line break")]
    [TestCase("""{a="\d"}""", "Position 5: that is no escape")]
    [TestCase("""{a=~"("}""", "Position 5: that is no regular expression")]
    [TestCase("""{a=~"(?=b)c"}""", "Position 5: the regular expression is too large, or uses what RE2 doesn't have")]
    [TestCase("""{a=~"(b)\\1"}""", "Position 5: the regular expression is too large, or uses")]
    [TestCase("""{a=~"((b{90}){90}){90}"}""", "Position 5: the regular expression is too large, or uses")]
    [TestCase("""{a="b",project_name="p"}""", "Position 8: the label project_name can't be selected by")]
    public void What_is_no_selector_is_refused_with_its_position(string text, string says)
    {
        Assert.That(MetricsSelector.TryParse(text, out _, out var error), Is.False);

        Assert.That(error, Does.Contain(says));
    }

    [Test]
    public void Lengths_are_limited()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Error($$"""{a="{{new string('b', 3000)}}"}"""), Does.Contain("2048 is the most"));
            Assert.That(Error($$"""{a=~"{{new string('b', 600)}}"}"""), Does.Contain("512 is the most"));
            Assert.That(Error($$"""{{{string.Join(',', Enumerable.Range(0, 33).Select(i => $"a{i}=\"b\""))}}}"""), Does.Contain("more than 32 matchers"));
        });
    }

    /// <summary>A backtracking engine needs minutes for this one.</summary>
    [Test]
    [CancelAfter(10_000)]
    public void A_hostile_expression_costs_no_more_than_another()
    {
        Assert.That(MetricsSelector.TryParse("""{long=~"(a+)+(a+)+(a+)+b"}""", out var selector, out var error), Is.True, error);

        Assert.That(selector!.Matches(new Labels()), Is.False);
    }

    private static string? Error(string text) => MetricsSelector.TryParse(text, out _, out var error) ? null : error;

    private sealed class Labels : ILabelSet
    {
        private readonly Dictionary<string, string> _labels = new(StringComparer.Ordinal)
        {
            ["__name__"] = "datum_instance_ready", ["service_name"] = "telemetry.datumapis.com", ["location"] = "dfw", ["workload"] = "web",
            ["text"] = "a\"b\\c\né", ["order"] = "1", ["long"] = new string('a', 20_000),
        };

        public string this[string name] => _labels.GetValueOrDefault(name, "");
    }
}
