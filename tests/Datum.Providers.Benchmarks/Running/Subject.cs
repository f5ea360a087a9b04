using System.Diagnostics;
using System.Text.Json;
using Datum.Providers.Benchmarks.Measured;

namespace Datum.Providers.Benchmarks.Running;

/// <summary>One thing that is measured: a command whose process is started anew for each run.</summary>
/// <param name="Name">The row.</param>
/// <param name="Peer">The row that its ratios are made against.</param>
internal sealed record Subject(string Name, string? Peer, string Program, string[] Arguments)
{
    /// <summary>The process prints what it measured of itself; else it is measured from outside.</summary>
    public bool ReportsItself { get; init; } = true;

    public Dictionary<string, string> Environment { get; init; } = [];

    /// <summary>Counts as a floor: it reads bytes, not objects.</summary>
    public bool IsFloor { get; init; }

    public async Task<Measurement> RunAsync(CancellationToken cancellation)
    {
        var since = Stopwatch.GetTimestamp();
        using var process = Start();
        try
        {
            var errors = process.StandardError.ReadToEndAsync(cancellation);
            var (last, bytes, peak, cpu) = await DrainAsync(process, cancellation);
            await process.WaitForExitAsync(cancellation);
            var elapsed = Stopwatch.GetElapsedTime(since).TotalMilliseconds;
            if (process.ExitCode != 0)
                throw new InvalidOperationException($"{Name} ended with {process.ExitCode}: {await errors}");
            return ReportsItself
                ? JsonSerializer.Deserialize<Measurement>(last, Measurement.Json)! with { ProcessMs = elapsed }
                : new Measurement { FirstMs = elapsed, FirstCpuMs = cpu, ProcessMs = elapsed, Count = bytes, PeakKb = peak };
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    public Process Start()
    {
        var start = new ProcessStartInfo(Program, Arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in Environment)
            start.Environment[name] = value;
        return Process.Start(start) ?? throw new MissingToolException($"{Program} doesn't start.");
    }

    /// <summary>
    /// Reads all output. A process that doesn't report itself is looked at every 2 ms and at every piece of output:
    /// what it allocates or computes after the last look is missed.
    /// </summary>
    private async Task<(string Text, long Bytes, long PeakKb, double CpuMs)> DrainAsync(Process process, CancellationToken cancellation)
    {
        if (ReportsItself)
            return (await process.StandardOutput.ReadToEndAsync(cancellation), 0, 0, 0);
        long bytes = 0, peak = 0;
        double cpu = 0;
        var buffer = new byte[64 << 10];
        var reading = process.StandardOutput.BaseStream.ReadAsync(buffer, cancellation).AsTask();
        while (true)
        {
            Look(process, ref peak, ref cpu);
            if (await Task.WhenAny(reading, Task.Delay(2, cancellation)) != reading)
                continue;
            var read = await reading;
            if (read == 0)
                return ("", bytes, peak, cpu);
            bytes += read;
            reading = process.StandardOutput.BaseStream.ReadAsync(buffer, cancellation).AsTask();
        }
    }

    private static void Look(Process process, ref long peak, ref double cpu)
    {
        try
        {
            peak = Math.Max(peak, Measurement.PeakKbOf($"{process.Id}"));
            cpu = Math.Max(cpu, Measurement.CpuMsOf(process.Id));
        }
        catch (IOException)
        {
            // It has just ended: what was seen last stands.
            return;
        }
    }
}
