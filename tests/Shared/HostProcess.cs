using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Reflection;

namespace Datum.Providers.Testing;

/// <summary>
/// The real host program as a child process: its output goes to files, it can be killed at any moment and started again over the same state.
/// The project that links this file names program and driver volume by AssemblyMetadata <c>HostProgram</c> and <c>DriverVolume</c>.
/// </summary>
internal sealed class HostProcess : IAsyncDisposable
{
    private readonly string _folder;
    private readonly string[] _arguments;
    private readonly EventHandler _onExit;
    private Process? _process;
    private int _starts;

    private HostProcess(string folder, string kubeconfig, string[] arguments)
    {
        _folder = Directory.CreateDirectory(folder).FullName;
        Kubeconfig = kubeconfig;
        _arguments = arguments;
        _onExit = (_, _) => Kill();
        AppDomain.CurrentDomain.ProcessExit += _onExit;
    }

    public static string DriverVolume => Metadata("DriverVolume");

    public string Kubeconfig { get; }

    public int Pid => Running.Id;

    public bool IsRunning => _process is { HasExited: false };

    /// <summary>From the start of the process to its line "Ready".</summary>
    public TimeSpan StartUp { get; private set; }

    /// <summary>The output of the last start.</summary>
    public string LogPath => Path.Combine(_folder, $"host-{_starts}.log");

    private Process Running => _process ?? throw new InvalidOperationException("The host was not started.");

    /// <summary>A host with the embedded plane; its objects, its port and so its kubeconfig survive a new start.</summary>
    public static HostProcess Dev(string folder, params string[] more) => new(folder, Path.Combine(folder, "kubeconfig"),
    [
        "dev", "--state", Path.Combine(folder, "plane"), "--drivers", DriverVolume,
        "--port", FreePort().ToString(CultureInfo.InvariantCulture), "--kubeconfig", Path.Combine(folder, "kubeconfig"), .. more,
    ]);

    /// <summary>A host against the API server of a kubeconfig; its lease is in <paramref name="ns"/>.</summary>
    public static HostProcess Run(string folder, string kubeconfig, string ns) => new(folder, kubeconfig,
        ["run", "--kubeconfig", kubeconfig, "--drivers", DriverVolume, "--namespace", ns, "--install-crds"]);

    /// <summary>The same over a plane that has our kinds, with a driver volume of its own.</summary>
    public static HostProcess Run(string folder, string kubeconfig, string ns, string drivers, params string[] more) => new(folder, kubeconfig,
        ["run", "--kubeconfig", kubeconfig, "--drivers", drivers, "--namespace", ns, .. more]);

    /// <summary>Runs another command of the program to its end; returns what it printed.</summary>
    public static async Task<string> CommandAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [Metadata("HostProgram"), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })
            ?? throw new InvalidOperationException("The program doesn't start.");
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{string.Join(' ', arguments)} ended with {process.ExitCode}: {await error}");
    }

    /// <summary>Starts the program and waits until it says that it is ready.</summary>
    public async Task StartAsync()
    {
        var since = Stopwatch.StartNew();
        Launch();
        await ReadyAsync(TimeSpan.FromSeconds(60), TimeSpan.FromMilliseconds(20));
        StartUp = since.Elapsed;
    }

    /// <summary>Starts the program without waiting; one that waits for the lease is not ready.</summary>
    public void Launch()
    {
        if (IsRunning)
            throw new InvalidOperationException("The host runs already.");
        _process?.Dispose();
        _starts++;
        // The shell only redirects: exec keeps the process id, and a file holds no pipe open.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "log=$1; shift; exec \"$@\" >\"$log\" 2>&1 </dev/null", "sh", LogPath, "dotnet", Metadata("HostProgram"), .. _arguments]);
        _process = Process.Start(start) ?? throw new InvalidOperationException("The host program doesn't start.");
    }

    public Task ReadyAsync(TimeSpan deadline, TimeSpan? every = null) =>
        Eventually.NothingWrongAsync(() => !IsRunning
            ? throw new AssertionException($"The host ended before it was ready:\n{Log()}")
            : Task.FromResult(SaysReady ? null : "not ready"), deadline, "the host says that it is ready", Log, every);

    public bool SaysReady => Log().Contains($"Ready, process {Pid}", StringComparison.Ordinal);

    /// <summary>SIGKILL, and waits until the process is gone.</summary>
    public void Kill()
    {
        if (_process is not { HasExited: false } process)
            return;
        process.Kill();
        process.WaitForExit();
    }

    /// <summary>SIGTERM; returns the exit code.</summary>
    public async Task<int> StopAsync()
    {
        using (var kill = Process.Start("/bin/sh", ["-c", $"kill -TERM {Pid}"]))
            await kill.WaitForExitAsync();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await Running.WaitForExitAsync(deadline.Token);
        return Running.ExitCode;
    }

    /// <summary>Memory that the process has in RAM, in MiB.</summary>
    public long ResidentMiB()
    {
        var line = File.ReadLines($"/proc/{Pid}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }

    public string Log() => File.Exists(LogPath) ? ReadShared(LogPath) : "";

    /// <summary>The last lines of every start, for a failed test.</summary>
    public string Tail(int lines = 60) => string.Join('\n', Log().Split('\n').TakeLast(lines));

    public ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= _onExit;
        Kill();
        _process?.Dispose();
        return ValueTask.CompletedTask;
    }

    private static string ReadShared(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }

    /// <summary>Below the range that outgoing connections use, so that nobody else takes it while the host is down.</summary>
    private static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(12_000, 32_000);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // In use: another one.
                continue;
            }
        }
    }

    private static string Metadata(string key) =>
        typeof(HostProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value
        ?? throw new InvalidOperationException($"AssemblyMetadata {key} is empty.");
}
