using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Datum.Providers.Benchmarks.Measured;
using Datum.Providers.Benchmarks.Running;

namespace Datum.Providers.Benchmarks;

/// <summary>Markdown of what was measured. Ratios are made of minima for time and of medians for memory.</summary>
internal static class Report
{
    private const string None = "n/a";

    public static string Head(Options options, int objectBytes, string versions) => string.Create(CultureInfo.InvariantCulture,
        $"{options.Objects} Instances of {objectBytes} bytes, {options.Runs} processes of each, in turn. {Environment.ProcessorCount} cores, {RuntimeInformation.OSArchitecture}, {RuntimeInformation.OSDescription.Split(' ')[0]}. {versions}.\n");

    public static string OfSets(string title, IReadOnlyList<(Subject Subject, IReadOnlyList<Measurement> Runs)> rows, int objects)
    {
        var floor = rows.Single(r => r.Subject.Name is Subjects.FloorList or Subjects.FloorWatch).Runs;
        var text = new StringBuilder($"### {title}\n\n");
        text.Append("| | first, ms min / median | again, ms min / median | process, ms min / median | CPU first, ms | CPU again, ms | peak, MB | held, B/object |\n|---|---|---|---|---|---|---|---|\n");
        var ratios = new StringBuilder("\nRatios (times and CPU: minima; memory: medians):\n\n");
        ratios.Append("| | first ÷ peer | again ÷ peer | process ÷ peer | CPU first ÷ peer | CPU again ÷ peer | peak ÷ peer | held ÷ peer | again ÷ floor |\n|---|---|---|---|---|---|---|---|---|\n");
        foreach (var (subject, runs) in rows)
        {
            // A program that isn't measured against another one is its own peer.
            var peer = rows.FirstOrDefault(r => r.Subject.Name == subject.Peer).Runs ?? (subject.IsFloor ? null : runs);
            string[] cells =
            [
                subject.Name,
                Span(runs.Select(r => r.FirstMs)),
                Span(runs.SelectMany(r => r.AgainMs)),
                Span(runs.Select(r => r.ProcessMs)),
                Number(CpuFirst(runs)),
                Number(CpuAgain(runs)),
                Number(Peak(runs) / 1024),
                Number(subject.IsFloor ? null : Held(runs) / objects),
            ];
            text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
            string[] against =
            [
                subject.Name,
                Ratio(First(runs), peer, First),
                Ratio(Again(runs), peer, Again),
                Ratio(Process(runs), peer, Process),
                Ratio(CpuFirst(runs), peer, CpuFirst),
                Ratio(CpuAgain(runs), peer, CpuAgain),
                Ratio(Peak(runs), peer, Peak),
                subject.IsFloor ? None : Ratio(Held(runs), peer, Held),
                Ratio(Again(runs) ?? First(runs), floor, Again),
            ];
            ratios.Append("| ").AppendJoin(" | ", against).Append(" |\n");
        }
        return text.Append(ratios).ToString();
    }

    public static string OfFollowers(IReadOnlyList<(string Name, double[] Us)> rows)
    {
        var text = new StringBuilder("### One update\n\n| | p50, ms | p99, ms | p50 ÷ client-node | p50 ÷ floor |\n|---|---|---|---|---|\n");
        double P50(string name) => Percentile(rows.Single(r => r.Name == name).Us, 0.5);
        foreach (var (name, us) in rows)
        {
            var p50 = Percentile(us, 0.5);
            text.Append(CultureInfo.InvariantCulture, $"| {name} | {p50 / 1000:0.00} | {Percentile(us, 0.99) / 1000:0.00} | {p50 / P50(Subjects.Informer):0.00} | {p50 / P50(Subjects.FloorFollow):0.00} |\n");
        }
        return text.ToString();
    }

    private static double? First(IReadOnlyList<Measurement> runs) => runs.Min(r => r.FirstMs);

    private static double? Again(IReadOnlyList<Measurement> runs) => Least(runs.SelectMany(r => r.AgainMs));

    private static double? CpuFirst(IReadOnlyList<Measurement> runs) => runs.Min(r => r.FirstCpuMs);

    private static double? CpuAgain(IReadOnlyList<Measurement> runs) => Least(runs.SelectMany(r => r.AgainCpuMs));

    private static double? Process(IReadOnlyList<Measurement> runs) => runs.Min(r => r.ProcessMs);

    private static double? Peak(IReadOnlyList<Measurement> runs) => Median(runs.Select(r => (double)r.PeakKb));

    private static double? Held(IReadOnlyList<Measurement> runs) => runs.All(r => r.HeldBytes is not null) ? Median(runs.Select(r => (double)r.HeldBytes!)) : null;

    private static string Ratio(double? value, IReadOnlyList<Measurement>? peer, Func<IReadOnlyList<Measurement>, double?> of) =>
        value is { } a && peer is not null && of(peer) is { } b and > 0 ? (a / b).ToString("0.00", CultureInfo.InvariantCulture) : None;

    private static string Span(IEnumerable<double> values) => values.ToArray() is { Length: > 0 } all ? $"{Number(all.Min())} / {Number(Median(all))}" : None;

    private static double? Least(IEnumerable<double> values) => values.ToArray() is { Length: > 0 } all ? all.Min() : null;

    private static double Median(IEnumerable<double> values) => Percentile(values, 0.5);

    private static double Percentile(IEnumerable<double> values, double part)
    {
        var ordered = values.Order().ToArray();
        return ordered[(int)Math.Ceiling(part * (ordered.Length - 1))];
    }

    private static string Number(double? value) => value?.ToString("0", CultureInfo.InvariantCulture) ?? None;
}
