using Datum.Providers.Host.Cli;

var command = Commands.Create().Parse(args);
var exit = await command.InvokeAsync();
return command.Errors.Count > 0 ? 2 : exit;
