using System.CommandLine;
using System.CommandLine.Help;
using System.Reflection;
using System.Text.RegularExpressions;
using Datum.Providers.Host.Cli;
using Datum.Providers.Host.Loader;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Host.Tests.Documentation;

/// <summary>The pages under docs/reference say what the code says.</summary>
public sealed partial class ReferenceTests
{
    private static readonly string[] _reasons = [.. typeof(Reasons).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (string)f.GetRawConstantValue()!)];

    [Test]
    public void Every_reason_that_the_code_writes_has_a_row()
    {
        var written = Repository.Source().SelectMany(s => UsedReason().Matches(s)).Select(m => m.Groups[1].Value)
            .Concat(Enum.GetNames<ErrorCode>()).Concat(Enum.GetNames<Lifecycle>()).Concat(DriversReasons()).ToHashSet(StringComparer.Ordinal);
        Assert.That(written, Has.Count.GreaterThan(60), "the search found too little");

        Assert.That(written.Except(Page.Of("docs/reference/conditions.md").FirstWords()).Order(StringComparer.Ordinal), Is.Empty);
    }

    [Test]
    public void Every_row_of_the_reasons_is_a_reason_and_stands_once()
    {
        var rows = Page.Of("docs/reference/conditions.md").FirstWords();

        Assert.Multiple(() =>
        {
            Assert.That(rows.Except(_reasons).Except(Enum.GetNames<Lifecycle>()).Except(DriversReasons()), Is.Empty);
            Assert.That(rows, Is.Unique);
        });
    }

    private static IEnumerable<TestCaseData> LeafCommands() => Leaves(Commands.Create(), "datum-providers").Select(c => new TestCaseData(c.Path, c.Command).SetArgDisplayNames(c.Path));

    [TestCaseSource(nameof(LeafCommands))]
    public void Every_command_has_a_section_with_its_options(string path, Command command)
    {
        var documented = Page.Of("docs/reference/cli.md").Section($"## {path}").Rows().ToDictionary(r => Page.Words(r[0]).Single(), r => r[1], StringComparer.Ordinal);

        Assert.Multiple(() =>
        {
            var options = command.Options.Where(o => o is not HelpOption and not VersionOption).ToList();
            Assert.That(documented.Keys, Is.EquivalentTo(options.Select(o => o.Name)));
            foreach (var option in options.Where(o => documented.ContainsKey(o.Name)))
                Assert.That(documented[option.Name] == "required", Is.EqualTo(option.Required), $"{path} {option.Name}: required or not");
        });
    }

    [Test]
    public void Every_section_of_the_command_line_is_a_command() =>
        Assert.That(Page.Of("docs/reference/cli.md").Text.Split('\n').Where(l => l.StartsWith("## datum-providers", StringComparison.Ordinal)).Select(l => l[3..].Trim()),
            Is.EquivalentTo(Leaves(Commands.Create(), "datum-providers").Select(c => c.Path)));

    [Test]
    public void Every_rejection_of_a_driver_has_a_row() =>
        Assert.That(Page.Of("docs/reference/driver-rejections.md").FirstWords(), Is.EqualTo(Enum.GetNames<DriverRejectionReason>()));

    [Test]
    public void Every_log_message_with_an_id_has_a_row_with_its_level()
    {
        var code = Repository.Source().SelectMany(s => NumberedLog().Matches(s)).Select(m => $"{m.Groups[1].Value} {m.Groups[2].Value}").ToList();
        var documented = Page.Of("docs/reference/events-and-logs.md").Section("## Logs").Rows().Select(r => $"{r[0]} {r[1]}").ToList();

        Assert.Multiple(() =>
        {
            Assert.That(code, Has.Count.GreaterThan(15), "the search found too little");
            Assert.That(code, Is.Unique);
            Assert.That(documented, Is.EquivalentTo(code));
        });
    }

    [Test]
    public void Every_instrument_has_a_row()
    {
        var code = Repository.Source().SelectMany(s => Instrument().Matches(s)).Select(m => m.Groups[1].Value).ToList();

        Assert.That(code, Is.Not.Empty);
        Assert.That(Page.Of("docs/reference/events-and-logs.md").Section("## Metrics").Rows().SelectMany(r => Page.Words(r[1])), Is.EquivalentTo(code));
    }

    [TestCase(typeof(ProviderConfigSpec))]
    [TestCase(typeof(ProviderConfigStatus))]
    [TestCase(typeof(ProviderDriverStatus))]
    [TestCase(typeof(ManagedResourceSpec))]
    [TestCase(typeof(ManagedResourceStatus))]
    [TestCase(typeof(ResourceRecord))]
    [TestCase(typeof(RecordedIntent))]
    [TestCase(typeof(ResourcePolicies))]
    [TestCase(typeof(ManagementDefaults))]
    [TestCase(typeof(CollectorSettings))]
    [TestCase(typeof(ProviderLimits))]
    [TestCase(typeof(AllowedUse))]
    [TestCase(typeof(LocationMatch))]
    public void Every_field_of_our_kinds_is_named(Type type)
    {
        var named = Page.Words(Page.Of("docs/reference/kinds.md").Text).SelectMany(w => w.Split('.')).ToHashSet(StringComparer.Ordinal);
        var fields = type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly).Select(p => char.ToLowerInvariant(p.Name[0]) + p.Name[1..]).ToList();

        Assert.That(fields, Is.Not.Empty);
        Assert.That(fields.Where(f => !named.Contains(f)), Is.Empty);
    }

    [Test]
    public void Every_short_name_and_annotation_is_named()
    {
        var words = Page.Words(Page.Of("docs/reference/kinds.md").Text).ToHashSet(StringComparer.Ordinal);
        var shortNames = Repository.Files("deploy/crds", ".yaml").SelectMany(f => ShortName().Matches(File.ReadAllText(f))).Select(m => m.Groups[1].Value).ToList();
        var annotations = typeof(Annotations).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (string)f.GetRawConstantValue()!).ToList();

        Assert.Multiple(() =>
        {
            Assert.That(shortNames, Has.Count.GreaterThan(8));
            Assert.That(shortNames.Where(n => !words.Contains(n)), Is.Empty);
            Assert.That(annotations.Where(a => !words.Contains(a) && !words.Contains(a.Replace("providers.datumapis.com/", "", StringComparison.Ordinal))), Is.Empty);
        });
    }

    private static IEnumerable<(string Path, Command Command)> Leaves(Command command, string path) => command.Subcommands.Count == 0
        ? [(path, command)]
        : command.Subcommands.SelectMany(c => Leaves(c, $"{path} {c.Name}"));

    private static IEnumerable<string> DriversReasons() => Repository.Source("src/Drivers")
        .SelectMany(s => DriverReason().Matches(s)).SelectMany(m => Quoted().Matches(m.Value)).Select(m => m.Groups[1].Value).Distinct(StringComparer.Ordinal);

    [GeneratedRegex(@"\bReasons\.([A-Z]\w+)")]
    private static partial Regex UsedReason();

    [GeneratedRegex(@"(?:\bReason = [^;\n]*|obstacles\[[^\n]*)")]
    private static partial Regex DriverReason();

    [GeneratedRegex("\"([A-Z][A-Za-z]+)\"")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\[LoggerMessage\((?:EventId = )?(\d+), (?:Level = )?LogLevel\.(\w+)")]
    private static partial Regex NumberedLog();

    [GeneratedRegex("\\.Create(?:Counter|UpDownCounter|Histogram|Gauge|Observable\\w+)<\\w+>\\(\\s*\"([^\"]+)\"")]
    private static partial Regex Instrument();

    [GeneratedRegex(@"shortNames:\s*- (\w+)")]
    private static partial Regex ShortName();
}
