using Datum.Providers.Host.Cli;

return await CliProgram.RunAsync(args, CliTerminal.OfProcess());
