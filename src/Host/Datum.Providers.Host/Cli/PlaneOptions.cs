using System.CommandLine;

namespace Datum.Providers.Host.Cli;

/// <summary>Options that several commands have.</summary>
internal static class PlaneOptions
{
    public static Option<string> Drivers() =>
        new("--drivers") { Description = "The driver volume: one folder for each driver.", HelpName = "VOLUME", Required = true };

    public static Option<bool> ObserveOnly() =>
        new("--observe-only") { Description = "Look at platforms and report, change nothing." };
}
