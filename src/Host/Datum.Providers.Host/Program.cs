using Datum.Providers.Host.Cli;

return await Commands.Create().Parse(args).InvokeAsync();
