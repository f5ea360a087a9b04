using System.Diagnostics;
using System.Globalization;
using Datum.Providers.Faults.Tests.Bugs;
using Datum.Providers.Faults.Tests.Plans;
using Datum.Providers.Faults.Tests.Scenarios;

namespace Datum.Providers.Faults.Tests.Worker;

/// <summary>
/// A worker: one job a line on its input, its answer as one line or more on its output, the last of them <c>done</c>.
/// Jobs: <c>trace SCENARIO</c>, <c>plan PLAN</c>, <c>show PLAN</c>, <c>bug NAME PLAN</c>, <c>seed NUMBER</c>, <c>showseed NUMBER</c>.
/// </summary>
internal static class WorkerLoop
{
    public static int Run(TextReader input, TextWriter output)
    {
        OneThread.Enter();
        while (input.ReadLine() is { } line)
        {
            var started = Stopwatch.GetTimestamp();
            try
            {
                // On the pool's only thread, where everything of the world runs.
                foreach (var answer in Task.Run(() => DoAsync(line)).GetAwaiter().GetResult())
                    output.WriteLine(answer);
            }
            catch (Exception e)
            {
                output.WriteLine($"broken {Flat(e.ToString())}");
            }
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"done {Stopwatch.GetElapsedTime(started).TotalMilliseconds:0.0}"));
            output.Flush();
        }
        return 0;
    }

    private static async Task<IEnumerable<string>> DoAsync(string line)
    {
        var words = line.Split(' ');
        switch (words[0])
        {
            case "trace":
                var reference = await PlanRunner.ReferenceAsync(AllScenarios.Find(words[1]));
                return [.. reference.Violations.Select(v => $"violation {Flat(v)}"), .. reference.Trace.Select(t => $"call {t.Boundary} {t.Label} {t.Number.ToString(CultureInfo.InvariantCulture)}")];
            case "plan":
                return Say(await PlanRunner.RunAsync(FaultPlan.Parse(words[1]), null, details: false));
            case "bug":
                return Say(await PlanRunner.RunAsync(FaultPlan.Parse(words[2]), AllBugs.Find(words[1]), details: false));
            case "seed":
                return Say(await LifeAsync(int.Parse(words[1], CultureInfo.InvariantCulture), details: false));
            case "showseed":
                var random = await LifeAsync(int.Parse(words[1], CultureInfo.InvariantCulture), details: true);
                return [.. Say(random), .. random.Description.Split('\n').Select(d => $"text {d}")];
            case "show":
                var bug = words.Length > 2 ? AllBugs.Find(words[2]) : null;
                var shown = await PlanRunner.RunAsync(FaultPlan.Parse(words[1]), bug, details: true);
                return [.. Say(shown), .. shown.Description.Split('\n').Select(d => $"text {d}"), .. shown.Trace.Select(t => $"text {t}")];
            default:
                throw new ArgumentException($"'{line}' is no job.");
        }
    }

    /// <summary>Each twentieth life has Datum's controllers too.</summary>
    private static Task<PlanResult> LifeAsync(int seed, bool details) => seed % 20 == 0 ? RandomRun.RunAsync(seed, details) : EngineRun.RunAsync(seed, details);

    private static IEnumerable<string> Say(PlanResult result) =>
        [.. result.Violations.Select(v => $"violation {Flat(v)}"), .. result.Hit ? [] : (string[])["missed"]];

    private static string Flat(string text) => text.Replace('\n', ' ').Replace('\r', ' ');
}
