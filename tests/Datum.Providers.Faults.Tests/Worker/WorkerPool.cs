using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Datum.Providers.Faults.Tests.Worker;

/// <summary>What a worker said to a job.</summary>
internal sealed record JobAnswer(string Job, IReadOnlyList<string> Lines, double Milliseconds)
{
    public IReadOnlyList<string> Violations => [.. Lines.Where(l => l.StartsWith("violation ", StringComparison.Ordinal) || l.StartsWith("broken ", StringComparison.Ordinal))];

    public bool Missed => Lines.Contains("missed");
}

/// <summary>
/// Runs jobs in processes of this very program, as many as there are processors (<c>DATUM_WORKERS</c> says otherwise): a world needs its
/// thread pool for itself.
/// </summary>
internal static class WorkerPool
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(3);

    /// <summary>Jobs of one group stay together, so that their reference is made once. Answers come in any order.</summary>
    public static IReadOnlyList<JobAnswer> Run(IEnumerable<IReadOnlyList<string>> groups, Action<JobAnswer>? each = null)
    {
        var queue = new ConcurrentQueue<IReadOnlyList<string>>(groups.Where(g => g.Count > 0));
        var answers = new ConcurrentBag<JobAnswer>();
        var count = int.TryParse(Environment.GetEnvironmentVariable("DATUM_WORKERS"), out var wanted) && wanted > 0 ? wanted : Environment.ProcessorCount;
        var failures = new ConcurrentBag<Exception>();
        var threads = Enumerable.Range(0, Math.Min(count, queue.Count)).Select(_ => new Thread(() =>
        {
            try
            {
                Work(queue, answers, each);
            }
            catch (Exception e)
            {
                failures.Add(e);
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        return failures.IsEmpty ? [.. answers] : throw new AggregateException(failures);
    }

    public static JobAnswer Run(string job) => Run([[job]]).Single();

    private static void Work(ConcurrentQueue<IReadOnlyList<string>> queue, ConcurrentBag<JobAnswer> answers, Action<JobAnswer>? each)
    {
        Process? worker = null;
        try
        {
            while (queue.TryDequeue(out var group))
                foreach (var job in group)
                {
                    worker ??= Start();
                    var answer = Ask(worker, job);
                    if (answer is null)
                    {
                        // It hangs or has ended: that is this job's answer, and the others get a new worker.
                        End(worker);
                        worker = null;
                        answer = new JobAnswer(job, ["broken the worker gave no answer"], Longest.TotalMilliseconds);
                    }
                    answers.Add(answer);
                    each?.Invoke(answer);
                }
        }
        finally
        {
            if (worker is not null)
                End(worker);
        }
    }

    private static JobAnswer? Ask(Process worker, string job)
    {
        using var limit = new CancellationTokenSource(Longest);
        var lines = new List<string>();
        try
        {
            worker.StandardInput.WriteLine(job);
            worker.StandardInput.Flush();
            while (worker.StandardOutput.ReadLineAsync(limit.Token).AsTask().GetAwaiter().GetResult() is { } line)
            {
                if (line.StartsWith("done ", StringComparison.Ordinal))
                    return new JobAnswer(job, lines, double.Parse(line.AsSpan(5), CultureInfo.InvariantCulture));
                lines.Add(line);
            }
            return null;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            return null;
        }
    }

    private static Process Start()
    {
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("This process has no path.");
        var start = Path.GetFileNameWithoutExtension(program) == "dotnet"
            ? new ProcessStartInfo(program, [typeof(WorkerPool).Assembly.Location, "worker"])
            : new ProcessStartInfo(program, ["worker"]);
        start.RedirectStandardInput = start.RedirectStandardOutput = true;
        start.Environment["DOTNET_PROCESSOR_COUNT"] = "1";
        start.Environment["DOTNET_gcConcurrent"] = "0";
        // A worker does the same thing thousands of times: code is compiled once and well.
        start.Environment["DOTNET_TieredCompilation"] = "0";
        // That of the framework too: its precompiled code is never made better without tiers.
        start.Environment["DOTNET_ReadyToRun"] = "0";
        start.Environment["DOTNET_GCgen0size"] = "0x4000000";
        return Process.Start(start) ?? throw new InvalidOperationException($"{program} doesn't start.");
    }

    private static void End(Process worker)
    {
        if (!worker.HasExited)
            worker.Kill();
        worker.WaitForExit();
        worker.Dispose();
    }
}
