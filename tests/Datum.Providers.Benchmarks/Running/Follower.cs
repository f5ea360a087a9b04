using System.Diagnostics;
using System.Text.Json;
using Datum.Providers.Benchmarks.Measured;

namespace Datum.Providers.Benchmarks.Running;

/// <summary>A process that follows updates while others do the same.</summary>
internal sealed class Follower(Subject subject) : IDisposable
{
    private readonly Process _process = subject.Start();
    private Task<string>? _errors;

    public string Name => subject.Name;

    public async Task ReadyAsync(CancellationToken cancellation)
    {
        _errors = _process.StandardError.ReadToEndAsync(cancellation);
        if (await _process.StandardOutput.ReadLineAsync(cancellation) is not { } line || !JsonSerializer.Deserialize<Followed>(line, Measurement.Json)!.Ready)
            throw new InvalidOperationException($"{Name} didn't become ready: {await _errors}");
    }

    /// <summary>The microseconds from before the request of each update to its arrival.</summary>
    public async Task<double[]> LatenciesAsync(CancellationToken cancellation)
    {
        var text = await _process.StandardOutput.ReadToEndAsync(cancellation);
        await _process.WaitForExitAsync(cancellation);
        return _process.ExitCode == 0 && JsonSerializer.Deserialize<Followed>(text, Measurement.Json)?.LatenciesUs is { } latencies
            ? latencies : throw new InvalidOperationException($"{Name} ended with {_process.ExitCode}: {await _errors!}");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }
}
