using System.CommandLine;
using Datum.Providers.Host.Loader;

namespace Datum.Providers.Host.Cli;

/// <summary>Options that several commands have.</summary>
internal static class PlaneOptions
{
    public static Option<string> Drivers() =>
        new("--drivers") { Description = "The driver volume: one folder for each driver.", HelpName = "VOLUME", Required = true };

    public static Option<string[]> TrustedDigests()
    {
        var option = new Option<string[]>("--trusted-digest") { Description = "SHA-256 of a driver.json that may run; may be repeated. Without it any may.", HelpName = "SHA256" };
        option.Validators.Add(found =>
        {
            foreach (var token in found.Tokens.Where(t => t.Value.Length != 64 || !t.Value.All(char.IsAsciiHexDigit)))
                found.AddError($"--trusted-digest '{token.Value}': must be a SHA-256 in 64 hex digits, as 'datum-providers drivers list' shows it with -o json.");
        });
        return option;
    }

    /// <summary>Null for none given: any may run.</summary>
    public static IReadOnlySet<string>? Set(string[]? digests) => digests is { Length: > 0 } ? digests.Select(d => d.ToLowerInvariant()).ToHashSet(StringComparer.Ordinal) : null;

    public static Option<string?> DriverKeys() =>
        new("--driver-keys") { Description = "File with public keys (PEM, ECDSA P-256), or a folder of *.pem: only drivers that one of them signed are loaded.", HelpName = "FILE|FOLDER" };

    /// <summary>Null for none given: no signature is asked for.</summary>
    public static DriverKeys? Keys(string? path)
    {
        if (path is null)
            return null;
        try
        {
            return Loader.DriverKeys.Read(path);
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            throw new CliException($"--driver-keys {path}: {e.Message}", ExitCodes.Usage);
        }
    }

    public static Option<bool> ObserveOnly() =>
        new("--observe-only") { Description = "Look at platforms and report, change nothing." };
}
