using System.CommandLine;

namespace Datum.Providers.Host.Cli;

/// <summary>The <c>datum-providers</c> program's commands. Exit codes: <see cref="ExitCodes"/>.</summary>
internal static class Commands
{
    public static RootCommand Create() => Create(new CliContext(CliTerminal.OfProcess()));

    public static RootCommand Create(CliContext context)
    {
        var root = CliProgram.Root("Runs Datum Workloads and Networks on any infrastructure platform for which a driver is in the driver volume.", context);
        root.Subcommands.Add(DevCommand.Create(context));
        root.Subcommands.Add(RunCommand.Create(context));
        root.Subcommands.Add(DriversCommand.Create(context));
        root.Subcommands.Add(ValidateCommand.Create(context));
        root.Subcommands.Add(CrdsCommand.Create(context));
        root.Subcommands.Add(Trace.TraceCommand.Create(context));
        root.Subcommands.Add(Plan.PlanCommand.Create(context));
        root.Subcommands.Add(Ledger.EntryCommands.Abandon(context));
        root.Subcommands.Add(Ledger.EntryCommands.Release(context));
        root.Subcommands.Add(Ledger.EntryCommands.Settle(context));
        root.Subcommands.Add(Installation.InstallationCommand.Create(context));
        root.Subcommands.Add(Accounts.OrphansCommand.Create(context));
        root.Subcommands.Add(Accounts.ConfirmCommand.Create(context));
        root.Subcommands.Add(VersionCommand.Create(context));
        return root;
    }
}
