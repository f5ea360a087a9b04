using System.Globalization;
using Datum.Providers.Benchmarks.Measured;
using Datum.Providers.Benchmarks.Running;

namespace Datum.Providers.Benchmarks;

/// <summary>Measures whole processes against each other. Results are ratios within one run; nothing here is a test.</summary>
internal static class Program
{
    private const string Usage = """
        usage: Datum.Providers.Benchmarks client [--objects N] [--runs N] [--updates N] [--kubeconfig FILE]

        Our client beside @kubernetes/client-node and kubectl: prints tables in Markdown on stdout, progress on stderr.
          --objects N        custom objects on the server (10000)
          --runs N           processes of each measurement, in turn (7)
          --updates N        updates whose way to a cache is timed (300)
          --kubeconfig FILE  an API server of yours; its Instances in a namespace of this run are removed afterwards.
                             Without it a real API server is started on loopback and stopped again.

        exit: 0 done, 1 failed, 2 wrong usage, 3 a program that is measured or measured against can't be had here
        """;

    private static async Task<int> Main(string[] arguments)
    {
        // With --measure this process is the one that is measured.
        if (arguments is ["--measure", var mode, var kubeconfig, var ns, var count])
            return await Child.RunAsync(mode, kubeconfig, ns, int.Parse(count, CultureInfo.InvariantCulture));
        if (arguments is not ["client", ..] || Options.TryParse(arguments[1..]) is not { } options)
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
            await new ClientBenchmark(options).RunAsync(stop.Token);
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
