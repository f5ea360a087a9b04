using System.Globalization;
using System.Text;

namespace Datum.Providers.Conformance;

/// <summary>The report for people.</summary>
public static class TextReport
{
    /// <summary>One line: contract, driver, counts, calls by verb.</summary>
    public static string Badge(ConformanceReport report) => string.Create(CultureInfo.InvariantCulture,
        $"datum-conformance: contract {KitVersion.Contract.ToString(2)}, driver {report.Driver.Id} {report.Driver.Version}, {report.Count(CaseStatus.Passed)} passed, {report.Count(CaseStatus.Failed)} failed, {report.Count(CaseStatus.NotApplicable)} not applicable, faults {report.FaultCases} ({report.FaultsInjected:N0} injected), calls {string.Join(' ', report.Calls.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Key} {c.Value:N0}")))}");

    /// <summary>A table by group, then what failed and what wasn't applicable, with the reasons.</summary>
    public static string Write(ConformanceReport report)
    {
        var text = new StringBuilder().AppendLine(Badge(report)).AppendLine();
        Line("group", "passed", "failed", "n/a", "runs", "faults", "calls");
        foreach (var group in report.Results.GroupBy(r => r.Case.Group).OrderBy(g => g.Key))
            Row(group.Key.ToString(), [.. group]);
        Row("all", [.. report.Results]);

        text.AppendLine().AppendLine("Runs by kind:");
        foreach (var kind in report.Results.SelectMany(r => r.Runs).GroupBy(r => r.Kind).OrderBy(k => k.Key))
            text.AppendLine(CultureInfo.InvariantCulture, $"  {(kind.Key == ResourceKind.Unknown ? "(none)" : kind.Key),-10} {kind.Count(r => r.Status == CaseStatus.Passed)} passed, {kind.Count(r => r.Status == CaseStatus.Failed)} failed, {kind.Count(r => r.Status == CaseStatus.NotApplicable)} not applicable");

        Sampled();
        Section("Failed", CaseStatus.Failed);
        Section("Not applicable", CaseStatus.NotApplicable);
        return text.ToString();

        void Sampled()
        {
            var sampled = report.Results.Where(r => r.Runs.Any(k => k.BreakPointsTried < k.BreakPoints)).ToList();
            if (sampled.Count == 0)
                return;
            text.AppendLine().AppendLine("Broken at some of the places only, as the world wants it:");
            foreach (var result in sampled)
                text.AppendLine(CultureInfo.InvariantCulture, $"  {result.Case.Id} {string.Join(", ", result.Runs.Where(k => k.BreakPointsTried < k.BreakPoints).Select(k => $"{k.Kind} {Number(k.BreakPointsTried)} of {Number(k.BreakPoints)}"))}");
        }

        void Row(string name, ImmutableArray<CaseResult> results) => Line(name,
            Number(results.Count(r => r.Status == CaseStatus.Passed)),
            Number(results.Count(r => r.Status == CaseStatus.Failed)),
            Number(results.Count(r => r.Status == CaseStatus.NotApplicable)),
            Number(results.Sum(r => r.Runs.Length)),
            Number(results.SelectMany(r => r.Runs).Sum(r => r.FaultsInjected)),
            string.Join(' ', results.SelectMany(r => r.Runs).SelectMany(r => r.Calls).GroupBy(c => c.Key, StringComparer.Ordinal).OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => $"{c.Key} {Number(c.Sum(v => v.Value))}")));

        void Line(string name, string passed, string failed, string none, string runs, string faults, string calls) =>
            text.AppendLine(CultureInfo.InvariantCulture, $"{name,-16}{passed,8}{failed,8}{none,8}{runs,8}{faults,8}  {calls}");

        void Section(string title, CaseStatus status)
        {
            var results = report.Results.Where(r => r.Status == status).ToList();
            if (results.Count == 0)
                return;
            text.AppendLine().Append(title).AppendLine(":");
            foreach (var result in results)
                text.AppendLine(CultureInfo.InvariantCulture, $"  {result.Case} ({string.Join(", ", result.Case.Rules)})").Append("    ").AppendLine(result.Message.ReplaceLineEndings(Environment.NewLine + "    "));
        }
    }

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
