using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Datum.Providers.Benchmarks.Measured;

/// <summary>What one process measured of itself. Times in ms; -1 and null stand for what it can't measure.</summary>
internal sealed record Measurement
{
    /// <summary>The number of times that a process takes the same set again after the first.</summary>
    public const int Repeats = 3;

    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web);

    /// <summary>From the first request to the whole set, in a process that did nothing before.</summary>
    public double FirstMs { get; init; }

    public double[] AgainMs { get; init; } = [];

    /// <summary>Processor time of the whole process, user and system, for the first set; a busy machine changes it little.</summary>
    public double FirstCpuMs { get; init; }

    public double[] AgainCpuMs { get; init; } = [];

    /// <summary>Objects, or bytes for a floor that reads no objects.</summary>
    public long Count { get; init; }

    /// <summary>The high-water mark of resident memory right after the first set (VmHWM).</summary>
    public long PeakKb { get; init; }

    /// <summary>Growth of the managed heap over a full collection, with the set in hand.</summary>
    public long? HeldBytes { get; init; }

    /// <summary>From the start of the process to its end; set by the one who started it.</summary>
    public double ProcessMs { get; init; }

    public static long PeakKbOf(string process)
    {
        foreach (var line in File.ReadLines($"/proc/{process}/status"))
        {
            if (line.StartsWith("VmHWM:", StringComparison.Ordinal))
                return long.Parse(line.AsSpan(6, line.Length - 6 - 3), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
        }
        return 0;
    }

    /// <summary>Processor time of another process so far; its file counts in ticks of 10 ms.</summary>
    public static double CpuMsOf(int process)
    {
        var text = File.ReadAllText($"/proc/{process}/stat");
        // The program's name, in parentheses, may hold blanks; after it utime and stime are the 12th and 13th field.
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return 10 * (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture));
    }

    /// <summary>Takes a set once for time, peak and bytes held, then again for what a process that is warm needs.</summary>
    public static async Task<Measurement> TakeAsync(Func<Task<TakenSet>> take)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var (first, cpu, taken) = await TimeAsync(take);
        var peak = PeakKbOf("self");
        var held = GC.GetTotalMemory(forceFullCollection: true) - before;
        var count = taken.Count;
        await taken.StopAsync();
        taken = null;
        var (again, againCpu) = (new double[Repeats], new double[Repeats]);
        for (var i = 0; i < Repeats; i++)
        {
            GC.Collect();
            (again[i], againCpu[i], var another) = await TimeAsync(take);
            await another.StopAsync();
        }
        return new() { FirstMs = first, FirstCpuMs = cpu, AgainMs = again, AgainCpuMs = againCpu, Count = count, PeakKb = peak, HeldBytes = held };
    }

    private static async Task<(double Ms, double CpuMs, TakenSet Taken)> TimeAsync(Func<Task<TakenSet>> take)
    {
        var since = Stopwatch.GetTimestamp();
        var cpu = Environment.CpuUsage.TotalTime;
        var taken = await take();
        return (Stopwatch.GetElapsedTime(since).TotalMilliseconds, (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds, taken);
    }
}

/// <summary>A set in hand: <paramref name="Held"/> keeps it alive while it is measured.</summary>
internal sealed record TakenSet(object? Held, long Count, Func<Task>? Stop = null)
{
    public Task StopAsync() => Stop?.Invoke() ?? Task.CompletedTask;
}
