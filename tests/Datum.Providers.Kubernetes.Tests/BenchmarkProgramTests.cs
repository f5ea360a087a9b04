using System.Diagnostics;
using System.Reflection;
using Datum.Providers.Testing;

namespace Datum.Providers.Kubernetes.Tests;

/// <summary>The benchmark program with few objects: it runs and prints every row. No time is held to anything.</summary>
[Category("Slow")]
internal sealed class BenchmarkProgramTests
{
    private const int ToolMissing = 3;

    private static readonly string[] _rows =
    [
        "ours: reflector and cache", "ours: typed list", "client-node informer", "client-node list",
        "kubectl get -o json", "kubectl get -o name", "kubectl get --raw",
        "ours: pages as bytes, not decoded", "floor: socket, whole list, plain", "floor: socket, whole list, gzip",
        "ours: watch into the cache", "client-node watch into a Map", "floor: socket, watch", "floor: socket, watch of one object",
    ];

    private static readonly (string Row, int Count)[] _boundaryRows =
    [
        ("once: direct", 2), ("later: direct", 2), ("once: through the guard", 2), ("later: through the guard", 2), ("floor: a turn through the thread pool", 1),
        ("kind erased, direct", 2), ("kind erased, with retries |", 2), ("all of it", 2), ("Calls.New", 1), ("| simulator |", 1), ("| podman |", 1),
    ];

    [Test]
    public async Task The_client_benchmark_prints_every_row()
    {
        var server = await RealApiServer.SharedAsync();
        var program = typeof(BenchmarkProgramTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "BenchmarkProgram").Value!;
        var (code, output, errors) = await RunAsync(program, "client", "--objects", "50", "--runs", "1", "--updates", "5", "--kubeconfig", server.KubeConfigPath);
        if (code == ToolMissing)
            throw SharedFolder.Missing("node", $"the benchmark can't have all of its programs: {errors.Trim()}");

        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.StartWith("50 Instances of "));
        foreach (var row in _rows)
        {
            var cells = output.Split('\n').Where(l => l.StartsWith($"| {row} | ", StringComparison.Ordinal)).ToList();
            Assert.That(cells, Is.Not.Empty, $"no row '{row}' in\n{output}");
            Assert.That(cells, Has.All.Match(@"\| \d+(\.\d+)?( / \d+)? \|"), output);
        }
    }

    [Test]
    public async Task The_boundary_benchmark_prints_every_row()
    {
        var program = typeof(BenchmarkProgramTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "BenchmarkProgram").Value!;
        var (code, output, errors) = await RunAsync(program, "boundary", "--calls", "200", "--rounds", "2", "--runs", "1");

        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.StartWith("200 calls a round"));
        foreach (var (row, count) in _boundaryRows)
        {
            var cells = output.Split('\n').Where(l => l.StartsWith("| ", StringComparison.Ordinal) && l.Contains(row, StringComparison.Ordinal)).ToList();
            Assert.That(cells, Has.Count.EqualTo(count), $"rows '{row}' in\n{output}");
            Assert.That(cells, Has.All.Match(@"\| \d+(\.\d+)? / \d+(\.\d+)? \|"), output);
        }
    }

    [TestCase("boundary", "--calls", "0")]
    [TestCase("boundary", "--objects", "1")]
    [TestCase("client", "--runs", "none")]
    [TestCase("client", "--objects")]
    [TestCase("something")]
    public async Task Wrong_usage_is_refused_with_help(params string[] arguments)
    {
        var program = typeof(BenchmarkProgramTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "BenchmarkProgram").Value!;
        var (code, _, errors) = await RunAsync(program, arguments);
        Assert.That(code, Is.EqualTo(2));
        Assert.That(errors, Does.Contain("usage:"));
    }

    private static async Task<(int Code, string Output, string Errors)> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} doesn't start.");
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(4));
        var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
        var errors = process.StandardError.ReadToEndAsync(deadline.Token);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
        return (process.ExitCode, await output, await errors);
    }
}
