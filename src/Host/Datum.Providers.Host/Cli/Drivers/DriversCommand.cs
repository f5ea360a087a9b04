using System.CommandLine;

namespace Datum.Providers.Host.Cli;

/// <summary><c>drivers</c> and what is below it.</summary>
internal static class DriversCommand
{
    public static Command Create(CliContext context) => new("drivers", "Looks at the driver volume, and packs drivers for it.")
    {
        DriversListCommand.Create(context),
        DriversVerifyCommand.Create(context),
        DriversDescribeCommand.Create(context),
        DriversPackCommand.Create(context),
        DriversForgiveCommand.Create(context),
    };
}
