using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Datum.Providers.Testing;

/// <summary>
/// VictoriaMetrics, a receiver of remote write that others wrote, from <c>DATUM_VICTORIA</c>, on a free port of loopback, with a folder of its own
/// and basic authentication. Where there is none the test is ignored, or fails when <c>DATUM_REQUIRE</c> names victoria.
/// </summary>
internal sealed class VictoriaMetrics : IAsyncDisposable
{
    public const string User = "12345";

    private readonly Process _process;
    private readonly string _folder;
    private readonly HttpClient _http;
    private readonly EventHandler _onExit;

    private VictoriaMetrics(Process process, string folder, HttpClient http)
    {
        (_process, _folder, _http) = (process, folder, http);
        // A test that is killed leaves nothing running.
        _onExit = (_, _) => Kill();
        AppDomain.CurrentDomain.ProcessExit += _onExit;
    }

    /// <summary>Where remote write goes.</summary>
    public string Endpoint => $"{_http.BaseAddress}api/v1/write";

    public static async Task<VictoriaMetrics> StartAsync(string password)
    {
        var program = Environment.GetEnvironmentVariable("DATUM_VICTORIA") is { Length: > 0 } named && File.Exists(named)
            ? named
            : throw SharedFolder.Missing("victoria", "DATUM_VICTORIA names no VictoriaMetrics (deploy/dev/tools.sh victoria fetches it)");
        var folder = Directory.CreateTempSubdirectory("datum-victoria-").FullName;
        var secret = Path.Combine(folder, "password");
        await File.WriteAllTextAsync(secret, password);
        var log = Path.Combine(folder, "log");
        // The shell only redirects: exec keeps the process id, and a file holds no pipe open.
        var start = new ProcessStartInfo("/bin/sh",
        [
            "-c", "log=$1; shift; exec \"$@\" >\"$log\" 2>&1 </dev/null", "sh", log, program, "-httpListenAddr=127.0.0.1:0", $"-storageDataPath={folder}/data",
            // New samples are found at once, and the little that a test sends needs little.
            "-search.latencyOffset=0s", "-retentionPeriod=100y", "-memory.allowedBytes=64MB", $"-httpAuth.username={User}", $"-httpAuth.password=file://{secret}",
        ]);
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} doesn't start.");
        var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        var victoria = new VictoriaMetrics(process, folder, http);
        try
        {
            http.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{User}:{password}")));
            await Eventually.NothingWrongAsync(async () =>
            {
                http.BaseAddress ??= Address(process.Id);
                if (http.BaseAddress is null)
                    return "it doesn't listen";
                using var answer = await http.GetAsync(new Uri("health", UriKind.Relative));
                return answer.IsSuccessStatusCode ? null : $"{answer.StatusCode}";
            }, TimeSpan.FromSeconds(30), "VictoriaMetrics is ready", () => File.Exists(log) ? File.ReadAllText(log) : "", TimeSpan.FromMilliseconds(50));
            return victoria;
        }
        catch
        {
            await victoria.DisposeAsync();
            throw;
        }
    }

    /// <summary>Every sample that a selector finds: labels, and the values in order of time.</summary>
    public async Task<IReadOnlyList<(IReadOnlyDictionary<string, string> Labels, IReadOnlyList<double> Values)>> SamplesAsync(string selector)
    {
        // What was taken a moment ago is found too.
        (await _http.GetAsync(new Uri("internal/force_flush", UriKind.Relative))).Dispose();
        using var answer = await _http.GetAsync(new Uri($"api/v1/export?match[]={Uri.EscapeDataString(selector)}", UriKind.Relative));
        var text = await answer.Content.ReadAsStringAsync();
        Assert.That(answer.IsSuccessStatusCode, Is.True, text);
        return
        [
            .. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonNode.Parse(l)!).Select(n => (
                (IReadOnlyDictionary<string, string>)n["metric"]!.AsObject().ToDictionary(m => m.Key, m => (string)m.Value!),
                (IReadOnlyList<double>)[.. n["values"]!.AsArray().Select(v => v is null ? double.NaN : (double)v)])),
        ];
    }

    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= _onExit;
        Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _http.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private void Kill()
    {
        if (!_process.HasExited)
            _process.Kill();
    }

    /// <summary>The address that a process listens at: it took a free port and says nowhere which.</summary>
    private static Uri? Address(int process)
    {
        var sockets = Directory.GetFiles($"/proc/{process}/fd").Select(f => new FileInfo(f).LinkTarget).OfType<string>()
            .Where(t => t.StartsWith("socket:[", StringComparison.Ordinal)).Select(t => t[8..^1]).ToHashSet(StringComparer.Ordinal);
        // Columns of proc_net_tcp(5): local address as hexadecimal, state (0A listens), and as the tenth the inode.
        foreach (var columns in File.ReadLines("/proc/net/tcp").Skip(1).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        {
            if (columns[3] == "0A" && sockets.Contains(columns[9]))
                return new Uri($"http://127.0.0.1:{int.Parse(columns[1].Split(':')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture)}/");
        }

        return null;
    }
}
