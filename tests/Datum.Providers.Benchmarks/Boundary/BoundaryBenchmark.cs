using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Datum.Providers.Benchmarks.Measured;
using Datum.Providers.Benchmarks.Running;

namespace Datum.Providers.Benchmarks.Boundary;

/// <summary>What a call costs because of everything that the host puts around a driver, and what loading one costs.</summary>
internal sealed class BoundaryBenchmark(BoundaryOptions options)
{
    private static readonly string[] s_drivers = ["simulator", "podman"];

    public async Task RunAsync(CancellationToken cancellation)
    {
        var callers = Callers.All();
        var costs = callers.ToDictionary(c => c, _ => new List<Cost>());
        // Long enough for the compiler's last tier, which is made in the background.
        for (var warm = 0; warm < 4; warm++)
            foreach (var caller in callers)
                await MeasureAsync(caller, Math.Max(options.Calls / 4, 1));
        for (var round = 0; round < options.Rounds; round++)
        {
            // Each round begins with another one, so that a slow moment of the machine hits none alone.
            for (var i = 0; i < callers.Count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                var caller = callers[(i + round) % callers.Count];
                costs[caller].Add(await MeasureAsync(caller, options.Calls));
            }
            await Console.Error.WriteLineAsync($"round {round + 1}/{options.Rounds}");
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{options.Calls} calls a round one after another, {options.Rounds} rounds in turn. {Environment.ProcessorCount} cores, {RuntimeInformation.OSArchitecture}, {RuntimeInformation.OSDescription.Split(' ')[0]}, {RuntimeInformation.FrameworkDescription}.\n"));
        Console.WriteLine(OfCalls(callers, costs));
        Console.WriteLine(await OfLoadingAsync(cancellation));
    }

    private static async Task<Cost> MeasureAsync(Caller caller, int calls)
    {
        // From a pool thread, as the engine's workers are.
        return await Task.Run(async () =>
        {
            var bytes = GC.GetTotalAllocatedBytes(precise: true);
            var cpu = Environment.CpuUsage.TotalTime;
            var begun = Stopwatch.GetTimestamp();
            await caller.CallAsync(calls).ConfigureAwait(false);
            var time = Stopwatch.GetElapsedTime(begun);
            return new Cost(time.TotalNanoseconds / calls, (Environment.CpuUsage.TotalTime - cpu).TotalNanoseconds / calls, (GC.GetTotalAllocatedBytes(precise: true) - bytes) / (double)calls);
        });
    }

    private static string OfCalls(IReadOnlyList<Caller> callers, Dictionary<Caller, List<Cost>> costs)
    {
        var text = new StringBuilder("### A call\n\n| | ns min / median | CPU ns min | bytes | ÷ direct | ns more | bytes more |\n|---|---|---|---|---|---|---|\n");
        foreach (var group in callers.GroupBy(c => c.Group))
        {
            var direct = costs[group.First()];
            foreach (var caller in group)
            {
                var mine = costs[caller];
                text.Append(CultureInfo.InvariantCulture, $"| {group.Key}: {caller.Name} | {mine.Min(c => c.Ns):0} / {Median(mine.Select(c => c.Ns)):0} | {mine.Min(c => c.CpuNs):0} | {Median(mine.Select(c => c.Bytes)):0} | ");
                text.Append(caller == group.First() ? "1.0 | 0 | 0 |\n" : string.Create(CultureInfo.InvariantCulture,
                    $"{mine.Min(c => c.Ns) / direct.Min(c => c.Ns):0.0} | {mine.Min(c => c.Ns) - direct.Min(c => c.Ns):0} | {Median(mine.Select(c => c.Bytes)) - Median(direct.Select(c => c.Bytes)):0} |\n"));
            }
        }
        return text.ToString();
    }

    private async Task<string> OfLoadingAsync(CancellationToken cancellation)
    {
        var volume = typeof(BoundaryBenchmark).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "DriverVolume").Value!;
        var starts = s_drivers.ToDictionary(d => d, _ => new List<ColdStart>());
        for (var run = 0; run < options.Runs; run++)
            foreach (var driver in s_drivers)
            {
                var line = await Tools.RunAsync(Environment.ProcessPath!, Arguments(volume, driver), null, cancellation);
                starts[driver].Add(JsonSerializer.Deserialize<ColdStart>(line, Measurement.Json)!);
                await Console.Error.WriteLineAsync($"load {run + 1}/{options.Runs}: {driver}");
            }
        var text = new StringBuilder("### Load and first call\n\n| | load, ms min / median | connect | first probe | second probe | from folder to first answer | again, warm: load |\n|---|---|---|---|---|---|---|\n");
        foreach (var (driver, runs) in starts)
            text.Append(CultureInfo.InvariantCulture, $"| {driver} | {Of(runs, r => r.LoadMs)} | {Of(runs, r => r.ConnectMs)} | {Of(runs, r => r.FirstMs)} | {Of(runs, r => r.SecondMs)} | {Of(runs, r => r.LoadMs + r.ConnectMs + r.FirstMs)} | {Of(runs, r => r.LoadAgainMs)} |\n");
        return text.ToString();
    }

    private static string[] Arguments(string volume, string driver)
    {
        string[] arguments = ["--measure-load", volume, driver];
        return Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(BoundaryBenchmark).Assembly.Location, .. arguments] : arguments;
    }

    private static string Of(List<ColdStart> runs, Func<ColdStart, double> value) =>
        string.Create(CultureInfo.InvariantCulture, $"{runs.Min(value):0.0} / {Median(runs.Select(value)):0.0}");

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    private readonly record struct Cost(double Ns, double CpuNs, double Bytes);
}
