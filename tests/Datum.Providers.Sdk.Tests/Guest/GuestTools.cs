using System.Diagnostics;
using System.Text;
using Datum.Providers.Testing;

namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>Real programs that judge what was rendered; where one is missing the test is skipped loudly.</summary>
internal static class GuestTools
{
    /// <summary>The program that an environment variable names (deploy/dev/tools.sh prints it).</summary>
    public static string Require(string what, string variable)
    {
        var path = Environment.GetEnvironmentVariable(variable);
        return File.Exists(path) || Directory.Exists(path) ? path
            : throw SharedFolder.Missing(what, $"{variable} names nothing; 'eval \"$(deploy/dev/tools.sh {what})\"' provides it");
    }

    /// <summary>Debian's nft, which needs root even to check.</summary>
    public static string RequireNft()
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root")
            throw SharedFolder.Missing("podman", "nft needs root on Linux");
        return new[] { "/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft" }.FirstOrDefault(File.Exists)
            ?? throw SharedFolder.Missing("podman", "nft is not installed (package nftables)");
    }

    public static async Task<(int Code, string Output)> RunAsync(string program, IEnumerable<string> arguments, byte[]? input = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} doesn't start.");
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (input is not null)
            await process.StandardInput.BaseStream.WriteAsync(input);
        process.StandardInput.Close();
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
        return (process.ExitCode, await output + await errors);
    }

    /// <summary>Runs the program on a file with the content.</summary>
    public static async Task<(int Code, string Output)> RunOnFileAsync(string program, IEnumerable<string> arguments, ReadOnlyMemory<byte> content)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(file, content.ToArray());
            return await RunAsync(program, [.. arguments, file]);
        }
        finally
        {
            File.Delete(file);
        }
    }

    public static Task<(int Code, string Output)> RunOnFileAsync(string program, IEnumerable<string> arguments, string content) =>
        RunOnFileAsync(program, arguments, Encoding.UTF8.GetBytes(content));
}
