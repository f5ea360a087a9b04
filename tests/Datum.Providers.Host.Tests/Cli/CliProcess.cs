using System.Diagnostics;
using System.Text;

namespace Datum.Providers.Host.Tests.Cli;

/// <summary>A shell line as a process of its own, with what it wrote where.</summary>
internal sealed class CliProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _out = new();
    private readonly StringBuilder _error = new();

    private CliProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Append(_out, line.Data);
        process.ErrorDataReceived += (_, line) => Append(_error, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Pid => _process.Id;

    public bool Ended => _process.HasExited;

    public string Out => Text(_out);

    public string Error => Text(_error);

    public static CliProcess Start(string line, string folder, string path)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", line]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["PATH"] = $"{path}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["HOME"] = folder;
        start.Environment["DOTNET_CLI_HOME"] = folder;
        start.Environment.Remove("NO_COLOR");
        var process = Process.Start(start) ?? throw new InvalidOperationException("The shell doesn't start.");
        process.StandardInput.Close();
        return new CliProcess(process);
    }

    public static async Task<CliRun> RunAsync(string line, string folder, string path)
    {
        await using var process = Start(line, folder, path);
        return await process.EndAsync();
    }

    /// <summary>SIGTERM; returns the exit code.</summary>
    public async Task<int> StopAsync()
    {
        using (var kill = Process.Start("/bin/sh", ["-c", $"kill -TERM {Pid}"]))
            await kill.WaitForExitAsync();
        return (await EndAsync()).Exit;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private async Task<CliRun> EndAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        await _process.WaitForExitAsync(deadline.Token);
        return new CliRun(_process.ExitCode, Out, Error);
    }

    private static void Append(StringBuilder text, string? line)
    {
        if (line is null)
            return;
        lock (text)
            text.Append(line).Append('\n');
    }

    private static string Text(StringBuilder text)
    {
        lock (text)
            return text.ToString();
    }
}
