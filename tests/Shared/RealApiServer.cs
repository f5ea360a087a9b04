using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Testing;

/// <summary>
/// A real Kubernetes API server with its etcd on free loopback ports, from <c>realapi</c> in the reference folder.
/// The programs come from <c>DATUM_REALAPI_BIN</c>, else from the newest cached build, else they are built into the cache.
/// Link this file; tests share the server of <see cref="SharedAsync"/>, which is stopped when the assembly's tests end.
/// </summary>
internal sealed class RealApiServer : IAsyncDisposable
{
    private static readonly SemaphoreSlim Gate = new(1, 1);
    private static RealApiServer? s_shared;

    private readonly string _scripts;
    private readonly string _binaries;
    private readonly string _folder;
    private readonly EventHandler _onExit;

    private RealApiServer(string scripts, string binaries, string folder, int port)
    {
        _scripts = scripts;
        _binaries = binaries;
        _folder = folder;
        Port = port;
        _onExit = (_, _) => RunToEndAsync(Path.Combine(_scripts, "stop.sh"), [_folder], null).GetAwaiter().GetResult();
        AppDomain.CurrentDomain.ProcessExit += _onExit;
    }

    /// <summary>The https port; etcd's client port is one higher.</summary>
    public int Port { get; }

    /// <summary>A kubeconfig with a client certificate that may do anything.</summary>
    public string KubeConfigPath => Path.Combine(_folder, "kubeconfig");

    /// <summary>The one server of this test assembly. Where it can't be had the test is ignored or fails (see <see cref="SharedFolder"/>).</summary>
    public static async Task<RealApiServer> SharedAsync()
    {
        await Gate.WaitAsync();
        try
        {
            return s_shared ??= await StartAsync();
        }
        finally
        {
            Gate.Release();
        }
    }

    /// <summary>Stops the shared server, if one was started.</summary>
    public static async Task StopSharedAsync()
    {
        await Gate.WaitAsync();
        try
        {
            if (s_shared is { } shared)
                await shared.DisposeAsync();
            s_shared = null;
        }
        finally
        {
            Gate.Release();
        }
    }

    /// <summary>Starts a server of its own; <paramref name="extraFlags"/> go to the API server.</summary>
    public static async Task<RealApiServer> StartAsync(string? extraFlags = null)
    {
        var scripts = SharedFolder.Require("realapi", "realapi");
        var binaries = await BinariesAsync(scripts);
        string last = "";
        for (var attempt = 0; attempt < 5; attempt++)
        {
            var port = FreePorts(3);
            var folder = Directory.CreateTempSubdirectory("datum-realapi-").FullName;
            var environment = new Dictionary<string, string> { ["BIN"] = binaries };
            if (extraFlags is not null)
                environment["EXTRA"] = extraFlags;
            var (code, output) = await RunToEndAsync(Path.Combine(scripts, "start.sh"), [folder, $"{port}"], environment);
            if (code == 0)
                return new RealApiServer(scripts, binaries, folder, port);
            last = output;
            Directory.Delete(folder, recursive: true);
        }
        throw new InvalidOperationException($"The real API server doesn't start: {last}");
    }

    /// <summary>Stops the server and starts it again over the same data and port: its watch cache then knows no earlier version.</summary>
    public async Task RestartAsync()
    {
        await RunToEndAsync(Path.Combine(_scripts, "stop.sh"), [_folder], null);
        var (code, output) = await RunToEndAsync(Path.Combine(_scripts, "start.sh"), [_folder, $"{Port}"], new Dictionary<string, string> { ["BIN"] = _binaries });
        if (code != 0)
            throw new InvalidOperationException($"The real API server doesn't start again: {output}");
    }

    /// <summary>Runs etcdctl against the server's etcd and returns what it printed.</summary>
    public async Task<string> EtcdctlAsync(params string[] arguments)
    {
        var (code, output) = await RunToEndAsync(Path.Combine(_binaries, "etcdctl"),
            ["--endpoints", $"http://127.0.0.1:{Port + 1}", .. arguments], new Dictionary<string, string> { ["ETCDCTL_API"] = "3" });
        return code == 0 ? output : throw new InvalidOperationException($"etcdctl ended with {code}: {output}");
    }

    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= _onExit;
        await RunToEndAsync(Path.Combine(_scripts, "stop.sh"), [_folder], null);
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    private static async Task<string> BinariesAsync(string scripts)
    {
        if (Environment.GetEnvironmentVariable("DATUM_REALAPI_BIN") is { Length: > 0 } named)
        {
            return File.Exists(Path.Combine(named, "coreserver"))
                ? named : throw new InvalidOperationException($"DATUM_REALAPI_BIN={named} holds no coreserver.");
        }
        var cache = CacheRoot();
        var newest = new DirectoryInfo(cache).EnumerateDirectories("realapi-*")
            .Where(d => File.Exists(Path.Combine(d.FullName, "coreserver")) && File.Exists(Path.Combine(d.FullName, "etcd")))
            .OrderByDescending(d => d.LastWriteTimeUtc).FirstOrDefault();
        if (newest is not null)
            return newest.FullName;

        // Built beside its final name and moved there, so that a build that was cut short is never found.
        var inputs = string.Concat(File.ReadAllText(Path.Combine(scripts, "build.sh")), File.ReadAllText(Path.Combine(scripts, "packages.txt")));
        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(inputs)))[..12];
        var building = Path.Combine(cache, $"building-{Guid.NewGuid():N}");
        var (code, output) = await RunToEndAsync(Path.Combine(scripts, "build.sh"), [building], new Dictionary<string, string> { ["PURE"] = "0" });
        if (code != 0)
            throw SharedFolder.Missing("realapi", $"the real API server can't be built: {output}");
        var built = Path.Combine(cache, $"realapi-{key}");
        if (Directory.Exists(built))
            Directory.Delete(building, recursive: true);
        else
            Directory.Move(building, built);
        return built;
    }

    private static string CacheRoot()
    {
        foreach (var root in new[]
        {
            "/var/cache/datum-providers",
            Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "datum-providers"),
        })
        {
            try
            {
                return Directory.CreateDirectory(root).FullName;
            }
            catch (UnauthorizedAccessException) when (root.StartsWith("/var", StringComparison.Ordinal))
            {
                TestContext.Progress.WriteLine($"{root} can't be written; the user's cache folder is used.");
            }
        }
        throw new InvalidOperationException("No folder for cached programs can be made.");
    }

    /// <summary>The first of <paramref name="count"/> adjacent free ports, below the range that outgoing connections use.</summary>
    private static int FreePorts(int count)
    {
        for (var attempt = 0; attempt < 200; attempt++)
        {
            var first = Random.Shared.Next(12_000, 32_000);
            var held = new List<TcpListener>();
            try
            {
                for (var i = 0; i < count; i++)
                {
                    var listener = new TcpListener(IPAddress.Loopback, first + i);
                    held.Add(listener);
                    listener.Start();
                }
                return first;
            }
            catch (SocketException) when (attempt < 199)
            {
                // One of them is in use: try others.
                continue;
            }
            finally
            {
                held.ForEach(l => l.Dispose());
            }
        }
        throw new InvalidOperationException("No free ports on loopback.");
    }

    private static async Task<(int Code, string Output)> RunToEndAsync(string program, string[] arguments, Dictionary<string, string>? environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment ?? [])
            start.Environment[name] = value;
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} doesn't start.");
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output + await errors);
    }
}
