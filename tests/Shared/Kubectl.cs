using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Datum.Providers.Testing;

/// <summary>kubectl ended with an error; the message holds what it printed.</summary>
internal sealed class KubectlException(string message) : Exception(message);

/// <summary>
/// kubectl, a client that others wrote, from <c>DATUM_KUBECTL</c>, else from PATH. Where there is none the test is ignored,
/// or fails when <c>DATUM_REQUIRE</c> names kubectl.
/// </summary>
internal sealed class Kubectl
{
    private readonly string _program;
    private readonly string _kubeconfig;
    private readonly string _home;

    /// <param name="kubeconfig">The file; it may be written later.</param>
    /// <param name="home">A folder of the test: kubectl keeps what it discovered there.</param>
    public Kubectl(string kubeconfig, string home)
    {
        _program = Find() ?? throw SharedFolder.Missing("kubectl", "there is no kubectl on PATH and DATUM_KUBECTL isn't set");
        _kubeconfig = kubeconfig;
        _home = home;
    }

    public Task<string> RunAsync(params string[] arguments) => WithInputAsync(null, arguments);

    public Task<string> ApplyAsync(string manifest, string ns) => WithInputAsync(manifest, "apply", "-n", ns, "-f", "-");

    public Task<string> ApplyFileAsync(string path, string ns) => RunAsync("apply", "-n", ns, "-f", path);

    /// <summary>An object as JSON, or null where there is none.</summary>
    public async Task<JsonNode?> FindAsync(string kind, string name, string ns)
    {
        var text = await RunAsync("get", kind, name, "-n", ns, "--ignore-not-found", "-o", "json");
        return string.IsNullOrWhiteSpace(text) ? null : JsonNode.Parse(text);
    }

    /// <summary>The objects of a kind in a namespace; of all namespaces when <paramref name="ns"/> is null.</summary>
    public async Task<IReadOnlyList<JsonNode>> ListAsync(string kind, string? ns)
    {
        string[] where = ns is null ? ["-A"] : ["-n", ns];
        return [.. JsonNode.Parse(await RunAsync(["get", kind, .. where, "-o", "json"]))!["items"]!.AsArray().Select(i => i!)];
    }

    /// <summary>The cells of the table that <c>kubectl get</c> prints, by row name and column.</summary>
    public async Task<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>> TableAsync(string kind, string ns)
    {
        var lines = (await RunAsync("get", kind, "-n", ns)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var heads = Heads(lines[0]);
        return lines.Skip(1).ToDictionary(
            line => Cell(line, heads, 0),
            line => (IReadOnlyDictionary<string, string>)heads.Select((h, i) => (h.Name, Value: Cell(line, heads, i))).ToDictionary(c => c.Name, c => c.Value));
    }

    /// <summary>Starts kubectl and collects its lines until it is disposed.</summary>
    public KubectlWatch Watch(params string[] arguments) => new(Start(null, arguments));

    public async Task<string> WithInputAsync(string? input, params string[] arguments)
    {
        using var process = Start(input, arguments);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
        var errors = process.StandardError.ReadToEndAsync(deadline.Token);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
            return process.ExitCode == 0 ? await output : throw new KubectlException($"kubectl {string.Join(' ', arguments)}: {await output}{await errors}");
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new KubectlException($"kubectl {string.Join(' ', arguments)} didn't end.");
        }
    }

    private Process Start(string? input, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(_program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["KUBECONFIG"] = _kubeconfig;
        start.Environment["HOME"] = _home;
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{_program} doesn't start.");
        if (input is not null)
            process.StandardInput.Write(input);
        process.StandardInput.Close();
        return process;
    }

    // Columns are separated by three blanks; names such as "Network IP" hold one.
    private static List<(string Name, int From)> Heads(string line)
    {
        var heads = new List<(string, int)>();
        foreach (var name in line.Split("   ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            heads.Add((name, line.IndexOf(name, heads.Count == 0 ? 0 : heads[^1].Item2 + heads[^1].Item1.Length, StringComparison.Ordinal)));
        return heads;
    }

    private static string Cell(string line, List<(string Name, int From)> heads, int index)
    {
        var from = heads[index].From;
        var to = index + 1 < heads.Count ? heads[index + 1].From : line.Length;
        return from >= line.Length ? "" : line[from..Math.Min(to, line.Length)].Trim();
    }

    private static string? Find() =>
        Environment.GetEnvironmentVariable("DATUM_KUBECTL") is { Length: > 0 } named ? named
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(p => Path.Combine(p, "kubectl")).FirstOrDefault(File.Exists);
}

/// <summary>A kubectl that goes on, such as <c>get -w</c>.</summary>
internal sealed class KubectlWatch : IAsyncDisposable
{
    private readonly Process _process;
    private readonly List<string> _lines = [];
    private readonly Task _reading;

    public KubectlWatch(Process process)
    {
        _process = process;
        _reading = Task.WhenAll(ReadAsync(process.StandardOutput), ReadAsync(process.StandardError));
    }

    public IReadOnlyList<string> Lines
    {
        get { lock (_lines) return [.. _lines]; }
    }

    public Task SeesAsync(Func<string, bool> line, TimeSpan deadline, string what) =>
        Eventually.TrueAsync(() => Task.FromResult(Lines.Any(line)), deadline, what, () => string.Join('\n', Lines));

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _reading;
        _process.Dispose();
    }

    private async Task ReadAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
            lock (_lines)
                _lines.Add(line);
    }
}
