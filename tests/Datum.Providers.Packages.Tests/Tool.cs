using System.Diagnostics;

namespace Datum.Providers.Packages.Tests;

/// <summary>Programs that a test starts: their output goes to a file, they have a deadline, and they are ended by their id.</summary>
internal sealed class Tool : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _command;
    private readonly EventHandler _onExit;

    private Tool(Process process, string command, string log)
    {
        _process = process;
        _command = command;
        LogPath = log;
        _onExit = (_, _) => Kill();
        AppDomain.CurrentDomain.ProcessExit += _onExit;
    }

    public string LogPath { get; }

    public int Pid => _process.Id;

    public bool IsRunning => !_process.HasExited;

    /// <summary>Runs <c>dotnet</c> in a folder and returns its exit code with all that it said.</summary>
    public static async Task<(int ExitCode, string Output)> TryDotnetAsync(Workspace space, string folder, params string[] arguments)
    {
        await using var tool = Start(space, folder, ["dotnet", .. arguments]);
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(8));
        try
        {
            await tool._process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            throw new AssertionException($"{tool._command} didn't end in time:\n{tool.Log()}");
        }

        return (tool._process.ExitCode, tool.Log());
    }

    /// <summary>Runs <c>dotnet</c>, which must succeed.</summary>
    public static async Task<string> DotnetAsync(Workspace space, string folder, params string[] arguments)
    {
        var (code, output) = await TryDotnetAsync(space, folder, arguments);
        Assert.That(code, Is.Zero, $"dotnet {string.Join(' ', arguments)}\n{output}");
        return output;
    }

    /// <summary>Runs the host program of this build, which must succeed.</summary>
    public static Task<string> HostAsync(Workspace space, params string[] arguments) => DotnetAsync(space, space.Folder, [Repository.HostProgram, .. arguments]);

    /// <summary>Starts a program that goes on until it is disposed.</summary>
    public static Tool Start(Workspace space, string folder, params string[] command)
    {
        var log = space.NextLog();
        // The shell only redirects: exec keeps the process id, and a file holds no pipe open.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "log=$1; shift; exec \"$@\" >\"$log\" 2>&1 </dev/null", "sh", log, .. command]) { WorkingDirectory = folder };
        // What the test runner or another build left in the environment would lead this one astray.
        foreach (var name in start.Environment.Keys.Where(n => n.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase) || n.StartsWith("TESTINGPLATFORM", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        foreach (var (name, value) in space.Environment)
            start.Environment[name] = value;
        return new Tool(Process.Start(start) ?? throw new InvalidOperationException($"{command[0]} doesn't start."), string.Join(' ', command), log);
    }

    public string Log()
    {
        if (!File.Exists(LogPath))
            return "";
        using var reader = new StreamReader(new FileStream(LogPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }

    /// <summary>Waits until a line of the output holds the text, and returns that line.</summary>
    public async Task<string> SaysAsync(string text, TimeSpan deadline)
    {
        string? line = null;
        await Testing.Eventually.NothingWrongAsync(() =>
        {
            line = Log().Split('\n').FirstOrDefault(l => l.Contains(text, StringComparison.Ordinal));
            return line is null && !IsRunning
                ? throw new AssertionException($"{_command} ended before it said '{text}':\n{Log()}")
                : Task.FromResult(line is null ? "nothing" : null);
        }, deadline, $"{_command} says '{text}'", Log);
        return line!;
    }

    public ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= _onExit;
        Kill();
        _process.Dispose();
        return ValueTask.CompletedTask;
    }

    private void Kill()
    {
        if (_process.HasExited)
            return;
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
    }
}
