using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;

namespace Datum.Providers.Testing;

/// <summary>
/// A Podman service on a unix socket: that of <c>DATUM_PODMAN_SOCKET</c>, else a private one that <c>deploy/dev/podman-env.sh</c>
/// starts in a temporary folder and that goes with its storage when the assembly's tests end.
/// Where there is none the test is ignored, or fails when <c>DATUM_REQUIRE</c> names podman. Link this file and its teardown.
/// </summary>
internal sealed class PodmanHost : IAsyncDisposable
{
    /// <summary>Name of the loopback registry in every private Podman; it holds nginx:latest, nginx:alt and busybox:latest.</summary>
    public const string LocalRegistry = "registry.datum.test";

    /// <summary>A web server on port 8080 (environment variable PORT changes it) whose page says "variant latest".</summary>
    public const string WebImage = LocalRegistry + "/library/nginx:latest";

    /// <summary>The same with "variant alt", for changes of the image.</summary>
    public const string OtherWebImage = LocalRegistry + "/library/nginx:alt";

    public const string BusyboxImage = LocalRegistry + "/library/busybox:latest";

    private static readonly SemaphoreSlim Gate = new(1, 1);
    private static PodmanHost? s_shared;

    private readonly string? _stateFolder;
    private readonly EventHandler _onExit;

    private PodmanHost(string socketPath, string? stateFolder)
    {
        SocketPath = socketPath;
        _stateFolder = stateFolder;
        Client = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectAsync })
        {
            // The host name is not used: every connection goes to the socket.
            BaseAddress = new Uri("http://d/v4.0.0/libpod/"),
            Timeout = TimeSpan.FromSeconds(60),
        };
        _onExit = (_, _) => RemoveAsync().GetAwaiter().GetResult();
        if (stateFolder is not null)
            AppDomain.CurrentDomain.ProcessExit += _onExit;
    }

    public string SocketPath { get; }

    /// <summary>A client of the socket; relative addresses are those of libpod, such as <c>pods/json</c>.</summary>
    public HttpClient Client { get; }

    private static string Script => Path.Combine(SharedFolder.RepositoryRoot, "deploy", "dev", "podman-env.sh");

    /// <summary>The one Podman of this test assembly.</summary>
    public static async Task<PodmanHost> SharedAsync()
    {
        await Gate.WaitAsync();
        try
        {
            return s_shared ??= await FindAsync();
        }
        finally
        {
            Gate.Release();
        }
    }

    /// <summary>Stops the shared Podman if this process started it.</summary>
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

    /// <summary>Starts a private Podman, for a test that stops or kills the service.</summary>
    public static async Task<PodmanHost> StartAsync()
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root")
            throw SharedFolder.Missing("podman", "a private Podman needs root on Linux");
        if (!File.Exists(Script))
            throw SharedFolder.Missing("podman", "deploy/dev/podman-env.sh is not there");
        var folder = Directory.CreateTempSubdirectory("datum-podman-").FullName;
        var (code, output, errors) = await RunAsync("start", folder);
        if (code != 0)
        {
            _ = await RunAsync("down", folder);
            throw SharedFolder.Missing("podman", $"a private Podman doesn't start: {errors.Trim()}");
        }
        return new PodmanHost(output.Trim(), folder);
    }

    /// <summary>Kills the API service with SIGKILL; containers go on. Only for a Podman of <see cref="StartAsync"/>.</summary>
    public void KillService()
    {
        var record = File.ReadAllText(Path.Combine(OwnFolder, "service.pid")).Split(' ');
        using var service = Process.GetProcessById(int.Parse(record[0], CultureInfo.InvariantCulture));
        service.Kill();
        service.WaitForExit();
    }

    /// <summary>Starts the API service again on the same socket. Only for a Podman of <see cref="StartAsync"/>.</summary>
    public async Task StartServiceAsync()
    {
        var (code, _, errors) = await RunAsync("start", OwnFolder);
        if (code != 0)
            throw new InvalidOperationException($"The Podman service doesn't start again: {errors}");
    }

    /// <summary>The objects with a label (<c>key</c> or <c>key=value</c>) as "kind name"; a pod's infra container counts with its pod.</summary>
    public async Task<IReadOnlyList<string>> ObjectsAsync(string label)
    {
        var filter = "filters=" + Uri.EscapeDataString($$"""{"label":["{{label}}"]}""");
        return
        [
            .. await NamesAsync("pod", $"pods/json?{filter}", pod => pod.GetProperty("Name").GetString()),
            .. await NamesAsync("container", $"containers/json?all=true&{filter}",
                container => container.GetProperty("IsInfra").GetBoolean() ? null : container.GetProperty("Names")[0].GetString()),
            .. await NamesAsync("network", $"networks/json?{filter}", network => network.GetProperty("name").GetString()),
            .. await NamesAsync("volume", $"volumes/json?{filter}", volume => volume.GetProperty("Name").GetString()),
        ];
    }

    /// <summary>Removes all objects with a label; what a pod holds goes with it.</summary>
    public async Task RemoveByLabelAsync(string label)
    {
        foreach (var line in await ObjectsAsync(label))
        {
            var (kind, name) = (line[..line.IndexOf(' ')], Uri.EscapeDataString(line[(line.IndexOf(' ') + 1)..]));
            var address = kind switch
            {
                "pod" => $"pods/{name}?force=true",
                "container" => $"containers/{name}?force=true&timeout=1&v=true",
                "network" => $"networks/{name}?force=true",
                _ => $"volumes/{name}?force=true",
            };
            using var answer = await Client.DeleteAsync(new Uri(address, UriKind.Relative));
            // 404: it went with its pod.
            if (!answer.IsSuccessStatusCode && answer.StatusCode != System.Net.HttpStatusCode.NotFound)
                throw new InvalidOperationException($"{line} can't be removed: {await answer.Content.ReadAsStringAsync()}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= _onExit;
        Client.Dispose();
        await RemoveAsync();
    }

    private static async Task<PodmanHost> FindAsync()
    {
        if (Environment.GetEnvironmentVariable("DATUM_PODMAN_SOCKET") is not { Length: > 0 } socket)
            return await StartAsync();
        var host = new PodmanHost(socket, null);
        try
        {
            using var answer = await host.Client.GetAsync(new Uri("_ping", UriKind.Relative));
            answer.EnsureSuccessStatusCode();
            return host;
        }
        catch (HttpRequestException e)
        {
            await host.DisposeAsync();
            throw SharedFolder.Missing("podman", $"DATUM_PODMAN_SOCKET={socket} doesn't answer: {e.Message}");
        }
    }

    private string OwnFolder => _stateFolder ?? throw new InvalidOperationException("This Podman was not started by the test; use StartAsync.");

    private async Task<List<string>> NamesAsync(string kind, string address, Func<JsonElement, string?> name)
    {
        using var document = JsonDocument.Parse(await Client.GetStringAsync(new Uri(address, UriKind.Relative)));
        // An empty list of containers or pods may come as null.
        return document.RootElement.ValueKind != JsonValueKind.Array
            ? [] : [.. document.RootElement.EnumerateArray().Select(name).Where(n => n is not null).Select(n => $"{kind} {n}")];
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task RemoveAsync()
    {
        if (_stateFolder is null || !Directory.Exists(_stateFolder))
            return;
        var (code, _, errors) = await RunAsync("down", _stateFolder);
        if (code != 0)
            await TestContext.Progress.WriteLineAsync($"The private Podman in {_stateFolder} was not removed: {errors}");
    }

    private static async Task<(int Code, string Output, string Errors)> RunAsync(string command, string folder)
    {
        var start = new ProcessStartInfo(Script, [command, folder]) { RedirectStandardOutput = true, RedirectStandardError = true };
        // Tests ask the image over HTTP: always the one that is built here.
        start.Environment["DATUM_IMAGES"] = "local";
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{Script} doesn't start.");
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await errors);
    }
}
