using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Datum.Providers.Host.Cli;

/// <summary>Result of <c>version</c>.</summary>
internal sealed record VersionResult
{
    public required string Version { get; init; }

    /// <summary>Null when the build didn't know it.</summary>
    public string? Commit { get; init; }

    /// <summary>The driver contract, major.minor.</summary>
    public required string Contract { get; init; }

    public required string Runtime { get; init; }

    public required string Platform { get; init; }
}

/// <summary><c>version</c></summary>
internal static class VersionCommand
{
    public static Command Create(CliContext context) =>
        new CliCommand("version", "Prints the versions of host, driver contract and runtime.",
            new("datum-providers version", "For a person"),
            new("datum-providers version -o json", "For a script or a bug report")).Does(context, (_, output) =>
            {
                output.Result(Read(), CliJson.Readable.VersionResult, (v, text) =>
                    text.Line($"datum-providers {v.Version}{(v.Commit is null ? "" : $" ({v.Commit})")}, driver contract {v.Contract}, {v.Runtime}, {v.Platform}"));
                return ExitCodes.Done;
            });

    private static VersionResult Read()
    {
        // The SDK writes VERSION+COMMIT where the build knows the commit.
        var parts = (typeof(VersionCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0").Split('+', 2);
        return new VersionResult
        {
            Version = parts[0],
            Commit = parts.Length > 1 ? parts[1] : null,
            Contract = Contract.Version.ToString(),
            Runtime = RuntimeInformation.FrameworkDescription,
            Platform = RuntimeInformation.RuntimeIdentifier,
        };
    }
}
