using System.Globalization;
using System.Xml;
using System.Xml.Linq;

namespace Datum.Providers.Conformance;

/// <summary>The report for build servers: JUnit XML, one testsuite for each group and one testcase for each numbered case.</summary>
public static class JUnitReport
{
    /// <summary>Makes the document. Characters that XML can't hold are replaced.</summary>
    public static XDocument Write(ConformanceReport report)
    {
        var root = new XElement("testsuites",
            new XAttribute("name", $"datum-conformance {report.Driver.Id} {report.Driver.Version}"),
            new XAttribute("tests", report.Results.Length),
            new XAttribute("failures", report.Count(CaseStatus.Failed)),
            new XAttribute("errors", 0),
            new XAttribute("time", Seconds(report.Results)));
        foreach (var group in report.Results.GroupBy(r => r.Case.Group).OrderBy(g => g.Key))
            root.Add(Suite(report, group.Key, [.. group]));
        return new XDocument(new XDeclaration("1.0", "utf-8", null), root);
    }

    private static XElement Suite(ConformanceReport report, KitGroup group, ImmutableArray<CaseResult> results) => new("testsuite",
        new XAttribute("name", group.ToString()),
        new XAttribute("tests", results.Length),
        new XAttribute("failures", results.Count(r => r.Status == CaseStatus.Failed)),
        new XAttribute("errors", 0),
        new XAttribute("skipped", results.Count(r => r.Status == CaseStatus.NotApplicable)),
        new XAttribute("time", Seconds(results)),
        new XElement("properties",
            Property("contract", KitVersion.Contract.ToString(2)),
            Property("driver", report.Driver.Id),
            Property("driverVersion", report.Driver.Version)),
        results.Select(r => Case(group, r)));

    private static XElement Case(KitGroup group, CaseResult result)
    {
        var element = new XElement("testcase",
            new XAttribute("name", result.Case.ToString()),
            new XAttribute("classname", $"datum.conformance.{group}"),
            new XAttribute("time", Seconds([result])));
        var message = Clean(result.Message);
        if (result.Status == CaseStatus.Failed)
            element.Add(new XElement("failure", new XAttribute("message", FirstLine(message)), new XAttribute("type", string.Join(' ', result.Case.Rules)), message));
        if (result.Status == CaseStatus.NotApplicable)
            element.Add(new XElement("skipped", new XAttribute("message", FirstLine(message))));
        element.Add(new XElement("system-out", Clean(string.Join(Environment.NewLine, result.Runs.Select(r =>
            $"{(r.Kind == ResourceKind.Unknown ? "run" : r.Kind.ToString())}: {r.Status}, faults {r.FaultsInjected.ToString(CultureInfo.InvariantCulture)}, calls {string.Join(' ', r.Calls.Select(c => $"{c.Key} {c.Value.ToString(CultureInfo.InvariantCulture)}"))}")))));
        return element;
    }

    private static XElement Property(string name, string value) => new("property", new XAttribute("name", name), new XAttribute("value", value));

    private static string Seconds(ImmutableArray<CaseResult> results) => results.Sum(r => r.Duration.TotalSeconds).ToString("0.000", CultureInfo.InvariantCulture);

    private static string FirstLine(string text) => text.IndexOfAny(['\r', '\n']) is var end and >= 0 ? text[..end] : text;

    private static string Clean(string text) => string.Concat(text.Select(c => XmlConvert.IsXmlChar(c) ? c : '?'));
}
