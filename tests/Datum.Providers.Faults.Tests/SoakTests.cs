using System.Globalization;
using Datum.Providers.Faults.Tests.Worker;

namespace Datum.Providers.Faults.Tests;

/// <summary>
/// Random lives. <c>DATUM_SEEDS</c> says how many (default 100,000 in the soak), <c>DATUM_SEED</c> from which one on; a failure prints its seed.
/// </summary>
internal sealed class SoakTests
{
    [Test, Category("Soak")]
    public void Random_lives_end_well() => Run(Number("DATUM_SEED", 1), Number("DATUM_SEEDS", 100_000));

    [Test, Category("Faults")]
    public void A_hundred_random_lives_end_well() => Run(1, 100);

    private static void Run(int first, int count)
    {
        var started = System.Diagnostics.Stopwatch.GetTimestamp();
        var answers = WorkerPool.Run(Enumerable.Range(first, count).Select(s => string.Create(CultureInfo.InvariantCulture, $"seed {s}")).Chunk(200).Select(c => (IReadOnlyList<string>)c), a =>
        {
            if (a.Violations.Count > 0)
                Report.Say(Line(a));
        });
        var took = System.Diagnostics.Stopwatch.GetElapsedTime(started);
        Report.Say(string.Create(CultureInfo.InvariantCulture, $"{answers.Count} seeds from {first} on in {took.TotalSeconds:0} s, {answers.Average(a => a.Milliseconds):0.0} ms each"));
        var failed = answers.Where(a => a.Violations.Count > 0).Select(Line).ToList();
        Assert.That(failed, Is.Empty, string.Join('\n', failed.Take(100)));
    }

    private static string Line(JobAnswer answer) => $"DATUM_SEED={answer.Job[5..]} DATUM_SEEDS=1: {answer.Violations[0]}";

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var given) ? given : otherwise;
}
