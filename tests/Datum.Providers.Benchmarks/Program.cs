using System.Globalization;
using Datum.Providers.Benchmarks.Measured;
using Datum.Providers.Benchmarks.Running;

namespace Datum.Providers.Benchmarks;

/// <summary>Measures things against each other. Results are ratios within one run; nothing here is a test.</summary>
internal static class Program
{
    private const string Usage = """
        usage: Datum.Providers.Benchmarks client [--objects N] [--runs N] [--updates N] [--kubeconfig FILE]
               Datum.Providers.Benchmarks boundary [--calls N] [--rounds N] [--runs N]
               Datum.Providers.Benchmarks projects [--projects N] [--workloads N] [--runs N]

        Our client beside @kubernetes/client-node and kubectl: prints tables in Markdown on stdout, progress on stderr.
          --objects N        custom objects on the server (10000)
          --runs N           processes of each measurement, in turn (7)
          --updates N        updates whose way to a cache is timed (300)
          --kubeconfig FILE  an API server of yours; its Instances in a namespace of this run are removed afterwards.
                             Without it a real API server is started on loopback and stopped again.

        A call of the driver contract through what the host puts around it beside the same call made directly, and how long a packed
        driver takes from its folder to its first answer. Prints tables in Markdown; needs nothing else.
          --calls N          calls of each kind in a round (200000)
          --rounds N         rounds, in turn (15)
          --runs N           processes that load each driver, in turn (7)

        Many projects through one host and the simulator, with one project's control plane hanging and without: the others' times from a
        Workload's creation to Available. Prints a table in Markdown; needs nothing else.
          --projects N       projects (50)
          --workloads N      Workloads in all (1000)
          --runs N           pairs of runs (3)

        exit: 0 done, 1 failed, 2 wrong usage, 3 a program that is measured or measured against can't be had here
        """;

    private static async Task<int> Main(string[] arguments)
    {
        // With --measure this process is the one that is measured.
        if (arguments is ["--measure", var mode, var kubeconfig, var ns, var count])
            return await Child.RunAsync(mode, kubeconfig, ns, int.Parse(count, CultureInfo.InvariantCulture));
        if (arguments is ["--measure-load", var volume, var driver])
            return await Boundary.ColdStart.RunAsync(volume, driver);
        Func<CancellationToken, Task>? benchmark = arguments switch
        {
            ["client", .. var rest] when Options.TryParse(rest) is { } options => new ClientBenchmark(options).RunAsync,
            ["projects", .. var rest] when Projects.ProjectsOptions.TryParse(rest) is { } options => new Projects.ProjectsBenchmark(options).RunAsync,
            ["boundary", .. var rest] when Boundary.BoundaryOptions.TryParse(rest) is { } options => new Boundary.BoundaryBenchmark(options).RunAsync,
            _ => null,
        };
        if (benchmark is null)
        {
            await Console.Error.WriteLineAsync(Usage);
            return 2;
        }
        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            stop.Cancel();
        };
        try
        {
            await benchmark(stop.Token);
            return 0;
        }
        catch (Exception error) when (error is MissingToolException or IgnoreException or AssertionException)
        {
            await Console.Error.WriteLineAsync(error.Message);
            return 3;
        }
        catch (Exception error)
        {
            await Console.Error.WriteLineAsync(error.ToString());
            return 1;
        }
    }
}

internal sealed record Options
{
    public int Objects { get; init; } = 10_000;

    public int Runs { get; init; } = 7;

    public int Updates { get; init; } = 300;

    public string? KubeConfig { get; init; }

    /// <summary>Null for what can't be understood.</summary>
    public static Options? TryParse(string[] arguments)
    {
        var options = new Options();
        for (var i = 0; i < arguments.Length; i += 2)
        {
            if (i + 1 == arguments.Length)
                return null;
            var value = arguments[i + 1];
            var number = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n > 0 ? n : (int?)null;
            var next = arguments[i] switch
            {
                "--objects" when number is not null => options with { Objects = n },
                "--runs" when number is not null => options with { Runs = n },
                "--updates" when number is not null => options with { Updates = n },
                "--kubeconfig" when File.Exists(value) => options with { KubeConfig = Path.GetFullPath(value) },
                _ => null,
            };
            if (next is null)
                return null;
            options = next;
        }
        return options;
    }
}
