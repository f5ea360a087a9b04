using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Datum.Providers.Kubernetes;

/// <summary>Runs a credential plugin once. Its output is a secret; of its errors the last lines are told, since they say what the user must do.</summary>
internal static class ExecRunner
{
    private const int MaxOutput = 1 << 20;
    private const int MaxErrors = 1000;

    /// <exception cref="KubeConfigException">The program isn't there, fails, takes too long or prints no usable credential.</exception>
    public static async Task<ExecCredentialStatus> RunAsync(ExecPlugin plugin, KubeEnvironment environment, TimeProvider time, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(Locate(plugin, environment), plugin.Arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        foreach (var (name, value) in plugin.Variables)
            start.Environment[name] = value;
        start.Environment["KUBERNETES_EXEC_INFO"] = Info(plugin).ToJsonString();
        using var limit = new CancellationTokenSource(plugin.Timeout, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        using var process = Begin(start, plugin);
        try
        {
            process.StandardInput.Close();
            var errors = TailAsync(process.StandardError, linked.Token);
            var output = await HeadAsync(process.StandardOutput, linked.Token);
            await process.WaitForExitAsync(linked.Token);
            // A child of the plugin may keep its errors open; who succeeded has none to tell.
            var told = process.ExitCode == 0 ? "" : Redacted(await errors, plugin);
            if (process.ExitCode != 0)
                throw Error(plugin, $"the plugin {plugin.Command} ended with exit code {process.ExitCode}{(told.Length > 0 ? $" and said: {told}" : "; run it by hand to see why")}");
            return Parse(plugin, output);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw Error(plugin, $"the plugin {plugin.Command} didn't end within {plugin.Timeout.TotalSeconds:0} s; run it by hand to see what it waits for");
        }
        catch (IOException error)
        {
            throw Error(plugin, $"the plugin {plugin.Command} broke off ({error.Message})");
        }
        finally
        {
            End(process);
        }
    }

    private static JsonObject Info(ExecPlugin plugin)
    {
        var spec = new JsonObject { ["interactive"] = false };
        if (plugin.ClusterInfo is { } cluster)
            spec["cluster"] = cluster.DeepClone();
        return new JsonObject { ["kind"] = "ExecCredential", ["apiVersion"] = plugin.ApiVersion, ["spec"] = spec };
    }

    /// <summary>Never looks into the current folder, as the platform's own search would.</summary>
    private static string Locate(ExecPlugin plugin, KubeEnvironment environment)
    {
        var found = Path.IsPathRooted(plugin.Command)
            ? (File.Exists(plugin.Command) ? plugin.Command : null)
            : (environment.Text("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
                .Where(Path.IsPathRooted).Select(folder => Path.Combine(folder, plugin.Command)).FirstOrDefault(IsProgram);
        return found ?? throw NotFound(plugin, Path.IsPathRooted(plugin.Command) ? "doesn't exist" : "isn't on PATH");
    }

    private static bool IsProgram(string path) =>
        File.Exists(path) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0);

    /// <summary>What we gave it is secret (L12), also where it repeats it.</summary>
    private static string Redacted(string text, ExecPlugin plugin)
    {
        foreach (var (_, value) in plugin.Variables.Where(v => v.Value.Length >= 4))
            text = text.Replace(value, "***", StringComparison.Ordinal);
        return text;
    }

    private static Process Begin(ProcessStartInfo start, ExecPlugin plugin)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw NotFound(plugin, $"can't be run ({error.Message})");
        }
    }

    private static void End(Process process)
    {
        try
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
        catch (Exception error) when (error is InvalidOperationException or Win32Exception or NotSupportedException)
        {
            // It ended between the two calls, which is what was wanted.
            return;
        }
    }

    private static ExecCredentialStatus Parse(ExecPlugin plugin, string output)
    {
        ExecCredential? credential;
        try
        {
            credential = JsonSerializer.Deserialize(output, ExecCredentialJson.Default.ExecCredential);
        }
        catch (JsonException)
        {
            // The inner message could quote a part of the token.
            throw Error(plugin, $"what the plugin {plugin.Command} prints is no JSON; it must print an ExecCredential of {plugin.ApiVersion} and nothing else");
        }
        if (credential?.Kind != "ExecCredential" || credential.ApiVersion != plugin.ApiVersion)
            throw Error(plugin, $"what the plugin {plugin.Command} prints is no ExecCredential of {plugin.ApiVersion}; set exec.apiVersion to what the plugin speaks");
        var status = credential.Status ?? throw Error(plugin, $"the plugin {plugin.Command} gave no status; it must hold a token or a client certificate");
        if (string.IsNullOrEmpty(status.ClientCertificateData) != string.IsNullOrEmpty(status.ClientKeyData))
            throw Error(plugin, $"the plugin {plugin.Command} gave only one of clientCertificateData and clientKeyData; both are needed");
        return string.IsNullOrEmpty(status.Token) && string.IsNullOrEmpty(status.ClientKeyData)
            ? throw Error(plugin, $"the plugin {plugin.Command} gave neither a token nor a client certificate") : status;
    }

    private static async Task<string> HeadAsync(StreamReader reader, CancellationToken cancellation)
    {
        var text = new StringBuilder();
        var buffer = new char[4096];
        while (await reader.ReadAsync(buffer, cancellation) is var read and > 0)
        {
            if (text.Length + read > MaxOutput)
                throw new IOException($"it printed more than {MaxOutput} characters");
            text.Append(buffer, 0, read);
        }
        return text.ToString();
    }

    private static async Task<string> TailAsync(StreamReader reader, CancellationToken cancellation)
    {
        var text = new StringBuilder();
        var buffer = new char[1024];
        while (await reader.ReadAsync(buffer, cancellation) is var read and > 0)
        {
            text.Append(buffer, 0, read);
            if (text.Length > 2 * MaxErrors)
                text.Remove(0, text.Length - MaxErrors);
        }
        var tail = text.ToString().Trim();
        return string.Concat((tail.Length > MaxErrors ? tail[^MaxErrors..] : tail).Select(c => char.IsControl(c) ? ' ' : c));
    }

    private static KubeConfigException NotFound(ExecPlugin plugin, string problem) =>
        Error(plugin, $"the plugin {plugin.Command} {problem}{(plugin.InstallHint is { } hint ? $". {hint.Trim().TrimEnd('.')}" : "; install it, or correct exec.command")}");

    private static KubeConfigException Error(ExecPlugin plugin, string problem) => new($"{plugin.Origin}: {problem}.");
}
