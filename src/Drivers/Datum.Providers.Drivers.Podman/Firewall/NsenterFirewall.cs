using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Datum.Providers.Drivers.Podman.Firewall;

/// <summary>Runs <c>nsenter --net=PATH nft</c>: the only process that the driver starts. No shell, arguments as a list, a time limit.</summary>
internal sealed partial class NsenterFirewall : INetworkNamespaceFirewall
{
    // Where distributions put them; PATH belongs to whoever started the host.
    private static readonly ImmutableArray<string> Folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly string? _nsenter = Find("nsenter");
    private readonly string? _nft = Find("nft");
    private readonly TimeProvider _time;

    public NsenterFirewall(TimeProvider time) => _time = time;

    public string? Unavailable =>
        !Environment.IsPrivilegedProcess ? "The host doesn't run as root, so it can't set rules in a pod's network namespace."
        : _nft is null ? "There is no nft on the host's machine (package nftables)."
        : _nsenter is null ? "There is no nsenter on the host's machine (package util-linux)."
        : null;

    public async ValueTask<Answer<LoadedTable>> ReadAsync(string netns, CancellationToken cancellation)
    {
        var run = await RunAsync(netns, ["-j", "list", "table", "inet", "datum"], null, cancellation);
        if (run.Error is { } error)
            return error;
        if (run.ExitCode != 0)
            return run.StandardError.Contains("No such file or directory", StringComparison.Ordinal) && !run.StandardError.Contains("nsenter", StringComparison.Ordinal)
                ? LoadedTable.None
                : Failure(run, Effect.NotApplied);
        try
        {
            return NftRuleset.Parse(Encoding.UTF8.GetBytes(run.StandardOutput));
        }
        catch (JsonException e)
        {
            return new DriverError { Code = ErrorCode.Failed, Effect = Effect.NotApplied, Message = $"nft's listing can't be read: {e.Message}" };
        }
    }

    public async ValueTask<DriverError?> ApplyAsync(string netns, string ruleset, CancellationToken cancellation)
    {
        var run = await RunAsync(netns, ["-f", "-"], ruleset, cancellation);
        return run.Error ?? (run.ExitCode == 0 ? null : Failure(run, Effect.NotApplied));
    }

    private async ValueTask<NftRun> RunAsync(string netns, ImmutableArray<string> arguments, string? input, CancellationToken cancellation)
    {
        if (Unavailable is { } reason)
            return new NftRun { Error = new DriverError { Code = ErrorCode.Unsupported, Effect = Effect.NotApplied, Message = reason } };
        // The path comes from Podman; it still must look like a namespace before a process enters it.
        if (!NamespacePath().IsMatch(netns))
            return new NftRun { Error = new DriverError { Code = ErrorCode.Failed, Effect = Effect.NotApplied, Message = $"'{netns}' is no network namespace." } };

        var start = new ProcessStartInfo(_nsenter!)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.ArgumentList.Add($"--net={netns}");
        start.ArgumentList.Add(_nft!);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);

        using var limit = new CancellationTokenSource(Limit, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        using var process = new Process { StartInfo = start };
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            return new NftRun { Error = new DriverError { Code = ErrorCode.Unavailable, Effect = Effect.NotApplied, Message = $"nsenter can't be started: {e.Message}" } };
        }

        try
        {
            var output = process.StandardOutput.ReadToEndAsync(both.Token);
            var errors = process.StandardError.ReadToEndAsync(both.Token);
            try
            {
                if (input is not null)
                    await process.StandardInput.WriteAsync(input.AsMemory(), both.Token);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It ended before it read everything; its own error text says why.
            }

            await process.WaitForExitAsync(both.Token);
            return new NftRun { ExitCode = process.ExitCode, StandardOutput = await output, StandardError = await errors };
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancellation.ThrowIfCancellationRequested();
            return new NftRun { Error = new DriverError { Code = ErrorCode.Timeout, Effect = Effect.Unknown, Message = "nft didn't end in time." } };
        }
    }

    private static DriverError Failure(NftRun run, Effect effect) => new()
    {
        Code = run.StandardError.Contains("nsenter", StringComparison.Ordinal) ? ErrorCode.NotReadyYet : ErrorCode.Failed,
        Effect = effect,
        Message = $"nft ended with {run.ExitCode}: {(run.StandardError.Length > 400 ? run.StandardError[..400] : run.StandardError).Trim()}",
    };

    private static string? Find(string program) =>
        Folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    [GeneratedRegex(@"^(/(var/)?run/(user/[0-9]+/)?netns/[A-Za-z0-9][A-Za-z0-9_-]*|/proc/[1-9][0-9]*/ns/net)$", RegexOptions.CultureInvariant)]
    private static partial Regex NamespacePath();

    private sealed record NftRun
    {
        public int ExitCode { get; init; }

        public string StandardOutput { get; init; } = "";

        public string StandardError { get; init; } = "";

        public DriverError? Error { get; init; }
    }
}
