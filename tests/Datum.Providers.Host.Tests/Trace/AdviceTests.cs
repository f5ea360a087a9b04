using System.Reflection;
using System.Text.RegularExpressions;
using Datum.Providers.Host.Cli.Trace;
using Datum.Providers.Host.Tests.Documentation;
using Datum.Providers.Resources;

namespace Datum.Providers.Host.Tests.Trace;

/// <summary>No reason is without advice, and the page of reasons says the same as the trace.</summary>
public sealed partial class AdviceTests
{
    [Test]
    public void Every_reason_has_advice()
    {
        var reasons = typeof(Reasons).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (string)f.GetRawConstantValue()!)
            .Concat(Enum.GetNames<ErrorCode>()).Concat(Enum.GetNames<Lifecycle>()).Distinct(StringComparer.Ordinal).ToList();

        Assert.That(reasons, Has.Count.GreaterThan(80));
        Assert.That(reasons.Except(Advice.All.Select(r => r.Reason)), Is.Empty);
    }

    [Test]
    public void The_page_of_reasons_says_what_the_table_says()
    {
        var general = Advice.All.Where(r => r.Kind is null || Advice.All.All(o => o.Reason != r.Reason || o.Kind is not null)).DistinctBy(r => r.Reason).ToDictionary(r => r.Reason, r => r.What, StringComparer.Ordinal);
        var rows = Page.Of("docs/reference/conditions.md").Rows().SelectMany(r => Page.Words(r[0]).Select(w => (Reason: w, What: Link().Replace(r[^1], "$1")))).ToList();

        Assert.That(rows, Has.Count.GreaterThan(70));
        Assert.That(rows.Where(r => !general.TryGetValue(r.Reason, out var what) || what != r.What)
            .Select(r => $"{r.Reason}: the page says '{r.What}', the table '{general.GetValueOrDefault(r.Reason)}'"), Is.Empty);
    }

    [Test]
    public void Who_has_to_act_is_told_what_and_who_has_not_is_told_so() => Assert.Multiple(() =>
    {
        foreach (var row in Advice.All)
        {
            Assert.That(row.Who == AdviceFor.Nobody, Is.EqualTo(row.Order == CauseOrder.None), row.Reason);
            Assert.That(row.Who == AdviceFor.Time, Is.EqualTo(row.Order == CauseOrder.Time), row.Reason);
            if (row.Who is AdviceFor.User or AdviceFor.PlatformOperator or AdviceFor.DriverAuthor)
                Assert.That((row.What.Length > 0, row.Named?.Length > 0), Is.EqualTo((true, true)), row.Reason);
            Assert.That(row.Named?.StartsWith("Ask the platform operator", StringComparison.Ordinal) == true, Is.EqualTo(row.Who == AdviceFor.PlatformOperator), row.Reason);
            Assert.That(row.Named?.Count(c => c is '{') ?? 0, Is.EqualTo(row.Named?.Count(c => c is '}') ?? 0), row.Reason);
        }
    });

    [Test]
    public void A_reason_that_nobody_knows_points_at_the_message() =>
        Assert.That(Advice.Of("Zonked", "Instance"), Has.Property(nameof(AdviceRow.Who)).EqualTo(AdviceFor.PlatformOperator).And.Property(nameof(AdviceRow.Named)).Contains("{reason}"));

    [TestCase("a {x}[ b {y}][ c {z}]", "a 1 b 2")]
    [TestCase("{x}", "1")]
    [TestCase("no {z}", null)]
    [TestCase("[{z}]", "")]
    public void A_template_leaves_out_what_isnt_known(string template, string? text) =>
        Assert.That(AdviceText.TryFill(template, new Dictionary<string, string> { ["x"] = "1", ["y"] = "2" }), Is.EqualTo(text));

    [GeneratedRegex(@"\[([^\]]+)\]\([^)]*\)")]
    private static partial Regex Link();
}
