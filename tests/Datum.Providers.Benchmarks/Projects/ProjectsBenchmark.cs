using System.Globalization;
using System.Text;

namespace Datum.Providers.Benchmarks.Projects;

/// <summary>Many projects through one host, with and without one of them hanging: the ratio of the others' times.</summary>
internal sealed class ProjectsBenchmark(ProjectsOptions options)
{
    public async Task RunAsync(CancellationToken cancellation)
    {
        var text = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"{options.Projects} projects, {options.Projects * options.Each} Workloads, {options.Runs} pairs of runs. {Environment.ProcessorCount} cores.\n\n"));
        text.Append("| Run | Workloads of the others | p50, ms | p95, ms | longest, ms | Workloads of the one |\n|---|---|---|---|---|---|\n");
        var p95 = new Dictionary<bool, List<double>> { [false] = [], [true] = [] };
        // The first run of a process compiles the code; it is thrown away.
        await OneAsync(options with { Projects = 2, Workloads = 4 }, hanging: false, cancellation);
        for (var run = 0; run < options.Runs; run++)
            foreach (var hanging in run % 2 == 0 ? new[] { false, true } : [true, false])
            {
                var (others, ofHung) = await OneAsync(options, hanging, cancellation);
                p95[hanging].Add(Percentile(others, 0.95));
                text.Append(CultureInfo.InvariantCulture, $"| {run + 1}, {(hanging ? "one hangs" : "all well")} | {others.Count} | {Percentile(others, 0.5):0} | {Percentile(others, 0.95):0} | {others.Max():0} | {ofHung} |\n");
                await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"run {run + 1}, {(hanging ? "one hangs" : "all well")}: p95 {p95[hanging][^1]:0} ms"));
            }
        var ratio = Percentile(p95[true], 0.5) / Percentile(p95[false], 0.5);
        text.Append(CultureInfo.InvariantCulture, $"\np95 of the others with one that hangs ÷ without (medians of the runs): {ratio:0.00}\n");
        await Console.Out.WriteAsync(text.ToString());
    }

    private static async Task<(IReadOnlyList<double> OthersMs, int OfHung)> OneAsync(ProjectsOptions options, bool hanging, CancellationToken cancellation)
    {
        await using var run = new ProjectsRun(options, hanging);
        return await run.MeasureAsync(cancellation);
    }

    private static double Percentile(IEnumerable<double> values, double share)
    {
        var sorted = values.Order().ToList();
        return sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Count) - 1, 0, sorted.Count - 1)];
    }
}
